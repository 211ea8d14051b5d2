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


@exercise("54.2")
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


def _points(
    woman, age, bmi, waist, drugs, glucose, active, greens, family, bmis=(1, 3), men=False, yes=False, old=True
):
    points = 3 if 55 <= age <= 64 or (age > 64 and not old) else 4 if age > 64 else 2 if age >= 45 else 0
    points += bmis[1] if bmi > 30 else bmis[0] if bmi >= 25 else 0
    first, second = (94, 102) if men or not woman else (80, 88)
    points += 4 if waist > second else 3 if waist >= first else 0
    points += 2 * (active if yes else not active) + (greens if yes else not greens)
    return int(points + 2 * drugs + 5 * glucose + family)


def _sums(woman, age, bmi, waist, drugs, glucose, active, greens, family):
    """The mistake of adding every row that is reached: 2 + 3 for a person of 58."""
    points = 2 * (age >= 45) + 3 * (age >= 55) + 4 * (age > 64) + (bmi >= 25) + 3 * (bmi > 30)
    first, second = (80, 88) if woman else (94, 102)
    points += 3 * (waist >= first) + 4 * (waist > second)
    return int(points + 2 * drugs + 5 * glucose + 2 * (not active) + (not greens) + family)


@exercise("54.3")
def findrisc(answer) -> str | None:
    """The points of FINDRISC: one row at a time, both sides of every limit, then all together."""
    well = {"woman": True, "age": 40, "bmi": 22, "waist": 70, "drugs": False, "glucose": False}
    well |= {"active": True, "greens": True, "family": 0}
    people = [well, well | {"woman": False, "waist": 90}, well | {"waist": 90}]
    people += [well | {"age": age} for age in (44, 45, 54, 55, 64, 65, 80)]
    people += [well | {"bmi": bmi} for bmi in (24.9, 25, 29.5, 30, 30.5, 41)]
    people += [well | {"waist": waist} for waist in (79, 80, 88, 89)]
    people += [well | {"woman": False, "waist": waist} for waist in (93, 94, 102, 103)]
    people += [well | {name: True} for name in ("drugs", "glucose")]
    people += [well | {name: False} for name in ("active", "greens")]
    people += [well | {"family": family} for family in (3, 5)]
    people += [well | {"age": 58, "bmi": 31, "waist": 92, "drugs": True, "greens": False, "family": 5}]
    got = [number(call(answer, *person.values())) for person in people]
    if any(value is None for value in got):
        return "return one number, the points"
    right = np.array([_points(**person) for person in people])
    got = np.array(got)
    if np.array_equal(got, right):
        return None

    def all_with(function, **changed):
        return np.array([function(**person, **changed) for person in people])

    mistakes = [
        (all_with(_sums), "one row gives one number: who is 58 has 3 points for it, not 2 + 3"),
        (all_with(_points, yes=True), "the points are for *not* being active and *not* eating vegetables daily"),
        (all_with(_points, men=True), "the limits of the waist are others for a woman"),
        (all_with(_points, old=False), "over 64 years there are 4 points"),
        (all_with(_points, bmis=(3, 4)), "the body mass index gives 1 or 3; 3 and 4 are the waist's"),
        (right - np.array([person["family"] for person in people]), "add the points of the family"),
    ]
    person = people[int(np.argmax(got != right))]
    said = ", ".join(f"{name} {value}" for name, value in person.items() if value != well[name])
    return hint_for(got, mistakes, f"look at a person with {said or 'no risk at all'}: which row gives how much?")
