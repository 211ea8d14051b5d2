"""medlib.data.patients: the records are drawn from the equations, the card states them, and the ceiling follows."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from medlib.data import head_ct, patients


@pytest.fixture(scope="module")
def table():
    return head_ct.patients().frame


@pytest.fixture(scope="module")
def drawn(table):
    """8,000 new patients; the lesion of each is that of a patient of the course with the same diagnosis."""
    rng = np.random.default_rng(0)
    lesions = {k: table[table["label"] == k][["location", "volume_ml"]].to_dict("records") for k in range(4)}
    rows = []
    for _ in range(8000):
        r = patients.draw_causes(rng)
        r |= lesions[r["label"]][rng.integers(len(lesions[r["label"]]))]
        r["side"] = "none" if r["label"] == 0 else str(rng.choice(["left", "right"]))
        rows.append(patients.draw_consequences(r, rng))
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def factors(drawn, table):
    """The three chances of the new patients' records, shape (3, n, 4)."""
    known = (patients.chance_of_diagnosis(drawn), patients.chance_of_hours(drawn))
    return np.stack([*known, patients.chance_of_deficit(drawn, table)])


@pytest.fixture(scope="module")
def ceiling(factors):
    """P(diagnosis | record), as notebook 50 puts it together."""
    p = factors.prod(axis=0)
    return p / p.sum(axis=1, keepdims=True)


def test_the_causes_of_all_shipped_patients_are_drawn_from_the_equations(table):
    """The builder's generator of each patient begins with the causes."""
    names = ["site", "age", "sex", "smoker", "diabetes", "glucose", "sbp", "af", "anticoagulant", "label", "hours"]
    for number, stored in enumerate(table[names].itertuples(index=False)):
        rng = np.random.default_rng(np.random.SeedSequence([2024, number]))
        r = patients.draw_causes(rng)
        assert [r[name] for name in names] == list(stored), number


def test_the_ceiling_is_right_on_average_along_every_finding(drawn, ceiling):
    p = ceiling
    words = pd.get_dummies(drawn[["site", "sex", "deficit_side"]]).astype(float)
    numbers = drawn[["age", "sbp", "glucose", "diabetes", "smoker", "af", "anticoagulant", "severity"]].astype(float)
    numbers["af and drug"] = numbers["af"] * numbers["anticoagulant"]
    numbers["no severity"] = (numbers["severity"] == 0) * 1.0
    for low, high in ((1, 1.05), (1.05, 5), (5, 20), (20, 71), (71, 73), (73, 200), (200, 2001)):
        numbers[f"hours {low}"] = drawn["hours"].between(low, high, inclusive="left") * 1.0
    along = pd.concat([numbers, words], axis=1).to_numpy()
    along = (along - along.mean(axis=0)) / along.std(axis=0)
    off = np.eye(4)[drawn["label"]] - p
    findings = np.vstack([along.T, np.ones(len(p))])
    z = findings @ off / np.sqrt(findings**2 @ (p * (1 - p)))
    assert np.abs(z).max() < 4.5, np.round(z, 1)


def test_the_ceiling_foretells_its_own_scores_and_nothing_is_above_it(drawn, factors, ceiling):
    """A true posterior is as often right, and as surprised, as it says itself; what lacks a factor is behind."""
    y, p = drawn["label"].to_numpy(), ceiling
    rows = np.arange(len(y))
    assert abs(np.mean(p.argmax(axis=1) == y) - p.max(axis=1).mean()) < 0.015
    surprise = -np.log(p[rows, y])
    entropy = -(p * np.log(p + 1e-300)).sum(axis=1)
    assert abs(np.mean(surprise - entropy)) < 4 * np.std(surprise - entropy) / np.sqrt(len(y))
    for left_out in range(3):
        q = np.delete(factors, left_out, axis=0).prod(axis=0)
        q /= q.sum(axis=1, keepdims=True)
        more = -np.log(q[rows, y]) - surprise
        assert more.mean() > 4 * more.std() / np.sqrt(len(y)), left_out


def test_chances_add_up_to_one_over_all_that_can_be_recorded(table):
    hours = pd.DataFrame({"hours": np.round(np.arange(10, 20_001) / 10, 1)})
    np.testing.assert_allclose(patients.chance_of_hours(hours).sum(axis=0), 1, atol=1e-9)
    cases = [(side, points) for side in ("none", "left", "right") for points in range(43)]
    deficits = pd.DataFrame(cases, columns=["deficit_side", "severity"])
    np.testing.assert_allclose(patients.chance_of_deficit(deficits, table).sum(axis=0), 1, atol=1e-9)
    np.testing.assert_allclose(patients.chance_of_diagnosis(table).sum(axis=1), 1)


