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
# # A diagnosis from an image, and how far to trust it
#
# After this notebook you can
# - **follow** the six steps from a raw scan to a diagnosis: clean, build, initialise, train, validate, apply,
# - **measure** what a leak between patients is worth,
# - **report** a classifier beside its rivals, with intervals that count patients, and
# - **test** an explanation against a truth instead of admiring it.
#
# | needs | read | run | data |
# |---|---|---|---|
# | notebooks [00](00_start_here.ipynb) and [12](12_gradient_descent.ipynb) | 60 min | 60 s | simulated head CT; PneumoniaMNIST if present |
#
# A man of 71 cannot lift his right arm. The scan decides what happens next: a blocked vessel may be opened with a
# drug that could kill him if the vessel has burst. How well can a program tell the two apart?
#
# Here is a program that knows nothing of strokes, and compares each scan with those it has seen. Tested in one way it
# is right for nearly nine scans of ten, and tested in another way for about three. Only one of the two numbers is about
# new patients. This page is about the other things, too, that a number may hide.

# %%
import matplotlib.pyplot as plt
import numpy as np

from medlib import plot
from medlib.data import load
from medlib.decisions import decide
from medlib.lesson import check, claim, setup

rng = setup(seed=0)
scans = load("head_ct", size=32)
scans

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Four rows of simulated head CT slices: healthy, ischaemia, haemorrhage and tumour, six patients each, with the lesions outlined."}} tags=["hide-input"]
order = [rng.choice(np.flatnonzero(scans.y == k), 6, replace=False) for k in range(4)]
order = np.concatenate(order)
names = [scans.classes[k] for k in scans.y[order]]
ax = plot.mosaic(scans.x[order], 6, names, vmin=-10, vmax=80, masks=scans.masks[order])
ax.set_title("Simulated head CT, lesions outlined")
plt.show()

# %% [markdown]
# Twenty-four of 4,000 slices, six of each class. An **ischaemic** stroke (a blocked vessel) starves the tissue, which
# takes up water and darkens. A **haemorrhage** is fresh blood, brighter than brain. A **tumour** here is a bright ring
# (in hospitals one sees it after contrast) with a dark core, and dark fingers of oedema around it. *Healthy* means that
# the scan shows no acute lesion. Some you would not find without the outline.
#
# Every scan in this notebook is **simulated**: real anatomy from an average brain, lesions and scanner made by a
# program. So we know where each lesion lies, to the pixel, and can check what no
# hospital's archive would let us check. What holds here about *methods* holds elsewhere. What holds here about
# *performance* does not.
#
# ## Step 1: clean
#
# The numbers are Hounsfield units (HU): water is 0, air is −1000, grey matter about 37, white matter about 28. Before
# anything is learnt we ask dull questions: is something missing, mislabelled, stored twice, or different from hospital
# to hospital?

# %% jupyter={"source_hidden": true} tags=["hide-input"]
clean = load("head_ct", dose=None)
measured = load("head_ct")
lesion = clean.masks.any(axis=(1, 2))
claim("a slice shows a lesion when its patient has one, and no other does", np.array_equal(lesion, clean.y > 0))
different = len({image.tobytes() for image in clean.x})
complete = np.isfinite(measured.x).all()
claim("no pixel is missing, and no slice is stored twice", complete and different == len(clean), different)
tissue = (clean.x > 20) & (clean.x < 45) & (clean.y == 0)[:, None, None]
site = scans.frame["site"].to_numpy()
offset = {s: (measured.x - clean.x)[site == s][tissue[site == s]].mean() for s in "ABC"}
print("a healthy brain reads too high by", {s: f"{hu:z.1f} HU" for s, hu in offset.items()})
apart = offset["B"] - offset["C"]
claim("the scanners of sites B and C disagree by 4 to 9 HU", 4 < apart < 9, apart)

# %% [markdown]
# Nothing is missing. But two scanners disagree on the same brain by some seven HU, nearly as much as grey differs from
# white matter. (A hospital would find that with a phantom of water.)
#
# ### A window
#
# Bone reads 1000 HU and more, and an infarct differs from the brain around it by about 10. On one scale from air to
# bone it would be invisible. Radiologists look through a **window** of level $c$ and width $b$:
#
# $$g(t) = \min\Bigl(1,\ \max\Bigl(0,\ \frac{t - (c - b/2)}{b}\Bigr)\Bigr) \tag{15.1}$$
#
# Here $t$ is in HU, and the grey value $g$ runs from black, 0, to white, 1. The *brain window* is about 90 HU wide. For
# strokes there is a narrower one, 40 HU wide.


# %%
def window(hu, level=35, width=40):
    """Grey values from 0 to 1."""
    return np.clip((hu - (level - width / 2)) / width, 0, 1)


# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Six simulated slices with an infarct, above in the brain window, below in the stroke window, where the darker infarct stands out more."}} tags=["hide-input"]
# Equation (15.1): both ends, the middle, the slope, and the course's own function
from medlib.data.head_ct import brain_window

hu = np.linspace(-100, 200, 3001)
for level, width in ((35, 40), (50, 90)):
    ends = window(np.array([level - width / 2, level, level + width / 2]), level, width)
    agree = np.allclose(window(hu, level, width), brain_window(hu, level, width))
    right = np.allclose(ends, [0, 0.5, 1]) and agree
    claim(f"level {level}, width {width}: black, mid-grey, white, as in the course's own function", right)
infarcts = np.flatnonzero((scans.y == 1) & (scans.frame["area_mm2"] > 1000))[::12][:6]
fig, axes = plt.subplots(2, 1, figsize=(7, 2.8))
for ax, width in zip(axes, (90, 40), strict=True):
    plot.mosaic(window(scans.x[infarcts], width=width), vmin=0, vmax=1, ax=ax)
    ax.set_title(f"Simulated infarcts, window {width} HU wide", fontsize=9)
plt.show()

