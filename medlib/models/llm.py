"""A decoder-only language model of the Llama family in numpy: read from a GGUF file, run, measured.

Notebook 10 writes these functions out and proves them; here they wait for the next page. Hidden states have the shape
(tokens, width), heads (heads, tokens, numbers a head). A matrix W of shape (out, in) is used as ``x @ W.T``. Sources:
RMSNorm (Zhang and Sennrich 2019), rotary positions (Su and others 2021), grouped queries (Ainslie and others 2023),
SwiGLU (Shazeer 2020), Llama (Touvron and others 2023), byte-level pair encoding (Sennrich and others 2016, Radford and
others 2019), the GGUF format (documentation of ggml).
"""

from __future__ import annotations

import functools
import math
import re
import struct
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.special import expit as sigmoid

# ------------------------------------------------------------------------------------------------------------ the model


@dataclass(frozen=True)
class Shape:
    """The sizes of a model: all that is needed to count its parameters."""

    width: int  # numbers a token is described by
    layers: int
    heads: int  # of queries
    groups: int  # of keys and values: heads // groups queries share one
    hidden: int  # units of a feed-forward layer
    vocabulary: int  # tokens
    base: float = 100_000.0  # of the rotary positions
    eps: float = 1e-5  # of RMSNorm

    def __post_init__(self):
        if self.heads % self.groups or self.width % (2 * self.heads):
            raise ValueError(
                f"shape: got width {self.width}, heads {self.heads} and groups {self.groups}; expected a number of "
                "heads that the groups divide, and a width that twice the heads divide: a head turns pairs of numbers"
            )


@dataclass(frozen=True)
class Model:
    """Weights, float32. ``embedding`` also reads the output ("tied").

    Attributes
    ----------
    embedding
        Shape (vocabulary, width).
    layers
        For each layer a dictionary: ``norm1`` (width,), ``q`` (width, width), ``k`` and ``v`` (groups · width / heads,
        width), ``o`` (width, width), ``norm2`` (width,), ``gate`` and ``up`` (hidden, width), ``down`` (width, hidden).
        Anything that can be gone through once will do for one pass.
    norm
        Shape (width,).
    """

    shape: Shape
    embedding: np.ndarray
    layers: Iterable[dict[str, np.ndarray]]
    norm: np.ndarray

    def parameters(self) -> dict[str, int]:
        """How many numbers each part holds: embedding, q, k, v, o, gate, up, down, norms."""
        found = dict.fromkeys(["embedding", "q", "k", "v", "o", "gate", "up", "down"], 0)
        found |= {"embedding": self.embedding.size, "norms": self.norm.size}
        for layer in self.layers:
            for name, weights in layer.items():
                found[name if name in found else "norms"] += weights.size
        return found


def rms_norm(x, gain, eps=1e-5):
    """Divide each row by its root mean square, then scale every column."""
    mean_square = np.mean(x**2, axis=-1, keepdims=True)
    return x / np.sqrt(mean_square + eps) * gain


def rotate(x, start=0, base=1e5):
    """Turn neighbouring pairs of numbers, the further the later the token."""
    d, places = x.shape[-1], start + np.arange(x.shape[-2])
    speed = base ** (-np.arange(0, d, 2) / d)
    angle = places[:, None] * speed
    cos, sin = np.cos(angle), np.sin(angle)
    turned, even, odd = np.empty_like(x), x[..., 0::2], x[..., 1::2]
    turned[..., 0::2] = even * cos - odd * sin
    turned[..., 1::2] = even * sin + odd * cos
    return turned


def softmax(scores):
    """Positive numbers whose sum along the last axis is 1."""
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def attention(q, k, v):
    """Each query takes a weighted mean of the values up to its own place."""
    share = len(q) // len(k)
    k, v = np.repeat(k, share, axis=0), np.repeat(v, share, axis=0)
    scores = q @ k.swapaxes(1, 2) / q.shape[-1] ** 0.5
    place = np.arange(k.shape[1])
    own = place[-q.shape[1] :]
    scores[:, place > own[:, None]] = -np.inf
    return softmax(scores) @ v