def compare(counted, classes, chance):
    """Counts of classes beside the chances of single values and their classes: nothing impossible, and chi-square."""
    expected = np.bincount(classes, chance, minlength=len(counted)) * counted.sum()
    assert counted[expected < 1e-9].sum() == 0
    some = expected > 1
    chi = np.sum((counted - expected)[some] ** 2 / expected[some])
    assert stats.chi2.sf(chi, some.sum() - 1) > 1e-4, (counted, expected.round(1))


@pytest.mark.parametrize("k", range(4))
def test_hours_are_drawn_as_their_chances_say(drawn, k):
    edges = [0.9, 1.05, 4, 8, 14, 30, 71.95, 72.05, 200, 500, 2000.1]
    values = np.round(np.arange(10, 20_001) / 10, 1)
    chance = patients.chance_of_hours({"hours": values})[:, k]
    compare(np.histogram(drawn["hours"][drawn["label"] == k], edges)[0], np.digitize(values, edges) - 1, chance)


@pytest.mark.parametrize("k", range(4))
def test_deficits_are_drawn_as_their_chances_say(drawn, table, k):
    def side_and_severity(r):
        return r["deficit_side"].map({"none": 0, "left": 6, "right": 12}) + np.minimum(r["severity"] // 2, 5)

    cases = [(side, points) for side in ("none", "left", "right") for points in range(43)]
    every = pd.DataFrame(cases, columns=["deficit_side", "severity"])
    chance = patients.chance_of_deficit(every, table)[:, k]
    counted = np.bincount(side_and_severity(drawn[drawn["label"] == k]), minlength=18)
    compare(counted, side_and_severity(every), chance)


def test_the_card_states_the_same_equations(table):
    """Its rows are read, and must give the numbers of the code."""
    card = (head_ct.FOLDER / "head_ct.md").read_text(encoding="utf-8")
    card = card.split("## The structural causal model")[1].split("\n## ")[0]
    rows = dict(re.findall(r"^\| ([a-z_ ,]+) \| (.+) \|$", card, re.MULTILINE))

    def numbers(name):
        return [float(x) for x in re.findall(r"-?\d*\.?\d+", rows[name])]

    rng = np.random.default_rng(1)
    r = pd.DataFrame(
        {"site": rng.choice(["A", "B", "C"], 50)}
        | {name: rng.integers(2, size=50) for name in ("af", "anticoagulant", "diabetes", "smoker")}
        | {"age": rng.normal(66, 13, 50), "sbp": rng.normal(140, 17, 50)}
    )
    known = {**{c: r[c].to_numpy() for c in r}, "old": (r["age"] - 65) / 10, "high": (r["sbp"] - 140) / 10}
    scores = np.zeros((50, 4))
    for part in rows["diagnosis"].removeprefix("softmax of:").split(";"):
        kind, equation = part.split(maxsplit=1)
        code = re.sub(r"(\d) (?=[a-z])", r"\1 * ", equation.replace("·", "*"))
        scores[:, head_ct.CLASSES.index(kind)] = eval(code, {}, known)
    mix = {"A": [0, 0, 0]}
    for part in rows["case mix, added"].split(";"):
        mix[re.search("site ([BC])", part)[1]] = [float(x) for x in re.findall(r"[+-]\d\.\d", part)]
    scores[:, 1:] += [mix[site] for site in r["site"]]
    chance = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(patients.chance_of_diagnosis(r), chance)

    assert numbers("site") == list(patients.SITES.values())
    sudden, gradual = patients.SUDDEN, patients.GRADUAL
    tumours = 100 * patients.GRADUAL_TUMOURS
    assert numbers("hours") == [sudden[0], patients.HOURS_SD, 1, sudden[1], tumours, *gradual]
    weak, without = patients.WEAK, patients.WEAK_WITHOUT_LESION
    assert numbers("deficit_side") == [*weak.values(), *without.values()]
    assert re.search("opposite side .85, none .10, same side .05; without: none .6, left .2", rows["deficit_side"])
    base, per_ml, deep, left, sd, *healthy = numbers("severity")
    for volume, is_deep, is_left in ((0, 0, 0), (10, 0, 1), (7, 1, 0)):
        stated = base + per_ml * volume + deep * is_deep + left * is_left
        assert np.isclose(patients.severity_of(volume, is_deep, is_left), stated)
    assert [sd, *healthy] == [patients.SEVERITY_SD, patients.SEVERITY_WITHOUT_LESION, patients.SEVERITY_SD]


def test_a_kind_without_a_lesion_is_refused(table):
    message = r"^lesions: got none with label 2 \(haemorrhage\), expected some of each, to average over"
    with pytest.raises(ValueError, match=message):
        patients.chance_of_deficit(table, table[table["label"] != 2])
