"""What left notebook 30 still runs, and what it claims still holds."""

import runpy
from pathlib import Path


def test_the_article_s_objective_and_its_repair(capsys):
    runpy.run_path(str(Path(__file__).with_name("article_30.py")))
    assert capsys.readouterr().out.count("✓") == 21
