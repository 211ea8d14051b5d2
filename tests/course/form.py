"""The form of a page (README, *How the course is checked*), rule by rule: ``python -m tests.course.form [NAME ...]``.

Each rule takes a notebook and returns what is wrong with it, in words; an empty list is a page that keeps the rule. The
command looks at the scripts, with the outputs stored for the cells that have not changed since: an author's compass
between two executions.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator

import nbformat

from tests.course.build import optional_cells
from tests.course.notebooks import (
    chosen,
    claims,
    code_lines,
    cost,
    folded,
    images,
    open_code,
    reading_minutes,
    tables,
    tags,
)

MINUTES, CELLS = 60, 75  # a page
LINES, LONG_LINES, WIDTH = 15, 30, 88  # an open cell; the one `long` cell; a line of either
CLAIMS, OPEN_CLAIMS = 40, 2  # a page; an open cell
QUESTIONS = 3

RULES: dict[str, Callable[[nbformat.NotebookNode], list[str]]] = {}


def rule(function: Callable) -> Callable:
    """Register a rule under the name of its function."""
    RULES[function.__name__] = lambda notebook: list(function(notebook))
    return function


def faults(notebook: nbformat.NotebookNode) -> list[str]:
    """Everything that the page does against the form."""
    return [f"{name}: {fault}" for name, check in RULES.items() for fault in check(notebook)]


def name(cell: nbformat.NotebookNode) -> str:
    """How a message calls a cell: by its first line."""
    return repr(cell.source.strip().split("\n")[0][:70])


def header(notebook: nbformat.NotebookNode) -> dict[str, str]:
    """The one-line table of the opening cell: needs, read, run, data."""
    lines = notebook.cells[0].source.splitlines()
    rows = [[c.strip() for c in line.strip().strip("|").split("|")] for line in lines if line.startswith("|")]
    return dict(zip(rows[0], rows[2], strict=True)) if len(rows) == 3 else {}


@rule
def one_sitting(notebook) -> Iterator[str]:
    minutes, cells = cost(notebook).minutes, len(notebook.cells)
    if minutes > MINUTES:
        yield f"{minutes:.1f} honest minutes, at most {MINUTES}: fold what only proves, or make two pages of it"
    if cells > CELLS:
        yield f"{cells} cells, at most {CELLS}"


@rule
def header_table(notebook) -> Iterator[str]:
    found = header(notebook)
    if list(found) != ["needs", "read", "run", "data"]:
        yield f"the opening cell needs a table of one row, needs · read · run · data; got {list(found)}"
    elif found["read"] != f"{reading_minutes(notebook)} min":
        yield f"the header says read {found['read']!r}, the formula says '{reading_minutes(notebook)} min'"


@rule
def early_sight(notebook) -> Iterator[str]:
    """A picture, or a number in a sentence, among the first five cells."""
    first = notebook.cells[:5]
    prose = "\n".join(cell.source for cell in first if cell.cell_type == "markdown")
    sentences = [line for line in prose.splitlines() if not re.match(r"\s*([|#>*-]|\$\$|After this)", line)]
    number = re.compile(r"(?<![\w.(/])\d[\d,.]*(?![\w_]*\.ipynb)")
    shown = re.sub(r"\[[^\]]*\]\([^)]*\)|[Nn]otebooks? \d\d", "", " ".join(sentences))
    if not any(images(cell) for cell in first) and not number.search(shown):
        yield "no picture and no number in a sentence among the first five cells: begin with what surprises"


@rule
def short_open_cells(notebook) -> Iterator[str]:
    long = [cell for cell in open_code(notebook) if "long" in tags(cell)]
    if len(long) > 1:
        yield f"{len(long)} cells with the tag 'long', at most one: {', '.join(map(name, long))}"
    for cell in open_code(notebook):
        limit, lines = (LONG_LINES if cell in long else LINES), code_lines(cell.source)
        if lines > limit:
            yield f"{lines} lines in the open cell {name(cell)}, at most {limit}"
        wide = [line.strip() for line in cell.source.splitlines() if len(line) > WIDTH]
        if wide:
            yield f"{len(wide)} lines of more than {WIDTH} characters in the open cell {name(cell)}: {wide[0][:40]!r}"


@rule
def folds_carry_their_tag(notebook) -> Iterator[str]:
    """A solution is folded; everything else that is folded, and nothing that is open, carries ``hide-input``."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            hidden, solution = "hide-input" in tags(cell), "solution" in tags(cell)
            if folded(cell) and not (hidden or solution):
                yield f'the folded cell {name(cell)} lacks tags=["hide-input"]'
            if (hidden or solution) and not folded(cell):
                yield f'{name(cell)} is tagged as folded and open: add jupyter={{"source_hidden": true}}'


