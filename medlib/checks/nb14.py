"""Checks of notebook 14, medical tables."""

from __future__ import annotations

import numpy as np

from medlib.checks import array, call, close, exercise, number, parts, word, words

MOLAR = {"glucose": 180.16, "creatinine": 113.12, "triglycerides": 885.4}  # g/mol


@exercise("14.1")
def standard(answer) -> str | None:
    """mg/dL times ten over the molar mass, creatinine in µmol/L; per cent to mmol/mol; other units as they are."""
    grams = np.array([95.0, 126.0, 210.0])
    for measure, molar in MOLAR.items():
        right = grams * 10 / molar * (1000 if measure == "creatinine" else 1)
        got = array(call(answer, grams, "mg/dL", measure), (3,))
        if got is None:
            return "expected as many finite numbers as came in: one value gives one, a column gives a column"
        if close(got, right):
            continue
        if close(got, right / 1000):
            return "creatinine is reported in µmol/L, a thousand times the number of mmol/L"
        if close(got, right * molar / 180.16) and measure != "glucose":
            return f"that is the factor of glucose; {measure} has its own molar mass"
        if close(got, grams * molar / 10) or close(got, right * (molar / 10) ** 2):
            return "the other way round: mmol/L are fewer than mg/dL for glucose, so divide by the molar mass"
        if close(got, right / 10) or close(got, right / 100):
            return "a decilitre is a tenth of a litre: where does the 10 of (14.1) stand?"
        return f"{measure}: write (14.1) with its molar mass, and look at the unit that is asked for"
    per_cent = np.array([5.0, 6.5, 9.0])
    got, right = array(call(answer, per_cent, "%", "hba1c"), (3,)), (per_cent - 2.152) / 0.09148
    if got is None:
        return "HbA1c in per cent: expected a finite number for each value"
    if not close(got, right):
        if close(got, 0.09148 * per_cent + 2.152):
            return "the master equation gives per cent from mmol/mol; here it is to be solved the other way"
        if close(got, per_cent / 0.09148):
            return "the line does not go through 0: subtract its constant before you divide"
        if close(got, per_cent):
            return "HbA1c in per cent came back unchanged"
        return "HbA1c in per cent: solve the master equation for mmol/mol; 6.5 % is about 48"
    for measure, unit in (("glucose", "mmol/L"), ("creatinine", "umol/L"), ("hba1c", "mmol/mol"), ("bmi", "kg/m2")):
        got = array(call(answer, grams, unit, measure), (3,))
        if got is None or not close(got, grams):
            return f"{measure} in {unit} is in the right unit already: it should come back as it is"
    one = number(call(answer, 126.0, "mg/dL", "glucose"))
    return None if one is not None and close(one, 1260 / 180.16) else "a single value should work as well as a column"


@exercise("14.2")
def pool(answer) -> str | None:
    """The mean of the estimates; the root of mean variance + (1 + 1/M) times the variance of the estimates."""
    for estimates, variances in (
        ([1.0, 2.0, 4.0], [0.5, 0.7, 0.9]),
        ([3.0, 3.5, 1.0, 2.0, 2.5], [0.2, 0.1, 0.3, 0.2, 0.4]),
    ):
        got = parts(call(answer, np.array(estimates), np.array(variances)), 2)
        got = None if got is None else array(got, (2,))
        if got is None:
            return "return two numbers: the pooled estimate and its standard error"
        many, within = len(estimates), np.mean(variances)
        between = np.var(estimates, ddof=1)
        if not close(got[0], np.mean(estimates)):
            return "the pooled estimate is the mean of the estimates"
        total = within + (1 + 1 / many) * between
        if close(got[1], np.sqrt(total)):
            continue
        if close(got[1], total):
            return "that is the variance T; the standard error is its root"
        if close(got[1], np.sqrt(within)):
            return "that is the doubt of full data alone: where is the doubt that the gaps add?"
        if close(got[1], np.sqrt(within + between)):
            return "nearly: what stands before B in (14.4)? It matters when there are few tables"
        if close(got[1], np.sqrt(within + (1 + 1 / many) * np.var(estimates))):
            return "B divides by M − 1, not by M: np.var needs ddof=1"
        if close(got[1], np.sqrt(total / many)):
            return "T is the variance of the pooled estimate already: it is not divided by M again"
        return "the standard error is √T: the mean variance, plus B with its factor from (14.4)"
    return None


COLUMNS = {"bmi": "before", "sbp": "before", "glucose": "before", "hba1c": "before"}
COLUMNS |= {"hba1c_latest": "after", "metformin": "after"}


@exercise("14.3")
def known_when(answer) -> str | None:
    """For each column whether it was known by the end of the visit."""
    got = words(answer, list(COLUMNS))
    if got is None:
        return f"expected a dictionary with these columns: {', '.join(COLUMNS)}"
    said = {name: word(value, ["before", "after"]) for name, value in got.items()}
    if None in said.values():
        return 'answer each column with "before" or "after"'
    wrong = [name for name, when in COLUMNS.items() if said[name] != when]
    if not wrong:
        return None
    if len(set(said.values())) == 1:
        return "they are not all alike: some were measured on the day, and some were not there yet"
    if "hba1c_latest" in wrong:
        return "latest at which time? Look at the dates of the HbA1c values in hospital C"
    if "metformin" in wrong:
        return "a prescription follows from something: from what, and when was that known?"
    return "one column was measured on the day of the visit itself, and is fair: which of yours could it be?"
