"""Right answers to the exercises of notebook 15; typical wrong ones, and a phrase of the hint that each must get."""

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


def with_replacement(patients, share, rng):
    everyone = np.unique(patients)
    return np.isin(patients, rng.choice(everyone, round(share * len(everyone))))


def rows_with_replacement(patients, share, rng):
    everyone = np.unique(patients)
    return np.isin(patients, rng.choice(patients, round(share * len(everyone))))


def global_state(patients, share, rng):
    everyone = np.unique(patients)
    return np.isin(patients, np.random.permutation(everyone)[: round(share * len(everyone))])  # noqa: NPY002


def permuted(patients, share, rng):
    everyone = np.unique(patients)
    return np.isin(patients, rng.permutation(everyone)[: round(share * len(everyone))])


def each_by_itself(patients, share, rng):
    everyone, of = np.unique(patients, return_inverse=True)
    return (rng.random(len(everyone)) < share)[of]


RIGHT = {
    "15.1": [12_832],
    "15.2": [permuted, each_by_itself],
    "15.3": [1000 / 2.8, 357.1, 357],
}

WRONG = {
    "15.1": [(12_800, "bias"), (832, "all 16 input channels"), (400, "32 of them"), (25, "which two count channels")],
    "15.2": [
        (by_slice, "both sides"),
        (groups_of_four, "both sides"),
        (the_first_ones, "with rng"),
        (everybody, "asked for 25 %"),
        (always_a_quarter, "asked for 40 %"),
        (numbers_of_rows, "mask"),
        (with_replacement, "drawn twice"),
        (rows_with_replacement, "drawn twice"),
        (global_state, "with nothing else"),
    ],
    "15.3": [
        (250, "number of patients"),
        (1000 / 3.4, "*other* slices"),
        (2800, "less information"),
        (600, "which bracket"),
        (358, "not rounded up"),
    ],
}
