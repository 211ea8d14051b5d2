"""Checks of notebook 40, sequence models."""

from __future__ import annotations

import numpy as np

from medlib.checks import array, call, close, exercise, hint_for, number, parts


@exercise("40.1")
def carried(answer):
    rng = np.random.default_rng(40)
    for units, steps in ((3, 5), (4, 1), (2, 9)):
        U = rng.normal(size=(units, units))
        h = np.vstack([np.zeros(units), np.tanh(rng.normal(size=(steps, units)))])
        got = array(call(answer, U, h), (units, units))
        if got is None:
            return "expected one matrix (units, units)"
        right = _product(U, h[1:])
        if close(got, right):
            continue
        mistakes = [
            (right.T, "that is its transpose: row i says how the outputs answer to entry i of h₀"),
            (_product(U, h), "one step too many: h₀ came from no step, so its slope does not occur"),
            (_product(U, h[:-1]), "the slope of step k is 1 - h_k², from h_1 to h_T; h₀ came from no step"),
            (np.linalg.matrix_power(U, steps), "the slopes of tanh are missing: 1 - h²"),
            (_product(U.T, h[1:]), "here a row times U is the next row, so U stands there as it is, not transposed"),
            (_product(U, h[:0:-1]), "the factors stand in the order of the steps, the first one on the left"),
            (_scaled_first(U, h[1:]), "the slope of a step comes behind its U: it scales the columns of U"),
            (_product(U, np.sqrt(abs(h[1:]))), "the slope of tanh is 1 - h², with h its value: square it"),
        ]
        return hint_for(got, mistakes, "multiply, step by step, by U and then by diag(1 - h_k²)")
    return None


def _product(U, h) -> np.ndarray:
    J = np.eye(len(U))
    for row in h:
        J = J @ U * (1 - row**2)
    return J


def _scaled_first(U, h) -> np.ndarray:
    J = np.eye(len(U))
    for row in h:
        J = J * (1 - row**2) @ U
    return J


@exercise("40.2")
def blocks_for(answer):
    for samples, stride in ((300, 4), (500, 4), (12, 4), (1000, 10), (256, 4), (257, 4), (20, 2)):
        right = next(b for b in range(40) if 2 * stride + 2 * stride * (2**b - 1) >= samples)
        got = number(call(answer, samples, stride))
        if got is None:
            return "expected one whole number of blocks"
        if got == right:
            continue
        if got != int(got):
            return "a network has whole blocks: round up"
        if 2 * stride + 2 * stride * (2**got - 1) < samples:
            if samples == 257:
                return "right in most cases; when the samples are one more than so many blocks see, one more is needed"
            return f"with {got:g} blocks a frame sees too little: put the number into (40.8)"
        if got == right + 1:
            return "one block less would do: the first convolution alone sees 2 · stride samples"
        return "more than are needed: the dilations double, so the sum of B of them is 2^B - 1, times stride"
    return None


@exercise("40.3")
def update(answer):
    rng = np.random.default_rng(403)
    for size in (2, 3):
        root = rng.normal(size=(size, size))
        m, P = rng.normal(size=size), root @ root.T + np.eye(size)
        value, R = 2.5, 0.7
        pair = parts(call(answer, m, P, value, R), 2)
        if pair is None:
            return "expected two things: the new mean and the new covariance"
        mean, cov = array(pair[0], (size,)), array(pair[1], (size, size))
        if mean is None or cov is None:
            return "expected a mean (k,) and a covariance (k, k)"
        gain = P[:, 0] / (P[0, 0] + R)
        if not close(mean, m + gain * (value - m[0])):
            if close(mean, m + P[:, 0] / P[0, 0] * (value - m[0])) or close(mean[0], value):
                return "the gain divides by the variance of the *measurement*, P₁₁ + R"
            if close(mean, m + gain * value):
                return "the gain multiplies the surprise, y - m₁, not y itself"
            if close(mean, m - gain * (value - m[0])):
                return "the mean moves towards the measurement: a sign"
            if close(mean[0], m[0] + gain[0] * (value - m[0])):
                return "the first entry is right; the measurement also tells of the others, by P's first column"
            return "the mean: m + K (y - m₁), where K is P's first column over P₁₁ + R"
        if not close(cov, P - np.outer(gain, P[0])):
            if close(cov, P):
                return "the mean is right; P has to shrink as well"
            if close(cov, P - np.outer(gain, gain)) or close(cov, P + np.outer(gain, P[0])):
                return "the mean is right; from P the product of K and P's first row is taken away"
            return "the mean is right; the covariance is P - K P₁, with P₁ its first row"
    return None
