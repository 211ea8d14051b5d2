"""medlib.models.vae: the loss is the bound, every part of it counts, and bad input is refused with a sentence."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from medlib.lesson import setup
from medlib.models import vae
from medlib.models.training import keras
from tests.tools import At, red_checks

SHAPE, LATENT = (8, 8, 1), 2
IMAGES = np.random.default_rng(0).random((48, *SHAPE)).astype("float32")


def new(beta: float = 1.0, kind=None) -> vae.ConvVAE:
    """A small model whose codes have a mean, a width and an influence that cannot be overlooked."""
    setup(0)
    decoder = vae.build_decoder(SHAPE, LATENT, width=2, hidden=8)
    model = (kind or vae.ConvVAE)(vae.build_encoder(SHAPE, LATENT, (4,), hidden=8), decoder, beta)
    head = model.encoder.layers[-1]
    head.bias.assign([0.7, -0.4, 2.0, -2.0])  # two means, two log-variances
    return model


# ------------------------------------------------------------------------------------------------------------ the loss


def check_rate(kind) -> None:
    """The rate is the KL divergence to the prior, by draws from the encoder's distribution."""
    model = new(kind=kind)
    mean, log_var = np.split(np.asarray(model.encoder(IMAGES[:1]))[0], 2)
    z = np.random.default_rng(1).normal(mean, np.exp(log_var / 2), size=(200_000, LATENT))
    drawn = stats.norm(mean, np.exp(log_var / 2)).logpdf(z).sum(1) - stats.norm().logpdf(z).sum(1)
    assert float(model.terms(IMAGES[:1])[2][0]) == pytest.approx(drawn.mean(), abs=0.03)


def check_draws(kind) -> None:
    """The latents that reach the decoder have the encoder's mean and deviation."""
    model, seen = new(kind=kind), []
    decode = model.decode
    object.__setattr__(model, "decode", lambda z: seen.append(np.asarray(z)) or decode(z))
    mean, log_var = np.split(np.asarray(model.encoder(IMAGES[:1]))[0], 2)
    model.terms(IMAGES[:1].repeat(20_000, axis=0))
    z = np.concatenate(seen)
    assert z.mean(0) == pytest.approx(mean, abs=0.08)
    assert z.std(0) == pytest.approx(np.exp(log_var / 2), rel=0.05)


def check_sum(kind) -> None:
    """The loss is distortion plus beta times rate, image by image."""
    model = new(beta=3.0, kind=kind)
    loss, distortion, rate = (np.asarray(term) for term in model.terms(IMAGES))
    assert loss.shape == distortion.shape == rate.shape == (48,)
    assert loss == pytest.approx(distortion + 3 * rate, rel=1e-5)
    assert (rate > 0).all()


CHECKS = (check_rate, check_draws, check_sum)


@pytest.mark.parametrize("check", CHECKS, ids=lambda f: f.__name__)
def test_the_loss_is_the_bound(check):
    check(vae.ConvVAE)


