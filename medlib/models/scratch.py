"""The network of notebook 11: tanh layers and one probability at the end, in numpy alone, with its back-propagation.

A network is its parameters θ: a list with a pair (W, b) for each layer. W (units, inputs) holds a row per unit, b
(units,) a bias per unit. A batch holds one example per row: x (examples, inputs), y (examples, 1) with 0 and 1.
"""

from __future__ import annotations

import numpy as np


def initialise(rng: np.random.Generator, *widths: int) -> list:
    """θ for these widths: biases 0, weights normal with variance 1 / inputs, which lets tanh units keep a signal."""
    theta = []
    for inputs, units in zip(widths[:-1], widths[1:], strict=True):
        W = rng.normal(0, 1 / np.sqrt(inputs), size=(units, inputs))
        theta.append((W, np.zeros(units)))
    return theta


def forward(theta: list, x: np.ndarray) -> tuple[list, np.ndarray]:
    """The inputs of every layer (x first), and the last pre-activation a, the logit (examples, 1)."""
    h = [x]
    for W, b in theta[:-1]:
        a = h[-1] @ W.T + b
        h.append(np.tanh(a))
    W, b = theta[-1]
    return h, h[-1] @ W.T + b


def sigmoid(a: np.ndarray) -> np.ndarray:
    """The probability that belongs to a logit; written with tanh, which never overflows."""
    return 0.5 * (1 + np.tanh(a / 2))


def cross_entropy(a: np.ndarray, y: np.ndarray) -> float:
    """The mean loss of a batch in nats, from logits."""
    return np.mean(np.logaddexp(0, a) - y * a)


def tanh_slope(h: np.ndarray) -> np.ndarray:
    """The derivative of tanh, from its value h = tanh(a)."""
    return 1 - h**2


def backward(theta: list, h: list, a: np.ndarray, y: np.ndarray, slope=tanh_slope) -> list:
    """The gradient of the mean loss, a pair (dW, db) for each layer, from what ``forward`` returned."""
    delta = (sigmoid(a) - y) / len(y)
    gradient = []
    for (W, _), inputs in zip(reversed(theta), reversed(h), strict=True):
        gradient.append((delta.T @ inputs, delta.sum(axis=0)))
        delta = (delta @ W) * slope(inputs)
    return gradient[::-1]


def pack(layers: list) -> np.ndarray:
    """All parameters, or all slopes, as one vector."""
    return np.concatenate([np.append(W, b) for W, b in layers])


def unpack(vector: np.ndarray, like: list) -> list:
    """The reverse of :func:`pack`, in the shapes of ``like``."""
    layers = []
    for W, b in like:
        weights, biases, vector = np.split(vector, [W.size, W.size + b.size])
        layers.append((weights.reshape(W.shape), biases))
    return layers


def train(theta: list, x: np.ndarray, y: np.ndarray, alpha: float, steps: int, slope=tanh_slope) -> tuple[list, list]:
    """Steps of size alpha downhill, on all examples at once; returns the new θ and the loss before each step."""
    losses = []
    for _ in range(steps):
        h, a = forward(theta, x)
        losses.append(cross_entropy(a, y))
        downhill = pack(theta) - alpha * pack(backward(theta, h, a, y, slope))
        theta = unpack(downhill, theta)
    return theta, losses
