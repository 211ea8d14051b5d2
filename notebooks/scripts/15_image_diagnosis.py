# ---
# jupyter:
#   jupytext:
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
# - **compute** a convolution by hand, and say what a convolutional network can and cannot see,
# - **follow** the six steps from a raw scan to a diagnosis: clean, build, initialise, train, validate, apply,
# - **measure** what a leak between patients is worth, and report a classifier with honest intervals, and
# - **test** an explanation against a truth instead of admiring it.
#
# | needs | read | run | data |
# |---|---|---|---|
# | notebooks [00](00_start_here.ipynb) and [12](12_gradient_descent.ipynb) | 50 min | 60 s | simulated head CT; PneumoniaMNIST if present |
#
# A man of 71 cannot lift his right arm. The scan decides what happens next: a blocked vessel may be opened with a drug that
# could kill him if the vessel has burst. The two look different on a CT image. How well can a network tell?

# %%
import matplotlib.pyplot as plt
import numpy as np

from medlib import plot
from medlib.data import load
from medlib.lesson import check, claim, setup

rng = setup(seed=0)

# %%
scans = load("head_ct", size=32)
scans

# %% [markdown]
# Every scan in this notebook is **simulated**: real anatomy from an average brain, lesions and scanner made by a program.
# That is a weakness, and here also a strength. We know where each lesion lies, to the pixel, so we can check what no
# hospital's archive would let us check. What holds here about *methods* holds elsewhere. What holds here about
# *performance* does not.

# %% mystnb={"image": {"alt": "Four rows of simulated head CT slices: healthy, ischaemia, haemorrhage and tumour, six patients each, with the lesions outlined."}}
order = np.concatenate([rng.choice(np.flatnonzero(scans.y == k), 6, replace=False) for k in range(4)])
names = [scans.classes[k] for k in scans.y[order]]
ax = plot.mosaic(scans.x[order], 6, names, vmin=-10, vmax=80, masks=scans.masks[order])
ax.set_title("Simulated head CT, lesions outlined")
plt.show()

# %% [markdown]
# An **ischaemic** stroke (a blocked vessel) starves the tissue, which takes up water and darkens. A **haemorrhage** is
# fresh blood, brighter than brain. A **tumour** here is a bright ring with a dark core, and dark fingers of oedema around
# it. *Healthy* means that this scan shows no acute lesion; the patient may still be ill. Some lesions are plain. Some you
# would not find without the outline, and neither will the network.
#
# ## Step 1: clean
#
# The numbers are Hounsfield units (HU): water is 0, air is −1000, grey matter about 37, white matter about 28. Before
# anything is learnt we ask four dull questions: is anything missing, mislabelled, stored twice, or different from
# hospital to hospital?

# %%
claim("no pixel is missing", np.isfinite(scans.x).all())
clean = load("head_ct", dose=None)
lesion = clean.masks.any(axis=(1, 2))
claim("every slice of a patient with a lesion shows it, and no other slice does", np.array_equal(lesion, clean.y > 0))
different = len({image.tobytes() for image in clean.x})
claim("no slice is stored twice", different == len(clean), measured=different)

# %%
tissue = (clean.x > 20) & (clean.x < 45) & (clean.y == 0)[:, None, None]
measured = load("head_ct")
site = scans.frame["site"].to_numpy()
reading = {s: measured.x[site == s][tissue[site == s]].mean() for s in "ABC"}
truth = {s: clean.x[site == s][tissue[site == s]].mean() for s in "ABC"}
for s in "ABC":
    print(f"site {s}: healthy brain is {truth[s]:.1f} HU and reads {reading[s]:.1f} HU")

# %%
offset = {s: reading[s] - truth[s] for s in "ABC"}
apart = offset["B"] - offset["C"]
claim("the scanners of sites B and C disagree by 4 to 9 HU", 4 < apart < 9, measured=apart)

# %% [markdown]
# That gap is nearly as large as the difference between grey and white matter. A hospital could not
# measure it this way, as it has no clean truth; it would scan a phantom of water. The network will have to live with it,
# as radiologists do.
#
# ### A window
#
# Bone reads 1000 HU and more, brain about 30, and an infarct differs from the brain around it by about 10. On one scale
# from air to bone the infarct would be invisible. Radiologists look through a **window** of level $c$ and width $b$:
#
# $$g(t) = \min\Bigl(1,\ \max\Bigl(0,\ \frac{t - (c - b/2)}{b}\Bigr)\Bigr) \tag{15.1}$$
#
# Here $t$ is in HU, and the grey value $g$ runs from black, 0, to white, 1. The *brain window* is about 90 HU wide. For
# strokes there is a narrower one, 40 HU wide, which shows faint differences of soft tissue. Blood and bone both turn white
# in it: they must be told apart by place and shape. The network will look through that one.


# %%
def window(hu, level=35, width=40):
    return np.clip((hu - (level - width / 2)) / width, 0, 1)


# %%
# Equation (15.1): both ends, the middle, the slope, and the course's own function
from medlib.data.head_ct import brain_window

hu = np.linspace(-100, 200, 3001)
claim("black at level - width/2, white at level + width/2", np.allclose(window(np.array([15, 55])), [0, 1]))
claim("the level is mid-grey", abs(window(35) - 0.5) < 1e-12)
claim("one HU is 1/width of the grey scale", np.isclose(np.gradient(window(hu), hu)[1350], 1 / 40))
claim("the course's function agrees", np.allclose(window(hu, 35, 90), brain_window(hu, 35, 90)))

# %% mystnb={"image": {"alt": "Six simulated slices with an infarct, above in the brain window, below in the stroke window, where the darker infarct stands out more."}}
infarcts = np.flatnonzero((scans.y == 1) & (scans.frame["area_mm2"] > 1000))[::12][:6]
fig, axes = plt.subplots(2, 1, figsize=(8, 3.2))
for ax, width in zip(axes, (90, 40), strict=True):
    plot.mosaic(window(scans.x[infarcts], width=width), ax=ax)
    ax.set_title(f"Simulated infarcts, window {width} HU wide", fontsize=9)
plt.show()

# %%
infarct = clean.y == 1
inside = clean.masks[infarct]
brain = (clean.x[infarct] > 15) & (clean.x[infarct] < 55) & ~inside
faint = clean.x[infarct][brain].mean() - clean.x[infarct][inside].mean()
claim("on average, an infarct is 8 to 13 HU darker than the rest of the brain", 8 < faint < 13, measured=faint)

