"""What reads a sequence: an LSTM gate by gate, networks and their simple rivals for signals, and the Kalman filter.

A signal of one lead is an array (n, samples); what networks take is (n, samples, channels).
"""

from __future__ import annotations

from itertools import combinations

import keras
import numpy as np
from keras import layers

from medlib.models.base import Checked, register
from medlib.models.inputs import check_finite, check_targets
from medlib.models.scratch import sigmoid

# --------------------------------------------------------------------------------------------------- gate by gate


def lstm_step(x, h, c, W, U, b):
    """One step of an LSTM, gates in Keras's order: the new output and the new cell."""
    i, f, g, o = np.split(x @ W + h @ U + b, 4, axis=-1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def lstm(x: np.ndarray, W: np.ndarray, U: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The outputs (n, steps, units) of an LSTM for sequences (n, steps, channels), from h = c = 0.

    Parameters
    ----------
    W, U, b
        (channels, 4 units), (units, 4 units) and (4 units,): a Keras layer's ``get_weights()``, its gates in the order
        input, forget, candidate, output (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000).
    """
    h = c = np.zeros((len(x), len(U)))
    outputs = []
    for step in range(x.shape[1]):
        h, c = lstm_step(x[:, step], h, c, W, U, b)
        outputs.append(h)
    return np.stack(outputs, axis=1)


# --------------------------------------------------------------------------------------------------- networks


@register
class SequenceNetwork(Checked, keras.Model):
    """``keras.Model(inputs, outputs)`` for sequences, which refuses sequences and labels that it cannot learn from."""

    def check(self, x, y=None, name="x"):
        """Sequences of the right shape without missing values; labels that fit the loss."""
        x = check_sequences(x, self.input_shape[1:], name)
        if y is not None and self.compiled:
            check_targets(self, y, len(x))

    def check_asked(self, x):
        """Sequences of the right shape without missing values."""
        check_sequences(x, self.input_shape[1:])


def check_sequences(x, shape: tuple[int | None, int], name: str = "x") -> np.ndarray:
    """The sequences as float32 (n, steps, channels), or a ValueError that says what is wrong."""
    try:
        x = np.asarray(x, np.float32)
    except (TypeError, ValueError):
        raise ValueError(f"{name}: got {type(x).__name__}, expected an array of sequences; cut to one length") from None
    steps, channels = shape
    want = f"(n, {steps or 'any number of steps'}, {channels})"
    if x.ndim != 3 or x.shape[2] != channels or steps not in (None, x.shape[1]):
        remedy = "cut or resample the sequences"
        if x.ndim == 2 and channels == 1 and steps in (None, x.shape[1]):
            remedy = "one channel needs a last axis, x[..., None]"
        elif x.ndim == 2 and x.shape == (steps or len(x), channels):
            remedy = "a first axis for one sequence is x[None]"
        elif x.ndim == 3 and x.shape[2] != channels:
            remedy = f"build the network for {x.shape[2]} channel(s)"
        raise ValueError(f"{name}: got shape {x.shape}, expected {want}; {remedy}")
    if not len(x):
        raise ValueError(f"{name}: got no sequences, expected at least one; look at the rows that were selected")
    check_finite(x, name)
    return x


def receptive_field(kernel: int, dilations, stride: int = 1, first: int = 1) -> int:
    """How many samples back one output sees: kernels of the given dilations behind a first one with a stride.

    ``first + stride · (kernel - 1) · Σ dilations``; see van den Oord et al. (2016) for the doubling dilations.
    """
    return first + stride * (kernel - 1) * int(np.sum(dilations))


def build_dilated(
    shape: tuple[int, int],
    classes: int,
    width: int = 24,
    blocks: int = 6,
    stride: int = 4,
    dropout: float = 0.2,
    pooled: bool = True,
) -> SequenceNetwork:
    """A causal convolutional network with dilations 1, 2, 4 ... that returns logits.

    A first convolution (kernel ``2 · stride``) makes one frame of ``stride`` samples; each block adds a convolution of
    three frames, its dilation twice the last one's, to what came in (van den Oord et al. 2016; Bai et al. 2018). Mean
    and maximum over time, dropout and a dense layer follow.

    Parameters
    ----------
    shape
        (samples, channels) of one sequence.
    classes
        Number of logits; 1 for a yes/no question.
    pooled
        True: one answer a sequence. False: one a frame, logits (n, frames, classes), without pooling and dropout.

    Raises
    ------
    ValueError
        If the shape is not (samples, channels), or too short for one frame; from ``fit`` and ``predict``, if sequences
        have another shape or missing values, or labels do not fit the loss.
    """
    _check_shape(shape, stride)
    signal = keras.Input(shape)
    h = layers.Conv1D(width, 2 * stride, strides=stride, padding="causal", use_bias=False)(signal)
    h = layers.ReLU()(layers.BatchNormalization(momentum=0.95)(h))
    for block in range(blocks):
        new = layers.Conv1D(width, 3, dilation_rate=2**block, padding="causal", use_bias=False)(h)
        h = h + layers.ReLU()(layers.BatchNormalization(momentum=0.95)(new))
    return SequenceNetwork(signal, pooled_head(h, classes, dropout) if pooled else layers.Dense(classes)(h))


def build_lstm(
    shape: tuple[int, int], classes: int, units: int = 32, frame: int = 10, dropout: float = 0.2
) -> SequenceNetwork:
    """An LSTM that reads a signal frame by frame and returns logits, with the head of :func:`build_dilated`.

    Parameters
    ----------
    shape
        (samples, channels) of one sequence; what is left over behind the last whole frame is not read.
    frame
        Samples a step.

    Raises
    ------
    ValueError
        As :func:`build_dilated`.
    """
    _check_shape(shape, frame)
    steps = shape[0] // frame
    signal = keras.Input(shape)
    h = layers.Cropping1D((0, shape[0] - steps * frame))(signal)
    h = layers.Reshape((steps, frame * shape[1]))(h)
    h = layers.LSTM(units, return_sequences=True)(h)
    return SequenceNetwork(signal, pooled_head(h, classes, dropout))


def pooled_head(h, classes: int, dropout: float):
    """Logits (n, classes) of a sequence: mean and maximum of h (n, steps, width) over time, and a dense layer."""
    both = layers.Concatenate()([layers.GlobalAveragePooling1D()(h), layers.GlobalMaxPooling1D()(h)])
    return layers.Dense(classes)(layers.Dropout(dropout)(both))


def _check_shape(shape, least: int) -> None:
    if len(shape) != 2:
        raise ValueError(f"shape: got {shape}, expected (samples, channels); for one lead of 1,000 samples (1000, 1)")
    if shape[0] < least:
        raise ValueError(f"shape: got {shape}, expected at least {least} samples; take longer strips or shorter frames")


# --------------------------------------------------------------------------------------------------- simple rivals


def r_peaks(x: np.ndarray, rate: float) -> list[np.ndarray]:
    """The R peaks of each signal (n, samples), as sample numbers: the steps of Pan and Tompkins (1985).

    Band pass from 5 to 20 Hz, slope, square, mean over 0.12 s; peaks of that at least 0.25 s apart and above a quarter
    of the signal's high ones, each moved to the highest excursion nearby (:func:`sharpened`).
    """
    from scipy.ndimage import uniform_filter1d
    from scipy.signal import find_peaks

    energy = uniform_filter1d(np.gradient(_band(x, rate), axis=1) ** 2, int(0.12 * rate), axis=1)
    found = []
    for power in energy:
        tops, _ = find_peaks(power, distance=int(0.25 * rate))
        high = np.quantile(power[tops], 0.85) if len(tops) else 0
        found.append(tops[power[tops] > high / 4])
    return sharpened(x, found, rate)


def sharpened(x: np.ndarray, peaks, rate: float, within: float = 0.08) -> list[np.ndarray]:
    """Peaks (sample numbers, one array a signal), each moved to the highest point of the band-passed signal nearby.

    ``within`` says how near, in s. What falls together is one peak.
    """
    near, moved = int(within * rate), []
    for signal, places in zip(_band(x, rate), peaks, strict=True):
        tops = [max(p - near, 0) + int(np.argmax(signal[max(p - near, 0) : p + near + 1])) for p in places]
        moved.append(np.unique(tops).astype(int))
    return moved


def _band(x: np.ndarray, rate: float) -> np.ndarray:
    """The signals (n, samples) between 5 and 20 Hz, where QRS is strongest."""
    from scipy.signal import butter, sosfiltfilt

    x = np.atleast_2d(np.asarray(x, float))
    return sosfiltfilt(butter(2, [5, 20], "bandpass", fs=rate, output="sos"), x, axis=1)


#: What :func:`rhythm_features` returns, column by column.
FEATURES = (
    "rate", "RR variation", "RR jumps", "longest RR", "shortest RR", "P height", "P steadiness", "PR variation",
    "QRS width", "widest QRS", "oddest beat", "P in the pause",
)  # fmt: skip


def rhythm_features(x: np.ndarray, rate: float, peaks=None) -> np.ndarray:
    """What a cardiologist would measure on each strip (n, samples): one row of :data:`FEATURES` each.

    The heart's rate and three measures of irregularity; height, steadiness and timing of the wave before QRS; widths of
    QRS; the beat least like the others; a P wave in the longest pause. A strip with fewer than four R peaks gets zeros
    for what cannot be measured. ``peaks`` are the R peaks of each strip; those of :func:`r_peaks` by default.
    """
    from scipy.ndimage import uniform_filter1d

    x = np.asarray(x, float)
    flat = x - uniform_filter1d(x, int(0.8 * rate), axis=1)
    peaks = r_peaks(x, rate) if peaks is None else peaks
    return np.array([_features(signal, np.asarray(found), rate) for signal, found in zip(flat, peaks, strict=True)])


def _features(signal: np.ndarray, peaks: np.ndarray, rate: float) -> np.ndarray:
    before, after = int(0.26 * rate), int(0.4 * rate)
    peaks = peaks[(peaks >= before) & (peaks < len(signal) - after)]
    row = np.zeros(len(FEATURES))
    if len(peaks) < 4:
        return row
    rr = np.diff(peaks) / rate
    typical = np.median(rr)
    row[:5] = 60 / rr.mean(), rr.std() / rr.mean(), np.sqrt(np.mean(np.diff(rr) ** 2)) / rr.mean(), rr.max(), rr.min()
    row[3:5] /= typical
    beats = np.array([signal[p - before : p + after] for p in peaks])
    usual = np.median(beats, axis=0)
    p_waves, p_usual = beats[:, : before - int(0.06 * rate)], usual[: before - int(0.06 * rate)]
    row[5] = p_usual.max() - np.quantile(p_usual, 0.25)
    shape = p_usual - p_usual.mean()
    like = (p_waves - p_waves.mean(axis=1, keepdims=True)) @ shape
    row[6] = np.median(like) / (np.linalg.norm(shape) * np.median(np.linalg.norm(p_waves, axis=1)) + 1e-9)
    row[7] = np.std(p_waves.argmax(axis=1)) / rate
    qrs = abs(beats[:, before - int(0.1 * rate) : before + int(0.1 * rate)])
    width = qrs.sum(axis=1) / (qrs.max(axis=1) + 1e-9) / rate
    row[8:10] = np.median(width), width.max() / np.median(width)
    core = beats[:, before - int(0.1 * rate) :]
    row[10] = np.corrcoef(np.vstack([np.median(core, axis=0), core]))[0, 1:].min()
    longest = int(np.argmax(rr))
    pause = signal[peaks[longest] + int(0.5 * rate) : peaks[longest + 1] - int(0.25 * rate)]
    if len(pause) > len(shape):
        match = np.correlate(pause - pause.mean(), shape, "valid") / (shape @ shape + 1e-9)
        row[11] = match.max()
    return row


class RandomConvolutions:
    """MiniRocket's idea (Dempster et al. 2021): 84 fixed kernels of nine samples, many dilations, shares of positives.

    Each kernel has six weights -1 and three 2. A feature is the share of the signal in which the convolution exceeds a
    threshold; thresholds are quantiles of the convolution on training signals.
    """

    kernels = list(combinations(range(9), 3))

    def __init__(self, dilations=(1, 2, 4, 8, 16, 32), thresholds: int = 3):
        self.dilations, self.thresholds = tuple(dilations), thresholds

    def _convolved(self, x: np.ndarray):
        """Each kernel's convolution (n, samples - 8 dilation), one after the other."""
        for dilation in self.dilations:
            length = x.shape[1] - 8 * dilation
            taps = [x[:, k * dilation : k * dilation + length] for k in range(9)]
            total = np.sum(taps, axis=0)
            for a, b, c in self.kernels:
                yield 3 * (taps[a] + taps[b] + taps[c]) - total

    def fit(self, x: np.ndarray) -> RandomConvolutions:
        """Take the thresholds from training signals (n, samples); longer than 8 times the widest dilation."""
        x = np.asarray(x, np.float32)
        least = 8 * max(self.dilations) + 1
        if x.ndim != 2 or not len(x) or x.shape[1] < least:
            raise ValueError(f"x: got shape {x.shape}, expected (n, samples) with at least {least} samples")
        levels = (np.arange(self.thresholds) + 0.5) / self.thresholds
        some = x[:: max(1, len(x) // 32)]
        self.bias_ = np.array([np.quantile(values, levels) for values in self._convolved(some)], np.float32)
        return self

    def transform(self, x: np.ndarray) -> np.ndarray:
        """The features (n, kernels · dilations · thresholds) of signals (n, samples)."""
        x = np.asarray(x, np.float32)
        columns = []
        for values, biases in zip(self._convolved(x), self.bias_, strict=True):
            columns += [(values > bias).mean(axis=1) for bias in biases]
        return np.stack(columns, axis=1)


# --------------------------------------------------------------------------------------------------- the exact forecast


def forecast(y, A, Q, R: float, S, seen=None) -> tuple[np.ndarray, np.ndarray]:
    """The best forecast of each measurement from those before it, by the Kalman filter (Kalman 1960).

    A hidden state moves as ``s' = A s + noise(Q)``; its first entry is measured with an error of variance R. For
    Gaussian noise no method has a smaller mean squared error.

    Parameters
    ----------
    y
        Measurements (patients, visits).
    A, Q
        Transition and covariance of its noise, (k, k).
    R
        Variance of the error of measurement.
    S
        Covariance (k, k) of the first state, whose mean is 0.
    seen
        Which measurements were made, True and False (patients, visits); all of them by default.

    Returns
    -------
    tuple
        Means and variances (patients, visits) of each measurement, given those seen before it.

    Raises
    ------
    ValueError
        Shapes that do not fit, or a measurement that is used and not finite.
    """
    y = np.asarray(y, float)
    A, Q, S = (np.atleast_2d(np.asarray(matrix, float)) for matrix in (A, Q, S))
    seen = np.ones(y.shape, bool) if seen is None else np.asarray(seen, bool)
    if y.ndim != 2 or seen.shape != y.shape:
        raise ValueError(f"y, seen: got shapes {y.shape} and {seen.shape}, expected (patients, visits) twice")
    if not A.shape == Q.shape == S.shape == (len(A), len(A)):
        raise ValueError(f"A, Q, S: got shapes {A.shape}, {Q.shape}, {S.shape}, expected one square shape (k, k)")
    check_finite(y[seen], "y")
    m, P = np.zeros((len(y), len(A))), np.repeat(S[None], len(y), axis=0)
    means, variances = [], []
    for value, there in zip(np.where(seen, y, 0).T, seen.T, strict=True):
        mean, variance = m[:, 0], P[:, 0, 0] + R
        means.append(mean)
        variances.append(variance)
        gain = P[:, :, 0] / variance[:, None] * there[:, None]
        m = m + gain * (value - mean)[:, None]
        P = P - gain[:, :, None] * P[:, None, 0]
        m, P = m @ A.T, A @ P @ A.T + Q
    return np.stack(means, axis=1), np.stack(variances, axis=1)
