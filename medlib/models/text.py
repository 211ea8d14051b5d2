"""Language models for short texts: words as numbers, n-grams, an LSTM, and a transformer written out.

Each gives the distribution of the next word from those before it, and so the nats of a whole text. Tokens have the
shape (n, length): ``START``, the words, ``END``, then ``PAD``. Sources: interpolated absolute discounting (Ney, Essen
and Kneser 1994), LSTM (Hochreiter and Schmidhuber 1997), attention (Vaswani and others 2017), normalisation in front of
each part (Xiong and others 2020), GELU (Hendrycks and Gimpel 2016), nucleus sampling (Holtzman and others 2020), a
picture as a few places in front of the text (Mokady and others 2021).

A variational autoencoder of texts (Bowman and others 2016) reads a whole text into a few numbers and writes from them.

Notebook 42 writes attention out and proves it, notebook 43 puts a scan in front of the text, notebook 44 adds the
autoencoder.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from medlib.models.base import Saved, register
from medlib.models.inputs import check_finite
from medlib.models.training import batches, record
from medlib.models.vae import ConvVAE, gaussian_rate, log_ratio

PAD, START, END, UNKNOWN = range(4)
SPECIAL = ("<pad>", "<start>", "<end>", "<unknown>")


# --------------------------------------------------------------------------------------------------------------- tokens


def split_words(text: str) -> list[str]:
    """The words, numbers and marks of a text in small letters."""
    return re.findall(r"[^\W\d_]+|\d+(?:\.\d+)?|[^\w\s]", text.lower())


def join(words: Sequence[str], first: str, second: str) -> tuple[str, ...]:
    """Words in which every ``first`` followed by ``second`` has become one, with a blank in it."""
    out: list[str] = []
    for word in words:
        if word == second and out and out[-1] == first:
            out[-1] = f"{first} {second}"
        else:
            out.append(word)
    return tuple(out)


def sentences(words: Sequence[str]) -> list[tuple[str, ...]]:
    """Words cut behind each full stop."""
    found, begun = [], []
    for word in words:
        begun.append(word)
        if word == ".":
            found.append(tuple(begun))
            begun = []
    return [*found, tuple(begun)] if begun else found


class Vocabulary:
    """Words and their numbers; the first four numbers are the marks PAD, START, END and UNKNOWN.

    With ``merges`` the most frequent pair of neighbours becomes one word, then the most frequent pair of what there is
    then, and so on (pair encoding, Sennrich and others 2016, here of words and within sentences): texts get shorter.

    Parameters
    ----------
    texts
        Where the words come from; they are numbered in the order of the alphabet, then of the merges.
    merges
        How many pairs are joined, at most.
    split
        How a text is cut into words.
    """

    def __init__(self, texts: Iterable[str], merges: int = 0, split: Callable[[str], list[str]] = split_words):
        counts = Counter(sentence for text in texts for sentence in sentences(split(text)))
        found = sorted({word for sentence in counts for word in sentence})
        if not found:
            raise ValueError("texts: got none with a word in it, expected texts to take the words from")
        self.split, self.merges = split, []
        for _ in range(merges):
            pairs = Counter()
            for sentence, count in counts.items():
                for pair in pairwise(sentence):
                    pairs[pair] += count
            if not pairs:
                break
            best = min(pairs, key=lambda pair: (-pairs[pair], pair))
            self.merges.append(best)
            joined = Counter()
            for sentence, count in counts.items():
                joined[join(sentence, *best)] += count
            counts = joined
        self.words = [*SPECIAL, *found, *(" ".join(pair) for pair in self.merges)]
        self.number = {word: i for i, word in enumerate(self.words)}
        self._known: dict[tuple[str, ...], list[int]] = {}

    def __len__(self) -> int:
        return len(self.words)

    def _numbers(self, sentence: tuple[str, ...]) -> list[int]:
        if sentence not in self._known:
            words = sentence
            for pair in self.merges:
                words = join(words, *pair)
            self._known[sentence] = [self.number.get(word, UNKNOWN) for word in words]
        return self._known[sentence]

    def encode(self, texts: Sequence[str], length: int | None = None) -> np.ndarray:
        """Tokens (n, length), int32; as long as the longest text with its two marks unless a length is given.

        Raises
        ------
        ValueError
            One text instead of a list, or a text longer than ``length``.
        """
        if isinstance(texts, str):
            raise ValueError(f"texts: got one text, {texts[:30]!r}, expected a list of them; write [text]")
        rows = []
        for text in texts:
            inner = [number for sentence in sentences(self.split(text)) for number in self._numbers(sentence)]
            rows.append([START, *inner, END])
        longest = max(map(len, rows), default=2)
        if length is not None and longest > length:
            raise ValueError(f"length: got {length}, expected at least {longest}: the longest text and its two marks")
        tokens = np.full((len(rows), length or longest), PAD, np.int32)
        for place, row in zip(tokens, rows, strict=True):
            place[: len(row)] = row
        return tokens

    def decode(self, tokens) -> list[list[str]]:
        """The words of each row (n, length), up to END and without marks."""
        found = []
        for row in np.asarray(tokens):
            ends = np.flatnonzero(row == END)
            row = row[: ends[0]] if len(ends) else row
            found.append([self.words[token] for token in row if token not in (PAD, START)])
        return found


def check_tokens(tokens, size: int, name: str = "tokens", length: int | None = None) -> np.ndarray:
    """Tokens as int32 (n, length), or a ValueError that says what is wrong."""
    tokens = np.asarray(tokens)
    if tokens.ndim != 2 or tokens.dtype.kind not in "iu" or not tokens.size:
        raise ValueError(
            f"{name}: got {tokens.dtype} of shape {tokens.shape}, expected whole numbers (n, length) with n at least "
            "1; Vocabulary.encode makes them"
        )
    if tokens.min() < 0 or tokens.max() >= size:
        raise ValueError(
            f"{name}: got numbers from {tokens.min()} to {tokens.max()}, expected 0 to {size - 1}; encode with the "
            "vocabulary that the model was made for"
        )
    if length is not None and tokens.shape[1] > length:
        raise ValueError(f"{name}: got {tokens.shape[1]} places, expected at most {length}; make a longer model")
    return tokens.astype(np.int32)


# -------------------------------------------------------------------------------------------------------------- n-grams


class NGram:
    """Counts of ``order`` words in a row, smoothed: interpolated absolute discounting.

    From every count the ``discount`` is taken, and what is taken goes to the next shorter context; below the single
    word stand equal shares. A context that was never seen hands over to the shorter one.

    Parameters
    ----------
    order
        1 looks at no earlier word, 2 at one ...
    size
        Words in the vocabulary, marks included.
    discount
        Above 0, up to 1.
    """

    def __init__(self, order: int, size: int, discount: float = 0.75):
        if order < 1 or (size + 1) ** order > 2**63:
            most = int(63 / np.log2(size + 1))
            raise ValueError(f"order: got {order}, expected 1 to {most} for {size} words")
        if not 0 < discount <= 1:
            raise ValueError(f"discount: got {discount}, expected above 0 and at most 1; 0 would forbid what is new")
        self.order, self.size, self.discount, self.counts = order, size, discount, []

    def fit(self, tokens) -> NGram:
        """Count. ``tokens`` (n, length)."""
        tokens = check_tokens(tokens, self.size)
        real = tokens[:, 1:].ravel() != PAD
        word, self.counts = tokens[:, 1:].ravel()[real], []
        for k in range(self.order):
            context = self._contexts(tokens[:, :-1], k).ravel()[real]
            whole = context >= 0
            pairs, count = np.unique(context[whole] * self.size + word[whole], return_counts=True)
            contexts, total = np.unique(context[whole], return_counts=True)
            kinds = np.bincount(np.searchsorted(contexts, pairs // self.size), minlength=len(contexts))
            self.counts.append((pairs, count, contexts, total, kinds))
        return self

    def _contexts(self, tokens, k: int) -> np.ndarray:
        """The last k tokens up to each place as one number, (n, length); -1 where there are fewer."""
        found = np.zeros(tokens.shape, np.int64)
        for back in range(k - 1, -1, -1):
            earlier = np.zeros(tokens.shape, np.int64)
            earlier[:, back:] = tokens[:, : max(tokens.shape[1] - back, 0)] + 1
            found = found * (self.size + 1) + earlier
        found[:, : max(k - 1, 0)] = -1
        return found

    def _shares(self, contexts: list, word) -> np.ndarray:
        """p(word | context), the contexts from the shortest to the longest, all arrays of one shape."""
        p = np.full(np.shape(word), 1 / self.size)
        for (pairs, count, known, total, kinds), context in zip(self.counts, contexts, strict=True):
            n, seen = _look_up(known, total, context), _look_up(pairs, count, context * self.size + word)
            different = _look_up(known, kinds, context)
            share = np.maximum(seen - self.discount, 0) + self.discount * different * p
            p = np.where(n > 0, share / np.maximum(n, 1), p)
        return p

    def nats(self, tokens) -> np.ndarray:
        """-log p of each text (n,)."""
        tokens = check_tokens(tokens, self.size)
        contexts = [self._contexts(tokens[:, :-1], k) for k in range(self.order)]
        return -np.sum(np.log(self._shares(contexts, tokens[:, 1:])) * (tokens[:, 1:] != PAD), axis=1)

    def begin(self, n: int):
        """What :meth:`next` starts from: no words yet."""
        return np.zeros((n, 0), np.int32)

    def next(self, token, state):
        """Log-probabilities (n, size) of the next word after the ``token`` (n,), and the state after it."""
        state = np.concatenate([state, np.asarray(token)[:, None]], axis=1)[:, -self.order :]
        contexts = [self._contexts(state, k)[:, -1:] for k in range(self.order)]
        words = np.broadcast_to(np.arange(self.size), (len(state), self.size))
        wide = [np.broadcast_to(context, words.shape) for context in contexts]
        return np.log(self._shares(wide, words)), state


def _look_up(keys: np.ndarray, values: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """The value of each key that is asked for, 0 where there is none; keys are sorted."""
    place = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
    return np.where(keys[place] == asked, values[place], 0)


# ------------------------------------------------------------------------------------------------------ neural networks


def attention(q, k, v):
    """Each query takes a weighted mean of the values up to its own place.

    Shapes (..., places, d). Fewer queries than keys: they are the last places.
    """
    scores = ops.matmul(q, ops.swapaxes(k, -1, -2)) / np.sqrt(q.shape[-1])
    place = ops.arange(ops.shape(k)[-2])
    own = place[-ops.shape(q)[-2] :]
    later = place > own[:, None]
    scores = ops.where(later, -1e9, scores)
    power = ops.exp(scores - ops.max(scores, axis=-1, keepdims=True))
    return ops.matmul(power / ops.sum(power, axis=-1, keepdims=True), v)


def shortened(tokens):
    """Tokens without the places that are padding in every text: those cost time for nothing."""
    longest = tf.reduce_max(tf.reduce_sum(tf.cast(tokens != PAD, tf.int32), axis=1))
    return tokens[:, :longest]


def words_in(tokens):
    """The number of words of each text (n,), END included."""
    return ops.sum(ops.cast(tokens > START, "float32"), axis=1)


@register
class Block(layers.Layer):
    """One layer of a transformer: attention between places, then a small network at each place.

    Parameters
    ----------
    width
        Numbers that describe a word.
    heads
        Attentions side by side; they divide the width.
    hidden
        Units of the small network.
    """

    def __init__(self, width: int, heads: int, hidden: int, **options):
        super().__init__(**options)
        if width % heads:
            raise ValueError(f"heads: got {heads}, expected a number that divides the width {width}")
        self.width, self.heads, self.hidden = width, heads, hidden
        self.norm1, self.norm2 = layers.LayerNormalization(), layers.LayerNormalization()
        self.q, self.k, self.v, self.o = (layers.Dense(width) for _ in range(4))
        self.up, self.down = layers.Dense(hidden, "gelu"), layers.Dense(width)

    def build(self, shape):
        for part in (self.norm1, self.norm2, self.q, self.k, self.v, self.o, self.up):
            part.build((None, None, self.width))
        self.down.build((None, None, self.hidden))
        self.built = True

    def split(self, x):
        """From (n, places, width) to (n, heads, places, width / heads)."""
        n, places = ops.shape(x)[0], ops.shape(x)[1]
        parts = ops.reshape(x, (n, places, self.heads, self.width // self.heads))
        return ops.transpose(parts, (0, 2, 1, 3))

    def call(self, x, past=None):
        """The places (n, places, width) after this layer, and their keys and values; ``past`` holds earlier ones."""
        h = self.norm1(x)
        q, k, v = self.split(self.q(h)), self.split(self.k(h)), self.split(self.v(h))
        if past is not None:
            k, v = ops.concatenate([past[0], k], axis=2), ops.concatenate([past[1], v], axis=2)
        mixed = ops.transpose(attention(q, k, v), (0, 2, 1, 3))
        x = x + self.o(ops.reshape(mixed, ops.shape(x)))
        return x + self.down(self.up(self.norm2(x))), (k, v)

    def get_config(self):
        return super().get_config() | {"width": self.width, "heads": self.heads, "hidden": self.hidden}


class LanguageModel(Saved):
    """What a language model needs beside its layers: a loss in nats, a step, checks.

    A subclass has ``size`` and ``length``, and ``call``: tokens (n, places) to logits (n, places, size) of the next
    one. ``fit`` takes tokens alone. The loss is the mean over words; :meth:`nats` is per text.
    """

    wants_targets = False

    def __init__(self):
        super().__init__()
        self.trackers = [keras.metrics.Mean("loss"), keras.metrics.Mean("nats_a_text")]

    def check(self, x, y=None, name="x"):
        """Tokens of this vocabulary, no longer than the model."""
        check_tokens(x, self.size, name, self.length)

    def check_asked(self, x):
        """Tokens of this vocabulary, no longer than the model."""
        self.check(x)

    def given(self, data):
        """What :meth:`terms` takes of a batch: the tokens."""
        return keras.utils.unpack_x_y_sample_weight(data)[:1]

    def terms(self, tokens, training=False):
        """-log p of each text (n,), and the number of its words (n,), END included."""
        tokens = shortened(tokens)
        return self.paid(tokens, self(tokens[:, :-1], training=training)), words_in(tokens)

    def paid(self, tokens, logits):
        """-log p of each text (n,), given the logits for all but its last place."""
        words = tokens[:, 1:]
        each = tf.nn.sparse_softmax_cross_entropy_with_logits(words, logits)
        return ops.sum(each * ops.cast(words != PAD, "float32"), axis=1)

    def train_step(self, data):
        """One step of the optimiser on the mean nats a word of a batch."""
        with tf.GradientTape() as tape:
            nats, words = self.terms(*self.given(data), training=True)
            loss = ops.sum(nats) / ops.sum(words)
        self.optimizer.apply(tape.gradient(loss, self.trainable_weights), self.trainable_weights)
        return record(self.trackers, [loss, ops.mean(nats)])

    def test_step(self, data):
        """The same numbers without a step."""
        nats, words = self.terms(*self.given(data))
        return record(self.trackers, [ops.sum(nats) / ops.sum(words), nats])

    def nats(self, tokens) -> np.ndarray:
        """-log p of each text (n,), in nats."""
        tokens = check_tokens(tokens, self.size, length=self.length)
        return batches(lambda part: (self.terms(ops.convert_to_tensor(part))[0],), tokens)[0].astype(float)

    def next(self, token, state):
        """Logits (n, size) of the next word after the ``token`` (n,), and the state after it."""
        logits, state = self.step(ops.convert_to_tensor(np.asarray(token, np.int32)), state)
        return ops.convert_to_numpy(logits).astype(float), state


class Transformer(LanguageModel):
    """A decoder-only transformer: a vector for each word and place, blocks, a linear readout.

    Parameters
    ----------
    size
        Words in the vocabulary, marks included.
    length
        Places, at most.
    width, heads, hidden, depth
        Numbers a word is described by, attentions side by side, units of the small network, number of blocks.
    """

    def __init__(self, size, length, width=64, heads=4, hidden=256, depth=2):
        super().__init__()
        self.size, self.length, self.width = size, length, width
        self.heads, self.hidden, self.depth = heads, hidden, depth
        self.word = layers.Embedding(size, width, embeddings_initializer=keras.initializers.RandomNormal(0, 0.1))
        self.place = layers.Embedding(length, width, embeddings_initializer=keras.initializers.RandomNormal(0, 0.1))
        self.blocks = [Block(width, heads, hidden) for _ in range(depth)]
        self.norm, self.readout = layers.LayerNormalization(), layers.Dense(size)
        for part in (self.word, self.place):
            part.build(())
        for part in (*self.blocks, self.norm, self.readout):
            part.build((None, None, width))

    def embed(self, tokens, first=0):
        """The vectors of words (n, places) that begin at place ``first``: that of the word plus that of the place."""
        return self.word(tokens) + self.place(first + ops.arange(ops.shape(tokens)[1]))

    def call(self, tokens):
        """Logits (n, places, size) of the word after each place."""
        x = self.embed(tokens)
        for block in self.blocks:
            x, _ = block(x)
        return self.readout(self.norm(x))

    def begin(self, n: int):
        """What :meth:`next` starts from: no keys and values yet."""
        nothing = ops.zeros((n, self.heads, 0, self.width // self.heads))
        return [(nothing, nothing)] * self.depth

    def step(self, token, state):
        """As :meth:`call` for one more word, with the keys and values of the earlier ones kept."""
        x, kept = self.embed(token[:, None], state[0][0].shape[2]), []
        for block, past in zip(self.blocks, state, strict=True):
            x, pair = block(x, past)
            kept.append(pair)
        return self.readout(self.norm(x))[:, 0], kept


class Told(Transformer):
    """What a transformer needs that is told something before it writes; :class:`Reporter` says how it is told.

    ``fit`` takes what is told (n, numbers) as ``x`` and the tokens as ``y``; ``call`` and ``predict`` take both, as a
    pair. A subclass has ``front``, the number of places in front of the text, ``prefix`` and ``call``.
    """

    wants_targets = True
    front = 0

    def check(self, x, y=None, name="x"):
        """Finite numbers for each text, and tokens that fit behind them."""
        x = np.asarray(x)
        if x.ndim != 2 or x.shape[1] != self.numbers:
            raise ValueError(f"{name}: got shape {x.shape}, expected (n, {self.numbers}), what is told of each text")
        if y is None:
            raise ValueError("y: got none, expected the tokens of each text; fit(told, tokens)")
        check_finite(x, name)
        check_tokens(y, self.size, "y", self.length - self.front)

    def check_asked(self, x):
        """Nothing: the parts of a pair are looked at when they are computed with."""

    def given(self, data):
        """What is told of each text of a batch, and its tokens."""
        return keras.utils.unpack_x_y_sample_weight(data)[:2]

    def terms(self, told, tokens, training=False):
        """-log p of each text (n,), given what is told, and the number of its words (n,), END included."""
        tokens = shortened(tokens)
        return self.paid(tokens, self((told, tokens[:, :-1]), training=training)), words_in(tokens)

    def nats(self, told, tokens) -> np.ndarray:
        """-log p of each text (n,), in nats, given what is told."""
        self.check(told, tokens, "told")

        def of(*pair):
            return (self.terms(*map(ops.convert_to_tensor, pair))[0],)

        return batches(of, np.asarray(told, np.float32), np.asarray(tokens, np.int32))[0].astype(float)

    def begin(self, n: int, told=None):
        """What :meth:`next` starts from: keys and values of the places in front, one row (n, numbers) a text."""
        rows = 0 if told is None else len(told)
        if n != rows:
            raise ValueError(f"n: got {n} texts, expected {rows}, one for each row that is told; repeat rows")
        x, state = self.prefix(ops.convert_to_tensor(np.asarray(told, np.float32))), []
        for block in self.blocks:
            x, pair = block(x)
            state.append(pair)
        return state


class Reporter(Told):
    """A transformer that is told a picture and a request: four places for one, a fifth for the other.

    Parameters
    ----------
    size, length
        Words in the vocabulary; places, at most, with the five in front.
    features, request
        Numbers that describe the picture, and the request, in this order.
    width, heads, hidden, depth
        As for :class:`Transformer`.
    dropout
        Share of the features that is hidden at each step of the training.
    """

    front = 5

    def __init__(self, size, length, features, request, width=64, heads=4, hidden=128, depth=2, dropout=0.4):
        super().__init__(size, length, width, heads, hidden, depth)
        self.features, self.request, self.dropout = features, request, dropout
        self.numbers, self.hide = features + request, layers.Dropout(dropout)
        self.scan, self.asked = layers.Dense(4 * width), layers.Dense(width)
        self.scan.build((None, features))
        self.asked.build((None, request))

    def prefix(self, told, training=False):
        """The five places in front of the text (n, 5, width)."""
        seen = self.hide(told[:, : self.features], training=training)
        seen = ops.reshape(self.scan(seen), (-1, 4, self.width))
        asked = self.asked(told[:, self.features :])[:, None]
        return ops.concatenate([seen, asked], axis=1) + self.place(ops.arange(5))

    def call(self, pair, training=False):
        """Logits (n, places, size) of the word after each place, from what is told and the tokens."""
        told, tokens = pair
        text = self.embed(tokens, first=5)
        x = ops.concatenate([self.prefix(told, training), text], axis=1)
        for block in self.blocks:
            x, _ = block(x)
        return self.readout(self.norm(x[:, 5:]))


class LSTM(LanguageModel):
    """A recurrent language model: a vector for each word, one LSTM, a linear readout.

    Parameters
    ----------
    size, length
        Words in the vocabulary, marks included; places, at most.
    width, hidden
        Numbers a word is described by, units of the LSTM.
    """

    def __init__(self, size, length, width=64, hidden=128):
        super().__init__()
        self.size, self.length, self.width, self.hidden = size, length, width, hidden
        self.word = layers.Embedding(size, width)
        self.memory = layers.LSTM(hidden, return_sequences=True, return_state=True)
        self.readout = layers.Dense(size)
        self.word.build(())
        self.memory.build((None, None, width))
        self.readout.build((None, None, hidden))

    def call(self, tokens):
        """Logits (n, places, size) of the word after each place."""
        return self.readout(self.memory(self.word(tokens))[0])

    def begin(self, n: int):
        """What :meth:`next` starts from: an empty memory."""
        return [ops.zeros((n, self.hidden)), ops.zeros((n, self.hidden))]

    def step(self, token, state):
        """As :meth:`call` for one more word, with the memory of the earlier ones."""
        out, *state = self.memory(self.word(token[:, None]), initial_state=state)
        return self.readout(out)[:, 0], state


# --------------------------------------------------------------------------------------------------------------- codes


def gaussian_rates(mean, log_var):
    """KL(N(mean, exp log_var) || N(0, 1)) of each latent by itself, (n, latent), in nats (equation 30.6)."""
    return gaussian_rate(mean[..., None], log_var[..., None])


def hide(tokens, share, noise):
    """Tokens of which a ``share`` has become UNKNOWN, drawn anew for each place with the seed generator ``noise``."""
    hidden = keras.random.uniform(ops.shape(tokens), seed=noise) < share
    return ops.where(hidden, UNKNOWN, tokens)


class Coded(LanguageModel):
    """What a text VAE needs beside its theory: an LSTM that reads, one that writes, and writing from a code.

    A subclass has ``encode``: tokens to the mean and log-variance of each latent (n, latent); ``write``: tokens and
    codes to logits; ``pieces``: distortion (n,) and the rate of each latent (n, latent), in nats; and a step.

    Parameters
    ----------
    size, length
        Words in the vocabulary, marks included; places, at most.
    latent, width, hidden
        Numbers a text is remembered by, numbers a word is described by, units of each LSTM.
    anneal
        Steps over which the weight of the rate rises from 0 to 1; 0: it is 1 from the start.
    free
        Nats of each latent that cost nothing in training (Kingma and others 2016).
    drop
        Share of the words that are hidden from the writer in training.
    """

    draw = ConvVAE.draw  # notebook 31's, the same for texts

    def __init__(self, size, length, latent=8, width=48, hidden=64, anneal=0, free=0.0, drop=0.0, seed=0):
        super().__init__()
        if latent < 1:
            raise ValueError(f"latent: got {latent}, expected at least one number to remember a text by")
        if anneal < 0 or free < 0 or not 0 <= drop <= 1:
            raise ValueError(
                f"anneal, free, drop: got {anneal}, {free} and {drop}, expected steps and nats of at least 0, and a "
                "share of words from 0 to 1"
            )
        self.anneal, self.free, self.drop = anneal, free, drop
        self.size, self.length, self.latent = size, length, latent
        self.width, self.hidden, self.seed = width, hidden, seed
        self.noise = keras.random.SeedGenerator(seed)
        self.word, self.code, self.readout = layers.Embedding(size, width), layers.Dense(2 * latent), layers.Dense(size)
        self.reader = layers.LSTM(hidden)
        self.memory = layers.LSTM(hidden, return_sequences=True, return_state=True)
        self.word.build(())
        self.reader.build((None, None, width))
        self.memory.build((None, None, width + latent))
        for part in (self.code, self.readout):
            part.build((None, None, hidden))
        self.trackers = [keras.metrics.Mean(name) for name in ("loss", "distortion", "rate")]

    def call(self, tokens):
        """Logits (n, places, size) of the word after each place, told the mean code of the text itself."""
        return self.write(tokens, self.encode(tokens)[0])

    def told(self, tokens, z):
        """A vector for each word (n, places, width + latent): its own, and the code."""
        everywhere = ops.repeat(z[:, None], ops.shape(tokens)[1], axis=1)
        return ops.concatenate([self.word(tokens), everywhere], axis=-1)

    def terms(self, tokens, training=False):
        """-ELBO of each text (n,), one code drawn for each, and the number of its words."""
        distortion, rate = self.pieces(tokens, training)
        return distortion + ops.sum(rate, axis=1), words_in(tokens)

    def test_step(self, data):
        """-ELBO, distortion and rate without a step; nothing is hidden, and no nats are free."""
        tokens, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        distortion, rate = self.pieces(tokens)
        rate = ops.sum(rate, axis=1)
        return record(self.trackers, [distortion + rate, distortion, rate])

    def codes(self, tokens) -> tuple[np.ndarray, np.ndarray]:
        """Mean and log-variance of each latent for each text, two arrays (n, latent)."""
        tokens = check_tokens(tokens, self.size, length=self.length)
        return tuple(batches(lambda part: tuple(self.encode(ops.convert_to_tensor(part))), tokens))

    def log_weights(self, tokens, k: int) -> np.ndarray:
        """log p(x, z) - log q(z | x) for ``k`` codes drawn for each text, (n, k), for ``vae.mean_weight_nats``."""
        tokens = check_tokens(tokens, self.size, length=self.length)

        @tf.function
        def weigh(part):
            part = shortened(part)
            mean, log_var = self.encode(part)
            z = self.draw(mean, log_var)
            return log_ratio(z, mean, log_var) - self.paid(part, self.write(part[:, :-1], z))

        rounds = [batches(lambda part: (weigh(ops.convert_to_tensor(part)),), tokens, size=1024)[0] for _ in range(k)]
        return np.stack(rounds, axis=1).astype(float)

    def begin(self, n: int, z=None):
        """What :meth:`next` starts from: an empty memory, and codes (n, latent), from the prior unless given."""
        if z is None:
            z = keras.random.normal((n, self.latent), seed=self.noise)
        z = ops.convert_to_tensor(np.asarray(z, np.float32))
        if z.shape != (n, self.latent):
            raise ValueError(f"z: got shape {tuple(z.shape)}, expected ({n}, {self.latent}): one code for each text")
        return [z, ops.zeros((n, self.hidden)), ops.zeros((n, self.hidden))]

    def step(self, token, state):
        """As :meth:`write` for one more word, with the memory of the earlier ones."""
        z, *memory = state
        out, *memory = self.memory(self.told(token[:, None], z), initial_state=memory)
        return self.readout(out)[:, 0], [z, *memory]


class TextVAE(Coded):
    """A variational autoencoder of texts (Bowman and others 2016).

    ``fit`` takes tokens alone; ``predict`` gives the logits of each next word, told the code of the text.
    """

    def encode(self, tokens):
        h = self.reader(self.word(tokens), mask=tokens != PAD)
        return ops.split(self.code(h), 2, axis=-1)

    def write(self, tokens, z):
        return self.readout(self.memory(self.told(tokens, z))[0])

    def pieces(self, tokens, training=False):
        tokens = shortened(tokens)
        mean, log_var = self.encode(tokens)
        z = self.draw(mean, log_var)
        seen = tokens[:, :-1]
        if training:
            seen = hide(seen, self.drop, self.noise)
        distortion = self.paid(tokens, self.write(seen, z))
        return distortion, gaussian_rates(mean, log_var)

    def train_step(self, data):
        tokens, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        done = ops.cast(self.optimizer.iterations, "float32")
        weight = ops.minimum(1.0, (done + 1) / max(self.anneal, 1))
        with tf.GradientTape() as tape:
            distortion, rate = self.pieces(tokens, training=True)
            charged = ops.maximum(ops.mean(rate, axis=0), self.free)
            loss = ops.mean(distortion) + weight * ops.sum(charged)
            each_word = loss / ops.mean(words_in(tokens))
        gradient = tape.gradient(each_word, self.trainable_weights)
        self.optimizer.apply(gradient, self.trainable_weights)
        return record(self.trackers, [loss, distortion, ops.sum(rate, axis=1)])


def compile_text(model, steps=700, rate=3e-3):
    """Adam: the step size rises over a twentieth of the steps, then falls to zero."""
    warm = max(1, steps // 20)
    schedule = keras.optimizers.schedules.CosineDecay(0.1 * rate, steps - warm, warmup_target=rate, warmup_steps=warm)
    model.compile(keras.optimizers.Adam(schedule, beta_2=0.99, clipnorm=1.0))
    return model


# -------------------------------------------------------------------------------------------------------------- writing


def shape_next(logits, temperature: float = 1.0, top_p: float = 1.0) -> np.ndarray:
    """Probabilities (n, size) from logits: sharpened by ``temperature``, cut to the ``top_p`` likeliest.

    The nucleus is the smallest set of words whose probability reaches ``top_p``.
    """
    if not temperature > 0 or not 0 < top_p <= 1:
        raise ValueError(
            f"temperature, top_p: got {temperature} and {top_p}, expected a temperature above 0, and a share above 0 "
            "and at most 1; for the likeliest word alone take top_p=1e-9"
        )
    scores = np.asarray(logits, float) / temperature
    p = np.exp(scores - scores.max(axis=-1, keepdims=True))
    p /= p.sum(axis=-1, keepdims=True)
    if top_p < 1:
        order = np.argsort(-p, axis=-1)
        ranked = np.take_along_axis(p, order, axis=-1)
        before = np.cumsum(ranked, axis=-1) - ranked
        np.put_along_axis(p, order, np.where(before < top_p, ranked, 0), axis=-1)
        p /= p.sum(axis=-1, keepdims=True)
    return p


def generate(model, n, length, rng: np.random.Generator, temperature: float = 1.0, top_p: float = 1.0, state=None):
    """Write ``n`` texts, word by word, each word drawn from :func:`shape_next`.

    ``state`` is what the model begins with; ``model.begin(n)`` unless given, for instance ``model.begin(n, z=codes)``.

    Returns
    -------
    (tokens, nats)
        tokens (n, length), cut short where no END came; -log of the probability with which each was drawn (n,). The
        mean of the latter estimates the entropy of what is written.
    """
    tokens = np.full((n, length), PAD, np.int32)
    tokens[:, 0], nats, going, state = START, np.zeros(n), np.full(n, True), model.begin(n) if state is None else state
    for place in range(1, length):
        logits, state = model.next(tokens[:, place - 1], state)
        logits[:, [PAD, START]] = -np.inf
        p = shape_next(logits, temperature, top_p)
        drawn = np.minimum((p.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1), p.shape[1] - 1)
        tokens[going, place] = drawn[going]
        nats[going] -= np.log(np.maximum(p[np.arange(n), drawn], 1e-300))[going]
        going &= drawn != END
        if not going.any():
            break
    return tokens, nats