# %% [markdown]
# The window is fixed beforehand, so it learns nothing from the data. What *is* learnt from the data, the mean and the
# spread, comes from the training patients alone.
#
# ### Split by patient, not by slice
#
# Each patient was cut four times. Two neighbouring slices share the skull, the folds and the lesion. If one of them trains
# the network and the other tests it, the test asks *have I seen this head?* We will measure what that is worth. First,
# the honest split:

# %%
train, val, test = scans.split(seed=int(rng.integers(1000)))
shared = set(train.groups) & (set(val.groups) | set(test.groups)) | set(val.groups) & set(test.groups)
claim("no patient is in two parts", len(shared) == 0, measured=f"{len(shared)} shared")
print(train, val, test, sep="\n")

# %%
centre, spread = window(train.x).mean(), window(train.x).std()


def network_input(hu):
    """Images in HU (n, size, size) as the network wants them: windowed, standardised by the first split, one channel."""
    return ((window(hu) - centre) / spread)[..., None].astype("float32")


# %% [markdown]
# ## Step 2: build
#
# ### A convolution, by hand
#
# A dense layer would give each of the 1024 pixels its own weight, and would have to learn what a bleed looks like once for
# every place it can be. A convolution learns it once. It slides a small window of weights $w$ over the image $x$:
#
# $$y_{ij} = b + \sum_{u}\sum_{v} w_{uv}\, x_{i+u,\,j+v} \tag{15.2}$$


# %%
def convolve(image, weights, bias=0.0):
    """Slide the weights over the image; the result is smaller by one less than their size."""
    patches = np.lib.stride_tricks.sliding_window_view(image, weights.shape)
    return bias + np.einsum("ijuv,uv->ij", patches, weights)


# %%
# Equation (15.2): the sum written out, TensorFlow, and what mathematicians call a convolution
import tensorflow as tf
from scipy import signal

image, weights = rng.normal(size=(9, 8)), rng.normal(size=(3, 3))
by_hand = 0.5 + sum(weights[u, v] * image[4 + u, 2 + v] for u in range(3) for v in range(3))
theirs = tf.nn.conv2d(image[None, :, :, None], weights[:, :, None, None], 1, "VALID")[0, :, :, 0]
claim("one output pixel is the double sum", abs(convolve(image, weights, 0.5)[4, 2] - by_hand) < 1e-12)
claim("TensorFlow computes the same", np.allclose(convolve(image, weights), theirs))
flipped = signal.convolve2d(image, weights[::-1, ::-1], mode="valid")
claim("a mathematician's convolution turns the weights around first", np.allclose(convolve(image, weights), flipped))

# %% [markdown]
# (What deep learning calls convolution is a cross-correlation. As the weights are learnt, the difference has no
# consequence.) Three sets of weights, chosen by us, on one scan:

# %% mystnb={"image": {"alt": "One simulated scan and three filtered versions: smoothed, vertical edges bright on one side and dark on the other, and outlines."}}
kernels = {
    "the scan": np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]]),
    "mean of 9": np.ones((3, 3)) / 9,
    "left to right": np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 4,
    "outlines": np.array([[0, -1, 0], [-1, 4, -1], [0, -1, 0]]),
}
scan = window(measured.x[scans.y == 2][5])
filtered = np.stack([convolve(scan, k) for k in kernels.values()])
fig, ax = plt.subplots(figsize=(8, 2.6))
plot.mosaic(filtered, titles=list(kernels), vmin=-0.4, vmax=1, ax=ax).set_title("Simulated")
plt.show()

# %% [markdown]
# ### What is the same everywhere
#
# Write $T$ for a shift of the image by some pixels. A convolution (written $\star$) does not care whether we shift first or filter first:
#
# $$w \star (T x) = T\,(w \star x) \tag{15.3}$$
#
# A bleed found on the left is found on the right, by the same nine weights. Pooling breaks this a little: after a pooling
# of 2, only shifts by an even number of pixels come out whole.

# %%
# Equation (15.3): shift then filter, filter then shift; away from the border
once = convolve(np.roll(scan, (0, 3), (0, 1)), weights)[:, 3:]
other = np.roll(convolve(scan, weights), (0, 3), (0, 1))[:, 3:]
claim("shifting commutes with filtering", np.allclose(once, other))


def pool(y):
    return y.reshape(y.shape[0] // 2, 2, y.shape[1] // 2, 2).max((1, 3))


one, two = (pool(np.roll(scan, s, 1)) for s in (1, 2))
claim("after pooling by 2, a shift by 2 is a shift by 1", np.allclose(two, np.roll(pool(scan), 1, 1)))
claim(
    "after a shift by 1, the pooled image is neither the old one nor its shift",
    not np.allclose(one, pool(scan)) and not np.allclose(one, two),
)

# %% [markdown]
# ### What it costs
#
# A layer with $k \times k$ weights from $c_{in}$ to $c_{out}$ channels has, bias included,
#
# $$P = (k^2\, c_{in} + 1)\, c_{out} \tag{15.4}$$
#
# parameters, however large the image. The article that this course starts from builds this network for images of 28 × 28
# pixels and ten classes:

# %%
import keras
from keras import layers

article = keras.Sequential([keras.Input((28, 28, 1)), layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D()])
article.add(layers.Flatten())
article.add(layers.Dense(10, activation="softmax"))
article.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])

# %%
# Equation (15.4): a convolution, and a dense layer as the convolution whose window is the whole image
convolution = (3**2 * 1 + 1) * 32
dense = (13**2 * 32 + 1) * 10
claim("320 parameters in the convolution", article.layers[0].count_params() == convolution, measured=convolution)
claim("54,410 in all", article.count_params() == convolution + dense, measured=article.count_params())

# %% [markdown]
# It is a sound little network, and once images are put in, the listing runs. (We write its input layer the current way.) It
# is small, not *large*. What it lacks is a test: it is trained, and never asked about data it has not seen. What that
# hides shows best on data with nothing in it. Three hundred images of noise, with labels from a ten-sided die, and three
# hundred fresh ones:

