"""Tables of separated values: what is read, and what a reader sees of each bad file."""

import numpy as np
import pandas as pd
import pytest

from medlib.data import DataError, DataMissing, read_table

COLUMNS = {
    "record": str,
    "name": str,
    "visit": "%d/%m/%Y",
    "sex": {"f": "female", "m": "male"},
    "glucose": (2, 30),  # mmol/L
}
GOOD = """record,name,visit,sex,glucose
0017,Müller,03/04/2019,f,5.4
0018,"Berg, Ada",25/12/2019,m,
0019,Low,05/06/2019,m,11.2
"""


def written(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "export.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return path


def swap(*pairs, text=GOOD):
    for old, new in pairs:
        assert old in text, f"{old!r} should be in the table"
        text = text.replace(old, new)
    return text


def test_a_good_file(tmp_path):
    table = read_table(written(tmp_path, GOOD), COLUMNS, key="record")
    assert list(table.columns) == list(COLUMNS) and len(table) == 3
    assert list(table["record"]) == ["0017", "0018", "0019"] and table["name"][1] == "Berg, Ada"
    assert list(table["visit"]) == [pd.Timestamp(2019, 4, 3), pd.Timestamp(2019, 12, 25), pd.Timestamp(2019, 6, 5)]
    assert list(table["sex"]) == ["female", "male", "male"]
    assert table["glucose"].dtype == float and np.allclose(table["glucose"], [5.4, np.nan, 11.2], equal_nan=True)


EUROPEAN = swap((",", ";"), ("Berg; Ada", "Berg, Ada"), (".4", ",4"), (".2", ",2"))
WIDER = "\n".join(f"{line},ward" for line in GOOD.splitlines())
MIRRORED = "\n".join(",".join(reversed(line.split(","))) for line in swap((", Ada", "")).splitlines())


@pytest.mark.parametrize(
    ("text", "encoding", "said"),
    [
        (EUROPEAN, "utf-8", {"separator": ";", "decimal": ","}),
        (GOOD, "cp1252", {"encoding": "cp1252"}),
        (GOOD, "utf-8-sig", {}),  # the byte order mark of Excel's "CSV UTF-8"
        (GOOD, "utf-8-sig", {"encoding": "utf-8-sig"}),
        (GOOD, "utf-16", {"encoding": "utf-16"}),
        (swap((",11.2", ",-999"), (",\n", ",n/a\n")), "utf-8", {"missing": ("n/a", "-999")}),
        (swap(("\n", "\r\n")) + "\r\n", "utf-8", {}),
        (MIRRORED, "utf-8", {}),
    ],
)
def test_other_ways_to_write_it_say_the_same(tmp_path, text, encoding, said):
    table = read_table(written(tmp_path, text, encoding), COLUMNS, key="record", **said)
    good = read_table(written(tmp_path, GOOD), COLUMNS)
    columns = ["record", "visit", "sex"]
    assert table[columns].equals(good[columns]) and table["name"][0] == "Müller" and table["glucose"][0] == 5.4


BAD = {  # what was done -> (the file, what the reader sees, the remedy)
    "wrong separator": (swap((",", ";"), (".", ",")), "a semicolon between the names", "separator=';'"),
    "tabs": (swap((",", "\t")), "a tab between the names", "separator='\\t'"),
    "wrong encoding": (GOOD.encode("cp1252"), "line 2: a byte 0xfc that is no utf-8", 'encoding="cp1252"; there it'),
    "utf-16": (GOOD.encode("utf-16"), "text in UTF-16", 'encoding="utf-16"'),
    "wrong encoding in the names": (swap(("name", "Nämé")).encode("cp1252"), "line 1: a byte 0xe4", "record,Nämé"),
    "letters lost": (swap(("ü", "\ufffd")), "line 2: a sign '\ufffd'", "export it again, as UTF-8"),
    "decimal comma": (swap((",5.4", ',"5,4"')), "line 2, 'glucose': '5,4'", "decimal=','"),
    "missing column": (swap((",glucose", ",GLU")), "no column 'glucose'", "It has 'GLU'"),
    "column twice": (swap(("name", "glucose")), "two columns are called 'glucose'", "Which of the two"),
    "column too many": (WIDER, "a column 'ward' that nobody described", "str keeps it"),
    "key twice": (swap(("0019", "0017")), "lines 2 and 4: the same 'record', '0017'", "copies"),
    "no key": (swap(("0019", "")), "line 4: no 'record'", "line of totals"),
    "row too short": (swap(("0019,Low,", "0019,")), "line 4: 4 values; expected 5", "cut"),
    "first row too short": (swap(("0017,", "")), "line 2: 4 values; expected 5", "cut"),
    "row too long": (swap(('"Berg, Ada"', "Berg, Ada")), "line 3: 6 values; expected 5", "quotation marks"),
    "open quotation": (swap(('Ada"', "Ada")), "a quotation mark that does not match, first in line 3", "Close it"),
    "empty": (b"", "0 bytes", "Export it again"),
    "names alone": (GOOD.splitlines()[0], "a line of names and no row", "Was the query empty"),
    "two units": (swap(("11.2", "98")), "1 of 2 values of 'glucose' outside, first in line 4: 98", "another unit"),
    "code for missing": (swap(("11.2", "-999"), (",5.4", ",-999")), "2 of 2 values", "missing=('', '-999')"),
    "a unit in the cell": (swap(("5.4", "97 mg/dL")), "'97 mg/dL'", "a column of its own"),
    "below the limit": (swap(("5.4", "<2.2")), "'<2.2'", "beyond what could be measured"),
    "word for missing": (swap(("5.4", "not done")), "'not done'", "missing=('', 'not done')"),
    "month first": (swap(("25/12", "12/25")), "line 3, 'visit': '12/25/2019'", "All 3 fit '%m/%d/%Y'"),
    "other dates": (swap(("/2019", "-2019"), ("/", "-")), "(and 2 more of 3)", "No usual order"),
    "day numbers": (swap(("03/04/2019", "43558")), "'43558'", "A spreadsheet counts days"),
    "no such day": (swap(("03/04", "31/04")), "line 2, 'visit': '31/04/2019'", "No usual order fits all"),
    "unknown code": (swap((",m,11", ",2,11")), "line 4, 'sex': '2'", "one of 'f', 'm'. Not described: '2' 1 times"),
    "rounded number": (swap(("0017", "1.23457E+11")), "line 2, 'record': '1.23457E+11'", "rounded or broken it"),
    "broken formula": (swap(("Low", "#NAME?")), "line 4, 'name': '#NAME?'", "rounded or broken it"),
    "merged header": (swap(("name,", ",")), "column 2 has no name", "Merged cells"),
    "title above": ("Export of 3 May\n\n" + GOOD, "the names stand in line 3", "Delete what stands above"),
    "workbook": (b"PK\x03\x04" + bytes(30), "an Excel workbook", "CSV UTF-8"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_files_are_refused_in_words(tmp_path, what):
    text, seen, remedy = BAD[what]
    with pytest.raises(DataError) as caught:
        read_table(written(tmp_path, text), COLUMNS, key="record")
    message = str(caught.value)
    assert message.startswith("export.csv: ") and "; expected " in message
    assert seen in message and remedy in message.split("; expected ", 1)[1]


def test_dates_that_fit_two_orders_are_not_guessed(tmp_path):
    text = swap(("25/12", "07/08"))
    with pytest.raises(DataError, match="They fit '%d/%m/%Y' and '%m/%d/%Y', which mean different days: ask"):
        read_table(written(tmp_path, text), COLUMNS | {"visit": "%Y-%m-%d"})


def test_utf8_that_is_called_something_else(tmp_path):
    with pytest.raises(DataError, match='text in UTF-8; expected text in latin-1. It reads as UTF-8, where .* "ü"'):
        read_table(written(tmp_path, GOOD), COLUMNS, encoding="latin-1")


def test_a_point_where_a_comma_was_said_may_mark_thousands(tmp_path):
    text = swap((",", ";"), ("Berg; Ada", "Berg"))
    with pytest.raises(DataError, match="'5.4' .and 1 more of 2.; expected a number with ','. .* decimal='.'"):
        read_table(written(tmp_path, text), COLUMNS, separator=";", decimal=",")


def test_no_file(tmp_path):
    with pytest.raises(DataMissing, match=r"nowhere.csv: no such file in .*; expected a text file"):
        read_table(tmp_path / "nowhere.csv", COLUMNS)
    with pytest.raises(DataError, match="this is a folder"):
        read_table(tmp_path, COLUMNS)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"columns": {}}, "columns: got {}"),
        ({"columns": {"glucose": "mmol/L"}}, r"columns\['glucose'\]: got 'mmol/L', expected str, a pair"),
        ({"columns": {"glucose": (30, 2)}}, r"got \(30, 2\)"),
        ({"columns": {"sex": {}}}, r"columns\['sex'\]: got {}"),
        ({"columns": {"visit": "%d/%m/%y"}}, "a year of four digits"),
        ({"key": "id"}, "key: got 'id', expected one of columns: record, name"),
        ({"separator": ", "}, "separator: got ', '"),
        ({"decimal": ","}, "decimal: got ',', .* not the separator"),
        ({"missing": "NA"}, r"missing: got 'NA', expected several, for example \('', 'NA'\)"),
        ({"encoding": "windows"}, "encoding: got 'windows'"),
    ],
)
def test_wrong_arguments_are_named(tmp_path, arguments, words):
    with pytest.raises(ValueError, match=words):
        read_table(written(tmp_path, GOOD), **{"columns": COLUMNS} | arguments)
