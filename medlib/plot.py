"""Figures in one style. Every helper takes an Axes (or makes one) and returns it."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence

import numpy as np

#: Colours that readers with any kind of colour vision tell apart (Okabe and Ito 2008), dark ones first.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")

#: Line styles that go with them, so that curves can be told apart in grey.
LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)), "-")


def style() -> None:
    """Set the course's figure style: colour-blind-safe colours, light grid; in a notebook, sharp and small pictures."""
    import matplotlib as mpl

    mpl.rcParams.update(
        {
            "axes.prop_cycle": mpl.cycler(color=COLOURS, linestyle=LINES),
            "axes.grid": True,
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.titlesize": 11,
            "figure.constrained_layout.use": True,
            "figure.dpi": 90,
            "figure.figsize": (6.4, 3.6),
            "figure.max_open_warning": 0,
            "font.size": 10,
            "grid.alpha": 0.3,
            "image.cmap": "gray",
            "legend.frameon": False,
        }
    )
    _sharpen()


def _sharpen() -> None:
    """In a notebook that shows its figures on the page: draw them as :func:`_picture` does. Elsewhere do nothing."""
    import matplotlib as mpl

    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if hasattr(shell, "kernel") and "inline" in str(mpl.get_backend(auto_select=False)):
        import matplotlib_inline.backend_inline  # noqa: F401 - its first import sets a format of its own

        shell.display_formatter.formatters["image/png"].for_type(mpl.figure.Figure, _picture)


def _picture(figure) -> tuple[bytes, dict[str, int]] | None:
    """A PNG with twice the pixels of ``figure``, in at most 256 colours, and the width and height at which to show it.

    For the course's figures this takes fewer bytes than a PNG in all colours with half the pixels. The palette is
    chosen so that the worst error is small (maximal coverage), then moved to the means of what it stands for: greys of
    a scan and the colours of lines stay as they are, to within what an eye can tell.
    """
    from IPython.core.pylabtools import retina_figure
    from PIL import Image

    drawn = retina_figure(figure, base64=False)
    if drawn is None:  # an empty figure
        return None
    png, shown = drawn
    image = Image.open(io.BytesIO(png))
    if image.mode == "RGBA" and image.getextrema()[3][0] < 255:  # a transparent figure keeps all its colours
        return drawn
    small = io.BytesIO()
    image.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=1).save(small, "png", optimize=True)
    return small.getvalue(), shown


def _axes(ax, figsize: tuple[float, float] | None = None):
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=figsize)[1]