# %%
noise, dice = rng.normal(size=(600, 28, 28, 1)), rng.integers(10, size=600)
article.fit(noise[:300], dice[:300], epochs=25, batch_size=32, verbose=0)
learnt, fresh = (article.evaluate(noise[s], dice[s], verbose=0)[1] for s in (slice(300), slice(300, 600)))
claim("it learns the labels by heart, as any network of this size would", learnt > 0.95, measured=learnt)
claim("and guesses on fresh noise: one in ten", fresh < 0.17, measured=fresh)

# %% [markdown]
# ### How far it sees
#
# A unit in a deep layer looks at a patch of the image, its **receptive field**. Layer $l$ with window $k_l$ widens it by
# $k_l - 1$ steps, and a step is as long as the strides $s_m$ before it have made it:
#
# $$r = 1 + \sum_{l} (k_l - 1) \prod_{m<l} s_m \tag{15.5}$$


# %%
def receptive_field(kernels, strides):
    """Width in pixels that one unit behind these layers sees."""
    steps = np.cumprod([1, *strides[:-1]])
    return 1 + sum((k - 1) * step for k, step in zip(kernels, steps, strict=True))


# %%
# Equation (15.5): against the pixels that move the middle unit of such a stack
stack = keras.Sequential([keras.Input((32, 32, 1))])
for layer in range(3):
    stack.add(layers.Conv2D(1, 3, padding="same", kernel_initializer="ones"))
    stack.add(layers.AveragePooling2D(2) if layer < 2 else layers.Identity())
field = tf.Variable(np.ones((1, 32, 32, 1), "float32"))
with tf.GradientTape() as tape:
    middle = stack(field)[0, 4, 4, 0]
seen = np.flatnonzero(tape.gradient(middle, field).numpy().any((0, 1, 3)))
reach = receptive_field([3, 2, 3, 2, 3], [1, 2, 1, 2, 1])
claim("the formula gives the patch that one unit sees", np.ptp(seen) + 1 == reach, measured=f"{reach} pixels")

# %% [markdown]
# Eighteen pixels of 7 mm: each unit of the last layer sees nearly 13 cm of the head, enough for a lesion and its
# surroundings. It cannot compare left with right beyond that. And what comes next forgets where a finding was.
#
# ### The network
#
# Three such blocks, with batch normalisation to keep the scale of the signals (notebook 12 showed what becomes of signals whose scale drifts).
# At the end, **global average pooling** takes the mean of each of the 64 feature maps over the image, and one dense layer
# turns the 64 means into four scores, the *logits*. (`Network` is `keras.Model`, except that it refuses images and labels
# it cannot learn from; `check_sides` refuses images too small for the blocks.)


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


# %%
cnn = build_cnn((32, 32, 1), 4)
claim("smaller than the article's network", cnn.count_params() < article.count_params(), measured=cnn.count_params())

# %% [markdown]
# ### Your turn
#
# **15.1** How many parameters has a convolution with 5 × 5 weights from 16 to 32 channels, bias included?

# %%
parameters = ...  # a whole number
check("15.1", parameters)

# %% tags=["solution"] jupyter={"source_hidden": true}
# Solution 15.1
parameters = (5 * 5 * 16 + 1) * 32
check("15.1", parameters)

# %% [markdown]
# **15.2** Take $n$ blocks of one 3 × 3 convolution (stride 1) and one 2 × 2 pooling (stride 2) each. What is the smallest
# $n$ whose receptive field, behind the last pooling, is at least as *wide* as our 32-pixel image? (Then think on: how
# many units are left behind that pooling, and does one of them really see all 32 pixels?)

# %%
blocks = ...  # a whole number
check("15.2", blocks)

# %% tags=["solution"] jupyter={"source_hidden": true}
# Solution 15.2: n = 4 gives 46 pixels; but the two units left on each axis see 31 of the 32 pixels each
widths = {n: receptive_field([3, 2] * n, [1, 2] * n) for n in range(1, 7)}
blocks = min(n for n, r in widths.items() if r >= 32)
check("15.2", blocks)

# %% [markdown]
# ## Step 3: initialise
#
# Keras has drawn the weights. A *bad* start can be read off before any training. Write $a$ for the four logits. The
# **softmax** turns them into probabilities $p_k$, and the loss of one scan with label $y$ is the surprise at
# the truth, the cross-entropy:
#
# $$\ell = -\log p_y, \qquad p_k = \frac{e^{a_k}}{\sum_j e^{a_j}} \tag{15.6}$$
#
# A network that knows nothing gives a quarter to each class, and pays $\log 4 \approx 1.386$. A first loss far above that
# is a bad start. The reverse does not hold: weights that are all zero give exactly $\log 4$, and never learn.

# %%
# Equation (15.6): by hand and by Keras; and the price of knowing nothing
a, y = rng.normal(size=(5, 4)), np.array([0, 1, 2, 3, 1])
p = np.exp(a) / np.exp(a).sum(axis=1, keepdims=True)
loss = -np.log(p[np.arange(5), y])
claim(
    "Keras agrees", np.allclose(loss, keras.losses.sparse_categorical_crossentropy(y, a, from_logits=True), atol=1e-6)
)
start = keras.losses.sparse_categorical_crossentropy(val.y, cnn(network_input(val.x)), from_logits=True).numpy().mean()
claim("before training, the network's loss is close to log 4", abs(start - np.log(4)) < 0.25, measured=start)

# %% [markdown]
# Back-propagation starts from the derivative of this loss. It could not be simpler: predicted minus true. (The bracket is 1 where $k = y$, and 0 elsewhere.)
#
# $$\frac{\partial \ell}{\partial a_k} = p_k - [k = y] \tag{15.7}$$

# %%
# Equation (15.7): against automatic differentiation
scores = tf.Variable(a)
with tf.GradientTape() as tape:
    total = tf.reduce_sum(keras.losses.sparse_categorical_crossentropy(y, scores, from_logits=True))
claim("predicted minus true", np.allclose(tape.gradient(total, scores), p - np.eye(4)[y], atol=1e-6))

# %% [markdown]
# ## Step 4: train
#
# Forward pass, loss, back-propagation, step: as in notebook 12, except that Keras does the bookkeeping. AdamW is Adam with
# weight decay; its step size falls along a cosine from `rate` to 0, so that the last steps settle. Each
# training scan is also shown as its mirror image: a stroke on the left is a stroke on the right.


