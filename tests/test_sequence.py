"""Sequences: the LSTM against Keras, reach and causality of the networks, simple rivals, the Kalman filter."""

import keras
import numpy as np
import pytest

from medlib.data import load
from medlib.lesson import quiet_keras
from medlib.models import sequence
from medlib.models.cnn import compile_cnn
from medlib.models.sequence import (
    FEATURES,
    RandomConvolutions,
    build_dilated,
    build_lstm,
    forecast,
    lstm,
    r_peaks,
    receptive_field,
    rhythm_features,
)

quiet_keras()


@pytest.fixture(scope="module")
def strips():
    return load("ecg", patients=40, noise=0.5)


# ------------------------------------------------------------------------------------------------------------ the LSTM


def test_the_lstm_is_keras_s():
    rng = np.random.default_rng(0)
    layer = keras.layers.LSTM(5, return_sequences=True, dtype="float64")
    layer.build((None, None, 3))
    layer.set_weights([rng.normal(size=weight.shape) for weight in layer.get_weights()])
    x = rng.normal(size=(4, 30, 3))
    assert np.allclose(lstm(x, *layer.get_weights()), layer(x).numpy(), atol=1e-12)


# ------------------------------------------------------------------------------------------------------------ networks


def flat_copy(model):
    """The network up to its frames: what stands before the pooling over time."""
    pool = next(layer for layer in model.layers if "GlobalAveragePooling1D" in type(layer).__name__)
    return keras.Model(model.input, pool.input)


@pytest.mark.parametrize("build", [lambda: build_dilated((256, 1), 3, 8, 3), lambda: build_lstm((256, 1), 3, 8)])
def test_networks_are_causal(build):
    frames = flat_copy(build())
    x = np.random.default_rng(1).normal(size=(2, 256, 1)).astype("float32")
    later = x.copy()
    later[:, 200:] += 1
    a, b = (frames(part, training=False).numpy() for part in (x, later))
    step = 256 / a.shape[1]
    changed = np.flatnonzero(abs(a - b).max(axis=(0, 2)) > 1e-6)
    assert len(changed) and changed[0] * step >= 200 - step


@pytest.mark.parametrize("blocks", [1, 3, 4])
def test_a_dilated_network_sees_as_far_as_computed(blocks):
    frames = flat_copy(build_dilated((512, 1), 2, 24, blocks, stride=4))
    nudges = 5 * np.vstack([np.zeros((1, 512)), np.eye(512), -np.eye(512)])[..., None]  # a ReLU may hide one sign
    ends = frames(nudges, training=False).numpy()[:, -1]
    felt = np.flatnonzero(abs(ends[1:] - ends[0]).max(axis=1).reshape(2, 512).max(axis=0) > 1e-7)
    assert felt[-1] - felt[0] + 1 == receptive_field(3, 2 ** np.arange(blocks), stride=4, first=8)


def test_receptive_field_by_hand():
    assert receptive_field(3, [1, 2, 4]) == 15
    assert receptive_field(2, [1, 1, 1], stride=5, first=10) == 25


@pytest.mark.parametrize("build", [build_dilated, build_lstm])
def test_networks_train_are_saved_and_read_back(build, tmp_path):
    rng = np.random.default_rng(2)
    y = np.arange(64) % 2
    x = rng.normal(size=(64, 60, 1)) + 3 * (y[:, None, None] * (np.arange(60)[:, None] == 30))
    model = compile_cnn(build((60, 1), 2, 8), steps=60, rate=1e-2)
    model.fit(x, y, epochs=30, batch_size=32, verbose=0)
    assert model.evaluate(x, y, verbose=0)[1] > 0.9
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    assert np.allclose(model.predict(x, verbose=0), again.predict(x, verbose=0), atol=1e-6)


def test_a_network_may_answer_at_every_frame():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(64, 80, 1))
    y = np.roll(x[:, ::4, 0] > 0, 1, axis=1).astype(int)  # the sign of the frame before
    model = build_dilated((80, 1), 1, 12, 2, stride=4, pooled=False)
    model.compile(keras.optimizers.Adam(1e-2), keras.losses.BinaryCrossentropy(from_logits=True))
    model.fit(x, y[..., None], epochs=40, batch_size=32, verbose=0)
    right = (model.predict(x, verbose=0)[:, 1:, 0] > 0) == (y[:, 1:] > 0)
    assert right.mean() > 0.9


