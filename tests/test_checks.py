"""medlib.checks: answers are judged, never crashed on."""

from __future__ import annotations

import numpy as np
import pytest

from medlib import checks
from medlib.checks import NOT_ATTEMPTED, PASSED, WRONG, call, exercise, judge


@pytest.fixture(autouse=True)
def course(monkeypatch):
    """A registry of our own; the real exercises come back afterwards."""
    checks.exercises()
    monkeypatch.setattr(checks, "_registry", {})
    monkeypatch.setattr(checks, "__path__", [])


def square(answer):
    got = call(answer, 3)
    if np.shape(got) != ():
        return f"expected one number, got the shape {np.shape(got)}"
    return None if got == 9 else "the square of 3 is 9"


def test_right_wrong_and_not_attempted():
    exercise("1.1")(square)
    assert judge("1.1", lambda x: x**2) == (PASSED, "")
    assert judge("1.1", lambda x: 2 * x) == (WRONG, "the square of 3 is 9")
    assert judge("1.1", ...) == (NOT_ATTEMPTED, "")
    assert judge("1.1", lambda x: ...) == (NOT_ATTEMPTED, "")


@pytest.mark.parametrize("answer", [(1.0, ...), [..., ...], {"mean": ..., "std": 2}])
def test_an_answer_in_parts_counts_when_every_part_is_there(answer):
    exercise("1.1")(lambda answer: "wrong")
    assert judge("1.1", answer) == (NOT_ATTEMPTED, "")
    exercise("1.2")(lambda answer: call(answer) and "wrong")
    assert judge("1.2", lambda: answer) == (NOT_ATTEMPTED, "")


def test_an_array_is_an_answer():
    exercise("1.1")(lambda answer: None if np.shape(answer) == (2, 2) else "shape")
    assert judge("1.1", np.ones((2, 2))) == (PASSED, "")
    assert judge("1.1", np.array([..., 1], dtype=object)) == (WRONG, "shape")


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        ("a word", "expected a function, got str"),
        (None, "expected a function, got NoneType"),
        (lambda: 9, "your function raised TypeError: "),
        (lambda x: x.shape, "your function raised AttributeError: 'int' object has no attribute 'shape'"),
        (lambda x: [9, 9], "expected one number, got the shape (2,)"),
        (lambda x: None, "the square of 3 is 9"),
    ],
)
def test_any_answer_gets_a_hint(answer, hint):
    exercise("1.1")(square)
    outcome, said = judge("1.1", answer)
    assert outcome == WRONG and said.startswith(hint)


def test_an_answer_that_the_check_did_not_foresee_gets_a_hint():
    exercise("1.1")(lambda answer: None if answer > 1 else "more")
    outcome, hint = judge("1.1", "two")
    assert outcome == WRONG and "could not be read (TypeError: " in hint and "look at the form asked for" in hint
    outcome, hint = judge("1.1", np.ones(3))  # the truth value of an array
    assert outcome == WRONG and "ValueError" in hint


def test_call_passes_arguments_and_returns_the_value():
    assert call(lambda a, b=1: a + b, 2, b=3) == 5


def test_stopping_the_kernel_is_not_a_wrong_answer():
    def slow(x):
        raise KeyboardInterrupt

    exercise("1.1")(square)
    with pytest.raises(KeyboardInterrupt):
        judge("1.1", slow)


def test_unknown_numbers_are_refused_with_the_known_ones():
    exercise("1.1")(square)
    for number in ("1.2", "", 1.1):
        with pytest.raises(ValueError, match=r"exercise: got .*, expected one of 1\.1"):
            judge(number, 1)


def test_exercises_are_in_the_order_of_the_course():
    for number in ("10.1", "2.10", "2.9", "0.1"):
        exercise(number)(lambda answer: None)
    assert checks.exercises() == ["0.1", "2.9", "2.10", "10.1"]


def test_a_number_belongs_to_one_check():
    def first(answer):
        return None

    def second(answer):
        return None

    exercise("1.1")(first)
    exercise("1.1")(first)  # a module that is reloaded
    with pytest.raises(ValueError, match=r"exercise 1\.1 has two checks: .*first and .*second"):
        exercise("1.1")(second)


def test_two_modules_cannot_share_a_number_by_sharing_a_name():
    def first(answer):
        return None

    exercise("1.1")(first)
    twin = type(first)(first.__code__, {}, "first")
    twin.__qualname__, twin.__module__ = first.__qualname__, "medlib.checks.nb99"
    with pytest.raises(ValueError, match=r"and medlib\.checks\.nb99\."):
        exercise("1.1")(twin)


@pytest.mark.parametrize("answer", [3, 3.0, np.float32(3), np.int64(3)])
def test_a_number_is_read(answer):
    assert checks.number(answer) == 3.0


@pytest.mark.parametrize("answer", [True, np.True_, None, "3", [3], np.array([3]), [[1, 2], 3], np.nan, np.inf, 3j])
def test_what_is_no_finite_number_is_none(answer):
    assert checks.number(answer) is None


def test_an_array_is_read_in_its_shape_only():
    np.testing.assert_array_equal(checks.array([1, 2], (2,)), [1.0, 2.0])
    assert checks.array(2) == 2.0
    for answer in ([1, 2, 3], [[1, 2]], [1, np.nan], ["a", "b"], [[1, 2], 3], None):
        assert checks.array(answer, (2,)) is None
