"""Right answers to the exercises of notebook 14; typical wrong ones, and a phrase of the hint that each must get."""

import numpy as np

MOLAR = {"glucose": 180.16, "creatinine": 113.12, "triglycerides": 885.4}


def _standard(grams=lambda value, molar: value * 10 / molar, micro=1000, per_cent=lambda v: (v - 2.152) / 0.09148):
    def answer(value, unit, measure):
        if unit == "%":
            return per_cent(value)
        if unit != "mg/dL":
            return value
        return grams(value, MOLAR[measure]) * (micro if measure == "creatinine" else 1)

    return answer


def _always(value, unit, measure):
    return (
        value * 10 / MOLAR.get(measure, 1) * (1000 if measure == "creatinine" else 1)
        if unit != "%"
        else (value - 2.152) / 0.09148
    )


def _table(value, unit, measure):
    factors = {"glucose": 0.055506, "creatinine": 88.402, "triglycerides": 0.011294}
    if unit == "mg/dL":
        return value * factors[measure]
    return (value - 2.152) / 0.09148 if unit == "%" else value


def _pool(between=lambda q: np.var(q, ddof=1), factor=lambda M: 1 + 1 / M, root=np.sqrt, centre=np.mean):
    def answer(estimates, variances):
        total = np.mean(variances) + factor(len(estimates)) * between(estimates)
        return centre(estimates), root(total)

    return answer


def _by_hand(estimates, variances):
    M = len(estimates)
    q = sum(estimates) / M
    B = sum((e - q) ** 2 for e in estimates) / (M - 1)
    return [q, (sum(variances) / M + B + B / M) ** 0.5]


COLUMNS = dict.fromkeys(["bmi", "sbp", "glucose", "hba1c"], "before") | {"hba1c_latest": "after", "metformin": "after"}

RIGHT = {
    "14.1": [_standard(), _table],
    "14.2": [_pool(), _by_hand],
    "14.3": [COLUMNS, dict(reversed(COLUMNS.items()))],
}

WRONG = {
    "14.1": [
        (_standard(micro=1), "µmol/L"),
        (_standard(grams=lambda v, molar: v * 10 / 180.16), "its own molar mass"),
        (_standard(grams=lambda v, molar: v * molar / 10), "the other way round"),
        (_standard(grams=lambda v, molar: v / molar), "tenth of a litre"),
        (_standard(per_cent=lambda v: 0.09148 * v + 2.152), "the other way"),
        (_standard(per_cent=lambda v: v / 0.09148), "constant"),
        (_standard(per_cent=lambda v: v), "unchanged"),
        (_always, "already"),
        (lambda value, unit, measure: 5.0, "as many"),
    ],
    "14.2": [
        (_pool(root=lambda v: v), "its root"),
        (_pool(between=lambda q: 0.0), "full data alone"),
        (_pool(factor=lambda M: 1), "stands before B"),
        (_pool(between=np.var), "ddof=1"),
        (_pool(centre=np.median), "is the mean"),
        (_pool(root=lambda v: np.sqrt(v / 3)), "divided by M again"),
        (_pool(root=lambda v: np.sqrt(v / 7)), "√T"),
        (lambda estimates, variances: np.mean(estimates), "two numbers"),
    ],
    "14.3": [
        (dict.fromkeys(COLUMNS, "before"), "not all alike"),
        (COLUMNS | {"hba1c_latest": "before"}, "latest at which time"),
        (COLUMNS | {"metformin": "before"}, "prescription"),
        (COLUMNS | {"hba1c": "after"}, "day of the visit"),
        (COLUMNS | {"bmi": "perhaps"}, '"before" or "after"'),
        ({"bmi": "before"}, "dictionary"),
    ],
}
