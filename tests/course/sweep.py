"""Try every claim on other seeds and other computers: ``python -m tests.course.sweep [NAME ...]`` (``make seeds``).

``--seeds 10`` runs each notebook on ten seeds; ``--twice`` runs all cells twice in one kernel, as a reader does who
chooses *Run All* again; ``--on one-core,no-onednn,avx2`` plays other computers. Nothing is stored. A claim that fails
on one seed of ten, or on another processor, says more, or less, than the page may say.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import os
import sys
from collections.abc import Iterator

from nbclient.exceptions import DeadKernelError

from tests.course.build import run
from tests.course.notebooks import pairs

#: Other computers, as environment variables. They reach the kernel, which is a child of this process.
COMPUTERS = {
    "this": {},
    "one-core": {},
    "no-onednn": {"TF_ENABLE_ONEDNN_OPTS": "0"},  # Eigen's kernels alone: other sums, other digits
    "avx2": {"ONEDNN_MAX_CPU_ISA": "AVX2"},  # a processor without AVX-512
}


@contextlib.contextmanager
def computer(name: str) -> Iterator[None]:
    """Play another computer for as long as the context lasts."""
    before, cores = dict(os.environ), None
    os.environ.update(COMPUTERS[name])
    if name == "one-core":
        if not hasattr(os, "sched_setaffinity"):
            raise SystemExit("--on one-core: this system cannot bind a process to one core; use Linux")
        cores = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        if cores:
            os.sched_setaffinity(0, cores)


def failures(pair, seed: int, twice: bool = False, on: str = "this") -> list[str]:
    """Run a notebook; return the last line of every error, and what was written to stderr."""
    notebook = copy.deepcopy(pair.source)
    once = len(notebook.cells)
    if twice:
        notebook.cells += copy.deepcopy(notebook.cells)
    found, took = [], float("nan")
    try:
        with computer(on):
            took = run(notebook, seed=str(seed), allow_errors=True)
    except DeadKernelError:
        found.append("the kernel died")
    for number, cell in enumerate(notebook.cells):
        where = "second run: " if number >= once else ""
        for out in cell.get("outputs", ()):
            if out.output_type == "error":
                found.append(f"{where}{out.ename}: {out.evalue}")
            elif out.get("name") == "stderr":
                found.append(f"{where}stderr: {out.text.strip()[:500]}")
    how = f"seed {seed}" + (", twice" if twice else "") + (f", {on}" if on != "this" else "")
    word = "" if found else "all claims hold"
    print(f"{pair.name} {how}: {took:.0f} s, {word}", *found, sep="\n    ", flush=True)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="notebooks; all by default")
    parser.add_argument("--seeds", type=int, default=10, help="how many, counted from 0")
    parser.add_argument("--twice", action="store_true", help="all cells twice in one kernel")
    parser.add_argument("--on", default="this", help=f"computers, with commas between: {', '.join(COMPUTERS)}")
    options = parser.parse_args()
    known = [pair.name for pair in pairs()]
    if unknown := sorted(set(options.names) - set(known)):
        parser.error(f"no notebook named {', '.join(unknown)}; there are {', '.join(known)}")
    if unknown := sorted(set(computers := options.on.split(",")) - set(COMPUTERS)):
        parser.error(f"--on: no computer named {', '.join(unknown)}; there are {', '.join(COMPUTERS)}")
    chosen = [pair for pair in pairs() if not options.names or pair.name in options.names]
    seeds = range(options.seeds)
    found = [failures(pair, seed, options.twice, on) for on in computers for pair in chosen for seed in seeds]
    print(f"{len(found)} runs, {sum(bool(errors) for errors in found)} with something that fails")
    return int(any(found))


if __name__ == "__main__":
    sys.exit(main())
