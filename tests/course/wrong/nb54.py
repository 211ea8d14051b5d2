"""Right answers to the exercises of notebook 54; typical wrong ones, and a phrase of the hint that each must get."""

import numpy as np

from medlib.models import survival


def _weigh(
    curve=lambda time, event: survival.kaplan_meier(time, ~event),
    last=np.less_equal,
    left=True,
    own=True,
    lost=0.0,
    power=-1.0,
    late=False,
):
    def answer(time, event, t):
        leaving = curve(time, event)
        w = np.full(len(time), lost)
        died = event & last(time, t)
        w[died] = np.maximum(survival.step(leaving, time[died] if own else t, left=left and own), 1e-9) ** power
        w[time > t] = survival.step(leaving, t) ** power
        if late:
            w[event] = np.maximum(survival.step(leaving, time[event], left=True), 1e-9) ** power
        return w

    return answer


def _one_line(time, event, t):
    stayed = survival.step(survival.kaplan_meier(time, ~event), np.minimum(time, t), left=True)
    at_t = survival.step(survival.kaplan_meier(time, ~event), t)
    stayed = np.where(time > t, at_t, np.maximum(stayed, 1e-12))
    return (event | (time > t)) / stayed


def _known(time, event, t):
    return ((event & (time <= t)) | (time > t)).astype(float)


def _bins(censored=None, scale=lambda n: n, turn=False, only=lambda event: slice(None)):
    def answer(s, event, bins):
        s, event = s[only(event)], event[only(event)]
        shares, lower = np.zeros(bins), np.arange(bins) / bins
        for value, died in zip(s, event, strict=True):
            k = min(int(value * bins), bins - 1)
            if died:
                shares[k] += 1
            elif censored is None:
                shares += np.clip(value - lower, 0, 1 / bins) / value
            else:
                shares += censored(value, k, bins)
        return (shares[::-1] if turn else shares) / scale(len(s))

    return answer


def _own(value, k, bins):
    return np.eye(bins)[k]


def _above(value, k, bins):
    edges = np.arange(bins + 1) / bins
    return np.clip(edges[1:] - np.maximum(edges[:-1], value), 0, None) / max(1 - value, 1e-9)


def _spread(s, event, bins):
    lower = np.arange(bins) / bins
    own = np.minimum((s * bins).astype(int), bins - 1)[:, None] == np.arange(bins)
    return np.where(event[:, None], own, np.clip(s[:, None] - lower, 0, 1 / bins) / s[:, None]).mean(axis=0)


def _findrisc(woman, age, bmi, waist, drugs, glucose, active, greens, family, each=False):
    points = 2 * (age >= 45) + (1 + 2 * each) * (age >= 55) + (1 + 3 * each) * (age > 64)
    points += (bmi >= 25) + (2 + each) * (bmi > 30)
    first, second = (80, 88) if woman else (94, 102)
    points += 3 * (waist >= first) + (1 + 3 * each) * (waist > second)
    return points + 2 * drugs + 5 * glucose + 2 * (not active) + (not greens) + family


def _table(woman, age, bmi, waist, drugs, glucose, active, greens, family):
    years = np.searchsorted([44.5, 54.5, 64.5], age)
    limits = [79.5, 88.01] if woman else [93.5, 102.01]
    rows = [
        [0, 2, 3, 4][years],
        [0, 1, 3][np.searchsorted([24.99, 30.01], bmi)],
        [0, 3, 4][np.searchsorted(limits, waist)],
    ]
    return float(sum(rows) + [0, 2][drugs] + [0, 5][glucose] + [2, 0][active] + [1, 0][greens] + family)


RIGHT = {
    "54.1": [_weigh(), _weigh(curve=survival.leaving), _one_line],
    "54.2": [_bins(), _spread],
    "54.3": [_findrisc, _table],
}

WRONG = {
    "54.1": [
        (_weigh(curve=survival.kaplan_meier), "curve of *leaving*"),
        (_weigh(own=False), "at his own time"),
        (_weigh(last=np.less), "a death at t itself counts"),
        (_weigh(left=False), "left=True"),
        (_weigh(power=1.0), "1/G, not G"),
        (_weigh(lost=1.0), "counts 0; others stand"),
        (_known, "all alike"),
        (_weigh(late=True), "his weight is 1/G(t)"),
        (survival.censoring_weights, "library's"),
    ],
    "54.2": [
        (_bins(scale=lambda n: 1), "number of patients"),
        (_bins(turn=True), "lowest bin comes first"),
        (_bins(censored=_own), "not in his bin"),
        (_bins(censored=_above), "*below* s"),
        (_bins(censored=lambda value, k, bins: np.full(bins, 1 / bins)), "above the s"),
        (_bins(only=lambda event: event), "left out"),
        (_bins(censored=lambda value, k, bins: (np.arange(bins) <= k) / (k + 1)), "only the part below s"),
        (_bins(censored=lambda v, k, bins: np.clip(v - np.arange(bins) / bins, 0, 1 / bins)), "divide the lengths"),
    ],
    "54.3": [
        (lambda *a: _findrisc(*a, each=True), "one number"),
        (lambda *a: _findrisc(*a[:6], not a[6], not a[7], a[8]), "*not* being active"),
        (lambda woman, *a: _findrisc(False, *a), "others for a woman"),
        (lambda woman, age, *a: _findrisc(woman, min(age, 64), *a), "over 64"),
        (lambda *a: _findrisc(*a[:8], 0), "the family"),
        (lambda *a: _findrisc(*a) + 1, "no risk at all"),
        (lambda *a: _findrisc(*a[:5], False, *a[6:]), "glucose True"),
    ],
}
