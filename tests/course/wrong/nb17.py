"""Right answers to the exercises of notebook 17; typical wrong ones, and a phrase of the hint that each must get."""

import numpy as np


def _prepared(mean=None, size=None, power=1, centre=True, scale=True, columns=False, axis=1):
    def answer(x, rows):
        every = slice(None)
        if centre:
            x = x - x[every if mean else rows].mean(axis=0)
        if not scale:
            return x
        if columns:
            return x / x[rows].std(axis=0)
        square = np.mean(x[rows] ** 2) if axis is None else np.mean(np.sum(x[every if size else rows] ** 2, axis=1))
        return x / np.sqrt(square) ** power

    return answer


def _by_norm(x, rows):
    moved = x - np.mean([x[i] for i in rows], axis=0)
    lengths = np.linalg.norm(moved[rows], axis=1)
    return moved / (np.sum(lengths**2) / len(rows)) ** 0.5


def _in_place(x, rows):
    x -= x[rows].mean(axis=0)
    return x


def _lora(q=2, v=1, groups=True, times=None):
    def answer(shape, rank, layers):
        values = shape.groups * shape.width // shape.heads if groups else shape.width
        total = rank * (q * shape.width + v * (shape.width + values))
        return total * (layers if times is None else times(shape, rank, layers))

    return answer


def _by_sizes(shape, rank, layers):
    total = 0
    for rows in (shape.width, shape.groups * (shape.width // shape.heads)):
        total += np.ones((rank, shape.width)).size + np.ones((rows, rank)).size
    return layers * total


def _whole(shape, rank, layers):
    return layers * (shape.width**2 + shape.width * shape.groups * shape.width // shape.heads)


EXACT = {"17.2"}  # a count
RIGHT = {
    "17.1": [_prepared(), _by_norm],
    "17.2": [_lora(), _by_sizes],
    "17.3": [lambda W, A, B, scale: W + scale * B @ A, lambda W, A, B, s: W + np.einsum("ir,rj->ij", s * B, A)],
}
WRONG = {
    "17.1": [
        (_prepared(mean=True, size=True), "all rows have a say"),
        (_prepared(mean=True), "the mean is that of all rows"),
        (_prepared(size=True), "the size is that of all rows"),
        (_prepared(columns=True), "its own size"),
        (_prepared(centre=False), "subtract the mean"),
        (_prepared(scale=False), "not yet scaled"),
        (_prepared(power=2), "root of the mean square"),
        (_prepared(axis=None), "over rows only"),
        (_in_place, "changed its argument"),
        (lambda x, rows: x[rows], "all rows of x"),
        (lambda x, rows: x + 1, "mean over the training rows"),
    ],
    "17.2": [
        (_lora(groups=False), "not square"),
        (_whole, "themselves hold"),
        (_lora(times=lambda s, r, n: 1), "one layer"),
        (_lora(times=lambda s, r, n: n / r), "rank 1"),
        (_lora(v=0), "q alone"),
        (_lora(q=0), "v alone"),
        (_lora(times=lambda s, r, n: s.layers), "not all of the model's"),
        (_lora(times=lambda s, r, n: 7.5 * n), "take one matrix first"),
        (lambda shape, rank, layers: "many", "one whole number"),
    ],
    "17.3": [
        (lambda W, A, B, scale: W + B @ A, "scale is missing"),
        (lambda W, A, B, scale: scale * B @ A, "change alone"),
        (lambda W, A, B, scale: W - scale * B @ A, "add the change"),
        (lambda W, A, B, scale: scale * (W + B @ A), "only the change"),
        (lambda W, A, B, scale: W + B @ A / scale, "multiply"),
        (lambda W, A, B, scale: scale * A.T @ B.T, "shape of W"),
        (lambda W, A, B, scale: W + 3 * scale * B @ A, "(17.2)"),
    ],
}
