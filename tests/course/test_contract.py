"""The contract that every notebook keeps (README, *How the course is checked*). It reads files; nbval executes them."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess

import pytest

from medlib import checks
from tests.course import form, references
from tests.course.build import same, without_data
from tests.course.notebooks import (
    NOTEBOOKS,
    ROOT,
    SCRIPTS,
    Pair,
    claims,
    digest,
    folded,
    images,
    in_git,
    pairs,
    reading_minutes,
    seconds,
)
from tests.course.written import in_other_ways

PAIRS = pairs()
every_notebook = pytest.mark.parametrize("pair", PAIRS, ids=[p.name for p in PAIRS])

MAX_BYTES = 700_000
OPENING_WORDS = "you can"
CLOSING_WORDS = ("in this notebook we", "pitfall", "further reading")


# ---------------------------------------------------------------------------------------------------------------- pairs


def test_every_notebook_has_its_pair():
    assert {p.stem for p in SCRIPTS.glob("*.py")} == {p.stem for p in NOTEBOOKS.glob("*.ipynb")} != set()


@every_notebook
def test_pair_is_equal_by_content(pair):
    assert same(pair), f"edit {pair.script.name} and run `make notebooks`: script and notebook differ"


@every_notebook
def test_saving_a_page_changes_nothing(pair):
    """Not even the order of a cell's tags: JupyterLab refuses a page whose notebook is newer than another script."""
    assert pair.script.read_text(encoding="utf-8") == pair.saved(), "run `make notebooks`"


@every_notebook
def test_outputs_belong_to_the_code(pair):
    counts = [cell.execution_count for cell in pair.cells("code")]
    assert counts == list(range(1, len(counts) + 1)), "not executed from top to bottom in a fresh kernel"
    assert pair.stored.metadata.medlib.code == digest(pair.stored), "code changed after the outputs were made"


@every_notebook
def test_no_error_and_no_stderr_is_stored(pair):
    for cell in pair.cells("code"):
        for out in cell.outputs:
            assert out.output_type != "error", cell.source
            assert out.get("name") != "stderr", f"{cell.source}\n-> {out.get('text')}"


@every_notebook
def test_a_page_is_stored_as_it_is_with_its_data(pair):
    assert not without_data(pair.stored)


@every_notebook
def test_nothing_is_skipped_or_allowed_to_fail(pair):
    for cell in pair.cells("code"):
        tags = set(cell.metadata.get("tags", ()))
        assert not tags & {"nbval-skip", "nbval-raises-exception", "raises-exception", "nbval-ignore-output"}
        assert not re.search(r"NBVAL_(SKIP|RAISES_EXCEPTION|IGNORE_OUTPUT)", cell.source)


@every_notebook
def test_no_machine_or_path_of_the_author_is_stored(pair):
    text = pair.path.read_text(encoding="utf-8")
    assert len(text.encode()) <= MAX_BYTES, f"{len(text) / 1000:.0f} kB stored: fewer or smaller figures"
    assert not re.search(r"/(home|root|work|Users|tmp)/\w+", re.sub(r'"image/png": "[^"]+"', "", text))


# ------------------------------------------------------------------------------------------------------- opening, close


@every_notebook
def test_opening_cell(pair):
    opening = pair.stored.cells[0].source
    assert opening.startswith("# ") and OPENING_WORDS in opening.lower()
    assert list(pair.header()) == ["needs", "read", "run", "data"]
    first_five = pair.stored.cells[:5]
    assert any(c.cell_type == "code" and c.outputs for c in first_five) or "|" in opening


@every_notebook
def test_header_times_are_not_below_what_was_measured(pair):
    header = pair.header()
    assert header["read"] == f"{reading_minutes(pair.stored)} min"
    measured = pair.stored.metadata.medlib.seconds
    budget = 90 if "gan" in pair.name else 60  # where a GAN trains
    assert measured <= seconds(header["run"]) <= budget, f"measured {measured} s"


@every_notebook
def test_closing_cells(pair):
    end = "\n".join(cell.source for cell in pair.stored.cells[-4:]).lower()
    assert [words for words in CLOSING_WORDS if words not in end] == []


