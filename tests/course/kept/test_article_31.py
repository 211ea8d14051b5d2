"""What left notebook 31 still runs, and what it claims still holds."""

import runpy
from pathlib import Path


def test_parzen_windows_and_rare_codes(capsys):
    runpy.run_path(str(Path(__file__).with_name("article_31.py")))
    assert capsys.readouterr().out.count("✓") == 4
