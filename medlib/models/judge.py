"""The judge of notebook 21: a network that outlines lesions, and what kind, side and size are read off its outlines."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, ops

from medlib.models.base import Network
from medlib.models.inputs import check_images, check_sides
from medlib.models.training import batches, fit


def build_judge(shape: tuple[int, int, int], kinds: int) -> Network:
    """Image in [-1, 1] to an outline, and to 64 features: a small U-Net (Ronneberger et al. 2015).

    Beside the image itself it sees a narrower window of it, in which faint lesions stand out.

    Parameters
    ----------
    shape
        (height, width, channels); sides divisible by 4.
    kinds
        Kinds of tissue to tell apart in each pixel, 0 for no lesion.

    Returns
    -------
    Network
        ``outline``: logits (n, height/2, width/2, kinds); ``features``: (n, 64), means of the maps at the bottom.

    Raises
    ------
    ValueError
        If a side of the image is not divisible by 4.
    """
    check_sides(shape, 4)

    def block(h, width, size=3):
        h = layers.Conv2D(width, size, padding="same", use_bias=False)(h)
        return layers.ReLU()(layers.BatchNormalization(momentum=0.95)(h))

    image = keras.Input(shape)
    h = block(layers.Concatenate()([image, ops.clip(1.125 * image + 0.625, 0, 1)]), 16)
    half = block(layers.MaxPooling2D()(h), 32)
    bottom = block(layers.MaxPooling2D()(half), 64)
    up = layers.Conv2DTranspose(24, 4, strides=2, padding="same")(bottom)
    up = block(layers.Concatenate()([up, half]), 32, size=1)
    outline = layers.Conv2D(kinds, 1, name="outline")(up)
    features = layers.GlobalAveragePooling2D(name="features")(bottom)
    return Network(image, {"outline": outline, "features": features})


def coarse(masks: np.ndarray, kind: np.ndarray) -> np.ndarray:
    """The kind in each 2×2 block of pixels, (n, height/2, width/2): a lesion where half of it or more is masked."""
    n, height, width = masks.shape
    filled = masks.reshape(n, height // 2, 2, width // 2, 2).mean((2, 4)) >= 0.5
    return filled * np.asarray(kind)[:, None, None]


def compile_judge(model: keras.Model, steps: int = 600, rate: float = 5e-3) -> keras.Model:
    """Compile with cross-entropy in each pixel and AdamW, its step size falling from ``rate`` to 0 in ``steps``."""
    schedule = keras.optimizers.schedules.CosineDecay(rate, steps)
    loss = {"outline": keras.losses.SparseCategoricalCrossentropy(from_logits=True)}
    model.compile(keras.optimizers.AdamW(schedule, weight_decay=1e-3), loss)
    return model


def fit_judge(model, x, masks, kind, *, batch_size: int = 32, label: str = "judge", **options) -> dict:
    """Train on images (n, height, width, channels) in [-1, 1], lesion masks and the kind of each image's lesion.

    ``options`` are those of :func:`medlib.models.training.fit`: ``steps`` or ``epochs``, or neither for as many steps
    as ``compile_judge`` was told. Returns the history.

    Raises
    ------
    ValueError
        If the images have another shape or range, or masks and kinds do not fit them.
    """
    x = check_images(x, model.input_shape[1:], low=-1)
    if np.shape(masks) != x.shape[:3] or np.shape(kind) != x.shape[:1]:
        raise ValueError(
            f"masks, kind: got shapes {np.shape(masks)} and {np.shape(kind)}, "
            f"expected {x.shape[:3]} and {x.shape[:1]}; give one mask and one kind to each image"
        )
    return fit(model, x, {"outline": coarse(masks, kind)}, batch_size=batch_size, label=label, **options)


def features(model: keras.Model, x: np.ndarray) -> np.ndarray:
    """What the judge sees in each image, (n, 64): for fid, kid and their like."""
    x = check_images(x, model.input_shape[1:], low=-1)
    down = keras.Model(model.input, model.output["features"])  # the way up again is not needed
    return batches(lambda part: (down(part, training=False),), x)[0]


def findings(model: keras.Model, x: np.ndarray, least: float = 4.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Kind, side and size of the lesion that the judge sees in each image.

    Returns
    -------
    kind, right, size
        Each of shape (n,). ``kind`` is 0 where no kind fills ``least`` pixels; ``right`` is true where most of the
        lesion lies in the right half of the *picture*, which is the patient's left; ``size`` counts pixels.
    """
    x = check_images(x, model.input_shape[1:], low=-1)
    share = batches(lambda part: (ops.softmax(model(part, training=False)["outline"])[..., 1:],), x)[0]
    of_kind = 4 * share.sum(axis=(1, 2))
    lesion = share.sum(axis=-1)
    middle = lesion.shape[2] // 2
    right = lesion[:, :, middle:].sum(axis=(1, 2)) > lesion[:, :, :middle].sum(axis=(1, 2))
    return np.where(of_kind.max(1) > least, of_kind.argmax(1) + 1, 0), right, of_kind.sum(axis=1)
