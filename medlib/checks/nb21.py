"""Checks of notebook 21, images from a GAN."""

from __future__ import annotations

import numpy as np

from medlib.checks import array, call, close, exercise, number
from medlib.checks.nb22 import squared_frechet


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
def frechet_1d(answer) -> str | None:
    """(mean difference)² + (deviation difference)²."""
    return squared_frechet(answer, "(21.3)")


@exercise("21.3")
def copied(answer) -> str | None:
    """2 · 0.62 - 1."""
    got = number(answer)
    if got is None:
        return "expected one number between 0 and 1"
    if close(got, 0.24):
        return None
    if close(got, 0.62):
        return "that is how often the training set won; half of the honest drawings lie nearer to it by chance"
    if close(got, 0.12):
        return "that is the excess over one half; each copy adds only half a win, because it might have won anyway"
    if close(got, 0.38):
        return "those are the drawings for which the training set lost; none of them is a copy"
    if close(got, 24) or close(got, 240):
        return "give it as a share, between 0 and 1"
    return "solve 0.62 = ρ + (1 − ρ)/2 for ρ"


@exercise("21.4")
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
