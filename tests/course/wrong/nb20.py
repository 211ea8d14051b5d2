"""Right answers to the exercises of notebook 20; typical wrong ones, and a phrase of the hint that each must get."""

import numpy as np
from scipy import stats
from scipy.stats import wasserstein_distance as from_the_shelf


def _cut_after_sorting(x, y):
    k = min(len(x), len(y))
    return np.mean(abs(np.sort(x)[:k] - np.sort(y)[:k]))


def _cut_before_sorting(x, y):
    k = min(len(x), len(y))
    return np.mean(abs(np.sort(x[:k]) - np.sort(y[:k])))


def _gaps(x, y):
    points = np.sort(np.concatenate([x, y]))
    F, H = (np.searchsorted(np.sort(s), points, side="right") / len(s) for s in (x, y))
    return points, F - H


def _in_place(x, y):
    x.sort()
    return 0.0


def _area(x, y):
    points, gap = _gaps(x, y)
    return np.sum(abs(gap)[:-1] * np.diff(points))


RIGHT = {
    "20.1": [lambda p, q, pi: pi * p / (pi * p + (1 - pi) * q), lambda p, q, pi: 1 / (1 + (1 / pi - 1) * q / p)],
    "20.2": [_area],
    "20.3": [lambda alpha: alpha / 4],
}

WRONG = {
    "20.1": [
        (lambda p, q, pi: p / (p + q), "where does pi enter"),
        (lambda p, q, pi: (1 - pi) * q / (pi * p + (1 - pi) * q), "probability of a forgery"),
        (lambda p, q, pi: (1 - pi) * p / ((1 - pi) * p + pi * q), "share of the genuine"),
        (lambda p, q, pi: pi * p, "must be divided"),
        (lambda p, q, pi: p * q, "Bayes' theorem"),
        (lambda p, q, pi: 0.5, "for each slip"),
    ],
    "20.2": [
        (lambda x, y: abs(x.mean() - y.mean()), "compare the whole"),
        (_cut_after_sorting, "largest values"),
        (_cut_before_sorting, "right for equal sizes"),
        (lambda x, y: np.mean(abs(np.sort(x) - np.sort(y))), "your function raised ValueError"),
        (lambda x, y: abs(_gaps(x, y)[1]).max(), "height times width"),
        (lambda x, y: abs(np.sum(_gaps(x, y)[1][:-1] * np.diff(_gaps(x, y)[0]))), "means may agree"),
        (_in_place, "changed its argument number 1"),
        (lambda x, y: stats.wasserstein_distance(x, y), "a library's distance"),
        (lambda x, y: [from_the_shelf(a, b) for a, b in [(x, y)]][0], "a library's distance"),
        (from_the_shelf, "a library's distance"),
        (lambda x, y: 7.0, "cumulative shares"),
    ],
    "20.3": [
        (lambda alpha: 1.0, "turning ends"),
        (lambda alpha: alpha**2 / 4, "divided out"),
        (lambda alpha: alpha / 2, "a factor 2"),
        (lambda alpha: 0.05, "moves with α"),
        (lambda alpha: alpha**3, "lower right corner"),
    ],
}
