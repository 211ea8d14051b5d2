"""medlib.decisions: every bit is recorded, and a scrambled test part has the shape of the real one and no sense."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import StandardScaler

from medlib import decisions
from medlib.data import load
from medlib.data.dataset import Card, Dataset
from medlib.decisions import decide, fingerprint
from medlib.lesson import claim
from medlib.metrics import Interval


@pytest.fixture
def scrambled(monkeypatch):
    monkeypatch.setenv(decisions.SCRAMBLE, "1")


def dataset(n: int = 60) -> Dataset:
    """Four rows a patient, a table of three columns, outlines and a record."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(n // 4), 4)
    frame = pd.DataFrame({"patient": groups, "age": rng.normal(60, 9, n), "site": rng.choice(list("ABC"), n)})
    frame["site"] = frame["site"].astype("category")
    x, y = rng.normal(3, 1, (n, 3)).astype("float32"), np.repeat(rng.permutation(n // 4) % 2, 4)
    card = Card(*["text"] * 8)
    return Dataset("small", x, y, ("no", "yes"), frame, rng.random((n, 4, 4)) < 0.3, groups, card)


# ---------------------------------------------------------------------------------------------------------- recording


def test_a_decision_is_returned_as_it_is_and_recorded_in_order(tmp_path, monkeypatch):
    file = tmp_path / "decisions.jsonl"
    value = np.arange(3)
    assert decide("nothing is recorded", value) is value and decisions.recorded(file) == []
    monkeypatch.setenv(decisions.FILE, str(file))
    assert decide("width", 1.5) == 1.5 and decide("order", ["b", "a"]) == ["b", "a"]
    assert [(d["name"], d["value"]) for d in decisions.recorded(file)] == [("width", "1.5"), ("order", "['b', 'a']")]


VALUES = [
    (0.1 + 0.2, 0.3), (1, 2), (1, 1.0), (1, True), ("a", "b"), ("1", 1), (None, 0), ([1, 2], [2, 1]), ([1], (1,)),
    ({"a": 1}, {"a": 2}), ({"a": 1, "b": 2}, {"b": 2, "a": 1}), (np.arange(3), np.arange(3.0)), ([[1], 2], [1, [2]]),
    (np.zeros((2, 3)), np.zeros((3, 2))), (np.float32(0.1), np.float64(0.1)), (Interval(1, 0, 2), Interval(1, 0, 3)),
    (np.nextafter(0.5, 1), 0.5), (pd.Series([1, 2]), pd.Series([2, 1])), (pd.Series([1, 2]), pd.Series([1, 2], [1, 0])),
    (pd.DataFrame({"a": [1]}), pd.DataFrame({"b": [1]})), (np.array(["a", None]), np.array(["b", None])),
    (StandardScaler().fit([[0.0], [1]]), StandardScaler().fit([[0.0], [2]])),
    (np.array([1, 2])[::-1], np.array([1, 2])),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), VALUES, ids=str)
def test_another_value_has_another_fingerprint(one, other):
    assert fingerprint(one) == fingerprint(one) != fingerprint(other)


def test_weights_and_tensors_have_fingerprints():
    from medlib.lesson import quiet_keras

    keras = quiet_keras()
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    before = fingerprint(model)
    assert fingerprint(keras.ops.convert_to_tensor([1.0])) != fingerprint(keras.ops.convert_to_tensor([2.0]))
    model.set_weights([weights + 1 for weights in model.get_weights()])
    assert fingerprint(model) != before


@pytest.mark.parametrize("value", [object(), lambda: 1, StandardScaler(), {"a": object()}])
def test_what_has_no_bits_to_compare_is_refused(value):
    with pytest.raises(TypeError, match=r"decide\('width'\): got a \w+, expected numbers"):
        decide("width", value)


# --------------------------------------------------------------------------------------------------------- scrambling


def test_without_the_variable_nothing_is_scrambled(monkeypatch):
    monkeypatch.setenv(decisions.SCRAMBLE, "0")
    data = dataset()
    for part, plain in zip(data.split(seed=3), dataset().split(seed=3), strict=True):
        np.testing.assert_array_equal(part.x, plain.x)
    np.testing.assert_array_equal(data.x, dataset().x)


def test_the_test_part_makes_no_sense_and_the_others_are_untouched(scrambled, monkeypatch):
    train, val, test = dataset(400).split(seed=3)
    monkeypatch.delenv(decisions.SCRAMBLE)
    plain = dataset(400).split(seed=3)
    for part, same in zip((train, val), plain, strict=False):
        for name in ("x", "y", "masks", "groups"):
            np.testing.assert_array_equal(getattr(part, name), getattr(same, name))
        pd.testing.assert_frame_equal(part.frame, same.frame)
    real = plain[2]
    assert test.x.shape == real.x.shape and test.x.dtype == real.x.dtype and len(test) == len(real)
    np.testing.assert_array_equal(test.groups, real.groups)
    np.testing.assert_array_equal(test.frame["patient"], real.frame["patient"])
    assert sorted(test.y) == sorted(real.y) and 0.3 < np.mean(test.y == real.y) < 0.7
    assert np.all(test.x.mean(axis=0) != real.x.mean(axis=0))
    assert not np.isin(test.x, real.x).any(axis=1).mean() > 0.5
    assert test.x.min() >= real.x.min() and test.x.max() <= real.x.max()
    assert (test.masks != real.masks).any() and test.masks.dtype == bool
    assert test.frame.dtypes.equals(real.frame.dtypes)
    assert (test.frame["age"] != real.frame["age"]).all() and (test.frame["site"] != real.frame["site"]).any()


def test_the_whole_is_scrambled_after_the_first_split_and_later_splits_begin_clean(scrambled, monkeypatch):
    data = dataset()
    train, _, test = data.split(seed=3)
    first = data.x.copy()
    rows = np.isin(data.groups, test.groups)
    np.testing.assert_array_equal(data.x[rows], test.x)
    np.testing.assert_array_equal(data.x[~rows][np.isin(data.groups[~rows], train.groups)], train.x)
    again = data.split(seed=4)
    np.testing.assert_array_equal(data.x, first)
    monkeypatch.delenv(decisions.SCRAMBLE)
    plain = dataset().split(seed=4)
    for part, same in zip(again[:2], plain, strict=False):
        np.testing.assert_array_equal(part.x, same.x)
        np.testing.assert_array_equal(part.y, same.y)


def test_an_official_split_is_scrambled_too(scrambled):
    data = dataset()
    official = np.repeat(["train", "val", "test"], 20)
    data = replace(data, frame=data.frame.assign(split=official))
    test = data.split()[2]
    assert (test.frame["split"] == "test").all() and not np.array_equal(test.x, dataset().x[official == "test"])


@pytest.mark.parametrize("name", ["breast_cancer", "head_ct"])
def test_the_data_of_the_course_can_be_scrambled(scrambled, name):
    train, val, test = load(name).split()
    assert len(train) and len(val) and len(test) and np.isfinite(test.x.astype(float)).all()


def test_a_false_claim_is_printed_in_a_scrambled_run_and_raises_otherwise(monkeypatch, capsys):
    with pytest.raises(AssertionError):
        claim("two is three", 2 == 3, 2)
    monkeypatch.setenv(decisions.SCRAMBLE, "1")
    claim("two is three", 2 == 3, 2)
    claim("two is two", 2 == 2)
    assert capsys.readouterr().out == "✗ two is three  [2]\n✓ two is two\n"


@pytest.mark.parametrize("test", [[1, 3], np.array([False, True, False, True])], ids=["numbers", "truth values"])
def test_parts_that_a_page_draws_itself_make_no_sense_either(monkeypatch, test):
    labels, texts = np.array([0, 0, 1, 3]), ["no mass", "clear", "a clot", "torn"]
    monkeypatch.setenv(decisions.SCRAMBLE, "0")
    assert decisions.unseen(labels, test) is labels and decisions.unseen(texts, test) is texts
    monkeypatch.setenv(decisions.SCRAMBLE, "1")
    np.testing.assert_array_equal(decisions.unseen(labels, test), [0, 3, 1, 0])
    np.testing.assert_array_equal(labels, [0, 0, 1, 3])
    assert decisions.unseen(texts, test) == ["no mass", "raelc", "a clot", "nrot"]
    assert decisions.unseen([[1, 2], [3, 4, 5], [6], [7, 8]], test) == [[1, 2], [5, 4, 3], [6], [8, 7]]