def test_measures_by_known_peaks(strips):
    peaks = [np.flatnonzero(mask) for mask in strips.masks]
    rows = rhythm_features(strips.x, 100, peaks)
    assert np.corrcoef(rows[:, 0], strips.frame["heart_rate"])[0, 1] > 0.97
    assert not rhythm_features(strips.x, 100, [[]] * len(strips)).any()


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.zeros((4, 60)), r"x: got shape \(4, 60\), expected \(n, 60, 1\); one channel needs a last axis"),
        (np.zeros((60, 1)), r"a first axis for one sequence is x\[None\]"),
        (np.zeros((4, 60, 2)), r"build the network for 2 channel\(s\)"),
        (np.zeros((4, 50, 1)), "cut or resample"),
        (np.zeros((0, 60, 1)), "got no sequences"),
        (np.full((4, 60, 1), np.nan), "got 240 values that are nan"),
    ],
)
def test_sequences_that_do_not_fit_are_refused(bad, message):
    model = compile_cnn(build_lstm((60, 1), 2, 4))
    with pytest.raises(ValueError, match=message):
        model.predict(bad, verbose=0)
    with pytest.raises(ValueError, match=message):
        model.fit(bad, np.zeros(len(bad), int), verbose=0)


def test_labels_and_shapes_that_do_not_fit_are_refused():
    model = compile_cnn(build_lstm((60, 1), 2, 4))
    with pytest.raises(ValueError, match="got labels from 1 to 2"):
        model.fit(np.zeros((4, 60, 1)), [1, 2, 1, 2], verbose=0)
    for build in (build_lstm, build_dilated):
        with pytest.raises(ValueError, match=r"shape: got \(60,\), expected \(samples, channels\)"):
            build((60,), 2)
        with pytest.raises(ValueError, match="at least"):
            build((3, 1), 2)


# ------------------------------------------------------------------------------------------------------ simple rivals


def test_r_peaks_are_found(strips):
    hits = found = true = 0
    for peaks, mask in zip(r_peaks(strips.x, 100), strips.masks, strict=True):
        places = np.flatnonzero(mask)
        distance = abs(places[:, None] - peaks[None])
        hits += np.sum(distance.min(axis=1) <= 3)
        true, found = true + len(places), found + len(peaks)
    assert hits / true > 0.985 and hits / found > 0.985


def test_r_peaks_at_another_rate(strips):
    faster = np.repeat(strips.x[:6], 4, axis=1)
    for slow, fast in zip(r_peaks(strips.x[:6], 100), r_peaks(faster, 400), strict=True):
        assert len(slow) == len(fast) and abs(fast / 4 - slow).max() <= 3


def test_features_say_what_they_are_called():
    clean = load("ecg", patients=80, noise=0)
    table = dict(zip(FEATURES, rhythm_features(clean.x, 100).T, strict=True))
    sinus, fibrillation, ectopic, block = (clean.y == k for k in range(4))
    assert np.corrcoef(table["rate"], clean.frame["heart_rate"])[0, 1] > 0.98
    variation = clean.frame["rr_sd_ms"] * clean.frame["heart_rate"] / 60_000
    assert np.corrcoef(table["RR variation"], variation)[0, 1] > 0.85
    assert np.corrcoef(table["QRS width"], clean.frame["qrs_ms"])[0, 1] > 0.6
    calm = sinus & ~clean.frame["early"].to_numpy()
    assert np.corrcoef(table["P height"][calm], clean.frame["p_mv"][calm])[0, 1] > 0.6
    assert np.median(table["P steadiness"][sinus]) > 0.9 > 0.8 > np.median(table["P steadiness"][fibrillation])
    assert np.median(table["widest QRS"][ectopic]) > 1.3 > 1.1 > np.median(table["widest QRS"][sinus])
    assert np.median(table["oddest beat"][ectopic]) < 0.9 < np.median(table["oddest beat"][block])
    assert np.median(table["PR variation"][block]) > 2 * np.median(table["PR variation"][sinus])
    assert np.median(table["longest RR"][block]) > 1.3 and np.median(table["shortest RR"][ectopic]) < 0.85
    assert np.median(table["P in the pause"][block]) > 0.6
    jumps = table["RR jumps"]
    assert np.median(jumps[fibrillation]) > 3 * np.median(jumps[calm])


