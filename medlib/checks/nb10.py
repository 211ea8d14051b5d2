"""Checks of notebook 10, large models."""

from __future__ import annotations

from itertools import product

import numpy as np

from medlib.checks import Hint, call, close, exercise, mask, number

_WIDTH, _LAYERS, _HEADS, _GROUPS, _HIDDEN, _VOCABULARY = 8192, 80, 64, 8, 28_672, 32_000


@exercise("10.1")
def llama2(answer) -> str | None:
    """Equation (10.1) with a second table of vocabulary times width: 68,976,648,192."""
    value = number(answer)
    if value is None:
        return "expected one whole number"
    if value == _parameters():
        return None
    if close(value, _parameters() / 1e9):
        return "the number itself, please, not its billions"
    slips = {
        _parameters(tables=1): "the output has a table of its own here: (10.1) counts one table only",
        _parameters(groups=_HEADS): "keys and values belong to groups: how many of them are there, and how many heads?",
        _parameters(matrices=2): "the feed-forward part has three matrices: gate, up and down",
        _parameters(norms=0): "each layer normalises twice, and each time has a scale for each number of the width",
        _parameters(end=0): "the last normalisation, after all layers, is missing",
        _parameters(tables=3): "one table too many: the embedding, and the one of the output",
    }
    if value in slips:
        return slips[value]
    if close(value, _parameters()):
        return "nearly: every parameter counts here; does (10.1) leave anything of this model out?"
    return "take (10.1) term by term: what changes when the output has a table of its own?"


def _parameters(tables=2, groups=_GROUPS, matrices=3, norms=2, end=1) -> int:
    attention = 2 * _WIDTH**2 + 2 * _WIDTH**2 * groups // _HEADS
    layer = attention + matrices * _WIDTH * _HIDDEN + norms * _WIDTH
    return tables * _VOCABULARY * _WIDTH + _LAYERS * layer + end * _WIDTH


@exercise("10.2")
def leaks(answer) -> str | None:
    """Whether a change of the last token moves an earlier row by more than .001."""
    tokens = [3, 1, 4, 1, 5]
    for name, logits_of, right, hint in _MODELS:
        got = _truth(call(answer, logits_of, list(tokens)))
        if got != right:
            return hint if got is not None else f"return True or False; for a model that {name} it was neither"
    return None


def _truth(result) -> bool | None:
    """True or False, in whatever way it is written; None for something else."""
    value = mask(result, (1,))
    return None if value is None else bool(value[0])


_TABLE = np.random.default_rng(10).normal(size=(60, 6))


def _look_back(tokens):
    """A causal model: the mean so far."""
    rows = _TABLE[np.asarray(tokens) % 60]
    return np.cumsum(rows, axis=0) / np.arange(1, len(rows) + 1)[:, None]


def _look_at_all(tokens):
    """Not causal: the mean of all."""
    rows = _TABLE[np.asarray(tokens) % 60]
    return rows + rows.mean(axis=0)


def _only_first(tokens):
    """Only the first row sees the last token."""
    logits = _look_back(tokens)
    logits[0] += _TABLE[tokens[-1] % 60]
    return logits


def _rounding(tokens):
    """Causal but for rounding."""
    return _look_back(tokens) + 1e-6 * _TABLE[tokens[-1] % 60]


def _lower(tokens):
    """Every row sees the last token, which makes it smaller, in its second number alone."""
    logits = _look_back(tokens)
    logits[:-1, 1] -= 0.5 * (tokens[-1] - 5)
    return logits


_MODELS = [
    (
        "looks back only",
        _look_back,
        False,
        "a model that only looks back was called leaky: do you look at the last row?",
    ),
    ("looks at all", _look_at_all, True, "a model in which every place sees the whole text was called tight"),
    ("leaks to one place", _only_first, True, "one where only the first place sees the last token was called tight"),
    ("rounds", _rounding, False, "a change of a millionth is rounding: the border is .001"),
    ("lowers", _lower, True, "a change may go up or down, and in any of the logits: where is the absolute value?"),
]


@exercise("10.3")
def cache_bytes(answer) -> str | None:
    """2 · layers · groups · width / heads · tokens · size."""
    from medlib.models.llm import Shape

    shapes = [Shape(576, 30, 9, 3, 1536, 49_152), Shape(64, 5, 4, 2, 10, 300), Shape(96, 7, 8, 1, 20, 50)]
    for shape, tokens, size in product(shapes, (1, 700), (4, 2)):
        value = number(call(answer, shape, tokens, size))
        if value is None:
            raise Hint("return one number of bytes")
        d = shape.width // shape.heads
        right = 2 * shape.layers * shape.groups * d * tokens * size
        if close(value, right):
            continue
        slips = {
            right / 2: "half of it: keys *and* values are kept",
            right * shape.heads / shape.groups: "that is what all heads would need: who keeps keys, a head or a group?",
            right / shape.layers: "that is one layer",
            right / size: "that counts numbers; how many bytes does each take?",
            right / shape.groups: "that is one group",
            right * shape.heads: "a group does not keep the whole width: how many numbers has a head?",
        }
        for slip, hint in slips.items():
            if close(value, slip) and not close(slip, right):
                return hint
        return "take one token and one layer first: how many groups, how many numbers a group, how many times two?"
    return None
