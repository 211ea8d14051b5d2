"""What data a model can learn from, and the sentence that says so when it cannot: argument, got, expected, remedy."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf


def check_sides(shape: tuple[int, int, int], step: int = 1, least: int = 1) -> None:
    """Refuse an image shape (height, width, channels) whose sides ``step`` does not divide or that is too small."""
    if len(shape) != 3:
        raise ValueError(f"shape: got {shape}, expected (height, width, channels); for grey images (32, 32, 1)")
    height, width = shape[:2]
    if min(height, width) < least:
        raise ValueError(f"shape: got {shape}, expected sides of at least {least}; enlarge the images, or halve less")
    if height % step or width % step:
        (top, bottom), (left, right) = ((-side % step // 2, (-side % step + 1) // 2) for side in (height, width))
        raise ValueError(
            f"shape: got {shape}, expected sides divisible by {step}; pad the images to "
            f"{height + top + bottom} x {width + left + right}, for example with "
            f'np.pad(x, ((0, 0), ({top}, {bottom}), ({left}, {right}), (0, 0)), "edge")'
        )


def check_images(x, shape: tuple[int, int, int], name: str = "x", low: float | None = 0) -> np.ndarray:
    """The images as float32, or a ValueError that says what is wrong: kind, shape, number, missing values, range.

    ``low`` is the value of black, 0 or -1; white is 1. None allows any finite value.
    """
    try:
        x = np.asarray(x, np.float32)
    except (TypeError, ValueError):
        raise ValueError(f"{name}: got {type(x).__name__}, expected an array of images; stack them first") from None
    shape = tuple(shape)
    want = ", ".join(map(str, shape))
    if x.ndim != 4 or x.shape[1:] != shape:
        if x.shape == shape:
            remedy = "a first axis for one image is x[None]; a data set wants .batch(32)"
        elif x.shape[1:] == shape[:2] and shape[2] == 1:
            remedy = "for grey images add a last axis, x[..., None]"
        elif x.ndim == 4 and x.shape[1:3] == shape[:2]:
            remedy = f"build the network for {x.shape[3]} channel(s), or convert the images"
        else:
            remedy = "resize, pad or crop the images; grey images need a last axis, x[..., None]"
        raise ValueError(f"{name}: got shape {x.shape}, expected (n, {want}); {remedy}")
    if not len(x):
        raise ValueError(f"{name}: got no images, expected at least one; look at the rows that were selected")
    check_finite(x, name)
    if low is not None and (x.min() < low or x.max() > 1):
        scaled = ("brain_window(x)", "divide by 255") if low == 0 else ("2 * brain_window(x) - 1", "x / 127.5 - 1")
        raise ValueError(
            f"{name}: got values from {x.min():.3g} to {x.max():.3g}, expected {low} to 1; "
            f"for Hounsfield units use {scaled[0]}, for bytes {scaled[1]}"
        )
    return x


def check_finite(x: np.ndarray, name: str = "x") -> None:
    """Refuse numbers among which some are nan or infinite, with a ValueError that counts them."""
    bad = int((~np.isfinite(x)).sum())
    if bad:
        raise ValueError(f"{name}: got {bad} values that are nan or infinite, expected none; clean the data first")


def check_latents(z, latent: int) -> np.ndarray:
    """The latents, or the noise, of images to be drawn, as float32 (n, latent), or a ValueError."""
    z = np.asarray(z, np.float32)
    if z.ndim != 2 or z.shape[1] != latent or not np.isfinite(z).all() or not len(z):
        raise ValueError(
            f"z: got shape {z.shape}, expected finite values of shape (n, {latent}), one row an image; "
            f"draw them with rng.normal(size=(n, {latent}))"
        )
    return z


def check_labels(y, classes: int, n: int | None = None, pixels: tuple[int, ...] = (), name: str = "y") -> None:
    """Refuse labels that are not class numbers 0 to ``classes`` - 1, one an example, with a ValueError.

    ``classes`` = 1 is a yes/no question, whose labels are 0, 1 or something between. Where each pixel has a label,
    ``pixels`` is the shape of one example's.
    """
    y = np.asarray(y)
    top = max(classes - 1, 1)
    want = "0 or 1" if classes == 1 else f"class numbers from 0 to {top}"
    if y.dtype.kind not in "biuf":
        example = repr(y.ravel()[:1].tolist()[0]) if y.size else y.dtype
        remedy = "number them with names, y = np.unique(y, return_inverse=True)"
        raise ValueError(f"{name}: got labels such as {example}, expected {want}; {remedy}")
    if y.shape[1:] not in (pixels, (*pixels, 1)):
        one_hot = y.ndim == len(pixels) + 2 and y.shape[-1] == max(classes, 2)
        remedy = "for one-hot labels use y.argmax(axis=-1)" if one_hot else "give one label to each example"
        sizes = ", ".join(map(str, pixels))
        raise ValueError(f"{name}: got shape {y.shape}, expected (n,{' ' * bool(sizes)}{sizes}); {remedy}")
    if n is not None and len(y) != n:
        raise ValueError(f"x, {name}: got {n} inputs and {len(y)} labels, expected the same number; match the rows")
    if not y.size:
        return
    if not np.isfinite(y).all():
        raise ValueError(f"{name}: got labels that are nan or infinite, expected {want}; drop the rows without a label")
    if y.min() < 0 or y.max() > top:
        if y.min() >= 1 and y.max() == top + 1:
            remedy = "count from 0 with y - 1"
        elif classes == 1:
            remedy = "say which value means yes, for example y > 0"
        else:
            remedy = f"build the network for {int(y.max()) + 1} classes, or number them with np.unique"
        raise ValueError(f"{name}: got labels from {y.min():g} to {y.max():g}, expected {want}; {remedy}")
    if classes > 1 and (y != np.round(y)).any():
        raise ValueError(f"{name}: got fractions such as {y[y != np.round(y)][0]:g}, expected {want}; round them")


def check_targets(model: keras.Model, y, n: int | None = None) -> None:
    """Check labels by the model's loss, if that is a cross-entropy that takes class numbers or a yes/no answer."""
    losses = model.loss if isinstance(model.loss, dict) else {None: model.loss}
    for key, loss in losses.items():
        name = loss if isinstance(loss, str) else getattr(loss, "name", "")
        if name not in ("sparse_categorical_crossentropy", "binary_crossentropy"):
            continue
        if getattr(loss, "ignore_class", None) is not None:
            continue
        part, label = (y.get(key), f"y[{key!r}]") if isinstance(y, dict) else (y, "y")
        shape = model.output_shape if key is None else model.output[key].shape
        if part is None or not isinstance(shape, tuple) or (name[0] == "b" and shape[-1] != 1):
            continue
        check_labels(part, shape[-1], n, shape[1:-1], label)


def rows_of(x, y=None):
    """The rows that can be looked at before training: arrays as they are, the first batch of a ``tf.data.Dataset``.

    Returns (None, None) for what cannot be looked at without using it up, such as a generator.
    """
    if isinstance(x, tf.data.Dataset):
        if getattr(x, "looked_at", False):
            return None, None
        first = keras.tree.map_structure(lambda part: part.numpy(), next(iter(x.take(1)), None))
        return (None, None) if first is None else keras.utils.unpack_x_y_sample_weight(first)[:2]
    readable = hasattr(x, "__array__") or isinstance(x, (list, tuple, dict, str))
    return (x, y) if readable else (None, None)
