"""The suite's frame: a clean reader's home, the notebooks last, and a count of what was executed."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent
_home = tempfile.TemporaryDirectory(prefix="medlib-")
os.environ["MEDLIB_HOME"] = _home.name  # exercise passes of this run, and of nobody else
os.environ["MPLBACKEND"] = "Agg"  # no windows; a notebook draws on its page all the same
os.environ["PYTHONIOENCODING"] = "utf-8"  # what the children of this run say is read as UTF-8, wherever it runs
os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
if os.path.expanduser("~") == "~":  # a user without a name and without HOME: Jupyter starts no kernel then
    os.environ["HOME"] = _home.name
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # the tools of this environment

#: notebook -> seconds of its cells, and whether all of them passed
_seconds: dict[str, float] = {}
_failed: set[str] = set()


def pytest_runtest_logreport(report):
    name, _, _ = report.nodeid.partition("::")
    if name.startswith("notebooks/") and name.endswith(".ipynb"):
        _seconds[name] = _seconds.get(name, 0.0) + report.duration
        if report.outcome != "passed":
            _failed.add(name)


def _missing(config) -> list[str]:
    """What a complete run must have done and did not: notebooks not executed, exercises not passed."""
    from medlib import checks, lesson
    from tests.course.notebooks import expected

    if not set(config.args) <= {str(p) for p in config.getini("testpaths")} or config.option.keyword:
        return []
    missing = [f"not executed: {name}" for name in sorted(expected()[0] - set(_seconds))]
    return missing + [f"solution not passed: {e}" for e in checks.exercises() if e not in lesson.passed()]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session, exitstatus):
    if exitstatus == 0 and not session.config.option.collectonly and _missing(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter, config):
    if not _seconds:
        return
    terminalreporter.section("notebooks")
    for name, took in sorted(_seconds.items()):
        terminalreporter.write_line(f"{name:50} {took:5.0f} s{'   FAILED' if name in _failed else ''}")
    from tests.course.notebooks import expected

    names, where = expected()
    terminalreporter.write_line(f"executed {len(_seconds)} of {len(names)} notebooks {where}")
    if hasattr(os, "wait3"):
        import resource

        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / (2**20 if sys.platform != "darwin" else 2**30)
        terminalreporter.write_line(f"largest kernel: {peak:.2f} GiB")
    for line in _missing(config):
        terminalreporter.write_line(line, red=True)
