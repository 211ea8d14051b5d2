"""One way to train any Keras model: a progress bar with the time left, safe to interrupt, loud when it diverges."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from medlib.lesson import Bar, say
from medlib.models.base import Checked
from medlib.models.inputs import check_finite, check_targets, rows_of

__all__ = ["batches", "fit", "record", "stream"]


class _Watch(keras.callbacks.Callback):
    """Moves the bar, and stops the training: after the ``last`` step, or when what is logged is no longer a number."""

    def __init__(self, bar: Bar, last: int | None = None):
        super().__init__()
        self.bar, self.epoch, self.first, self.last = bar, 0, None, last

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
        self.first = epoch if self.first is None else self.first  # not 0 where an earlier training goes on

    def on_train_batch_end(self, batch, logs=None):
        for name, value in (logs or {}).items():
            if not np.isfinite(value).all():
                what = "the loss" if name == "loss" else f"{name!r}"
                raise FloatingPointError(
                    f"{what} became {value} in epoch {self.epoch + 1}, batch {batch + 1}: training stopped. "
                    "Lower the learning rate, and look for inputs or labels that are not finite or not scaled"
                )
        steps = self.params.get("steps") or 0
        if steps:
            done = (self.epoch - self.first) * steps + batch + 1
            self.bar.total = self.last or (self.params["epochs"] - self.first) * steps
            self.bar.update(done, _note(logs or {}))
            if done == self.last:
                self.model.stop_training = True  # the last round may be shorter


def _note(logs: dict) -> str:
    """The losses in a few characters: ``loss 0.31``, or ``d_loss 0.5, g_loss 1.2`` where there is no single one."""
    names = ["loss"] if "loss" in logs else [name for name in logs if name.endswith("loss")][:3]
    return ", ".join(f"{name} {logs[name]:.3g}" for name in names)


def fit(
    model: keras.Model,
    x,
    y=None,
    *,
    steps: int | None = None,
    epochs: int | None = None,
    batch_size: int = 64,
    callbacks=(),
    label: str = "training",
    **options,
) -> dict[str, list[float]]:
    """``model.fit`` with a progress bar; returns the history as a dictionary of lists, one number a round.

    How long a training takes is best said in **steps** of the optimiser: 300 images need about as many as 3,000. A
    round, after which the validation data is looked at, is then about one pass through the data, or a twentieth of the
    training, whichever is longer; every batch is full. ``epochs`` counts passes instead, as Keras does. Without
    either, the training ends where the step size does: at the end of the schedule that the optimiser was given, which
    a training that was stopped, or saved and read back, goes on with.

    Stopping the kernel (or Ctrl-C) ends the training, not the notebook: the model keeps the weights it has and the
    finished rounds are returned. Works with every ``keras.Model``, also those with their own ``train_step``.

    Parameters
    ----------
    model
        A compiled model.
    x, y
        What ``model.fit`` takes: arrays, or a ``tf.data.Dataset``. ``y`` may be left out for models that need none.
    steps, epochs
        At least 1; one of them, or neither.
    batch_size
        Rows a step, at least 1. A data set brings its own batches.
    options
        Passed on to ``model.fit``, for example ``validation_data``, ``class_weight``, ``initial_epoch`` or ``shuffle``.

    Raises
    ------
    ValueError
        If the data is empty or not finite, lengths differ, labels do not fit the loss, the model is not compiled, or
        ``steps``, ``epochs`` or ``batch_size`` is below 1.
    FloatingPointError
        If the loss, or another value that ``train_step`` reports, becomes infinite or not a number.
    """
    for name, number in (("steps", steps), ("epochs", epochs), ("batch_size", batch_size)):
        if number is not None and (number != int(number) or number < 1):
            raise ValueError(f"{name}: got {number}, expected a whole number, at least 1")
    if steps and epochs:
        raise ValueError(f"steps, epochs: got {steps} and {epochs}, expected one of them; leave the other out")
    _check(model, x, y)
    if not model.compiled:
        raise ValueError("model: got one that is not compiled, expected an optimiser; call model.compile(...) first")
    if epochs is None:
        steps = steps or _steps_left(model)
    options |= {"x": x, "y": y, "batch_size": batch_size, "epochs": epochs}
    plain = _plain(x, y) and not {"sample_weight", "validation_split"} & set(options)
    if plain:
        rows = stream(x, y, batch_size=batch_size, shuffle=options.get("shuffle", True), repeat=bool(steps))
        options |= {"x": rows, "y": None}
    if steps:
        options |= _rounds(steps, x, batch_size, plain)
    if isinstance(options["x"], tf.data.Dataset):
        options |= {"batch_size": None, "shuffle": False}  # it brings its own
    watched = options.get("validation_data")
    if isinstance(watched, tuple) and len(watched) < 3 and _plain(*watched):
        options["validation_data"] = stream(*watched, batch_size=batch_size)
    if model.built and getattr(model, "optimizer", None) and not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)  # a first step that creates variables is traced twice
    bar, history = Bar(label, None), keras.callbacks.History()
    watch = [*callbacks, history, _Watch(bar, steps)]
    word = "stopped"
    try:
        model.fit(verbose=0, callbacks=watch, **options)
        word = "done"
    except KeyboardInterrupt:
        model.stop_training = True
        done = options.get("initial_epoch", 0) + len(getattr(history, "epoch", ()))
        unit = "rounds" if steps else "epochs"
        say(f"\n{label}: stopped by you after {done} of {options['epochs']} {unit}. The model can be used as it is.")
    finally:
        bar.close(word)
    return {key: [float(v) for v in values] for key, values in history.history.items()}


def _steps_left(model: keras.Model) -> int:
    """Steps until the step size of the model's optimiser reaches the end of its schedule."""
    optimiser = getattr(model, "optimizer", None) or getattr(model, "g_optimizer", None)
    schedule = getattr(optimiser, "_learning_rate", None)
    total = getattr(schedule, "decay_steps", None)
    if total is None:
        raise ValueError("steps, epochs: got neither, and no schedule that ends, expected one of them; say steps=600")
    left = int(total) - int(optimiser.iterations)
    if left < 1:
        raise ValueError(
            f"steps: got none, and the schedule of {int(total)} steps is at its end, expected steps left; compile the "
            "model with a new schedule, or say steps= to go on with the last step size"
        )
    return left


