"""Tables as papers print them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


def table_one(frame: pd.DataFrame, by: str, skewed: Sequence[str] = ()) -> pd.DataFrame:
    """Table 1 of a paper: who was studied, group by group.

    A measure is given as *mean (SD)*, one named in ``skewed`` as *median [quartiles]*, a category as *n (%)*, a column
    of 0 and 1 by its ones. Per cents are of those whose value is known; the column *missing* counts the others.

    With two groups the last column is the standardised mean difference (Austin 2009): the difference of the means (or
    shares) over the root of the mean of the two variances; about .1 and less is usually called balanced. Unlike a p
    value it does not grow with the number of patients. For a skewed measure it is that of the ranks.

    Parameters
    ----------
    frame
        One row a patient.
    by
        The column that makes the groups.
    skewed
        Measures for which a mean would mislead.

    Returns
    -------
    pandas.DataFrame
        Text, a row for each measure or category, a column for each group.

    Raises
    ------
    ValueError
        If ``by`` or a name in ``skewed`` is no column, ``by`` has missing values, or there are fewer than two groups.
    """
    import pandas as pd

    unknown = [name for name in (by, *skewed) if name not in frame.columns]
    if unknown:
        raise ValueError(f"by, skewed: got {unknown}, expected columns of the table, {', '.join(frame.columns)}")
    if frame[by].isna().any():
        raise ValueError(f"by: got {frame[by].isna().sum()} missing values in {by!r}, expected a group for every row")
    groups = {f"{by} {value}": part for value, part in frame.groupby(by, observed=True)}
    if len(groups) < 2:
        raise ValueError(f"by: got {len(groups)} group in {by!r}, expected at least two")
    rows = {"n": [*(str(len(part)) for part in groups.values()), "", ""]}
    for name in frame.columns.drop(by):
        column, missing = frame[name], str(frame[name].isna().sum())
        parts = [part[name].dropna() for part in groups.values()]
        values = column.dropna().unique()
        number = pd.api.types.is_numeric_dtype(column)
        if number and not set(values) <= {0, 1}:
            if name in skewed:
                rows[f"{name}, median [quartiles]"] = [*map(_quartiles, parts), missing, _apart(*_ranks(parts))]
            else:
                rows[f"{name}, mean (SD)"] = [*map(_mean, parts), missing, _apart(*parts)]
            continue
        for value in [1] if number else sorted(values):
            hits = [part == value for part in parts]
            label = f"{name}, n (%)" if number else f"{name}: {value}, n (%)"
            rows[label] = [*map(_share, hits), missing, _apart(*hits)]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=[*groups, "missing", "SMD"])
    return table if len(groups) == 2 else table.drop(columns="SMD")


def _mean(values) -> str:
    return f"{values.mean():.1f} ({values.std():.1f})"


def _quartiles(values) -> str:
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75]) if len(values) else [np.nan] * 3
    return f"{middle:.1f} [{low:.1f}, {high:.1f}]"


def _share(hits) -> str:
    return f"{hits.sum()} ({100 * hits.mean():.0f} %)"


def _ranks(parts) -> list:
    from scipy.stats import rankdata

    ranks = rankdata(np.concatenate(parts))
    return np.split(ranks, np.cumsum([len(part) for part in parts])[:-1])


def _apart(*parts) -> str:
    """The standardised mean difference of two groups, second minus first; nothing for another number of groups."""
    if len(parts) != 2:
        return ""
    first, second = (np.asarray(part, float) for part in parts)
    spread = np.sqrt((first.var(ddof=1) + second.var(ddof=1)) / 2)
    return f"{(second.mean() - first.mean()) / spread:.2f}" if spread > 0 else "—"
