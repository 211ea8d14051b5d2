"""Checks of notebook 16, scaling laws."""

from __future__ import annotations

import numpy as np

from medlib.checks import call, close, exercise, number, parts


@exercise("16.1")
def excess(answer) -> str | None:
    """Equation (16.2), and infinity from n = d + 1 downwards."""
    for n, d, variance in ((100, 50, 4.0), (23, 5, 0.3)):
        got, right = number(call(answer, n, d, variance)), variance * d / (n - d - 1)
        if got is None:
            return "return one number"
        if close(got, right):
            continue
        if close(got, variance * d / (n - d)):
            return "nearly: the 1 below the line is missing"
        if close(got, variance * d / n):
            return "that is what remains of it when n is much larger than d"
        if close(got, variance**2 * d / (n - d - 1)):
            return "`variance` is σ² already"
        if close(got, variance * (1 + d / (n - d - 1))):
            return "that is the whole error; the excess is what comes on top of the variance"
        return "take (16.2) as it stands, with `variance` for σ²"
    for n, d in ((51, 50), (50, 50), (10, 50)):
        if _value(call(answer, n, d, 1.0)) != np.inf:
            return f"n = {n}, d = {d}: no such mean exists where n is not larger than d + 1; return infinity"
    return None


@exercise("16.2")
def split(answer) -> str | None:
    """Equation (16.4)."""
    for C, A, alpha, B, beta in ((1e6, 30.0, 0.4, 200.0, 0.7), (3e8, 400.0, 0.34, 410.0, 0.28)):
        pair = parts(call(answer, C, A, alpha, B, beta), 2)
        got = None if pair is None else [number(part) for part in pair]
        if got is None or None in got:
            return "return two numbers: neurons, examples"
        N = (alpha * A / (beta * B)) ** (1 / (alpha + beta)) * C ** (beta / (alpha + beta))
        if close(got[0], N) and close(got[1], C / N):
            continue
        if close(got[1], N) and close(got[0], C / N):
            return "neurons first, then examples"
        if close(got[0], N):
            return "the neurons are right; the examples are what the budget leaves, C / N"
        if close(got[0], (alpha * A / (beta * B)) ** (1 / (alpha + beta)) * C ** (alpha / (alpha + beta))):
            return "the exponent of C is that of the *other* one: β / (α + β)"
        if close(got[0], (A / B) ** (1 / (alpha + beta)) * C ** (beta / (alpha + beta))):
            return "α and β stand in the first factor, too: they come from the slopes"
        return "take (16.4) factor by factor, and mind the brackets of the exponents"
    return None


@exercise("16.3")
def examples_needed(answer) -> str | None:
    """(16.3) without its middle term, solved for n; infinity at and below the floor."""
    for goal, E, B, beta in ((20.0, 16.0, 300.0, 0.6), (5.0, 1.0, 9.0, 0.25)):
        got, right = number(call(answer, goal, E, B, beta)), (B / (goal - E)) ** (1 / beta)
        if got is None:
            return "return one number"
        if close(got, right):
            continue
        if close(got, ((goal - E) / B) ** (1 / beta)):
            return "upside down: more examples lower the error"
        if close(got, (B / (goal - E)) ** beta):
            return "undo the power: the exponent is 1 / β"
        if close(got, (B / goal) ** (1 / beta)):
            return "the floor E is in the error, too: only goal - E is paid for with examples"
        return "bring E to the other side, then n^β, then take the root"
    for goal in (16.0, 12.0):
        if _value(call(answer, goal, 16.0, 300.0, 0.6)) != np.inf:
            return "at the floor and below it no number of examples helps: return infinity"
    return None


def _value(result) -> float | None:
    """A number that may be infinite, or None."""
    try:
        return float(np.asarray(result).reshape(()))
    except (TypeError, ValueError):
        return None
