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
# # Three ways to adapt a large model, with eighty sentences
#
# After this notebook you can
# - **use** a language model as a fixed reader in front of a linear classifier,
# - **write out** LoRA, count what it trains, and prove that it begins by changing nothing,
# - **prompt** a model with examples, and read its answer off the probabilities, and
# - **ask** of each whether a list of words, or a count of words, would have done as well.
#
# | needs | read | run | data |
# |---|---|---|---|
# | [notebook 10](10_large_models.ipynb); least squares | 60 min | 60 s | a real language model, 93 MB on request |
#
# Few hospitals will ever train a large model. They adapt one that exists, with the few sentences that somebody had
# time to label. Below are eighty sentences of radiology. Which of them report something abnormal? Hospitals ask that to
# find the reports that need a second visit, and to label the scans from which other models learn. Seven words answer
# it rightly for three sentences of four: *no, not, normal, clear, intact, regular, unremarkable*. Whoever sees one of
# them says "normal". It took a minute and no training. **A model of 134,515,008 numbers has to beat that.** That is
# hard. As a fixed reader of twenty labelled sentences it draws level, and with forty it is a little ahead. With eight
# examples in its prompt and thirty-two more labels it is level or ahead: that depends on the examples. And where it is
# trained further, a forecast of the weather is a surprisingly strong rival.

# %%
import re
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from medlib.data import if_ready
from medlib.decisions import decide, unseen
from medlib.lesson import check, claim, setup, track
from medlib.metrics import score_table

rng = setup(seed=0)

# %% [markdown]
# The sentences were written for this page, ten normal and ten abnormal ones for each of four regions of the body. They
# are nobody's reports.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
sentences = {
    "head": (
        [
            "The ventricles are of usual size and the midline is in place.",
            "No bleeding inside the skull and no sign of a recent stroke.",
            "Grey and white matter are well told apart on both sides.",
            "The sinuses are clear and the skull is intact.",
            "Unremarkable scan of the brain for this age.",
            "The basal cisterns are open and symmetrical.",
            "Arteries at the base of the brain fill evenly with contrast.",
            "The orbits and both optic nerves look healthy.",
            "There is no mass, and the cerebellum is unremarkable.",
            "The pituitary gland is of normal height.",
        ],
        [
            "A dark wedge in the territory of the left middle cerebral artery.",
            "Fresh blood in the right basal ganglia breaks into the ventricle.",
            "The midline is shifted by eight millimeters to the right.",
            "A ring of contrast surrounds a necrotic center in the frontal lobe.",
            "A crescent of blood lies between the skull and the hemisphere.",
            "The ventricles are dilated and the sulci are effaced.",
            "There is a fracture of the temporal bone with air inside the skull.",
            "Multiple small metastases in both hemispheres.",
            "The basilar artery does not fill with contrast.",
            "Swelling of the whole brain with loss of the cisterns.",
        ],
    ),
    "chest": (
        [
            "Both lungs are clear and fully expanded.",
            "The heart is not enlarged and the mediastinum is narrow.",
            "No effusion and no pneumothorax on either side.",
            "The airways are open down to the small branches.",
            "Smooth pleura, free costophrenic angles.",
            "The aorta has a regular course and caliber.",
            "Lymph nodes in the hila are not enlarged.",
            "The pulmonary arteries are filled up to the periphery.",
            "Normal position of the diaphragm, ribs intact.",
            "The lung markings reach the chest wall everywhere.",
        ],
        [
            "Consolidation of the right lower lobe with air bronchograms.",
            "A large effusion compresses the left lung.",
            "The heart is enlarged and the vessels are congested.",
            "A clot sits astride the division of the pulmonary artery.",
            "The right lung has collapsed after a stab wound.",
            "A spiculated nodule of two centimeters in the upper lobe.",
            "Honeycombing at both bases suggests fibrosis.",
            "The wall of the ascending aorta is torn.",
            "Cavities in the apex raise the suspicion of tuberculosis.",
            "Three ribs are broken and there is air under the skin.",
        ],
    ),
    "abdomen": (
        [
            "The liver has a smooth outline and an even texture.",
            "The gallbladder contains no stones and its wall is thin.",
            "Both kidneys are of equal size and drain freely.",
            "The appendix is slender and filled with air.",
            "There is no free fluid and no free air.",
            "The pancreas and its duct are unremarkable.",
            "The spleen is not enlarged.",
            "Loops of bowel are of normal width.",
            "The bladder is smooth and completely emptied.",
            "Aorta and iliac vessels have a regular caliber.",
        ],
        [
            "A stone blocks the left ureter, and the kidney is dilated.",
            "The appendix is thickened and surrounded by fluid.",
            "Free air under the diaphragm points to a perforation.",
            "Several metastases in both lobes of the liver.",
            "The bowel is distended with fluid levels, as in an obstruction.",
            "The pancreas is swollen and its borders are blurred.",
            "An aneurysm of the aorta measures six centimeters.",
            "The spleen is torn and the patient is bleeding.",
            "The gallbladder wall is thick and full of stones.",
            "A tumor narrows the sigmoid colon.",
        ],
    ),
    "limb": (
        [
            "No fracture and no dislocation of the wrist.",
            "The joint space of the knee is preserved.",
            "Both menisci and the ligaments are intact.",
            "The deep veins of the leg can be compressed everywhere.",
            "The hip joint is round and well covered.",
            "Muscles and tendons of the shoulder are unremarkable.",
            "The bones of the foot are in regular alignment.",
            "Cartilage of the ankle is smooth and of even height.",
            "There is no effusion in the elbow.",
            "Mineral content of the femur is normal for age.",
        ],
        [
            "The distal radius is broken and tilted backwards.",
            "The anterior cruciate ligament is torn.",
            "A clot fills the femoral vein and it cannot be compressed.",
            "The head of the humerus is dislocated forwards.",
            "Severe osteoarthritis of the hip with loss of the joint space.",
            "The neck of the femur is fractured and displaced.",
            "The Achilles tendon has ruptured above the heel.",
            "A lytic lesion weakens the shaft of the tibia.",
            "The knee is swollen by a large effusion.",
            "Infection has destroyed the bone of the big toe.",
        ],
    ),
}
texts = [text for parts in sentences.values() for part in parts for text in part]
abnormal = np.tile(np.repeat([0, 1], 10), 4)
region = np.repeat(np.arange(4), 20)
claim("eighty different sentences, half of them abnormal", len(set(texts)) == 80 and abnormal.sum() == 40)
pd.DataFrame({"region": list(sentences), "normal": texts[::20], "abnormal": texts[10::20]}).set_index("region")

