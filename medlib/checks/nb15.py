"""Checks of notebook 15, a diagnosis from an image."""

from __future__ import annotations

import numpy as np

from medlib.checks import call, exercise, number


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
    }.get(n, "which of the three numbers is the window, and which two count channels? Then formula (15.4)")


@exercise("15.2")
def blocks(answer):
    n = number(answer)
    if n is None:
        return "a whole number is asked for"
    if n == 4:
        return None
    if n == 5:
        return (
            "then one unit does see every pixel; the question asks for the width of the field, which is reached earlier"
        )
    if n > 5:
        return "each pooling doubles the step of all layers after it; the field grows much faster than by 3 a block"
    return "that is too few: widen the field block by block with formula (15.5) and write it down"


@exercise("15.3")
def independent(answer):
    n = number(answer)
    if n is None:
        return "a number is asked for"
    if abs(n - 1000 / 2.8) < 1:
        return None
    if abs(n - 250) < 1e-6:
        return "that is the number of patients: right if rho were 1"
    if abs(n - 1000 / 3.4) < 1:
        return "with how many *other* slices does each slice share its patient?"
    if n >= 1000:
        return "correlated slices carry less information than independent ones, so the number falls"
    return "which bracket in (15.8) says how many correlated results are worth one independent result?"


@exercise("15.4")
def split(answer):
    rng = np.random.default_rng(0)
    patients = rng.permutation(np.repeat(np.arange(100) * 7, rng.integers(1, 7, size=100)))
    masks = {}
    for share in (0.25, 0.4):
        rows = masks[share] = np.asarray(call(answer, patients, share, np.random.default_rng(0)))
        if rows.shape != patients.shape or rows.dtype != bool:
            return f"expected a mask of True and False, shape {patients.shape}; got {rows.dtype} of shape {rows.shape}"
        torn = np.intersect1d(patients[rows], patients[~rows])
        if len(torn):
            return (
                f"{len(torn)} of 100 patients have slices on both sides: draw patients first, then take all they have"
            )
        got = len(np.unique(patients[rows])) / 100
        if abs(got - share) > 0.1:
            return f"asked for {100 * share:.0f} % of the patients, the test part has {100 * got:.0f} %"
    again = np.asarray(call(answer, patients, 0.25, np.random.default_rng(1)))
    if np.array_equal(masks[0.25], again):
        return "another generator gives the same patients: draw them with rng"
    return None
