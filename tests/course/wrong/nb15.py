"""Typical wrong answers to the exercises of notebook 15, and the hint that each must get."""

import numpy as np


def by_slice(patients, share, rng):
    return rng.random(len(patients)) < share


def the_first_ones(patients, share, rng):
    everyone = np.unique(patients)
    return np.isin(patients, everyone[: round(share * len(everyone))])


def everybody(patients, share, rng):
    return np.ones(len(patients), dtype=bool)


def numbers_of_rows(patients, share, rng):
    return np.flatnonzero(np.isin(patients, np.unique(patients)[:25]))


def groups_of_four(patients, share, rng):
    return np.repeat(rng.random(-(-len(patients) // 4)) < share, 4)[: len(patients)]


def always_a_quarter(patients, share, rng):
    everyone = np.unique(patients)
    return np.isin(patients, rng.permutation(everyone)[: len(everyone) // 4])


WRONG = {
    "15.1": [(12_800, "bias"), (832, "all 16 input channels"), (400, "32 of them"), (25, "which two count channels")],
    "15.2": [(5, "reached earlier"), (11, "doubles the step"), (3, "too few")],
    "15.3": [
        (250, "number of patients"),
        (1000 / 3.4, "*other* slices"),
        (2800, "less information"),
        (600, "which bracket"),
    ],
    "15.4": [
        (by_slice, "both sides"),
        (groups_of_four, "both sides"),
        (the_first_ones, "with rng"),
        (everybody, "asked for 25 %"),
        (always_a_quarter, "asked for 40 %"),
        (numbers_of_rows, "mask"),
    ],
}
