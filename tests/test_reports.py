"""The grammar of the reports: what it writes, what it can be known to write, and what its parser makes of anything."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medlib.data import load, reports
from medlib.data.reports import FACTS, OPPOSITE, SENTENCES, SLOTS, parse


def drawn(seed, **known):
    return reports.sample(np.random.default_rng(seed), known)


# ----------------------------------------------------------------------------------------------------------- the tables


def test_every_row_is_a_distribution_over_what_comes_before():
    earlier = set()
    for slot in SLOTS:
        assert set(slot.given) <= earlier - {s.name for s in SENTENCES}, slot.name
        for key, row in slot.table.items():
            assert len(key) == len(slot.given)
            assert math.isclose(sum(row.values()), 1, abs_tol=1e-9), (slot.name, key)
            assert min(row.values()) > 0
        earlier.add(slot.name)


def test_the_first_row_that_fits_counts():
    slot = reports.Slot("a", ("x", "y"), {("1", "*"): {"first": 1.0}, ("*", "2"): {"second": 1.0}})
    assert slot.row({"x": "1", "y": "2"}) == {"first": 1.0}
    assert slot.row({"x": "3", "y": "2"}) == {"second": 1.0}
    assert slot.row({"x": "3", "y": "4"}) == {}


def test_the_rules_of_medicine_hold_in_every_state():
    for facts, p in reports.states():
        assert p > 0
        assert facts["away"] == OPPOSITE[facts["side"]]
        if facts["side"] != "none" and facts["weakness"] != "none":
            assert (facts["explains"] == "yes") == (facts["weakness"] == OPPOSITE[facts["side"]])
        if facts["advice"] == "lysis":
            assert (facts["diagnosis"], facts["window"], facts["anticoagulant"]) == ("ischaemia", "early", "no")
            assert facts["size"] != "large"
        assert (facts["density"] == "hyperdense") or facts["diagnosis"] != "haemorrhage"
        assert facts["density"] == "hypodense" or facts["diagnosis"] != "ischaemia"
        assert (facts["advice"] == "reversal") == (
            facts["diagnosis"] == "haemorrhage" and facts["anticoagulant"] == "yes"
        )


# ------------------------------------------------------------------------------------------------- entropy, probability


def test_entropy_by_the_chain_rule_is_that_of_the_enumeration():
    p = reports.probabilities()
    assert len(p) == 995_904
    assert math.isclose(p.sum(), 1, abs_tol=1e-9)
    assert math.isclose(-np.sum(p * np.log(p)), reports.entropy(), abs_tol=1e-9)
    assert 9.6 < reports.entropy() < 9.7


def test_a_million_choices_are_a_million_texts():
    """Each text of a part of the grammar, with its probability: none comes twice, and log_prob agrees."""
    for fixed, share in (({"diagnosis": "healthy"}, 0.32), ({"diagnosis": "ischaemia", "side": "left"}, 0.125)):
        found = list(reports.every_report(**fixed))
        assert math.isclose(sum(p for p, _ in found), share, abs_tol=1e-9)
        assert len({text for _, text in found}) == len(found)
        for p, text in found[::997]:
            assert math.isclose(parse(text).log_prob, math.log(p), abs_tol=1e-9)


def test_entropy_is_what_samples_cost_on_average():
    cost = [-reports.log_prob(report) for report in reports.samples(4000, seed=1)]
    assert abs(np.mean(cost) - reports.entropy()) < 4 * np.std(cost) / math.sqrt(len(cost))


def test_samples_follow_the_tables():
    some = reports.samples(4000, seed=2)
    sick = [r.facts for r in some if r.facts["side"] != "none"]
    opposite = np.mean([f["weakness"] == OPPOSITE[f["side"]] for f in sick])
    assert abs(opposite - 0.85) < 0.03
    bled = [r.facts["anticoagulant"] == "yes" for r in some if r.facts["diagnosis"] == "haemorrhage"]
    assert abs(np.mean(bled) - 0.25) < 0.07
    shown = np.mean([r.forms["former"] == "No old infarct." for r in some if r.facts["old"] == "none"])
    assert abs(shown - 0.3) < 0.04


def test_the_chance_that_a_fresh_report_is_known():
    train = {r.text for r in reports.samples(2000, seed=3)}
    known = np.mean([r.text in train for r in reports.samples(2000, seed=4)])
    assert abs(known - reports.chance_known(2000)) < 0.04
    assert reports.chance_known(200) < reports.chance_known(2000) < reports.chance_known(20_000)


# -------------------------------------------------------------------------------------------------------------- reading


#: The same examples on every machine, and no folder left behind.
PROPERTY = settings(max_examples=1000, derandomize=True, deadline=None, database=None)
FAULTS = st.lists(
    st.tuples(
        st.sampled_from(["drop", "double", "swap", "word", "noise", "cut"]),
        st.integers(0, 199),
        st.integers(0, 199),
        st.text(max_size=6),
    ),
    min_size=1,
    max_size=4,
)


@PROPERTY
@given(seed=st.integers(0, 2**63))
def test_every_report_parses_back_to_its_facts(seed):
    report = drawn(seed)
    reading = parse(report.text)
    assert reading.valid and reading.facts == report.facts, report
    assert {k: reading.forms.get(k, "") for k in report.forms} == report.forms
    assert math.isclose(reading.log_prob, reports.log_prob(report), abs_tol=1e-9)
    again = reports.pretty(reports.words(report.text))
    assert again == report.text and parse(again) == reading


def corrupted(text, faults):
    """Words dropped, doubled, exchanged, replaced, broken by noise, or a text cut short."""
    tokens = reports.words(text)
    for kind, place, other, noise in faults:
        place, other = place % len(tokens), other % len(tokens)
        if kind == "drop" and len(tokens) > 1:
            del tokens[place]
        elif kind == "double":
            tokens.insert(place, tokens[place])
        elif kind == "swap":
            tokens[place], tokens[other] = tokens[other], tokens[place]
        elif kind == "word":
            tokens[place] = ["left", "right", "no", ".", "tumour", "large", "none"][other % 7]
        elif kind == "noise":
            tokens[place] = noise
        elif place:
            tokens = tokens[:place]
    return " ".join(tokens)


def test_a_corrupted_report_never_stops_the_parser_and_what_passes_is_a_report():
    passed, tried = [], []

    @PROPERTY
    @given(seed=st.integers(0, 2**63), faults=FAULTS)
    def holds(seed, faults):
        reading = parse(corrupted(drawn(seed).text, faults))
        assert reading.valid == math.isfinite(reading.log_prob)
        tried.append(seed)
        if reading.valid:  # then the grammar can have written it
            passed.append(seed)
            assert drawn(0, **reading.facts).facts == reading.facts

    holds()
    assert len(tried) >= 1000 and 0 < len(passed) < len(tried) / 2, [len(passed), len(tried)]


@PROPERTY
@given(anything=st.text(max_size=300))
def test_no_text_at_all_stops_the_parser(anything):
    reading = parse(anything)
    assert reading.valid == math.isfinite(reading.log_prob)


@pytest.mark.parametrize(
    "text", ["", ".", "...", "left", None, 3, b"\xff\x00", "\n\t", "{side}.", "(?P<side>left).", "\ud800"]
)
def test_the_parser_takes_anything(text):
    assert not parse(text).valid


TEXT = (
    "Weakness of the left side. Large hyperdense lesion, right frontal lobe. Marked midline shift to the left. "
    "Impression: haemorrhage, right frontal lobe. Explains the weakness. Neurosurgical opinion."
)


def test_the_report_that_the_faults_start_from_is_right():
    assert parse(TEXT).valid


@pytest.mark.parametrize(
    ("old", "new", "slots"),
    [
        ("Impression: haemorrhage, right", "Impression: haemorrhage, left", {"side"}),
        ("lesion, right", "lesion, left", {"side", "away", "explains"}),
        ("shift to the left", "shift to the right", {"away"}),
        ("Weakness of the left", "Weakness of the right", {"explains"}),
        ("hyperdense", "hypodense", {"density"}),
        ("Neurosurgical opinion", "Consider thrombolysis", {"advice", "window"}),
        ("Neurosurgical opinion", "Reverse the anticoagulant", {"advice"}),
        ("Large", "Medium", {"advice"}),
        ("Impression: haemorrhage, right", "No haemorrhage. Impression: haemorrhage, right", {"negation"}),
        ("Explains the weakness", "Does not explain the weakness", {"explains"}),
        ("Impression: haemorrhage, right frontal", "Impression: haemorrhage, right parietal", {"location"}),
    ],
)
def test_one_wrong_word_is_a_contradiction(old, new, slots):
    reading = parse(TEXT.replace(old, new))
    assert reading.parsed and not reading.valid
    assert slots <= set(reading.contradictions), reading


def test_form_and_truth_are_told_apart():
    unread = parse(TEXT.replace("Explains the weakness.", "Explains weakness the."))
    assert unread.unread == ["explains weakness the ."] and not unread.parsed and not unread.contradictions
    assert "plan" in parse(TEXT.replace(" Neurosurgical opinion.", "")).missing
    swapped = parse("Large hyperdense lesion, right frontal lobe. Weakness of the left side.")
    assert swapped.unread == ["weakness of the left side ."]
    twice = parse(TEXT + " Neurosurgical opinion.")
    assert not twice.parsed


# ----------------------------------------------------------------------------------------------- the patients' reports


@pytest.fixture(scope="module")
def both():
    return load("reports"), load("patients")


def test_each_patient_has_a_report_that_states_the_record(both):
    data, people = both
    assert len(data) == 1000 and np.array_equal(data.groups, people.groups) and np.array_equal(data.y, people.y)
    assert np.array_equal(data.frame["text"], data.x)
    for text, facts, record in zip(data.x, data.frame.to_dict("records"), people.frame.to_dict("records"), strict=True):
        reading = parse(text)
        assert reading.valid
        assert reading.facts == {slot.name: facts[slot.name] for slot in FACTS}
        for name, column in (("side", "side"), ("old", "old_side"), ("weakness", "deficit_side")):
            assert facts[name] == record[column]
        assert facts["diagnosis"] == record["diagnosis"] and facts["location"] == record["location"]
        assert (facts["size"] == "large") == (record["volume_ml"] >= 30)
        assert (facts["shift"] == "marked") == (record["shift_mm"] >= 3)


def test_the_classes_of_size_density_and_shift():
    record = {
        "diagnosis": "tumour", "side": "left", "location": "thalamus", "volume_ml": 9.9, "lesion_hu": 28.0,
        "shift_mm": 0.49, "old_side": "none", "deficit_side": "right", "anticoagulant": 1, "hours": 4.5,
    }  # fmt: skip
    facts = reports.facts_of(record)
    assert [facts[k] for k in ("size", "density", "shift", "anticoagulant", "window")] == [
        "small", "isodense", "none", "yes", "none",
    ]  # fmt: skip
    facts = reports.facts_of(record | {"diagnosis": "ischaemia", "volume_ml": 30, "lesion_hu": 27.9, "shift_mm": 3})
    assert [facts[k] for k in ("size", "density", "shift", "window")] == ["large", "hypodense", "marked", "early"]
    assert reports.facts_of(record | {"diagnosis": "ischaemia", "hours": 4.6})["window"] == "late"


def test_reports_are_split_as_the_scans_are(both):
    data, _ = both
    for ours, theirs in zip(data.split(seed=3), load("head_ct", size=32, dose=None).split(seed=3), strict=True):
        assert set(ours.groups) == set(theirs.groups)


def test_the_seed_changes_the_wording_and_no_fact_of_the_record(both):
    data, _ = both
    other = load("reports", seed=1)
    assert np.array_equal(load("reports").x, data.x)
    assert np.mean(other.x == data.x) < 0.5
    fixed = [slot.name for slot in FACTS if slot.name not in ("certainty", "advice")]
    assert other.frame[fixed].equals(data.frame[fixed])


# --------------------------------------------------------------------------------------------------------------- errors


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match=r"known: got side='up'.*expected one of"):
        drawn(0, diagnosis="tumour", side="up")
    with pytest.raises(ValueError, match=r"known: got \['colour'\]"):
        drawn(0, colour="red")
    with pytest.raises(ValueError, match="unknown|fixed: got"):
        next(reports.every_report(colour="red"))
    for n, seed, name in ((0, 0, "n"), (3, -1, "seed"), (True, 0, "n"), (2, 1.5, "seed")):
        with pytest.raises(ValueError, match=f"{name}: got"):
            reports.samples(n, seed)
    with pytest.raises(ValueError, match="seed: got -1"):
        load("reports", seed=-1)
