"""Radiology reports of the simulated head CT, from a stated grammar: ``load("reports")``.

A report is drawn slot by slot. The facts come first (diagnosis, side, size ...), then the sentences that state them.
Each slot has a table of probabilities given earlier slots, and the whole grammar is these tables: ``FACTS`` and
``SENTENCES``. So the probability of a report is a product of table entries, the entropy of all reports is a finite sum
(:func:`entropy`), and a parser that knows the tables reads the facts back (:func:`parse`). What a table gives the
probability 0 is a rule: a report that breaks one contradicts itself.

Everything here is simulated and no advice: the rules of treatment are simplified for teaching.
"""

from __future__ import annotations

import functools
import itertools
import math
import re
import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from medlib.data import head_ct
from medlib.data.dataset import Card, Dataset, check_whole

# ------------------------------------------------------------------------------------------------------------ the slots


@dataclass(frozen=True)
class Slot:
    """One choice: a value, drawn from a table that looks at earlier slots.

    Attributes
    ----------
    name
        What is chosen: "side", or the kind of a sentence.
    given
        The earlier slots that the choice depends on.
    table
        Values of ``given`` -> {value: probability}. The first row that fits counts; "*" fits everything. The values
        of a sentence are texts, in which ``{side}`` stands for the value of a fact; "" is a sentence left out.
    """

    name: str
    given: tuple[str, ...]
    table: Mapping[tuple[str, ...], Mapping[str, float]]

    def row(self, facts: Mapping[str, str]) -> Mapping[str, float]:
        """The probabilities of the values, given the facts; none are possible where no row fits."""
        asked = tuple([facts[name] for name in self.given])
        if asked not in self._asked:
            fits = (row for key, row in self.table.items() if all(map(_fits, key, asked)))
            self._asked[asked] = next(fits, {})
        return self._asked[asked]

    @functools.cached_property
    def _asked(self) -> dict[tuple[str, ...], Mapping[str, float]]:
        """The rows that were looked up before."""
        return {}


def _fits(key: str, value: str) -> bool:
    return key in ("*", value)


OPPOSITE = {"left": "right", "right": "left", "none": "none"}
_LOBES = {"frontal lobe": 0.32, "parietal lobe": 0.25, "temporal lobe": 0.25, "occipital lobe": 0.18}
_DEEP = {"basal ganglia": 0.6, "thalamus": 0.4}


def _places(deep: float) -> dict[str, float]:
    """Where a lesion lies when a share ``deep`` of them is deep (``draw_lesion`` of data/build_head_ct.py)."""
    return {k: round(deep * p, 4) for k, p in _DEEP.items()} | {k: round((1 - deep) * p, 4) for k, p in _LOBES.items()}


