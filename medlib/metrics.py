"""Scores with intervals. What scikit-learn and scipy compute, they compute; this module adds the uncertainty."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Interval:
    """A measured value and its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"

    def __contains__(self, number: float) -> bool:
        return self.low <= number <= self.high


def proportion(k: int, n: int) -> Interval:
    """The share k / n with its 95 % Wilson score interval (Wilson 1927), which behaves near 0 and 1.

    Raises
    ------
    ValueError
        If not ``0 <= k <= n`` with ``n >= 1``, both whole numbers.
    """
    from scipy.stats import binomtest

    if not (n >= 1 and 0 <= k <= n and k == int(k) and n == int(n)):
        raise ValueError(f"k, n: got {k} of {n}, expected whole numbers with 0 <= k <= n and at least one case")
    low, high = binomtest(int(k), int(n)).proportion_ci(method="wilson")
    return Interval(float(k / n), float(low), float(high))


_CLASSES = "are there cases of every class, from several patients?"


def bootstrap(
    score: Callable[[np.ndarray, np.ndarray], float], y, p, groups=None, n: int = 1000, seed: int = 0
) -> Interval:
    """The score and its 95 % percentile bootstrap interval (Efron and Tibshirani 1993).

    Parameters
    ----------
    score
        ``score(y, p)`` -> one number, for example ``sklearn.metrics.roc_auc_score``.
    y, p
        Labels and predictions; the first axis counts the cases.
    groups
        The patient of each case. When given, whole patients are drawn, because slices of one patient are not
        independent: drawing single slices makes the interval too short.
    n
        Bootstrap samples. A sample on which the score is undefined (one class only) is drawn again.

    Raises
    ------
    ValueError
        If lengths differ, there are no cases, or the score is undefined on the data or on nearly every sample.
    """
    y, p, groups = np.asarray(y), np.asarray(p), _patients(groups, len(y))
    if not len(y) == len(p) == len(groups):
        raise ValueError(
            f"y, p, groups: got lengths {len(y)}, {len(p)}, {len(groups)}, expected the same number of cases"
        )
    value = _defined(score, y, p, "score")
    drawn = _resampled(lambda rows: _defined(score, y[rows], p[rows]), groups, n, seed, "score")
    return Interval(value, *_middle(drawn))


def _patients(groups, n: int) -> np.ndarray:
    """The patient of each of ``n`` cases; without ``groups`` each case is one."""
    return np.arange(n) if groups is None else np.asarray(groups)


def _resampled(score_of: Callable, groups: np.ndarray, n: int, seed: int, name: str) -> np.ndarray:
    """``score_of(rows)`` on ``n`` bootstrap samples, shape (n, ...); where it is not finite, drawn again."""
    drawn = []
    for rows in _draws(groups, 10 * n, seed):
        one = score_of(rows)
        if np.all(np.isfinite(one)):
            drawn.append(one)
        if len(drawn) == n:
            return np.array(drawn)
    raise ValueError(f"{name}: undefined on nearly every bootstrap sample, expected a finite number; {_CLASSES}")


def _draws(groups: np.ndarray, n: int, seed: int) -> Iterator[np.ndarray]:
    """Row numbers of ``n`` bootstrap samples: as many patients as there are, with replacement, all rows of each."""
    _, which = np.unique(groups, return_inverse=True)
    members = np.split(np.argsort(which, kind="stable"), np.cumsum(np.bincount(which))[:-1])
    rng = np.random.default_rng(seed)
    for _ in range(n):
        yield np.concatenate([members[i] for i in rng.integers(len(members), size=len(members))])


def _defined(score: Callable, y: np.ndarray, p: np.ndarray, name: str = "") -> float:
    """The score, or nan where a sample happens to hold one class only.

    With the ``name`` of the score, a ValueError in place of nan, with the score's own reason where it gives one.
    """
    value, reason = np.nan, _CLASSES
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            value = float(score(y, p))
        except ValueError as error:
            reason = str(error)
    if name and not np.isfinite(value):
        raise ValueError(f"{name}: undefined on these {len(y)} cases, expected a finite number; {reason}")
    return value


