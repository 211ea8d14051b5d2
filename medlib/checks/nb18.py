"""Checks of notebook 18, MRI and volumes."""

from __future__ import annotations

import numpy as np

from medlib.checks import array, call, close, exercise, number

_TURN = np.array([[0.6, -0.8, 0.0], [0.8, 0.6, 0.0], [0.0, 0.0, 1.0]])


def _affine(turn, steps, shift) -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = turn * np.array(steps, float), shift
    return affine


@exercise("18.1")
def to_voxels(answer):
    """Places near the centres of known voxels, on a plain, a mirrored and an oblique grid."""
    voxels = np.array([[0, 0, 0], [3, 7, 11], [20, 1, 5], [9, 30, 2]])
    grids = {
        "plain": _affine(np.eye(3), [2, 2, 2], [-98, -134, -72]),
        "mirrored": _affine(np.eye(3), [-3, 1, 2.5], [78, -112, -50]),
        "oblique": _affine(_TURN, [0.7, 1.9, 4.0], [11, -33, 25]),
    }
    for name, affine in grids.items():
        for nudge in (0.0, 0.4, -0.4):
            mm = (voxels + nudge) @ affine[:3, :3].T + affine[:3, 3]
            got = array(call(answer, affine, mm), voxels.shape)
            if got is None:
                return "expected whole numbers (n, 3), one row for each place"
            if np.array_equal(got, voxels):
                continue
            if nudge and close(got, voxels + nudge, 1e-6):
                return "these are not whole numbers yet: the nearest voxel is asked for"
            if nudge and np.max(np.abs(got - voxels)) == 1:
                return "off by one: a voxel reaches half a step to either side of its centre, so round, do not cut off"
            if close(got, np.rint(mm @ affine[:3, :3].T + affine[:3, 3])):
                return "that goes from voxels to mm once more; the way back needs the inverse matrix"
            if close(got, np.rint(mm @ np.linalg.inv(affine)[:3, :3].T)):
                return "the shift b is missing: r = A v + b"
            if name == "oblique":
                return "right on straight grids, wrong on an oblique one: A is a matrix; mind on which side it stands"
            return f"wrong on the {name} grid: solve r = A v + b for v"
    return None


@exercise("18.2")
def best_te(answer):
    for a, Ta, b, Tb in ((0.756, 237, 0.77, 70), (0.9, 60, 0.8, 300), (1.0, 100, 1.0, 80)):
        right = np.log((b / Tb) / (a / Ta)) / (1 / Tb - 1 / Ta)
        got = number(call(answer, a, Ta, b, Tb))
        if got is None:
            return "one time in ms is asked for"
        if close(got, right):
            continue
        if close(got, -right):
            return "the time came out negative: one sign is turned"
        if close(got, np.log(b / a) / (1 / Tb - 1 / Ta)):
            return "there the two signals are *equal*; where is the slope of their difference 0?"
        if close(got, np.log(1 / Tb * Ta) / (1 / Tb - 1 / Ta)):
            return "the signals begin at a and b, which need not be equal"
        if close(got, right / np.log(10)):
            return "the natural logarithm belongs here"
        if close(got, (Ta + Tb) / 2) or close(got, np.sqrt(Ta * Tb)):
            return "a mean of the two times is near it and not it: set the slope of the difference to 0"
        return "the slope of a e^(-TE/Ta) is -(a/Ta) e^(-TE/Ta): when are the two slopes equal?"
    return None


@exercise("18.3")
def volume_ml(answer):
    rng = np.random.default_rng(18)
    cases = {
        "an outline": (rng.random((6, 5, 4)) > 0.6, _affine(np.eye(3), [1, 2, 3.5], [0, 0, 0])),
        "shares": (rng.random((6, 5, 4)), _affine(np.eye(3), [2, 2, 5], [-9, 4, 1])),
        "a mirrored grid": (rng.random((3, 5, 7)), _affine(np.eye(3), [-2, 1.5, 1], [5, 5, 5])),
        "an oblique grid": (rng.random((3, 5, 7)), _affine(_TURN, [0.7, 1.9, 4.0], [5, 5, 5])),
    }
    for name, (shares, affine) in cases.items():
        voxel = abs(np.linalg.det(affine[:3, :3]))
        right = voxel * shares.sum() / 1000
        got = number(call(answer, shares, affine))
        if got is None:
            return "one number is asked for, the volume in ml"
        if close(got, right):
            continue
        if close(got, right * 1000):
            return "that is in mm³; 1,000 of them are one ml"
        if close(got, shares.sum()) or close(got, shares.sum() / 1000):
            return "voxels are counted, but how large is one? |det A|"
        if close(got, -right):
            return "a negative volume: the determinant of a mirrored grid is negative, its size is what counts"
        if close(got, voxel * np.count_nonzero(shares) / 1000) or close(got, voxel * np.sum(shares >= 0.5) / 1000):
            return "shares are added up as they are, not counted: that is what they are kept for"
        if name == "an oblique grid":
            return "right on straight grids: on an oblique one the product of the diagonal is not the voxel's volume"
        return f"wrong for {name}: |det A| times the sum of the shares, in ml"
    return None
