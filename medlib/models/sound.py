"""Sound: spectrograms, CTC's forward algorithm and loss, a network that writes down what it hears, and its rival.

CTC is Graves et al. (2006), *Connectionist temporal classification*: a network that was never told when each symbol
sounds learns to write them in their order. Symbol 0 is the blank.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from medlib.models.inputs import check_finite
from medlib.models.sequence import SequenceNetwork, pooled_head

# --------------------------------------------------------------------------------------------------- spectrograms


def spectrogram(x: np.ndarray, window: int = 64, hop: int = 20) -> np.ndarray:
    """Power (..., frames, window // 2 + 1) of pieces of ``window`` samples, ``hop`` apart, under Hann's window.

    The frame number m is centred on sample ``m · hop + window / 2``; signals (..., samples).
    """
    n = np.arange(window)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * n / window)
    starts = np.arange(0, x.shape[-1] - window + 1, hop)
    pieces = x[..., starts[:, None] + n] * hann
    return abs(np.fft.rfft(pieces)) ** 2


def loudness(x: np.ndarray, window: int = 64, hop: int = 20) -> np.ndarray:
    """The spectrogram in decibels over the median of each signal (n, samples), float32 (n, frames, frequencies).

    Raises
    ------
    ValueError
        Signals that are not (n, samples) with at least one window of samples, or not finite.
    """
    x = np.asarray(x, float)
    if x.ndim != 2 or x.shape[1] < window:
        raise ValueError(f"x: got shape {x.shape}, expected (n, samples) with at least {window} samples, one window")
    check_finite(x, "x")
    decibels = 10 * np.log10(spectrogram(x, window, hop) + 1e-7)
    return (decibels - np.median(decibels, axis=(1, 2), keepdims=True)).astype("float32")


# --------------------------------------------------------------------------------------------------- CTC


def log_likelihood(probs: np.ndarray, label: Sequence[int]) -> float:
    """ln p(label) from the probabilities (frames, symbols) of each frame; symbol 0 is the blank.

    The forward algorithm of Graves et al. (2006), rescaled at every frame. Minus infinity, with numpy's warning of a
    logarithm of 0, when there are fewer frames than the label needs.
    """
    states = np.zeros(2 * len(label) + 1, int)
    states[1::2] = label
    two_back = np.append([0, 0], states)[: len(states)]
    skip = (states != 0) & (states != two_back)
    alpha, total = np.eye(len(states))[0], 0.0
    for p in probs:
        before = np.append([0.0, 0.0], alpha)
        alpha = (alpha + before[1:-1] + skip * before[:-2]) * p[states]
        total = total + np.log(alpha.sum())
        alpha = alpha / alpha.sum()
    return total + np.log(alpha[-2:].sum())


def ctc_loss(labels, logits):
    """-ln p(label) of each row, for ``compile``: labels (n, longest) padded with 0, logits (n, frames, symbols)."""
    sparse = tf.sparse.from_dense(tf.cast(labels, tf.int32))
    frames = tf.fill([tf.shape(logits)[0]], tf.shape(logits)[1])
    by_time = tf.transpose(logits, [1, 0, 2])
    return tf.nn.ctc_loss(sparse, by_time, None, frames, blank_index=0)


def best_path(probs: np.ndarray) -> list[int]:
    """Greedy decoding: the likeliest symbol of each frame (frames, symbols), runs merged, blanks dropped."""
    path = probs.argmax(axis=1)
    return [int(k) for k, last in zip(path, np.append(0, path[:-1]), strict=True) if k != last and k != 0]


def beam_search(probs: np.ndarray, width: int = 8) -> list[int]:
    """The likeliest label among the ``width`` best prefixes of each frame, every path of a prefix counted.

    Graves and Jaitly (2014), without a language model. Probabilities (frames, symbols), the blank first.
    """
    beams = {(): (0.0, -np.inf)}  # prefix -> ln p of its paths that end in a blank, and in its last symbol
    with np.errstate(divide="ignore"):
        logs = np.log(probs)
    for row in logs:
        new: dict[tuple, tuple] = {}

        def add(prefix, blank=-np.inf, symbol=-np.inf, new=new):
            old = new.get(prefix, (-np.inf, -np.inf))
            new[prefix] = np.logaddexp(old[0], blank), np.logaddexp(old[1], symbol)

        for prefix, (blank, symbol) in beams.items():
            both = np.logaddexp(blank, symbol)
            add(prefix, blank=both + row[0])
            if prefix:
                add(prefix, symbol=symbol + row[prefix[-1]])
            for k in range(1, len(row)):
                repeated = prefix and k == prefix[-1]
                add((*prefix, k), symbol=(blank if repeated else both) + row[k])
        order = sorted(new, key=lambda prefix: -np.logaddexp(*new[prefix]))
        beams = {prefix: new[prefix] for prefix in order[:width]}
    return list(max(beams, key=lambda prefix: np.logaddexp(*beams[prefix])))


# --------------------------------------------------------------------------------------------------- a listener


def build_listener(
    shape: tuple[int, int], symbols: int, width: int = 48, units: int = 32, stride: int = 4, pooled: bool = False
) -> SequenceNetwork:
    """A network that answers at each step with a logit for every symbol, the blank included.

    A convolution makes one step of ``stride`` frames, two more look at their neighbours, and a recurrent layer reads
    forwards and backwards (gated recurrent units: Cho et al. 2014). In training a little noise is added to the input,
    which should have a standard deviation of about 1.

    Parameters
    ----------
    shape
        (frames, frequencies) of one spectrogram.
    symbols
        How many, the blank included; of classes when ``pooled``.
    pooled
        True: one answer a recording, logits (n, symbols) from the mean and maximum of the same layers over time.

    Raises
    ------
    ValueError
        A shape that is not (frames, frequencies), or fewer than two symbols.
    """
    if len(shape) != 2 or shape[0] < stride:
        raise ValueError(
            f"shape: got {shape}, expected (frames, frequencies), e.g. (197, 33), of {stride} frames or more"
        )
    if symbols < 2:
        raise ValueError(f"symbols: got {symbols}, expected at least 2, the blank and one more")
    frames = keras.Input(shape)
    h = layers.GaussianNoise(0.3)(frames)
    for kernel, step in ((2 * stride - 1, stride), (3, 1), (3, 1)):
        h = layers.Conv1D(width, kernel, strides=step, padding="same", use_bias=False)(h)
        h = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(h))
    h = layers.Bidirectional(layers.GRU(units, return_sequences=True))(h)
    return SequenceNetwork(frames, pooled_head(h, symbols, 0.2) if pooled else layers.Dense(symbols)(h))


# --------------------------------------------------------------------------------------------------- the rival: peaks

#: Edges (Hz) of the bands that :func:`peak_measures` looks at.
BANDS = (20, 50, 90, 150, 220, 320, 450)


def sound_peaks(x: np.ndarray, rate: float, height: float = 0.2) -> list[np.ndarray]:
    """Where the low sounds (25 to 120 Hz) of each signal (n, samples) are loudest, as sample numbers.

    Peaks of their mean power over 0.04 s, at least 0.1 s apart, and above a share ``height`` of the signal's loud ones.
    """
    return [
        _tops(row, height * np.quantile(row, 0.97), rate)
        for row in _envelope(np.atleast_2d(np.asarray(x, float)), rate)
    ]


def _tops(row: np.ndarray, level: float, rate: float) -> np.ndarray:
    from scipy.signal import find_peaks

    return find_peaks(row, height=level, distance=max(int(0.1 * rate), 1))[0]


def _envelope(x: np.ndarray, rate: float) -> np.ndarray:
    from scipy.ndimage import uniform_filter1d
    from scipy.signal import butter, sosfiltfilt

    low = sosfiltfilt(butter(2, [25, 120], "bandpass", fs=rate, output="sos"), x, axis=1)
    return np.sqrt(uniform_filter1d(low**2, int(0.04 * rate), axis=1))


def peak_measures(x: np.ndarray, peaks: Sequence[np.ndarray], rate: float, window: int = 64, hop: int = 20):
    """What surrounds each peak, one array (peaks, measures) a signal: a template to match, and distances.

    The mean loudness in six bands at 16 moments from 0.3 s before to 0.3 s after the peak; the distances to the two
    peaks before and after, s; its height over the average one, and over its two neighbours.
    """
    frequency = np.fft.rfftfreq(window, 1 / rate)
    bands = [(frequency >= low) & (frequency < high) for low, high in zip(BANDS, BANDS[1:], strict=False)]
    each = loudness(x, window, hop)
    by_band = np.stack([each[..., band].mean(axis=-1) for band in bands], axis=-1)
    reach = int(0.3 * rate / hop)
    wide = np.pad(by_band, ((0, 0), (reach, reach), (0, 0)))
    moments = np.rint(np.linspace(-reach, reach, 16)).astype(int) + reach
    found = []
    for row, places, envelope in zip(wide, peaks, _envelope(np.asarray(x, float), rate), strict=True):
        frame = np.clip(np.rint((places - window / 2) / hop).astype(int), 0, by_band.shape[1] - 1)
        template = row[frame[:, None] + moments].reshape(len(places), len(moments) * len(bands))
        gaps = np.diff(np.concatenate([[-0.8 * rate] * 2, places, [x.shape[1] + 0.8 * rate] * 2])) / rate
        gaps = np.clip(gaps, 0, 1)
        around = [gaps[k : k + len(places)] for k in range(4)]
        high = np.pad(np.log(envelope[places] + 1e-4), 1, mode="edge") if len(places) else np.zeros(2)
        middle = high[1:-1]
        heights = [middle - (middle.mean() if len(places) else 0), high[:-2] - middle, high[2:] - middle]
        found.append(np.column_stack([*around, around[1] - around[2], *heights, template]))
    return found


def likeliest_states(start: np.ndarray, step: np.ndarray, seen: np.ndarray) -> list[int]:
    """The likeliest sequence of hidden states: the algorithm of Viterbi (1967).

    Parameters
    ----------
    start, step
        ln probability of each state at the first moment, (states,), and of the state of each column after that of each
        row, (states, states).
    seen
        ln probability of what is seen at each moment under each state, (moments, states); at least one moment. A
        constant a moment changes nothing.
    """
    best, pointers = start + seen[0], []
    for row in seen[1:]:
        arriving = best[:, None] + step
        pointers.append(arriving.argmax(axis=0))
        best = arriving.max(axis=0) + row
    states = [int(best.argmax())]
    for back in reversed(pointers):
        states.append(int(back[states[-1]]))
    return states[::-1]
