"""One network for many yes/no questions whose answers are partly missing, as notebook 52 teaches it.

A reader's own table: rows are molecules (or patients), ``labels`` holds a column for each question, with 1, 0, and nan
where nobody asked::

    model = fit_multitask_network(frame[columns], labels)
    chance = probabilities(model, new_frame[columns])        # (n, tasks)
    mean_auc(new_labels, chance)                             # nan in new_labels does not count
    model.save("toxicity.keras")                             # keras.saving.load_model reads it back
"""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, ops

from medlib.models import training
from medlib.models.base import Checked, register
from medlib.models.inputs import check_finite

__all__ = [
    "MultiTaskNetwork",
    "build_multitask_network",
    "fit_multitask_network",
    "labels_of",
    "masked_loss",
    "mean_auc",
    "probabilities",
]


def _numbers(x, name: str = "x") -> np.ndarray:
    """A table of finite numbers (n, columns) as float32, or a ValueError that says what it is instead."""
    try:
        x = x.to_numpy("float32", na_value=np.nan) if hasattr(x, "to_numpy") else np.asarray(x, "float32")
    except (TypeError, ValueError):
        raise ValueError(
            f"{name}: got values that are no numbers, expected numbers; make words columns of 0 and 1, for example "
            "with pandas.get_dummies"
        ) from None
    if x.ndim != 2 or not x.size:
        raise ValueError(
            f"{name}: got shape {x.shape}, expected (n, columns), both 1 or more; for one column pass x[:, None]"
        )
    check_finite(x, name)
    return x


def labels_of(y) -> np.ndarray:
    """Labels (n, tasks) as floats: 1, 0, and -1 where none is known (nan, None or pandas' NA in a frame).

    Raises
    ------
    ValueError
        Not two axes; words or other numbers; a task without any known label, or with labels of one class alone.
    """
    names = [repr(column) for column in y.columns] if hasattr(y, "columns") else None
    try:
        values = y.to_numpy(float, na_value=np.nan) if hasattr(y, "to_numpy") else np.asarray(y, float)
    except (TypeError, ValueError):
        raise ValueError("y: got values that are no numbers, expected 0, 1 or nan; encode the words") from None
    if values.ndim != 2 or not values.size:
        remedy = "a single task is a column, y[:, None]" if values.ndim == 1 else "one row each, one column a task"
        raise ValueError(f"y: got shape {values.shape}, expected (n, tasks); {remedy}")
    known = ~np.isnan(values)
    strange = np.unique(values[known & ~np.isin(values, (0, 1))])
    if len(strange):
        raise ValueError(
            f"y: got {strange[:4].tolist()}, expected 0, 1, and nan for a label that is missing; say which value "
            "means yes, for example (y > 0.5).where(y.notna())"
        )
    for task in range(values.shape[1]):
        name, found = names[task] if names else task, np.unique(values[known[:, task], task])
        if not len(found):
            raise ValueError(f"y: got no label at all for task {name}, expected some; leave the column out")
        if len(found) == 1:
            raise ValueError(
                f"y: got labels of {found[0]:g} alone for task {name}, expected both 0 and 1; nothing can be learnt "
                "from one class, leave the column out"
            )
    return np.where(known, values, -1).astype("float32")


def masked_loss(y, logits):
    """Cross-entropy of the labels that are known, in nats a label; y (n, tasks) is -1 where none is.

    The mean over the known labels of a batch, all tasks together. A batch without any is worth 0.
    """
    known = ops.cast(y >= 0, logits.dtype)
    nats = ops.softplus(logits) - y * logits
    return ops.sum(known * nats) / ops.maximum(ops.sum(known), 1)


register(masked_loss)


def mean_auc(y, scores) -> float:
    """The mean over tasks of the area under the ROC curve, each on the rows whose label is known.

    Parameters
    ----------
    y
        Shape (n, tasks): 1, 0, and nan or -1 where no label is known.
    scores
        Shape (n, tasks): the higher, the more likely 1.

    Raises
    ------
    ValueError
        A task lacks one of its two classes, shapes differ, labels are others, or a score is missing.
    """
    from scipy.stats import rankdata

    y = y.to_numpy(float, na_value=np.nan) if hasattr(y, "to_numpy") else np.asarray(y, float)
    scores = np.asarray(scores, float)
    if y.shape != scores.shape or y.ndim != 2 or not y.size:
        raise ValueError(f"y, scores: got shapes {y.shape} and {scores.shape}, expected (n, tasks) for both")
    if not np.isin(y[~np.isnan(y)], (-1, 0, 1)).all():
        raise ValueError("y: got other labels than 1, 0, and nan or -1 (unknown), expected those; say which means yes")
    check_finite(scores, "scores")
    sick, well = y == 1, y == 0
    yes, no = sick.sum(axis=0), well.sum(axis=0)
    lacking = np.flatnonzero((yes == 0) | (no == 0))
    if len(lacking):
        task = lacking[0]
        raise ValueError(
            f"y: got {yes[task]} yes and {no[task]} no for task {task}, expected some of both; leave it out"
        )
    place = rankdata(np.where(sick | well, scores, np.inf), axis=0)  # behind all others, unknown labels move no rank
    areas = (np.sum(place * sick, axis=0) - yes * (yes + 1) / 2) / (yes * no)
    return float(np.mean(areas))