#: What a report states; the record of a patient gives all of it but the certainty.
FACTS = (
    Slot("diagnosis", (), {(): {"healthy": 0.32, "ischaemia": 0.25, "haemorrhage": 0.22, "tumour": 0.21}}),
    Slot("side", ("diagnosis",), {("healthy",): {"none": 1.0}, ("*",): {"left": 0.5, "right": 0.5}}),
    Slot(
        "location",
        ("diagnosis",),
        {
            ("healthy",): {"none": 1.0},
            ("ischaemia",): _places(0.25),
            ("haemorrhage",): _places(0.55),
            ("tumour",): _places(0.12),
        },
    ),
    Slot(  # below 10 mL, up to 30 mL, above
        "size",
        ("location",),
        {
            ("none",): {"none": 1.0},
            ("thalamus",): {"small": 0.85, "medium": 0.15},
            ("basal ganglia",): {"small": 0.1, "medium": 0.85, "large": 0.05},
            ("*",): {"small": 0.1, "medium": 0.5, "large": 0.4},
        },
    ),
    Slot(  # below 28 HU, up to 38 HU, above
        "density",
        ("diagnosis",),
        {
            ("healthy",): {"none": 1.0},
            ("ischaemia",): {"hypodense": 1.0},
            ("haemorrhage",): {"hyperdense": 1.0},
            ("tumour",): {"hypodense": 0.15, "isodense": 0.6, "hyperdense": 0.25},
        },
    ),
    Slot(  # below 0.5 mm, below 3 mm, more
        "shift",
        ("diagnosis", "size"),
        {
            ("healthy", "*"): {"none": 1.0},
            ("ischaemia", "*"): {"none": 1.0},
            ("*", "small"): {"none": 1.0},
            ("*", "medium"): {"none": 0.15, "slight": 0.7, "marked": 0.15},
            ("*", "large"): {"none": 0.1, "slight": 0.1, "marked": 0.8},
        },
    ),
    Slot("old", (), {(): {"none": 0.875, "left": 0.0625, "right": 0.0625}}),
    Slot(  # of the body: opposite to the lesion in 85 %, as in the records
        "weakness",
        ("side",),
        {
            ("none",): {"none": 0.6, "left": 0.2, "right": 0.2},
            ("left",): {"right": 0.85, "none": 0.1, "left": 0.05},
            ("right",): {"left": 0.85, "none": 0.1, "right": 0.05},
        },
    ),
    Slot(
        "anticoagulant",
        ("diagnosis",),
        {("haemorrhage",): {"yes": 0.25, "no": 0.75}, ("*",): {"yes": 0.08, "no": 0.92}},
    ),
    Slot(  # up to 4.5 hours since onset, or later; stated where it matters
        "window",
        ("diagnosis",),
        {("ischaemia",): {"early": 0.2, "late": 0.8}, ("*",): {"none": 1.0}},
    ),
    Slot(
        "certainty",
        ("diagnosis", "density"),
        {
            ("healthy", "*"): {"none": 1.0},
            ("tumour", "isodense"): {"certain": 0.3, "probable": 0.4, "possible": 0.3},
            ("*", "*"): {"certain": 0.7, "probable": 0.2, "possible": 0.1},
        },
    ),
    Slot("away", ("side",), {(side,): {other: 1.0} for side, other in OPPOSITE.items()}),  # a mass pushes away
    Slot(  # the contralateral rule: each half of the brain moves the other side of the body
        "explains",
        ("side", "weakness"),
        {
            ("none", "*"): {"none": 1.0},
            ("*", "none"): {"none": 1.0},
            ("left", "right"): {"yes": 1.0},
            ("right", "left"): {"yes": 1.0},
            ("*", "*"): {"no": 1.0},
        },
    ),
    Slot(  # and what forbids a treatment
        "advice",
        ("diagnosis", "weakness", "window", "anticoagulant", "size"),
        {
            ("healthy", "none", "*", "*", "*"): {"nothing": 1.0},
            ("healthy", "*", "*", "*", "*"): {"MRI": 1.0},
            ("ischaemia", "*", "late", "*", "*"): {"too late": 1.0},
            ("ischaemia", "*", "early", "yes", "*"): {"no lysis, anticoagulant": 1.0},
            ("ischaemia", "*", "early", "no", "large"): {"no lysis, large": 1.0},
            ("ischaemia", "*", "early", "no", "*"): {"lysis": 1.0},
            ("haemorrhage", "*", "*", "yes", "*"): {"reversal": 1.0},
            ("haemorrhage", "*", "*", "no", "large"): {"surgeon": 1.0},
            ("haemorrhage", "*", "*", "no", "*"): {"pressure": 1.0},
            ("tumour", "*", "*", "*", "*"): {"contrast": 0.7, "surgeon": 0.3},
        },
    ),
)

NOUNS = {"ischaemia": "infarct", "haemorrhage": "haemorrhage", "tumour": "tumour"}
_IMPRESSIONS = {
    "certain": {"Impression: {noun}, {{side}} {{location}}.": 1.0},
    "probable": {"Impression: probable {noun}, {{side}} {{location}}.": 1.0},
    "possible": {
        "Impression: possible {noun}, {{side}} {{location}}.": 0.6,
        "Impression: {noun} cannot be excluded, {{side}} {{location}}.": 0.4,
    },
}

