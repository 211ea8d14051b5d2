"""Right answers to the exercises of notebook 13; typical wrong ones, and a phrase of the hint that each must get."""

import numpy as np


def photons(noise, p, views, tau):
    return np.exp(p) * np.pi**2 / (12 * views * tau**2 * (noise * 0.19 / 1000) ** 2)


def sorted_along(positions, orientation):
    return np.argsort(positions @ np.cross(*orientation))


def place_of_each(positions, orientation):
    return np.argsort(sorted_along(positions, orientation))


RIGHT = {
    "13.1": [
        lambda s, m, b: s.astype(float) * m + b,
        lambda s, m, b: np.float64(m) * s.astype("float64") + b,
        lambda s, m, b: [[m * int(v) + b for v in row] for row in s],
    ],
    "13.2": [photons, lambda noise, p, K, tau: np.exp(p) / (12 * K * tau**2 / np.pi**2 * (1.9e-4 * noise) ** 2)],
    "13.3": [sorted_along, lambda r, o: sorted(range(len(r)), key=lambda k: np.cross(o[0], o[1]) @ r[k])],
}

WRONG = {
    "13.1": [
        (lambda s, m, b: s * m + b, "into floats first"),
        (lambda s, m, b: s.astype(np.int16) * np.int16(m) + np.int16(b), "came round"),
        (lambda s, m, b: s.astype(float) * m, "intercept is missing"),
        (lambda s, m, b: (s.astype(float) + b) * m, "first the slope"),
        (lambda s, m, b: s.astype(float) * m - b, "its own sign"),
        (lambda s, m, b: s.astype(float) + b, "slope is missing"),
        (lambda s, m, b: float(s.mean()), "one number for each pixel"),
    ],
    "13.2": [
        (lambda n, p, K, tau: photons(n, p, K, tau) * (1.9e-4) ** 2, "how much μ is one HU"),
        (lambda n, p, K, tau: photons(n, p, K, tau) / np.exp(p), "must *arrive*"),
        (lambda n, p, K, tau: photons(n, p, K, tau) / np.exp(2 * p), "wrong sign"),
        (lambda n, p, K, tau: photons(n, p, K, tau) * n * 1.9e-4, "square it"),
        (lambda n, p, K, tau: 1 / photons(n, p, K, tau), "upside down"),
        (lambda n, p, K, tau: photons(n, p, K, tau) * K, "where does K stand"),
        (lambda n, p, K, tau: photons(n, p, K, tau) * tau, "how does τ stand"),
        (lambda n, p, K, tau: photons(n, p, K, tau) * 12, "one step at a time"),
    ],
    "13.3": [
        (lambda r, o: np.argsort(r[:, 2]), "out of order"),
        (lambda r, o: sorted_along(r, o)[::-1], "against it"),
        (lambda r, o: np.sort(r @ np.cross(*o)), "*numbers* of the slices"),
        (lambda r, o: r[sorted_along(r, o)], "expected nine numbers"),
        (place_of_each, "which slice comes first"),
    ],
}
