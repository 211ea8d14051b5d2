"""Survival: the estimators of notebook 53 written out, and its two networks as ordinary Keras models.

Throughout, ``time`` (n,) is the follow-up of each patient in any one unit, ``event`` (n,) is True where the event was
seen and False where the follow-up ended without it (censored). ``log_risk`` (n,) is η in a hazard h₀(t) exp(η).

A reader's own table::

    model = fit_cox_network(frame[["age", "nodes"]], frame["days"], frame["died"])
    base = breslow(log_risk(model, frame[["age", "nodes"]]), frame["days"], frame["died"])
    risk = 1 - survival_at(base, log_risk(model, new_patients), 365)
"""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, ops

from medlib.models import training
from medlib.models.base import Checked, register
from medlib.models.inputs import check_finite

__all__ = [
    "SurvivalNetwork",
    "aalen_johansen",
    "breslow",
    "brier",
    "build_survival_network",
    "concordance",
    "cox_loss",
    "fit_cox_network",
    "fit_hazard_network",
    "hazard_loss",
    "intervals_lived",
    "kaplan_meier",
    "log_risk",
    "step",
    "survival_at",
    "survival_from_hazards",
    "targets",
]


# ------------------------------------------------------------------------------------------------------ the estimators


def targets(time, event) -> tuple[np.ndarray, np.ndarray]:
    """Times as floats and events as truth values, both (n,), or a ValueError that says what is wrong with them.

    Raises
    ------
    ValueError
        Lengths that differ, no patient, times that are negative, nan or infinite, events other than 0 and 1, no event.
    """
    time, event = np.asarray(time, float), np.asarray(event)
    if time.ndim != 1 or time.shape != event.shape or not len(time):
        raise ValueError(
            f"time, event: got shapes {time.shape} and {event.shape}, expected two vectors of the same length, "
            "at least one patient; pass one column of the table for each"
        )
    check_finite(time, "time")
    if time.min() < 0:
        raise ValueError(
            f"time: got {time.min():g}, expected times from 0 on; a negative one is often two dates exchanged"
        )
    if event.dtype.kind not in "biuf" or not np.isin(event, (0, 1)).all():
        raise ValueError(
            f"event: got {np.unique(event)[:4].tolist()}, expected 1 (seen) and 0 (censored); say which value means "
            "that the event was seen, for example status == 2"
        )
    if not event.any():
        raise ValueError("event: got no event among all patients, expected at least one; nothing is known of when")
    return time, event.astype(bool)


def kaplan_meier(time, event) -> tuple[np.ndarray, np.ndarray]:
    """The times of events (k,), rising, and the share alive just after each (k,) (Kaplan and Meier 1958)."""
    time, event = targets(time, event)
    moments, deaths = np.unique(time[event], return_counts=True)
    at_risk = np.sum(time >= moments[:, None], axis=1)
    return moments, np.cumprod(1 - deaths / at_risk)


def step(curve, at, before: float = 1.0, left: bool = False) -> np.ndarray:
    """A step curve (moments, values) read at times ``at``; ``before`` holds until the first moment.

    ``left`` reads the value just before a moment, where the curve jumps.
    """
    moments, values = curve
    place = np.searchsorted(moments, at, side="left" if left else "right")
    return np.concatenate([[before], values])[place]


def breslow(log_risk, time, event) -> tuple[np.ndarray, np.ndarray]:
    """The cumulative baseline hazard H₀: times of events (k,) and its value just after each (k,) (Breslow 1972)."""
    time, event = targets(time, event)
    moments, deaths = np.unique(time[event], return_counts=True)
    at_risk = time >= moments[:, None]
    return moments, np.cumsum(deaths / (at_risk @ np.exp(np.asarray(log_risk, float))))


def survival_at(base, log_risk, horizon: float) -> np.ndarray:
    """S(horizon | x) = exp(-H₀(horizon) exp(η)) for each patient (n,); ``base`` is what ``breslow`` gave."""
    return np.exp(-step(base, horizon, before=0.0) * np.exp(np.asarray(log_risk, float)))