#: How a report states it, sentence by sentence, in this order.
SENTENCES = (
    Slot(
        "complaint",
        ("weakness",),
        {
            ("none",): {"Headache, no weakness.": 0.7, "First seizure, no weakness.": 0.3},
            ("*",): {"Weakness of the {weakness} side.": 0.7, "Hemiparesis, {weakness}.": 0.3},
        },
    ),
    Slot(
        "medication",
        ("anticoagulant",),
        {("yes",): {"Takes an anticoagulant.": 1.0}, ("no",): {"": 0.6, "No anticoagulant.": 0.4}},
    ),
    Slot(
        "finding",
        ("diagnosis",),
        {
            ("healthy",): {"No acute lesion.": 0.6, "Normal brain.": 0.4},
            ("*",): {
                "{size} {density} lesion, {side} {location}.": 0.6,
                "In the {side} {location} a {size} {density} area.": 0.4,
            },
        },
    ),
    Slot(
        "midline",
        ("shift",),
        {
            ("none",): {"No midline shift.": 0.7, "Midline central.": 0.3},
            ("*",): {"{shift} midline shift to the {away}.": 1.0},
        },
    ),
    Slot(
        "former",
        ("old",),
        {("none",): {"": 0.7, "No old infarct.": 0.3}, ("*",): {"Old infarct on the {old}.": 1.0}},
    ),
    Slot(
        "negation",
        ("diagnosis",),
        {
            ("haemorrhage",): {"": 1.0},
            ("*",): {"No haemorrhage.": 0.75, "No sign of bleeding.": 0.25},
        },
    ),
    Slot(
        "impression",
        ("diagnosis", "certainty"),
        {("healthy", "none"): {"Impression: no acute finding.": 1.0}}
        | {
            (diagnosis, certainty): {text.format(noun=noun): p for text, p in row.items()}
            for diagnosis, noun in NOUNS.items()
            for certainty, row in _IMPRESSIONS.items()
        },
    ),
    Slot(
        "explanation",
        ("explains",),
        {
            ("none",): {"": 1.0},
            ("yes",): {"Explains the weakness.": 1.0},
            ("no",): {"Does not explain the weakness.": 1.0},
        },
    ),
    Slot(
        "plan",
        ("advice", "window"),
        {
            ("nothing", "none"): {"No further imaging.": 1.0},
            ("MRI", "none"): {"MRI advised.": 1.0},
            ("too late", "late"): {"No thrombolysis: beyond 4.5 h.": 1.0},
            ("no lysis, anticoagulant", "early"): {"No thrombolysis: anticoagulant.": 1.0},
            ("no lysis, large", "early"): {"No thrombolysis: large infarct.": 1.0},
            ("lysis", "early"): {"Consider thrombolysis.": 1.0},
            ("reversal", "none"): {"Reverse the anticoagulant.": 1.0},
            ("pressure", "none"): {"Control blood pressure.": 1.0},
            ("surgeon", "none"): {"Neurosurgical opinion.": 1.0},
            ("contrast", "none"): {"MRI with contrast.": 1.0},
        },
    ),
)
SLOTS = (*FACTS, *SENTENCES)


@dataclass(frozen=True)
class Report:
    """A report: its text, its facts, and which form of each sentence was chosen."""

    text: str
    facts: dict[str, str]
    forms: dict[str, str]


# ------------------------------------------------------------------------------------------------------------- writing


def write(forms: Mapping[str, str], facts: Mapping[str, str]) -> str:
    """The text of a report: its sentences with the facts put in, each beginning with a capital."""
    sentences = [text.format_map(facts) for text in forms.values() if text]
    return " ".join(sentence[0].upper() + sentence[1:] for sentence in sentences)


def _draw(rng: np.random.Generator, row: Mapping[str, float]) -> str:
    """A value of a row; a row with one value takes no random number."""
    if len(row) == 1:
        return next(iter(row))
    left = rng.random()
    for value, p in row.items():
        left -= p
        if left < 0:
            return value
    return value


def sample(rng: np.random.Generator, known: Mapping[str, str] | None = None) -> Report:
    """Draw a report, slot by slot. Facts that are ``known`` are kept, all others are drawn in their order.

    Raises
    ------
    ValueError
        A fact or value that the grammar does not have.
    """
    known = {} if known is None else dict(known)
    facts, forms = {}, {}
    for slot in FACTS:
        row = slot.row(facts)
        if slot.name in known:
            if row.get(known[slot.name], 0) == 0:
                raise ValueError(
                    f"known: got {slot.name}={known[slot.name]!r} after {facts}, expected one of {list(row)}; see "
                    "medlib.data.reports.FACTS"
                )
            facts[slot.name] = known.pop(slot.name)
        else:
            facts[slot.name] = _draw(rng, row)
    if known:
        raise ValueError(f"known: got {sorted(known)}, expected facts among {[slot.name for slot in FACTS]}")
    for slot in SENTENCES:
        forms[slot.name] = _draw(rng, slot.row(facts))
    return Report(write(forms, facts), facts, forms)