# ---------------------------------------------------------------------------------------------------------------- cells


@every_notebook
def test_form(pair):
    """Every rule of ``tests/course/form.py``; ``python -m tests.course.form`` says the same before anything is run."""
    faults = form.faults(pair.stored)
    assert not faults, f"{pair.name}:\n" + "\n".join(faults)


@every_notebook
def test_figures_have_alt_text_and_few_enough_output_lines(pair):
    for cell in pair.cells("code"):
        if images(cell):
            alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
            assert len(alt) > 25, f"no alt text on the figure of:\n{cell.source}"
        printed = "".join(out.text for out in cell.outputs if out.output_type == "stream")
        assert len(printed.splitlines()) <= 60


# ------------------------------------------------------------------------------------------------------------- formulas


def equations(text: str) -> list[str]:
    """The numbers in a list such as "(20.1), (20.3) and (20.4)" or "(20.12) to (20.14)"."""
    found = []
    for first, last in re.findall(r"\((\d+\.\d+)\)(?: to \((\d+\.\d+)\))?", text):
        page, start = first.split(".")
        found += [f"{page}.{k}" for k in range(int(start), int((last or first).split(".")[1]) + 1)]
    return found


def test_lists_of_equations_are_read():
    assert equations("(20.1), (20.3) and (20.4)") == ["20.1", "20.3", "20.4"]
    assert equations("(20.12) to (20.14)") == ["20.12", "20.13", "20.14"]


@every_notebook
def test_every_formula_has_its_twin(pair):
    tags = re.findall(r"\\tag\{([^}]+)\}", pair.prose)
    assert tags == [f"{pair.number}.{k}" for k in range(1, len(tags) + 1)], "number the formulas in order"
    twins = {}
    for cell in pair.cells("code"):
        match = re.match(r"# Equations? ((?:\(\d+\.\d+\)(?:, | and | to )?)+)", cell.source)
        for number in equations(match.group(1)) if match else ():
            twins.setdefault(number, []).append(cell.source)
    assert set(twins) == set(tags), "every \\tag{N.k} needs a cell that begins '# Equation (N.k)', and the reverse"
    assert [n for n, cells in twins.items() if not any(claims(c) for c in cells)] == [], "a twin without a claim"


@every_notebook
def test_display_formulas_are_numbered_or_part_of_an_exercise(pair):
    for formula in re.findall(r"\$\$(.+?)\$\$", pair.prose, re.DOTALL):
        assert "\\tag{" in formula, f"a displayed formula without a number: {formula.strip()[:80]}"


def vacuous(call: ast.Call) -> str | None:
    """Why this claim cannot fail, or None."""
    if len(call.args) < 2:
        return "no condition"
    condition = call.args[1]
    if not any(isinstance(node, ast.Name) for node in ast.walk(condition)):
        return "the condition names nothing that was computed"
    for node in ast.walk(condition):
        if isinstance(node, ast.BoolOp) and any(isinstance(value, ast.Constant) for value in node.values):
            return "a constant stands in an and/or"
        if isinstance(node, ast.Compare):
            sides = [ast.dump(side) for side in (node.left, *node.comparators)]
            if len(set(sides)) < len(sides):
                return "a value is compared with itself"
            if any(
                isinstance(s, ast.Call) and ast.unparse(s).endswith("('inf')") for s in (node.left, *node.comparators)
            ):
                return "nothing is above infinity"
    return None


@every_notebook
def test_claims_can_fail(pair):
    found = [call for cell in pair.cells("code") for call in claims(cell.source)]
    assert found, "a notebook without a claim"
    assert [(ast.unparse(call), vacuous(call)) for call in found if vacuous(call)] == []


@every_notebook
def test_claims_were_printed(pair):
    """The sentence of every claim that is not inside an ``if`` stands in the stored output of its cell."""
    for cell in pair.cells("code"):
        printed = "".join(out.text for out in cell.outputs if out.output_type == "stream")
        for statement in ast.parse(cell.source).body:
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
                for call in claims(ast.unparse(statement)):
                    if isinstance(call.args[0], ast.Constant):
                        assert f"✓ {call.args[0].value}" in printed


