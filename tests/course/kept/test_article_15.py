"""What left notebook 15 still runs, and still says what its sentences say."""

import numpy as np
import pytest

from tests.course.kept import article_15 as kept


def test_parameters_of_the_article():
    network = kept.article_network()
    assert network.layers[0].count_params() == (3**2 * 1 + 1) * 32 == 320
    assert network.count_params() == 320 + (13**2 * 32 + 1) * 10 == 54_410


def test_noise_is_learnt_by_heart():
    learnt, fresh = kept.by_heart(np.random.default_rng(0))
    assert learnt > 0.95
    assert fresh < 0.17


def test_receptive_field():
    assert kept.receptive_field([3, 2, 3, 2, 3], [1, 2, 1, 2, 1]) == 18
    assert kept.receptive_field([5, 3], [3, 1]) == 11
    assert kept.blocks_for(32) == 4
    assert kept.widths_grow(6)


def test_pooling_keeps_even_shifts_only():
    image = np.random.default_rng(1).normal(size=(8, 10))
    one, two = (kept.pool(np.roll(image, s, 1)) for s in (1, 2))
    assert np.allclose(two, np.roll(kept.pool(image), 1, 1))
    assert not np.allclose(one, kept.pool(image))
    assert not np.allclose(one, two)


def test_predicted_minus_true():
    rng = np.random.default_rng(2)
    a, y = rng.normal(size=(3, 4)), np.array([3, 0, 1])

    def loss(a):
        return -np.log(np.exp(a[range(3), y]) / np.exp(a).sum(axis=1)).sum()

    for i, k in ((0, 3), (1, 2), (2, 1)):
        nudge = np.zeros_like(a)
        nudge[i, k] = 1e-6
        slope = (loss(a + nudge) - loss(a - nudge)) / 2e-6
        assert kept.slope_of_the_loss(a, y)[i, k] == pytest.approx(slope, abs=1e-6)


def test_two_folders_are_told_apart():
    rng = np.random.default_rng(3)
    a, same, other = (rng.normal(m, 1, (150, 12)) for m in (0, 0, 1))
    assert abs(kept.told_apart(a, same) - 0.5) < 0.12
    assert kept.told_apart(a, other) > 0.9
