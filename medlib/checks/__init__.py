"""The checks of the course's exercises: one module a notebook, one function an exercise.

A check gets the reader's answer and returns ``None`` when it is right, or a hint that fits the mistake. It reads the
answer with the functions below, so that a right answer may be written in any way::

    @exercise("12.1")
    def steps(answer):
        values = array(answer, (3,))              # list, tuple, tensor, Series, column ... or None
        if values is None:
            return "expected three numbers"
        if not close(values[0], 0.08):            # to three significant digits
            return "the border: which curvature does (12.3) ask for?"

=================  ====================================================================================================
``number(a)``      one finite number: also a 0-d array, a tensor, one of shape (1,) or (1, 1), a Series of one, a
                   ``Fraction``; no text, no truth value
``array(a, s)``    finite numbers of shape ``s``, axes of length 1 aside; for one number a row, lists may be nested
``mask(a, s)``     True and False of shape ``s``; 0 and 1 will do
``parts(a, n)``    the ``n`` things of a tuple, list, array ...
``word(a, known)`` the one of the known words that is meant, whatever its capitals and blanks
``words(a, keys)`` the same for a dictionary (or Series): its keys in the form asked for
``close(a, b)``    equal to three significant digits (a relative ``TOLERANCE`` of 0.005), which is what a reader types
``call(f, ...)``   the result of the reader's function, run on copies of the arguments; an exception, or an argument
                   that the function changed, becomes a hint; three dots are "not attempted"
``calls(f, name)`` whether the reader's function uses (or is) a function of a library that has this name
=================  ====================================================================================================

Each returns ``None`` (``close``, ``calls``: False) for what it cannot read. A check never raises. ``hint_for``
finds the hint among the results of typical mistakes.
"""

from __future__ import annotations

import copy
import importlib
import pkgutil
from collections.abc import Callable, Iterable, Sequence
from types import CodeType

import numpy as np

#: Relative difference that is forgiven: half a unit of the third significant digit, at worst.
TOLERANCE = 5e-3

PASSED, NOT_ATTEMPTED, WRONG = "passed", "not attempted", "wrong"
_registry: dict[str, Callable] = {}


class _NotAttempted(Exception):
    """The reader's function still returns the three dots."""


class Hint(Exception):
    """A hint that is found deep inside a check: the reader's function could not be run, say; the text says why."""


def exercise(number: str) -> Callable[[Callable], Callable]:
    """Register a function as the check of exercise ``number``, for example ``"2.1"``."""

    def register(function: Callable) -> Callable:
        name, known = _name(function), _name(_registry.get(number, function))
        if name != known:  # the same name comes again when a module is reloaded
            raise ValueError(f"exercise {number} has two checks: {known} and {name}; number one of them anew")
        _registry[number] = function
        return function

    return register


def _name(function: Callable) -> str:
    return f"{function.__module__}.{function.__qualname__}"


def _unfinished(answer) -> bool:
    """Whether the answer is the three dots, or a tuple, list or dictionary that still holds them."""
    parts = answer.values() if isinstance(answer, dict) else answer if isinstance(answer, (list, tuple)) else ()
    return answer is ... or any(part is ... for part in parts)


# ------------------------------------------------------------------------------------------------ the reader's function


def call(function, *args, **kwargs):
    """The result of the reader's function on copies of the arguments, so that no answer can spoil the check.

    Three dots count as not attempted; an exception becomes a hint, not a traceback, and so does an argument that the
    function has changed: whoever calls it on the page would lose their data.
    """
    if not callable(function):
        raise Hint(f"expected a function, got {type(function).__name__}")
    given, named = copy.deepcopy(args), copy.deepcopy(kwargs)
    try:
        result = function(*given, **named)
    except Exception as error:
        raise Hint(f"your function raised {type(error).__name__}: {error}") from error
    if _unfinished(result):
        raise _NotAttempted
    kept = [*args, *kwargs.values()]
    for place, (before, after) in enumerate(zip(kept, [*given, *named.values()], strict=True), 1):
        if not _unchanged(before, after):
            raise Hint(
                f"your function changed its argument number {place}, which belongs to the caller; work on a copy, for "
                "example np.sort(x) for x.sort(), or x = x + 1 for x += 1"
            )
    return result


def _unchanged(before, after) -> bool:
    if isinstance(before, dict):
        return before.keys() == after.keys() and all(_unchanged(value, after[key]) for key, value in before.items())
    if isinstance(before, (list, tuple)):
        return len(before) == len(after) and all(map(_unchanged, before, after))
    if isinstance(before, np.ndarray):
        return np.array_equal(before, after, equal_nan=before.dtype.kind in "fc")
    if isinstance(before, (int, float, str, np.generic)):
        return bool(before == after or before != before)  # a missing value differs from itself
    return True  # random generators must change


def calls(function, name: str) -> bool:
    """Whether the reader's function is, or names, a library's function called ``name``, under an alias too."""
    code = getattr(function, "__code__", None)
    if code is None or getattr(function, "__name__", "") == name:
        return getattr(function, "__name__", "") == name
    named, waiting = set(), [code]
    while waiting:
        code = waiting.pop()
        named |= set(code.co_names)
        waiting += [part for part in code.co_consts if isinstance(part, CodeType)]
    known = getattr(function, "__globals__", {})
    return name in named or any(getattr(known.get(alias), "__name__", "") == name for alias in named)