# %% [markdown]
# The table shows the first sentence of each kind. The rule below was written down after the sentences, in one go, and
# never changed. Still it is a strong rival, perhaps too strong: its author had written all eighty sentences, those of
# the test too.

# %%
QUIET = {"no", "not", "normal", "clear", "intact", "regular", "unremarkable"}


def seven_words(text):
    """0, normal, when one of the seven words occurs; otherwise 1."""
    return 0 if QUIET & set(re.findall("[a-z]+", text.lower())) else 1


rule = np.array([seven_words(text) for text in texts])
hits = np.sum(rule == abnormal)
claim("seven words are right for 62 of 80", hits == 62, hits)
assert np.sum(abnormal > rule) == 1, "one abnormal sentence is missed"

# %% [markdown]
# ## The model
#
# As in notebook 10: if the file of SmolLM2-135M is on this computer, the next cell reads it. If not, one line says how
# to get it, and the page runs on a tiny model of random weights. Every formula is true of that one too; its answers
# mean nothing.

# %%
from medlib.models import llm

llm.one_thread()
model, tokeniser = llm.random_model(rng), llm.byte_tokeniser()
file = if_ready("smollm2")
if file:
    model, tokeniser = llm.read_model(file.path)
name = "SmolLM2-135M" if file else "random weights"
tokens = [tokeniser.encode(text) for text in texts]
depth = model.shape.layers // 2  # the middle

# %% [markdown]
# ## 1. A fixed reader
#
# The first way does not touch the model. A text goes through its layers, and each layer $l$ leaves a row $h_{l,t}$ of
# 576 numbers for each token $t$ of $T$ tokens. Their mean describes the text:
#
# $$\phi_l = \frac1T \sum_{t=1}^{T} h_{l,t} \tag{17.1}$$
#
# These *frozen features* go into a linear classifier, which has the only weights that are fitted. `states` gives
# what enters each layer and what leaves the last; `nothing` says that no text stands before this one.


# %% tags=["medlib:models.lora.states"]
def states(model, tokens):
    """What enters each layer, and what leaves the last: (layers + 1, tokens, width)."""
    shape, x = model.shape, model.embedding[tokens]
    d = shape.width // shape.heads
    nothing = np.zeros((2, shape.groups, 0, d), "float32")
    found = [x]
    for w in model.layers:
        x, _ = llm.run_layer(x, w, shape, nothing)
        found.append(x)
    return np.array(found)


# %%
LAYERS = min(4, model.shape.layers - 1)  # that LoRA will change, in section 2
middle, last, entering = [], [], []
for text in track(tokens, "80 sentences"):
    found = states(model, text)
    middle.append(found[depth].mean(axis=0))
    last.append(found[-1].mean(axis=0))
    entering.append(found[-1 - LAYERS])
frozen = {"middle layer": np.array(middle), "last layer": np.array(last)}

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (17.1): the states are those of the model, and the mean is over the tokens of each text alone
small = llm.random_model(rng, llm.Shape(24, 4, 6, 3, 40, 300))
some = [token % 250 for token in tokens[7][:9]]
for m in (small, model):
    found = states(m, some)
    logits = llm.rms_norm(found[-1], m.norm, m.shape.eps) @ m.embedding.T
    assert np.array_equal(found[0], m.embedding[some]) and len(found) == m.shape.layers + 1
    assert np.allclose(logits, llm.run(m, some), atol=1e-3), "states should lead to the model's logits"
by_hand = [sum(states(model, tokens[i])[depth]) / len(tokens[i]) for i in (3, 41)]
near = np.allclose(frozen["middle layer"][[3, 41]], by_hand, atol=1e-3)
ends = [sum(states(model, tokens[i])[-1]) / len(tokens[i]) for i in (3, 41)]
near = near and np.allclose(frozen["last layer"][[3, 41]], ends, atol=1e-2)
claim("a text's features are the mean over its own tokens", near and len(tokens[3]) != len(tokens[41]))

# %% [markdown]
# ### Your turn
#
# The features have to be centred and brought to one size, or the penalty of the classifier means something else for
# each layer. **17.1** Write `prepared(x, rows)`: subtract from all rows of `x` the mean of the training rows, and then
# divide all by one number, so that the mean *squared length* of the training rows is 1. The other rows must have no
# say in this: they are the test.


# %%
def prepared(x, rows):
    """x, centred and scaled by its training rows alone."""
    return ...  # the same shape as x


check("17.1", prepared)


# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 17.1
def prepared(x, rows):
    """x, centred and scaled by its training rows alone."""
    x = x - x[rows].mean(axis=0)
    squares = np.sum(x[rows] ** 2, axis=1)
    return x / np.sqrt(squares.mean())


check("17.1", prepared)

# %% [markdown]
# The rival without a language model is *tf-idf*: how often each word occurs in the sentence, times a weight that is
# the larger the fewer training sentences hold the word. Everybody gets the same classifier and the same care: least
# squares towards $-1$ and $+1$, with a penalty on the squared weights (four regions are four such questions). Each
# training sentence is left out in turn and predicted by the others; the mean squared error of that chooses one of five
# penalties. For least squares this has a formula, so it takes no time.

# %%
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import RidgeClassifier, RidgeClassifierCV


def classify(x, y, rows):
    """Least squares on training rows: its score there, and what it says of all."""
    penalties = (0.001, 0.01, 0.1, 1, 10)
    fit = RidgeClassifierCV(alphas=penalties).fit(x[rows], y[rows])
    decide("penalty", fit.alpha_)
    return fit.best_score_, fit.predict(x)


# %%
def choose_layer(found):
    """The layer whose left-out training sentences are predicted best."""
    score = {layer: found[layer][0] for layer in frozen}
    return decide("layer", max(score, key=score.get))


# %% [markdown]
# One draw of training sentences is one draw. We take ten for each number, and note for each sentence in which share
# of the draws it was answered rightly *while it was not in training*. The intervals then draw sentences, in pairs:
# they say what other sentences of this kind would change. Which layer is read is one more thing to choose, so each draw
# chooses it in training, too. (`unseen` hands the labels back as they are. When the course is tested, it turns those of
# the test upside down, and every choice must come out the same.)


