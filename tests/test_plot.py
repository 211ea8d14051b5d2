"""medlib.plot: figures are tested as data (what is drawn where), not as pictures."""

from __future__ import annotations

import base64
import io

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from medlib import plot
from medlib.metrics import Interval, proportion


@pytest.fixture(autouse=True)
def clean_figures():
    with mpl.rc_context():
        plot.style()
        yield
    plt.close("all")


@pytest.fixture
def images():
    return np.arange(5 * 8 * 6, dtype=np.uint8).reshape(5, 8, 6)


def canvas(ax) -> np.ndarray:
    return ax.images[0].get_array()


def test_style_is_colour_blind_safe_and_small():
    cycle = [entry["color"] for entry in mpl.rcParams["axes.prop_cycle"]]
    assert cycle == list(plot.COLOURS) and len(set(cycle)) == 7
    assert mpl.rcParams["figure.dpi"] == 90 and mpl.rcParams["image.cmap"] == "gray"


# ----------------------------------------------------------------------------------------------------------- pictures


def pictures(figure) -> tuple[np.ndarray, np.ndarray, int, int]:
    """A figure in all colours and as it is stored, both with twice the pixels; bytes of its plain PNG, and stored."""
    from IPython.core.pylabtools import print_figure, retina_figure
    from PIL import Image

    stored, shown = plot._picture(figure)
    image = Image.open(io.BytesIO(stored))
    assert image.mode == "P" and image.size[0] in (2 * shown["width"], 2 * shown["width"] + 1)
    full = Image.open(io.BytesIO(retina_figure(figure, base64=False)[0]))
    colours = [np.asarray(i.convert("RGB")).astype(int) for i in (full, image)]
    assert len(np.unique(colours[1].reshape(-1, 3), axis=0)) <= 256
    return *colours, len(print_figure(figure)), len(stored)


def test_a_scan_keeps_its_greys_and_takes_fewer_bytes():
    grey = np.random.default_rng(0).integers(0, 256, (6, 24, 24))
    full, stored, plain, small = pictures(plot.mosaic(grey, vmin=0, vmax=255).figure)
    assert (full == stored).all() and small < plain


def test_lines_keep_their_colours_and_take_fewer_bytes():
    """Bands upon bands have ten thousand colours: the fullest figure of all. The seven lines come out as they are."""
    x = np.linspace(0, 20, 200)
    _, ax = plt.subplots()
    for k in range(7):
        ax.plot(x, np.sin(x + k), linestyle="-", linewidth=3)
        ax.fill_between(x, np.sin(x + k) - 0.2, np.sin(x + k) + 0.2, alpha=0.2)
    full, stored, plain, small = pictures(ax.figure)
    assert small < plain
    error = np.abs(full - stored).max(axis=-1)
    assert error.mean() < 1 and (error > 16).mean() < 0.01 and error.max() < 64
    for colour in plot.COLOURS:
        of_line = (full == np.round(255 * np.array(mpl.colors.to_rgb(colour)))).all(axis=-1)
        assert of_line.sum() > 100 and error[of_line].max() <= 3


def test_a_transparent_figure_stays_transparent_and_an_empty_one_is_none():
    from PIL import Image

    figure, ax = plt.subplots(facecolor="none")
    ax.plot([1, 2])
    image = Image.open(io.BytesIO(plot._picture(figure)[0]))
    assert image.mode == "RGBA" and image.getextrema()[3] == (0, 255)
    assert plot._picture(plt.figure()) is None


