"""Checks of notebook 15, a diagnosis from an image."""

from __future__ import annotations

import numpy as np

from medlib.checks import Hint, call, exercise, mask, number


@exercise("15.1")
def parameters(answer):
    n = number(answer)
    if n is None:
        return "a whole number is asked for"
    return {
        12_832: None,
        12_800: "each of the output channels has a bias, too",
        832: "each window reaches through all 16 input channels",
        400: "that is one output channel, without its bias; there are 32 of them",
        416: "each window reaches through 16 channels, and there are 32 output channels",
    }.get(n, "which of the three numbers is the window, and which two count channels? Then formula (15.3)")


@exercise("15.2")
def split(answer):
    """All rows of a share of the patients, drawn without replacement and by ``rng`` alone."""
    rng = np.random.default_rng(0)
    patients = rng.permutation(np.repeat(np.arange(100) * 7, rng.integers(1, 7, size=100)))
    for share in (0.25, 0.4):
        drawn = [_drawn(answer, patients, share, seed) for seed in range(20)]
        for rows in drawn:
            torn = np.intersect1d(patients[rows], patients[~rows])
            if len(torn):
                who = f"{len(torn)} of 100 patients have slices on both sides"
                return f"{who}: draw patients first, then take all they have"
        counts = [len(np.unique(patients[rows])) for rows in drawn]
        got = np.mean(counts)
        if 100 * share * 0.78 < got < 100 * share * 0.91 and np.ptp(counts) > 0:
            return f"on average {got:.0f} patients, where {100 * share:.0f} were asked for: some were drawn twice"
        if abs(got - 100 * share) > 4:
            return f"asked for {100 * share:.0f} % of the patients, the test part has {got:.0f} %"
        if not np.array_equal(drawn[0], _drawn(answer, patients, share, 0)):
            return "the same generator gives other patients the second time: draw with rng, and with nothing else"
        if all(np.array_equal(drawn[0], rows) for rows in drawn):
            return "another generator gives the same patients: draw them with rng"
    return None


def _drawn(answer, patients, share, seed) -> np.ndarray:
    """The mask of one draw; a hint when the answer is none."""
    result = call(answer, patients, share, np.random.default_rng(seed))
    rows = mask(result, patients.shape)
    if rows is None:
        got = f"{type(result).__name__} of shape {np.shape(result)}"
        raise Hint(f"expected a mask of True and False, shape {patients.shape}; got {got}")
    return rows


@exercise("15.3")
def independent(answer):
    n = number(answer)
    if n is None:
        return "a number is asked for"
    if abs(n - 1000 / 2.8) < 0.2:
        return None
    if n == 358:
        return (
            "not rounded up: the slices are worth a little less than that; leave the fraction, or round to the nearest"
        )
    if abs(n - 250) < 1e-6:
        return "that is the number of patients: right if rho were 1"
    if abs(n - 1000 / 3.4) < 1:
        return "with how many *other* slices does each slice share its patient?"
    if n >= 1000:
        return "correlated slices carry less information than independent ones, so the number falls"
    return "which bracket in (15.5) says how many correlated results are worth one independent result?"
