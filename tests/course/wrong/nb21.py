"""Right answers to the exercises of notebook 21; typical wrong ones, and a phrase of the hint that each must get."""

import numpy as np

ROWS, COLUMNS = np.mgrid[:32, :32]


def _drawn(inside, kind, value=1.0):
    wish = np.zeros((32, 32, 3))
    wish[..., kind] = value * inside
    return wish


def _disc(row, column, radius):
    return np.hypot(ROWS - row, COLUMNS - column) <= radius


def _averages(values, a, start=None):
    found = [values[0] if start is None else start]
    for w in values[1:]:
        found.append(a * found[-1] + (1 - a) * w)
    return np.array(found)


def _by_weights(values, a):
    """The same average, each of its weights written out."""
    n = np.arange(len(values))
    weights = np.where(n > 0, 1 - a, 1.0) * a ** (n[:, None] - n).clip(0) * (n <= n[:, None])
    return weights @ np.asarray(values)


RIGHT = {
    "21.1": [8256],
    "21.2": [_averages, _by_weights],
    "21.3": [lambda k, r, c, s: _drawn(_disc(r, c, s), k - 1), lambda k, r, c, s: _drawn(_disc(r, c, s), k - 1) > 0],
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
    "21.2": [
        (lambda v, a: _averages(v, 1 - a), "gets 1 - a"),
        (lambda v, a: _averages(v, a, (1 - a) * v[0]), "started from 0"),
        (lambda v, a: np.r_[v[0], a * np.array(v[:-1]) + (1 - a) * np.array(v[1:])], "value before it"),
        (lambda v, a: np.cumsum(v) / np.arange(1, len(v) + 1), "mean of all values"),
        (lambda v, a: np.array(v), "the first is right"),
        (lambda v, a: np.zeros(len(v)), "follow (21.4)"),
        (lambda v, a: _averages(v, a)[1:], "as many finite numbers"),
        (lambda v, a: _averages(v, a)[-1], "as many finite numbers"),
    ],
    "21.3": [
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
