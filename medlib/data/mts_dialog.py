"""Real notes: the sections of MTS-Dialog, written from conversations between clinicians and patients.

The two files come by hand, from the authors' repository; nothing of them is in this course. What is written in a note
is for models to learn from and to be measured on: no page shows a sentence of it.
"""

from __future__ import annotations

import warnings

import numpy as np

from medlib.data.dataset import Card, Dataset
from medlib.data.delimited import read_table
from medlib.data.store import DataError, DataMissing, DataWarning, Source, find

FILES = {"training": "MTS-Dialog-TrainingSet.csv", "validation": "MTS-Dialog-ValidationSet.csv"}
OFFICIAL = {"training": 1201, "validation": 100}  # notes
HEADERS = {
    "ALLERGY": "allergy",
    "ASSESSMENT": "assessment",
    "CC": "chief complaint",
    "DIAGNOSIS": "diagnosis",
    "DISPOSITION": "disposition",
    "EDCOURSE": "emergency department course",
    "EXAM": "exam",
    "FAM/SOCHX": "family and social history",
    "GENHX": "history of present illness",
    "GYNHX": "gynaecologic history",
    "IMAGING": "imaging",
    "IMMUNIZATIONS": "immunisations",
    "LABS": "labs",
    "MEDICATIONS": "medications",
    "OTHER_HISTORY": "other history",
    "PASTMEDICALHX": "past medical history",
    "PASTSURGICAL": "past surgical history",
    "PLAN": "plan",
    "PROCEDURES": "procedures",
    "ROS": "review of systems",
}
COLUMNS = {"ID": str, "section_header": HEADERS, "section_text": str, "dialogue": str}
REMEDY = (
    f"put {' and '.join(FILES.values())} into the folder that MEDLIB_DATA names; they are in the authors' repository, "
    "abachaa/MTS-Dialog on GitHub, folder Main-Dataset"
)

CARD = Card(
    title="MTS-Dialog: sections of clinical notes, and the conversations they were written from",
    what="x: the text of one section of a note; y: which section it is, one of twenty; frame: part (training or "
    "validation) and dialogue",
    rows="1,201 sections for training and 100 for validation, 48,731 and 3,608 words between blanks",
    source="https://github.com/abachaa/MTS-Dialog, Main-Dataset, MTS-Dialog-TrainingSet.csv and -ValidationSet.csv",
    licence="CC BY 4.0",
    citation="Ben Abacha A, Yim W, Fan Y, Lin T. An empirical study of clinical note generation from doctor-patient "
    "encounters. EACL 2023, pages 2291-2302",
    made="Sections of real notes, names taken out; for each the authors had a conversation written that it could come "
    "from. Two test parts of 200 more are in the same repository, and are not read here.",
    limits="The notes are real, the conversations are not. No patient numbers, so that two sections may be of one "
    "patient; some short texts occur many times, and in both parts. Half of the sections have at most 14 words.",
)


def load() -> Dataset:
    """The sections of both parts, training first; ``frame["part"]`` says which row is of which.

    Returns
    -------
    Dataset
        ``x`` the texts (n,), ``y`` the section 0 to 19, ``classes`` their names, ``frame`` with ``part`` and
        ``dialogue``.

    Raises
    ------
    DataMissing
        One of the two files is not on this computer.
    DataError
        A file is not a table of this form, or a section has no text.

    Warns
    -----
    DataWarning
        The files fit, and have another number of rows than the official ones.
    """
    import pandas as pd

    paths = {part: find(file) for part, file in FILES.items()}
    lacking = [FILES[part] for part, path in paths.items() if path is None]
    if lacking:
        raise DataMissing(f"'mts_dialog' is not on this computer: no {' and no '.join(lacking)}. To get it: {REMEDY}.")
    tables = {part: _read(path) for part, path in paths.items()}
    counts = {part: len(table) for part, table in tables.items()}
    if counts != OFFICIAL:
        warnings.warn(
            f"mts_dialog: {counts['training']:,} sections for training and {counts['validation']:,} for validation, "
            "officially 1,201 and 100. Results need not equal those of others. For the official files: " + REMEDY + ".",
            DataWarning,
            stacklevel=3,
        )
    table = pd.concat(tables.values(), keys=tables, names=["part"]).reset_index("part").reset_index(drop=True)
    classes = tuple(HEADERS.values())
    y = np.array([classes.index(name) for name in table["section_header"]])
    x = table["section_text"].to_numpy(dtype=object)
    return Dataset("mts_dialog", x, y, classes, table[["part", "dialogue"]], None, None, CARD)


def _read(path):
    """One of the two tables, each row with a section and its text."""
    table = read_table(path, COLUMNS, key="ID")
    empty = table["section_text"].isna() | table["section_header"].isna()
    if empty.any():
        raise DataError(
            f"{path.name}: {empty.sum()} of {len(table)} rows without a section or its text, first the one with the ID "
            f"{table['ID'][empty.idxmax()]}; expected both in every row. For the official files: {REMEDY}."
        )
    return table


SOURCES = [
    Source(
        "mts_dialog", CARD.title, "by hand", CARD.licence, "1.1 MB", __name__, file=FILES["training"], install=REMEDY
    )
]