def test_features_of_a_strip_without_beats_are_zero():
    rows = rhythm_features(np.zeros((2, 1000)), 100)
    assert rows.shape == (2, len(FEATURES)) and not rows.any()


def test_random_convolutions_against_the_convolution():
    rng = np.random.default_rng(4)
    x = rng.normal(size=(5, 90)).astype("float32")
    model = RandomConvolutions(dilations=(1, 4), thresholds=2).fit(x)
    got = model.transform(x)
    assert got.shape == (5, 84 * 2 * 2)
    for number in (0, 83, 84 + 17):
        dilation = (1, 4)[number // 84]
        weights = np.full(9, -1.0)
        weights[list(model.kernels[number % 84])] = 2
        spread = np.zeros(8 * dilation + 1)
        spread[::dilation] = weights
        values = np.array([np.correlate(row, spread, "valid") for row in x])
        for k in range(2):
            share = (values > model.bias_[number, k]).mean(axis=1)
            assert np.allclose(got[:, 2 * number + k], share, atol=0.02)
        assert np.allclose(model.bias_[number], np.quantile(values, [0.25, 0.75]), atol=1e-4)


def test_random_convolutions_refuse_short_signals():
    with pytest.raises(ValueError, match=r"x: got shape \(3, 200\), expected \(n, samples\) with at least 257 samples"):
        RandomConvolutions().fit(np.zeros((3, 200)))


# -------------------------------------------------------------------------------------------------------------- Kalman


A, Q, R = np.array([[0.98, 1], [0, 0.8]]), np.diag([0.02, 0.08]), 1.0


def stationary():
    from scipy.linalg import solve_discrete_lyapunov

    return solve_discrete_lyapunov(A, Q)


def test_the_forecast_is_the_conditional_mean():
    """A Gaussian vector: its conditional mean by a linear solve, with visits left out."""
    rng = np.random.default_rng(5)
    steps, S = 9, stationary()
    cov = np.zeros((steps, steps))
    for i in range(steps):
        for j in range(i, steps):
            cov[i, j] = cov[j, i] = (np.linalg.matrix_power(A, j - i) @ S)[0, 0]
    y = rng.normal(size=(4, steps)) * 3
    seen = rng.random((4, steps)) < 0.6
    mean, variance = forecast(y, A, Q, R, S, seen)
    for row in range(4):
        for t in range(steps):
            known = np.flatnonzero(seen[row, :t])
            gain = np.linalg.solve(cov[np.ix_(known, known)] + R * np.eye(len(known)), cov[known, t])
            assert mean[row, t] == pytest.approx(gain @ y[row, known], abs=1e-9)
            assert variance[row, t] == pytest.approx(cov[t, t] + R - gain @ cov[known, t], abs=1e-9)


def test_with_every_visit_the_variance_settles_where_riccati_says():
    from scipy.linalg import solve_discrete_are

    _, variance = forecast(np.zeros((1, 200)), A, Q, R, stationary())
    P = solve_discrete_are(A.T, np.array([[1.0], [0.0]]), Q, np.array([[R]]))
    assert variance[0, -1] == pytest.approx(P[0, 0] + R, rel=1e-9)


def test_missing_values_may_be_nan_where_they_are_not_seen():
    y, seen = np.ones((1, 6)), np.array([[1, 0, 1, 0, 0, 1]], bool)
    hidden = np.where(seen, y, np.nan)
    assert np.array_equal(forecast(hidden, A, Q, R, stationary(), seen)[0], forecast(y, A, Q, R, stationary(), seen)[0])
    with pytest.raises(ValueError, match="y: got 3 values that are nan or infinite"):
        forecast(hidden, A, Q, R, stationary())


def test_the_module_knows_no_data():
    assert not [name for name in vars(sequence) if "data" in name]