@pytest.mark.parametrize(
    "line",
    [
        'claim("always", True)',
        'claim("always", 1 < 2)',
        'claim("always", x < 1 or True)',
        'claim("always", x == x)',
        'claim("always", x < float("inf"))',
        'claim("always")',
    ],
)
def test_a_claim_that_cannot_fail_is_found(line):
    (call,) = claims(line)
    assert vacuous(call)


def test_an_honest_claim_is_not_called_vacuous():
    (call,) = claims('claim("close to a half", abs(np.mean(x) - 0.5) < 0.02)')
    assert vacuous(call) is None


# ------------------------------------------------------------------------------------------------------------ exercises


def exercise_cells(pair, solution: bool) -> dict[str, object]:
    """The stub (or solution) cell of each exercise, by number."""
    found = {}
    for cell in pair.cells("code"):
        number = re.search(r'^check\("(\d+\.\d+)"', cell.source, re.MULTILINE)
        if number and ("solution" in cell.metadata.get("tags", ())) == solution:
            assert number.group(1) not in found, f"two cells check exercise {number.group(1)}"
            found[number.group(1)] = cell
    return found


@every_notebook
def test_exercises(pair):
    stubs, solutions = exercise_cells(pair, False), exercise_cells(pair, True)
    numbers = [f"{pair.number}.{k}" for k in range(1, len(stubs) + 1)]
    assert list(stubs) == list(solutions) == numbers and len(numbers) >= 3
    assert {e for e in checks.exercises() if e.split(".")[0] == str(pair.number)} == set(numbers)
    for number in numbers:
        stub, solution = stubs[number], solutions[number]
        assert f"… {number} not attempted" in stub.outputs[0].text
        assert solution.source.startswith(f"# Solution {number}")
        assert folded(solution)
        assert f"✓ {number} passed" in solution.outputs[0].text
        order = [id(c) for c in pair.stored.cells]
        assert order.index(id(stub)) + 1 == order.index(id(solution)), "the solution follows its exercise"
        assert re.search(rf"\*\*{re.escape(number)}\b", pair.prose), f"exercise {number} has no text"


def answers(pair):
    """The module with right and wrong answers to the exercises of a page."""
    return importlib.import_module(f"tests.course.wrong.nb{pair.number:02d}")


@every_notebook
def test_right_answers_pass_in_whatever_way_they_are_written(pair):
    right = answers(pair).RIGHT
    assert set(right) == set(exercise_cells(pair, False))
    for number, variants in right.items():
        for answer in variants:
            for way, written in in_other_ways(answer):
                if way == "three digits" and number in getattr(answers(pair), "EXACT", ()):
                    continue
                outcome, hint = checks.judge(number, written)
                assert outcome == checks.PASSED, f"{number}, written as {way}: {outcome}, {hint!r}"


@every_notebook
def test_typical_wrong_answers_get_their_own_hint(pair):
    wrong = answers(pair).WRONG
    assert set(wrong) == set(exercise_cells(pair, False))
    for number, cases in wrong.items():
        hints = []
        for answer, phrase in cases:
            outcome, hint = checks.judge(number, answer)
            assert outcome == checks.WRONG, f"{number}: {answer!r} was {outcome}"
            assert phrase in hint, f"{number}: {answer!r} got {hint!r}"
            hints.append(hint)
        assert len(set(hints)) >= 2, f"{number}: at least two typical mistakes, each with its own hint"


@every_notebook
def test_an_answer_of_the_wrong_kind_gets_a_hint(pair):
    for number in exercise_cells(pair, False):
        for answer in ("a word", None, [], float("nan"), lambda *args: None):
            outcome, hint = checks.judge(number, answer)
            assert outcome == checks.WRONG and hint, f"{number}: {answer!r} was {outcome}"
        assert checks.judge(number, lambda *args: ...)[0] != checks.PASSED


