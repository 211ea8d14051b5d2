"""The estimators agree with lifelines, the networks learn, are saved, and refuse what cannot train."""

import numpy as np
import pytest

from medlib.lesson import setup

setup(0)

import keras  # noqa: E402

from medlib.models import survival as sv  # noqa: E402


@pytest.fixture(scope="module")
def cohort():
    """300 patients with ties, a true η of x₀ - x₁/2, a third censored."""
    rng = np.random.default_rng(7)
    x = rng.normal(size=(300, 3))
    death = rng.exponential(np.exp(-(x[:, 0] - 0.5 * x[:, 1])))
    stop = rng.exponential(2.0, 300)
    time = np.ceil(20 * np.minimum(death, stop)) / 20
    return x.astype("float32"), time, death <= stop


def test_kaplan_meier_is_that_of_lifelines(cohort):
    from lifelines import KaplanMeierFitter

    _, time, event = cohort
    moments, alive = sv.kaplan_meier(time, event)
    theirs = KaplanMeierFitter().fit(time, event).predict(moments)
    np.testing.assert_allclose(alive, theirs.to_numpy(), rtol=1e-9)
    assert sv.step((moments, alive), moments[3]) == alive[3] and sv.step((moments, alive), 0.0) == 1
    assert sv.step((moments, alive), moments[3], left=True) == alive[2]


def test_aalen_johansen_is_that_of_lifelines(cohort):
    from lifelines import AalenJohansenFitter

    rng = np.random.default_rng(1)
    _, _, event = cohort
    time = rng.exponential(1, 300)  # lifelines shakes ties; here are none
    cause = np.where(event, rng.integers(1, 3, 300), 0)
    moments, share = sv.aalen_johansen(time, cause, of=2)
    theirs = AalenJohansenFitter(calculate_variance=False).fit(time, cause, event_of_interest=2)
    ours = sv.step((moments, share), theirs.cumulative_density_.index.to_numpy(), before=0.0)
    np.testing.assert_allclose(ours, theirs.cumulative_density_.iloc[:, 0], atol=1e-9)


def test_concordance_is_that_of_lifelines(cohort):
    from lifelines.utils import concordance_index

    x, time, event = cohort
    risk = np.round(x[:, 0], 1)
    assert sv.concordance(risk, time, event) == pytest.approx(concordance_index(time, -risk, event), abs=1e-12)
    assert sv.concordance(-risk, time, event) == pytest.approx(1 - sv.concordance(risk, time, event))
    with pytest.raises(ValueError, match="until"):
        sv.concordance(risk, time, event, until=0)


def test_breslow_is_that_of_lifelines(cohort):
    import pandas as pd
    from lifelines import CoxPHFitter

    x, _, event = cohort
    time = np.random.default_rng(2).exponential(np.exp(-x[:, 0]))  # no ties: Efron and Breslow agree
    fitter = CoxPHFitter().fit(pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "t": time, "e": event}), "t", "e")
    eta = fitter.predict_log_partial_hazard(pd.DataFrame({"a": x[:, 0], "b": x[:, 1]})).to_numpy()
    base = sv.breslow(eta, time, event)
    theirs = fitter.baseline_cumulative_hazard_["baseline cumulative hazard"]
    np.testing.assert_allclose(sv.step(base, theirs.index.to_numpy(), before=0.0), theirs, rtol=1e-5)
    alive = fitter.predict_survival_function(pd.DataFrame({"a": x[:5, 0], "b": x[:5, 1]}), times=[0.7])
    np.testing.assert_allclose(sv.survival_at(base, eta[:5], 0.7), alive.to_numpy()[0], rtol=1e-4)


def test_the_weighted_brier_score_is_that_without_censoring():
    rng = np.random.default_rng(3)
    death, stop = rng.exponential(1, 40_000), rng.exponential(2, 40_000)
    time, event = np.minimum(death, stop), death <= stop
    guess = rng.uniform(0.2, 0.6, 40_000)
    plain = np.mean(((death > 0.8) - guess) ** 2)
    weighted = sv.brier(guess, time, event, 0.8, sv.kaplan_meier(time, ~event)).mean()
    assert weighted == pytest.approx(plain, abs=0.01)


def test_cox_loss_is_the_loop(cohort):
    x, time, event = cohort
    eta = x[:, 1]
    terms = [np.log(np.exp(eta[time >= t]).sum()) - e for t, e in zip(time[event], eta[event], strict=True)]
    y = np.stack([time, event], axis=1).astype("float32")
    assert float(sv.cox_loss(y, eta[:, None])) == pytest.approx(np.sum(terms) / len(time), rel=1e-5)


