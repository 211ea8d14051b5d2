"""medlib.models.multitask: the loss against a loop, what it learns, what it refuses, saving."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from medlib.models import multitask
from medlib.models.training import fit, keras, stream


def assays(n=900, known=0.5, seed=0):
    """x (n, 20) of 0 and 1, complete labels (n, 3), and the labels that somebody measured (nan elsewhere)."""
    rng = np.random.default_rng(seed)
    x = (rng.random((n, 20)) < 0.3).astype("float32")
    s = 2.5 * (x[:, :1] + x[:, 1:2] - x[:, 2:3]) - 1.5
    y = (rng.random((n, 3)) < 1 / (1 + np.exp(-s * [1, 1, -1]))).astype(float)
    return x, y, np.where(rng.random(y.shape) < known, y, np.nan)


def truth(x):
    """The scores that no network can beat."""
    return (x[:, :1] + x[:, 1:2] - x[:, 2:3]) * [1, 1, -1]


def test_the_loss_is_the_mean_over_known_labels():
    rng = np.random.default_rng(0)
    y = rng.choice([-1.0, 0, 1], size=(7, 4)).astype("float32")
    logits = rng.normal(0, 2, size=(7, 4)).astype("float32")
    known = y >= 0
    by_hand = log_loss(y[known], 1 / (1 + np.exp(-logits[known].astype(float))))
    assert np.isclose(float(multitask.masked_loss(y, logits)), by_hand, rtol=1e-5)
    assert float(multitask.masked_loss(np.full((2, 3), -1.0, "float32"), logits[:2, :3])) == 0


def test_a_task_without_a_label_gets_no_gradient():
    x, _, seen = assays(60)
    y = multitask.labels_of(seen)
    y[:, 1] = -1
    model = multitask.build_multitask_network(x, 3, (8,), 0.0)
    model.compile("sgd", multitask.masked_loss)
    before = model.get_weights()[-2].copy()
    model.train_on_batch(x, y)
    moved = np.abs(model.get_weights()[-2] - before).max(axis=0)
    assert moved[1] == 0 and moved[[0, 2]].min() > 0


@pytest.mark.parametrize("missing", [np.nan, -1])
def test_mean_auc_is_that_of_each_task_on_its_rows(missing):
    rng = np.random.default_rng(1)
    y, scores = rng.choice([0.0, 1, 1], size=(80, 3)), np.round(rng.normal(size=(80, 3)), 1)  # ties
    gone = rng.random(y.shape) < 0.4
    areas = [roc_auc_score(y[~gone[:, t], t], scores[~gone[:, t], t]) for t in range(3)]
    assert np.isclose(multitask.mean_auc(np.where(gone, missing, y), scores), np.mean(areas))


@pytest.fixture(scope="module")
def trained():
    x, y, seen = assays()
    frame, labels = pd.DataFrame(x), pd.DataFrame(seen, columns=["liver", "heart", "kidney"])
    return multitask.fit_multitask_network(frame, labels, widths=(16,), dropout=0.1, steps=300, decay=0.05), x, y


def test_it_learns_all_tasks_from_half_of_the_labels(trained):
    model, x, y = trained
    x_new, y_new, _ = assays(2000, seed=5)
    chance = multitask.probabilities(model, x_new)
    assert chance.shape == (2000, 3) and 0 < chance.min() and chance.max() < 1
    assert multitask.mean_auc(y_new, chance) > multitask.mean_auc(y_new, truth(x_new)) - 0.03
    assert np.abs(chance.mean(axis=0) - y_new.mean(axis=0)).max() < 0.06  # labels that are missing are no 0


def test_it_is_saved_and_read_back(trained, tmp_path):
    model, x, y = trained
    model.save(tmp_path / "net.keras")
    again = keras.saving.load_model(tmp_path / "net.keras")
    np.testing.assert_allclose(multitask.probabilities(again, x), multitask.probabilities(model, x), rtol=1e-6)
    assert type(again) is multitask.MultiTaskNetwork
    again.fit(x, y, verbose=0)
    fresh = multitask.build_multitask_network(x, 3, (16,), 0.2)
    model.save_weights(tmp_path / "net.weights.h5")
    fresh.load_weights(tmp_path / "net.weights.h5")
    np.testing.assert_allclose(fresh.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-6)


def test_measured_columns_are_standardised_and_bits_are_not():
    rng = np.random.default_rng(2)
    x = np.stack([rng.normal(500, 80, 300), rng.random(300) < 0.02, np.full(300, 7.0)], axis=1)
    model = multitask.build_multitask_network(x, 2, (4,))
    inner = np.asarray(model.layers[1](x.astype("float32")))
    assert abs(inner[:, 0].mean()) < 1e-3 and abs(inner[:, 0].std() - 1) < 1e-3
    np.testing.assert_allclose(inner[:, 1], x[:, 1], atol=1e-6)
    np.testing.assert_allclose(inner[:, 2], 0, atol=1e-6)


def test_frames_with_pandas_missing_values_will_do():
    frame = pd.DataFrame({"a": pd.array([1, 0, None], dtype="Int64"), "b": [0.0, np.nan, 1.0]})
    assert multitask.labels_of(frame).tolist() == [[1, 0], [0, -1], [-1, 1]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": np.zeros(30)}, r"^y: got shape \(30,\), expected \(n, tasks\); a single task is a column, y\[:, None\]"),
        ({"y": [["yes"]] * 30}, "^y: got values that are no numbers, expected 0, 1 or nan; encode"),
        ({"y": np.tile([[2.0, 1]], (30, 1))}, r"^y: got \[2.0\], expected 0, 1, and nan for a label that is missing"),
        ({"y": np.column_stack([np.arange(30) % 2, np.full(30, np.nan)])}, "^y: got no label at all for task 1"),
        (
            {"y": pd.DataFrame({"liver": np.arange(30) % 2, "heart": np.zeros(30)})},
            "^y: got labels of 0 alone for task 'heart', expected both 0 and 1; nothing can be learnt",
        ),
        ({"x": np.full((30, 4), np.nan)}, "^x: got 120 values that are nan or infinite, expected none"),
        ({"x": np.zeros((29, 4))}, "^x, y: got 29 and 30 rows, expected one row of labels for each row of x"),
        ({"x": np.zeros(30)}, r"^x: got shape \(30,\), expected \(n, columns\), both 1 or more; for one column"),
        ({"x": np.zeros((30, 0))}, r"^x: got shape \(30, 0\), expected \(n, columns\), both 1 or more"),
        ({"x": [["f", 1.0]] * 30}, "^x: got values that are no numbers, expected numbers; make words columns of 0 and"),
        ({"x": None}, r"^x: got shape \(\), expected \(n, columns\)"),
        ({"x": pd.DataFrame({"a": pd.array([1, None] * 15, dtype="Int64")})}, "^x: got 15 values that are nan"),
        ({"steps": 0}, "^steps, rate, decay: got 0, 0.006 and 1.0, expected a whole number of 1 or more"),
        ({"rate": np.nan}, "^steps, rate, decay: got 800, nan and 1.0, expected .* a number above 0"),
        ({"widths": (0,)}, r"^widths, dropout: got \(0,\) and 0.5, expected whole numbers of 1 or more"),
        ({"dropout": 1.0}, r"^widths, dropout: got \(128, 64\) and 1.0, expected .* a share from 0 to below 1"),
    ],
)
def test_tables_without_sense_are_refused(change, message):
    y = np.column_stack([np.arange(30) % 2, np.arange(30) % 3 == 0]).astype(float)
    with pytest.raises(ValueError, match=message):
        multitask.fit_multitask_network(**({"x": np.zeros((30, 4)), "y": y} | change))


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.zeros((9, 5)), None, r"^x: got shape \(9, 5\) of float64, expected numbers of shape \(n, 4\)"),
        (np.full((9, 4), np.inf), None, "^x: got 36 values that are nan or infinite"),
        (np.zeros((9, 4)), np.zeros((9, 3)), r"^y: got shape \(9, 3\), expected \(9, 2\), a label for each row"),
        (np.zeros((9, 4)), np.full((9, 2), np.nan), "^y: got other labels than 1, 0 and -1 .unknown., expected"),
        (np.zeros((9, 4)), np.zeros((9, 2)), "^y: got labels of 0 alone for task 0"),
    ],
)
def test_the_network_refuses_what_it_cannot_learn_from(x, y, message):
    model = multitask.build_multitask_network(np.zeros((3, 4)), 2, (4,))
    model.compile("adam", multitask.masked_loss)
    with pytest.raises(ValueError, match=message):
        model.predict(x, verbose=0) if y is None else model.fit(x, y, verbose=0)


def test_scores_without_a_class_are_refused():
    with pytest.raises(ValueError, match="^y: got 0 yes and 4 no for task 1, expected some of both; leave it out"):
        multitask.mean_auc([[0, 0], [1, 0], [1, 0], [0, 0]], np.zeros((4, 2)))
    with pytest.raises(ValueError, match=r"^y, scores: got shapes \(4, 2\) and \(4, 1\), expected \(n, tasks\)"):
        multitask.mean_auc(np.zeros((4, 2)), np.zeros((4, 1)))
    with pytest.raises(ValueError, match="^y: got other labels than 1, 0, and nan or -1 .unknown., expected those"):
        multitask.mean_auc([[0], [2]], np.zeros((2, 1)))
    with pytest.raises(ValueError, match="^scores: got 1 values that are nan or infinite"):
        multitask.mean_auc([[0], [1]], [[np.nan], [1]])


def test_a_batch_of_one_class_is_no_fault_of_a_data_set():
    x, _, seen = assays(64)
    y = multitask.labels_of(seen)
    order = np.argsort(y[:, 0])
    model = multitask.build_multitask_network(x, 3, (4,))
    model.compile("adam", multitask.masked_loss)
    history = fit(model, stream(x[order], y[order], batch_size=8), epochs=1)
    assert np.isfinite(history["loss"][0])
