"""Right and wrong answers to the exercises of notebook 52, and the hint that each must get."""

import numpy as np
from scipy import stats


def _chi(times=lambda g, r: len(g) * r**2):
    def answer(g, y):
        r = np.array([np.corrcoef(column, y)[0, 1] for column in g.T])
        return times(g, r)

    return answer


def _by_slopes(g, y):
    line = [stats.linregress(column, y) for column in g.T]
    return np.array([len(y) * fit.rvalue**2 for fit in line])


def _uncentred(g, y):
    return len(y) * (g.T @ y) ** 2 / (np.sum(g**2, axis=0) * np.sum(y**2))


def _spoils(g, y):
    g -= g.mean(axis=0)
    return len(y) * (g.T @ y) ** 2


def _n(of=lambda a, b: (a + b) ** 2, four=4, carriers=lambda q: q * (1 - q), to=np.ceil, level=0.975, powers=(2, 2)):
    def answer(difference, sd, q, power=0.8):
        z = of(stats.norm.ppf(level), stats.norm.ppf(power))
        return to(z * four * sd ** powers[0] / (carriers(q) * difference ** powers[1]))

    return answer


def _always_80(difference, sd, q, power=0.8):
    return _n()(difference, sd, q, 0.8)


def _nats(divide=lambda y, known: known.sum(), known=lambda y: ~np.isnan(y), sign=1):
    def answer(y, logits):
        there, told = known(y), np.nan_to_num(y)
        nats = np.where(there, np.log1p(np.exp(logits)) - told * logits, 0)
        return sign * nats.sum() / divide(y, ~np.isnan(y))

    return answer


def _by_probability(y, logits):
    chance = 1 / (1 + np.exp(-logits))
    return -np.nanmean(y * np.log(chance) + (1 - y) * np.log(1 - chance))


def _mean_of(axis):
    def answer(y, logits):
        nats = np.logaddexp(0, logits) - y * logits
        lines = nats if axis else nats.T
        return np.mean([np.nanmean(line) for line in lines if not np.isnan(line).all()])

    return answer


RIGHT = {
    "52.1": [_chi(), _by_slopes],
    "52.2": [_n(), lambda difference, sd, q, power=0.8: int(_n()(difference, sd, q, power))],
    "52.3": [_nats(), _by_probability],
}
#: A number of patients is a whole number: three digits of it are another trial.
EXACT = {"52.2"}
WRONG = {
    "52.1": [
        (_chi(lambda g, r: r**2), "how many people"),
        (_chi(lambda g, r: r), "square it"),
        (_chi(lambda g, r: len(g) * r), "squared"),
        (_chi(lambda g, r: np.sqrt(len(g)) * r), "z score"),
        (_chi(lambda g, r: g.shape[1] * r**2), "not of columns"),
        (_chi(lambda g, r: (len(g) - 1) * r**2), "not n - 1"),
        (_chi(lambda g, r: (len(g) - 2) * r**2 / (1 - r**2)), "t score"),
        (_uncentred, "take the mean away"),
        (lambda g, y: len(y) * np.cov(g.T, y)[:-1, -1] ** 2, "no correlation"),
        (_chi(lambda g, r: 7 * r**2), "sums of squares"),
        (_spoils, "belongs to the caller"),
        (lambda g, y: len(y) * np.corrcoef(g[:, 0], y)[0, 1] ** 2, "one number for each column"),
    ],
    "52.2": [
        (_n(carriers=lambda q: 1), "share of carriers"),
        (_n(four=1), "factor 4"),
        (_n(carriers=lambda q: q), "both shares"),
        (_n(powers=(1, 2)), "deviation is squared"),
        (_n(powers=(2, 1)), "difference is squared"),
        (_n(of=lambda a, b: a**2 + b**2), "then square the sum"),
        (_n(of=lambda a, b: a**2), "that of the power"),
        (_n(of=lambda a, b: a + b), "quantiles is squared"),
        (_n(level=0.95), "two-sided"),
        (_n(carriers=lambda q: 1 / (q * (1 - q))), "do not multiply"),
        (_n(to=float), "round up"),
        (_n(to=np.floor), "round up"),
        (_n(four=8), "piece by piece"),
        (_always_80, "is not used"),
    ],
    "52.3": [
        (_nats(divide=lambda y, known: 1), "that is the sum"),
        (_nats(divide=lambda y, known: y.size), "not of all cells"),
        (_nats(divide=lambda y, known: len(y)), "not of molecules"),
        (_nats(divide=lambda y, known: y.size, known=lambda y: np.ones(y.shape, bool)), "reads missing as 0"),
        (_nats(sign=-1), "turned round"),
        (_mean_of(axis=0), "means of assays"),
        (_mean_of(axis=1), "means of molecules"),
        (lambda y, logits: np.mean(np.logaddexp(0, logits)[~np.isnan(y)]), "is missing"),
        (lambda y, logits: np.nanmean(np.logaddexp(0, logits) + y * logits), "is subtracted"),
        (lambda y, logits: np.mean(np.logaddexp(0, logits) - y * logits), "one finite number"),
        (lambda y, logits: np.nanmean(np.logaddexp(0, logits) - y * logits) + 0.5, "then their mean"),
    ],
}
