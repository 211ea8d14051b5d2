"""The VAE of sequences: an ordinary Keras model whose likelihood counts what was seen."""

import keras
import numpy as np
import pytest
from scipy import stats

from medlib.models.sequence_vae import (
    SequenceVAE,
    build_conv_vae,
    build_lstm_vae,
    encode,
    generate,
    importance_nats,
    masked_nats,
    start_from_average,
    with_mask,
)

BUILD = {"conv": lambda: build_conv_vae((20, 1), 2, (4, 8), 16), "lstm": lambda: build_lstm_vae((20, 1), 2, 16)}


@pytest.fixture
def waves():
    rng = np.random.default_rng(0)
    turn = rng.uniform(0, 2 * np.pi, (400, 1))
    return np.sin(np.arange(20) / 3 + turn)[..., None] + 0.1 * rng.normal(size=(400, 20, 1))


@pytest.mark.parametrize("name", BUILD)
def test_it_learns_reconstructs_and_is_read_back(name, waves, tmp_path):
    x = with_mask(waves)
    model = start_from_average(BUILD[name](), x)
    model.compile(keras.optimizers.Adam(1e-2))
    before = model.evaluate(x, verbose=0)[0]
    model.fit(x, epochs=60, batch_size=50, verbose=0)
    assert model.evaluate(x, verbose=0)[0] < before - 5
    again = model.predict(x, verbose=0)
    assert again.shape == (400, 20, 1) and np.std(again - waves) < 0.7 * np.std(waves)
    model.save(tmp_path / "m.keras")
    copy = keras.saving.load_model(tmp_path / "m.keras")
    assert isinstance(copy, SequenceVAE) and np.allclose(copy.predict(x, verbose=0), again, atol=1e-6)


def test_what_was_lost_does_not_count(waves):
    rng = np.random.default_rng(1)
    mean, var = rng.normal(size=(3, 20, 1)), rng.uniform(0.1, 2, (20, 1))
    lost = waves[:3].copy()
    lost[0, 3:9], lost[2, ::2] = np.nan, np.nan
    values, seen = np.split(with_mask(lost), 2, axis=-1)
    each = -stats.norm(mean, np.sqrt(var)).logpdf(lost)
    assert np.allclose(masked_nats(values, mean, var, seen), np.nansum(each, axis=(1, 2)), rtol=1e-5)
    junk = np.where(seen == 1, values, 77)
    assert np.allclose(masked_nats(junk, mean, var, seen), np.nansum(each, axis=(1, 2)), rtol=1e-5)


def test_the_average_is_that_of_what_was_seen(waves):
    lost = waves.copy()
    lost[:200, 5], lost[:, 7] = np.nan, np.nan
    model = start_from_average(BUILD["conv"](), with_mask(lost))
    assert np.isclose(model.centre.numpy()[5, 0], waves[200:, 5].mean(), atol=1e-5)
    assert np.isclose(np.exp(model.log_var.numpy()[5, 0]), waves[200:, 5].var(), atol=1e-5)
    assert model.centre.numpy()[7, 0] == 0 and model.log_var.numpy()[7, 0] == 0


def test_more_draws_come_nearer_to_the_exact_likelihood():
    """A linear model, whose likelihood is known: the bound falls towards it and the posterior's one draw is exact."""
    rng = np.random.default_rng(0)
    x, z = keras.Input((4, 2)), keras.Input((1,))
    code = keras.layers.Dense(2)(keras.layers.Flatten()(x))
    out = keras.layers.Reshape((4, 2))(keras.layers.Dense(8)(z))
    model = SequenceVAE(keras.Model(x, code), keras.Model(z, out), floor=0.0)
    loadings = np.array([1.0, -0.5, 2.0, 0.3])
    row = np.zeros((1, 8))
    row[0, ::2] = loadings
    model.decoder.layers[1].set_weights([row, np.zeros(8)])
    sample = rng.normal(size=(50, 1)) * loadings + rng.normal(size=(50, 4))
    exact = -stats.multivariate_normal(np.zeros(4), np.outer(loadings, loadings) + np.eye(4)).logpdf(sample)
    seen = with_mask(sample[..., None])
    model.encoder.layers[-1].set_weights([np.zeros((8, 2)), np.zeros(2)])
    one, many = (importance_nats(model, seen, draws).mean() for draws in (1, 400))
    assert one > exact.mean() + 1 and abs(many - exact.mean()) < 0.1
    precision = 1 + loadings @ loadings
    to_code = np.zeros((8, 2))
    to_code[::2, 0] = loadings / precision
    model.encoder.layers[-1].set_weights([to_code, np.array([0, -np.log(precision)])])
    assert np.allclose(importance_nats(model, seen, 1), exact, atol=1e-3)


def test_codes_and_drawings_have_their_shapes(waves):
    model = BUILD["conv"]()
    mean, log_var = encode(model, with_mask(waves))
    assert mean.shape == log_var.shape == (400, 2)
    assert generate(model, mean).shape == (400, 20, 1)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.zeros((4, 20)), r"x: got shape \(4, 20\), expected \(n, steps, channels\)"),
        (np.full((4, 20, 1), np.nan), "got 4 sequences without any value"),
        (np.full((4, 20, 1), np.inf), "got 80 values that are nan or infinite"),
    ],
)
def test_values_that_cannot_be_masked_are_refused(bad, message):
    with pytest.raises(ValueError, match=message):
        with_mask(bad)


def test_what_does_not_fit_is_refused(waves):
    model = BUILD["conv"]()
    with pytest.raises(ValueError, match=r"got shape \(400, 20, 1\), expected \(n, 20, 2\)"):
        model.predict(waves, verbose=0)
    with pytest.raises(ValueError, match="got a mask other than 0 and 1"):
        model.predict(np.full((3, 20, 2), 0.5), verbose=0)
    with pytest.raises(ValueError, match=r"shape: got \(21, 1\), expected .* steps divisible by 4"):
        build_conv_vae((21, 1), 2)
    with pytest.raises(ValueError, match="steps divisible by 5"):
        build_lstm_vae((21, 1), 2)
    with pytest.raises(ValueError, match="encoder: got"):
        SequenceVAE(model.encoder, build_conv_vae((20, 1), 3).decoder)
    with pytest.raises(ValueError, match="draws: got 0"):
        importance_nats(model, with_mask(waves), 0)