def score_table(predictions, part, against: str | None = None, scores=None, y=None, n: int = 1000, seed: int = 0):
    """Scores of several models on one part of a data set, by patient, and their paired differences.

    ``score_table({"network": p, "forest": q}, test, against="forest")`` is a table with a row for each model and the
    columns *AUC* and *AUC minus forest*. Each cell is an :class:`Interval`, printed as ``0.934 [0.910, 0.955]``. Every
    bootstrap sample draws whole patients (``part.groups``) and scores all models on it, so differences are paired: an
    interval that leaves 0 out says more than two intervals that do not overlap.

    Parameters
    ----------
    predictions
        Name -> predictions; the first axis counts the rows of ``part``.
    part
        What the predictions are for, with ``y`` and ``groups``, as ``Dataset.split`` returns it.
    against
        The rival from which the others are subtracted; no differences without one.
    scores
        Name -> ``score(y, p)``; by default the area under the ROC curve, ``{"AUC": roc_auc_score}``.
    y
        Labels, if they are not ``part.y``: ``y=test.y == 2`` for one disease among several.
    n
        Bootstrap samples.

    Returns
    -------
    pandas.DataFrame
        Rows in the order of ``predictions``; ``medlib.plot.intervals`` draws it.

    Raises
    ------
    ValueError
        If a prediction or ``y`` has not one row for each row of ``part``, ``against`` is not among the predictions, or
        a score is undefined.
    """
    import pandas as pd
    from sklearn.metrics import roc_auc_score

    scores = {"AUC": roc_auc_score} if scores is None else scores
    if against is not None and against not in predictions:
        raise ValueError(f"against: got {against!r}, expected one of the predictions, {', '.join(predictions)}")
    y = np.asarray(part.y if y is None else y)
    models = {name: np.asarray(p) for name, p in predictions.items()}
    for name, rows in {"y": y, **models}.items():
        if len(rows) != len(part.y) or not len(rows):
            raise ValueError(f"{name}: got {len(rows)} rows, expected one for each of the part's {len(part.y)}")
    groups, columns = _patients(part.groups, len(y)), {}
    for score_name, score in scores.items():
        value = np.array([_defined(score, y, p, f"{score_name} of {name}") for name, p in models.items()])

        def on(rows, score=score) -> list[float]:
            return [_defined(score, y[rows], p[rows]) for p in models.values()]

        drawn = _resampled(on, groups, n, seed, score_name)
        columns[score_name] = [Interval(float(v), *_middle(d)) for v, d in zip(value, drawn.T, strict=True)]
        if against is not None:
            rival = list(models).index(against)
            gaps = [
                Interval(float(v - value[rival]), *_middle(d - drawn[:, rival]))
                for v, d in zip(value, drawn.T, strict=True)
            ]
            columns[f"{score_name} minus {against}"] = [g if i != rival else "—" for i, g in enumerate(gaps)]
    return pd.DataFrame(columns, index=list(models), dtype=object)


def _middle(values: np.ndarray) -> tuple[float, float]:
    """The middle 95 % of bootstrap values."""
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def patient_means(values, part) -> np.ndarray:
    """The mean of each patient's rows, shape (patients, ...), patients in the order of ``numpy.unique(part.groups)``.

    ``patient_means(p, test)`` turns the probabilities of slices into one a patient; ``patient_means(test.y, test)``
    does so with their labels. Without ``part.groups`` each row is a patient.

    Raises
    ------
    ValueError
        If ``values`` has not one row for each row of ``part``.
    """
    values = np.asarray(values)
    if len(values) != len(part.y):
        raise ValueError(f"values: got {len(values)} rows, expected one for each of the part's {len(part.y)}")
    _, which, rows = np.unique(_patients(part.groups, len(values)), return_inverse=True, return_counts=True)
    sums = np.zeros((len(rows), *values.shape[1:]))
    np.add.at(sums, which, values)
    return sums / rows.reshape(-1, *[1] * (values.ndim - 1))


