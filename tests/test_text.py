"""Language models: probabilities that add up, no look ahead, one word at a time as all at once, and saving."""

import itertools
import math
from collections import Counter

import keras
import numpy as np
import pytest
from keras import ops

from medlib.models import text
from medlib.models.text import END, PAD, START, NGram, Transformer, Vocabulary
from medlib.models.training import fit
from medlib.models.vae import mean_weight_nats

TEXTS = ["The left side.", "The right side, 4.5 mm.", "No shift.", "The left side: no shift.", "No shift, no left."]


@pytest.fixture(scope="module")
def words():
    return Vocabulary(TEXTS)


@pytest.fixture(scope="module")
def tokens(words):
    return words.encode(TEXTS)


def small(words, **options):
    return Transformer(len(words), 12, width=16, heads=2, hidden=24, **options)


# --------------------------------------------------------------------------------------------------------------- tokens


def test_words_become_numbers_and_come_back(words, tokens):
    assert text.split_words("The 4.5 mm, Left.") == ["the", "4.5", "mm", ",", "left", "."]
    assert tokens.shape == (5, 9) and tokens.dtype == np.int32
    assert [" ".join(row) for row in words.decode(tokens)][1] == "the right side , 4.5 mm ."
    assert (tokens[:, 0] == START).all() and (np.sum(tokens == END, axis=1) == 1).all()
    assert words.encode(["The unheard side."])[0].tolist()[2] == text.UNKNOWN
    assert words.encode(TEXTS, 20).shape == (5, 20)


def test_frequent_pairs_become_one_word_and_come_apart_again():
    merged = Vocabulary(TEXTS, merges=3)
    assert merged.merges == [("no", "shift"), ("left", "side"), ("no shift", ".")]
    tokens = merged.encode([*TEXTS, "The left. Side no shift"])
    assert [" ".join(row) for row in merged.decode(tokens)][:2] == ["the left side .", "the right side , 4.5 mm ."]
    assert merged.decode(tokens)[5] == ["the", "left", ".", "side", "no shift"]
    assert len(merged) == len(Vocabulary(TEXTS)) + 3
    assert len(Vocabulary(["a b."], merges=50).merges) == 2


def test_texts_that_do_not_fit_are_refused(words):
    with pytest.raises(ValueError, match="length: got 3, expected at least 9"):
        words.encode(TEXTS, 3)
    with pytest.raises(ValueError, match="texts: got one text"):
        words.encode("The left side.")
    with pytest.raises(ValueError, match="texts: got none"):
        Vocabulary([])


# -------------------------------------------------------------------------------------------------------------- n-grams


def by_hand(rows, size, order, d, word, context):
    """p(word | context) by interpolated absolute discounting, from a dictionary."""
    p = 1 / size
    for n in range(order):
        if n > len(context):
            break
        h = tuple(context[len(context) - n :])
        seen = Counter(r[i] for r in rows for i in range(1, len(r)) if i >= n and tuple(r[i - n : i]) == h)
        if seen:
            p = max(seen[word] - d, 0) / seen.total() + d * len(seen) / seen.total() * p
    return p


@pytest.mark.parametrize(("order", "d"), [(1, 0.5), (2, 0.3), (3, 0.9), (5, 0.75)])
def test_an_ngram_is_what_a_dictionary_says(words, tokens, order, d):
    rows = [row[row != PAD].tolist() for row in tokens]
    model, size = NGram(order, len(words), d).fit(tokens), len(words)
    new = words.encode(["The left side, no shift.", "Side right the."])
    expected = []
    for row in new:
        row = row[row != PAD].tolist()
        expected.append(-sum(math.log(by_hand(rows, size, order, d, row[i], row[:i])) for i in range(1, len(row))))
    assert np.allclose(model.nats(new), expected)


def test_an_ngram_forgets_nothing_when_it_writes_word_by_word(words, tokens):
    model = NGram(5, len(words), 0.6).fit(tokens)
    total, state = 0.0, model.begin(1)
    for now, after in itertools.pairwise(tokens[1].tolist()):
        log_p, state = model.next([now], state)
        assert math.isclose(np.exp(log_p).sum(), 1, abs_tol=1e-9)
        if after != PAD:
            total -= log_p[0, after]
    assert math.isclose(total, model.nats(tokens[1:2])[0])


