"""The pairs on disk, read once: what the contract's tests and the build look at."""

from __future__ import annotations

import hashlib
import math
import re
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import jupytext
import nbformat

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"
SCRIPTS = NOTEBOOKS / "scripts"


@dataclass(frozen=True)
class Pair:
    """One lesson: the script that is edited and the notebook that is read."""

    name: str

    @property
    def script(self) -> Path:
        return SCRIPTS / f"{self.name}.py"

    @property
    def path(self) -> Path:
        return NOTEBOOKS / f"{self.name}.ipynb"

    @property
    def number(self) -> int:
        return int(self.name[:2])

    @cached_property
    def source(self) -> nbformat.NotebookNode:
        """The notebook as the script describes it: cells without outputs."""
        return jupytext.read(self.script)

    @cached_property
    def stored(self) -> nbformat.NotebookNode:
        """The notebook as it is stored: cells with outputs."""
        return nbformat.read(self.path, as_version=4)

    def cells(self, kind: str) -> list[nbformat.NotebookNode]:
        return [cell for cell in self.stored.cells if cell.cell_type == kind]

    @property
    def prose(self) -> str:
        return "\n\n".join(cell.source for cell in self.cells("markdown"))

    def header(self) -> dict[str, str]:
        """The one-line table of the opening cell: needs, read, run, data."""
        lines = self.stored.cells[0].source.splitlines()
        rows = [[c.strip() for c in line.strip().strip("|").split("|")] for line in lines if line.startswith("|")]
        return dict(zip(rows[0], rows[2], strict=True)) if len(rows) == 3 else {}


def pairs() -> list[Pair]:
    """Every lesson that has a script or a notebook, in the order of the course."""
    names = {p.stem for p in SCRIPTS.glob("*.py")} | {p.stem for p in NOTEBOOKS.glob("*.ipynb")}
    return [Pair(name) for name in sorted(names)]


def in_git() -> set[str] | None:
    """The files below ``notebooks/`` that git knows, as ``notebooks/...``; None where git does not answer.

    It does not without git, in a folder that came as a zip, and in one that belongs to somebody else ("dubious
    ownership").
    """
    command = ["git", "ls-files", "-z", "notebooks"]
    try:
        listing = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8").stdout
    except OSError:
        return None
    return set(listing.split("\0")) - {""} or None


def expected() -> tuple[set[str], str]:
    """The notebooks that a complete run executes, and where that is known from."""
    files = in_git()
    if files is None:
        return {f"notebooks/{path.name}" for path in NOTEBOOKS.glob("*.ipynb")}, "in the folder (git does not answer)"
    return {name for name in files if name.endswith(".ipynb")}, "in git"


def digest(notebook: nbformat.NotebookNode) -> str:
    """A fingerprint of the code that was executed: stored with the outputs, so that a stale output shows."""
    code = "\n# ---\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    return hashlib.sha256(code.encode()).hexdigest()[:16]


def reading_minutes(notebook: nbformat.NotebookNode) -> int:
    """Minutes to read: 180 words of prose a minute and half a minute a code cell, rounded up to five."""
    prose = " ".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    code = sum(cell.cell_type == "code" for cell in notebook.cells)
    words = len(re.findall(r"[^\W\d_]{2,}", prose))
    return 5 * math.ceil((words / 180 + code / 2) / 5)


def seconds(text: str) -> float:
    """``"40 s"`` or ``"1.5 min"`` as seconds; the first number counts."""
    number, unit = re.match(r"([\d.]+)\s*(s|min)\b", text).groups()
    return float(number) * (60 if unit == "min" else 1)
