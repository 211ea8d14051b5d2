"""Low-rank adaptation: against the model in numpy, at the start, after a change, and in its slopes."""

from __future__ import annotations

import numpy as np
import pytest

from medlib.lesson import quiet_keras

quiet_keras()

import tensorflow as tf  # noqa: E402

from medlib.models import llm, lora  # noqa: E402

SHAPES = [llm.Shape(64, 3, 8, 2, 96, 260), llm.Shape(24, 4, 6, 3, 40, 300, base=500.0, eps=1e-3)]
TEXTS = [[5, 9, 200, 9, 31, 7, 0, 18], [4, 77, 3], [250, 1, 2, 17, 90]]


@pytest.fixture(params=SHAPES, ids=["eight heads", "six heads"])
def model(request):
    return llm.random_model(np.random.default_rng(3), request.param)


def adapted_to(model, layers=2, rank=3, scale=0.7, moved=True):
    rng = np.random.default_rng(4)
    changes = lora.new_changes(model, layers, rank, rng)
    for matrix in lora.variables(changes) if moved else ():
        matrix.assign(rng.normal(size=matrix.shape) / 4)
    return lora.Adapted(model, changes, scale)


def read(model, depth):
    return [(tokens, lora.states(model, tokens)[depth]) for tokens in TEXTS]


def merge(W, A, B, scale):
    return W + scale * B @ A


def test_states_are_those_of_the_model(model):
    found = lora.states(model, TEXTS[0])
    assert found.shape == (model.shape.layers + 1, 8, model.shape.width)
    logits = llm.rms_norm(found[-1], model.norm, model.shape.eps) @ model.embedding.T
    np.testing.assert_array_equal(logits, llm.run(model, TEXTS[0]))


def test_without_a_change_the_model_says_what_it_said(model):
    adapted = adapted_to(model, moved=False)
    expected = np.concatenate([llm.nats(model, tokens) for tokens in TEXTS])
    np.testing.assert_allclose(adapted.nats(read(model, adapted.depth)), expected, atol=2e-4)


def test_a_change_is_that_of_the_merged_matrices(model):
    adapted = adapted_to(model)
    merged = adapted.merged(merge)
    expected = np.concatenate([llm.nats(merged, tokens) for tokens in TEXTS])
    before = np.concatenate([llm.nats(model, tokens) for tokens in TEXTS])
    assert abs(expected - before).max() > 0.1, "a comparison needs a change that matters"
    np.testing.assert_allclose(adapted.nats(read(model, adapted.depth)), expected, atol=2e-4)


def test_merging_leaves_the_model_alone(model):
    before = [layer["q"].copy() for layer in model.layers]
    merged = adapted_to(model).merged(merge)
    assert all(np.array_equal(layer["q"], old) for layer, old in zip(model.layers, before, strict=True))
    assert np.array_equal(merged.layers[0]["q"], before[0]) and not np.array_equal(merged.layers[-1]["q"], before[-1])


def test_slopes_are_those_of_small_steps(model):
    adapted = adapted_to(model)
    texts, matrices = read(model, adapted.depth), lora.variables(adapted.changes)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(adapted.nats(texts))
    slopes = tape.gradient(loss, matrices)
    rng, step = np.random.default_rng(5), 1e-2
    for matrix, slope in zip(matrices, slopes, strict=True):
        way, ends = rng.normal(size=matrix.shape).astype("float32"), []
        for sign in (step, -2 * step, step):
            matrix.assign_add(sign * way)
            ends.append(float(tf.reduce_mean(adapted.nats(texts))))
        expected = float(tf.reduce_sum(slope * way))
        assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(expected, rel=0.03, abs=3e-3)


@pytest.mark.parametrize(
    ("layers", "rank", "name"), [(0, 2, "layers"), (9, 2, "layers"), (1, 0, "rank"), (1, 99, "rank")]
)
def test_impossible_changes_are_refused(model, layers, rank, name):
    with pytest.raises(ValueError, match=f"{name}: got"):
        lora.new_changes(model, layers, rank, np.random.default_rng(0))
