"""Right answers to the exercises of notebook 18; typical wrong ones, and a phrase of the hint that each must get."""

import numpy as np
from nibabel.affines import apply_affine, voxel_sizes


def nearest(affine, mm):
    return np.rint(apply_affine(np.linalg.inv(affine), mm)).astype(int)


def by_solving(affine, mm):
    return np.round(np.linalg.solve(affine[:3, :3], (mm - affine[:3, 3]).T).T)


def equal_slopes(a, Ta, b, Tb):
    return np.log((b / Tb) / (a / Ta)) / (1 / Tb - 1 / Ta)


def ml(shares, affine):
    return abs(np.linalg.det(affine[:3, :3])) * np.sum(shares) / 1000


RIGHT = {
    "18.1": [
        nearest,
        by_solving,
        lambda A, r: np.rint((np.linalg.inv(A) @ np.c_[r, np.ones(len(r))].T).T[:, :3]).tolist(),
    ],
    "18.2": [equal_slopes, lambda a, Ta, b, Tb: Ta * Tb / (Ta - Tb) * np.log(b * Ta / (a * Tb))],
    "18.3": [ml, lambda s, A: float(np.prod(voxel_sizes(A)) * s.sum() / 1e3)],
}

WRONG = {
    "18.1": [
        (lambda A, r: apply_affine(np.linalg.inv(A), r), "not whole numbers"),
        (lambda A, r: np.floor(apply_affine(np.linalg.inv(A), r) + 1e-9).astype(int), "do not cut off"),
        (lambda A, r: np.rint(apply_affine(A, r)), "inverse matrix"),
        (lambda A, r: np.rint(r @ np.linalg.inv(A)[:3, :3].T), "shift b is missing"),
        (lambda A, r: np.rint((r - A[:3, 3]) @ np.linalg.inv(A[:3, :3])), "on which side it stands"),
        (lambda A, r: r[0], "one row for each place"),
    ],
    "18.2": [
        (lambda a, Ta, b, Tb: -equal_slopes(a, Ta, b, Tb), "one sign is turned"),
        (lambda a, Ta, b, Tb: np.log(b / a) / (1 / Tb - 1 / Ta), "*equal*"),
        (lambda a, Ta, b, Tb: np.log(Ta / Tb) / (1 / Tb - 1 / Ta), "begin at a and b"),
        (lambda a, Ta, b, Tb: (Ta + Tb) / 2, "near it and not it"),
        (lambda a, Ta, b, Tb: equal_slopes(a, Ta, b, Tb) / np.log(10), "natural logarithm"),
        (lambda a, Ta, b, Tb: Ta, "two slopes equal"),
    ],
    "18.3": [
        (lambda s, A: 1000 * ml(s, A), "mm³"),
        (lambda s, A: s.sum(), "how large is one"),
        (lambda s, A: np.linalg.det(A[:3, :3]) * s.sum() / 1000, "negative volume"),
        (lambda s, A: abs(np.linalg.det(A)) * (s > 0).sum() / 1000, "not counted"),
        (lambda s, A: abs(np.prod(np.diag(A))) * s.sum() / 1000, "product of the diagonal"),
        (lambda s, A: abs(np.linalg.det(A[:3, :3])) * s.mean() / 1000, "times the sum"),
    ],
}
