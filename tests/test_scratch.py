"""The network of notebook 11: shapes, its own inverse, the slope of its loss, the size of its start."""

from __future__ import annotations

import numpy as np
import pytest

from medlib.models.scratch import backward, cross_entropy, forward, initialise, pack, sigmoid, train, unpack


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def batch(rng, inputs: int, n: int = 9):
    return rng.normal(size=(n, inputs)), rng.integers(0, 2, (n, 1)).astype(float)


def test_shapes(rng):
    theta = initialise(rng, 4, 7, 5, 1)
    assert [W.shape for W, b in theta] == [(7, 4), (5, 7), (1, 5)] and [b.shape for W, b in theta] == [(7,), (5,), (1,)]
    x, _ = batch(rng, 4)
    h, a = forward(theta, x)
    assert [part.shape for part in h] == [(9, 4), (9, 7), (9, 5)] and a.shape == (9, 1)


@pytest.mark.parametrize(("inputs", "units"), [(400, 100), (100, 400)])
def test_the_variance_of_a_weight_is_one_over_the_inputs(rng, inputs, units):
    ((W, b),) = initialise(rng, inputs, units)
    assert W.var() * inputs == pytest.approx(1, rel=0.03) and abs(W.mean()) < 0.001 and not b.any()


def test_unpack_is_the_reverse_of_pack(rng):
    theta = [(W, rng.normal(size=b.shape)) for W, b in initialise(rng, 3, 4, 2)]
    again = unpack(pack(theta), theta)
    for old, new in zip(theta, again, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(old, new, strict=True))
    assert pack(theta).shape == (3 * 4 + 4 + 4 * 2 + 2,)


@pytest.mark.parametrize("widths", [(3, 1), (3, 4, 1), (2, 5, 3, 1)])
def test_the_gradient_is_the_slope_of_the_loss(rng, widths):
    theta = [(W, rng.normal(size=b.shape)) for W, b in initialise(rng, *widths)]
    x, y = batch(rng, widths[0])
    start, nudges = pack(theta), 1e-5 * np.eye(pack(theta).size)

    def loss(vector):
        return cross_entropy(forward(unpack(vector, theta), x)[1], y)

    slopes = [(loss(start + nudge) - loss(start - nudge)) / 2e-5 for nudge in nudges]
    assert pack(backward(theta, *forward(theta, x), y)) == pytest.approx(slopes, abs=1e-9)


def test_a_step_of_training_is_alpha_times_the_slope(rng):
    theta = initialise(rng, 3, 4, 1)
    x, y = batch(rng, 3)
    moved, losses = train(theta, x, y, alpha=0.3, steps=1)
    h, a = forward(theta, x)
    assert pack(moved) == pytest.approx(pack(theta) - 0.3 * pack(backward(theta, h, a, y)))
    assert losses == [cross_entropy(a, y)]
    later = train(theta, x, y, alpha=0.3, steps=50)[1]
    assert len(later) == 50 and later[-1] < later[0]


def test_extreme_logits_neither_overflow_nor_lose_their_loss():
    with np.errstate(all="raise"):
        assert np.array_equal(sigmoid(np.array([-1e4, 0, 1e4])), [0, 0.5, 1])
    assert cross_entropy(np.array([[800.0]]), np.array([[0.0]])) == 800