# %% jupyter={"source_hidden": true} tags=["hide-input"]
def inputs_of(rows):
    """For each method what the regression gets to see."""
    words = TfidfVectorizer().fit([texts[i] for i in rows])
    x = {"tf-idf": words.transform(texts).toarray()}
    for layer, features in frozen.items():
        x[layer] = prepared(features, rows)
    return x


def draw(y, each):
    """`each` training sentences of every class."""
    return np.concatenate([rng.permutation(np.flatnonzero(y == k))[:each] for k in np.unique(y)])


def study(y, each, draws=10):
    """For each method the share of draws in which a sentence, when tested, was answered rightly; and the layers."""
    right, tested, layers = {}, np.zeros(len(y)), []
    for _ in range(draws):
        rows = draw(y, each)
        test = np.ones(len(y), bool)
        test[rows] = False
        tested += test
        seen = unseen(y, test)
        found = {method: classify(x, seen, rows) for method, x in inputs_of(rows).items()}
        layers.append(choose_layer(found))
        found["chosen layer"] = found[layers[-1]]
        for method, (_, says) in found.items():
            hit = (says == y) & test
            right[method] = right.get(method, 0) + hit
    kept = tested > 0
    assert all(np.all(hits <= tested) for hits in right.values()), "only a tested sentence can be right"
    return {method: hits[kept] / tested[kept] for method, hits in right.items()}, kept, layers


# Under a microscope: the draws, and sentences that share nothing with the training ones, which all get one answer
rows, again = draw(region, 5), draw(region, 5)
assert len(set(rows)) == 20 and set(np.bincount(region[rows])) == {5} and set(rows) != set(again)
assert len(set(classify(np.eye(80), abnormal, np.arange(1, 80, 3))[1][::3])) == 1, "the test has no say in the fit"
x, errors = rng.normal(size=(12, 3)) / 3, {}
y = (x[:, 0] > np.median(x[:, 0])).astype(int)
for alpha in (0.001, 0.01, 0.1, 1, 10):
    one = RidgeClassifier(alpha=alpha)
    left = [one.fit(np.delete(x, i, 0), np.delete(y, i)).decision_function(x[[i]])[0] for i in range(12)]
    errors[alpha] = np.mean((2 * y - 1 - left) ** 2)
assert np.isclose(-classify(x, y, np.arange(12))[0], min(errors.values())), "each is left out, as by hand"
assert choose_layer({"middle layer": (-0.2, []), "last layer": (-0.1, [])}) == "last layer", "the smaller error"
few = [0, 45, 70]
words = set(re.findall(r"\w\w+", " ".join(texts[i] for i in few).lower()))
tables, chosen = {}, {}
score = {"right": lambda y, p: np.mean(p)}
if prepared(np.eye(3), [0, 1]) is not ...:
    assert inputs_of(few)["tf-idf"].shape[1] == len(words), "the words are those of the training sentences"
    plans = [("normal or abnormal", abnormal, each) for each in (5, 10, 20)]
    plans += [("which region", region, each) for each in (5, 10)]
    for question, y, each in track(plans, "five studies"):
        shares, kept, chosen[question, each] = study(y, each)
        if y is abnormal:
            shares["seven words"] = (rule == y)[kept].astype(float)
        shares["commonest class"] = (y == 0)[kept].astype(float)
        asked = SimpleNamespace(y=np.ones(kept.sum()), groups=np.arange(kept.sum()))
        tables[question, each] = score_table(shares, asked, "tf-idf", score)
        for rival in ("last layer", *(["seven words"] if y is abnormal else [])):
            tables[question, each][f"minus {rival}"] = score_table(shares, asked, rival, score).iloc[:, 1]

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Share of sentences answered rightly against training sentences a class. Left, normal or abnormal: the middle layer, and the layer chosen in training, rise from about .6 to .85 and pass the dashed line of seven words; the last layer and tf-idf stay below it. Right, four regions: the last layer is ahead of the middle one, and both of tf-idf."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(7.6, 3.3), sharey=True)
methods = ("middle layer", "last layer", "tf-idf", "chosen layer")
for ax, question, floor in zip(axes, ("normal or abnormal", "which region"), (0.5, 0.25), strict=True):
    sizes = [each for asked, each in tables if asked == question]
    for k, method in enumerate(methods):
        found = [tables[question, each]["right"][method] for each in sizes]
        error = np.abs([[f.value - f.low, f.high - f.value] for f in found]).T
        x = np.array(sizes) * 1.05 ** (k - 1.5)  # side by side
        ax.errorbar(x, [f.value for f in found], error, marker="os^D"[k], capsize=2, label=method)
    ax.axhline(floor, color="black", linestyle=":", label="guessing")
    ax.set(xscale="log", xticks=sizes, xticklabels=sizes, xlabel="training sentences a class", title=question)
    ax.minorticks_off()
axes[0].axhline(np.mean(rule == abnormal), color="0.4", linestyle="--", label="seven words")
axes[0].set(ylabel="answered rightly (95 %)", ylim=(0.15, 1))
handles = axes[0].get_legend_handles_labels()
axes[1].legend(*handles, fontsize=8, loc="upper left", ncols=2)
fig.suptitle(f"Frozen features: {name}", fontsize=10)
plt.show()

# %% [markdown]
# All readers gain with more sentences. On the left the middle layer climbs past the dashed line, and tf-idf and the last
# layer stay below it; on the right the last layer is a little ahead of the middle one. The diamonds chose their layer
# in training: on the left they reach the better one with twenty a class, elsewhere they may lie between the two.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
if file and tables:
    full, ten, few = (tables["normal or abnormal", each] for each in (20, 10, 5))
    gain = full["right minus tf-idf"]["chosen layer"]
    claim("with twenty a class the layer chosen in training is ahead of tf-idf, its interval without 0", gain.low > 0, gain)
    share = full["right"]["chosen layer"]
    claim("it is right for .78 to .92", 0.78 < share.value < 0.92, share)
    lead = full["minus seven words"]["chosen layer"]
    claim("that is 0 to .15 ahead of seven words", 0 < lead.value < 0.15, lead)
    level = ten["minus seven words"]["chosen layer"]
    claim("with ten a class it is level with them, to within .08", abs(level.value) < 0.08, level)
    lost = few["minus seven words"]["chosen layer"]
    claim("with five a class it is more than .08 behind them", lost.value < -0.08, lost)
    where = tables["which region", 5]
    regions = where["right minus tf-idf"]["chosen layer"]
    claim("for the region it is ahead of tf-idf with five a class, its interval without 0", regions.low > 0, regions)
    layers = [t["minus last layer"]["middle layer"] for t in (full, where)]
    claim("normal or abnormal: the middle layer is ahead of the last, its interval without 0", layers[0].low > 0, layers[0])
    claim("the region: the last layer is level or ahead", layers[1].value < 0.02, layers[1])
    votes = chosen["normal or abnormal", 20].count("middle layer")
    claim("with twenty a class seven draws of ten or more choose the middle layer", votes >= 7, votes)
