"""Try every claim on other seeds: ``python -m tests.course.sweep [--seeds 10] [NAME ...]`` (``make seeds``).

Nothing is stored. A claim that fails on one seed of ten says more, or less, than the page may say.
"""

from __future__ import annotations

import argparse
import copy
import sys

from tests.course.build import run
from tests.course.notebooks import pairs


def failures(pair, seed: int) -> list[str]:
    """Run a notebook on a seed; return the last line of every error."""
    notebook = copy.deepcopy(pair.source)
    took = run(notebook, seed=str(seed), allow_errors=True)
    outputs = [out for cell in notebook.cells for out in cell.get("outputs", ())]
    errors = [f"{out.ename}: {out.evalue}" for out in outputs if out.output_type == "error"]
    print(f"{pair.name} seed {seed}: {took:.0f} s, {'all claims hold' if not errors else ''}", *errors, sep="\n    ")
    return errors


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="notebooks; all by default")
    parser.add_argument("--seeds", type=int, default=10, help="how many, counted from 0")
    options = parser.parse_args()
    chosen = [pair for pair in pairs() if not options.names or pair.name in options.names]
    found = [failures(pair, seed) for pair in chosen for seed in range(options.seeds)]
    print(f"{len(found)} runs, {sum(bool(errors) for errors in found)} with a claim that fails")
    return int(any(found))


if __name__ == "__main__":
    sys.exit(main())
