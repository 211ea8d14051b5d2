"""Right answers to the exercises of notebook 40; typical wrong ones, and a phrase of the hint that each must get."""

import math
from functools import reduce

import numpy as np


def carried(U, h):
    J = np.eye(len(U))
    for h_t in h[1:]:
        J = J @ U @ np.diag(1 - h_t**2)
    return J


def backwards(U, h):
    J = np.eye(len(U))
    for h_t in h[:0:-1]:
        J = (U * (1 - h_t**2)) @ J
    return J


def without_slopes(U, h):
    return np.linalg.matrix_power(U, len(h) - 1)


def all_rows(U, h):
    J = np.eye(len(U))
    for h_t in h:
        J = J @ U * (1 - h_t**2)
    return J


def transposed(U, h):
    J = np.eye(len(U))
    for h_t in h[1:]:
        J = J @ U.T * (1 - h_t**2)
    return J


def reversed_order(U, h):
    J = np.eye(len(U))
    for h_t in h[:0:-1]:
        J = J @ U * (1 - h_t**2)
    return J


def counted(samples, stride):
    blocks = 0
    while 2 * stride + 2 * stride * (2**blocks - 1) < samples:
        blocks += 1
    return blocks


def update(m, P, y, R):
    K = P[:, 0] / (P[0, 0] + R)
    return m + K * (y - m[0]), P - np.outer(K, P[0])


def joseph(m, P, y, R):
    H = np.zeros((1, len(m)))
    H[0, 0] = 1
    K = P @ H.T @ np.linalg.inv(H @ P @ H.T + R)
    I_KH = np.eye(len(m)) - K @ H
    return m + (K * (y - m[0]))[:, 0], I_KH @ P @ I_KH.T + R * K @ K.T


def inverse(m, P, y, R):
    H = np.zeros((1, len(m)))
    H[0, 0] = 1
    cov = np.linalg.inv(np.linalg.inv(P) + H.T @ H / R)
    return list(m + cov[:, 0] / R * (y - m[0])), cov


RIGHT = {
    "40.1": [carried, backwards, lambda U, h: reduce(lambda J, row: J @ U * (1 - row * row), h[1:], np.eye(len(U)))],
    "40.2": [counted, lambda n, s: max(0, math.ceil(math.log2(n / (2 * s)))), lambda n, s: float(counted(n, s))],
    "40.3": [update, joseph, inverse],
}

WRONG = {
    "40.1": [
        (lambda U, h: carried(U, h).T, "transpose"),
        (without_slopes, "slopes of tanh are missing"),
        (all_rows, "one step too many"),
        (transposed, "not transposed"),
        (lambda U, h: carried(U, h[:-1]), "diag(1 - h_k²)"),
        (reversed_order, "order of the steps"),
        (lambda U, h: carried(U, h)[0], "one matrix"),
    ],
    "40.2": [
        (lambda n, s: math.log2(n / (2 * s)), "whole blocks"),
        (lambda n, s: math.floor(math.log2(n / (2 * s))), "sees too little"),
        (lambda n, s: counted(n, s) + 1, "one block less"),
        (lambda n, s: math.ceil(n / (2 * s)), "dilations double"),
        (lambda n, s: counted(n - 1, s), "one more is needed"),
        (lambda n, s: [1, 2], "one whole number"),
    ],
    "40.3": [
        (lambda m, P, y, R: (m + P[:, 0] / P[0, 0] * (y - m[0]), P), "P₁₁ + R"),
        (lambda m, P, y, R: (m + P[:, 0] / (P[0, 0] + R) * y, P), "surprise"),
        (lambda m, P, y, R: (update(m, P, y, R)[0], P), "shrink"),
        (lambda m, P, y, R: (2 * m - update(m, P, y, R)[0], P), "a sign"),
        (lambda m, P, y, R: (np.r_[update(m, P, y, R)[0][0], m[1:]], P), "first column"),
        (lambda m, P, y, R: update(m, P, y, R)[0][0], "two things"),
    ],
}