columns = {f"{question}, {each}": table["right"].map(str) for (question, each), table in tables.items()}
pd.DataFrame(columns).fillna("").reindex([*methods, "seven words", "commonest class"])

# %% [markdown]
# With twenty sentences a class the chosen layer answers eight of ten or more, tf-idf about two of three: on so few
# sentences most words of the test never occurred in training, while the model has met them all before. That is what
# pre-training is for. But the dashed line needed *no* sentence. With ten a class the model only draws level, and with
# twenty it leads by .05 to .1: eighty sentences hardly tell that from nothing (the interval stands beside the claim).
# For the four regions there is no such list of seven words: five sentences a region bring about half of the answers,
# where guessing brings a quarter and tf-idf a third.
#
# Two lessons. The rival is not only the weaker classifier beside it, but also what somebody who knows the matter would
# write down in a minute. And "the features" of a model do not exist: for *normal or abnormal* the middle layer is ahead
# by more than .1, for the region the last one by .03 to .14, which is not always beyond doubt. Whoever reads both rows
# of the table and then reports the better layer has chosen it on the test. In training the left-out sentences choose
# it: with forty of them nearly every draw finds the middle layer, with ten they do hardly better than a coin.
#
# ## 2. LoRA: a small change, trained
#
# The second way changes the model. Not all of it: its slopes alone would take as much memory as its weights, and
# eighty sentences cannot say anything about 134,515,008 numbers. *Low-rank adaptation* (Hu and others, 2022) leaves a
# matrix $W$ as it is, and adds the product of a thin and a flat one:
#
# $$W' = W + \frac{\alpha}{r}\, B A, \qquad B \in \mathbb R^{d_{out} \times r},\; A \in \mathbb R^{r \times d_{in}} \tag{17.2}$$
#
# $r$ is the *rank*, and $\alpha$ a factor that one fixes (here it is no step size). $A$ begins at random and $B$ at
# **zero**, so that the model begins as it was. What is trained are
#
# $$P = r\,(d_{in} + d_{out}) \tag{17.3}$$
#
# numbers instead of $d_{in} d_{out}$. The product $BA$ need not be built: $x$ goes through $A$, then through $B$.


# %% tags=["medlib:models.lora.new_change"]
import tensorflow as tf


def new_change(W, rank, rng):
    """A pair (A, B) for a matrix W; B is 0."""
    rows, columns = W.shape
    A = rng.normal(size=(rank, columns)) / columns**0.5
    B = np.zeros((rows, rank))
    return tf.Variable(A, dtype="float32"), tf.Variable(B, dtype="float32")


# %% tags=["medlib:models.lora.changed"]
def changed(x, W, pair, scale):
    """x times the transpose of W + scale · B A, without building that matrix."""
    A, B = pair
    as_before = tf.matmul(x, W, transpose_b=True)
    low = tf.matmul(x, A, transpose_b=True)
    return as_before + scale * tf.matmul(low, B, transpose_b=True)


# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equations (17.2) and (17.3): matrices that are not square, three ranks, a scale that is not 1
ranks = {}
for rows, columns, rank in ((7, 12, 2), (30, 11, 4), (5, 40, 1)):
    W = rng.normal(size=(rows, columns)).astype("float32")
    x = rng.normal(size=(6, columns)).astype("float32")
    A, B = pair = new_change(W, rank, rng)
    assert np.array_equal(changed(x, W, pair, 1.7), tf.matmul(x, W, transpose_b=True)), "B = 0 changes nothing"
    assert abs(A.numpy()).min() > 0 and int(tf.size(A) + tf.size(B)) == rank * (rows + columns)
    B.assign(rng.normal(size=B.shape))
    whole = W + 1.7 * B.numpy() @ A.numpy()
    assert np.allclose(changed(x, W, pair, 1.7), x @ whole.T, atol=1e-3), "the sum of two products"
    ranks[rank] = int(np.linalg.matrix_rank(whole - W, tol=1e-3))
claim("B = 0 changes nothing, and a trained B adds a matrix of rank r", all(r == found for r, found in ranks.items()), list(ranks.values()))

# %% [markdown]
# ### Your turn
#
# Hu and others change the matrices of the queries and of the values. **17.2** Write
# `lora_parameters(shape, rank, layers)`: how many numbers are trained when the last `layers` layers get a change of
# `q` and one of `v`? `shape` has `width`, `heads` and `groups`. `q` is width × width. `v` makes `width / heads` numbers
# for each of the groups out of `width`.


# %%
def lora_parameters(shape, rank, layers):
    """The numbers that LoRA trains in q and v of some layers."""
    return ...  # equation (17.3), twice


check("17.2", lora_parameters)


# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 17.2
def lora_parameters(shape, rank, layers):
    """The numbers that LoRA trains in q and v of some layers."""
    values = shape.groups * shape.width // shape.heads
    of_q = rank * (shape.width + shape.width)
    of_v = rank * (shape.width + values)
    return layers * (of_q + of_v)


check("17.2", lora_parameters)

# %%
from medlib.models import lora

RANK, ALPHA = 4, 8
changes = lora.new_changes(model, LAYERS, RANK, rng)
adapted = lora.Adapted(model, changes, scale=ALPHA / RANK)
trained = sum(int(tf.size(matrix)) for matrix in lora.variables(changes))
claim("the change is counted twice", adapted.scale == 2, adapted.scale)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
smol = llm.Shape(576, 30, 9, 3, 1536, 49_152)
if lora_parameters(smol, 4, 4) is not ...:
    claim(f"your formula counts the variables of {name}", lora_parameters(model.shape, RANK, LAYERS) == trained, trained)
    share = lora_parameters(smol, 4, 4) / 134_515_008
    claim("four layers of SmolLM2: 30,720 numbers, .02 per cent of all", round(1e4 * share, 1) == 2.3, share)

