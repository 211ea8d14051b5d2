"""Bring the notebooks up to date: ``python -m tests.course.build [--force] [NAME ...]`` (``make notebooks``).

The script in ``notebooks/scripts/`` is the source. Cells whose code is unchanged keep their outputs; a notebook whose
code changed since its outputs were made is executed again, and refused when a cell fails or writes to stderr.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from queue import Empty

import nbformat
import numpy as np
from jupytext.combine import combine_inputs_with_outputs
from jupytext.compare import NotebookDifference, compare_notebooks
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from threadpoolctl import threadpool_limits

from tests.course.notebooks import NOTEBOOKS, Pair, digest, pairs

CELL_TIMEOUT = 300  # seconds


def same(pair: Pair) -> bool:
    """Whether script and notebook hold the same cells, whatever their outputs and ids."""
    try:
        compare_notebooks(pair.stored, pair.source, "py:percent", compare_outputs=False, compare_ids=False)
        return True
    except NotebookDifference:
        return False


def refresh(pair: Pair, force: bool = False) -> str:
    """Make the stored notebook follow its script; return one word on what was done."""
    if pair.path.exists():
        newer = pair.path.stat().st_mtime - pair.script.stat().st_mtime
        if newer > 1 and not same(pair) and pair.stored.metadata.get("medlib", {}).get("code") != digest(pair.stored):
            raise SystemExit(
                f"{pair.name}: the notebook was edited after its script. Keep the notebook's text with\n"
                f"    jupytext --sync {pair.path}\nor keep the script's with\n    touch {pair.script}"
            )
        fresh = combine_inputs_with_outputs(pair.source, pair.stored, fmt="py:percent")
    else:
        fresh = pair.source
    code = digest(fresh)
    if force or fresh.metadata.get("medlib", {}).get("code") != code:
        execute(fresh, pair.name, code)
        word = f"executed in {fresh.metadata.medlib.seconds} s"
    elif pair.path.exists() and pair.script.read_text(encoding="utf-8") == pair.saved():
        return "up to date"
    else:
        word = "text updated"
    nbformat.validate(fresh)
    nbformat.write(fresh, pair.path)
    # The script is the master, but its form is that in which JupyterLab saves the notebook: written back, saving or
    # opening the page changes nothing, whichever of the two files git touched last.
    pair.script.write_text(pair.saved(), encoding="utf-8", newline="\n")
    os.utime(pair.path)
    return word


def asking_again(ask, every: float = 1.0):
    """``ask``, which awaits a message, in waits of at most ``every`` seconds; raises ``Empty`` as it does.

    nbclient sends the state of widgets through the channel on which it awaits the kernel's reply. Now and then pyzmq
    spends on the sending the one wake-up that announces the reply, and a single long wait would never end.
    """

    async def get(timeout=None):
        end = float("inf") if timeout is None else time.monotonic() + timeout
        while True:
            try:
                return await ask(timeout=max(0.0, min(every, end - time.monotonic())))
            except Empty:
                if time.monotonic() >= end:
                    raise

    return get


class Client(NotebookClient):
    """nbclient's, which asks again for a reply that it may have missed."""

    async def async_start_new_kernel_client(self):
        client = await super().async_start_new_kernel_client()
        client.shell_channel.get_msg = asking_again(client.shell_channel.get_msg)
        return client


