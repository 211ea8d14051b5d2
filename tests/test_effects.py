"""medlib.models.effects: against enumerated tables, simulations whose effects are known, and closed forms."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from medlib.models import effects
from medlib.models.training import fit, keras


def study(n=600, seed=0):
    """x (n, 3), y, t, and the true effects: confounded by the first column, which also changes the effect."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    t = (rng.random(n) < 1 / (1 + np.exp(-x[:, 0]))).astype(float)
    effect = -2 + 0.5 * x[:, 0]
    return x, 3 * x[:, 0] + x[:, 1] + t * effect + rng.normal(size=n), t, effect


def enumerated(seed):
    """Five kinds of people: share, propensity, outcome of either arm; and the rows (kind, t) with their weights."""
    rng = np.random.default_rng(seed)
    share, e = rng.dirichlet(np.ones(5)), rng.uniform(0.1, 0.9, 5)
    m0, m1 = rng.normal(size=5) * 4, rng.normal(size=5) * 4
    kind = np.repeat(np.arange(5), 2)
    t = np.tile([0.0, 1.0], 5)
    weight = share[kind] * np.where(t == 1, e[kind], 1 - e[kind])
    return share, e, m0, m1, kind, t, weight


@pytest.mark.parametrize("seed", range(3))
def test_weighting_is_exact_on_a_table(seed):
    share, e, m0, m1, kind, t, weight = enumerated(seed)
    truth = share @ (m1 - m0)
    y = np.where(t == 1, m1[kind], m0[kind])
    times = np.round(weight * 4e6).astype(int)  # people of each row
    rows = np.repeat(np.arange(10), times)
    assert abs(effects.ipw(y[rows], t[rows], e[kind][rows]) - truth) < 1e-4
    assert abs(effects.ipw(y[rows], t[rows], np.full(len(rows), 0.5)) - truth) > 0.05


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("right_e", "right_m"), list(itertools.product((True, False), repeat=2)))
def test_one_wrong_model_does_no_harm_and_two_do(seed, right_e, right_m):
    share, e, m0, m1, kind, t, weight = enumerated(seed)
    y = np.where(t == 1, m1[kind], m0[kind])
    guess_e = e if right_e else e**2
    guess_0, guess_1 = (m0, m1) if right_m else (m0 + np.arange(5), m1 * 0.5)
    scores = effects.aipw(y, t, guess_e[kind], guess_0[kind], guess_1[kind])
    off = abs(weight @ scores - share @ (m1 - m0))
    assert (off < 1e-12) == (right_e or right_m)


def test_the_interval_of_a_mean_is_statisticians():
    from scipy import stats

    scores = np.random.default_rng(1).normal(3, 2, 400)
    ours, theirs = effects.mean_interval(scores), stats.norm.interval(0.95, scores.mean(), stats.sem(scores))
    assert np.allclose([ours.low, ours.high], theirs, rtol=1e-4) and ours.value == scores.mean()


def test_the_average_effect_is_found_where_the_plain_difference_has_the_wrong_sign():
    x, y, t, effect = study(4000)
    found = effects.average_effect(x, y, t)
    assert y[t == 1].mean() - y[t == 0].mean() > 0.3
    assert effect.mean() in found.ate and found.ate.high - found.ate.low < 0.3
    assert found.ate.value == found.scores.mean() and found.outcomes.shape == (4000, 2)


def test_nobody_is_predicted_by_a_model_that_has_seen_them():
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

    x, y, t, _ = study(200)
    nearest = {"outcome": KNeighborsRegressor(1), "propensity": KNeighborsClassifier(1)}
    found = effects.average_effect(x, y, t, **nearest)
    seen = np.where(t == 1, found.outcomes[:, 1], found.outcomes[:, 0])
    assert (seen != y).all() and set(found.propensity) == {0.0, 1.0} and np.isfinite(found.scores).all()
    assert 0.2 < np.mean(found.propensity != t) < 0.6


def test_frames_and_truth_values_will_do():
    import pandas as pd

    x, y, t, _ = study(200)
    frame, treated = pd.DataFrame(x, columns=list("abc")), pd.Series(t == 1)
    assert effects.average_effect(frame, pd.Series(y), treated).ate == effects.average_effect(x, y, t).ate


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"t": np.ones(60)}, "^t: got nobody without treatment .0., expected both arms"),
        ({"t": np.zeros(60)}, "^t: got nobody with treatment .1., expected both arms"),
        ({"t": np.arange(60) % 3}, "^t: got .0. 1. 2.., expected 0 .without. and 1"),
        ({"y": np.full(60, np.nan)}, "^y: got 60 values that are nan or infinite, expected none"),
        ({"x": np.full((60, 3), np.inf)}, "^x: got 180 values that are nan or infinite"),
        ({"x": np.zeros(60)}, r"^x: got shape \(60,\), expected \(n, d\), one row a person; x\[:, None\]"),
        ({"y": np.zeros((60, 1))}, r"^y: got shape \(60, 1\), expected \(n,\), one number a person"),
        ({"y": np.zeros(59)}, "^x, y, t: got 60, 59 and 60 rows, expected one of each"),
        ({"y": ["high"] * 60}, "^y: got values that are no numbers, expected numbers; encode"),
        ({"t": np.arange(60) < 3}, "^t: got 3 people in one arm, expected at least one for each of 5 folds"),
        ({"folds": 1}, "^folds: got 1, expected a whole number from 2 on"),
        ({"clip": 0.5}, "^clip: got 0.5, expected a share from 0 to below .5"),
    ],
)
def test_studies_without_sense_are_refused(change, message):
    x, y, t, _ = study(60)
    with pytest.raises(ValueError, match=message):
        effects.average_effect(**({"x": x, "y": y, "t": t} | change))


