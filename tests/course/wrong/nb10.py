"""Right answers to the exercises of notebook 10; typical wrong ones, and a phrase of the hint that each must get."""

import numpy as np


def _leaks(rows=slice(None, -1), border=1e-3, how=abs, reduce=np.max):
    def answer(logits_of, tokens):
        before, after = logits_of(tokens), logits_of([*tokens[:-1], tokens[-1] + 7])
        return bool(reduce(how(after - before)[rows]) > border)

    return answer


def _loop(logits_of, tokens):
    before, after = logits_of(tokens), logits_of([*tokens[:-1], tokens[-1] + 3])
    for one, two in list(zip(before, after, strict=True))[:-1]:
        if np.abs(one - two).max() > 0.001:
            return True
    return False


def _cache(times=1.0):
    def answer(shape, tokens, size):
        right = 2 * shape.layers * shape.groups * (shape.width // shape.heads) * tokens * size
        return right * (times(shape, size) if callable(times) else times)

    return answer


def _by_hand(shape, tokens, size):
    total = 0
    for _ in range(shape.layers):
        total += tokens * shape.groups * shape.width / shape.heads * size
        total += tokens * shape.groups * shape.width / shape.heads * size
    return total


def _llama(tables=2, groups=8, matrices=3, norms=2, end=1):
    width = 8192
    layer = 2 * width**2 + 2 * width**2 * groups // 64 + matrices * width * 28_672 + norms * width
    return tables * 32_000 * width + 80 * layer + end * width


EXACT = {"10.1"}  # the question asks for the exact number
RIGHT = {
    "10.1": [_llama(), float(_llama())],
    "10.2": [_leaks(), _leaks(border=5e-4), _loop],
    "10.3": [_cache(), _by_hand],
}
WRONG = {
    "10.1": [
        (_llama(tables=1), "a table of its own"),
        (_llama(groups=64), "belong to groups"),
        (_llama(matrices=2), "three matrices"),
        (_llama(norms=0), "normalises twice"),
        (_llama(end=0), "after all layers"),
        (_llama(tables=3), "one table too many"),
        (_llama() / 1e9, "not its billions"),
        (70_000_000_000, "term by term"),
        (69_000_000_000, "every parameter counts"),
    ],
    "10.2": [
        (_leaks(rows=slice(None)), "look at the last row"),
        (lambda logits_of, tokens: False, "sees the whole text"),
        (_leaks(rows=slice(1, -1)), "only the first place"),
        (_leaks(rows=slice(0, 1), border=0), "rounding"),
        (_leaks(how=np.positive), "up or down"),
        (lambda logits_of, tokens: "no", "neither"),
    ],
    "10.3": [
        (_cache(0.5), "keys *and* values"),
        (_cache(lambda s, size: s.heads / s.groups), "a head or a group"),
        (_cache(lambda s, size: 1 / s.layers), "one layer"),
        (_cache(lambda s, size: 1 / size), "counts numbers"),
        (_cache(lambda s, size: s.heads), "whole width"),
        (_cache(5), "one token and one layer"),
    ],
}
