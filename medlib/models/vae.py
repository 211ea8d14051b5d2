"""The convolutional variational autoencoder of notebook 31, and what it is used for: codes, samples, anomaly maps."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from medlib.models.base import Saved
from medlib.models.factor import Factors, factor_analysis
from medlib.models.inputs import check_images, check_latents, check_sides
from medlib.models.pose import moments, pose, straighten, turn
from medlib.models.training import batches, fit, record

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
    h = layers.Conv2DTranspose(shape[2], 4, strides=2, padding="same")(h)
    return keras.Model(z, h)


def gaussian_nats(x, mean, var):
    """-log N(x; mean, var), summed over the pixels: shape (n,), nats per image. ``var`` is a variance."""
    squares = LOG_2PI + ops.log(var) + (x - mean) ** 2 / var
    return 0.5 * ops.sum(squares, axis=(1, 2, 3))


def gaussian_rate(z_mean, z_log_var):
    """KL(N(z_mean, exp z_log_var) || N(0, I)), shape (n,), nats per image (equation 30.6)."""
    each = z_mean**2 + ops.exp(z_log_var) - 1 - z_log_var
    return 0.5 * ops.sum(each, axis=-1)


def log_ratio(z, z_mean, z_log_var):
    """log p(z) - log q(z | x) of drawn codes, shape (n,), nats, with p = N(0, I) and q = N(z_mean, exp z_log_var)."""
    each = (z - z_mean) ** 2 / ops.exp(z_log_var) + z_log_var - z**2
    return 0.5 * ops.sum(each, axis=-1)


def mean_weight_nats(log_weights) -> np.ndarray:
    """-log of the mean weight of each example (n,), from log p(x, z) - log q(z | x) of k drawn codes, (n, k).

    An upper bound of -log p(x) on average, which falls towards it as k grows (Burda and others 2016); k = 1 is -ELBO.
    """
    log_weights = np.asarray(log_weights, float)
    return np.log(log_weights.shape[1]) - np.logaddexp.reduce(log_weights, axis=1)


class Variational(Saved):
    """What a variational autoencoder needs beside its theory: noise, the examples of a batch, and a step.

    A subclass has an ``encoder``, a ``decoder``, ``check`` and ``terms``: loss, distortion and rate of each example.
    """

    wants_targets = False

    def __init__(self, seed=0):
        super().__init__()
        self.seed, self.noise = seed, keras.random.SeedGenerator(seed)
        self.trackers = [keras.metrics.Mean(name) for name in ("loss", "distortion", "rate")]

    @property
    def latent(self) -> int:
        """How many numbers a code has."""
        return self.decoder.input_shape[1]

    def examples(self, data):
        """The examples of one batch from ``fit``; targets beside them are ignored."""
        x, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        return ops.cast(x, "float32")

    def check_asked(self, x):
        """The same as for ``fit``."""
        self.check(x)

    def train_step(self, data):
        """One step of the optimiser on the mean loss of a batch."""
        with tf.GradientTape() as tape:
            terms = [ops.mean(term) for term in self.terms(self.examples(data))]
        self.optimizer.apply(tape.gradient(terms[0], self.trainable_weights), self.trainable_weights)
        return record(self.trackers, terms)

    def test_step(self, data):
        """The same terms without a step."""
        return record(self.trackers, self.terms(self.examples(data)))


class ImageModel(Variational):
    """A variational autoencoder of images in [0, 1], which refuses others."""

    def check(self, x, y=None, name="x"):
        """Images in [0, 1]."""
        check_images(x, self.encoder.input_shape[1:], name)


class ConvVAE(ImageModel):
    """A variational autoencoder with a Gaussian likelihood (Kingma and Welling 2014).

    The prior is N(0, I). The decoder draws the difference from a learned average image ``centre``; each pixel has a
    learned variance exp(log_var) + floor², the same for all images. ``fit`` takes images (n, height, width, channels)
    in [0, 1]; ``predict`` reconstructs them.

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
        super().__init__(seed)
        self.encoder, self.decoder = encoder, decoder
        self.beta, self.floor = beta, floor
        shape = decoder.output_shape[1:]
        self.centre = self.add_weight(shape, "zeros")
        self.log_var = self.add_weight(shape, "zeros")

    def encode(self, x):
        """Mean and log-variance of each latent."""
        return ops.split(self.encoder(x), 2, axis=-1)

    def draw(self, z_mean, z_log_var):
        """A code from the encoder's distribution, its noise apart so that gradients pass (equation 30.7)."""
        noise = keras.random.normal(ops.shape(z_mean), seed=self.noise)
        return z_mean + ops.exp(0.5 * z_log_var) * noise

    def decode(self, z):
        """Mean image and variance of each pixel, given the latents."""
        return self.centre + self.decoder(z), ops.exp(self.log_var) + self.floor**2

    def terms(self, x):
        """Loss, distortion and rate of each image in nats, with one draw of z from the encoder."""
        z_mean, z_log_var = self.encode(x)
        z = self.draw(z_mean, z_log_var)
        distortion = gaussian_nats(x, *self.decode(z))
        rate = gaussian_rate(z_mean, z_log_var)
        return distortion + self.beta * rate, distortion, rate

    def call(self, x):
        """Reconstruct: the decoder's image of the encoder's mean, cut to [0, 1]."""
        z_mean, _ = self.encode(x)
        return ops.clip(self.decode(z_mean)[0], 0, 1)


