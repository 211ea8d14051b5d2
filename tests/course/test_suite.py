"""The suite's own frame: two notebooks at a time, nothing lost without a word, nothing left behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import joblib
import nbformat
import psutil
import pytest

import conftest
from tests.course.notebooks import ROOT

posix = pytest.mark.skipif(os.name != "posix", reason="this system has no such signals")


class Course:
    """A folder with the suite's settings, and notebooks and tests of its own."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "notebooks").mkdir()
        shutil.copy(ROOT / "conftest.py", folder)
        shutil.copy(ROOT / "pyproject.toml", folder)
        self.environment = {k: v for k, v in os.environ.items() if k not in conftest.THREADS}
        self.environment |= {"PYTHONPATH": str(ROOT), "TMPDIR": str(folder)}  # what a killed run leaves lies there

    def notebook(self, name: str, *cells: str, seconds: int = 1) -> None:
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        notebook.metadata["medlib"] = {"seconds": seconds}
        nbformat.write(notebook, self.folder / "notebooks" / f"{name}.ipynb")

    def command(self, *options: str, what: str = "notebooks") -> list[str]:
        return [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options, str(self.folder / what)]

    def run(self, *options: str, what: str = "notebooks") -> subprocess.CompletedProcess:
        return subprocess.run(
            self.command(*options, what=what),
            cwd=self.folder, env=self.environment, capture_output=True, encoding="utf-8", timeout=180,
        )  # fmt: skip


@pytest.fixture
def course(tmp_path):
    return Course(tmp_path)


# ------------------------------------------------------------------------------------------------------------- workers


@pytest.mark.parametrize(
    ("arguments", "cores", "workers"),
    [
        (["tests", "notebooks"], 2, 2),
        (["tests", "notebooks"], 8, 2),  # two kernels of up to 2 GiB
        (["tests", "notebooks"], 1, 0),  # none: everything in this process
        (["notebooks/00_start_here.ipynb"], 2, 0),
        (["README.md::one", "README.md::two"], 2, 0),
        (["README.md", "LICENSE"], 2, 2),
    ],
)
def test_no_more_workers_than_cores_and_files(monkeypatch, arguments, cores, workers):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(joblib, "cpu_count", lambda: cores)
    assert conftest.pytest_xdist_auto_num_workers(SimpleNamespace(args=arguments)) == workers


MEET = """
import os, pathlib, time
mine, other = pathlib.Path("{mine}"), pathlib.Path("{other}")
mine.write_text(os.environ["MEDLIB_HOME"], encoding="utf-8")
end = time.monotonic() + 60
while not other.exists():
    assert time.monotonic() < end, "the other notebook does not run beside this one"
    time.sleep(0.1)
threads = [os.environ[name] for name in {threads}]
assert threads == [threads[0]] * 3 and int(threads[0]) <= max(1, os.cpu_count() // 2), threads
"""


def test_two_notebooks_run_at_a_time_and_the_longest_first(course):
    """The longer two wait for one another; the short one, first by its name, comes after them."""
    course.notebook("a_short", "import pathlib\nassert pathlib.Path('b').exists() and pathlib.Path('c').exists()")
    course.notebook("b", MEET.format(mine="b", other="c", threads=conftest.THREADS), "mine.write_text", seconds=9)
    course.notebook("c", MEET.format(mine="c", other="b", threads=conftest.THREADS), "assert other == other", seconds=8)
    result = course.run("-n2")
    assert result.returncode == 0, result.stdout
    assert "2 workers [5 items]" in result.stdout and "5 passed" in result.stdout
    for line in ("notebooks/a_short.ipynb", "notebooks/c.ipynb", "executed 3 of ", "largest kernel: 0."):
        assert f"\n{line}" in result.stdout
    assert " GiB, notebooks/" in result.stdout
    homes = {(course.folder / "notebooks" / name).read_text(encoding="utf-8") for name in "bc"}
    assert len(homes) == 1 and not os.path.exists(homes.pop()), "one home for all workers, and gone with them"


