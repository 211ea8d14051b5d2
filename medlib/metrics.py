"""Scores with intervals. What scikit-learn and scipy compute, they compute; this module adds the uncertainty."""

from __future__ import annotations

import warnings
from collections.abc import Callable
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
    y, p = np.asarray(y), np.asarray(p)
    groups = np.arange(len(y)) if groups is None else np.asarray(groups)
    if not len(y) == len(p) == len(groups):
        raise ValueError(
            f"y, p, groups: got lengths {len(y)}, {len(p)}, {len(groups)}, expected the same number of cases"
        )
    value = _defined(score, y, p) if len(y) else np.nan
    if not np.isfinite(value):
        raise ValueError(f"score: undefined on these {len(y)} cases, expected a finite number; {_CLASSES}")
    _, which = np.unique(groups, return_inverse=True)
    members = np.split(np.argsort(which, kind="stable"), np.cumsum(np.bincount(which))[:-1])
    rng, values = np.random.default_rng(seed), []
    for _ in range(10 * n):
        rows = np.concatenate([members[i] for i in rng.integers(len(members), size=len(members))])
        drawn = _defined(score, y[rows], p[rows])
        if np.isfinite(drawn):
            values.append(drawn)
        if len(values) == n:
            low, high = np.quantile(values, [0.025, 0.975])
            return Interval(value, float(low), float(high))
    raise ValueError(f"score: undefined on nearly every bootstrap sample, expected a finite number; {_CLASSES}")


def _defined(score: Callable, y: np.ndarray, p: np.ndarray) -> float:
    """The score, or nan where a sample happens to hold one class only."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return float(score(y, p))
        except ValueError:
            return np.nan


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