# %% tags=["medlib:models.cnn.compile_cnn"]
def compile_cnn(model, steps=600, rate=3e-3):
    if model.output_shape[-1] == 1:
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
        accuracy = keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0)
    else:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
    schedule = keras.optimizers.schedules.CosineDecay(rate, steps)
    model.compile(keras.optimizers.AdamW(schedule, weight_decay=1e-3), loss, metrics=[accuracy])
    return model


# %%
from medlib.models.training import fit


def train_cnn(train, val, epochs=6, batch=64, label="training"):
    """The network of this notebook, trained on one part and watched on another: (network, history)."""
    x = network_input(train.x)
    x, y = np.concatenate([x, x[:, :, ::-1]]), np.tile(train.y, 2)
    network = compile_cnn(build_cnn((32, 32, 1), 4), steps=epochs * -(-len(x) // batch), rate=5e-3)
    watch = (network_input(val.x), val.y)
    return network, fit(network, x, y, epochs=epochs, batch_size=batch, validation_data=watch, label=label)


cnn, history = train_cnn(train, val)

# %% mystnb={"image": {"alt": "Training and validation loss, and training and validation accuracy, over the epochs."}}
fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3))
left.axhline(np.log(4), color="0.5", linestyle=":", label="knowing nothing")
plot.curves(history, ["loss", "val_loss"], left).set(ylabel="cross-entropy, nats")
fig.suptitle("Simulated head CT", fontsize=11)
plot.curves(history, ["accuracy", "val_accuracy"], right).set(ylabel="accuracy", ylim=(0, 1))
plt.show()

# %% [markdown]
# Early in training the validation loss may jump, even above $\log 4$: batch normalisation uses running averages there,
# and they lag behind.
#
# ### What the filters see
#
# Eight of the sixteen sets of nine weights, learnt from nothing but labels (blue is negative, red positive), and under each
# what it makes of one scan.

# %% mystnb={"image": {"alt": "Eight learnt three by three filters of the first layer in blue and red, and under each its response to one simulated scan."}}
seen = network_input(val.x[val.y == 2][:1])
filters = cnn.layers[1].kernel.numpy()[:, :, 0, :8].transpose(2, 0, 1)
response = cnn.layers[1](seen).numpy()[0, :, :, :8].transpose(2, 0, 1)
fig, axes = plt.subplots(2, 8, figsize=(9, 2.5))
for column, (weights, image) in enumerate(zip(filters, response, strict=True)):
    axes[0, column].imshow(weights, cmap="RdBu_r", vmin=-abs(filters).max(), vmax=abs(filters).max())
    axes[1, column].imshow(image)
for ax in axes.flat:
    ax.set_axis_off()
fig.suptitle("First layer: weights, and responses to one simulated haemorrhage", fontsize=11)
plt.show()

# %% [markdown]
# ## Step 5: validate
#
# The six steps call this *validate*; the data for it are called *test*. We come back to the test patients below to
# describe the network, never to choose anything.

# %%
from sklearn.metrics import accuracy_score, confusion_matrix, roc_auc_score

from medlib.metrics import bootstrap, diagnostic
from medlib.models.cnn import probabilities

p = probabilities(cnn, network_input(test.x))
called = p.argmax(axis=1)
accuracy = bootstrap(accuracy_score, test.y, called, groups=test.groups, n=500)
auc = bootstrap(lambda y, p: roc_auc_score(y, p, multi_class="ovr"), test.y, p, groups=test.groups, n=200)
print("accuracy           ", accuracy)
print("macro-averaged AUC ", auc)

# %%
majority = np.mean(test.y == np.bincount(train.y).argmax())
claim("the network beats the commonest answer by far", accuracy.low > majority + 0.2, measured=majority)

# %% mystnb={"image": {"alt": "Confusion matrix of the four classes on the test patients: rows are the truth, columns what the network called."}}
table = confusion_matrix(test.y, called, normalize="true")
fig, ax = plt.subplots(figsize=(4.4, 3.6))
ax.imshow(table, cmap="Blues", vmin=0, vmax=1)
for (row, column), share in np.ndenumerate(table):
    ax.text(column, row, f"{share:.2f}", ha="center", va="center", color="white" if share > 0.5 else "black")
ax.set_xticks(range(4), test.classes, rotation=30, ha="right")
ax.set_yticks(range(4), test.classes)
ax.set(xlabel="called", ylabel="truth", title="1,000 simulated test slices")
ax.grid(False)
plt.show()

# %%
errors = table - np.diag(np.diag(table))
overlooked = table[1:, 0].sum() / errors.sum()
claim("more than a third of all errors are lesions called healthy", overlooked > 1 / 3, measured=overlooked)
claim("infarct slices are found less often than slices with blood", table[1, 1] < table[2, 2], table[1, 1])
claim("more than 85 % of the slices with blood are called haemorrhage", table[2, 2] > 0.85, measured=table[2, 2])

# %% [markdown]
# In hospitals infarcts are missed more often than here. A real infarct may be invisible for hours, and the first CT is often
# normal. Our simulated infarcts are dark from the start.
#
# Sites differ in HU *and* in case mix, so a network could learn the scanner instead of the disease. A first look:

# %%
for s in "ABC":
    rows = (test.frame["site"] == s).to_numpy()
    print(f"site {s}:", bootstrap(accuracy_score, test.y[rows], called[rows], groups=test.groups[rows], n=300))

# %% [markdown]
# These are sites that the network was trained on. Notebook 64 tries one that it has not seen.
#
# ### The question in the emergency department
#
# Accuracy treats all errors alike. A hospital does not, and it asks about patients, not slices. The first question in the
# emergency department is *is there blood?*. Only without blood may the drug be given. We average the four slices of each
# patient. And we do not take one half as the line: we choose, on the *validation* patients, the highest threshold that
# finds all of their bleeds.


# %%
def per_patient(part, p):
    """Mean probabilities of each patient's four slices, and the patient's class."""
    claim("four rows in a row belong to one patient", np.all(part.groups.reshape(-1, 4) == part.groups[::4, None]))
    return p.reshape(-1, 4, 4).mean(axis=1), part.y[::4]


