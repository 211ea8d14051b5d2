"""One table out of a text file: ``read_table``, which reads what was agreed on, and refuses everything else in words.

A usual reader guesses: which character separates, which day is meant, whether 007 is a number. What it guesses wrong,
it guesses in silence. Here the file is described first, column by column, and each value must fit its description.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from medlib.data.store import DataError, DataMissing

if TYPE_CHECKING:
    import pandas as pd

BEGINNINGS = {
    b"PK\x03\x04": ("an Excel workbook or another zip archive", "Save the sheet as *CSV UTF-8*."),
    b"\xd0\xcf\x11\xe0": ("an old Excel workbook", "Save the sheet as *CSV UTF-8*."),
    b"\x1f\x8b": ("a gzip file", "Unpack it first."),
    b"%PDF": ("a PDF", "Ask for the table as text."),
    b"\xff\xfe": ("text in UTF-16", 'Save it as UTF-8, or say encoding="utf-16".'),
    b"\xfe\xff": ("text in UTF-16", 'Save it as UTF-8, or say encoding="utf-16".'),
}
SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
DATES = ("%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y%m%d")  # what files that differ are compared with
ROUNDED = re.compile(r"\d([.,]\d+)?E\+?\d+", re.IGNORECASE)  # 1.23457E+11: what a spreadsheet makes of a long number


def read_table(
    path: str | Path,
    columns: Mapping[str, type | str | Sequence[float] | Mapping],
    *,
    key: str | None = None,
    separator: str = ",",
    decimal: str = ".",
    encoding: str = "utf-8",
    missing: Sequence[str] = ("",),
) -> pd.DataFrame:
    """Read a table of separated values (CSV) as it was described.

    Parameters
    ----------
    path
        The file: one line of names, one line a row.
    columns
        What each column holds: ``str`` (text as it stands, but for blanks at its ends: 007 stays 007), a pair of
        numbers (a measure between these two, in its unit), a date's format such as ``"%d/%m/%Y"``, or a table of codes,
        ``{"m": "male", ...}``.
    key
        The column that names a row: never missing, never twice.
    separator, decimal, encoding
        How the file was written.
    missing
        What stands for a value that is missing. Whatever is not named here is taken for a value.

    Returns
    -------
    pandas.DataFrame
        The columns in the order of ``columns``: text, float, datetime, or what the codes mean.

    Raises
    ------
    ValueError
        A description that describes nothing.
    DataMissing
        There is no such file.
    DataError
        The file is not as described. The message says what came, in which line, what was expected and what to do.
    """
    _check_arguments(columns, key, separator, decimal, missing)
    path = Path(path)
    rows = _rows(path, _text(path, encoding), separator)
    names = _header(path, rows, columns, separator)
    lines = _body(path, rows, names, separator)

    import pandas as pd

    table = pd.DataFrame(index=range(len(lines)))
    for name, expected in columns.items():
        at = names.index(name)
        cells = [(line, None if row[at].strip() in missing else row[at].strip()) for line, row in lines]
        values = _values(path, name, expected, cells, decimal)
        if name == key:
            _check_key(path, name, cells)
        table[name] = pd.to_datetime(values) if _kind(expected) == "date" else pd.Series(values, dtype=_dtype(expected))
    return table


def _kind(expected) -> str:
    """text, number, date or codes: how a column was described."""
    if expected is str:
        return "text"
    if isinstance(expected, str):
        return "date" if "%" in expected else "?"
    if isinstance(expected, Mapping):
        return "codes" if expected else "?"
    pair = isinstance(expected, Sequence) and len(expected) == 2 and all(isinstance(x, (int, float)) for x in expected)
    return "number" if pair and expected[0] < expected[1] else "?"


def _dtype(expected) -> type | None:
    return {"number": float, "text": object}.get(_kind(expected))


def _check_arguments(columns, key, separator, decimal, missing) -> None:
    offers = 'str, a pair (low, high), a date format such as "%Y-%m-%d", or a table of codes {"m": "male"}'
    if not isinstance(columns, Mapping) or not columns:
        raise ValueError(f"columns: got {columns!r}, expected a table of names, each with {offers}")
    for name, expected in columns.items():
        if _kind(expected) == "?":
            raise ValueError(f"columns[{name!r}]: got {expected!r}, expected {offers}")
        if _kind(expected) == "date" and "%y" in expected:
            raise ValueError(
                f"columns[{name!r}]: got {expected!r}, expected a year of four digits, %Y: of two digits nobody knows "
                "the century (51 would become 2051). Ask for the whole year."
            )
    if key is not None and key not in columns:
        raise ValueError(f"key: got {key!r}, expected one of columns: {', '.join(columns)}")
    if not isinstance(separator, str) or len(separator) != 1:
        raise ValueError(f"separator: got {separator!r}, expected one character, for example ';'")
    if decimal not in (".", ",") or decimal == separator:
        raise ValueError(f"decimal: got {decimal!r}, expected '.' or ',', and not the separator {separator!r}")
    if isinstance(missing, str):
        raise ValueError(f"missing: got {missing!r}, expected several, for example ('', {missing!r})")


def _wrong(path: Path, got: str, expected: str, remedy: str) -> DataError:
    return DataError(f"{path.name}: {got}; expected {expected}. {remedy}")


# ------------------------------------------------------------------------------------------------------ bytes to lines


def _text(path: Path, encoding: str) -> str:
    if not path.exists():
        raise DataMissing(f"{path.name}: no such file in {path.parent}; expected a text file. Check the name.")
    if path.is_dir():
        raise _wrong(path, "this is a folder", "one text file", "Name a file in it.")
    raw = path.read_bytes()
    if not raw.strip():
        raise _wrong(path, f"{len(raw)} bytes and no letter", "a line of names, and rows", "Export it again.")
    for begin, (what, remedy) in BEGINNINGS.items():
        if raw.startswith(begin) and not (what.endswith("UTF-16") and encoding.lower().startswith("utf-16")):
            raise _wrong(path, what, "text with one line a row", remedy)
    utf8 = encoding.lower().replace("_", "-") in ("utf-8", "utf8", "utf-8-sig")
    try:
        text = raw.decode("utf-8-sig" if utf8 else encoding)  # a byte order mark is no part of the first name
    except LookupError:
        raise ValueError(f'encoding: got {encoding!r}, expected a name that Python knows, as "utf-8"') from None
    except UnicodeDecodeError as error:
        line, guess = (
            raw.count(b"\n", 0, error.start) + 1,
            raw[max(error.start - 10, 0) : error.start + 10].decode("cp1252", "replace"),
        )
        raise _wrong(
            path,
            f"line {line}: a byte {raw[error.start]:#04x} that is no {encoding}",
            f"text in {encoding}",
            f'Programs on Windows often write encoding="cp1252"; there it reads "{" ".join(guess.split())}".',
        ) from None
    if not utf8 and not raw.isascii() and _decodes(raw, "utf-8"):
        odd = next(letter for letter in raw.decode("utf-8-sig") if ord(letter) > 127)
        remedy = f'It reads as UTF-8, where its first special letter is "{odd}": leave encoding out.'
        raise _wrong(path, "text in UTF-8", f"text in {encoding}", remedy)
    if "\ufffd" in text or "\0" in text:
        sign = "\ufffd" if "\ufffd" in text else "\0"
        line = text.count("\n", 0, text.index(sign)) + 1
        remedy = "Letters were lost before this file was written: export it again, as UTF-8."
        raise _wrong(path, f"line {line}: a sign {sign!r} that stands for no letter", "text", remedy)
    return text


def _decodes(raw: bytes, encoding: str) -> bool:
    try:
        raw.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _rows(path: Path, text: str, separator: str) -> list[tuple[int, list[str]]]:
    """The rows that are not empty, each with the number of the line in which it ends."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        return [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        begins = text.splitlines()
        odd = next((n for n, line in enumerate(begins, 1) if line.count('"') % 2), reader.line_num)
        remedy = 'A quotation mark inside a value is written twice, "". Close it, or export again.'
        raise _wrong(
            path, f"a quotation mark that does not match, first in line {odd} ({error})", "pairs", remedy
        ) from None


