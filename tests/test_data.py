"""Dataset, its split, the names that `load` knows, and the cohorts inside well-kept libraries."""

import subprocess
import sys
from dataclasses import FrozenInstanceError, replace
from importlib.util import find_spec
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

import medlib.data as data
from medlib.data import Card, Dataset
from medlib.data.cohorts import CARDS, SOURCES

CARD = Card("A title", "what it is", "one slice each", "made up", "MIT", "nobody", "by hand", "small")
COHORTS = {
    "breast_cancer": (569, 30),
    "diabetes": (442, 10),
    "gbsg2": (686, 9),
    "actg175": (2139, 18),
    "lung": (228, 7),
    "kidney_transplant": (863, 4),
    "larynx": (90, 4),
    "leukemia": (42, 3),
    "stanford_heart": (103, 5),
}
ON_REQUEST = {"whas500": (500, 14), "aids": (1151, 19), "breast_cancer_genes": (198, 82)}
EVENTS = {
    "gbsg2": 299, "actg175": 521, "lung": 165, "kidney_transplant": 140, "larynx": 50, "leukemia": 30,
    "stanford_heart": 75, "whas500": 215, "aids": 96, "breast_cancer_genes": 51,
}  # fmt: skip
MISSING = {"lung": 66, "stanford_heart": 34}  # values that were not measured


def hospital(patients=60, slices=4, classes=("healthy", "stroke", "tumour")) -> Dataset:
    """Patients with several slices each; x says which row it is, so that cuts can be compared."""
    groups = np.repeat(np.arange(patients) + 100, slices)
    y = (groups - 100) % len(classes)
    rows = np.arange(len(y))
    x = np.broadcast_to(rows[:, None, None], (len(rows), 2, 2)).astype(float)
    return Dataset("toy", x, y, tuple(classes), pd.DataFrame({"row": rows}), x > 0, groups, CARD)


def official(parts, groups=None) -> Dataset:
    n = len(parts)
    return Dataset("toy", np.zeros((n, 1)), np.zeros(n), (), pd.DataFrame({"split": parts}), None, groups, CARD)


# ---------------------------------------------------------------------------------------------------- Card and Dataset


def test_card_reads_line_by_line():
    text = str(CARD)
    assert text.startswith("A title\n=======\n")
    for name in ("what", "rows", "source", "licence", "citation", "made", "limits"):
        assert f"\n{name:<10}" in text
    assert max(map(len, str(replace(CARD, limits="long words " * 60)).splitlines())) <= 100


def test_dataset_is_frozen_and_says_what_it_is():
    ds = hospital()
    with pytest.raises(FrozenInstanceError):
        ds.x = None
    assert repr(ds) == (
        "toy: 240 rows of 60 patients, x (240, 2, 2) float64, frame, masks; y: healthy 80, stroke 80, tumour 80"
    )


@pytest.mark.parametrize(
    ("y", "classes", "ending"),
    [
        (np.array([1.5, 3.0]), (), "y: 1.5 to 3"),
        (np.array([[1, 0], [1, 1]]), ("a", "b"), "y: a 2, b 1"),
        (
            np.array([(True, 5.0), (False, 7.0)], dtype=[("e", bool), ("t", float)]),
            ("no", "yes"),
            "1 events, time 5 to 7",
        ),
    ],
)
def test_repr_of_other_labels(y, classes, ending):
    ds = Dataset("toy", np.zeros((2, 3)), y, classes, None, None, None, CARD)
    assert repr(ds).endswith(ending)
    assert repr(ds[[]]).endswith("no rows")


@pytest.mark.parametrize("part", ["y", "frame", "masks", "groups"])
def test_parts_of_other_length_are_refused(part):
    ds = hospital()
    with pytest.raises(ValueError, match=rf"{part} has 239 rows, x has 240.*ds\[rows\]"):
        replace(ds, **{part: getattr(ds, part)[:-1]})


def test_class_without_a_name_is_refused():
    with pytest.raises(ValueError, match=r"y runs from 0 to 2, but there are 2 classes.*Expected 0 to 1.*add"):
        replace(hospital(), classes=("healthy", "stroke"))


