# ---
# jupyter:
#   jupytext:
#     formats: notebooks///ipynb,notebooks/scripts///py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What makes a model large: a real one, opened
#
# After this notebook you can
# - **count** the parameters, operations and bytes of a language model before you run it,
# - **write out** every step of one in numpy, and prove it,
# - **say** what four bits a weight save and cost, and
# - **test** what such a model knows, beside rules that do not read the question.
#
# | needs | read | run | data |
# |---|---|---|---|
# | [notebook 00](00_start_here.ipynb) | 60 min | 40 s | a real language model, 98 MB on request |
#
# A file of 98 MB holds 134,515,008 numbers that were fitted to two million million pieces of text, most of it
# English. With them your computer answers questions, offline. Asked for the dose of an antibiotic for a child of three,
# it answers in fluent sentences and names an authority. **The dose is some 28 times too high.** We open the file, write
# the model out, and see what it can, what it knows, and what it merely says.

# %%
import time
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.special import expit as sigmoid

from medlib.data import if_ready
from medlib.lesson import check, claim, setup

rng = setup(seed=0)

# %% [markdown]
# The model is **SmolLM2-135M-Instruct** (Ben Allal and others, 2025, Apache-2.0). If the file is on this computer, the
# next cell reads it; if not, one line says how to get it. Until then the page runs on a *tiny model of random weights*:
# every formula below is true of it, and its answers mean nothing. 

# %%
from medlib.models import llm

llm.one_thread()  # short products are quicker on one thread
tiny = llm.random_model(rng)
model, tokeniser = tiny, llm.byte_tokeniser()
file = if_ready("smollm2")
if file:
    model, tokeniser = llm.read_model(file.path)
name = "SmolLM2-135M" if file else "random weights"


# %%
def ask(question, n=60):
    """The model's answer: the most likely token each time, cut after n."""
    prompt = tokeniser.encode(llm.chat(question))
    end = tokeniser.number["<|im_end|>"]
    return tokeniser.decode(llm.generate(model, prompt, n, end))


answer = ask("What is the dose of amoxicillin for a child of three years?")
print(f"{name}: {answer}")

# %% [markdown]
# **This answer is wrong and dangerous.** With the real weights it says 1.5 grams for each kilogram of body weight: 21
# grams for a child of 14 kg, if only once a day. Children of one to four years usually get 250 mg three times a day,
# .75 grams (NHS Forth Valley and Ireland's Health Service Executive, on infections of the ear); in the United States up
# to 90 mg a kilogram, a seventeenth of the answer. It names the World Health Organization as its source; we know of no
# guideline with such a dose. No sign in the text tells it from a right answer. Never take a dose from a model like
# this one.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
daily = 3 * 250 / 1000  # grams, one to four years
if file:
    said = 1.5 * 14  # grams, by the model's answer
    found = "1.5 grams per kilogram" in answer and round(said / daily) == 28 and round(1500 / 90) == 17
    claim("the model says 1.5 grams for each kilogram: 28 times the usual daily dose", found, said / daily)

# %% [markdown]
# ## 1. Count
#
# "Large" has no border. It means three things together: very many parameters (today 10⁸ to 10¹²), broad data that
# nobody labelled for the purpose, and a model that is adapted to many tasks afterwards. GAN and VAE (parts 2 and 3)
# are something else: ways of training, at any size. So is guessing the next word, which this model was trained for.
#
# A language model cuts text into **tokens**, words or parts of words. There are $V$ of them in its vocabulary. Each is
# described by $w$ numbers, the *width*. $L$ layers change this description. A layer has $h$ heads, which share $g$
# groups of keys and values, and a feed-forward part of $f$ hidden units. To count, the sizes are enough:
#
# $$N = V w + L \Bigl( 2 w^2 \bigl(1 + \tfrac{g}{h}\bigr) + 3 w f + 2 w \Bigr) + w \tag{10.1}$$
#
# The first term is the *embedding*, a row of $w$ numbers for each token. The same table is used a second time, at the
# end (it is *tied*), and so is counted once. In a layer stand the four matrices of the attention, the three of the
# feed-forward part, and two scales.


# %%
def count(s):
    """The parameters of a model of shape s, equation (10.1)."""
    attention = 2 * s.width**2 * (1 + s.groups / s.heads)
    feed_forward = 3 * s.width * s.hidden
    layer = attention + feed_forward + 2 * s.width
    return round(s.vocabulary * s.width + s.layers * layer + s.width)


smol = llm.Shape(576, 30, 9, 3, 1536, 49_152)  # w, L, h, g, f, V
claim("the sizes alone give 134,515,008", count(smol) == 134_515_008, count(smol))

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (10.1): against models that exist, of unequal sizes
for sizes in ((24, 2, 6, 2, 40, 300), (48, 5, 4, 1, 20, 100), (16, 1, 2, 2, 70, 290)):
    shape = llm.Shape(*sizes)
    parts = llm.random_model(rng, shape).parameters()
    assert sum(parts.values()) == count(shape), (shape, parts)
parts = model.parameters()
claim(f"the model of this page ({name}) has as many", sum(parts.values()) == count(model.shape), sum(parts.values()))
feed_forward = 3 * smol.layers * smol.width * smol.hidden
assert [round(5 * n / count(smol)) for n in (feed_forward, smol.vocabulary * smol.width)] == [3, 1]
table = pd.Series({part: f"{n:,}" for part, n in parts.items()}, name=f"parameters, {name}")
table.to_frame().T

# %% [markdown]
# Three fifths of the real model's numbers stand in the feed-forward parts (`gate`, `up`, `down`), a fifth in the
# embedding, a fifth in the attention.

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Parameters on a logarithmic axis, from ten thousand to a million million. An introductory CNN has 54 thousand; this course's CNN, GAN and VAE tens to hundreds of thousands; SmolLM2 135 million; RETFound, an image model, 300 million; GatorTron 8.9 billion; Meditron 70 billion; PaLM 540 billion."}} tags=["hide-input"]
import keras

from medlib.models import cnn, gan, vae

made = keras.layers
listing = [keras.Input((28, 28, 1)), made.Conv2D(32, 3), made.MaxPooling2D(), made.Flatten(), made.Dense(10)]
networks = {
    "an introductory CNN": keras.Sequential(listing),
    "CNN of notebook 15": cnn.build_cnn((64, 64, 1), 4),
    "a VAE's encoder and decoder": vae.ConvVAE(vae.build_encoder((32, 32, 1), 24), vae.build_decoder((32, 32, 1), 24)),
    "a GAN's generator": gan.build_generator((32, 32, 1), 64),
}
sizes = {label: network.count_params() for label, network in networks.items()} | {"SmolLM2-135M": count(smol)}
sizes |= {"RETFound (ViT-large)": 3.04e8, "GatorTron-large": 8.9e9, "Meditron-70B": 7e10, "PaLM (Med-PaLM)": 5.4e11}
fig, ax = plt.subplots(figsize=(6.4, 3.4))
for place, (label, n) in enumerate(sizes.items()):
    ax.plot([1e4, n], [place, place], color="0.8", linestyle="-", linewidth=1)
    ax.plot(n, place, "s" if "notebook" in label or label.startswith("a") else "o", color="C0")
