"""Checks of notebook 20, the objective of a GAN."""

from __future__ import annotations

import numpy as np

from medlib.checks import array, call, calls, close, exercise


@exercise("20.1")
def detective(answer) -> str | None:
    """pi p / (pi p + (1 - pi) q)."""
    p, q, pi = np.array([0.9, 0.1, 0.4, 3.99]), np.array([0.2, 0.5, 0.4, 0.3]), 0.1
    got = array(call(answer, p, q, pi), p.shape)
    if got is None:
        return "expected one probability for each slip: p and q are arrays of the same length"
    right = pi * p / (pi * p + (1 - pi) * q)
    if close(got, right):
        return None
    if close(got, p / (p + q)):
        return "that is (20.3), for a heap that is half genuine; where does pi enter?"
    if close(got, 1 - right):
        return "that is the probability of a forgery; which of the two belongs above the line?"
    if close(got, (1 - pi) * p / ((1 - pi) * p + pi * q)):
        return "pi is the share of the genuine slips, whose density is p; you gave it to the others"
    if close(got, pi * p) or close(got, pi * p / (p + q)):
        return "the weighted density of the genuine must be divided by everything that can show this number"
    return "write Bayes' theorem: genuine slips with this number, over all slips with this number"


@exercise("20.2")
def wasserstein(answer) -> str | None:
    """The area between two cumulative distributions, for samples of any sizes."""
    from scipy.stats import wasserstein_distance

    if calls(answer, "wasserstein_distance") or calls(answer, "wasserstein_distance_nd"):
        return "that is a library's distance; write the area yourself, from the two cumulative shares"
    rng = np.random.default_rng(54)
    for n, m in ((40, 40), (30, 80)):
        x, y = rng.normal(4.4, 0.8, n), rng.normal(4.6, 0.3, m)
        got = array(call(answer, x, y))
        if got is None:
            return "expected one number, the distance"
        right, k = wasserstein_distance(x, y), min(n, m)
        if close(got, right):
            continue
        if close(got, abs(x.mean() - y.mean())):
            return "the means may agree while the heaps differ: compare the whole distributions"
        if n != m and close(got, np.mean(abs(np.sort(x)[:k] - np.sort(y)[:k]))):
            return "cutting the longer sample after sorting throws away its largest values"
        if n != m and close(got, np.mean(abs(np.sort(x[:k]) - np.sort(y[:k])))):
            return "right for equal sizes, but here you leave out part of the longer sample"
        points = np.sort(np.concatenate([x, y]))
        gap = np.diff([np.searchsorted(np.sort(s), points, side="right") / len(s) for s in (x, y)], axis=0)[0]
        if close(got, abs(gap).mean()) or close(got, abs(gap).max()) or close(got, abs(gap).sum()):
            return "an area is height times width: how far is it from each point to the next?"
        if close(got, abs(np.sum(gap[:-1] * np.diff(points)))):
            return "areas above and below must not cancel: take the size of each gap first"
        return (
            "at each point take the size of the gap between the two cumulative shares, times the way to the next point"
        )
    return None


@exercise("20.3")
def least_friction(answer) -> str | None:
    """det J = 1 - alpha gamma + alpha^2 / 4 = 1, so gamma = alpha / 4."""
    alpha = np.array([0.1, 0.2, 0.6])
    got = array([call(answer, a) for a in alpha], alpha.shape)
    if got is None:
        return "expected a function of alpha that returns one number"
    if close(got, alpha / 4):
        return None
    if close(got, 1):
        return "at γ = 1 the turning ends; the running away ends much earlier"
    if close(got, alpha**2 / 4) or close(got, alpha):
        return "friction adds −αγ to an entry: both sides of det J = 1 hold an α that can be divided out"
    if close(got, alpha / 2):
        return "a factor 2: the determinant gains (α/2)² from the off-diagonal"
    if np.ptp(got) == 0:
        return "try two step sizes: the border moves with α"
    return "write J of (20.12) with 1 − αγ in the lower right corner, and set its determinant to 1"
