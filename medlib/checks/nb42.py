"""Checks of notebook 42, language models and case reports."""

from __future__ import annotations

import numpy as np

from medlib.checks import array, call, close, exercise, number


@exercise("42.1")
def row_entropy(answer) -> str | None:
    """Minus the sum of p log p, zeros aside."""
    for p in ([0.7, 0.2, 0.1], [0.15, 0.6, 0.05, 0.2], [0.5, 0.5], [1.0]):
        got = number(call(answer, p))
        if got is None:
            return f"expected one finite number for {p}"
        p = np.array(p)
        right = -np.sum(p * np.log(p))
        if abs(got - right) < 5e-3 * max(right, 0.01):
            continue
        if close(got, -right):
            return "the sign: the logarithm of a probability is negative, an entropy is not"
        if close(got, right / np.log(2)):
            return "that is in bits; nats are asked for, with the natural logarithm"
        if close(got, right / len(p)):
            return "you took the mean over the values; the probabilities are the weights already, so add up"
        if close(got, -np.sum(np.log(p))):
            return "each surprise -log p must be weighted with p"
        return "add p times -log p over the values of the row"
    value = number(call(answer, [0.5, 0.0, 0.5]))
    if value is None:
        return "a probability of 0 gives 0 · log 0, which numpy calls nan; a value that never comes adds nothing"
    if not close(value, np.log(2)):
        return "a probability of 0 must change nothing: [.5, 0, .5] has the entropy of [.5, .5]"
    return None


@exercise("42.2")
def perplexity(answer) -> str | None:
    """exp of all nats over all words."""
    for nats, words in (([9.0, 21.0, 6.5], [30, 52, 18]), ([4.0, 40.0], [5, 90])):
        nats, words = np.array(nats), np.array(words)
        got = number(call(answer, nats, words))
        if got is None:
            return "expected one number for all texts together"
        if close(got - 1, np.exp(nats.sum() / words.sum()) - 1):
            continue
        if close(got, nats.sum() / words.sum()):
            return "those are the mean nats a word; the perplexity is their exponential"
        if close(got, np.exp(np.mean(nats / words))):
            return "you averaged over texts; average over words: all nats by all words"
        if close(got, np.exp(nats.mean())):
            return "that is a perplexity of whole texts; divide by the number of words"
        if close(got, 2 ** (nats.sum() / words.sum())):
            return "a base of 2 belongs to bits; the nats are natural"
        if close(got, np.exp(-nats.sum() / words.sum())):
            return "the sign: the nats are positive, and a perplexity is at least 1"
        return "all nats divided by all words, then exp"
    return None


@exercise("42.3")
def nucleus(answer) -> str | None:
    """The smallest set of likeliest words that reaches the share, scaled to one."""
    cases = (
        (np.array([0.1, 0.45, 0.05, 0.25, 0.15]), 0.6),
        (np.array([0.5, 0.3, 0.2]), 0.45),
        (np.array([0.05, 0.15, 0.8]), 0.9),
    )
    for p, share in cases:
        got = array(call(answer, p, share), p.shape)
        if got is None:
            return "return one finite number for each word, in the order of p"
        order = np.argsort(-p)
        total = np.cumsum(p[order])
        inside = np.zeros(len(p), bool)
        inside[order[total - p[order] < share]] = True
        right = np.where(inside, p, 0) / p[inside].sum()
        if np.allclose(got, right, atol=5e-3):
            continue
        if np.allclose(got, np.where(inside, p, 0), atol=5e-3):
            return "what is kept must add up to 1 again: divide by its sum"
        if np.allclose(got, right[order], atol=5e-3):
            return "the words came back sorted; each probability belongs to its own place in p"
        short = np.zeros(len(p), bool)
        short[order[total <= share]] = True
        kept = np.where(short, p, 0)
        if np.allclose(got, kept / max(kept.sum(), 1e-9), atol=5e-3) or np.allclose(got, kept, atol=5e-3):
            return "the word that crosses the share is kept: without it the share is not reached"
        return "sort from the likeliest down, and keep a word while the sum in front of it is below top_p"
    return None