def test_hazard_loss_is_the_loop():
    edges = [0, 1, 2, 4]
    time, event = np.array([0.5, 1.7, 1.4, 3.5, 9.0, 0.2]), np.array([1, 0, 0, 1, 1, 0], bool)
    y = sv.intervals_lived(time, event, edges)
    expected = [[1, -1, -1], [0, 0, -1], [0, -1, -1], [0, 0, 1], [0, 0, 0], [-1, -1, -1]]
    np.testing.assert_array_equal(y, expected)
    logits = np.random.default_rng(0).normal(size=y.shape).astype("float32")
    p = 1 / (1 + np.exp(-logits))
    nats = -np.log(p[y == 1]).sum() - np.log(1 - p[y == 0]).sum()
    assert float(sv.hazard_loss(y, logits)) == pytest.approx(nats / 6, rel=1e-5)
    alive = sv.survival_from_hazards(logits, edges, [1, 2, 3])
    np.testing.assert_allclose(alive[:, 1], (1 - p[:, 0]) * (1 - p[:, 1]), rtol=1e-5)
    np.testing.assert_allclose(alive[:, 2], alive[:, 1] * np.sqrt(1 - p[:, 2]), rtol=1e-5)


@pytest.fixture(scope="module")
def followed():
    """20,000 patients of whom half are lost: true curves at ten times, times of death, follow-ups."""
    rng = np.random.default_rng(4)
    eta = rng.normal(size=20_000)
    death, stop = rng.exponential(np.exp(-eta)), np.minimum(rng.exponential(1.0, 20_000), 3.0)
    times = np.linspace(0.2, 2.0, 10)
    curves = np.exp(-np.outer(np.exp(eta), times))
    return times, curves, death, np.minimum(death, stop), death <= stop, eta


def test_weights_are_one_on_average_and_give_kaplan_meier_with_ties(cohort):
    _, time, event = cohort
    for horizon in (0.3, 0.55, 1.2):
        weight = sv.censoring_weights(time, event, horizon)
        assert weight.mean() == pytest.approx(1, abs=1e-12)
        alive = sv.step(sv.kaplan_meier(time, event), horizon)
        assert np.mean(weight * (time > horizon)) == pytest.approx(alive, abs=1e-12)
        assert (weight[~event & (time <= horizon)] == 0).all()
    own = sv.step(sv.leaving(time, event), np.minimum(time, 0.55), left=True)
    beyond = np.where(time > 0.55, sv.step(sv.leaving(time, event), 0.55), own)
    np.testing.assert_allclose(sv.censoring_weights(time, event, 0.55, beyond), sv.censoring_weights(time, event, 0.55))
    nobody_lost = np.ones(len(time), bool)
    assert (sv.censoring_weights(time, nobody_lost, 0.55) == 1).all()


def test_leaving_is_kaplan_meier_of_censoring_where_nothing_ties():
    rng = np.random.default_rng(5)
    time, event = rng.exponential(1, 200), rng.random(200) < 0.5
    for ours, theirs in zip(sv.leaving(time, event), sv.kaplan_meier(time, ~event), strict=True):
        np.testing.assert_allclose(ours, theirs)


def test_scores_are_those_without_censoring(followed):
    from sklearn.metrics import roc_auc_score

    times, curves, death, time, event, eta = followed
    assert sv.auc_at(eta, time, event, 1.0) == pytest.approx(roc_auc_score(death <= 1, eta), abs=0.01)
    assert sv.auc_at(-eta, time, event, 1.0) == pytest.approx(1 - sv.auc_at(eta, time, event, 1.0))
    plain = np.mean([((death > t) - curves[:, k]) ** 2 for k, t in enumerate(times)], axis=1)
    weighted = sv.integrated_brier(curves, times, time, event)
    assert weighted.shape == time.shape
    assert weighted.mean() == pytest.approx(np.trapezoid(plain, times) / 1.8, abs=0.004)


def test_d_calibration_is_pearsons_without_censoring_and_sees_a_wrong_level(followed):
    from scipy.stats import chisquare

    _, _, death, time, event, eta = followed
    everybody = np.ones(len(death), bool)
    shares, p = sv.d_calibration(np.exp(-death * np.exp(eta)), everybody)
    assert p == pytest.approx(chisquare(shares * len(death)).pvalue, abs=0.02)
    shares, p = sv.d_calibration(np.exp(-time * np.exp(eta)), event, bins=5)
    np.testing.assert_allclose(shares, 0.2, atol=0.015)
    assert p > 0.001 > sv.d_calibration(np.exp(-1.3 * time * np.exp(eta)), event)[1]
    by_hand = [np.array([0.5, 0.5, 0, 0]), np.array([0, 0, 1, 0]), np.array([0, 0, 0, 1])] * 20
    shares, _ = sv.d_calibration(np.tile([0.5, 0.6, 1.0], 20), np.tile([0, 1, 1], 20), bins=4)
    np.testing.assert_allclose(shares, np.mean(by_hand, axis=0))


def test_calibration_is_kaplan_meier_with_the_interval_of_lifelines(cohort):
    from lifelines import KaplanMeierFitter

    x, time, event = cohort
    risk = 1 / (1 + np.exp(-x[:, 0].astype(float)))
    table = sv.calibration(risk, time, event, 0.6, groups=3)
    for (_, row), group in zip(table.iterrows(), np.array_split(np.argsort(risk, kind="stable"), 3), strict=True):
        theirs = KaplanMeierFitter().fit(time[group], event[group])
        limits = theirs.confidence_interval_survival_function_.loc[:0.6].iloc[-1]
        assert row["predicted"] == pytest.approx(risk[group].mean()) and row["patients"] == len(group)
        expected = [1 - theirs.predict(0.6), *sorted(1 - limits)]
        np.testing.assert_allclose(row[["observed", "low", "high"]].astype(float), expected, atol=1e-5)