p_val, y_val = per_patient(val, probabilities(cnn, network_input(val.x)))
p_test, y_test = per_patient(test, p)
line = p_val[y_val == 2, 2].min()
for name, threshold in {"one half": 0.5, "chosen on validation": line}.items():
    blood = diagnostic((y_test == 2).astype(int), p_test[:, 2], threshold, n=200)
    print(f"blood? at {name} ({threshold:.2f}): sensitivity {blood['sensitivity']}, specificity {blood['specificity']}")

# %%
anything = diagnostic((y_test > 0).astype(int), 1 - p_test[:, 0], n=200)
print(f"anything? at one half: sensitivity {anything['sensitivity']}, specificity {anything['specificity']}")
claim("blood is easier to see than 'anything'", blood["auc"].value > anything["auc"].value, blood["auc"])
claim(
    "even a perfect sensitivity would leave room for one missed bleed in 16",
    blood["sensitivity"].low < 15 / 16,
    blood["sensitivity"],
)

# %% [markdown]
# And the man of 71? The line found every bleed among the validation patients, and the interval says how little that
# promises for the next ones: some thirty bleeds cannot vouch for more. And a scan without findings does not exclude a
# stroke. That is why the decision rests on symptoms, time and the *absence of blood*.
#
# ### Why the interval counts patients
#
# A patient with a faint lesion tends to be missed in all four slices. Take the mean $\bar c$ of $n$ results with variance
# $\sigma^2$, in groups of $q$ slices of one patient, and let $\rho$ be the correlation between two results of one
# patient. Then
#
# $$\mathrm{Var}(\bar c) = \frac{\sigma^2}{n}\,\bigl(1 + (q - 1)\,\rho\bigr) \tag{15.8}$$
#
# The bracket is the **design effect** (Kish 1965). At $\rho = 1$ four slices are worth one.

# %%
# Equation (15.8): sigma and rho from the results, against patients' means and a bootstrap over patients
hit = (called == test.y).astype(float).reshape(-1, 4)  # a row per patient
pairs = [
    np.corrcoef(np.r_[hit[:, i], hit[:, j]], np.r_[hit[:, j], hit[:, i]])[0, 1] for i in range(4) for j in range(i)
]
rho = np.mean(pairs)
formula = np.sqrt(hit.var() / hit.size * (1 + 3 * rho))
direct = hit.mean(axis=1).std() / np.sqrt(len(hit))
claim("the formula gives the spread of the patients' means", np.isclose(formula, direct, rtol=0.01), measured=rho)
drawn = [hit[rng.integers(len(hit), size=len(hit))].mean() for _ in range(10_000)]
claim("and the spread of a bootstrap over patients, within 4 %", abs(formula / np.std(drawn) - 1) < 0.04)
naive = np.sqrt(hit.var() / hit.size)
claim(
    "counting slices makes the interval too narrow, by a factor of 1.3 to 2", 1.3 < formula / naive < 2, formula / naive
)

# %% [markdown]
# ### Your turn
#
# **15.3** A study reports on 1000 slices, 4 of each patient, with $\rho = 0.6$. How many *independent* slices carry as much
# information?

# %%
independent = ...  # a number
check("15.3", independent)

# %% tags=["solution"] jupyter={"source_hidden": true}
# Solution 15.3
independent = 1000 / (1 + 3 * 0.6)
check("15.3", independent)

# %% [markdown]
# ### Are the probabilities probabilities?
#
# When the network says 70 %, is it right in 70 cases of 100? The reliability diagram asks for *anything?*: each point is a
# fifth of the patients, with one slice of each, so that the intervals are honest.

# %% mystnb={"image": {"alt": "Reliability diagram for the question whether anything is wrong: observed share against predicted probability, with intervals, beside the diagonal."}}
ax = plot.reliability((test.y > 0)[::4], (1 - p[:, 0])[::4], bins=5)
ax.set(title="Simulated: is anything wrong?", xlabel="predicted probability of any lesion")
plt.show()

# %%
wrong, mean_p = np.mean(test.y > 0), np.mean(1 - p[:, 0])
claim("on average the network is neither too anxious nor too calm", abs(wrong - mean_p) < 0.08, measured=mean_p - wrong)

# %% [markdown]
# A mean that fits is not yet calibration: saying 68 % to everyone has it, too. What counts is whether each interval reaches
# the diagonal. One in twenty may miss it by luck.
#
# ### The errors, as pictures
#
# Numbers say how often. Pictures suggest why. These are the slices with a lesion that the network was most sure were
# healthy:

# %% mystnb={"image": {"alt": "Twelve simulated scans with lesions that the network called healthy, lesions outlined; most are small or faint."}}
missed = np.flatnonzero((called == 0) & (test.y > 0))
worst = missed[np.argsort(-p[missed, 0])][:12]
titles = [f"{test.classes[test.y[i]]}, {test.frame.area_mm2[i]:.0f} mm²" for i in worst]
fig, ax = plt.subplots(figsize=(9, 3.8))
plot.mosaic(test.x[worst], 6, titles, -10, 80, masks=test.masks[worst], ax=ax).set_title("Simulated, missed")
plt.show()

# %%
area = test.frame["area_mm2"].to_numpy()
found = np.flatnonzero((called > 0) & (test.y > 0))
ratio = np.median(area[missed]) / np.median(area[found])
claim("the median missed lesion is smaller than the median found one", ratio < 0.8, measured=ratio)

# %% [markdown]
# ### What a leak is worth
#
# Now the dishonest split: slices are dealt out at random, so that nearly every test slice has a neighbour in training. Three
# models, from the one that learns by heart to ours, each trained and tested under both splits. The first is the **nearest
# neighbour**, which has no idea of stroke: it gives each scan the label of the most similar training scan.


# %%
from sklearn.ensemble import RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier


def pixels(part):
    return network_input(part.x).reshape(len(part), -1)


def accuracy_of(model, train, test):
    return accuracy_score(test.y, model.fit(pixels(train), train.y).predict(pixels(test)))


leaky = scans.split(seed=int(rng.integers(1000)), by="row")
models = {"nearest neighbour": KNeighborsClassifier(1), "random forest": RandomForestClassifier(30, n_jobs=-1)}
honest = {name: accuracy_of(model, train, test) for name, model in models.items()}
promised = {name: accuracy_of(model, leaky[0], leaky[2]) for name, model in models.items()}

