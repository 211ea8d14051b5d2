"""The same answer, written in other ways: what a fair check must not mind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction

import numpy as np


def in_other_ways(answer) -> Iterator[tuple[str, object]]:
    """Pairs (how it is written, answer) of at least five ways to write an answer, or to return it from a function."""
    if callable(answer):
        for name in ("as it is", *WAYS):
            yield name, lambda *args, name=name, **kwargs: rewritten(answer(*args, **kwargs), name)
        return
    yield "as it is", answer
    for name in WAYS:
        yield name, rewritten(answer, name)


def rewritten(answer, name: str):
    """The answer in one of the ``WAYS``; parts of unequal kind are rewritten one by one, into a list."""
    if name == "as it is":
        return answer
    if isinstance(answer, dict):
        return {f" {key.lower()}": f" {value.upper()} " for key, value in answer.items()}
    if isinstance(answer, (tuple, list)) and any(np.ndim(part) or isinstance(part, tuple) for part in answer):
        return [rewritten(part, name) for part in answer]
    return WAYS[name](np.asarray(answer))


def _tensor(values: np.ndarray):
    from medlib.lesson import quiet_keras

    quiet_keras()
    import tensorflow as tf

    return tf.constant(values)


def _series(values: np.ndarray):
    import pandas as pd

    return pd.Series(values.reshape(-1)) if values.ndim < 2 else pd.DataFrame(values) if values.ndim == 2 else values


def _objects(values: np.ndarray):
    exact = [Fraction(float(v)) if np.isfinite(v) else float(v) for v in values.flat]  # infinity is no fraction
    return np.array(exact, dtype=object).reshape(values.shape)


WAYS: dict[str, Callable[[np.ndarray], object]] = {
    "a list": lambda values: values.tolist(),
    "an array": lambda values: values,
    "a tensor": _tensor,
    "a column": lambda values: values[..., None],
    "a Series or a frame": _series,
    "fractions": _objects,
    "0 and 1, or floats": lambda values: values.astype(float),
    "three digits": lambda values: np.vectorize(lambda v: float(f"{v:.3g}") if values.dtype.kind == "f" else v)(values),
}