# %% [markdown]
# The same six slices with an infarct, above through the wide window and below through the narrow one, where the
# infarct is clearly darker than its surroundings. Blood and bone both turn white below: they must be told apart by place
# and shape. The network will look through the narrow window.
#
# ### Split by patient, not by slice
#
# Each patient has four slices. Two neighbouring slices share the skull, the folds and the lesion. If one of them trains
# a model and the other tests it, the test asks *have I seen this head?* So patients are divided, with all that they
# have. The window is fixed beforehand; the mean and the spread are learnt from data, so they come from the training
# patients alone.

# %%
train, val, test = scans.split(seed=int(rng.integers(1000)))
grey = window(train.x)
centre, spread = decide("centre and spread", (grey.mean(), grey.std()))


def network_input(hu):
    """Images in HU (n, size, size) as the network wants them: one channel."""
    return ((window(hu) - centre) / spread)[..., None].astype("float32")


print(train, val, test, sep="\n")

# %% [markdown]
# ## Step 2: build
#
# A dense layer would give each of the 1024 pixels its own weight, and would have to learn what a bleed looks like once
# for every place where it can be. A **convolution** learns it once. It slides a small set of weights $w$ over the image
# $x$:
#
# $$y_{ij} = b + \sum_{u}\sum_{v} w_{uv}\, x_{i+u,\,j+v} \tag{15.2}$$


# %%
def convolve(image, weights, bias=0.0):
    """Slide the weights over the image; the result is a little smaller."""
    height, width = weights.shape
    rows, columns = image.shape[0] - height + 1, image.shape[1] - width + 1
    y = np.full((rows, columns), bias)
    for u in range(height):
        for v in range(width):
            y += weights[u, v] * image[u : u + rows, v : v + columns]
    return y


# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "One simulated scan and three filtered versions: smoothed, vertical edges bright on one side and dark on the other, and outlines."}} tags=["hide-input"]
# Equation (15.2): the sum written out, TensorFlow, and what does not change
import keras
import tensorflow as tf
from keras import layers

image, weights = rng.normal(size=(9, 8)), rng.normal(size=(3, 2))
by_hand = 0.5 + sum(weights[u, v] * image[4 + u, 2 + v] for u in range(3) for v in range(2))
theirs = tf.nn.conv2d(image[None, :, :, None], weights[:, :, None, None], 1, "VALID")[0, :, :, 0]
claim("one output pixel is the double sum", abs(convolve(image, weights, 0.5)[4, 2] - by_hand) < 1e-12)
claim("TensorFlow computes the same", np.allclose(convolve(image, weights), theirs))
moved = convolve(np.roll(image, (0, 3), (0, 1)), weights)
claim("shifted first or filtered first, it is the same", np.allclose(moved[:, 3:], convolve(image, weights)[:, :-3]))
kernels = {
    "the scan": np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]]),
    "mean of 9": np.ones((3, 3)) / 9,
    "left to right": np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 4,
    "outlines": np.array([[0, -1, 0], [-1, 4, -1], [0, -1, 0]]),
}
scan = window(measured.x[measured.y == 2][5])
filtered = np.stack([convolve(scan, weights) for weights in kernels.values()])
fig, ax = plt.subplots(figsize=(7, 2.3))
plot.mosaic(filtered, titles=list(kernels), vmin=-0.4, vmax=1, ax=ax).set_title("Simulated")
plt.show()

# %% [markdown]
# One scan and what three sets of nine weights, chosen by us, make of it: smoothed, its edges from left to right (dark
# to bright is white, bright to dark is black), its outlines. A network finds its own weights. And as the last tick says,
# a bleed that has moved is found by the same weights, only elsewhere.
#
# A layer with $k \times k$ weights from $c_{in}$ to $c_{out}$ channels has, bias included,
#
# $$P = (k^2\, c_{in} + 1)\, c_{out} \tag{15.3}$$
#
# parameters, however large the image.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (15.3): against Keras, for unequal numbers
for k, c_in, c_out in ((3, 1, 16), (5, 7, 2), (1, 4, 9)):
    layer = layers.Conv2D(c_out, k)
    layer.build((None, 8, 8, c_in))
    count = layer.count_params()
    claim(f"{k} x {k}, {c_in} to {c_out} channels", count == (k**2 * c_in + 1) * c_out, count)

# %% [markdown]
# ### The network
#
# Three blocks: a convolution, *batch normalisation*, which keeps the scale of the signals, and a ReLU, with pooling
# between blocks. At the end **global average pooling** takes the mean of each of the 64 feature maps over the image,
# and one dense layer turns the 64 means into four scores, the *logits*. (`Network` is `keras.Model`, except that it
# refuses images and labels from which it cannot learn; `check_sides` refuses images too small for the blocks.)

# %% tags=["medlib:models.cnn.build_cnn"]
from medlib.models.base import Network
from medlib.models.inputs import check_sides


def build_cnn(shape, classes, widths=(16, 32, 64), dropout=0.3):
    check_sides(shape, least=2 ** len(widths))
    image = h = keras.Input(shape)
    for block, width in enumerate(widths):
        h = layers.MaxPooling2D()(h) if block else h
        h = layers.Conv2D(width, 3, padding="same", use_bias=False)(h)
        h = layers.BatchNormalization(momentum=0.95)(h)
        h = layers.ReLU()(h)
    h = layers.GlobalAveragePooling2D()(h)
    h = layers.Dropout(dropout)(h)
    return Network(image, layers.Dense(classes)(h))


# %% [markdown]
# That is a small network, of about 24,000 parameters. Why not a large one that was *pre-trained* on photographs? A
# ResNet-50 without its last layer brings 23.6 million parameters, a thousand times as many, made for colour pictures of
# 224 × 224 pixels. In a large comparison on retinal photographs and chest X-rays such a start gained little over small
# networks trained from scratch (Raghu et al. 2019). It helps most where patients are few, and its price is the
# download, and minutes a pass on two cores.
#
# ### Your turn
#
# **15.1** How many parameters has a convolution with 5 × 5 weights from 16 to 32 channels, bias included?

