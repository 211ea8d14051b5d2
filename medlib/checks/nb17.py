"""Checks of notebook 17, three ways to adapt a large model."""

from __future__ import annotations

import numpy as np

from medlib.checks import Hint, array, call, close, exercise, hint_for, number

_X = np.random.default_rng(16).normal(3, 2, size=(9, 4)) * [1, 2, 5, 0.3]
_ROWS = np.array([1, 2, 5, 7])


@exercise("17.1")
def prepared(answer) -> str | None:
    """Minus the mean of the training rows, divided by the root of their mean squared length."""
    got = array(call(answer, _X, _ROWS), _X.shape)
    if got is None:
        return "return all rows of x, those of the test too, in the shape of x"
    if close(got, _scaled()):
        return None
    slips = [
        (_scaled(mean=slice(None), size=slice(None)), "all rows have a say here: take mean and size from x[rows]"),
        (_scaled(mean=slice(None)), "the mean is that of all rows: which rows may have a say?"),
        (_scaled(size=slice(None)), "the size is that of all rows: which rows may have a say?"),
        (_scaled(columns=True), "that gives each column its own size; one number for all is asked for"),
        (_X / np.sqrt(np.mean(np.sum(_X[_ROWS] ** 2, axis=1))), "subtract the mean of the training rows first"),
        (_X - _X[_ROWS].mean(axis=0), "centred, but not yet scaled"),
        (_scaled() * _scale(), "divide by the root: it is the mean *square* of the lengths that becomes 1"),
        (_scaled(power=2), "divide by the root of the mean square, not by the mean square itself"),
        (_scaled(axis=None), "the *length* of a row sums its squares over the columns; the mean is over rows only"),
    ]
    asked = "subtract x[rows].mean(axis=0); what is then the mean over the training rows of their squared length?"
    return hint_for(got, slips, asked)


def _scale(mean=_ROWS, size=_ROWS) -> float:
    return float(np.sqrt(np.mean(np.sum((_X - _X[mean].mean(axis=0))[size] ** 2, axis=1))))


def _scaled(mean=_ROWS, size=_ROWS, columns=False, power=1, axis=1):
    x = _X - _X[mean].mean(axis=0)
    if columns:
        return x / x[size].std(axis=0)
    if axis is None:
        return x / np.sqrt(np.mean(x[size] ** 2))
    return x / _scale(mean, size) ** power


@exercise("17.2")
def lora_parameters(answer) -> str | None:
    """layers · rank · (2 width + width + values)."""
    from medlib.models.llm import Shape

    for shape, rank, layers in (
        (Shape(576, 30, 9, 3, 1536, 49_152), 4, 6),
        (Shape(96, 7, 8, 1, 20, 50), 3, 2),
        (Shape(64, 5, 4, 2, 10, 300), 1, 5),
    ):
        value = number(call(answer, shape, rank, layers))
        if value is None:
            raise Hint("return one whole number")
        w, v = shape.width, shape.groups * shape.width // shape.heads
        right = layers * rank * (2 * w + w + v)
        if value == right:
            continue
        slips = {
            layers * rank * 4 * w: "v is not square: it makes numbers for the groups only, not for all heads",
            layers * (w * w + w * v): "that is what the matrices q and v themselves hold",
            rank * (3 * w + v): "that is one layer",
            layers * (3 * w + v): "that is rank 1",
            layers * rank * 2 * w: "that is q alone",
            layers * rank * (w + v): "that is v alone, or one of the two factors: count A and B, of q and of v",
            shape.layers * rank * (3 * w + v): "only the last `layers` layers are changed, not all of the model's",
        }
        return slips.get(
            value, "take one matrix first: A has rank times its columns, B its rows times rank; then q and v"
        )
    return None


@exercise("17.3")
def merge(answer) -> str | None:
    """W + scale · B A."""
    rng = np.random.default_rng(163)
    W, A, B, scale = rng.normal(size=(5, 7)), rng.normal(size=(2, 7)), rng.normal(size=(5, 2)), 1.7
    got = array(call(answer, W, A, B, scale), W.shape)
    if got is None:
        return "return a matrix of the shape of W: which product of A and B has that shape?"
    if close(got, W + scale * B @ A):
        return None
    slips = [
        (W + B @ A, "the scale is missing"),
        (scale * B @ A, "that is the change alone; add it to W"),
        (W - scale * B @ A, "add the change"),
        (scale * (W + B @ A), "only the change is scaled, not W"),
        (W + B @ A / scale, "multiply by the scale"),
    ]
    return hint_for(got, slips, "equation (17.2): the product of B and A as matrices, times the scale, on top of W")
