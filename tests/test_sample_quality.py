"""The sample-quality part of medlib.metrics: every score against a closed-form answer, its null, and a blind spot."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import sqrtm
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression

from medlib.metrics import c2st, density_coverage, expected_coverage, fid, kid, memorisation

RNG = np.random.default_rng(0)


def draw(n: int, d: int, mean=0.0, scale=1.0, rng=RNG) -> np.ndarray:
    return mean + scale * rng.normal(size=(n, d))


# ---------------------------------------------------------------------------------------------------------------- fid


def test_fid_of_two_gaussians_is_the_closed_form():
    """N(0, I) against N(0.5, 4 I) in 16 dimensions: 16 · 0.25 + 16 · (1 + 4 - 2 · 2) = 20."""
    assert fid(draw(200_000, 16), draw(200_000, 16, 0.5, 2)) == pytest.approx(20, rel=0.01)


def test_fid_of_given_moments_is_exact():
    x = draw(50, 3)
    moved = x + np.array([1.0, -2.0, 0.5])  # the same covariance: only the means count
    assert fid(x, moved) == pytest.approx(5.25, abs=1e-9)
    assert fid(x, x) == pytest.approx(0, abs=1e-9)


def test_fid_agrees_with_the_matrix_square_root():
    x, y = draw(300, 6) @ RNG.normal(size=(6, 6)), draw(300, 6, 0.3) @ RNG.normal(size=(6, 6))
    a, b = np.cov(x.T), np.cov(y.T)
    expected = np.sum((x.mean(0) - y.mean(0)) ** 2) + np.trace(a + b - 2 * sqrtm(a @ b).real)
    assert fid(x, y) == pytest.approx(expected, rel=1e-9) == fid(y, x)


def test_fid_is_biased_by_one_over_n():
    d, n = 16, 500
    values = [fid(draw(n, d), draw(n, d)) for _ in range(40)]
    assert np.mean(values) == pytest.approx((2 * d + d * (d + 1) / 2) / n, rel=0.06)


def test_the_bias_of_fid_at_unequal_sizes():
    """(1/n + 1/m)(d + d(d + 1)/4), as in notebook 22, is the formula of the docstring where n = m."""
    d, n, m = 12, 300, 900
    values = [fid(draw(n, d), draw(m, d)) for _ in range(60)]
    assert np.mean(values) == pytest.approx((1 / n + 1 / m) * (d + d * (d + 1) / 4), rel=0.06)


def test_fid_of_a_skewed_cloud_that_a_symmetric_map_carries():
    x = RNG.exponential(size=(4000, 3)) * [1, 3, 0.5]
    y = x @ np.array([[2, 0.8, 0], [0.8, 0.7, 0.3], [0, 0.3, 1.5]]) + [1, 0, -2]
    assert fid(x, y) == pytest.approx(np.mean(np.sum((x - y) ** 2, axis=1)), rel=2e-3)


def test_fid_does_not_see_beyond_two_moments():
    same_moments = RNG.choice([-1.0, 1.0], size=(20_000, 4))
    assert fid(draw(20_000, 4), same_moments) < 0.01


def test_fid_needs_more_rows_than_features():
    with pytest.raises(ValueError, match=r"real: got 8 rows of 8 features, expected more rows than features"):
        fid(draw(8, 8), draw(50, 8))


# ---------------------------------------------------------------------------------------------------------------- kid


def test_kid_of_two_gaussians_is_the_closed_form():
    """Moments of N(0, I) and N(m, I) under (x·y/d + 1)³."""
    d, shift = 16, 0.3
    m = d * shift**2
    same = 1 + 3 / d
    cross = 1 + 3 * (d + m) / d**2
    moved = 1 + 3 * m / d + 3 * (m**2 + 2 * m + d) / d**2 + (m**3 + 3 * m**2 + 3 * (m * (d + m) + 2 * m)) / d**3
    values = [kid(draw(1000, d), draw(1000, d, shift)) for _ in range(20)]
    assert np.mean(values) == pytest.approx(same + moved - 2 * cross, abs=4 * np.std(values) / np.sqrt(20))
    assert np.mean(values) == pytest.approx(same + moved - 2 * cross, rel=0.05)


def test_kid_is_unbiased_at_any_size():
    values = [kid(draw(30, 8), draw(20, 8)) for _ in range(600)]
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(600)
    assert min(values) < 0 < max(values)


@pytest.mark.parametrize(("n", "m"), [(4, 15), (15, 4)])
def test_kid_of_unequal_samples_of_unlike_clouds(n, m):
    """Four points with known shares: the exact distance, whichever side is the larger one."""
    points = np.array([[0, 0, 1], [1, 0, 0], [0, -1, 1], [0.5, 1, 1]])
    p, q = np.array([0.4, 0.3, 0.2, 0.1]), np.array([0.1, 0.2, 0.4, 0.3])
    exact = (p - q) @ (points @ points.T / 3 + 1) ** 3 @ (p - q)
    values = [kid(points[RNG.choice(4, n, p=p)], points[RNG.choice(4, m, p=q)]) for _ in range(4000)]
    assert abs(np.mean(values) - exact) < 4 * np.std(values) / np.sqrt(4000)


def test_kid_sees_a_third_moment():
    skewed = RNG.exponential(size=(20_000, 4)) - 1  # mean 0, variance 1
    assert fid(draw(20_000, 4), skewed) < 0.02 < 0.05 < kid(draw(4000, 4), skewed[:4000])


# -------------------------------------------------------------------------------------------------- density, coverage


def test_density_and_coverage_of_one_distribution():
    density, coverage = np.mean([density_coverage(draw(500, 8), draw(500, 8)) for _ in range(10)], axis=0)
    assert density == pytest.approx(1, abs=0.03)
    assert coverage == pytest.approx(expected_coverage(500, 500), abs=0.01)


def test_expected_coverage_is_the_published_product():
    assert expected_coverage(1000, 1000) == pytest.approx(0.96898, abs=5e-6)
    assert expected_coverage(200, 100, 1) == pytest.approx(1 - 199 / 299)


def test_a_dropped_mode_halves_the_coverage_and_not_the_density():
    two = np.concatenate([draw(500, 4), draw(500, 4, 20)])
    density, coverage = density_coverage(two, draw(1000, 4))
    assert coverage == pytest.approx(expected_coverage(500, 1000) / 2, abs=0.02)
    assert density > 0.9


@pytest.mark.parametrize(("n", "m", "good"), [(400, 150, 1.0), (150, 400, 1.0), (400, 200, 0.3)])
def test_density_and_coverage_of_unequal_sizes_with_junk_among_the_fakes(n, m, good):
    """A share of good fakes is the density, and stands in the coverage as that many fakes (notebook 22)."""
    values = []
    for _ in range(20):
        fake = draw(m, 6)
        fake[int(good * m) :] += 50
        values.append(density_coverage(draw(n, 6), fake))
    assert np.mean(values, axis=0) == pytest.approx([good, expected_coverage(n, int(good * m))], abs=0.05)


def test_balls_by_hand():
    real, fake = np.array([[0.0], [1.0], [3.0]]), np.array([[0.5], [10.0]])
    # nearest other real: radii 1, 1, 2; the fake at 0.5 lies in the first two balls, the one at 10 in none
    assert density_coverage(real, fake, k=1) == (1.0, pytest.approx(2 / 3))
    assert density_coverage(fake, real, k=1) == (pytest.approx(5 / 3), 1.0)  # the other way round: another question
    with pytest.raises(ValueError, match="k: got 3, expected 1 to 2"):
        density_coverage(real, fake, k=3)


def test_one_outlier_does_not_open_the_gates():
    real = draw(500, 16)
    real[:5] *= 6  # a few outliers have enormous balls
    far = draw(500, 16, scale=3)
    assert density_coverage(real, far)[0] < 0.2


# --------------------------------------------------------------------------------------------------------------- c2st


@pytest.mark.parametrize("delta", [0.5, 1.0, 2.0])
def test_c2st_reaches_the_best_possible_accuracy(delta):
    """Two normals delta apart: no classifier is right more often than Φ(delta / 2)."""
    fake = draw(8000, 3)
    fake[:, 0] += delta
    score = c2st(draw(8000, 3), fake)
    assert score.value == pytest.approx(norm.cdf(delta / 2), abs=0.012)


def test_c2st_rejects_rarely_when_nothing_differs():
    rejected = [0.5 not in c2st(draw(100, 3), draw(100, 3), seed=s) for s in range(100)]
    assert np.mean(rejected) <= 0.12


def test_c2st_is_as_blind_as_its_classifier():
    wide = draw(2000, 3, scale=2)
    assert c2st(draw(2000, 3), wide, classifier=LogisticRegression()).value < 0.55
    assert c2st(draw(2000, 3), wide).value > 0.7


def test_c2st_keeps_a_patient_on_one_side():
    """Rows of one patient are alike. A nearest neighbour that has seen the patient finds the label; a fresh one not."""
    from sklearn.neighbors import KNeighborsClassifier

    near, groups = KNeighborsClassifier(1), np.repeat(np.arange(50), 8)
    real, fake = (np.repeat(draw(50, 6), 8, axis=0) + draw(400, 6, scale=0.01) for _ in range(2))
    assert c2st(real, fake, classifier=near).value > 0.95
    assert c2st(real, fake, groups, groups, classifier=near).value < 0.75


def test_c2st_needs_rows():
    with pytest.raises(ValueError, match="real, fake: got 5 and 40 rows, expected at least 8 of each"):
        c2st(draw(5, 2), draw(40, 2))


# ------------------------------------------------------------------------------------------------------- memorisation


@pytest.mark.parametrize("share", [0.0, 0.2, 0.6])
def test_memorisation_counts_the_copies(share):
    train, holdout, fake = draw(1000, 12), draw(1000, 12), draw(2000, 12)
    copies = RNG.random(2000) < share
    fake[copies] = train[RNG.integers(1000, size=copies.sum())] + draw(copies.sum(), 12, scale=0.01)
    assert memorisation(train, holdout, fake).value == pytest.approx(share + (1 - share) / 2, abs=0.04)


def test_memorisation_compares_equal_numbers():
    with pytest.raises(ValueError, match="train, holdout: got 30 and 20 rows, expected equally many"):
        memorisation(draw(30, 2), draw(20, 2), draw(10, 2))


# ---------------------------------------------------------------------------------------------------------- bad input

SCORES = {
    "fid": fid,
    "kid": kid,
    "density_coverage": density_coverage,
    "c2st": c2st,
    "memorisation": lambda real, fake: memorisation(real, real, fake),
}


@pytest.mark.parametrize("name", SCORES)
@pytest.mark.parametrize(
    ("fake", "message"),
    [
        (np.zeros((9, 4, 4)), r"fake: got shape \(9, 4, 4\), expected \(n, features\).*flatten images"),
        (np.zeros((1, 4)), r"fake: got shape \(1, 4\)"),
        (np.full((20, 4), np.nan), r"fake: got 80 values that are nan or infinite"),
        (np.zeros((20, 5)), r"got 4 and 5 features, expected the same number"),
    ],
)
def test_features_that_do_not_fit_are_named(name, fake, message):
    with pytest.raises(ValueError, match=message):
        SCORES[name](draw(20, 4), fake)