def diagnostic(y, p, threshold: float = 0.5, groups=None, n: int = 1000, seed: int = 0) -> dict[str, Interval]:
    """The scores of a diagnostic test, each with a 95 % interval.

    Sensitivity, specificity, positive and negative predictive value at ``threshold``; area under the ROC curve and
    Brier score without one. Proportions have Wilson intervals; where ``groups`` names the patient of each case, every
    interval is a bootstrap over patients. (A share of exactly 0 or 1 leaves the bootstrap nothing to vary: it gets the
    Wilson interval of as many cases as there are patients.) The predictive values hold at the prevalence of *this*
    sample only.

    Parameters
    ----------
    y
        Shape (n,): 1 where the disease is present, 0 where it is not. Both must occur.
    p
        Shape (n,): predicted probabilities of disease in [0, 1].

    Raises
    ------
    ValueError
        If labels are not 0 and 1, one class is missing, or ``p`` leaves [0, 1].
    """
    from sklearn.metrics import brier_score_loss, roc_auc_score

    y, p = np.asarray(y), np.asarray(p, float)
    if y.shape != p.shape or y.ndim != 1:
        raise ValueError(f"y, p: got shapes {y.shape} and {p.shape}, expected two vectors of the same length")
    if groups is not None and len(groups) != len(y):
        raise ValueError(f"groups: got {len(groups)} patients for {len(y)} cases, expected one for each case")
    if set(np.unique(y)) != {0, 1}:
        raise ValueError(f"y: got labels {np.unique(y)[:5]}, expected both 0 (healthy) and 1 (disease)")
    if not (p.min() >= 0 and p.max() <= 1):
        raise ValueError(
            f"p: got values from {p.min():.3g} to {p.max():.3g}, expected probabilities; apply a sigmoid to logits"
        )
    shares = {
        "sensitivity": lambda y, p: ((p >= threshold) & (y == 1), y == 1),
        "specificity": lambda y, p: ((p < threshold) & (y == 0), y == 0),
        "ppv": lambda y, p: ((p >= threshold) & (y == 1), p >= threshold),
        "npv": lambda y, p: ((p < threshold) & (y == 0), p < threshold),
    }
    scores = {}
    for name, parts in shares.items():
        right, called = parts(y, p)
        hits, of = int(right.sum()), int(called.sum())
        if of == 0:
            scores[name] = Interval(np.nan, 0.0, 1.0)  # nobody was called positive (or negative): nothing is known
        elif groups is None:
            scores[name] = proportion(hits, of)
        elif hits in (0, of):
            patients = len(np.unique(np.asarray(groups)[called]))
            scores[name] = proportion(patients if hits else 0, patients)
        else:
            scores[name] = bootstrap(lambda y, p, parts=parts: _share(*parts(y, p)), y, p, groups, n, seed)
    scores["auc"] = bootstrap(roc_auc_score, y, p, groups, n, seed)
    scores["brier"] = bootstrap(brier_score_loss, y, p, groups, n, seed)
    return scores


def _share(hits: np.ndarray, of: np.ndarray) -> float:
    return hits.sum() / of.sum() if of.any() else np.nan


# ------------------------------------------------------------------------------------- generated against real samples
#
# All of these compare rows of features, not images. Two sets of *real* rows give each score its null: report both.