@every_notebook
def test_three_questions(pair):
    blocks = re.findall(r"<details>\s*<summary>(.+?)</summary>(.+?)</details>", pair.prose, re.DOTALL)
    assert len(blocks) >= 3 and all(len(answer.split()) >= 8 for _, answer in blocks)


# ---------------------------------------------------------------------------------------------------------- shared code


def definition(source: str, name: str) -> str:
    """The statement that defines ``name``, without comments, docstring or layout."""
    for node in ast.parse(source).body:
        if getattr(node, "name", None) == name:
            for part in ast.walk(node):
                if isinstance(part, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(part):
                    part.body = part.body[1:] or [ast.Pass()]
                if isinstance(part, (ast.FunctionDef,)):
                    part.returns = None
                if isinstance(part, ast.arg):
                    part.annotation = None
            return ast.unparse(node)
    raise AssertionError(f"{name} is not defined here")


@every_notebook
def test_code_shown_is_the_code_of_the_package(pair):
    for cell in pair.cells("code"):
        for tag in cell.metadata.get("tags", ()):
            if tag.startswith("medlib:"):
                module, name = tag.removeprefix("medlib:").rsplit(".", 1)
                package = inspect.getsource(importlib.import_module(f"medlib.{module}"))
                assert definition(cell.source, name) == definition(package, name), f"{tag} differs from the package"


# ---------------------------------------------------------------------------------------------------- links, repository


def anchors(text: str) -> set[str]:
    """JupyterLab's heading anchors: the text with spaces as hyphens."""
    return {re.sub(r"\s+", "-", h.strip()) for h in re.findall(r"^#{1,6} (.+)$", text, re.MULTILINE)}


def prose(path) -> str:
    return Pair(path.stem).prose if path.suffix == ".ipynb" else path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", references.DOCUMENTS + [p.path for p in PAIRS], ids=lambda p: p.name)
def test_links_inside_the_repository(path):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(path)):
        if re.match(r"(https?|mailto):", target):
            continue
        file, _, anchor = target.partition("#")
        there = (path.parent / file).resolve() if file else path
        assert there.exists(), f"{path.name}: link to {target}"
        if anchor:
            known = anchors(prose(there))
            assert anchor in known | {a.lower() for a in known}, f"{path.name}: no heading for {target}"


def test_every_number_that_is_named_leads_somewhere():
    targets = references.targets()
    lost = {place: references.dangling(text, *targets) for place, text in references.texts()}
    assert {place: numbers for place, numbers in lost.items() if numbers} == {}


def test_what_is_planned_does_not_exist_yet():
    assert references.planned() & {pair.name[:2] for pair in PAIRS} == set(), "move its row from *Planned* to the map"


def test_the_readme_maps_every_notebook_with_its_times():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for pair in PAIRS:
        row = next((line for line in readme.splitlines() if f"](notebooks/{pair.name}.ipynb)" in line), "")
        header = pair.header()
        assert row, f"README has no row for {pair.name}"
        assert f"| {header['read']} | {header['run']} |" in row, (
            f"README's times for {pair.name} differ from its header"
        )


def test_every_notebook_in_git_is_collected():
    files = in_git()
    if files is None:
        pytest.skip("git does not answer: no git, no .git, or the folder belongs to somebody else")
    assert {f"notebooks/{p.name}.ipynb" for p in PAIRS} == {name for name in files if name.endswith(".ipynb")}
    assert {f"notebooks/scripts/{p.name}.py" for p in PAIRS} == {name for name in files if name.endswith(".py")}


@every_notebook
def test_setup_comes_before_keras(pair):
    """``setup`` makes the reader's KERAS_BACKEND and keras.json harmless, which is too late after ``import keras``."""
    code = "\n".join(cell.source for cell in pair.cells("code"))
    first = re.search(r"^(import|from) (keras|tensorflow|medlib\.models)\b", code, re.MULTILINE)
    assert first is None or re.search(r"^\w+ = setup\(", code[: first.start()], re.MULTILINE), first.group()


def test_the_project_is_tidy():
    for command in (["ruff", "check"], ["ruff", "format", "--check"]):
        result = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8")
        assert result.returncode == 0, result.stdout + result.stderr