def samples(n: int, seed: int) -> list[Report]:
    """``n`` reports drawn independently, the same for the same seed."""
    check_whole("n", n, 1, 1000)
    check_whole("seed", seed, 0, 0)
    rng = np.random.default_rng(seed)
    return [sample(rng) for _ in range(n)]


# ------------------------------------------------------------------------------------------------- probability, entropy


def log_prob(report: Report) -> float:
    """Log-probability of a report in nats: the sum over its slots. Minus infinity when a rule is broken."""
    chosen, total = report.facts | report.forms, 0.0
    for slot in SLOTS:
        p = slot.row(report.facts).get(chosen[slot.name], 0)
        if p == 0:
            return -math.inf
        total += math.log(p)
    return total


def _h(row: Mapping[str, float]) -> float:
    """Entropy of one row in nats."""
    return -sum(p * math.log(p) for p in row.values() if p > 0)


@functools.cache
def states() -> tuple[tuple[dict[str, str], float], ...]:
    """Every combination of facts that the grammar allows, with its probability."""
    found = [({}, 1.0)]
    for slot in FACTS:
        found = [(facts | {slot.name: v}, p * q) for facts, p in found for v, q in slot.row(facts).items() if q > 0]
    return tuple(found)


@functools.cache
def entropy_by_slot() -> dict[str, float]:
    """H(slot | earlier slots) of each slot in nats, by the chain rule: the mean, over what it looks at, of H(row)."""
    found = {}
    for slot in SLOTS:
        looked_at: dict[tuple[str, ...], float] = {}
        for facts, p in states():
            key = tuple([facts[name] for name in slot.given])
            looked_at[key] = looked_at.get(key, 0) + p
        rows = ((slot.row(dict(zip(slot.given, key, strict=True))), p) for key, p in looked_at.items())
        found[slot.name] = sum(p * _h(row) for row, p in rows)
    return found


def entropy() -> float:
    """Entropy of a report in nats: the sum over its slots. No two choices give one text, so it is the text's."""
    return sum(entropy_by_slot().values())


def every_report(**fixed: str) -> Iterator[tuple[float, str]]:
    """Every report that the grammar can write, one by one: its probability and its text.

    Facts may be ``fixed``, for example ``diagnosis="tumour"``; the probabilities then add up to that of the condition.
    """
    unknown = set(fixed) - {slot.name for slot in FACTS}
    if unknown:
        raise ValueError(f"fixed: got {sorted(unknown)}, expected facts among {[slot.name for slot in FACTS]}")
    for facts, p in states():
        if any(facts[name] != value for name, value in fixed.items()):
            continue
        rows = [list(slot.row(facts).items()) for slot in SENTENCES]
        for choice in itertools.product(*rows):
            q = p
            for _, share in choice:
                q *= share
            yield q, write({slot.name: text for slot, (text, _) in zip(SENTENCES, choice, strict=True)}, facts)


@functools.cache
def probabilities() -> np.ndarray:
    """The probability of every report that the grammar can write (reports,), in no order that matters."""
    found = []
    for facts, p in states():
        every = np.array([p])
        for slot in SENTENCES:
            every = np.multiply.outer(every, list(slot.row(facts).values())).ravel()
        found.append(every)
    return np.concatenate(found)


def chance_known(n: int) -> float:
    """The chance that a fresh report stands, word for word, among ``n`` others drawn from the grammar."""
    p = probabilities()
    return float(np.sum(p * -np.expm1(n * np.log1p(-p))))


# ------------------------------------------------------------------------------------------------------------ reading


@dataclass(frozen=True)
class Reading:
    """What the parser found in a text.

    Attributes
    ----------
    facts
        The facts that were read, or follow from what was read: fact -> value, as the first sentence states it.
    forms
        Kind of sentence -> its form, in the order of the text.
    unread
        Sentences that are none of the grammar's, that come twice, or out of order.
    missing
        Sentences and facts that are not there and cannot be left out.
    contradictions
        Slots that the text states twice and differently, or that break a rule: the table has no such value there.
    """

    facts: dict[str, str] = field(default_factory=dict)
    forms: dict[str, str] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    contradictions: list[str] = field(default_factory=list)

    @property
    def parsed(self) -> bool:
        """Whether every sentence was read and none is missing; the facts may still contradict each other."""
        return not self.unread and not self.missing

    @property
    def valid(self) -> bool:
        """Whether the grammar could have written it."""
        return self.parsed and not self.contradictions

    @property
    def log_prob(self) -> float:
        """Log-probability of the text in nats; minus infinity when the grammar cannot have written it."""
        if not self.valid:
            return -math.inf
        return log_prob(Report("", self.facts, {slot.name: self.forms.get(slot.name, "") for slot in SENTENCES}))


