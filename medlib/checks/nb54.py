"""Checks of notebook 54, judging a prognosis."""

from __future__ import annotations

import numpy as np

from medlib.checks import array, call, calls, close, exercise, hint_for, number


def _cohort(seed: int, n: int = 40, ties: bool = False):
    """Risks, times and events of n patients; with ties, events and censorings at the same moment included."""
    rng = np.random.default_rng(seed)
    risk, time = rng.normal(size=n), rng.exponential(4, n)
    return risk, np.ceil(2 * time) / 2 if ties else time, rng.random(n) < 0.6


def _stayed(time, gone, at, left: bool, strict: bool = False) -> np.ndarray:
    """The Kaplan-Meier curve of leaving at times; strict: who dies at a moment is no longer at risk of leaving then."""
    result = np.ones(len(at))
    for m in np.unique(time[gone]):
        at_risk = np.sum(time > m) + np.sum((time == m) & gone) if strict else np.sum(time >= m)
        result = np.where(at > m if left else at >= m, result * (1 - np.sum((time == m) & gone) / at_risk), result)
    return result


def _weights(time, event, t, last=np.less_equal, left=True, strict=False, gone=np.logical_not, horizon=False):
    died, lived = event & last(time, t), time > t
    at = np.where(died & (not horizon), time, t)
    stayed = np.where(
        died & (not horizon),
        _stayed(time, gone(event), at, left, strict),
        _stayed(time, gone(event), at, False, strict),
    )
    return np.where(died | lived, 1 / np.maximum(stayed, 1e-9), 0.0)


@exercise("54.1")
def weights(answer) -> str | None:
    """Equation (54.1): at a moment of death, between moments, and with ties."""
    if calls(answer, "censoring_weights"):
        return "that is the library's; write the weights yourself"
    for seed, ties in ((1, False), (2, True)):
        _, time, event = _cohort(seed, ties=ties)
        for t in (2.25, float(np.sort(time[event])[8])):
            got = array(call(answer, time, event, t), (len(time),))
            right = _weights(time, event, t)
            if got is None:
                return "return one finite weight for each patient, whether he counts or not"
            if close(got, right) or close(got, _weights(time, event, t, strict=True)):
                continue
            known = right > 0
            late = np.where(event, 1 / np.maximum(_stayed(time, ~event, time, True), 1e-9), right)
            mistakes = [
                (_weights(time, event, t, gone=np.asarray), "G is the curve of *leaving*: what ends it is no death"),
                (_weights(time, event, t, horizon=True), "who died counts 1/G at his own time, not at the horizon"),
                (_weights(time, event, t, last=np.less), "a death at t itself counts: t_i ≤ t"),
                (_weights(time, event, t, left=False), "G is read just before the death: left=True"),
                (np.where(known, 1 / np.where(known, right, 1), 0), "who was unlikely to stay counts more: 1/G, not G"),
                (np.where(known, right, 1), "who was lost before t counts 0; others stand for him"),
                (known.astype(float), "those are the known ones, all alike; each must stand for some who were lost"),
                (late, "who died after t was alive at t: his weight is 1/G(t)"),
            ]
            return hint_for(got, mistakes, "deaths until t: 1/G just before; time > t: 1/G(t); everybody else 0")
    return None


def _auc(risk, time, event, t, w=None, tie: float = 0.5) -> float:
    w = _weights(time, event, t) if w is None else w
    case, control = time <= t, time > t
    pairs = w[case][:, None] * w[control]
    right = (risk[case][:, None] > risk[control]) + tie * (risk[case][:, None] == risk[control])
    return float((pairs * right).sum() / pairs.sum())


@exercise("54.2")
def auc(answer) -> str | None:
    """Equation (54.2), with risks that tie."""
    if any(calls(answer, name) for name in ("roc_auc_score", "auc_at")):
        return "that is the library's; sum over the pairs yourself"
    for seed, t in ((3, 3.0), (4, 2.0)):
        risk, time, event = _cohort(seed)
        risk = np.round(1.5 * risk) / 1.5  # so that some risks tie
        got, right = number(call(answer, risk, time, event, t)), _auc(risk, time, event, t)
        if got is None:
            return "return one number"
        if close(got, right, 1e-3):
            continue
        w = _weights(time, event, t)
        mistakes = [
            (1 - right, "upside down: the case should have the higher risk"),
            (_auc(risk, time, event, t, tie=0.0), "two equal risks count one half"),
            (_auc(risk, time, event, t, tie=1.0), "two equal risks count one half, not one"),
            (
                _auc(risk, time, event, t, np.ones(len(time))),
                "who was lost before t is no case: weigh with w, which is 0 there",
            ),
            (_auc(risk, time, event, t, (w > 0) * 1.0), "the known ones all count alike there; weigh them with w"),
        ]
        return hint_for(
            got, [m for m in mistakes if not close(m[0], right, 1e-3)], "pairs of a case (t_i ≤ t) and a control (> t)"
        )
    return None


def _spread(s, event, bins: int, censored=None) -> np.ndarray:
    shares = np.zeros(bins)
    for value, died in zip(s, event, strict=True):
        k = min(int(value * bins), bins - 1)
        if died:
            shares[k] += 1
        elif censored is None:
            shares[:k] += 1 / (bins * value)
            shares[k] += (value - k / bins) / value
        else:
            shares += censored(value, k, bins)
    return shares / len(s)


def _above(value, k, bins):
    if value == 1:
        return np.eye(bins)[-1]
    edges = np.arange(bins + 1) / bins
    return np.clip(edges[1:] - np.maximum(edges[:-1], value), 0, None) / (1 - value)


def _everywhere(value, k, bins):
    return np.full(bins, 1 / bins)


def _whole_bins(value, k, bins):
    return (np.arange(bins) <= k) / (k + 1)


def _lengths(value, k, bins):
    return np.clip(value - np.arange(bins) / bins, 0, 1 / bins)


@exercise("54.3")
def spread(answer) -> str | None:
    """Equation (54.5), with a value of 1 and numbers of bins that differ."""
    if calls(answer, "d_calibration"):
        return "that is the library's; spread the patients yourself"
    for seed, bins in ((5, 10), (6, 4)):
        rng = np.random.default_rng(seed)
        s, event = rng.uniform(0.05, 1, 30), rng.random(30) < 0.5
        s[0], s[1], event[:2] = 1.0, 0.97, (True, False)
        got, right = array(call(answer, s, event, bins), (bins,)), _spread(s, event, bins)
        if got is None:
            return "return one share for each bin, the lowest first"
        if close(got, right):
            continue
        mistakes = [
            (right * 30, "shares: divide by the number of patients"),
            (right[::-1], "the lowest bin comes first"),
            (_spread(s, np.ones(30, bool), bins), "who was censored is not in his bin: he will die somewhere below it"),
            (_spread(s, event, bins, _above), "a curve falls: whoever was censored at s dies later, *below* s"),
            (_spread(s, event, bins, _everywhere), "nobody dies above the s he lived to"),
            (_spread(s[event], event[event], bins), "the censored were left out; each is spread over 0 to s"),
            (
                _spread(s, event, bins, _whole_bins),
                "of his own bin only the part below s belongs to him: the shares are lengths over s",
            ),
            (
                _spread(s, event, bins, _lengths),
                "a censored patient counts one in all: divide the lengths by his s",
            ),
        ]
        return hint_for(got, mistakes, "a death counts 1 in the bin of its s; a censored patient 1, over 0 to s")
    return None