# %%
twin, _ = train_cnn(leaky[0], leaky[1], label="training on the leaky split")
honest["our network"] = accuracy.value
promised["our network"] = accuracy_score(leaky[2].y, probabilities(twin, network_input(leaky[2].x)).argmax(1))

# %% mystnb={"image": {"alt": "Accuracy of three models under the split by patient and under the split by slice. The nearest neighbour jumps from about one third to over 0.8, the forest gains less, the network little."}}
fig, ax = plt.subplots(figsize=(6.4, 2.2))
for row, name in enumerate(honest):
    ax.plot([honest[name], promised[name]], [row, row], color="0.6", zorder=1)
ax.scatter(honest.values(), honest.keys(), label="split by patient", zorder=2)
ax.scatter(promised.values(), promised.keys(), marker="s", label="split by slice", zorder=2)
ax.axvline(majority, color="0.5", linestyle=":")
ax.set(xlabel="accuracy (dotted: the commonest answer)", xlim=(0.2, 1), title="Simulated")
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
ax.margins(y=0.3)
plt.show()

# %%
gap = {name: promised[name] - honest[name] for name in honest}
claim(
    "nearest neighbour: the leak is worth over 40 points",
    gap["nearest neighbour"] > 0.4,
    measured=gap["nearest neighbour"],
)
claim("forest: it gains as well", gap["random forest"] > 0, measured=gap["random forest"])
claim("our network: less than 8 points, up or down", abs(gap["our network"]) < 0.08, measured=gap["our network"])
claim("for new patients the neighbour is hardly better than guessing", honest["nearest neighbour"] < majority + 0.1)
claim("with the leak it promises eight in ten", promised["nearest neighbour"] > 0.8)

# %% [markdown]
# A leak is worth what a model can learn by heart. For our small network one pair of runs shows no gap that is larger than
# its own uncertainty of several points. That does not make the leaky split safe: nothing in the run tells which of the
# three models you have.
#
# Nothing in a leaky run looks wrong. The curves are smooth, the test slices are disjoint from the training slices. The
# number is not about new patients, that is all. The same happens with several X-rays of one child, several biopsies of one
# tumour, several months of one diary.
#
# **15.4** Write the split yourself. Given the patient of each slice, return a mask that is true for the test slices: about the
# fraction `share` of the *patients*, chosen at random, with all of their slices.


# %%
def test_rows(patients, share, rng):
    return ...


check("15.4", test_rows)


# %% tags=["solution"] jupyter={"source_hidden": true}
# Solution 15.4
def test_rows(patients, share, rng):
    everyone = np.unique(patients)
    chosen = rng.permutation(everyone)[: round(share * len(everyone))]
    return np.isin(patients, chosen)


check("15.4", test_rows)

# %% [markdown]
# ### Is a network needed?
#
# The forest above had no idea of images, and did well. How far does a linear model come on the pixels? And
# the question that every hospital asks: how many patients do we need? The **learning curve** trains on fewer, with about
# the same number of steps, since smaller batches go with fewer patients.

# %%
from sklearn.linear_model import RidgeClassifier

linear_accuracy = accuracy_of(RidgeClassifier(alpha=1e3), train, test)
claim("a linear model is far behind", linear_accuracy < honest["random forest"] - 0.1, measured=linear_accuracy)
lead = accuracy.value - honest["random forest"]
claim("the network beats the forest", lead > 0, measured=f"by {100 * lead:.1f} points")