def aalen_johansen(time, cause, of: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """The share that has had the event ``of`` by each moment, when others compete (Aalen and Johansen 1978).

    ``cause`` (n,) is 0 where the follow-up ended without any event, and 1, 2 ... where one was seen.
    """
    time, cause = np.asarray(time, float), np.asarray(cause)
    targets(time, cause > 0)
    moments, alive = kaplan_meier(time, cause > 0)
    at_risk = np.sum(time >= moments[:, None], axis=1)
    ours = np.sum((time == moments[:, None]) & (cause == of), axis=1)
    alive_before = np.concatenate([[1.0], alive[:-1]])
    return moments, np.cumsum(alive_before * ours / at_risk)


# ---------------------------------------------------------------------------------------------------------- the scores


def concordance(risk, time, event, until: float = np.inf, censoring=None) -> float:
    """The share of pairs whose order the risk gets right; a tie of risks counts one half.

    A pair counts when the earlier time is that of an event, not after ``until`` (Harrell 1982). With ``censoring``, the
    Kaplan-Meier curve of *being censored*, each pair weighs 1/G(t-)², and the score no longer depends on who was
    censored when (Uno et al. 2011).

    Raises
    ------
    ValueError
        No pair can be compared.
    """
    time, event = targets(time, event)
    risk = np.asarray(risk, float)
    check_finite(risk, "risk")
    first = np.flatnonzero(event & (time <= until))
    later = (time > time[first, None]) | ((time == time[first, None]) & ~event)
    weight = np.ones(len(first)) if censoring is None else step(censoring, time[first], left=True) ** -2.0
    higher = np.count_nonzero(later & (risk[first, None] > risk), axis=1)
    equal = np.count_nonzero(later & (risk[first, None] == risk), axis=1)
    pairs = weight @ np.count_nonzero(later, axis=1)
    if not pairs:
        raise ValueError("risk, time, event: no two patients can be compared; is `until` before the first event?")
    return float(weight @ (higher + 0.5 * equal) / pairs)


def brier(survival, time, event, horizon: float, censoring) -> np.ndarray:
    """The squared error of each patient's probability to be alive at ``horizon`` (n,), weighted (Graf et al. 1999).

    Who died before counts 1/G(t-), who was still followed 1/G(horizon), who was censored before counts 0; the mean is
    the Brier score. ``censoring`` is the Kaplan-Meier curve G of being censored, ``kaplan_meier(time, ~event)``.
    """
    time, event = np.asarray(time, float), np.asarray(event, bool)
    died, lived = event & (time <= horizon), time > horizon
    weight = np.zeros(len(time))
    weight[died] = 1 / step(censoring, time[died], left=True)
    weight[lived] = 1 / step(censoring, horizon)
    return weight * (lived - np.asarray(survival, float)) ** 2


# -------------------------------------------------------------------------------------------------------- the networks


def cox_loss(y, eta):
    """The negative log partial likelihood of a batch, per patient; y (n, 2) holds time and event, eta (n, 1) is η.

    The risk set of an event is everybody in the batch with a time that is not earlier (ties as in Breslow 1974), so
    batches should be large; Keras divides by nothing, the mean is taken here.
    """
    time, event, eta = y[:, 0], y[:, 1], eta[:, 0]
    at_risk = time[None, :] >= time[:, None]
    everyone = ops.where(at_risk, eta[None, :], -1e9)
    return ops.mean(event * (ops.logsumexp(everyone, axis=1) - eta))


def hazard_loss(y, logits):
    """Cross-entropy of the intervals that each patient lived into; y (n, K) is what ``intervals_lived`` gave.

    1: the event came in this interval; 0: it did not; -1: nobody knows, and the interval counts nothing (Gensheimer and
    Narasimhan 2019). The sum over intervals, the mean over patients.
    """
    known = ops.cast(y >= 0, logits.dtype)
    nats = ops.softplus(logits) - y * logits
    return ops.mean(ops.sum(known * nats, axis=1))


register(cox_loss)
register(hazard_loss)


def intervals_lived(time, event, edges) -> np.ndarray:
    """What is known of each patient in each interval (edges[k], edges[k + 1]]: 1 event, 0 none, -1 unknown. (n, K).

    Who is censored within an interval counts as unknown there, unless in its second half (as 0).
    """
    time, event = np.asarray(time, float)[:, None], np.asarray(event, bool)[:, None]
    edges = np.asarray(edges, float)
    start, end = edges[:-1], edges[1:]
    happened = event & (start < time) & (time <= end)
    happened[:, 0] |= (event & (time <= start[0]))[:, 0]
    known = np.where(event, time > start, time >= (start + end) / 2)
    return np.where(happened, 1, np.where(known & ~happened, 0, -1)).astype("float32")


def survival_from_hazards(logits, edges, at) -> np.ndarray:
    """S(at | x) of each patient (n, len(at)) from the network's logits (n, K); between edges log S is a line."""
    hazard = 1 / (1 + np.exp(-np.asarray(logits, float)))
    log_survival = np.cumsum(np.log1p(-hazard), axis=1)
    log_survival = np.concatenate([np.zeros((len(hazard), 1)), log_survival], axis=1)
    return np.exp(np.stack([np.interp(at, edges, row) for row in log_survival]))


@register
class SurvivalNetwork(Checked, keras.Model):
    """``keras.Model(inputs, outputs)`` for tables, which refuses rows that it cannot learn from."""

    def check(self, x, y=None, name="x"):
        """A table (n, columns) of finite numbers."""
        x = np.asarray(x)
        columns = self.input_shape[1]
        if x.ndim != 2 or x.shape[1] != columns or x.dtype.kind not in "biuf":
            raise ValueError(
                f"{name}: got shape {x.shape} of {x.dtype}, expected numbers of shape (n, {columns}); one row a "
                "patient, categories as columns of 0 and 1"
            )
        check_finite(x, name)

    def check_asked(self, x):
        """A table (n, columns) of finite numbers."""
        self.check(x)


def build_survival_network(x, outputs: int = 1, widths=(32, 32), dropout: float = 0.1) -> SurvivalNetwork:
    """A small dense network that standardises its own inputs with the mean and deviation of ``x`` (n, columns).

    ``outputs`` = 1 gives η, for ``cox_loss``; K gives the logits of K hazards, for ``hazard_loss``.
    """
    x = np.asarray(x, "float32")
    if x.ndim != 2 or not len(x):
        raise ValueError(f"x: got shape {x.shape}, expected (n, columns) with n >= 1; for one column pass x[:, None]")
    check_finite(x, "x")
    variance = np.where(x.var(axis=0) > 0, x.var(axis=0), 1.0)  # a constant column stays harmless
    row = h = keras.Input((x.shape[1],))
    h = layers.Normalization(mean=x.mean(axis=0), variance=variance)(h)
    for width in widths:
        h = layers.Dense(width, activation="selu", kernel_initializer="lecun_normal")(h)
        h = layers.Dropout(dropout)(h)
    return SurvivalNetwork(row, layers.Dense(outputs, use_bias=outputs > 1)(h))


def _train(model, loss, x, y, steps: int, rate: float, decay: float, batch_size: int, label: str, **more):
    schedule = keras.optimizers.schedules.CosineDecay(rate, steps)
    model.compile(keras.optimizers.AdamW(schedule, weight_decay=decay), loss)
    training.fit(model, np.asarray(x, "float32"), y, steps=steps, batch_size=batch_size, label=label, **more)
    return model


def fit_cox_network(
    x, time, event, *, widths=(32, 32), dropout=0.1, steps=300, rate=5e-3, decay=0.05, batch_size=500, label="Cox"
):
    """A network for η trained on Cox's partial likelihood (Katzman et al. 2018), a large batch at a time.

    Parameters
    ----------
    x
        Numbers (n, columns), no missing values; a frame or an array.
    time, event
        Shape (n,) each.

    Raises
    ------
    ValueError
        Negative times, no events, missing values, lengths that differ.
    """
    time, event = targets(time, event)
    model = build_survival_network(x, 1, widths, dropout)
    y = np.stack([time, event], axis=1).astype("float32")
    return _train(model, cox_loss, x, y, steps, rate, decay, min(batch_size, len(y)), label)


def fit_hazard_network(
    x,
    time,
    event,
    edges,
    *,
    widths=(32, 32),
    dropout=0.1,
    steps=300,
    rate=5e-3,
    decay=0.05,
    batch_size=500,
    label="hazards",
):
    """A network for the hazards of the intervals between ``edges`` (K + 1, rising): no proportional hazards asked.

    Raises
    ------
    ValueError
        As ``fit_cox_network``; ``edges`` that do not rise.
    """
    time, event = targets(time, event)
    edges = np.asarray(edges, float)
    if edges.ndim != 1 or len(edges) < 2 or not (np.diff(edges) > 0).all():
        raise ValueError(f"edges: got {edges.tolist()}, expected at least two rising times; start with 0")
    model = build_survival_network(x, len(edges) - 1, widths, dropout)
    y = intervals_lived(time, event, edges)
    return _train(model, hazard_loss, x, y, steps, rate, decay, min(batch_size, len(y)), label)


def log_risk(model: keras.Model, x) -> np.ndarray:
    """η of each patient (n,) by a network with one output."""
    x = np.asarray(x, "float32")
    if isinstance(model, Checked):
        model.check_asked(x)
    (eta,) = training.batches(lambda rows: [model(rows, training=False)], x, size=4096)
    return eta[:, 0]
