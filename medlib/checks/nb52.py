"""Checks of notebook 52, genes and drugs."""

from __future__ import annotations

import numpy as np

from medlib.checks import array, call, close, exercise, hint_for, number


def _study(seed: int):
    """Genotypes (n, places) and a trait far from 0, which the first place moves."""
    rng = np.random.default_rng(seed)
    n, places = ((40, 5), (57, 3))[seed]
    g = rng.binomial(2, rng.uniform(0.2, 0.8, places), (n, places)).astype(float)
    return g, 120 + (1 - 2 * seed) * 4 * g[:, 0] + rng.normal(0, 6, n)


@exercise("52.1")
def chi_square(answer) -> str | None:
    """n r² of each column."""
    for seed in (0, 1):
        g, y = _study(seed)
        n, places = g.shape
        got = array(call(answer, g, y), (places,))
        r = np.array([np.corrcoef(column, y)[0, 1] for column in g.T])
        if got is None:
            return "return one number for each column of g, an array as long as g has columns"
        if close(got, n * r**2):
            continue
        return hint_for(
            got,
            [
                (r**2, "that is r²; how many people are there?"),
                (r, "that is r; square it, and count the people"),
                (n * r, "r is to be squared"),
                (n * np.abs(r), "r is to be squared"),
                (np.sqrt(n) * r, "that is the z score; its square is asked for"),
                (places * r**2, "multiply by the number of people, not of columns"),
                ((n - 1) * r**2, "n people, not n - 1"),
                ((n - 2) * r**2 / (1 - r**2), "that is the square of the t score; take n r² as it stands"),
                (n * _uncentred(g, y) ** 2, "take the mean away from both g and y: r is about deviations"),
                (
                    n * ((g - g.mean(axis=0)).T @ (y - y.mean()) / n) ** 2,
                    "a covariance is no correlation: divide by both",
                ),
                (n * np.cov(g.T, y)[:-1, -1] ** 2, "a covariance is no correlation: divide by both deviations"),
            ],
            "r of a column is the sum of products of deviations over the root of both sums of squares",
        )
    return None


def _uncentred(g: np.ndarray, y: np.ndarray) -> np.ndarray:
    return g.T @ y / np.sqrt(np.sum(g**2, axis=0) * np.sum(y**2))


@exercise("52.2")
def patients_needed(answer) -> str | None:
    """Equation (52.7), rounded up."""
    for difference, sd, q in ((20.0, 70.0, 0.3), (4.0, 15.0, 0.1), (11.0, 20.0, 0.5)):
        got = number(call(answer, difference, sd, q))
        right = _patients(difference, sd, q)
        if got is None:
            return "return one number"
        if abs(got - np.ceil(right)) <= max(0.5, 2e-4 * right) and float(got).is_integer():
            continue
        if close(got, right, 1e-3):
            return "round up: no trial has a fraction of a patient, and a smaller one has less power"
        z = 1.959964, 0.841621
        mistakes = [
            (right * q * (1 - q), "that is the number for a mean effect: where is the share of carriers?"),
            (right / 4, "the factor 4 is missing: half of the patients get each drug"),
            (right * (1 - q), "both shares count: q and 1 - q"),
            (right * q, "both shares count: q and 1 - q"),
            (right / sd, "the deviation is squared"),
            (right * difference, "the difference is squared"),
            (right * (z[0] ** 2 + z[1] ** 2) / sum(z) ** 2, "add both quantiles first, then square the sum"),
            (right * (z[0] / sum(z)) ** 2, "the second quantile, that of the power, is missing"),
            (right * ((1.644854 + z[1]) / sum(z)) ** 2, "two-sided at 5 %: the quantile of .975, not of .95"),
            (right * (q * (1 - q)) ** 2, "divide by q (1 - q), do not multiply"),
            (right / sum(z), "the sum of both quantiles is squared"),
        ]
        rounded = [(np.ceil(result), words) for result, words in mistakes]
        return hint_for(got, mistakes + rounded, "take (52.7) piece by piece; both quantiles come from stats.norm.ppf")
    got, more = number(call(answer, 20.0, 70.0, 0.3, 0.9)), _patients(20.0, 70.0, 0.3, 1.281552)
    if got is None or abs(got - np.ceil(more)) > 1:
        return "the argument power is not used: for .9 the second quantile is another one"
    return None


def _patients(difference: float, sd: float, q: float, of_power: float = 0.8416212) -> float:
    return (1.9599640 + of_power) ** 2 * 4 * sd**2 / (q * (1 - q) * difference**2)


@exercise("52.3")
def known_nats(answer) -> str | None:
    """The mean cross-entropy over known labels."""
    for seed, share in ((4, 0.5), (5, 0.15)):
        rng = np.random.default_rng(seed)
        y = np.where(rng.random((9, 4)) < share, (rng.random((9, 4)) < 0.4) * 1.0, np.nan)
        y[0], y[1, 0] = [1, 0, np.nan, np.nan], np.nan
        logits = rng.normal(0, 2, (9, 4))
        got = number(call(answer, y, logits))
        if got is None:
            return "return one finite number; nan in y spoils every sum it is in: choose the known ones first"
        known = ~np.isnan(y)
        softplus, told = np.log1p(np.exp(logits)), np.nan_to_num(y)
        nats = np.where(known, softplus - told * logits, 0)
        if close(got, nats.sum() / known.sum()):
            continue
        every = softplus - told * logits
        by_task = [nats[:, t].sum() / known[:, t].sum() for t in range(4) if known[:, t].any()]
        by_row = [nats[i].sum() / known[i].sum() for i in range(9) if known[i].any()]
        return hint_for(
            got,
            [
                (nats.sum(), "that is the sum; divide by how many are known"),
                (nats.mean(), "divide by the number of known labels, not of all cells"),
                (nats.sum() / len(y), "divide by the number of known labels, not of molecules"),
                (every.mean(), "that reads missing as 0: cells without a label must not count"),
                (every.sum() / known.sum(), "that reads missing as 0: cells without a label must not count"),
                (-nats.sum() / known.sum(), "the sign is turned round: nats are above 0"),
                (np.mean(by_task), "one mean over all known labels, not a mean of the means of assays"),
                (np.mean(by_row), "one mean over all known labels, not a mean of the means of molecules"),
                (nats.sum() / known.sum() / np.log(2), "that is in bits; take the natural logarithm"),
                ((softplus * known).sum() / known.sum(), "the second part, - y s, is missing"),
                ((np.where(known, softplus + told * logits, 0)).sum() / known.sum(), "y s is subtracted"),
            ],
            "for each known label ln(1 + exp(s)) - y s; then their mean",
        )
    return None