def test_calibration_of_a_group_without_events_has_an_interval():
    time, event = np.array([3.0] * 10 + [1.0] * 10), np.array([0] * 10 + [1] * 10)
    table = sv.calibration(np.repeat([0.1, 0.9], 10), time, event, 2.0, groups=2)
    assert table["observed"].tolist() == [0, 1]
    assert table["low"][0] == pytest.approx(0, abs=1e-9) and 0.2 < table["high"][0] < 0.35
    assert 0.65 < table["low"][1] < 0.8 and table["high"][1] == pytest.approx(1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda r, t, e: sv.auc_at(r, -t, e, 1.0), "expected times from 0 on"),
        (lambda r, t, e: sv.auc_at(r, t, 0 * e, 1.0), "no event"),
        (lambda r, t, e: sv.auc_at(r * np.nan, t, e, 1.0), "risk: got 300 values that are nan"),
        (lambda r, t, e: sv.auc_at(r[:-1], t, e, 1.0), "risk: got shape"),
        (lambda r, t, e: sv.auc_at(r, t, e, 1e-6), "patients with the event by then"),
        (lambda r, t, e: sv.auc_at(r, t, e, 99.0), "the longest follow-up is"),
        (lambda r, t, e: sv.brier(r, t, e, 99.0), "choose an earlier horizon"),
        (lambda r, t, e: sv.brier(r, t, e, -1.0), "one positive time"),
        (lambda r, t, e: sv.brier(r, t * np.nan, e, 1.0), "time: got 300 values"),
        (lambda r, t, e: sv.brier(r, t, e, 0.5, np.zeros(300)), "probabilities above 0"),
        (lambda r, t, e: sv.brier(r, t, e, 0.5, np.ones(3)), "one number for each patient"),
        (lambda r, t, e: sv.integrated_brier(r[:, None], [0.5], t, e), "two rising times"),
        (lambda r, t, e: sv.integrated_brier(r[:, None], [0.5, 0.7], t, e), "as 2 columns"),
        (lambda r, t, e: sv.d_calibration(r + 1, e), r"probabilities in \[0, 1\]"),
        (lambda r, t, e: sv.d_calibration(r, 0 * e), "no event"),
        (lambda r, t, e: sv.d_calibration(r, e, bins=1), "two or more"),
        (lambda r, t, e: sv.d_calibration(r[:20], e[:20]), "too few for 10 bins"),
        (lambda r, t, e: sv.calibration(r + 1, t, e, 0.5), r"probabilities in \[0, 1\]"),
        (lambda r, t, e: sv.calibration(r, t, e, 0.5, groups=301), "the number of patients"),
        (lambda r, t, e: sv.calibration(r, t, e, 99.0), "nobody in group 1"),
    ],
)
def test_scores_refuse_what_they_cannot_judge(cohort, call, message):
    _, time, event = cohort
    risk = np.random.default_rng(6).random(300)
    with pytest.raises(ValueError, match=message):
        call(risk, time, event.astype(int))


@pytest.mark.parametrize("kind", ["cox", "hazards"])
def test_a_network_learns_and_is_saved(cohort, kind, tmp_path):
    x, time, event = cohort
    if kind == "cox":
        model = sv.fit_cox_network(x, time, event, steps=120)
        risk = sv.log_risk(model, x)
    else:
        edges = np.quantile(time, [0, 0.25, 0.5, 0.75, 1]) * [0, 1, 1, 1, 1]
        model = sv.fit_hazard_network(x, time, event, edges, steps=120)
        risk = -sv.survival_from_hazards(model.predict(x, verbose=0), edges, [edges[2]])[:, 0]
    assert sv.concordance(risk, time, event) > 0.7
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-6)
    with pytest.raises(ValueError, match="expected numbers of shape"):
        again.predict(x[:, :2], verbose=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, t, e: (x, -t, e), "expected times from 0 on"),
        (lambda x, t, e: (x, t, 0 * e), "no event"),
        (lambda x, t, e: (x, t, e + 1), "expected 1 .seen. and 0"),
        (lambda x, t, e: (x, t * np.nan, e), "time: got 300 values"),
        (lambda x, t, e: (x * np.nan, t, e), "x: got 900 values"),
        (lambda x, t, e: (x, t[:-1], e), "same length"),
        (lambda x, t, e: (x[:-1], t, e), "expected the same number"),
    ],
)
def test_bad_input_is_refused(cohort, change, message):
    x, time, event = change(*[np.array(part, float) for part in cohort])
    with pytest.raises(ValueError, match=message):
        sv.fit_cox_network(x, time, event, steps=2)


def test_edges_must_rise(cohort):
    with pytest.raises(ValueError, match="edges: got"):
        sv.fit_hazard_network(*cohort, edges=[0, 2, 1], steps=2)
