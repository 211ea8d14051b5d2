"""Checks of notebook 53, prognosis."""

from __future__ import annotations

import numpy as np

from medlib.checks import call, calls, close, exercise, hint_for, number


def _cohort(seed: int, n: int = 40, ties: bool = True):
    """Risks, times and events of n patients; times tie, events and censorings at the same moment included."""
    rng = np.random.default_rng(seed)
    eta, time = rng.normal(size=n), rng.exponential(4, n)
    return eta, np.ceil(2 * time) / 2 if ties else time, rng.random(n) < 0.6


def _product(time, event, t, at_risk=lambda time, m: np.sum(time >= m), last=lambda m, t: m <= t) -> float:
    moments = [m for m in np.unique(time[event]) if last(m, t)]
    return float(np.prod([1 - np.sum((time == m) & event) / max(at_risk(time, m), 1) for m in moments]))


@exercise("53.1")
def alive_at(answer) -> str | None:
    """Equation (53.1), with ties, at a moment of death, before the first and after the last."""
    if calls(answer, "KaplanMeierFitter") or calls(answer, "kaplan_meier"):
        return "that is the library's; write the product itself"
    _, time, event = _cohort(1)
    for t in (3.0, 4.25, 0.1, float(time.max())):
        got, right = number(call(answer, time, event, t)), _product(time, event, t)
        if got is None:
            return "return one number"
        if close(got, right):
            continue
        mistakes = [
            (_product(time, event, t, last=lambda m, t: m < t), "a death at t itself counts: t_i ≤ t"),
            (
                _product(time, event, t, at_risk=lambda time, m: np.sum(time > m)),
                "who is censored or dies at a moment is still at risk there: time >= moment",
            ),
            (
                _product(time, event, t, at_risk=lambda time, m: len(time)),
                "the number at risk shrinks with time; yours is everybody, always",
            ),
            (
                1 - np.mean(event & (time <= t)),
                "that counts deaths among all; who was censored early cannot be seen to die",
            ),
            (1 - right, "that is the share that has died; the share alive is asked for"),
            (
                _product(time[event], event[event], t),
                "that leaves out who was censored, with all that was known of them",
            ),
        ]
        return hint_for(
            got,
            mistakes,
            "one factor for each *moment* of death: deaths there over patients at risk there, ties together",
        )
    return None


@exercise("53.2")
def partial_loss(answer) -> str | None:
    """Equation (53.3)."""
    for seed in (2, 3):
        eta, time, event = _cohort(seed)
        got, right = number(call(answer, eta, time, event)), _loss(eta, time, event)
        if got is None:
            return "return one number"
        if close(got, right):
            continue
        mistakes = [
            (-right, "the sign: a loss falls where the likelihood rises"),
            (right * len(time), "divide by the number of all patients"),
            (right * len(time) / event.sum(), "divide by the number of all patients, not of the deaths"),
            (_loss(eta, -time, event), "at risk are those who are followed as long or *longer*"),
            (_loss(eta, time, event, later=True), "who dies at t_i is at risk at t_i, too: t_j ≥ t_i"),
            (_loss(eta, time, np.ones_like(event)), "only deaths add a term; the censored stand among those at risk"),
            (
                _loss(eta[event], time[event], event[event]) * event.mean(),
                "the censored are at risk while they are followed: leave them in the sum",
            ),
        ]
        return hint_for(
            got, mistakes, "for each death: the log of the sum of exp(η) over those at risk, less the η of who died"
        )
    return None


def _loss(eta, time, event, later: bool = False) -> float:
    total = 0.0
    for i in np.flatnonzero(event):
        at_risk = time > time[i] if later else time >= time[i]
        total += np.log(max(np.exp(eta[at_risk]).sum(), 1e-9)) - eta[i]
    return total / len(time)


@exercise("53.3")
def c_index(answer) -> str | None:
    """Equation (53.5): censored pairs left out, tied risks one half."""
    if calls(answer, "concordance_index") or calls(answer, "concordance"):
        return "that is the library's; count the pairs yourself"
    for seed in (4, 5):
        risk, time, event = _cohort(seed, 25, ties=False)
        risk = np.round(2 * risk) / 2  # so that some risks tie
        got, right = number(call(answer, risk, time, event)), _share(risk, time, event)
        if got is None:
            return "return one number"
        if close(got, right):
            continue
        mistakes = [
            (1 - right, "upside down: the higher risk should belong to the shorter time"),
            (_share(risk, time, event, tie=0.0), "two equal risks count one half"),
            (_share(risk, time, event, tie=1.0), "two equal risks count one half, not one"),
            (_share(risk, time, np.ones_like(event)), "a pair counts only if the *earlier* time is a death"),
            (
                _share(risk[event], time[event], event[event]),
                "the later of the two may be censored: only the earlier must be a death",
            ),
        ]
        return hint_for(
            got,
            mistakes,
            "count the pairs in which a death came before the other's time; in how many was its risk higher?",
        )
    return None


def _share(risk, time, event, tie: float = 0.5) -> float:
    first = event[:, None] & (time[:, None] < time)
    right = (risk[:, None] > risk) + tie * (risk[:, None] == risk)
    return float((first * right).sum() / first.sum())
