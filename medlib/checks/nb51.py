"""Checks of notebook 51, effects of a treatment."""

from __future__ import annotations

import numpy as np

from medlib.checks import array, call, close, exercise, number


def _study(seed: int, n: int = 40):
    """Outcome, treatment, propensity, and the outcomes that two models expect."""
    rng = np.random.default_rng(seed)
    e = rng.uniform(0.15, 0.7, n)
    t = (rng.random(n) < e).astype(float)
    return rng.normal(120, 10, n), t, e, rng.normal(118, 5, n), rng.normal(125, 5, n)


@exercise("51.1")
def ipw(answer) -> str | None:
    """The difference of two weighted means."""
    for seed in (0, 1):
        y, t, e, *_ = _study(seed)
        got = number(call(answer, y, t, e))
        arms = [np.average(y, weights=t / e), np.average(y, weights=(1 - t) / (1 - e))]
        right = arms[0] - arms[1]
        if got is None:
            return "return one number"
        if close(got, right):
            continue
        if close(got, -right):
            return "with treatment first, then without"
        if close(got, np.mean(t * y / e - (1 - t) * y / (1 - e))):
            return "those are the means of (51.3) as they stand; divide each by the sum of its own weights"
        if close(got, y[t == 1].mean() - y[t == 0].mean()):
            return "that is the plain difference: where are the weights?"
        if close(got, np.average(y, weights=t * e) - np.average(y, weights=(1 - t) * (1 - e))):
            return "the weights are upside down: who was unlikely counts more"
        if close(got, arms[0] - np.average(y, weights=(1 - t) / e)):
            return "the chance of going untreated is 1 - e"
        if close(got, np.average(y, weights=1 / e) - np.average(y, weights=1 / (1 - e))):
            return "each mean is over one arm: t and 1 - t switch the other one off"
        return "the first mean has the weights t / e; what are those of the second?"
    return None


@exercise("51.2")
def aipw(answer) -> str | None:
    """Equation (51.4), first part minus second."""
    for seed in (2, 3):
        y, t, e, m0, m1 = _study(seed)
        got = array(call(answer, y, t, e, m0, m1), y.shape)
        with_it, without = t * (y - m1) / e, (1 - t) * (y - m0) / (1 - e)
        right = m1 - m0 + with_it - without
        if got is None:
            return "return one number for each person, an array as long as y; the mean is taken later"
        if _same(got, right):
            continue
        if _same(got, -right):
            return "with treatment first, then without"
        if _same(got, m1 - m0):
            return "that is the prediction; the correction by the errors that are seen is missing"
        if _same(got, m1 - m0 + with_it + without):
            return "mind the signs: the whole of ψ₀ is subtracted, its correction too"
        if _same(got, m1 - m0 - with_it + without):
            return "an error is what was seen minus what was predicted, y - m"
        if _same(got, m1 - m0 + t * (y - m1) * e - (1 - t) * (y - m0) * (1 - e)):
            return "divide by the chance, do not multiply"
        if _same(got, m1 - m0 + with_it - (1 - t) * (y - m0) / e):
            return "the chance of going untreated is 1 - e"
        if _same(got, t * y / e - (1 - t) * y / (1 - e)):
            return "that is weighting alone, without m0 and m1"
        return "write ψ₁ and ψ₀ of (51.4) in a line each, and subtract"
    return None


@exercise("51.3")
def e_value(answer) -> str | None:
    """Equation (51.12), for ratios on both sides of 1."""
    for ratio in (2.5, 1.2, 1.0):
        hint = _e_value_hint(call(answer, ratio), ratio)
        if hint:
            return hint
    for ratio in (0.5, 0.8):
        got = number(call(answer, ratio))
        if got is None or not close(got, _e_value(1 / ratio)):
            return f"a ratio of {ratio} protects: take its inverse first, and the E-value is that of {1 / ratio:g}"
    return None


def _e_value(ratio: float) -> float:
    return ratio + np.sqrt(ratio * (ratio - 1))


def _e_value_hint(result, ratio: float) -> str | None:
    got = number(result)
    if got is None:
        return "return one number"
    if close(got, _e_value(ratio)):
        return None
    if close(got, ratio + ratio * (ratio - 1)):
        return "the root is missing"
    if close(got, ratio + np.sqrt(ratio - 1)):
        return "under the root stands a product: RR times (RR - 1)"
    if close(got, np.sqrt(ratio * (ratio - 1))):
        return "the ratio itself stands in front of the root, too"
    return "take (51.12) as it stands"


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return bool(np.all(np.abs(a - b) <= 5e-3 * np.maximum(np.abs(b), 1)))
