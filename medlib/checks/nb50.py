"""Checks of notebook 50, from findings to a decision."""

from __future__ import annotations

import numpy as np

from medlib.checks import array, call, close, exercise, hint_for, number


@exercise("50.1")
def post_test(answer) -> str | None:
    """Equation (50.1), for one, two and four findings."""
    for pre, ratios in ((0.1, [5.0]), (0.02, [4.0, 0.3]), (0.4, [2.0, 5.0, 0.5, 3.0])):
        got = number(call(answer, pre, ratios))
        if got is None:
            return "return one number"
        odds, factor = pre / (1 - pre), np.prod(ratios)
        right = odds * factor / (1 + odds * factor)
        if not close(got, right):
            return hint_for(
                got,
                [
                    (odds * factor, "those are the odds after; a probability is odds / (1 + odds)"),
                    (pre * factor, "a likelihood ratio multiplies odds, not a probability; turn pre into odds first"),
                    (pre * factor / (1 + pre * factor), "the odds before are pre / (1 - pre)"),
                    (1 - right, "that is the probability of no disease"),
                    (odds * np.sum(ratios) / (1 + odds * np.sum(ratios)), "the factors are multiplied, not added"),
                    (odds * ratios[0] / (1 + odds * ratios[0]), "that is after the first finding; there are more"),
                    ((odds / factor) / (1 + odds / factor), "multiply the odds by the ratios, do not divide"),
                ],
                "three steps: odds before, times all ratios, and back to a probability",
            )
    return None


@exercise("50.2")
def together(answer) -> str | None:
    """Equation (50.6), with any number of pieces."""
    rng = np.random.default_rng(50)
    prior = np.array([0.5, 0.25, 0.15, 0.1])
    pieces = [rng.normal(0, 1.5, (6, 4)) for _ in range(3)]
    for count in (2, 1, 3):
        got = array(call(answer, prior, *pieces[:count]), (6, 4))
        total = sum(pieces[:count])
        right = _shares(np.log(prior) + total)
        if got is None:
            return f"return probabilities of shape (n, 4), with one piece of evidence or several (here {count})"
        if not close(got, right):
            return hint_for(
                got,
                [
                    (np.log(prior) + total, "those are logarithms; take e to that power and divide by the sum"),
                    (
                        prior * np.exp(total),
                        "divide by the sum: the four probabilities of a patient add up to 1",
                    ),
                    (_shares(total), "the prior is missing: add its logarithm"),
                    (_shares(prior + total), "the logarithm of the prior is added, not the prior"),
                    (_shares(np.log(prior) + pieces[0]), "that is the first piece of evidence alone"),
                    (_shares(np.log(prior) + total / count), "evidence is added up, not averaged"),
                    (_shares(count * np.log(prior) + total), "the prior counts once, however many pieces there are"),
                    (
                        _shares(np.log(prior) + total, axis=0),
                        "the sum runs over a patient's diagnoses, not over patients",
                    ),
                ],
                "add the logarithm of the prior and all evidence, take e to that power, divide by the sum of each row",
            )
    large = array(call(answer, prior, np.array([[900.0, 0.0, 0.0, 0.0], [0.0, 0.0, -900.0, 0.0]])), (2, 4))
    if large is None or not close(large[0], [1, 0, 0, 0]):
        return "right for small numbers; with 900 nats e to that power overflows: subtract the largest logarithm first"
    return None


def _shares(logits: np.ndarray, axis: int = 1) -> np.ndarray:
    p = np.exp(logits - logits.max())
    return p / p.sum(axis=axis, keepdims=True)


@exercise("50.3")
def net_benefit(answer) -> str | None:
    """Equation (50.8), at three thresholds, with a probability that equals one of them."""
    rng = np.random.default_rng(503)
    y = (rng.random(50) < 0.4).astype(int)
    p = (0.15 * y + rng.uniform(0, 0.85, 50)).round(3)
    p[:2], y[:2] = 0.2, [1, 0]
    for t in (0.2, 0.5, 0.07):
        acts = p >= t
        hits, false = np.sum(acts & (y == 1)), np.sum(acts & (y == 0))
        got, n, weight = number(call(answer, y, p, t)), len(y), t / (1 - t)
        right = hits / n - weight * false / n
        if got is None:
            return "return one number"
        if close(got, right):
            continue
        over = p > t
        strict = np.mean(over & (y == 1)) - weight * np.mean(over & (y == 0))
        return hint_for(
            got,
            [
                (n * right, "divide both counts by the number of patients"),
                (hits / n, "false alarms cost something: how much is one worth, against a hit?"),
                ((hits - false) / n, "a false alarm does not weigh as much as a hit: its weight is t / (1 - t)"),
                (hits / n + weight * false / n, "false alarms are subtracted"),
                (hits / n - t * false / n, "the weight is the odds t / (1 - t), not t"),
                (
                    hits / n - false / n / weight,
                    "the weight is upside down: a low line means that alarms are cheap",
                ),
                (
                    hits / y.sum() - weight * false / np.sum(y == 0),
                    "those are rates of two groups; divide by all patients",
                ),
                (strict, "one who has exactly the probability t is acted on: p >= t"),
            ],
            "two counts at p >= t: hits, and false alarms weighed by t / (1 - t); each over all patients",
        )
    return None
