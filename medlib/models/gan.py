"""The generative adversarial network of notebooks 20 and 21: its losses, its two networks, its training step."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from sklearn.decomposition import PCA

from medlib.models.base import Saved, register
from medlib.models.inputs import check_finite, check_images, check_latents, check_sides
from medlib.models.pose import turn
from medlib.models.training import batches, fit, record

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


def normed(h):
    """Batch normalisation, then ReLU."""
    return layers.ReLU()(layers.BatchNormalization(momentum=0.9)(h))


def concatenate(maps):
    """Maps of the same height and width, channel behind channel; a single one as it is."""
    return layers.Concatenate()(maps) if len(maps) > 1 else maps[0]


def build_generator(
    shape: tuple[int, int, int], latent: int, wishes: int = 0, width: int = 32, hidden: int = 128, activation="tanh"
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
    activation
        Of the image; None for one whose numbers go on, as in :func:`build_turning_generator`.

    Raises
    ------
    ValueError
        If a side of the image is not divisible by 4.
    """
    check_sides(shape, 4)
    z, wish = keras.Input((latent,)), keras.Input((*shape[:2], wishes))
    small = (shape[0] // 4, shape[1] // 4, width)
    h = normed(layers.Dense(hidden, use_bias=False)(z))
    h = layers.Dense(int(np.prod(small)), use_bias=False)(h)
    h = layers.Reshape(small)(normed(h))
    for pool, filters in ((4, width), (2, width // 2)):
        coarse = [layers.AveragePooling2D(pool)(wish)] if wishes else []
        h = concatenate([h, *coarse])
        stamp = {"strides": 2, "padding": "same", "use_bias": False}
        h = normed(layers.Conv2DTranspose(filters, 4, **stamp)(h))
    h = concatenate([h, wish] if wishes else [h])
    image = layers.Conv2D(shape[2], 3, padding="same", activation=activation)(h)
    return keras.Model([z, wish] if wishes else z, image)


@register
class Turn(layers.Layer):
    """[pictures, poses (n, 3)] to turned and moved pictures (:func:`medlib.models.pose.turn`); ``back``: to upright."""

    def __init__(self, back: bool = False, **options):
        super().__init__(**options)
        self.back = back

    def call(self, inputs):
        """The pictures, each laid as its pose says."""
        return turn(*inputs, back=self.back)

    def compute_output_shape(self, shapes):
        """The pictures keep their shape."""
        return shapes[0]

    def get_config(self):
        """The arguments of ``__init__``."""
        return super().get_config() | {"back": self.back}


def linear_sketch(upright, lesion, healthy, scores: int = 16) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean (d,) and main directions (scores, d) of healthy heads, and the scores (n, scores) of all heads.

    Principal components, whitened: a direction is as long as one standard deviation, and healthy heads' scores have
    variance 1. A lesion's pixels count as mean, so that scores say what the head is like without it.

    Parameters
    ----------
    upright
        Images (n, height, width, channels).
    lesion
        Where the lesion is, (n, height, width, 1), boolean.
    healthy
        Which images show none, (n,), boolean.
    """
    flat = upright.reshape(len(upright), -1)
    pca = PCA(scores, whiten=True, svd_solver="covariance_eigh").fit(flat[healthy])
    axes = pca.components_ * np.sqrt(pca.explained_variance_)[:, None]
    unseen = np.broadcast_to(lesion, upright.shape).reshape(flat.shape)
    return pca.mean_, axes, pca.transform(np.where(unseen, pca.mean_, flat))


def sketched(scores, shape, usual, axes):
    """The sketch of scores (a Keras tensor): ``usual`` and weighted ``axes``, cut at -1 and 1, in a layer that stays.

    Arguments as in :func:`build_sketching_generator`.
    """
    linear = layers.Dense(len(usual), trainable=False)
    sketch = layers.Reshape(shape)(linear(scores))
    linear.set_weights([axes, usual])
    return layers.ReLU(max_value=2)(sketch + 1) - 1


def build_sketching_generator(
    shape: tuple[int, int, int], latent: int, wishes: int, poses: np.ndarray, usual: np.ndarray, axes: np.ndarray
) -> keras.Model:
    """Noise and map to an image in [-1, 1]: a linear sketch, drawn over upright, turned, and drawn over again.

    The first three numbers of noise become the pose, the next ones weigh the ``axes`` of the sketch; all but the pose
    go to :func:`build_generator`, which sees sketch and upright map and returns 8 maps. They are turned with the
    sketch, and two convolutions change the turned sketch. The sketch itself does not train.

    Parameters
    ----------
    shape, latent, wishes
        As in :func:`build_generator`; more than 3 + len(axes) numbers of noise, at least one channel of wishes.
    poses
        Angle and shifts of the real images, (n, 3), as :func:`medlib.models.pose.pose` measures them.
    usual
        The mean upright image, shape (d,) with d = height · width · channels.
    axes
        Directions in which upright images differ, (scores, d), each in units of one standard deviation.
    """
    z, wish = keras.Input((latent,)), keras.Input((*shape[:2], wishes))
    scale = {"mean": poses.mean(axis=0), "variance": poses.var(axis=0)}
    place = layers.Normalization(invert=True, **scale)(z[:, :3])
    sketch = sketched(z[:, 3 : 3 + len(axes)], shape, usual, axes)
    guide = concatenate([Turn(back=True)([wish, place]), sketch])
    maps = (*shape[:2], 8)
    inner = build_generator(maps, latent - 3, guide.shape[-1], activation="relu")
    line = keras.ops.arctanh(0.97 * sketch)
    turned = Turn()([concatenate([inner([z[:, 3:], guide]), line]), place])
    view = concatenate([turned, wish])
    h = normed(layers.Conv2D(16, 3, padding="same", use_bias=False)(view))
    change = layers.Conv2D(shape[2], 3, padding="same")(concatenate([h, wish]))
    return keras.Model([z, wish], layers.Activation("tanh")(turned[..., 8:] + change))


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
    logit = layers.Dense(1)(layers.Flatten()(h))
    return keras.Model([image, wish] if wishes else image, logit)


# ----------------------------------------------------------------------------------------------- the game (notebook 21)


def joined(first, wish):
    """What a network takes: the noise or image alone, or in a list with its map of wishes."""
    return [first, *wish] if wish else first


class Game(Saved):
    """What every GAN needs beside the game: two optimisers, checks, evaluation."""

    wants_codes = False

    def compile(self, g_optimizer=None, d_optimizer=None, **options):
        """Give each network its optimiser; Adam(0.001, beta_1=0.5), as Radford et al. (2016), where none is named.

        ``options`` are Keras's own, for example ``run_eagerly`` or ``jit_compile``.
        """
        if g_optimizer is not None and g_optimizer is d_optimizer:
            raise ValueError("d_optimizer: got the generator's, expected another; an optimiser remembers one network")
        super().compile(**options | {"optimizer": None})
        plain = (keras.optimizers.Adam(1e-3, beta_1=0.5) for _ in range(2))
        given = (g_optimizer, d_optimizer)
        self.g_optimizer, self.d_optimizer = (keras.optimizers.get(o or p) for o, p in zip(given, plain, strict=True))
        self.g_optimizer.build(self.generator.trainable_variables)
        self.d_optimizer.build(self.discriminator.trainable_variables)

    def get_compile_config(self):
        """The two optimisers and Keras's options."""
        both = {name: getattr(self, name, None) for name in ("g_optimizer", "d_optimizer")}
        return super().get_compile_config() | keras.saving.serialize_keras_object(both) if self.compiled else {}

    @property
    def wants_targets(self) -> bool:
        """Whether the networks take maps of wishes beside noise and images."""
        return len(self.discriminator.inputs) > 1

    @property
    def latent(self) -> int:
        """Numbers of noise an image."""
        return self.generator.inputs[0].shape[1]

    def parts(self, data):
        """Images and a list of their wishes, empty for networks that take none, of one batch from ``fit``.

        In a game with codes ``y`` is a dictionary, and each image's code follows its wish.
        """
        real, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        asked = [y["wish"], y["code"]] if self.wants_codes else [y] if self.wants_targets else []
        return tf.cast(real, tf.float32), [tf.cast(part, tf.float32) for part in asked]

    def test_step(self, data):
        """Both losses on one batch, with fresh noise and without a step."""
        return record(self.trackers, self.losses(*self.parts(data), training=False))

    def check(self, x, y=None, name="x"):
        """Images in [-1, 1]; with them maps of wishes and codes, if the game takes any. Other labels are ignored."""
        x = check_images(x, self.discriminator.inputs[0].shape[1:], name, low=-1)
        if self.wants_codes:
            got = sorted(y) if isinstance(y, dict) else type(y).__name__
            if got != ["code", "wish"]:
                raise ValueError(f"y: got {got}, expected a dictionary of 'wish' and 'code'; see fit_gan(..., code=)")
            _check_code(self, y["code"], len(x))
            y = y["wish"]
        if self.wants_targets:
            _check_wish(self, y, len(x), "y")

    def check_asked(self, x):
        """Noise, or [noise, wish]."""
        z, *wish = x if isinstance(x, (list, tuple)) else (x,)
        if len(wish) > 1:
            raise ValueError(f"x: got {1 + len(wish)} arrays, expected noise, or [noise, wish]")
        _check_wish(self, *wish or [None], len(check_latents(z, self.latent)))


class GAN(Game):
    """Two networks, two optimisers, two gradients (Goodfellow et al. 2014).

    ``fit`` takes images (n, height, width, channels) in [-1, 1], and with them maps of wishes, if the networks take
    any; ``predict`` draws from noise z (n, latent), or from [z, wish].

    Parameters
    ----------
    generator, discriminator
        Noise, or [noise, wish], to images; images, or [images, wish], to one logit.
    seed
        Of the noise.
    """

    def __init__(self, generator, discriminator, seed=0):
        super().__init__()
        self.generator, self.discriminator = generator, discriminator
        self.seed, self.noise = seed, keras.random.SeedGenerator(seed)
        self.trackers = [keras.metrics.Mean(name) for name in ("d_loss", "g_loss")]

    def call(self, inputs, training=False):
        """Draw."""
        return self.generator(inputs, training=training)

    def d_loss(self, real, forged, wish, training):
        """The discriminator's loss, -V, from real images and its logits of forged ones."""
        genuine = self.discriminator(joined(real, wish), training=training)
        return discriminator_loss(genuine, forged)

    def losses(self, real, wish, training):
        """What each player wants to be small, on one batch: the discriminator's loss and the generator's."""
        z = keras.random.normal((tf.shape(real)[0], self.latent), seed=self.noise)
        fake = self.generator(joined(z, wish), training=training)
        forged = self.discriminator(joined(fake, wish), training=training)
        return self.d_loss(real, forged, wish, training), generator_loss(forged)

    def train_step(self, data):
        """One step of both networks, each for its own loss, on one batch."""
        with tf.GradientTape() as tape_D, tf.GradientTape() as tape_G:
            d_loss, g_loss = self.losses(*self.parts(data), training=True)
        G = self.generator.trainable_variables
        D = self.discriminator.trainable_variables
        self.d_optimizer.apply(tape_D.gradient(d_loss, D), D)
        self.g_optimizer.apply(tape_G.gradient(g_loss, G), G)
        return record(self.trackers, (d_loss, g_loss))


class SteadyGAN(GAN):
    """A GAN with two cures for running in circles: an average of the generator, and friction.

    Parameters
    ----------
    average
        Share that the running average of the generator's weights keeps at each step. Drawings come from the average
        (``steady``), which the game's circling moves less (Yazıcı et al. 2019).
    gamma
        Weight of R1, the squared slope of the discriminator at real images; 0 for none.
    """

    def __init__(self, generator, discriminator, average=0.99, gamma=0.0, seed=0):
        super().__init__(generator, discriminator, seed)
        self.average, self.gamma = average, gamma
        self.steady = keras.models.clone_model(generator)
        self.steady.set_weights(generator.get_weights())
        self.steady.trainable = False

    def call(self, inputs, training=False):
        """Draw from the average."""
        return self.steady(inputs, training=training)

    def d_loss(self, real, forged, wish, training):
        """The discriminator's loss: -V, and R1 if it is asked for."""
        loss = super().d_loss(real, forged, wish, training)
        if not self.gamma:
            return loss
        few = [c[:4] for c in wish]  # a second gradient is dear: four images of the batch pay for all
        return loss + r1(lambda image: self.discriminator(joined(image, few)), real[:4], self.gamma)

    def train_step(self, data):
        """One step of both networks, and one of the average."""
        logs = super().train_step(data)
        for slow, new in zip(self.steady.weights, self.generator.weights, strict=True):
            slow.assign(self.average * slow + (1 - self.average) * new)
        return logs


class ConditionalGAN(SteadyGAN):
    """A GAN with wishes, whose discriminator also learns to refuse real images that do not fit (Reed et al. 2016).

    ``mismatch`` is the share m of its second term that goes to real images with another image's wish:
    -log D(x, c) - (1 - m) log(1 - D(G(z, c), c)) - m log(1 - D(x, c')). Wishes are obeyed much earlier for it; the
    price is that the generator exaggerates what is typical of a wish (notebook 21).
    """

    mismatch = 0.5

    def d_loss(self, real, forged, wish, training):
        """The discriminator's loss: drawings, and real images with the wish of their neighbour in the batch."""
        other = [tf.roll(c, 1, axis=0) for c in wish]
        misfit = self.discriminator(joined(real, other), training=training)
        shift = mean(softplus(misfit)) - mean(softplus(forged))
        return super().d_loss(real, forged, wish, training) + self.mismatch * shift


class SketchGAN(ConditionalGAN):
    """A conditional GAN whose drawings also pay for their distance to the scan whose code they were given.

    ``code`` (n, m) says what the generator's first m numbers of noise are for each training image. Its loss is
    -log D + ``likeness`` times the mean absolute difference of drawing and image (Isola et al. 2017, equation 4).
    ``fit`` takes images and a dictionary of ``wish`` and ``code``.
    """

    likeness, wants_codes = 30.0, True

    def losses(self, real, asked, training):
        """The discriminator's loss; the generator's, which is asked for each image by its wish and its code."""
        wish, code = asked
        missing = (tf.shape(real)[0], self.latent - code.shape[1])
        noise = keras.random.normal(missing, seed=self.noise)
        z = tf.concat([code, noise], axis=1)
        fake = self.generator([z, wish], training=training)
        forged = self.discriminator([fake, wish], training=training)
        g_loss = generator_loss(forged) + self.likeness * mean(tf.abs(fake - real))
        return self.d_loss(real, forged, [wish], training), g_loss


def compile_gan(model: Game, steps: int = 1500, rate: float = 3e-3) -> Game:
    """Compile with Adam for each network, its step size falling from ``rate`` to a quarter of it in ``steps`` steps.

    The momentum 0.5 is that of Radford et al. (2016). ``fit_gan`` then plays for as many steps.
    """
    schedule = keras.optimizers.schedules.CosineDecay(rate, steps, alpha=0.25)
    model.compile(*(keras.optimizers.Adam(schedule, beta_1=0.5) for player in "GD"))
    return model


def fit_gan(model: Game, x, wish=None, code=None, *, batch_size: int = 16, label: str = "training", **options) -> dict:
    """Play the game that was compiled; returns the mean ``d_loss`` and ``g_loss`` of each round, in nats.

    Stopping the kernel leaves a usable model and the history so far. Called again, it goes on where it stopped.

    Parameters
    ----------
    x
        Images (n, height, width, channels) in [-1, 1]; or a ``tf.data.Dataset`` of batches of them, with their maps if
        the networks take any.
    wish
        Maps (n, height, width, wishes) in [-1, 1], one for each image, if the networks take them.
    code
        For a :class:`SketchGAN`: the first numbers of noise that belong to each image, (n, m).
    options
        Those of :func:`medlib.models.training.fit`: ``steps`` or ``epochs``, or neither for as many steps as
        ``compile_gan`` was told.

    Raises
    ------
    ValueError
        If images or maps are empty, of another shape, not finite, outside [-1, 1] or fewer than a batch; if maps are
        missing or not asked for; if the model is not compiled.
    FloatingPointError
        If a loss is no longer finite.
    """
    if isinstance(x, tf.data.Dataset):
        if wish is not None:
            raise ValueError("wish: got maps beside a data set, expected None; batches of (image, map) bring them")
        return fit(model, x, label=label, **options)
    x = check_images(x, model.discriminator.inputs[0].shape[1:], low=-1)
    if len(x) < batch_size:
        raise ValueError(
            f"batch_size: got {batch_size} for {len(x)} images, expected at most as many as images; lower batch_size"
        )
    asked = _check_wish(model, wish, len(x))
    if model.wants_codes:
        asked = [{"wish": asked[0], "code": _check_code(model, code, len(x))}]
    elif code is not None:
        raise ValueError("code: got one for a game without a sketch, expected None; only a SketchGAN takes codes")
    return fit(model, x, *asked, batch_size=batch_size, label=label, **options)


def generate(model: Game, z: np.ndarray, wish: np.ndarray | None = None, steady: bool = True) -> np.ndarray:
    """Images of shape (n, height, width, channels) in [-1, 1] for noise z (n, latent) and, if taken, maps of wishes.

    From the running average of the generator, if the model keeps one, or from the generator as it stands
    (``steady=False``).

    Raises
    ------
    ValueError
        If ``z`` or ``wish`` has another shape or is not finite; if maps are missing or not asked for.
    """
    z = check_latents(z, model.latent)
    wish = _check_wish(model, wish, len(z))
    network = getattr(model, "steady", model.generator) if steady else model.generator
    return batches(lambda *parts: (network(joined(parts[0], parts[1:]), training=False),), z, *wish)[0]


def _check_wish(model: Game, wish, n: int, name: str = "wish") -> list[np.ndarray]:
    """The maps in a list, an empty list for a model that takes none, or a ValueError."""
    wanted = model.discriminator.inputs[1:]
    if wish is None and not wanted:
        return []
    if not wanted:
        raise ValueError(f"{name}: got maps for networks that take none, expected None; build both with wishes=...")
    height, width, wishes = wanted[0].shape[1:]
    remedy = f"class numbers y become maps by np.eye({wishes})[y][:, None, None] * np.ones(({height}, {width}, 1))"
    shape = f"maps of shape (n, {height}, {width}, {wishes})"
    if wish is None:
        raise ValueError(f"{name}: got None, expected {shape}; {remedy}")
    if np.ndim(wish) != 4:
        raise ValueError(f"{name}: got shape {np.shape(wish)}, expected {shape}; {remedy}")
    wish = check_images(wish, wanted[0].shape[1:], name, low=-1)
    if len(wish) != n:
        raise ValueError(f"{name}: got {len(wish)} maps for {n} images, expected one map for each image")
    return [wish]


def _check_code(model: Game, code, n: int) -> np.ndarray:
    """The codes, or a ValueError."""
    if np.ndim(code) != 2 or len(code) != n or not 0 < np.shape(code)[1] <= model.latent:
        got = "None" if code is None else f"shape {np.shape(code)}"
        raise ValueError(f"code: got {got}, expected ({n}, m), the first m of {model.latent} numbers of noise an image")
    code = np.asarray(code, "float32")
    check_finite(code, "code")
    return code
