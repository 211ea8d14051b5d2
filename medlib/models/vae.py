"""The convolutional variational autoencoder of notebook 31, and what it is used for: codes, samples, anomaly maps."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from medlib.models.training import batches, check_images, check_sides, fit, record

LOG_2PI = float(np.log(2 * np.pi))


def build_encoder(
    shape: tuple[int, int, int], latent: int, widths: tuple[int, ...] = (16, 32), hidden: int = 128
) -> keras.Model:
    """Image to mean and log-variance of each latent: strided 4×4 convolutions, one hidden layer, 2·latent outputs.

    Raises
    ------
    ValueError
        If a side of the image cannot be halved ``len(widths)`` times.
    """
    check_sides(shape, 2 ** len(widths))
    image = h = keras.Input(shape)
    for width in widths:
        h = layers.Conv2D(width, 4, strides=2, padding="same", activation="gelu")(h)
    h = layers.Dense(hidden, activation="gelu")(layers.Flatten()(h))
    return keras.Model(image, layers.Dense(2 * latent)(h))


def build_decoder(shape: tuple[int, int, int], latent: int, width: int = 8, hidden: int = 128) -> keras.Model:
    """Latents to an image: dense layers draw ``width`` maps of half the size, a transposed convolution the image."""
    check_sides(shape, 2)
    half = (shape[0] // 2, shape[1] // 2, width)
    z = keras.Input((latent,))
    h = layers.Dense(hidden, activation="gelu")(z)
    h = layers.Dense(half[0] * half[1] * width, activation="gelu")(h)
    h = layers.Reshape(half)(h)
    return keras.Model(z, layers.Conv2DTranspose(shape[2], 4, strides=2, padding="same")(h))


def gaussian_nats(x, mean, var):
    """-log N(x; mean, var), summed over the pixels: shape (n,), nats per image. ``var`` is a variance."""
    return 0.5 * ops.sum(LOG_2PI + ops.log(var) + (x - mean) ** 2 / var, axis=(1, 2, 3))


def gaussian_rate(z_mean, z_log_var):
    """KL(N(z_mean, exp z_log_var) || N(0, I)), shape (n,), nats per image (equation 7.6)."""
    return 0.5 * ops.sum(z_mean**2 + ops.exp(z_log_var) - 1 - z_log_var, axis=-1)


class ConvVAE(keras.Model):
    """A variational autoencoder with a Gaussian likelihood (Kingma and Welling 2014).

    The prior is N(0, I). The decoder draws the difference from a learned average image ``centre``; each pixel has a
    learned variance exp(log_var) + floor², the same for all images.

    Parameters
    ----------
    encoder, decoder
        Image to 2·latent numbers, z_mean and z_log_var; latents to an image.
    beta
        Weight of the rate in the training loss; 1 is the bound.
    floor
        Smallest standard deviation of a pixel. Pixels that never vary would make the density infinite without one.
    """

    def __init__(self, encoder, decoder, beta=1.0, floor=0.01, seed=0):
        super().__init__()
        self.encoder, self.decoder, self.beta, self.floor = encoder, decoder, beta, floor
        self.centre, self.log_var = (self.add_weight(decoder.output_shape[1:], "zeros") for _ in range(2))
        self.noise = keras.random.SeedGenerator(seed)
        self.trackers = [keras.metrics.Mean(name) for name in ("loss", "distortion", "rate")]

    def decode(self, z):
        """Mean image and variance of each pixel, given the latents."""
        return self.centre + self.decoder(z), ops.exp(self.log_var) + self.floor**2

    def call(self, x):
        """Loss, distortion and rate of each image in nats, with one draw of z from the encoder."""
        z_mean, z_log_var = ops.split(self.encoder(x), 2, axis=-1)
        z = z_mean + ops.exp(0.5 * z_log_var) * keras.random.normal(ops.shape(z_mean), seed=self.noise)
        distortion, rate = gaussian_nats(x, *self.decode(z)), gaussian_rate(z_mean, z_log_var)
        return distortion + self.beta * rate, distortion, rate

    def train_step(self, x):
        """One step of the optimiser on the mean loss of a batch."""
        with tf.GradientTape() as tape:
            terms = [ops.mean(term) for term in self(x)]
        self.optimizer.apply(tape.gradient(terms[0], self.trainable_weights), self.trainable_weights)
        return record(self.trackers, terms)

    def test_step(self, x):
        """The same terms without a step."""
        return record(self.trackers, self(x))


def start_from(model: ConvVAE, x: np.ndarray) -> ConvVAE:
    """Set the average image and the pixel variances to those of ``x``, the best model without latents.

    The floor is added when the model decodes; a variance below a hundredth of it counts as that.
    """
    model.centre.assign(x.mean(axis=0))
    model.log_var.assign(np.log(np.maximum(x.var(axis=0), model.floor**2 / 100)))
    return model


def fit_vae(
    model: ConvVAE,
    x: np.ndarray,
    *,
    epochs: int,
    batch_size: int = 32,
    step: float = 4e-3,
    validation: np.ndarray | None = None,
    fresh: bool = True,
    label: str = "training",
    **options,
) -> dict[str, list[float]]:
    """Train with Adam, the step size falling from ``step`` to 0; returns loss, distortion and rate of each epoch.

    Stopping the kernel leaves a usable model and the history so far. ``fresh=False`` goes on from what the model knows.

    Raises
    ------
    ValueError
        If ``x`` or ``validation`` is empty, of another shape, not finite, or outside [0, 1].
    FloatingPointError
        If the loss is no longer finite.
    """
    shape = model.encoder.input_shape[1:]
    x = check_images(x, shape)
    if validation is not None:
        options["validation_data"] = (check_images(validation, shape, "validation"),)
    if fresh:
        start_from(model, x)
    steps = epochs * -(-len(x) // batch_size)
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(step, steps)))
    model.optimizer.build(model.trainable_weights)  # as `fit` does for models that Keras has built
    return fit(model, x, epochs=epochs, batch_size=batch_size, label=label, **options)


def encode(model: ConvVAE, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and log-variance of each latent, both of shape (n, latent)."""
    x = check_images(x, model.encoder.input_shape[1:])
    mean, log_var = batches(lambda part: ops.split(model.encoder(part), 2, axis=-1), x)
    return mean, log_var