def fid(real, fake) -> float:
    """Fréchet distance between Gaussian fits of two sets of features (Heusel et al. 2017, equation 6).

    ``|m - m'|² + tr(C + C' - 2 (C C')^½)`` with the means and covariances of the two sets: 0 for equal moments.

    Parameters
    ----------
    real, fake
        Shape (n, d) and (m, d), rows of features. Published values use ImageNet's Inception; with other features the
        numbers are comparable only among themselves.

    Notes
    -----
    Biased: two samples of N each of the same whitened distribution score about (2d + d(d + 1)/2) / N, not 0. Compare
    at equal N, against the value of real samples. It sees two moments, no more, and says nothing about copies.

    Raises
    ------
    ValueError
        If the features do not fit together, or there are not more rows than features.
    """
    real, fake = _features(real, fake)
    for name, rows in (("real", real), ("fake", fake)):
        if len(rows) <= rows.shape[1]:
            raise ValueError(
                f"{name}: got {len(rows)} rows of {rows.shape[1]} features, expected more rows than features, or the "
                "covariance is singular; add samples, or take kid"
            )
    shift = real.mean(0) - fake.mean(0)
    a, b = (np.atleast_2d(np.cov(rows.T)) for rows in (real, fake))
    root = np.sqrt(np.linalg.eigvals(a @ b).real.clip(0)).sum()  # the trace of (ab)^½
    return float(shift @ shift + np.trace(a) + np.trace(b) - 2 * root)


def kid(real, fake) -> float:
    """Kernel distance of two sets of features: unbiased MMD² with k(x, y) = (x·y / d + 1)³ (Bińkowski et al. 2018).

    0 on average for two samples of one distribution at any sample size, so a single value may be negative. The cubic
    kernel grows with the sixth power of the features: standardise them first, by the real set. Not comparable between
    feature networks.

    Raises
    ------
    ValueError
        If the features do not fit together, or a set has fewer than two rows.
    """
    real, fake = _features(real, fake)

    def kernel(x, y):
        return (x @ y.T / x.shape[1] + 1) ** 3

    def within(x):
        k = kernel(x, x)
        return (k.sum() - np.trace(k)) / (len(x) * (len(x) - 1))

    return float(within(real) + within(fake) - 2 * kernel(real, fake).mean())


def density_coverage(real, fake, k: int = 5) -> tuple[float, float]:
    """Density and coverage (Naeem et al. 2020, equations 4 and 5): is each fake among reals, each real among fakes?

    Around every real row lies a ball that reaches to its k-th real neighbour. *Density* counts in how many balls a
    fake lies, over k; 1 on average if the distributions agree, and it may exceed 1. *Coverage* is the share of balls
    that hold at least one fake; :func:`expected_coverage` is its value if the distributions agree.

    Notes
    -----
    In raw pixels blurred images cover more than real ones; take features of a network that knows the images.

    Raises
    ------
    ValueError
        If the features do not fit together, or ``k`` is not from 1 to the number of real rows minus 1.
    """
    from scipy.spatial.distance import cdist

    real, fake = _features(real, fake)
    if not 1 <= k < len(real):
        raise ValueError(f"k: got {k}, expected 1 to {len(real) - 1}, one less than there are real rows")
    radius = np.partition(cdist(real, real), k, axis=1)[:, k]  # place 0 is the row itself
    inside = cdist(real, fake) < radius[:, None]
    return float(inside.sum(axis=0).mean() / k), float(inside.any(axis=1).mean())


def expected_coverage(n: int, m: int, k: int = 5) -> float:
    """Coverage of n real by m fake rows of the same distribution (Naeem et al. 2020, lemma 2): the null, below 1."""
    return float(1 - np.prod([(n - 1 - j) / (n + m - 1 - j) for j in range(k)]))