# %%
parameters = ...  # a whole number
check("15.1", parameters)

# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 15.1
parameters = (5 * 5 * 16 + 1) * 32
check("15.1", parameters)

# %% [markdown]
# ## Step 3: initialise
#
# Keras draws the weights. A *bad* start can be read off before any training. Write $a$ for the four logits. The
# **softmax** turns them into probabilities $p_k$, and the loss of one scan with label $y$ is the surprise at the truth,
# the cross-entropy:
#
# $$\ell = -\log p_y, \qquad p_k = \frac{e^{a_k}}{\sum_j e^{a_j}} \tag{15.4}$$
#
# A network that knows nothing gives a quarter to each class, and pays $\log 4 \approx 1.386$. A first loss far above
# that is a bad start. The reverse does not hold: weights that are all zero give $\log 4$ as well, and then only the four
# output biases ever move. They learn how common each class is, and no more.


# %%
def softmax(a):
    e = np.exp(a)
    return e / e.sum(axis=1, keepdims=True)


def cross_entropy(p, y):
    """The mean surprise at the true labels, in nats."""
    return -np.log(p[np.arange(len(y)), y]).mean()


# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (15.4): against Keras; the price of knowing nothing, and of knowing only how common the classes are
a, y = rng.normal(size=(7, 4)), rng.integers(4, size=7)
theirs = keras.losses.sparse_categorical_crossentropy(y, a, from_logits=True).numpy().mean()
claim("Keras agrees", abs(cross_entropy(softmax(a), y) - theirs) < 1e-6, theirs)
common = np.bincount(train.y) / len(train)
price = cross_entropy(np.tile(common, (len(train), 1)), train.y)
claim("knowing only how common each class is costs 1.3 nats or more", 1.3 < price < np.log(4), price)
fresh = build_cnn((32, 32, 1), 4)(network_input(val.x)).numpy()
claim("a fresh network begins near log 4", abs(cross_entropy(softmax(fresh), val.y) - np.log(4)) < 0.3)

# %% [markdown]
# ## Step 4: train
#
# Forward pass, loss, back-propagation, step: as in notebook 12, except that Keras does the bookkeeping. AdamW is Adam
# with weight decay; its step size falls along a cosine from `rate` to 0, so that the last steps settle.

# %% tags=["medlib:models.cnn.compile_cnn"]
def compile_cnn(model, steps=600, rate=3e-3):
    if model.output_shape[-1] == 1:
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
        accuracy = keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0)
    else:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
    schedule = keras.optimizers.schedules.CosineDecay(rate, steps)
    optimiser = keras.optimizers.AdamW(schedule, weight_decay=1e-3)
    model.compile(optimiser, loss, metrics=[accuracy])
    return model


# %% [markdown]
# Each training scan is shown as it is or as its mirror image, by the toss of a coin: a stroke on the left is a stroke
# on the right. The layer `RandomFlip` does that, in training only. Upside down it must not go: no patient lies so.

# %%
def new_network(steps=600):
    """A fresh network, and the same behind a random mirror, ready to be trained."""
    network = build_cnn((32, 32, 1), 4)
    mirror = layers.RandomFlip("horizontal")
    learner = keras.Sequential([keras.Input((32, 32, 1)), mirror, network])
    return network, compile_cnn(learner, steps, rate=5e-3)


cnn, learner = new_network()
x_train, x_val, x_test = (network_input(part.x) for part in (train, val, test))
first = learner.fit(x_train, train.y, batch_size=32, epochs=1, verbose=2)

# %% [markdown]
# That was `model.fit`: one pass through the 2,400 training slices, and the log says how it went. For the rest of the
# 600 steps we take the course's `fit`: the same with a bar, and after each round a look at the *validation* patients,
# from whom nothing is learnt.

# %%
from medlib.models.training import fit

history = fit(
    learner, x_train, train.y, steps=525, batch_size=32, validation_data=(x_val, val.y)
)

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Training and validation loss, and training and validation accuracy, over the rounds of training; both losses end far below log 4."}} tags=["hide-input"]
from medlib.models.cnn import probabilities

decide("network", cnn)
p_val = probabilities(cnn, x_val)
end = cross_entropy(p_val, val.y)
claim("the dashed curve is of the validation patients", np.isclose(end, history["val_loss"][-1], rtol=1e-3), end)
shown = learner.layers[0](x_train[:40], training=True).numpy()
same, turned = (np.isclose(shown, x, atol=1e-5).all((1, 2, 3)) for x in (x_train[:40], x_train[:40, :, ::-1]))
half = (same | turned).all() and 8 < turned.sum() < 32
claim("about half of 40 scans are shown mirrored left to right, the others as they are", half, turned.sum())
fig, (left, right) = plt.subplots(1, 2, figsize=(8, 2.8))
left.axhline(np.log(4), color="0.5", linestyle=":", label="knowing nothing")
plot.curves(history, ["loss", "val_loss"], left).set(ylabel="cross-entropy, nats")
fig.suptitle("Simulated head CT", fontsize=11)
plot.curves(history, ["accuracy", "val_accuracy"], right).set(ylabel="accuracy", ylim=(0, 1))
plt.show()

# %% [markdown]
# Both losses end at a half or less, and accuracy between .8 and .9, on validation patients as on training patients. In
# the first rounds the validation loss may lie far above $\log 4$: batch normalisation uses running averages there, and
# they lag behind.
#
# ## Step 5: validate
#
# The six steps call this *validate*; the data for it are called *test*. What follows describes the network, and chooses
# nothing.

# %%
p = probabilities(cnn, x_test)
called = p.argmax(axis=1)

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Confusion matrix of the four classes on the test patients: rows are the truth, columns what the network called; each row sums to one."}} tags=["hide-input"]
counts = np.zeros((4, 4), int)
np.add.at(counts, (test.y, called), 1)
shares = counts / counts.sum(axis=1, keepdims=True)
fig, ax = plt.subplots(figsize=(4.4, 3.4))
ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
for (row, column), share in np.ndenumerate(shares):
    text = f"{share:.2f}\n{counts[row, column]}"
    ax.text(column, row, text, ha="center", va="center", color="white" if share > 0.5 else "black")