ax.set(xscale="log", yticks=range(len(sizes)), yticklabels=list(sizes), xlabel="parameters", xlim=(1e4, 2e12))
ax.set(ylim=(len(sizes) - 0.5, -0.5), title="Small networks (squares) and large ones")
plt.show()
claim("the network of an introductory listing has 54,410", sizes["an introductory CNN"] == 54_410)
assert count(smol) > 100 * max(list(sizes.values())[:4]), "the small ones should be small"

# %% [markdown]
# From the introductory CNN to the largest, the dots span seven powers of ten. The networks of this course lie at the
# left end: they are not large models. (RETFound reads photographs of the retina, GatorTron
# clinical notes; Med-PaLM was made from PaLM.)
#
# ### Your turn
#
# **10.1** Llama 2 70B has a vocabulary of 32,000, width 8,192, 80 layers, 64 heads, 8 groups, and 28,672 hidden units.
# Its output has a table of its own, as large as the embedding. How many parameters is "70B", exactly?

# %%
llama2 = ...  # your answer, a whole number
check("10.1", llama2)

# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 10.1
llama2 = count(llm.Shape(8192, 80, 64, 8, 28_672, 32_000)) + 32_000 * 8192
check("10.1", llama2)

# %% [markdown]
# ## 2. What it costs
#
# A *FLOP* is one multiplication or addition of two numbers. The product of an (m, k) and a (k, n) matrix takes $2mkn$.
# So a token costs two operations for each weight that it meets. Attention comes on top: each of $T$ tokens is compared
# with all $T$, and mixes them.
#
# $$F = 2\, N_W\, T + 4\, L\, w\, T^2 \tag{10.2}$$
#
# $N_W$ are the weights in matrices: all of $N$ except the $(2L + 1)\,w$ scales that (10.4) will need. Our arrays can
# count for themselves (folded).


# %% jupyter={"source_hidden": true} tags=["hide-input"]
class Counted(np.ndarray):
    """An array that counts the operations of its matrix products."""

    flops = 0

    def __matmul__(self, other):
        product = np.asarray(self) @ np.asarray(other)
        Counted.flops += 2 * product.size * self.shape[-1]
        return product.view(Counted)

    def __rmatmul__(self, other):
        return np.asarray(other).view(Counted) @ self


# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (10.2): two texts of unequal length, and models of unequal shape
from dataclasses import replace


def reading_flops(m, tokens):
    """The operations of reading, counted."""
    Counted.flops = 0
    llm.run(replace(m, embedding=m.embedding.view(Counted)), tokens)
    return Counted.flops


def reading_formula(s, T):
    """Equation (10.2)."""
    weights = count(s) - (2 * s.layers + 1) * s.width
    return 2 * weights * T + 4 * s.layers * s.width * T**2


other = llm.random_model(rng, llm.Shape(24, 2, 6, 2, 40, 300))
cases = [(m, T) for m in (tiny, other) for T in (5, 19)]
flops = [(reading_flops(m, list(range(T))), reading_formula(m.shape, T)) for m, T in cases]
claim("counted and computed operations agree to the last one", all(a == b for a, b in flops), [a for a, _ in flops])
per_token = reading_formula(smol, 100) / 100 / 1e6
claim("SmolLM2-135M needs about 270 to 280 million operations a token", 265 < per_token < 285, per_token)

# %% [markdown]
# To *train*, one goes back as well. Each weight then takes part in two more products: one carries the slopes
# further down, one collects the slope of the weight itself (notebook 11 does it). With $N$ parameters and $D$ tokens,
#
# $$C \approx 6\, N D \tag{10.3}$$

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (10.3): the network and the back-propagation of notebook 11, counted on 37 examples
from medlib.models import scratch

theta = [(W.view(Counted), b) for W, b in scratch.initialise(rng, 13, 40, 7, 22, 1)]
weights, examples = sum(W.size for W, _ in theta), 37
Counted.flops = 0
inputs, logit = scratch.forward(theta, rng.normal(size=(examples, 13)))
forward = Counted.flops
scratch.backward(theta, inputs, logit, np.ones((examples, 1)))
total = Counted.flops / (weights * examples)
assert forward == 2 * weights * examples, forward
claim("forward and back: six", total == 6, total)

# %% [markdown]
# This turns published sizes into costs. Tokens and parameters are from the papers and model cards, looked up in
# November 2026. The column *A100-years* divides by what one graphics processor of that type does in a year, at 40 % of
# its 312 million million operations a second.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
published = {  # billions of parameters, of tokens, and where from
    "SmolLM2-135M": (0.1345, 2000, "weights open, Apache-2.0 (model card)"),
    "GPT-3": (175, 300, "closed (Brown and others 2020)"),
    "PaLM, before Med-PaLM": (540, 780, "closed (Chowdhery and others 2022)"),
    "Llama 2 70B": (llama2 / 1e9, 2000, "weights under licence (Touvron and others 2023)"),
    "Meditron-70B, on top": (llama2 / 1e9, 48.1, "weights under licence (Chen and others 2023)"),
}
year = 312e12 * 0.4 * 3600 * 24 * 365
cost = {label: 6 * n * 1e9 * tokens * 1e9 for label, (n, tokens, _) in published.items()}
rows = {
    label: [f"{n:.4g}", f"{tokens:,g}", f"{cost[label]:.1e}", f"{cost[label] / year:.3g}", where]
    for label, (n, tokens, where) in published.items()
}
columns = ["parameters, 10⁹", "tokens, 10⁹", "6ND", "A100-years", "weights"]
assert 0.3 < cost["SmolLM2-135M"] / year < 0.5 and 550 < cost["PaLM, before Med-PaLM"] / year < 700
share = cost["Llama 2 70B"] / (1_720_320 * 3600 * 312e12)
claim("Llama 2's published 1,720,320 A100-hours fit: 35 to 50 % of what they could do", 0.35 < share < 0.5, share)
extra = cost["Meditron-70B, on top"] / cost["Llama 2 70B"]
claim("reading medicine on top cost Meditron less than a twentieth of what Llama 2 had cost", extra < 0.05, extra)
pd.DataFrame(rows, index=columns).T

# %% [markdown]
# The smallest row is about five months of one such processor; the largest some six hundred years, so
# thousands work side by side. The formula can be checked where both sizes and hours are published: Llama 2's hours are
# those of a machine that is busy for 43 % of its time. And look at the last row: this *medical* model is a general one,
# trained a little further.
#
# Medical models, by their papers and cards, and what we did not find:
#
# | medical model | size | learnt from | cost, as published | may be used |
# |---|---|---|---|---|
# | RETFound | ViT-large | 1.6 million images of the retina | A100 processors, 14 days | CC BY-NC 4.0 |
# | UNI | vision transformer | 100 million tiles of 100,000 pathology slides | not found | research only, CC BY-NC-ND 4.0 |
# | GatorTron-large | 8.9 billion | 82 billion words of clinical notes, and 9 billion others | 992 A100 processors | Apache-2.0 |
# | MedGemma | 4 and 27 billion | Gemma 3, then medical text and images | not found | Google's own terms |
# | Med-PaLM | 540 billion | PaLM, then examples of questions | not found | closed |
#
# ## 3. Tokens
#
# The model reads numbers, not letters. Text is first written as bytes. Then neighbours are joined, again and again:
# always the pair that stands first in a list of *merges*. The list was made once, by joining the most frequent pair
# of a large collection of text, and again the most frequent pair of what that left (*byte pair encoding*).


