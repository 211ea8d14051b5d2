"""Table 1, against numbers by hand."""

import numpy as np
import pandas as pd
import pytest

from medlib.data import load
from medlib.tables import table_one

FRAME = pd.DataFrame({
    "arm": [0, 0, 0, 0, 1, 1, 1],
    "age": [50.0, 60.0, np.nan, 70.0, 40.0, 50.0, 90.0],
    "marker": [1.0, 2.0, 3.0, 400.0, 5.0, 6.0, 700.0],
    "sex": ["f", "m", "f", None, "m", "m", "f"],
    "smoker": [0, 1, 0, 0, 1, 1, 0],
})  # fmt: skip


def test_by_hand():
    table = table_one(FRAME, by="arm", skewed=["marker"])
    assert list(table.columns) == ["arm 0", "arm 1", "missing", "SMD"]
    assert list(table.loc["n"]) == ["4", "3", "", ""]
    spread = np.sqrt((100 + 700) / 2)  # variances of 50, 60, 70 and of 40, 50, 90
    assert list(table.loc["age, mean (SD)"]) == ["60.0 (10.0)", "60.0 (26.5)", "1", "0.00"]
    moved = table_one(FRAME.assign(age=FRAME["age"] + 10 * FRAME["arm"]), by="arm")
    assert moved.loc["age, mean (SD)", "SMD"] == f"{10 / spread:.2f}"
    assert list(table.loc["marker, median [quartiles]"])[:3] == ["2.5 [1.8, 102.2]", "6.0 [5.5, 353.0]", "0"]
    assert list(table.loc["sex: m, n (%)"])[:3] == ["1 (33 %)", "2 (67 %)", "1"]
    assert list(table.loc["smoker, n (%)"]) == [
        "1 (25 %)",
        "2 (67 %)",
        "0",
        f"{(2 / 3 - 1 / 4) / np.sqrt((1 / 4 + 1 / 3) / 2):.2f}",
    ]


def test_skewed_measure_is_compared_by_ranks():
    wild = FRAME.assign(marker=FRAME["marker"].replace(700.0, 7e9))
    first, second = (table_one(frame, "arm", ["marker"]).iloc[2, -1] for frame in (FRAME, wild))
    assert first == second and float(first) > 0


def test_more_than_two_groups_have_no_difference():
    table = table_one(FRAME.assign(arm=list("aabbccc")), by="arm")
    assert list(table.columns) == ["arm a", "arm b", "arm c", "missing"]


def test_a_real_trial():
    table = table_one(load("gbsg2").frame.astype({"horTh_yes": int}), by="horTh_yes", skewed=["pnodes"])
    assert list(table.loc["n"])[:2] == ["440", "246"]
    assert list(table.loc["menostat_Post, n (%)"])[:2] == ["209 (48 %)", "187 (76 %)"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"by": "side"}, "got .'side'."),
        ({"by": "arm", "skewed": ["crp"]}, "crp"),
        ({"by": "sex"}, "1 missing values in 'sex'"),
        ({"by": "one"}, "got 1 group"),
    ],
)
def test_wrong_arguments_are_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        table_one(FRAME.assign(one=1), **arguments)
