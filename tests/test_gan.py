"""medlib.models.gan: each step moves its own network for its own loss, and bad input is refused with a sentence."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit

from medlib.lesson import setup
from medlib.models import gan
from medlib.models.pose import pose, turn
from medlib.models.training import keras
from tests.tools import At, red_checks

SHAPE, LATENT = (8, 8, 1), 3
RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(-1, 1, (40, *SHAPE)).astype("float32")
WISHES = RNG.integers(0, 2, (40, 8, 8, 2)).astype("float32")
Z = RNG.normal(size=(40, LATENT)).astype("float32")


def new(wishes: int = 0, kind=None, **options) -> gan.GAN:
    setup(0)
    networks = gan.build_generator(SHAPE, LATENT, wishes, 4, 8), gan.build_discriminator(SHAPE, wishes, 4)
    return (kind or gan.SteadyGAN)(*networks, **options)


def weights(*models) -> list[np.ndarray]:
    return [w.numpy().copy() for model in models for w in model.trainable_variables]


def moved(model, before) -> float:
    return max(np.abs(w.numpy() - b).max() for w, b in zip(model.trainable_variables, before, strict=True))


def step(model, images=IMAGES[:16], rate_G=1e-3, rate_D=1e-3) -> tuple[float, float]:
    """One training step with two step sizes; returns how far generator and discriminator moved."""
    model.compile(keras.optimizers.Adam(rate_G, beta_1=0.5), keras.optimizers.Adam(rate_D, beta_1=0.5))
    before = weights(model.generator), weights(model.discriminator)
    model.train_step(tf.constant(images))
    return moved(model.generator, before[0]), moved(model.discriminator, before[1])


# ------------------------------------------------------------------------------------------------------------ the step


def check_both_move(kind) -> None:
    """Both networks move in one step."""
    G, D = step(new(kind=kind))
    assert G > 1e-4 and D > 1e-4


def check_each_optimiser_moves_its_own(kind) -> None:
    """With a step size of 0 for one player, only the other moves, and exactly that one."""
    for rates, which in (({"rate_G": 0.0}, 1), ({"rate_D": 0.0}, 0)):
        distance = step(new(kind=kind), **rates)
        assert distance[which] > 1e-4 and distance[1 - which] == 0.0


def gradients(kind) -> tuple[list[np.ndarray], list[np.ndarray], gan.GAN]:
    """The gradients that one step hands to the two optimisers, for a discriminator that is sure of itself."""
    model, seen = new(kind=kind), {}
    head = model.discriminator.layers[-1]
    head.bias.assign([-6.0])
    model.compile()
    for name in ("g_optimizer", "d_optimizer"):
        optimiser = getattr(model, name)
        apply = optimiser.apply

        def note(g, v, name=name, apply=apply):
            seen[name] = [np.asarray(x) for x in g]
            apply(g, v)

        object.__setattr__(optimiser, "apply", note)
    model.noise.state.assign([7, 7])
    model.train_step(tf.constant(IMAGES))
    return seen["g_optimizer"], seen["d_optimizer"], model


def check_gradients_are_those_of_the_formulas(kind) -> None:
    """Against -log D and -V written with sigmoids and float64 slopes: (1 - s) and s, not their mirror images."""
    by_step_G, by_step_D, _ = gradients(kind)
    model = new()
    model.discriminator.layers[-1].bias.assign([-6.0])
    model.noise.state.assign([7, 7])
    z = keras.random.normal((40, LATENT), seed=model.noise)
    with tf.GradientTape(persistent=True) as tape:
        fake = model.generator(z, training=True)
        s, r = tf.sigmoid(model.discriminator(fake)), tf.sigmoid(model.discriminator(IMAGES))
        loss_G = -tf.reduce_mean(tf.math.log(s))
        loss_D = -tf.reduce_mean(tf.math.log(r)) - tf.reduce_mean(tf.math.log(1 - s))
    for ours, loss, network in ((by_step_G, loss_G, model.generator), (by_step_D, loss_D, model.discriminator)):
        for a, b in zip(ours, tape.gradient(loss, network.trainable_variables), strict=True):
            assert a == pytest.approx(np.asarray(b), rel=2e-3, abs=1e-5)


def check_average(kind) -> None:
    """The steady generator keeps the share ``average`` of its weights and takes the rest from the new ones."""
    model = new(kind=kind, average=0.75)
    before = [w.numpy().copy() for w in model.steady.weights]
    step(model)
    for old, slow, fast in zip(before, model.steady.weights, model.generator.weights, strict=True):
        assert slow.numpy() == pytest.approx(0.75 * old + 0.25 * fast.numpy(), abs=1e-6)


def check_training_mode(kind) -> None:
    """Images of a step come from batch normalisation in training: its running averages move."""
    model = new(kind=kind)
    running = [w.numpy().copy() for w in model.generator.non_trainable_variables]
    step(model)
    assert (
        max(np.abs(w.numpy() - r).max() for w, r in zip(model.generator.non_trainable_variables, running, strict=True))
        > 1e-3
    )


CHECKS = (
    check_both_move,
    check_each_optimiser_moves_its_own,
    check_gradients_are_those_of_the_formulas,
    check_training_mode,
)


@pytest.mark.parametrize("kind", [gan.GAN, gan.SteadyGAN])
@pytest.mark.parametrize("check", CHECKS, ids=lambda f: f.__name__)
def test_the_step_is_right(check, kind):
    check(kind)


def test_the_average_is_right():
    check_average(gan.SteadyGAN)


STEP_D, STEP_G = (f"self.{n.lower()}_optimizer.apply(tape_{n}.gradient({n.lower()}_loss, {n}), {n})" for n in "DG")
WANTS_G = "generator_loss(forged)"
DOUBTS = "discriminator_loss(genuine, forged)"
MISTAKES = {
    "D frozen": (STEP_D, "pass"),
    "G frozen": (STEP_G, "pass"),
    "G detached": (WANTS_G, "generator_loss(self.discriminator(tf.stop_gradient(fake)))"),
    "labels swapped": (DOUBTS, "discriminator_loss(forged, genuine)"),
    "G as in predict": ("fake = self.generator(joined(z, wish), training=training)", "fake = self.generator(z)"),
    "saturating loss": (WANTS_G, "-tf.reduce_mean(tf.nn.softplus(forged))"),
    "-log dropped": (WANTS_G, "tf.reduce_mean(1 - tf.sigmoid(forged))"),
    "G pleases nobody": (WANTS_G, "generator_loss(-forged)"),
    "D trains G": (STEP_D, "self.g_optimizer.apply(tape_D.gradient(d_loss, G), G)"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_the_checks_find_the_mistake(name):
    """Each mistake, written into the source of the model, turns at least one of the checks red."""
    # Keras refuses gradients that are all None; a frozen player has none to look at
    assert red_checks(gan, gan.GAN, *MISTAKES[name], CHECKS, ValueError, KeyError)


def test_the_check_of_the_average_finds_it_upside_down():
    right = "self.average * slow + (1 - self.average) * new"
    assert red_checks(gan, gan.SteadyGAN, right, "self.average * new", [check_average])
    assert red_checks(gan, gan.SteadyGAN, right, "(1 - self.average) * slow + self.average * new", [check_average])


def test_alone_the_discriminator_learns_what_is_real():
    """Real images get the larger logit: +, fakes the smaller: -."""
    model = new()
    model.compile(keras.optimizers.SGD(0.0), keras.optimizers.Adam(1e-2, beta_1=0.5))
    model.fit(IMAGES, epochs=60, batch_size=40, verbose=0)
    real, fake = model.discriminator(IMAGES), model.discriminator(model.generator(Z, training=True))
    assert np.mean(real) > 1 and np.mean(fake) < -1


def test_alone_the_generator_seeks_approval():
    model = new()
    model.compile(keras.optimizers.Adam(1e-2, beta_1=0.5), keras.optimizers.SGD(0.0))

    def opinion():
        return np.mean(model.discriminator(model.generator(Z, training=True)))

    before = opinion()
    model.fit(IMAGES, epochs=60, batch_size=40, verbose=0)
    assert opinion() > before + 0.05


# ---------------------------------------------------------------------------------------------------------- the losses


def test_losses_and_their_slopes():
    logits = np.linspace(-8, 8, 33)
    s = expit(logits)
    for a, p in zip(logits, s, strict=True):
        assert float(gan.generator_loss(tf.constant(a))) == pytest.approx(-np.log(p), rel=1e-6)
        both = gan.discriminator_loss(tf.constant(a), tf.constant(a))
        assert float(both) == pytest.approx(-np.log(p) - np.log(1 - p), rel=1e-6)
    x = tf.constant(logits)
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = gan.generator_loss(x) * len(logits)
    assert tape.gradient(loss, x).numpy() == pytest.approx(-(1 - s))


def test_r1_is_half_gamma_times_the_squared_slope():
    w = RNG.normal(size=64).astype("float32")

    def linear(image):
        return tf.reduce_sum(tf.reshape(image, (-1, 64)) * w, axis=1)  # the slope is w everywhere

    assert float(gan.r1(linear, tf.constant(IMAGES), 3.0)) == pytest.approx(1.5 * np.sum(w**2), rel=1e-5)


def test_a_conditional_discriminator_also_refuses_what_does_not_fit():
    """-log D(x, c) - (1 - m) log(1 - D(G, c)) - m log(1 - D(x, c')), with the wish of the neighbour in the batch."""
    model = new(2, gan.ConditionalGAN)
    real, fake, misfit = (tf.constant(RNG.normal(size=(4, 1))) for _ in range(3))
    wish = [tf.reshape(tf.range(4.0), (4, 1, 1, 1))]
    seen = []

    def detective(parts, training):
        seen.append(parts[1][:, 0, 0, 0].numpy().tolist())
        return real if seen[-1] == [0, 1, 2, 3] else misfit

    object.__setattr__(model, "discriminator", detective)
    loss = float(model.d_loss(real, fake, wish, training=True))
    p, q, other = (expit(logit.numpy()) for logit in (real, fake, misfit))
    m = model.mismatch
    assert loss == pytest.approx(-np.mean(np.log(p) + (1 - m) * np.log(1 - q) + m * np.log(1 - other)), rel=1e-6)
    assert [3, 0, 1, 2] in seen and 0 < m < 1


def test_r1_counts_in_the_discriminators_loss_only():
    values = []
    for gamma in (0.0, 2.0):
        model = new(gamma=gamma)
        model.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.0))
        values.append([float(v) for v in model.train_step(tf.constant(IMAGES)).values()])
    penalty = float(gan.r1(new().discriminator, tf.constant(IMAGES[:4]), 2.0))
    assert values[1][0] == pytest.approx(values[0][0] + penalty, rel=1e-4) and values[1][1] == values[0][1]