ax.set_xticks(range(4), test.classes, rotation=30, ha="right")
ax.set_yticks(range(4), test.classes)
ax.set(xlabel="called", ylabel="truth", title=f"{len(test):,} simulated test slices")
ax.grid(False)
plt.show()
by_class = [np.mean(called[test.y == k] == k) for k in range(4)]
claim("the diagonal is the share of each class that was found", np.allclose(np.diag(shares), by_class))
both = f"{shares[1, 1]:.2f} and {shares[2, 2]:.2f}"
claim("infarcts are found less often than blood", shares[1, 1] < shares[2, 2], both)
errors = counts.sum() - np.trace(counts)
overlooked = counts[1:, 0].sum()
of_all = f"{overlooked} of {errors}"
claim("at least a quarter of all errors are lesions called healthy", overlooked > errors / 4, of_all)

# %% [markdown]
# Each row is a truth and sums to one; below each share stands the number of slices. Nearly all slices with blood are
# called so, two thirds of those with an infarct, and more than half of all errors are lesions that were called healthy.
# In hospitals infarcts are missed more often: a real one may be invisible for hours. Ours are dark from the start.
#
# ### Is a network needed?
#
# Beside every score belongs what a simpler idea reaches. We ask three rivals. The first always gives the commonest
# class. The second is a **forest** of 200 decision trees on the 1,024 pixels, with no idea of an image. The third
# learns what a *healthy* head looks like with factor analysis, a linear method of 1904, and hands what is left over,
# sorted from dark to bright, to boosted trees. All see the same 600 patients through the same window.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
import pandas as pd
from scipy.ndimage import gaussian_filter, maximum_filter, uniform_filter
from sklearn.decomposition import FactorAnalysis
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.metrics import roc_auc_score

from medlib.metrics import patient_means, proportion, score_table


def pixels(part):
    return network_input(part.x).reshape(len(part), -1)


def accuracy(y, p):
    return np.mean(p.argmax(axis=1) == y)


healthy_head = FactorAnalysis(24, svd_method="randomized", random_state=0).fit(pixels(train[train.y == 0]))


def left_over(part):
    """Order statistics of what a linear model of the healthy head does not explain: plain, smoothed, mirrored."""
    z, x = healthy_head.transform(pixels(part)), pixels(part)
    rest = (x - healthy_head.mean_ - z @ healthy_head.components_) / np.sqrt(healthy_head.noise_variance_ + 1e-3)
    rest = rest.reshape(-1, 32, 32)
    smooth = gaussian_filter(rest, (0, 1, 1))
    maps = [m.reshape(len(m), -1) for m in (rest, smooth, smooth - smooth[:, :, ::-1])]
    return np.hstack([np.quantile(m, np.linspace(0, 1, 30), axis=1).T for m in maps])


forest = RandomForestClassifier(200, n_jobs=-1, random_state=0).fit(pixels(train), train.y)
boosted = HistGradientBoostingClassifier(max_iter=60, random_state=0).fit(left_over(train), train.y)
p_forest = forest.predict_proba(pixels(test))

# %% [markdown]
# And the question that every hospital asks: how many patients do we need? The same network, with the same number of
# steps, is trained once more on a quarter of the training patients. Choosing them is your job.
#
# ### Your turn
#
# **15.2** Given the patient of each slice, return a mask that is true for about the fraction `share` of the *patients*,
# chosen at random with `rng`, with all of their slices. This is how a split by patient is written.


# %%
def chosen_rows(patients, share, rng):
    """A mask, one True or False for each slice."""
    return ...  # your code


check("15.2", chosen_rows)


# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 15.2
def chosen_rows(patients, share, rng):
    everyone = np.unique(patients)
    number = round(share * len(everyone))
    return np.isin(patients, rng.permutation(everyone)[:number])


check("15.2", chosen_rows)

# %%
quarter = train[chosen_rows(train.groups, 0.25, rng)]
small, learner = new_network()
x_few, y_few = network_input(quarter.x), quarter.y
fit(learner, x_few, y_few, batch_size=32, label="a quarter of the patients")
predictions = {
    "network": p,
    "network, quarter of the patients": probabilities(small, x_test),
    "forest on pixels": p_forest,
    "boosted residuals": boosted.predict_proba(left_over(test)),
    "the commonest class": np.tile(common, (len(test), 1)),
}
score_table(predictions, test, against="network", scores={"accuracy": accuracy})

# %% [markdown]
# The network names the right class of more than eight slices in ten, and how far the others lie behind is in the last
# column, *paired*: every bootstrap draws patients with all their slices, and scores all models on the same ones. **Here
# the forest is level**: it has no idea of an image, nor mirrored copies, and the interval of the difference holds 0.
# The boosted trees are some points behind, the commonest class is right for not four of ten. With a quarter of the
# patients the same network loses several points: we have not reached the end of what patients can teach it. Each row is
# one training; the intervals count the luck of the test patients, not that of the training.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
table = score_table(predictions, test, against="network", scores={"accuracy": accuracy})
score, lead = table["accuracy"], table["accuracy minus network"]
commonest, trees, fewer = lead.iloc[[4, 2, 1]]
claim("the commonest class is far behind", commonest.high < -0.25, commonest)
claim("the forest is not ahead for certain, nor ten points behind", -0.1 < trees.value and trees.low < 0, trees)
claim("a quarter of the patients costs accuracy", fewer.value < 0, fewer)
auc = roc_auc_score(test.y, p, multi_class="ovr")
aucs = [auc, roc_auc_score(test.y, p_forest, multi_class="ovr")]
claim("the mean of the four AUCs, each class against the rest, is above .93 (then the forest's)", auc > 0.93, aucs)

