"""Right answers to the exercises of notebook 42; typical wrong ones, and a phrase of the hint that each must get."""

import numpy as np


def _entropy(p):
    p = np.asarray(p, float)
    p = p[p > 0]
    return -np.sum(p * np.log(p))


def _kept(p, share, keep_crossing=True, scale=True):
    p = np.asarray(p, float)
    order = np.argsort(-p)
    total = np.cumsum(p[order])
    chosen = order[(total - p[order] < share) if keep_crossing else (total <= share)]
    out = np.zeros(len(p))
    out[chosen] = p[chosen]
    return out / max(out.sum(), 1e-9) if scale else out


def _careless(p):
    with np.errstate(all="ignore"):
        return -np.sum(np.asarray(p) * np.log(p))


RIGHT = {
    "42.1": [_entropy, lambda p: sum(-x * np.log(x) for x in p if x > 0)],
    "42.2": [lambda nats, words: np.exp(np.sum(nats) / np.sum(words))],
    "42.3": [_kept],
}

WRONG = {
    "42.1": [
        (lambda p: -_entropy(p), "the sign"),
        (lambda p: _entropy(p) / np.log(2), "in bits"),
        (lambda p: _entropy(p) / len(p), "mean over the values"),
        (lambda p: -np.sum(np.log(p)), "weighted with p"),
        (_careless, "calls nan"),
        (lambda p: p, "expected one finite number"),
        (lambda p: 3.0, "add p times"),
        (lambda p: _entropy(p) + 0.1 * (0.0 in list(p)), "must change nothing"),
    ],
    "42.2": [
        (lambda nats, words: np.sum(nats) / np.sum(words), "their exponential"),
        (lambda nats, words: np.exp(np.mean(nats / words)), "averaged over texts"),
        (lambda nats, words: np.exp(np.mean(nats)), "whole texts"),
        (lambda nats, words: 2 ** (np.sum(nats) / np.sum(words)), "base of 2"),
        (lambda nats, words: np.exp(-np.sum(nats) / np.sum(words)), "the sign"),
        (lambda nats, words: np.exp(nats / words), "one number"),
        (lambda nats, words: 1.0, "all nats divided"),
    ],
    "42.3": [
        (lambda p, share: _kept(p, share, scale=False), "add up to 1 again"),
        (lambda p, share: np.sort(_kept(p, share))[::-1], "came back sorted"),
        (lambda p, share: _kept(p, share, keep_crossing=False), "crosses the share"),
        (lambda p, share: p, "sort from the likeliest"),
        (lambda p, share: 1.0, "one finite number for each word"),
    ],
}