# --------------------------------------------------------------------------------------------------- networks, training


def test_the_networks_have_the_shapes_that_were_asked_for():
    G, D = gan.build_generator((16, 24, 3), 5, 2), gan.build_discriminator((16, 24, 3), 2)
    image = np.asarray(G([np.zeros((2, 5)), np.zeros((2, 16, 24, 2))]))
    assert image.shape == (2, 16, 24, 3) and D([image, np.zeros((2, 16, 24, 2))]).shape == (2, 1)
    assert np.abs(image).max() <= 1
    with pytest.raises(ValueError, match=r"shape: got \(30, 32, 1\), expected sides divisible by 4"):
        gan.build_generator((30, 32, 1), 5)
    with pytest.raises(
        ValueError, match=r"shape: got \(28, 28, 1\), expected sides divisible by 8; pad the images to 32 x 32"
    ):
        gan.build_discriminator((28, 28, 1))


def laid(rows: int, rng) -> tuple:
    """A sketching generator whose usual image is an ellipse, wider along its first axis; poses, noise and maps."""
    y, x = np.mgrid[:32, :32] - 15.5
    narrow, wide = (np.where((y / 12) ** 2 + (x / width) ** 2 < 1, 0.9, -0.9).ravel() for width in (7, 9))
    axes = np.stack([wide - narrow, 0.1 * rng.normal(size=1024)])
    poses = rng.normal(size=(200, 3)) * [0.15, 1.0, 2.0] + [0.1, 0.5, -1.0]
    model = gan.build_sketching_generator((32, 32, 1), 8, 2, poses, narrow, axes)
    z, wish = rng.normal(size=(rows, 8)), rng.integers(0, 2, (rows, 32, 32, 2))
    lies = poses.mean(axis=0) + z[:, :3] * poses.std(axis=0)
    sketch = (narrow + z[:, 3:5] @ axes).clip(-1, 1).reshape(-1, 32, 32, 1)
    return model, lies.astype("float32"), sketch.astype("float32"), z.astype("float32"), wish.astype("float32")


