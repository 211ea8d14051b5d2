"""Real cohorts that come inside scikit-learn, lifelines and (an extra) scikit-survival: published results to meet.

``x`` holds the numbers of ``frame``, column by column; what was not measured is nan. In survival sets y is a structured
array: its first field is the event (True: observed, False: censored), its second the time.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medlib.data.dataset import Card, Dataset
from medlib.data.store import Source

if TYPE_CHECKING:
    import pandas as pd

ONE_EACH = "Every row is a patient of their own."
DUMMIES = " Categories became columns of 0 and 1, the first category left out."
HLM = "Hosmer D, Lemeshow S, May S. Applied Survival Analysis. Wiley 2008"
KLEIN = "Klein JP, Moeschberger ML. Survival Analysis. Springer 1997"
NO_LICENCE = "none stated by the authors; distributed with scikit-survival (GPL-3.0)"
WITH_LIFELINES = "none stated by the authors; distributed with lifelines (MIT)"
EXTRA = (  # how to get scikit-survival: one of its parts is built for no other computers
    'python -m pip install -e ".[sksurv]" in the folder of the course (Linux or Windows on 64-bit Intel or AMD, '
    "Python 3.11 or 3.12)"
)

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
    "gbsg2": Card(
        title="German Breast Cancer Study Group 2 (GBSG2)",
        what="8 measures of women with node-positive breast cancer; y: recurrence or death, days; endpoint='death' for "
        "death alone",
        rows="686 patients, 299 with an event, 171 died",
        source="lifelines (gbsg2.csv; for deaths lymph_node.csv, the same women in another order)",
        licence=WITH_LIFELINES,
        citation="Schumacher M et al. Journal of Clinical Oncology 1994;12:2086",
        made="a trial of hormonal treatment and length of chemotherapy, recruited 1984 to 1989. tsize in mm, pnodes a "
        "number, progrec and estrec in fmol/mg." + DUMMIES,
        limits="Hormonal treatment was randomised for some patients only: its effect cannot be read off. Care has "
        "changed since. " + ONE_EACH,
    ),
    "actg175": Card(
        title="AIDS Clinical Trials Group study 175 (ACTG 175)",
        what="15 measures at entry of people with HIV, and 3 columns for the treatment; y: CD4 count halved, AIDS or "
        "death, days; endpoint='cd4' for the CD4 count (cells/mm3) 20 weeks after entry",
        rows="2,139 patients, 521 with an event",
        source="lifelines (ACTG175.csv); the same as set 890 of the UCI Machine Learning Repository (CC BY 4.0)",
        licence=WITH_LIFELINES,
        citation="Hammer SM et al. New England Journal of Medicine 1996;335:1081",
        made="a double-blind randomised trial: 532 patients got zidovudine alone (the treatment without a column), 522 "
        "zidovudine and didanosine, 524 zidovudine and zalcitabine, 561 didanosine alone. wtkg in kg, preanti in days "
        "of earlier treatment, strat 1 = none, 2 = up to a year, 3 = longer; gender 1 = male, race 1 = not white.",
        limits="What was measured after entry is left out, the CD4 count at 96 weeks (missing in 797) included. The "
        "trial has more patients (2,467) than the file. Entry asked for a CD4 count from 200 to 500; cd40 lies outside "
        "for 377, and strat disagrees with preanti in 13. The drugs are no longer given alone. " + ONE_EACH,
    ),
    "lung": Card(
        title="Advanced lung cancer (North Central Cancer Treatment Group)",
        what="age, sex, performance scores of physician and patient, kcal at meals, weight lost; y: death, days",
        rows="228 patients, 165 of whom died",
        source="lifelines (lung.csv)",
        licence=WITH_LIFELINES,
        citation="Loprinzi CL et al. Journal of Clinical Oncology 1994;12:601",
        made="questionnaires of patients with advanced lung cancer; sex 1 = male, 2 = female; wt.loss in pounds over "
        "six months",
        limits="66 values are missing (47 of meal.cal, 14 of wt.loss) and are nan in x; 168 patients have all. The "
        "column of the institution is left out. ph.karno and pat.karno are the same scale seen by two people. "
        + ONE_EACH,
    ),
    "kidney_transplant": Card(
        title="Kidney transplants of the Ohio State University",
        what="age, and sex with race in three columns; y: death, days since the transplant",
        rows="863 patients, 140 of whom died",
        source="lifelines (kidney_transplant.csv)",
        licence=WITH_LIFELINES,
        citation=f"{KLEIN}, section 1.7",
        made="all transplants of one centre from 1982 to June 1992; white women are those with 0 in all three columns",
        limits="Four numbers a patient, none about the graft or the donor: little can be predicted. Who moved away "
        "counts as censored. 59 black women, 14 of whom died: differences between groups are uncertain, and race here "
        "stands for much that was not measured. Five pairs of rows are equal; nothing says that they are one patient. "
        + ONE_EACH,
    ),
    "larynx": Card(
        title="Cancer of the larynx",
        what="age and stage; y: death, years",
        rows="90 men, 50 of whom died",
        source="lifelines (larynx.csv)",
        licence=WITH_LIFELINES,
        citation=f"Kardaun O. Statistica Neerlandica 1983;37:103; {KLEIN}, section 1.8",
        made="men diagnosed in one Dutch hospital from 1970 to 1978; stage I (33 men) is the one without a column",
        limits="Small: 13 men in stage IV. The year of diagnosis is not in this file. " + ONE_EACH,
    ),
    "leukemia": Card(
        title="6-mercaptopurine in acute leukaemia",
        what="sex, log white blood cells, treatment (Rx 1 = placebo); y: relapse, weeks in remission",
        rows="42 patients, 30 with a relapse: 9 of 21 with the drug, 21 of 21 with placebo",
        source="lifelines (anderson.csv)",
        licence=WITH_LIFELINES,
        citation="Freireich EJ et al. Blood 1963;21:699",
        made="a double-blind trial, ended when the drug was clearly ahead. Patients were paired and one of each pair "
        "got placebo.",
        limits="The pairs are not marked in this file. Which sex 1 is, is not stated. 42 patients: an example to "
        "calculate by hand, no more. " + ONE_EACH,
    ),
    "stanford_heart": Card(
        title="Stanford heart transplant programme",
        what="age, year of acceptance, earlier surgery, and whether and after how many days a heart was transplanted; "
        "y: death, days since acceptance",
        rows="103 patients, 75 of whom died; 69 got a heart",
        source="lifelines (stanford_heart.csv; its intervals joined to one row a patient)",
        licence=WITH_LIFELINES,
        citation="Crowley J, Hu M. Journal of the American Statistical Association 1977;72:27",
        made="patients accepted from 1967 to 1974. age in years, year in years since October 1967, wait in days (nan "
        "for the 34 without a transplant)",
        limits="transplant and wait are known only later: who died early could not get a heart. A model that takes "
        "them as known at acceptance finds a benefit that need not be there (immortal time). " + ONE_EACH,
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
_SKSURV = {"whas500": "load_whas500", "aids": "load_aids", "breast_cancer_genes": "load_breast_cancer"}
_LIFELINES = {  # file, its separator, event, time, columns of x
    "lung": ("lung.csv", ",", "status", "time", "age sex ph.ecog ph.karno pat.karno meal.cal wt.loss"),
    "kidney_transplant": ("kidney_transplant.csv", ",", "death", "time", "age black_male white_male black_female"),
    "larynx": ("larynx.csv", ",", "death", "time", "age Stage_II Stage_III Stage_IV"),
    "leukemia": ("anderson.csv", " ", "status", "t", "sex logWBC Rx"),
}
_AT_ENTRY = "age wtkg hemo homo drugs karnof oprior z30 preanti race gender strat symptom cd40 cd80"  # of ACTG 175
_ARMS = {1: "zidovudine_didanosine", 2: "zidovudine_zalcitabine", 3: "didanosine"}


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
    """A cohort of lifelines, one row a patient; y structured (event, time)."""
    file, sep, event, time, columns = _LIFELINES[name]
    table = _table(file, sep)
    return _dataset(name, table[columns.split()], _outcome(table[event], table[time]), ("censored", "event"))


def gbsg2(endpoint: str = "recurrence") -> Dataset:
    """GBSG2; ``endpoint`` is "recurrence" (or death, whichever is first) or "death".

    Raises
    ------
    ValueError
        Another endpoint.
    """
    import pandas as pd

    _check_endpoint("gbsg2", endpoint, "recurrence", "death")
    table = _table("gbsg2.csv")
    frame = table.drop(columns=["time", "cens"]).sort_index(axis=1)
    frame["menostat"] = frame["menostat"].astype(pd.CategoricalDtype(["Pre", "Post"]))  # Pre is left out
    y = _outcome(table["cens"], table["time"], ("cens", "time"))
    if endpoint == "death":
        shared = {"age": "age", "tsize": "size", "pnodes": "nodes", "progrec": "prog_recp", "estrec": "estrg_recp"}
        shared |= {"time": "rectime", "cens": "censrec"}  # these seven together name one woman
        keys = {"left_on": list(shared), "right_on": list(shared.values())}
        deaths = table.merge(_table("lymph_node.csv"), how="left", validate="one_to_one", **keys)
        y = _outcome(deaths["censdead"], deaths["survtime"])
    return _dataset("gbsg2", _dummies(frame), y, ("censored", "event"))


def actg175(endpoint: str = "event") -> Dataset:
    """ACTG 175; ``endpoint`` is "event" (CD4 count halved, AIDS or death) or "cd4" (cells/mm3 after 20 weeks).

    Raises
    ------
    ValueError
        Another endpoint.
    """
    _check_endpoint("actg175", endpoint, "event", "cd4")
    table = _table("ACTG175.csv")
    frame = table[_AT_ENTRY.split()].assign(**{name: table["arms"] == arm for arm, name in _ARMS.items()})
    if endpoint == "cd4":
        return _dataset("actg175", frame.astype(float), table["cd420"].to_numpy(dtype=float), ())
    return _dataset("actg175", frame.astype(float), _outcome(table["cens"], table["days"]), ("censored", "event"))


def stanford_heart() -> Dataset:
    """Stanford heart transplants, one row a patient; y structured (event, days since acceptance)."""
    intervals = _table("stanford_heart.csv").sort_values(["id", "start"]).groupby("id")  # before and after a transplant
    first, last = intervals.first(), intervals.last()
    frame = first[["age", "year", "surgery"]].assign(age=first["age"] + 48)  # the file counts from 48 years
    frame = frame.assign(transplant=last["transplant"], wait=last["start"].where(last["transplant"] == 1))
    y = _outcome(last["event"], last["stop"])
    return _dataset("stanford_heart", frame.reset_index(drop=True), y, ("censored", "event"))


def sksurv(name: str) -> Dataset:
    """A cohort of scikit-survival; y structured (event, time in days)."""
    return _sksurv(name)


def aids(endpoint: str = "aids") -> Dataset:
    """ACTG320; ``endpoint`` is "aids" (AIDS-defining event or death) or "death".

    Raises
    ------
    ValueError
        Another endpoint.
    """
    _check_endpoint("aids", endpoint, "aids", "death")
    return _sksurv("aids", endpoint=endpoint)


def _sksurv(name: str, **options) -> Dataset:
    from sksurv import datasets

    frame, y = getattr(datasets, _SKSURV[name])(**options)
    return _dataset(name, _dummies(frame), y, ("censored", "event"))


def _table(file: str, sep: str = ",") -> pd.DataFrame:
    """A table of lifelines, read from its folder: to import lifelines takes seconds and is not needed for it."""
    import pandas as pd

    return pd.read_csv(Path(find_spec("lifelines").origin).parent / "datasets" / file, sep=sep)


def _dummies(frame: pd.DataFrame) -> pd.DataFrame:
    """Every category but the first as a column of 0 and 1."""
    import pandas as pd

    return pd.get_dummies(frame, drop_first=True, dtype=float)


def _outcome(event: pd.Series, time: pd.Series, names: tuple[str, str] = ("event", "time")) -> np.ndarray:
    """Structured (event, time), one row a patient (n,)."""
    y = np.empty(len(event), dtype=[(names[0], bool), (names[1], float)])
    y[names[0]], y[names[1]] = event.to_numpy(dtype=bool), time.to_numpy(dtype=float)
    return y


def _check_endpoint(name: str, endpoint: str, *known: str) -> None:
    if endpoint not in known:
        raise ValueError(f"load({name!r}, endpoint={endpoint!r}): expected {' or '.join(map(repr, known))}.")


def _dataset(name: str, frame: pd.DataFrame, y: np.ndarray, classes: tuple[str, ...]) -> Dataset:
    return Dataset(name, frame.to_numpy(dtype=float), y, classes, frame, None, None, CARDS[name])


def _source(name: str, function: str, needs: str, args: tuple = (), install: str = "") -> Source:
    card = CARDS[name]
    return Source(name, card.title, "library", card.licence, card.rows, __name__, function, args, needs, install)


SOURCES = [
    _source("breast_cancer", "breast_cancer", "sklearn"),
    _source("diabetes", "diabetes", "sklearn"),
    _source("gbsg2", "gbsg2", "lifelines"),
    _source("actg175", "actg175", "lifelines"),
    *[_source(name, "survival", "lifelines", (name,)) for name in _LIFELINES],
    _source("stanford_heart", "stanford_heart", "lifelines"),
    _source("whas500", "sksurv", "sksurv", ("whas500",), EXTRA),
    _source("aids", "aids", "sksurv", (), EXTRA),
    _source("breast_cancer_genes", "sksurv", "sksurv", ("breast_cancer_genes",), EXTRA),
]
