"""Right and wrong answers to the exercises of notebook 51, and the hint that each must get."""

import numpy as np


def _ipw(with_it=lambda t, e: t / e, without=lambda t, e: (1 - t) / (1 - e), sign=1):
    def answer(y, t, e):
        return sign * (np.average(y, weights=with_it(t, e)) - np.average(y, weights=without(t, e)))

    return answer


def _by_sums(y, t, e):
    w1, w0 = t / e, (1 - t) / (1 - e)
    return (w1 @ y) / w1.sum() - (w0 @ y) / w0.sum()


def _aipw(one=lambda y, t, e, m: m + t * (y - m) / e, none=lambda y, t, e, m: m + (1 - t) * (y - m) / (1 - e), sign=1):
    def answer(y, t, e, m0, m1):
        return sign * (one(y, t, e, m1) - none(y, t, e, m0))

    return answer


def _by_cases(y, t, e, m0, m1):
    return np.where(t == 1, m1 - m0 + (y - m1) / e, m1 - m0 - (y - m0) / (1 - e))


def _e(of=lambda r: r + np.sqrt(r * (r - 1)), turn=True):
    def answer(ratio):
        return of(max(ratio, 1 / ratio) if turn else ratio)

    return answer


RIGHT = {
    "51.1": [_ipw(), _by_sums],
    "51.2": [_aipw(), _by_cases],
    "51.3": [_e(), lambda ratio: _e()(1 / ratio)],
}
WRONG = {
    "51.1": [
        (_ipw(sign=-1), "with treatment first"),
        (lambda y, t, e: np.mean(t * y / e - (1 - t) * y / (1 - e)), "sum of its own weights"),
        (lambda y, t, e: y[t == 1].mean() - y[t == 0].mean(), "plain difference"),
        (_ipw(lambda t, e: t * e, lambda t, e: (1 - t) * (1 - e)), "upside down"),
        (_ipw(without=lambda t, e: (1 - t) / e), "1 - e"),
        (_ipw(lambda t, e: 1 / e, lambda t, e: 1 / (1 - e)), "switch the other one off"),
        (_ipw(without=lambda t, e: 1 - t), "those of the second"),
        (lambda y, t, e: t * y / e, "one number"),
    ],
    "51.2": [
        (_aipw(sign=-1), "with treatment first"),
        (lambda y, t, e, m0, m1: m1 - m0, "is missing"),
        (lambda y, t, e, m0, m1: m1 - m0 + t * (y - m1) / e + (1 - t) * (y - m0) / (1 - e), "mind the signs"),
        (_aipw(lambda y, t, e, m: m - t * (y - m) / e, lambda y, t, e, m: m - (1 - t) * (y - m) / (1 - e)), "y - m"),
        (_aipw(lambda y, t, e, m: m + t * (y - m) * e, lambda y, t, e, m: m + (1 - t) * (y - m) * (1 - e)), "multiply"),
        (_aipw(none=lambda y, t, e, m: m + (1 - t) * (y - m) / e), "1 - e"),
        (lambda y, t, e, m0, m1: t * y / e - (1 - t) * y / (1 - e), "weighting alone"),
        (lambda y, t, e, m0, m1: y - m0, "in a line each"),
        (lambda y, t, e, m0, m1: np.mean(_aipw()(y, t, e, m0, m1)), "an array as long"),
    ],
    "51.3": [
        (_e(lambda r: r + r * (r - 1)), "root is missing"),
        (_e(lambda r: r + np.sqrt(r - 1)), "product"),
        (_e(lambda r: np.sqrt(r * (r - 1))), "in front of the root"),
        (_e(lambda r: 2 * r), "as it stands"),
        (lambda ratio: ratio + np.sqrt(max(ratio * (ratio - 1), 0)), "protects"),
        (lambda ratio: None, "one number"),
    ],
}