@pytest.mark.filterwarnings("ignore:IPython parent")
def test_a_notebook_shows_them_at_their_size(monkeypatch):
    """In a real kernel, by plt.show() and at the end of a cell; a reader's own choice of format is respected."""
    import nbformat
    from nbclient import NotebookClient
    from PIL import Image

    monkeypatch.delenv("MPLBACKEND", raising=False)
    cells = [
        "import matplotlib.pyplot as plt\nfrom medlib import plot\nplot.style()",
        "plt.plot([1, 2])\nplt.show()",
        "%matplotlib inline\nplt.plot([1, 2]);",
        "%config InlineBackend.figure_formats = ['svg']\nplt.plot([1, 2]);",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, kernel_name="python3", timeout=120, extra_arguments=["--log-level=40"]).execute()
    outputs = [cell.outputs for cell in notebook.cells]
    assert outputs[0] == [] and "image/svg+xml" in outputs[3][0].data and "image/png" not in outputs[3][0].data
    for (output,) in outputs[1:3]:
        image = Image.open(io.BytesIO(base64.b64decode(output.data["image/png"])))
        shown = output.metadata["image/png"]
        assert image.mode == "P" and (shown["width"], shown["height"]) == (image.width // 2, image.height // 2)
        assert 500 < shown["width"] < 600


# ------------------------------------------------------------------------------------------------------------- mosaic


def test_mosaic_tiles_row_by_row(images):
    ax = plot.mosaic(images, columns=3)
    tiles = canvas(ax)
    assert tiles.shape == (2 * 8, 3 * 7)
    for i, image in enumerate(images):
        top, left = i // 3 * 8, i % 3 * 7
        np.testing.assert_array_equal(tiles[top : top + 8, left : left + 6], image)
    assert tiles.mask.sum() == tiles.size - images.size, "only the images are drawn, the rest stays blank"
    assert not ax.axison


def test_mosaic_takes_one_channel_and_one_row_of_at_most_ten(images):
    np.testing.assert_array_equal(canvas(plot.mosaic(images[..., None])), canvas(plot.mosaic(images)))
    assert canvas(plot.mosaic(images)).shape == (8, 5 * 7)
    assert canvas(plot.mosaic(np.tile(images, (5, 1, 1)))).shape == (3 * 8, 10 * 7)


def test_mosaic_keeps_the_grey_window(images):
    assert plot.mosaic(images, vmin=0, vmax=80).images[0].get_clim() == (0, 80)
    assert plot.mosaic(images).images[0].get_clim() == (images.min(), images.max())


@pytest.mark.parametrize(("dtype", "white"), [(np.uint8, 255), (np.float32, 1)])
def test_colour_images_lie_on_white(dtype, white):
    """A mask would not do: matplotlib draws what lies under the mask of a colour image."""
    images = np.zeros((3, 4, 4, 3), dtype)
    ax = plot.mosaic(images, columns=2, titles="abc")
    tiles = canvas(ax)
    assert tiles.dtype == dtype and (np.asarray(tiles) == white).sum() == tiles.size - images.size


def test_float_and_boolean_images(images):
    assert canvas(plot.mosaic(images / 255)).max() == images.max() / 255
    ax = plot.mosaic(images > 100)
    ax.figure.canvas.draw()
    assert canvas(ax).sum() == (images > 100).sum()


def test_titles_stand_above_their_tile(images):
    ax = plot.mosaic(images, columns=3, titles=["a", "b", "c", "d", "e"])
    assert [text.get_text() for text in ax.texts] == list("abcde")
    head = 3
    for i, text in enumerate(ax.texts):
        x, y = text.get_position()
        top, left = i // 3 * (8 + head) + head, i % 3 * 7
        assert left < x < left + 6 and top - head < y < top
        np.testing.assert_array_equal(canvas(ax)[top : top + 8, left : left + 6], images[i])


def test_masks_are_outlined_in_their_tile(images, recwarn):
    masks = np.zeros((5, 8, 6), bool)
    masks[4, 2:5, 1:4] = masks[3] = True
    ax = plot.mosaic(images, columns=3, masks=masks)
    (outline,) = ax.collections  # the other masks are empty, or full
    box = outline.get_paths()[0].get_extents()
    top, left = 8, 7
    assert left + 0 < box.x0 < left + 1 and left + 3 < box.x1 < left + 4
    assert top + 1 < box.y0 < top + 2 and top + 4 < box.y1 < top + 5
    assert [str(w.message) for w in recwarn] == []


def test_mosaic_draws_into_the_axes_it_is_given(images):
    _, ax = plt.subplots()
    assert plot.mosaic(images, ax=ax) is ax and len(plt.get_fignums()) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.zeros((8, 6))}, r"images: got shape \(8, 6\), expected \(n, height, width\).*image\[None\]"),
        ({"images": np.zeros((0, 8, 6))}, r"images: got shape \(0, 8, 6\)"),
        ({"images": np.zeros((2, 8, 6, 4))}, r"images: got shape \(2, 8, 6, 4\)"),
        ({"titles": ["a"]}, r"titles: got 1, expected one for each of the 5 images"),
        ({"masks": np.zeros((5, 8, 5))}, r"masks: got shape \(5, 8, 5\), expected \(5, 8, 6\)"),
    ],
)
def test_mosaic_names_what_does_not_fit(images, change, message):
    with pytest.raises(ValueError, match=message):
        plot.mosaic(**{"images": images, **change})


# ------------------------------------------------------------------------------------------------------------- curves