def _header(path: Path, rows, columns, separator: str) -> list[str]:
    names = [name.strip() for name in rows[0][1]]
    if not set(columns) & set(names):  # nothing fits: say why
        for other, word in SEPARATORS.items():
            if other != separator and len(set(columns) & {name.strip() for name in rows[0][1][0].split(other)}) > 1:
                raise _wrong(
                    path,
                    f"a {word} between the names",
                    f"the separator {separator!r}",
                    f"Say separator={other!r}"
                    + (", and look whether numbers have a decimal comma." if other == ";" else "."),
                )
        for line, row in rows[1:20]:
            if set(columns) <= {name.strip() for name in row}:
                remedy = "Delete what stands above them (a title, the date of the export)."
                raise _wrong(path, f"the names stand in line {line}", "them in the first line", remedy)
    if "" in names:
        raise _wrong(
            path,
            f"column {names.index('') + 1} has no name",
            "one line of names, one for each column",
            "Merged cells leave such gaps: give every column its own name, in one line.",
        )
    twice = [name for name, n in Counter(names).items() if n > 1]
    if twice:
        remedy = "Which of the two is meant? Rename or delete one where the file comes from."
        raise _wrong(path, f"two columns are called {twice[0]!r}", "each name once", remedy)
    lacking = [name for name in columns if name not in names]
    extra = [name for name in names if name not in columns]
    if lacking:
        instead = f" It has {', '.join(map(repr, extra))}: is one of them meant?" if extra else ""
        remedy = f"Ask for it, or take it out of the description.{instead}"
        raise _wrong(path, f"no column {', '.join(map(repr, lacking))}", f"{len(columns)} columns", remedy)
    if extra:
        remedy = "Nothing is dropped in silence: describe it (str keeps it as text)."
        raise _wrong(path, f"a column {extra[0]!r} that nobody described", ", ".join(columns), remedy)
    return names


