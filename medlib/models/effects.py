"""Effects of a treatment, as notebook 51 teaches them: weighting, double robustness, two learners, and TARNet.

On a reader's own numbers::

    found = average_effect(x, y, t)                 # x (n, d), y (n,) measured, t (n,) 0 or 1
    print(found.ate, found.propensity.min())        # an interval; is there overlap?

    net = compile_tarnet(build_tarnet(x.shape[1]), steps=600)
    fit(net, x_scaled, np.stack([y_scaled, t], axis=1))     # medlib.models.training.fit
    both = net.predict(x_new)                               # (n, 2): the outcome without, and with treatment
    net.save("effects.keras")                               # keras.saving.load_model reads it back
"""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
from keras import layers, ops
from sklearn.base import clone

from medlib.metrics import Interval
from medlib.models.base import Checked, register
from medlib.models.inputs import check_finite

# ------------------------------------------------------------------------------------------------------------ averages


def ipw(y, t, e):
    """The average effect by inverse probability weights that add up to one in each arm (Hájek 1971).

    Parameters
    ----------
    y, t, e
        Shape (n,): outcome; treatment, 0 or 1; propensity P(t = 1 | x), strictly between 0 and 1.
    """
    with_it = np.average(y, weights=t / e)
    without = np.average(y, weights=(1 - t) / (1 - e))
    return with_it - without


def aipw(y, t, e, m0, m1):
    """One score a person (n,), whose mean is the doubly robust estimate of the effect (Robins et al. 1994).

    Parameters
    ----------
    y, t, e
        As in :func:`ipw`.
    m0, m1
        Shape (n,): the outcome expected without and with treatment.
    """
    with_it = m1 + t * (y - m1) / e
    without = m0 + (1 - t) * (y - m0) / (1 - e)
    return with_it - without


def mean_interval(scores):
    """The mean of independent scores (n,) and its 95 % interval."""
    width = 1.96 * np.std(scores, ddof=1) / np.sqrt(len(scores))
    return Interval(np.mean(scores), np.mean(scores) - width, np.mean(scores) + width)


@dataclass(frozen=True)
class Effect:
    """What :func:`average_effect` finds.

    Attributes
    ----------
    ate
        The average effect with its 95 % interval, in units of y.
    scores
        Shape (n,): the doubly robust score of each person.
    propensity
        Shape (n,): P(t = 1 | x), before it was clipped. Values near 0 and 1 say that there is nobody to compare with.
    outcomes
        Shape (n, 2): expected outcome without and with treatment.
    """

    ate: Interval
    scores: np.ndarray
    propensity: np.ndarray
    outcomes: np.ndarray


def average_effect(x, y, t, outcome=None, propensity=None, folds: int = 5, clip: float = 0.01, seed: int = 0) -> Effect:
    """The average effect of t on y given x, doubly robust and cross-fitted (Chernozhukov et al. 2018).

    Nobody is predicted by a model that has seen them, so flexible models may be used. The estimate is causal only when
    x holds every common cause of t and y, and nothing that t has changed.

    Parameters
    ----------
    x
        Shape (n, d): what was known before treatment.
    y, t
        Shape (n,): a measured outcome (or 0 and 1); the treatment, 0 or 1.
    outcome, propensity
        A scikit-learn regressor, by default ridge regression on standardised columns; a classifier, by default
        logistic regression on them.
    folds
        At least 2.
    clip
        Propensities are kept between ``clip`` and 1 - ``clip``.

    Raises
    ------
    ValueError
        If shapes do not fit, a value is missing, t is not 0 and 1, an arm has fewer people than ``folds``, ``folds`` is
        below 2, or ``clip`` is not from 0 to below one half.
    """
    from sklearn.linear_model import LogisticRegression, RidgeCV
    from sklearn.model_selection import StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x, y, t = check_study(x, y, t)
    if folds != int(folds) or folds < 2:
        raise ValueError(f"folds: got {folds!r}, expected a whole number from 2 on; 5 is usual")
    fewest = int(min(t.sum(), len(t) - t.sum()))
    if fewest < folds:
        raise ValueError(f"t: got {fewest} people in one arm, expected at least one for each of {folds} folds")
    if not 0 <= clip < 0.5:
        raise ValueError(f"clip: got {clip!r}, expected a share from 0 to below .5, for example .01")
    outcome = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-2, 3, 6))) if outcome is None else outcome
    propensity = make_pipeline(StandardScaler(), LogisticRegression()) if propensity is None else propensity
    e, expected = np.empty(len(y)), np.empty((len(y), 2))
    for train, rest in StratifiedKFold(int(folds), shuffle=True, random_state=seed).split(x, t):
        e[rest] = clone(propensity).fit(x[train], t[train]).predict_proba(x[rest])[:, 1]
        expected[rest] = outcomes(t_learner(outcome, x[train], y[train], t[train]), x[rest])
    scores = aipw(y, t, np.clip(e, max(clip, 1e-12), 1 - max(clip, 1e-12)), *expected.T)
    return Effect(mean_interval(scores), scores, e, expected)