@pytest.mark.parametrize(
    "rows",
    [slice(3, 50, 7), [5, 2, 5], np.arange(240) % 3 == 0, pd.Series(np.arange(240) < 9), -1, np.int64(4), []],
    ids=["slice", "list", "mask", "series", "number", "numpy number", "nothing"],
)
def test_cut_takes_the_same_rows_of_every_part(rows):
    ds = hospital()
    cut = ds[rows]
    kept = cut.frame["row"].to_numpy()
    assert list(cut.frame.index) == list(range(len(cut)))
    for part in ("x", "y", "masks", "groups"):
        assert np.array_equal(getattr(cut, part), getattr(ds, part)[kept])
    assert list(kept) == list(
        np.arange(240)[np.atleast_1d(rows) if not isinstance(rows, slice) else rows] if len(cut) else []
    )


def test_cut_without_frame_masks_groups():
    ds = replace(hospital(), frame=None, masks=None, groups=None)[:5]
    assert len(ds) == 5 and ds.frame is None and ds.masks is None and ds.groups is None


@pytest.mark.parametrize(
    ("rows", "error", "words"),
    [
        (np.ones(7, bool), ValueError, r"mask has shape \(7,\), expected \(240,\)"),
        ("age", ValueError, r"dtype <U3.*expected whole numbers or True/False.*ds.frame"),
        (np.array([0.5]), ValueError, "expected whole numbers"),
        (240, IndexError, "row 240 of 240: expected -240 to 239"),
        ([0, -241], IndexError, "row -241 of 240"),
    ],
)
def test_wrong_rows_are_named(rows, error, words):
    with pytest.raises(error, match=words):
        hospital()[rows]


# --------------------------------------------------------------------------------------------------------------- split


@pytest.mark.parametrize("seed", range(5))
def test_split_keeps_patients_together_and_classes_in_proportion(seed):
    ds = hospital()
    train, val, test = ds.split(val=0.2, test=0.3, seed=seed)
    people = [set(part.groups) for part in (train, val, test)]
    assert not people[0] & people[1] and not people[0] & people[2] and not people[1] & people[2]
    assert [len(p) for p in people] == [30, 12, 18]
    assert sorted(np.concatenate([p.frame["row"] for p in (train, val, test)])) == list(range(240))
    for part in (train, val, test):
        assert len(set(np.bincount(part.y, minlength=3))) == 1
        assert np.all(np.diff(part.frame["row"]) > 0)  # rows keep their order


def test_split_depends_on_the_seed_and_on_nothing_else():
    ds = hospital()
    first, again, other = ds.split(), ds.split(val=0.15, test=0.25, seed=0), ds.split(seed=1)
    assert all(np.array_equal(a.x, b.x) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[2].x, other[2].x)


def test_split_without_groups_takes_each_row_as_a_patient():
    parts = replace(hospital(), groups=None).split()
    assert [len(part) for part in parts] == [144, 36, 60]


def test_split_by_row_tears_patients_apart():
    train, _, test = hospital().split(by="row")
    assert set(train.groups) & set(test.groups)


def test_split_may_leave_a_part_empty():
    train, val, test = hospital().split(val=0, test=0.25)
    assert (len(train), len(val), len(test)) == (180, 0, 60)


def test_patient_counts_for_their_most_frequent_class():
    ds = hospital(patients=40, classes=("healthy", "stroke"))
    y = ds.y.copy()
    y[::4] = 0  # one healthy slice in every patient
    for part in replace(ds, y=y).split():
        assert np.isclose(part.y.mean(), 3 / 8)


def test_every_part_gets_every_class_even_a_rare_one():
    y = np.r_[np.zeros(50, int), np.ones(3, int)]
    ds = Dataset("toy", y[:, None], y, ("common", "rare"), None, None, None, CARD)
    assert all(set(part.y) == {0, 1} for part in ds.split())


def test_survival_is_balanced_by_event():
    y = np.array([(i % 4 == 0, i) for i in range(200)], dtype=[("event", bool), ("time", float)])
    ds = Dataset("toy", np.zeros((200, 1)), y, ("censored", "event"), None, None, None, CARD)
    assert all(np.isclose(part.y["event"].mean(), 0.25, atol=0.03) for part in ds.split())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"val": 1.2}, r"split\(val=1.2\): expected a fraction from 0 to below 1"),
        ({"test": -0.1}, r"split\(test=-0.1\): expected a fraction"),
        ({"test": "half"}, r"split\(test='half'\): expected a fraction"),
        ({"val": float("nan")}, "expected a fraction"),
        ({"val": 0.5, "test": 0.5}, "together 1, expected less than 1. Leave a share for training"),
        ({"by": "slice"}, r"by='slice'\): expected 'patient' or 'row'"),
        ({"seed": -1}, r"split\(seed=-1\): expected a whole number from 0 on, for example seed=3"),
        ({"seed": "a"}, r"split\(seed='a'\): expected a whole number"),
        ({"seed": 1.5}, r"split\(seed=1.5\): expected a whole number"),
        ({"seed": True}, r"split\(seed=True\): expected a whole number"),
    ],
)
def test_wrong_split_arguments_are_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        hospital().split(**arguments)


