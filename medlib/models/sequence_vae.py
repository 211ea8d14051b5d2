"""The variational autoencoder of sequences of notebook 41: heartbeats, or visits some of which were missed.

A sequence goes in with its mask, as :func:`with_mask` stacks them: (n, steps, 2 · channels), values first, then 1 where
a value was seen and 0 where it was lost. The likelihood counts what was seen and nothing else.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, ops

from medlib.models.inputs import check_finite, check_latents
from medlib.models.sequence import check_sequences
from medlib.models.training import batches
from medlib.models.vae import LOG_2PI, ConvVAE, Variational, gaussian_rate, log_ratio, mean_weight_nats


def with_mask(x, name: str = "x") -> np.ndarray:
    """Values and mask as float32 (n, steps, 2 · channels), of sequences (n, steps, channels) with nan where lost.

    Raises
    ------
    ValueError
        If ``x`` has another shape, holds infinite values, or a sequence in which nothing was seen.
    """
    x = np.asarray(x, np.float32)
    if x.ndim != 3 or not x.size:
        raise ValueError(
            f"{name}: got shape {x.shape}, expected (n, steps, channels), n at least 1; "
            "one channel needs a last axis, x[..., None]"
        )
    seen = ~np.isnan(x)
    values = np.where(seen, x, 0)
    check_finite(values, name)
    blank = int((~seen.any(axis=(1, 2))).sum())
    if blank:
        raise ValueError(f"{name}: got {blank} sequences without any value, expected some in each; leave them out")
    return np.concatenate([values, seen], axis=-1).astype(np.float32)


def masked_nats(x, mean, var, seen):
    """-log N(x; mean, var) summed over the values that were seen: shape (n,), nats. ``var`` is a variance."""
    each = LOG_2PI + ops.log(var) + (x - mean) ** 2 / var
    return 0.5 * ops.sum(seen * each, axis=(1, 2))


class Masked(Variational):
    """What a VAE of sequences needs beside its theory: encoder, decoder, a learned average, checks.

    A subclass has ``decode``: latents to the mean and variance of each value; and ``terms``: sequences with their
    masks to loss, distortion and rate of each (n,), in nats.

    Parameters
    ----------
    encoder, decoder
        (steps, 2 · channels) to 2 · latent numbers, z_mean and z_log_var; latents to
        (steps, 2 · channels), mean and log-variance.
    beta
        Weight of the rate in the training loss; 1 is the bound.
    floor
        Smallest standard deviation of a value, in the unit of the sequence.

    Raises
    ------
    ValueError
        If encoder and decoder do not fit together; from ``fit`` and ``predict``, if sequences have another shape,
        missing values or a mask that is not 0 and 1.
    """

    encode, draw = ConvVAE.encode, ConvVAE.draw  # notebook 31's, the same for sequences

    def __init__(self, encoder, decoder, beta=1.0, floor=0.01, seed=0):
        super().__init__(seed)
        (steps, both), latent = decoder.output_shape[1:], decoder.input_shape[1]
        shape, want = (steps, both // 2), ((steps, both // 2 * 2), 2 * latent)
        if (encoder.input_shape[1:], encoder.output_shape[1]) != want:
            got = encoder.input_shape[1:], encoder.output_shape[1]
            raise ValueError(
                f"encoder: got {got[0]} to {got[1]} numbers, expected {want[0]} to {want[1]}; values and mask go in, "
                "mean and log-variance of each latent come out"
            )
        self.encoder, self.decoder, self.beta, self.floor = encoder, decoder, beta, floor
        self.centre = self.add_weight(shape, "zeros")
        self.log_var = self.add_weight(shape, "zeros")

    def call(self, x):
        """Reconstruct: the decoder's sequence of the encoder's mean."""
        return self.decode(self.encode(x)[0])[0]

    def check(self, x, y=None, name="x"):
        """Values and masks of the right shape."""
        x = check_sequences(x, self.encoder.input_shape[1:], name)
        if not np.isin(x[..., x.shape[2] // 2 :], (0, 1)).all():
            raise ValueError(f"{name}: got a mask other than 0 and 1, expected values, then masks; use with_mask(x)")


class SequenceVAE(Masked):
    """A variational autoencoder of sequences with a Gaussian likelihood (Kingma and Welling 2014) and a mask.

    The prior is N(0, I). The decoder gives two numbers for each value: what is added to a learned average
    ``centre``, and what is added to a learned log-variance ``log_var``; floor² is added to the variance.
    ``fit`` takes what :func:`with_mask` returns; ``predict`` reconstructs, shape
    (n, steps, channels), also what was lost.
    """

    def decode(self, z):
        """Mean and variance of each value, given the latents."""
        mean, log_var = ops.split(self.decoder(z), 2, axis=-1)
        return self.centre + mean, ops.exp(self.log_var + log_var) + self.floor**2

    def terms(self, x):
        """Loss, distortion and rate of each sequence in nats, with one draw of z from the encoder."""
        z_mean, z_log_var = self.encode(x)
        mean, var = self.decode(self.draw(z_mean, z_log_var))
        values, seen = ops.split(x, 2, axis=-1)
        distortion = masked_nats(values, mean, var, seen)
        rate = gaussian_rate(z_mean, z_log_var)
        return distortion + self.beta * rate, distortion, rate


def build_conv_vae(
    shape: tuple[int, int], latent: int, widths: tuple[int, int] = (16, 32), hidden: int = 64, **options
) -> SequenceVAE:
    """Strided convolutions in, transposed convolutions out. ``shape``: (steps, channels), steps divisible by four."""
    check_steps(shape, 4)
    steps, channels = shape
    x = keras.Input((steps, 2 * channels))
    h = layers.Conv1D(widths[0], 7, strides=2, padding="same", activation="gelu")(x)
    h = layers.Conv1D(widths[1], 7, strides=2, padding="same", activation="gelu")(h)
    h = layers.Dense(hidden, activation="gelu")(layers.Flatten()(h))
    encoder = keras.Model(x, layers.Dense(2 * latent)(h))
    z = keras.Input((latent,))
    h = layers.Dense(hidden, activation="gelu")(z)
    h = layers.Dense(steps // 4 * widths[1], activation="gelu")(h)
    h = layers.Reshape((steps // 4, widths[1]))(h)
    h = layers.Conv1DTranspose(widths[0], 7, strides=2, padding="same", activation="gelu")(h)
    h = layers.Conv1DTranspose(2 * channels, 7, strides=2, padding="same")(h)
    return SequenceVAE(encoder, keras.Model(z, h), **options)


def build_lstm_vae(shape: tuple[int, int], latent: int, units: int = 64, frame: int = 5, **options) -> SequenceVAE:
    """An LSTM reads frames of the sequence and ends in the code; another gets the code at each step and writes frames.

    ``shape``: (steps, channels), the steps divisible by ``frame``.
    """
    check_steps(shape, frame)
    steps, channels = shape
    x = keras.Input((steps, 2 * channels))
    h = layers.Reshape((steps // frame, 2 * channels * frame))(x)
    encoder = keras.Model(x, layers.Dense(2 * latent)(layers.LSTM(units)(h)))
    z = keras.Input((latent,))
    h = layers.RepeatVector(steps // frame)(z)
    h = layers.LSTM(units, return_sequences=True)(h)
    h = layers.Reshape((steps, 2 * channels))(layers.Dense(2 * frame * channels)(h))
    return SequenceVAE(encoder, keras.Model(z, h), **options)


def check_steps(shape, step: int) -> None:
    """Refuse a shape other than (steps, channels), or steps that ``step`` does not divide."""
    if len(shape) != 2 or shape[0] < step or shape[0] % step:
        raise ValueError(
            f"shape: got {shape}, expected (steps, channels) with steps divisible by {step}; cut or pad the sequences"
        )


def start_from_average(model: SequenceVAE, x) -> SequenceVAE:
    """Set the average and the variances to those of the values seen in ``x``, the best model without latents.

    A step that nobody ever saw keeps the average 0 and the variance 1.
    """
    model.look(x)
    values, seen = np.split(np.asarray(x, np.float64), 2, axis=-1)
    count = np.maximum(seen.sum(axis=0), 1)
    mean = values.sum(axis=0) / count
    var = np.sum(seen * (values - mean) ** 2, axis=0) / count
    model.centre.assign(mean)
    never = seen.sum(axis=0) == 0
    model.log_var.assign(np.where(never, 0, np.log(np.maximum(var, model.floor**2 / 100))))
    return model


def encode(model: SequenceVAE, x) -> tuple[np.ndarray, np.ndarray]:
    """Mean and log-variance of each latent, both of shape (n, latent)."""
    model.look(x)
    mean, log_var = batches(model.encode, np.asarray(x, np.float32), size=1024)
    return mean, log_var


def generate(model: SequenceVAE, z) -> np.ndarray:
    """Mean sequences (n, steps, channels) for latents z of shape (n, latent)."""
    z = check_latents(z, model.latent)
    return batches(lambda part: (model.decode(part)[0],), z, size=1024)[0]


def importance_nats(model: SequenceVAE, x, draws: int = 50) -> np.ndarray:
    """An upper bound of -log p(x) for each sequence, nats, that falls towards it as ``draws`` grow (Burda et al. 2016).

    ``-log mean p(x | z) p(z) / q(z | x)`` over draws of z from the encoder; one draw gives -ELBO on average.
    """
    model.look(x)
    if draws != int(draws) or draws < 1:
        raise ValueError(f"draws: got {draws!r}, expected a whole number, at least 1; 50 is a good start")

    def weight(part):
        z_mean, z_log_var = model.encode(part)
        z = model.draw(z_mean, z_log_var)
        values, seen = ops.split(part, 2, axis=-1)
        return (log_ratio(z, z_mean, z_log_var) - masked_nats(values, *model.decode(z), seen),)

    each = [batches(weight, np.asarray(x, np.float32), size=2048)[0] for _ in range(int(draws))]
    return mean_weight_nats(np.stack(each, axis=1))