class TurningVAE(ConvVAE):
    """A VAE that knows that heads turn: three of its latents say how the picture lies (after Bepler et al. 2019).

    The decoder draws an upright picture, ``centre`` + z · ``loadings`` + what its network adds, and turns it
    (:func:`medlib.models.pose.turn`), the pixels' variance with it. The encoder measures the pose by moments, makes the
    image upright, and reads the code by a linear map; its network corrects both. :func:`start_upright` begins with
    factor analysis of upright images, and both networks begin with nothing to add.

    Parameters
    ----------
    encoder
        Image to 2·(3 + factors) corrections.
    decoder
        Factors to an upright image.
    """

    def __init__(self, encoder, decoder, floor=0.01, seed=0):
        super().__init__(encoder, decoder, floor=floor, seed=seed)
        factors, pixels = decoder.input_shape[1], int(np.prod(decoder.output_shape[1:]))
        self.loadings, self.to_code = self.add_weight((factors, pixels)), self.add_weight((pixels, factors))
        self.code_log_var = self.add_weight((3 + factors,), "zeros")
        self.pose_mean, self.pose_scale = (self.add_weight((3,), "ones", trainable=False) for _ in range(2))

    @property
    def latent(self):
        return 3 + self.decoder.input_shape[1]

    def encode(self, x):
        shift, spread = ops.split(self.encoder(x), 2, axis=-1)
        lies = (moments(x) - self.pose_mean) / self.pose_scale + 0.1 * shift[:, :3]
        upright = turn(x, lies * self.pose_scale + self.pose_mean, back=True)
        code = ops.reshape(upright - self.centre, (-1, self.to_code.shape[0])) @ self.to_code + shift[:, 3:]
        return ops.concatenate([lies, code], axis=-1), self.code_log_var + spread

    def decode(self, z):
        lies, code = z[:, :3] * self.pose_scale + self.pose_mean, z[:, 3:]
        upright = self.centre + ops.reshape(code @ self.loadings, (-1, *self.centre.shape)) + self.decoder(code)
        variance = ops.broadcast_to(ops.exp(10 * self.log_var), ops.shape(upright))  # 10: variances learn faster
        picture, variance = ops.split(turn(ops.concatenate([upright, variance], axis=-1), lies), 2, axis=-1)
        return picture, variance + self.floor**2


def build_turning_vae(shape: tuple[int, int, int], factors: int, hidden: int = 128, **options) -> TurningVAE:
    """A TurningVAE whose two networks begin with nothing to add: their last layers are zero."""
    check_sides(shape, 4)
    image = h = keras.Input(shape)
    for width in (16, 32):
        h = layers.Conv2D(width, 4, strides=2, padding="same", activation="gelu")(h)
    h = layers.Dense(hidden // 2, activation="gelu")(layers.Flatten()(h))
    encoder = keras.Model(image, layers.Dense(2 * (3 + factors), kernel_initializer="zeros")(h))
    z = keras.Input((factors,))
    h = layers.Dense(hidden, activation="gelu")(z)
    h = layers.Dense(int(np.prod(shape)), kernel_initializer="zeros")(h)
    return TurningVAE(encoder, keras.Model(z, layers.Reshape(shape)(h)), **options)


def start_upright(model: TurningVAE, x: np.ndarray) -> Factors:
    """Set all weights but those of the networks from factor analysis of ``x`` made upright; returns the factors.

    This is factor analysis of straightened images, turned back: the variances are those of what it leaves over in the
    images as they lie. ``fit_vae`` goes on from there.

    Parameters
    ----------
    x
        Images (n, height, width, channels), at least two, the background 0.
    """
    if not isinstance(model, TurningVAE):
        raise ValueError(f"model: got a {type(model).__name__}, expected a TurningVAE; for others use start_from")
    x = check_images(x, model.encoder.input_shape[1:])
    lies = pose(x)
    found = factor_analysis(straighten(x, lies), model.latent - 3, floor=model.floor)
    spread = found.code(x[:1])[1]
    model.pose_mean.assign(lies.mean(axis=0))
    model.pose_scale.assign(np.maximum(lies.std(axis=0), 1e-3))  # radians, pixels: pictures may all lie alike
    model.centre.assign(found.mean.reshape(model.centre.shape))
    model.loadings.assign(found.loadings.T)
    model.to_code.assign(found.loadings / found.variance[:, None] * spread)
    model.code_log_var.assign(np.log(np.concatenate([np.full(3, 0.02), spread])))

    def left_over(part, lies):
        return (turn((part - model.decode(model.draw(*model.encode(part)))[0]) ** 2, lies, back=True),)

    variance = batches(left_over, x, lies)[0].mean(axis=0) - model.floor**2
    model.log_var.assign(np.log(np.maximum(variance, model.floor**2 / 100)) / 10)
    return found


def start_from(model: ConvVAE, x) -> ConvVAE:
    """Set the average image and the pixel variances to those of ``x``, the best model without latents.

    The floor is added when the model decodes; a variance below a hundredth of it counts as that.

    Parameters
    ----------
    x
        Images (n, height, width, channels), or a ``tf.data.Dataset`` of batches of them, which is read once.
    """
    if isinstance(model, TurningVAE):
        raise ValueError("model: got a TurningVAE, expected one whose pictures stay as they lie; use start_upright")
    streamed = isinstance(x, tf.data.Dataset)
    if streamed and x.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise ValueError("x: got an endless data set, expected one that ends; leave out .repeat(), `fit` repeats it")
    n, total, square = 0, 0.0, 0.0
    for batch in x if streamed else [x]:
        part = np.asarray(model.examples(batch), np.float64)
        n, total, square = n + len(part), total + part.sum(axis=0), square + (part**2).sum(axis=0)
    mean = total / n
    model.centre.assign(mean)
    model.log_var.assign(np.log(np.maximum(square / n - mean**2, model.floor**2 / 100)))
    return model


def compile_vae(model: ConvVAE, steps: int = 800, rate: float = 4e-3) -> ConvVAE:
    """Compile with Adam, its step size falling from ``rate`` to 0 over ``steps`` steps.

    ``fit_vae`` then trains for as many steps.
    """
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate, steps)))
    return model