def test_an_ngram_refuses(words, tokens):
    with pytest.raises(ValueError, match="order: got 0"):
        NGram(0, 10)
    with pytest.raises(ValueError, match="order: got 30, expected 1 to"):
        NGram(30, 80)
    with pytest.raises(ValueError, match="discount: got 0"):
        NGram(2, 10, 0)
    with pytest.raises(ValueError, match="tokens: got numbers from"):
        NGram(2, 5).fit(tokens)
    with pytest.raises(ValueError, match="tokens: got .* expected whole numbers"):
        NGram(2, 5).fit(tokens[0])


# ------------------------------------------------------------------------------------------------------------ attention


def test_attention_is_keras_attention():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 7, 12)).astype("float32")
    theirs = keras.layers.MultiHeadAttention(num_heads=3, key_dim=4)
    theirs(x, x)
    theirs.set_weights([rng.normal(size=w.shape) for w in theirs.get_weights()])
    block = text.Block(12, 3, 8)
    block.build((None, None, 12))
    weights = theirs.get_weights()
    for layer, w, b in zip((block.q, block.k, block.v, block.o), weights[::2], weights[1::2], strict=True):
        layer.set_weights([w.reshape(12, 12), b.reshape(12)])
    mixed = text.attention(*(block.split(layer(x)) for layer in (block.q, block.k, block.v)))
    ours = block.o(ops.reshape(ops.transpose(mixed, (0, 2, 1, 3)), (2, 7, 12)))
    assert np.allclose(ours, theirs(x, x, use_causal_mask=True), atol=1e-4)
    assert not np.allclose(ours, theirs(x, x), atol=1e-2)


@pytest.mark.parametrize("kind", ["transformer", "lstm"])
def test_no_model_looks_ahead_and_every_one_looks_back(words, tokens, kind):
    model = small(words) if kind == "transformer" else text.LSTM(len(words), 12, 8, 10)
    changed = tokens.copy()
    changed[:, 4] = words.number["no"]
    apart = np.abs(model(changed) - model(tokens)).max(axis=-1)[tokens[:, 4] != changed[:, 4]]
    assert apart[:, :4].max() == 0 and apart[:, 4:].min() > 0


@pytest.mark.parametrize("kind", ["transformer", "lstm"])
def test_one_word_at_a_time_is_all_at_once(words, tokens, kind):
    model = small(words) if kind == "transformer" else text.LSTM(len(words), 12, 8, 10)
    whole, state = ops.convert_to_numpy(model(tokens)), model.begin(len(tokens))
    for place in range(tokens.shape[1]):
        logits, state = model.next(tokens[:, place], state)
        assert np.allclose(logits, whole[:, place], atol=1e-5)


def test_nats_are_the_log_probabilities_of_the_words(words, tokens):
    model = small(words)
    log_p = ops.convert_to_numpy(ops.log_softmax(model(tokens[:, :-1])))
    for row, found, p in zip(tokens, model.nats(tokens), log_p, strict=True):
        n = int(np.flatnonzero(row == END)[0])
        assert math.isclose(found, -sum(p[i, row[i + 1]] for i in range(n)), rel_tol=1e-5)
    longer = np.pad(tokens, ((0, 0), (0, 2)))
    assert np.allclose(model.nats(longer), model.nats(tokens), rtol=1e-5)


# ------------------------------------------------------------------------------------------------------------- training


@pytest.mark.parametrize("kind", ["transformer", "lstm"])
def test_a_model_learns_five_texts_and_writes_them(words, tokens, kind):
    model = small(words) if kind == "transformer" else text.LSTM(len(words), 12, 16, 32)
    text.compile_text(model, 200, 1e-2)
    fit(model, np.tile(tokens, (20, 1)), steps=200, batch_size=20)
    assert model.nats(tokens).mean() < math.log(5) + 0.15
    written, nats = text.generate(model, 200, 12, np.random.default_rng(1))
    known = {" ".join(row) for row in words.decode(tokens)}
    assert np.mean([" ".join(row) in known for row in words.decode(written)]) > 0.9
    assert abs(nats.mean() - math.log(5)) < 0.3
    cold, few = text.generate(model, 50, 12, np.random.default_rng(1), top_p=1e-9)
    assert len(np.unique(cold, axis=0)) == 1 and np.allclose(few, 0)