def _body(path: Path, rows, names: list[str], separator: str) -> list[tuple[int, list[str]]]:
    if len(rows) < 2:
        raise _wrong(path, "a line of names and no row", "rows", "Was the query empty? Export it again.")
    for line, row in rows[1:]:
        if len(row) != len(names):
            few = len(row) < len(names)
            why = "The line may have been cut." if few else f"A value that holds {separator!r} needs quotation marks."
            raise _wrong(path, f"line {line}: {len(row)} values", f"{len(names)}, as there are names", why)
    return rows[1:]


# ------------------------------------------------------------------------------------------------------ cells to values


def _check_key(path: Path, name: str, cells) -> None:
    first: dict[str, int] = {}
    for line, cell in cells:
        if cell is None:
            raise _wrong(
                path, f"line {line}: no {name!r}", "a name for every row", "Is it a line of totals? Delete it."
            )
        if cell in first:
            remedy = (
                "Equal rows are copies: take one out, and count it. Rows that differ need a second key, as the date."
            )
            raise _wrong(path, f"lines {first[cell]} and {line}: the same {name!r}, {cell!r}", "each once", remedy)
        first[cell] = line


def _values(path: Path, name: str, expected, cells, decimal: str) -> list:
    read = {"text": _as_text, "number": _as_number, "date": _as_date, "codes": _as_code}[_kind(expected)]
    values, bad = [], []
    for line, cell in cells:
        value = None if cell is None else read(cell, expected, decimal)
        values.append(value)
        if cell is not None and value is None:
            bad.append((line, cell))
    if bad:
        line, cell = bad[0]
        known = [cell for _, cell in cells if cell is not None]
        more = f" (and {len(bad) - 1} more of {len(known)})" if len(bad) > 1 else ""
        wanted, remedy = _EXPLAIN[_kind(expected)](expected, known, [cell for _, cell in bad], decimal)
        raise _wrong(path, f"line {line}, {name!r}: {cell!r}{more}", wanted, remedy)
    if _kind(expected) == "number":
        _check_range(path, name, expected, cells, values)
    return values