# %% [markdown]
# ### The question in the emergency department
#
# Accuracy treats all errors alike. A hospital does not, and it asks about patients, not slices. The first question in
# the emergency department is *is there blood?* Only without blood may the drug be given. We average the four slices of
# each patient. And we do not take one half as the line: we choose, on the *validation* patients, the highest threshold
# that finds all of their bleeds.

# %%
bleeds_val = patient_means(val.y == 2, val) == 1
blood_val = patient_means(p_val, val)[:, 2]
line = decide("threshold", blood_val[bleeds_val].min())

p_patient = patient_means(p, test)
y_patient = patient_means(test.y, test).astype(int)
bleeds, blood = y_patient == 2, p_patient[:, 2]

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Four rows of four simulated slices: the four test patients with a haemorrhage to whom the network gave the least probability of blood, with the bleeds outlined."}} tags=["hide-input"]
def brightest(part):
    """Mean of the four brightest 3 x 3 means of a slice away from bone, in HU: no model at all."""
    away = ~maximum_filter(part.x > 100, (1, 5, 5))
    smooth = uniform_filter(np.clip(part.x, 0, 100), (1, 3, 3))
    return np.sort((smooth * away).reshape(len(part), -1))[:, -4:].mean(axis=1)


spots_val, spots = (patient_means(brightest(part), part) for part in (val, test))
spots_line = decide("brightness", spots_val[bleeds_val].min())
asked = [("one half", blood, 0.5), ("chosen on validation", blood, line), ("brightest spots, HU", spots, spots_line)]
rows = {}
for name, signal, threshold in asked:
    k, n = np.sum(bleeds & (signal < threshold)), bleeds.sum()
    alarms, others = np.sum(~bleeds & (signal >= threshold)), np.sum(~bleeds)
    found, quiet = proportion(n - k, n), proportion(others - alarms, others)
    rows[f"{name} ({threshold:.2f})"] = [f"{k} of {n}", found, f"{alarms} of {others}", quiet]
print(pd.DataFrame(rows, index=["bleeds missed", "sensitivity", "false alarms", "specificity"]).T.to_string())
hardest = np.flatnonzero(bleeds)[np.argsort(blood[bleeds])[:4]]
patients = np.unique(test.groups)[hardest]
slices = np.concatenate([np.flatnonzero(test.groups == patient) for patient in patients])
titles = [f"p = {blood[i]:.2f}" if s == 0 else "" for i in hardest for s in range(4)]
fig, ax = plt.subplots(figsize=(6.2, 6.6))
plot.mosaic(test.x[slices], 4, titles, -10, 80, masks=test.masks[slices], ax=ax)
ax.set_title("Simulated: the four bleeds with the least probability of blood")
plt.show()
lowest = np.sort(blood[bleeds])[:4]
drawn = [p[test.groups == patient, 2].mean() for patient in patients]
right = (test.y[slices] == 2).all() and np.allclose(drawn, lowest)
assert right, "drawn should be the four bleeds with the least probability"
both = [roc_auc_score(bleeds, spots), roc_auc_score(bleeds, blood)]
claim("a rule without a model separates blood as well: AUC by patient above .99", both[0] > 0.99, both)
area = test.frame["area_mm2"].to_numpy()
missed, found = (called == 0) & (test.y > 0), (called > 0) & (test.y > 0)
ratio = np.median(area[missed]) / np.median(area[found])
claim("the median lesion called healthy has less than .8 of the area of a found one", ratio < 0.8, ratio)
perfect = proportion(bleeds.sum(), bleeds.sum())
claim("even if all were found, one missed bleed in 20 would be possible", perfect.low < 0.95, perfect)

# %% [markdown]
# These are patients with a haemorrhage whom the network would have failed first: one a row, four slices each, the bleed
# outlined, and *p* the mean probability of blood. A patient with *p* below the line is **missed**, and might have been
# given the drug.
#
# The last row has learnt nothing: the mean of the four brightest spots away from bone finds the bleeds as well, at the
# price of more false alarms. Even a perfect score promises little: some fifty bleeds cannot vouch for the next ones. A
# scan without findings does not exclude a stroke either. That is why the decision rests on symptoms, time and the
# *absence of blood*.
#
# ### An old infarct is not a new one
#
# One patient in eight, of every class, had a small infarct years ago. It has left a hole filled with fluid, as dark as
# the ventricles, and it is *not* the diagnosis of today. How often does the network call a *healthy* patient ischaemic,
# with such a scar and without?

# %% jupyter={"source_hidden": true} tags=["hide-input"]
old = patient_means(test.frame["old_lesion"], test) == 1
healthy = y_patient == 0
ischaemic = p_patient.argmax(axis=1) == 1
rates = {}
for name, group in {"old infarct": healthy & old, "none": healthy & ~old}.items():
    rates[name] = proportion(np.sum(ischaemic & group), np.sum(group))
    print(f"{name:12} {np.sum(ischaemic & group)} of {np.sum(group)} called ischaemic")
    print(f"{'':12} {rates[name]}")
scar, none = rates["old infarct"], rates["none"]
more = scar.value - none.value  # its interval: Newcombe 1998
low = more - np.hypot(scar.value - scar.low, none.high - none.value)
high = more + np.hypot(scar.high - scar.value, none.value - none.low)
print(f"difference   {more:.2f} [{low:.2f}, {high:.2f}]")
claim("the interval of the difference is wider than 20 points", high - low > 0.2, [more, low, high])
claim("of the others fewer than 15 in 100 are called ischaemic", rates["none"].value < 0.15, rates["none"])

# %% [markdown]
# The last line is the difference with its interval: too few patients to say how large the harm is, enough to know that
# a study must ask. (A scan of last year would answer; the network does not get it.)

