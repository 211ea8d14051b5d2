"""Checks of notebook 22, judging images."""

from __future__ import annotations

import numpy as np

from medlib.checks import array, call, close, exercise


@exercise("22.1")
def frechet_1d(answer) -> str | None:
    """(mean difference)² + (deviation difference)²."""
    rng = np.random.default_rng(62)
    x, y = rng.normal(1, 2, 500), rng.normal(3, 0.5, 400)
    got = array(call(answer, x, y))
    if got is None:
        return "expected one finite number"
    means, deviations = x.mean() - y.mean(), x.std() - y.std()
    if close(got, means**2 + deviations**2):  # n or n - 1 in the deviation
        return None
    if close(got, means**2):
        return "two samples with one mean may still differ in width: the second term is missing"
    if close(got, np.sqrt(means**2 + deviations**2)):
        return "that is the root of it; (22.1) is the squared distance"
    if close(got, abs(means) + abs(deviations)):
        return "both differences are squared before they are added"
    if close(got, means**2 + (x.var() - y.var()) ** 2):
        return "you compared variances; in (22.1), C + C' − 2√(CC') is a squared difference of standard deviations"
    if close(got, means**2 + abs(x.var() - y.var())):
        return "C + C' − 2√(CC') is not C − C'; with C = s² it is (s − s')²"
    return "in one dimension C is s²: write (22.1) with s and s', and look for a square"


@exercise("22.2")
def total_variation(answer) -> str | None:
    """Half the sum of the absolute differences of four shares, from samples of unequal size."""
    a = np.repeat([0, 1, 2, 3], [50, 30, 15, 5])
    b = np.repeat([0, 2, 3], [60, 60, 40])  # another size, and one kind is missing
    got = array(call(answer, a, b))
    if got is None:
        return "expected one finite number"
    counts = [np.bincount(kinds, minlength=4) for kinds in (a, b)]
    shares = [count / count.sum() for count in counts]
    apart = abs(shares[0] - shares[1]).sum()
    if close(got, apart / 2):
        return _empty_kinds(answer)
    if close(got, apart):
        return "whoever leaves one kind arrives at another, and was counted twice: take half of the sum"
    if got > 1:
        return "those are numbers of scans; samples of 100 and of 160 can only be compared by their shares"
    if close(got, abs(shares[0] - shares[1]).max()):
        return "that is the largest difference of one kind; (22.7) adds up all four"
    if close(got, np.sqrt(((shares[0] - shares[1]) ** 2).sum())) or close(got, ((shares[0] - shares[1]) ** 2).sum()):
        return "absolute differences, not squares: look at (22.7)"
    if close(got, abs((shares[0] - shares[1]).sum()), rtol=1e-3) or abs(got) < 1e-9:
        return "the differences add up to 0, as both sets of shares add up to 1; take the size of each one first"
    return "shares first, of kinds 0 to 3 in each sample, then (22.7): half the sum of the absolute differences"


def _empty_kinds(answer) -> str | None:
    """A sample without the last kind, on the other side."""
    got = array(call(answer, np.array([0, 0, 1]), np.array([0, 1, 1, 1])))
    right = abs(2 / 3 - 1 / 4)
    if got is None or not close(got, right):
        return "right, until a kind is missing from both samples; np.bincount(kinds, minlength=4) counts it as 0"
    return None


@exercise("22.3")
def seam(answer) -> str | None:
    """Mean absolute step from the last column of the left half to the first of the right half, one number a picture."""
    rng = np.random.default_rng(22)
    pictures = rng.normal(size=(7, 20, 12, 1)).astype("float32")
    got = array(call(answer, pictures), (7,))
    if got is None:
        one = array(call(answer, pictures))
        return (
            "one number for each picture: average over the rows of a picture, not over the pictures"
            if one is not None
            else "expected one finite number for each picture, shape (n,)"
        )
    step = pictures[:, :, 6, 0] - pictures[:, :, 5, 0]
    if close(got, abs(step).mean(axis=1)):
        return None
    if close(got, step.mean(axis=1)) or close(got, abs(step.mean(axis=1))):
        return "steps up and steps down cancel: take the size of each step before you average"
    if close(got, abs(step).sum(axis=1)):
        return "the mean over the rows, not the sum: then a picture of another height can be compared"
    if close(got, (step**2).mean(axis=1)) or close(got, np.sqrt((step**2).mean(axis=1))):
        return "absolute steps, not squares: one edge of bone would outweigh the whole seam"
    if close(got, abs(pictures[:, 10] - pictures[:, 9])[..., 0].mean(axis=1)):
        return "that is the step between rows; the halves meet between two columns, the third axis"
    for left in (4, 6):
        if close(got, abs(pictures[:, :, left + 1, 0] - pictures[:, :, left, 0]).mean(axis=1)):
            return "one column beside it: with 12 columns, numbered from 0, the halves meet between columns 5 and 6"
    return "columns middle − 1 and middle, with middle half of the width: their absolute difference, averaged over rows"
