"""What left notebook 20 still runs, and still says what its sentences say."""

import numpy as np
import pytest

from tests.course.kept import article_20 as kept


def test_a_density_is_no_opinion():
    found = kept.density_is_no_opinion()
    assert found["in mmol/L"] == pytest.approx(3.99, abs=0.005)
    assert found["in mmol/L"] / found["in µmol/L"] == pytest.approx(1000)


def test_the_density_earns_less_than_a_coin():
    assert list(kept.pay_of_the_density().values()) == pytest.approx([-0.7126, -1.5384, -np.log(4)], abs=1e-3)


def test_weights_speak_for_the_data():
    x = np.random.default_rng(0).normal(1, 1, 50_000)
    assert kept.data_mean(x, -2 * x) == pytest.approx(-1, abs=0.15)  # data N(-1, 1), generator N(1, 1)


@pytest.mark.parametrize("mu", [0.5, 2.0, 8.0])
def test_the_two_pulls_add_up_to_the_distance(mu):
    saturating, other = kept.pulls_of_two_losses(mu)
    assert saturating + other == pytest.approx(mu, abs=1e-6)
    assert (saturating < 0.001) == (mu == 8.0)


def test_power_iteration_finds_the_spectral_norm():
    rng = np.random.default_rng(1)
    A = rng.normal(size=(5, 9))
    exact = np.linalg.svd(A, compute_uv=False)[0]
    assert kept.spectral_norm(A, 300, rng) == pytest.approx(exact, rel=1e-6)


def test_the_ring_has_eight_kinds_and_one_heap_has_one():
    centres, samples = kept.ring(4000, np.random.default_rng(2))
    assert kept.kinds(samples, centres) == 8
    assert kept.kinds(samples[np.linalg.norm(samples - centres[3], axis=1) < 0.3], centres) == 1
