"""Right answers to the exercises of notebook 44; typical wrong ones, and a phrase of the hint that each must get."""

import numpy as np


def _tight(log_w):
    log_w = np.asarray(log_w, float)
    top = log_w.max(axis=1)
    return -top - np.log(np.mean(np.exp(log_w - top[:, None]), axis=1))


def _careless(log_w):
    with np.errstate(all="ignore"):
        return -np.log(np.mean(np.exp(log_w), axis=1))


def _mean(rates):
    return np.mean(rates, axis=0)


EXACT = ("44.3",)  # 2,000 nats, of which the third digit says nothing

RIGHT = {
    "44.1": [lambda mean: int(np.sum(np.var(mean, axis=0) > 0.01)), lambda mean: sum(np.std(mean, axis=0) ** 2 > 0.01)],
    "44.2": [lambda rates, free: np.sum(np.maximum(_mean(rates), free)), lambda r, f: sum(max(m, f) for m in _mean(r))],
    "44.3": [_tight, lambda log_w: -np.logaddexp.reduce(log_w, axis=1) + np.log(np.shape(log_w)[1])],
}

WRONG = {
    "44.1": [
        (lambda mean: np.sum(np.std(mean, axis=0) > 0.01), "standard deviations"),
        (lambda mean: np.sum(np.mean(np.square(mean), axis=0) > 0.01), "take the mean over texts away"),
        (lambda mean: np.sum(np.var(mean, axis=1) > 0.01), "over texts, please"),
        (lambda mean: np.mean(np.var(mean, axis=0) > 0.01), "do not divide"),
        (lambda mean: np.var(mean, axis=0) > 0.01, "expected one number"),
        (lambda mean: 17, "variance of each column"),
    ],
    "44.2": [
        (lambda rates, free: np.mean(np.sum(np.maximum(rates, free), axis=1)), "average over the texts first"),
        (lambda rates, free: max(np.sum(_mean(rates)), free), "its own free nats"),
        (lambda rates, free: np.sum(np.maximum(_mean(rates) - free, 0)), "constant, not zero"),
        (lambda rates, free: np.sum(np.minimum(_mean(rates), free)), "not the smaller"),
        (lambda rates, free: np.sum(_mean(rates)), "its own free nats"),
        (lambda rates, free: np.mean(np.maximum(_mean(rates), free)), "do not average"),
        (lambda rates, free: np.maximum(_mean(rates), free), "one number for the whole batch"),
        (lambda rates, free: 77.0, "the larger of it and"),
    ],
    "44.3": [
        (_careless, "is 0 to the computer"),
        (lambda log_w: -np.mean(log_w, axis=1), "mean of the logarithms"),
        (lambda log_w: _tight(log_w) - np.log(np.shape(log_w)[1]), "divide the sum"),
        (lambda log_w: -_tight(log_w), "the sign"),
        (lambda log_w: _tight(log_w) + np.max(log_w, axis=1), "largest logarithm again"),
        (lambda log_w: np.mean(_tight(log_w)), "one finite number for each row"),
        (lambda log_w: np.full(len(log_w), 3.0), "then minus the logarithm"),
    ],
}
