"""Spectrograms against scipy, CTC against counting, the listener, and the peaks of its rival."""

from itertools import groupby, product

import keras
import numpy as np
import pytest

from medlib.data import load
from medlib.lesson import quiet_keras
from medlib.models import sound

quiet_keras()


@pytest.fixture(scope="module")
def recordings():
    return load("heart_sounds", patients=40)


def collapse(path):
    return tuple(k for k, _ in groupby(path) if k)


# ----------------------------------------------------------------------------------------------------- spectrograms


@pytest.mark.parametrize(("window", "hop"), [(64, 20), (50, 50), (31, 7)])
def test_the_spectrogram_is_scipy_s(window, hop):
    from scipy.signal import spectrogram

    x = np.random.default_rng(0).normal(size=(2, 400))
    ours = sound.spectrogram(x, window, hop)
    theirs = spectrogram(
        x, window="hann", nperseg=window, noverlap=window - hop, detrend=False, mode="complex", scaling="spectrum"
    )[2]
    assert np.allclose(ours, abs(theirs.swapaxes(1, 2)) ** 2 * (window / 2) ** 2)


def test_loudness_forgets_the_microphone():
    x = np.random.default_rng(1).normal(size=(3, 300))
    first, louder = sound.loudness(x), sound.loudness(20 * x)
    assert first.dtype == np.float32 and np.allclose(first, louder, atol=1e-3)
    assert np.allclose(np.median(first, axis=(1, 2)), 0, atol=1e-5)


@pytest.mark.parametrize("x", [np.zeros(400), np.zeros((2, 30)), np.full((1, 400), np.nan)])
def test_signals_that_have_no_spectrogram_are_refused(x):
    with pytest.raises(ValueError, match="x"):
        sound.loudness(x)


# ----------------------------------------------------------------------------------------------------- CTC


@pytest.mark.parametrize(("frames", "symbols"), [(1, 2), (5, 3), (6, 4)])
def test_the_forward_algorithm_is_the_sum_over_paths(frames, symbols):
    y = np.random.default_rng(frames).dirichlet([0.8] * symbols, frames)
    sums: dict[tuple, float] = {}
    for path in product(range(symbols), repeat=frames):
        sums[collapse(path)] = sums.get(collapse(path), 0) + np.prod(y[np.arange(frames), list(path)])
    for label, p in sums.items():
        assert np.exp(sound.log_likelihood(y, label)) == pytest.approx(p, rel=1e-12)


def test_too_few_frames_for_a_repeated_symbol():
    y = np.full((2, 2), 0.5)
    with np.errstate(divide="ignore"):
        assert sound.log_likelihood(y, [1, 1]) == -np.inf
    assert np.exp(sound.log_likelihood(y, [1])) == pytest.approx(0.75)


def test_the_loss_is_minus_the_log_likelihood_and_keras_s():
    rng = np.random.default_rng(3)
    logits = rng.normal(size=(3, 20, 5)).astype("float32")
    labels = np.array([[1, 2, 3, 0], [2, 2, 0, 0], [4, 1, 4, 4]])
    loss = sound.ctc_loss(labels, logits).numpy()
    probs = np.exp(logits.astype(float)) / np.exp(logits.astype(float)).sum(axis=-1, keepdims=True)
    ours = [-sound.log_likelihood(p, label[label > 0]) for p, label in zip(probs, labels, strict=True)]
    assert np.allclose(loss, ours, rtol=1e-5)
    assert float(keras.losses.CTC()(labels, logits)) == pytest.approx(loss.mean(), rel=1e-5)


def test_decoding():
    probs = np.array([[0.1, 0.8, 0.1], [0.1, 0.7, 0.2], [0.9, 0.05, 0.05], [0.2, 0.7, 0.1], [0.2, 0.1, 0.7]])
    assert sound.best_path(probs) == [1, 1, 2]
    assert sound.best_path(np.eye(3)[[0, 0]]) == []