# %% [markdown]
# `Adapted` holds the upper layers in TensorFlow, with `changed` in place of the products with `q` and `v`. Everything
# below the fourth layer from the top stays as it was, so what enters that layer has been computed once (`entering`).
#
# In which direction does the first step go? By the chain rule, with $\Delta = \partial \mathcal L / \partial W'$,
#
# $$\frac{\partial \mathcal L}{\partial B} = \frac{\alpha}{r}\, \Delta A^{\mathsf T}, \qquad
# \frac{\partial \mathcal L}{\partial A} = \frac{\alpha}{r}\, B^{\mathsf T} \Delta \tag{17.4}$$
#
# While $B = 0$, the slopes of $A$ are 0: at first only $B$ moves. Were *both* zero, nothing would ever move.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (17.4): on a tiny model whose B is not 0, against the slopes of the whole matrix; and small steps
toy = lora.Adapted(small, lora.new_changes(small, 2, 3, rng), scale=0.7)
for matrix in lora.variables(toy.changes):
    matrix.assign(rng.normal(size=matrix.shape) / 4)
lines = [[int(t) for t in rng.integers(0, 250, T)] for T in (9, 4, 6)]
read = [(line, states(small, line)[toy.depth]) for line in lines]
W = tf.Variable(toy._layers[0]["v"])
toy._layers[0]["v"] = W
A, B = toy.changes[0]["v"]
with tf.GradientTape() as tape:
    loss = tf.reduce_mean(toy.nats(read))
of_W, of_A, of_B = tape.gradient(loss, (W, A, B))
near = np.allclose(of_B, 0.7 * of_W.numpy() @ A.numpy().T, atol=1e-4)
near = near and np.allclose(of_A, 0.7 * B.numpy().T @ of_W.numpy(), atol=1e-4)
claim("the slopes of A and B are those of (17.4)", near, [float(abs(of_A.numpy()).max()), float(abs(of_B.numpy()).max())])
way, ends = rng.normal(size=B.shape).astype("float32"), []
for step in (0.01, -0.02, 0.01):
    B.assign_add(step * way)
    ends.append(float(tf.reduce_mean(toy.nats(read))))
slope = float(tf.reduce_sum(of_B * way))
claim("and they are what a small step finds", abs((ends[0] - ends[1]) / 0.02 - slope) < 0.03 * abs(slope) + 2e-3, slope)

# %% [markdown]
# ### Train
#
# Forty sentences to learn from, five of each kind and region. Forty are held out. The loss is that of notebook 10: nats
# a token. Twelve steps of Adam with eight sentences each: the recipe was fixed before the numbers below were seen, and
# we watch the held-out sentences without choosing anything by them (`unseen` would show it). We watch a *stranger* too: a paragraph on strokes
# for lay people, which is what the model could do before.

# %%
import keras

kind = 2 * region + abnormal
taught = np.sort(draw(kind, 5))
held = np.setdiff1d(np.arange(80), taught)
texts, tokens = unseen(texts, held), unseen(tokens, held)
abnormal = unseen(abnormal, held)

# %%
stranger = tokeniser.encode(
    "A stroke happens when the blood supply to part of the brain is cut off or when "
    "a blood vessel in the brain bursts. Brain cells begin to die within minutes. The "
    "person may suddenly have a drooping face, a weak arm or slurred speech."
)
pairs = list(zip(tokens, entering, strict=True))
watched = {
    "taught": [pairs[i] for i in taught],
    "held out": [pairs[i] for i in held],
    "a stranger": [(stranger, states(model, stranger)[-1 - LAYERS])],
}


# %%
def look():
    """Nats of every token of the watched texts."""
    return {part: adapted.nats(batch).numpy() for part, batch in watched.items()}


# %%
variables = lora.variables(changes)
for B in variables[1::2]:
    B.assign(tf.zeros_like(B))  # a second run of this cell begins anew
history = {0: look()}
optimiser = keras.optimizers.Adam(0.01)
plan = [rng.choice(taught, 8, replace=False) for _ in range(12)]
for step, rows in track(list(enumerate(plan, 1)), "LoRA"):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(adapted.nats([pairs[i] for i in rows]))
    slopes = zip(tape.gradient(loss, variables), variables, strict=True)
    optimiser.apply_gradients(slopes)
    if step % 6 == 0:
        history[step] = look()

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Nats a token over twelve steps of LoRA. The taught sentences fall from nearly 6 to about 4.5, the held-out ones from 6 to about 5.3; the stranger's paragraph climbs from 2.3 to nearly 3."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(5.6, 3.4))
for part, marker in zip(watched, "os^", strict=True):
    curve = [history[step][part].mean() for step in history]
    ax.plot(list(history), curve, marker=marker, label=part)
ax.set(xlabel="step", ylabel="nats a token", title=f"Twelve steps of LoRA: {name}")
ax.legend()
plt.show()
plain = np.concatenate([llm.nats(model, tokens[i]) for i in held[:3]])
same = np.allclose(history[0]["held out"][: len(plain)], plain, atol=5e-3)
same = same and np.allclose(history[0]["a stranger"], llm.nats(model, stranger), atol=5e-3)
assert not np.isin(plan, held).any() and all(len(set(rows)) == 8 for rows in plan), "eight taught sentences a step"
assert len(held) == 40 and set(np.bincount(kind[taught])) == {5}
claim("before the first step TensorFlow's nats are numpy's", same, plain.mean())
change = {part: history[12][part].mean() - history[0][part].mean() for part in watched}
claim("the taught sentences become likelier", change["taught"] < 0, change["taught"])
if file:
    claim("the held-out ones by .4 to .9 nats a token", -0.9 < change["held out"] < -0.4, change["held out"])
    claim("the taught ones by more", change["taught"] < change["held out"] - 0.2, change["taught"])
    claim("the stranger pays .3 to 1 nats", 0.3 < change["a stranger"] < 1, change["a stranger"])

