"""Right answers to the exercises of notebook 22; typical wrong ones, and a phrase of the hint that each must get."""

import numpy as np


def _shares(kinds):
    return np.bincount(kinds, minlength=4) / len(kinds)


def _gap(a, b):
    return 0.5 * np.sum(abs(_shares(a) - _shares(b)))


def _what_is_more(a, b):
    """The same number, another way: what one sample has too much of."""
    return sum(max(np.mean(a == k) - np.mean(b == k), 0) for k in range(4))


def _kinds_that_are_there(a, b):
    found = np.unique(np.concatenate([a, b]))
    return 0.5 * sum(abs(np.mean(a == k) - np.mean(b == k)) for k in found)


def _steps(pictures, axis=2, start=None):
    start = pictures.shape[axis] // 2 - 1 if start is None else start
    return np.take(pictures, start + 1, axis) - np.take(pictures, start, axis)


RIGHT = {
    "22.1": [
        lambda x, y: (np.mean(x) - np.mean(y)) ** 2 + (np.std(x) - np.std(y)) ** 2,
        lambda x, y: (np.mean(x) - np.mean(y)) ** 2 + (np.std(x, ddof=1) - np.std(y, ddof=1)) ** 2,
    ],
    "22.2": [_gap, _what_is_more, _kinds_that_are_there],
    "22.3": [lambda p: abs(_steps(p)).mean(axis=(1, 2)), lambda p: np.abs(_steps(p)[..., 0]).mean(1)],
}

WRONG = {
    "22.1": [
        (lambda x, y: (x.mean() - y.mean()) ** 2, "second term"),
        (lambda x, y: np.hypot(x.mean() - y.mean(), x.std() - y.std()), "root of it"),
        (lambda x, y: abs(x.mean() - y.mean()) + abs(x.std() - y.std()), "squared before"),
        (lambda x, y: (x.mean() - y.mean()) ** 2 + (x.var() - y.var()) ** 2, "compared variances"),
        (lambda x, y: (x.mean() - y.mean()) ** 2 + abs(x.var() - y.var()), "is not C"),
        (lambda x, y: 7.0, "look for a square"),
        (lambda x, y: x, "one finite number"),
    ],
    "22.2": [
        (lambda a, b: 2 * _gap(a, b), "half of the sum"),
        (lambda a, b: 0.5 * abs(np.bincount(a, minlength=4) - np.bincount(b, minlength=4)).sum(), "by their shares"),
        (lambda a, b: abs(_shares(a) - _shares(b)).max(), "largest difference"),
        (lambda a, b: np.sqrt(((_shares(a) - _shares(b)) ** 2).sum()), "not squares"),
        (lambda a, b: 0.5 * (_shares(a) - _shares(b)).sum(), "add up to 0"),
        (lambda a, b: np.mean(a != 0) - np.mean(b != 0) + 0.05, "shares first"),
        (
            lambda a, b: 0.5 * abs(np.bincount(a, minlength=b.max() + 1) / len(a) - _shares(b)).sum(),
            "your function raised ValueError",
        ),
    ],
    "22.3": [
        (lambda p: abs(_steps(p)).mean(), "one number for each picture"),
        (lambda p: _steps(p).mean(axis=(1, 2)), "cancel"),
        (lambda p: abs(_steps(p)).sum(axis=(1, 2)), "not the sum"),
        (lambda p: (_steps(p) ** 2).mean(axis=(1, 2)), "not squares"),
        (lambda p: abs(_steps(p, axis=1)).mean(axis=(1, 2)), "between rows"),
        (lambda p: abs(_steps(p, start=6)).mean(axis=(1, 2)), "one column beside it"),
        (lambda p: p[:, :, 15], "raised IndexError"),
        (lambda p: p.mean(axis=(1, 2, 3)), "half of the width"),
        (lambda p: p, "shape (n,)"),
    ],
}
