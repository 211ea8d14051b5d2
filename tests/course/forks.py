"""Run a page once, and each mutation of it from the cell that it touches, in a copy of the process (``os.fork``).

The cells run in an IPython shell of this process. Before a cell that a mutation touches the process is copied; the copy
runs the mutated cells to the first failure and ends, the original goes on. So a mutation costs the cells from its own
to the one that catches it. Figures are not drawn.

A copy has one thread. What waits for others would wait for ever: TensorFlow's pool of threads is filled up, after which
it works in the thread that calls it; Keras traces its functions anew; nothing from before the copy is collected.
"""

from __future__ import annotations

import gc
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import nbformat
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from traitlets.config import Config

from medlib import decisions
from tests.course.decisions import last_decision
from tests.course.notebooks import NOTEBOOKS

PATIENCE = 120  # seconds that a copy may spend on one cell


def forked(function: Callable[[Callable], object], patience: float = float("inf")):
    """``function(alive)`` in a copy of this process: its result, through JSON, or None when it raised, hung or crashed.

    It hangs when it has not called ``alive()`` for ``patience`` seconds.
    """
    tensorflow = {"tensorflow", "keras"} <= set(sys.modules)
    if tensorflow:
        _small_task()
    with tempfile.TemporaryDirectory() as folder:
        result, sign = Path(folder) / "result.json", Path(folder) / "alive"
        sign.touch()
        state = random.getstate()  # a copy would seed it anew
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 on threads: see above
            pid = os.fork()
        if pid == 0:
            try:
                random.setstate(state)
                if tensorflow:
                    wake_tensorflow()
                gc.freeze()  # last: what is frozen is in no list of objects
                result.write_text(json.dumps(function(sign.touch)), encoding="utf-8")
            except BaseException:
                traceback.print_exc(file=sys.__stderr__)
            finally:
                os._exit(0)
        while not os.waitpid(pid, os.WNOHANG)[0]:
            if time.time() - sign.stat().st_mtime > patience:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                break
            time.sleep(0.02)
        return json.loads(result.read_text(encoding="utf-8")) if result.exists() else None


def wake_tensorflow() -> None:
    """Let TensorFlow work in a copy of a process whose pool has one thread (``TF_NUM_INTEROP_THREADS=1``).

    The pool's queue holds 1024 tasks, which nobody does here; a task beyond them is done by who asks for it.
    """
    import keras
    from tensorflow.python.eager.context import Context
    from tensorflow.python.eager.polymorphic_function.atomic_function import AtomicFunction

    AtomicFunction.__del__ = lambda self: None  # it would wait for threads
    for model in [thing for thing in gc.get_objects() if issubclass(type(thing), keras.Model)]:
        model.train_function = model.test_function = model.predict_function = None
    call = Context.call_function

    def first_call(self, *args):
        Context.call_function = call
        _fill_pool()
        return call(self, *args)

    Context.call_function = first_call


@cache
def _small_task() -> Callable[[], object]:
    """Something for TensorFlow's pool to do; it must have been done once before the process is copied."""
    import tensorflow as tf

    one = tf.constant(1.0)
    function = tf.function(lambda x: x + 1).get_concrete_function(one)
    function(one)
    return lambda: function(one)


def _fill_pool() -> None:
    done = threading.Event()

    def ask():
        _small_task()()
        done.set()

    size = threading.stack_size(256 * 1024)
    while not done.is_set():
        threading.Thread(target=ask, daemon=True).start()
    threading.stack_size(size)


def execute(shell: InteractiveShell, cell: nbformat.NotebookNode) -> str:
    """Run a cell; return the first line of its error, or of the hint that a solution gets, or "" when all is well."""
    with capture_output() as captured:
        outcome = shell.run_cell(cell.source)
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
    if error := outcome.error_before_exec or outcome.error_in_exec:
        return f"{type(error).__name__}: {error}".split("\n")[0]
    return refused(cell, captured.stdout)


def refused(cell: nbformat.NotebookNode, printed: str) -> str:
    """The hint that a solution which no longer passes has printed, or "": it raises nothing."""
    bad = "solution" in cell.metadata.get("tags", ()) and "✗" in printed
    return f"check: {printed.strip().splitlines()[0]}" if bad else ""


def _code(cells: Sequence[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    return [cell for cell in cells if cell.cell_type == "code"]


def results(notebook: nbformat.NotebookNode, mutants: dict[str, nbformat.NotebookNode], scrambled: bool) -> dict:
    """What becomes of each mutant, by name: ``{"by": who catches it or "", "decisions": [...]}``; None where unknown.

    With ``scrambled`` the test part is, errors are passed over, and the page ends with its last decision.
    """
    return forked(lambda alive: _results(notebook, mutants, scrambled)) or dict.fromkeys(mutants)


def _results(notebook, mutants, scrambled):
    folder = Path(tempfile.mkdtemp())
    file = folder / "decisions.jsonl"
    os.environ |= {"MPLBACKEND": "Agg", "MEDLIB_HOME": str(folder), "MEDLIB_SEED": "", decisions.FILE: str(file)}
    os.environ |= {decisions.SCRAMBLE: "1" if scrambled else "", "TF_NUM_INTEROP_THREADS": "1"}
    os.environ |= {"TF_NUM_INTRAOP_THREADS": "1", "OMP_NUM_THREADS": "1"}
    os.chdir(NOTEBOOKS)
    config = Config(HistoryManager={"enabled": False}, InteractiveShell={"colors": "NoColor"})
    shell = InteractiveShell.instance(config=config)
    end = (last_decision(notebook) if scrambled else len(notebook.cells) - 1) + 1
    original = [cell.source for cell in notebook.cells]
    touched = {
        name: next(i for i, cell in enumerate(mutant.cells) if cell.source != original[i])
        for name, mutant in mutants.items()
    }
    found = dict.fromkeys(mutants)
    try:
        for number in range(end):
            for name in (name for name, first in touched.items() if first == number):
                rest = _code(mutants[name].cells[number:end])
                start = time.monotonic()
                found[name] = forked(lambda alive, rest=rest: _rest(shell, rest, file, scrambled, alive), PATIENCE)
                word = (
                    f"{time.monotonic() - start:.1f} s: {found[name]['by'] or 'survives' if found[name] else 'hangs'}"
                )
                print(f"{name}: {word}", file=sys.__stderr__, flush=True)
            if _code(notebook.cells[number : number + 1]) and execute(shell, notebook.cells[number]) and not scrambled:
                break  # the page itself fails: its mutants are left to a kernel
        for name in (name for name, first in touched.items() if first >= end):
            found[name] = {"by": "", "decisions": decisions.recorded(file)}
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return found


def _rest(shell, cells, file, scrambled, alive):
    own = file.with_name("mutant.jsonl")
    own.unlink(missing_ok=True)
    if file.exists():
        shutil.copy(file, own)
    os.environ[decisions.FILE] = str(own)
    for cell in cells:
        alive()
        if (by := execute(shell, cell)) and not scrambled:
            return {"by": by, "decisions": []}
    return {"by": "", "decisions": decisions.recorded(own)}
