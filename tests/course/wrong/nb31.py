"""Right answers to the exercises of notebook 31; typical wrong ones, and a phrase of the hint that each must get."""

import numpy as np

PIXELS = (1, 2, 3)


def _each(mean, log_var):
    return 0.5 * (mean**2 + np.exp(log_var) - 1 - log_var)


def _dice(a, b):
    both = a.sum() + b.sum()
    return 2 * (a & b).sum() / both if both else 1.0


def _sorts_its_argument(s, a):
    s.sort()
    return s[int((1 - a) * len(s))]


RIGHT = {
    "31.1": [lambda x, m, v: 0.5 * np.sum(np.log(2 * np.pi * v) + (x - m) ** 2 / v, axis=PIXELS)],
    "31.2": [lambda m, s: _each(m, s).mean(0)],
    "31.3": [_dice, lambda a, b: (2 * (a & b).sum() + 1) / (a.sum() + b.sum() + 1)],
    "31.4": [lambda s, a: np.quantile(s, 1 - a), lambda s, a: np.sort(s)[int((1 - a) * len(s))]],
}

WRONG = {
    "31.1": [
        (lambda x, m, v: 0.5 * np.mean(np.log(2 * np.pi * v) + (x - m) ** 2 / v, axis=PIXELS), "mean over the pixels"),
        (lambda x, m, v: 0.5 * np.sum(np.log(2 * np.pi * v) + (x - m) ** 2 / v), "one number came back"),
        (lambda x, m, v: 0.5 * (np.log(2 * np.pi * v) + (x - m) ** 2 / v), "added up"),
        (lambda x, m, v: -0.5 * np.sum(np.log(2 * np.pi * v) + (x - m) ** 2 / v, axis=PIXELS), "minus that"),
        (lambda x, m, v: np.sum(np.log(2 * np.pi * v) + (x - m) ** 2 / v, axis=PIXELS), "half in front"),
        (lambda x, m, v: 0.5 * (np.log(2 * np.pi * v) + np.sum((x - m) ** 2, axis=PIXELS) / v), "counted once"),
        (lambda x, m, v: 0.5 * np.sum((x - m) ** 2, axis=PIXELS) / v, "logarithm is missing"),
        (lambda x, m, v: 0.5 * np.sum(np.log(2 * np.pi * v**2) + (x - m) ** 2 / v**2, axis=PIXELS), "already"),
        (
            lambda x, m, v: 0.5 * np.sum(np.log(2 * np.pi * v) + (x - m) ** 2 / v**0.5, axis=PIXELS),
            "not by the deviation",
        ),
        (lambda x, m, v: np.sum(x - m, axis=PIXELS), "one term at a time"),
    ],
    "31.2": [
        (lambda m, s: _each(m, s).sum(1), "for each image"),
        (lambda m, s: _each(m, s).mean(), "one number"),
        (lambda m, s: _each(m, s), "average over the images"),
        (lambda m, s: _each(m, s).sum(0), "sum over the images"),
        (lambda m, s: 2 * _each(m, s).mean(0), "half in front"),
        (lambda m, s: 0.5 * np.mean(m**2 + np.exp(s / 2) - 1 - s, axis=0), "deviation"),
        (lambda m, s: m.var(0), "spread of the means"),
        (lambda m, s: 0.5 * np.mean(m**2 + s - 1, axis=0), "one term at a time"),
    ],
    "31.3": [
        (lambda a, b: (a & b).sum() / (a | b).sum(), "Jaccard"),
        (lambda a, b: (a & b).sum() / (a.sum() + b.sum()), "factor 2"),
        (lambda a, b: (a == b).mean(), "pixels that agree"),
        (lambda a, b: (a & b).sum() / a.sum(), "one area"),
        (lambda a, b: 2 * (a & b).sum() / (a.sum() + b.sum()), "0/0"),
        (lambda a, b: _dice(a, b) if a.any() and b.any() else 1.0, "one mask is empty"),
        (lambda a, b: 0.5, "twice the number"),
        (lambda a, b: (1, 2), "one finite number"),
    ],
    "31.4": [
        (lambda s, a: np.quantile(s, a), "lower end"),
        (lambda s, a: 1 - a, "that is a share"),
        (lambda s, a: np.quantile(s, 1 - a / 2), "second tail"),
        (lambda s, a: s.mean() + 2 * s.std(), "normal distribution"),
        (lambda s, a: np.median(s), "quantile"),
        (lambda s, a: s, "one finite number"),
        (_sorts_its_argument, "changed its argument number 1"),
    ],
}