# %% [markdown]
# ### Why the interval counts patients
#
# A patient with a faint lesion tends to be missed in all four slices. Take the mean $\bar c$ of $n$ results with
# variance $\sigma^2$, in groups of $q$ slices of one patient, and let $\rho$ be the correlation between two results of
# one patient. Then
#
# $$\mathrm{Var}(\bar c) = \frac{\sigma^2}{n}\,\bigl(1 + (q - 1)\,\rho\bigr) \tag{15.5}$$
#
# The bracket is the **design effect** (Kish 1965). At $\rho = 1$ four slices are worth one.


# %%
def design_effect(hits):
    """The bracket of (15.5) for results (patients, q), and rho from all pairs."""
    q = hits.shape[1]
    off = hits - hits.mean()
    pairs = off.sum(axis=1) ** 2 - (off**2).sum(axis=1)
    rho = pairs.mean() / (q * (q - 1) * hits.var())
    return 1 + (q - 1) * rho, rho


hits = (called == test.y).reshape(-1, 4).astype(float)  # a row for each patient
effect, rho = design_effect(hits)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (15.5): two bootstraps, over patients and over slices; four slices a patient, then three and two
assert np.all(test.groups.reshape(-1, 4) == test.groups[::4, None])  # four rows in a row are one patient
for q in (4, 3, 2):
    few = hits[:, :q]
    formula = np.sqrt(few.var() / few.size * design_effect(few)[0])
    drawn = [few[rng.integers(len(few), size=len(few))].mean() for _ in range(5000)]
    ratio = formula / np.std(drawn)
    claim(f"q = {q}: the formula is the spread of a bootstrap over patients", abs(ratio - 1) < 0.05, ratio)
claim("results of one patient are correlated: rho is .3 to .9", 0.3 < rho < 0.9, rho)
wider = np.sqrt(effect)
claim("an interval over slices would be too narrow, by a factor of 1.3 to 2", 1.3 < wider < 2, wider)

# %% [markdown]
# ### Your turn
#
# **15.3** A study reports on 1000 slices, 4 of each patient, with $\rho = 0.6$. How many *independent* slices carry as
# much information? (Then read `len(test) / effect`: what our own test part is worth.)

# %%
independent = ...  # a number
check("15.3", independent)

# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 15.3
independent = 1000 / (1 + 3 * 0.6)
check("15.3", independent)
print(f"our {len(test)} test slices are worth {len(test) / effect:.0f}")

# %% [markdown]
# ### What a leak is worth
#
# Now the dishonest split: slices are dealt out at random, so that nearly every test slice has a neighbour in training.
# Three models, from one that learns by heart to ours, each trained and tested under both splits. The first is the
# **nearest neighbour** of the opening: it gives each scan the label of the most similar training scan.

# %%
from sklearn.neighbors import KNeighborsClassifier

leaky = scans.split(seed=int(rng.integers(1000)), by="row")
seen, _, asked = leaky  # trained on the one, tested on the other
models = {"nearest neighbour": KNeighborsClassifier(1)}
models["forest"] = RandomForestClassifier(100, n_jobs=-1, random_state=0)
by_patient, by_slice = {}, {}
for name, m in models.items():
    by_patient[name] = m.fit(pixels(train), train.y).score(pixels(test), test.y)
    by_slice[name] = m.fit(pixels(seen), seen.y).score(pixels(asked), asked.y)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
twin, learner = new_network()
fit(learner, network_input(seen.x), seen.y, batch_size=32, label="training on the leaky split")
by_patient["network"] = accuracy(test.y, p)
by_slice["network"] = accuracy(asked.y, probabilities(twin, network_input(asked.x)))

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Accuracy of three models under the split by patient and under the split by slice. The nearest neighbour jumps from about 0.3 to about 0.9, the forest gains less, the network little."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(6.4, 2.2))
for row, name in enumerate(by_patient):
    ax.plot([by_patient[name], by_slice[name]], [row, row], color="0.6", linestyle="-", zorder=1)
ax.scatter(by_patient.values(), by_patient.keys(), label="split by patient", zorder=2)
ax.scatter(by_slice.values(), by_slice.keys(), marker="s", label="split by slice", zorder=2)
ax.axvline(score["the commonest class"].value, color="0.5", linestyle=":")
ax.set(xlabel="accuracy (dotted: the commonest class)", xlim=(0.2, 1), title="Simulated")
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
ax.margins(y=0.3)
plt.show()
gap = {name: by_slice[name] - by_patient[name] for name in by_patient}
known = [np.isin(b.groups, a.groups).mean() for a, b in ((train, test), (seen, asked))]
claim("the honest split shares no patient, the other nine of ten", known[0] == 0 and known[1] > 0.8, known[1])
claim("nearest neighbour: the leak is worth over 30 points", gap["nearest neighbour"] > 0.3, gap["nearest neighbour"])
claim("forest: it gains as well", gap["forest"] > 0, gap["forest"])
claim("our network: less than 9 points, up or down", abs(gap["network"]) < 0.09, gap["network"])

# %% [markdown]
# The nearest neighbour promises nearly nine of ten, and for new patients it is no better than the commonest class. The
# forest gains less. Our network gains a few points, and one pair of runs cannot tell leak from luck: a leak is worth
# what a model can learn by heart. That does not make the leaky split safe. Nothing in such a run looks wrong, and
# nothing in it tells which of the three models you have. The same happens with several X-rays of one child, several
# biopsies of one tumour, several months of one diary.
#
# ## Step 6: apply
#
# In use, nobody hands the network a tidy test set. The function around it takes one patient's slices, and refuses two
# gross errors, a wrong shape and wrong units. It would still accept a chest.


# %%
def read(hu):
    """Probabilities of the four classes for one patient's slices (n, 32, 32) in HU."""
    hu = np.asarray(hu)
    if hu.ndim != 3 or hu.shape[1:] != (32, 32) or not np.isfinite(hu).all():
        raise ValueError(f"hu: got shape {hu.shape}, expected finite (slices, 32, 32)")
    low, high = hu.min(), hu.max()
    if high < 150 or low > -50:
        raise ValueError(f"hu: got {low:.0f} to {high:.0f}, expected air and bone")
    return probabilities(cnn, network_input(hu)).mean(axis=0)


