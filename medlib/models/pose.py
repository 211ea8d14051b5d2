"""How a head lies in its picture, and how to turn it: the three numbers that no linear model can draw."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from medlib.models.training import batches


def pose(x) -> np.ndarray:
    """Angle (radians), and the shift down and to the right (pixels), of the bright shape in each image: (n, 3).

    Moments of the pixels above 0: their centre, and the direction in which they spread most (Hu 1962). The angle is
    that of the long axis, 0 when it is upright, positive where its top leans to the left.

    Parameters
    ----------
    x
        Shape (n, height, width, channels), the background 0.
    """
    return moments(tf.convert_to_tensor(x, tf.float32)).numpy()


def moments(x):
    """As :func:`pose`, of tensors."""
    inside = tf.cast(tf.reduce_max(x, axis=-1) > 0, tf.float32)
    share = inside / tf.maximum(tf.reduce_sum(inside, axis=(1, 2), keepdims=True), 1)
    y, x = _places(x.shape[1], x.shape[2])
    down, right = (tf.reduce_sum(share * v, axis=(1, 2)) for v in (y, x))
    y, x = y - down[:, None, None], x - right[:, None, None]
    yy, xx, xy = (tf.reduce_sum(share * v, axis=(1, 2)) for v in (y * y, x * x, y * x))
    return tf.stack([0.5 * tf.atan2(2 * xy, yy - xx), down, right], axis=1)


def turn(images, pose, back: bool = False):
    """Turn and shift upright pictures as ``pose`` (n, 3) says; ``back`` makes turned ones upright again.

    Each pixel looks up where it came from, between four pixels (bilinear), so that gradients reach the pose as well as
    the picture (Jaderberg et al. 2015, section 3.3).

    Parameters
    ----------
    images
        Shape (n, height, width, channels).
    """
    images, pose = tf.convert_to_tensor(images, tf.float32), tf.convert_to_tensor(pose, tf.float32)
    height, width = images.shape[1:3]
    y, x = _places(height, width)
    angle, down, right = (pose[:, k, None, None] for k in range(3))
    cos, sin = tf.cos(angle), tf.sin(angle)
    if back:
        row, column = cos * y - sin * x + down, sin * y + cos * x + right
    else:
        row, column = cos * (y - down) + sin * (x - right), cos * (x - right) - sin * (y - down)
    row, column = row + (height - 1) / 2, column + (width - 1) / 2
    top, left = tf.floor(row), tf.floor(column)
    pixels = tf.reshape(images, (-1, images.shape[3]))
    first = tf.range(tf.shape(images)[0])[:, None, None] * (height * width)  # of each image, in that list
    picture = 0.0
    for i in (top, top + 1):
        for j in (left, left + 1):
            weight = (1 - tf.abs(row - i)) * (1 - tf.abs(column - j))
            y, x = tf.cast(i, tf.int32), tf.cast(j, tf.int32)  # cast first: a pose of nan looks up a pixel, too
            place = tf.clip_by_value(y, 0, height - 1) * width + tf.clip_by_value(x, 0, width - 1)
            picture += weight[..., None] * tf.gather(pixels, first + place)
    return picture


def straighten(x, lies=None) -> np.ndarray:
    """Every image turned upright and moved to the middle, by its own moments or as ``lies`` (n, 3) says."""
    lies = pose(x) if lies is None else lies
    return batches(lambda part, lies: (turn(part, lies, back=True),), x, lies, size=500)[0]


def _places(height: int, width: int):
    """Rows and columns of all pixels, counted from the middle."""
    y, x = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    return tf.constant(y - (height - 1) / 2, tf.float32), tf.constant(x - (width - 1) / 2, tf.float32)