def c2st(real, fake, real_groups=None, fake_groups=None, classifier=None, seed: int = 0) -> Interval:
    """Classifier two-sample test (Lopez-Paz and Oquab 2017): held-out accuracy of telling fake from real.

    One half of the rows trains the classifier, the other half tests it; the larger set is cut to the size of the
    smaller one. 0.5 means that *this* classifier sees no difference, which is not the same as no difference: another
    classifier may see one. The interval is Wilson's.

    Parameters
    ----------
    real_groups, fake_groups
        The patient of each row, when several rows belong to one: no patient is then in both halves. Draw one row a
        patient if the interval is to be taken at its word.
    classifier
        Any scikit-learn classifier; by default logistic regression on standardised features and their squares.

    Raises
    ------
    ValueError
        If the features do not fit together, or a set has fewer than eight rows.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupShuffleSplit
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    rng = np.random.default_rng(seed)
    sets = _features(real, fake)
    if min(map(len, sets)) < 8:
        raise ValueError(f"real, fake: got {len(real)} and {len(fake)} rows, expected at least 8 of each")
    halves = {"train": [], "test": []}
    n = min(map(len, sets))
    for label, (rows, groups) in enumerate(zip(sets, (real_groups, fake_groups), strict=True)):
        chosen = rng.choice(len(rows), n, replace=False)
        groups = np.arange(n) if groups is None else np.asarray(groups)[chosen]
        split = GroupShuffleSplit(1, test_size=0.5, random_state=seed)
        for name, part in zip(halves, next(split.split(rows[chosen], groups=groups)), strict=True):
            halves[name].append((rows[chosen][part], np.full(len(part), label)))
    x, y = (np.concatenate(parts) for parts in zip(*halves["train"], strict=True))
    if classifier is None:
        squares = FunctionTransformer(lambda x: np.hstack([x, x**2]))
        classifier = make_pipeline(StandardScaler(), squares, LogisticRegression(C=0.1, max_iter=2000))
    classifier.fit(x, y)
    x, y = (np.concatenate(parts) for parts in zip(*halves["test"], strict=True))
    return proportion(int(np.sum(classifier.predict(x) == y)), len(y))


def memorisation(train, holdout, fake) -> Interval:
    """How often a fake lies nearer to the training rows than to as many rows that the generator never saw.

    One half if nothing was copied; ρ + (1 - ρ)/2 if a share ρ of the fakes are copies. (A nearest-neighbour test in
    the spirit of Meehan et al. 2020.) The interval is Wilson's.

    Parameters
    ----------
    train, holdout, fake
        Shapes (n, d), (n, d), (m, d). Equal n: the larger of two sets has the nearer neighbour more often.

    Raises
    ------
    ValueError
        If the features do not fit together, or ``train`` and ``holdout`` differ in number.
    """
    from scipy.spatial.distance import cdist

    train, fake = _features(train, fake, "train")
    holdout, _ = _features(holdout, fake, "holdout")
    if len(train) != len(holdout):
        raise ValueError(
            f"train, holdout: got {len(train)} and {len(holdout)} rows, expected equally many; draw as many from the "
            "larger set"
        )
    near, far = (cdist(fake, rows).min(axis=1) for rows in (train, holdout))
    return proportion(int(np.sum(near < far) + np.sum(near == far) // 2), len(fake))


def _features(real, fake, name: str = "real") -> tuple[np.ndarray, np.ndarray]:
    """Two sets of feature rows as float64, or a ValueError that says what does not fit."""
    sets = []
    for label, rows in ((name, real), ("fake", fake)):
        rows = np.asarray(rows, np.float64)
        if rows.ndim != 2 or len(rows) < 2:
            raise ValueError(
                f"{label}: got shape {rows.shape}, expected (n, features) with n >= 2; flatten images, or pass them "
                "through a network first"
            )
        bad = int((~np.isfinite(rows)).sum())
        if bad:
            raise ValueError(f"{label}: got {bad} values that are nan or infinite, expected none; clean the data first")
        sets.append(rows)
    if sets[0].shape[1] != sets[1].shape[1]:
        raise ValueError(
            f"{name}, fake: got {sets[0].shape[1]} and {sets[1].shape[1]} features, expected the same number; use one "
            "feature network for both"
        )
    return sets[0], sets[1]