try:
    read(window(test.x[:4]))
except ValueError as refusal:
    print(refusal)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
patient = test.groups[0]
as_before = p_patient[np.unique(test.groups) == patient][0]
same = np.allclose(read(test.x[test.groups == patient]), as_before, atol=1e-5)
claim("for one test patient it says what was said above", same)

# %% [markdown]
# ### Where did it look?
#
# **Grad-CAM** (Selvaraju et al. 2017) asks which places of the last feature maps $A_{ijm}$, of $H \times W$ cells each,
# speak for class $k$. It weights each map $m$ by the mean gradient of the logit $a_k$, adds up, and cuts off what speaks
# against:
#
# $$M_{ij} = \max\Bigl(0,\ \sum_m \omega_m A_{ijm}\Bigr), \qquad
# \omega_m = \frac{1}{HW} \sum_{i,j} \frac{\partial a_k}{\partial A_{ijm}} \tag{15.6}$$

# %% tags=["medlib:models.cnn.grad_cam"]
def grad_cam(model, x, target):
    kinds = [type(layer).__name__ for layer in model.layers]
    if (mean := "GlobalAveragePooling2D") not in kinds:
        raise ValueError(f"model: got {kinds}, expected a {mean}; pass the inner model")
    pool = kinds.index(mean)
    maps = keras.Model(model.input, model.layers[pool].input)(x, training=False)
    head = keras.Sequential(model.layers[pool:])
    with tf.GradientTape() as tape:
        tape.watch(maps)
        evidence = tf.gather(head(maps), target, axis=1, batch_dims=1)
    weights = tf.reduce_mean(tape.gradient(evidence, maps), axis=(1, 2), keepdims=True)
    return tf.nn.relu(tf.reduce_sum(weights * maps, axis=-1)).numpy()


# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Eight correctly called simulated scans with the lesion outlined; below each its Grad-CAM map; below that the map of an untrained network."}} tags=["hide-input"]
# Equation (15.6): one gradient by finite differences; the closed form for a network that ends in a mean
x, c = x_test[:6], test.y[:6]
maps = keras.Model(cnn.input, cnn.layers[-3].input)(x, training=False).numpy()
w = cnn.layers[-1].kernel.numpy()


def logit(A):
    """The rest of the network, from one scan's feature maps to the logit of its class."""
    h = tf.constant(A[None], "float32")
    for layer in cnn.layers[-3:]:
        h = layer(h)
    return float(h[0, c[0]])


def as_cells(masks):
    """Whether each of the 8 x 8 cells holds a pixel of the mask: (n, 64)."""
    return masks.reshape(-1, 8, 4, 8, 4).any(axis=(2, 4)).reshape(len(masks), 64)


def highest(network, rows):
    """The highest Grad-CAM cell of each scan; an empty map points anywhere."""
    maps = grad_cam(network, x_test[rows], test.y[rows]).reshape(len(rows), 64)
    return (maps + 1e-9 * rng.random(maps.shape)).argmax(axis=1)


nudge = np.zeros_like(maps[0])
nudge[3, 4, 7] = 10
slope = (logit(maps[0] + nudge) - logit(maps[0] - nudge)) / 20
claim("one place of map 7 moves the logit by its weight / HW", np.isclose(slope, w[7, c[0]] / 64, rtol=1e-3, atol=1e-5))
closed = np.maximum(0, np.einsum("nijk,kn->nij", maps, w[:, c])) / 64
claim("so Grad-CAM is the mean's own weights times the maps", np.allclose(grad_cam(cnn, x, c), closed, atol=1e-5))
untrained = build_cnn((32, 32, 1), 4)
right_calls = np.flatnonzero((called == test.y) & (test.y > 0))
show = rng.choice(right_calls, 8, replace=False)
fig, axes = plt.subplots(3, 1, figsize=(8, 3.8))
plot.mosaic(test.x[show], 8, vmin=-10, vmax=80, masks=test.masks[show], ax=axes[0])
axes[0].set_title("Simulated scans, lesions outlined", fontsize=9)
for ax, network, name in zip(axes[1:], (cnn, untrained), ("the trained network", "an untrained one"), strict=True):
    heat = grad_cam(network, x_test[show], test.y[show])
    heat = heat / np.maximum(heat.max((1, 2), keepdims=True), 1e-9)
    plot.mosaic(heat.repeat(4, 1).repeat(4, 2), 8, vmin=0, vmax=1, masks=test.masks[show], ax=ax)
    ax.set_title(f"Grad-CAM of {name}", fontsize=9)
plt.show()

# %% [markdown]
# Eight scans that were called correctly; below each its map, of 8 × 8 cells of 28 mm, white where the evidence is (each
# map scaled to its own maximum); in the last row the maps of a network that was never trained. The maps of the trained
# one look convincing. So do horoscopes. We know the truth, so we can play the **pointing game** (Zhang et al. 2018): does
# the map's highest cell touch the lesion? Three opponents keep the score honest: chance, networks with random weights
# (Adebayo et al. 2018), and a player who never looks at the image, but always points to where lesions of this class most
# often are. (Heads lie tilted and off centre by a few millimetres, which a cell of 28 mm hardly notices: he loses little.)

# %%
cells, each = as_cells(test.masks[right_calls]), np.arange(len(right_calls))
often = [as_cells(train.masks[train.y == k]).mean(axis=0) for k in range(4)]
favourite = np.argmax(often, axis=1)  # one cell for each class
never_looks = cells[each, favourite[test.y[right_calls]]]
trained = cells[each, highest(cnn, right_calls)]

