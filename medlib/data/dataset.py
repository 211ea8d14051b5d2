"""A data set that knows its patients, and the card that says where it comes from."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np

from medlib import decisions

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

PARTS = ("train", "val", "test")


@dataclass(frozen=True)
class Card:
    """Where a data set comes from, and what it cannot tell."""

    title: str
    what: str
    rows: str  # what one row is, and how many there are
    source: str
    licence: str
    citation: str
    made: str  # how the numbers came about
    limits: str  # what the data cannot show, known faults included

    def __str__(self) -> str:
        lines = [self.title, "=" * len(self.title)]
        for name in [field.name for field in fields(self)][1:]:
            text = f"{name:<10}{getattr(self, name)}"
            lines.append(textwrap.fill(text, 100, subsequent_indent=" " * 10, break_long_words=False))
        return "\n".join(lines)


@dataclass(frozen=True, repr=False)
class File:
    """A file with its card: what ``load`` gives for things that have no rows and labels, such as a language model."""

    name: str
    path: Path
    card: Card

    def __repr__(self) -> str:
        return f"{self.name}: {self.path.name}, {self.path.stat().st_size / 1e6:.1f} MB"


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Inputs, labels and what belongs to them, row by row.

    Attributes
    ----------
    name
        How ``load`` calls it.
    x
        Inputs: images (n, height, width[, channels]), or tables (n, columns) named by ``frame.columns``.
    y
        Labels (n,): class numbers, a measured value, or structured (event, time). Where a row may carry several
        labels: 0 and 1, (n, labels).
    classes
        The name of each class; empty when y is measured.
    frame
        A table with n rows, or None. A column ``split`` (train, val, test) is the official split.
    masks
        Lesion masks (n, height, width), or None.
    groups
        The patient of each row (n,), or None when every row is a patient of their own.
    card
        Source, licence, limits.

    Raises
    ------
    ValueError
        The parts differ in length, or a class number has no name.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    classes: tuple[str, ...]
    frame: pd.DataFrame | None
    masks: np.ndarray | None
    groups: np.ndarray | None
    card: Card

    def __post_init__(self) -> None:
        for part in ("y", "frame", "masks", "groups"):
            value = getattr(self, part)
            if value is not None and len(value) != len(self.x):
                raise ValueError(
                    f"Dataset {self.name!r}: {part} has {len(value)} rows, x has {len(self.x)}. "
                    "Every part needs one row per row of x: cut them together with ds[rows]."
                )
        if self.classes and self.y.ndim == 1 and self.y.dtype.kind in "iub" and len(self.y):
            if not 0 <= int(self.y.min()) <= int(self.y.max()) < len(self.classes):
                raise ValueError(
                    f"Dataset {self.name!r}: y runs from {self.y.min()} to {self.y.max()}, but there are "
                    f"{len(self.classes)} classes. Expected 0 to {len(self.classes) - 1}: add the missing class names."
                )

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, rows) -> Dataset:
        """The chosen rows of every part: a number, a slice, row numbers, or a mask of True and False."""
        rows = _positions(rows, len(self))

        def cut(part):
            return None if part is None else part[rows]

        frame = None if self.frame is None else self.frame.iloc[rows].reset_index(drop=True)
        return replace(
            self, x=self.x[rows], y=self.y[rows], frame=frame, masks=cut(self.masks), groups=cut(self.groups)
        )

    def __repr__(self) -> str:
        patients = "" if self.groups is None else f" of {len(np.unique(self.groups)):,} patients"
        extras = [part for part in ("frame", "masks") if getattr(self, part) is not None]
        return (
            f"{self.name}: {len(self):,} rows{patients}, x {self.x.shape} {self.x.dtype}"
            f"{''.join(', ' + part for part in extras)}; y: {self._labels()}"
        )

    def _labels(self) -> str:
        """The labels in one line: counts of classes, of events, or a range."""
        if not len(self):
            return "no rows"
        if self.y.dtype.names:
            event, time = (self.y[name] for name in self.y.dtype.names)
            return f"{event.sum():,} events, time {time.min():g} to {time.max():g}"
        if self.y.ndim == 2:
            return ", ".join(f"{name} {count:,}" for name, count in zip(self.classes, self.y.sum(axis=0), strict=True))
        if self.classes:
            return ", ".join(f"{name} {np.sum(self.y == k):,}" for k, name in enumerate(self.classes))
        return f"{self.y.min():g} to {self.y.max():g}"

    def split(
        self,
        *unnamed,
        val: float | None = None,
        test: float | None = None,
        seed: int | None = None,
        by: str = "patient",
    ) -> tuple[Dataset, Dataset, Dataset]:
        """Train, validation and test part: no patient in two of them, every class in each of them.

        A patient's class is their most frequent one (in survival data: the event). Each class is divided in the same
        proportion; measured and multiple labels are not balanced. A data set with an official split
        (``frame["split"]``) gives that one, and takes no arguments.

        Parameters
        ----------
        val, test
            Fractions of the patients: .15 and .25 unless given; 0 leaves that part empty.
        seed
            0 unless given. The same seed gives the same split. Rows keep their order.
        by
            "patient". The other choice, "row", tears patients apart: training then sees the patients of the test set,
            and every score is too good. It is there to show that, and for nothing else.

        Raises
        ------
        ValueError
            An argument without its name, fractions or a seed out of range, too few patients in a class, an official
            split with a patient in two parts, or an argument beside an official split.
        """
        if unnamed:
            raise ValueError(
                f"split({', '.join(map(repr, unnamed))}): got arguments without names, expected val=, test=, seed= or "
                "by=. Say which is meant, for example split(test=.25, seed=3)."
            )
        whole = decisions.clean(self)
        if self.frame is not None and "split" in self.frame.columns:
            where = whole._official(val=val, test=test, seed=seed, by=None if by == "patient" else by)
        else:
            val, test = (0.15 if val is None else val), (0.25 if test is None else test)
            _check_fractions(val, test)
            where = whole._draw(val, test, _whole(0 if seed is None else seed), by)
        given = decisions.scrambled(self, np.flatnonzero(where == "test")) if decisions.scrambling() else self
        return tuple(given[where == part] for part in PARTS)

    def _official(self, **given) -> np.ndarray:
        """The part of each row (n,), as the makers of the data split it."""
        given = [name for name, value in given.items() if value is not None]
        if given:
            raise ValueError(
                f"{self.name!r} has an official split, but split() got {', '.join(given)}. Call split() without "
                "arguments, so that results compare with published ones."
            )
        where = self.frame["split"].to_numpy()
        for part in PARTS:
            if not np.any(where == part):
                raise ValueError(
                    f"{self.name!r}: no row of these {len(self)} belongs to the official {part!r} part. Split the "
                    "whole data set, or drop the column `split` from its frame first."
                )
        _check_leak(self.name, self.groups, where)
        return where

    def _draw(self, val: float, test: float, seed: int, by: str) -> np.ndarray:
        """The part of each row (n,), drawn by patient within each class."""
        if by not in ("patient", "row"):
            raise ValueError(f"split(by={by!r}): expected 'patient' or 'row'. 'patient' is right for training.")
        groups = np.arange(len(self)) if by == "row" or self.groups is None else self.groups
        _, patient = np.unique(groups, return_inverse=True)
        kind = _patient_class(self._strata(), patient)
        rng = np.random.default_rng(seed)
        part = np.full(len(kind), "train", dtype="<U5")
        for k in np.unique(kind):
            members = rng.permutation(np.flatnonzero(kind == k))
            n_test, n_val = (max(1, round(f * len(members))) if f else 0 for f in (test, val))
            if len(members) <= n_test + n_val:
                label = f"class {self.classes[k]!r}" if self.classes else "the data set"
                raise ValueError(
                    f"{self.name!r}: {label} has {len(members)} {by}(s); val={val} and test={test} leave none "
                    "of them for training. Use smaller fractions, more patients, or leave this class out."
                )
            part[members[:n_test]] = "test"
            part[members[n_test : n_test + n_val]] = "val"
        where = part[patient]
        if by == "patient":
            _check_leak(self.name, self.groups, where)
        return where

    def _strata(self) -> np.ndarray:
        """What to balance, as whole numbers (n,): the class, the event, or nothing (zeros)."""
        if self.y.dtype.names:
            return self.y[self.y.dtype.names[0]].astype(int)
        balanced = bool(self.classes) and self.y.ndim == 1
        return self.y.astype(int) if balanced else np.zeros(len(self), dtype=int)


def _positions(rows, n: int) -> np.ndarray:
    """Row numbers (m,) from a number, a slice, row numbers or a mask."""
    if isinstance(rows, slice):
        return np.arange(n)[rows]
    rows = np.atleast_1d(np.asarray(rows))
    if rows.dtype == bool:
        if rows.shape != (n,):
            raise ValueError(f"the mask has shape {rows.shape}, expected ({n},): one True or False per row.")
        return np.flatnonzero(rows)
    if rows.size == 0:
        return np.zeros(0, dtype=int)
    if rows.dtype.kind not in "iu" or rows.ndim != 1:
        raise ValueError(
            f"rows has dtype {rows.dtype} and shape {rows.shape}, expected whole numbers or True/False in one "
            "dimension. Choose a part by name instead, as in ds.x or ds.frame['age']."
        )
    if rows.min() < -n or rows.max() >= n:
        raise IndexError(f"row {rows.max() if rows.max() >= n else rows.min()} of {n}: expected {-n} to {n - 1}.")
    return np.arange(n)[rows]


def _check_fractions(val: float, test: float) -> None:
    for name, value in (("val", val), ("test", test)):
        if not (isinstance(value, (int, float, np.number)) and 0 <= value < 1):
            raise ValueError(f"split({name}={value!r}): expected a fraction from 0 to below 1, for example {name}=.2.")
    if val + test >= 1:
        raise ValueError(
            f"split(val={val}, test={test}): together {val + test:g}, expected less than 1. Leave a share for training."
        )


def check_whole(name: str, value, least: int, example, step: int = 1) -> None:
    """Refuse what is no whole number from ``least`` on, or no multiple of ``step``, with a ValueError."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least or value % step:
        kind = "a whole number" if step == 1 else f"a multiple of {step}"
        raise ValueError(f"{name}: got {value!r}, expected {kind} from {least} on, for example {example}")