def generate(model: ConvVAE, z: np.ndarray) -> np.ndarray:
    """Mean images for latents z of shape (n, latent): shape (n, height, width, channels), cut to [0, 1]."""
    z = np.asarray(z, np.float32)
    if z.ndim != 2 or z.shape[1:] != model.decoder.input_shape[1:] or not np.isfinite(z).all():
        want = model.decoder.input_shape[1]
        raise ValueError(f"z: got shape {z.shape}, expected finite values of shape (n, {want}), one row an image")
    return np.clip(batches(lambda part: (model.decode(part)[0],), z)[0], 0, 1)


def reconstruct(model: ConvVAE, x: np.ndarray) -> np.ndarray:
    """The decoder's image of the encoder's mean, shape of ``x``."""
    return generate(model, encode(model, x)[0])


def negative_elbo(model: ConvVAE, x: np.ndarray, draws: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Distortion and rate of each image, nats, averaged over ``draws`` of z. Their sum is -ELBO."""
    x = check_images(x, model.encoder.input_shape[1:])
    terms = [batches(model, x)[1:] for _ in range(draws)]
    distortion, rate = np.mean(terms, axis=0)
    return distortion, rate


def residual_map(model: ConvVAE, x: np.ndarray, width: float = 1.0) -> np.ndarray:
    """Difference from the reconstruction in units of each pixel's learned deviation, smoothed: (n, height, width).

    Near 0 where the image is as the model expects; negative where it is too dark. ``width`` is the standard deviation
    of the Gaussian smoothing in pixels, 0 for none.
    """
    from scipy.ndimage import gaussian_filter

    residual = check_images(x, model.encoder.input_shape[1:]) - reconstruct(model, x)
    sigma = ops.sqrt(ops.exp(model.log_var) + model.floor**2)
    return gaussian_filter((residual / ops.convert_to_numpy(sigma)).mean(axis=-1), (0, width, width))


def mirror_map(residual: np.ndarray) -> np.ndarray:
    """What a residual map shows on one side and not on the other: of each pair of pixels, the larger.

    Parameters
    ----------
    residual
        Shape (n, height, width); the mirror axis is the middle of the last axis.
    """
    other = residual[:, :, ::-1]
    return np.where(np.abs(residual) > np.abs(other), residual - other, 0)
