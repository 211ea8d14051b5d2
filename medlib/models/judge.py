"""The judge of notebook 21: a network that outlines lesions, and what kind, side and size are read off its outlines."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, ops

from medlib.models.training import batches, check_images, check_sides, fit


def build_judge(shape: tuple[int, int, int], kinds: int) -> keras.Model:
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
    keras.Model
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
    return keras.Model(image, {"outline": outline, "features": features})


def coarse(masks: np.ndarray, kind: np.ndarray) -> np.ndarray:
    """The kind in each 2×2 block of pixels, (n, height/2, width/2): a lesion where half of it or more is masked."""
    n, height, width = masks.shape
    filled = masks.reshape(n, height // 2, 2, width // 2, 2).mean((2, 4)) >= 0.5
    return filled * np.asarray(kind)[:, None, None]


def fit_judge(model, x, masks, kind, *, epochs: int = 5, batch_size: int = 32, label: str = "judge") -> dict:
    """Train on images (n, height, width, channels) in [-1, 1], lesion masks and the kind of each image's lesion.

    Cross-entropy in each pixel; AdamW, its step size falling from 0.005 to 0. Returns the history.

    Raises
    ------
    ValueError
        If the images have another shape or range, or masks and kinds do not fit them.
    """
    x = check_images(x, model.input_shape[1:], low=-1)
    if np.shape(masks) != x.shape[:3] or np.shape(kind) != x.shape[:1]:
        raise ValueError(
            f"masks, kind: got shapes {np.shape(masks)} and {np.shape(kind)}, expected {x.shape[:3]} and {x.shape[:1]}"
        )
    steps = epochs * -(-len(x) // batch_size)
    adam = keras.optimizers.AdamW(keras.optimizers.schedules.CosineDecay(5e-3, steps), weight_decay=1e-3)
    model.compile(adam, loss={"outline": keras.losses.SparseCategoricalCrossentropy(from_logits=True)})
    target = {"outline": coarse(masks, kind)}
    return fit(model, x, target, epochs=epochs, batch_size=batch_size, label=label)


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
