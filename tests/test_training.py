"""medlib.models.training.fit: a history for the reader, a sentence when something goes wrong."""

from __future__ import annotations

import io

import numpy as np
import pytest

from medlib import lesson
from medlib.lesson import setup
from medlib.models.training import fit, keras, stream
from tests.tools import At

RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 3)).astype("float32")
Y = (X @ [1.0, -2.0, 0.5]).astype("float32")


@pytest.fixture
def model():
    setup(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    return model


def test_a_run_learns_and_returns_its_history(model, capsys, monkeypatch):
    monkeypatch.setattr(lesson.time, "monotonic", lambda: 0.0)  # a quick machine, whatever this one is doing
    history = fit(model, X, Y, epochs=5, batch_size=16, validation_data=(X, Y))
    assert set(history) == {"loss", "val_loss"}
    assert all(len(values) == 5 and all(type(v) is float for v in values) for values in history.values())
    assert history["loss"][-1] < 0.05 * history["loss"][0]
    assert capsys.readouterr().out == "", "under two seconds there is nothing to say"


def test_callbacks_and_options_reach_keras(model):
    seen = []
    count = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
    history = fit(model, X, Y, epochs=6, initial_epoch=4, callbacks=[count], shuffle=False)
    assert seen == [4, 5] and len(history["loss"]) == 2
    stop = keras.callbacks.EarlyStopping(monitor="loss", min_delta=1e9, patience=1)
    assert len(fit(model, X, Y, epochs=9, callbacks=(stop,))["loss"]) < 9


def test_the_stream_keeps_rows_together_and_mixes_them_anew():
    x = np.arange(50.0)[:, None]
    epochs = stream(x, {"double": 2 * x[:, 0]}, batch_size=16, shuffle=True)
    orders = [np.concatenate([a.numpy()[:, 0] for a, _ in epochs]) for _ in range(2)]
    assert [len(a) for a, _ in epochs] == [16, 16, 16, 2] and len(epochs) == 4
    assert all(np.array_equal(b["double"], 2 * a[:, 0]) and a.dtype == "float32" for a, b in epochs)
    assert all(sorted(order) == list(x[:, 0]) for order in orders)
    assert not np.array_equal(*orders) and not np.array_equal(orders[0], x[:, 0])
    assert np.array_equal(np.concatenate(list(stream(x, batch_size=16))), x), "alone and in order"
    assert epochs.options().autotune.enabled is False, "None leaves it on"


def test_the_step_is_traced_once(model, monkeypatch):
    model.compile("adam", "mse")  # it keeps running means, which SGD does not
    traced, step = [], type(model).train_step
    monkeypatch.setattr(type(model), "train_step", lambda self, data: traced.append(1) or step(self, data))
    fit(model, X, Y, epochs=2, batch_size=16)
    assert len(traced) == 1


def test_weights_of_examples_and_other_targets_go_to_keras_as_they_are(model, recwarn):
    weight = np.zeros(len(X))
    assert fit(model, X, Y, epochs=1, sample_weight=weight)["loss"] == [0.0]
    history = fit(model, X, Y, epochs=1, validation_data=(X, Y, weight))
    assert history["val_loss"] == [0.0] < history["loss"]
    assert np.isfinite(fit(model, [X], [Y], epochs=1)["loss"]).all()
    assert not [w for w in recwarn if "shuffle" in str(w.message)]


def test_the_stop_button_leaves_model_and_history(model, capsys):
    history = fit(model, X, Y, epochs=9, batch_size=16, callbacks=[At(KeyboardInterrupt(), 3, 1)], label="regression")
    assert len(history["loss"]) == 3 and np.isfinite(model.predict(X, verbose=0)).all()
    said = "regression: stopped by you after 3 of 9 epochs. The model can be used as it is."
    assert said in capsys.readouterr().out
    again = fit(model, X, Y, epochs=2, batch_size=16)
    assert len(again["loss"]) == 2 and again["loss"][-1] < history["loss"][0]


def test_the_stop_button_in_the_first_epoch(model, capsys):
    assert fit(model, X, Y, epochs=9, callbacks=[At(KeyboardInterrupt(), 0, 0)]) == {}
    assert "stopped by you after 0 of 9 epochs" in capsys.readouterr().out


def test_the_stop_button_in_a_terminal_that_lacks_a_letter(model, monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(lesson.sys, "stdout", stream)
    fit(model, X, Y, epochs=9, callbacks=[At(KeyboardInterrupt(), 2)], label="β-VAE")
    assert "?-VAE: stopped by you after 2 of 9 epochs" in stream.buffer.getvalue().decode("ascii")


def test_a_diverging_loss_stops_with_epoch_batch_and_remedy(model):
    model.optimizer.learning_rate = 1e9
    with pytest.raises(FloatingPointError) as error:
        fit(model, X, Y, epochs=50, batch_size=16)
    place, remedy = str(error.value).split(": training stopped. ")
    assert place.startswith("the loss became ") and " in epoch " in place and ", batch " in place
    assert remedy.startswith("Lower the learning rate") and "not finite or not scaled" in remedy


def test_a_label_that_is_not_finite_is_noticed_in_its_batch(model):
    y = Y.copy()
    y[40] = np.nan
    with pytest.raises(FloatingPointError, match="the loss became nan in epoch 1, batch 3"):
        fit(model, X, y, epochs=2, batch_size=16, shuffle=False)


def test_a_training_by_steps_makes_exactly_so_many_whatever_the_number_of_rows(model):
    for rows, rounds in ((64, 20), (640, 10)):
        x, y = np.tile(X[:64], (rows // 64, 1)), np.tile(Y[:64], rows // 64)
        model.compile(keras.optimizers.SGD(0.01), "mse")
        seen = []
        count = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs, seen=seen: seen.append(batch))
        history = fit(model, x, y, steps=101, batch_size=64, callbacks=[count], validation_data=(X, Y))
        assert len(seen) == int(model.optimizer.iterations) == 101
        assert len(history["loss"]) <= rounds and len(history["val_loss"]) == len(history["loss"])
        data = stream(x, y, batch_size=64)
        for endless in (data, data.repeat()):
            model.compile(keras.optimizers.SGD(0.01), "mse")
            fit(model, endless, steps=33)
            assert int(model.optimizer.iterations) == 33


def test_batches_of_a_training_by_steps_are_full():
    sizes = [len(batch) for batch in stream(X[:10], batch_size=4, shuffle=True, repeat=True).take(7)]
    assert sizes == [4] * 7
    few = np.concatenate(list(stream(np.arange(10.0)[:, None], batch_size=4, shuffle=True, repeat=True).take(5)))
    assert np.bincount(few[:, 0].astype(int)).tolist() == [2] * 10, "each row once a pass"


def test_without_a_number_the_schedule_says_how_many_steps(model):
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 30)
    model.compile(keras.optimizers.SGD(schedule), "mse")
    fit(model, X, Y, steps=12, batch_size=16)
    fit(model, X, Y, batch_size=16)
    assert int(model.optimizer.iterations) == 30
    with pytest.raises(ValueError, match=r"^steps: got none, and the schedule of 30 steps is at its end, expected"):
        fit(model, X, Y, batch_size=16)
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r"^steps, epochs: got neither, .* expected one of them; say steps=600"):
        fit(model, X, Y)


class Duel(keras.Model):
    """A model with its own ``train_step`` and two losses, one of which breaks down in step ``breaks``."""

    def __init__(self, breaks: int = -1):
        super().__init__()
        self.breaks, self.step = breaks, 0
        self.weight = self.add_weight(shape=(), initializer="ones")

    def train_step(self, data):
        self.step += 1
        self.weight.assign_sub(0.1)
        return {"d_loss": 0.5, "g_loss": float("inf") if self.step == self.breaks else 1.5}


def duel(**options) -> Duel:
    model = Duel(**options)
    model.compile(optimizer="sgd", run_eagerly=True)
    return model


def test_models_with_their_own_train_step_need_no_labels_and_no_single_loss():
    model = duel()
    assert fit(model, X, epochs=2, batch_size=32) == {"d_loss": [0.5, 0.5], "g_loss": [1.5, 1.5]}
    assert float(model.weight) == pytest.approx(0.6)


def test_any_logged_value_that_is_not_finite_stops_the_training():
    with pytest.raises(FloatingPointError, match=r"^'g_loss' became inf in epoch 2, batch 1: training stopped"):
        fit(duel(breaks=3), X, epochs=4, batch_size=32)


# ---------------------------------------------------------------------------------------------------------------- bar


@pytest.fixture
def frames(monkeypatch, capsys):
    """The lines that the bar draws in a terminal, by a clock on which every look takes a second."""
    time, lines = iter(range(10**6)), []
    monkeypatch.setattr(lesson.time, "monotonic", lambda: float(next(time)))
    monkeypatch.setattr(type(lesson.sys.stdout), "isatty", lambda self: True)
    monkeypatch.setattr(lesson.Bar, "_draw", lambda self, text: lines.append(text))
    return lines


def test_one_bar_runs_through_all_epochs(frames):
    fit(duel(), X, epochs=4, batch_size=32, label="duel")  # 8 steps
    assert frames[0] == f"duel {'█' * 11}{'░' * 19}  38% · 5 s left · d_loss 0.5, g_loss 1.5"
    assert frames[-2].startswith(f"duel {'█' * 30} 100% · 0 s left") and frames[-1].startswith("duel: done in 9 s")


def test_the_bar_of_a_training_that_goes_on_starts_at_zero(frames):
    fit(duel(), X, epochs=8, initial_epoch=4, batch_size=32, label="duel")
    assert " 38% · 5 s left" in frames[0]


def test_the_bar_shows_the_loss_and_says_how_it_ended(frames, model):
    fit(model, X, Y, epochs=4, batch_size=16, callbacks=[At(KeyboardInterrupt(), 2, 0)], label="regression")
    assert " · loss " in frames[0] and frames[-1].startswith("regression: stopped in ")
    with pytest.raises(ZeroDivisionError):
        fit(model, X, Y, epochs=4, batch_size=16, callbacks=[At(ZeroDivisionError(), 2, 0)])
    assert frames[-1].startswith("training: stopped in ")


# ------------------------------------------------------------------------------------------------------------- errors


def spoiled(value) -> np.ndarray:
    x = X.copy()
    x[3, 1] = x[5, 2] = value
    return x


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": X[:0], "y": Y[:0]}, r"x: got no examples \(shape \(0, 3\)\), expected at least one"),
        ({"x": spoiled(np.nan)}, r"x: got 2 values that are nan or infinite, expected none; clean the data first"),
        ({"x": spoiled(np.inf)}, r"x: got 2 values that are nan or infinite"),
        ({"x": [X, spoiled(np.nan)]}, r"x\[1\]: got 2 values"),
        ({"x": {"image": X, "labs": spoiled(np.nan)}}, r"x\['labs'\]: got 2 values"),
        ({"y": Y[:60]}, r"x, y: got 64 inputs and 60 labels, expected the same number"),
        ({"y": {"risk": Y[:60]}}, r"x, y\['risk'\]: got 64 inputs and 60 labels"),
        ({"epochs": 0}, r"epochs: got 0, expected a whole number, at least 1"),
        ({"epochs": 2.5}, r"epochs: got 2\.5, expected a whole number"),
        ({"steps": 0, "epochs": None}, r"steps: got 0, expected a whole number, at least 1"),
        ({"steps": 9}, r"steps, epochs: got 9 and 1, expected one of them; leave the other out"),
        ({"batch_size": -1}, r"batch_size: got -1, expected a whole number, at least 1"),
    ],
)
def test_what_cannot_train_is_refused_before_training(change, message):
    with pytest.raises(ValueError, match=message):
        fit(None, **{"x": X, "y": Y, "epochs": 1, "batch_size": 16, **change})
