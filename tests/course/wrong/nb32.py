"""Right answers to the exercises of notebook 32; typical wrong ones, and a phrase of the hint that each must get."""

import numpy as np
from scipy.ndimage import gaussian_filter

PIXELS = (1, 2)


def largest(values, count):
    return np.sort(values.reshape(len(values), -1), axis=1)[:, -count:]


def smooth(maps, width):
    return gaussian_filter(maps, (0, width, width))


def slice_by_slice(maps, width, count):
    found = []
    for one in maps:
        values = np.abs(gaussian_filter(one, width)).ravel()
        found.append(np.mean(sorted(values)[-count:]))
    return found


def by_partition(maps, width, count):
    values = abs(smooth(maps, width)).reshape(len(maps), -1)
    return np.partition(values, -count, axis=1)[:, -count:].mean(axis=1)


def overwrites(maps, width, count):
    maps[:] = abs(smooth(maps, width))
    return largest(maps, count).mean(axis=1)


def sorts_its_argument(s, a):
    s.sort()
    return s[int((1 - a) * len(s))]


def ppv(s, a, p):
    return p * s / (p * s + (1 - p) * a)


def by_odds(s, a, p):
    odds = p / (1 - p) * s / a
    return odds / (1 + odds)


def only_one(s, a, p):
    return float(np.ravel(ppv(s, a, p))[0])


RIGHT = {
    "32.1": [lambda m, w, k: largest(abs(smooth(m, w)), k).mean(axis=1), slice_by_slice, by_partition],
    "32.2": [lambda s, a: np.quantile(s, 1 - a), lambda s, a: np.sort(s)[int((1 - a) * len(s))]],
    "32.3": [ppv, by_odds],
}

WRONG = {
    "32.1": [
        (lambda m, w, k: largest(smooth(m, w), k).mean(axis=1), "dark"),
        (lambda m, w, k: largest(smooth(abs(m), w), k).mean(axis=1), "before the smoothing"),
        (lambda m, w, k: largest(abs(gaussian_filter(m, w)), k).mean(axis=1), "across slices"),
        (lambda m, w, k: -largest(-abs(smooth(m, w)), k).mean(axis=1), "smallest values"),
        (lambda m, w, k: largest(abs(m), k).mean(axis=1), "nothing was smoothed"),
        (lambda m, w, k: abs(smooth(m, w)).mean(axis=PIXELS), "all values were averaged"),
        (lambda m, w, k: largest(abs(smooth(m, w)), k)[:, 0], "smallest of the largest"),
        (lambda m, w, k: largest(abs(smooth(m, w)), k).sum(axis=1), "sum of the largest"),
        (lambda m, w, k: largest(abs(smooth(m, w)), k).mean(), "one number came back"),
        (lambda m, w, k: abs(smooth(m, w)), "shape (n,)"),
        (lambda m, w, k: largest(abs(smooth(m, w)), k).std(axis=1), "average its"),
        (overwrites, "changed its argument number 1"),
    ],
    "32.2": [
        (lambda s, a: np.quantile(s, a), "lower end"),
        (lambda s, a: 1 - a, "that is a share"),
        (lambda s, a: np.quantile(s, 1 - a / 2), "second tail"),
        (lambda s, a: (1 - a) * s.max(), "largest score"),
        (lambda s, a: s.mean() + 2 * s.std(), "normal distribution"),
        (lambda s, a: np.median(s), "quantile"),
        (lambda s, a: s, "one finite number"),
        (sorts_its_argument, "changed its argument number 1"),
    ],
    "32.3": [
        (lambda s, a, p: s / (s + a) + 0 * p, "prevalence does not show"),
        (lambda s, a, p: p * s + (1 - p) * a, "for whom the alarm rings"),
        (lambda s, a, p: p * s, "divide by all who ring"),
        (lambda s, a, p: p * s / (p * s + (1 - p) * (1 - a)), "not the specificity"),
        (lambda s, a, p: ppv(s, a, 1 - p), "swapped"),
        (lambda s, a, p: p * s / (p * s + a), "their share of the patients"),
        (lambda s, a, p: 1 - ppv(s, a, p), "one minus"),
        (lambda s, a, p: s, "among 1,000 patients"),
        (only_one, "as many values"),
    ],
}
