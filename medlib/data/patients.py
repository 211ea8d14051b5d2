"""The record of a ``head_ct`` patient as equations: what draws it, and the chances that follow from the same numbers.

``data/build_head_ct.py`` draws the 1,000 patients with :func:`draw_causes` and :func:`draw_consequences`; the table in
``data/head_ct.md`` states the same equations (a test reads it); notebook 50 multiplies the three ``chance_of_...`` to
the best answer that a record allows. The numbers are chosen to be medically sensible, not fitted to a cohort.
"""

from __future__ import annotations

import numpy as np

from medlib.data.head_ct import CLASSES

SITES = {"A": 0.45, "B": 0.35, "C": 0.20}  # share of the patients
CASE_MIX = {"A": (0, 0, 0, 0), "B": (0, 0.7, 0.7, -0.2), "C": (0, -0.3, -0.3, 0.8)}  # added to the log-odds of CLASSES
SUDDEN, GRADUAL = (9, 72), (240, 2000)  # hours since the first symptom: median, and the longest that is recorded
HOURS_SD = 0.8  # of their logarithm
GRADUAL_TUMOURS = 0.6  # the others present suddenly, e.g. with a seizure
WEAK = {"opposite": 0.85, "none": 0.10, "same": 0.05}  # side of the deficit, seen from a lesion
WEAK_WITHOUT_LESION = {"none": 0.6, "left": 0.2, "right": 0.2}
OPPOSITE = {"left": "right", "right": "left"}
SEVERITY_WITHOUT_LESION, SEVERITY_SD, WORST = 3, 2.5, 42
DEEP = ("basal ganglia", "thalamus")


def logistic(logit):
    """The chance whose log-odds are ``logit``."""
    return 1 / (1 + np.exp(-logit))


def severity_of(volume_ml, deep, left):
    """Mean severity of a lesion of this volume, deep or not, on the left or not; limits and noise come on top."""
    return 2 + 0.2 * volume_ml + 3 * deep + 2 * left


def chance_of_diagnosis(r) -> np.ndarray:
    """P(diagnosis | causes), shape (n, 4), in the order of ``CLASSES``.

    Parameters
    ----------
    r
        A frame of n records, or one record: ``site``, ``age``, ``sbp``, ``af``, ``anticoagulant``, ``diabetes``,
        ``smoker``.
    """
    old, high = (r["age"] - 65) / 10, (r["sbp"] - 140) / 10
    af, drug, smoker = r["af"], r["anticoagulant"], r["smoker"]
    ischaemia = -1.15 + 1.6 * af - 1.1 * af * drug + 0.2 * high + 0.5 * r["diabetes"] + 0.4 * smoker + 0.2 * old
    haemorrhage = -1.25 + 0.40 * high + 1.4 * drug + 0.15 * old
    tumour = -0.75 - 0.10 * old + 0.4 * smoker
    scores = np.stack(np.broadcast_arrays(0.0, ischaemia, haemorrhage, tumour), axis=-1)
    weights = np.exp(scores + np.array([CASE_MIX[site] for site in np.atleast_1d(r["site"])]))
    return weights / weights.sum(axis=-1, keepdims=True)


def draw_causes(rng: np.random.Generator) -> dict:
    """Everything that is known before the scan: the structural causal model, cause before effect.

    Each line is one equation: a variable from its direct causes and independent noise.
    """
    r: dict = {}
    r["site"] = str(rng.choice(list(SITES), p=list(SITES.values())))
    r["age"] = float(np.clip(rng.normal(66, 13), 25, 94).round())
    r["sex"] = str(rng.choice(["female", "male"]))
    old, male = (r["age"] - 65) / 10, r["sex"] == "male"
    r["smoker"] = int(rng.random() < logistic(-1.0 + 0.4 * male - 0.25 * old))
    r["diabetes"] = int(rng.random() < logistic(-1.5 + 0.25 * old))
    r["glucose"] = float(np.clip(rng.normal(5.7 + 3.2 * r["diabetes"], 0.9), 3.5, 20).round(1))
    r["sbp"] = float(np.clip(rng.normal(138 + 4 * old + 5 * r["diabetes"] + 3 * male, 17), 90, 230).round())
    high = (r["sbp"] - 140) / 10
    r["af"] = int(rng.random() < logistic(-1.9 + 0.75 * old + 0.10 * high))
    r["anticoagulant"] = int(rng.random() < logistic(-3.2 + 3.2 * r["af"]))
    r["label"] = int(rng.choice(len(CLASSES), p=chance_of_diagnosis(r)[0]))
    r["diagnosis"] = CLASSES[r["label"]]
    gradual = r["diagnosis"] == "tumour" and rng.random() < GRADUAL_TUMOURS
    median, longest = GRADUAL if gradual else SUDDEN
    r["hours"] = float(np.clip(np.exp(rng.normal(np.log(median), HOURS_SD)), 1, longest).round(1))
    return r


