"""The notes of MTS-Dialog, on tables of the same form that were made up for these tests."""

import pytest

import medlib.data as data
from medlib.data import DataError, DataMissing, DataWarning, mts_dialog

HEAD = "ID,section_header,section_text,dialogue\n"
TRAINING = HEAD + (
    '0,GENHX,"A made-up patient with a cough,\r\nfor two days.","Doctor: Since when?\r\nPatient: ""Two days."""\r\n'
    "1,ALLERGY,None.,Doctor: Allergies? Patient: No.\r\n"
    "2,FAM/SOCHX,Does not smoke.,Doctor: Smoker? Patient: No.\r\n"
)
VALIDATION = HEAD + "0,CC,Cough.,Doctor: What brings you? Patient: A cough.\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of the reader's with the two files, two folders deep."""
    monkeypatch.setenv("MEDLIB_DATA", str(tmp_path))
    monkeypatch.setenv("MEDLIB_CACHE", str(tmp_path / "cache"))
    inside = tmp_path / "notes" / "mts_dialog"
    inside.mkdir(parents=True)
    for name, text in zip(mts_dialog.FILES.values(), (TRAINING, VALIDATION), strict=True):
        (inside / name).write_bytes(text.encode())
    return inside


def test_two_files_become_one_data_set(folder):
    with pytest.warns(DataWarning, match="3 sections for training and 1 for validation, officially 1,201 and 100"):
        notes = data.load("mts_dialog")
    assert list(notes.frame["part"]) == ["training"] * 3 + ["validation"]
    assert list(notes.x[1:]) == ["None.", "Does not smoke.", "Cough."] and notes.x[0].startswith("A made-up patient")
    names = [notes.classes[k] for k in notes.y]
    assert names == ["history of present illness", "allergy", "family and social history", "chief complaint"]
    assert notes.frame["dialogue"][0].endswith('"Two days."') and len(notes.classes) == 20
    assert notes.groups is None and "CC BY 4.0" in str(notes.card) and "Ben Abacha" in str(notes.card)
    assert repr(notes[notes.frame["part"] == "training"]).startswith("mts_dialog: 3 rows")


def test_the_official_number_of_rows_is_no_matter_for_a_warning(folder, recwarn):
    for part, count in mts_dialog.OFFICIAL.items():
        rows = "".join(f"{i},CC,Cough.,Doctor: Well?\n" for i in range(count))
        (folder / mts_dialog.FILES[part]).write_text(HEAD + rows, encoding="utf-8")
    assert len(data.load("mts_dialog")) == 1301 and not recwarn.list


def test_without_the_files_one_line_says_how_to_get_them(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MEDLIB_CACHE", str(tmp_path))
    monkeypatch.delenv("MEDLIB_DATA", raising=False)
    words = "no MTS-Dialog-TrainingSet.csv in the folder MEDLIB_DATA .*CC BY 4.0.*abachaa/MTS-Dialog on GitHub"
    with pytest.raises(DataMissing, match=words):
        data.load("mts_dialog")
    assert data.if_ready("mts_dialog") is None
    said = capsys.readouterr().out
    assert said.count("\n") == 1 and "MTS-Dialog-ValidationSet.csv into the folder that MEDLIB_DATA names" in said
    with pytest.raises(ValueError, match=r"download\('mts_dialog'\): this one comes by hand: put .* Then load"):
        data.download("mts_dialog")
    row = data.available().set_index("name").loc["mts_dialog"]
    assert row["kind"] == "by hand" and not row["ready"] and row["how"] == mts_dialog.REMEDY


@pytest.mark.parametrize("part", mts_dialog.FILES)
def test_one_file_is_not_enough(folder, part, capsys):
    (folder / mts_dialog.FILES[part]).unlink()
    with pytest.raises(DataMissing, match=f"no {mts_dialog.FILES[part]}.*To get it"):
        data.load("mts_dialog")
    assert data.if_ready("mts_dialog") is None and capsys.readouterr().out.count("\n") == 1


BAD = {  # what was done -> (the validation file, what the reader sees)
    "another header": (VALIDATION.replace(",CC,", ",COMPLAINT,"), "line 2, 'section_header': 'COMPLAINT'"),
    "no text": (VALIDATION.replace("Cough.", ""), "1 of 1 rows without a section or its text, first the one with the"),
    "blanks for a text": (VALIDATION.replace("Cough.", "   "), "1 of 1 rows without a section or its text"),
    "no header": (VALIDATION.replace("CC", ""), "1 of 1 rows without a section"),
    "an ID twice": (VALIDATION + "0,CC,Fever.,Doctor: Well?\n", "the same 'ID', '0'"),
    "a column less": (HEAD.replace(",dialogue", "") + "0,CC,Cough.\n", "no column 'dialogue'"),
    "a column more": (VALIDATION.replace("\n", ",x\n"), "a column 'x' that nobody described"),
    "semicolons": (VALIDATION.replace(",", ";"), "a semicolon between the names"),
    "another encoding": (VALIDATION.replace("Cough", "Fi\xe8vre").encode("cp1252"), "a byte 0xe8 that is no utf-8"),
    "cut short": (VALIDATION + '1,CC,"Fever', "a quotation mark that does not match"),
    "a line cut": (VALIDATION + "1,CC\n", "line 3: 2 values; expected 4"),
    "names alone": (HEAD, "a line of names and no row"),
    "empty": ("", "0 bytes and no letter"),
    "a web page": ("<!DOCTYPE html>\n<html><body>Sign in</body></html>\n", "expected"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_files_are_refused_in_words(folder, what):
    text, seen = BAD[what]
    raw = text if isinstance(text, bytes) else text.encode()
    (folder / mts_dialog.FILES["validation"]).write_bytes(raw)
    with pytest.raises(DataError) as caught:
        data.load("mts_dialog")
    message = str(caught.value)
    assert message.startswith("MTS-Dialog-ValidationSet.csv: ") and "; expected " in message and seen in message
