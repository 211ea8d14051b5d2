"""Right answers to the exercises of notebook 12; typical wrong ones, and a phrase of the hint that each must get."""

import numpy as np


def _plan(border=max, low=min, round_=np.ceil, times=1):
    def answer(curvatures, left):
        high, flat = max(curvatures), low(curvatures)
        steps = times * np.log(left) / np.log((high - min(curvatures)) / (high + min(curvatures)))
        return 2 / border(curvatures), 2 / (high + flat), round_(steps)

    return answer


def _schedule(rise, fall):
    def answer(t, peak, total, warmup):
        angle = np.pi * (t - warmup) / (total - warmup)
        return rise(t, peak, warmup) if t <= warmup else fall(t, peak, total, warmup, angle)

    return answer


def _rise(t, peak, warmup):
    return peak * t / warmup


def _fall(t, peak, total, warmup, angle):
    return peak / 2 * (1 + np.cos(angle))


def _adamw(kind):
    def answer(theta, g, memory, alpha, decay=0.01, beta1=0.9, beta2=0.999, eps=1e-8):
        m, v, t = memory
        t = t + 1
        g = g + decay * theta if kind == "gradient" else g
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
        moved = theta - alpha * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
        pulls = {"strong": decay * theta, "late": alpha * decay * moved, "growing": -alpha * decay * theta}
        return moved - pulls.get(kind, 0), (m, v, t)

    return answer


def _right(theta, g, memory, alpha, decay=0.01, beta1=0.9, beta2=0.999, eps=1e-8):
    moved, memory = _adamw("adam")(theta, g, memory, alpha, decay, beta1, beta2, eps)
    return moved - alpha * decay * theta, memory


def _shrunk_first(theta, g, memory, alpha, decay=0.01):
    return _adamw("adam")(theta * (1 - alpha * decay), g, memory, alpha)


EXACT = {"12.3"}  # a step that rounds its memory is another method
RIGHT = {
    "12.1": [_plan()],
    "12.2": [_schedule(_rise, _fall)],
    "12.3": [_right, _shrunk_first],
}

WRONG = {
    "12.1": [
        (_plan(border=min), "flattest direction"),
        (_plan(border=lambda c: 2 * max(c)), "arrives at once"),
        (_plan(border=lambda c: c[-1]), "in any order"),
        (_plan(border=np.mean), "which one of the curvatures"),
        (_plan(low=np.median), "play no part"),
        (_plan(round_=np.floor), "round up"),
        (_plan(round_=float), "round up"),
        (_plan(times=2), "or its square"),
        (_plan(times=0.3), "how many leave"),
        (lambda c, left: 2 / max(c), "three numbers"),
    ],
    "12.2": [
        (_schedule(lambda t, peak, w: peak * (t - 1) / w, _fall), "counts from 1"),
        (_schedule(lambda t, peak, w: peak, _fall), "no warm-up"),
        (_schedule(lambda t, peak, w: peak * (t / w) ** 2, _fall), "half way"),
        (_schedule(_rise, lambda t, peak, T, w, angle: peak / 2 * (1 + np.cos(np.pi * t / T))), "should begin where"),
        (_schedule(_rise, lambda t, peak, T, w, angle: peak * (1 + np.cos(angle))), "where is the half"),
        (_schedule(_rise, lambda t, peak, T, w, angle: peak / 2 * (1 - np.cos(angle))), "rises once more"),
        (_schedule(_rise, lambda t, peak, T, w, angle: peak * (T - t) / (T - w)), "straight line"),
        (_schedule(_rise, lambda t, peak, T, w, angle: peak), "the fall is not yet"),
        (lambda t, peak, total, warmup: [t, peak], "one step size"),
    ],
    "12.3": [
        (_adamw("adam"), "this is Adam"),
        (_adamw("gradient"), "went through the gradient"),
        (_adamw("strong"), "too strong"),
        (_adamw("late"), "before the step"),
        (_adamw("growing"), "grows instead"),
        (lambda theta, g, memory, **options: theta, "return two things"),
        (lambda theta, g, memory, **options: (theta, 0), "tuple of three"),
        (lambda theta, g, memory, **options: (1.0, memory), "keep its shape"),
    ],
}
