"""Nobody looks at the test part: the pages that decide something, and a small page that is broken on purpose."""

from __future__ import annotations

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tests.course import decisions
from tests.course.notebooks import pairs

PAIRS = [pair for pair in pairs() if decisions.last_decision(pair.source) is not None]


@pytest.mark.parametrize("pair", PAIRS, ids=[p.name for p in PAIRS])
def test_every_decision_is_the_same_with_a_scrambled_test_part(pair):
    _, found = decisions.faults(pair.source)
    assert found == []


CELLS = [
    """import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler
from medlib.data import load
from medlib.decisions import decide
from medlib.lesson import claim
biopsies = load("breast_cancer")
train, val, test = biopsies.split()""",
    """scaler = decide("scaler", StandardScaler().fit(train.x))
x_train, x_val, x_test = (scaler.transform(part.x) for part in (train, val, test))""",
    """def auc(C, x, part):
    return roc_auc_score(part.y, LogisticRegression(C=C).fit(x_train, train.y).decision_function(x))
strengths = [0.001, 0.1, 10, 1000]
best = decide("C", max(strengths, key=lambda C: auc(C, x_val, val)))
claim("the test AUC is above .98", auc(best, x_test, test) > 0.98)""",
    """def choose(p, y):
    return decide("threshold", max(t for t in p if np.mean(p[y == 1] >= t) >= 0.9))
model = LogisticRegression(C=best).fit(x_train, train.y)
line = choose(model.predict_proba(x_val)[:, 1], val.y)""",
    "raise SystemError('beyond the last decision: never run')",
]
BREAKS = {  # what is decided -> the line that decides it, and what a careless author writes
    "scaler": (1, "fit(train.x)", "fit(biopsies.x)"),
    "C": (2, "auc(C, x_val, val)", "auc(C, x_test, test)"),
    "threshold": (3, "(x_val)[:, 1], val.y", "(x_test)[:, 1], test.y"),
}


def page(*breaks: tuple[int, str, str]):
    sources = list(CELLS)
    for cell, old, new in breaks:
        assert old in sources[cell]
        sources[cell] = sources[cell].replace(old, new)
    return new_notebook(cells=[new_code_cell(source) for source in sources])


def test_an_honest_page_decides_the_same():
    assert decisions.last_decision(page()) == 3
    plain, found = decisions.faults(page())
    assert [d["name"] for d in plain] == ["scaler", "C", "threshold"] and found == []


def test_a_page_that_looks_at_the_test_part_is_red_in_each_decision():
    _, found = decisions.faults(page(*BREAKS.values()))
    assert [line.partition(":")[0] for line in found] == list(BREAKS)


def test_a_page_that_fails_as_it_stands_is_red():
    _, found = decisions.faults(page((1, "train.x)", "nonsense)")))
    assert "the page fails as it stands" in found[0]


def test_a_missing_decision_is_a_difference():
    one, two = ({"name": name, "value": "1", "bits": "f"} for name in ("width", "epoch"))
    assert decisions.differences([one, two], [one, two]) == []
    assert decisions.differences([one, two], [one]) and decisions.differences([one, two], [two, one])


def test_a_page_without_decisions_is_not_run():
    assert decisions.faults(new_notebook(cells=[new_code_cell("raise SystemError")])) == ([], [])