# ------------------------------------------------------------------------------------------------ what the reader wrote


def _plain(answer) -> np.ndarray | None:
    """The answer as an array of real numbers or truth values; None when it holds anything else."""
    try:
        values = np.asarray(answer.numpy() if hasattr(answer, "numpy") else answer)
        if values.dtype == object:
            if any(isinstance(value, (str, bytes)) for value in values.flat):
                return None
            values = values.astype(float)  # fractions, tensors, decimals
    except Exception:  # ragged lists, None, and whatever else people assign
        return None
    return values if values.dtype.kind in "iufb" else None


def number(answer) -> float | None:
    """The answer as a finite number, or None when it is something else (True, False and "3" are something else)."""
    values = _plain(answer)
    if values is None or values.size != 1 or values.dtype.kind == "b":
        return None
    value = float(values.reshape(()))
    return value if np.isfinite(value) else None


def array(answer, shape: tuple[int, ...] = ()) -> np.ndarray | None:
    """The answer as finite floats of this shape, or None when it is something else. Axes of length 1 do not count."""
    if shape == ():
        value = number(answer)
        return None if value is None else np.asarray(value)
    values = _plain(answer)
    if values is None and isinstance(answer, (list, tuple)) and shape == (len(answer),):
        each = [number(part) for part in answer]  # a number beside a column of one, say
        values = None if None in each else np.asarray(each)
    if values is None or np.squeeze(values).shape != np.squeeze(np.empty(shape)).shape:
        return None
    values = values.astype(float).reshape(shape)
    return values if np.all(np.isfinite(values)) else None


def mask(answer, shape: tuple[int, ...]) -> np.ndarray | None:
    """The answer as True and False of this shape, or None; 0 and 1 will do."""
    values = array(answer, shape)
    return None if values is None or not np.isin(values, (0, 1)).all() else values.astype(bool)


def parts(answer, n: int) -> list | None:
    """The ``n`` things that a tuple, a list, an array or a Series holds, or None when it does not hold ``n``."""
    if isinstance(answer, (str, bytes, dict)) or not hasattr(answer, "__len__"):
        return None
    try:
        found = list(answer)
    except TypeError:
        return None
    return found if len(found) == n else None


def word(answer, known: Sequence[str]) -> str | None:
    """The one of the known words that is meant, whatever its capitals, blanks and quotation marks; or None."""
    if isinstance(answer, np.ndarray) and answer.size == 1:
        answer = answer.reshape(()).item()
    if not isinstance(answer, str):
        return None
    return {_bare(name): name for name in known}.get(_bare(answer))


def _bare(text: str) -> str:
    return " ".join(text.strip(" \"'\n\t").casefold().replace("_", " ").replace("-", " ").split())


def words(answer, keys: Sequence[str]) -> dict | None:
    """A dictionary (or a Series) with its keys written as in ``keys``, or None when it has other ones."""
    pairs = answer.to_dict() if hasattr(answer, "to_dict") else answer
    if not isinstance(pairs, dict):
        return None
    named = {word(key, keys): value for key, value in pairs.items()}
    return named if set(named) == set(keys) and len(pairs) == len(keys) else None


def close(value, right, rtol: float = TOLERANCE) -> bool:
    """Whether two numbers, all of two arrays of one shape, or an array and a number agree to a relative ``rtol``.

    A right value of 0 among others is forgiven a millionth of the largest; alone, it is forgiven a millionth.
    """
    value, right = np.asarray(value, float), np.asarray(right, float)
    scale = np.max(np.abs(right), initial=0.0) or 1.0
    return right.shape in ((), value.shape) and bool(np.allclose(value, right, rtol=rtol, atol=1e-6 * scale))


def hint_for(answer, mistakes: Iterable[tuple], otherwise: str) -> str:
    """The hint of the first mistake whose result the answer is close to; ``mistakes`` are pairs (result, hint)."""
    return next((words for result, words in mistakes if close(answer, result)), otherwise)


# ------------------------------------------------------------------------------------------------------------ the judge


def exercises() -> list[str]:
    """The numbers of all exercises, in the order of the course."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return sorted(_registry, key=lambda number: [int(part) for part in number.split(".")])


def judge(number: str, answer) -> tuple[str, str]:
    """Return (outcome, hint) for an answer; the hint is empty unless the outcome is ``WRONG``.

    Raises
    ------
    ValueError
        There is no exercise of that number.
    """
    if number not in _registry and number not in exercises():
        raise ValueError(f"exercise: got {number!r}, expected one of {', '.join(exercises())}")
    if _unfinished(answer):
        return NOT_ATTEMPTED, ""
    try:
        hint = _registry[number](answer)
    except _NotAttempted:
        return NOT_ATTEMPTED, ""
    except Hint as problem:
        return WRONG, str(problem)
    except Exception as error:  # an answer of a kind that the check did not foresee
        return WRONG, f"this answer could not be read ({type(error).__name__}: {error}); look at the form asked for"
    return (PASSED, "") if hint is None else (WRONG, hint)
