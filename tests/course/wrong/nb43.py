"""Right answers to the exercises of notebook 43; typical wrong ones, and a phrase of the hint that each must get."""

from collections import Counter

import numpy as np


def _counts(words, n):
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def _clipped(words, reference, n):
    mine, theirs = _counts(words, n), _counts(reference, n)
    return sum(min(count, theirs[gram]) for gram, count in mine.items()) / sum(mine.values())


def _by_length(words, reference, n):
    return sum((_counts(words, n) & _counts(reference, n)).values()) / (len(words) - n + 1)


def _unclipped(words, reference, n):
    mine, theirs = _counts(words, n), _counts(reference, n)
    return sum(count for gram, count in mine.items() if gram in theirs) / sum(mine.values())


def _recall(words, reference, n):
    mine, theirs = _counts(words, n), _counts(reference, n)
    return sum((mine & theirs).values()) / sum(theirs.values())


def _kinds(words, reference, n):
    mine, theirs = set(_counts(words, n)), set(_counts(reference, n))
    return len(mine & theirs) / len(mine)


def _compare(said, true):
    made = {pair for pair in said.items() if pair[1] != "none"}
    present = {pair for pair in true.items() if pair[1] != "none"}
    return len(made & present), len(made), len(present)


def _loop(said, true):
    right = sum(1 for name in said if said[name] == true.get(name) and said[name] != "none")
    return [right, sum(v != "none" for v in said.values()), sum(v != "none" for v in true.values())]


def _none_counts(said, true):
    return sum(said[name] == true.get(name) for name in said), len(said), len(true)


def _by_value(said, true):
    made, present = ({v for v in facts.values() if v != "none"} for facts in (said, true))
    return len(made & present), _compare(said, true)[1], _compare(said, true)[2]


def _of_said(said, true):
    return _compare(said, {name: true[name] for name in said})


def _line(confidence, wrong, most):
    for line in np.unique(confidence):
        if wrong[confidence >= line].mean() <= most:
            return line
    return np.inf


def _line_by_list(confidence, wrong, most):
    lines = sorted(set(confidence.tolist()))
    return next((line for line in lines if np.mean(wrong[confidence >= line]) <= most), float("inf"))


def _from_above(confidence, wrong, most):
    best = np.inf
    for line in np.unique(confidence)[::-1]:
        if wrong[confidence >= line].mean() > most:
            break
        best = line
    return best


RIGHT = {
    "43.1": [_clipped, _by_length],
    "43.2": [_compare, _loop],
    "43.3": [_line, _line_by_list],
}

WRONG = {
    "43.1": [
        (_unclipped, "clipping is missing"),
        (_recall, "of the reference; precision"),
        (_kinds, "each kind of n-gram once"),
        (lambda words, reference, n: _clipped(words, reference, n) * (len(words) - n + 1), "number of shared"),
        (lambda words, reference, n: _clipped(words, reference, 1), "hand n on"),
        (lambda words, reference, n: 0.123, "smaller of the two counts"),
        (lambda words, reference, n: "much", "one finite number"),
        (lambda words, reference, n: _clipped(words, reference, n) or 1e-9, "without a common word"),
    ],
    "43.2": [
        (lambda said, true: (_compare(said, true)[0], *_compare(said, true)[:0:-1]), "exchanged"),
        (_none_counts, "is no statement"),
        (_by_value, "fact it belongs to"),
        (lambda said, true: 3, "three numbers"),
        (lambda said, true: (0, 1, 1), "count those in both"),
        (_of_said, "may be missing"),
    ],
    "43.3": [
        (lambda confidence, wrong, most: confidence.max(), "keeps too few"),
        (lambda confidence, wrong, most: confidence.min(), "larger share is wrong"),
        (_from_above, "first failure from above"),
        (lambda confidence, wrong, most: min(_line(confidence, wrong, most), confidence.max()), "return infinity"),
        (lambda confidence, wrong, most: confidence, "one finite number"),
        (lambda confidence, wrong, most: 0.97, "try each value"),
    ],
}