# %% [markdown]
# In twelve steps a held-out sentence becomes about .6 nats a token likelier (.4 to .9), nearly a factor of two for every
# token, by 30,720 numbers and forty sentences. The taught ones fall twice as far: part of that is learnt by heart. And
# the stranger, who was not asked, pays about as much as the held-out ones win. It is one paragraph, so no interval
# says what another stranger would pay. Adaptation moves a model *towards* some texts and *away* from others. A report
# on the gain alone hides the bill.
#
# ### Your turn
#
# After training, the product is added to the matrix once, and the model is as quick as before. **17.3** Write
# `merge(W, A, B, scale)`, which returns $W'$ of (17.2). `W` must stay as it was.


# %%
def merge(W, A, B, scale):
    """The changed matrix."""
    return ...  # a new matrix of the shape of W


check("17.3", merge)


# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 17.3
def merge(W, A, B, scale):
    """The changed matrix."""
    return W + scale * (B @ A)


check("17.3", merge)

# %%
if merge(np.eye(2), np.ones((1, 2)), np.ones((2, 1)), 1) is not ...:
    merged = adapted.merged(merge)
    said = np.concatenate([llm.nats(merged, tokens[i]) for i in held[:3]])
    near = np.allclose(said, history[12]["held out"][: len(said)], atol=0.02)
    claim("your merged model says what the trained one says", near, said.mean())

# %% [markdown]
# ### Was it the slopes?
#
# Before we admire the gradient: two ways to adapt without any. *Counting words*: mix the model's probability of a token
# with its share among the tokens of the taught sentences, $s$ being the weight of the count:
#
# $$p'(x_t \mid x_{<t}) = (1 - s)\; p(x_t \mid x_{<t}) + s\, \frac{n(x_t)}{\sum_x n(x)} \tag{17.5}$$
#
# And *examples in the context*: put the taught sentences before the new one, and let the model read on. Nothing is
# trained, nothing is stored but text. The weights stay open to every reader, and tomorrow the examples can be others.


# %%
def mixed_nats(nats, following, counts, s):
    """Nats of tokens after the mixture with a count of tokens, (17.5)."""
    p = (1 - s) * np.exp(-nats) + s * counts[following] / counts.sum()
    return -np.log(p)


def following(rows):
    """All tokens of some sentences but the first of each."""
    return np.concatenate([tokens[i][1:] for i in rows])


size = model.shape.vocabulary
counts = np.bincount(following(taught), minlength=size)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (17.5): it is a distribution, and its two ends are the model and the count
logits = llm.run(model, tokens[5][:4])[-1].astype(float)
everything = np.arange(size)
p = np.exp(-mixed_nats(-np.log(llm.softmax(logits)), everything, counts, 0.3))
ends = np.exp(-mixed_nats(np.full(size, 3.0), everything, counts + 1, 1.0)) * (counts + 1).sum()
claim("the mixture adds up to 1", abs(p.sum() - 1) < 1e-6 and np.allclose(ends, counts + 1), p.sum())


def without_itself(s):
    """Nats of the taught sentences, each with the count of the others: nobody may count itself."""
    start, found = 0, []
    for i in taught:
        own = np.array(tokens[i][1:])
        others = counts - np.bincount(own, minlength=size)
        found.append(mixed_nats(history[0]["taught"][start : start + len(own)], own, others, s))
        start += len(own)
    return np.concatenate(found).mean()


weights = (0.02, 0.05, 0.1, 0.2, 0.4)
costs = decide("nats with each weight of the count", {weight: without_itself(weight) for weight in weights})
s = min(costs, key=costs.get)
after_first = {"held out": following(held), "a stranger": np.array(stranger[1:])}
counted = {part: mixed_nats(history[0][part], x, counts, s) for part, x in after_first.items()}
flattered = mixed_nats(history[0]["taught"], following(taught), counts, 0.2).mean()
assert without_itself(0.2) > flattered, "a sentence that counts itself looks likelier"
assert counts.sum() == sum(len(tokens[i]) - 1 for i in taught), "only taught sentences are counted"


# %%
def after(prefix, model=model):
    """Nats of the held-out sentences, and of the stranger, after some other text."""
    cache, found = {}, []
    llm.run_last(model, tokeniser.encode(prefix), cache)
    for text in [*(tokens[i] for i in held), stranger]:
        p = llm.softmax(llm.run(model, text[:-1], dict(cache)).astype(float))
        found.append(-np.log(p[np.arange(len(p)), text[1:]]))
    return {"held out": np.concatenate(found[:-1]), "a stranger": found[-1]}


examples = " ".join(texts[i] for i in rng.permutation(taught)) + "\n"
weather = (
    "The weather will be dry and sunny in the south this morning. Clouds move in from "
    "the west in the afternoon, and there may be some rain along the coast at night.\n"
)
in_context, in_weather = after(examples), after(weather)
both = after(weather, adapted.merged(lambda W, A, B, scale: W + scale * B @ A))

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# A text after a cache is a text after the examples; and the table by sentence
first, text = tokeniser.encode(weather), tokens[held[0]]
whole = llm.nats(model, first + text)[-len(text) + 1 :]
assert np.allclose(in_weather["held out"][: len(whole)], whole, atol=5e-3), "a cache is reading everything at once"
whole = llm.nats(model, first + stranger)[-len(stranger) + 1 :]
assert np.allclose(in_weather["a stranger"], whole, atol=5e-3), "one text leaves nothing behind for the next"
ways = {"as it was": history[0], "counting words": counted, "LoRA": history[12]}
ways |= {"after the weather": in_weather, "LoRA, after the weather": both, "after forty examples": in_context}
sentence = np.repeat(np.arange(len(held)), [len(tokens[i]) - 1 for i in held])
asked = SimpleNamespace(y=np.ones(len(sentence)), groups=sentence)
assert len(set(asked.groups)) == len(held), "the interval draws sentences, not tokens"
rows = {way: found["held out"] for way, found in ways.items()}
nats = score_table(rows, asked, "as it was", {"nats a token": lambda y, p: np.mean(p)})
beside = score_table(rows, asked, "counting words", {"nats a token": lambda y, p: np.mean(p)}).iloc[:, 1]
nats["a stranger's nats"] = [f"{found['a stranger'].mean():.2f}" for found in ways.values()]
nats["numbers trained"] = ["0", "1", f"{trained:,}", "0", f"{trained:,}", "0"]
if file:
    gain = nats["nats a token minus as it was"]
    claim("counting words, LoRA, and examples all help", max(gain[way].high for way in ways if way != "as it was") < 0)
    claim("LoRA is ahead of counting words, its interval without 0", beside["LoRA"].high < 0, beside["LoRA"])
    claim("forty examples are ahead of LoRA by more than a nat", beside["after forty examples"].high < beside["LoRA"].low - 1)
    talk = gain["after the weather"].value / gain["LoRA"].value
    claim("reading about the weather helps .6 to 1.6 times as much as LoRA", 0.6 < talk < 1.6, talk)
    more = np.mean(both["held out"]) - np.mean(in_weather["held out"])
    claim("after it LoRA takes off .6 to 1.4 times as much as without it", 0.6 < more / gain["LoRA"].value < 1.4, more)
    few = gain["counting words"].value
    claim("counting words takes off .1 to .5", -0.5 < few < -0.1, few)
    rise = {way: found["a stranger"].mean() - history[0]["a stranger"].mean() for way, found in ways.items()}
    cheap = max(rise[way] for way in ways if "LoRA" not in way)
    claim("the stranger pays more for LoRA than for any way without it, less than .3", cheap < min(0.3, rise["LoRA"]), cheap)
