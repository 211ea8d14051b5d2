"""Real cohorts that come inside scikit-learn and scikit-survival: no download, published results to compare with.

``x`` holds the numbers of ``frame``, column by column. In survival sets y is a structured array: its first field is the
event (True: observed, False: censored), its second the time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from medlib.data.dataset import Card, Dataset
from medlib.data.store import Source

if TYPE_CHECKING:
    import pandas as pd

ONE_EACH = "Every row is a patient of their own."
DUMMIES = " Categories became columns of 0 and 1, the first category left out."
HLM = "Hosmer D, Lemeshow S, May S. Applied Survival Analysis. Wiley 2008"
NO_LICENCE = "none stated by the authors; distributed with scikit-survival (GPL-3.0)"

CARDS = {
    "breast_cancer": Card(
        title="Breast cancer Wisconsin (diagnostic)",
        what="30 measures of cell nuclei in a fine-needle aspirate; y: 1 = malignant, 0 = benign",
        rows="569 biopsies, 212 of them malignant",
        source="UCI Machine Learning Repository, set 17, in scikit-learn (load_breast_cancer)",
        licence="CC BY 4.0",
        citation="Street WN, Wolberg WH, Mangasarian OL. Nuclear feature extraction. SPIE 1993;1905:861",
        made="nuclei outlined on a digitised image; mean, standard error and worst value of ten measures",
        limits="scikit-learn codes malignant as 0; here it is 1. One hospital, and 37 % malignant: far from screening. "
        "The patient numbers were removed. The ten measures overlap strongly, and lengths have no stated unit.",
    ),
    "diabetes": Card(
        title="Diabetes progression",
        what="age, sex, body mass index, blood pressure and six serum measures; y: progression a year later, a score",
        rows="442 patients with diabetes",
        source="https://www4.stat.ncsu.edu/~boos/var.select/diabetes.html, in scikit-learn (load_diabetes)",
        licence="none stated by the authors; distributed with scikit-learn (BSD-3-Clause)",
        citation="Efron B, Hastie T, Johnstone I, Tibshirani R. Annals of Statistics 2004;32:407",
        made="measured at baseline; the score one year later, on a scale that is not described",
        limits="The columns were centred and scaled on all 442 rows, test rows included; "
        "load('diabetes', scaled=False) gives the measured values. How sex is coded is not stated.",
    ),
    "whas500": Card(
        title="Worcester Heart Attack Study (WHAS500)",
        what="14 measures at hospital admission for a heart attack; y: death, days since admission",
        rows="500 patients, 215 of whom died",
        source="scikit-survival (load_whas500)",
        licence=NO_LICENCE,
        citation=HLM,
        made="hospital records of Worcester, Massachusetts: 1997, 1999 and 2001." + DUMMIES,
        limits="A sample of a larger register. The length of stay (los) is known only at discharge: a model for the "
        "day of admission must not use it. " + ONE_EACH,
    ),
    "gbsg2": Card(
        title="German Breast Cancer Study Group 2 (GBSG2)",
        what="8 measures of women with node-positive breast cancer; y: recurrence or death, days",
        rows="686 patients, 299 with an event",
        source="scikit-survival (load_gbsg2)",
        licence=NO_LICENCE,
        citation="Schumacher M et al. Journal of Clinical Oncology 1994;12:2086",
        made="a trial of hormonal treatment and length of chemotherapy, recruited 1984 to 1989." + DUMMIES,
        limits="Hormonal treatment was randomised for some patients only: its effect cannot be read off. Care has "
        "changed since. " + ONE_EACH,
    ),
    "aids": Card(
        title="AIDS Clinical Trials Group study 320 (ACTG320)",
        what="11 measures of people with HIV; y: AIDS-defining event or death, days; endpoint='death' for death alone",
        rows="1,151 patients; 96 with an event, 26 died",
        source="scikit-survival (load_aids)",
        licence=NO_LICENCE,
        citation=f"Hammer SM et al. New England Journal of Medicine 1997;337:725; {HLM}",
        made="a randomised trial of adding indinavir to two drugs, stopped early." + DUMMIES,
        limits="8 % events and less than a year of follow-up: intervals are wide. tx and txgrp tell nearly the same, "
        "strat2 is the CD4 count cut in two. " + ONE_EACH,
    ),
    "breast_cancer_genes": Card(
        title="Breast cancer gene expression (TRANSBIG, GSE7390)",
        what="76 gene probes, age, oestrogen receptor, grade and size; y: distant metastasis, days",
        rows="198 patients with node-negative cancer, 51 with metastases",
        source="https://www.ncbi.nlm.nih.gov/geo/query/acc.cgi?acc=GSE7390, in scikit-survival (load_breast_cancer)",
        licence="public in GEO, no licence stated; distributed with scikit-survival (GPL-3.0)",
        citation="Desmedt C et al. Clinical Cancer Research 2007;13:3207",
        made="microarrays of frozen tumour tissue, log2 intensities." + DUMMIES,
        limits="The 76 probes were chosen on an earlier cohort, so their choice leaks nothing here. 198 patients for "
        "76 probes: expect wide intervals. Several centres, not named in the file. " + ONE_EACH,
    ),
}
_SKSURV = {
    "whas500": "load_whas500",
    "gbsg2": "load_gbsg2",
    "aids": "load_aids",
    "breast_cancer_genes": "load_breast_cancer",
}


def breast_cancer() -> Dataset:
    """569 biopsies; y 1 = malignant, 0 = benign (scikit-learn has it the other way round)."""
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer(as_frame=True)
    y = 1 - data.target.to_numpy(dtype=np.int64)
    return _dataset("breast_cancer", data.data, y, ("benign", "malignant"))


def diabetes(scaled: bool = True) -> Dataset:
    """442 patients; y the progression score. ``scaled=False`` gives the measured values of the columns."""
    from sklearn.datasets import load_diabetes

    data = load_diabetes(as_frame=True, scaled=scaled)
    return _dataset("diabetes", data.data, data.target.to_numpy(dtype=float), ())


def survival(name: str) -> Dataset:
    """A survival cohort; y structured (event, time in days)."""
    return _survival(name)


def aids(endpoint: str = "aids") -> Dataset:
    """ACTG320; ``endpoint`` is "aids" (AIDS-defining event or death) or "death".

    Raises
    ------
    ValueError
        Another endpoint.
    """
    if endpoint not in ("aids", "death"):
        raise ValueError(f"load('aids', endpoint={endpoint!r}): expected 'aids' or 'death'.")
    return _survival("aids", endpoint=endpoint)


def _survival(name: str, **options) -> Dataset:
    import pandas as pd
    from sksurv import datasets

    frame, y = getattr(datasets, _SKSURV[name])(**options)
    frame = pd.get_dummies(frame, drop_first=True, dtype=float)
    return _dataset(name, frame, y, ("censored", "event"))


def _dataset(name: str, frame: pd.DataFrame, y: np.ndarray, classes: tuple[str, ...]) -> Dataset:
    return Dataset(name, frame.to_numpy(dtype=float), y, classes, frame, None, None, CARDS[name])


def _source(name: str, function: str, needs: str, args: tuple = ()) -> Source:
    card = CARDS[name]
    return Source(name, card.title, "library", card.licence, card.rows, __name__, function, args, needs)


SOURCES = [
    _source("breast_cancer", "breast_cancer", "sklearn"),
    _source("diabetes", "diabetes", "sklearn"),
    _source("whas500", "survival", "sksurv", ("whas500",)),
    _source("gbsg2", "survival", "sksurv", ("gbsg2",)),
    _source("aids", "aids", "sksurv"),
    _source("breast_cancer_genes", "survival", "sksurv", ("breast_cancer_genes",)),
]
