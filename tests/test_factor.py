"""Factor analysis, poses, and the VAE that turns its picture: against closed forms, scipy and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest

from medlib.models import vae
from medlib.models.factor import factor_analysis, principal_components
from medlib.models.pose import pose, straighten, turn
from medlib.models.training import keras, tf


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    loadings = rng.normal(size=(6, 2))
    return rng.normal(size=(4000, 2)) @ loadings.T + rng.normal(size=(4000, 6)) * rng.uniform(0.3, 1, 6) + 1.5


def test_the_fit_is_scikit_learns(rows):
    from sklearn.decomposition import FactorAnalysis

    ours = factor_analysis(rows, 2, rounds=2000, floor=0.0)
    theirs = FactorAnalysis(2, tol=1e-10, max_iter=5000, svd_method="lapack").fit(rows)
    assert abs(ours.nats(rows).mean() + theirs.score(rows)) < 1e-6
    few = factor_analysis(rows, 2, rounds=3, floor=0.0)
    assert few.nats(rows).mean() > ours.nats(rows).mean() + 1e-6


def test_the_density_is_that_of_scipy_and_the_posterior_that_of_bayes(rows):
    from scipy.stats import multivariate_normal

    f = factor_analysis(rows, 2)
    covariance = f.loadings @ f.loadings.T + np.diag(f.variance)
    np.testing.assert_allclose(f.nats(rows[:9]), -multivariate_normal(f.mean, covariance).logpdf(rows[:9]))
    code, variance = f.code(rows[:9])
    gain = f.loadings.T @ np.linalg.inv(covariance)
    np.testing.assert_allclose(code, (rows[:9] - f.mean) @ gain.T, rtol=1e-9)
    np.testing.assert_allclose(np.diag(variance), np.eye(2) - gain @ f.loadings, atol=1e-9)


def test_components_are_scikit_learns_and_their_noise_is_what_they_leave(rows):
    from sklearn.decomposition import PCA

    x = rows * [1, 5, 1, 1, 1, 1]  # one loud number: it draws the first component to itself
    ours, theirs = principal_components(x, 2, floor=0.0), PCA(2).fit(x)
    np.testing.assert_allclose(
        ours.loadings @ ours.loadings.T,
        (theirs.components_.T * theirs.explained_variance_) @ theirs.components_ * (1 - 1 / len(x)),
        rtol=1e-6,
    )
    total = np.diag(ours.loadings @ ours.loadings.T) + ours.variance
    np.testing.assert_allclose(total, x.var(axis=0), rtol=1e-6)
    assert ours.nats(x).mean() > factor_analysis(x, 2, floor=0.0).nats(x).mean() + 0.01
    gain = ours.loadings.T @ (ours.loadings / ours.variance[:, None])
    assert abs(gain[0, 1]) < 1e-9 and gain[0, 0] > gain[1, 1]


def test_impossible_numbers_of_factors(rows):
    for fit in (factor_analysis, principal_components):
        for factors in (0, 6, 1.5, np.nan, "two"):
            with pytest.raises(ValueError, match="^factors: got .* expected a whole number from 1 to 5"):
                fit(rows, factors)


def test_a_whole_number_of_factors_may_be_a_float(rows):
    for fit in (factor_analysis, principal_components):
        np.testing.assert_array_equal(fit(rows, 2.0).loadings, fit(rows, 2).loadings)


def test_rows_without_sense_are_refused(rows):
    spoiled = rows.copy()
    spoiled[3, 1] = np.nan
    for fit in (factor_analysis, principal_components):
        with pytest.raises(ValueError, match="^x: got 1 values that are nan or infinite, expected none; clean"):
            fit(spoiled, 2)
        with pytest.raises(ValueError, match="^x: got 1 rows, expected two or more"):
            fit(rows[:1], 2)


@pytest.fixture(scope="module")
def bars():
    """Bright bars 20 pixels high, upright and turned."""
    upright = np.zeros((4, 32, 32, 1), "float32")
    upright[:, 6:26, 10:22] = 0.7
    upright[:, 6:12, 10:22] = 0.4
    lies = np.array([[0, 0, 0], [0.2, 1, -2], [-0.15, -1.5, 0.7], [0.05, 0, 3]], "float32")
    return upright, lies, turn(upright, lies).numpy()


def test_moments_find_how_a_picture_lies(bars):
    _, lies, turned = bars
    np.testing.assert_allclose(pose(turned), lies, atol=0.05)


def test_turning_by_nothing_changes_nothing_and_back_undoes(bars):
    upright, lies, turned = bars
    np.testing.assert_array_equal(turn(upright, 0 * lies).numpy(), upright)
    inside = np.abs(turn(turned, lies, back=True).numpy() - upright)[:, 13:25, 11:21]
    assert inside.max() < 0.02, "but for the edges, which bilinear looks blur"
    assert np.abs(straighten(turned) - upright).mean() < 0.03 < np.abs(turned - upright)[1:].mean()


def test_gradients_reach_the_pose(bars):
    """Against central differences, on a smooth picture."""
    y, x = np.mgrid[:32, :32] / 31
    smooth = tf.constant((y**2 + 0.3 * x * y)[None, ..., None], tf.float32)
    lies = tf.Variable([[0.11, 0.63, -0.41]])
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(turn(smooth, lies)[:, 4:-4, 4:-4] ** 2)
    found = tape.gradient(total, lies).numpy()[0]
    for k in range(3):
        ends = []
        for step in (1e-2, -1e-2):
            moved = lies.numpy()
            moved[0, k] += step
            ends.append(float(tf.reduce_sum(turn(smooth, moved)[:, 4:-4, 4:-4] ** 2)))
        assert abs(found[k] / ((ends[0] - ends[1]) / 2e-2) - 1) < 0.02


@pytest.fixture(scope="module")
def pictures():
    """Low-rank pictures with noise, all of them upright."""
    rng = np.random.default_rng(1)
    base = np.zeros((16, 16))
    base[3:13, 5:11] = 0.5
    parts = rng.normal(0, 0.03, (3, 16, 16)) * (base > 0)
    x = base + np.tensordot(rng.normal(size=(400, 3)), parts, 1) + rng.normal(0, 0.02, (400, 16, 16)) * (base > 0)
    return np.clip(x, 0, 1)[..., None].astype("float32")


def test_before_it_trains_the_model_knows_what_factor_analysis_knows(pictures):
    """With the pose held at nothing, -ELBO is the exact -log p: a linear VAE is factor analysis."""
    model = vae.build_turning_vae((16, 16, 1), 3)
    found = vae.start_upright(model, pictures)
    model.pose_mean.assign([0, 0, 0])
    model.pose_scale.assign([1e-9] * 3)
    model.encoder.layers[-1].bias.assign(np.zeros(12))
    model.log_var.assign(np.log(np.maximum(found.variance - 0.01**2, 1e-6)).reshape(16, 16, 1) / 10)
    model.centre.assign(found.mean.reshape(16, 16, 1))
    upright = found.nats(pictures).mean()
    distortion, rate = vae.negative_elbo(model, pictures, draws=20)
    pose_rate = rate.mean() - 0.5 * np.sum(
        np.square(found.code(pictures)[0]).mean(0) + found.code(pictures)[1] - 1 - np.log(found.code(pictures)[1])
    )
    assert abs(distortion.mean() + rate.mean() - pose_rate - upright) < 1.0


def test_training_makes_it_better_and_it_is_saved_whole(pictures, tmp_path):
    rng = np.random.default_rng(2)
    lies = rng.normal(0, [0.1, 0.8, 0.8], (400, 3))
    turned = np.clip(turn(pictures, lies).numpy(), 0, 1)
    model = vae.build_turning_vae((16, 16, 1), 3)
    vae.start_upright(model, turned)
    before = sum(vae.negative_elbo(model, turned)).mean()
    model.compile(keras.optimizers.Adam(2e-3, global_clipnorm=1e4))
    model.fit(turned, epochs=8, batch_size=50, verbose=0)
    assert sum(vae.negative_elbo(model, turned)).mean() < before - 20
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again.predict(turned[:9], verbose=0), model.predict(turned[:9], verbose=0))
    assert vae.generate(model, rng.normal(size=(5, 6))).shape == (5, 16, 16, 1)
    with pytest.raises(ValueError, match=r"expected finite values of shape \(n, 6\)"):
        vae.generate(model, rng.normal(size=(5, 3)))


def test_training_begins_upright_once_and_not_again(pictures):
    """Whatever the optimiser says: a new one must not cost the model its start."""
    fresh, started = (vae.build_turning_vae((16, 16, 1), 3) for _ in range(2))
    vae.start_upright(started, pictures)
    for model in (fresh, started):
        model.compile(keras.optimizers.SGD(0.0))

    def state(model) -> list[np.ndarray]:
        names = ("centre", "log_var", "loadings", "to_code", "code_log_var", "pose_mean", "pose_scale")
        return [getattr(model, name).numpy().copy() for name in names]

    wanted = state(started)
    for use in ({}, {}, {"fresh": False}):
        vae.fit_vae(started, 0.5 * pictures, epochs=1, **use)
        for now, then in zip(state(started), wanted, strict=True):
            np.testing.assert_array_equal(now, then)
    vae.fit_vae(started, 0.5 * pictures, epochs=1, fresh=True)
    np.testing.assert_allclose(started.centre.numpy(), 0.5 * wanted[0], atol=1e-6)
    vae.fit_vae(fresh, pictures, epochs=1)
    np.testing.assert_allclose(fresh.centre.numpy(), wanted[0], atol=1e-6)
    np.testing.assert_allclose(fresh.pose_scale.numpy(), wanted[-1], atol=1e-6)


def test_each_start_refuses_the_other_kind_of_model(pictures):
    plain = vae.ConvVAE(vae.build_encoder((16, 16, 1), 3), vae.build_decoder((16, 16, 1), 3))
    with pytest.raises(ValueError, match="^model: got a ConvVAE, expected a TurningVAE; for others use start_from"):
        vae.start_upright(plain, pictures)
    turning = vae.build_turning_vae((16, 16, 1), 3)
    with pytest.raises(ValueError, match="^model: got a TurningVAE, expected one .* use start_upright"):
        vae.start_from(turning, pictures)
    with pytest.raises(ValueError, match="^x: got .*expected an array of images"):
        vae.fit_vae(turning, tf.data.Dataset.from_tensors(pictures))


def test_pictures_that_all_lie_alike(pictures):
    """A background above 0 hides how they lie; the model then turns nothing, and its numbers are numbers."""
    x = np.clip(pictures + 0.1, 0, 1)
    assert pose(x).std(axis=0).max() < 1e-5
    model = vae.build_turning_vae((16, 16, 1), 3)
    vae.start_upright(model, x)
    lies = vae.encode(model, x)[0][:, :3]
    assert np.abs(lies).max() < 0.01, "no size is made of rounding errors"
    model.compile(keras.optimizers.Adam(1e-3))
    history = vae.fit_vae(model, x, epochs=1, batch_size=100)
    assert np.isfinite(history["loss"]).all()
    assert np.isfinite(vae.generate(model, np.random.default_rng(0).normal(size=(9, 6)))).all()


def test_a_pose_that_is_no_number_ends_in_a_sentence(bars, pictures):
    upright, lies, turned = bars
    spoiled = lies.copy()
    spoiled[1] = np.nan
    made = turn(upright, spoiled).numpy()
    assert np.isnan(made[1]).all()
    np.testing.assert_array_equal(made[[0, 2, 3]], turned[[0, 2, 3]])
    model = vae.build_turning_vae((16, 16, 1), 3)
    vae.start_upright(model, pictures)
    model.encoder.layers[-1].bias.assign(np.full(12, np.nan))
    model.compile(keras.optimizers.Adam(1e-3))
    with pytest.raises(FloatingPointError, match="became nan in epoch 1, batch 1: training stopped"):
        vae.fit_vae(model, pictures, epochs=1)
