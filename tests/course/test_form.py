"""The rules of the form can go red: a page that keeps them all, and one change for each way to break them."""

from __future__ import annotations

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tests.course import form, references
from tests.course.notebooks import Pair, cost, reading_minutes

QUESTION = "<details><summary>Why?</summary>Because nine words are needed here, and nine they are.</details>"
OPENING = """# A page

After this page you can **do** something.

| needs | read | run | data |
|---|---|---|---|
| nothing | 30 min | 5 s | simulated |

A scanner finds 27 of 30 strokes."""
FOLD = {"tags": ["hide-input"], "jupyter": {"source_hidden": True}}


def code(source: str, *outputs, **metadata):
    return new_code_cell(source, outputs=list(outputs), metadata=metadata)


def figure():
    return new_output("display_data", data={"image/png": "aGk="})


def data_frame():
    return new_output("execute_result", data={"text/html": "<div><table></table></div>"})


@pytest.fixture
def page() -> nbformat.NotebookNode:
    """Small, and as it should be."""
    exercise = "### Your turn\n\n**0.1** How many?"
    cells = [
        new_markdown_cell(OPENING),
        code("from medlib import plot\n\nx = 1"),
        code('plot.mosaic(x)\nax.set(title="Simulated heads")', figure(), **FOLD),
        new_markdown_cell("The heads differ in the size of their ventricles.\n\n$$a = b \\tag{0.1}$$"),
        code('claim("one", x > 0)\nclaim("two", x < 2)\ntable', data_frame()),
        new_markdown_cell("Each row is a model; the first leads by three points."),
        new_markdown_cell(exercise),
        *[code(f'answer = ...\ncheck("0.{k}", answer)') for k in (1, 2, 3)],
        code("# Solution 0.1", tags=["solution"], jupyter={"source_hidden": True}),
        new_markdown_cell("## Three questions\n\n" + "\n\n".join([QUESTION] * 3)),
    ]
    notebook = new_notebook(cells=cells)
    minutes = reading_minutes(notebook)
    cells[0].source = cells[0].source.replace("30 min", f"{minutes} min")
    return notebook


def test_a_good_page_keeps_every_rule(page):
    assert form.faults(page) == []


def test_the_minutes_are_the_formula(page):
    c = cost(page)
    assert (c.open_lines, c.formulas, c.figures, c.exercises, c.questions) == ((2, 3, 2, 2, 2), 1, 1, 3, 3)
    assert c.words == 90 and c.claims == 2 and c.folded == 2
    assert c.minutes == pytest.approx(90 / 200 + 11 * 8 / 60 + 0.5 + 40 / 60 + 15 + 3)
    assert reading_minutes(page) == 25  # 21.1, rounded up to five
    page.cells[1].source = "\n".join(["x = 1"] * 32)  # the empty line in it was not counted
    assert cost(page).minutes == pytest.approx(c.minutes + 30 * 8 / 60)


def edit(notebook, old: str, new: str) -> None:
    (cell,) = [cell for cell in notebook.cells if old in cell.source][:1]
    cell.source = cell.source.replace(old, new, 1)