# -------------------------------------------------------------------------------------------------------------- losses


@posix
def test_a_killed_kernel_is_a_failure_at_once(course):
    course.notebook("killed", "import os\nos.kill(os.getpid(), 9)")
    began = time.monotonic()
    result = course.run("-n0", "--nbval-cell-timeout=150")
    assert result.returncode == 1 and time.monotonic() - began < 100
    assert "the kernel died in this cell" in result.stdout and "1 failed" in result.stdout


def test_a_lost_worker_is_a_failure_and_no_other_takes_its_place(course):
    """It ends with status 0, as a library may do that calls exit."""
    (course.folder / "tests").mkdir()
    lost = "import os\ndef test_lost():\n    os._exit(0)\n"
    (course.folder / "tests" / "test_lost.py").write_text(lost, encoding="utf-8")
    (course.folder / "tests" / "test_other.py").write_text("def test_other(): pass\n", encoding="utf-8")
    result = course.run("-n2", what="tests")
    assert result.returncode == 1 and "1 failed" in result.stdout
    assert "was lost: " in result.stdout and "replacing crashed worker" not in result.stdout


@pytest.mark.parametrize(("lost", "missing"), [([], []), (["worker gw0 was lost"], []), ([], ["not executed: 99"])])
def test_a_run_in_which_all_passed_fails_for_what_is_missing(monkeypatch, lost, missing):
    monkeypatch.setattr(conftest, "_lost", lost)
    monkeypatch.setattr(conftest, "_missing", lambda config: missing)
    session = SimpleNamespace(config=SimpleNamespace(option=SimpleNamespace(collectonly=False)), exitstatus=0)
    conftest.pytest_sessionfinish(session, session.exitstatus)
    assert session.exitstatus == bool(lost or missing)


# ----------------------------------------------------------------------------------------------------------- leftovers

SLEEP = "import os, pathlib, time\npathlib.Path({file!r}).write_text(str(os.getpid()))\ntime.sleep(100)"


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def stop(command: list[str], sign: signal.Signals, files, **options) -> list[int]:
    """Start a command, end it once its kernels have left their numbers in ``files``; return those still there."""
    process = subprocess.Popen(
        command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options
    )
    try:
        wait_for(lambda: all(file.exists() and file.read_text() for file in files), 90)
        kernels = [int(file.read_text(encoding="utf-8")) for file in files]
        if sign == signal.SIGINT:
            os.killpg(process.pid, sign)  # as a terminal does on Ctrl-C
        else:
            process.send_signal(sign)
        assert process.wait(60) != 0
        wait_for(lambda: all(gone(pid) for pid in kernels), 30)
    finally:
        process.kill()
        process.wait()
    return [pid for pid in kernels if not gone(pid)]


def wait_for(condition, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.2)


@posix
@pytest.mark.parametrize("sign", ["SIGINT", "SIGTERM"])  # the suite is told nothing of SIGTERM, as of SIGKILL
def test_no_kernel_stays_when_the_suite_is_stopped(course, sign):
    files = [course.folder / "a.pid", course.folder / "b.pid"]
    for file in files:
        course.notebook(file.stem, SLEEP.format(file=str(file)), "time.sleep(100)")
    command = course.command("-n2")
    assert stop(command, signal.Signals[sign], files, cwd=course.folder, env=course.environment) == []


@posix
@pytest.mark.parametrize("sign", ["SIGTERM", "SIGKILL"])  # nbclient takes SIGINT for SIGTERM
def test_no_kernel_stays_when_a_sweep_is_stopped(tmp_path, sign):
    file = tmp_path / "pid"
    program = (
        "import nbformat\nfrom tests.course.build import run\n"
        f"cells = [nbformat.v4.new_code_cell({SLEEP.format(file=str(file))!r}) for _ in range(2)]\n"
        "for seed in '0123': run(nbformat.v4.new_notebook(cells=cells), seed=seed, allow_errors=True)"
    )
    assert stop([sys.executable, "-c", program], signal.Signals[sign], [file], cwd=ROOT) == []
