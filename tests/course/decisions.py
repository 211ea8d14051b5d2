"""Run a page with its test part scrambled: every decision must come out the same, to the last bit.

``python -m tests.course.decisions [NAME ...]`` (``make decisions``). A page names its decisions with
``medlib.decisions.decide``. It is run twice in fresh kernels, up to its last decision: as it stands, and with a test
part whose rows, labels and values make no sense. A decision that differs has looked at the test part.
"""

from __future__ import annotations

import ast
import copy
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path

import nbformat

from medlib import decisions
from tests.course.build import run
from tests.course.form import called
from tests.course.notebooks import chosen


def last_decision(notebook: nbformat.NotebookNode) -> int | None:
    """The number of the last cell that decides something, itself or through a function of the page, or None."""
    deciding, last = {"decide"}, None
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        for node in ast.parse(cell.source).body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                inner = node.body if isinstance(node, ast.ClassDef) else [node]
                found = [part for part in inner if isinstance(part, ast.FunctionDef) and deciding & called(part)]
                deciding |= {part.name for part in found} | ({node.name} if found else set())
            elif deciding & called(node):
                last = number
    return last


@contextmanager
def environment(**values: str) -> Iterator[None]:
    """Set environment variables for a while; the kernels that start meanwhile inherit them."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def taken(notebook: nbformat.NotebookNode, scrambled: bool) -> tuple[list[dict[str, str]], list[str]]:
    """The decisions of one run, and the errors of its cells (a test part without sense may well raise some)."""
    notebook = copy.deepcopy(notebook)
    notebook.cells = notebook.cells[: (last_decision(notebook) or 0) + 1]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "decisions.jsonl"
        with environment(**{decisions.FILE: str(file), decisions.SCRAMBLE: "1" if scrambled else ""}):
            run(notebook, allow_errors=True)
        outputs = [out for cell in notebook.cells for out in cell.get("outputs", ())]
        errors = [f"{out.ename}: {out.evalue}" for out in outputs if out.output_type == "error"]
        return decisions.recorded(file), errors


def differences(plain: list[dict[str, str]], scrambled: list[dict[str, str]]) -> list[str]:
    """What was decided otherwise, in words; the order counts."""
    found, nothing = [], {"name": "nothing", "value": "no further decision", "bits": ""}
    for a, b in zip_longest(plain, scrambled, fillvalue=nothing):
        if (a["name"], a["bits"]) != (b["name"], b["bits"]):
            found.append(f"{a['name']}: {a['value']}; with a scrambled test part {b['name']}: {b['value']}")
    return found


def faults(notebook: nbformat.NotebookNode) -> tuple[list[dict[str, str]], list[str]]:
    """The decisions of a page, and what is wrong with them."""
    if last_decision(notebook) is None:
        return [], []
    plain, errors = taken(notebook, scrambled=False)
    if errors or not plain:
        return plain, [f"the page fails as it stands: {errors[:1] or 'nothing was decided'}"]
    other, errors = taken(notebook, scrambled=True)
    found = differences(plain, other)
    return plain, found + [f"(a cell failed meanwhile: {error})" for error in errors if found]


def main() -> int:
    wrong = 0
    for pair in chosen(sys.argv[1:]):
        plain, found = faults(pair.source)
        wrong += bool(found)
        verdict = (
            "decides nothing" if not plain else f"{len(plain)} decisions, {len(found) or 'none'} of them otherwise"
        )
        print(f"{pair.name}: {verdict}", *(found or [f"{d['name']}: {d['value']}" for d in plain]), sep="\n    ")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
