"""One way to train any Keras model: a progress bar with the time left, safe to interrupt, loud when it diverges."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from medlib.lesson import Bar


class _Watch(keras.callbacks.Callback):
    """Moves the bar, and stops the training when the loss, or anything else that is logged, is no longer a number."""

    def __init__(self, bar: Bar):
        super().__init__()
        self.bar, self.epoch, self.first = bar, 0, None

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
            self.bar.total = (self.params["epochs"] - self.first) * steps
            self.bar.update((self.epoch - self.first) * steps + batch + 1, _note(logs or {}))


def _note(logs: dict) -> str:
    """The losses in a few characters: ``loss 0.31``, or ``d_loss 0.5, g_loss 1.2`` where there is no single one."""
    names = ["loss"] if "loss" in logs else [name for name in logs if name.endswith("loss")][:3]
    return ", ".join(f"{name} {logs[name]:.3g}" for name in names)


def fit(
    model: keras.Model,
    x,
    y=None,
    *,
    epochs: int,
    batch_size: int = 64,
    callbacks=(),
    label: str = "training",
    **options,
) -> dict[str, list[float]]:
    """``model.fit`` with a progress bar; returns the history as a dictionary of lists, one number an epoch.

    Stopping the kernel (or Ctrl-C) ends the training, not the notebook: the model keeps the weights it has and the
    finished epochs are returned. Works with every ``keras.Model``, also those with their own ``train_step``.

    Parameters
    ----------
    model
        A compiled model.
    x, y
        What ``model.fit`` takes. ``y`` may be left out for models that need none.
    epochs, batch_size
        At least 1.
    options
        Passed on to ``model.fit``, for example ``validation_data``, ``class_weight``, ``initial_epoch`` or ``shuffle``.

    Raises
    ------
    ValueError
        If the data is empty or not finite, lengths differ, or ``epochs`` or ``batch_size`` is below 1.
    FloatingPointError
        If the loss, or another value that ``train_step`` reports, becomes infinite or not a number.
    """
    for name, number in (("epochs", epochs), ("batch_size", batch_size)):
        if number != int(number) or number < 1:
            raise ValueError(f"{name}: got {number}, expected a whole number, at least 1")
    _check(x, y)
    bar, history = Bar(label, None), keras.callbacks.History()
    watch = [*callbacks, history, _Watch(bar)]
    word = "stopped"
    if model.built and getattr(model, "optimizer", None) and not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)  # a first step that creates variables is traced twice
    options |= {"x": x, "y": y, "batch_size": batch_size}
    if _plain(x, y) and not {"sample_weight", "validation_split"} & set(options):
        rows = stream(x, y, batch_size=batch_size, shuffle=options.get("shuffle", True))
        options |= {"x": rows, "y": None, "batch_size": None, "shuffle": False}
    watched = options.get("validation_data")
    if isinstance(watched, tuple) and len(watched) < 3 and _plain(*watched):
        options["validation_data"] = stream(*watched, batch_size=batch_size)
    try:
        model.fit(epochs=epochs, verbose=0, callbacks=watch, **options)
        word = "done"
    except KeyboardInterrupt:
        model.stop_training = True
        done = options.get("initial_epoch", 0) + len(getattr(history, "epoch", ()))
        print(f"\n{label}: stopped by you after {done} of {epochs} epochs. The model can be used as it is.")
    finally:
        bar.close(word)
    return {key: [float(v) for v in values] for key, values in history.history.items()}


def _plain(x, y=None) -> bool:
    """Whether x is an array, and y an array, a dictionary of arrays, or nothing."""
    targets = y.values() if isinstance(y, dict) else (y,)
    return isinstance(x, np.ndarray) and all(t is None or isinstance(t, np.ndarray) for t in targets)


def stream(x, y=None, *, batch_size: int, shuffle: bool = False) -> tf.data.Dataset:
    """Batches of rows, as Keras makes them of arrays, but without the tuning thread of tf.data.

    For small models there is nothing to tune, and on two cores that thread makes some epochs last twice as long.
    """
    rows = keras.tree.map_structure(_single, x if y is None else (x, y))
    data = tf.data.Dataset.from_tensor_slices(rows)
    options = tf.data.Options()
    options.autotune.enabled = False
    return (data.shuffle(len(data)) if shuffle else data).batch(batch_size).prefetch(2).with_options(options)


def _single(array: np.ndarray) -> np.ndarray:
    """Floating-point numbers in the precision of Keras, all else as it is."""
    return array.astype(keras.config.floatx()) if array.dtype.kind == "f" else array


def record(trackers, values):
    """Update the running means of an epoch and return them by name, as Keras wants them from a step."""
    for tracker, value in zip(trackers, values, strict=True):
        tracker.update_state(value)
    return {tracker.name: tracker.result() for tracker in trackers}


def check_sides(shape: tuple[int, int, int], step: int) -> None:
    """Refuse an image shape (height, width, channels) whose sides ``step`` does not divide, with a ValueError."""
    if shape[0] % step or shape[1] % step:
        raise ValueError(f"shape: got {shape}, expected sides divisible by {step}; pad or crop the images")


def check_images(x, shape: tuple[int, int, int], name: str = "x", low: float = 0) -> np.ndarray:
    """The images as float32, or a ValueError that says what is wrong: kind, shape, number, missing values, range.

    ``low`` is the value of black, 0 or -1; white is 1.
    """
    try:
        x = np.asarray(x, np.float32)
    except (TypeError, ValueError):
        raise ValueError(f"{name}: got {type(x).__name__}, expected an array of images; stack them first") from None
    if x.ndim != 4 or x.shape[1:] != tuple(shape):
        want = ", ".join(map(str, shape))
        raise ValueError(
            f"{name}: got shape {x.shape}, expected (n, {want}); for grey images add a last axis, x[..., None]"
        )
    if not len(x):
        raise ValueError(f"{name}: got no images, expected at least one; look at the rows that were selected")
    bad = int((~np.isfinite(x)).sum())
    if bad:
        raise ValueError(f"{name}: got {bad} values that are nan or infinite, expected none; clean the data first")
    if x.min() < low or x.max() > 1:
        scaled = ("brain_window(x)", "divide by 255") if low == 0 else ("2 * brain_window(x) - 1", "x / 127.5 - 1")
        raise ValueError(
            f"{name}: got values from {x.min():.3g} to {x.max():.3g}, expected {low} to 1; "
            f"for Hounsfield units use {scaled[0]}, for bytes {scaled[1]}"
        )
    return x


def batches(function, *arrays, size: int = 256) -> list[np.ndarray]:
    """Apply a function of tensors to batches of rows; join each of its results."""
    parts = [function(*(a[i : i + size] for a in arrays)) for i in range(0, len(arrays[0]), size)]
    return [np.concatenate([keras.ops.convert_to_numpy(p) for p in column]) for column in zip(*parts, strict=True)]


def _check(x, y) -> None:
    """Refuse what cannot train; looks at arrays, alone or in a list, tuple or dictionary."""
    for name, array in _arrays("x", x):
        if not len(array):
            raise ValueError(f"{name}: got no examples (shape {array.shape}), expected at least one")
        bad = int((~np.isfinite(array)).sum()) if array.dtype.kind == "f" else 0
        if bad:
            raise ValueError(f"{name}: got {bad} values that are nan or infinite, expected none; clean the data first")
    for name, array in _arrays("y", y) if isinstance(x, np.ndarray) else ():
        if len(array) != len(x):
            raise ValueError(f"x, {name}: got {len(x)} inputs and {len(array)} labels, expected the same number")


def _arrays(name: str, data) -> list[tuple[str, np.ndarray]]:
    parts = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, (list, tuple)) else ()
    named = [(name, data), *((f"{name}[{key!r}]", part) for key, part in parts)]
    return [(label, part) for label, part in named if isinstance(part, np.ndarray) and part.ndim]
