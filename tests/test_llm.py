"""The language model in numpy: its parts against definitions, its file format against files that are written here."""

from __future__ import annotations

import struct
from dataclasses import replace

import numpy as np
import pytest

from medlib.models import llm

SHAPES = [llm.Shape(64, 3, 8, 2, 96, 260), llm.Shape(24, 2, 6, 3, 40, 300, base=500.0, eps=1e-3)]


@pytest.fixture(params=SHAPES, ids=["eight heads", "six heads"])
def model(request):
    return llm.random_model(np.random.default_rng(3), request.param)


def by_definition(model, tokens):
    """Logits place by place and head by head, in float64, with 2 × 2 matrices for the rotation."""
    s = model.shape
    d, share = s.width // s.heads, s.heads // s.groups

    def norm(x, gain):
        return gain * x / np.sqrt(np.mean(x * x) + s.eps)

    def turn(x, t):
        out = x.copy()
        for j in range(d // 2):
            a = t * s.base ** (-2 * j / d)
            out[2 * j] = x[2 * j] * np.cos(a) - x[2 * j + 1] * np.sin(a)
            out[2 * j + 1] = x[2 * j] * np.sin(a) + x[2 * j + 1] * np.cos(a)
        return out

    rows = [model.embedding[t].astype(float) for t in tokens]
    for w in model.layers:
        heads = []
        for t, x in enumerate(rows):
            h = norm(x, w["norm1"])
            q, k, v = (
                np.split(w[n].astype(float) @ h, count)
                for n, count in [("q", s.heads), ("k", s.groups), ("v", s.groups)]
            )
            heads.append(([turn(a, t) for a in q], [turn(a, t) for a in k], v))
        new = []
        for t, x in enumerate(rows):
            mixed = []
            for head in range(s.heads):
                g = head // share
                e = np.array([np.exp(heads[t][0][head] @ heads[u][1][g] / np.sqrt(d)) for u in range(t + 1)])
                mixed.append(sum(a * heads[u][2][g] for u, a in enumerate(e / e.sum())))
            x = x + w["o"] @ np.concatenate(mixed)
            h = norm(x, w["norm2"])
            gate = w["gate"] @ h
            new.append(x + w["down"] @ (gate / (1 + np.exp(-gate)) * (w["up"] @ h)))
        rows = new
    return np.array([model.embedding @ norm(x, model.norm) for x in rows])


TOKENS = [5, 9, 200, 9, 31, 7, 0, 18]


def test_logits_are_those_of_the_definition(model):
    expected = by_definition(model, TOKENS)
    assert expected.std() > 0.5, "a comparison needs logits that differ"
    np.testing.assert_allclose(llm.run(model, TOKENS), expected, atol=2e-3)


def test_everything_stays_single_precision(model):
    cache = {}
    assert llm.run(model, TOKENS, cache).dtype == np.float32
    assert {part.dtype for pair in cache.values() for part in pair} == {np.dtype("float32")}


@pytest.mark.parametrize("cuts", [(1,), (3, 4), (1, 2, 3, 4, 5, 6, 7)])
def test_a_cache_changes_nothing(model, cuts):
    cache = {}
    parts = [llm.run(model, list(part), cache) for part in np.split(np.array(TOKENS), cuts)]
    np.testing.assert_allclose(np.concatenate(parts), llm.run(model, TOKENS), atol=1e-4)
    assert cache[0][0].shape == (model.shape.groups, len(TOKENS), model.shape.width // model.shape.heads)


def test_the_last_token_alone_is_read_as_with_the_others(model):
    both, alone = {}, {}
    for part in (TOKENS[:4], TOKENS[4:]):
        expected, found = llm.run(model, part, both)[-1:], llm.run_last(model, part, alone)
        assert found.shape == (1, model.shape.vocabulary) and found.dtype == np.float32
        np.testing.assert_allclose(found, expected, atol=1e-4)
    assert all(np.array_equal(alone[i], both[i]) for i in both) and len(alone) == model.shape.layers
    np.testing.assert_allclose(llm.run_last(model, TOKENS), expected, atol=1e-4)


def test_a_later_token_leaves_earlier_logits_exactly_as_they_were(model):
    a, b = llm.run(model, TOKENS), llm.run(model, [*TOKENS[:5], 99, 98, 97])
    assert np.array_equal(a[:5], b[:5]) and abs(a[5:] - b[5:]).max(axis=1).min() > 0.01


def test_rotation_keeps_lengths_and_knows_only_distances():
    q, k = np.random.default_rng(0).normal(size=(2, 3, 7, 10))
    assert np.allclose(np.linalg.norm(llm.rotate(q), axis=-1), np.linalg.norm(q, axis=-1))
    products = [np.sum(llm.rotate(q, 40 + shift) * llm.rotate(k, shift), axis=-1) for shift in (0, 1, 900)]
    assert np.allclose(products[0], products[1]) and np.allclose(products[0], products[2])
    assert not np.allclose(products[0], np.sum(llm.rotate(q, 41) * llm.rotate(k, 0), axis=-1))


def test_neighbours_are_turned_together_not_halves():
    x = np.zeros((1, 2, 6))
    x[0, :, 0] = 1
    turned = llm.rotate(x, base=100.0)[0, 1]
    assert np.allclose(turned, [np.cos(1), np.sin(1), 0, 0, 0, 0])


def test_heads_share_their_group():
    q, k, v = np.ones((4, 1, 2)), np.ones((2, 1, 2)), np.array([[[1.0, 1.0]], [[2.0, 2.0]]])
    assert llm.attention(q, k, v)[:, 0, 0].tolist() == [1, 1, 2, 2]


def test_embedding_is_tied(model):
    moved = replace(model, embedding=model.embedding + np.eye(*model.embedding.shape, dtype=np.float32))
    a, b = llm.run(model, [50]), llm.run(moved, [50])
    assert not np.allclose(a[0, :10], b[0, :10]), "the output is read from the same table"
    assert model.parameters()["embedding"] == model.shape.vocabulary * model.shape.width


def test_nats_and_answers_agree(model):
    prompt, answers = TOKENS[:4], [[3], [8, 2], [1, 1, 7]]
    got = llm.answer_nats(model, prompt, answers)
    expected = [llm.nats(model, prompt + answer)[-len(answer) :].sum() for answer in answers]
    np.testing.assert_allclose(got, expected, atol=1e-4)


def test_greedy_text_is_the_same_without_a_cache(model):
    new = llm.generate(model, TOKENS, 6)
    tokens = list(TOKENS)
    for _ in range(6):
        tokens.append(int(llm.run(model, tokens)[-1].argmax()))
    assert new == tokens[len(TOKENS) :] and len(new) == 6
    assert llm.generate(model, TOKENS, 6, end=new[2]) == new[: new.index(new[2])]


def test_a_shape_that_cannot_be():
    with pytest.raises(ValueError, match=r"heads 6 and groups 4; expected"):
        llm.Shape(24, 1, 6, 4, 8, 300)
    with pytest.raises(ValueError, match=r"width 20.*turns pairs"):
        llm.Shape(20, 1, 4, 4, 8, 300)


# ----------------------------------------------------------------------------------------------------------- fewer bits


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_rounding_is_at_most_half_a_step(bits):
    w = np.random.default_rng(1).normal(size=(6, 64)).astype(np.float32)
    rounded = llm.quantise(w, bits)
    blocks = w.reshape(-1, 32)
    step = np.ptp(blocks, axis=1) / (2**bits - 1)
    assert np.all(abs(rounded - w).reshape(-1, 32) <= 0.501 * step[:, None])
    assert max(len(np.unique(row)) for row in rounded.reshape(-1, 32)) <= 2**bits
    np.testing.assert_allclose(llm.quantise(rounded, bits), rounded, atol=1e-5)


def test_a_constant_block_stays():
    assert np.array_equal(llm.quantise(np.full((1, 32), 0.3, np.float32), 2), np.full((1, 32), 0.3, np.float32))


def test_a_quantised_model_is_made_as_it_is_used(model):
    wide = llm.random_model(np.random.default_rng(0), llm.Shape(64, 2, 4, 2, 96, 260))
    before = llm.run(wide, TOKENS)
    near, far = (abs(llm.run(llm.quantised(wide, bits), TOKENS) - before).max() for bits in (8, 2))
    assert 0 < near < 0.5 < far and np.array_equal(llm.run(wide, TOKENS), before)


# --------------------------------------------------------------------------------------------------------------- tokens


def test_every_text_comes_back():
    tokeniser = llm.byte_tokeniser()
    for text in ("haemorrhage", "½ mg, 70.5 kg\n", "脑出血 😀", "a  b\t", "<|im_start|>user"):
        assert tokeniser.decode(tokeniser.encode(text)) == text
    assert len(tokeniser.encode("<|im_end|>")) == 1 and len(tokeniser.encode("脑")) == 3


def test_pairs_are_joined_in_the_order_of_the_list():
    rank = {("l", "o"): 0, ("lo", "w"): 1, ("e", "r"): 2, ("w", "e"): 3}
    assert llm.join_pairs(list("lower"), rank) == ["low", "er"]
    assert llm.join_pairs(list("wewel"), rank) == ["we", "we", "l"]
    assert llm.join_pairs(["x"], rank) == ["x"]


def test_words_are_cut_before_pairs_are_joined():
    letters = llm.byte_tokeniser().vocabulary
    merges = [("1", "2"), ("Ġ", "a"), ("a", "Ġ"), ("'", "s"), ("Ġa", "b")]
    tokeniser = llm.Tokeniser([*letters, "12", "Ġa", "aĠ", "'s", "Ġab"], merges)

    def cut(text):
        return [tokeniser.vocabulary[t] for t in tokeniser.encode(text)]

    assert cut("12") == ["1", "2"], "digits stand alone"
    assert cut("a ab") == ["a", "Ġab"], "a blank belongs to the word behind it"
    assert cut("a's") == ["a", "'s"]
    assert cut(" 1") == ["Ġ", "1"], "a blank does not belong to a numeral"
    assert cut("a²") == ["a", *(letters[b] for b in "²".encode())], "² is no letter"


def test_what_the_tokeniser_cannot_do():
    with pytest.raises(ValueError, match=r"text: got bytes, expected a string"):
        llm.byte_tokeniser().encode(b"abc")
    with pytest.raises(ValueError, match=r"vocabulary: got 3 tokens without"):
        llm.Tokeniser(["a", "b", "c"])
    known = [letter for letter in llm.byte_tokeniser().vocabulary[:256] if letter != llm._letters()[4]]
    with pytest.raises(ValueError, match=r"1 bytes that this vocabulary has no token for"):
        llm.Tokeniser(known).encode("a\x04")


# ---------------------------------------------------------------------------------------------------------------- files


def text(value: str) -> bytes:
    raw = value.encode("utf-8")
    return struct.pack("<Q", len(raw)) + raw


def fact(name: str, value) -> bytes:
    """A named value as it stands in a file."""

    def typed(value):
        if isinstance(value, bool):
            return 7, struct.pack("<?", value)
        if isinstance(value, int):
            return 4, struct.pack("<I", value)
        if isinstance(value, float):
            return 6, struct.pack("<f", value)
        if isinstance(value, str):
            return 8, text(value)
        of = typed(value[0])[0]
        return 9, struct.pack("<IQ", of, len(value)) + b"".join(typed(v)[1] for v in value)

    kind, raw = typed(value)
    return text(name) + struct.pack("<I", kind) + raw


def q4_1(w: np.ndarray) -> bytes:
    """Blocks of 32 weights in 20 bytes, written as ggml does."""
    out = b""
    for block in w.reshape(-1, 32):
        step = np.float16(np.ptp(block) / 15)
        least = np.float16(block.min())
        level = np.clip(np.rint((block - np.float32(least)) / max(np.float32(step), 1e-9)), 0, 15).astype(np.uint8)
        out += step.tobytes() + least.tobytes() + (level[:16] | level[16:] << 4).tobytes()
    return out


def q8_0(w: np.ndarray) -> bytes:
    """Blocks of 32 weights in 34 bytes."""
    out = b""
    for block in w.reshape(-1, 32):
        step = np.float16(abs(block).max() / 127)
        out += step.tobytes() + np.rint(block / np.float32(step)).astype(np.int8).tobytes()
    return out


KINDS = {0: lambda w: w.astype("<f4").tobytes(), 3: q4_1, 8: q8_0}


def gguf(facts: dict, tensors: dict, magic=b"GGUF", version=3) -> bytes:
    """A whole file; tensors: name -> (array, type)."""
    head = magic + struct.pack("<IQQ", version, len(tensors), len(facts))
    head += b"".join(fact(name, value) for name, value in facts.items())
    body = b""
    for name, (w, kind) in tensors.items():
        head += text(name) + struct.pack("<I", w.ndim) + struct.pack(f"<{w.ndim}Q", *w.shape[::-1])
        head += struct.pack("<IQ", kind, len(body))
        raw = KINDS.get(kind, KINDS[0])(w)
        body += raw + b"\0" * (-len(raw) % 32)
    return head + b"\0" * (-len(head) % 32) + body


@pytest.fixture
def small():
    """A small model of the family: facts and tensors of its file, and its weights."""
    shape = llm.Shape(64, 2, 4, 2, 96, 258)
    model = llm.random_model(np.random.default_rng(5), shape)
    tokens = llm.byte_tokeniser().vocabulary
    facts = {
        "general.architecture": "llama",
        "llama.block_count": 2,
        "llama.embedding_length": 64,
        "llama.attention.head_count": 4,
        "llama.attention.head_count_kv": 2,
        "llama.feed_forward_length": 96,
        "llama.rope.freq_base": 100_000.0,
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "llama.vocab_size": 258,
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [1] * 256 + [3, 3],
        "tokenizer.ggml.merges": ["h e", "he m"],
    }
    tensors = {"token_embd.weight": (model.embedding, 8), "output_norm.weight": (model.norm, 0)}
    for i, layer in enumerate(model.layers):
        for ours, theirs in llm._NAMES.items():
            tensors[f"blk.{i}.{theirs}.weight"] = (layer[ours], 3 if layer[ours].ndim == 2 else 0)
    return facts, tensors, model


def write(folder, raw: bytes):
    path = folder / "model.gguf"
    path.write_bytes(raw)
    return path


def test_a_file_is_read_as_it_was_written(small, tmp_path):
    facts, tensors, model = small
    facts["tokenizer.ggml.tokens"] = facts["tokenizer.ggml.tokens"][:254] + ["he", "hem"] + ["<a>", "<b>"]
    got, tokeniser = llm.read_model(write(tmp_path, gguf(facts, tensors)))
    assert got.shape == replace(model.shape, eps=np.float32(1e-5).item())
    assert got.parameters() == model.parameters()
    assert np.array_equal(got.norm, model.norm) and got.embedding.dtype == np.float32
    for mine, theirs in zip(model.layers, got.layers, strict=True):
        for name, w in mine.items():
            step = np.ptp(w.reshape(-1, 32), axis=1).max() / 15
            assert abs(theirs[name] - w).max() <= (0 if w.ndim == 1 else 0.52 * step + 2e-3), name
    assert abs(got.embedding - model.embedding).max() <= abs(model.embedding).max() / 127
    assert [tokeniser.vocabulary[t] for t in tokeniser.encode("hem<b>")] == ["hem", "<b>"]
    assert np.isfinite(llm.run(got, [1, 2, 3])).all()


def test_four_bit_blocks_are_unpacked_in_the_order_of_ggml():
    block = np.frombuffer(np.float16(0.5).tobytes() + np.float16(-1).tobytes() + bytes(range(16)), np.uint8)
    got = llm.dequantise(block, 3, (1, 32))[0]
    assert np.array_equal(got[:16], 0.5 * np.arange(16) - 1) and np.array_equal(got[16:], np.full(16, -1.0))
    high = np.frombuffer(block[:4].tobytes() + bytes([0x50] * 16), np.uint8)
    assert np.array_equal(llm.dequantise(high, 3, (1, 32))[0], [-1.0] * 16 + [1.5] * 16)


def test_eight_bit_blocks_have_signs():
    raw = np.float16(0.25).tobytes() + np.array([-128, 127, *[-1] * 30], np.int8).tobytes()
    assert llm.dequantise(np.frombuffer(raw, np.uint8), 8, (32,))[:3].tolist() == [-32, 31.75, -0.25]


@pytest.mark.parametrize(
    ("change", "got"),
    [
        (lambda raw, f, t: b"PK\3\4" + raw[4:], r"begins with b'PK"),
        (lambda raw, f, t: raw[:4] + struct.pack("<I", 9) + raw[8:], "version 9"),
        (lambda raw, f, t: raw[:10], "10 bytes"),
        (lambda raw, f, t: raw[:300], "ends after 300 bytes"),
        (lambda raw, f, t: raw[:-5000], "where blk.1.ffn_"),
        (lambda raw, f, t: gguf(f | {"general.architecture": "bert"}, t), "architecture 'bert'"),
        (lambda raw, f, t: gguf({k: v for k, v in f.items() if "head_count_kv" not in k}, t), "head_count_kv"),
        (lambda raw, f, t: gguf(f, {k: v for k, v in t.items() if k != "output_norm.weight"}), "output_norm.weight"),
        (lambda raw, f, t: gguf(f, t | {"output_norm.weight": (t["output_norm.weight"][0], 12)}), "of type 12"),
        (lambda raw, f, t: raw[:24] + text("x") + struct.pack("<I", 77) + raw[24:], "unknown type 77"),
    ],
)
def test_a_bad_file_says_so(small, tmp_path, change, got):
    facts, tensors, _ = small
    path = write(tmp_path, change(gguf(facts, tensors), facts, tensors))
    with pytest.raises(
        ValueError, match=rf"path: model.gguf cannot be read: got .*{got}.*; expected a whole GGUF.*Fetch"
    ):
        llm.read_model(path)


def test_no_file():
    with pytest.raises(ValueError, match=r"path: got 'nowhere.gguf', which is no file; expected a GGUF file"):
        llm.read_model("nowhere.gguf")