nats.astype(str)

# %% [markdown]
# Counting words, for one number, takes .2 to .4 nats a token off; LoRA, for 30,720, takes off about .6. Forty examples in
# the context take off more than two, and train nothing. So far the clever ways win.
#
# Now read the row about the weather. Two sentences on sun and clouds, put before a report, help about as much as LoRA
# does. They hold nothing of radiology. They say that plain written English has begun, which a model that starts from
# nothing cannot know. So a gain of this size proves nothing yet: without a rival one would have thanked the training.
# Was that all that LoRA learnt? The row below says no: after the weather it takes off as much again as it did alone.
# Gains that add up are different gains, of equal size by chance. And the stranger pays most for LoRA: about half a nat,
# where the other ways cost less than .3.
#
# ## 3. A prompt with examples
#
# The third way, used for the question of section 1. We write eight sentences with their answers, then a new sentence,
# and compare the probabilities of the two answers. Nothing is fitted.


# %%
def prompt(i, answer=""):
    """One sentence and its answer."""
    return f"Report: {texts[i]}\nFinding:{answer}"


answers = [" normal", " abnormal"]
four = [rng.permutation(taught[abnormal[taught] == k])[:4] for k in (0, 1)]
shown = np.ravel(np.transpose(four))  # normal, abnormal, normal ...
examples = "".join(prompt(i, answers[abnormal[i]]) + "\n\n" for i in shown)


# %%
def answer_cost(first, cache, option):
    """-log p of all tokens of an answer, whose first one is judged by `first`."""
    rest = llm.run(model, option[:-1], dict(cache)) if len(option) > 1 else first[:0]
    p = llm.softmax(np.concatenate([first, rest]).astype(float))
    return -np.log(p[np.arange(len(option)), option]).sum()


# %%
def leanings(examples, rows):
    """Nats in favour of *abnormal*, for some sentences, after some examples."""
    cache, found = {}, []
    if examples:
        llm.run_last(model, tokeniser.encode(examples), cache)
    for i in rows:
        own = dict(cache)
        first = llm.run_last(model, tokeniser.encode(prompt(i)), own)
        normal, ill = [answer_cost(first, own, tokeniser.encode(a)) for a in answers]
        found.append(normal - ill)
    return np.array(found)


# %% [markdown]
# Forty sentences were put aside for learning, and eight of them are in the prompt. The other thirty-two can do one
# thing more: say where the border between the two answers lies, in the middle between the mean leaning of the normal
# ones and that of the abnormal ones. A border alone, without examples, is the rival: it gets the same labels.


# %%
def middle_of(leaning, rows):
    """Halfway between the mean leanings of normal and of abnormal sentences."""
    means = [leaning[abnormal[rows] == k].mean() for k in (0, 1)]
    return float(np.mean(means))


# %%
others = np.setdiff1d(taught, shown)
bare, lean = leanings("", held), leanings(examples, held)
known, known_bare = leanings(examples, others), leanings("", others)
border = decide("border", middle_of(known, others))
border_bare = decide("border, no example", middle_of(known_bare, others))

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Leaning of forty held-out sentences, abnormal ones above, normal ones below. Without an example the two clouds overlap. With eight examples they part better, but not at 0, which is dotted: a dashed line marks the border found on other sentences."}} tags=["hide-input"]
# The costs are those of notebook 10's function, answers of several tokens included; examples are taught, others unseen
assert f"{texts[shown[0]]}\nFinding: normal\n" in examples and f"{texts[shown[1]]}\nFinding: abnormal\n" in examples
assert np.isin(shown, taught).all() and len(others) == 32 and not np.isin(others, [*shown, *held]).any()
one = tokeniser.encode(examples), tokeniser.encode(prompt(held[3]))
long = [tokeniser.encode(text) for text in (*answers, " quite abnormal")]
cache = {}
llm.run_last(model, one[0], cache)
first = llm.run_last(model, one[1], cache)
ours = [answer_cost(first, cache, option) for option in long]
told = llm.answer_nats(model, one[0] + one[1], long)
assert np.allclose(ours, told, atol=5e-3), ours
assert abs(told[0] - told[1] - lean[3]) < 5e-3, "a leaning is positive when abnormal is likelier"
places = np.array([2.0, -1.0, 4.0]), np.array([*others[abnormal[others] == 1][:2], others[abnormal[others] == 0][0]])
assert np.isclose(leanings("", others[:1])[0], known_bare[0], atol=1e-3), "a border without examples has read none"
assert np.isclose(middle_of(*places), 2.25), "halfway between the means .5 and 4, not the mean of all"
ill = abnormal[held]
fig, axes = plt.subplots(1, 2, figsize=(7.4, 2.8), sharey=True)
for ax, found, title in zip(axes, (bare, lean), ("no example", "eight examples"), strict=True):
    for k, marker in enumerate("o^"):
        y = k + rng.uniform(-0.2, 0.2, np.sum(ill == k))
        ax.plot(found[ill == k], y, marker, alpha=0.6, linestyle="none")
    ax.axvline(0, color="black", linestyle=":", label="both alike")
    ax.set(yticks=[0, 1], yticklabels=["normal", "abnormal"], xlabel="nats in favour of abnormal", title=title)
for ax, place in zip(axes, (border_bare, border), strict=True):
    ax.axvline(place, color="C3", linestyle="--", label="border")