@rule
def few_claims(notebook) -> Iterator[str]:
    if cost(notebook).claims > CLAIMS:
        yield f"{cost(notebook).claims} claims, at most {CLAIMS}: plumbing belongs into unit tests"
    for cell in open_code(notebook):
        ticks = len(claims(cell.source))
        if ticks > OPEN_CLAIMS:
            yield f"{ticks} claims in the open cell {name(cell)}, at most {OPEN_CLAIMS}: fold the proof"


@rule
def says_what_is_seen(notebook) -> Iterator[str]:
    """Every figure and every table is followed by a markdown cell that begins with a plain sentence."""
    for cell, after in zip(notebook.cells, [*notebook.cells[1:], None], strict=True):
        if cell.cell_type == "code" and (images(cell) or tables(cell)):
            what = "figure" if images(cell) else "table"
            if after is None or after.cell_type != "markdown":
                yield f"no markdown cell after the {what} of {name(cell)}: say what is seen"
            elif not plain_sentence(after.source):
                yield f"after the {what} of {name(cell)} the text begins with {name(after)}, not with a plain sentence"


def plain_sentence(markdown: str) -> bool:
    """Whether a text opens with a sentence: words and a full stop, no heading, list, table, formula or fold."""
    paragraph = markdown.strip().split("\n\n")[0]
    if re.match(r"(#|[-+*] |\d+\. |\||\$\$|<|!\[|```)", paragraph):
        return False
    return len(re.findall(r"[^\W\d_]{2,}", paragraph)) >= 5 and re.search(r"[.:?!](\W|$)", paragraph) is not None


@rule
def exercises_under_your_turn(notebook) -> Iterator[str]:
    """The nearest heading above the text of an exercise says *Your turn*."""
    heading = ""
    for cell in notebook.cells:
        for line in cell.source.splitlines() if cell.cell_type == "markdown" else ():
            heading = line if re.match(r"#{1,6} ", line) else heading
            number = re.match(r"\*\*(\d+\.\d+)\b", line)
            if number and "your turn" not in heading.lower():
                yield f"exercise {number.group(1)} stands under {heading!r}, not under 'Your turn'"


@rule
def quiz(notebook) -> Iterator[str]:
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    blocks = re.findall(r"<details>\s*<summary>(.+?)</summary>(.+?)</details>", prose, re.DOTALL)
    reasoned = [question for question, answer in blocks if len(answer.split()) >= 8]
    if len(reasoned) < QUESTIONS or cost(notebook).questions != len(reasoned):
        yield f"{len(reasoned)} of {cost(notebook).questions} folded questions have a reasoned answer, expected three"


@rule
def simulated_images_say_so(notebook) -> Iterator[str]:
    """Where the header says that the data are simulated, a cell that shows images says "simulated", or its helper does.

    Sections headed *On real data* are left out.
    """
    if "simulated" not in header(notebook).get("data", "").lower():
        return
    drawing, real = {"imshow", "mosaic"}, optional_cells(notebook)
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        tree = ast.parse(cell.source)
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and drawing & called(node) and not says_simulated(node):
                drawing.add(node.name)
        shown = [node for node in tree.body if not isinstance(node, (ast.FunctionDef, ast.ClassDef))]
        if images(cell) and number not in real and any(drawing & called(node) for node in shown):
            if not says_simulated(tree):
                yield f"the figure of {name(cell)} shows images and no title says 'simulated'"


def called(node: ast.AST) -> set[str]:
    """The names of the functions and methods that a piece of code calls."""
    functions = [call.func for call in ast.walk(node) if isinstance(call, ast.Call)]
    return {getattr(function, "attr", getattr(function, "id", "")) for function in functions}


def says_simulated(node: ast.AST) -> bool:
    texts = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    return any("simulated" in text.lower() for text in texts)


def main() -> int:
    found = {pair.name: faults(pair.current) for pair in chosen(sys.argv[1:])}
    for page, lines in found.items():
        print(f"{page}: {'keeps the form' if not lines else f'{len(lines)} faults'}", *lines, sep="\n    ")
    return int(any(found.values()))


if __name__ == "__main__":
    sys.exit(main())
