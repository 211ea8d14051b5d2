"""The pairs on disk, read once, and what a page costs its reader: what the contract's tests and the build look at.

``python -m tests.course.notebooks [NAME ...]`` prints the table of costs, from the scripts and the outputs so far.
"""

from __future__ import annotations

import ast
import hashlib
import math
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import jupytext
import nbformat
import numpy as np
from jupytext.combine import combine_inputs_with_outputs

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

    def saved(self) -> str:
        """The script as JupyterLab writes it when the notebook, as it is on the disk now, is saved."""
        return jupytext.writes(nbformat.read(self.path, as_version=4), fmt="py:percent")

    @cached_property
    def current(self) -> nbformat.NotebookNode:
        """The script's cells with the outputs stored for those that have not changed since."""
        return (
            combine_inputs_with_outputs(self.source, self.stored, "py:percent") if self.path.exists() else self.source
        )

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


# ------------------------------------------------------------------------------------------- what a page costs a reader


def code_lines(source: str) -> int:
    """Lines that are not empty."""
    return sum(bool(line.strip()) for line in source.splitlines())


def tags(cell: nbformat.NotebookNode) -> set[str]:
    return set(cell.metadata.get("tags", ()))


def folded(cell: nbformat.NotebookNode) -> bool:
    """Whether a reader meets the cell with its source folded away."""
    return cell.metadata.get("jupyter", {}).get("source_hidden") is True


def open_code(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """The code cells that a reader reads."""
    return [cell for cell in notebook.cells if cell.cell_type == "code" and not folded(cell)]


def images(cell: nbformat.NotebookNode) -> list[str]:
    """The figures in a cell's outputs, base64."""
    return [out.data["image/png"] for out in cell.get("outputs", ()) if "image/png" in out.get("data", ())]


def tables(cell: nbformat.NotebookNode) -> list[str]:
    """The tables in a cell's outputs, HTML."""
    found = [out.data.get("text/html", "") for out in cell.get("outputs", ()) if "data" in out]
    return [html for html in found if "<table" in html]


def claims(source: str) -> list[ast.Call]:
    """The calls of ``claim`` in a cell."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "claim"]


@dataclass(frozen=True)
class Cost:
    """What a page asks of its reader, counted."""

    words: int  # of prose; a word has two letters
    open_lines: tuple[int, ...]  # of each open code cell, without empty lines
    formulas: int  # that have a number
    figures: int
    exercises: int
    questions: int  # of the quiz
    cells: int
    folded: int
    claims: int

    @property
    def minutes(self) -> float:
        """Honest minutes: 200 words a minute, 8 s a line of open code, 30 s a formula, 40 s a figure, and practice."""
        seconds = 8 * sum(self.open_lines) + 30 * self.formulas + 40 * self.figures
        return self.words / 200 + seconds / 60 + 5 * self.exercises + self.questions


def cost(notebook: nbformat.NotebookNode) -> Cost:
    """Count a page. Figures are those in its outputs, so a page that was not executed looks too short."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    source = "\n".join(cell.source for cell in code)
    return Cost(
        words=len(re.findall(r"[^\W\d_]{2,}", prose)),
        open_lines=tuple(code_lines(cell.source) for cell in open_code(notebook)),
        formulas=prose.count("\\tag{"),
        figures=sum(len(images(cell)) for cell in code),
        exercises=len(set(re.findall(r"^check\(\"([\d.]+)\"", source, re.MULTILINE))),
        questions=prose.count("<details>"),
        cells=len(notebook.cells),
        folded=sum(folded(cell) for cell in code),
        claims=sum(len(claims(cell.source)) for cell in code),
    )


def reading_minutes(notebook: nbformat.NotebookNode) -> int:
    """What the header says: :attr:`Cost.minutes`, rounded up to five."""
    return 5 * math.ceil(round(cost(notebook).minutes, 6) / 5)


def seconds(text: str) -> float:
    """``"40 s"`` or ``"1.5 min"`` as seconds; the first number counts."""
    number, unit = re.match(r"([\d.]+)\s*(s|min)\b", text).groups()
    return float(number) * (60 if unit == "min" else 1)


COLUMNS = (
    "notebook · honest minutes · cells · folded · lines an open cell, median / p90 · words an open line · figures · "
    "formulas · exercises · claims · run s · stored kB"
).split(" · ")


def row(pair: Pair) -> list[str]:
    """One line of the table of costs."""
    c = cost(pair.current)
    median, p90 = np.quantile(c.open_lines or [0], [0.5, 0.9])
    run = pair.stored.metadata.get("medlib", {}).get("seconds", "") if pair.path.exists() else ""
    size = f"{pair.path.stat().st_size / 1000:.0f}" if pair.path.exists() else ""
    words = f"{c.words / max(sum(c.open_lines), 1):.1f}"
    counts = [c.figures, c.formulas, c.exercises, c.claims, run]
    return [
        pair.name, f"{c.minutes:.1f}", str(c.cells), str(c.folded), f"{median:.0f} / {p90:.0f}", words,
        *map(str, counts), size,
    ]  # fmt: skip


def table(rows: list[list[str]], columns: list[str] = COLUMNS) -> str:
    """Rows of text as a Markdown table; numbers to the right."""
    rule = ["---", *["---:"] * (len(columns) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (columns, rule, *rows))


def chosen(names: list[str]) -> list[Pair]:
    """The pages with these names or numbers ("12"); all of them without any."""
    known = pairs()
    unknown = [name for name in names if not any(name in (pair.name, pair.name[:2]) for pair in known)]
    if unknown:
        raise SystemExit(f"no notebook named {', '.join(unknown)}; there are {', '.join(p.name for p in known)}")
    return [pair for pair in known if not names or pair.name in names or pair.name[:2] in names]


if __name__ == "__main__":
    print(table([row(pair) for pair in chosen(sys.argv[1:])]))
