"""Checks of notebook 12, gradient descent."""

from __future__ import annotations

import numpy as np

from medlib.checks import Hint, array, call, close, exercise, number, parts


@exercise("12.1")
def plan(answer) -> str | None:
    """(2 / L, 2 / (L + mu), the number of steps whose factor is at most the share that may be left)."""
    for curvatures, left in (([0.5, 4, 25], 1e-6), ([9, 2, 3, 5], 1e-3)):
        values = parts(call(answer, list(curvatures), left), 3)
        values = None if values is None else array(values, (3,))
        if values is None:
            return "return three numbers: the border, the best step, and a number of steps"
        border, best, count = values
        high, low = max(curvatures), min(curvatures)
        if not close(border, 2 / high):
            if close(border, 2 / low):
                return "the border belongs to the flattest direction here; which leaves the range first as α grows?"
            if close(border, 1 / high):
                return "at this step the steepest direction arrives at once; it may be overshot a little further still"
            if close(border, 2 / curvatures[-1]) or close(border, 2 / curvatures[0]):
                return "the curvatures come in any order: which one does (12.3) ask for?"
            return "the border: which one of the curvatures does (12.3) ask for?"
        if not close(best, 2 / (high + low)):
            return "the best step: which two of the curvatures stand in (12.4), and which play no part?"
        if count != round(count):
            return "the number of steps is whole: round up"
        exact = np.log(left) / np.log((high - low) / (high + low))
        if count == np.ceil(exact):
            continue
        if count == np.floor(exact):
            return f"after {count:.0f} steps a little more than {left:g} may be left; round up"
        if abs(count - 2 * exact) <= 2:
            return "that is twice as many as needed: must the distance fall to this share, or its square?"
        return "the steps: what does one step leave of the distance, what do two leave, and how many leave that share?"
    return None


@exercise("12.2")
def schedule(answer) -> str | None:
    """peak * t / warmup, then half a cosine from the peak to 0."""
    for peak, total, warmup in ((0.6, 110, 10), (2.0, 37, 5)):
        times = np.arange(1, total + 1)
        got = np.array([_one(call(answer, int(t), peak, total, warmup), int(t)) for t in times])
        rising = peak * times / warmup
        falling = peak / 2 * (1 + np.cos(np.pi * (times - warmup) / (total - warmup)))
        up = times <= warmup
        right = np.where(up, rising, falling)
        if close(got, right):
            continue
        if close(got[up], peak * (times[up] - 1) / warmup):
            return "the first step would have size 0: t counts from 1"
        if close(got[up], np.full(warmup, peak)):
            return "there is no warm-up yet: the step size should rise in a straight line at first"
        if not close(got[up], rising[up]):
            return "the rise: how large is the step half way through the warm-up?"
        if close(got[~up], peak / 2 * (1 + np.cos(np.pi * times[~up] / total))):
            return "the cosine should begin where the warm-up ends: what is its angle at t = w, and what at t = T?"
        if close(got[~up], 2 * falling[~up]):
            return "after the warm-up the step jumps to twice the peak: where is the half?"
        if close(got[~up], peak - falling[~up]):
            return "after the warm-up it rises once more: look at the sign in front of the cosine"
        if close(got[~up], peak * (total - times[~up]) / (total - warmup)):
            return "that falls along a straight line; (12.8) asks for half a cosine"
        return "the rise is right, the fall is not yet: it should be the peak at t = w and 0 at t = T"
    return None


def _one(result, t: int) -> float:
    value = number(result)
    if value is None:
        raise Hint(f"return one step size; at t = {t} it was {type(result).__name__}")
    return value


@exercise("12.3")
def adamw(answer) -> str | None:
    """Adam's step, minus alpha * decay * the old theta."""
    rng = np.random.default_rng(4)
    gradients = rng.normal(size=(12, 3)) * np.geomspace(3, 0.03, 12)[:, None]
    start, options = np.array([2.0, -1.0, 0.5]), {"alpha": 0.1, "decay": 0.7}
    theta, memory = start, (0, 0, 0)
    for g in gradients:
        result = parts(call(answer, theta, g, memory, **options), 2)
        if result is None:
            return "return two things: the new θ, and the memory"
        theta, memory = array(result[0], (3,)), parts(result[1], 3)
        if theta is None:
            return "θ must keep its shape"
        memory = memory and tuple(number(part) if np.size(part) == 1 else array(part, (3,)) for part in memory)
        if memory is None or any(part is None for part in memory):
            return "the memory must be a tuple of three: m, v, t"
    expected = {kind: _family(gradients, start, kind=kind, **options) for kind in _HINTS}
    if close(theta, _family(gradients, start, kind="right", **options), 1e-4):
        return None
    for kind, hint in _HINTS.items():
        if close(theta, expected[kind], 1e-4):
            return hint
    return "not yet AdamW: take Adam's step, and subtract what the last term of (12.10) says; is all else as it was?"


_HINTS = {
    "adam": "this is Adam: where does θ shrink by itself?",
    "in the gradient": "the pull went through the gradient, so √v divides it: (12.10) shrinks θ directly",
    "without alpha": "the shrinking is too strong: by which two numbers is θ multiplied in (12.10)?",
    "after the step": "nearly: it is the θ of before the step that is shrunk, θ_t in (12.10)",
    "growing": "θ grows instead of shrinking: look at the sign of the last term",
}


def _family(gradients, start, alpha, decay, kind, beta1=0.9, beta2=0.999, eps=1e-8):
    theta, m, v = start, 0.0, 0.0
    for t, g in enumerate(gradients, 1):
        g = g + decay * theta if kind == "in the gradient" else g
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
        moved = theta - alpha * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
        pull = {
            "right": alpha * decay * theta,
            "without alpha": decay * theta,
            "after the step": alpha * decay * moved,
            "growing": -alpha * decay * theta,
        }
        theta = moved - pull.get(kind, 0)
    return theta
