"""Checks of notebook 32, a model of the healthy."""

from __future__ import annotations

import numpy as np

from medlib.checks import array, call, close, exercise


@exercise("32.1")
def anomaly_score(answer) -> str | None:
    """Mean of the largest absolute values of each map, smoothed within its slice."""
    from scipy.ndimage import gaussian_filter

    maps = np.random.default_rng(9).normal(size=(4, 12, 14)) * np.array([1, 2, 0.5, 1])[:, None, None]
    maps[1, 3:6, 2:5] -= 5  # a dark patch
    for width, count in ((0, 5), (1.2, 1), (0.8, 30)):
        result = call(answer, maps, width, count)
        if array(result, ()) is not None:
            return "one number came back; each slice has its own score, so leave the first axis alone"
        got = array(result, (4,))
        if got is None:
            return "expected one finite number for each slice, shape (n,)"
        smooth = gaussian_filter(maps, (0, width, width))
        if not close(got, _largest(abs(smooth), count).mean(axis=1)):
            return _score_hint(got, maps, smooth, width, count)
    return None


def _largest(values: np.ndarray, count: int) -> np.ndarray:
    return np.sort(values.reshape(len(values), -1), axis=1)[:, -count:]


def _score_hint(got: np.ndarray, maps: np.ndarray, smooth: np.ndarray, width: float, count: int) -> str:
    """What a wrong score may have done."""
    from scipy.ndimage import gaussian_filter

    mistakes = [
        ("only bright patches count there; an infarct is dark, so take absolute values", _largest(smooth, count)),
        (
            "the absolute value came before the smoothing: then noise of both signs no longer cancels",
            _largest(gaussian_filter(abs(maps), (0, width, width)), count),
        ),
        (
            "you smoothed across slices as well; the first axis counts slices, so its width is 0",
            _largest(abs(gaussian_filter(maps, width)), count),
        ),
        ("those are the smallest values; the largest are asked for", -_largest(-abs(smooth), count)),
        ("nothing was smoothed", _largest(abs(maps), count)),
        ("all values were averaged; only the `count` largest of each slice are asked for", abs(smooth).reshape(4, -1)),
    ]
    for hint, values in mistakes:
        if close(got, values.mean(axis=1)):
            return hint
    if close(got, _largest(abs(smooth), count)[:, 0]):
        return "that is the smallest of the largest values; their mean is asked for"
    if close(got, _largest(abs(smooth), count).sum(axis=1)):
        return "that is the sum of the largest values; their mean is asked for"
    return "smooth each map, take absolute values, sort each slice's, and average its `count` largest"


@exercise("32.2")
def threshold_for(answer) -> str | None:
    """The quantile 1 - alarms of the healthy scores."""
    scores = np.random.default_rng(11).exponential(size=2000)
    for alarms in (0.1, 0.03):
        got = array(call(answer, scores, alarms), ())
        if got is None:
            return "expected one finite number, a score"
        rings = float(np.mean(scores > got))
        if abs(rings - alarms) < 0.002:
            continue
        if abs(rings - (1 - alarms)) < 0.002:
            return f"{rings:.0%} of the healthy would ring: you took the lower end of the scores"
        if close(got, 1 - alarms):
            return "that is a share; the score that lies at this share is asked for"
        if abs(rings - alarms / 2) < 0.002:
            return "only half as many ring: alarms come from high scores only, there is no second tail"
        if close(got, (1 - alarms) * scores.max()):
            return "that is a share of the largest score; a share of the slices is asked for, so count them"
        if close(got, scores.mean() + scores.std()) or close(got, scores.mean() + 2 * scores.std()):
            return "mean plus deviations assumes a normal distribution; count the scores instead"
        return f"{rings:.1%} of the healthy scores lie above it, and {alarms:.0%} should: think of a quantile"
    return None


@exercise("32.3")
def predictive_value(answer) -> str | None:
    """pi S / (pi S + (1 - pi) alpha), for one prevalence and for many."""
    for found, alarms, ill in ((0.8, 0.1, 0.25), (0.6, 0.03, 0.01), (0.9, 0.2, np.array([0.02, 0.3, 0.5]))):
        many = np.ndim(ill) > 0
        got = array(call(answer, found, alarms, ill), np.shape(ill))
        if got is None and many:
            return "right for one prevalence; an array of prevalences should give as many values, so compute with it"
        if got is None:
            return "expected one finite number between 0 and 1"
        rings = ill * found + (1 - ill) * alarms
        if close(got, ill * found / rings):
            continue
        mistakes = {
            "the prevalence does not show: the healthy are 1 − π of all, the ill π": found / (found + alarms),
            "that is the share of all patients for whom the alarm rings; how many of these are ill?": rings,
            "that is the share of all who are ill and ring; divide by all who ring": ill * found,
            "alarms is the share of the healthy that ring, not the specificity": (
                ill * found / (ill * found + (1 - ill) * (1 - alarms))
            ),
            "the weights are swapped: π belongs to the ill, 1 − π to the healthy": (
                (1 - ill) * found / ((1 - ill) * found + ill * alarms)
            ),
            "the healthy in the denominator need their share of the patients, 1 − π": ill
            * found
            / (ill * found + alarms),
            "that is the share of false alarms among all alarms: one minus what is asked": (1 - ill) * alarms / rings,
        }
        for hint, value in mistakes.items():
            if close(got, np.broadcast_to(value, np.shape(ill))):
                return hint
        return "among 1,000 patients, how many are ill and ring, and how many are healthy and ring? Then (32.6)"
    return None
