"""No compiler, on any computer: every pinned package has a wheel for it.

The computers are not here, so uv resolves ``requirements.txt`` for each of them, with wheels alone. That asks the
package index; without one a single warning, which pytest counts, says that these tests did not run.
"""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
import tomllib
import warnings
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from medlib.install import NO_NETWORK

ROOT = Path(__file__).resolve().parents[1]
PLATFORMS = {
    "Linux, x86-64": "x86_64-manylinux_2_28",
    "Linux, aarch64": "aarch64-manylinux_2_28",
    "Windows, x86-64": "x86_64-pc-windows-msvc",
    "Apple silicon": "aarch64-apple-darwin",
}
VERSIONS = ("3.11", "3.12", "3.13")
COMPUTERS = [(system, version) for system in PLATFORMS for version in VERSIONS]
PURE_SOURCES = {"autograd-gamma"}  # no wheel on the index, but pure Python: pip builds one without a compiler
UNREACHABLE = (*NO_NETWORK, "Failed to fetch", "error sending request", "client error (Connect)", "dns error")


def requirements() -> dict[str, str]:
    """Name -> line of each pin."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return {re.split("[= ;]", line)[0]: line for line in lines if not line.startswith("-e")}


def uv(*arguments: str, stdin: str) -> subprocess.CompletedProcess:
    """Let uv compile the lines of ``stdin`` with wheels alone."""
    command = ["uv", "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--no-config", "--no-build"]
    env = os.environ | {
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_HTTP_RETRIES": "1",
    }  # another Python is asked about, never needed
    options = {"capture_output": True, "encoding": "utf-8", "errors": "replace", "env": env, "timeout": 300}
    return subprocess.run([*command, *arguments, "-"], input=stdin, **options)


@functools.cache
def index_answers() -> bool:
    """Whether the package index can be asked; a single warning says when not."""
    asked = uv("--no-deps", "--no-cache", stdin="six")
    if asked.returncode and not any(sign in asked.stderr for sign in UNREACHABLE):
        raise AssertionError(f"uv failed for another reason than the network:\n{asked.stderr}")
    if asked.returncode:
        warnings.warn("wheels for other computers: not run: no index", stacklevel=2)
    return not asked.returncode


def target(system: str, version: str) -> list[str]:
    return ["--python-platform", PLATFORMS[system], "--python-version", version]


@pytest.fixture(scope="module")
def resolved() -> dict[tuple[str, str], subprocess.CompletedProcess]:
    """The pins resolved for every computer, side by side: uv mostly waits for the index."""
    if not index_answers():
        return {}
    pins = "\n".join(line for name, line in requirements().items() if name not in PURE_SOURCES)
    with ThreadPoolExecutor(len(COMPUTERS)) as pool:
        results = pool.map(lambda computer: uv("--no-deps", *target(*computer), stdin=pins), COMPUTERS)
        return dict(zip(COMPUTERS, results, strict=True))


@pytest.mark.parametrize("computer", COMPUTERS, ids=", ".join)
def test_every_pin_has_a_wheel(computer, resolved):
    if resolved:
        result = resolved[computer]
        assert result.returncode == 0, f"{computer}:\n{result.stderr}"
        assert len(result.stdout.splitlines()) > 100, "uv resolved next to nothing"


def test_a_package_without_a_wheel_is_found():
    """The test above can fail: ecos has no wheel for Apple silicon, the pure sources have none at all."""
    if not index_answers():
        return
    for line in ["ecos==2.0.14", *(requirements()[name] for name in PURE_SOURCES)]:
        result = uv("--no-deps", *target("Apple silicon", "3.13"), stdin=line)
        assert result.returncode and "building from source is disabled" in result.stderr, line


@pytest.mark.parametrize("name", sorted(PURE_SOURCES))
def test_a_pure_source_builds_without_a_compiler(name, tmp_path):
    if not index_answers():
        return
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(tmp_path)]
    env = os.environ | {"PATH": str(tmp_path / "nothing"), "CC": "none", "CXX": "none"}
    subprocess.run([*pip, requirements()[name].split(";")[0]], env=env, check=True, timeout=300)
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name.endswith("-none-any.whl"), wheel.name
    with zipfile.ZipFile(wheel) as archive:
        assert not [file for file in archive.namelist() if file.endswith((".so", ".pyd", ".dylib"))]


# ------------------------------------------------------------------------------------------ scikit-survival on request


def extra() -> Requirement:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (text,) = project["optional-dependencies"]["sksurv"]
    return Requirement(text)


def wanted(system: str, version: str) -> bool:
    machine = {"Linux, x86-64": "x86_64", "Linux, aarch64": "aarch64", "Windows, x86-64": "AMD64"}
    computer = {
        "python_version": version,
        "platform_machine": machine.get(system, "arm64"),
        "sys_platform": "win32" if "Windows" in system else "linux" if "Linux" in system else "darwin",
    }
    return extra().marker.evaluate(computer)


def test_requirements_hold_nothing_that_needs_a_compiler():
    assert not {"scikit-survival", "ecos", "osqp", "qdldl"} & set(requirements())


def test_the_extra_is_asked_for_where_its_parts_have_wheels():
    asked = [(system, version) for system, version in COMPUTERS if wanted(system, version)]
    assert asked == [(s, v) for s in ("Linux, x86-64", "Windows, x86-64") for v in ("3.11", "3.12")]


@pytest.mark.parametrize(("system", "version"), [computer for computer in COMPUTERS if wanted(*computer)])
def test_the_extra_has_wheels_and_fits_the_pins(system, version, tmp_path):
    if not index_answers():
        return
    pins = tmp_path / "pins.txt"
    pins.write_text("\n".join(requirements().values()), encoding="utf-8")
    line = f"{extra().name}{extra().specifier}"
    result = uv("--constraints", str(pins), *target(system, version), stdin=line)
    assert result.returncode == 0 and "\necos==" in result.stdout, f"{system}, Python {version}:\n{result.stderr}"
