"""Low-rank adaptation (LoRA, Hu and others 2022) of the last layers of a language model of :mod:`medlib.models.llm`.

Notebook 17 teaches and proves it. The layers below the changed ones stay as they are, so what enters the first changed
layer is computed once, by :func:`states` in numpy; everything above runs in TensorFlow, with slopes. A matrix W of
shape (out, in) is used as ``x @ W.T``. Its change is ``scale · B A``, with A of shape (rank, in) and B (out, rank).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import tensorflow as tf

from medlib.models import llm

Changes = list[dict[str, tuple[tf.Variable, tf.Variable]]]


def states(model, tokens):
    """What enters each layer, and what leaves the last: (layers + 1, tokens, width)."""
    shape, x = model.shape, model.embedding[tokens]
    d = shape.width // shape.heads
    nothing = np.zeros((2, shape.groups, 0, d), "float32")
    found = [x]
    for w in model.layers:
        x, _ = llm.run_layer(x, w, shape, nothing)
        found.append(x)
    return np.array(found)


def new_change(W, rank, rng):
    """A pair (A, B) for a matrix W; B is 0."""
    rows, columns = W.shape
    A = rng.normal(size=(rank, columns)) / columns**0.5
    B = np.zeros((rows, rank))
    return tf.Variable(A, dtype="float32"), tf.Variable(B, dtype="float32")


def new_changes(model: llm.Model, layers: int, rank: int, rng: np.random.Generator) -> Changes:
    """For each of the last ``layers`` layers a pair for ``q`` and one for ``v``, as Hu and others advise.

    Raises
    ------
    ValueError
        If there are not so many layers, or the rank is below 1 or above that of the matrices.
    """
    if not 1 <= layers <= model.shape.layers:
        raise ValueError(f"layers: got {layers}, expected 1 to {model.shape.layers}, the layers of this model")
    most = min(model.layers[0]["v"].shape)
    if not 1 <= rank <= most:
        raise ValueError(f"rank: got {rank}, expected 1 to {most}, the shorter side of the matrix v")
    return [{part: new_change(w[part], rank, rng) for part in ("q", "v")} for w in model.layers[-layers:]]


def variables(changes: Changes) -> list[tf.Variable]:
    """All that is trained, as a flat list."""
    return [matrix for change in changes for pair in change.values() for matrix in pair]


def changed(x, W, pair, scale):
    """x times the transpose of W + scale · B A, without building that matrix."""
    A, B = pair
    as_before = tf.matmul(x, W, transpose_b=True)
    low = tf.matmul(x, A, transpose_b=True)
    return as_before + scale * tf.matmul(low, B, transpose_b=True)


class Adapted:
    """The upper part of a model, with changes that can be trained.

    Parameters
    ----------
    model
        With its layers in a list; its weights are not changed.
    changes
        As :func:`new_changes` makes them: one dictionary for each of the last layers.
    scale
        The factor before B A: alpha / rank.
    """

    def __init__(self, model: llm.Model, changes: Changes, scale: float = 1.0):
        self.model, self.changes, self.scale = model, changes, scale
        self.depth = model.shape.layers - len(changes)
        self._layers = [{name: _tensor(w) for name, w in layer.items()} for layer in model.layers[self.depth :]]
        self._embedding = _tensor(model.embedding)

    def nats(self, texts: Sequence[tuple[Sequence[int], np.ndarray]]) -> tf.Tensor:
        """-log p of each token but the first of each text, all in one row, with slopes for the changes.

        Parameters
        ----------
        texts
            Pairs of a text's tokens and of what enters the first changed layer, (tokens, width): ``states(model,
            tokens)[adapted.depth]``. Shorter texts are filled up at their end, which no earlier token sees.
        """
        longest = max(len(tokens) for tokens, _ in texts)
        x = np.zeros((len(texts), longest, self.model.shape.width), "float32")
        places, following = [], []
        for i, (tokens, entering) in enumerate(texts):
            x[i, : len(tokens)] = entering
            places += [i * longest + t for t in range(len(tokens) - 1)]
            following += list(tokens[1:])
        x = tf.constant(x.reshape(-1, self.model.shape.width))
        for w, change in zip(self._layers, self.changes, strict=True):
            x = _run_layer(x, len(texts), w, self.model.shape, change, self.scale)
        x = tf.gather(x, places)
        x = _norm(x, self.model.norm, self.model.shape.eps)
        logits = tf.matmul(x, self._embedding, transpose_b=True)
        return tf.nn.sparse_softmax_cross_entropy_with_logits(following, logits)

    def merged(self, merge) -> llm.Model:
        """A model of numpy whose matrices are ``merge(W, A, B, scale)``: as quick as before."""
        layers = list(self.model.layers)
        for i, change in enumerate(self.changes, self.depth):
            new = {part: merge(layers[i][part], A.numpy(), B.numpy(), self.scale) for part, (A, B) in change.items()}
            layers[i] = layers[i] | {part: np.asarray(W, "float32") for part, W in new.items()}
        return replace(self.model, layers=layers)


def _tensor(array):
    """A tensor that keeps one copy of an array; that of ``tf.constant`` alone holds on to a second."""
    return tf.identity(tf.constant(array))


def _norm(x, gain, eps):
    return x * tf.math.rsqrt(tf.reduce_mean(x**2, axis=-1, keepdims=True) + eps) * gain


def _rotate(x, base):
    """Rotary positions of (texts, heads, tokens, d): pairs (1, 0), turned by the numpy function, are (cos, sin)."""
    T, d = x.shape[-2:]
    turned = llm.rotate(np.tile(np.array([1, 0], "float32"), (T, d // 2)), 0, base)
    cos, sin = turned[:, 0::2], turned[:, 1::2]
    even, odd = x[..., 0::2], x[..., 1::2]
    return tf.reshape(tf.stack([even * cos - odd * sin, even * sin + odd * cos], axis=-1), x.shape)


def _run_layer(x, n, w, shape, change, scale):
    """``llm.run_layer`` for ``n`` texts that begin together, one below the other, with changed q and v.

    x keeps the shape (n · tokens, width): the slopes of a product of two matrices leave out those of W, which nobody
    needs; for a stack of matrices TensorFlow computes them all.
    """
    T, d = len(x) // n, shape.width // shape.heads

    def heads(y):
        return tf.transpose(tf.reshape(y, (n, T, -1, d)), (0, 2, 1, 3))

    h = _norm(x, w["norm1"], shape.eps)
    q = _rotate(heads(changed(h, w["q"], change["q"], scale)), shape.base)
    k = _rotate(heads(tf.matmul(h, w["k"], transpose_b=True)), shape.base)
    v = heads(changed(h, w["v"], change["v"], scale))
    k, v = (tf.repeat(part, shape.heads // shape.groups, axis=1) for part in (k, v))
    future = np.triu(np.full((T, T), -np.inf, "float32"), 1)
    shares = tf.nn.softmax(tf.matmul(q, k, transpose_b=True) / d**0.5 + future)
    mixed = tf.reshape(tf.transpose(tf.matmul(shares, v), (0, 2, 1, 3)), x.shape)
    x += tf.matmul(mixed, w["o"], transpose_b=True)
    h = _norm(x, w["norm2"], shape.eps)
    opened = tf.nn.silu(tf.matmul(h, w["gate"], transpose_b=True)) * tf.matmul(h, w["up"], transpose_b=True)
    return x + tf.matmul(opened, w["down"], transpose_b=True)