def mosaic(
    images,
    columns: int | None = None,
    titles: Sequence[str] | None = None,
    vmin: float | None = None,
    vmax: float | None = None,
    masks=None,
    ax=None,
):
    """Tile images in one Axes, row by row.

    Parameters
    ----------
    images
        Shape (n, height, width), (n, height, width, 1) or (n, height, width, 3).
    columns
        Images in a row; all in one row by default, at most ten.
    titles
        One short text above each image.
    vmin, vmax
        The values shown black and white; by default the smallest and the largest.
    masks
        Shape (n, height, width): outlined where true.

    Raises
    ------
    ValueError
        If the shapes, or the number of titles or masks, do not fit.
    """
    from matplotlib.patheffects import withStroke

    images = np.asarray(images)
    if images.ndim == 4 and images.shape[-1] == 1:
        images = images[..., 0]
    if images.ndim not in (3, 4) or (images.ndim == 4 and images.shape[-1] != 3) or not len(images):
        raise ValueError(
            f"images: got shape {images.shape}, expected (n, height, width) with n >= 1; for one image pass image[None]"
        )
    n, height, width = images.shape[:3]
    if titles is not None and len(titles) != n:
        raise ValueError(f"titles: got {len(titles)}, expected one for each of the {n} images")
    if masks is not None and np.shape(masks) != (n, height, width):
        raise ValueError(f"masks: got shape {np.shape(masks)}, expected {(n, height, width)}")
    columns = columns or min(n, 10)
    rows = -(-n // columns)
    head = 0 if titles is None else max(3, round(height * 0.17))  # room for the titles, in pixels
    step = (height + head, width + 1)
    size = (rows * step[0], columns * step[1], *images.shape[3:])
    if images.ndim == 4:  # colour: the room between the images is white, as a mask would show what lies in memory
        canvas = np.full(size, 255 if images.dtype.kind in "iu" else 1, images.dtype)
    else:
        canvas = np.ma.array(np.zeros(size, images.dtype), mask=True)  # zeros: matplotlib looks under the mask
    ax = _axes(ax, (min(10, 1.15 * columns), min(10, 1.15 * columns) * rows * step[0] / (columns * step[1])))
    corners = [(i // columns * step[0] + head, i % columns * step[1]) for i in range(n)]
    for (top, left), image in zip(corners, images, strict=True):
        canvas[top : top + height, left : left + width] = image
    ax.imshow(canvas, vmin=vmin, vmax=vmax, interpolation="nearest")
    for i, (top, left) in enumerate(corners):
        if masks is not None and 0 < np.count_nonzero(masks[i]) < height * width:  # else there is no outline to draw
            ys, xs = np.arange(top, top + height), np.arange(left, left + width)
            outline = ax.contour(xs, ys, np.asarray(masks[i]) != 0, levels=[0.5], colors=COLOURS[1], linewidths=0.9)
            outline.set_path_effects([withStroke(linewidth=2.4, foreground="black")])  # seen on grey in grey, too
        if titles is not None:
            ax.text(left + width / 2, top - 0.8, titles[i], ha="center", va="bottom", fontsize=8)
    ax.set_axis_off()
    return ax


def curves(history: dict[str, Sequence[float]], keys: Sequence[str] | None = None, ax=None):
    """Training curves: one line for each key of ``history``, over rounds counted from one.

    A round is what ``medlib.models.training.fit`` reports on: a share of the steps, or an epoch.
    """
    keys = list(history) if keys is None else list(keys)
    unknown = [key for key in keys if key not in history]
    if unknown:
        raise ValueError(f"keys: got {unknown}, expected some of {sorted(history)}")
    ax = _axes(ax)
    for key in keys:
        ax.plot(np.arange(1, len(history[key]) + 1), history[key], label=key, marker=".")
    ax.set(xlabel="round")
    ax.xaxis.get_major_locator().set_params(integer=True)
    if keys:  # a training that was stopped in its first round has no history
        ax.legend()
    return ax


def reliability(y, p, bins: int = 10, ax=None, label: str | None = None):
    """Reliability diagram: how often the event happened against how often it was predicted, in bins of equal counts.

    Bars are 95 % Wilson intervals. On the diagonal the predicted probabilities are calibrated.

    Raises
    ------
    ValueError
        If lengths differ, labels are not 0 or 1, or ``p`` leaves [0, 1].
    """
    from medlib.metrics import proportion

    y, p = np.ravel(y), np.ravel(p)
    if len(y) != len(p) or not len(y):
        raise ValueError(f"y, p: got {len(y)} labels and {len(p)} predictions, expected the same number, at least one")
    if not np.isin(y, (0, 1)).all() or not ((p >= 0) & (p <= 1)).all():
        raise ValueError("y, p: expected labels 0 or 1 and probabilities in [0, 1]; apply a sigmoid to logits")
    ax = _axes(ax, (4.2, 4.2))
    parts = [part for part in np.array_split(np.argsort(p, kind="stable"), bins) if len(part)]
    x = np.array([p[part].mean() for part in parts])
    seen = [proportion(int(y[part].sum()), len(part)) for part in parts]
    middle = np.array([s.value for s in seen])
    error = np.abs(np.array([[s.low, s.high] for s in seen]).T - middle)
    ax.plot([0, 1], [0, 1], color="0.5", linestyle=":")
    ax.errorbar(x, middle, yerr=error, marker="o", capsize=2, linewidth=1, label=label)
    ax.set(xlabel="predicted probability", ylabel="observed share", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    return ax


def intervals(table, column: str | None = None, ax=None):
    """Values with their 95 % intervals as error bars, one row each, the first on top.

    Parameters
    ----------
    table
        A table of ``medlib.metrics.score_table``, one of its columns, or a dictionary name -> Interval.
    column
        Which column of a table; the first one by default. In a column of differences (*AUC minus forest*) a dotted line
        marks 0, and the rival, which has none, is left out.

    Raises
    ------
    ValueError
        If the table has no such column, or holds no interval.
    """
    if hasattr(table, "columns"):
        column = table.columns[0] if column is None else column
        if column not in table.columns:
            raise ValueError(f"column: got {column!r}, expected one of {', '.join(map(str, table.columns))}")
        table = table[column]
    named = getattr(table, "name", None) if column is None else column
    rows = {name: value for name, value in dict(table).items() if hasattr(value, "low")}
    if not rows:
        raise ValueError(
            "table: got no interval, expected name -> Interval, as medlib.metrics.score_table returns them"
        )
    ax = _axes(ax, (6.4, 0.9 + 0.35 * len(rows)))
    for place, value in enumerate(rows.values()):
        error = [[value.value - value.low], [value.high - value.value]]
        ax.errorbar(value.value, place, xerr=error, marker="o", capsize=3, color=COLOURS[0], linestyle="none")
    ax.set(yticks=range(len(rows)), yticklabels=list(rows), ylim=(len(rows) - 0.5, -0.5))
    ax.set(xlabel=f"{named or 'score'} (95 % interval)")
    if " minus " in str(named):
        ax.axvline(0, color="0.5", linestyle=":")
    return ax