# %%
patients = np.unique(train.groups)
curve, trees = {len(patients): accuracy}, {len(patients): honest["random forest"]}
for share in (16, 8, 4, 2):
    some = train[np.isin(train.groups, rng.choice(patients, len(patients) // share, replace=False))]
    trees[len(patients) // share] = accuracy_of(RandomForestClassifier(30, n_jobs=-1), some, test)
    if share == 4:  # one smaller network: each costs as many steps as the first
        network, _ = train_cnn(some, val, batch=16, label="training on a quarter of the patients")
        calls = probabilities(network, network_input(test.x)).argmax(1)
        curve[len(patients) // share] = bootstrap(accuracy_score, test.y, calls, groups=test.groups, n=500)

# %% mystnb={"image": {"alt": "Learning curve: test accuracy with intervals against the number of training patients on a logarithmic axis, two points for the network, five for the random forest below it, both rising, and the linear baseline as a dotted line."}}
size = sorted(curve)
value = np.array([curve[s].value for s in size])
error = np.abs([[curve[s].low, curve[s].high] for s in size] - value[:, None]).T
fig, ax = plt.subplots(figsize=(5, 3.2))
ax.errorbar(size, value, error, marker="o", capsize=3, label="network")
ax.plot(sorted(trees), [trees[s] for s in sorted(trees)], "s--", color="C2", label="random forest")
ax.axhline(linear_accuracy, linestyle=":", color="C1", label="linear, all patients")
ax.set(
    xscale="log", xlabel="patients in training", ylabel="accuracy on test patients", title="Simulated", ylim=(0.4, 1)
)
ax.set_xticks(sorted(trees), sorted(trees), minor=False)
ax.minorticks_off()
ax.legend(loc="upper left")
plt.show()

# %%
claim("from a quarter of the patients to all, the network still gains", value[0] + 0.02 < value[1], measured=value)
claim("and so does the forest, from half to all", trees[len(patients) // 2] < trees[len(patients)])

# %% [markdown]
# We have not reached the end of what patients can teach these models. Each point is one draw of patients and one
# training; the bars count only the luck of the test patients.
#
# ## Step 6: apply
#
# In use, nobody hands the network a tidy test set. The function that stands around it takes one patient's slices, and
# refuses two gross errors, a wrong shape and wrong units. It would still accept a chest.


# %%
def read(hu):
    """Probabilities of the four classes for one patient: hu has shape (slices, 32, 32), in Hounsfield units."""
    hu = np.asarray(hu)
    if hu.ndim != 3 or hu.shape[1:] != (32, 32) or not np.isfinite(hu).all():
        raise ValueError(f"hu: got shape {hu.shape}, expected finite values of shape (slices, 32, 32)")
    if hu.max() < 150 or hu.min() > -50:
        raise ValueError(f"hu: values from {hu.min():.0f} to {hu.max():.0f} show no bone or no air; are they in HU?")
    return probabilities(cnn, network_input(hu)).mean(axis=0)


patient = test.groups[test.y == 1][0]
print("truth: ischaemia")
for name, share in zip(test.classes, read(test.x[test.groups == patient]), strict=True):
    print(f"{name:12} {share:.2f}")

# %%
try:
    read(window(test.x[:4]))
except ValueError as refusal:
    print(refusal)
guess = probabilities(cnn, network_input(window(test.x[:4]))).max()
claim("shown four black squares, the bare network is sure of itself", guess > 0.5, measured=guess)

# %% [markdown]
# ### Where did it look?
#
# **Grad-CAM** (Selvaraju et al. 2017) asks which places of the last feature maps $A_{ijm}$, of $H \times W$ cells each,
# speak for class $k$. It weights each map $m$ by the mean gradient of the logit $a_k$, adds up, and cuts off what speaks
# against:
#
# $$M_{ij} = \max\Bigl(0,\ \sum_m \omega_m A_{ijm}\Bigr), \qquad
# \omega_m = \frac{1}{HW} \sum_{i,j} \frac{\partial a_k}{\partial A_{ijm}} \tag{15.9}$$
#
# In our network the logit is a weighted mean of the maps, with the dense layer's weights $w_{mk}$, plus a bias. The
# gradient is then known, and Grad-CAM is the older **class activation map** (Zhou et al. 2016), up to the factor $HW$:
#
# $$HW \cdot M_{ij} = \max\Bigl(0,\ \sum_m w_{mk}\, A_{ijm}\Bigr) \tag{15.10}$$


# %% tags=["medlib:models.cnn.grad_cam"]
def grad_cam(model, x, target):
    pool = next(i for i, layer in enumerate(model.layers) if isinstance(layer, layers.GlobalAveragePooling2D))
    maps = keras.Model(model.input, model.layers[pool].input)(x, training=False)
    with tf.GradientTape() as tape:
        tape.watch(maps)
        h = maps
        for layer in model.layers[pool:]:
            h = layer(h)
        evidence = tf.gather(h, target, axis=1, batch_dims=1)
    weights = tf.reduce_mean(tape.gradient(evidence, maps), axis=(1, 2), keepdims=True)
    return tf.nn.relu(tf.reduce_sum(weights * maps, axis=-1)).numpy()


# %%
# Equations (15.9) and (15.10): the gradient by finite differences, and the closed form
x, c = network_input(test.x[:6]), test.y[:6]
maps = keras.Model(cnn.input, cnn.layers[-3].input)(x, training=False).numpy()
w = cnn.layers[-1].kernel.numpy()


def logit(A):
    """The rest of the network, from one scan's feature maps to the logit of its class."""
    h = tf.constant(A[None], "float32")
    for layer in cnn.layers[-3:]:
        h = layer(h)
    return float(h[0, c[0]])


nudge = np.zeros_like(maps[0])
nudge[3, 4, 7] = 10
slope = (logit(maps[0] + nudge) - logit(maps[0] - nudge)) / 20
claim("one place of map 7 moves the logit by its weight / HW", np.isclose(slope, w[7, c[0]] / 64, rtol=1e-3, atol=1e-5))
closed = np.maximum(0, np.einsum("nijk,kn->nij", maps, w[:, c]))
claim("HW times Grad-CAM is the class activation map", np.allclose(64 * grad_cam(cnn, x, c), closed, atol=1e-4))

# %% mystnb={"image": {"alt": "Eight correctly called simulated scans with the lesion outlined; below each its Grad-CAM map; below that the map of an untrained network."}}
untrained = build_cnn((32, 32, 1), 4)
right_calls = np.flatnonzero((called == test.y) & (test.y > 0))
show = rng.choice(right_calls, 8, replace=False)
heat = [grad_cam(network, network_input(test.x[show]), test.y[show]) for network in (cnn, untrained)]
fig, axes = plt.subplots(3, 1, figsize=(8, 3.6))
plot.mosaic(test.x[show], 8, vmin=-10, vmax=80, masks=test.masks[show], ax=axes[0])
for ax, maps in zip(axes[1:], heat, strict=True):
    maps = maps / np.maximum(maps.max((1, 2), keepdims=True), 1e-9)
    plot.mosaic(maps.repeat(4, 1).repeat(4, 2), 8, vmin=0, vmax=1, masks=test.masks[show], ax=ax)
for ax, title in zip(
    axes,
    ("Simulated scans, lesions outlined", "Grad-CAM of the trained network", "Grad-CAM of an untrained one"),
    strict=True,
):
    ax.set_title(title, fontsize=9)
plt.show()

# %% [markdown]
# (Each map is scaled to its own maximum, so faint ones look as strong as others. A cell is 28 mm wide.)
#
# The maps look convincing. So do horoscopes. We know the truth, so we can play the **pointing game** (Zhang et al. 2018): on
# correctly called scans, does the map's highest cell touch the lesion? Three opponents keep the score honest: chance, the
# same network with random weights (Adebayo et al. 2018), and a player who never looks at the image, but always points to
# where lesions of this class most often are.


# %%
def pointing(network, rows):
    """Share of scans whose highest Grad-CAM cell (4 x 4 pixels) holds a lesion pixel."""
    maps = grad_cam(network, network_input(test.x[rows]), test.y[rows]).reshape(len(rows), 64)
    maps = maps + 1e-9 * rng.random(maps.shape)  # an empty map points anywhere
    cells = test.masks[rows].reshape(-1, 8, 4, 8, 4).any((2, 4)).reshape(len(rows), 64)
    return cells[np.arange(len(rows)), maps.argmax(1)].mean()


cells = test.masks[right_calls].reshape(-1, 8, 4, 8, 4).any((2, 4))
head = (test.x[right_calls] > 0).reshape(-1, 8, 4, 8, 4).mean((2, 4)) > 0.5
chance = cells.sum() / head.sum()
where = [train.masks[train.y == k].reshape(-1, 8, 4, 8, 4).any((2, 4)).mean(0).argmax() for k in range(4)]
blind = cells.reshape(-1, 64)[np.arange(len(right_calls)), np.array(where)[test.y[right_calls]]].mean()
points = pointing(cnn, right_calls)
control = np.mean([pointing(build_cnn((32, 32, 1), 4), right_calls) for _ in range(5)])
print(f"trained {points:.2f}   never looks {blind:.2f}   random weights {control:.2f}   chance {chance:.2f}")

# %%
claim("the trained network's map beats the player who never looks", points > blind + 0.15, measured=points)
claim("and random weights by far", points > 2 * control, measured=control)
claim("and still points elsewhere in one scan of forty or more", points < 0.975, measured=points)

# %% [markdown]
# ## On real data
#
# PneumoniaMNIST holds 5,856 chest X-rays of children, 28 × 28 pixels, normal or pneumonia (Kermany et al. 2018; Yang et al.
# 2023, CC BY 4.0). The same network, with one logit, trained for ten epochs. Its test AUC stands beside the published
# table for 28 pixels: ResNet-18 .944, ResNet-50 .948, auto-sklearn .942, AutoKeras .947, Google AutoML .991.

# %%
from medlib.data import if_ready

xray = if_ready("pneumoniamnist")

# %%
if xray is not None:
    parts = dict(zip(("train", "val", "test"), xray.split(), strict=True))
    images = {name: (part.x[..., None] / 127.5 - 1).astype("float32") for name, part in parts.items()}
    chest = compile_cnn(build_cnn((28, 28, 1), 1), steps=10 * -(-len(parts["train"]) // 64))
    fit(chest, images["train"], parts["train"].y, epochs=10, batch_size=64, label="training on X-rays")
    ill = {name: probabilities(chest, images[name]) for name in parts}
    real = {name: diagnostic(parts[name].y, ill[name], n=300) for name in ("val", "test")}
    for name, result in real.items():
        print(
            f"{name:4}  AUC {result['auc']}   sensitivity {result['sensitivity']}   specificity {result['specificity']}"
        )
    claim("the test AUC is not below the published ResNet-18's", real["test"]["auc"].value > 0.944, real["test"]["auc"])

# %% [markdown]
# Two plain baselines on the same pixels:

# %%
if xray is not None:
    from sklearn.linear_model import LogisticRegression

    forest = RandomForestClassifier(100, n_jobs=-1, random_state=0)
    for name, model in {"random forest": forest, "logistic regression": LogisticRegression(C=1e-3)}.items():
        model.fit(parts["train"].x.reshape(-1, 784) / 255, parts["train"].y)
        guess = model.predict_proba(parts["test"].x.reshape(-1, 784) / 255)[:, 1]
        print(f"{name:20} test AUC {bootstrap(roc_auc_score, parts['test'].y, guess, n=300)}")

# %% [markdown]
# The forest comes close, the linear model does not. And look at the specificity: at the threshold of one half it collapses
# from validation to test. Many X-rays that were read as normal are called pneumonia. Two things could have warned us. Are
# some images in both parts? And can a forest tell which part a *normal* X-ray came from?

# %%
if xray is not None:
    from sklearn.model_selection import cross_val_predict

    normal = {name: part.x[part.y == 0].reshape(-1, 784) for name, part in parts.items()}

    def told_apart(a, b):
        """Cross-validated AUC of telling part a from part b; .5 means that they look alike."""
        x, y = np.concatenate([normal[a], normal[b]]), np.repeat([0, 1], [len(normal[a]), len(normal[b])])
        judge = RandomForestClassifier(50, n_jobs=-1, class_weight="balanced", random_state=0)
        return roc_auc_score(y, cross_val_predict(judge, x, y, cv=3, method="predict_proba")[:, 1])

    same, other = told_apart("train", "val"), told_apart("train", "test")
    print(f"train against validation {same:.2f}, train against test {other:.2f}")
    claim("validation looks like training, the test does not", same < 0.62 and other > 0.7)
    both = {i.tobytes() for i in parts["train"].x} & {i.tobytes() for i in parts["val"].x}
    claim("some images are in training and validation", len(both) > 0, measured=len(both))
    fall = real["val"]["specificity"].value - real["test"]["specificity"].value
    claim("specificity falls by more than 15 points", fall > 0.15, measured=f"{100 * fall:.0f} points")

# %% [markdown]
# All images come from one hospital. The test images lie in another folder of the source; how they were chosen is not
# recorded. Validation images were cut from the training folder, a few of them twice, so validation flatters. In the other
# folder the ranking suffers a little, and the threshold much more. If a change of folder does this, a change of hospital
# may do more. No amount of validation data from the old place can tell; only data from the new place can.
#
# ## Three questions
#
# <details><summary>A network finds 96 % of tumours. The images were split at random by slice. What do you ask first?</summary>
#
# How many slices each patient has, and whether any patient is on both sides. If so, the 96 % is about patients the network
# already knows, and nothing follows for the next one.
#
# </details>
#
# <details><summary>Why is the interval over patients wider than the interval over slices, though the data are the same?</summary>
#
# Four slices of one patient tend to be right or wrong together, so they carry less information than four patients. The
# bootstrap over slices treats them as independent and promises too much.
#
# </details>
#
# <details><summary>A heat map lies on the lesion. Does this show that the network uses the lesion?</summary>
#
# Not by itself. It may lie there because lesions of this class usually lie there. It takes an opponent that never looks at
# the image, a control with random weights, and a score over many cases with known truth.
#
# </details>
#
# ## In this notebook we
#
# took simulated head CT through the six steps: cleaned and windowed it, built a convolutional network from parts we
# checked by hand, started it well, trained it, validated it on patients it had never seen, and wrapped it in a function
# that refuses two gross errors. We measured a leak, a design effect, and whether an explanation points at the truth.
#
# **Pitfalls.** Splitting by image. Tuning on the test set. Reporting accuracy where one class matters more. Intervals over
# slices. Trusting a threshold in a new hospital. Admiring heat maps.
#
# **Further reading.** LeCun, Bottou, Bengio and Haffner, *Gradient-based learning applied to document recognition*, Proc.
# IEEE 1998. Selvaraju et al., *Grad-CAM*, ICCV 2017. Adebayo et al., *Sanity checks for saliency maps*, NeurIPS 2018. Yang
# et al., *MedMNIST v2*, Scientific Data 2023. Roberts et al., *Common pitfalls and recommendations for using machine
# learning to detect and prognosticate for COVID-19 using chest radiographs and CT scans*, Nature Machine Intelligence 2021.
