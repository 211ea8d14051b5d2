"""Three simulated hospitals that export the same visits in three ways, with the truth beside them.

A visit is a check-up; the question is whether a person gets the diagnosis of diabetes in the five years after it. Each
hospital has its own codes, units, dates and numbers, and the exports hold what real ones hold: copies, people who were
in two hospitals under a misspelt name, values in the wrong unit, and columns that were filled in after the diagnosis.
Risk rises with age, body mass index, glucose, HbA1c, smoking and a family history that no hospital exports; each
laboratory has an offset in glucose; HbA1c is ordered on suspicion. Everything is invented, the sizes of effects, the
shares of faults and the names included: it shows what faults do, not how diabetes arises.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from medlib.data.dataset import check_whole

if TYPE_CHECKING:
    import pandas as pd

#: Grams per mole: they turn mg/dL into mmol/L.
GLUCOSE, CREATININE, TRIGLYCERIDES = 180.16, 113.12, 885.4

#: LOINC codes of the measures in the bundle of hospital C, by the unit in which they are reported.
LOINC = {
    "39156-5": "bmi", "8480-6": "sbp", "72166-2": "smoker",
    "14749-6": "glucose", "2345-7": "glucose", "59261-8": "hba1c", "14682-9": "creatinine", "14927-8": "triglycerides",
}  # fmt: skip

#: Standard deviation of the laboratories' offsets in glucose, mmol/L.
OFFSET_SD = 0.2

#: Of the people of a hospital, who goes to each of its eight laboratories: half as many to each as to the one before.
LAB_SHARES = 2.0 ** -np.arange(1, 9) / (1 - 2.0**-8)


@dataclass(frozen=True)
class Exports:
    """What the three hospitals send, and what really was the case.

    Attributes
    ----------
    a
        Hospital A: one column a measure, ISO dates, mmol/L; a few glucose values were typed in mg/dL.
    b
        Hospital B: American dates, mg/dL, HbA1c in per cent, 1 and 2 for the sexes, -999 for what is missing; some rows
        twice.
    c
        Hospital C: a bundle of FHIR-like resources (JSON text); each value carries its code, its date and its unit.
    later
        One year of visits after the export, in the columns and units of the harmonised table, exported on the day of
        the visit: what comes after it is not there yet. HbA1c was ordered by lot.
    truth
        A row for each exported row that is no copy: hospital, record, person, the true values in mmol/L and the like,
        ``risk``, the probability of the diagnosis, and ``diabetes``.
    offsets
        The offset of each laboratory in glucose, mmol/L, by its name.
    """

    a: pd.DataFrame
    b: pd.DataFrame
    c: str
    later: pd.DataFrame
    truth: pd.DataFrame
    offsets: dict[str, float]


def exports(people: int = 6000, seed: int = 0) -> Exports:
    """Simulate the exports of three hospitals.

    Parameters
    ----------
    people
        How many people there are; one in ten has been to a second hospital. As many as half of them make up the visits
        of the next year.
    seed
        The same seed gives the same exports.

    Raises
    ------
    ValueError
        Fewer than 300 people, or a seed out of range.
    """
    check_whole("people", people, 300, 6000)
    check_whole("seed", seed, 0, 0)
    rng = np.random.default_rng(seed)
    labs = [f"{hospital}{k}" for hospital in "ABC" for k in range(1, 9)]
    offsets = dict(zip(labs, OFFSET_SD * rng.normal(size=len(labs)), strict=True))
    mix = rng.normal(0, 0.4, size=(3, 8))  # who is sent to which laboratory: lighter or heavier people
    truth = _visits(_persons(people, mix, rng), offsets, rng)
    later = _later(_persons(people // 2, mix, rng), offsets, rng)
    parts = {hospital: truth[truth["hospital"] == hospital] for hospital in "ABC"}
    a, b, c = _export_a(parts["A"], rng), _export_b(parts["B"], rng), _export_c(parts["C"])
    kept = ["hospital", "record", "person", "risk", "diabetes", "glucose", "offset", *MEASURES]
    return Exports(a, b, c, later, truth[kept].reset_index(drop=True), offsets)


MEASURES = ["age", "bmi", "sbp", "hba1c", "creatinine", "triglycerides"]


# ------------------------------------------------------------------------------------------------------------ the world


def _persons(n: int, mix: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """People with their names, their true values and their risk."""
    import pandas as pd

    starts, ends = (
        "Al Bre Cor Dan El Fro Gar Hol Is Jor Kel Lun Mar Nor Os".split(),
        "berg by den ford hall low mer ova sen stad vik wick".split(),
    )
    surnames = [start + end for start in starts for end in ends]
    first = "Ada Bo Ca Dori Eli Fre Gi Hen Ivo Jo Ka Lu Mi No".split()
    female, male = ([start + end for start in first for end in last.split()] for last in ("la na ra", "ko mar tin"))
    common = 1 / np.arange(1, len(surnames) + 1) ** 0.7  # some names are common
    home = rng.choice(list("ABC"), n)
    lab = rng.choice(8, n, p=LAB_SHARES)
    tilt = mix[np.array(["ABC".index(h) for h in home]), lab]
    sex = rng.choice(["female", "male"], n)
    age_z, bmi_z = rng.normal(size=n), rng.normal(size=n) + tilt
    age = np.clip(56 + 10 * age_z, 34, 85) + rng.random(n)
    family = rng.random(n) < 0.25
    glucose_z = 0.45 * bmi_z + 0.25 * age_z + 0.85 * rng.normal(size=n)
    hba1c_z = 0.7 * glucose_z + 0.7 * rng.normal(size=n)
    smoker = rng.random(n) < 0.25
    log_odds = -3.5 + 0.25 * age_z + 0.3 * bmi_z + 0.75 * glucose_z + 0.6 * hba1c_z + 0.4 * smoker + 1.6 * family
    risk = 1 / (1 + np.exp(-log_odds))
    given = np.where(sex == "female", rng.choice(female, n), rng.choice(male, n))
    start = np.datetime64("2019-06-30")
    return pd.DataFrame({
        "person": np.arange(n), "surname": rng.choice(surnames, n, p=common / common.sum()), "given": given,
        "born": start - (age * 365.25).astype("timedelta64[D]"), "sex": sex, "home": home, "lab": lab,
        "bmi": 27 + 4.5 * bmi_z, "sbp": 128 + 9 * age_z + 4 * bmi_z + 9 * rng.normal(size=n), "smoker": smoker,
        "glucose": 5.3 + 0.55 * glucose_z, "hba1c": 36 + 4 * hba1c_z,
        "creatinine": np.where(sex == "male", 85, 68) * np.exp(0.16 * rng.normal(size=n)),
        "triglycerides": np.exp(0.25 + 0.2 * bmi_z + 0.5 * rng.normal(size=n)),
        "family": family, "log_odds": log_odds, "risk": risk, "diabetes": rng.random(n) < risk,
    })  # fmt: skip


def _visits(persons: pd.DataFrame, offsets: dict[str, float], rng: np.random.Generator) -> pd.DataFrame:
    """One visit a person at home, and for one in ten another one elsewhere, under a name that may be misspelt."""
    import pandas as pd

    home = persons.assign(hospital=persons["home"])
    other = persons[rng.random(len(persons)) < 0.1]
    turn = rng.integers(1, 3, len(other))
    other = other.assign(hospital=["ABC"[("ABC".index(h) + t) % 3] for h, t in zip(other["home"], turn, strict=True)])
    other = _misspelt(other, rng)
    other["lab"] = rng.choice(8, len(other), p=LAB_SHARES)
    other["bmi"] += 0.3 * rng.normal(size=len(other))
    other["sbp"] += 6 * rng.normal(size=len(other))
    other["glucose"] += 0.2 * rng.normal(size=len(other))
    unknown = rng.random(len(other)) < 0.2  # the second hospital never heard of the diagnosis
    home["known"], other["known"] = home["diabetes"], other["diabetes"] & ~unknown
    visits = _dated(pd.concat([home, other], ignore_index=True), 2019, rng)
    return _measured(visits, offsets, rng, suspicion=True)


def _dated(visits: pd.DataFrame, year: int, rng: np.random.Generator) -> pd.DataFrame:
    """A day of that year for each visit, and the age on it."""
    visits["visit"] = np.datetime64(f"{year}-01-01") + rng.integers(0, 365, len(visits)).astype("timedelta64[D]")
    visits["age"] = ((visits["visit"] - visits["born"]).dt.days / 365.25).round(1)
    return visits


def _misspelt(people: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """One in five has a slip in the surname, one in eight in the given name, one in twelve in the day of birth."""
    people = people.copy()
    for column, share in (("surname", 0.2), ("given", 0.125)):
        for row in people.index[rng.random(len(people)) < share]:
            name = people.at[row, column]
            at = int(rng.integers(1, len(name) - 1))
            people.at[row, column] = name[:at] + name[at + 1] + name[at] + name[at + 2 :]
            if people.at[row, column] == name:  # a doubled letter
                people.at[row, column] = name[:at] + name[at + 1 :]
    slips = rng.random(len(people)) < 1 / 12
    people.loc[slips, "born"] += rng.integers(1, 28, slips.sum()).astype("timedelta64[D]")
    return people


def _measured(visits: pd.DataFrame, offsets, rng: np.random.Generator, suspicion: bool) -> pd.DataFrame:
    """What was written down: offsets and noise, HbA1c where it was ordered, and what came after the diagnosis."""
    visits["lab"] = visits["hospital"] + (visits["lab"] + 1).astype(str)
    visits["offset"] = visits["lab"].map(offsets)
    n = len(visits)
    visits["glucose_seen"] = (visits["glucose"] + visits["offset"] + 0.1 * rng.normal(size=n)).clip(3.2)
    hunch = 3 * visits["family"] + 0.3 * visits["log_odds"] + 1 if suspicion else np.zeros(n)
    ordered = rng.random(n) < 1 / (1 + np.exp(-hunch))
    visits["hba1c_seen"] = visits["hba1c"].where(ordered)
    after = visits["known"] if suspicion else np.zeros(n, bool)
    latest = np.where(after, 51 + 7.5 * rng.normal(size=n), visits["hba1c"] + 2 * rng.normal(size=n))
    visits["hba1c_latest"] = latest if suspicion else visits["hba1c_seen"]
    visits["metformin"] = (after & (rng.random(n) < 0.5)) | (suspicion & (rng.random(n) < 0.01))
    register = np.argsort(np.where(after, 0, 1) + 2 * rng.random(n))
    return visits.iloc[register].assign(record=1000 + np.arange(n)).sort_values("visit", kind="stable")


def _later(persons: pd.DataFrame, offsets, rng: np.random.Generator) -> pd.DataFrame:
    """A year of visits, exported on the day, in the columns of the harmonised table."""
    visits = _dated(persons.assign(hospital=persons["home"], known=persons["diabetes"]), 2020, rng)
    visits = _measured(visits, offsets, rng, suspicion=False)
    visits["record"] += 100_000
    visits = visits.assign(glucose=visits["glucose_seen"], hba1c=visits["hba1c_seen"])
    whole = visits[["smoker", "metformin", "diabetes"]].astype(int)
    columns = ["hospital", "record", "surname", "given", "born", "sex", "visit", "lab", "age", "bmi", "sbp", "smoker"]
    columns += ["glucose", "hba1c", "creatinine", "triglycerides", "hba1c_latest", "metformin", "diabetes", "risk"]
    return visits.assign(**whole)[columns].reset_index(drop=True)


# ---------------------------------------------------------------------------------------------------------- the exports


def _ngsp(ifcc):
    """HbA1c in per cent (NGSP) from mmol/mol (IFCC): the master equation."""
    return 0.09148 * ifcc + 2.152


def _export_a(visits: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """ISO dates and mmol/L; one glucose value in forty typed in mg/dL."""
    import pandas as pd

    slip = rng.random(len(visits)) < 1 / 40
    glucose = np.where(slip, visits["glucose_seen"] * GLUCOSE / 10, visits["glucose_seen"])
    born = visits["born"].dt.strftime("%Y-%m-%d").where(rng.random(len(visits)) > 0.01)
    return pd.DataFrame({
        "record": visits["record"], "surname": visits["surname"], "given": visits["given"], "born": born,
        "sex": visits["sex"], "visit": visits["visit"].dt.strftime("%Y-%m-%d"), "lab": visits["lab"],
        "bmi": visits["bmi"].round(1), "sbp": visits["sbp"].round(), "smoker": visits["smoker"].astype(int),
        "glucose": glucose.round(1), "hba1c": visits["hba1c_seen"].round(), "creatinine": visits["creatinine"].round(),
        "triglycerides": visits["triglycerides"].round(2), "hba1c_latest": visits["hba1c_latest"].round(),
        "metformin": visits["metformin"].astype(int), "diabetes": visits["known"].astype(int),
    }).reset_index(drop=True)  # fmt: skip


def _export_b(visits: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """American dates, mg/dL, per cent, -999; one row in twenty-five comes twice."""
    import pandas as pd

    table = pd.DataFrame({
        "MRN": visits["record"], "NAME": visits["surname"].str.upper() + ", " + visits["given"].str.upper(),
        "DOB": visits["born"].dt.strftime("%m/%d/%Y"), "SEX": visits["sex"].map({"male": 1, "female": 2}),
        "ENC_DATE": visits["visit"].dt.strftime("%m/%d/%Y"), "LAB": visits["lab"], "BMI": visits["bmi"].round(1),
        "SYS": visits["sbp"].round(), "TOBACCO": np.where(visits["smoker"], "Y", "N"),
        "GLU": (visits["glucose_seen"] * GLUCOSE / 10).round(),
        "A1C": _ngsp(visits["hba1c_seen"]).round(1).fillna(-999),
        "CREA": (visits["creatinine"] * CREATININE / 10_000).round(2),
        "TRIG": (visits["triglycerides"] * TRIGLYCERIDES / 10).round(),
        "A1C_LAST": _ngsp(visits["hba1c_latest"]).round(1), "METF": np.where(visits["metformin"], "Y", "N"),
        "DM": np.where(visits["known"], "Y", "N"),
    })  # fmt: skip
    copies = table[rng.random(len(table)) < 1 / 25]
    return pd.concat([table, copies]).sort_values("MRN", kind="stable").reset_index(drop=True)


def _export_c(visits: pd.DataFrame) -> str:
    """A bundle of FHIR-like resources; from July on glucose is reported in mg/dL, under another code."""
    code = {name: loinc for loinc, name in LOINC.items()} | {"glucose": "14749-6"}
    units = {"bmi": "kg/m2", "sbp": "mm[Hg]", "hba1c": "mmol/mol", "creatinine": "umol/L", "triglycerides": "mmol/L"}
    resources = []
    for row in visits.to_dict("records"):
        subject = {"reference": f"Patient/{row['record']}"}
        visit, export = f"{row['visit']:%Y-%m-%d}", "2024-12-31"
        name = [{"family": row["surname"], "given": [row["given"]]}]
        resources.append({"resourceType": "Patient", "id": str(row["record"]), "name": name, "gender": row["sex"],
                          "birthDate": f"{row['born']:%Y-%m-%d}"})  # fmt: skip
        resources.append({"resourceType": "Encounter", "subject": subject, "period": {"start": visit},
                          "serviceProvider": {"display": row["lab"]}})  # fmt: skip
        new = visit >= "2019-07-01"
        glucose = round(row["glucose_seen"] * GLUCOSE / 10) if new else round(row["glucose_seen"], 1)
        values = [("glucose", glucose, visit, "mg/dL" if new else "mmol/L")]
        values += [(m, round(row[m], 2), visit, units[m]) for m in ("bmi", "sbp", "creatinine", "triglycerides")]
        values += [("hba1c", round(row["hba1c_seen"]), visit, "mmol/mol")] if row["hba1c_seen"] > 0 else []
        values += [("hba1c", round(row["hba1c_latest"]), export, "mmol/mol")]
        for measure, value, date, unit in values:
            loinc = "2345-7" if unit == "mg/dL" else code[measure]
            resources.append({"resourceType": "Observation", "subject": subject, "code": _coded(loinc),
                              "effectiveDateTime": date, "valueQuantity": {"value": value, "unit": unit}})  # fmt: skip
        resources.append({"resourceType": "Observation", "subject": subject, "code": _coded(code["smoker"]),
                          "effectiveDateTime": visit, "valueBoolean": bool(row["smoker"])})  # fmt: skip
        if row["metformin"]:
            resources.append({"resourceType": "MedicationStatement", "subject": subject, "medication": "metformin"})
        if row["known"]:
            resources.append({"resourceType": "Condition", "subject": subject, "code": {"text": "diabetes"}})
    return json.dumps({"resourceType": "Bundle", "entry": [{"resource": resource} for resource in resources]})


def _coded(loinc: str) -> dict:
    return {"coding": [{"system": "http://loinc.org", "code": loinc}]}