def silence(model) -> None:
    """Leave the last convolution of a generator nothing to change."""
    last = next(layer for layer in reversed(model.layers) if isinstance(layer, keras.layers.Conv2D))
    last.kernel.assign(0 * last.kernel)


def test_noise_lays_the_picture_and_weighs_the_sketch():
    """With no change to it, a drawing is the sketch, turned: mean and deviation of the real poses times the noise."""
    model, lies, sketch, z, wish = laid(20, np.random.default_rng(1))
    silence(model)
    drawn = np.asarray(model([z, wish]))
    assert drawn == pytest.approx(np.tanh(turn(np.arctanh(0.97 * sketch), lies)), abs=1e-4)
    assert (np.abs(pose(drawn) - lies).max(axis=0) < [0.15, 0.5, 0.5]).all()  # radians, pixels; the ellipse is coarse


def test_the_picture_is_drawn_upright_to_an_upright_wish():
    """The inner network sees the upright map and the sketch, its maps are turned, and every wish and noise counts."""
    model, lies, sketch, z, wish = laid(5, np.random.default_rng(2))
    inner = next(layer for layer in model.layers if isinstance(layer, keras.Model))
    asked = np.concatenate([turn(wish, lies, back=True), sketch], axis=-1)
    line = np.arctanh(0.97 * sketch)
    turned = turn(np.concatenate([inner([z[:, 3:], asked]), line], axis=-1), lies)
    first = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)][0]
    heard = keras.Model(model.inputs, first.input)([z, wish])
    assert np.asarray(heard) == pytest.approx(np.concatenate([turned, wish], axis=-1), abs=1e-4)
    for other in ([z, 1 - wish], [np.concatenate([z[:, :5], -z[:, 5:]], axis=1), wish]):
        assert np.abs(np.asarray(model(other)) - np.asarray(model([z, wish]))).max() > 1e-3