# %% tags=["medlib:models.llm.join_pairs"]
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


merges = [("e", "m"), ("h", "em"), ("r", "h"), ("o", "r"), ("rh", "a")]
rank = {pair: place for place, pair in enumerate(merges)}
print(join_pairs(list("hemorrhage"), rank))

# %% [markdown]
# With five merges of our own, ten letters become five pieces. The second `r` goes to `rh`, which stands before `or` in
# the list; the first one is left for `or`. The real list has 48,900 merges.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
own = join_pairs(list("hemorrhage"), rank)
late = join_pairs(list("orh"), rank)
right = own == ["hem", "or", "rha", "g", "e"] and late == ["o", "rh"]
claim("where two merges want one letter, the earlier one gets it", right, " ".join(late))
texts = ["heart attack", " hemorrhage", " haemorrhage", " amoxicillin", " clopidogrel", "70.5 mg", "脑出血"]
found = {text: tokeniser.encode(text) for text in texts}
for text in texts:
    assert tokeniser.decode(found[text]) == text
if file:  # the file writes a blank as Ġ
    by_hand = [tokeniser.number[piece] for piece in join_pairs(["Ġ", *"haemorrhage"], tokeniser.rank)]
    assert len(tokeniser.rank) == 48_900
    assert by_hand == found[" haemorrhage"], "our function should cut as the file's tokeniser does"
    american, british = len(found[" hemorrhage"]), len(found[" haemorrhage"])
    claim("American spelling is one token, British three", (american, british) == (1, 3), [american, british])
cut = {text: " | ".join(tokeniser.decode([t]) for t in numbers) for text, numbers in found.items()}
table = pd.DataFrame({"characters": [len(t) for t in texts], "tokens": map(len, found.values()), "cut": cut.values()})
table.set_index(pd.Index(map(repr, texts), name=f"text ({name})"))

# %% [markdown]
# A heart attack takes two tokens, a haemorrhage one or three, depending on the side of the Atlantic: the list knows
# what its makers read. A drug's name falls into splinters, each digit stands alone, and a Chinese character (the last
# text is a bleed in the brain) may need several tokens of which none is a character (shown as �).
#
# ## 4. Inside
#
# A text of $T$ tokens is a table of $T$ rows with $w$ numbers. Each layer adds something to each row, in two parts:
# *attention* carries information from earlier rows to later ones, and the *feed-forward* part works on each row by
# itself. Before each part the rows are brought to one size, $\gamma_i$ being a learnt scale and
# $\epsilon$ tiny:
#
# $$\hat x_i = \frac{\gamma_i\, x_i}{\sqrt{\tfrac1w \sum_j x_j^2 + \epsilon}} \tag{10.4}$$


# %% tags=["medlib:models.llm.rms_norm"]
def rms_norm(x, gain, eps=1e-5):
    """Divide each row by its root mean square, then scale every column."""
    mean_square = np.mean(x**2, axis=-1, keepdims=True)
    return x / np.sqrt(mean_square + eps) * gain


# %% [markdown]
# How does a row know its place in the text? Its numbers are taken in pairs, and each pair is *turned*, like the hand of
# a clock, the further the later the token. Every pair has a speed of its own. At place $t$, pair $j = 0, 1, \dots$ of a
# head of $d$ numbers turns by
#
# $$\alpha_{t,j} = t\; b^{-2j/d}, \qquad b = 100{,}000 \tag{10.5}$$


# %% tags=["medlib:models.llm.rotate"]
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


# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equations (10.4) and (10.5): generic rows; each pair against its own 2 × 2 matrix
x, gain = rng.normal(2, 3, size=(4, 10)), rng.uniform(0.5, 2, 10)
size = np.mean((rms_norm(x, gain, 0.7) / gain) ** 2, axis=1)
expected = np.mean(x**2, axis=1) / (np.mean(x**2, axis=1) + 0.7)
claim("each row's mean square becomes m / (m + ε), so 1 but for ε", np.allclose(size, expected), size)
q, k = rng.normal(size=(2, 3, 9, 8))  # 3 heads, 9 places, 8 numbers
by_matrix = np.empty_like(q)
for t in range(9):
    for j in range(4):
        angle = (t + 5) * 1000 ** (-2 * j / 8)
        matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        by_matrix[:, t, 2 * j : 2 * j + 2] = q[:, t, 2 * j : 2 * j + 2] @ matrix.T
same = np.allclose(rotate(q, 5, 1000), by_matrix)
claim("each neighbouring pair is turned by its angle", same)
later = np.sum(rotate(q, 12) * rotate(k, 9), axis=-1)
claim("scores depend on the distance alone", np.allclose(np.sum(rotate(q, 103) * rotate(k, 100), axis=-1), later))

# %% [markdown]
# Turning changes no length. And the product of two turned vectors, which is all that the model uses, depends only
# on *how far apart* they are: turn both further by the same angle, and nothing happens.
#
# **Attention.** From each row come a *query* $q$, a *key* $k$ and a *value* $v$. A query is compared with the keys of
# all places up to its own. The softmax makes shares of these scores, and the shares mix the values:
#
# $$o_t = \sum_{s \le t} a_{ts}\, v_s, \qquad a_{ts} \propto \exp\Bigl(\frac{q_t \cdot k_s}{\sqrt d}\Bigr), \qquad
# \sum_{s \le t} a_{ts} = 1 \tag{10.6}$$
#
# The condition $s \le t$ is the *causal mask*: nobody may look at what comes later. That is done $h$ times side by side
# (*heads*). To save memory, several queries share a key and a value: nine heads, three groups.


# %% tags=["medlib:models.llm.softmax", "medlib:models.llm.attention"]
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


# %% [markdown]
# **Feed-forward.** Two layers side by side; the first, through $\mathrm{silu}(a) = a\,\sigma(a)$ with the sigmoid
# $\sigma(a) = 1 / (1 + e^{-a})$, opens and closes the units of the second like valves (*SwiGLU*; $\odot$ multiplies number
# by number):
#
# $$\mathrm{ff}(x) = W_\text{down} \bigl(\mathrm{silu}(W_\text{gate}\, x) \odot W_\text{up}\, x\bigr) \tag{10.7}$$


# %% tags=["medlib:models.llm.swiglu"]
def swiglu(x, gate, up, down):
    """The feed-forward part: one layer opens and closes the units of another."""
    valve = x @ gate.T
    valve = valve * sigmoid(valve)
    return (valve * (x @ up.T)) @ down.T


# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equations (10.6) and (10.7): number by number, with unequal sizes
q, k, v = rng.normal(size=(6, 5, 4)), rng.normal(size=(2, 8, 4)), rng.normal(size=(2, 8, 4))
slow = np.zeros((6, 5, 4))
for head in range(6):
    for t in range(5):  # the queries are the last five of eight places
        seen = [s for s in range(8) if s <= t + 3]
        powers = [np.exp(q[head, t] @ k[head // 3, s] / 2) for s in seen]
        slow[head, t] = sum(p * v[head // 3, s] for p, s in zip(powers, seen, strict=True)) / sum(powers)
claim("six heads share two groups, and nobody looks ahead", np.allclose(attention(q, k, v), slow))
gate, up, down = rng.normal(size=(5, 3)), rng.normal(size=(5, 3)), rng.normal(size=(3, 5))
x = rng.normal(size=3)
units = [(gate[i] @ x) / (1 + np.exp(-gate[i] @ x)) * (up[i] @ x) for i in range(5)]
claim("the feed-forward part, unit by unit", np.allclose(swiglu(x[None], gate, up, down)[0], down @ units))

# %% [markdown]
# Now the whole model. A layer normalises, attends, adds; normalises, feeds forward, adds. Keys and values of earlier
# tokens do not change any more, so they are kept: `past` is a *cache*, and a new token costs only its own row.


# %% tags=["medlib:models.llm.split_heads", "medlib:models.llm.run_layer"]
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


# %% tags=["medlib:models.llm.run"]
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


# %% [markdown]
# That was all: some fifty lines. The last one compares the final row with the embedding of every token, and the
# softmax of these *logits* is the probability of the next token. Is it right? TensorFlow shall do the same, written in
# another way: heads as one product, pairs as complex numbers.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
import tensorflow as tf


def by_tensorflow(m, tokens):
    """The same logits, by other means."""
    s, T = m.shape, len(tokens)
    d, share = s.width // s.heads, s.heads // s.groups
    angle = np.arange(T)[:, None] * s.base ** (-np.arange(0, d, 2) / d)
    hand = tf.constant(np.exp(1j * angle)[:, None], tf.complex64)
    ahead = tf.constant(np.triu(np.full((T, T), -1e9), 1), tf.float32)

    def norm(x, gain):
        return gain * x * tf.math.rsqrt(tf.reduce_mean(tf.square(x), -1, keepdims=True) + s.eps)

    def heads(x, matrix):
        return tf.reshape(tf.matmul(x, matrix, transpose_b=True), (T, -1, d))

    def turn(x):
        z = tf.complex(x[..., ::2], x[..., 1::2]) * hand
        return tf.reshape(tf.stack([tf.math.real(z), tf.math.imag(z)], -1), x.shape)

    x = tf.constant(m.embedding[tokens])
    for w in m.layers:
        h = norm(x, w["norm1"])
        q = tf.reshape(turn(heads(h, w["q"])), (T, s.groups, share, d))
        scores = tf.einsum("tgsd,ugd->gstu", q, turn(heads(h, w["k"]))) / d**0.5 + ahead
        mixed = tf.einsum("gstu,ugd->tgsd", tf.nn.softmax(scores), heads(h, w["v"]))
        x += tf.matmul(tf.reshape(mixed, (T, -1)), w["o"], transpose_b=True)
        h = norm(x, w["norm2"])
        opened = tf.nn.silu(tf.matmul(h, w["gate"], transpose_b=True)) * tf.matmul(h, w["up"], transpose_b=True)
        x += tf.matmul(opened, w["down"], transpose_b=True)
    return tf.matmul(norm(x, m.norm), m.embedding, transpose_b=True).numpy()


def prove(m, tokens):
    """Largest differences: to TensorFlow; a cache in three pieces to one pass; a changed last token to before."""
    whole, cache = run(m, tokens), {}
    pieces = [run(m, part, cache) for part in (tokens[:4], tokens[4:5], tokens[5:])]
    changed = run(m, [*tokens[:-1], tokens[-1] + 1])
    others = [by_tensorflow(m, tokens), np.concatenate(pieces)]
    return [abs(whole - o).max() for o in others] + [abs(whole - changed)[:-1].max()], abs(whole - changed)[-1].max()


for label, m in {"tiny": tiny, "tiny, other shape": other, name: model}.items():
    (framework, cached, leak), moved = prove(m, [int(t) for t in rng.integers(5, 250, 12)])
    claim(f"{label}: TensorFlow agrees, and a cache changes nothing", max(framework, cached) < 2e-3, [framework, cached])
    claim(f"{label}: another last token leaves all earlier logits as they were", leak == 0 < moved, leak)
assert all(np.array_equal(run(m, [3, 5, 8]), llm.run(m, [3, 5, 8])) for m in (tiny, other))

# %% [markdown]
# Three models: the same logits by two ways, but for rounding, and exactly 0 where the future is changed.
#
# ### Your turn
#
# **10.2** `logits_of` takes a list of tokens and returns logits, a row for each token. Write a test that says whether
# it *leaks*: whether a change of the last token moves the logits of an earlier place by more than .001.


# %%
def leaks(logits_of, tokens):
    """True when an earlier place sees the last token."""
    return ...  # your code


check("10.2", leaks)


# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 10.2
def leaks(logits_of, tokens):
    """True when an earlier place sees the last token."""
    before = logits_of(tokens)
    after = logits_of([*tokens[:-1], tokens[-1] + 1])
    return bool(abs(before - after)[:-1].max() > 1e-3)


check("10.2", leaks)

# %% [markdown]
# Two colleagues change the model. Anna counts places from the *end* of the text, so that the last token has place 0.
# Ben subtracts from each logit its mean over the text, "to centre it". Which change breaks causality? Guess first.


# %%
def annas(tokens):
    """Places are counted from the end."""
    return run(tiny, tokens, turn=lambda x, start, b: rotate(x, 1 - len(tokens), b))


def bens(tokens):
    """Logits are centred over the text."""
    logits = run(tiny, tokens)
    return logits - logits.mean(axis=0)


for label, logits_of in {"Anna": annas, "Ben": bens}.items():
    print(label, "leaks:", leaks(logits_of, [3, 1, 4, 1, 5, 9, 2, 6]))

# %% jupyter={"source_hidden": true} tags=["hide-input"]
text = [int(t) for t in rng.integers(0, 250, 15)]
shift = abs(annas(text) - run(tiny, text)).max()
claim("Anna's model is the old one, to within rounding: only distances count", shift < 1e-3, shift)
moved = abs(bens(text) - bens([*text[:-1], text[-1] + 1]))[:-1].max()
claim("Ben's lets the last word reach the first", moved > 0.01, moved)

# %% [markdown]
# Anna may: the scores depend on distances alone. Ben may not. A mean over the text, a standardisation with the whole
# course of a disease, a scaler fitted to all visits: each lets the future in, and flatters the model.
#
# ## 5. How well does it guess?
#
# The model was trained to make one number small: the mean of $-\log p$ of each token, given those before it. It is
# measured in *nats*; $x_{<t}$ are the tokens before place $t$.
#
# $$\ell = -\frac{1}{T-1} \sum_{t=2}^{T} \log p(x_t \mid x_{<t}) \tag{10.8}$$


# %% tags=["medlib:models.llm.nats"]
def nats(model, tokens, turn=rotate):
    """-log p of each token but the first, given those before it."""
    logits = run(model, tokens[:-1], turn=turn).astype(float)
    p = softmax(logits)
    return -np.log(p[np.arange(len(p)), tokens[1:]])


# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (10.8): token by token, each from a pass of its own; and all continuations together
text = [int(t) for t in rng.integers(0, 250, 7)]
alone = [-np.log(softmax(run(tiny, text[:t])[-1].astype(float))[text[t]]) for t in range(1, 7)]
claim("each token is judged by what stands before it", np.allclose(nats(tiny, text), alone), np.mean(alone))
total = sum(np.exp(-nats(tiny, [*text[:3], token])[-1]) for token in range(tiny.shape.vocabulary))
claim("the probabilities of everything that could come next add up to 1", abs(total - 1) < 1e-9, total)

# %% [markdown]
# Our own paragraph, which it cannot have learnt by heart:

# %%
paragraph = (
    "A stroke happens when the blood supply to part of the brain is cut off or when "
    "a blood vessel in the brain bursts. Brain cells begin to die within minutes. The "
    "person may suddenly have a drooping face, a weak arm or slurred speech. A scan "
    "shows whether the cause is a clot or a bleed. A clot can be dissolved with a drug "
    "or pulled out through an artery, and the sooner this happens, the more is saved."
)
tokens = tokeniser.encode(paragraph)
surprise = nats(model, tokens)

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Bars over the first thirty-odd tokens of a paragraph on stroke: nats of each token. High for words that open a thought, near 0 for those that finish one."}} tags=["hide-input"]
shown = 34
fig, ax = plt.subplots(figsize=(7.6, 3.2))
ax.bar(range(shown), surprise[:shown])
ax.axhline(np.log(model.shape.vocabulary), color="black", linestyle=":")
labels = [tokeniser.decode([t]).replace(" ", "·") for t in tokens[1 : shown + 1]]
ax.set_xticks(range(shown), labels, rotation=90, fontsize=8)
ax.set(ylabel="nats", title=f"How surprised is it? {name} (dotted: a guess among all tokens)")
ax.grid(axis="x", visible=False)
plt.show()

# %% [markdown]
# The first tokens of a thought are dear, the last ones cheap: after *A stroke happens when the blood supply to part of
# the brain is cut*, the next word, *off*, costs almost nothing. (A raised dot is the blank before a word.) The dotted
# line is what a guess among all tokens would cost, 10.8 nats for the real model.
#
# Change one convention, and nothing stops or complains; only the text becomes less likely.


# %% jupyter={"source_hidden": true} tags=["hide-input"]
def halves(x, start, base):
    """The other convention: number i is turned together with number i + d/2."""
    order = np.arange(x.shape[-1]).reshape(2, -1).T.ravel()
    turned = np.empty_like(x)
    turned[..., order] = rotate(x[..., order], start, base)
    return turned


def looks_ahead(q, k, v):
    """Attention without a mask: each query is asked alone, as if it stood last, and so sees all places."""
    alone = [masked(q[:, t : t + 1], k, v) for t in range(q.shape[1])]
    return np.concatenate(alone, axis=1)


masked, attention = attention, looks_ahead  # `run_layer` takes what has this name
try:
    unmasked = nats(model, tokens).mean()
finally:  # also when the cell is interrupted
    attention = masked
shuffled = [int(t) for t in rng.permutation(tokens)]
chinese = "当脑的一部分供血被阻断，或者脑内血管破裂时，就会发生中风。脑细胞在几分钟内开始死亡。"
english = paragraph[: paragraph.index(" The person")]
price = {
    "as it should be": surprise.mean(),
    "base 10,000 for 100,000": nats(model, tokens, lambda x, start, base: rotate(x, start, 1e4)).mean(),
    "pairs of halves, not of neighbours": nats(model, tokens, halves).mean(),
    "no rotation": nats(model, tokens, lambda x, start, base: x).mean(),
    "the tokens shuffled": nats(model, shuffled).mean(),
    "a guess among all tokens": np.log(model.shape.vocabulary),
    "no mask, so the future in sight": unmasked,
}
per_letter = [nats(model, tokeniser.encode(text)).sum() / len(text) for text in (english, chinese)]
if file:
    right, base, *wrong, guess, _ = price.values()
    claim("about 2.7 nats a token, where a guess costs 10.8", 2.6 < right < 2.8 and 10.7 < guess < 10.9, [right, guess])
    dear, cheap = 1.5 < wrong[0] - right < 1.9 < min(wrong[1:]) - right + 0.1, 0.05 < base - right < 0.1
    claim("the wrong base costs less than a tenth of a nat, halves about 1.7, the others more", dear and cheap, [base, *wrong])
    claim("a missing mask looks better than the model: about 1.2", 1 < unmasked < 1.3, unmasked)
    claim("a Chinese character costs twelve to fifteen times an English letter", 12 < per_letter[1] / per_letter[0] < 15, per_letter)
pd.Series(price, name=f"nats a token, {name}").round(2).to_frame()

# %% [markdown]
# As it should be, a token costs about 2.7 nats; that is a factor of 3,000 in probability better than a guess. Each
# wrong row is a slip that raises no error. Two conventions for the pairs are in use (files of this kind want
# neighbours, another library wants halves): the wrong one costs 1.7 nats, nearly as much as no rotation at all. The
# wrong base costs .07 nats and would pass for a slightly worse model. **A missing mask looks like progress**: 1.2 nats
# for 2.7, since each place sees the word that it is to guess. In Chinese a *character* costs 5.2 nats, more than thirteen
# English letters, and does not say so much: the model has hardly read any Chinese.
#
# ## 6. Fewer bits
#
# In 32 bits a number, this model takes 538 MB. The file has 98. It keeps the weights of the layers (not the embedding,
# which has eight bits) in blocks of 32: for each block the least weight $m$ and a step $\delta$, 16 bits each, and for
# each weight $W_i$ a level $z_i$ from 0 to 15, which is four bits. With $B$ bits a level,
#
# $$\tilde W_i = m + \delta\, z_i, \qquad \delta = \frac{\max_i W_i - \min_i W_i}{2^B - 1}, \qquad
# |\tilde W_i - W_i| \le \frac{\delta}{2} \tag{10.9}$$


# %% tags=["medlib:models.llm.quantise"]
def quantise(w, bits, block=32):
    """Round blocks of 32 weights to 2**bits equal steps, least to largest."""
    parts = w.reshape(-1, block)
    low, high = parts.min(axis=1, keepdims=True), parts.max(axis=1, keepdims=True)
    step = (high - low) / (2**bits - 1)
    level = np.rint((parts - low) / np.maximum(step, 1e-12))
    return (low + step * level).reshape(w.shape)


# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (10.9): three widths; the bound is reached, the mean square error is a twelfth of a squared step
for bits in (2, 3, 5):
    w = rng.normal(size=(50, 640)).astype("float32")
    blocks = w.reshape(-1, 32)
    step = (blocks.max(axis=1) - blocks.min(axis=1)) / (2**bits - 1)
    error = abs(quantise(w, bits) - w).reshape(-1, 32)
    worst, square = (error.max(axis=1) / step).max(), np.mean((error / step[:, None]) ** 2)
    levels = max(len(np.unique(row)) for row in quantise(w, bits).reshape(-1, 32)[:200])
    assert 0.49 < worst < 0.501 and 0.85 < square * 12 < 1.05 and levels <= 2**bits, (bits, worst, square, levels)
claim("no weight moves by more than half a step", worst < 0.501, worst)
matrices = count(smol) - smol.vocabulary * smol.width - (2 * smol.layers + 1) * smol.width
stored = matrices * 20 / 32 + smol.vocabulary * smol.width * 34 / 32 + (2 * smol.layers + 1) * smol.width * 4
claim("20 bytes for 32 weights, 34 for 32 of the embedding: 97 MB", 96e6 < stored < 97e6, stored / 1e6)
assert round(4 * count(smol) / 1e6) == 538

# %% [markdown]
# So a weight costs five bits, not four: the 32 bits of $m$ and $\delta$ are shared by 32 weights. (The rest of the
# file is the vocabulary.) What does it cost in nats? We have no copy of the model before it was rounded, so we cannot
# say what the first four bits lost. But we can round the layers again, further down.

# %%
bits = [8, 4, 3, 2]
loss = [nats(llm.quantised(model, b), tokens).mean() for b in bits]

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Nats a token against bits a level, from 8 to 2. Flat from 8 to 4, one and a half nats more at 3, and at 2 bits above the dotted line of a pure guess."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(5.4, 3.2))
ax.plot(bits, loss, "o-")
ax.axhline(surprise.mean(), color="0.4", linestyle="--", linewidth=1)
ax.axhline(np.log(model.shape.vocabulary), color="black", linestyle=":")
ax.invert_xaxis()
ax.set(xticks=bits, xlabel="bits a level", ylabel="nats a token", title=f"{name}, rounded again (dashed: before; dotted: a guess)")
plt.show()
if file:
    eight, four, three, two = np.array(loss) - surprise.mean()
    near = max(abs(eight), abs(four)) < 0.05 and 1.4 < three < 1.8
    claim("8 and 4 bits change less than a twentieth of a nat, 3 bits cost about 1.6", near, [eight, four, three])
    claim("2 bits are worse than a guess among all tokens", loss[-1] > np.log(model.shape.vocabulary), loss[-1])

# %% [markdown]
# From 8 to 4 bits nothing changes, and that is no merit of ours: these weights stand on sixteen levels already, so
# rounding them to sixteen or 256 levels finds them where they are. With eight levels a token costs 1.6 nats more, with
# four levels more than a blind guess. Four bits are near an edge.
#
# ## 7. Reading is quick, writing is slow
#
# To read a prompt, all its tokens go through the layers together. To write, one token goes at a time, because the next
# one depends on it. The operations a token are the same. A stopwatch (folded) says what that does.


# %% jupyter={"source_hidden": true} tags=["hide-input"]
def seconds(task, repeats):
    """The mean time of a call."""
    start = time.perf_counter()
    for _ in range(repeats):
        task()
    return (time.perf_counter() - start) / repeats


cache, square = {}, rng.random((1000, 1000), "float32")
plain = 2e9 / seconds(lambda: square @ square, 5)  # operations a second
reading = seconds(lambda: run(model, tokens, cache), 1) / len(tokens)
writing = seconds(lambda: run(model, tokens[-1:], cache), 12)
forgetful = seconds(lambda: run(model, tokens), 1)
per_token = reading_formula(model.shape, len(tokens)) / len(tokens)
moved = 4 * count(model.shape)  # bytes of weights that a token needs
kept = [model.embedding, model.norm, *(w for layer in model.layers for w in layer.values())]
assert moved == sum(w.nbytes for w in kept)
speeds = {"reading": reading, "writing, with a cache": writing, "writing, without": forgetful}
rows = {
    label: [f"{1 / s:,.1f}", f"{1000 * s:.3g}"] for label, s in speeds.items()
}
rows["reading"] += [f"{per_token / reading / 1e9:.3g}", ""]
rows["writing, with a cache"] += [f"{per_token / writing / 1e9:.3g}", f"{moved / writing / 1e9:.3g}"]
rows["writing, without"] += ["", ""]
rows["a plain matrix product"] = ["", "", f"{plain / 1e9:.3g}", ""]
if file:
    claim("a token that is read costs less than a third of one that is written", reading < writing / 3, [reading, writing])
    claim("without a cache a written token costs more than three times as much", forgetful > 3 * writing, forgetful)
pd.DataFrame(rows, index=["tokens a second", "ms a token", "10⁹ operations a second", "GB a second"]).T

# %% [markdown]
# Where we have measured, reading is ten to twenty times as fast as writing, at the same number of operations a token.
# It does a half to three quarters of the operations a second of a plain matrix product, writing a tenth of that or
# less. Writing waits for memory: for each new token all 538 MB of weights must come by, for a single row. A prompt
# shares that journey among all its tokens. So fewer bits also mean more *speed*, in programs that leave them rounded,
# and without a cache each new token would read the whole text again.
#
# ### Your turn
#
# **10.3** The cache has its price. For each token, each layer keeps the keys and the values of its groups: each group
# has `width / heads` numbers for either. How many bytes, if a number takes `size` bytes?


# %%
def cache_bytes(shape, tokens, size):
    """The memory of keys and values; shape has width, layers, heads, groups."""
    return ...  # your formula


check("10.3", cache_bytes)


# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 10.3
def cache_bytes(shape, tokens, size):
    """The memory of keys and values; shape has width, layers, heads, groups."""
    d = shape.width // shape.heads
    return 2 * shape.layers * shape.groups * d * tokens * size


check("10.3", cache_bytes)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
held = sum(part.nbytes for i in cache for part in cache[i])
if cache_bytes(smol, 1, 4) is not ...:
    own = cache_bytes(model.shape, cache[0][0].shape[1], 4)
    claim("the formula gives the bytes of the cache that we have just filled", own == held, held)
    big = llm.Shape(8192, 80, 64, 8, 28_672, 32_000)
    ungrouped = replace(big, groups=64)
    gigabytes = [cache_bytes(s, 4096, 2) / 1e9 for s in (big, ungrouped)]
    claim("Llama 2 70B, 4,096 tokens in 16 bits: 1.3 GB, without groups 10.7", gigabytes[0] < 1.4 < 10 < gigabytes[1], gigabytes)

# %% [markdown]
# That is for *one* conversation; a hundred at a time need a hundred such caches. The groups are there to save this
# memory.
#
# ## 8. What does it know?
#
# We wrote **twenty mirrored pairs** of questions. Each pair has two answers, and each of them is right for one question
# and wrong for the other: *insulin is made in the* pancreas, *bile is made in the* liver. A rule that does not read the
# question is right exactly once in each pair, so in 20 of 40. Pairs and scoring were fixed before the model saw them:
# it *chooses* the answer whose tokens have the larger product of probabilities. (The spelling is American.)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
pairs = [
    ("Insulin is made in the", " pancreas", "Bile is made in the", " liver"),
    ("The hormone that lowers blood sugar is", " insulin", "The hormone that raises blood sugar is", " glucagon"),
    ("Scurvy is caused by a lack of vitamin", " C", "Rickets is caused by a lack of vitamin", " D"),
    ("Tuberculosis is caused by a", " bacterium", "Influenza is caused by a", " virus"),
    ("Malaria is spread by", " mosquitoes", "Lyme disease is spread by", " ticks"),
    ("A doctor who treats the heart is a", " cardiologist", "A doctor who treats the skin is a", " dermatologist"),
    ("The bone of the thigh is the", " femur", "The bone of the upper arm is the", " humerus"),
    ("The blood cells that carry oxygen are", " red", "The blood cells that fight infection are", " white"),
    ("Asthma is a disease of the", " lungs", "Hepatitis is a disease of the", " liver"),
    ("Cataract is a disease of the", " eye", "Eczema is a disease of the", " skin"),
    ("Too little thyroid hormone is called", " hypothyroidism", "Too much thyroid hormone is called", " hyperthyroidism"),
    ("Low blood sugar is called", " hypoglycemia", "High blood sugar is called", " hyperglycemia"),
    ("Vessels that carry blood away from the heart are", " arteries", "Vessels that carry blood back to the heart are", " veins"),
    ("A heart rate that is too slow is called", " bradycardia", "A heart rate that is too fast is called", " tachycardia"),
    ("Antibiotics treat infections with", " bacteria", "Antiviral drugs treat infections with", " viruses"),
    ("Warfarin is given to prevent", " clots", "Morphine is given to relieve", " pain"),
    ("Parkinson's disease is treated with", " levodopa", "Type 2 diabetes is treated with", " metformin"),
    ("An opioid overdose is treated with", " naloxone", "A severe allergic reaction is treated with", " epinephrine"),
    ("The left ventricle pumps blood into the", " aorta", "The right ventricle pumps blood into the", " lungs"),
    ("A stroke caused by a blocked artery is called", " ischemic", "A stroke caused by bleeding is called", " hemorrhagic"),
]
questions = []
for number, (one, a, two, b) in enumerate(pairs):
    questions += [(number, one, a, b), (number, two, b, a)]
group = np.array([number for number, *_ in questions])


def costs(prompt, *answers):
    """Nats of each answer after the prompt."""
    return llm.answer_nats(model, tokeniser.encode(prompt), [tokeniser.encode(text) for text in answers])


def triples(text):
    """The letter triples of a text."""
    text = text.lower().strip()
    return {text[i : i + 3] for i in range(len(text) - 2)}


def closer(prompt, right, wrong):
    """1 when the right answer shares more letter triples with the question; a tie counts one half."""
    a, b = (len(triples(prompt) & triples(answer)) for answer in (right, wrong))
    return 0.5 if a == b else float(a > b)


each = np.array([costs(prompt, right, wrong) for _, prompt, right, wrong in questions])
one = tokeniser.encode("Bile is made in the"), tokeniser.encode(" gallbladder")
paid = nats(model, one[0] + one[1])[-len(one[1]) :].sum()
assert abs(costs("Bile is made in the", " gallbladder")[0] - paid) < 0.01, "all tokens of an answer count"
endings = sorted({right for _, _, right, _ in questions})
unasked = dict(zip(endings, costs("The answer is", *endings), strict=True))
score = {
    "the model": (each[:, 0] < each[:, 1]).astype(float),
    "the model, without the question": np.array([float(unasked[a] < unasked[b]) for *_, a, b in questions]),
    "shares more letters with the question": np.array([closer(*q) for _, *q in questions]),
    "the longer answer": np.array([0.5 + 0.5 * np.sign(len(a) - len(b)) for *_, a, b in questions]),
}

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Share of forty questions answered rightly, with 95 percent intervals by pair: the model about 0.65, its interval from 0.53 to 0.78; three rules that hardly read the question at or near one half."}} tags=["hide-input"]
from types import SimpleNamespace

from scipy.stats import binomtest

from medlib import plot
from medlib.metrics import proportion, score_table

asked = SimpleNamespace(y=np.ones(40), groups=group)
shares = score_table(score, asked, against="the longer answer", scores={"share right": lambda y, p: np.mean(p)})
ax = plot.intervals(shares, "share right")
ax.axvline(0.5, color="0.5", linestyle=":")
ax.set(xlim=(-0.02, 1.02), xlabel="share of 40 questions answered rightly (95 % interval, by pair)", title=f"{name}, twenty mirrored pairs")
plt.show()
blind = [score[label].mean() for label in ("the model, without the question", "the longer answer")]
claim("rules that do not read the question are right in 20 of 40, by construction", blind == [0.5, 0.5], blind)
lean = (each[:, 1] - each[:, 0]).reshape(20, 2)  # nats in favour of the right answer, each side of a pair
assert np.array_equal(np.ravel(lean) > 0, np.exp(-each[:, 0]) > np.exp(-each[:, 1])), "likelier is chosen"
assert np.array_equal(np.ravel(lean) > 0, score["the model"] == 1)
moved = proportion(int(np.sum(lean.sum(axis=1) > 0)), 20)
if file:
    knows = shares["share right"]["the model"]
    both, neither = (int(np.sum(np.all(lean * sign > 0, axis=1))) for sign in (1, -1))
    exact = binomtest(both, both + neither).pvalue
    claim("the model is right in 24 to 28 of 40", 24 <= 40 * knows.value <= 28, knows)
    few = 5 <= both <= 9 and 0.01 < exact < 0.5
    claim("both sides are right in 5 to 9 pairs, which an exact test does not tell from luck", few, [both, neither, exact])
    claim("but the question moves its leaning the right way in 18 pairs or more", moved.value >= 0.9, moved)
    assert lean[1, 0] > 0 > lean[1, 1], "insulin, whatever is asked"
shares.astype(str)

# %% [markdown]
# The model chooses rightly in 26 of 40, and the interval of its lead over the blind rules, by pair, begins just above
# 0. But it knows *both* sides of 7 pairs only, and is wrong on both of 1: an exact test of 7 against 1 (p = .07)
# cannot exclude luck. In the other 12 it prefers one answer whatever is asked: *insulin* for the hormone that lowers
# blood sugar, and for the one that raises it. And yet it is not blind. (This second look was decided after the first.)
# Let each pair cancel what the model likes anyway, and ask which way the *question* moves it: the right way in 19 pairs
# of 20. The knowledge is in there, and it is often weaker than habit. A test without mirrors cannot tell the two apart.
#
# ### Copying, and knowing
#
# A report must not contradict itself. Ten sentences name a side and end before it is named again (*a large effusion in
# the left knee. Conclusion: effusion of the ...*); ten others ask for anatomy, since each half of the brain moves the
# *other* side of the body (*a stroke in the left half of the brain weakens the arm on the ...*). Each is asked with
# *left* and with *right*, and scored at that word. A rule that repeats the side is right in 20 of 20 of the first kind,
# and in none of the second.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
repeat = [
    "CT of the head. Findings: infarct in the {} hemisphere. Impression: acute infarct in the",
    "The patient fell on the {} hip. The X-ray shows a fracture of the",
    "Findings: a large effusion in the {} knee. Conclusion: effusion of the",
    "Mammography shows a mass in the {} breast. A biopsy was taken from the mass in the",
    "There is a stone in the {} kidney. Summary: a stone in the",
    "The {} lung has collapsed. A chest drain was placed on the",
    "She has had pain in her {} ear for a week. On examination there is redness of the",
    "Ultrasound shows a clot in the {} leg. Impression: deep vein thrombosis of the",
    "He cannot see with his {} eye. Diagnosis: retinal detachment of the",
    "There is a nodule in the {} lobe of the thyroid. Plan: biopsy of the nodule in the",
]
cross = [
    "A stroke in the {} half of the brain weakens the arm on the",
    "CT shows an infarct in the {} hemisphere. The patient cannot move the arm on the",
    "A bleed in the {} hemisphere causes weakness of the leg on the",
    "The tumor lies in the {} motor cortex, so the weak hand is the",
    "The {} motor cortex moves the hand on the",
    "He has an infarct of the {} middle cerebral artery and is paralyzed on the",
    "An operation on the {} half of the brain left her with numbness on the",
    "The MRI shows a lesion of the {} motor cortex, which explains the weakness on the",
    "After a stroke in the {} hemisphere, the arm does not move on the",
    "Damage to the {} cerebral cortex causes loss of feeling in the hand on the",
]


def same_side(sentences):
    """How many nats the model gives in favour of the side that was named, (sentences, 2)."""
    sides = (("left", "right"), ("right", "left"))
    found = [costs(text.format(a), f" {a}", f" {b}") for text in sentences for a, b in sides]
    return np.diff(found).reshape(-1, 2)


left = costs(repeat[0].format("left"), " left", " right")
assert np.isclose(same_side(repeat[:1])[0, 0], left[1] - left[0]), "positive: the side that was named is likelier"
sides = {"repeat the side": same_side(repeat), "name the other side": -same_side(cross)}
moved_by = {kind: proportion(int(np.sum(lean.sum(axis=1) > 0)), 10) for kind, lean in sides.items()}
asked = SimpleNamespace(y=np.ones(20), groups=np.repeat(np.arange(10), 2))
right = {kind: np.ravel(lean > 0).astype(float) for kind, lean in sides.items()}
shares = score_table(right, asked, scores={"share right, of 20": lambda y, p: np.mean(p)})
shares["a rule that repeats the side"] = ["1", "0"]
shares["share moved the right way, of 10"] = list(moved_by.values())
if file:
    repeated, crossed = (int(np.sum(lean > 0)) for lean in sides.values())
    few = 11 <= repeated <= 15 and 10 <= crossed <= 14
    claim("it is right in 11 to 15, and in 10 to 14, of 20", few, [repeated, crossed])
    leaning = min(interval.value for interval in moved_by.values())
    claim("yet in eight of ten sentences or more the named side moves it the right way", leaning >= 0.8, leaning)
shares.astype(str)

# %% [markdown]
# Where the side only has to be repeated, the model does so in 13 of 20, and the rule that repeats in 20 of 20. Where
# the other side is right, it is right in 12 of 20: with intervals from .45 to .85 and from .40 to .80, neither is
# better than a coin for certain. Again the leaning is better than the choice: the named side moves it the right way in
# 9 of 10 sentences of either kind. **A report that contradicts itself is as fluent as one that does not.** Part 4
# (planned) checks facts with a parser for that reason.
#
# ### Fluent is not true
#
# One more question, on a drug whose name we made up.

# %%
invented = ask("What is trelovastin used for?", n=40)
print(f"{name}: {invented}")

# %% [markdown]
# With the real weights it describes an anti-inflammatory drug and its uses. Why? It was trained to make likely text
# likelier, and sentences of the form *X is a type of ...* follow such questions. "There is no such drug" is rarely
# written. A likelihood is about texts; truth is about the world, and nothing in the loss (10.8) asks for it.
#
# What helps most is a check outside of the model.
#
# ## Three questions
#
# Answer aloud, then open.
#
# <details><summary>A company offers "a large medical model, trained on 16 million abstracts". Which three numbers do you
# ask for, and what do you compute?</summary>Parameters, tokens of *all* its training (also of the general model it was
# built on), and bits a weight. From (10.3) its cost, from (10.9) its memory, plus the cache of exercise 10.3. Then you
# ask for what no such number tells: on which patients it was tested, beside which rival.</details>
#
# <details><summary>Your own program for a model from the internet runs without an error, and its text is poor. How do you find
# out whether the model or the program is to blame?</summary>Measure nats a token on a paragraph of ordinary text,
# shuffle its tokens, and compare with the published implementation. A wrong pairing of the rotation costs 1.7 nats
# here, and nothing stops. Then test causality, and a cache in pieces against one pass.</details>
#
# <details><summary>A test of 20 questions says that a model "knows 90 % of medicine". Name two rules that might do nearly as
# well without knowing any.</summary>The more frequent word, and the word that goes with the question whatever is asked
# of it. Mirror each question, so that every answer is right once and wrong once: then such rules get exactly one half.
# Also, 18 of 20 has an interval from .70 to .97.</details>
#
# ## In this notebook we ...
#
# - counted parameters, operations, bytes and the cost of training, and let arrays count themselves to check,
# - wrote a language model out in fifty lines, and proved them against TensorFlow, a cache, and a changed future,
# - gave wrong conventions their price in nats, and weights fewer bits,
# - saw why writing is slower than reading, and
# - asked it what it knows, in pairs that a rule which does not read cannot win.
#
# **Pitfalls**
# - A likelihood says what is *written*, not what is true. The model has learnt how people write about doses.
# - No error is no proof. Pairs of halves or a wrong base run through; only the nats tell. A missing mask more than halves them.
# - Twenty questions are twenty. Fix the questions and the scoring beforehand, and give the interval.
# - "Large" is no quality. Beside a large model stands its rival: in [notebook 12](12_gradient_descent.ipynb) and
#   [15](15_image_diagnosis.ipynb) a logistic regression and a forest. Where measured columns are few, they tie.
#
# **Further reading**
# - Vaswani and others, *Attention is all you need* (2017); Touvron and others, *Llama* and *Llama 2* (2023): the family of
#   this model. Su and others, *RoFormer* (2021): rotary positions. Zhang and Sennrich (2019): RMSNorm. Shazeer (2020):
#   SwiGLU. Ainslie and others (2023): grouped queries.
# - Ben Allal and others, *SmolLM2* (arXiv 2502.02737, 2025); its card gives the two million million tokens.
# - Kaplan and others, *Scaling laws for neural language models* (2020), and Hoffmann and others, *Training
#   compute-optimal large language models* (2022): 6ND.
# - Chen and others, *Meditron-70B* (2023); Zhou and others, *RETFound* (Nature 622, 2023); Chen and others, *UNI*
#   (Nature Medicine, 2024); Yang and others, *GatorTron* (npj Digital Medicine, 2022); Chowdhery and others, *PaLM* (2022);
#   Singhal and others, *Med-PaLM* (Nature 620, 2023).
#
# **Next**: [every slope of a network at once](11_back_propagation.ipynb), the algorithm that fitted these numbers.
