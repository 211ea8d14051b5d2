"""MedMNIST files: the official table, and what happens with a file that is not quite right."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

import medlib.data as data
from medlib.data import medmnist
from medlib.data.dataset import PARTS
from medlib.data.store import DataError, DataMissing, DataWarning


def arrays(name="pneumoniamnist", counts=(6, 3, 4), seed=0):
    """A small file of the right form, with random pixels."""
    flag, rng = medmnist.FLAGS[name], np.random.default_rng(seed)
    several = name == "chestmnist"
    held = {}
    for part, n in zip(PARTS, counts, strict=True):
        held[f"{part}_images"] = rng.integers(0, 256, (n, *flag.shape), dtype=np.uint8)
        size, top = ((n, 14), 2) if several else ((n, 1), len(flag.classes))
        held[f"{part}_labels"] = rng.integers(0, top, size, dtype=np.uint8)
    return held


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty MEDLIB_DATA and an empty cache."""
    (tmp_path / "data" / "medmnist").mkdir(parents=True)
    monkeypatch.setenv("MEDLIB_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("MEDLIB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "data" / "medmnist"


def official(monkeypatch, name, path):
    """Pretend that this file is the official one."""
    monkeypatch.setitem(medmnist.FLAGS, name, replace(medmnist.FLAGS[name], md5=medmnist.md5_of(path)))


def test_table_of_flags():
    assert len(medmnist.FLAGS) == 12
    assert sum(sum(flag.counts) for flag in medmnist.FLAGS.values()) == 707_962  # 708,069 less 107 blank organ images
    assert [len(flag.classes) for flag in medmnist.FLAGS.values()] == [2, 2, 8, 7, 5, 11, 11, 11, 9, 14, 4, 8]
    assert len({flag.md5 for flag in medmnist.FLAGS.values()}) == 12
    for source in medmnist.SOURCES:
        assert len(source.md5) == 32 and source.url.startswith(
            "https://zenodo.org/records/10519652/files/" + source.name
        )
    assert medmnist.FLAGS["breastmnist"].classes == ("malignant", "normal, benign")


@pytest.mark.parametrize("name", ["pneumoniamnist", "bloodmnist", "chestmnist", "retinamnist"])
def test_load_joins_the_three_parts(folder, monkeypatch, name):
    held = arrays(name)
    np.savez(folder / f"{name}.npz", **held)
    official(monkeypatch, name, folder / f"{name}.npz")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ds = data.load(name)
    train, val, test = ds.split()
    for part, cut in zip(PARTS, (train, val, test), strict=True):
        assert cut.x.dtype == np.uint8 and np.array_equal(cut.x, held[f"{part}_images"])
        assert np.array_equal(cut.y.reshape(len(cut), -1), held[f"{part}_labels"]) and cut.y.dtype == np.int64
    assert ds.y.shape == ((13, 14) if name == "chestmnist" else (13,))
    assert "MD5" not in ds.card.limits and "Yang" in ds.card.citation and "MNIST" in ds.card.title
    assert "6 train, 3 val, 4 test" in ds.card.rows


def test_other_file_of_the_right_form_is_taken_with_a_warning(folder):
    np.savez_compressed(folder / "pneumoniamnist.npz", **arrays())
    with pytest.warns(DataWarning, match=r"not the official one.*have \(6, 3, 4\) rows, officially \(4708, 524, 624\)"):
        ds = data.load("pneumoniamnist")
    assert "not the official one" in ds.card.limits
    with pytest.raises(ValueError, match="got the options size; expected none"):
        data.load("pneumoniamnist", size=64)


def test_official_number_of_rows_is_said(folder, monkeypatch):
    flag = medmnist.FLAGS["pneumoniamnist"]
    monkeypatch.setitem(medmnist.FLAGS, "pneumoniamnist", replace(flag, counts=(6, 3, 4)))
    np.savez(folder / "pneumoniamnist.npz", **arrays())
    with pytest.warns(DataWarning, match="have the official number of rows; images may be changed or in another order"):
        data.load("pneumoniamnist")


def test_if_ready_prints_the_warning_on_stdout(folder, capsys):
    np.savez(folder / "pneumoniamnist.npz", **arrays())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ds = data.if_ready("pneumoniamnist")
    out, err = capsys.readouterr()
    assert len(ds) == 13 and "not the official one" in out and out.count("\n") == 1 and err == ""


def test_if_ready_passes_other_warnings_on(folder, monkeypatch):
    def load(name):
        warnings.warn("something else", RuntimeWarning, stacklevel=1)
        return name

    np.savez(folder / "pneumoniamnist.npz", **arrays())
    monkeypatch.setattr(medmnist, "load", load)
    with pytest.warns(RuntimeWarning, match="something else"):
        assert data.if_ready("pneumoniamnist") == "pneumoniamnist"


def test_missing_file_says_how_to_get_it(folder, capsys):
    with pytest.raises(
        DataMissing, match=r"not on this computer.*4.6 MB of pixels, CC BY 4.0.*download\(.pneumoniamnist.\)"
    ):
        data.load("pneumoniamnist")
    with pytest.raises(DataMissing, match="medlib.data.download"):
        medmnist.load("pneumoniamnist")
    assert data.if_ready("pneumoniamnist") is None
    out, err = capsys.readouterr()
    assert out.count("\n") == 1 and 'medlib.data.download("pneumoniamnist")' in out and err == ""


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"val_labels": None},
            r"has no val_labels: got the keys \['train_images'.*expected \['train_images', 'train_labels'",
        ),
        (
            {"val_images": np.zeros((3, 28, 28, 3), np.uint8)},
            r"val_images has shape \(3, 28, 28, 3\).*expected \(rows, 28, 28\)",
        ),
        ({"val_images": np.zeros((3, 64, 64), np.uint8)}, r"val_images has shape \(3, 64, 64\)"),
        ({"val_images": np.zeros((3, 28, 28))}, "type float64, expected .* and uint8"),
        ({"val_labels": np.zeros(3, np.uint8)}, r"val_labels has shape \(3,\).*expected \(3, 1\) and whole numbers"),
        ({"val_labels": np.zeros((5, 1), np.uint8)}, r"val_labels has shape \(5, 1\)"),
        ({"val_labels": np.zeros((3, 1))}, "val_labels has .* type float64"),
        ({"val_labels": np.full((3, 1), 2)}, "val_labels runs from 2 to 2, expected 0 to 1"),
        ({"val_labels": np.full((3, 1), -1)}, "val_labels runs from -1 to -1, expected 0 to 1"),
        (
            {"val_images": np.zeros((0, 28, 28), np.uint8), "val_labels": np.zeros((0, 1), int)},
            "val_images has no rows",
        ),
        ({"val_labels": np.array([[{}]] * 3)}, "a pickle., which can run a program when opened"),
    ],
)
def test_file_of_the_wrong_form_is_named_with_its_remedy(folder, change, words):
    held = {key: value for key, value in (arrays() | change).items() if value is not None}
    np.savez(folder / "pneumoniamnist.npz", **held)
    with pytest.raises(DataError, match=words) as caught:
        data.if_ready("pneumoniamnist")
    message = str(caught.value)
    assert str(folder / "pneumoniamnist.npz") in message and 'medlib.data.download("pneumoniamnist")' in message


def test_labels_of_chestmnist_are_zero_or_one(folder):
    np.savez(folder / "chestmnist.npz", **arrays("chestmnist") | {"val_labels": np.full((3, 14), 2)})
    with pytest.raises(DataError, match="val_labels runs from 2 to 2, expected 0 to 1"):
        data.load("chestmnist")