def test_a_sketch_is_whitened_components_that_do_not_see_lesions():
    rng = np.random.default_rng(4)
    true = rng.normal(size=(3, 64)) * [[3.0], [2.0], [1.0]]
    images = (1 + rng.normal(size=(400, 3)) @ true).reshape(-1, *SHAPE)
    healthy, lesion = np.arange(400) < 300, np.zeros((400, *SHAPE), bool)
    usual, axes, scores = gan.linear_sketch(images, lesion, healthy, 3)
    assert scores[healthy].var(axis=0, ddof=1) == pytest.approx(np.ones(3), rel=1e-6)
    assert usual + scores @ axes == pytest.approx(images.reshape(400, -1), abs=1e-6)  # also of the ill
    lesion[350, :4] = True
    spoilt = images.copy()
    spoilt[350, :4] = 100.0
    again = gan.linear_sketch(spoilt, lesion, healthy, 3)[2]
    assert np.delete(again, 350, axis=0) == pytest.approx(np.delete(scores, 350, axis=0))
    half = np.where(lesion[350], usual.reshape(SHAPE), images[350]).ravel() - usual
    assert again[350] == pytest.approx(half @ axes.T / np.sum(axes**2, axis=1))


def sketched(rows: int = 16):
    """A game over a sketch, and what ``fit_gan`` takes."""
    model, _, sketch, z, wish = laid(rows, np.random.default_rng(3))
    game = gan.SketchGAN(model, gan.build_discriminator((32, 32, 1), 2, 4))
    return game, sketch, wish, z


def test_a_game_over_a_sketch_is_trained_saved_and_read_back(tmp_path):
    game, x, wish, z = sketched()
    before = weights(game.generator)
    linear = next(layer for layer in game.generator.layers if isinstance(layer, keras.layers.Dense))
    axes = linear.kernel.numpy().copy()
    gan.fit_gan(gan.compile_gan(game, 2), x, wish, z[:, :5], batch_size=8)
    assert min(np.abs(w - b).max() for w, b in zip(weights(game.generator), before, strict=True)) > 0
    assert axes.shape == (2, 1024) and np.array_equal(linear.kernel, axes)  # the sketch stays
    game.save(tmp_path / "game.keras")
    again = keras.saving.load_model(tmp_path / "game.keras")
    assert gan.generate(again, z, wish) == pytest.approx(gan.generate(game, z, wish), abs=1e-5)


