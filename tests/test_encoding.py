"""Text is read and written as UTF-8 and says so: on a computer in Chinese, or without any language, as on ours."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys

import pytest

from tests.course.notebooks import ROOT

FOLDERS = ("medlib", "tests", "data", "notebooks/scripts")
SOURCES = sorted([ROOT / "conftest.py", *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))])


def unsaid(source: str) -> list[int]:
    """The lines where a child process is asked for text and not told in which encoding.

    ruff's PLW1514 sees to files; it does not look at processes. The options may stand in a call or in a dictionary.
    """
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            names = {option.arg for option in node.keywords}
        elif isinstance(node, ast.Dict):
            names = {key.value for key in node.keys if isinstance(key, ast.Constant)}
            names = names if "stdout" in names else set()
        else:
            continue
        if names & {"text", "universal_newlines"} and "encoding" not in names:
            found.append(node.lineno)
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_children_are_told_their_encoding(path):
    assert unsaid(path.read_text(encoding="utf-8")) == [], "say encoding='utf-8' in place of text=True"


def test_a_child_that_is_not_told_is_found():
    assert unsaid("run(command, text=True)") == unsaid("talk = {'stdout': PIPE, 'text': True}") == [1]
    assert unsaid("run(command, encoding='utf-8')") == []


def test_a_file_without_its_encoding_is_found():
    """The rule is a preview of ruff's, which has to be asked for; no other preview is on."""
    command = [
        "ruff",
        "check",
        "--no-cache",
        "--output-format=json",
        f"--stdin-filename={ROOT / 'medlib' / 'new.py'}",
        "-",
    ]
    run = subprocess.run(command, cwd=ROOT, input='open("a").read()\n', capture_output=True, encoding="utf-8")
    assert [finding["code"] for finding in json.loads(run.stdout)] == ["PLW1514"]


def test_without_a_language_and_with_every_encoding_asked_for():
    """``LC_ALL=C``, Python's UTF-8 mode off: ASCII is the rule, and a file opened without its encoding is an error."""
    pages = (
        "test_every_notebook_in_git_is_collected",
        "test_links_inside_the_repository",
    )
    tests = [
        "tests/test_store.py",
        "tests/test_checks.py",
        *(f"tests/course/test_contract.py::{page}" for page in pages),
    ]
    command = [sys.executable, "-X", "warn_default_encoding", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    environment = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    run = subprocess.run(
        [*command, *tests], cwd=ROOT, env=environment, capture_output=True, encoding="utf-8", timeout=300
    )
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