def test_curves_draws_rounds_from_one():
    ax = plot.curves({"loss": [3.0, 2.0, 1.0], "val_loss": [3.0, 2.5, 2.2]})
    assert [line.get_label() for line in ax.lines] == ["loss", "val_loss"]
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), [[1, 3], [2, 2], [3, 1]])
    assert ax.get_xlabel() == "round" and len(ax.get_legend().get_texts()) == 2
    assert all(float(tick).is_integer() for tick in ax.get_xticks()), "there is no round 1.5"


def test_curves_draws_the_keys_asked_for_and_refuses_others():
    history = {"loss": [1.0], "acc": [0.5]}
    assert [line.get_label() for line in plot.curves(history, ["acc"]).lines] == ["acc"]
    with pytest.raises(ValueError, match=r"keys: got \['auc'\], expected some of \['acc', 'loss'\]"):
        plot.curves(history, ["auc"])


def test_curves_of_a_training_stopped_in_its_first_round(recwarn):
    assert len(plot.curves({}).lines) == 0
    assert [str(w.message) for w in recwarn] == []


# -------------------------------------------------------------------------------------------------------- reliability


def test_reliability_shows_share_against_prediction_with_wilson_bars():
    p = np.repeat([0.1, 0.9], 50)
    y = np.concatenate([np.arange(50) < 5, np.arange(50) < 40]).astype(int)
    ax = plot.reliability(y, p, bins=2)
    diagonal, points = ax.lines[0], ax.containers[0]
    np.testing.assert_allclose(diagonal.get_xydata(), [[0, 0], [1, 1]])
    np.testing.assert_allclose(points[0].get_xydata(), [[0.1, 0.1], [0.9, 0.8]])
    bars = [segment[:, 1] for segment in points[2][0].get_segments()]
    expected = [(i.low, i.high) for i in (proportion(5, 50), proportion(40, 50))]
    np.testing.assert_allclose(bars, expected)
    assert ax.get_xlabel() == "predicted probability" and ax.get_ylabel() == "observed share"


def test_reliability_of_few_cases_has_fewer_bins():
    ax = plot.reliability([0, 1, 1], [0.2, 0.6, 0.7], bins=10)
    assert len(ax.containers[0][0].get_xdata()) == 3


@pytest.mark.parametrize(
    ("y", "p", "message"),
    [
        ([0, 1], [0.5], "got 2 labels and 1 predictions"),
        ([], [], "at least one"),
        ([0, 2], [0.5, 0.5], "expected labels 0 or 1"),
        ([0, 1], [-1.0, 3.0], "apply a sigmoid to logits"),
        ([0, 1], [0.5, np.nan], r"probabilities in \[0, 1\]"),
    ],
)
def test_reliability_names_what_does_not_fit(y, p, message):
    with pytest.raises(ValueError, match=message):
        plot.reliability(y, p)


# ----------------------------------------------------------------------------------------------------------- intervals


def test_intervals_are_drawn_from_low_to_high_the_first_on_top():
    ax = plot.intervals({"network": Interval(0.9, 0.85, 0.92), "forest": Interval(0.8, 0.7, 0.88)})
    bars = [container.lines[2][0].get_segments()[0] for container in ax.containers]
    np.testing.assert_allclose(bars, [[[0.85, 0], [0.92, 0]], [[0.7, 1], [0.88, 1]]])
    points = [container.lines[0].get_xydata()[0].tolist() for container in ax.containers]
    assert points == [[0.9, 0], [0.8, 1]]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["network", "forest"]
    assert ax.get_ylim()[0] > ax.get_ylim()[1] and ax.get_xlabel() == "score (95 % interval)"


def test_a_table_of_scores_is_drawn_by_column():
    gap = Interval(0.1, -0.02, 0.2)
    table = pd.DataFrame(
        {"AUC": [Interval(0.9, 0.8, 1.0)] * 2, "AUC minus forest": [gap, "—"]}, index=["net", "forest"]
    )
    ax = plot.intervals(table)
    assert len(ax.containers) == 2 and ax.get_xlabel() == "AUC (95 % interval)"
    assert not any(list(line.get_xdata()) == [0, 0] for line in ax.lines)
    for differences in (plot.intervals(table, "AUC minus forest"), plot.intervals(table["AUC minus forest"])):
        assert [label.get_text() for label in differences.get_yticklabels()] == ["net"]
        assert differences.get_xlabel() == "AUC minus forest (95 % interval)"
        assert any(list(line.get_xdata()) == [0, 0] for line in differences.lines)


def test_intervals_refuse_what_holds_none():
    with pytest.raises(ValueError, match="column: got 'F1', expected one of AUC"):
        plot.intervals(pd.DataFrame({"AUC": [Interval(1, 1, 1)]}), "F1")
    with pytest.raises(ValueError, match="table: got no interval"):
        plot.intervals({"network": 0.9})