def test_a_drawing_pays_for_its_distance_to_the_scan_whose_code_it_has(monkeypatch):
    """-log D and 30 times the mean absolute difference; the code comes first, the rest of the noise is drawn."""
    game, x, wish, z = sketched()
    seen = {}

    def artist(parts, training):
        seen["z"], seen["wish"] = (part.numpy() for part in parts)
        return tf.constant(-x)

    object.__setattr__(game, "generator", artist)
    object.__setattr__(game, "discriminator", lambda parts, training: tf.ones((len(parts[0]), 1)))
    asked = game.parts((x, {"wish": wish, "code": z[:, :5]}))
    monkeypatch.setattr(gan.SketchGAN, "latent", 8)
    g_loss = float(game.losses(*asked, training=True)[1])
    assert g_loss == pytest.approx(np.log(1 + np.exp(-1)) + game.likeness * np.mean(np.abs(2 * x)), rel=1e-5)
    assert np.array_equal(seen["z"][:, :5], z[:, :5]) and np.array_equal(seen["wish"], wish)
    assert seen["z"].shape == (16, 8) and 0.5 < seen["z"][:, 5:].std() < 1.5


def test_a_code_is_refused_where_it_does_not_fit():
    game, x, wish, z = sketched()
    gan.compile_gan(game, 2)
    for code, got in ((None, "None"), (z[:4, :5], r"shape \(4, 5\)"), (np.zeros((16, 9)), r"shape \(16, 9\)")):
        with pytest.raises(ValueError, match=f"code: got {got}, expected \\(16, m\\), the first m of 8 numbers"):
            gan.fit_gan(game, x, wish, code)
    with pytest.raises(ValueError, match="code: got 1 values that are nan or infinite"):
        gan.fit_gan(game, x, wish, np.where(np.arange(16)[:, None] == 3, np.nan, z[:, :1]))
    with pytest.raises(ValueError, match="y: got ndarray, expected a dictionary of 'wish' and 'code'"):
        game.fit(x, wish, verbose=0)
    with pytest.raises(ValueError, match="code: got one for a game without a sketch, expected None"):
        gan.fit_gan(gan.compile_gan(new(2), 2), IMAGES, WISHES, Z)


def test_a_wish_reaches_image_and_opinion():
    model = new(2)
    other = gan.generate(model, Z, 1 - WISHES, steady=False)
    assert np.abs(gan.generate(model, Z, WISHES, steady=False) - other).max() > 0.01
    opinion = model.discriminator([IMAGES, WISHES]), model.discriminator([IMAGES, 1 - WISHES])
    assert np.abs(opinion[0] - opinion[1]).max() > 0.01


@pytest.mark.parametrize("wishes", [0, 2])
def test_the_game_brings_images_closer(wishes):
    """Real images are bright in the left half, and dark in the right."""
    model = new(wishes, gan.ConditionalGAN if wishes else gan.SteadyGAN)
    x = (np.where(np.arange(8) < 4, 0.8, -0.8)[None, None, :, None] + 0.05 * IMAGES).astype("float32")
    wish = (WISHES,) if wishes else ()

    def error():
        return np.abs(gan.generate(model, Z, *wish) - x.mean(0)).mean()

    before = error()
    history = gan.fit_gan(gan.compile_gan(model, 240, 4e-3), x, *wish, epochs=60, batch_size=10)
    assert error() < 0.7 * before
    assert set(history) == {"d_loss", "g_loss"} and len(history["d_loss"]) == 60


def test_the_stop_button_leaves_a_model_that_goes_on(capsys):
    model = gan.compile_gan(new(), steps=26)
    history = gan.fit_gan(model, IMAGES, batch_size=10, callbacks=[At(KeyboardInterrupt(), 2)])
    assert len(history["d_loss"]) == 2 and "stopped by you after 2 of 6 rounds" in capsys.readouterr().out
    assert np.isfinite(gan.generate(model, Z)).all()
    assert int(model.d_optimizer.iterations) == 10  # 26 steps in six rounds: 5, 5, 5, 5, 5, 1
    more = gan.fit_gan(model, IMAGES, batch_size=10)
    assert len(more["d_loss"]) == 4 and int(model.d_optimizer.iterations) == 26
    with pytest.raises(ValueError, match="the schedule of 26 steps is at its end"):
        gan.fit_gan(model, IMAGES, batch_size=10)


def test_a_diverging_game_stops_with_a_sentence():
    model = gan.compile_gan(new(), rate=1e30)
    with pytest.raises(FloatingPointError, match=r"_loss' became .* training stopped. Lower the learning rate"):
        gan.fit_gan(model, IMAGES, epochs=40, batch_size=10)


