"""medlib.models.judge: outlines that are learned, and findings that are read off them correctly."""

from __future__ import annotations

import numpy as np
import pytest

from medlib.lesson import setup
from medlib.models import judge

SHAPE = (16, 16, 1)
RNG = np.random.default_rng(0)


def scans(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Grey squares with a bright (kind 1) or dark (kind 2) block, or none: images, masks, kinds."""
    x, masks, kind = RNG.normal(0, 0.05, (n, *SHAPE)), np.zeros((n, 16, 16), bool), RNG.integers(0, 3, n)
    for i, k in enumerate(kind):
        if k:
            row, column, size = RNG.integers(1, 5), RNG.choice([1, 9]), RNG.integers(2, 5)
            masks[i, 2 * row : 2 * row + 2 + size, column : column + 2 + size] = True
            x[i, masks[i], 0] += 0.6 if k == 1 else -0.6
    return np.clip(x, -1, 1).astype("float32"), masks, kind


@pytest.fixture(scope="module")
def trained():
    setup(0)
    model = judge.compile_judge(judge.build_judge(SHAPE, 3), steps=240)
    history = judge.fit_judge(model, *scans(400), batch_size=20)
    return model, history


def test_the_judge_learns_to_outline(trained):
    model, history = trained
    assert history["loss"][-1] < 0.3 * history["loss"][0]
    x, masks, kind = scans(200)
    found, right, size = judge.findings(model, x, least=2)
    ill = kind > 0
    assert np.mean(found == kind) > 0.9
    assert np.mean(right[ill] == (masks[ill][:, :, 8:].sum((1, 2)) > 0)) > 0.95
    assert np.corrcoef(size[ill], masks[ill].sum((1, 2)))[0, 1] > 0.8


def test_shapes(trained):
    model, _ = trained
    x, masks, kind = scans(7)
    assert judge.features(model, x).shape == (7, 64)
    assert judge.coarse(masks, kind).shape == (7, 8, 8)
    assert model(x)["outline"].shape == (7, 8, 8, 3)
    with pytest.raises(ValueError, match=r"shape: got \(30, 32, 1\), expected sides divisible by 4"):
        judge.build_judge((30, 32, 1), 2)


def test_a_block_counts_when_half_of_it_is_masked():
    masks = np.zeros((1, 4, 4), bool)
    masks[0, 0, 0] = masks[0, 2:, 2] = True  # one pixel of a block; two pixels of another
    assert judge.coarse(masks, np.array([3])).tolist() == [[[0, 0], [0, 3]]]


class Said:
    """A judge whose outline is given: logits (n, 4, 4, 3)."""

    input_shape = (None, 8, 8, 1)

    def __init__(self, outline):
        self.outline = outline

    def __call__(self, x, training):
        return {"outline": self.outline}


def test_findings_are_read_off_the_outline():
    outline = np.zeros((3, 4, 4, 3), "float32")
    outline[..., 0] = 20  # nothing, everywhere
    outline[0, 1, 0] = outline[0, 2, 0] = [0, 20, 0]  # two blocks of kind 1 in the left half of the picture
    outline[1, 1, 3] = [0, 0, 20]  # one block of kind 2 in the right half: four pixels, not more
    kind, right, size = judge.findings(Said(outline), np.zeros((3, 8, 8, 1), "float32"))
    assert kind.tolist() == [1, 0, 0] and right.tolist() == [False, True, False]
    assert size == pytest.approx([8, 4, 0], abs=1e-3)
    assert judge.findings(Said(outline), np.zeros((3, 8, 8, 1), "float32"), least=3)[0].tolist() == [1, 2, 0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": np.zeros((9, 16, 16))}, r"x: got shape \(9, 16, 16\), expected \(n, 16, 16, 1\)"),
        ({"x": np.full((9, *SHAPE), 3.0)}, r"x: got values from 3 to 3, expected -1 to 1"),
        (
            {"masks": np.zeros((9, 8, 8), bool)},
            r"masks, kind: got shapes \(9, 8, 8\) and \(9,\), expected \(9, 16, 16\)",
        ),
        ({"kind": np.zeros(8, int)}, r"masks, kind: got shapes \(9, 16, 16\) and \(8,\)"),
    ],
)
def test_what_does_not_fit_is_named(change, message):
    parts = {"x": np.zeros((9, *SHAPE)), "masks": np.zeros((9, 16, 16), bool), "kind": np.zeros(9, int)} | change
    with pytest.raises(ValueError, match=message):
        judge.fit_judge(judge.build_judge(SHAPE, 3), **parts, epochs=1)