def draw_consequences(r: dict, rng: np.random.Generator) -> dict:
    """What follows from the lesion: side of the deficit, and severity on a scale from 0 to 42 like the NIHSS.

    Patients without a lesion (migraine, seizure) have a deficit too, in 40 %: otherwise the record would give it away.
    """
    if r["label"] == 0:
        r["deficit_side"] = str(rng.choice(list(WEAK_WITHOUT_LESION), p=list(WEAK_WITHOUT_LESION.values())))
        mean = SEVERITY_WITHOUT_LESION
    else:
        sides = {"opposite": OPPOSITE[r["side"]], "none": "none", "same": r["side"]}
        r["deficit_side"] = str(rng.choice([sides[where] for where in WEAK], p=list(WEAK.values())))
        mean = severity_of(r["volume_ml"], r["location"] in DEEP, r["side"] == "left")
    r["severity"] = int(np.clip(np.round(rng.normal(mean, SEVERITY_SD)), 0, WORST))
    return r


def chance_of_hours(r) -> np.ndarray:
    """P(hours | diagnosis) of n records, shape (n, 4): of this very number, as it is recorded."""
    from scipy import stats

    hours = np.atleast_1d(np.asarray(r["hours"], float))
    sudden, gradual = (
        _rounded(hours, stats.lognorm(HOURS_SD, scale=median), 0.1, 1, longest) for median, longest in (SUDDEN, GRADUAL)
    )
    tumour = (1 - GRADUAL_TUMOURS) * sudden + GRADUAL_TUMOURS * gradual
    return np.stack([sudden, sudden, sudden, tumour], axis=1)


def chance_of_deficit(r, lesions) -> np.ndarray:
    """P(side and severity of the deficit | diagnosis) of n records, shape (n, 4).

    Parameters
    ----------
    r
        A frame of n records: ``deficit_side``, ``severity``.
    lesions
        A frame of other patients whose lesions are known, over which the chance is a mean: ``label``, ``volume_ml``,
        ``location``. Either side of the brain is as likely as the other.

    Raises
    ------
    ValueError
        A diagnosis without a single lesion among them.
    """
    from scipy import stats

    side, severity = np.asarray(r["deficit_side"]), np.asarray(r["severity"], float)
    healthy = stats.norm(SEVERITY_WITHOUT_LESION, SEVERITY_SD)
    chance = np.zeros((len(side), len(CLASSES)))
    chance[:, 0] = [WEAK_WITHOUT_LESION[s] for s in side] * _rounded(severity, healthy, 1, 0, WORST)
    for k in range(1, len(CLASSES)):
        of_kind = lesions[lesions["label"] == k]
        if not len(of_kind):
            raise ValueError(f"lesions: got none with label {k} ({CLASSES[k]}), expected some of each, to average over")
        for lesion_side, weak_side in OPPOSITE.items():
            weak = np.select([side == weak_side, side == "none"], [WEAK["opposite"], WEAK["none"]], WEAK["same"])
            mean = severity_of(of_kind["volume_ml"], of_kind["location"].isin(DEEP), lesion_side == "left")
            law = stats.norm(mean.to_numpy(), SEVERITY_SD)
            chance[:, k] += 0.5 * weak * _rounded(severity[:, None], law, 1, 0, WORST).mean(axis=1)
    return chance


def _rounded(value, law, step: float, low: float, high: float):
    """The chance that a number drawn from a law, rounded to steps and held between limits, comes out as value."""
    upper = np.where(value >= high, np.inf, value + step / 2)
    lower = np.where(value <= low, -np.inf, value - step / 2)
    return np.where((value >= low) & (value <= high), law.cdf(upper) - law.cdf(lower), 0)