def words(text: str) -> list[str]:
    """The words, numbers and marks of a text in small letters; everything else separates."""
    return re.findall(r"[^\W\d_]+|\d+(?:\.\d+)?|[.,:]", text.lower())


def pretty(tokens: Sequence[str]) -> str:
    """A text from words: no blank before a mark, a capital after a full stop, MRI in capitals."""
    text = re.sub(r" ([.,:])", r"\1", " ".join(tokens))
    text = re.sub(r"(^|\. )([a-z])", lambda found: found[0].upper(), text)
    return re.sub(r"\bmri\b", "MRI", text, flags=re.IGNORECASE)


def _values(name: str) -> list[str]:
    """Every value of a fact that the grammar has, but "none"."""
    slot = next(slot for slot in FACTS if slot.name == name)
    return sorted({value for row in slot.table.values() for value in row} - {"none"})


@functools.cache
def _patterns() -> list[tuple[str, str, re.Pattern, dict[str, str]]]:
    """For every form of every sentence: kind, form, a pattern of its words, and the facts that its rows agree on."""
    found = []
    for slot in SENTENCES:
        for form in dict.fromkeys(text for row in slot.table.values() for text in row if text):
            keys = [key for key, row in slot.table.items() if form in row]
            stated = {
                name: keys[0][i]
                for i, name in enumerate(slot.given)
                if keys[0][i] != "*" and all(key[i] == keys[0][i] for key in keys)
            }
            pattern = ""
            for plain, name, _, _ in string.Formatter().parse(form):
                pattern += re.escape(" ".join(words(plain)))
                pattern += f" (?P<{name}>{'|'.join(_values(name))}) " if name else ""
            pattern = re.sub(r"(?:\\?\s)+", " ", pattern).strip()
            found.append((slot.name, form, re.compile(pattern), stated))
    return found


@functools.lru_cache(maxsize=4096)
def _read_sentence(sentence: str) -> tuple[str, str, dict[str, str]] | None:
    """Kind, form and facts of one sentence (its words, with blanks between them); None for any other sentence."""
    for kind, form, pattern, stated in _patterns():
        if match := pattern.fullmatch(sentence):
            return kind, form, stated | match.groupdict()
    return None


def parse(text: str) -> Reading:
    """Read the facts of a report back. Never raises, whatever the text is.

    Sentence by sentence: its form is found among those of the grammar, its facts are noted, and a fact that was noted
    before with another value is a contradiction. Then come the facts that follow from others, and the rules.
    """
    reading, order = Reading(), [slot.name for slot in SENTENCES]
    sentences = " ".join(words(str(text))).replace(" .", " .\n").split("\n")
    latest = -1
    for sentence in filter(None, map(str.strip, sentences)):
        found = _read_sentence(sentence)
        if found is None or order.index(found[0]) <= latest:
            reading.unread.append(sentence)
            continue
        kind, form, stated = found
        latest = order.index(kind)
        reading.forms[kind] = form
        for name, value in stated.items():
            if reading.facts.setdefault(name, value) != value:
                reading.contradictions.append(name)
    _fill(reading)
    _apply_rules(reading)
    return reading


def _fill(reading: Reading) -> None:
    """Note what sentences left out, and what the facts imply."""
    for slot in SENTENCES:  # a sentence left out says what its row says: no old infarct, no anticoagulant
        if slot.name not in reading.forms:
            rows = [key for key, row in slot.table.items() if "" in row]
            if not rows:
                reading.missing.append(slot.name)
            elif len(rows) == 1 and not reading.unread:  # it may be what could not be read
                for name, value in zip(slot.given, rows[0], strict=True):
                    reading.facts.setdefault(name, value)
    for slot in FACTS:
        if slot.name not in reading.facts:
            known = all(name in reading.facts for name in slot.given)
            values = [v for v, p in slot.row(reading.facts).items() if p > 0] if known else []
            if len(values) == 1:
                reading.facts[slot.name] = values[0]
            else:
                reading.missing.append(slot.name)


