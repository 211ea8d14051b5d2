"""medlib.metrics against published numbers, counts made by hand, and simulations with a known truth."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from medlib.metrics import Interval, bootstrap, diagnostic, patient_means, proportion, score_table


def mean(y, p) -> float:
    return float(np.mean(p))


# ----------------------------------------------------------------------------------------------------------- interval


def test_an_interval_prints_and_contains():
    interval = Interval(0.934, 0.91, 0.955)
    assert str(interval) == f"{interval}" == "0.934 [0.910, 0.955]"
    assert 0.91 in interval and 0.955 in interval and 0.909 not in interval and 0.956 not in interval


# --------------------------------------------------------------------------------------------------------- proportion


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [  # Newcombe 1998, Statistics in Medicine 17:857-872, Table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_intervals_are_the_published_ones(k, n, low, high):
    interval = proportion(k, n)
    assert interval.value == k / n
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=5e-5)


def test_wilson_covers_near_zero_where_the_textbook_interval_does_not():
    k = np.random.default_rng(0).binomial(40, 0.05, size=400)
    wilson = np.mean([0.05 in proportion(int(hits), 40) for hits in k])
    wald = np.mean([abs(hits / 40 - 0.05) <= 1.96 * np.sqrt(hits / 40 * (1 - hits / 40) / 40) for hits in k])
    assert wilson > 0.92 and wald < 0.92


@pytest.mark.parametrize(("k", "n"), [(1, 0), (-1, 5), (6, 5), (2.5, 5), (1, 2.5), (float("nan"), 5)])
def test_impossible_counts_are_refused(k, n):
    with pytest.raises(ValueError, match=rf"k, n: got {k} of {n}, expected whole numbers with 0 <= k <= n"):
        proportion(k, n)


# ---------------------------------------------------------------------------------------------------------- bootstrap


def test_the_bootstrap_contains_the_truth_as_often_as_it_says():
    rng, inside = np.random.default_rng(0), []
    for repetition in range(200):
        p = rng.normal(3, 2, size=40)
        inside.append(3 in bootstrap(mean, p, p, n=200, seed=repetition))
    assert 0.90 <= np.mean(inside) <= 0.99


def test_copies_of_a_patient_carry_no_information():
    """Four equal slices each: the honest interval is that of the patients, twice as wide as the naive one."""
    patients = np.random.default_rng(1).normal(size=150)
    slices, groups = np.repeat(patients, 4), np.repeat(np.arange(150), 4)

    def width(*args) -> float:
        interval = bootstrap(mean, *args, n=1500)
        return interval.high - interval.low

    honest, naive = width(slices, slices, groups), width(slices, slices)
    assert 1.7 < honest / naive < 2.3
    assert honest == pytest.approx(width(patients, patients), rel=0.1)


def test_groups_may_lie_anywhere_and_have_any_name():
    p = np.array([1.0, 2, 3, 4, 5, 6])
    groups = np.array(["b", "a", "c", "a", "b", "c"])
    order = np.argsort(groups, kind="stable")
    assert bootstrap(mean, p, p, groups, n=300) == bootstrap(mean, p[order], p[order], groups[order], n=300)


def test_the_bootstrap_value_is_the_score_and_the_seed_repeats_it():
    rng = np.random.default_rng(2)
    y = rng.integers(0, 2, 60)
    p = 0.6 * y + rng.random(60)
    first = bootstrap(roc_auc_score, y, p, n=100)
    assert first.value == roc_auc_score(y, p) and first.low < first.value < first.high
    assert bootstrap(roc_auc_score, y, p, n=100) == first != bootstrap(roc_auc_score, y, p, n=100, seed=1)


def test_samples_without_one_of_the_classes_are_drawn_again(recwarn):
    y, p = np.array([1, 0, 0, 0, 0, 0]), np.array([0.9, 0.1, 0.2, 0.95, 0.3, 0.1])
    interval = bootstrap(roc_auc_score, y, p, n=200)
    assert 0 <= interval.low <= interval.value <= interval.high <= 1
    assert [str(w.message) for w in recwarn] == []


def test_the_bootstrap_names_what_does_not_fit():
    with pytest.raises(ValueError, match=r"y, p, groups: got lengths 2, 3, 2, expected the same number of cases"):
        bootstrap(mean, [1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match=r"y, p, groups: got lengths 2, 2, 1"):
        bootstrap(mean, [1, 2], [1, 2], groups=[0])
    with pytest.raises(ValueError, match=r"score: undefined on these 0 cases, expected a finite number"):
        bootstrap(mean, [], [])
    with pytest.raises(ValueError, match=r"score: undefined on these 3 cases.*every class"):
        bootstrap(roc_auc_score, [1, 1, 1], [0.1, 0.2, 0.3])


def test_a_score_that_refuses_the_data_says_why():
    """Not that a class is missing, when the reason is another one."""
    part, models = slices()
    spoiled = np.where(np.arange(240) == 7, np.nan, models["good"])
    with pytest.raises(ValueError, match="^score: undefined on these 240 cases, .*; Input contains NaN") as refusal:
        bootstrap(roc_auc_score, part.y, spoiled, n=5)
    assert "every class" not in str(refusal.value)
    with pytest.raises(ValueError, match="^AUC of spoiled: undefined on these 240 cases, .*; Input contains NaN"):
        score_table({"good": models["good"], "spoiled": spoiled}, part, n=5)
    four = np.full((240, 4), 0.25)
    with pytest.raises(ValueError, match="^AUC of four: .*; .*multi_class"):
        score_table({"four": four}, part, y=np.arange(240) % 4, n=5)


def test_a_score_that_no_sample_defines_is_said_so():
    def picky(y, p) -> float:
        return 1.0 if len(np.unique(p)) == len(p) else np.nan  # defined on the data, on no sample with a repetition

    with pytest.raises(ValueError, match="score: undefined on nearly every bootstrap sample"):
        bootstrap(picky, np.arange(30), np.arange(30), n=50)


# --------------------------------------------------------------------------------------------------------- diagnostic


@pytest.fixture
def table():
    """Ten people with the disease, 8 of them found; twenty without, 3 of them alarmed."""
    y = np.repeat([1, 1, 0, 0], [8, 2, 3, 17])
    p = np.repeat([0.9, 0.1, 0.9, 0.1], [8, 2, 3, 17])
    return y, p


def test_diagnostic_agrees_with_the_counts(table):
    scores = diagnostic(*table, n=100)
    assert list(scores) == ["sensitivity", "specificity", "ppv", "npv", "auc", "brier"]
    assert scores["sensitivity"] == proportion(8, 10)
    assert scores["specificity"] == proportion(17, 20)
    assert scores["ppv"] == proportion(8, 11)
    assert scores["npv"] == proportion(17, 19)
    assert scores["auc"].value == pytest.approx(0.8 * 0.85 + (0.8 * 0.15 + 0.2 * 0.85) / 2)
    assert scores["brier"].value == pytest.approx((8 * 0.01 + 2 * 0.81 + 3 * 0.81 + 17 * 0.01) / 30)
    assert all(s.low <= s.value <= s.high for s in scores.values())


def test_at_the_threshold_is_positive(table):
    y, p = table
    assert diagnostic(y, p, threshold=0.9, n=20)["sensitivity"].value == 0.8
    assert diagnostic(y, p, threshold=0.91, n=20)["sensitivity"].value == 0
    assert diagnostic(y, p, threshold=0.1, n=20)["specificity"].value == 0


def test_where_nobody_is_called_positive_nothing_is_known(table):
    y, p = table
    ppv = diagnostic(y, p, threshold=0.95, n=20)["ppv"]
    assert np.isnan(ppv.value) and (ppv.low, ppv.high) == (0, 1)


def test_labels_may_be_booleans_or_floats(table):
    y, p = table
    expected = diagnostic(y, p, n=20)
    assert diagnostic(y.astype(bool), p, n=20) == diagnostic(y.astype(float), p, n=20) == expected
    assert diagnostic(list(y), list(p), n=20) == expected


def test_with_patients_every_interval_is_wider(table):
    y, p = (np.repeat(part, 4) for part in table)
    naive, honest = diagnostic(y, p, n=150), diagnostic(y, p, groups=np.repeat(np.arange(30), 4), n=150)
    for name in naive:
        ratio = (honest[name].high - honest[name].low) / (naive[name].high - naive[name].low)
        assert honest[name].value == pytest.approx(naive[name].value) and 1.3 < ratio < 2.8, name


def test_a_perfect_share_over_patients_is_not_certain(table):
    """Resampling cannot vary what never varies: 1.000 [1.000, 1.000] from ten patients would be a lie."""
    y = np.repeat([1, 0], [40, 80])
    scores = diagnostic(y, np.where(y, 0.9, 0.1), groups=np.repeat(np.arange(30), 4), n=50)
    assert scores["sensitivity"] == proportion(10, 10) and scores["npv"] == proportion(20, 20)
    missed = diagnostic(y, np.where(y, 0.1, 0.2), groups=np.repeat(np.arange(30), 4), threshold=0.15, n=50)
    assert missed["sensitivity"] == proportion(0, 10)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"p": np.zeros(29)}, r"y, p: got shapes \(30,\) and \(29,\), expected two vectors of the same length"),
        ({"y": np.zeros((30, 1)), "p": np.zeros((30, 1))}, r"expected two vectors"),
        ({"y": np.ones(30)}, r"y: got labels \[1\.\], expected both 0 \(healthy\) and 1 \(disease\)"),
        ({"y": np.arange(30) % 3}, r"y: got labels \[0 1 2\]"),
        ({"y": np.zeros(0), "p": np.zeros(0)}, r"y: got labels \[\]"),
        ({"p": np.linspace(-3, 3, 30)}, r"p: got values from -3 to 3, expected probabilities; apply a sigmoid"),
        ({"p": np.full(30, np.nan)}, r"p: got values from nan to nan"),
        ({"groups": np.arange(29)}, r"groups: got 29 patients for 30 cases"),
    ],
)
def test_diagnostic_names_what_does_not_fit(table, change, message):
    with pytest.raises(ValueError, match=message):
        diagnostic(**{"y": table[0], "p": table[1], "n": 20, **change})


# --------------------------------------------------------------------------------------------------- tables by patient


def slices(patients: int = 60, each: int = 4):
    """A part with four equal slices a patient, a good model, its noisy copy, and one that knows nothing."""
    rng = np.random.default_rng(5)
    y = np.repeat(rng.permutation(patients) % 2, each)
    signal = np.repeat(rng.normal(size=patients), each)
    good = y + 0.6 * signal
    models = {
        "good": good,
        "copy": good + 0.05 * np.repeat(rng.normal(size=patients), each),
        "coin": rng.random(len(y)),
    }
    return SimpleNamespace(y=y, groups=np.repeat(np.arange(patients) * 3, each)), models


def width(interval) -> float:
    return interval.high - interval.low


def test_a_table_of_scores_is_the_bootstrap_by_patient():
    part, models = slices()
    table = score_table(models, part, n=200, seed=3)
    assert list(table.index) == ["good", "copy", "coin"] and list(table.columns) == ["AUC"]
    for name, p in models.items():
        assert table.loc[name, "AUC"] == bootstrap(roc_auc_score, part.y, p, part.groups, n=200, seed=3)
    naive = score_table(models, SimpleNamespace(y=part.y, groups=None), n=200, seed=3)
    assert width(table.loc["good", "AUC"]) > 1.5 * width(naive.loc["good", "AUC"])
    assert "0." in str(table) and "[" in table.to_html()


def test_differences_are_paired_and_against_the_rival():
    part, models = slices()
    table = score_table(models, part, against="copy", n=200, seed=3)
    assert list(table.columns) == ["AUC", "AUC minus copy"] and table.loc["copy", "AUC minus copy"] == "—"
    gap = table.loc["good", "AUC minus copy"]

    def ahead(y, p):
        return roc_auc_score(y, p[:, 0]) - roc_auc_score(y, p[:, 1])

    both = np.column_stack([models["good"], models["copy"]])
    paired = bootstrap(ahead, part.y, both, part.groups, n=200, seed=3)
    assert (gap.value, gap.low, gap.high) == pytest.approx((paired.value, paired.low, paired.high))
    assert gap.value == pytest.approx(table.loc["good", "AUC"].value - table.loc["copy", "AUC"].value)
    assert width(gap) < 0.3 * width(table.loc["good", "AUC"])
    assert table.loc["coin", "AUC minus copy"].high < 0 < gap.high


def test_other_scores_and_other_labels():
    part, models = slices()
    part.y = 2 * part.y
    scores = {"AUC": roc_auc_score, "mean": mean}
    table = score_table(models, part, against="coin", scores=scores, y=part.y == 2, n=50)
    assert list(table.columns) == ["AUC", "AUC minus coin", "mean", "mean minus coin"]
    assert table.loc["good", "mean"].value == pytest.approx(models["good"].mean())


def test_tables_refuse_what_does_not_fit():
    part, models = slices()
    with pytest.raises(ValueError, match="against: got 'tree', expected one of the predictions, good, copy, coin"):
        score_table(models, part, against="tree")
    with pytest.raises(ValueError, match="good: got 239 rows, expected one for each of the part's 240"):
        score_table({"good": models["good"][1:]}, part)
    with pytest.raises(ValueError, match="y: got 3 rows"):
        score_table(models, part, y=[0, 1, 0])
    with pytest.raises(ValueError, match="AUC of good: undefined on these 240 cases, expected a finite number"):
        score_table(models, part, y=np.zeros(240), n=5)
    with pytest.raises(ValueError, match="values: got 3 rows, expected one for each of the part's 240"):
        patient_means([1, 2, 3], part)


def test_the_means_of_patients():
    part = SimpleNamespace(y=np.zeros(5), groups=np.array([7, 2, 7, 7, 2]))
    np.testing.assert_allclose(patient_means([1, 2, 3, 5, 4], part), [3, 3])
    np.testing.assert_allclose(patient_means([[1, 0], [2, 8], [3, 0], [5, 3], [4, 0]], part), [[3, 4], [3, 1]])
    np.testing.assert_allclose(patient_means([1, 2], SimpleNamespace(y=[0, 0], groups=None)), [1, 2])
