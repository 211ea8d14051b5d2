"""Checks of notebook 45, sound and speech."""

from __future__ import annotations

import numpy as np

from medlib.checks import array, call, close, exercise, number


@exercise("45.1")
def window_for(answer):
    for apart, rate in ((31.25, 1000), (125, 1000), (30, 1000), (70, 8000), (19, 2000), (100, 16000), (130, 1000)):
        got = number(call(answer, apart, rate))
        if got is None:
            return "expected one whole number of samples"
        right = 2 * int(np.ceil(rate / apart))
        if got == right:
            continue
        if got != int(got):
            return "a window has whole samples: round, in the direction that keeps the tones apart"
        if got in (int(np.ceil(rate / apart)), rate // apart):
            return "half as long as needed: the hills are 2/N of the rate wide, not 1/N"
        if got % 2:
            return "an odd number: take the next even one"
        if got < right:
            return "a little too short: with it the tones are closer than 2/N of the rate; round up"
        if got == right + 2:
            return "two samples less would do; where 2 · rate / apart is even already, nothing is added"
        return "longer than needed: put 2 · rate / N equal to the distance and solve for N"
    return None


@exercise("45.2")
def collapse(answer):
    cases = (
        [0, 1, 1, 0, 2],
        [1, 1, 1],
        [2, 1, 1, 2],
        [1, 0, 1],
        [0, 0],
        [3, 3, 0, 3, 0, 0, 3, 2, 2],
        [4, 0, 4, 4, 1],
    )
    for path in cases:
        given = call(answer, list(path))
        right = [k for k, last in zip(path, [0, *path[:-1]], strict=True) if k != last and k != 0]
        got = _symbols(given)
        if got is None:
            return "expected a list of symbol numbers (an empty one when there are only blanks)"
        if got == right:
            continue
        if len(set(got)) == len(got) and set(got) == set(right) and len(right) > len(got) and 0 not in path:
            return "a symbol may come again later: only neighbours are merged"
        dropped = [k for k in path if k != 0]
        if got == [k for place, k in enumerate(dropped) if place == 0 or k != dropped[place - 1]]:
            return "merge first, then drop the blanks: a blank keeps two equal symbols apart"
        if got == dropped:
            return "the blanks are gone; runs of one symbol have to be merged as well"
        if got == [k for place, k in enumerate(path) if place == 0 or k != path[place - 1]]:
            return "runs are merged; the blanks (0) have to go as well"
        return f"for the path {path} the answer is another one: merge runs of equal neighbours, then drop the zeros"
    return None


def _symbols(given) -> list[int] | None:
    """The answer as a list of whole numbers, or None."""
    if isinstance(given, (str, bytes, dict)) or given is None or not hasattr(given, "__len__"):
        return None
    values = array(given, (len(given),)) if len(given) else np.zeros(0)
    if values is None or not np.all(values == np.rint(values)):
        return None
    return [int(value) for value in np.ravel(values)]


@exercise("45.3")
def edit_distance(answer):
    for heard, written in (
        ("12s12s", "12s12s"), ("12", ""), ("", "123"), ("1s21s2", "121s2"), ("123123", "12s123d"),
        ("ssss", "s"), ("12121", "2121"), ("abc", "xaybzc"), ("kitten", "sitting"),
    ):  # fmt: skip
        got = number(call(answer, heard, written))
        if got is None:
            return "expected one whole number"
        right = _distance(heard, written)
        if got == right:
            continue
        if close(got, right / max(len(heard), 1)):
            return "that is a rate: here the number of edits is asked for"
        if heard == written:
            return "equal texts are at distance 0: what costs nothing when two symbols agree?"
        if got == abs(len(heard) - len(written)):
            return "more than the difference of the lengths: symbols may differ, too"
        if not heard or not written:
            return "from an empty text one inserts, and to one, one deletes: the first row and column are 0, 1, 2 ..."
        if got == _distance(heard, written, 2):
            return "a substitution is one edit, not a deletion and an insertion"
        if got == sum(a != b for a, b in zip(heard, written, strict=False)) + abs(len(heard) - len(written)):
            return "place by place is not enough: after one deletion all that follows is shifted"
        return "each entry is the smallest of three: above + 1, left + 1, and diagonal + 1 if the symbols differ"
    return None


def _distance(a, b, swap: int = 1) -> int:
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        new = [i]
        for j, y in enumerate(b, 1):
            new.append(min(row[j] + 1, new[-1] + 1, row[j - 1] + swap * (x != y)))
        row = new
    return row[-1]
