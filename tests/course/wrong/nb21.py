"""Right answers to the exercises of notebook 21; typical wrong ones, and a phrase of the hint that each must get."""

import numpy as np

from tests.course.wrong import nb22

ROWS, COLUMNS = np.mgrid[:32, :32]


def _drawn(inside, kind, value=1.0):
    wish = np.zeros((32, 32, 3))
    wish[..., kind] = value * inside
    return wish


def _disc(row, column, radius):
    return np.hypot(ROWS - row, COLUMNS - column) <= radius


RIGHT = {
    "21.1": [8256],
    "21.2": nb22.RIGHT["22.1"],  # the same exercise
    "21.3": [0.24],
    "21.4": [lambda k, r, c, s: _drawn(_disc(r, c, s), k - 1), lambda k, r, c, s: _drawn(_disc(r, c, s), k - 1) > 0],
}

WRONG = {
    "21.1": [
        (8192, "batch normalisation is missing"),
        (8192 + 16 + 64, "no bias"),
        (8192 + 32, "running averages"),
        (8192 + 128, "how many channels"),
        (4 * 32 * 16 + 64, "4 × 4"),
        (100, "for every pair"),
    ],
    "21.2": nb22.WRONG["22.1"],
    "21.3": [
        (0.62, "by chance"),
        (0.12, "half a win"),
        (0.38, "lost"),
        (24, "as a share"),
        (0.5, "solve"),
    ],
    "21.4": [
        (lambda k, r, c, s: _drawn(_disc(r, c, s), 0), "channel 2"),
        (lambda k, r, c, s: _drawn(_disc(c, r, s), k - 1), "rows come first"),
        (lambda k, r, c, s: _drawn(_disc(r, c, s), k - 1, 255), "hold a 1"),
        (lambda k, r, c, s: _drawn((abs(ROWS - r) <= s) & (abs(COLUMNS - c) <= s), k - 1), "square"),
        (lambda k, r, c, s: _drawn(_disc(r, c, s / 2), k - 1), "diameter"),
        (lambda k, r, c, s: np.zeros((32, 32, 3)), "empty"),
        (lambda k, r, c, s: _disc(r, c, s), "shape (32, 32, 3)"),
        (lambda k, r, c, s: _drawn(_disc(r + 1, c, s), k - 1), "with the radius"),
    ],
}