BREAKS = {
    "one_sitting: 3": lambda page: page.cells.extend(code("x") for _ in range(300)),
    "one_sitting: 76 cells": lambda page: page.cells.extend(code("x") for _ in range(76 - len(page.cells))),
    "header_table: the opening": lambda page: edit(page, "| needs |", "| wants |"),
    "header_table: the header says": lambda page: edit(page, "25 min", "20 min"),
    "early_sight": lambda page: (edit(page, "27 of 30", "most"), page.cells[2].outputs.clear()),
    "short_open_cells: 16 lines": lambda page: edit(page, "x = 1", "\n".join(["x = 1"] * 15)),
    "short_open_cells: 31 lines": lambda page: (
        page.cells[1].metadata.update(tags=["long"]),
        edit(page, "x = 1", "\n".join(["x = 1"] * 30)),
    ),
    "short_open_cells: 2 cells with the tag": lambda page: [
        page.cells[i].metadata.update(tags=["long"]) for i in (1, 4)
    ],
    "short_open_cells: 1 lines of more than 88": lambda page: edit(page, "x = 1", f"x = {'1' * 85}"),
    "folds_carry_their_tag: the folded cell": lambda page: page.cells[2].metadata.update(tags=[]),
    "folds_carry_their_tag: 'plot.mosaic(x)' is tagged": lambda page: page.cells[2].metadata.pop("jupyter"),
    "folds_carry_their_tag: '# Solution 0.1' is tagged": lambda page: page.cells[10].metadata.pop("jupyter"),
    "few_claims: 41": lambda page: edit(page, "# Solution 0.1", "\n".join(['claim("x", x)'] * 39)),
    "few_claims: 3 claims in the open": lambda page: edit(page, "table", 'claim("three", x != 2)'),
    "says_what_is_seen: no markdown cell after the figure": lambda page: page.cells.insert(3, code("y = 1")),
    "says_what_is_seen: no markdown cell after the table": lambda page: page.cells.insert(5, code("y = 1")),
    "says_what_is_seen: after the figure": lambda page: edit(page, "The heads", "## Next\n\nThe heads"),
    "exercises_under_your_turn": lambda page: edit(page, "Your turn", "A task"),
    "quiz: 2": lambda page: edit(page, "Because nine words are needed here, and nine they are.", "No."),
    "quiz: 3 of 4": lambda page: edit(page, "Three questions", "Three questions\n<details>x</details>"),
    "simulated_images_say_so": lambda page: edit(page, "Simulated heads", "Heads"),
}


@pytest.mark.parametrize("fault", BREAKS)
def test_each_way_to_break_the_form_is_found(page, fault):
    BREAKS[fault](page)
    found = form.faults(page)
    assert any(line.startswith(fault) for line in found), found


def test_a_helper_may_say_simulated_for_the_cells_that_call_it(page):
    edit(page, "x = 1", "def show(x):\n    ax = plot.mosaic(x)")
    edit(page, 'plot.mosaic(x)\nax.set(title="Simulated heads")', "show(x)")
    assert any("simulated_images_say_so" in line for line in form.faults(page))
    edit(page, "ax = plot.mosaic(x)", 'plot.mosaic(x).set(title="simulated")')
    assert not any("simulated_images_say_so" in line for line in form.faults(page))


def test_pictures_of_real_data_are_not_called_simulated(page):
    page.cells.append(new_markdown_cell("## On real data"))
    page.cells += [code("ax.imshow(x)", figure()), new_markdown_cell("The chest is darker than the heads.")]
    assert not any("simulated_images_say_so" in line for line in form.faults(page))


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Each row is a model; the first leads.", True),
        ("**Left:** the heads. The ventricles differ in size.", True),
        ("## What it means", False),
        ("- a list of five words here.", False),
        ("| a | table |", False),
        ("$$x = y$$", False),
        ("<details>", False),
        ("Too short.", False),
        ("five words without an end", False),
    ],
)
def test_a_plain_sentence(text, plain):
    assert form.plain_sentence(text) == plain


# -------------------------------------------------------------------------------------------------------------- numbers


def test_a_number_that_leads_nowhere_is_found():
    targets = {"00", "12", "15"}, {"12.1", "12.12"}, {"12.3"}
    good = "See notebook 12, notebooks 00 and 15, (12.1) and (12.12), exercise 12.3; half is (.5), and (95 %)."
    assert references.dangling(good, *targets) == []
    bad = "Notebook 02, notebooks 12, 04 and 15, (12.2), (2.1) and Exercise 12.4"
    assert references.dangling(bad, *targets) == [
        "notebook 02", "notebook 04", "formula (12.2)", "formula (2.1)", "exercise 12.4",
    ]  # fmt: skip


def test_what_code_says_is_read_and_what_it_computes_is_not():
    source = '''def f(x):
    """By notebook 99."""
    # as in (98.1)
    return g(0.5) + h("the hint of (97.1)")'''
    said = references.spoken(source)
    assert "notebook 99" in said and "(98.1)" in said and "(97.1)" in said and "(0.5)" not in said


def test_all_kinds_of_places_are_read():
    places = {place for place, _ in references.texts()}
    assert {"README.md", "CONTRIBUTING.md", "medlib/checks/nb00.py", "medlib/metrics.py", "00_start_here"} <= places
    assert {"90", "91"} <= references.planned()


def test_a_page_says_what_its_code_says():
    assert "the formula by hand against the library" in references.page_text(Pair("00_start_here"))