def check_study(x, y, t) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x (n, d), y (n,) and t (n,) as floating-point numbers, or a ValueError that says what does not fit."""
    read = []
    for name, values, axes in (("x", x, 2), ("y", y, 1), ("t", t, 1)):
        try:
            array = np.asarray(values, float)
        except (TypeError, ValueError):
            raise ValueError(f"{name}: got values that are no numbers, expected numbers; encode the words") from None
        if array.ndim != axes:
            shape = "(n, d), one row a person" if axes == 2 else "(n,), one number a person"
            remedy = "x[:, None] makes a column" if axes == 2 else f"take one column, or {name}.ravel()"
            raise ValueError(f"{name}: got shape {array.shape}, expected {shape}; {remedy}")
        check_finite(array, name)
        read.append(array)
    x, y, t = read
    if not len(x) == len(y) == len(t):
        raise ValueError(f"x, y, t: got {len(x)}, {len(y)} and {len(t)} rows, expected one of each for every person")
    check_arms(t)
    return x, y, t


def check_arms(t, both: bool = True) -> None:
    """Refuse treatments that are not 0 and 1, or (with ``both``) an empty arm, with a ValueError."""
    if not np.isin(t, (0, 1)).all():
        raise ValueError(f"t: got {np.unique(t)[:5]}, expected 0 (without) and 1 (with treatment); compare two arms")
    for arm, word in ((0, "without"), (1, "with")):
        if both and not (t == arm).any():
            raise ValueError(f"t: got nobody {word} treatment ({arm}), expected both arms; an effect is a comparison")


# ------------------------------------------------------------------------------------------------- effects of a person


def t_learner(model, x, y, t):
    """Two copies of a scikit-learn regressor: fitted to those without treatment, and to those with it."""
    return [clone(model).fit(x[t == arm], y[t == arm]) for arm in (0, 1)]


def outcomes(pair, x):
    """Both outcomes of each person, shape (n, 2), by the two models of :func:`t_learner`."""
    return np.stack([model.predict(x) for model in pair], axis=1)


def pehe(effect, guess):
    """The root mean squared error of individual effects, in units of the outcome (Hill 2011)."""
    return np.sqrt(np.mean((guess - effect) ** 2))


def seen_error(target, both):
    """The squared error of the one outcome that was seen, shape (n,).

    Parameters
    ----------
    target
        Shape (n, 2): outcome and treatment (0 or 1) of each person.
    both
        Shape (n, 2): the outcomes predicted without and with treatment.
    """
    y, t = target[:, 0], target[:, 1]
    seen = (1 - t) * both[:, 0] + t * both[:, 1]
    return ops.square(y - seen)


register(seen_error)


@register
class Outcomes(Checked, keras.Model):
    """``keras.Model(inputs, outputs)`` that predicts both outcomes, and refuses targets that it cannot learn from."""

    def look(self, x, y=None, name="x"):
        """``check``, and somebody in each arm; a batch of a data set may have one arm alone."""
        super().look(x, y, name)
        if np.ndim(y) == 2:
            check_arms(np.asarray(y)[:, 1])

    def check(self, x, y=None, name="x"):
        """Rows of numbers; as targets the outcome and the treatment of each."""
        self.check_asked(x, name)
        if y is None:
            return
        y = np.asarray(y)
        if y.ndim != 2 or y.shape[1] != 2:
            raise ValueError(
                f"y: got shape {y.shape}, expected (n, 2), outcome and treatment; use np.stack([y, t], axis=1)"
            )
        if len(y) != len(x):
            raise ValueError(f"x, y: got {len(x)} and {len(y)} rows, expected one target for each person")
        check_finite(y, "y")
        check_arms(y[:, 1], both=False)

    def check_asked(self, x, name="x"):
        """Rows of as many finite numbers as the model was built for."""
        x, width = np.asarray(x, float), self.input_shape[1]
        if x.ndim != 2 or x.shape[1] != width or not len(x):
            raise ValueError(f"{name}: got shape {x.shape}, expected (n, {width}); build the network for these columns")
        check_finite(x, name)


def build_tarnet(inputs, shared=64, head=32):
    """TARNet (Shalit et al. 2017): shared layers, then a head for each arm; it returns both outcomes (n, 2).

    Parameters
    ----------
    inputs
        Number of columns of x, which should be standardised.
    shared, head
        Neurons in each of two shared layers, and in the layer of each head.
    """
    x = keras.Input((inputs,))
    h = layers.Dense(shared, activation="elu")(x)
    h = layers.Dense(shared, activation="elu")(h)
    heads = [layers.Dense(head, activation="elu")(h) for arm in (0, 1)]
    both = [layers.Dense(1)(branch) for branch in heads]
    return Outcomes(x, layers.Concatenate()(both))


def compile_tarnet(model: keras.Model, steps: int = 600, rate: float = 3e-3, weight_decay: float = 1e-2) -> keras.Model:
    """Compile with the error of the seen outcome and AdamW, whose step size falls from ``rate`` to 0 in ``steps``."""
    schedule = keras.optimizers.schedules.CosineDecay(rate, steps)
    model.compile(keras.optimizers.AdamW(schedule, weight_decay=weight_decay), seen_error)
    return model


# --------------------------------------------------------------------------------------------- what was not measured


def e_value(ratio):
    """The E-value of a risk ratio (VanderWeele and Ding 2017).

    How strongly an unmeasured cause must be tied to treatment and to outcome, both as risk ratios, to explain it all.
    """
    larger = max(ratio, 1 / ratio)
    return larger + np.sqrt(larger * (larger - 1))