def swiglu(x, gate, up, down):
    """The feed-forward part: one layer opens and closes the units of another."""
    valve = x @ gate.T
    valve = valve * sigmoid(valve)
    return (valve * (x @ up.T)) @ down.T


def split_heads(x, d):
    """From (tokens, heads · d) to (heads, tokens, d)."""
    return x.reshape(len(x), -1, d).swapaxes(0, 1)


def run_layer(x, w, shape, past, turn=rotate):
    """One layer; `past` holds the keys and values so far, (groups, tokens, d) each."""
    d, start = shape.width // shape.heads, past[0].shape[1]
    h = rms_norm(x, w["norm1"], shape.eps)
    q, k, v = (split_heads(h @ w[name].T, d) for name in "qkv")
    q, k = turn(q, start, shape.base), turn(k, start, shape.base)
    k, v = np.concatenate([past[0], k], axis=1), np.concatenate([past[1], v], axis=1)
    mixed = attention(q, k, v).swapaxes(0, 1).reshape(x.shape)
    x = x + mixed @ w["o"].T
    h = rms_norm(x, w["norm2"], shape.eps)
    return x + swiglu(h, w["gate"], w["up"], w["down"]), (k, v)


def run(model, tokens, cache=None, turn=rotate):
    """Logits (tokens, vocabulary) of what comes next; `cache` keeps keys and values."""
    shape, x = model.shape, model.embedding[tokens]
    cache = {} if cache is None else cache
    d = shape.width // shape.heads
    nothing = np.zeros((2, shape.groups, 0, d), "float32")
    for i, w in enumerate(model.layers):
        x, cache[i] = run_layer(x, w, shape, cache.get(i, nothing), turn)
    x = rms_norm(x, model.norm, shape.eps)
    return x @ model.embedding.T


