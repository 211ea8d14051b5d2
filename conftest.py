"""The suite's frame: a clean reader's home, two notebooks at a time, and a count of what was executed.

Work is spread by pytest-xdist: ``-n auto`` in pyproject.toml asks this file how many workers to start. The options
``-n 0`` and ``--pdb`` keep everything in one process.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from queue import Empty

import pytest

from tests.course.processes import end_with_parent, peak_of_children

WORKERS = 2  # at most: a kernel takes up to 2 GiB of memory
THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")

#: notebook -> seconds of its cells, and whether all of them passed
_seconds: dict[str, float] = {}
_failed: set[str] = set()
#: GiB of the largest kernel of each worker and its notebook; the workers that did not come to their end
_peaks: list[tuple[float, str]] = []
_largest: tuple[float, str] = (0.0, "")
_lost: list[str] = []


# -------------------------------------------------------------------------------------------------------------- workers


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config) -> int:
    """One worker a core and a file, two at most; none, which is this process, where one would do."""
    from joblib import cpu_count  # knows of taskset and of a container's share

    paths = {Path(argument.partition("::")[0]) for argument in config.args}
    files = len(paths) if all(path.is_file() for path in paths) else WORKERS
    workers = min(WORKERS, cpu_count(), files)
    return workers if workers > 1 else 0


def pytest_configure(config):
    if hasattr(config, "workerinput"):  # a worker: the environment is the controller's
        end_with_parent()
        return
    home = tempfile.TemporaryDirectory(prefix="medlib-", ignore_cleanup_errors=True)
    config.add_cleanup(home.cleanup)
    os.environ["MEDLIB_HOME"] = home.name  # exercise passes of this run, and of nobody else
    os.environ["MPLBACKEND"] = "Agg"  # no windows; a notebook draws on its page all the same
    os.environ["PYTHONIOENCODING"] = "utf-8"  # what the children of this run say is read as UTF-8, wherever it runs
    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
    if os.path.expanduser("~") == "~":  # a user without a name and without HOME: Jupyter starts no kernel then
        os.environ["HOME"] = home.name
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # this environment's tools
    workers = len(getattr(config.option, "tx", None) or ())
    if workers > 1:
        from joblib import cpu_count

        for name in THREADS:
            os.environ.setdefault(name, str(max(1, cpu_count() // workers)))


def pytest_collection_modifyitems(config, items):
    """Among workers: notebooks first, the longest of them ahead, so that no long one is left for the end."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: -_expected_seconds(item))


def _expected_seconds(item) -> float:
    """What the notebook of this cell took when it was stored; below zero for other tests."""
    notebook = getattr(item.parent, "nb", None)
    return -1 if notebook is None else notebook.metadata.get("medlib", {}).get("seconds", 0)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error):
    if error:
        _lost.append(f"worker {node.gateway.id} was lost: {error}")
    else:
        _peaks.append(tuple(node.workeroutput["peak"]))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Weights begin alike in each test, alone or among others: what a training must reach is not left to luck."""
    if "keras" in sys.modules:
        sys.modules["keras"].utils.set_random_seed(0)


# -------------------------------------------------------------------------------------------------------------- kernels


def _notice_dead_kernels():
    """Let nbval see at once that a kernel died. Alone it waits for the time that a cell may take."""
    from nbval.kernel import RunningKernel

    ask = RunningKernel.get_message

    def get_message(kernel, stream, timeout=None):
        end = float("inf") if timeout is None else time.monotonic() + timeout
        while True:
            try:
                return ask(kernel, stream, timeout=max(0.0, min(1.0, end - time.monotonic())))
            except Empty:
                if not kernel.is_alive():
                    raise RuntimeError("the kernel died in this cell; was it killed, or short of memory?") from None
                if time.monotonic() >= end:
                    raise

    RunningKernel.get_message = get_message


_notice_dead_kernels()


# -------------------------------------------------------------------------------------------------------------- account


def pytest_runtest_logreport(report):
    name, _, _ = report.nodeid.partition("::")
    if name.startswith("notebooks/") and name.endswith(".ipynb"):
        _seconds[name] = _seconds.get(name, 0.0) + report.duration
        if report.outcome != "passed":
            _failed.add(name)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item):
    """With its last cell a notebook's kernel ends: was it the largest so far? (Notebooks come before other tests.)"""
    global _largest
    result = yield
    if hasattr(item.parent, "nb"):
        _largest = max(_largest, (peak_of_children(), item.nodeid.partition("::")[0]), key=lambda entry: entry[0])
    return result


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
    if hasattr(session.config, "workerinput"):
        session.config.workeroutput["peak"] = _largest
    elif exitstatus == 0 and not session.config.option.collectonly and (_lost or _missing(session.config)):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter, config):
    for line in _lost:
        terminalreporter.write_line(line, red=True)
    if not _seconds:
        return
    terminalreporter.section("notebooks")
    for name, took in sorted(_seconds.items()):
        terminalreporter.write_line(f"{name:50} {took:5.0f} s{'   FAILED' if name in _failed else ''}")
    from tests.course.notebooks import expected

    names, where = expected()
    terminalreporter.write_line(f"executed {len(_seconds)} of {len(names)} notebooks {where}")
    peak, name = max(_peaks, default=_largest)
    if name:  # the system tells
        terminalreporter.write_line(f"largest kernel: {peak:.2f} GiB, {name}")
    for line in _missing(config):
        terminalreporter.write_line(line, red=True)