def fit_vae(
    model: ConvVAE,
    x,
    *,
    batch_size: int = 32,
    validation=None,
    fresh: bool | None = None,
    label: str = "training",
    **options,
) -> dict[str, list[float]]:
    """Train a compiled model; returns loss, distortion and rate of each round.

    A model whose optimiser has made no step yet starts from the average image (:func:`start_from`), unless ``fresh`` is
    False; a TurningVAE starts upright (:func:`start_upright`), unless it has done so before. Stopping the kernel leaves
    a usable model and the history so far; called again, it goes on.

    Parameters
    ----------
    x, validation
        Images (n, height, width, channels) in [0, 1], or a ``tf.data.Dataset`` of batches of them.
    options
        Those of :func:`medlib.models.training.fit`: ``steps`` or ``epochs``, or neither for as many steps as
        ``compile_vae`` was told.

    Raises
    ------
    ValueError
        If ``x`` or ``validation`` is empty, of another shape, not finite, or outside [0, 1]; if the model is not
        compiled.
    FloatingPointError
        If the loss is no longer finite.
    """
    shape = model.encoder.input_shape[1:]
    x = x if isinstance(x, tf.data.Dataset) else check_images(x, shape)
    model.look(x)
    if validation is not None:
        model.look(validation, name="validation")
        rows = isinstance(validation, tf.data.Dataset)
        options["validation_data"] = validation if rows else (check_images(validation, shape, "validation"),)
    turning = isinstance(model, TurningVAE)
    if fresh is None:  # an average image that is not black was set by start_upright, whatever the optimiser says
        fresh = not (model.centre.numpy().any() if turning else model.compiled and int(model.optimizer.iterations))
    if fresh:
        (start_upright if turning else start_from)(model, x)
    return fit(model, x, batch_size=batch_size, label=label, **options)


def encode(model: ConvVAE, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and log-variance of each latent, both of shape (n, latent)."""
    x = check_images(x, model.encoder.input_shape[1:])
    mean, log_var = batches(model.encode, x)
    return mean, log_var


def generate(model: ConvVAE, z: np.ndarray) -> np.ndarray:
    """Mean images for latents z of shape (n, latent): shape (n, height, width, channels), cut to [0, 1]."""
    z = check_latents(z, model.latent)
    return np.clip(batches(lambda part: (model.decode(part)[0],), z)[0], 0, 1)


def reconstruct(model: ConvVAE, x: np.ndarray) -> np.ndarray:
    """The decoder's image of the encoder's mean, shape of ``x``."""
    x = check_images(x, model.encoder.input_shape[1:])
    return batches(lambda part: (model(part, training=False),), x)[0]


def negative_elbo(model: ConvVAE, x: np.ndarray, draws: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Distortion and rate of each image, nats, averaged over ``draws`` of z. Their sum is -ELBO."""
    x = check_images(x, model.encoder.input_shape[1:])
    terms = [batches(model.terms, x)[1:] for _ in range(draws)]
    distortion, rate = np.mean(terms, axis=0)
    return distortion, rate


def residual_map(model: ConvVAE, x: np.ndarray, width: float = 1.0) -> np.ndarray:
    """Difference from the reconstruction in units of each pixel's learned deviation, smoothed: (n, height, width).

    Near 0 where the image is as the model expects; negative where it is too dark. ``width`` is the standard deviation
    of the Gaussian smoothing in pixels, 0 for none.
    """
    from scipy.ndimage import gaussian_filter

    x = check_images(x, model.encoder.input_shape[1:])

    def unexplained(part):
        picture, variance = model.decode(model.encode(part)[0])
        return ((part - ops.clip(picture, 0, 1)) / ops.sqrt(variance),)

    return gaussian_filter(batches(unexplained, x)[0].mean(axis=-1), (0, width, width))
