"""medlib.checks: answers are judged, never crashed on."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.stats import wasserstein_distance as aliased

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


def tensor(values):
    from medlib.lesson import quiet_keras

    quiet_keras()
    import tensorflow as tf

    return tf.constant(values)


THREES = [
    3, 3.0, np.float32(3), np.int64(3), np.array(3), [3], (3.0,), np.array([3]), np.array([[3]]), pd.Series([3]),
    Fraction(3), Fraction(6, 2), Decimal("3"), np.array([Fraction(3)], dtype=object), lambda: tensor(3.0),
    lambda: tensor([3]), lambda: [tensor(3.0)],
]  # fmt: skip


@pytest.mark.parametrize("answer", THREES)
def test_a_number_is_read_however_it_is_written(answer):
    assert checks.number(answer() if callable(answer) else answer) == 3.0


NO_NUMBERS = [
    True, np.True_, np.array(True), None, "3", ["3"], np.array("3"), np.array(["3"], dtype=object), [1, 2], [],
    [[1, 2], 3], np.nan, np.inf, 3j, {"a": 3}, {3}, np.datetime64("2020-01-01"), pd.Series([pd.NA]), object(),
]  # fmt: skip


@pytest.mark.parametrize("answer", NO_NUMBERS, ids=range(len(NO_NUMBERS)))
def test_what_is_no_finite_number_is_none(answer):
    assert checks.number(answer) is None
    assert checks.array(answer) is None
    assert checks.array(answer, (3,)) is None


@pytest.mark.parametrize(
    "answer",
    [
        [1, 2],
        (1.0, 2.0),
        np.array([[1], [2]]),
        np.array([[1, 2]]),
        pd.Series([1, 2]),
        pd.DataFrame({"x": [1, 2]}),
        np.array([Fraction(1), 2], dtype=object),
        [np.array([1.0]), 2],
        [Fraction(1), np.array([[2]])],
    ],
    ids=str,
)
def test_an_array_is_read_however_it_is_written(answer):
    got = checks.array(answer, (2,))
    assert got.shape == (2,) and got.dtype == float
    np.testing.assert_array_equal(got, [1.0, 2.0])


def test_an_array_is_read_in_its_shape_only():
    np.testing.assert_array_equal(checks.array(tensor([[1, 2]]), (1, 2)), [[1.0, 2.0]])
    np.testing.assert_array_equal(checks.array(np.arange(6).reshape(2, 3, 1), (2, 3)), [[0, 1, 2], [3, 4, 5]])
    for answer in ([1, 2, 3], [[1, 2], [3, 4]], [1, np.nan], ["1", "2"], [1, "2"], [[1, 2], 3], [1, None], None, 2):
        assert checks.array(answer, (2,)) is None
    assert checks.array(np.ones((3, 2)), (2, 3)) is None


@pytest.mark.parametrize("answer", [[True, False], [1, 0], np.array([1.0, 0.0]), pd.Series([True, False]), [[1], [0]]])
def test_a_mask_is_read_with_zeros_and_ones(answer):
    got = checks.mask(answer, (2,))
    assert got.dtype == bool and got.tolist() == [True, False]


@pytest.mark.parametrize("answer", [[1, 2], [0.5, 0], ["True", "False"], [0], [True, None], "10"])
def test_what_is_no_mask_is_none(answer):
    assert checks.mask(answer, (2,)) is None


def test_parts_are_those_of_a_tuple_or_a_list_or_an_array():
    for answer in ((1, "a"), [1, "a"], np.array([1, "a"], dtype=object), pd.Series([1, "a"], index=[5, 6])):
        assert checks.parts(answer, 2) == [1, "a"]
    for answer in ((1,), "ab", {"a": 1, "b": 2}, 2, None, np.array(2)):
        assert checks.parts(answer, 2) is None


def test_words_are_read_without_capitals_and_blanks():
    known = ("no KL", "tanh")
    for answer in (
        "no KL",
        " NO kl ",
        "no  kl",
        "'no KL'",
        "no_KL",
        np.str_("No-KL"),
        np.array("no kl"),
        np.array(["no kl"]),
    ):
        assert checks.word(answer, known) == "no KL"
    for answer in ("KL", "", None, 3, ["no KL", "tanh"], "nokl"):
        assert checks.word(answer, known) is None
    assert checks.words({"a ": 1, "B": 2}, "AB") == {"A": 1, "B": 2}
    assert checks.words(pd.Series({"a": 1, "b": 2}), "AB") == {"A": 1, "B": 2}
    for answer in ({"a": 1}, {"a": 1, "A": 2, "b": 3}, {"a": 1, "c": 2}, {"a": 1, 2: 3}, ["A", "B"], None):
        assert checks.words(answer, "AB") is None


def test_close_forgives_the_third_digit_and_no_more():
    for right in (0.078431, 357.142857, -1.00499, 2.5e-9, 6e23):
        assert checks.close(float(f"{right:.3g}"), right) and checks.close(np.float32(right), right)
        assert not checks.close(right * 1.006, right) and not checks.close(-right, right)
    assert checks.close(1e-7, 0) and not checks.close(1e-3, 0)
    assert checks.close([1.0, 1e-8], [1.0, 0.0]) and not checks.close([1.0, 1e-3], [1.0, 0.0])
    assert checks.close([3, 3], 3) and not checks.close([3, 3], [3]) and not checks.close(3, [3, 3])
    assert not checks.close(np.nan, 1)


# ------------------------------------------------------------------------------------------------ the reader's function


def test_an_answer_runs_on_copies_and_may_not_change_its_arguments():
    x, nested = np.array([3.0, 1.0, 2.0]), [(np.ones(2), np.ones(1))]

    def in_place(x):
        x.sort()
        return x[0]

    def deep(layers):
        layers[0][0][0] = 7
        return 1

    def by_name(*, scores):
        scores.pop()
        return 1

    for function, args, named in ((in_place, [x], {}), (deep, [nested], {}), (by_name, [], {"scores": [1, 2]})):
        with pytest.raises(checks.Hint, match="changed its argument number 1"):
            call(function, *args, **named)
    assert x.tolist() == [3, 1, 2] and nested[0][0][0] == 1
    assert call(lambda x: np.sort(x)[0], x) == 1
    with pytest.raises(checks.Hint, match="argument number 2"):
        call(lambda a, b: b.update(c=1), 1, {"c": 0})


def test_a_generator_that_is_drawn_from_has_not_been_changed_and_is_a_copy():
    rng = np.random.default_rng(0)
    first = call(lambda rng: rng.random(), rng)
    assert call(lambda rng: rng.random(), rng) == first == np.random.default_rng(0).random()


def test_missing_values_in_an_argument_are_not_a_change():
    assert call(lambda x: 1, np.array([np.nan, 1.0])) == 1


def test_a_function_of_a_library_is_recognised():
    shelf = stats.wasserstein_distance

    def nested(x, y):
        return [inner(a, b) for a, b in [(x, y)] for inner in [lambda a, b: stats.wasserstein_distance(a, b)]]

    for function in (shelf, lambda x, y: stats.wasserstein_distance(x, y), nested, lambda x, y: aliased(x, y)):
        assert checks.calls(function, "wasserstein_distance")
    for function in (np.sort, lambda x: np.sort(x), "wasserstein_distance", None):
        assert not checks.calls(function, "wasserstein_distance")