axes[0].legend(fontsize=8, loc="center left")
fig.suptitle(f"Forty held-out sentences: {name}", fontsize=10)
plt.show()

# %% [markdown]
# With eight examples the two clouds part better. But they need not part at 0 (dotted); the dashed line is the border that
# the other thirty-two sentences give.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from sklearn.metrics import roc_auc_score

opinions = {"seven words": rule[held], "no example": bare > 0, "no example, a border": bare > border_bare}
opinions |= {"eight examples": lean > 0, "eight examples, a border": lean > border}
if prepared(np.eye(3), [0, 1]) is not ...:
    found = {method: classify(x, abnormal, taught) for method, x in inputs_of(taught).items()}
    opinions["fixed reader, chosen layer"] = found[choose_layer(found)][1][held]
    opinions["tf-idf"] = found["tf-idf"][1][held]
opinions["commonest class"] = np.zeros(len(held))
right = {method: np.asarray(said, float) == ill for method, said in opinions.items()}
asked = SimpleNamespace(y=ill, groups=held)
final = score_table(right, asked, "seven words", score)
added = score_table(right, asked, "no example, a border", score).iloc[:, 1]["eight examples, a border"]
final["abnormal found"] = [f"{np.sum(hits[ill == 1])} of 20" for hits in right.values()]
ranks = [roc_auc_score(ill, found) for found in (bare, lean)]
if file:
    claim("eight examples rank the sentences better than none, with an AUC of .83 or more", ranks[1] > max(ranks[0], 0.83), ranks)
    share = final["right"]
    best = share["eight examples, a border"]
    claim("with the border seven of ten or more are right", best.value >= 0.7, best)
    moved = best.value - share["eight examples"].value
    claim("the border costs three sentences of forty at most, and may win many", moved > -0.08, moved)
    claim("the examples do, too, beside a border alone", added.value > -0.08, added)
    lead = final["right minus seven words"]["eight examples, a border"]
    claim("behind seven words by .15 at most, and not beyond doubt", lead.value > -0.15 and lead.high > 0, lead)
final.astype(str)

# %% [markdown]
# The table holds one choice of eight examples. We tried ten others, with other held-out sentences, before this was
# written. Without an example 25 to 32 of 40 answers are right. Eight examples let the model *rank* the sentences
# better each time (an AUC of .87 to 1, before .79 to .95). But which of the two answers it prefers hangs on the eight:
# from 20 of 40, since it calls everything the same, to 38. Thirty-two more labels mend that, by a border: then 31 to 39
# are right. In the luckiest draw that was one sentence fewer; in the unluckiest, 15 more. A border without examples
# brings 26 to 35, never more than with them. Against seven words the examples with a border were from 3 sentences
# behind to 9 ahead; the frozen reader, who gets the same forty labels, lies in that range. An interval in the table that
# leaves out 0 speaks of other *sentences*. Other *examples* it does not know: one lucky choice proves no method.
#
# The last column asks what a hospital would ask first: of the abnormal sentences, how many were found? Seven words
# miss one of all forty, since they say "abnormal" whenever none of them occurs; what they get wrong are normal
# sentences. The border here weighs both errors alike. Whoever fears a missed finding more than a second look moves it to
# the left.
#
# ## 4. Which way?
#
# | | frozen features | LoRA | examples in the prompt |
# |---|---|---|---|
# | what is fitted | a linear classifier | 30,720 numbers in the model | nothing, or one border |
# | what is kept | 577 numbers a class | 30,720 numbers, or a merged model | a page of text |
# | what each answer costs | one reading | one reading | one reading, and the memory of the examples |
# | what it needs of the model | its states | its weights and slopes | probabilities, or only text |
# | what can go wrong unseen | the wrong layer | other texts get worse | the order and choice of examples, the border |
#
# None of the three makes the model *know* more than it has read. Features find what is there, LoRA moves its habits, a
# prompt tells it which habit is wanted.
#
# ## Three questions
#
# Answer aloud, then open.
#
# <details><summary>A firm shows that its adapted model gives the reports of your hospital twice the probability for each
# token. Name two things that you ask for before you are impressed.</summary>The same number for a rival that costs nothing:
# a count of your words, and a few of your reports put before the new one. And what the model now says of *other* texts: in
# section 2 the stranger paid.</details>
#
# <details><summary>LoRA starts with B = 0 and A at random. What happens if both start at 0, and what if both start at
# random?</summary>Both 0: by (17.4) both slopes are 0, and nothing ever moves. Both at random: it trains, but the first
# answer is that of a model with a random change, and what was learnt in pre-training is damaged before it can be
# used.</details>
#
# <details><summary>A prompt answers 21 of 40 rightly, and a colleague calls the model useless beside seven words with 31. Where
# would you look before you agree?</summary>At the leanings, not at the answers. If the two clouds part, but not at 0, the
# ranking is good and the border is wrong; a few labelled sentences find it. The same holds for any score with a
# threshold.</details>
#
# ## In this notebook we ...
#
# - read sentences with a frozen model, and chose the layer in training, since the better one depends on the question,
# - wrote LoRA out, proved its start, its slopes and its count, trained it, and paid its price on another text,
# - set a count of words and examples in the context beside it, and
# - prompted with eight examples, and found a good ranking, with a border that hangs on the examples.
#
# **Pitfalls**
# - A weak rival. Tf-idf on ten sentences is one; what an expert writes down in a minute is a better one.
# - Eighty sentences by one author are no hospital. Real reports are longer, less tidy, and written by many.
# - Choosing the layer, the rank, the examples or the border by the sentences that judge. Each has to be chosen in training.
# - Nats are no truth. A report that has become likelier has not become right (notebook 10).
#
# **Further reading**
# - Hu and others, *LoRA: low-rank adaptation of large language models* (ICLR 2022).
# - Brown and others, *Language models are few-shot learners* (2020): examples in the context. Zhao and others,
#   *Calibrate before use* (ICML 2021): why the border is not at 0.
# - Alain and Bengio, *Understanding intermediate layers using linear classifier probes* (2016): a regression at each layer.
# - Ben Allal and others, *SmolLM2* (arXiv 2502.02737, 2025).
#
# **Next**: [every slope of a network at once](11_back_propagation.ipynb), or images: [notebook 13](13_medical_images.ipynb).
