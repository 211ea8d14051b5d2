"""Right answers to the exercises of notebook 31; typical wrong ones, and a phrase of the hint that each must get."""

import numpy as np

PIXELS = (1, 2, 3)


def _each(mean, log_var):
    return 0.5 * (mean**2 + np.exp(log_var) - 1 - log_var)


RIGHT = {
    "31.1": [lambda x, m, v: 0.5 * np.sum(np.log(2 * np.pi * v) + (x - m) ** 2 / v, axis=PIXELS)],
    "31.2": [lambda f: (1 - f) ** 2 + f**2, lambda f: 1 - 2 * f + 2 * f * f],
    "31.3": [lambda m, s: _each(m, s).mean(0)],
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
        (lambda f: np.ones_like(f), "averaged away"),
        (lambda f: np.sqrt((1 - f) ** 2 + f**2), "the deviation"),
        (lambda f: (1 - f) ** 2, "only one of the two pixels"),
        (lambda f: 1 - f, "square of a weight"),
        (lambda f: ((1 - f) ** 2 + f**2) ** 2, "both directions"),
        (lambda f: 2 * f * (1 - f), "what is left"),
        (lambda f: f + 3, "w₁² + w₂²"),
        (lambda f: "a", "one finite number"),
    ],
    "31.3": [
        (lambda m, s: _each(m, s).sum(1), "for each image"),
        (lambda m, s: _each(m, s).mean(), "one number"),
        (lambda m, s: _each(m, s), "average over the images"),
        (lambda m, s: _each(m, s).sum(0), "sum over the images"),
        (lambda m, s: 2 * _each(m, s).mean(0), "half in front"),
        (lambda m, s: 0.5 * np.mean(m**2 + np.exp(s / 2) - 1 - s, axis=0), "deviation"),
        (lambda m, s: m.var(0), "spread of the means"),
        (lambda m, s: 0.5 * np.mean(m**2 + s - 1, axis=0), "one term at a time"),
    ],
}