def _rounds(steps: int, x, batch_size: int, plain: bool) -> dict:
    """``epochs`` and what belongs to it, for so many steps in all; the last round may have to be cut short."""
    if isinstance(x, tf.data.Dataset):
        size = int(x.cardinality())
        x, size = (x.repeat(), size if size > 0 else steps) if size != tf.data.INFINITE_CARDINALITY else (x, steps)
    else:
        rows = keras.tree.flatten(x)[0]
        size = -(-len(rows) // batch_size)
    if not plain and not isinstance(x, tf.data.Dataset):
        return {"epochs": -(-steps // size)}  # Keras makes the batches, pass by pass
    rounds = max(1, min(20, steps // size))
    return {"epochs": rounds, "steps_per_epoch": -(-steps // rounds)} | ({} if plain else {"x": x})


def _plain(x, y=None) -> bool:
    """Whether x is an array, and y an array, a dictionary of arrays, or nothing."""
    targets = y.values() if isinstance(y, dict) else (y,)
    return isinstance(x, np.ndarray) and all(t is None or isinstance(t, np.ndarray) for t in targets)


def stream(x, y=None, *, batch_size: int, shuffle: bool = False, repeat: bool = False) -> tf.data.Dataset:
    """Batches of rows, as Keras makes them of arrays, but without the tuning thread of tf.data.

    For small models there is nothing to tune, and on two cores that thread makes some epochs last twice as long.
    ``repeat`` goes on for ever, pass after pass, and every batch is full.
    """
    rows = keras.tree.map_structure(_single, x if y is None else (x, y))
    data = tf.data.Dataset.from_tensor_slices(rows)
    options = tf.data.Options()
    options.autotune.enabled = False
    data = data.shuffle(len(data)) if shuffle else data
    data = (data.repeat() if repeat else data).batch(batch_size).prefetch(2).with_options(options)
    data.looked_at = True  # for `medlib.models.inputs`: these rows were checked before
    return data


def _single(array: np.ndarray) -> np.ndarray:
    """Floating-point numbers in the precision of Keras, all else as it is."""
    return array.astype(keras.config.floatx()) if array.dtype.kind == "f" else array


def record(trackers, values):
    """Update the running means of an epoch and return them by name, as Keras wants them from a step."""
    for tracker, value in zip(trackers, values, strict=True):
        tracker.update_state(value)
    return {tracker.name: tracker.result() for tracker in trackers}


def batches(function, *arrays, size: int = 256) -> list[np.ndarray]:
    """Apply a function of tensors to batches of rows; join each of its results."""
    parts = [function(*(a[i : i + size] for a in arrays)) for i in range(0, len(arrays[0]), size)]
    return [np.concatenate([keras.ops.convert_to_numpy(p) for p in column]) for column in zip(*parts, strict=True)]


def _check(model, x, y) -> None:
    """Refuse what cannot train; looks at arrays, alone or in a list, tuple or dictionary."""
    if isinstance(model, Checked):
        model.look(x, y)
    for name, array in _arrays("x", x):
        if not len(array):
            raise ValueError(f"{name}: got no examples (shape {array.shape}), expected at least one")
        if array.dtype.kind == "f":
            check_finite(array, name)
    for name, array in _arrays("y", y) if isinstance(x, np.ndarray) else ():
        if len(array) != len(x):
            raise ValueError(f"x, {name}: got {len(x)} inputs and {len(array)} labels, expected the same number")
    if isinstance(model, keras.Model) and model.compiled and not isinstance(model, Checked):
        _, labels = rows_of(x, y)
        if labels is not None:
            check_targets(model, labels)


def _arrays(name: str, data) -> list[tuple[str, np.ndarray]]:
    parts = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, (list, tuple)) else ()
    named = [(name, data), *((f"{name}[{key!r}]", part) for key, part in parts)]
    return [(label, part) for label, part in named if isinstance(part, np.ndarray) and part.ndim]