@pytest.mark.parametrize("ds", [hospital(), official(["train", "test", "val"])], ids=["drawn", "official"])
def test_arguments_of_split_need_their_names(ds):
    with pytest.raises(ValueError, match=r"split\(3, 0.2\): got arguments without names, expected val=, .*seed=3"):
        ds.split(3, 0.2)


def test_seed_may_be_of_numpys_kind():
    assert np.array_equal(hospital().split(seed=np.int64(3))[0].x, hospital().split(seed=3)[0].x)


def test_too_few_patients_are_named():
    words = (
        r"class 'healthy' has 2 patient\(s\); val=0.15 and test=0.25 leave none.*Use smaller fractions, more patients"
    )
    with pytest.raises(ValueError, match=words):
        hospital(patients=6).split()
    with pytest.raises(ValueError, match="the data set has 2 patient"):
        official(["a", "b"])[:].__class__("toy", np.zeros(2), np.zeros(2), (), None, None, None, CARD).split()
    with pytest.raises(ValueError, match="without rows: nothing to split. Check the mask"):
        hospital()[[]].split()


def test_official_split_is_taken_as_it_is():
    parts = official(["train", "test", "val", "train"]).split()
    assert [len(part) for part in parts] == [2, 1, 1]


@pytest.mark.parametrize("arguments", [{"seed": 0}, {"val": 0.2}, {"test": 0.2}, {"by": "row"}])
def test_official_split_takes_no_arguments(arguments):
    with pytest.raises(
        ValueError, match=f"has an official split, but split.. got {next(iter(arguments))}. Call split.. without"
    ):
        official(["train", "test", "val"]).split(**arguments)


def test_official_split_that_leaks_or_lacks_a_part_is_refused():
    with pytest.raises(ValueError, match=r"1 patient\(s\) are in both train and test, for example .*7.*expected none"):
        official(["train", "test", "val"], groups=np.array([7, 7, 8])).split()
    with pytest.raises(ValueError, match="no row of these 2 belongs to the official 'test' part. Split the whole"):
        official(["train", "val"]).split()


# ---------------------------------------------------------------------------------------------------- names and loading


def test_import_is_light():
    code = "import medlib.data, sys; print(sorted({'numpy', 'pandas', 'sklearn', 'tensorflow'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    assert done.stdout.strip() == "[]"


def test_module_says_what_it_lacks():
    with pytest.raises(AttributeError, match="has no attribute 'lode'"):
        data.lode  # noqa: B018


def test_available_lists_every_name_with_its_licence(monkeypatch, tmp_path):
    monkeypatch.setenv("MEDLIB_CACHE", str(tmp_path))
    monkeypatch.delenv("MEDLIB_DATA", raising=False)
    table = data.available().set_index("name")
    assert list(table.columns) == ["what", "kind", "ready", "licence", "size", "how"]
    assert {"head_ct", "patients", *COHORTS, *ON_REQUEST, "pneumoniamnist", "nhefs", "smollm2"} <= set(table.index)
    assert set(table["kind"]) == {"ships", "library", "download", "by hand"}
    assert table.loc[list(COHORTS), "ready"].all() and not table.loc["pneumoniamnist", "ready"]
    assert (table[["what", "licence", "size", "how"]] != "").all(axis=None)
    assert table.loc["pneumoniamnist", "how"] == 'medlib.data.download("pneumoniamnist")'
    assert table.loc["dermamnist", "licence"] == "CC BY-NC 4.0"


@pytest.mark.parametrize("call", [data.load, data.download, data.if_ready])
def test_unknown_name_lists_near_ones_and_all(call):
    with pytest.raises(
        ValueError, match="name: got 'pneumonia', which is no data set. Did you mean 'pneumoniamnist'.*diabetes"
    ):
        call("pneumonia")
    for name in (3, None, ["a"], {}):
        with pytest.raises(ValueError, match=r"name: got .*, which is no data set. Expected one of: head_ct, patients"):
            call(name)


