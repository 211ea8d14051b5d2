"""Measure the course: ``python -m tests.course.bench [--readme] [NAME ...]`` (``make bench``).

Every notebook is executed in a process of its own. The table is a compass for authors and a promise to readers:
run time, memory, size, and the rhythm of text and code. ``--readme`` writes it between the two markers in README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import numpy as np

from tests.course.build import execute
from tests.course.notebooks import ROOT, Pair, pairs

BEGIN, END = "<!-- bench: written by `make bench ARGS=--readme` -->", "<!-- /bench -->"
COLUMNS = "notebook · run s · memory GiB · stored kB · cells · lines a cell, median / p90 · words a line · figures"
COLUMNS = [*f"{COLUMNS} · claims · equations · exercises".split(" · ")]
REPEATS = 3  # of the short measurements; the best counts


def measure(pair: Pair) -> dict[str, float]:
    """Execute a notebook in a fresh process: seconds (kernel start included) and the kernel's peak memory in GiB."""
    command = [sys.executable, "-m", "tests.course.bench", "--measure", pair.name]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8")
    if done.returncode:
        raise SystemExit(f"{pair.name}: not measured.\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def measure_here(pair: Pair) -> dict[str, float]:
    """What :func:`measure` asks of its process, whose only child is the kernel."""
    notebook = pair.source
    execute(notebook, pair.name, code="")
    return {"seconds": notebook.metadata.medlib.seconds, "memory": peak_of_children()}


def peak_of_children() -> float:
    """GiB; nan where the system does not tell (Windows)."""
    try:
        import resource
    except ImportError:
        return float("nan")
    unit = 2**30 if sys.platform == "darwin" else 2**20
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / unit


def rhythm(pair: Pair) -> list[str]:
    """The columns that need no execution: cells, lines, words, figures, claims, equations, exercises."""
    code = pair.cells("code")
    sizes = [len(cell.source.strip().splitlines()) for cell in code] or [0]
    words = len(re.findall(r"[^\W\d_]{2,}", pair.prose))
    source = "\n".join(cell.source for cell in code)
    counts = [
        sum("image/png" in out.get("data", ()) for cell in code for out in cell.outputs),
        len(re.findall(r"^\s*claim\(", source, re.MULTILINE)),
        pair.prose.count("\\tag{"),
        len(set(re.findall(r"^check\(\"([\d.]+)\"", source, re.MULTILINE))),
    ]
    median, p90 = np.quantile(sizes, [0.5, 0.9])
    text = f"{len(pair.stored.cells)} | {median:.0f} / {p90:.0f} | {words / max(sum(sizes), 1):.1f}"
    return [*text.split(" | "), *map(str, counts)]


def row(pair: Pair) -> list[str]:
    run = measure(pair)
    stored = pair.path.stat().st_size / 1000
    return [pair.name, f"{run['seconds']:.0f}", f"{run['memory']:.2f}", f"{stored:.0f}", *rhythm(pair)]


def seconds_of(code: str, before: str = "") -> float:
    """Seconds that ``code`` takes in a fresh interpreter; nan when it fails."""
    program = f"{before}\nimport time; start = time.perf_counter()\n{code}\nprint(time.perf_counter() - start)"
    runs = [
        subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, encoding="utf-8")
        for _ in range(REPEATS)
    ]
    return min(float(run.stdout.split()[-1]) if run.returncode == 0 else float("nan") for run in runs)


def table(rows: list[list[str]]) -> str:
    rule = ["---", *["---:"] * (len(COLUMNS) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (COLUMNS, rule, *rows))


def report(chosen: list[Pair]) -> str:
    """The Markdown that is printed and that README shows."""
    rows = []
    for pair in chosen:
        rows.append(row(pair))
        print(f"{pair.name}: {rows[-1][1]} s", file=sys.stderr, flush=True)
    imported = 1000 * seconds_of("import medlib")
    loaded = seconds_of('load("head_ct")', before="from medlib.data import load")
    machine = f"{platform.system()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    total = f"All notebooks: {sum(float(r[1]) for r in rows):.0f} s"
    facts = f'{total}. `import medlib`: {imported:.0f} ms. `load("head_ct")`: {loaded:.2f} s. Measured on {machine}.'
    return f"{table(rows)}\n\n{facts}"


def write(text: str, readme: Path) -> None:
    """Put the report between the two markers of ``readme``."""
    before, found, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    if not found or END not in rest:
        raise SystemExit(
            f"{readme.name}: expected the two lines {BEGIN} and {END}; put them back where the table belongs"
        )
    readme.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.partition(END)[2]}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="notebooks, for example 12_gradient_descent; all by default")
    parser.add_argument("--readme", action="store_true", help="write the table into README.md (all notebooks)")
    parser.add_argument("--measure", metavar="NAME", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure_here(Pair(options.measure))))
        return
    known = {pair.name: pair for pair in pairs()}
    unknown = [name for name in options.names if name not in known]
    if unknown or (options.readme and options.names):
        parser.error(f"expected some of {', '.join(known)}; --readme measures all of them")
    text = report([known[name] for name in options.names or known])
    print(text)
    if options.readme:
        write(text, ROOT / "README.md")


if __name__ == "__main__":
    main()