def check_amount(name: str, value, most: float, example: str) -> None:
    """Refuse what is no number from 0 to ``most``, with a ValueError."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not 0 <= value <= most:
        raise ValueError(f"{name}: got {value!r}, expected a number from 0 to {most}, for example {example}")


def _whole(seed) -> int:
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ValueError(f"split(seed={seed!r}): expected a whole number from 0 on, for example seed=3.")
    return int(seed)


def _patient_class(kind: np.ndarray, patient: np.ndarray) -> np.ndarray:
    """The most frequent class of each patient (patients,); the lower number when two are equally frequent."""
    if not len(kind):
        raise ValueError("split() of a data set without rows: nothing to split. Check the mask that chose its rows.")
    counts = np.zeros((patient.max() + 1, kind.max() + 1), dtype=int)
    np.add.at(counts, (patient, kind), 1)
    return counts.argmax(axis=1)


def _check_leak(name: str, groups: np.ndarray | None, where: np.ndarray) -> None:
    """Raise ValueError when a patient is in two parts."""
    if groups is None:
        return
    for a, b in (("train", "val"), ("train", "test"), ("val", "test")):
        shared = np.intersect1d(groups[where == a], groups[where == b])
        if len(shared):
            raise ValueError(
                f"{name!r}: {len(shared)} patient(s) are in both {a} and {b}, for example {shared[0]!r}; expected "
                "none. Split by patient, or drop the column `split` to draw a new split."
            )