def test_unknown_option_lists_the_known():
    with pytest.raises(ValueError, match="got the options colour; expected scaled"):
        data.load("diabetes", colour=True)
    with pytest.raises(ValueError, match="got the options size; expected none"):
        data.load("lung", size=64)
    with pytest.raises(ValueError, match="got the options size; expected endpoint"):
        data.load("gbsg2", size=64)


def test_missing_library_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name, package=None: None)
    with pytest.raises(
        data.DataMissing, match="'gbsg2' comes with lifelines, which is not installed here. Run `make lab`"
    ):
        data.load("gbsg2")


def test_nothing_to_download():
    with pytest.raises(ValueError, match=r"nothing to download, it comes with sklearn. Use load\('diabetes'\)"):
        data.download("diabetes")


# ------------------------------------------------------------------------------------------------------------- cohorts


def here(name: str) -> bool:
    """Whether the library of a cohort is installed."""
    return find_spec(next(source.needs for source in SOURCES if source.name == name)) is not None


@pytest.mark.parametrize("name", COHORTS | ON_REQUEST)
def test_cohort_is_whole_and_has_an_honest_card(name):
    card = CARDS[name]
    assert card.licence and card.limits and card.citation
    if not here(name):
        assert name in ON_REQUEST, "what comes with the course is here"
        return
    ds = data.load(name)
    assert ds.name == name and ds.x.shape == (COHORTS | ON_REQUEST)[name] and ds.card is card
    assert np.isnan(ds.x).sum() == MISSING.get(name, 0) and np.array_equal(ds.x, ds.frame.to_numpy(), equal_nan=True)
    assert f"{len(ds):,}" in card.rows
    assert [len(part) for part in ds.split()] == [len(part) for part in ds.split(seed=3)]
    assert data.if_ready(name).x.shape == ds.x.shape
    if name in EVENTS:
        event, time = ds.y.dtype.names
        assert ds.y[event].dtype == bool and ds.y[event].sum() == EVENTS[name] and ds.y[time].min() > 0


def test_malignant_is_one():
    ds = data.load("breast_cancer")
    assert ds.classes == ("benign", "malignant") and ds.y.sum() == 212
    radius = ds.frame["mean radius"]
    assert radius[ds.y == 1].mean() > radius[ds.y == 0].mean()


def test_diabetes_in_measured_values():
    scaled, raw = data.load("diabetes"), data.load("diabetes", scaled=False)
    assert np.allclose((scaled.x**2).sum(axis=0), 1) and raw.frame["age"].between(18, 90).all()


def share_of(name: str, column: str) -> list[tuple[int, int]]:
    """Rows and events where a column is 0 and where it is 1."""
    ds = data.load(name)
    event = ds.y[ds.y.dtype.names[0]]
    return [(int(np.sum(ds.frame[column] == k)), int(event[ds.frame[column] == k].sum())) for k in (0, 1)]


def test_counts_are_those_of_the_publications():
    """Klein and Moeschberger, sections 1.7 and 1.8; Freireich 1963; Loprinzi 1994; Crowley and Hu 1977."""
    assert [share_of("kidney_transplant", column)[1] for column in ("white_male", "black_male", "black_female")] == [
        (432, 73), (92, 14), (59, 14),
    ]  # fmt: skip
    larynx = data.load("larynx").frame
    assert [int(larynx[f"Stage_{stage}"].sum()) for stage in ("II", "III", "IV")] == [17, 27, 13]
    assert share_of("leukemia", "Rx") == [(21, 9), (21, 21)]
    weeks = data.load("leukemia")
    assert [weeks.y["time"][weeks.frame["Rx"] == k].sum() for k in (0, 1)] == [359, 182]
    lung = data.load("lung")
    assert [int(lung.y["event"][lung.frame["sex"] == k].sum()) for k in (1, 2)] == [112, 53]
    assert share_of("stanford_heart", "transplant") == [(34, 30), (69, 45)]
    assert data.load("stanford_heart").frame["age"].between(8, 65).all()