def test_the_optimisers_are_those_that_were_named():
    model = new()
    model.compile()
    assert all(o.beta_1 == 0.5 and np.isclose(o.learning_rate, 1e-3) for o in (model.g_optimizer, model.d_optimizer))
    mine = keras.optimizers.SGD(0.25)
    model.compile("rmsprop", mine)
    assert model.d_optimizer is mine and isinstance(model.g_optimizer, keras.optimizers.RMSprop)
    assert model.optimizer is None, "neither of the two is the model's one optimiser"
    with pytest.raises(ValueError, match="^d_optimizer: got the generator's, expected another"):
        model.compile(mine, mine)
    gan.compile_gan(model, steps=100, rate=0.01)
    for optimiser in (model.g_optimizer, model.d_optimizer):
        rates = [float(optimiser._learning_rate(step)) for step in (0, 50, 100, 200)]
        assert rates == pytest.approx([0.01, 0.00625, 0.0025, 0.0025], rel=1e-4)


# ------------------------------------------------------------------------------------------------------------ bad input

BAD = {
    "hounsfield": (IMAGES * 90 + 35, "2 * brain_window(x) - 1"),
    "bytes": (IMAGES * 127 + 128, "x / 127.5 - 1"),
    "no channel": (IMAGES[..., 0], "last axis"),
    "three channels": (IMAGES.repeat(3, axis=-1), "expected (n, 8, 8, 1)"),
    "other size": (IMAGES[:, :4], "expected (n, 8, 8, 1)"),
    "empty": (IMAGES[:0], "no images"),
    "missing": (np.where(IMAGES > 0.99, np.nan, IMAGES), "nan or infinite"),
    "a word": ("scan", "expected an array"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_images_are_refused_with_a_remedy(case):
    x, phrase = BAD[case]
    with pytest.raises(ValueError, match=r"^x: got .*expected") as refusal:
        gan.fit_gan(gan.compile_gan(new()), x, epochs=1, batch_size=10)
    assert phrase in str(refusal.value)


def test_maps_beside_a_data_set_and_a_third_array_are_refused():
    batches = tf.data.Dataset.from_tensor_slices((IMAGES, WISHES)).batch(10)
    with pytest.raises(ValueError, match="wish: got maps beside a data set, expected None"):
        gan.fit_gan(gan.compile_gan(new(2)), batches, WISHES, epochs=1)
    with pytest.raises(ValueError, match=r"x: got 3 arrays, expected noise, or \[noise, wish\]"):
        new(2).check_asked([Z, WISHES, WISHES])


def test_fewer_images_than_a_batch_are_refused():
    with pytest.raises(ValueError, match=r"batch_size: got 64 for 40 images, expected at most as many as images"):
        gan.fit_gan(new(), IMAGES, epochs=1, batch_size=64)


@pytest.mark.parametrize(
    ("wishes", "wish", "message"),
    [
        (2, None, r"wish: got None, expected maps of shape \(n, 8, 8, 2\)"),
        (0, WISHES, r"wish: got maps for networks that take none"),
        (2, WISHES[:30], r"wish: got 30 maps for 40 images, expected one map for each image"),
        (2, WISHES[..., :1], r"wish: got shape \(40, 8, 8, 1\), expected \(n, 8, 8, 2\)"),
        (
            2,
            np.arange(40) % 2,
            r"wish: got shape \(40,\), expected maps .*; class numbers y become maps by np.eye\(2\)",
        ),
        (2, WISHES * 7, r"wish: got values from 0 to 7, expected -1 to 1"),
    ],
)
def test_wishes_that_do_not_fit_are_refused(wishes, wish, message):
    with pytest.raises(ValueError, match=message):
        gan.fit_gan(new(wishes), IMAGES, wish, epochs=1, batch_size=10)
    with pytest.raises(ValueError, match=message):
        gan.generate(new(wishes), Z, wish)


@pytest.mark.parametrize("z", [np.zeros(3), np.zeros((3, 5)), np.full((1, 3), np.nan), np.zeros((0, 3))])
def test_bad_noise_is_refused(z):
    with pytest.raises(ValueError, match=r"^z: got shape .* expected finite values of shape \(n, 3\)"):
        gan.generate(new(), z)
