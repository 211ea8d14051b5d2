"""Break a page on purpose, one line at a time, and see who notices: ``python -m tests.course.mutate NN [NAME ...]``.

``make mutate ARGS=12``. The mutations of page NN stand in ``tests/course/mutations/NN.toml``, each with a name, the
text ``old``, which occurs exactly once in the code of the page (``times = 3`` when it must be changed in three places
at once), and the text ``new``. The cells run to the first one that fails: caught by a claim, a check, or an error. A
mutation that survives on a page which names its decisions is run once more with its test part scrambled: it is caught
when a decision differs. Figures are not looked at. ``survives = "reason"`` says why a mutation is no error of the page;
it is then expected to survive.

The page runs once; each mutation runs from its own cell on, in a copy of the process (:mod:`tests.course.forks`). Where
the system cannot copy a process (Windows), or a copy hangs, it runs from the top in a fresh kernel; ``--kernel`` asks
for that.
"""

from __future__ import annotations

import argparse
import copy
import os
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbclient.exceptions import CellExecutionError, CellTimeoutError

from medlib import decisions
from tests.course import forks
from tests.course.build import run
from tests.course.decisions import differences, environment, last_decision, taken
from tests.course.notebooks import Pair, chosen, table

FOLDER = Path(__file__).parent / "mutations"
COLUMNS = ["mutation", "result", "by"]


@dataclass(frozen=True)
class Mutation:
    """One textual change of the code of a page."""

    name: str
    old: str
    new: str
    times: int = 1
    survives: str = ""  # why this is no error of the page

    def applied(self, notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
        """A copy of the notebook with the change made.

        Raises
        ------
        ValueError
            ``old`` does not occur ``times`` times, or the change changes nothing.
        """
        changed = copy.deepcopy(notebook)
        code = [cell for cell in changed.cells if cell.cell_type == "code"]
        found = sum(cell.source.count(self.old) for cell in code)
        if found != self.times or self.old == self.new:
            raise ValueError(
                f"{self.name!r}: old occurs {found} times in the code of the page, expected {self.times}, and new must "
                f"differ from it; the page has changed, or old is too short: {self.old!r}"
            )
        for cell in code:
            cell.source = cell.source.replace(self.old, self.new)
        return changed


def mutations(pair: Pair) -> list[Mutation]:
    """The mutations of a page, in the order of its file; none without a file."""
    file = FOLDER / f"{pair.name[:2]}.toml"
    return (
        [Mutation(**entry) for entry in tomllib.loads(file.read_text(encoding="utf-8"))["mutation"]]
        if file.exists()
        else []
    )


def verdict(notebook: nbformat.NotebookNode) -> str:
    """Who catches a mutated notebook: the last line of the first error, a decision, or "" when it survives."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "decisions.jsonl"
        with environment(**{decisions.FILE: str(file), decisions.SCRAMBLE: ""}):
            try:
                run(notebook)
            except CellExecutionError as error:
                return f"{error.ename}: {error.evalue}".split("\n")[0]
            except CellTimeoutError:
                return "a cell without an end"
        for cell in notebook.cells:
            for out in cell.get("outputs", ()):
                if by := forks.refused(cell, out.get("text", "")):
                    return by
        if last_decision(notebook) is not None:
            scrambled, _ = taken(notebook, scrambled=True)
            return next((f"decision: {line}" for line in differences(decisions.recorded(file), scrambled)), "")
    return ""


def verdicts(notebook: nbformat.NotebookNode, found: Sequence[Mutation]) -> Iterator[tuple[Mutation, str]]:
    """Who catches each mutation: as :func:`verdict` says, in much less time. A kernel answers what a copy could not."""
    mutants = {mutation.name: mutation.applied(notebook) for mutation in found}
    plain, scrambled = dict.fromkeys(mutants), {}
    if hasattr(os, "fork"):
        plain = forks.results(notebook, mutants, scrambled=False)
        survivors = {name: mutants[name] for name, result in plain.items() if result and not result["by"]}
        if survivors and last_decision(notebook) is not None:
            scrambled = forks.results(notebook, survivors, scrambled=True)
    for mutation in found:
        result, other = plain[mutation.name], scrambled.get(mutation.name, {"decisions": None})
        if result is None or other is None:
            yield mutation, verdict(mutants[mutation.name])
        elif result["by"] or other["decisions"] is None:
            yield mutation, result["by"]
        else:
            lines = differences(result["decisions"], other["decisions"])
            yield mutation, f"decision: {lines[0]}" if lines else ""


def report(rows: Sequence[tuple[Mutation, str]]) -> str:
    """The table, and a line that counts: caught, and those that should have been."""
    lines = []
    for mutation, by in rows:
        result = "caught" if by else "survives, as said" if mutation.survives else "SURVIVES"
        lines.append([mutation.name, result, (by or mutation.survives).replace("|", "/")[:100]])
    real = [(mutation, by) for mutation, by in rows if not (mutation.survives and not by)]
    caught = sum(bool(by) for _, by in real)
    return f"{table(lines, COLUMNS)}\n\ncaught {caught} of {len(real)}; {len(rows) - len(real)} more are no errors"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("page", help="number or name of a page")
    parser.add_argument("names", nargs="*", help="parts of the names of mutations; all by default")
    parser.add_argument("--kernel", action="store_true", help="run each from the top, in a kernel of its own")
    options = parser.parse_args()
    (pair,) = chosen([options.page])
    found = mutations(pair)
    if not found:
        parser.error(f"no mutations in {FOLDER / options.page[:2]}.toml")
    found = [m for m in found if not options.names or any(part in m.name for part in options.names)]
    start = time.monotonic()
    if options.kernel:
        rows = [(mutation, verdict(mutation.applied(pair.source))) for mutation in found]
    else:
        rows = list(verdicts(pair.source, found))
    print(f"{report(rows)}; {time.monotonic() - start:.0f} s")
    return int(any(not by and not mutation.survives for mutation, by in rows))


if __name__ == "__main__":
    sys.exit(main())