def _as_text(cell: str, expected, decimal: str) -> str | None:
    return None if ROUNDED.fullmatch(cell) or cell.startswith("#") else cell


def _as_number(cell: str, expected, decimal: str) -> float | None:
    pattern = rf"[+-]?\d+({re.escape(decimal)}\d+)?([eE][+-]?\d+)?"
    return float(cell.replace(",", ".")) if re.fullmatch(pattern, cell) else None


def _as_date(cell: str, expected: str, decimal: str = ".") -> datetime | None:
    try:
        return datetime.strptime(cell, expected)
    except ValueError:
        return None


def _as_code(cell: str, expected: Mapping, decimal: str):
    return expected.get(cell)


def _why_text(expected, known, bad, decimal) -> tuple[str, str]:
    return (
        "text as it was written",
        "A spreadsheet has rounded or broken it, for good: export again, the column as text.",
    )


def _why_number(expected, known, bad, decimal) -> tuple[str, str]:
    other = "," if decimal == "." else "."
    if all(_as_number(cell, None, other) is not None for cell in bad):
        return (
            f"a number with {decimal!r}",
            f"If that is the decimal sign, say decimal={other!r}; thousands are not marked.",
        )
    if re.match(r"[<>≤≥]", bad[0]):
        return (
            "a number",
            "It lies beyond what could be measured: decide what stands for it, and in a column of its own.",
        )
    if re.match(r"[+-]?\d", bad[0]):
        return "a number alone", "If that is a unit, it belongs into a column of its own, and values into one unit."
    return "a number", f"If it stands for a missing value, say missing=('', {bad[0]!r})."


def _why_date(expected, known, bad, decimal) -> tuple[str, str]:
    fits = [form for form in DATES if form != expected and all(_as_date(cell, form) for cell in known)]
    if len(fits) == 1:
        return f"a date as {expected}", f"All {len(known)} fit {fits[0]!r}: is that how they are written?"
    if len(fits) > 1:
        remedy = f"They fit {' and '.join(map(repr, fits))}, which mean different days: ask where the file comes from."
        return f"a date as {expected}", remedy
    if all(cell.isdigit() and len(cell) == 5 for cell in bad):
        return f"a date as {expected}", "A spreadsheet counts days like that: export the column as text."
    return f"a date as {expected}", "No usual order fits all: were some converted by a spreadsheet? Export as text."


def _why_code(expected, known, bad, decimal) -> tuple[str, str]:
    counts = ", ".join(f"{cell!r} {n} times" for cell, n in Counter(bad).most_common(5))
    return f"one of {', '.join(map(repr, expected))}", f"Not described: {counts}. Ask what they mean; do not guess."


_EXPLAIN: dict[str, Callable] = {"text": _why_text, "number": _why_number, "date": _why_date, "codes": _why_code}


def _check_range(path: Path, name: str, expected, cells, values) -> None:
    low, high = expected
    outside = [
        (line, cell)
        for (line, cell), value in zip(cells, values, strict=True)
        if value is not None and not low <= value <= high
    ]
    if not outside:
        return
    line, cell = outside[0]
    n = sum(value is not None for value in values)
    if len({cell for _, cell in outside}) == 1 and len(outside) > 1:
        remedy = f"Always the same number: if it stands for a missing value, say missing=('', {cell!r})."
    else:
        remedy = "Look at them: another unit, a slip of the decimal sign, or a patient to call?"
    got = f"{len(outside)} of {n} values of {name!r} outside, first in line {line}: {cell}"
    raise _wrong(path, got, f"{low:g} to {high:g}", remedy)