def run(notebook: nbformat.NotebookNode, seed: str = "", **options) -> float:
    """Run all cells in a fresh kernel, as a reader without a history would; return the seconds it took.

    Cells under the heading *On real data* are not counted: they wait for data that a reader may not have.
    """
    optional, begun, left_out = optional_cells(notebook), {}, []

    def begin(cell, cell_index):
        begun[cell_index] = time.monotonic()

    def end(cell, cell_index, execute_reply):
        if cell_index in optional:
            left_out.append(time.monotonic() - begun[cell_index])

    with tempfile.TemporaryDirectory() as home:  # nobody's exercise results belong in a stored notebook
        environment = {**os.environ, "MEDLIB_HOME": home, "MEDLIB_SEED": seed}
        start = time.monotonic()
        place = {"metadata": {"path": str(NOTEBOOKS)}}
        options = {"timeout": CELL_TIMEOUT, "kernel_name": "python3", "record_timing": False, **options}
        options["extra_arguments"] = ["--log-level=40"]  # no word on TCP without encryption at each start of a kernel
        client = Client(notebook, resources=place, on_cell_execute=begin, on_cell_executed=end, **options)
        client.execute(env=environment)
        return time.monotonic() - start - sum(left_out)


def without_data(notebook: nbformat.NotebookNode) -> list[str]:
    """The lines that say which data was missing, outside of *On real data*: a page runs without it, not stored so."""
    optional = optional_cells(notebook)
    texts = (
        out.get("text", "") for i, c in enumerate(notebook.cells) if i not in optional for out in c.get("outputs", ())
    )
    return [line for text in texts for line in text.splitlines() if " is not on this computer. To get it" in line]


def optional_cells(notebook: nbformat.NotebookNode) -> set[int]:
    """The numbers of the cells from the heading *On real data* to the next heading of that level."""
    found, inside = set(), False
    for number, cell in enumerate(notebook.cells):
        for line in cell.source.splitlines() if cell.cell_type == "markdown" else ():
            if line.startswith("## "):
                inside = line.strip() == "## On real data"
        if inside:
            found.add(number)
    return found


#: Seconds of :func:`yardstick` on the computer whose times README gives: 140 billion operations a second, one thread.
#: Notebook 00 took 22 s there; on a day on which it took 41 s, the yardstick took 2.09.
REFERENCE = 1.12


def yardstick() -> float:
    """Seconds of ten products of two matrices of 2000 × 2000 single-precision numbers, on one thread.

    A computer that is shared is half as quick on one day as on another. A budget in seconds must not depend on the day,
    so the time of a notebook is stated in seconds of the reference computer: measured, over the yardstick, times its
    reference.
    """
    a = np.random.default_rng(0).random((2000, 2000), np.float32)
    with threadpool_limits(1):
        a @ a  # the first one also starts the library
        start = time.perf_counter()
        for _ in range(10):
            a @ a
        return time.perf_counter() - start


def execute(notebook: nbformat.NotebookNode, name: str, code: str) -> None:
    """Run the notebook and keep the outputs; refuse a cell that fails or writes to stderr."""
    before = yardstick()
    try:
        took = run(notebook)
    except CellExecutionError as error:
        raise SystemExit(f"{name}: a cell failed, the stored notebook is unchanged.\n{error}") from None
    noise = [out.text for c in notebook.cells for out in c.get("outputs", ()) if out.get("name") == "stderr"]
    if noise:
        raise SystemExit(f"{name}: a cell wrote to stderr, the stored notebook is unchanged:\n{noise[0]}")
    if missing := without_data(notebook):
        raise SystemExit(f"{name}: a page is stored as it is with its data, the notebook is unchanged.\n{missing[0]}")
    slowness = (before + yardstick()) / 2 / REFERENCE
    print(f"{name}: took {took:.0f} s; this computer needs {slowness:.2f} times the reference's time", file=sys.stderr)
    notebook.metadata["medlib"] = {"code": code, "seconds": round(took / slowness)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="notebooks, for example 12_gradient_descent; all by default")
    parser.add_argument("--force", action="store_true", help="execute even when nothing changed")
    options = parser.parse_args()
    known = {pair.name: pair for pair in pairs()}
    unknown = [name for name in options.names if name not in known]
    if unknown:
        parser.error(f"no notebook named {', '.join(unknown)}; there are {', '.join(known)}")
    for name in options.names or known:
        print(f"{name}: {refresh(known[name], options.force)}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
