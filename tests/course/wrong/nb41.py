"""Right answers to the exercises of notebook 41; typical wrong ones, and a phrase of the hint that each must get."""

import numpy as np


def average_beat(x):
    seen = ~np.isnan(x)
    filled = np.where(seen, x, 0)
    mean = filled.sum(axis=0) / seen.sum(axis=0)
    return mean, (seen * (filled - mean) ** 2).sum(axis=0) / seen.sum(axis=0)


def conditional(x, lost, mean, C):
    lost = np.asarray(lost)
    seen = np.flatnonzero(~lost)
    holes = np.flatnonzero(lost)
    inverse = np.linalg.inv(C[seen][:, seen])
    guess = mean[holes] + C[holes][:, seen] @ inverse @ (x - mean)[seen]
    return guess, np.diag(C[holes][:, holes] - C[holes][:, seen] @ inverse @ C[seen][:, holes])


def blocks(lost, C):
    return C[np.ix_(lost, ~lost)], np.linalg.inv(C[np.ix_(~lost, ~lost)]), C[np.ix_(lost, lost)]


def whole_covariance(x, lost, mean, C):
    ab, inverse, aa = blocks(lost, C)
    return conditional(x, lost, mean, C)[0], aa - ab @ inverse @ ab.T


def not_centred(x, lost, mean, C):
    ab, inverse, _ = blocks(lost, C)
    return mean[lost] + ab @ inverse @ x[~lost], conditional(x, lost, mean, C)[1]


def without_inverse(x, lost, mean, C):
    ab, _, _ = blocks(lost, C)
    return mean[lost] + ab @ (x - mean)[~lost], conditional(x, lost, mean, C)[1]


def pooled(mu, var):
    mean = np.mean(mu, axis=0)
    return mean, np.mean(var + mu**2, axis=0) - mean**2


RIGHT = {"41.1": [average_beat], "41.2": [conditional], "41.3": [pooled]}

WRONG = {
    "41.1": [
        (lambda x: (np.mean(x, axis=0), np.var(x, axis=0)), "nan came out"),
        (lambda x: (np.nanmean(x, axis=0), np.nanstd(x, axis=0)), "its square"),
        (lambda x: (np.nansum(x, axis=0) / len(x), np.nanvar(x, axis=0)), "not by all beats"),
        (lambda x: (np.nanmean(x, axis=0), np.nanvar(x, axis=0, ddof=1)), "not by one less"),
        (lambda x: (np.nanmean(x, axis=1), np.nanvar(x, axis=1)), "the first axis"),
        (lambda x: (np.nanmean(x, axis=0), np.nanmean(x**2, axis=0)), "taken away"),
        (lambda x: np.nanmean(x), "expected two things"),
    ],
    "41.2": [
        (whole_covariance, "its diagonal"),
        (not_centred, "minus their mean"),
        (without_inverse, "the inverse of C_bb"),
        (lambda x, lost, mean, C: (mean[lost], np.diag(C)[lost]), "that is the average"),
        (lambda x, lost, mean, C: (conditional(x, lost, mean, C)[0], np.diag(C)[lost]), "makes the variance smaller"),
        (
            lambda x, lost, mean, C: (conditional(x, lost, mean, C)[0], conditional(x, lost, mean, C)[1] ** 0.5),
            "deviations",
        ),
        (
            lambda x, lost, mean, C: (conditional(x, lost, mean, C)[0], 1 / np.diag(np.linalg.inv(C))[lost]),
            "other lost values",
        ),
    ],
    "41.3": [
        (lambda mu, var: (mu.mean(axis=0), var.mean(axis=0)), "the noise alone"),
        (lambda mu, var: (mu.mean(axis=0), mu.var(axis=0)), "the noise belongs to it"),
        (lambda mu, var: (mu.mean(axis=0), var.mean(axis=0) + mu.std(axis=0)), "variances add"),
        (lambda mu, var: (mu.mean(axis=0), var.mean(axis=0) / len(mu) + mu.var(axis=0)), "does not average out"),
        (lambda mu, var: (mu[0], var[0]), "average mu over the draws"),
        (lambda mu, var: (mu.mean(), var.mean()), "the first axis"),
    ],
}
