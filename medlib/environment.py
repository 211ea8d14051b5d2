"""Is this computer ready for the course? :func:`report` prints a line for each check, and a remedy for each that fails.

Nothing but the standard library is imported at the top, so that this module can speak when a package is missing. Its
lines hold no folder and no name of a person: they are made to be copied into a report.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GIB = 2**30
MEMORY, DISK = 2, 1  # GiB: what a notebook may take, and room for downloads

REINSTALL = "delete the folder .venv of the course, then: make lab (Windows: python medlib\\install.py lab)"


@dataclass(frozen=True)
class Finding:
    """One line of the report: passed (True), failed (False), or not measured on this system (None)."""

    ok: bool | None
    text: str
    remedy: str = ""

    def __str__(self) -> str:
        mark = {True: "[OK]  ", False: "[FAIL]", None: "[--]  "}[self.ok]
        return f"{mark} {self.text}" + (f"\n       -> {self.remedy}" if self.remedy else "")


# --------------------------------------------------------------------------------------------------------------- checks


def python() -> Iterator[Finding]:
    """Whether pyproject.toml allows this Python."""
    needs, got = _project()["requires-python"], platform.python_version()
    short = ".".join(got.split(".")[:2])
    if _fits(got, needs):
        yield Finding(True, f"Python {short} (needs {needs})")
    else:
        remedy = "install a Python that fits (python.org), delete .venv, then for example: make lab PYTHON=python3.12"
        yield Finding(False, f"Python {short}, needs {needs}", remedy)


def packages() -> Iterator[Finding]:
    """The installed version of each package, against the range in pyproject.toml."""
    from packaging.requirements import Requirement

    for line in _project()["dependencies"]:
        package = Requirement(line)
        try:
            got = importlib.metadata.version(package.name)
        except importlib.metadata.PackageNotFoundError:
            yield Finding(False, f"{package.name}: not installed, needs {package.specifier}", REINSTALL)
            continue
        if _fits(got, str(package.specifier)):
            yield Finding(True, f"{package.name} {got} (needs {package.specifier})")
        else:
            yield Finding(False, f"{package.name} {got}, needs {package.specifier}", REINSTALL)


def tensorflow() -> Iterator[Finding]:
    """Whether TensorFlow multiplies two matrices.

    On a processor that is too old TensorFlow ends the process, which nothing can catch. So, unless it has been
    imported already, the product is tried in a process of its own.
    """
    if "tensorflow" in sys.modules:
        try:
            product()
        except Exception as error:
            yield Finding(False, f"TensorFlow: {_plain(error)}", REINSTALL)
            return
    else:
        code = "from medlib.environment import product; product()"
        try:
            run = subprocess.run(
                [sys.executable, "-c", code],
                cwd=ROOT,
                capture_output=True,
                encoding="utf-8",
                errors="replace",  # the system's own words may come in another encoding
                env=os.environ | {"PYTHONUTF8": "1"},
                timeout=300,
            )
        except subprocess.TimeoutExpired:
            yield Finding(False, "TensorFlow: no answer within 5 minutes", "restart the computer and try again")
            return
        if run.returncode:
            yield _tensorflow_failed(run)
            return
    yield Finding(True, "TensorFlow multiplies matrices")


def product() -> None:
    """A small matrix product with TensorFlow; ArithmeticError when it is wrong."""
    from medlib.lesson import quiet_keras

    quiet_keras()
    import tensorflow as tf

    if (total := float(tf.reduce_sum(tf.matmul([[1.0, 2.0], [3.0, 4.0]], [[5.0], [6.0]])))) != 56:
        raise ArithmeticError(f"a matrix product gave {total:g}, expected 56")


def _tensorflow_failed(run: subprocess.CompletedProcess) -> Finding:
    last = [line for line in run.stderr.splitlines() if line.strip()][-1:]
    if run.returncode < 0 or not last:  # ended by the system, without a word
        remedy = "the processor may lack AVX, which TensorFlow needs (most since 2013 have it): use another computer"
        return Finding(False, f"TensorFlow stopped Python (code {run.returncode})", remedy)
    return Finding(False, f"TensorFlow: {_plain(last[0])}", REINSTALL)


def data() -> Iterator[Finding]:
    """Whether the data that comes with the course can be read."""
    from medlib.data import load

    for name, remedy in (
        ("head_ct", "restore the file (git checkout -- data), or fetch the course again"),
        ("breast_cancer", REINSTALL),
    ):
        try:
            rows = len(load(name))
        except Exception as error:
            yield Finding(False, f"data {name}: {_plain(error)}", remedy)
        else:
            yield Finding(True, f"data {name}: {rows:,} rows")


def memory() -> Iterator[Finding]:
    """Whether enough memory is free for a notebook."""
    try:
        import psutil  # comes with JupyterLab
    except ImportError:
        yield Finding(None, f"memory: not measured; a notebook takes up to {MEMORY} GiB")
        return
    free = psutil.virtual_memory().available / GIB
    if free >= MEMORY:
        yield Finding(True, f"memory: at least {MEMORY} GiB free")
    else:
        remedy = "close other programs, and other notebooks (menu Kernel, Shut Down All Kernels)"
        yield Finding(False, f"memory: {free:.1f} GiB free, a notebook takes up to {MEMORY} GiB", remedy)


def disk() -> Iterator[Finding]:
    """Whether there is room on the disk that holds the course."""
    free = shutil.disk_usage(ROOT).free / GIB
    if free >= DISK:
        yield Finding(True, f"disk: at least {DISK} GiB free")
    else:
        yield Finding(False, f"disk: {free:.1f} GiB free, {DISK} GiB is advised", "empty the bin, remove old downloads")


def progress() -> Iterator[Finding]:
    """Whether the folder that remembers the passed exercises can be written."""
    from medlib.lesson import _home

    try:
        _home().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=_home()):
            pass
    except OSError as error:
        remedy = "set MEDLIB_HOME to a folder that you may write; until then the course works and forgets your progress"
        yield Finding(False, f"progress: your data folder cannot be written ({error.strerror})", remedy)
    else:
        yield Finding(True, "progress: your data folder can be written")


CHECKS = (python, packages, tensorflow, data, memory, disk, progress)


# --------------------------------------------------------------------------------------------------------------- report


def findings() -> Iterator[Finding]:
    """All checks, one finding after the other. A check that breaks is itself a finding."""
    for check in CHECKS:
        try:
            yield from check()
        except Exception as error:
            yield Finding(False, f"{check.__name__}: could not be checked ({_plain(error)})", REINSTALL)


def report() -> bool:
    """Print a line for each check, with remedies, and a verdict. True when none failed; never raises."""
    failed = 0
    for finding in findings():
        failed += finding.ok is False
        print(finding)
    if failed:
        print(
            f"\n{failed} failed. Follow the arrows from the top; if that does not help, copy these lines into a report."
        )
    else:
        print("\nThis computer is ready for the course.")
    return not failed


def _project() -> dict:
    """The table [project] of pyproject.toml."""
    import tomllib

    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def _fits(version: str, needs: str) -> bool:
    from packaging.specifiers import SpecifierSet

    return SpecifierSet(needs).contains(version, prereleases=True)


def _plain(error: Exception | str) -> str:
    """An error in one line of at most 160 characters, without the folders in it."""
    text = error if isinstance(error, str) else f"{type(error).__name__}: {error}"
    for folder in (str(ROOT), os.path.expanduser("~")):
        if len(Path(folder).parts) > 1:  # a home may be "/" (in a container), or unknown ("~")
            text = text.replace(folder, "")
    text = " ".join(text.split())
    return re.sub(r"(?:[A-Za-z]:)?[/\\](?:[^\s/\\:'\"]+[/\\])*", "", text)[:160]


if __name__ == "__main__":
    sys.exit(not report())