# %% jupyter={"source_hidden": true} tags=["hide-input"]
random = [highest(build_cnn((32, 32, 1), 4), right_calls) for _ in range(5)]
guesses = np.mean([cells[each, cell] for cell in random], axis=0)
head = as_cells(test.x[right_calls] > 0)
chance = cells.sum(axis=1) / head.sum(axis=1)
players = {"trained": trained, "never looks": never_looks, "random weights": guesses, "chance": chance}
game = score_table(players, test[right_calls], against="never looks", scores={"lesion touched": lambda y, p: p.mean()})
bone = as_cells(test.x[right_calls] > 100)
at_bone = np.mean([bone[each, cell].mean() for cell in random])
ahead = game["lesion touched minus never looks"]["trained"]
claim("the trained network beats the player who never looks by 10 points or more", ahead.value > 0.1, ahead)
claim("and random weights by far", trained.mean() > 2 * guesses.mean(), guesses.mean())
print(f"random weights point to bone in {at_bone:.0%} of scans")
game

# %% [markdown]
# The trained network's map touches the lesion in most of the scans, and its lead over the player who never looks has an
# interval far from 0. But that player is right more often than chance, and a map is no proof: in some scans the highest
# cell lies elsewhere though the call was right. Random weights fall below chance because chance stays inside the head:
# of all 64 cells, air included, one at random touches a lesion about as often.
#
# ## On real data
#
# PneumoniaMNIST holds 5,856 chest X-rays of children, 28 × 28 pixels, normal or pneumonia (Kermany et al. 2018; Yang et
# al. 2023, CC BY 4.0). The same network, with one logit. Its test AUC stands beside a forest and the published table
# for 28 pixels: ResNet-18 .944, ResNet-50 .948, auto-sklearn .942, AutoKeras .947, Google AutoML .991.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from medlib.data import if_ready
from medlib.metrics import diagnostic

xray = if_ready("pneumoniamnist")
if xray is not None:
    parts = dict(zip(("train", "val", "test"), xray.split(), strict=True))
    images = {name: (part.x[..., None] / 127.5 - 1).astype("float32") for name, part in parts.items()}
    chest = compile_cnn(build_cnn((28, 28, 1), 1), steps=700)
    fit(chest, images["train"], parts["train"].y, label="training on X-rays")
    real = {name: diagnostic(parts[name].y, probabilities(chest, images[name]), n=300) for name in ("val", "test")}
    for name, result in real.items():
        shown = (f"{key} {result[key]}" for key in ("auc", "sensitivity", "specificity"))
        print(f"{name:5}", *shown, sep="  ")
    trees = RandomForestClassifier(100, n_jobs=-1, random_state=0)
    trees.fit(parts["train"].x.reshape(-1, 784), parts["train"].y)
    q = trees.predict_proba(parts["test"].x.reshape(-1, 784))[:, 1]
    both = {"network": probabilities(chest, images["test"]), "forest": q}
    print(score_table(both, parts["test"], against="forest", n=300).to_string())
    claim("the test AUC is not below the published ResNet-18's", real["test"]["auc"].value > 0.944, real["test"]["auc"])
    fall = real["val"]["specificity"].value - real["test"]["specificity"].value
    claim("specificity falls by more than 15 points from validation to test", fall > 0.15, f"{100 * fall:.0f} points")
    both = {i.tobytes() for i in parts["train"].x} & {i.tobytes() for i in parts["val"].x}
    claim("some images are in training and validation", len(both) > 0, len(both))

# %% [markdown]
# Where the data are present, the ranking holds and the threshold does not: at one half the specificity falls by more
# than 15 points from validation to test, so many normal X-rays are called pneumonia. All images come from one hospital.
# The test images lie in another folder of the source, and how they were chosen is not recorded; validation images were
# cut from the training folder, a few of them twice. If a change of folder does this, a change of hospital may do more. No
# amount of validation data from the old place can tell.
#
# ## Three questions
#
# <details><summary>A network finds 96 % of tumours. The images were split at random by slice. What do you ask
# first?</summary>
#
# How many slices each patient has, and whether any patient is on both sides. If so, the 96 % is about patients whom the
# network already knows, and nothing follows for the next one.
#
# </details>
#
# <details><summary>Why is the interval over patients wider than the interval over slices, though the data are the
# same?</summary>
#
# Four slices of one patient tend to be right or wrong together, so they carry less information than four patients. The
# bootstrap over slices treats them as independent and promises too much.
#
# </details>
#
# <details><summary>A heat map lies on the lesion. Does this show that the network uses the lesion?</summary>
#
# Not by itself. It may lie there because lesions of this class usually lie there. It takes an opponent who never looks at
# the image, a control with random weights, and a score over many cases with known truth.
#
# </details>
#
# ## In this notebook we ...
#
# took simulated head CT through the six steps: cleaned and windowed it, built a convolutional network, started it well,
# trained it, validated it beside simpler rivals on patients it had never seen, and wrapped it in a function that refuses
# two gross errors. We drew the bleeds that it fails first, and measured a scar, a leak, a design effect, and whether an
# explanation points at the truth.
#
# **Pitfalls**
# - Splitting by image. Standardising with all patients. Choosing a threshold on the test part.
# - Reporting accuracy where one class matters more. Counting slices in an interval.
# - Trusting a threshold in a new hospital. Admiring heat maps.
#
# **Next**: [notebook 20](20_gan_objective.ipynb).
#
# **Further reading**
# - LeCun, Bottou, Bengio and Haffner, *Gradient-based learning applied to document recognition*, Proc. IEEE 86 (1998).
# - Raghu, Zhang, Kleinberg and Bengio, *Transfusion: understanding transfer learning for medical imaging*, NeurIPS 2019.
# - Selvaraju et al., *Grad-CAM*, ICCV 2017. Adebayo et al., *Sanity checks for saliency maps*, NeurIPS 2018.
# - Yang et al., *MedMNIST v2*, Scientific Data 10 (2023) 41.
# - Roberts et al., *Common pitfalls and recommendations for using machine learning to detect and prognosticate for
#   COVID-19 using chest radiographs and CT scans*, Nature Machine Intelligence 3 (2021) 199.
