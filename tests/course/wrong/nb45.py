"""Right answers to the exercises of notebook 45; typical wrong ones, and a phrase of the hint that each must get."""

import math
from functools import cache
from itertools import groupby


def even(apart, rate):
    samples = math.ceil(2 * rate / apart)
    return samples + samples % 2


def searched(apart, rate):
    samples = 2
    while 2 * rate / samples > apart:
        samples += 2
    return samples


def merged(path):
    return [k for k, _ in groupby(path) if k != 0]


def stepwise(path):
    out, last = [], 0
    for k in path:
        if k != 0 and k != last:
            out.append(k)
        last = k
    return out


def recursive(a, b):
    @cache
    def distance(i, j):
        if i == 0 or j == 0:
            return i + j
        return min(distance(i - 1, j) + 1, distance(i, j - 1) + 1, distance(i - 1, j - 1) + (a[i - 1] != b[j - 1]))

    return distance(len(a), len(b))


def table(a, b, swap=1, start=1):
    d = [[start * (i + j) for j in range(len(b) + 1)] for i in range(len(a) + 1)]
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            d[i][j] = min(d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + swap * (a[i - 1] != b[j - 1]))
    return d[-1][-1]


def place_by_place(a, b):
    return sum(x != y for x, y in zip(a, b, strict=False)) + abs(len(a) - len(b))


RIGHT = {
    "45.1": [even, searched, lambda apart, rate: 2 * math.ceil(rate / apart)],
    "45.2": [merged, stepwise, lambda path: tuple(merged(path))],
    "45.3": [recursive, table, lambda a, b: float(table(b, a))],
}

WRONG = {
    "45.1": [
        (lambda apart, rate: math.ceil(rate / apart), "half as long"),
        (lambda apart, rate: 2 * rate / apart, "whole samples"),
        (lambda apart, rate: math.ceil(2 * rate / apart), "an odd number"),
        (lambda apart, rate: 2 * math.floor(rate / apart), "a little too short"),
        (lambda apart, rate: 2 * math.floor(rate / apart) + 2, "two samples less"),
        (lambda apart, rate: 4 * math.ceil(rate / apart), "longer than needed"),
        (lambda apart, rate: [1, 2], "one whole number"),
    ],
    "45.2": [
        (lambda path: [k for k, _ in groupby(k for k in path if k)], "merge first"),
        (lambda path: [k for k in path if k], "runs of one symbol"),
        (lambda path: [k for k, _ in groupby(path)], "the blanks (0)"),
        (lambda path: sorted(set(path) - {0}), "come again later"),
        (lambda path: merged(path)[::-1], "another one"),
        (lambda path: "12", "a list of symbol numbers"),
    ],
    "45.3": [
        (lambda a, b: table(a, b, swap=2), "a substitution is one edit"),
        (lambda a, b: abs(len(a) - len(b)), "difference of the lengths"),
        (place_by_place, "place by place"),
        (lambda a, b: table(a, b, start=0), "0, 1, 2"),
        (lambda a, b: table(a, b) / max(len(a), 1), "a rate"),
        (lambda a, b: table(a, b) + 1, "distance 0"),
        (lambda a, b: [1, 2], "one whole number"),
    ],
}

EXACT = ("45.2",)  # an answer may be an empty list, which has no digits
