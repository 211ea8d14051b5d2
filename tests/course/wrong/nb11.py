"""Right answers to the exercises of notebook 11; typical wrong ones, and a phrase of the hint that each must get."""

import numpy as np

from medlib.checks.nb11 import loss_and_gradient


def _layers(widths):
    return list(zip(widths[:-1], widths[1:], strict=True))


def _weights(widths):
    return sum(a * b for a, b in _layers(widths))


def _decayed(in_loss, in_gradient, biases=True):
    """Weight decay with these factors of |θ|² and θ, with or without the biases."""

    def answer(theta, x, y, rho):
        loss, slope = loss_and_gradient(theta, x, y)
        kept = [part * (biases or part.ndim == 2) for layer in theta for part in layer]
        flat = np.concatenate([part.ravel() for part in kept])
        return loss + in_loss * rho * flat @ flat, slope + in_gradient * rho * flat

    return answer


def _in_place(d, W, a):
    a[a < 0] = 0
    return (d @ W) * (a > 0)


RIGHT = {
    "11.1": [lambda w: _weights(w) + sum(w[1:]), lambda w: int(np.sum((np.array(w[:-1]) + 1) * w[1:]))],
    "11.2": [lambda d, W, a: (d @ W) * (a > 0), lambda d, W, a: np.where(a > 0, (W.T @ d.T).T, 0.0)],
    "11.3": [_decayed(0.5, 1)],
}

WRONG = {
    "11.1": [
        (_weights, "weights alone"),
        (lambda w: _weights(w) + sum(w), "the inputs have no bias"),
        (lambda w: _weights(w) + sum(w[1:-1]), "the last layer has a bias"),
        (sum, "you counted units"),
        (lambda w: w[0] * w[1] + w[1], "that is the first layer"),
        (lambda w: _weights(w) + sum(w[:-1]), "belongs to a unit"),
        (lambda w: 33, "for [7, 4, 3, 2] not yet"),
        (lambda w: (1, 2), "one whole number"),
    ],
    "11.2": [
        (lambda d, W, a: d @ W, "units that were shut"),
        (lambda d, W, a: (d @ W) * np.maximum(a, 0), "asks for its slope"),
        (lambda d, W, a: (d @ W) * (1 - np.tanh(a) ** 2), "slope of tanh"),
        (lambda d, W, a: np.maximum(d @ W, 0), "not on the sign"),
        (lambda d, W, a: (d @ W if W.shape[0] != W.shape[1] else d @ W.T) * (a > 0), "transposed once too often"),
        (lambda d, W, a: d @ W.T, "your function raised ValueError"),
        (lambda d, W, a: W.T @ d.T, "one row per example"),
        (_in_place, "changed its argument number 3"),
    ],
    "11.3": [
        (_decayed(0, 0), "where does ρ enter"),
        (_decayed(0.5, 0), "in the loss only"),
        (_decayed(0, 1), "in the gradient only"),
        (_decayed(1, 1), "factor 2"),
        (_decayed(1, 2), "factor 2"),
        (_decayed(0.5, 2), "factor 2"),
        (_decayed(0.5, 0.5), "half of the penalty's slope"),
        (_decayed(0.5, 1, biases=False), "are all parameters in the penalty"),
        (_decayed(0.3, 0.9), "not the slope of the loss that you return"),
        (lambda theta, x, y, rho: loss_and_gradient(theta, x, y)[0], "return two things"),
        (lambda theta, x, y, rho: (theta, 0.0), "one number, the new loss"),
        (lambda theta, x, y, rho: (0.5, theta), "one vector"),
    ],
}
