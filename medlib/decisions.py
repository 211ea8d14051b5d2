"""Nobody looks at the test part: what is decided from data is recorded by name, and must not depend on it.

A page passes everything that it decides from data through :func:`decide`: a scaler, a threshold, a width, an epoch, a
score, the order of a table. With the environment variable ``MEDLIB_SCRAMBLE`` set, ``Dataset.split`` hands out a test
part that makes no sense (:func:`scrambled`), and ``claim`` prints instead of raising. A page that decides without the
test part decides the same, to the last bit; ``python -m tests.course.decisions`` runs it both ways and compares.

This module knows data sets by their fields only, and no models.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from pathlib import Path
from typing import TypeVar

import numpy as np

Dataset = TypeVar("Dataset")  # medlib.data's, by its fields: x, y, frame, masks, groups
FILE, SCRAMBLE = "MEDLIB_DECISIONS", "MEDLIB_SCRAMBLE"


def decide(name: str, value):
    """Return ``value``, and write down that ``name`` was decided so: ``threshold = decide("threshold", 0.31)``.

    Recorded only when the environment variable ``MEDLIB_DECISIONS`` names a file; a line is added at each call.

    Parameters
    ----------
    name
        What is decided, in words: "threshold", "width of the smoothing".
    value
        Numbers, words, truth values, arrays, tensors, pandas objects, a fitted scikit-learn object (what ends in
        ``_``), a Keras model (its weights), data classes, or lists, tuples and dictionaries of these.

    Raises
    ------
    TypeError
        The value is of a kind that cannot be compared bit by bit.
    """
    line = json.dumps({"name": name, "value": _shown(value), "bits": fingerprint(value, name)})
    if os.environ.get(FILE):
        with Path(os.environ[FILE]).open("a", encoding="utf-8") as file:
            file.write(line + "\n")
    return value


def recorded(path: str | Path) -> list[dict[str, str]]:
    """The decisions in a file, in the order in which they were taken: name, value in words, fingerprint of the bits."""
    path = Path(path)
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def fingerprint(value, name: str = "value") -> str:
    """A hash of every bit of a value; equal values of one kind have equal fingerprints."""
    bits = hashlib.sha256()
    _feed(bits, value, name)
    return bits.hexdigest()[:16]


def _feed(bits, value, name: str) -> None:
    """Add a value to a hash, piece by piece, each behind the name of its kind."""
    bits.update(f"<{type(value).__name__}>".encode())
    if value is None or isinstance(value, (str, bool, int, float, np.generic)):
        bits.update((value.hex() if isinstance(value, float) else repr(value)).encode())
    elif isinstance(value, np.ndarray) and value.dtype != object:
        bits.update(f"{value.dtype}{value.shape}".encode() + np.ascontiguousarray(value).tobytes())
    elif isinstance(value, dict):
        for key, part in value.items():
            _feed(bits, key, name)
            _feed(bits, part, name)
    elif isinstance(value, (list, tuple)):
        for part in value:
            _feed(bits, part, name)
    elif isinstance(value, np.ndarray):
        _feed(bits, [value.shape, *value.flat], name)
    elif hasattr(value, "get_weights"):  # a Keras model or layer
        _feed(bits, value.get_weights(), name)
    elif hasattr(value, "to_dict") and hasattr(value, "index"):  # pandas: the order of rows counts
        _feed(bits, [list(value.index), list(getattr(value, "columns", ())), value.to_numpy()], name)
    elif hasattr(value, "numpy"):  # a tensor
        _feed(bits, np.asarray(value.numpy()), name)
    elif dataclasses.is_dataclass(value):
        _feed(bits, [getattr(value, field.name) for field in dataclasses.fields(value)], name)
    elif fitted := {key: part for key, part in sorted(_attributes(value)) if key.endswith("_") and key[0] != "_"}:
        _feed(bits, fitted, name)  # scikit-learn
    else:
        raise TypeError(
            f"decide({name!r}): got a {type(value).__name__}, expected numbers, words, arrays, a fitted object, or "
            "lists and dictionaries of these; pass the numbers that were decided on"
        )


def _attributes(value) -> list[tuple[str, object]]:
    return list(vars(value).items()) if hasattr(value, "__dict__") else []


def _shown(value) -> str:
    """A value in a few words, for the report."""
    text = " ".join(str(value).split())
    return text if len(text) <= 80 else text[:77] + "..."


# ---------------------------------------------------------------------------------------------- the scrambled test part


def scrambling() -> bool:
    """Whether test parts are scrambled in this process."""
    return os.environ.get(SCRAMBLE, "") not in ("", "0")


def clean(dataset: Dataset) -> Dataset:
    """The data set as it was loaded, though it may have been split and scrambled since."""
    return dataset.__dict__.get("_clean", dataset)


def scrambled(dataset: Dataset, test: np.ndarray) -> Dataset:
    """The data set with its rows ``test`` (numbers) without sense.

    Rows are shuffled, labels permuted, values turned upside down in their range, outlines and records given to others;
    patients stay where they are, so that shapes and counts are as ever. After the first split ``dataset`` itself holds
    the scrambled rows: whoever standardises with all patients is found, too. Later splits, by another seed, begin with
    the clean data.
    """
    whole = clean(dataset)
    mixed = _mixed(whole, test)
    if whole is dataset:
        dataset.__dict__["_clean"] = dataclasses.replace(dataset)
        for name in ("x", "y", "frame", "masks"):
            object.__setattr__(dataset, name, getattr(mixed, name))
    return mixed


def unseen(values, test):
    """The values; while test parts are scrambled, those of the rows ``test`` make no sense.

    For a page that draws its test part by itself, instead of by ``Dataset.split``: it passes labels and texts through
    here before it decides anything.

    Parameters
    ----------
    values
        An array, whose numbers are turned upside down in their range, or a list of texts or lists, which are read
        backwards.
    test
        Row numbers, or a truth value for each row.
    """
    if not scrambling():
        return values
    rows = np.arange(len(values))[test]
    if isinstance(values, np.ndarray):
        values = values.copy()
        values[rows] = _upside_down(values, axis=0)[rows]
        return values
    return [value[::-1] if row in rows else value for row, value in enumerate(values)]


def _mixed(whole: Dataset, test: np.ndarray) -> Dataset:
    """The data set with the rows ``test`` scrambled."""
    rng = np.random.default_rng(1905)
    x, y, masks, frame = whole.x.copy(), whole.y.copy(), whole.masks, whole.frame
    table = x.ndim == 2
    x[test] = _upside_down(x[rng.permutation(test)], axis=0 if table else None)
    y[test] = y[rng.permutation(test)]
    if masks is not None:
        masks = masks.copy()
        masks[test] = masks[rng.permutation(test)]
    if frame is not None:
        frame = frame.copy()
        rows = np.arange(len(frame))
        rows[test] = rng.permutation(test)
        for column in frame.columns:
            if column == "split" or (whole.groups is not None and np.array_equal(frame[column], whole.groups)):
                continue
            given = frame[column].take(rows).set_axis(frame.index)
            if given.dtype.kind == "f":
                values = given.to_numpy(copy=True)
                values[test] = _upside_down(values[test])
                given[:] = values
            frame[column] = given
    return dataclasses.replace(whole, x=x, y=y, masks=masks, frame=frame)


def _upside_down(values: np.ndarray, axis: int | None = None) -> np.ndarray:
    """Values mirrored in their range (of each column with ``axis=0``): another mean, and nothing leaves its range."""
    if values.dtype.kind not in "iuf" or not values.size:
        return values
    low, high = np.nanmin(values, axis=axis, keepdims=True), np.nanmax(values, axis=axis, keepdims=True)
    return (high - (values - low)).astype(values.dtype)