def test_gbsg2_is_in_the_order_and_columns_of_before_and_knows_deaths():
    ds, deaths = data.load("gbsg2"), data.load("gbsg2", endpoint="death")
    assert list(ds.frame.columns) == [
        "age", "estrec", "pnodes", "progrec", "tsize", "horTh_yes", "menostat_Post", "tgrade_II", "tgrade_III",
    ]  # fmt: skip
    assert ds.y.dtype == [("cens", bool), ("time", float)] and ds.y[0].item() == (True, 1814.0)
    assert ds.frame["horTh_yes"].sum() == 246 and ds.frame["menostat_Post"].sum() == 396
    assert np.array_equal(ds.x, deaths.x) and deaths.y["event"].sum() == 171
    assert np.all(deaths.y["time"] >= ds.y["time"]), "nobody dies before the recurrence"
    assert np.all(ds.y["cens"][deaths.y["event"]]), "who died had an event"
    with pytest.raises(ValueError, match="endpoint='cure'.: expected 'recurrence' or 'death'"):
        data.load("gbsg2", endpoint="cure")


def test_actg175_holds_what_was_known_at_entry_and_two_endpoints():
    ds, cells = data.load("actg175"), data.load("actg175", endpoint="cd4")
    assert not {"cd420", "cd496", "cd820", "r", "offtrt", "pidnum", "treat", "arms"} & set(ds.frame.columns)
    arms = ds.frame[["zidovudine_didanosine", "zidovudine_zalcitabine", "didanosine"]]
    assert arms.sum().tolist() == [522, 524, 561] and arms.sum(axis=1).max() == 1
    alone = (arms.sum(axis=1) == 0).to_numpy()
    assert alone.sum() == 532 and ds.y["event"][alone].sum() == 181
    gain = cells.y - cells.frame["cd40"]
    assert cells.classes == () and gain[alone].mean() < -15 and gain[arms["zidovudine_didanosine"] == 1].mean() > 50
    with pytest.raises(ValueError, match="endpoint='cure'.: expected 'event' or 'cd4'"):
        data.load("actg175", endpoint="cure")


def test_lifelines_is_read_without_importing_it():
    code = "import sys, medlib.data as d; [d.load(n) for n in ('gbsg2', 'lung')]; print('lifelines' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    assert done.stdout.strip() == "False"


# ------------------------------------------------------------------------------------------ scikit-survival on request


@pytest.mark.parametrize("name", ON_REQUEST)
def test_without_the_extra_a_cohort_says_how_to_get_it(name, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "sksurv", None)  # hidden, where it is installed
    monkeypatch.setattr("importlib.util.find_spec", lambda sought: None if sought == "sksurv" else find_spec(sought))
    words = (
        rf"{name!r} comes with sksurv, which is not installed here. To get it: python -m pip install -e .\.\[sksurv\]"
    )
    with pytest.raises(data.DataMissing, match=words):
        data.load(name)
    assert data.if_ready(name) is None
    assert capsys.readouterr().out.count("\n") == 1
    assert not data.available().set_index("name").loc[name, "ready"]
    with pytest.raises(ValueError, match="nothing to download, it comes with sksurv"):
        data.download(name)


def test_with_the_extra_its_tables_become_cohorts(monkeypatch):
    """A stand-in of the same form, so that this is tested on computers that cannot have it."""
    y = np.array([(True, 3.0), (False, 5.0), (True, 1.0)], dtype=[("censor", bool), ("time", float)])
    frame = pd.DataFrame({"age": [50.0, 60.0, 70.0], "sex": pd.Categorical(["f", "m", "f"])})
    asked = []
    package, datasets = ModuleType("sksurv"), ModuleType("sksurv.datasets")
    datasets.load_whas500 = lambda: (frame, y)
    datasets.load_aids = lambda endpoint: asked.append(endpoint) or (frame, y)
    package.datasets = datasets
    monkeypatch.setitem(sys.modules, "sksurv", package)
    monkeypatch.setitem(sys.modules, "sksurv.datasets", datasets)
    monkeypatch.setattr("importlib.util.find_spec", lambda sought: sought)
    ds = data.load("whas500")
    assert list(ds.frame.columns) == ["age", "sex_m"] and ds.frame["sex_m"].tolist() == [0, 1, 0]
    assert np.array_equal(ds.y, y) and ds.classes == ("censored", "event") and ds.card is CARDS["whas500"]
    data.load("aids"), data.load("aids", endpoint="death")
    assert asked == ["aids", "death"]


def test_aids_has_two_endpoints():
    if here("aids"):
        assert data.load("aids", endpoint="death").y["censor_d"].sum() == 26
    with pytest.raises((ValueError, data.DataMissing), match="expected 'aids' or 'death'|which is not installed here"):
        data.load("aids", endpoint="cure")