@pytest.mark.parametrize("seed", range(6))
def test_a_wide_beam_finds_the_likeliest_label(seed):
    y = np.random.default_rng(seed).dirichlet([0.8] * 3, 6)
    labels = {collapse(path) for path in product(range(3), repeat=6)}
    with np.errstate(divide="ignore"):
        best = max(labels, key=lambda label: sound.log_likelihood(y, label))
    assert tuple(sound.beam_search(y, width=200)) == best
    assert isinstance(sound.beam_search(y, width=1), list)


# ----------------------------------------------------------------------------------------------------- networks, peaks


def test_the_listener_learns_is_saved_and_refuses(recordings, tmp_path):
    x = sound.loudness(recordings.x) / 10
    labels = np.zeros((len(x), 24), int)
    for row, text in zip(labels, recordings.frame["heard"], strict=True):
        row[: len(text)] = ["·123sd".index(letter) for letter in text]
    listener = sound.build_listener(x.shape[1:], 6, width=16, units=8)
    listener.compile(keras.optimizers.Adam(5e-3), sound.ctc_loss)
    history = listener.fit(x, labels, batch_size=20, epochs=3, verbose=0).history["loss"]
    assert history[-1] < history[0]
    before = listener.predict(x[:2], verbose=0)
    assert before.shape == (2, 50, 6)
    listener.save(tmp_path / "listener.keras")
    again = keras.saving.load_model(tmp_path / "listener.keras", compile=False)
    assert np.allclose(again.predict(x[:2], verbose=0), before, atol=1e-5)
    with pytest.raises(ValueError, match="expected"):
        listener.predict(x[:, :, :5], verbose=0)
    for shape, symbols in (((3,), 6), ((2, 33), 6), ((197, 33), 1)):
        with pytest.raises(ValueError, match="expected"):
            sound.build_listener(shape, symbols)


def test_peaks_are_the_sounds(recordings):
    hits = total = 0
    for places, text, when in zip(
        sound.sound_peaks(recordings.x, 1000), recordings.frame["heard"], recordings.frame["when"], strict=True
    ):
        true = np.array([at for at, letter in zip(when, text, strict=True) if letter in "12"])
        hits += np.sum(abs(true[:, None] - places[None] / 1000).min(axis=1) < 0.06)
        total += len(true)
    assert hits / total > 0.95


def test_each_peak_has_its_row_of_measures(recordings):
    peaks = sound.sound_peaks(recordings.x[:4], 1000)
    peaks[1] = peaks[1][:0]
    rows = sound.peak_measures(recordings.x[:4], peaks, 1000)
    assert [row.shape for row in rows] == [(len(places), 8 + 6 * 16) for places in peaks]
    assert all(np.isfinite(row).all() for row in rows)
    gaps = np.diff(peaks[0]) / 1000
    assert np.allclose(rows[0][1:, 1], np.clip(gaps, 0, 1)) and np.allclose(rows[0][:-1, 2], np.clip(gaps, 0, 1))


# ----------------------------------------------------------------------------------------------------- pooled, chains


def test_a_pooled_listener_gives_one_answer_a_recording():
    network = sound.build_listener((197, 33), 4, width=8, units=4, pooled=True)
    assert network.output_shape == (None, 4)
    assert sound.build_listener((197, 33), 4, width=8, units=4).output_shape == (None, 50, 4)


@pytest.mark.parametrize("seed", range(5))
def test_the_likeliest_states_are_those_of_all_sequences(seed):
    rng = np.random.default_rng(seed)
    start, step = np.log(rng.dirichlet(np.ones(3))), np.log(rng.dirichlet(np.ones(3), 3))
    seen = rng.normal(size=(6, 3))

    def value(states):
        moves = sum(step[a, b] for a, b in zip(states, states[1:], strict=False))
        return start[states[0]] + moves + sum(seen[t, k] for t, k in enumerate(states))

    best = max(product(range(3), repeat=6), key=value)
    assert sound.likeliest_states(start, step, seen) == list(best)
    assert sound.likeliest_states(start, step, seen[:1]) == [int((start + seen[0]).argmax())]
