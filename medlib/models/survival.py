"""Survival: the estimators of notebook 53 written out, its two networks as ordinary Keras models, the scores of 54.

Throughout, ``time`` (n,) is the follow-up of each patient in any one unit, ``event`` (n,) is True where the event was
seen and False where the follow-up ended without it (censored). ``log_risk`` (n,) is η in a hazard h₀(t) exp(η).

A reader's own table::

    model = fit_cox_network(frame[["age", "nodes"]], frame["days"], frame["died"])
    base = breslow(log_risk(model, frame[["age", "nodes"]]), frame["days"], frame["died"])
    risk = 1 - survival_at(base, log_risk(model, new_patients), 365)

A prognosis that is already there (of whatever model), judged on patients whom the model has not seen::

    auc_at(risk, frame["days"], frame["died"], 365)  # order
    brier(1 - risk, frame["days"], frame["died"], 365).mean()  # size; smaller is better
    calibration(risk, frame["days"], frame["died"], 365)  # size, group by group, with intervals
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
    "auc_at",
    "breslow",
    "brier",
    "build_survival_network",
    "calibration",
    "censoring_weights",
    "concordance",
    "cox_loss",
    "d_calibration",
    "fit_cox_network",
    "fit_hazard_network",
    "hazard_loss",
    "integrated_brier",
    "intervals_lived",
    "kaplan_meier",
    "leaving",
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


def leaving(time, event) -> tuple[np.ndarray, np.ndarray]:
    """The Kaplan-Meier curve G of *being censored*, as ``kaplan_meier`` gives that of the event; 1 where nobody is.

    At one and the same time events come first: who dies at t is no longer at risk of being censored at t.
    """
    time, event = targets(time, event)
    moments, left = np.unique(time[~event], return_counts=True)
    at_risk = np.sum((time > moments[:, None]) | ((time == moments[:, None]) & ~event), axis=1)
    return moments, np.cumprod(1 - left / np.maximum(at_risk, 1))


def censoring_weights(time, event, horizon: float, censoring=None) -> np.ndarray:
    """What each patient counts at a horizon, when those who were censored before it count 0 (n,).

    1/G(t-) for an event until the horizon, 1/G(horizon) for who was followed beyond it: they stand for the censored as
    well, and the mean weight is 1 (inverse probability of censoring; Robins and Rotnitzky 1992, Graf et al. 1999).

    Parameters
    ----------
    horizon
        In the unit of ``time``.
    censoring
        The curve G, by default ``leaving(time, event)``. Where leaving depends on what was measured: an array (n,), the
        probability of each patient to be still followed just before his event or, if later, at the horizon.

    Raises
    ------
    ValueError
        A horizon that is not a positive number, or beyond the follow-up: some were censored and nobody was followed
        longer; probabilities outside (0, 1] for somebody who counts.
    """
    time, event = targets(time, event)
    if not (np.isscalar(horizon) and 0 < horizon < np.inf):
        raise ValueError(f"horizon: got {horizon!r}, expected one positive time, in the unit of `time`")
    died, lived = event & (time <= horizon), time > horizon
    if not lived.any() and not event.all():
        raise ValueError(
            f"horizon: got {horizon:g}, but the longest follow-up is {time.max():g} and some were censored: nobody "
            "shows what happens until then; choose an earlier horizon"
        )
    censoring = leaving(time, event) if censoring is None else censoring
    if isinstance(censoring, tuple):
        stayed = np.where(lived, step(censoring, horizon), step(censoring, time, left=True))
    else:
        stayed = np.asarray(censoring, float)
        if stayed.shape != time.shape:
            raise ValueError(f"censoring: got shape {stayed.shape}, expected a curve or one number for each patient")
    counts = died | lived
    if not ((stayed[counts] > 0) & (stayed[counts] <= 1)).all():
        raise ValueError(
            f"censoring: got {stayed[counts].min():.3g} to {stayed[counts].max():.3g} for those who count, expected "
            "probabilities above 0; nobody can stand for patients who are never followed that long"
        )
    return np.where(counts, 1 / np.where(counts, stayed, 1.0), 0.0)


def auc_at(risk, time, event, horizon: float, censoring=None) -> float:
    """Of one with the event by ``horizon`` and one without: how often had the first the higher risk (ties one half)?

    The cumulative/dynamic area under the ROC curve (Heagerty and Zheng 2005), each patient with
    :func:`censoring_weights`.

    Raises
    ------
    ValueError
        As ``censoring_weights``; risks that are not finite; nobody with the event by then, or nobody without.
    """
    from sklearn.metrics import roc_auc_score

    weight = censoring_weights(time, event, horizon, censoring)
    risk, counts = _one_each(risk, "risk", len(weight)), weight > 0
    case = np.asarray(time, float)[counts] <= horizon
    if case.all() or not case.any():
        raise ValueError(f"horizon: got {horizon:g}, expected patients with the event by then, and others without")
    return float(roc_auc_score(case, risk[counts], sample_weight=weight[counts]))


def brier(survival, time, event, horizon: float, censoring=None) -> np.ndarray:
    """The squared error of each patient's probability to be alive at ``horizon`` (n,), weighted (Graf et al. 1999).

    Who died before counts 1/G(t-), who was still followed 1/G(horizon), who was censored before counts 0; the mean is
    the Brier score. ``censoring`` as in :func:`censoring_weights`.
    """
    weight = censoring_weights(time, event, horizon, censoring)
    survival = _one_each(survival, "survival", len(weight))
    return weight * ((np.asarray(time, float) > horizon) - survival) ** 2


def integrated_brier(curves, times, time, event, censoring=None) -> np.ndarray:
    """The Brier score of whole curves: the mean over ``times`` of each patient's weighted squared error (n,).

    Parameters
    ----------
    curves
        Each patient's probability to be alive at each of ``times`` (n, K).
    times
        Shape (K,), rising and above 0; the integral (by trapezia) runs from the first to the last, over their distance.

    Raises
    ------
    ValueError
        Shapes that do not fit, times that do not rise, and what ``brier`` refuses.
    """
    times, curves = np.asarray(times, float), np.asarray(curves, float)
    if times.ndim != 1 or len(times) < 2 or not (np.diff(times) > 0).all():
        raise ValueError(f"times: got {times.tolist()}, expected at least two rising times")
    if curves.shape != (len(np.asarray(time)), len(times)):
        raise ValueError(f"curves: got shape {curves.shape}, expected (patients, times) as {len(times)} columns")
    censoring = leaving(time, event) if censoring is None else censoring
    each = [brier(alive, time, event, t, censoring) for alive, t in zip(curves.T, times.tolist(), strict=True)]
    return np.trapezoid(each, times, axis=0) / (times[-1] - times[0])


def d_calibration(alive, event, bins: int = 10) -> tuple[np.ndarray, float]:
    """Are the probabilities at the patients' own ends spread evenly over 0 to 1? Shares of the bins, and a p-value.

    If a prognosis is right, S(T | x) at a patient's own time of death is uniform. Who was censored at S = s stands for
    a uniform number below s (Haider et al. 2020). The p-value is that of a Wald test with the measured covariance of
    the patients' contributions (in the directions in which enough of them differ): with censoring Pearson's test
    hardly ever rejects, and this one keeps its level.

    Parameters
    ----------
    alive
        Each patient's predicted probability to be alive at the end of his own follow-up (n,).

    Raises
    ------
    ValueError
        Probabilities outside [0, 1] or not finite, no event, events other than 0 and 1, fewer than two bins, or more
        than the patients allow.
    """
    from scipy.stats import chi2

    alive = _one_each(alive, "alive", len(np.asarray(event)))
    if alive.min(initial=0) < 0 or alive.max(initial=0) > 1:
        raise ValueError(f"alive: got {alive.min():.3g} to {alive.max():.3g}, expected probabilities in [0, 1]")
    if bins < 2:
        raise ValueError(f"bins: got {bins}, expected two or more")
    _, event = targets(np.zeros(len(alive)), event)
    lower = np.arange(bins) / bins
    place = np.minimum((alive * bins).astype(int), bins - 1)
    own = place[:, None] == np.arange(bins)
    inside = np.clip(alive[:, None] - lower, 0, 1 / bins) / np.maximum(alive, 1e-12)[:, None]
    inside = np.where(alive[:, None] > 0, inside, own)  # censored at S = 0: only the lowest bin is left
    each = np.where(event[:, None], own, inside)
    shares = each.mean(axis=0)
    size, direction = np.linalg.eigh(np.cov(each.T, ddof=0))
    told = len(alive) * size >= 10  # directions in which enough patients differ; bins that few reached are one
    if not told.any():
        raise ValueError(
            f"alive, event: got {event.sum()} events among {len(alive)} patients, too few for {bins} bins; take fewer"
        )
    wald = len(alive) * np.sum(((shares - 1 / bins) @ direction[:, told]) ** 2 / size[told])
    return shares, float(chi2.sf(wald, told.sum()))


def calibration(risk, time, event, horizon: float, groups: int = 5):
    """Predicted and observed risk at ``horizon`` in groups of equal size, the lowest predicted risk first.

    Returns
    -------
    pandas.DataFrame
        A row a group: ``patients``, ``predicted`` (mean), ``observed`` (one minus Kaplan-Meier), and its 95 % interval
        ``low``, ``high`` (Greenwood's variance, on the scale of log(-log S); Wilson's where nobody or everybody died).

    Raises
    ------
    ValueError
        Risks outside [0, 1], more groups than patients, or nobody in a group followed until the horizon.
    """
    import pandas as pd

    from medlib.metrics import proportion

    time, event = targets(time, event)
    risk = _one_each(risk, "risk", len(time))
    if risk.min() < 0 or risk.max() > 1:
        raise ValueError(f"risk: got {risk.min():.3g} to {risk.max():.3g}, expected probabilities in [0, 1]")
    if not 1 <= groups <= len(risk):
        raise ValueError(f"groups: got {groups}, expected 1 to {len(risk)}, the number of patients")
    rows = []
    for number, group in enumerate(np.array_split(np.argsort(risk, kind="stable"), groups)):
        t, e = time[group], event[group] & (time[group] <= horizon)
        followed = int(np.sum(t > horizon))
        if not followed and not e.all():
            raise ValueError(
                f"horizon: got {horizon:g}, but nobody in group {number + 1} was followed that long; choose an earlier "
                "horizon or fewer groups"
            )
        if 0 < e.sum() and followed:
            moments, deaths = np.unique(t[e], return_counts=True)
            at_risk = np.sum(t >= moments[:, None], axis=1)
            alive = np.prod(1 - deaths / at_risk)
            width = 1.959964 * np.sqrt(np.sum(deaths / (at_risk * (at_risk - deaths)))) / -np.log(alive)
            low, high = 1 - alive ** np.exp(-width), 1 - alive ** np.exp(width)
        else:
            alive = float(not e.any())
            interval = proportion(int(e.sum()), max(followed, int(e.sum())))
            low, high = interval.low, interval.high
        rows.append((len(group), risk[group].mean(), 1 - alive, low, high))
    return pd.DataFrame(rows, columns=["patients", "predicted", "observed", "low", "high"])


def _one_each(values, name: str, n: int) -> np.ndarray:
    """One finite number for each of ``n`` patients."""
    values = np.asarray(values, float)
    if values.shape != (n,):
        raise ValueError(f"{name}: got shape {values.shape}, expected one number for each of {n} patients")
    check_finite(values, name)
    return values


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
