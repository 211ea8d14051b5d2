"""Checks of notebook 41, a VAE of sequences."""

from __future__ import annotations

import numpy as np

from medlib.checks import array, call, close, exercise, hint_for, parts


@exercise("41.1")
def average_beat(answer) -> str | None:
    """Mean and variance at each time, of what was seen."""
    rng = np.random.default_rng(41)
    for n, steps in ((60, 4), (25, 7)):
        x = rng.normal(np.arange(steps), 1 + np.arange(steps), size=(n, steps))
        lost = rng.random(x.shape) < 0.3
        lost[:, 0] = False  # something is seen of every beat
        x[lost] = np.nan
        pair = parts(call(answer, x), 2)
        if pair is None:
            return "expected two things: the mean and the variance at each time"
        if any(np.isnan(np.asarray(part, float)).any() for part in pair if np.ndim(part)):
            return "nan came out: numpy's functions that leave nan out begin with nan"
        mean, variance = array(pair[0], (steps,)), array(pair[1], (steps,))
        if mean is None or variance is None:
            return "expected one number for each time: the average is over the beats, the first axis"
        right, seen = np.nanmean(x, axis=0), ~np.isnan(x)
        if not close(mean, right):
            mistakes = [
                (np.nansum(x, axis=0) / n, "divide by how many values were seen, not by all beats"),
                (np.nanmedian(x, axis=0), "that is the median; (41.2) goes with the mean"),
            ]
            return hint_for(mean, mistakes, "the mean at each time, of the values that were seen")
        best = np.nanvar(x, axis=0)
        if not close(variance, best):
            mistakes = [
                (np.sqrt(best), "that is the deviation; the variance is its square"),
                (best * seen.sum(axis=0) / n, "(41.2) divides by how many values were seen, not by all beats"),
                (
                    best * seen.sum(axis=0) / (seen.sum(axis=0) - 1),
                    "(41.2) divides by the number seen, not by one less",
                ),
                (np.nanmean(x**2, axis=0), "the squares of what is left after the mean is taken away"),
                (np.nanvar(x), "one variance for each time"),
            ]
            return hint_for(variance, mistakes, "the mean is right; the variance is the mean square of what is left")
    return None


@exercise("41.2")
def conditional(answer) -> str | None:
    """Means and variances of lost values, given the seen ones, by (41.7)."""
    rng = np.random.default_rng(412)
    for size, holes in ((5, [1, 2]), (6, [0, 3, 5]), (4, [2])):
        root = rng.normal(size=(size, size))
        C, mean, x = root @ root.T + np.eye(size), rng.normal(size=size), rng.normal(size=size)
        lost = np.isin(np.arange(size), holes)
        pair = parts(call(answer, x, lost, mean, C), 2)
        if pair is None:
            return "expected two things: means and variances of the lost values"
        got, spread = array(pair[0], (len(holes),)), array(pair[1], (len(holes),))
        if got is not None and np.shape(pair[1]) == (len(holes), len(holes)) and len(holes) > 1:
            return "that is the covariance of the lost values; asked for is its diagonal"
        if got is None or spread is None:
            return "expected one mean and one variance for each lost value"
        C_ab, C_bb, C_aa = C[np.ix_(lost, ~lost)], C[np.ix_(~lost, ~lost)], C[np.ix_(lost, lost)]
        gain = C_ab @ np.linalg.inv(C_bb)
        left = x[~lost] - mean[~lost]
        if not close(got, mean[lost] + gain @ left):
            mistakes = [
                (mean[lost], "that is the average; what was seen says more"),
                (mean[lost] + gain @ x[~lost], "the surprise is the seen values minus their mean"),
                (gain @ left, "add the mean of the lost values"),
                (mean[lost] - gain @ left, "the mean moves with what was seen: a sign"),
                (mean[lost] + C_ab @ left, "the inverse of C_bb is missing"),
                (mean[lost] + gain @ (mean[~lost] - x[~lost]), "the mean moves with what was seen: a sign"),
            ]
            return hint_for(got, mistakes, "the mean: (41.7), with a the lost values and b the seen ones")
        cov = C_aa - gain @ C_ab.T
        if not close(spread, np.diag(cov)):
            mistakes = [
                (np.diag(C_aa), "the mean is right; what was seen makes the variance smaller"),
                (np.sqrt(np.diag(cov)), "those are deviations; asked for are variances"),
                (np.diag(C_aa + gain @ C_ab.T), "what was seen takes variance away: a sign"),
                (1 / np.diag(np.linalg.inv(C))[lost], "given what was *seen*: other lost values are not known"),
            ]
            return hint_for(
                spread, mistakes, "the mean is right; the variances are the diagonal of (41.7)'s covariance"
            )
    return None


@exercise("41.3")
def pooled(answer) -> str | None:
    """Mean and variance of all draws together, by (41.8)."""
    rng = np.random.default_rng(413)
    for draws, n, steps in ((5, 3, 4), (2, 6, 3)):
        mu, var = rng.normal(size=(draws, n, steps)), rng.uniform(0.1, 2, (draws, n, steps))
        pair = parts(call(answer, mu, var), 2)
        if pair is None:
            return "expected two things: the mean and the variance"
        mean, spread = array(pair[0], (n, steps)), array(pair[1], (n, steps))
        if mean is None or spread is None:
            return "expected shape (n, steps) of both: the average is over the draws, the first axis"
        if not close(mean, mu.mean(axis=0)):
            return "the mean: average mu over the draws"
        noise, doubt = var.mean(axis=0), mu.var(axis=0)
        if not close(spread, noise + doubt):
            mistakes = [
                (noise, "that is the noise alone; how much the draws disagree belongs to it"),
                (doubt, "that is the doubt about the code alone; the noise belongs to it"),
                (noise + mu.std(axis=0), "variances add, not deviations: square the second term"),
                (np.sqrt(noise + doubt), "that is the deviation; asked for is the variance"),
                (
                    noise / draws + doubt,
                    "the draws are alternatives, not measurements: their noise does not average out",
                ),
                (noise + mu.var(axis=0, ddof=1), "(41.8) divides by the number of draws, not by one less"),
            ]
            return hint_for(
                spread, mistakes, "the mean is right; (41.8) adds the average variance and the variance of means"
            )
    return None
