"""Checks of notebook 00, start here."""

from __future__ import annotations

import numpy as np

from medlib.checks import call, close, exercise, number


@exercise("0.1")
def malignant(answer) -> str | None:
    """212 of the 569 biopsies."""
    n = number(answer)
    if n is None:
        return "expected one whole number, for example malignant = 100"
    hints = {
        357: "those are the benign ones; a malignant biopsy has y equal to 1",
        569: "those are all the biopsies; count only the rows where y equals 1",
    }
    if 0 < n < 1 or 37 < n < 38:
        return "that is a share; the question asks for a number of biopsies"
    return None if n == 212 else hints.get(n, "look at the line below the first cell, or add up the ones in biopsies.y")


@exercise("0.2")
def npv(answer) -> str | None:
    """specificity * (1 - prevalence) / (specificity * (1 - prevalence) + (1 - sensitivity) * prevalence)."""
    for sens, spec, prev in ((0.9, 0.7, 0.1), (0.6, 0.95, 0.4)):
        value = number(call(answer, sens, spec, prev))
        if value is None:
            return "the function should return one number for three numbers; is there a return before the formula?"
        healthy, ill = spec * (1 - prev), (1 - sens) * prev
        mistakes = {
            "that is the PPV: it looks at the positive tests. Who has a negative one?": (
                sens * prev / (sens * prev + (1 - spec) * (1 - prev))
            ),
            "that is the share of negative tests that are wrong; the question asks for those that are right": (
                ill / (healthy + ill)
            ),
            "sensitivity and specificity have changed places: which of them speaks about healthy people?": (
                sens * (1 - prev) / (sens * (1 - prev) + (1 - spec) * prev)
            ),
            "the prevalence is on the wrong side: which share of the people is healthy?": (
                spec * prev / (spec * prev + (1 - sens) * (1 - prev))
            ),
            "this does not depend on the prevalence, and the answer does": spec / (spec + 1 - sens),
            "that is the share of all people who are healthy and reassured; divide by all who have a negative test": (
                healthy
            ),
        }
        for hint, wrong in mistakes.items():
            if close(value, wrong, 1e-3):
                return hint
        if not close(value, healthy / (healthy + ill), 1e-3):
            if not 0 <= value <= 1:
                return f"a share lies between 0 and 1, and yours is {value:.3g} for ({sens}, {spec}, {prev})"
            return "a negative test is either right (healthy, reassured) or wrong (ill, missed); write both shares down"
    return None


@exercise("0.3")
def threshold_for(answer) -> str | None:
    """max(t for t in p if np.mean(p[y == 1] >= t) >= target)."""
    rng = np.random.default_rng(3)
    for n, target in ((40, 0.9), (20, 0.5), (25, 1.0)):
        y = rng.permutation(np.repeat([0, 1], [60, n]))
        p = np.round(rng.beta(1 + 2 * y, 3 - 2 * y), 6)
        value = number(call(answer, y, p, target))
        if value is None:
            return "the function should return one number, a threshold; is there a return?"
        cancers = p[y == 1]
        best = max(t for t in p if np.mean(cancers >= t) >= target)
        if close(value, best, 1e-6):
            continue
        if close(value, max(t for t in p if np.mean(p[y == 0] >= t) >= target), 1e-6):
            return "you looked at the benign cases; the sensitivity is about those with y == 1"
        found = np.mean(cancers >= value)
        if found < target:
            return f"too high: asked for {target:.0%} of the cancers, this line finds {found:.0%}"
        if close(value, p[p < best].max(), 1e-6):
            return "one step too low: a case whose p equals the threshold counts as found (>=, not >)"
        alarms = int(np.sum(p[y == 0] >= value) - np.sum(p[y == 0] >= best))
        return (
            f"it finds {found:.0%} of the cancers where {target:.0%} were asked for, and a higher line does that too; "
            f"yours costs {alarms} more false alarms"
        )
    return None
