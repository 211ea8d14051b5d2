"""The convolutional classifier of notebook 15, and the map of what it looked at."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from medlib.models.base import Network
from medlib.models.inputs import check_images, check_sides
from medlib.models.training import batches


def build_cnn(shape: tuple[int, int, int], classes: int, widths=(16, 32, 64), dropout: float = 0.3) -> Network:
    """A small convolutional classifier that returns logits.

    Each width is one block: 3×3 convolution, batch normalisation, ReLU; 2×2 max pooling stands between blocks. Global
    average pooling, dropout and one dense layer follow. The stack is LeNet's idea (LeCun et al. 1998) with batch
    normalisation (Ioffe and Szegedy 2015) and the pooling head of Lin et al. (2014).

    Parameters
    ----------
    shape
        (height, width, channels) of one image; both sides must survive ``len(widths)`` halvings.
    classes
        Number of logits; 1 for a yes/no question.

    Raises
    ------
    ValueError
        If the image is too small for so many blocks; from ``fit``, ``evaluate`` and ``predict``, if images have another
        shape or missing values, or labels do not fit the loss.
    """
    check_sides(shape, least=2 ** len(widths))
    image = h = keras.Input(shape)
    for block, width in enumerate(widths):
        h = layers.MaxPooling2D()(h) if block else h
        h = layers.Conv2D(width, 3, padding="same", use_bias=False)(h)
        h = layers.BatchNormalization(momentum=0.95)(h)
        h = layers.ReLU()(h)
    h = layers.GlobalAveragePooling2D()(h)
    h = layers.Dropout(dropout)(h)
    return Network(image, layers.Dense(classes)(h))


def compile_cnn(model: keras.Model, steps: int = 600, rate: float = 3e-3) -> keras.Model:
    """Compile with cross-entropy on logits and AdamW, whose step size falls from ``rate`` to 0 over ``steps`` steps.

    ``training.fit`` then trains for as many steps, whatever the number of images. Batch normalisation's running
    averages need a few hundred to settle.

    One logit means a yes/no question (binary cross-entropy), more mean classes (sparse categorical cross-entropy).
    """
    if model.output_shape[-1] == 1:
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
        accuracy = keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0)
    else:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
    schedule = keras.optimizers.schedules.CosineDecay(rate, steps)
    optimiser = keras.optimizers.AdamW(schedule, weight_decay=1e-3)
    model.compile(optimiser, loss, metrics=[accuracy])
    return model


def probabilities(model: keras.Model, x: np.ndarray) -> np.ndarray:
    """Shape (n, classes): softmax of the model's logits; for one logit shape (n,), its sigmoid."""
    x = check_images(x, model.input_shape[1:], low=None)
    logits = batches(lambda part: (model(part, training=False),), x)[0]
    return tf.sigmoid(logits[:, 0]).numpy() if logits.shape[1] == 1 else tf.nn.softmax(logits).numpy()


def grad_cam(model: keras.Model, x: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Where the evidence for a class lies: Grad-CAM (Selvaraju et al. 2017, equations 1 and 2).

    The feature maps in front of the global pooling are weighted by the mean gradient of the target's logit and summed;
    what speaks against the class is cut off.

    Parameters
    ----------
    x
        Shape (n, height, width, channels).
    target
        Shape (n,): the class to explain in each image.

    Returns
    -------
    numpy.ndarray
        Shape (n, h, w) at the resolution of the feature maps, not negative.

    Raises
    ------
    ValueError
        If the model has no global average pooling of its own: a model around the network hides it.
    """
    kinds = [type(layer).__name__ for layer in model.layers]
    if (mean := "GlobalAveragePooling2D") not in kinds:
        raise ValueError(f"model: got {kinds}, expected a {mean}; pass the inner model")
    pool = kinds.index(mean)
    maps = keras.Model(model.input, model.layers[pool].input)(x, training=False)
    head = keras.Sequential(model.layers[pool:])
    with tf.GradientTape() as tape:
        tape.watch(maps)
        evidence = tf.gather(head(maps), target, axis=1, batch_dims=1)
    weights = tf.reduce_mean(tape.gradient(evidence, maps), axis=(1, 2), keepdims=True)
    return tf.nn.relu(tf.reduce_sum(weights * maps, axis=-1)).numpy()