def test_the_two_learners_do_not_meet():
    from sklearn.linear_model import LinearRegression

    x, y, t, _ = study(300)
    pair = effects.t_learner(LinearRegression(), x, y, t)
    other = effects.t_learner(LinearRegression(), x, np.where(t == 1, y + 100, y), t)
    both, moved = effects.outcomes(pair, x), effects.outcomes(other, x)
    assert np.allclose(both[:, 0], moved[:, 0]) and np.allclose(both[:, 1] + 100, moved[:, 1])


def test_pehe_by_hand():
    assert np.isclose(effects.pehe(np.array([1.0, -2, 3]), np.array([1.0, 2, 0])), np.sqrt(25 / 3))


def test_the_loss_sees_one_head_a_person():
    target = np.array([[5.0, 0], [5, 1], [2, 1]], "float32")
    both = np.array([[4.0, 9], [9, 3], [7, 2.5]], "float32")
    np.testing.assert_allclose(effects.seen_error(target, both), [1, 4, 0.25])


@pytest.fixture(scope="module")
def trained():
    x, y, t, effect = study(1200)
    net = effects.compile_tarnet(effects.build_tarnet(3, 16, 8), steps=300, rate=0.01)
    fit(net, x, np.stack([y, t], axis=1), label="tarnet")
    return net, x, y, t, effect


def test_tarnet_finds_effects(trained):
    net, x, _, _, effect = trained
    both = net.predict(x, verbose=0)
    assert effects.pehe(effect, both[:, 1] - both[:, 0]) < 0.6 < effects.pehe(effect, 0 * effect) - 1


def test_treated_people_do_not_move_the_head_of_the_others():
    net = effects.compile_tarnet(effects.build_tarnet(3, 8, 4), steps=10)
    before = [w.copy() for w in net.get_weights()]
    x, y, t, _ = study(200)
    net.train_on_batch(x[t == 1], np.stack([y, t], axis=1)[t == 1])
    moved = [not np.allclose(a, b, atol=2e-4) for a, b in zip(before, net.get_weights(), strict=True)]
    named = dict(zip([w.path for w in net.weights], moved, strict=True))
    biases = [kept for path, kept in named.items() if path.endswith("bias")]
    assert biases == [True, True, False, True, False, True]  # two shared, then head 0 and 1, then outcome 0 and 1


def test_tarnet_is_saved_and_read_back(trained, tmp_path):
    net, x, y, t, _ = trained
    net.save(tmp_path / "net.keras")
    again = keras.saving.load_model(tmp_path / "net.keras")
    np.testing.assert_allclose(again.predict(x, verbose=0), net.predict(x, verbose=0), rtol=1e-6)
    assert type(again) is effects.Outcomes
    again.fit(x, np.stack([y, t], axis=1), verbose=0)
    fresh = effects.build_tarnet(3, 16, 8)
    net.save_weights(tmp_path / "net.weights.h5")
    fresh.load_weights(tmp_path / "net.weights.h5")
    np.testing.assert_allclose(fresh.predict(x, verbose=0), net.predict(x, verbose=0), rtol=1e-6)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.zeros((9, 4)), None, r"^x: got shape \(9, 4\), expected \(n, 3\); build the network for"),
        (np.full((9, 3), np.nan), None, "^x: got 27 values that are nan or infinite"),
        (
            np.zeros((9, 3)),
            np.zeros(9),
            r"^y: got shape \(9,\), expected \(n, 2\), outcome and treatment; use np.stack",
        ),
        (np.zeros((9, 3)), np.zeros((9, 2)), "^t: got nobody with treatment"),
        (np.zeros((9, 3)), np.full((9, 2), 7.0), "^t: got .7.., expected 0"),
    ],
)
def test_tarnet_refuses_what_it_cannot_learn_from(x, y, message):
    net = effects.compile_tarnet(effects.build_tarnet(3, 4, 2), steps=10)
    with pytest.raises(ValueError, match=message):
        net.predict(x, verbose=0) if y is None else net.fit(x, y, verbose=0)


def test_a_batch_of_one_arm_is_no_fault_of_a_data_set():
    from medlib.models.training import stream

    x, y, t, _ = study(64)
    order = np.argsort(t)
    target = np.stack([y, t], axis=1)[order]
    net = effects.compile_tarnet(effects.build_tarnet(3, 4, 2), steps=10)
    net.fit(stream(x[order], target, batch_size=8), verbose=0)
    assert np.isfinite(net.evaluate(stream(x, target, batch_size=64), verbose=0))


def test_the_e_value_of_the_paper():
    assert np.isclose(effects.e_value(3.9), 7.26, atol=0.005)  # VanderWeele and Ding 2017: infants and formula feeding
    assert np.isclose(effects.e_value(1 / 3.9), effects.e_value(3.9)) and effects.e_value(1.0) == 1