def run_last(model: Model, tokens: Sequence[int], cache: dict | None = None) -> np.ndarray:
    """Logits (1, vocabulary) of what follows the last token alone: a fifth of the work of :func:`run` is left out."""
    shape, x = model.shape, model.embedding[tokens]
    cache = {} if cache is None else cache
    nothing = np.zeros((2, shape.groups, 0, shape.width // shape.heads), "float32")
    for i, w in enumerate(model.layers):
        x, cache[i] = run_layer(x, w, shape, cache.get(i, nothing))
    return rms_norm(x[-1:], model.norm, shape.eps) @ model.embedding.T


def nats(model, tokens, turn=rotate):
    """-log p of each token but the first, given those before it."""
    logits = run(model, tokens[:-1], turn=turn).astype(float)
    p = softmax(logits)
    return -np.log(p[np.arange(len(p)), tokens[1:]])


def generate(model, tokens, n, end=None):
    """Up to n tokens, each the most likely one; a token `end` stops it."""
    cache, step, new = {}, list(tokens), []
    while len(new) < n:
        best = int(run(model, step, cache)[-1].argmax())
        if best == end:
            break
        new.append(best)
        step = [best]
    return new


def answer_nats(model, prompt, answers):
    """-log p of all tokens of each answer, after a prompt that is read once."""
    cache, found = {}, []
    first = run(model, prompt, cache)[-1:]
    for answer in answers:
        logits = first
        if len(answer) > 1:
            logits = np.concatenate([first, run(model, answer[:-1], dict(cache))])
        p = softmax(logits.astype(float))
        found.append(-np.log(p[np.arange(len(answer)), answer]).sum())
    return np.array(found)


def random_model(rng: np.random.Generator, shape: Shape = Shape(64, 3, 8, 2, 96, 260)) -> Model:
    """A model of random weights: its answers mean nothing, and every formula holds for it as for a trained one."""

    def matrix(rows, columns):
        return (rng.normal(size=(rows, columns)) / math.sqrt(columns)).astype(np.float32)

    def gain():
        return rng.uniform(0.5, 1.5, shape.width).astype(np.float32)

    w, keys, f = shape.width, shape.width // shape.heads * shape.groups, shape.hidden
    sizes = {"q": (w, w), "k": (keys, w), "v": (keys, w), "o": (w, w), "gate": (f, w), "up": (f, w), "down": (w, f)}
    layers = []
    for _ in range(shape.layers):
        layers.append({"norm1": gain(), "norm2": gain()} | {name: matrix(*size) for name, size in sizes.items()})
    return Model(shape, 8 * matrix(shape.vocabulary, w), layers, gain())


@functools.cache
def _threads():
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def one_thread() -> None:
    """Let numpy's matrix products use one thread from here on.

    The products of one token are so short that threads which wait for each other can make them twenty times slower.
    """
    _threads().limit(limits=1, user_api="blas")


# -------------------------------------------------------------------------------------------------------- fewer bits


def quantise(w, bits, block=32):
    """Round blocks of 32 weights to 2**bits equal steps, least to largest."""
    parts = w.reshape(-1, block)
    low, high = parts.min(axis=1, keepdims=True), parts.max(axis=1, keepdims=True)
    step = (high - low) / (2**bits - 1)
    level = np.rint((parts - low) / np.maximum(step, 1e-12))
    return (low + step * level).reshape(w.shape)


def quantised(model: Model, bits: int) -> Model:
    """The model with the matrices of its layers rounded, made as they are used: good for one pass, no memory taken."""
    layers = ({name: quantise(w, bits) if w.ndim == 2 else w for name, w in layer.items()} for layer in model.layers)
    return replace(model, layers=layers)


# -------------------------------------------------------------------------------------------------------------- tokens


@functools.cache
def _letters() -> list[str]:
    """A printable letter for each of the 256 bytes (Radford and others 2019): itself where it can be seen."""
    seen = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = iter(range(256, 512))
    return [chr(byte) if byte in seen else chr(next(hidden)) for byte in range(256)]


@functools.cache
def _cuts() -> tuple[re.Pattern, re.Pattern]:
    """Where a text is cut before pairs are joined: each numeral alone, then as GPT-2 does.

    Python's ``[^\\W\\d_]`` counts ² and ½ among the letters; Unicode counts them among the numbers.
    """
    numbers = [chr(i) for i in range(sys.maxunicode + 1) if unicodedata.category(chr(i)) in ("Nl", "No")]
    number = f"[\\d{''.join(map(re.escape, numbers))}]"
    letter = f"(?:(?!{number})[^\\W\\d_])"
    other = f"(?:(?!{letter}|{number})\\S)"
    words = f"'s|'t|'re|'ve|'m|'ll|'d| ?{letter}+| ?{number}+| ?{other}+|\\s+(?!\\S)|\\s+"
    return re.compile(f"({number})"), re.compile(words)


def join_pairs(pieces, rank):
    """Join neighbours in the order of the list of merges, while there are any."""
    while len(pieces) > 1:
        pairs = list(pairwise(pieces))
        best = min(pairs, key=lambda pair: rank.get(pair, np.inf))
        if best not in rank:
            break
        i = pairs.index(best)
        pieces = [*pieces[:i], pieces[i] + pieces[i + 1], *pieces[i + 2 :]]
    return pieces


class Tokeniser:
    """Byte-level pair encoding.

    Parameters
    ----------
    vocabulary
        The text of each token, in the letters that stand for bytes.
    merges
        Pairs that may be joined, the first one first.
    special
        Tokens that are written out in a text and never cut, such as ``<|im_end|>``.
    """

    def __init__(self, vocabulary: Sequence[str], merges: Sequence[tuple[str, str]] = (), special: Sequence[str] = ()):
        self.vocabulary = list(vocabulary)
        self.rank = {tuple(pair): place for place, pair in enumerate(merges)}
        self.number = {token: i for i, token in enumerate(self.vocabulary)}
        self.special = set(special)
        missing = [repr(token) for token in (*_letters()[33:127], *special) if token not in self.number]
        if missing:
            raise ValueError(
                f"vocabulary: got {len(self.vocabulary)} tokens without {', '.join(missing[:3])}; expected a token for "
                "each letter of ASCII and for each special one; is this the vocabulary of a byte-level tokeniser?"
            )
        self._join = functools.lru_cache(maxsize=50_000)(self._join_word)

    def _join_word(self, word: str) -> tuple[int, ...]:
        letters = [_letters()[byte] for byte in word.encode("utf-8")]
        unknown = [letter for letter in letters if letter not in self.number]
        if unknown:
            raise ValueError(
                f"text: got {word!r}, with {len(unknown)} bytes that this vocabulary has no token for; expected text "
                "without control characters; replace them by blanks"
            )
        return tuple(self.number[piece] for piece in join_pairs(letters, self.rank))

    def encode(self, text: str) -> list[int]:
        """The numbers of the tokens of a text."""
        if not isinstance(text, str):
            raise ValueError(f"text: got {type(text).__name__}, expected a string; decode bytes first")
        tokens, (numeral, words) = [], _cuts()
        cut = f"({'|'.join(map(re.escape, sorted(self.special)))})" if self.special else "(?!)"
        for part in re.split(cut, text):
            if part in self.special:
                tokens.append(self.number[part])
            else:
                for chunk in numeral.split(part):
                    for word in words.findall(chunk):
                        tokens.extend(self._join(word))
        return tokens

    def decode(self, tokens: Iterable[int]) -> str:
        """The text of tokens; bytes that are no text (half a character) become the replacement character."""
        byte = {letter: number for number, letter in enumerate(_letters())}
        out = bytearray()
        for token in tokens:
            text = self.vocabulary[token]
            out += text.encode("utf-8") if text in self.special else bytes(byte[letter] for letter in text)
        return out.decode("utf-8", errors="replace")


def byte_tokeniser() -> Tokeniser:
    """A tokeniser that joins nothing: every byte is a token. It goes with :func:`random_model`."""
    special = ["<|im_start|>", "<|im_end|>"]
    return Tokeniser([*_letters(), *special], special=special)


def chat(question: str) -> str:
    """A question in the form in which SmolLM2-Instruct was taught to expect it."""
    system = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"
    return f"<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"


# ---------------------------------------------------------------------------------------------------------- GGUF files

_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_TEXT, _LIST = 8, 9
#: Type of a tensor -> bytes of a block, weights in it.
_BLOCKS = {0: (4, 1), 3: (20, 32), 8: (34, 32)}


class _Reader:
    """Goes through the bytes of a file, and knows when they end."""

    def __init__(self, path: Path, data: np.ndarray):
        self.path, self.data, self.place = path, data, 0

    def bytes(self, n: int) -> bytes:
        if self.place + n > len(self.data):
            raise _bad(self.path, f"it ends after {len(self.data):,} bytes, in the middle of its table of contents")
        self.place += n
        return self.data[self.place - n : self.place].tobytes()

    def value(self, kind: int):
        if kind == _TEXT:
            return self.bytes(self.value(10)).decode("utf-8", errors="replace")
        if kind == _LIST:
            of, n = self.value(4), self.value(10)
            return [self.value(of) for _ in range(n)]
        if kind not in _NUMBERS:
            raise _bad(self.path, f"a value of the unknown type {kind}")
        form = "<" + _NUMBERS[kind]
        return struct.unpack(form, self.bytes(struct.calcsize(form)))[0]


def _bad(path: Path, got: str) -> ValueError:
    return ValueError(
        f"path: {path.name} cannot be read: got {got}; expected a whole GGUF file (version 2 or 3) of a Llama "
        "model with tensors of the types F32, Q4_1 and Q8_0. Fetch it again; for the course's own: "
        'medlib.data.download("smollm2")'
    )


def read_gguf(path) -> tuple[dict, dict[str, tuple[np.ndarray, int, tuple[int, ...]]]]:
    """What a GGUF file says about itself, and its tensors as they lie there.

    Returns
    -------
    (facts, tensors)
        facts: name -> value. tensors: name -> (bytes, type, shape), the shape with rows first; not copied into memory
        before they are used.

    Raises
    ------
    ValueError
        No file, another kind of file, a part is missing, or tensors of a type that is not known here.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"path: got {str(path)!r}, which is no file; expected a GGUF file")
    if path.stat().st_size < 24:
        raise _bad(path, f"{path.stat().st_size} bytes")
    data = np.memmap(path, np.uint8, "r")
    reader = _Reader(path, data)
    if (magic := reader.bytes(4)) != b"GGUF":
        raise _bad(path, f"a file that begins with {magic!r}")
    if (version := reader.value(4)) not in (2, 3):
        raise _bad(path, f"version {version}")
    count, n_facts = reader.value(10), reader.value(10)
    facts = {}
    for _ in range(n_facts):
        name = reader.value(_TEXT)
        facts[name] = reader.value(reader.value(4))
    found = {}
    for _ in range(count):
        name = reader.value(_TEXT)
        sizes = [reader.value(10) for _ in range(reader.value(4))]
        found[name] = (reader.value(4), tuple(sizes[::-1]), reader.value(10))
    align = facts.get("general.alignment", 32)
    start = -(-reader.place // align) * align
    tensors = {}
    for name, (kind, shape, offset) in found.items():
        if kind not in _BLOCKS:
            raise _bad(path, f"the tensor {name} of type {kind}")
        size, weights = _BLOCKS[kind]
        n = math.prod(shape)
        begin, end = start + offset, start + offset + n // weights * size
        if n % weights or end > len(data):
            raise _bad(path, f"{len(data):,} bytes, where {name} ends at {end:,}")
        tensors[name] = (data[begin:end], kind, shape)
    return facts, tensors


def dequantise(data: np.ndarray, kind: int, shape: tuple[int, ...]) -> np.ndarray:
    """Weights as float32, from the bytes of one tensor.

    F32 (0): as they are. Q4_1 (3): blocks of 32 weights in 20 bytes, a step and a least value in half precision, then a
    level from 0 to 15 each, the first 16 in the low halves of the bytes. Q8_0 (8): a step, then 32 whole numbers.
    """
    if kind == 0:
        return data.view("<f4").reshape(shape).astype(np.float32)
    blocks = data.reshape(-1, _BLOCKS[kind][0])
    step = blocks[:, :2].copy().view("<f2").astype(np.float32)
    if kind == 8:
        return (step * blocks[:, 2:].view(np.int8)).reshape(shape)
    least = blocks[:, 2:4].copy().view("<f2").astype(np.float32)
    levels = np.concatenate([blocks[:, 4:] & 15, blocks[:, 4:] >> 4], axis=1)
    return (step * levels + least).reshape(shape)


#: Our names of the tensors of a layer, and those in a file.
_NAMES = {
    "norm1": "attn_norm", "q": "attn_q", "k": "attn_k", "v": "attn_v", "o": "attn_output",
    "norm2": "ffn_norm", "gate": "ffn_gate", "up": "ffn_up", "down": "ffn_down",
}  # fmt: skip


def read_model(path) -> tuple[Model, Tokeniser]:
    """A model and its tokeniser from a GGUF file of the Llama family with tied embeddings, such as SmolLM2-135M.

    Raises
    ------
    ValueError
        The file cannot be read, or holds another kind of model.
    """
    path = Path(path)
    facts, tensors = read_gguf(path)
    architecture = facts.get("general.architecture")
    if architecture != "llama":
        raise _bad(path, f"the architecture {architecture!r}")
    try:
        about = {name.removeprefix("llama."): value for name, value in facts.items()}
        layers = about["block_count"]
        shape = Shape(
            width=about["embedding_length"],
            layers=layers,
            heads=about["attention.head_count"],
            groups=about["attention.head_count_kv"],
            hidden=about["feed_forward_length"],
            vocabulary=len(about["tokenizer.ggml.tokens"]),
            base=float(about["rope.freq_base"]),
            eps=float(about["attention.layer_norm_rms_epsilon"]),
        )
        names = [{ours: f"blk.{i}.{theirs}.weight" for ours, theirs in _NAMES.items()} for i in range(layers)]
        weights = [{ours: dequantise(*tensors[name]) for ours, name in row.items()} for row in names]
        model = Model(
            shape, dequantise(*tensors["token_embd.weight"]), weights, dequantise(*tensors["output_norm.weight"])
        )
        tokens, kinds = facts["tokenizer.ggml.tokens"], facts["tokenizer.ggml.token_type"]
        merges = [tuple(pair.split(" ")) for pair in facts["tokenizer.ggml.merges"]]
    except KeyError as error:
        raise _bad(path, f"a file without {error}") from None
    special = [token for token, kind in zip(tokens, kinds, strict=True) if kind == 3]
    return model, Tokeniser(tokens, merges, special)
