"""The runner itself can go red: a notebook that must fail, and a suite that notices what was left out."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
from queue import Empty

import nbformat
import pytest
from nbclient.exceptions import DeadKernelError

from medlib.data import if_ready
from tests.course import build, notebooks, sweep
from tests.course.notebooks import ROOT, Pair, pairs


def run_nbval(notebook) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "pytest", "-q", "-o", "addopts=", "-p", "no:cacheprovider"]
    command += ["--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=60", str(notebook)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", timeout=180)


def test_the_canary_dies():
    """Its stored output is fine; its first claim holds, its second is false today. The suite must say so."""
    result = run_nbval(ROOT / "tests/course/canary.ipynb")
    assert result.returncode == 1
    assert "1 failed, 1 passed" in result.stdout
    said = re.sub(r"\x1b\[[0-9;]*m", "", result.stdout)  # without the colours of the traceback
    assert "AssertionError: this claim does not hold: two and two make five  [4]" in said


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A pair in a folder of its own, to be broken on purpose."""
    from tests.course import test_contract

    (tmp_path / "scripts").mkdir()
    monkeypatch.setattr(notebooks, "NOTEBOOKS", tmp_path)
    monkeypatch.setattr(notebooks, "SCRIPTS", tmp_path / "scripts")
    original = ROOT / "notebooks" / "00_start_here.ipynb"
    shutil.copy(original, tmp_path)
    shutil.copy(original.parent / "scripts" / "00_start_here.py", tmp_path / "scripts")
    return Pair("00_start_here"), test_contract


def test_a_pair_edited_on_one_side_is_red(copy):
    pair, contract = copy
    contract.test_pair_is_equal_by_content(pair)
    pair.script.write_text(pair.script.read_text(encoding="utf-8") + "\n# %%\nprint(1)\n", encoding="utf-8")
    pair.__dict__.pop("source")
    with pytest.raises(AssertionError, match="script and notebook differ"):
        contract.test_pair_is_equal_by_content(pair)
    assert not build.same(pair)


def test_a_stale_output_is_red(copy):
    pair, contract = copy
    contract.test_outputs_belong_to_the_code(pair)
    notebook = nbformat.read(pair.path, as_version=4)
    next(c for c in notebook.cells if c.cell_type == "code").source += "\nx = 1"
    nbformat.write(notebook, pair.path)
    pair.__dict__.pop("stored")
    with pytest.raises(AssertionError, match="code changed after the outputs"):
        contract.test_outputs_belong_to_the_code(pair)


def test_a_formula_without_its_twin_is_red(copy):
    pair, contract = copy
    pair.stored.cells.append(nbformat.v4.new_markdown_cell(r"$$e = mc^2 \tag{0.99}$$"))
    with pytest.raises(AssertionError):
        contract.test_every_formula_has_its_twin(pair)


def test_cells_that_wait_for_real_data_are_not_timed():
    texts = ["# Title", "## Step 1", "## On real data\n\nMetrics.", "## Three questions"]
    notebook = nbformat.v4.new_notebook()
    for text in texts:
        notebook.cells += [nbformat.v4.new_markdown_cell(text), nbformat.v4.new_code_cell("1")]
    assert build.optional_cells(notebook) == {4, 5}


def test_a_page_is_stored_with_its_data_but_for_sections_on_real_data(monkeypatch, tmp_path, capsys):
    monkeypatch.delenv("MEDLIB_DATA", raising=False)
    monkeypatch.setenv("MEDLIB_CACHE", str(tmp_path))
    assert if_ready("smollm2") is None
    line = capsys.readouterr().out
    notebook = nbformat.v4.new_notebook()
    for heading in ("# Title", "## On real data"):
        output = nbformat.from_dict({"output_type": "stream", "name": "stdout", "text": f"before\n{line}"})
        notebook.cells += [nbformat.v4.new_markdown_cell(heading), nbformat.v4.new_code_cell("1", outputs=[output])]
    assert build.without_data(notebook) == [line.strip()]


def test_without_git_the_folder_says_what_is_to_be_executed(monkeypatch, tmp_path):
    """No git; a zip without .git; a folder that belongs to somebody else: then git fails, or lists nothing."""
    in_folder = {f"notebooks/{pair.name}.ipynb" for pair in pairs()}
    assert notebooks.expected() == (in_folder, "in git") or notebooks.in_git() is None
    with monkeypatch.context() as no_git:
        no_git.setenv("PATH", str(tmp_path))
        assert notebooks.expected() == (in_folder, "in the folder (git does not answer)")
    with monkeypatch.context() as no_repository:
        no_repository.setenv("GIT_DIR", str(tmp_path))
        assert notebooks.expected() == (in_folder, "in the folder (git does not answer)")
    with monkeypatch.context() as another:  # unpacked inside another repository, which does not know these files
        subprocess.run(["git", "init", "-q", tmp_path], check=True)
        another.setenv("GIT_DIR", str(tmp_path / ".git"))
        assert notebooks.expected() == (in_folder, "in the folder (git does not answer)")


class Page:
    """A page of two cells, the second of which works once."""

    name = "99_once"
    source = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell("first = 1"),
            nbformat.v4.new_code_cell("times = globals().get('times', 0) + 1\nassert times == 1, 'only once'"),
        ]
    )


def test_a_page_that_works_once_is_found(capsys):
    assert sweep.failures(Page, 0, twice=True) == ["second run: AssertionError: only once"]
    assert "99_once seed 0, twice" in capsys.readouterr().out and len(Page.source.cells) == 2


def test_a_kernel_that_dies_is_found(monkeypatch, capsys):
    def die(*args, **kwargs):
        raise DeadKernelError("Kernel died")

    monkeypatch.setattr(sweep, "run", die)
    monkeypatch.setattr(sweep, "pairs", lambda: [Page])
    monkeypatch.setattr(sys, "argv", ["sweep", "99_once", "--seeds", "1", "--on", "avx2,no-onednn"])
    assert sweep.main() == 1
    said = capsys.readouterr().out
    assert said.count("the kernel died") == 2 and said.endswith("2 runs, 2 with something that fails\n")


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system cannot bind a process to one core")
def test_another_computer_is_played_and_given_back():
    before = os.sched_getaffinity(0), dict(os.environ)
    with sweep.computer("one-core"):
        assert len(os.sched_getaffinity(0)) == 1
    with sweep.computer("avx2"):
        assert os.environ["ONEDNN_MAX_CPU_ISA"] == "AVX2"
    assert (os.sched_getaffinity(0), dict(os.environ)) == before


def test_a_reply_that_was_missed_is_asked_for_again():
    """A wait that is not woken ends after a moment, and the next one finds the message; the caller's limit holds."""
    waits = []

    async def ask(timeout):
        waits.append(timeout)
        await asyncio.sleep(timeout)
        if len(waits) < 3:
            raise Empty
        return "reply"

    assert asyncio.run(build.asking_again(ask, every=0.01)()) == "reply"
    assert waits == [0.01] * 3
    waits.clear()
    with pytest.raises(Empty):
        asyncio.run(build.asking_again(ask, every=0.02)(timeout=0.03))
    assert sum(waits) <= 0.03
