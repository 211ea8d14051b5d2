"""Right answers to the exercises of notebook 30; typical wrong ones, and a phrase of the hint that each must get."""

import numpy as np

CAUSES = {"A": "tanh", "B": "no noise", "C": "right", "D": "sigma", "E": "no KL"}


def _top(eigenvalues, q):
    return np.sort(eigenvalues)[::-1][:q]


def _rate(eigenvalues, level):
    return 0.5 * np.sum(np.log(np.maximum(eigenvalues / level, 1)))


RIGHT = {
    "30.1": [lambda m, s: 0.5 * np.sum(m**2 + np.exp(s) - 1 - s, axis=-1)],
    "30.2": [lambda g, s, e: (g, g * e * 0.5 * np.exp(0.5 * s))],
    "30.3": [lambda ev, t, b, q: (np.sum(_top(ev, q) > b * t), _rate(_top(ev, q), b * t))],
    "30.4": [CAUSES],
}

WRONG = {
    "30.1": [
        (lambda m, s: 0.5 * np.mean(m**2 + np.exp(s) - 1 - s, axis=-1), "mean over the latents"),
        (lambda m, s: 0.5 * np.sum(m**2 + np.exp(s) - 1 - s), "one number came back"),
        (lambda m, s: 0.5 * np.sum(m**2 + np.exp(s) - 1 - s, axis=0), "over the examples"),
        (lambda m, s: 0.5 * (m**2 + np.exp(s) - 1 - s), "added up"),
        (lambda m, s: -0.5 * np.sum(m**2 + np.exp(s) - 1 - s, axis=-1), "never negative"),
        (lambda m, s: np.sum(m**2 + np.exp(s) - 1 - s, axis=-1), "half in front"),
        (lambda m, s: 0.5 * np.sum(m**2 + np.exp(0.5 * s) - 1 - s, axis=-1), "deviation"),
        (lambda m, s: 0.5 * np.sum(m**2 + s - 1 - s, axis=-1), "where the variance belongs"),
        (lambda m, s: 0.5 * np.sum(m**2 + np.exp(s) - 1 - 2 * s, axis=-1), "no further factor 2"),
        (lambda m, s: np.sum(m, axis=-1), "term by term"),
    ],
    "30.2": [
        (lambda g, s, e: (g * e, g * e * 0.5 * np.exp(0.5 * s)), "no ε in it"),
        (lambda g, s, e: (1.0, g * e * 0.5 * np.exp(0.5 * s)), "how much does z"),
        (lambda g, s, e: (g, g * e), "derivative by σ"),
        (lambda g, s, e: (g, g * e * np.exp(0.5 * s)), "a half is missing"),
        (lambda g, s, e: (g, g * e * 0.5 * np.exp(-0.5 * s)), "by the variance"),
        (lambda g, s, e: (g, g * e * 0.5 * np.exp(s)), "in z stands the deviation"),
        (lambda g, s, e: (g, g), "differentiate σ"),
        (lambda g, s, e: g, "two numbers"),
    ],
    "30.3": [
        (lambda ev, t, b, q: (np.sum(ev > b * t), _rate(ev, b * t)), "only q latents"),
        (lambda ev, t, b, q: (np.sum(_top(ev, q) > t), _rate(_top(ev, q), t)), "β is missing"),
        (lambda ev, t, b, q: (np.sum(ev[:q] > b * t), _rate(ev[:q], b * t)), "sorted"),
        (lambda ev, t, b, q: (q + 1, 0.0), "count those"),
        (lambda ev, t, b, q: (np.sum(_top(ev, q) > b * t), 2 * _rate(_top(ev, q), b * t)), "twice too large"),
        (
            lambda ev, t, b, q: (np.sum(_top(ev, q) > b * t), 0.5 * np.sum(np.log(_top(ev, q) / (b * t)))),
            "not a negative one",
        ),
        (lambda ev, t, b, q: (np.sum(_top(ev, q) > b * t), _rate(_top(ev, q), b * t) / np.log(2)), "in bits"),
        (lambda ev, t, b, q: (np.sum(_top(ev, q) > b * t), 7.7), "summed over those"),
        (lambda ev, t, b, q: 3, "two numbers"),
    ],
    "30.4": [
        (CAUSES | {"C": "tanh"}, "equals the entropy"),
        (CAUSES | {"A": "sigma", "D": "tanh"}, "which activation"),
        (CAUSES | {"E": "no noise", "B": "no KL"}, "have held them"),
        (CAUSES | {"B": "sigma"}, "did not notice"),
        (CAUSES | {"D": "no noise"}, "price of narrowness"),
        (CAUSES | {"D": "sign"}, "one of"),
        (["tanh"], 'keys "A" to "E"'),
    ],
}