def test_a_model_is_saved_and_read_back(words, tokens, tmp_path):
    vae = text.TextVAE(len(words), 12, latent=3, width=8, hidden=10, anneal=7, free=0.1, drop=0.2)
    for model in (small(words), text.LSTM(len(words), 12, 8, 10), vae):
        text.compile_text(model, 10)
        fit(model, tokens, steps=4, batch_size=5)
        model.save(tmp_path / "model.keras")
        again = keras.saving.load_model(tmp_path / "model.keras")
        assert again.get_config() == model.get_config()
        assert np.array_equal(again.predict(tokens, verbose=0), model.predict(tokens, verbose=0))
        assert again.evaluate(tokens, verbose=0) == model.evaluate(tokens, verbose=0)


# ---------------------------------------------------------------------------------------------------------------- codes


def coded(words, **options):
    return text.TextVAE(len(words), 12, latent=3, width=8, hidden=10, seed=4, **options)


def test_the_terms_of_a_text_vae_are_those_of_the_bound(words, tokens):
    model = coded(words)
    mean, log_var = model.codes(tokens)
    rates = ops.convert_to_numpy(text.gaussian_rates(mean, log_var))
    draws = np.random.default_rng(0).normal(mean, np.exp(log_var / 2), (200_000, *mean.shape))
    density = -0.5 * ((draws - mean) ** 2 / np.exp(log_var) + log_var) + 0.5 * draws**2
    assert np.allclose(density.mean(axis=0), rates, atol=0.01) and rates.min() > 0
    distortion, own = model.pieces(tokens)
    assert np.allclose(own, rates, atol=1e-6)
    often = np.repeat(tokens, 400, axis=0)
    bound = model.nats(often).reshape(-1, 400).mean(axis=1)
    again = np.reshape(model.pieces(often)[0], (-1, 400)).mean(axis=1) + rates.sum(axis=1)
    assert np.allclose(bound, again, atol=0.15)
    weights = model.log_weights(tokens, 400)
    assert np.allclose(-weights.mean(axis=1), bound, atol=0.15)
    tight = mean_weight_nats(weights)
    assert np.all(tight <= -weights.mean(axis=1)) and np.allclose(mean_weight_nats(weights[:, :1]), -weights[:, 0])
    assert np.allclose(mean_weight_nats(weights - 3000) - 3000, tight)


def test_padding_changes_neither_code_nor_nats(words, tokens):
    model = coded(words)
    longer = np.pad(tokens, ((0, 0), (0, 3)))
    assert np.allclose(model.codes(longer)[0], model.codes(tokens)[0], atol=1e-6)
    z = model.codes(tokens)[0]
    paid = model.paid(tokens, model.write(tokens[:, :-1], z))
    assert np.allclose(model.paid(longer, model.write(longer[:, :-1], z)), paid, rtol=1e-5)


def test_a_text_vae_learns_five_texts_through_its_code(words, tokens):
    model = text.compile_text(coded(words, free=1.0), 400, 2e-2)
    fit(model, np.tile(tokens, (20, 1)), steps=400, batch_size=20)
    mean, _ = model.codes(tokens)
    back, _ = text.generate(model, 5, 12, np.random.default_rng(1), top_p=1e-9, state=model.begin(5, z=mean))
    assert words.decode(back) == words.decode(tokens), "each text comes back from its own code"
    written, _ = text.generate(model, 100, 12, np.random.default_rng(1))
    assert len(np.unique(written, axis=0)) > 3, "codes from the prior give more than one text"
    whole, state = ops.convert_to_numpy(model(tokens)), model.begin(5, z=mean)
    for place in range(tokens.shape[1]):
        logits, state = model.next(tokens[:, place], state)
        assert np.allclose(logits, whole[:, place], atol=1e-4)


