"""Checks of notebook 21, images from a GAN."""

from __future__ import annotations

import numpy as np

from medlib.checks import array, call, close, exercise, number


@exercise("21.1")
def counted(answer) -> str | None:
    """16 · 32 · 16 weights and 4 · 16 numbers of batch normalisation."""
    got = number(answer)
    if got is None:
        return "expected one whole number"
    weights, norm = 4 * 4 * 32 * 16, 4 * 16
    if got == weights + norm:
        return None
    if got == weights:
        return "those are the weights of the convolution; the batch normalisation is missing"
    if got in (weights + 16 + norm, weights + 16):
        return "there is no bias here: the β that follows would do its work a second time"
    if got == weights + 2 * 16:
        return "you counted what is learned; the two running averages of each channel are kept as well"
    if got in (weights + 4 * 32, weights + 2 * 32):
        return "batch normalisation stands behind the convolution: how many channels are there?"
    if got in (4 * 32 * 16 + norm, 16 * 32 + norm, 16 * 16 + norm):
        return "each pair of an input and an output channel has its own 4 × 4 weights"
    return "weights: 4 · 4 for every pair of input and output channel; then four numbers for each output channel"


@exercise("21.2")
def running_average(answer) -> str | None:
    """First the list's own first value, then a times the average before, and 1 - a times the value."""
    values, a = np.array([3.0, 1.0, 4.0, -1.0, 5.0, 9.0]), 0.8
    got = array(call(answer, list(values), a), values.shape)
    if got is None:
        return "expected as many finite numbers as there are values, the first of them the list's own first"

    def averages(share, start):
        found = [start]
        for w in values[1:]:
            found.append(share * found[-1] + (1 - share) * w)
        return np.array(found)

    if close(got, averages(a, values[0])):
        return None
    if close(got, averages(1 - a, values[0])):
        return "a is the share of the average before; the new value gets 1 - a"
    if close(got, averages(a, (1 - a) * values[0])):
        return "you started from 0, so the first average is too small; start from the list's own first value"
    if close(got[1:], a * values[:-1] + (1 - a) * values[1:]):
        return "you mixed each value with the value before it; (21.4) mixes it with the average before it"
    if close(got, np.cumsum(values) / np.arange(1, len(values) + 1)):
        return "that is the mean of all values so far; here old ones count less and less"
    if close(got[0], values[0]):
        return "the first is right; each further one is a times the average before it plus 1 - a times the value"
    return "the first average is the first value; then follow (21.4)"


@exercise("21.3")
def disc(answer) -> str | None:
    """Ones within the radius, in channel kind - 1."""
    row, column, radius = 20, 9, 3.2
    rows, columns = np.mgrid[:32, :32]
    inside = np.hypot(rows - row, columns - column) <= radius
    got = array(call(answer, 3, row, column, radius), (32, 32, 3))
    if got is None:
        return "expected finite numbers of shape (32, 32, 3): rows, columns, kinds"
    filled = [c for c in range(3) if got[..., c].any()]
    if not filled:
        return "the map is empty; the pixels of the disc get a 1"
    if filled != [2]:
        return "kind 3 belongs into channel 2, and the other channels stay 0"
    shape = got[..., 2]
    if np.array_equal(shape, inside):
        return None
    if np.array_equal(shape != 0, inside):
        return "the right pixels, but they should hold a 1"
    if np.array_equal(shape, inside.T) or np.array_equal(shape, inside[:, ::-1]) or np.array_equal(shape, inside[::-1]):
        return "the disc lies elsewhere: rows count downwards, columns to the right, and rows come first"
    if np.array_equal(shape, (abs(rows - row) <= radius) & (abs(columns - column) <= radius)):
        return "that is a square; the distance is the root of both squares added"
    if np.array_equal(shape, np.hypot(rows - row, columns - column) <= radius / 2):
        return "half as wide as asked: radius is not the diameter"
    return "compare the distance of each pixel from (row, column) with the radius"
