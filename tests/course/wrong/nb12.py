"""Right answers to the exercises of notebook 12; typical wrong ones, and a phrase of the hint that each must get."""

import numpy as np

from medlib.checks.nb12 import loss_and_gradient


def _adam(theta, g, memory, alpha=0.001, beta1=0.9, beta2=0.999, eps=1e-8, kind="adam"):
    m, v, t, peak = memory
    m, v, t = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2, t + 1
    corrected = v / (1 - beta2**t)
    below = corrected
    if kind == "raw":
        peak = np.maximum(peak, v)
        below = peak / (1 - beta2**t)
    elif kind == "whole":
        peak = below = max(np.max(corrected), np.max(peak))
    elif kind == "uphill":
        peak = below = np.maximum(peak, corrected)
        alpha = -alpha
    return theta - alpha * m / (1 - beta1**t) / (np.sqrt(below) + eps), (m, v, t, peak)


def _of_kind(kind):
    return lambda *args, **options: _adam(*args, **options, kind=kind)


def _two_things(theta, g, memory, **options):
    return theta


def _decayed(in_loss, in_gradient, biases=True):
    """Weight decay with these factors of |θ|² and θ, with or without the biases."""

    def answer(theta, x, y, rho):
        loss, slope = loss_and_gradient(theta, x, y)
        kept = [part * (biases or part.ndim == 2) for layer in theta for part in layer]
        flat = np.concatenate([part.ravel() for part in kept])
        return loss + in_loss * rho * flat @ flat, slope + in_gradient * rho * flat

    return answer


def _amsgrad(theta, g, memory, alpha=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
    m, v, t, peak = memory
    m, v, t = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2, t + 1
    peak = np.maximum(peak, v / (1 - beta2**t))
    return theta - alpha * m / (1 - beta1**t) / (np.sqrt(peak) + eps), (m, v, t, peak)


def _in_place(theta, g, memory, **options):
    theta -= 0.1
    return theta, memory


EXACT = {"12.5"}  # a step that rounds its memory is another method
RIGHT = {
    "12.1": [513],
    "12.2": [_decayed(0.5, 1)],
    "12.3": [
        lambda d, W, a: (d @ W) * (a > 0),
        lambda d, W, a: np.where(a > 0, (W.T @ d.T).T, 0),
    ],
    "12.4": [(2 / 25, 2 / 25.5, 346), (0.08, 0.0784, 346)],
    "12.5": [_amsgrad],
}

WRONG = {
    "12.1": [
        (480, "first matrix alone"),
        (496, "biases are missing"),
        (512, "one number short"),
        (47, "counted units"),
        (1000, "which shape has W"),
    ],
    "12.2": [
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
    "12.3": [
        (lambda d, W, a: d @ W, "units that were shut"),
        (lambda d, W, a: (d @ W) * np.maximum(a, 0), "asks for its slope"),
        (lambda d, W, a: (d @ W) * (1 - np.tanh(a) ** 2), "slope of tanh"),
        (lambda d, W, a: np.maximum(d @ W, 0), "not on the sign"),
        (lambda d, W, a: (d @ W if W.shape[0] != W.shape[1] else d @ W.T) * (a > 0), "transposed once too often"),
        (lambda d, W, a: d @ W.T, "your function raised ValueError"),
        (lambda d, W, a: W.T @ d.T, "one row per example"),
    ],
    "12.4": [
        ((4, 2 / 25.5, 346), "flattest direction"),
        ((0.04, 2 / 25.5, 346), "arrives at once"),
        ((0.08, 2 / 29, 346), "plays no part"),
        ((0.08, 2 / 25.5, 345), "round up"),
        ((0.08, 2 / 25.5, 345.4), "round up"),
        ((0.08, 2 / 25.5, 691), "or its square"),
        ((0.08, 2 / 25.5, 100), "how many leave"),
        (("0.08", "0.0784", "346"), "three numbers"),
        (0.08, "three numbers"),
    ],
    "12.5": [
        (_of_kind("adam"), "still Adam"),
        (_of_kind("raw"), "correct first"),
        (_of_kind("whole"), "each must have its own"),
        (_of_kind("uphill"), "uphill"),
        (_two_things, "return two things"),
        (_in_place, "changed its argument number 1"),
    ],
}