MISTAKES = {
    "no KL": ("distortion + self.beta * rate, distortion", "distortion, distortion"),
    "tanh on log-variance": (
        "z_mean, z_log_var = self.encode(x)",
        "z_mean, z_log_var = self.encode(x)\n        z_log_var = ops.tanh(z_log_var)",
    ),
    "sigma for sigma²": ("gaussian_rate(z_mean, z_log_var)", "gaussian_rate(z_mean, 0.5 * z_log_var)"),
    "sigma² for sigma": ("ops.exp(0.5 * z_log_var)", "ops.exp(z_log_var)"),
    "no noise": ("+ ops.exp(0.5 * z_log_var)", "+ 0 * ops.exp(0.5 * z_log_var)"),
    "trained with z_mean": ("*self.decode(z)", "*self.decode(z_mean)"),
    "mean over pixels": ("gaussian_nats(x, *self.decode(z))", "gaussian_nats(x, *self.decode(z)) / 64"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_the_checks_find_the_mistake(name):
    """Each mistake, written into the source of the model, turns at least one of the checks red."""
    assert red_checks(vae, vae.ConvVAE, *MISTAKES[name], (*CHECKS, check_distortion))


def check_distortion(kind) -> None:
    """The distortion is that of scipy's normal density, summed over the pixels, averaged over draws."""
    model = new(kind=kind)
    vae.start_from(model, IMAGES)
    mean, log_var = np.split(np.asarray(model.encoder(IMAGES[:1]))[0], 2)
    z = np.random.default_rng(2).normal(mean, np.exp(log_var / 2), size=(20_000, LATENT))
    image, var = (np.asarray(part) for part in model.decode(z))
    nats = -stats.norm(image, np.sqrt(var)).logpdf(IMAGES[:1]).sum((1, 2, 3))
    ours = np.asarray(model.terms(IMAGES[:1].repeat(20_000, axis=0))[1])
    assert ours.mean() == pytest.approx(nats.mean(), abs=6 * nats.std() / 140)
    assert ours.std() == pytest.approx(nats.std(), rel=0.1)


def test_the_distortion_is_in_nats_per_image():
    check_distortion(vae.ConvVAE)


def test_called_it_reconstructs_from_the_mean():
    model = vae.start_from(new(), IMAGES)
    z = np.split(np.asarray(model.encoder(IMAGES)), 2, axis=1)[0]
    image = np.clip(model.decode(z)[0], 0, 1)
    for made in (model(IMAGES), model.predict(IMAGES, verbose=0), vae.reconstruct(model, IMAGES)):
        assert np.asarray(made) == pytest.approx(image, abs=1e-5)


def test_every_weight_gets_a_gradient():
    import tensorflow as tf

    model = new()
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(model.terms(IMAGES)[0])
    gradients = tape.gradient(loss, model.trainable_weights)
    assert all(g is not None and np.abs(np.asarray(g)).max() > 0 for g in gradients)
    assert len(gradients) == len(model.encoder.trainable_weights) + len(model.decoder.trainable_weights) + 2


# ------------------------------------------------------------------------------------------------------------- training


def test_training_starts_from_the_best_constant_model_and_improves_on_it():
    ramp = np.linspace(0, 1, 48, dtype="float32")[:, None, None, None]  # images that differ in brightness only
    x = (0.2 + 0.6 * ramp * np.ones(SHAPE, "float32") + 0.02 * IMAGES).astype("float32")
    model = vae.start_from(new(), x)
    assert np.asarray(model.centre) == pytest.approx(x.mean(0), abs=1e-6)
    assert np.asarray(model.decode(np.zeros((1, LATENT)))[1]) == pytest.approx(x.var(0) + 1e-4, rel=1e-4)
    history = vae.fit_vae(vae.compile_vae(model, 90, 0.02), x, epochs=30, batch_size=16, validation=x[:16])
    assert set(history) == {f"{v}{n}" for v in ("", "val_") for n in ("loss", "distortion", "rate")}
    assert history["loss"][-1] < history["loss"][0] - 20
    assert history["loss"][-1] == pytest.approx(history["distortion"][-1] + history["rate"][-1], rel=1e-4)
    assert np.corrcoef(vae.reconstruct(model, x).mean((1, 2, 3)), x.mean((1, 2, 3)))[0, 1] > 0.95


def test_a_pixel_that_never_varies_gets_the_floor_once():
    x = IMAGES.copy()
    x[:, 0] = 0
    variance = np.asarray(vae.start_from(new(), x).decode(np.zeros((1, LATENT)))[1])
    assert variance[0] == pytest.approx(0.01**2, rel=0.02)


def test_going_on_keeps_what_the_model_knows():
    model, still = new(), lambda: keras.optimizers.SGD(0.0)
    model.compile(still())
    for x in (IMAGES, 0 * IMAGES):  # the optimiser has made steps: the second training goes on
        vae.fit_vae(model, x, epochs=1)
        assert np.asarray(model.centre) == pytest.approx(IMAGES.mean(0), abs=1e-5)
    for fresh, centre in (
        (False, IMAGES.mean(0)),
        (None, 0),
    ):  # a new optimiser: a new training, if nothing else is said
        model.compile(still())
        vae.fit_vae(model, 0 * IMAGES, epochs=1, fresh=fresh)
        assert np.asarray(model.centre) == pytest.approx(centre, abs=1e-5)


def test_the_step_is_traced_once(monkeypatch):
    traced, step = [], vae.ConvVAE.train_step
    monkeypatch.setattr(vae.ConvVAE, "train_step", lambda self, x: traced.append(1) or step(self, x))
    vae.fit_vae(vae.compile_vae(new()), IMAGES, epochs=2, batch_size=16)
    assert len(traced) == 1


def test_the_stop_button_leaves_model_and_history(capsys):
    model = new()
    history = vae.fit_vae(
        vae.compile_vae(model), IMAGES, epochs=9, batch_size=16, callbacks=[At(KeyboardInterrupt(), 2)]
    )
    assert len(history["loss"]) == 2 and "stopped by you after 2 of 9 epochs" in capsys.readouterr().out
    assert np.isfinite(vae.reconstruct(model, IMAGES)).all()


# ------------------------------------------------------------------------------------------------------------ bad input

BAD = {
    "hounsfield": (IMAGES * 90 - 10, "brain_window"),
    "bytes": (IMAGES * 255, "divide by 255"),
    "no channel": (IMAGES[..., 0], "last axis"),
    "other size": (IMAGES[:, :4], "(n, 8, 8, 1)"),
    "empty": (IMAGES[:0], "no images"),
    "missing": (np.where(IMAGES > 0.99, np.nan, IMAGES), "nan or infinite"),
    "a word": ("scan", "expected an array"),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize(
    "use", [lambda m, x: vae.fit_vae(m, x, epochs=1), vae.encode, vae.negative_elbo, vae.residual_map]
)
def test_bad_images_are_refused_with_a_remedy(case, use):
    x, phrase = BAD[case]
    with pytest.raises(ValueError, match=r"^x: got .*expected") as refusal:
        use(new(), x)
    assert phrase in str(refusal.value)


def test_bad_validation_images_are_named():
    with pytest.raises(ValueError, match="^validation: got"):
        vae.fit_vae(new(), IMAGES, epochs=1, validation=IMAGES * 255)


@pytest.mark.parametrize("z", [np.zeros(2), np.zeros((3, 5)), np.full((1, 2), np.nan), np.zeros((0, 2))])
def test_bad_latents_are_refused(z):
    with pytest.raises(ValueError, match="^z: got shape"):
        vae.generate(new(), z)


def test_images_that_cannot_be_halved_are_refused():
    with pytest.raises(ValueError, match="divisible by 4"):
        vae.build_encoder((30, 30, 1), 4)
    with pytest.raises(ValueError, match="divisible by 2"):
        vae.build_decoder((31, 32, 1), 4)


# --------------------------------------------------------------------------------------------------------- anomaly maps


def test_a_residual_map_counts_in_units_of_each_pixels_deviation():
    model = vae.start_from(new(), IMAGES)
    x = vae.reconstruct(model, IMAGES[:1])
    sigma = np.sqrt(IMAGES.var(0) + 1e-4)
    before = vae.residual_map(model, x, width=0)
    after = vae.residual_map(model, np.clip(x + 0.05, 0, 1), width=0)
    code = vae.reconstruct(model, np.clip(x + 0.05, 0, 1))
    assert after == pytest.approx(((np.clip(x + 0.05, 0, 1) - code) / sigma)[..., 0], abs=1e-3)
    assert before.shape == (1, 8, 8)
    smooth = vae.residual_map(model, IMAGES, width=1.5)
    assert smooth.std() < 0.6 * vae.residual_map(model, IMAGES, width=0).std()
