"""The generative adversarial network of notebooks 20 and 21: its losses, its two networks, its training step."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from medlib.models.training import batches, check_images, check_sides, fit, record

mean, softplus = tf.reduce_mean, tf.nn.softplus


# ------------------------------------------------------------------------------------------------- losses (notebook 20)


def discriminator_loss(real, forged):
    """-V of the game (Goodfellow et al. 2014, equation 1), from the logits of genuine and forged examples; nats."""
    return mean(softplus(-real)) + mean(softplus(forged))


def generator_loss(forged):
    """-log D, the non-saturating loss (Goodfellow et al. 2014, section 3), from the logits of forged examples; nats."""
    return mean(softplus(-forged))


def r1(D, real, gamma=1.0):
    """Half gamma times the mean squared slope of the logit at genuine examples (Mescheder et al. 2018, equation 9).

    ``D`` maps examples, first axis n, to logits; the slope is taken over all other axes.
    """
    with tf.GradientTape() as tape:
        tape.watch(real)
        logit = D(real)
    slope = tf.reshape(tape.gradient(logit, real), (tf.shape(real)[0], -1))
    return gamma / 2 * mean(tf.reduce_sum(slope**2, axis=1))


# ----------------------------------------------------------------------------------------------- networks (notebook 21)


def build_generator(
    shape: tuple[int, int, int], latent: int, wishes: int = 0, width: int = 32, hidden: int = 128
) -> keras.Model:
    """Noise to an image in [-1, 1]: dense layers draw maps of a quarter of the size, transposed convolutions double.

    Batch normalisation and ReLU inside, tanh at the end (Radford et al. 2016, section 3), but a dense layer in place of
    their first convolutions: heads lie in the middle, and dense layers know where they are.

    Parameters
    ----------
    shape
        (height, width, channels) of an image.
    latent
        Numbers of noise an image.
    wishes
        Channels of a map of the same height and width that says what is wanted where; 0 for a generator without.

    Raises
    ------
    ValueError
        If a side of the image is not divisible by 4.
    """
    check_sides(shape, 4)
    z, wish = keras.Input((latent,)), keras.Input((*shape[:2], wishes))
    small = (shape[0] // 4, shape[1] // 4, width)
    h = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(layers.Dense(hidden, use_bias=False)(z)))
    h = layers.Dense(int(np.prod(small)), use_bias=False)(h)
    h = layers.Reshape(small)(layers.ReLU()(layers.BatchNormalization(momentum=0.9)(h)))
    for pool, filters in ((4, width), (2, width // 2)):
        h = layers.Concatenate()([h, layers.AveragePooling2D(pool)(wish)]) if wishes else h
        h = layers.Conv2DTranspose(filters, 4, strides=2, padding="same", use_bias=False)(h)
        h = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(h))
    h = layers.Concatenate()([h, wish]) if wishes else h
    image = layers.Conv2D(shape[2], 3, padding="same", activation="tanh")(h)
    return keras.Model([z, wish] if wishes else z, image)


def build_discriminator(shape: tuple[int, int, int], wishes: int = 0, width: int = 24) -> keras.Model:
    """Image (and the map of wishes it should fulfil) to one logit: three 4×4 convolutions of stride 2, leaky ReLU.

    No normalisation: a batch of fakes would be judged by how it differs from a batch of reals, not one by one.

    Raises
    ------
    ValueError
        If a side of the image is not divisible by 8.
    """
    check_sides(shape, 8)
    image, wish = keras.Input(shape), keras.Input((*shape[:2], wishes))
    h = layers.Concatenate()([image, wish]) if wishes else image
    for factor in (1, 2, 4):
        h = layers.Conv2D(width * factor, 4, strides=2, padding="same")(h)
        h = layers.LeakyReLU(negative_slope=0.2)(h)
    return keras.Model([image, wish] if wishes else image, layers.Dense(1)(layers.Flatten()(h)))


class GAN(keras.Model):
    """Two networks, two optimisers, two gradients (Goodfellow et al. 2014), and the generator's running average.

    Parameters
    ----------
    generator, discriminator
        Noise, or [noise, wish], to images; images, or [images, wish], to one logit.
    gamma
        Weight of R1, the squared slope of the discriminator at real images; 0 for none.
    average
        Share that the running average of the generator's weights keeps at each step. Samples come from the average
        (``steady``), which the game's circling moves less (Yazıcı et al. 2019).
    """

    def __init__(self, generator, discriminator, gamma=0.0, average=0.99, seed=0):
        super().__init__()
        self.generator, self.discriminator = generator, discriminator
        self.steady = keras.models.clone_model(generator)
        self.steady.set_weights(generator.get_weights())
        self.steady.trainable = False
        self.gamma, self.average, self.noise = gamma, average, keras.random.SeedGenerator(seed)
        self.trackers = [keras.metrics.Mean(name) for name in ("d_loss", "g_loss")]

    def compile(self, rate=1e-3):
        """Adam for each network, with the momentum 0.5 of Radford et al. (2016); ``rate``: a number or a schedule."""
        super().compile()
        self.adam_G, self.adam_D = (keras.optimizers.Adam(rate, beta_1=0.5) for _ in range(2))
        self.adam_G.build(self.generator.trainable_variables)
        self.adam_D.build(self.discriminator.trainable_variables)

    def d_loss(self, detective, real, opinion, wish):
        """The discriminator's loss: -V, and R1 if it is asked for."""
        few = [c[:4] for c in wish]  # a second gradient is dear: four images of the batch pay for all
        penalty = r1(lambda image: detective(image, few), real[:4], self.gamma) if self.gamma else 0.0
        return discriminator_loss(detective(real), opinion) + penalty

    def train_step(self, data):
        """One step of both networks, each for its own loss, on one batch."""
        real, *wish = data if isinstance(data, tuple) else (data,)
        z = keras.random.normal((tf.shape(real)[0], self.steady.inputs[0].shape[1]), seed=self.noise)

        def detective(image, wish=wish):
            return self.discriminator([image, *wish] if wish else image)

        with tf.GradientTape() as tape_D, tf.GradientTape() as tape_G:
            fake = self.generator([z, *wish] if wish else z, training=True)
            opinion = detective(fake)
            d_loss = self.d_loss(detective, real, opinion, wish)
            g_loss = generator_loss(opinion)
        G, D = self.generator.trainable_variables, self.discriminator.trainable_variables
        self.adam_D.apply(tape_D.gradient(d_loss, D), D)
        self.adam_G.apply(tape_G.gradient(g_loss, G), G)
        for slow, new in zip(self.steady.weights, self.generator.weights, strict=True):
            slow.assign(self.average * slow + (1 - self.average) * new)
        return record(self.trackers, (d_loss, g_loss))


