"""An answer is really written in other ways, and a check that minds one of them is found."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pandas as pd

from tests.course.written import WAYS, in_other_ways


def test_a_number_is_written_in_every_way_once():
    written = dict(in_other_ways(0.078431))
    assert len(written) == len(WAYS) + 1 >= 6
    assert (
        isinstance(written["a list"], float) and written["an array"].shape == () and written["a column"].shape == (1,)
    )
    assert isinstance(written["a Series or a frame"], pd.Series) and hasattr(written["a tensor"], "numpy")
    assert written["fractions"].item() == Fraction(0.078431) and written["three digits"] == 0.0784


def test_what_a_function_returns_is_written_in_other_ways():
    written = dict(in_other_ways(lambda n: (np.ones(n) > 0, 2)))
    assert written["a list"](3) == [[True] * 3, 2]
    mask, two = written["0 and 1, or floats"](3)
    assert mask.dtype == float and two == 2.0
    assert [part.shape for part in written["a column"](3)] == [(3, 1), (1,)]


def test_words_get_capitals_and_blanks():
    assert dict(in_other_ways({"A": "no KL"}))["a list"] == {" a": " NO KL "}