def test_treatments_do_what_they_say(words, tokens):
    hidden = ops.convert_to_numpy(text.hide(np.full((200, 50), 7), 0.3, keras.random.SeedGenerator(1)))
    assert set(np.unique(hidden)) == {text.UNKNOWN, 7} and abs(np.mean(hidden == 7) - 0.7) < 0.02
    shift = {}
    for name, options in {"full": {}, "half": {"anneal": 2}, "free": {"free": 9.0}}.items():
        model = coded(words, **options)
        model.code.set_weights([20 * w for w in model.code.get_weights()])  # rates that float32 can tell from zero
        model.compile(keras.optimizers.SGD(0.0))
        said = {key: float(value) for key, value in model.train_step(ops.convert_to_tensor(tokens)).items()}
        shift[name] = (said["loss"] - said["distortion"]) / said["rate"]
        assert said["rate"] > 0
        if name == "free":
            assert math.isclose(said["loss"] - said["distortion"], 27, rel_tol=1e-5)
    assert math.isclose(shift["full"], 1, rel_tol=0.02) and math.isclose(shift["half"], 0.5, rel_tol=0.02)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"latent": 0}, "latent: got 0, expected at least one"),
        ({"drop": 1.5}, "anneal, free, drop: got 0, 0.0 and 1.5"),
        ({"free": -1.0}, "expected steps and nats of at least 0"),
    ],
)
def test_a_text_vae_refuses_treatments_that_are_none(options, message):
    with pytest.raises(ValueError, match=message):
        text.TextVAE(20, 12, **options)


def test_codes_of_another_shape_are_refused(words):
    with pytest.raises(ValueError, match=r"z: got shape \(2, 2\), expected \(4, 3\)"):
        coded(words).begin(4, z=np.zeros((2, 2)))


def test_models_refuse_what_they_cannot_read(words, tokens):
    model = text.compile_text(small(words), 10)
    with pytest.raises(ValueError, match="got 40 places, expected at most 12"):
        model.fit(np.zeros((2, 40), int), verbose=0)
    with pytest.raises(ValueError, match=r"expected 0 to \d+; encode"):
        model.predict(tokens + 500, verbose=0)
    with pytest.raises(ValueError, match="expected whole numbers"):
        model.nats(tokens.astype(float))
    with pytest.raises(ValueError, match="heads: got 5"):
        text.Block(12, 5, 8)


# -------------------------------------------------------------------------------------------- told something beforehand


@pytest.fixture
def reporter(words):
    return text.Reporter(len(words), 16, features=6, request=2, width=16, heads=2, hidden=24)


@pytest.fixture
def told():
    return np.random.default_rng(3).normal(size=(5, 8)).astype("float32")


def test_a_reporter_does_not_look_ahead_and_looks_at_what_it_is_told(words, tokens, reporter, told):
    whole = ops.convert_to_numpy(reporter((told, tokens)))
    changed = tokens.copy()
    changed[:, 4] = words.number["no"]
    apart = np.abs(reporter((told, changed)) - whole).max(axis=-1)[tokens[:, 4] != changed[:, 4]]
    assert apart[:, :4].max() == 0 and apart[:, 4:].min() > 0
    for column in (0, 5, 6, 7):
        other = told.copy()
        other[:, column] += 1
        assert np.abs(reporter((other, tokens)) - whole).max(axis=-1).min() > 0
    alone = reporter((told[2:3], tokens[2:3]))
    assert np.allclose(alone[0], whole[2], atol=1e-6)


def test_a_reporter_writes_word_by_word_what_it_says_at_once(tokens, reporter, told):
    whole, state = ops.convert_to_numpy(reporter((told, tokens))), reporter.begin(5, told)
    for place in range(tokens.shape[1]):
        logits, state = reporter.next(tokens[:, place], state)
        assert np.allclose(logits, whole[:, place], atol=1e-5)
    log_p = ops.convert_to_numpy(ops.log_softmax(reporter((told, tokens[:, :-1]))))
    for row, found, p in zip(tokens, reporter.nats(told, tokens), log_p, strict=True):
        n = int(np.flatnonzero(row == END)[0])
        assert math.isclose(found, -sum(p[i, row[i + 1]] for i in range(n)), rel_tol=1e-5)


