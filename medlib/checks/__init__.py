"""The checks of the course's exercises: one module a notebook, one function an exercise.

A check gets the reader's answer and returns ``None`` when it is right, or a hint that fits the mistake.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable

import numpy as np

PASSED, NOT_ATTEMPTED, WRONG = "passed", "not attempted", "wrong"
_registry: dict[str, Callable] = {}


class _NotAttempted(Exception):
    """The reader's function still returns the three dots."""


class _Hint(Exception):
    """The reader's function could not be run; the text says why."""


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


def call(function, *args, **kwargs):
    """Call the reader's function. Three dots count as not attempted; an exception becomes a hint, not a traceback."""
    if not callable(function):
        raise _Hint(f"expected a function, got {type(function).__name__}")
    try:
        result = function(*args, **kwargs)
    except Exception as error:
        raise _Hint(f"your function raised {type(error).__name__}: {error}") from error
    if _unfinished(result):
        raise _NotAttempted
    return result


def number(answer) -> float | None:
    """The answer as a finite number, or None when it is something else (True and False are something else)."""
    if isinstance(answer, bool) or not isinstance(answer, (int, float, np.integer, np.floating)):
        return None
    return float(answer) if np.isfinite(answer) else None


def array(answer, shape: tuple[int, ...] = ()) -> np.ndarray | None:
    """The answer as finite floats of this shape, or None when it is something else."""
    try:
        values = np.asarray(answer, float)
    except (TypeError, ValueError):
        return None
    return values if values.shape == shape and np.all(np.isfinite(values)) else None


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
    except _Hint as problem:
        return WRONG, str(problem)
    except Exception as error:  # an answer of a kind that the check did not foresee
        return WRONG, f"this answer could not be read ({type(error).__name__}: {error}); look at the form asked for"
    return (PASSED, "") if hint is None else (WRONG, hint)
