"""Right answers to the exercises of notebook 00; typical wrong ones, and a phrase of the hint that each must get."""

import numpy as np

EXACT = {"0.3"}  # a threshold is one of the values, and a rounded one may lie on the other side of a patient
RIGHT = {
    "0.1": [212],
    "0.2": [lambda se, sp, p: sp * (1 - p) / (sp * (1 - p) + (1 - se) * p)],
    "0.3": [
        lambda y, p, target: max(t for t in p if np.mean(p[y == 1] >= t) >= target),
        lambda y, p, target: np.sort(p[y == 1])[::-1][int(np.ceil(target * np.sum(y == 1) - 1e-9)) - 1],
    ],
}

WRONG = {
    "0.1": [
        (357, "benign ones"),
        (569, "all the biopsies"),
        (212 / 569, "a share"),
        (37.3, "a share"),
        (213, "add up the ones"),
        ("212", "one whole number"),
        (True, "one whole number"),
    ],
    "0.2": [
        (lambda se, sp, p: se * p / (se * p + (1 - sp) * (1 - p)), "that is the PPV"),
        (lambda se, sp, p: (1 - se) * p / (sp * (1 - p) + (1 - se) * p), "that are wrong"),
        (lambda se, sp, p: se * (1 - p) / (se * (1 - p) + (1 - sp) * p), "changed places"),
        (lambda se, sp, p: sp * p / (sp * p + (1 - se) * (1 - p)), "wrong side"),
        (lambda se, sp, p: sp / (sp + 1 - se), "does not depend on the prevalence"),
        (lambda se, sp, p: sp * (1 - p), "divide by all"),
        (lambda se, sp, p: 100 * sp * (1 - p) / (sp * (1 - p) + (1 - se) * p), "between 0 and 1"),
        (lambda se, sp, p: 0.5, "write both shares down"),
        (lambda se, sp, p: print(end=""), "is there a return"),
        (lambda se, sp, p: se / 0, "ZeroDivisionError"),
    ],
    "0.3": [
        (lambda y, p, target: np.quantile(p[y == 1], target), "too high"),
        (lambda y, p, target: 0.0, "a higher line does that too"),
        (lambda y, p, target: min(p), "a higher line does that too"),
        (lambda y, p, target: max(t for t in p if np.mean(p[y == 0] >= t) >= target), "benign cases"),
        (lambda y, p, target: max(t for t in p if np.mean(p[y == 1] > t) >= target), "one step too low"),
        (lambda y, p, target: [t for t in p if np.mean(p[y == 1] >= t) >= target], "one number"),
        (lambda y, p, target: print(end=""), "is there a return"),
    ],
}
