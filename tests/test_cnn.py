"""medlib.models.cnn: shapes, losses, probabilities, and Grad-CAM against its closed form."""

from __future__ import annotations

import numpy as np
import pytest

from medlib.models.cnn import build_cnn, compile_cnn, grad_cam, probabilities

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 16, 16, 1)).astype("float32")


@pytest.fixture(scope="module")
def network():
    return build_cnn((16, 16, 1), 3, widths=(4, 8))


def test_the_network_has_the_layers_that_the_page_counts(network):
    convolutions, norms, dense = 9 * 1 * 4 + 9 * 4 * 8, 4 * (4 + 8), (8 + 1) * 3
    assert network.count_params() == convolutions + norms + dense
    assert network.output_shape == (None, 3)
    assert build_cnn((32, 32, 3), 1).output_shape == (None, 1)


def test_an_image_too_small_for_the_blocks_is_refused():
    with pytest.raises(ValueError, match=r"shape: got \(6, 32, 1\), expected sides of at least 8; enlarge"):
        build_cnn((6, 32, 1), 2)


def test_probabilities_add_up_to_one_in_batches(network):
    p = probabilities(network, np.repeat(X, 30, axis=0))  # more than one batch
    assert p.shape == (360, 3) and np.allclose(p.sum(axis=1), 1, atol=1e-6)
    logits = network(X, training=False).numpy()
    assert np.allclose(p[::30], np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True), atol=1e-6)


def test_images_without_sense_have_no_probabilities(network):
    for x, message in ((X[:0], "got no images"), (X[..., 0], r"got shape \(12, 16, 16\)"), (X * np.nan, "nan or inf")):
        with pytest.raises(ValueError, match=f"^x: {message}|^x: got .* {message}"):
            probabilities(network, x)


def test_one_logit_means_a_sigmoid():
    single = build_cnn((16, 16, 1), 1, widths=(4,))
    logits = single(X, training=False).numpy()[:, 0]
    assert np.allclose(probabilities(single, X), 1 / (1 + np.exp(-logits)), atol=1e-6)


@pytest.mark.parametrize(("classes", "loss"), [(1, "binary"), (3, "sparse_categorical")])
def test_the_loss_fits_the_number_of_logits(classes, loss):
    model = compile_cnn(build_cnn((16, 16, 1), classes, widths=(4,)), steps=10, rate=0.01)
    assert model.loss.name.startswith(loss) and model.loss.get_config()["from_logits"]
    assert np.isclose(model.optimizer.learning_rate, 0.01)  # the cosine begins at the rate that was asked for


def test_a_few_steps_move_every_weight_and_learn():
    y = (X.mean(axis=(1, 2, 3)) > 0).astype(int)
    images = X + 2 * y[:, None, None, None]
    model = compile_cnn(build_cnn((16, 16, 1), 2, widths=(4, 8), dropout=0.0), steps=60, rate=0.02)
    before = [w.numpy().copy() for w in model.trainable_variables]
    history = model.fit(images, y, epochs=30, batch_size=6, verbose=0).history
    assert all(np.any(b != w.numpy()) for b, w in zip(before, model.trainable_variables, strict=True))
    assert history["loss"][-1] < 0.3 * history["loss"][0] and history["accuracy"][-1] == 1


def test_grad_cam_is_the_class_activation_map_over_hw(network):
    import keras

    target = np.arange(12) % 3
    maps = keras.Model(network.input, network.layers[-3].input)(X, training=False).numpy()
    weights = network.layers[-1].kernel.numpy()[:, target]
    closed = np.maximum(0, np.einsum("nijk,kn->nij", maps, weights)) / 64
    cam = grad_cam(network, X, target)
    assert cam.shape == (12, 8, 8) and cam.min() >= 0 and cam.max() > 0
    assert np.allclose(cam, closed, atol=1e-6)
    assert not np.allclose(cam, grad_cam(network, X, (target + 1) % 3))


def test_grad_cam_of_a_model_around_the_network_says_what_is_missing(network):
    import keras

    learner = keras.Sequential([keras.Input((16, 16, 1)), keras.layers.RandomFlip(), network])
    message = r"^model: got \['RandomFlip', 'Network'\], expected a GlobalAveragePooling2D; pass the inner model$"
    with pytest.raises(ValueError, match=message):
        grad_cam(learner, X, np.zeros(12, int))
