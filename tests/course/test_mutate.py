"""The mutations fit their pages, and the command tells what is caught from what survives."""

from __future__ import annotations

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tests.course import mutate
from tests.course.mutate import FOLDER, Mutation, mutations, report, verdict
from tests.course.notebooks import pairs
from tests.course.test_decisions import BREAKS, page

PAIRS = [pair for pair in pairs() if mutations(pair)]


@pytest.mark.parametrize("pair", PAIRS, ids=[p.name for p in PAIRS])
def test_every_mutation_fits_the_code_of_its_page(pair):
    found = mutations(pair)
    assert len({mutation.name for mutation in found}) == len(found) >= 20
    for mutation in found:
        changed = mutation.applied(pair.source)
        for cell in changed.cells:
            if cell.cell_type == "code":
                compile(cell.source, mutation.name, "exec")


def test_every_file_of_mutations_belongs_to_a_page():
    assert {file.stem for file in FOLDER.glob("*.toml")} == {pair.name[:2] for pair in PAIRS}


def notebook(*sources: str):
    return new_notebook(cells=[new_code_cell(source) for source in sources])


def test_a_mutation_that_does_not_fit_is_refused():
    found = notebook("x = 1\ny = 1", "z = 2")
    assert [c.source for c in Mutation("z", "z = 2", "z = 3").applied(found).cells] == ["x = 1\ny = 1", "z = 3"]
    assert Mutation("both", "= 1", "= 2", times=2).applied(found).cells[0].source == "x = 2\ny = 2"
    assert found.cells[0].source == "x = 1\ny = 1"
    for old, new in (("= 1", "= 2"), ("w = 1", "w = 2"), ("x = 1", "x = 1")):
        with pytest.raises(ValueError, match="occurs . times in the code of the page, expected 1"):
            Mutation("one", old, new).applied(found)


def test_a_false_claim_catches_and_nothing_lets_survive():
    good = notebook("from medlib.lesson import claim\nx, y = 2, 3", 'claim("x is two", x == 2, x)', "print(y)")
    assert (
        verdict(Mutation("x", "2, 3", "4, 3").applied(good))
        == "AssertionError: this claim does not hold: x is two  [4]"
    )
    assert verdict(Mutation("y", "2, 3", "2, 5").applied(good)) == ""


def test_a_choice_on_the_test_part_is_caught_by_its_decision():
    cell, old, new = BREAKS["threshold"]
    mutated = Mutation("threshold", old, new).applied(page())
    mutated.cells = mutated.cells[: cell + 1]
    assert verdict(mutated).startswith("decision: threshold: ")


def test_the_report_counts_what_is_an_error(monkeypatch):
    rows = [
        (Mutation("a", "1", "2"), "AssertionError: no", 1.2),
        (Mutation("b", "1", "2"), "", 30.0),
        (Mutation("c", "1", "2", survives="a matter of taste"), "", 30.0),
    ]
    text = report(rows)
    assert "| a | caught | AssertionError: no | 1 |" in text and "| b | SURVIVES |  | 30 |" in text
    assert "| c | survives, as said | a matter of taste | 30 |" in text
    assert text.endswith("caught 1 of 2; 1 more are no errors")


def test_the_command_refuses_a_page_without_mutations(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(mutate, "FOLDER", tmp_path)
    monkeypatch.setattr("sys.argv", ["mutate", "12"])
    with pytest.raises(SystemExit):
        mutate.main()
    assert "no mutations in" in capsys.readouterr().err
