"""Checks of notebook 43, reports from images."""

from __future__ import annotations

from collections import Counter

import numpy as np

from medlib.checks import array, call, close, exercise, number


def _counts(words: list[str], n: int) -> Counter:
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


@exercise("43.1")
def clipped(answer) -> str | None:
    """The n-grams of a report that stand in a reference, each as often as it stands there at most."""
    cases = (
        ("a a b a b c d", "a b b a e", 1),
        ("a b a b c a b", "c a b a b e f g", 2),
        ("no shift no shift no", "no shift", 1),
        ("a b c d e", "c d e f a b c", 3),
    )
    for mine, theirs, n in cases:
        mine, theirs = mine.split(), theirs.split()
        got = number(call(answer, mine, theirs, n))
        if got is None:
            return "expected one finite number, a share from 0 to 1"
        ours, right = _counts(mine, n), _counts(theirs, n)
        shared = sum((ours & right).values())
        if close(got, shared / sum(ours.values())):
            continue
        if close(got, sum(count for gram, count in ours.items() if gram in right) / sum(ours.values())):
            return "the clipping is missing: count each n-gram as often as it stands in the reference, at most"
        if close(got, shared / sum(right.values())):
            return "you divided by the n-grams of the reference; precision asks about those of the report"
        if close(got, len(set(ours) & set(right)) / len(set(ours))):
            return "you counted each kind of n-gram once; (43.1) adds up how often they occur"
        if close(got, shared):
            return "that is the number of shared n-grams; divide it by that of all n-grams of the report"
        if n > 1 and close(got, sum((_counts(mine, 1) & _counts(theirs, 1)).values()) / len(mine)):
            return "sequences of n words are asked for, and these are single words: hand n on to ngrams"
        return "for each n-gram of the report take the smaller of the two counts, add up, divide by all of the report"
    if number(call(answer, ["a", "b"], ["c", "d"], 1)) != 0:
        return "two texts without a common word share 0 of their n-grams"
    return None


@exercise("43.2")
def compare(answer) -> str | None:
    """Statements that are right, that are made, that are true."""
    cases = (
        (
            {"diagnosis": "tumour", "side": "left", "size": "large", "shift": "none", "old": "none"},
            {"diagnosis": "tumour", "side": "right", "size": "large", "shift": "slight", "old": "none"},
        ),
        (
            {"diagnosis": "healthy", "side": "none", "size": "none", "old": "left"},
            {"diagnosis": "ischaemia", "side": "left", "size": "small", "old": "none"},
        ),
        ({"diagnosis": "healthy", "side": "none"}, {"diagnosis": "healthy", "side": "none"}),
    )
    for said, true in cases:
        got = array(call(answer, said, true), (3,))
        if got is None:
            return "expected three numbers: right, made, true"
        made, present = (sum(value != "none" for value in facts.values()) for facts in (said, true))
        right = sum(said[name] == true[name] != "none" for name in said)
        if np.array_equal(got, [right, made, present]):
            continue
        if np.array_equal(got, [right, present, made]):
            return "the last two are exchanged: first what the report makes, then what is true"
        both = sum(said[name] == true[name] for name in said)
        if np.array_equal(got, [both, len(said), len(true)]) or np.array_equal(got, [both, made, present]):
            return 'the value "none" is no statement, neither a right one nor one made'
        values = [{value for value in facts.values() if value != "none"} for facts in (said, true)]
        if np.array_equal(got, [len(values[0] & values[1]), made, present]):
            return "a value counts as right only for the fact it belongs to: 'left' of an old infarct is no side"
        return 'a statement is a fact with its value, "none" aside; count those in both, those said, those true'
    got = array(call(answer, {"side": "left"}, {"side": "left", "size": "small"}), (3,))
    if got is None or not np.array_equal(got, [1, 1, 2]):
        return "a fact may be missing in one of the two dictionaries; then nothing is stated there"
    return None


@exercise("43.3")
def line_for(answer) -> str | None:
    """The lowest line above which at most so large a share is wrong."""
    sure = np.array([0.9, 0.2, 0.7, 1.0, 0.4, 0.7, 0.55, 0.3])
    wrong = np.array([0, 0, 1, 0, 0, 1, 0, 1], bool)
    for most in (0.35, 0.2, 0.4):
        got = call(answer, sure, wrong, most)
        got = number(got)
        if got is None:
            return "expected one finite number here: the value of the confidence from which reports are kept"
        lines = [line for line in np.unique(sure) if wrong[sure >= line].mean() <= most]
        kept = np.sum(sure >= got)
        if kept == np.sum(sure >= lines[0]):
            continue
        fails = [line for line in np.unique(sure) if line not in lines]
        if close(got, min(line for line in lines if line > max(fails, default=0))) and len(lines) > 1:
            return "a high line may fail where a lower one does not: do not stop at the first failure from above"
        if close(got, lines[-1]) and len(lines) > 1:
            return "that line is safe, but keeps too few: the lowest one is asked for, so that most reports are kept"
        if kept and wrong[sure >= got].mean() > most:
            return "above your line a larger share is wrong than is allowed; is the line's own patient kept, too?"
        return "try each value of the confidence as the line, from the lowest; stop where few enough above it are wrong"
    never = call(answer, np.array([0.3, 0.6]), np.array([True, True]), 0.5)
    plain = np.asarray(never, float) if never is not None else np.asarray(np.nan)
    if plain.size != 1 or not float(plain.reshape(())) > 0.6:
        return "where no line is safe enough, no report may be kept: return infinity"
    return None