def test_a_reporter_learns_which_text_belongs_to_what(words, tokens, reporter, tmp_path):
    told = np.eye(8, dtype="float32")[[0, 1, 2, 6, 7]]  # three are told by the picture, two by the request
    reporter.hide.rate = 0.0
    text.compile_text(reporter, 150, 1e-2)
    fit(reporter, np.tile(told, (20, 1)), np.tile(tokens, (20, 1)), steps=150, batch_size=20)
    assert reporter.nats(told, tokens).max() < 0.5
    order = [3, 1, 4, 0, 2]
    state = reporter.begin(5, told[order])
    written, _ = text.generate(reporter, 5, 12, np.random.default_rng(1), top_p=1e-9, state=state)
    assert words.decode(written) == words.decode(tokens[order])
    reporter.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert np.array_equal(again.nats(told, tokens), reporter.nats(told, tokens))
    judged = again.evaluate(told, tokens, verbose=0, return_dict=True)
    assert np.isclose(judged["nats_a_text"], reporter.nats(told, tokens).mean(), atol=1e-5)


def test_a_reporter_hides_features_in_training_alone_and_never_the_request(tokens, reporter, told):
    reporter.hide.rate = 0.999
    still, moved = told.copy(), told.copy()
    still[:, :6] = 0
    moved[:, 6:] = 0
    hidden = np.abs(reporter((told, tokens), training=True) - reporter((still, tokens))).max()
    asked = np.abs(reporter((told, tokens), training=True) - reporter((moved, tokens), training=True)).max()
    assert hidden == 0 and asked > 0
    assert np.array_equal(reporter((told, tokens)), reporter((told, tokens)))


def test_a_reporter_refuses(tokens, reporter, told):
    text.compile_text(reporter, 10)
    with pytest.raises(ValueError, match=r"got shape \(5, 7\), expected \(n, 8\)"):
        reporter.fit(told[:, 1:], tokens, verbose=0)
    with pytest.raises(ValueError, match="y: got none"):
        reporter.fit(told, verbose=0)
    with pytest.raises(ValueError, match="y: got 12 places, expected at most 11"):
        reporter.nats(told, np.pad(tokens, ((0, 0), (0, 3))))
    with pytest.raises(ValueError, match="told: got 1 values that are nan"):
        told[1, 1] = np.nan
        reporter.nats(told, tokens)
    with pytest.raises(ValueError, match="n: got 3 texts, expected 5"):
        reporter.begin(3, told)
    with pytest.raises(ValueError, match="n: got 2 texts, expected 0"):
        text.generate(reporter, 2, 12, np.random.default_rng(1))


# -------------------------------------------------------------------------------------------------------------- writing


def test_temperature_and_nucleus():
    logits = np.log([[0.1, 0.45, 0.05, 0.25, 0.15]])
    assert np.allclose(text.shape_next(logits), np.exp(logits))
    cold = text.shape_next(logits, temperature=0.5)[0]
    assert np.allclose(cold, np.exp(2 * logits[0]) / np.exp(2 * logits[0]).sum())
    assert np.allclose(text.shape_next(logits, top_p=0.6)[0], [0, 0.45 / 0.7, 0, 0.25 / 0.7, 0])
    assert np.allclose(text.shape_next(logits, top_p=0.44)[0], [0, 1, 0, 0, 0])
    for temperature, share in ((0, 1), (-1, 1), (1, 0), (1, 1.2), (float("nan"), 1)):
        with pytest.raises(ValueError, match="temperature, top_p: got"):
            text.shape_next(logits, temperature, share)


def test_what_is_written_follows_the_model(words, tokens):
    model = NGram(2, len(words), 0.5).fit(tokens)
    written, nats = text.generate(model, 3000, 30, np.random.default_rng(2))
    assert not np.isin(written[:, 1:][np.cumsum(written == END, axis=1)[:, :-1] == 0], [PAD, START]).any()
    first = np.bincount(written[:, 1], minlength=len(words)) / 3000
    log_p, _ = model.next([START], model.begin(1))
    p = np.exp(log_p[0])
    p[[PAD, START]] = 0
    assert np.abs(first - p / p.sum()).max() < 0.04
    assert abs(nats.mean() - model.nats(written).mean()) < 1.5
