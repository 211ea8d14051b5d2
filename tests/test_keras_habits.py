"""What users of Keras are used to works with the course's models: save, load, resume, fit, predict, callbacks."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from importlib.util import find_spec

import numpy as np
import pytest
import tensorflow as tf

from medlib.lesson import setup
from medlib.models import cnn, gan, judge, vae
from medlib.models.inputs import check_sides
from medlib.models.training import fit, keras

SHAPE, LATENT, N = (16, 16, 1), 3, 48
RNG = np.random.default_rng(0)
X = RNG.random((N, *SHAPE)).astype("float32")
Y = np.arange(N) % 3
Z = RNG.normal(size=(N, LATENT)).astype("float32")
WISH = RNG.integers(0, 2, (N, *SHAPE[:2], 2)).astype("float32")
CODE = RNG.normal(size=(N, 8)).astype("float32")
ASKED = {"wish": WISH, "code": CODE[:, :5]}
OUTLINE = {"outline": judge.coarse(WISH[..., 0] > 0, Y)}
PLAIN = {"batch_size": 16, "shuffle": False, "verbose": 0}


def new_cnn(shape=SHAPE):
    return cnn.compile_cnn(cnn.build_cnn(shape, 3, (4, 8), dropout=0.0), steps=30)  # Keras draws new dropout masks


def new_judge(shape=SHAPE):
    return judge.compile_judge(judge.build_judge(shape, 3), steps=30)


def new_gan(shape=SHAPE, kind=gan.GAN, wishes=0, **options):
    networks = gan.build_generator(shape, LATENT, wishes, 4, 8), gan.build_discriminator(shape, wishes, 4)
    return gan.compile_gan(kind(*networks, **options), steps=30)


def new_steady(shape=SHAPE):
    return new_gan(shape, gan.SteadyGAN, average=0.9, gamma=0.5, seed=3)


def new_conditional(shape=SHAPE):
    return new_gan(shape, gan.ConditionalGAN, 2)


def new_sketching(shape=SHAPE):
    rng = np.random.default_rng(1)
    lies = rng.normal(0, 0.1, (50, 3))
    axes = 0.1 * rng.normal(size=(2, int(np.prod(shape))))
    generator = gan.build_sketching_generator(shape, 8, 2, lies, axes.mean(axis=0), axes)
    game = gan.SketchGAN(generator, gan.build_discriminator(shape, 2, 4), gamma=0.5, seed=3)
    return gan.compile_gan(game, steps=30)


def new_vae(shape=SHAPE):
    networks = vae.build_encoder(shape, LATENT, (4,), 8), vae.build_decoder(shape, LATENT, 2, 8)
    return vae.compile_vae(vae.ConvVAE(*networks, beta=2.0, floor=0.02, seed=5), steps=30)


# model, (x, y) for `fit`, what `predict` is asked, what it should equal
MODELS = {
    "cnn": (new_cnn, (X, Y), X, lambda model: model(X)),
    "judge": (new_judge, (2 * X - 1, OUTLINE), 2 * X - 1, lambda model: model(2 * X - 1)),
    "gan": (new_gan, (2 * X - 1,), Z, lambda model: gan.generate(model, Z, steady=False)),
    "steady": (new_steady, (2 * X - 1,), Z, lambda model: gan.generate(model, Z)),
    "conditional": (new_conditional, (2 * X - 1, WISH), [Z, WISH], lambda model: gan.generate(model, Z, WISH)),
    "sketching": (new_sketching, (2 * X - 1, ASKED), [CODE, WISH], lambda model: gan.generate(model, CODE, WISH)),
    "vae": (new_vae, (X,), X, lambda model: vae.reconstruct(model, X)),
}
every_model = pytest.mark.parametrize("name", MODELS)
OWN_STEP = ("gan", "steady", "conditional", "sketching", "vae")


def parts(name):
    """A fresh model, its data, its question."""
    setup(0)
    make, data, question, _ = MODELS[name]
    return make(), data, question


def same(a, b) -> bool:
    """Whether two answers agree to the last digit."""
    pairs = zip(keras.tree.flatten(a), keras.tree.flatten(b), strict=True)
    return all(np.array_equal(np.asarray(left), np.asarray(right)) for left, right in pairs)


def iterations(model) -> list[int]:
    """How many steps each optimiser has made."""
    optimisers = (getattr(model, name, None) for name in ("optimizer", "g_optimizer", "d_optimizer"))
    return [int(optimiser.iterations) for optimiser in optimisers if optimiser is not None]


# ---------------------------------------------------------------------------------------------------------- save, load


@every_model
def test_a_saved_model_predicts_the_same_and_its_training_goes_on(name, tmp_path, recwarn):
    model, data, question = parts(name)
    model.fit(*data, epochs=2, **PLAIN)
    model.save(tmp_path / "m.keras")
    back = keras.saving.load_model(tmp_path / "m.keras")
    assert type(back) is type(model) and iterations(back) == iterations(model) and sum(iterations(back)) >= 6
    assert same(model.predict(question, verbose=0), back.predict(question, verbose=0))
    on, again = (m.fit(*data, epochs=2, **PLAIN).history for m in (model, back))
    assert on == again, "the losses of a training that was never interrupted"
    assert same(model.get_weights(), back.get_weights())
    fit(back, *data, batch_size=16)  # to the end of the schedule that was saved with it
    assert set(iterations(back)) == {30}
    assert [str(w.message) for w in recwarn if "sav" in str(w.message) or "load" in str(w.message)] == []


@every_model
def test_weights_load_into_a_fresh_model_with_their_optimiser(name, tmp_path, recwarn):
    model, data, question = parts(name)
    model.fit(*data, epochs=1, **PLAIN)
    model.save_weights(tmp_path / "m.weights.h5")
    fresh, _, _ = parts(name)
    assert not same(model.predict(question, verbose=0), fresh.predict(question, verbose=0))
    fresh.load_weights(tmp_path / "m.weights.h5")
    assert same(model.predict(question, verbose=0), fresh.predict(question, verbose=0))
    assert iterations(fresh) == iterations(model) and sum(iterations(model)) >= 3
    assert [str(w.message) for w in recwarn if "optimizer" in str(w.message)] == []


def test_settings_come_back(tmp_path):
    for model in (new_steady(), new_vae()):
        model.save(tmp_path / "m.keras")
        back = keras.saving.load_model(tmp_path / "m.keras")
        for name in ("average", "gamma", "seed", "beta", "floor"):
            assert getattr(back, name, None) == getattr(model, name, None)
    game = new_gan()
    game.compile(keras.optimizers.SGD(0.3), keras.optimizers.RMSprop(0.2), run_eagerly=True)
    game.save(tmp_path / "m.keras")
    back = keras.saving.load_model(tmp_path / "m.keras")
    assert type(back.g_optimizer) is keras.optimizers.SGD and np.isclose(back.g_optimizer.learning_rate, 0.3)
    assert type(back.d_optimizer) is keras.optimizers.RMSprop and np.isclose(back.d_optimizer.learning_rate, 0.2)
    assert back.run_eagerly
    plain = gan.GAN(game.generator, game.discriminator)  # never compiled
    plain.save(tmp_path / "m.keras")
    assert not keras.saving.load_model(tmp_path / "m.keras").compiled


def test_the_average_stays_out_of_the_game_after_loading(tmp_path):
    new_steady().save(tmp_path / "m.keras")
    back = keras.saving.load_model(tmp_path / "m.keras")
    assert back.steady.trainable_variables == [] and back.steady is not back.generator


def test_another_process_needs_the_import_alone(tmp_path):
    for name in MODELS:
        model, _, question = parts(name)
        model.save(tmp_path / f"{name}.keras")
        answer = keras.tree.flatten(model.predict(question, verbose=0))
        asked = question if isinstance(question, list) else [question]
        np.savez(tmp_path / f"{name}.npz", *asked, *answer)
    program = (
        "import sys, pathlib, numpy as np\nimport keras, medlib.models.cnn, medlib.models.gan, medlib.models.vae\n"
        "for path in sorted(pathlib.Path(sys.argv[1]).glob('*.keras')):\n"
        "    rows = list(np.load(path.with_suffix('.npz')).values())\n"
        "    asked = rows[:2] if path.stem in ('conditional', 'sketching') else rows[0]\n"
        "    made = keras.tree.flatten(keras.saving.load_model(path).predict(asked, verbose=0))\n"
        "    print(path.stem, all(map(np.array_equal, made, rows[-len(made):])))\n"
    )
    done = subprocess.run([sys.executable, "-c", program, tmp_path], capture_output=True, encoding="utf-8")
    assert done.stdout.split("\n")[:-1] == [f"{name} True" for name in sorted(MODELS)], done.stderr


# -------------------------------------------------------------------------------------------------------- fit, predict


@every_model
def test_predict_gives_what_the_model_is_for(name):
    model, data, question = parts(name)
    model.fit(*data, epochs=1, **PLAIN)  # from here on a generator and its average differ
    expected = MODELS[name][3](model)
    answer = model.predict(question, verbose=0)
    for a, b in zip(keras.tree.flatten(answer), keras.tree.flatten(expected), strict=True):
        assert a == pytest.approx(np.asarray(b), abs=1e-5) and np.ptp(a) > 0


@every_model
def test_keras_fits_and_evaluates_arrays_and_data_sets(name):
    model, data, _ = parts(name)
    keys = set(model.fit(*data, validation_split=0.25, epochs=2, batch_size=12, verbose=0).history)
    assert keys and {key.removeprefix("val_") for key in keys} < keys
    rows = tf.data.Dataset.from_tensor_slices(data if len(data) > 1 else data[0]).batch(16)
    assert set(model.fit(rows, validation_data=rows, epochs=1, verbose=0).history) == keys
    wide = rows.map(
        lambda *row: keras.tree.map_structure(lambda a: tf.cast(a, "float64"), row if len(row) > 1 else row[0])
    )
    assert set(model.fit(wide, validation_data=data if len(data) > 1 else None, epochs=1, verbose=0).history) <= keys
    steps = sum(iterations(model)) // len(iterations(model))
    scores = model.evaluate(*data, verbose=0, return_dict=True)
    assert {f"val_{key}" for key in scores} < keys and np.isfinite(list(scores.values())).all()
    assert iterations(model)[0] == steps, "to evaluate is not to train"
    history = fit(model, rows, steps=7)
    assert iterations(model)[0] == steps + 7 and np.isfinite(list(history.values())).all()


@pytest.mark.parametrize("name", ["gan", "steady", "vae"])
def test_targets_that_a_model_has_no_use_for_are_ignored(name):
    losses = []
    for target in (None, X if name == "vae" else Y, np.array(["a", "b", "c"])[Y]):
        model, (x,), _ = parts(name)
        extra = () if target is None else (target,)
        losses.append(model.fit(x, *extra, epochs=1, **PLAIN).history)
    for other in losses[1:]:  # the same but for the order in which threads add up
        assert other.keys() == losses[0].keys()
        assert all(np.allclose(other[key], losses[0][key], rtol=1e-3) for key in other), [losses[0], other]


def test_evaluating_a_game_moves_nothing():
    model, data, _ = parts("steady")
    before = model.get_weights()
    model.evaluate(*data, verbose=0)
    assert same(before, model.get_weights())


def test_a_vae_of_a_data_set_is_that_of_the_array():
    rows = tf.data.Dataset.from_tensor_slices(X).batch(7)
    models = new_vae(), new_vae()
    for model, x in zip(models, (X, rows), strict=True):
        vae.start_from(model, x)
    for one, other in zip(models[0].weights, models[1].weights, strict=True):
        if "variable" in one.path:
            assert np.asarray(one) == pytest.approx(np.asarray(other), abs=1e-6)
    assert np.asarray(models[1].centre) == pytest.approx(X.mean(0), abs=1e-6)
    assert np.exp(models[1].log_var) == pytest.approx(X.var(0), rel=1e-3)
    history = vae.fit_vae(models[1], rows, validation=rows)
    assert history["loss"][-1] < history["loss"][0] and "val_rate" in history and iterations(models[1]) == [30]
    with pytest.raises(ValueError, match="^x: got an endless data set, expected one that ends; leave out .repeat"):
        vae.start_from(models[0], rows.repeat())


@pytest.mark.parametrize(("side", "channels"), [(32, 1), (48, 3), (64, 1), (128, 3)])
def test_sizes_and_channels(side, channels):
    shape = (side, side, channels)
    x = np.random.default_rng(0).random((2, *shape)).astype("float32")
    wish = np.zeros((2, side, side, 2), "float32")
    outline = {"outline": np.zeros((2, side // 2, side // 2), int)}
    for make, data, question, answer in (
        (new_cnn, (x, Y[:2]), x, (2, 3)),
        (new_judge, (x, outline), x, None),
        (new_steady, (x,), Z[:2], x.shape),
        (new_conditional, (x, wish), [Z[:2], wish], x.shape),
        (new_vae, (x,), x, x.shape),
    ):
        model = make(shape)
        model.run_eagerly = True
        logs = model.fit(*data, verbose=0).history
        assert np.isfinite(list(logs.values())).all()
        made = model.predict(question, verbose=0)
        assert answer is None or made.shape == answer


@pytest.mark.parametrize("step", [8, 16])
def test_a_size_that_cannot_be_halved_comes_with_the_padding_that_mends_it(step):
    with pytest.raises(ValueError, match=r"^shape: got \(28, 30, 1\), expected sides divisible by") as refusal:
        check_sides((28, 30, 1), step)
    x = np.zeros((2, 28, 30, 1))
    padded = eval(str(refusal.value).split("for example with ")[1], {"np": np, "x": x})
    assert padded.shape == (2, 32, 32, 1)
    check_sides(padded.shape[1:], step)
    with pytest.raises(ValueError, match="pad the images to 32 x 32"):
        new_gan((28, 28, 1))


# ----------------------------------------------------------------------------------------------------------- callbacks


@every_model
def test_the_usual_callbacks_work(name, tmp_path):
    model, data, question = parts(name)
    watch = "val_g_loss" if name in OWN_STEP[:4] else "val_loss"
    best = tmp_path / "best.keras"
    callbacks = [
        keras.callbacks.ModelCheckpoint(best, monitor=watch, mode="min", save_best_only=True),
        keras.callbacks.ModelCheckpoint(tmp_path / "{epoch}.weights.h5", save_weights_only=True),
        keras.callbacks.EarlyStopping(watch, patience=1, mode="min", min_delta=1e9, restore_best_weights=True),
        keras.callbacks.CSVLogger(tmp_path / "log.csv"),
    ]
    if find_spec("tensorboard"):  # none of the course's requirements
        callbacks.append(keras.callbacks.TensorBoard(tmp_path / "logs", histogram_freq=1))
    validation = data if len(data) > 1 else (data[0], None)
    history = fit(model, *data, epochs=9, batch_size=16, callbacks=callbacks, validation_data=validation)
    assert 1 <= len(history[watch]) < 9, "EarlyStopping stops"
    assert bool(list((tmp_path / "logs").rglob("events*"))) == bool(find_spec("tensorboard"))
    assert (tmp_path / "1.weights.h5").stat().st_size
    back = keras.saving.load_model(best)
    assert all(np.isfinite(part).all() for part in keras.tree.flatten(back.predict(question, verbose=0)))
    assert len((tmp_path / "log.csv").read_text(encoding="utf-8").splitlines()) == len(history[watch]) + 1


# ------------------------------------------------------------------------------------------------------------- refusals

NAMES = np.array(["stroke", "tumour", "healthy"])[Y]
REFUSED = {
    "names": (X, NAMES, r"y: got labels such as .*'stroke'.*, expected class numbers from 0 to 2; number them"),
    "from 1": (X, Y + 1, r"y: got labels from 1 to 3, expected class numbers from 0 to 2; count from 0 with y - 1"),
    "one-hot": (X, np.eye(3)[Y], r"y: got shape \(48, 3\), expected \(n,\); for one-hot labels use y.argmax"),
    "rank": (X, np.tile(Y[:, None, None], (1, 2, 2)), r"y: got shape \(48, 2, 2\), expected \(n,\); give one label"),
    "fractions": (X, Y + 0.5 * (Y == 1), r"y: got fractions such as 1.5, expected class numbers"),
    "too many": (X, Y * 2, r"y: got labels from 0 to 4, expected class numbers from 0 to 2; build the network for 5"),
    "missing": (X, np.where(Y == 1, np.nan, Y), r"y: got labels that are nan or infinite, expected class numbers"),
    "lengths": (X, Y[:40], r"x, y: got 48 inputs and 40 labels, expected the same number"),
    "no channel": (X[..., 0], Y, r"x: got shape \(48, 16, 16\), expected \(n, 16, 16, 1\); for grey .* x\[..., None\]"),
    "channels": (
        X.repeat(3, -1),
        Y,
        r"x: got shape \(48, 16, 16, 3\), expected \(n, 16, 16, 1\); build the network for 3",
    ),
    "one image": (X[0], Y[:1], r"x: got shape \(16, 16, 1\), expected \(n, 16, 16, 1\); .* x\[None\]; .* .batch\(32\)"),
    "size": (X[:, :8], Y, r"x: got shape \(48, 8, 16, 1\), expected \(n, 16, 16, 1\); resize, pad or crop"),
}


@pytest.fixture
def untraced(monkeypatch):
    """A classifier whose step must never be traced."""
    model = new_cnn()

    def traced(*args, **options):
        raise AssertionError("the refusal came too late")

    monkeypatch.setattr(model, "make_train_function", traced)
    monkeypatch.setattr(model, "make_test_function", traced)
    return model


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_classifier_cannot_learn_is_refused_before_tracing(case, untraced):
    x, y, message = REFUSED[case]
    uses = [
        lambda: untraced.fit(x, y, epochs=1, verbose=0),
        lambda: untraced.evaluate(x, y, verbose=0),
        lambda: fit(untraced, x, y, epochs=1),
    ]
    if case not in ("lengths", "one image"):
        batch = tf.data.Dataset.from_tensors((x, y))
        uses += [lambda: untraced.fit(batch, verbose=0), lambda: fit(untraced, batch, epochs=1)]
    for use in uses:
        with pytest.raises(ValueError, match="^" + message):
            use()


def test_what_validates_is_looked_at_as_well(untraced):
    with pytest.raises(ValueError, match=r"^y: got labels from 1 to 3"):
        untraced.fit(X, Y, validation_data=(X, Y + 1), verbose=0)
    with pytest.raises(ValueError, match=r"^validation: got shape"):
        untraced.fit(X, Y, validation_data=(X[..., 0], Y), verbose=0)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (1 + Y % 2, r"y: got labels from 1 to 2, expected 0 or 1; "),
        (2 * (Y % 2) - 1, r"y: got labels from -1 to 1, expected 0 or 1; say which value means yes, for example y > 0"),
        (np.eye(2)[Y % 2], r"y: got shape \(48, 2\), expected \(n,\); for one-hot labels use y.argmax"),
    ],
)
def test_a_question_of_yes_and_no_wants_0_or_1(y, message):
    model = cnn.compile_cnn(cnn.build_cnn(SHAPE, 1, (4,)))
    with pytest.raises(ValueError, match="^" + message):
        model.fit(X, y, verbose=0)


def test_a_question_of_yes_and_no_takes_what_means_0_or_1():
    for y in (Y > 0, (Y > 0)[:, None], 0.5 * Y):
        model = cnn.compile_cnn(cnn.build_cnn(SHAPE, 1, (4,)))
        assert np.isfinite(model.fit(X, y, verbose=0, batch_size=48).history["loss"])


def test_a_foreign_model_gets_the_same_answers_from_fit():
    model = keras.Sequential([keras.Input(SHAPE), keras.layers.Flatten(), keras.layers.Dense(3, "softmax")])
    for loss in ("sparse_categorical_crossentropy", keras.losses.SparseCategoricalCrossentropy()):
        model.compile("adam", loss)
        with pytest.raises(ValueError, match="^y: got labels from 1 to 3, .*count from 0"):
            fit(model, X, Y + 1, epochs=1)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(ignore_class=255))
    fit(model, X, np.where(Y == 1, 255, Y), epochs=1)
    model.compile("adam", "categorical_crossentropy")
    fit(model, X, np.eye(3)[Y], epochs=1)


def test_a_judges_outline_is_looked_at():
    with pytest.raises(ValueError, match=r"^y\['outline'\]: got labels from 1 to 3, .*count from 0"):
        new_judge().fit(2 * X - 1, {"outline": OUTLINE["outline"] * 0 + Y[:, None, None] + 1}, verbose=0)
    with pytest.raises(ValueError, match=r"^y\['outline'\]: got shape \(48, 16, 16\), expected \(n, 8, 8\)"):
        new_judge().fit(2 * X - 1, {"outline": WISH[..., 0]}, verbose=0)


@pytest.mark.parametrize("name", ["gan", "conditional", "vae"])
def test_own_steps_are_not_traced_for_images_out_of_range(name):
    model, data, _ = parts(name)
    for spoiled in (data[0] * 255, data[0][..., 0], data[0] * np.nan):
        rows = tf.data.Dataset.from_tensors((spoiled, *data[1:]))
        for use, given in ((model.fit, (spoiled, *data[1:])), (model.fit, (rows,)), (partial(fit, model), (rows,))):
            with pytest.raises(ValueError, match="^x: got .*expected"):
                use(*given, epochs=1)
    assert iterations(model)[0] == 0


def test_a_game_with_wishes_says_how_class_numbers_become_maps():
    model, (x, _), _ = parts("conditional")
    with pytest.raises(ValueError, match=r"^y: got shape \(48,\), expected maps of shape \(n, 16, 16, 2\)") as refusal:
        model.fit(x, Y % 2)
    y = Y % 2
    model.fit(x, eval(str(refusal.value).split("maps by ")[1], {"np": np, "y": y}), epochs=1, verbose=0)
    with pytest.raises(ValueError, match=r"^y: got None, expected maps"):
        model.fit(x)
    with pytest.raises(ValueError, match=r"^wish: got None, expected maps"):
        model.predict(Z)
    with pytest.raises(ValueError, match=r"^z: got shape \(48, 2\), expected finite values of shape \(n, 3\)"):
        new_gan().predict(Z[:, :2])


def test_a_model_without_an_optimiser_says_so():
    plain = vae.ConvVAE(vae.build_encoder(SHAPE, 2, (4,), 8), vae.build_decoder(SHAPE, 2, 2, 8))
    with pytest.raises(ValueError, match=r"^model: got one that is not compiled, expected an optimiser; call"):
        vae.fit_vae(plain, X)


# ------------------------------------------------------------------------------------------------- steps, not epochs


def six_kinds(n: int, rng) -> tuple[np.ndarray, np.ndarray]:
    """Bright or dark discs, bars and columns anywhere in the noise: ``n`` images of each of six classes."""
    y = np.tile(np.arange(6), n)
    x = rng.normal(0, 0.25, (len(y), 16, 16, 1)).astype("float32")
    down, across = np.mgrid[:16, :16]
    for image, kind in zip(x, y, strict=True):
        row, column = np.abs(down - rng.uniform(5, 11)), np.abs(across - rng.uniform(5, 11))
        shape = (row**2 + column**2 < 7, (row < 1.2) & (column < 5), (row < 5) & (column < 1.2))[kind // 2]
        image[shape] += 0.5 if kind % 2 else -0.5
    return x, y


def test_fifty_images_a_class_are_enough_for_the_default_call():
    rng = setup(0)
    x, y = six_kinds(50, rng)
    fresh, truth = six_kinds(100, rng)
    model = cnn.compile_cnn(cnn.build_cnn((16, 16, 1), 6))
    history = fit(model, x, y)
    assert iterations(model) == [600] and len(history["loss"]) == 20
    assert np.mean(cnn.probabilities(model, fresh).argmax(1) == truth) > 0.9
