"""Every "notebook NN", "(N.k)" and "exercise N.k" that is written somewhere, and whether it leads to something.

A number of a notebook leads somewhere when the page exists or README's map plans it; a number of a formula when a page
displays it, of an exercise when it has a check.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

from medlib import checks
from tests.course.notebooks import ROOT, Pair, pairs

DOCUMENTS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "data/README.md", "data/head_ct.md")]
_NUMBERS = r"\d\d(?:(?:, | and | or | to |–)(?:notebook )?\d\d)*"
_PAGE = re.compile(rf"\b[Nn]otebooks? ({_NUMBERS})\b(?!\.\d)")
_FORMULA = re.compile(r"\((\d{1,2}\.[1-9]\d?)\)")
_EXERCISE = re.compile(r"\b[Ee]xercises? (\d{1,2}\.\d+)")


def planned() -> set[str]:
    """The numbers that README's map announces: the rows of its table *Planned*."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \d \w.*?\| (.+?) \|$", readme, re.MULTILINE)
    return {number for row in rows for number in re.findall(r"(?:^|· )(\d\d) ", row)}


def targets() -> tuple[set[str], set[str], set[str]]:
    """What may be referred to: numbers of notebooks, of formulas, of exercises."""
    found = pairs()
    formulas = {tag for pair in found for tag in re.findall(r"\\tag\{([^}]+)\}", pair.prose)}
    return planned() | {pair.name[:2] for pair in found}, formulas, set(checks.exercises())


def dangling(text: str, pages: set[str], formulas: set[str], exercises: set[str]) -> list[str]:
    """The references in a text that lead nowhere.

    A number in brackets is taken for a formula's; a decimal such as 0.5 is written .5 there.
    """
    named = [number for match in _PAGE.findall(text) for number in re.findall(r"\d\d", match)]
    lost = [f"notebook {number}" for number in named if number not in pages]
    lost += [f"formula ({number})" for number in _FORMULA.findall(text) if number not in formulas]
    return lost + [f"exercise {number}" for number in _EXERCISE.findall(text) if number not in exercises]


def spoken(source: str) -> str:
    """What Python code says to people: comments, docstrings and messages (strings with a blank in them)."""
    comments = [t.string for t in tokenize.generate_tokens(io.StringIO(source).readline) if t.type == tokenize.COMMENT]
    strings = [n.value for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    return "\n".join(comments + [text for text in strings if " " in text])


def page_text(pair: Pair) -> str:
    """Everything that a page says: its prose, and what its code says."""
    code = [spoken(cell.source) for cell in pair.current.cells if cell.cell_type == "code"]
    prose = [cell.source for cell in pair.current.cells if cell.cell_type == "markdown"]
    return "\n".join(prose + code)


def texts() -> Iterator[tuple[str, str]]:
    """Name and text of every place that speaks to a reader: pages, documents, medlib with the hints of its checks."""
    for path in DOCUMENTS:
        yield path.name, path.read_text(encoding="utf-8")
    for path in sorted(Path(ROOT / "medlib").rglob("*.py")):
        yield str(path.relative_to(ROOT)), spoken(path.read_text(encoding="utf-8"))
    for pair in pairs():
        yield pair.name, page_text(pair)
