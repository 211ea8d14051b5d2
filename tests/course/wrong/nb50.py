"""Right and wrong answers to the exercises of notebook 50, and the hint that each must get."""

import numpy as np
from scipy.special import softmax


def _by_logarithms(pre, ratios):
    logit = np.log(pre) - np.log(1 - pre) + np.sum(np.log(ratios))
    return 1 / (1 + np.exp(-logit))


def _by_steps(pre, ratios):
    for ratio in ratios:
        pre = pre * ratio / (pre * ratio + 1 - pre)
    return pre


def _odds(pre, ratios):
    return pre / (1 - pre) * np.prod(ratios)


def _probability(odds):
    return odds / (1 + odds)


def _softly(prior, *evidence):
    return softmax(np.log(prior) + np.sum(evidence, axis=0), axis=1)


def _row_by_row(prior, *evidence):
    rows = []
    for i in range(len(evidence[0])):
        logits = np.log(prior)
        for piece in evidence:
            logits = logits + piece[i]
        p = np.exp(logits - logits.max())
        rows.append(p / p.sum())
    return np.array(rows)


def _overflows(prior, *evidence):
    with np.errstate(over="ignore", invalid="ignore"):
        p = prior * np.exp(sum(evidence))
        return p / p.sum(axis=1, keepdims=True)


def _over_patients(prior, *evidence):
    p = prior * np.exp(sum(evidence))
    return p / p.sum(axis=0, keepdims=True)


def _benefit(act=np.greater_equal, weight=lambda t: t / (1 - t), sign=-1):
    def answer(y, p, t):
        sent = act(p, t)
        return np.mean(sent & (y == 1)) + sign * weight(t) * np.mean(sent & (y == 0))

    return answer


def _by_loop(y, p, t):
    total = 0.0
    for truth, chance in zip(y, p, strict=True):
        if chance >= t:
            total += 1 if truth else -t / (1 - t)
    return total / len(y)


def _rates(y, p, t):
    sent = p >= t
    return sent[y == 1].mean() - t / (1 - t) * sent[y == 0].mean()


RIGHT = {
    "50.1": [_by_logarithms, _by_steps, lambda pre, ratios: _probability(_odds(pre, ratios))],
    "50.2": [_softly, _row_by_row],
    "50.3": [_benefit(), _by_loop],
}
WRONG = {
    "50.1": [
        (_odds, "odds / (1 + odds)"),
        (lambda pre, ratios: pre * np.prod(ratios), "multiplies odds"),
        (lambda pre, ratios: _probability(pre * np.prod(ratios)), "pre / (1 - pre)"),
        (lambda pre, ratios: 1 - _by_steps(pre, ratios), "no disease"),
        (lambda pre, ratios: _probability(pre / (1 - pre) * np.sum(ratios)), "not added"),
        (lambda pre, ratios: _by_steps(pre, ratios[:1]), "there are more"),
        (lambda pre, ratios: _probability(pre / (1 - pre) / np.prod(ratios)), "do not divide"),
        (lambda pre, ratios: 0.97, "three steps"),
        (lambda pre, ratios: [pre, pre], "one number"),
    ],
    "50.2": [
        (lambda prior, *e: np.log(prior) + sum(e), "those are logarithms"),
        (lambda prior, *e: prior * np.exp(sum(e)), "add up to 1"),
        (lambda prior, *e: softmax(sum(e), axis=1), "prior is missing"),
        (lambda prior, *e: softmax(prior + sum(e), axis=1), "not the prior"),
        (lambda prior, *e: _softly(prior, e[0]), "first piece"),
        (lambda prior, *e: _softly(prior, sum(e) / len(e)), "not averaged"),
        (lambda prior, *e: softmax(len(e) * np.log(prior) + sum(e), axis=1), "counts once"),
        (_over_patients, "not over patients"),
        (_overflows, "overflows"),
        (lambda prior, *e: np.full((len(e[0]), 4), 0.25), "divide by the sum of each row"),
        (lambda prior, *e: prior, "shape (n, 4)"),
    ],
    "50.3": [
        (lambda y, p, t: len(y) * _by_loop(y, p, t), "number of patients"),
        (_benefit(weight=lambda t: 0), "cost something"),
        (_benefit(weight=lambda t: 1), "does not weigh as much"),
        (_benefit(sign=1), "are subtracted"),
        (_benefit(weight=lambda t: t), "not t"),
        (_benefit(weight=lambda t: (1 - t) / t), "upside down"),
        (_rates, "rates of two groups"),
        (_benefit(act=np.greater), "p >= t"),
        (lambda y, p, t: np.mean(y), "two counts"),
        (lambda y, p, t: p >= t, "one number"),
    ],
}
