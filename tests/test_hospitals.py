"""The three simulated hospitals: what they export, and the truth behind it."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from medlib.data.hospitals import CREATININE, GLUCOSE, LOINC, OFFSET_SD, exports


@pytest.fixture(scope="module")
def world():
    return exports(people=2400, seed=3)


def test_one_seed_gives_one_world(world):
    again, other = exports(2400, 3), exports(2400, 4)
    for name in ("a", "b", "later", "truth"):
        pd.testing.assert_frame_equal(getattr(world, name), getattr(again, name))
    assert world.c == again.c != other.c and world.offsets == again.offsets


def test_every_row_of_the_exports_is_in_the_truth_once(world):
    patients = [e["resource"]["id"] for e in json.loads(world.c)["entry"] if e["resource"]["resourceType"] == "Patient"]
    sent = [*world.a["record"], *world.b["MRN"].drop_duplicates(), *map(int, patients)]
    assert sorted(sent) == sorted(world.truth["record"]) and world.truth["record"].is_unique
    assert not set(world.later["record"]) & set(sent)


def test_copies_are_copies(world):
    copies = world.b[world.b.duplicated("MRN")]
    assert 0.02 < len(copies) / len(world.b) < 0.07
    assert world.b.duplicated().sum() == len(copies)


def test_one_in_ten_has_been_to_a_second_hospital_and_is_the_same_person(world):
    per_person = world.truth.groupby("person")
    assert set(per_person.size()) == {1, 2} and 0.07 < (per_person.size() == 2).mean() < 0.13
    assert (per_person["hospital"].nunique() == per_person.size()).all()
    assert (per_person["diabetes"].nunique() == 1).all() and (per_person["risk"].nunique() == 1).all()


def test_units_are_those_of_each_hospital(world):
    true = world.truth.set_index("record")
    b = world.b.drop_duplicates("MRN").set_index("MRN")
    facts = true.loc[b.index]
    np.testing.assert_allclose(b["GLU"] * 10 / GLUCOSE, facts["glucose"] + facts["offset"], atol=0.6)
    np.testing.assert_allclose(b["CREA"] * 10_000 / CREATININE, facts["creatinine"], atol=0.5)
    tested = b["A1C"] > 0
    np.testing.assert_allclose(b["A1C"][tested], 0.09148 * facts["hba1c"][tested] + 2.152, atol=0.051)
    a = world.a.set_index("record")
    high = a["glucose"] > 25
    assert 0.01 < high.mean() < 0.05
    facts = true.loc[a.index[~high]]
    np.testing.assert_allclose(a["glucose"][~high], facts["glucose"] + facts["offset"], atol=0.5)
    assert pd.to_datetime(b["DOB"], format="%m/%d/%Y").dt.year.between(1930, 1986).all()


def test_each_value_of_hospital_c_has_code_date_and_unit(world):
    entries = [entry["resource"] for entry in json.loads(world.c)["entry"]]
    values = [r for r in entries if "valueQuantity" in r]
    assert {r["code"]["coding"][0]["code"] for r in values} == set(LOINC) - {"72166-2"}
    glucose = [r for r in values if LOINC[r["code"]["coding"][0]["code"]] == "glucose"]
    by_unit = {unit: [r for r in glucose if r["valueQuantity"]["unit"] == unit] for unit in ("mmol/L", "mg/dL")}
    assert len(glucose) == sum(map(len, by_unit.values())) and min(map(len, by_unit.values())) > 100
    assert (
        max(r["effectiveDateTime"] for r in by_unit["mmol/L"])
        < "2019-07"
        <= min(r["effectiveDateTime"] for r in by_unit["mg/dL"])
    )
    assert max(r["valueQuantity"]["value"] for r in by_unit["mmol/L"]) < 20
    assert min(r["valueQuantity"]["value"] for r in by_unit["mg/dL"]) > 40


def test_what_leaks_knows_the_diagnosis_and_next_year_it_does_not(world):
    a, later = world.a, world.later
    assert roc_auc_score(a["diabetes"], a["hba1c_latest"]) > 0.9
    assert roc_auc_score(a["diabetes"], -a["record"]) > 0.75
    assert 0.3 < a.loc[a["diabetes"] == 1, "metformin"].mean() < 0.7
    assert later["metformin"].sum() == 0
    pd.testing.assert_series_equal(later["hba1c_latest"], later["hba1c"], check_names=False)


def test_hba1c_is_ordered_on_suspicion_and_later_by_lot(world):
    a, later = world.a, world.later
    ordered = a["hba1c"].notna()
    assert a.loc[ordered, "diabetes"].mean() > 1.3 * a.loc[~ordered, "diabetes"].mean()
    by_lot = later["hba1c"].notna()
    assert 0.45 < by_lot.mean() < 0.55
    assert abs(later.loc[by_lot, "risk"].mean() - later.loc[~by_lot, "risk"].mean()) < 0.02


def test_risk_is_calibrated_and_offsets_have_their_spread():
    world = exports(6000, 0)
    assert abs(world.later["diabetes"].mean() - world.later["risk"].mean()) < 0.02
    once = world.truth.drop_duplicates("person")
    assert abs(once["diabetes"].mean() - once["risk"].mean()) < 0.015
    assert 0.78 < roc_auc_score(once["diabetes"], once["risk"]) < 0.9
    assert len(world.offsets) == 24 and 0.5 < np.std(list(world.offsets.values())) / OFFSET_SD < 1.6


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"people": 10}, "people: got 10"),
        ({"people": 1e4}, "people"),
        ({"seed": -1}, "seed: got -1"),
        ({"seed": "a"}, "seed"),
    ],
)
def test_wrong_arguments_are_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        exports(**arguments)
