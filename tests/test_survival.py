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