def _apply_rules(reading: Reading) -> None:
    """Note every slot whose value has no place in its table, given the facts that were read."""
    chosen = reading.facts | {slot.name: reading.forms.get(slot.name, "") for slot in SENTENCES}
    for slot in SLOTS:
        if reading.unread and chosen.get(slot.name) == "":
            continue
        known = slot.name in chosen and all(name in reading.facts for name in slot.given)
        if known and slot.name not in (*reading.missing, *reading.contradictions):
            if slot.row(reading.facts).get(chosen[slot.name], 0) == 0:
                reading.contradictions.append(slot.name)


# ------------------------------------------------------------------------------------------------ the patients' reports

CARD = Card(
    title="Radiology reports of the simulated head CT",
    what="A report of five to nine sentences for each patient of head_ct: complaint, medication, finding, midline, old "
    "infarcts, what is absent, impression, whether it explains the weakness, what to do next. y is the diagnosis.",
    rows="1,000 patients, one report each; x holds the texts, frame the facts.",
    source="medlib/data/reports.py; the facts are those of data/patients.csv.",
    licence="CC BY 4.0",
    citation="none; the grammar was written for this course",
    made="Diagnosis, side, place, size, density, shift, old infarct, weakness, anticoagulant and hours come from the "
    "record; certainty, and the form of each sentence, are drawn from the grammar's tables with a seed. Sizes: small "
    "below 10 mL, medium up to 30, large above. Densities: hypodense below 28 HU, isodense up to 38, hyperdense above. "
    "Shift of the midline: slight from 0.5 mm, marked from 3 mm.",
    limits="Simulated: eighty words, nine sentences, no typing errors, no comparison with former scans. It shows what "
    "can be proved about a language model, and nothing of how physicians write. The advice follows simplified rules "
    "and is no medical advice. A fixed grammar gives no report that surprises.",
)


def facts_of(record: Mapping) -> dict[str, str]:
    """The facts of a report from a patient's record (a row of ``data/patients.csv``); the certainty is not among them.

    ``advice`` is left out for tumours, where the grammar has two.
    """
    facts = {"diagnosis": record["diagnosis"], "side": record["side"], "location": record["location"]}
    well = record["diagnosis"] == "healthy"
    facts["size"] = "none" if well else _class(record["volume_ml"], (10, 30), ("small", "medium", "large"))
    kinds = ("hypodense", "isodense", "hyperdense")
    facts["density"] = "none" if well else _class(record["lesion_hu"], (28, 38), kinds)
    facts["shift"] = _class(record["shift_mm"], (0.5, 3), ("none", "slight", "marked"))
    facts["old"], facts["weakness"] = record["old_side"], record["deficit_side"]
    facts["anticoagulant"] = "yes" if record["anticoagulant"] else "no"
    early = "early" if record["hours"] <= 4.5 else "late"
    facts["window"] = early if record["diagnosis"] == "ischaemia" else "none"
    return facts


def _class(value: float, bounds: tuple[float, float], names: tuple[str, str, str]) -> str:
    return names[sum(value >= bound for bound in bounds)]


def load(seed: int = 0) -> Dataset:
    """The report of each patient of ``head_ct``, in the order of ``load("patients")``.

    Parameters
    ----------
    seed
        Of the certainty and of the form of each sentence.

    Returns
    -------
    Dataset
        ``x`` the texts (1000,), ``y`` 0 to 3 as in ``head_ct``, ``groups`` the patient, ``frame`` with ``patient``,
        ``text`` and a column for each fact. The split by patient is that of ``head_ct``: the same seed puts the same
        patients into the same part.

    Raises
    ------
    ValueError
        A seed that is not possible.
    DataError
        The shipped files are missing or damaged.
    """
    import pandas as pd

    check_whole("seed", seed, 0, "load('reports', seed=1)")
    people = head_ct.patients()
    rng = np.random.default_rng(seed)
    written = [sample(rng, facts_of(record)) for record in people.frame.to_dict("records")]
    texts = [report.text for report in written]
    frame = pd.DataFrame([report.facts for report in written])
    frame.insert(0, "patient", people.groups)
    frame.insert(1, "text", texts)
    return Dataset("reports", np.array(texts), people.y, head_ct.CLASSES, frame, None, people.groups, CARD)