class ConditionalGAN(GAN):
    """A GAN with wishes, whose discriminator also learns to refuse real images that do not fit (Reed et al. 2016).

    ``mismatch`` is the share m of its second term that goes to real images with another image's wish:
    -log D(x, c) - (1 - m) log(1 - D(G(z, c), c)) - m log(1 - D(x, c')). Wishes are obeyed much earlier for it; the
    price is that the generator exaggerates what is typical of a wish (notebook 21).
    """

    mismatch = 0.5

    def d_loss(self, detective, real, opinion, wish):
        """The discriminator's loss: drawings, and real images with the wish of their neighbour in the batch."""
        misfit = detective(real, [tf.roll(c, 1, axis=0) for c in wish])
        shift = mean(softplus(misfit)) - mean(softplus(opinion))
        return super().d_loss(detective, real, opinion, wish) + self.mismatch * shift


def fit_gan(
    model: GAN,
    x: np.ndarray,
    wish: np.ndarray | None = None,
    *,
    epochs: int,
    batch_size: int = 16,
    rate: float = 3e-3,
    label: str = "training",
    **options,
) -> dict[str, list[float]]:
    """Play the game for some epochs; returns the mean ``d_loss`` and ``g_loss`` of each, in nats.

    The step size falls along a cosine from ``rate`` to a quarter of it.
    Stopping the kernel leaves a usable model and the history so far. Called again, it goes on where it stopped, with
    the optimisers and the step size as they were: ``fit_gan(model, x, epochs=6, initial_epoch=2)`` plays the last four
    of six epochs. Only the first call sets the step size.

    Parameters
    ----------
    x
        Images (n, height, width, channels) in [-1, 1].
    wish
        Maps (n, height, width, wishes) in [-1, 1], one for each image, if the networks take them.

    Raises
    ------
    ValueError
        If images or maps are empty, of another shape, not finite, outside [-1, 1] or fewer than a batch; if maps are
        missing or not asked for.
    FloatingPointError
        If a loss is no longer finite.
    """
    x = check_images(x, model.discriminator.inputs[0].shape[1:], low=-1)
    if len(x) < batch_size:
        raise ValueError(
            f"batch_size: got {batch_size} for {len(x)} images, expected at most as many as images; lower batch_size"
        )
    wish = _check_wish(model, wish, len(x))
    if not hasattr(model, "adam_G"):
        steps = epochs * -(-len(x) // batch_size)
        model.compile(keras.optimizers.schedules.CosineDecay(rate, steps, alpha=0.25))
    return fit(model, x, *wish, epochs=epochs, batch_size=batch_size, label=label, **options)


def generate(model: GAN, z: np.ndarray, wish: np.ndarray | None = None, steady: bool = True) -> np.ndarray:
    """Images of shape (n, height, width, channels) in [-1, 1] for noise z (n, latent) and, if taken, maps of wishes.

    From the running average of the generator, or from the generator as it stands (``steady=False``).

    Raises
    ------
    ValueError
        If ``z`` or ``wish`` has another shape or is not finite; if maps are missing or not asked for.
    """
    z = np.asarray(z, np.float32)
    latent = model.steady.inputs[0].shape[1]
    if z.ndim != 2 or z.shape[1] != latent or not np.isfinite(z).all() or not len(z):
        raise ValueError(f"z: got shape {z.shape}, expected finite values of shape (n, {latent}), one row an image")
    wish = _check_wish(model, wish, len(z))
    network = model.steady if steady else model.generator
    return batches(lambda *parts: (network(list(parts) if wish else parts[0], training=False),), z, *wish)[0]


def _check_wish(model: GAN, wish, n: int) -> list[np.ndarray]:
    """The maps in a list, an empty list for a model that takes none, or a ValueError."""
    wanted = model.discriminator.inputs[1:]
    if wish is None and not wanted:
        return []
    if wish is None:
        raise ValueError(f"wish: got None, expected maps of shape (n, {', '.join(map(str, wanted[0].shape[1:]))})")
    if not wanted:
        raise ValueError("wish: got maps for networks that take none, expected None; build both with wishes=...")
    wish = check_images(wish, wanted[0].shape[1:], "wish", low=-1)
    if len(wish) != n:
        raise ValueError(f"wish: got {len(wish)} maps for {n} images, expected one map for each image")
    return [wish]