@register
class MultiTaskNetwork(Checked, keras.Model):
    """``keras.Model(inputs, outputs)`` with a logit for each task, which refuses what it cannot learn from."""

    def look(self, x, y=None, name="x"):
        """``check``, and both classes in each task; a batch of a data set may have one alone."""
        super().look(x, y, name)
        if np.ndim(y) == 2:
            y = np.asarray(y, float)
            labels_of(np.where(y < 0, np.nan, y))

    def check(self, x, y=None, name="x"):
        """Rows of finite numbers; as labels 1, 0, and -1 where none is known."""
        self.check_asked(x, name)
        if y is None:
            return
        y, tasks = np.asarray(y), self.output_shape[1]
        if y.shape != (len(x), tasks):
            raise ValueError(f"y: got shape {y.shape}, expected ({len(x)}, {tasks}), a label for each row and task")
        if not np.isin(y, (-1, 0, 1)).all():
            raise ValueError("y: got other labels than 1, 0 and -1 (unknown), expected those; use labels_of(y)")

    def check_asked(self, x, name="x"):
        """Rows of as many finite numbers as the network was built for."""
        x, columns = np.asarray(x), self.input_shape[1]
        if x.ndim != 2 or x.shape[1] != columns or x.dtype.kind not in "biuf":
            raise ValueError(
                f"{name}: got shape {x.shape} of {x.dtype}, expected numbers of shape (n, {columns}); one row each, "
                "categories as columns of 0 and 1"
            )
        check_finite(x, name)


def build_multitask_network(x, tasks: int, widths=(128, 64), dropout: float = 0.5) -> MultiTaskNetwork:
    """Layers that all tasks share, then one logit a task.

    Parameters
    ----------
    x
        Shape (n, columns): measured columns are standardised with their mean and deviation here; columns of 0 and 1,
        such as a fingerprint's, are taken as they are.
    tasks
        Number of questions.
    widths, dropout
        Neurons in each shared layer; the share of them that is silent at a training step.
    """
    x = _numbers(x)
    if not all(isinstance(width, (int, np.integer)) and width > 0 for width in widths) or not 0 <= dropout < 1:
        raise ValueError(
            f"widths, dropout: got {widths} and {dropout}, expected whole numbers of 1 or more, and a share from 0 to "
            "below 1"
        )
    bits = ((x == 0) | (x == 1)).all(axis=0)
    variance = np.where(x.var(axis=0) > 0, x.var(axis=0), 1.0)  # a constant column stays harmless
    row = h = keras.Input((x.shape[1],))
    if not bits.all():
        h = layers.Normalization(mean=np.where(bits, 0.0, x.mean(axis=0)), variance=np.where(bits, 1.0, variance))(h)
    for width in widths:
        h = layers.Dense(width, activation="relu", kernel_initializer="he_normal")(h)
        h = layers.Dropout(dropout)(h)
    return MultiTaskNetwork(row, layers.Dense(tasks)(h))


def fit_multitask_network(
    x, y, *, widths=(128, 64), dropout=0.5, steps=800, rate=6e-3, decay=1.0, batch_size=200, label="multi-task"
):
    """Build the network and train it on the labels that are known: AdamW, whose step size falls to 0.

    Parameters
    ----------
    x
        Numbers (n, columns), none missing; a frame or an array.
    y
        Labels (n, tasks): 1, 0, and nan where nobody measured. Rows without any label are left out.

    Raises
    ------
    ValueError
        As :func:`labels_of`; missing values in x, or lengths that differ.
    """
    x, y = _numbers(x), labels_of(y)
    if len(x) != len(y):
        raise ValueError(f"x, y: got {len(x)} and {len(y)} rows, expected one row of labels for each row of x")
    if not (isinstance(steps, (int, np.integer)) and steps > 0 and rate > 0 and decay >= 0):
        raise ValueError(
            f"steps, rate, decay: got {steps}, {rate} and {decay}, expected a whole number of 1 or more, a number "
            "above 0, and one of 0 or more"
        )
    model = build_multitask_network(x, y.shape[1], widths, dropout)
    schedule = keras.optimizers.schedules.CosineDecay(rate, steps)
    model.compile(keras.optimizers.AdamW(schedule, weight_decay=decay), masked_loss)
    useful = (y >= 0).any(axis=1)
    training.fit(model, x[useful], y[useful], steps=steps, batch_size=min(batch_size, useful.sum()), label=label)
    return model


def probabilities(model: keras.Model, x) -> np.ndarray:
    """The probability of yes (n, tasks) for each row of x."""
    logits = model.predict(_numbers(x), verbose=0)
    return 1 / (1 + np.exp(-logits.astype(float)))
