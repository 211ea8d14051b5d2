"""Right answers to the exercises of notebook 16; typical wrong ones, and a phrase of the hint that each must get."""

import numpy as np


def _excess(below=lambda n, d: n - d - 1, power=1, whole=False, border=lambda n, d: n <= d + 1):
    def answer(n, d, variance):
        if border(n, d):
            return np.inf
        return variance**power * ((1 if whole else 0) + d / below(n, d))

    return answer


def _split(exponent=lambda a, b: b / (a + b), factor=lambda A, a, B, b: a * A / (b * B), rest=None, turn=False):
    def answer(C, A, alpha, B, beta):
        N = factor(A, alpha, B, beta) ** (1 / (alpha + beta)) * C ** exponent(alpha, beta)
        pair = N, rest(C, N) if rest else C / N
        return pair[::-1] if turn else pair

    return answer


def _needed(floor=True, solve=lambda gap, B, beta: (B / gap) ** (1 / beta), border=lambda goal, E: goal <= E):
    def answer(goal, E, B, beta):
        if border(goal, E):
            return np.inf
        return solve(goal - E if floor else goal, B, beta)

    return answer


def _by_search(C, A, alpha, B, beta):
    N = np.exp(np.linspace(0, np.log(C), 200_001))
    best = N[np.argmin(A * N**-alpha + B * (C / N) ** -beta)]
    return [best, C / best]


RIGHT = {
    "16.1": [_excess(), lambda n, d, variance: variance * d / (n - d - 1) if n > d + 1 else float("inf")],
    "16.2": [_split(), _by_search],
    "16.3": [_needed(), _needed(solve=lambda gap, B, beta: np.exp(np.log(B / gap) / beta))],
}
WRONG = {
    "16.1": [
        (_excess(below=lambda n, d: n - d), "the 1 below the line"),
        (_excess(below=lambda n, d: n), "much larger"),
        (_excess(power=2), "σ² already"),
        (_excess(whole=True), "on top of"),
        (_excess(below=lambda n, d: n + d), "as it stands"),
        (lambda n, d, variance: variance * d / abs(n - d - 1 or 1), "return infinity"),
        (lambda n, d, variance: "much", "one number"),
    ],
    "16.2": [
        (_split(turn=True), "neurons first"),
        (_split(exponent=lambda a, b: a / (a + b)), "the *other* one"),
        (_split(factor=lambda A, a, B, b: A / B), "in the first factor"),
        (_split(rest=lambda C, N: C - N), "leaves"),
        (_split(exponent=lambda a, b: 0.5), "mind the brackets"),
        (lambda C, A, alpha, B, beta: C**0.5, "two numbers"),
    ],
    "16.3": [
        (_needed(solve=lambda gap, B, beta: (gap / B) ** (1 / beta)), "upside down"),
        (_needed(solve=lambda gap, B, beta: (B / gap) ** beta), "1 / β"),
        (_needed(floor=False), "only goal - E"),
        (_needed(solve=lambda gap, B, beta: B / gap), "take the root"),
        (
            _needed(border=lambda goal, E: goal < 0, solve=lambda gap, B, beta: (B / abs(gap or 1)) ** (1 / beta)),
            "infinity",
        ),
        (lambda goal, E, B, beta: None, "one number"),
    ],
}
