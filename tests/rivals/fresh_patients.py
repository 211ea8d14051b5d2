"""Page 43 meets patients whom nobody has seen: ``python -m tests.rivals.fresh_patients [--patients 500] [--seeds 4]``.

While the recipe of that page was chosen, results on test patients of several splits were in sight, and all its splits
share the same 1,000 patients. Here ``data/build_head_ct.py`` builds others, from another seed of the simulation. The
page runs as it stands, once for each seed; then form, nearest scan and reporter write for the new patients, and their
facts are scored as on the page, paired by patient. Six minutes on one core, run by hand.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import runpy
import tempfile
from pathlib import Path

import numpy as np

from medlib.data import head_ct, load
from tests.course.notebooks import ROOT, Pair

SIMULATION = 4343  # the seed of the new patients; the course's own are those of 2024


def build(folder: Path, patients: int) -> None:
    """Write the two files of ``head_ct``, with new patients, into a folder."""
    import pandas as pd

    build_patient = runpy.run_path(str(ROOT / "data" / "build_head_ct.py"))["build_patient"]
    built = [build_patient(number, seed=SIMULATION) for number in range(patients)]
    codes, labels = (np.concatenate([parts[k] for parts in built]) for k in (0, 1))
    np.savez_compressed(folder / "head_ct.npz", codes=codes, labels=labels)
    pd.DataFrame([parts[2] for parts in built]).to_csv(folder / "patients.csv", index=False)


def page(seed: int) -> dict:
    """The names of page 43 after all its cells, run silently; a claim that fails ends this."""
    import matplotlib
    from IPython.core.interactiveshell import InteractiveShell

    matplotlib.use("Agg")
    os.environ["MEDLIB_SEED"] = str(seed)
    shell = InteractiveShell()
    with contextlib.redirect_stdout(io.StringIO()):
        for cell in Pair("43_reports_from_images").source.cells:
            if cell.cell_type == "code":
                shell.run_cell(cell.source, silent=True).raise_error()
    return shell.user_ns


def meet(names: dict, folder: Path):
    """A table of form, nearest scan and reporter on the patients in the folder, against the form."""
    at_home, head_ct.FOLDER = head_ct.FOLDER, folder
    try:
        reports_, ct = load("reports"), load("head_ct", size=32)
    finally:
        head_ct.FOLDER = at_home
    page_ = {name: names[name] for name in ("texts", "truth", "requests", "wishes")}
    texts, x = list(reports_.x), (names["scans"](ct) - names["centre"]) / names["spread"]
    page_["texts"]["fresh"] = texts
    page_["truth"]["fresh"] = [names["scan_facts"](report) for report in texts]
    asked = page_["requests"]["fresh"] = np.array([names["asked"](report) for report in texts], "float32")
    facts = [names["reports"].parse(report).facts for report in texts]
    page_["wishes"]["fresh"] = [{name: f[name] for name in ("weakness", "anticoagulant")} for f in facts]
    features = names["eyes"].predict(x.astype("float32"), verbose=0, batch_size=256)
    logits = {k: v.numpy() for k, v in names["classifier"]([x.astype("float32"), asked]).items()}
    written = {
        "form": names["form"](names["joint"](logits), "fresh"),
        "reporter": names["write"](np.hstack([features / names["scale"], asked]))[0],
    }
    of_test, page_["requests"]["test"] = page_["requests"]["test"], asked  # nearest() reads them
    written["nearest scan, features"] = names["nearest"]({"train": names["seen"]["train"], "test": features})
    page_["requests"]["test"] = of_test
    judged = {name: names["judge"](texts_, "fresh") for name, texts_ in written.items()}
    return names["score_table"](judged, reports_, against="form", scores=names["scores"], n=500)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--patients", type=int, default=500)
    parser.add_argument("--seeds", type=int, default=4)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder), options.patients)
        for seed in range(options.seeds):
            table = meet(page(seed), Path(folder))
            print(f"seed {seed}, {options.patients} fresh patients\n{table.astype(str).to_string()}\n", flush=True)


if __name__ == "__main__":
    main()
