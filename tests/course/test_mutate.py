"""The mutations fit their pages, and the command tells what is caught from what survives."""

from __future__ import annotations

import ast
import builtins
import os

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tests.course import forks, mutate
from tests.course.mutate import FOLDER, Mutation, mutations, report, verdict
from tests.course.notebooks import pairs
from tests.course.test_decisions import BREAKS, page

PAIRS = [pair for pair in pairs() if mutations(pair)]


def unknown_names(notebook) -> set[str]:
    """Names that some cell uses and none defines: such a mutation is caught by a NameError and says nothing."""
    used, defined = set(), set(dir(builtins))
    for cell in notebook.cells:
        for node in ast.walk(ast.parse(cell.source)) if cell.cell_type == "code" else ():
            if isinstance(node, ast.Name):
                (used if isinstance(node.ctx, ast.Load) else defined).add(node.id)
            elif isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.ExceptHandler)):
                defined.add(node.name)
            elif isinstance(node, ast.alias):
                defined.add((node.asname or node.name).split(".")[0])
            elif isinstance(node, ast.arg):
                defined.add(node.arg)
    return used - defined


@pytest.mark.parametrize("pair", PAIRS, ids=[p.name for p in PAIRS])
def test_every_mutation_fits_the_code_of_its_page(pair):
    found = mutations(pair)
    assert len({mutation.name for mutation in found}) == len(found) >= 20
    for mutation in found:
        changed = mutation.applied(pair.source)
        for cell in changed.cells:
            if cell.cell_type == "code":
                compile(cell.source, mutation.name, "exec")
        assert not unknown_names(changed), mutation.name


def test_every_file_of_mutations_belongs_to_a_page():
    assert {file.stem for file in FOLDER.glob("*.toml")} == {pair.name[:2] for pair in PAIRS}


def test_a_name_that_no_cell_defines_is_seen():
    page = notebook("import a.b as c\nfrom d import e", "def f(g, *h):\n    return g + c + e + len(h)", "x = f(y)")
    assert unknown_names(page) == {"y"}


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


FORK = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot copy a process")


@FORK
def test_copies_of_the_process_say_what_kernels_say(monkeypatch):
    source = "from medlib.lesson import claim\nimport random\nx, y = 2, 3\nrandom.seed(1)"
    good = notebook(source, 'claim("x is two", x == 2, x)', 'x = 5\nclaim("a draw", random.random() < 0.2)', "print(y)")
    found = [
        Mutation("x", "2, 3", "4, 3"),
        Mutation("late", "x = 5", "x = 1 / 0"),
        Mutation("harmless", "print(y)", "print(x)"),
        Mutation("draw", "random.random() <", "random.random() + random.random() <"),
    ]
    monkeypatch.setattr(mutate, "verdict", lambda mutant: pytest.fail("left to a kernel"))
    assert [by for _, by in mutate.verdicts(good, found)] == [
        "AssertionError: this claim does not hold: x is two  [4]",
        "ZeroDivisionError: division by zero",
        "",
        "AssertionError: this claim does not hold: a draw",
    ]


@FORK
def test_copies_run_the_decisions_again_with_a_scrambled_test_part(monkeypatch):
    monkeypatch.setattr(mutate, "verdict", lambda mutant: pytest.fail("left to a kernel"))
    cell, old, new = BREAKS["threshold"]
    decides = page()
    decides.cells = decides.cells[: cell + 1]
    found = [Mutation("threshold", old, new), Mutation("harmless", "[0.001, 0.1, 10, 1000]", "[0.1, 10, 1000]")]
    by = [by for _, by in mutate.verdicts(decides, found)]
    assert by[0].startswith("decision: threshold: ") and by[1] == ""


@FORK
def test_what_hangs_or_crashes_in_a_copy_is_left_to_a_kernel(monkeypatch):
    monkeypatch.setattr(mutate, "verdict", lambda mutant: "a kernel")
    monkeypatch.setattr(forks, "PATIENCE", 5)
    good = notebook("import os, time", "x = 1", "print(x)")
    found = [
        Mutation("hangs", "x = 1", "time.sleep(30)"),
        Mutation("crashes", "x = 1", "os._exit(1)"),
        Mutation("fails", "print(x)", "print(z)"),
    ]
    assert [by for _, by in mutate.verdicts(good, found)] == [
        "a kernel",
        "a kernel",
        "NameError: name 'z' is not defined",
    ]


def test_the_report_counts_what_is_an_error(monkeypatch):
    rows = [
        (Mutation("a", "1", "2"), "AssertionError: no"),
        (Mutation("b", "1", "2"), ""),
        (Mutation("c", "1", "2", survives="a matter of taste"), ""),
    ]
    text = report(rows)
    assert "| a | caught | AssertionError: no |" in text and "| b | SURVIVES |  |" in text
    assert "| c | survives, as said | a matter of taste |" in text
    assert text.endswith("caught 1 of 2; 1 more are no errors")


def test_the_command_refuses_a_page_without_mutations(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(mutate, "FOLDER", tmp_path)
    monkeypatch.setattr("sys.argv", ["mutate", "12"])
    with pytest.raises(SystemExit):
        mutate.main()
    assert "no mutations in" in capsys.readouterr().err
