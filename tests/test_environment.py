"""The environment check says what is wrong and what to do, whatever is wrong, and never more than that."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from medlib import environment
from medlib.environment import REINSTALL, Finding


def only(check) -> str:
    """The printed line of a check that has one finding."""
    (finding,) = check()
    return str(finding)


# --------------------------------------------------------------------------------------------------------- one by one


def test_python_that_fits(monkeypatch):
    monkeypatch.setattr(platform, "python_version", lambda: "3.12.4")
    assert only(environment.python) == "[OK]   Python 3.12 (needs >=3.11,<3.14)"


@pytest.mark.parametrize("version", ["3.10.14", "3.14.0"])
def test_python_that_does_not_fit(monkeypatch, version):
    monkeypatch.setattr(platform, "python_version", lambda: version)
    line, remedy = only(environment.python).splitlines()
    assert line == f"[FAIL] Python {version.rpartition('.')[0]}, needs >=3.11,<3.14"
    assert remedy.startswith("       -> install a Python that fits") and "PYTHON=python3.12" in remedy


def test_every_package_of_pyproject_is_listed():
    names = [finding.text.split()[0] for finding in environment.packages()]
    assert {"numpy", "tensorflow", "jupyterlab", "ipywidgets"} < set(names)
    assert len(names) == len(environment._project()["dependencies"])


def test_package_too_old_and_package_missing(monkeypatch):
    def version(name):
        if name == "scipy":
            raise importlib.metadata.PackageNotFoundError(name)
        return {"numpy": "1.26.4"}.get(name, "99.0")

    monkeypatch.setattr(importlib.metadata, "version", version)
    lines = {f.text.split()[0].rstrip(":"): str(f) for f in environment.packages()}
    assert lines["numpy"] == f"[FAIL] numpy 1.26.4, needs >=2.0\n       -> {REINSTALL}"
    assert lines["scipy"] == f"[FAIL] scipy: not installed, needs >=1.14\n       -> {REINSTALL}"
    assert lines["tensorflow"].startswith("[FAIL] tensorflow 99.0, needs <2.22,>=2.20")
    assert lines["pandas"] == "[OK]   pandas 99.0 (needs >=2.2)"


@pytest.fixture
def child(monkeypatch):
    """TensorFlow not imported yet, and a process of its own that ends as the test says."""
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)

    def ends(code, stderr=""):
        run = subprocess.CompletedProcess([], code, "", stderr)
        monkeypatch.setattr(subprocess, "run", lambda *args, **kwargs: run)

    return ends


def test_tensorflow_in_a_process_of_its_own(child):
    child(0)
    assert only(environment.tensorflow) == "[OK]   TensorFlow multiplies matrices"
    child(-4)
    assert only(environment.tensorflow).startswith(
        "[FAIL] TensorFlow stopped Python (code -4)\n       -> the processor"
    )
    child(1, "Traceback ...\nImportError: /home/ada/.venv/lib/libtf.so: cannot open shared object file\n")
    assert only(environment.tensorflow) == (
        f"[FAIL] TensorFlow: ImportError: libtf.so: cannot open shared object file\n       -> {REINSTALL}"
    )


def test_tensorflow_that_never_answers(child, monkeypatch):
    def too_long(*args, timeout, **kwargs):
        raise subprocess.TimeoutExpired("python", timeout)

    monkeypatch.setattr(subprocess, "run", too_long)
    assert only(environment.tensorflow).startswith("[FAIL] TensorFlow: no answer within 5 minutes")


def test_the_process_of_its_own_runs(monkeypatch):
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    assert only(environment.tensorflow) == "[OK]   TensorFlow multiplies matrices"


@pytest.mark.skipif(os.name == "nt", reason="a shell script plays Python")
def test_words_in_the_encoding_of_another_country_are_reported(monkeypatch, tmp_path):
    """A Windows in Chinese says "not found" in GBK."""
    (tmp_path / "python").write_text(
        "#!/bin/sh\nprintf 'OSError: \\325\\322 libtf.so\\n' >&2\nexit 1\n", encoding="utf-8"
    )
    (tmp_path / "python").chmod(0o755)
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert only(environment.tensorflow).startswith("[FAIL] TensorFlow: OSError: \ufffd\ufffd libtf.so\n")


def test_tensorflow_that_computes_wrongly(monkeypatch):
    def wrong():
        raise ArithmeticError("a matrix product gave 55, expected 56")

    monkeypatch.setitem(sys.modules, "tensorflow", sys)
    monkeypatch.setattr(environment, "product", wrong)
    assert only(environment.tensorflow).startswith("[FAIL] TensorFlow: ArithmeticError: a matrix product gave 55")


def test_data_that_can_be_read():
    assert [str(f) for f in environment.data()][1] == "[OK]   data breast_cancer: 569 rows"
    assert all(f.ok for f in environment.data())


def test_data_that_is_damaged(monkeypatch):
    import medlib.data

    def load(name):
        raise ValueError(f"{environment.ROOT / 'data' / name}.npz is not a complete npz archive: 12 bytes")

    monkeypatch.setattr(medlib.data, "load", load)
    head_ct, cancer = environment.data()
    assert str(head_ct) == (
        "[FAIL] data head_ct: ValueError: head_ct.npz is not a complete npz archive: 12 bytes\n"
        "       -> restore the file (git checkout -- data), or fetch the course again"
    )
    assert cancer.remedy == REINSTALL


def test_memory(monkeypatch):
    import psutil

    Memory = namedtuple("Memory", "available")
    monkeypatch.setattr(psutil, "virtual_memory", lambda: Memory(7.3 * 2**30))
    assert only(environment.memory) == "[OK]   memory: at least 2 GiB free"
    monkeypatch.setattr(psutil, "virtual_memory", lambda: Memory(1.25 * 2**30))
    assert only(environment.memory).startswith(
        "[FAIL] memory: 1.2 GiB free, a notebook takes up to 2 GiB\n       -> close"
    )
    monkeypatch.setitem(sys.modules, "psutil", None)  # not installed
    assert only(environment.memory) == "[--]   memory: not measured; a notebook takes up to 2 GiB"


def test_disk(monkeypatch):
    Usage = namedtuple("Usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(0, 0, 50 * 2**30))
    assert only(environment.disk) == "[OK]   disk: at least 1 GiB free"
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(0, 0, 2**29))
    assert only(environment.disk).startswith("[FAIL] disk: 0.5 GiB free, 1 GiB is advised\n       -> empty the bin")


def test_folder_for_progress(monkeypatch, tmp_path):
    monkeypatch.setenv("MEDLIB_HOME", str(tmp_path / "new"))
    assert only(environment.progress) == "[OK]   progress: your data folder can be written"
    assert not list((tmp_path / "new").iterdir())
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    monkeypatch.setenv("MEDLIB_HOME", str(tmp_path / "file"))
    line, remedy = only(environment.progress).splitlines()
    assert line.startswith("[FAIL] progress: your data folder cannot be written (") and str(tmp_path) not in line
    assert remedy.startswith("       -> set MEDLIB_HOME to a folder that you may write")


# ------------------------------------------------------------------------------------------------------------ together


def test_report_of_a_ready_computer(monkeypatch, capsys):
    monkeypatch.setattr(environment, "CHECKS", (lambda: [Finding(True, "a"), Finding(None, "b")],))
    assert environment.report() is True
    assert capsys.readouterr().out == "[OK]   a\n[--]   b\n\nThis computer is ready for the course.\n"


def test_report_goes_on_after_a_failure(monkeypatch, capsys):
    def broken():
        yield Finding(True, "a")
        raise RuntimeError(f"surprise in {Path.home()}/secret/place.py")

    monkeypatch.setattr(environment, "CHECKS", (broken, lambda: [Finding(False, "b", "do this")]))
    assert environment.report() is False
    printed = capsys.readouterr().out
    assert printed.startswith(
        "[OK]   a\n[FAIL] broken: could not be checked (RuntimeError: surprise in place.py)\n"
        f"       -> {REINSTALL}\n[FAIL] b\n       -> do this\n\n2 failed. Follow the arrows"
    )


def test_a_missing_pyproject_is_reported_not_raised(monkeypatch, tmp_path):
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    monkeypatch.setattr(environment, "CHECKS", (environment.python, environment.packages))
    lines = [str(f) for f in environment.findings()]
    assert len(lines) == 2 and all(line.startswith("[FAIL]") and str(tmp_path) not in line for line in lines)


@pytest.mark.parametrize(
    "text, plain",
    [
        ("cannot open /home/ada/course/data/head_ct.npz: gone", "cannot open head_ct.npz: gone"),
        (r"cannot open C:\Users\ada\course\head_ct.npz", "cannot open head_ct.npz"),
        ("two\nlines", "two lines"),
    ],
)
def test_folders_are_left_out(text, plain):
    assert environment._plain(text) == plain
    assert environment._plain(ValueError(text)) == f"ValueError: {plain}"


@pytest.mark.parametrize("home", ["/", "", "/home/ada lovelace"])
def test_a_home_that_is_the_root_of_the_disk_or_has_a_space_hides_nothing_else(monkeypatch, home):
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, home)
    assert environment._plain(f"cannot open {home.rstrip('/')}/course/head_ct.npz") == "cannot open head_ct.npz"


def test_the_module_needs_only_the_standard_library():
    code = "import sys; import medlib.environment; print(sorted({'numpy', 'pandas', 'packaging'} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", cwd=environment.ROOT)
    assert run.stdout.strip() == "[]", run.stderr
