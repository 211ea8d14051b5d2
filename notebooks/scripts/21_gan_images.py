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
# # Scans of nobody: images from a GAN
#
# After this notebook you can
# - **build** a GAN for images in twenty lines, and prove that each player moves only itself,
# - **watch** a game by its pictures, since its losses cannot say how good they are,
# - **order** a lesion by kind, place and size, and measure what is delivered, and
# - **recognise** a listing that runs, prints losses and never trains.
#
# | needs | read | run | data |
# |---|---|---|---|
# | notebooks [15](15_image_diagnosis.ipynb) and [20](20_gan_objective.ipynb) | 60 min | 90 s | simulated head CT; PneumoniaMNIST if present |
#
# A lecturer needs forty bleeds in the left half of the brain for Monday's class. The archive has scans, but its
# patients never agreed to be shown. In notebook 20 a forger learned to write potassium values like those of a kidney
# unit. Here he learns to draw heads. At the end you order a bleed *there*, of *about that size*, and measure what
# comes. Here is his first drawing, before any lesson.

# %%
import matplotlib.pyplot as plt
import numpy as np

from medlib import plot
from medlib.data import load
from medlib.data.head_ct import brain_window, lesion_maps
from medlib.decisions import decide
from medlib.lesson import check, claim, setup

rng = setup(seed=0)

# %%
import keras
import tensorflow as tf
from keras import layers

from medlib.models import gan
from medlib.models.gan import Game, discriminator_loss, generator_loss, joined
from medlib.models.training import record

SHAPE, LATENT, BATCH = (32, 32, 1), 64, 16
scans = load("head_ct", size=32)
train, school, test = scans.split(val=0.3, test=0.2, seed=int(rng.integers(1000)))


def pictures(part):
    """The scans of a part, (n, 32, 32, 1): black is -1, white 1."""
    return (2 * brain_window(part.x) - 1)[..., None].astype("float32")


# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Two rows of eight. Above, simulated head CT slices: healthy, ischaemia, haemorrhage and tumour. Below, the drawings of an untrained generator: black and white static without any shape."}} tags=["hide-input"]
x_train, x_school, x_test = (pictures(part) for part in (train, school, test))
noise = rng.normal(size=(8, LATENT)).astype("float32")
untrained = np.asarray(gan.build_generator(SHAPE, LATENT)(noise, training=True))
some = np.concatenate([rng.choice(np.flatnonzero(train.y == k), 2, replace=False) for k in range(4)])
names = [scans.classes[k] for k in train.y[some]] + [""] * 8
ax = plot.mosaic(np.concatenate([x_train[some], untrained]), 8, names, -1, 1)
ax.set_title("Simulated scans; below, the first drawings of a forger")
plt.show()

# %% [markdown]
# Eight scans above, and below eight drawings of a network whose weights are still random: static.
#
# All scans are **simulated**, at 7 mm a pixel: they show place and rough size, not what a radiologist would see. Black,
# −10 HU, is −1 here, and white, +80 HU, is 1. (*Real* means: from this simulated collection, not drawn by the GAN.)
# Patients are dealt into three parts: `train` for the forger, `school` for the judge who will mark him, and
# `test`, from whom neither learns. A head's mirror image is as plausible a head, so both networks also see that.

# %%
def both_ways(images):
    """Each image, and its mirror image."""
    return np.concatenate([images, images[:, :, ::-1]])


x_both = both_ways(x_train)

# %% [markdown]
# ## 1. Two networks
#
# ### The generator: a convolution backwards
#
# The generator must turn few numbers into many pixels. A *transposed convolution* is a strided convolution run the
# other way: every pixel of a small map stamps a pattern of weights on the output, $s$ pixels apart. Write the strided
# convolution as a matrix $A$; then the stamping is $A^\top$, and for every image $x$ and every small map $y$
#
# $$\langle A x,\; y \rangle = \langle x,\; A^\top y \rangle \tag{21.1}$$

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (21.1): TensorFlow's two operations with the same weights; unequal sides, unequal channels
kernel = tf.constant(rng.normal(size=(4, 4, 2, 3)))
image, small_map = tf.constant(rng.normal(size=(1, 16, 12, 2))), tf.constant(rng.normal(size=(1, 8, 6, 3)))
down = tf.nn.conv2d(image, kernel, strides=2, padding="SAME")
up = tf.nn.conv2d_transpose(small_map, kernel, (1, 16, 12, 2), strides=2, padding="SAME")
products = [tf.reduce_sum(down * small_map).numpy(), tf.reduce_sum(image * up).numpy()]
claim("both inner products agree, and stride 2 doubles each side", abs(products[0] - products[1]) < 1e-9 and up.shape[1:3] == (16, 12), products)

# %% [markdown]
# The second ingredient is **batch normalisation**. A value $h$ of a channel becomes $\hat h$, with the mean $m_B$ and
# the variance $v_B$ of that channel in *this* batch, learnt numbers $\gamma$ and $\beta$, and a small $\epsilon$ that
# keeps the root from 0:
#
# $$\hat h = \gamma\,\frac{h - m_B}{\sqrt{v_B + \epsilon}} + \beta \tag{21.2}$$
#
# That is how it works in training. In `predict` it takes running averages of earlier batches instead, and for a fresh
# network they are 0 and 1. So the static above was drawn with `training=True`.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (21.2): Keras in training and in inference
norm = layers.BatchNormalization(epsilon=1e-3)
norm.build((None, 4))
norm.gamma.assign([2.0, 0.5, 1.0, 3.0])
norm.beta.assign([0.5, -1.0, 0.0, 2.0])
scale, shift = np.array([2, 0.5, 1, 3]), np.array([0.5, -1, 0, 2])
h = rng.normal(3, [1, 2, 0.1, 5], size=(50, 4)).astype("float32")
by_hand = scale * (h - h.mean(axis=0)) / np.sqrt(h.var(axis=0) + 1e-3) + shift
fresh = np.allclose(norm(h), scale * h / np.sqrt(1.001) + shift, atol=1e-4)
claim("in training it is the formula", np.allclose(norm(h, training=True), by_hand, atol=1e-4))
claim("a fresh layer in inference lets all pass, but for γ and β", fresh)

# %% [markdown]
# In training the formula holds, and a fresh layer in inference changes nothing but scale and shift.
#
# The design follows DCGAN (Radford and others, 2016), with four changes: dense layers draw 32 maps of 8 × 8 first, as
# heads lie in the middle and dense layers know where they are; the network is small; the discriminator has no batch
# normalisation, which would compare an image with its batch; and maps of orders can come in (`wishes`, section 5).
# `normed` is batch normalisation, then ReLU.

# %%
from medlib.models.gan import concatenate, normed
from medlib.models.inputs import check_sides


# %% tags=["medlib:models.gan.build_generator"]
def build_generator(shape, latent, wishes=0, width=32, hidden=128, activation="tanh"):
    check_sides(shape, 4)
    z, wish = keras.Input((latent,)), keras.Input((*shape[:2], wishes))
    small = (shape[0] // 4, shape[1] // 4, width)
    h = normed(layers.Dense(hidden, use_bias=False)(z))
    h = layers.Dense(int(np.prod(small)), use_bias=False)(h)
    h = layers.Reshape(small)(normed(h))
    for pool, filters in ((4, width), (2, width // 2)):
        coarse = [layers.AveragePooling2D(pool)(wish)] if wishes else []
        h = concatenate([h, *coarse])
        stamp = {"strides": 2, "padding": "same", "use_bias": False}
        h = normed(layers.Conv2DTranspose(filters, 4, **stamp)(h))
    h = concatenate([h, wish] if wishes else [h])
    image = layers.Conv2D(shape[2], 3, padding="same", activation=activation)(h)
    return keras.Model([z, wish] if wishes else z, image)


# %% [markdown]
# The discriminator halves the image three times and ends in one **logit**.


# %% tags=["medlib:models.gan.build_discriminator"]
def build_discriminator(shape, wishes=0, width=24):
    check_sides(shape, 8)
    image, wish = keras.Input(shape), keras.Input((*shape[:2], wishes))
    h = layers.Concatenate()([image, wish]) if wishes else image
    for factor in (1, 2, 4):
        h = layers.Conv2D(width * factor, 4, strides=2, padding="same")(h)
        h = layers.LeakyReLU(negative_slope=0.2)(h)
    logit = layers.Dense(1)(layers.Flatten()(h))
    return keras.Model([image, wish] if wishes else image, logit)


# %% [markdown]
# ### Your turn
#
# **21.1** How many parameters has a transposed convolution with 4 × 4 weights from 32 to 16 channels and *without*
# bias, together with the batch normalisation behind it? (Count what is learnt, and what is only kept: $\gamma$, $\beta$
# and the two running averages, one of each per channel.)

# %%
counted = ...  # a whole number
check("21.1", counted)

# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 21.1
counted = 4 * 4 * 32 * 16 + 4 * 16
check("21.1", counted)
last = build_generator(SHAPE, LATENT).layers[-4:-2]
claim("Keras counts the same in the second transposed convolution and its norm", sum(layer.count_params() for layer in last) == counted, counted)

# %% [markdown]
# ## 2. The game in twenty lines
#
# The losses are those of notebook 20, $-V$ for the discriminator and $-\log D$ for the generator. Two tapes watch one
# forward pass, and each optimiser gets the gradient of its own loss for its own network. (`Game` is a `keras.Model`
# whose `compile` takes two optimisers; `joined` adds an order where there is one, `record` keeps running means.)

# %% tags=["medlib:models.gan.GAN", "long"]
class GAN(Game):
    def __init__(self, generator, discriminator, seed=0):
        super().__init__()
        self.generator, self.discriminator = generator, discriminator
        self.seed, self.noise = seed, keras.random.SeedGenerator(seed)
        self.trackers = [keras.metrics.Mean(name) for name in ("d_loss", "g_loss")]

    def call(self, inputs, training=False):
        return self.generator(inputs, training=training)

    def d_loss(self, real, forged, wish, training):
        genuine = self.discriminator(joined(real, wish), training=training)
        return discriminator_loss(genuine, forged)

    def losses(self, real, wish, training):
        z = keras.random.normal((tf.shape(real)[0], self.latent), seed=self.noise)
        fake = self.generator(joined(z, wish), training=training)
        forged = self.discriminator(joined(fake, wish), training=training)
        return self.d_loss(real, forged, wish, training), generator_loss(forged)

    def train_step(self, data):
        with tf.GradientTape() as tape_D, tf.GradientTape() as tape_G:
            d_loss, g_loss = self.losses(*self.parts(data), training=True)
        G = self.generator.trainable_variables
        D = self.discriminator.trainable_variables
        self.d_optimizer.apply(tape_D.gradient(d_loss, D), D)
        self.g_optimizer.apply(tape_G.gradient(g_loss, G), G)
        return record(self.trackers, (d_loss, g_loss))


# %% [markdown]
# One step with one player's step size at 0 must move the other player, and nobody else.
# And a fresh discriminator, who says about one half to everything, must pay about $\log 4$, and the generator $\log 2$.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
moves, first = {}, {}
for player, rates in {"generator": (1e-3, 0.0), "discriminator": (0.0, 1e-3), "nobody": (0.0, 0.0)}.items():
    game = GAN(build_generator(SHAPE, LATENT), build_discriminator(SHAPE))
    game.compile(*(keras.optimizers.Adam(rate) for rate in rates))
    before = {name: getattr(game, name).get_weights()[:] for name in ("generator", "discriminator")}
    learnt = {name: [w.numpy() for w in getattr(game, name).trainable_variables] for name in before}
    first = {name: float(value) for name, value in game.train_step(tf.constant(x_train[:256])).items()}
    for name, old in learnt.items():
        now = [w.numpy() for w in getattr(game, name).trainable_variables]
        moves[player, name] = max(abs(a - b).max() for a, b in zip(now, old, strict=True))
claim("the generator's step moves the generator", moves["generator", "generator"] > 1e-4, moves["generator", "generator"])
claim("and leaves the discriminator where it is", moves["generator", "discriminator"] == 0.0, moves["generator", "discriminator"])
claim("the discriminator's step moves the discriminator", moves["discriminator", "discriminator"] > 1e-4, moves["discriminator", "discriminator"])
claim("and leaves the generator where it is", moves["discriminator", "generator"] == 0.0, moves["discriminator", "generator"])
started = abs(first["d_loss"] - np.log(4)) < 0.25 and abs(first["g_loss"] - np.log(2)) < 0.25
claim("the losses start near log 4 = 1.386 and log 2 = 0.693", started, list(first.values()))

# %% [markdown]
# Each player moves by a thousandth where he should, and by exactly 0 where he should not. Keep this test for section 8.

# %% [markdown]
# ## 3. What to watch
#
# Both losses depend on the other player's skill, so neither says how good the drawings are. We need a judge who is no
# player. He is a network that outlines lesions, trained on the masks of the school patients. From his outline we
# read the *kind* of the largest lesion (healthy, if none fills four pixels), its *side* and its *size*. And 64 numbers
# inside him, the **features**, say in his own terms what a scan looks like (`seen`, standardised on the school).
# Notebook [22 Judging images](22_judging_images.ipynb) takes him apart, and every score that rests on him.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from medlib.models import judge as judges

judge = judges.compile_judge(judges.build_judge(SHAPE, 4), steps=600)
masks = both_ways(school.masks)
judges.fit_judge(judge, both_ways(x_school), masks, np.tile(school.y, 2))
own = judges.features(judge, x_school)
centre, spread = decide("scale of the features", (own.mean(axis=0), own.std(axis=0)))


def seen(images):
    """What the judge sees in each image: 64 standardised features."""
    return (judges.features(judge, images) - centre) / spread


# %% [markdown]
# Two measures of a heap of drawings are enough for this page. The **Fréchet distance** compares two clouds of features by
# their means and covariances; smaller is better. **Coverage** is the share of real scans that have a drawing close by
# (as close as their fifth real neighbour); larger is better. What real scans of other patients reach is the **floor**.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from medlib.metrics import bootstrap, density_coverage, fid, memorisation, proportion, score_table

real, N = seen(x_test), len(x_test)
groups = np.unique(train.groups)
others = np.isin(train.groups, rng.choice(groups, len(np.unique(test.groups)), replace=False))
floor = fid(real, seen(x_train[others]))
top = density_coverage(real, seen(x_train[others]))[1]
found_real = judges.findings(judge, x_test)
kind_real = bootstrap(lambda y, p: np.mean(y == p), test.y, found_real[0], test.groups, n=500)
fog = fid(real, seen(rng.uniform(-1, 1, x_test.shape)))
claim("on patients of the test part the judge names more than 80 of 100 kinds", kind_real.low > 0.8, kind_real)
claim("real scans of other patients are 0.5 to 5 away from the test part, and cover more than six of ten", 0.5 < floor < 5 and top > 0.6, [floor, top])
claim("noise on a screen is more than a thousand away", fog > 1000, fog)

# %% [markdown]
# Real scans of other patients reach 2 to 3 and cover about seven of ten. Unrelated heads would do a little better.
#
# ## 4. Three ways to calm the game
#
# Notebook 20 showed why two players circle. Ours move at the same time, since one forward pass then serves both, and such
# players spiral outwards. There are three remedies: a falling step size, friction, and an average. Friction is **R1**,
# the squared slope of the discriminator at real images, now over all pixels:
#
# $$R_1 = \frac{\gamma}{2}\; \mathbb{E}_{x \sim p_\text{data}} \bigl\|\nabla_x \operatorname{logit} D(x)\bigr\|^2 \tag{21.3}$$
#
# ($\gamma$ is a weight here, not that of (21.2).) The slope of a slope is dear, so in `medlib` four images of a batch
# pay for all. The game below takes a light friction, $\gamma = 0.1$.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (21.3): the slope with respect to each of 1024 pixels, by central differences
D = gan.build_discriminator(SHAPE)
two, h = x_train[[0, 1000]].astype("float64"), 1e-2
nudges = np.eye(1024).reshape(-1, *SHAPE) * h
slopes = [np.asarray(D(x + nudges) - D(x - nudges))[:, 0] / (2 * h) for x in two]
automatic = float(gan.r1(D, tf.constant(two, tf.float32), gamma=3.0))
by_hand = 3.0 / 2 * np.mean(np.sum(np.square(slopes), axis=1))
claim("half of γ times the mean over images of the summed squares", abs(automatic / by_hand - 1) < 0.02, automatic)

# %% [markdown]
# The third way leaves the game alone and looks at it differently. If the weights $w$ run round a point, that point is
# their **average**. Keep a running one (Yazıcı and others, 2019):
#
# $$\bar w_t = a\,\bar w_{t-1} + (1 - a)\,w_t, \qquad
# \text{a circle with angle } \omega \text{ a step shrinks to the fraction } \frac{1 - a}{|1 - a\,e^{-i\omega}|} \tag{21.4}$$
#
# (Points of the plane as complex numbers.) It looks back over about $1/(1-a)$ steps: a hundred for $a = 0.99$. Keras
# keeps such an average if an optimiser is told `use_ema=True`. Ours, `SteadyGAN`, averages the statistics of batch
# normalisation as well: averaged weights would meet those of another network otherwise.
#
# ### Your turn
#
# **21.2** Write the running average of a list of numbers: the first average is the list's own first value; each further
# one is the share $a$ of the *average* before it plus the share $1-a$ of the new value.


# %%
def running_average(values, a):
    """The averages of (21.4), one for each value."""
    return ...  # your code


check("21.2", running_average)


# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 21.2
def running_average(values, a):
    """The averages of (21.4), one for each value."""
    averages = [values[0]]
    for w in values[1:]:
        averages.append(a * averages[-1] + (1 - a) * w)
    return np.array(averages)


check("21.2", running_average)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (21.4): weights on a circle, their running average, and Keras's own
turns = np.arange(5000)
for a, omega in ((0.99, 0.01), (0.99, 0.1), (0.9, 0.1), (0.9, 1.0)):
    radius = abs(running_average(np.exp(1j * omega * turns), a)[-1])
    formula = (1 - a) / abs(1 - a * np.exp(-1j * omega))
    claim(f"a = {a}, ω = {omega}: the circle shrinks to {formula:.3f}", abs(radius - formula) < 1e-3, radius)
weight, walk = keras.Variable([0.0]), []
sgd = keras.optimizers.SGD(1.0, use_ema=True, ema_momentum=0.9)
sgd.build([weight])
for push in rng.normal(size=20):
    sgd.apply([tf.constant([push], tf.float32)], [weight])
    walk.append(float(weight.numpy()[0]))
sgd.finalize_variable_values([weight])
same = abs(float(weight.numpy()[0]) - running_average(walk, 0.9)[-1]) < 1e-5
claim("Keras's use_ema keeps the same average", same, float(weight.numpy()[0]))

# %% [markdown]
# ## 5. Orders
#
# So far the noise decides what is drawn. Now an **order** $c$ goes with it: a map of the head with three channels, one
# for each kind of lesion, 1 where the lesion is wanted. A healthy head is the empty map. Both players see it, and the
# detective is asked a sharper question: is this a real scan *with this lesion there*? (Mirza and Osindero, 2014; with
# maps: Isola and others, 2017.)
#
# $$V(D, G) = \mathbb{E}_{(x, c)}[\log D(x, c)] + \mathbb{E}_{c, z}[\log(1 - D(G(z, c), c))], \qquad
# D^*(x, c) = \frac{p(x \mid c)}{p(x \mid c) + p_g(x \mid c)} \tag{21.5}$$
#
# Now a generator that ignores its orders is caught, even if its drawings as a heap are perfect.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (21.5): two orders, the second three times as frequent, and a forger who never listens
from scipy import stats

grid, often = np.linspace(-8, 8, 3201), np.array([[0.25], [0.75]])
p = np.stack([stats.norm(-1, 1).pdf(grid), stats.norm(2, 1.5).pdf(grid)])  # real, order 0 and order 1
q = np.stack([(often * p).sum(axis=0)] * 2)  # he draws the right heap whatever is ordered


def earns(D):
    """V of (21.5) by integration."""
    return np.trapezoid(often * (p * np.log(D) + q * np.log(1 - D)), grid).sum()


best = p / (p + q)
rivals = [1 / (1 + np.exp(-(np.log(p / q) + a * np.sin(b * grid)))) for a, b in rng.uniform(0.05, 3, (100, 2))]
claim("a hundred other discriminators earn less than D*", max(map(earns, rivals)) < earns(best), earns(best))
deaf = earns(np.full_like(p, 0.5))  # all that is left to one who does not see the order, as both heaps agree
claim("who does not see the order earns -log 4, who sees it more", abs(deaf + np.log(4)) < 1e-4 and earns(best) > deaf + 0.05, deaf)

# %% [markdown]
# The detective learns to listen faster if he also sees **pairs that do not fit**: a real scan with another scan's order
# (Reed and others, 2016). Of all pairs that he should refuse, let a share $m$ be of this sort. Then
#
# $$D^*(x, c) = \frac{p(x \mid c)}{p(x \mid c) + (1 - m)\, p_g(x \mid c) + m\, p(x)} \tag{21.6}$$
#
# where $p(x)$ is the density of real scans whatever the order. It is not free. If the forger draws exactly $p(x \mid c)$,
# $D^*$ still says less than one half wherever $x$ is likelier among all scans than under its own order. He is pushed
# away from there: he
# **exaggerates**.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (21.6): the best answer at each x by search, and where it pushes a forger who draws the truth
m, everyone = 0.3, (often * p).sum(axis=0)
q = np.stack([stats.norm(0, 2).pdf(grid), stats.norm(3, 1.5).pdf(grid)])  # a poor forger, who listens a little
answers = np.linspace(0.001, 0.999, 999)[:, None, None]
pay = p * np.log(answers) + ((1 - m) * q + m * everyone) * np.log(1 - answers)
found = answers[pay.argmax(axis=0), 0, 0]
formula = p / (p + (1 - m) * q + m * everyone)
claim("D* is the best of 999 answers everywhere", np.all(abs(found - formula) < 0.002))
true = p / (p + (1 - m) * p + m * everyone)  # the forger draws p(x|c); order 0 is the hill at -1, order 1 at 2
other, beyond = abs(grid - 2).argmin(), abs(grid + 2.5).argmin()
claim("on the hill of the other order an honest forger earns little", true[0, other] < 0.2, true[0, other])
claim("on the far side of his own, more than one half", true[0, beyond] > 0.52, true[0, beyond])

# %% tags=["medlib:models.gan.ConditionalGAN"]
from medlib.models.gan import SteadyGAN, mean, softplus


class ConditionalGAN(SteadyGAN):
    mismatch = 0.5

    def d_loss(self, real, forged, wish, training):
        other = [tf.roll(c, 1, axis=0) for c in wish]
        misfit = self.discriminator(joined(real, other), training=training)
        shift = mean(softplus(misfit)) - mean(softplus(forged))
        return super().d_loss(real, forged, wish, training) + self.mismatch * shift


# %% [markdown]
# (`roll` gives each image its neighbour's order.)
#
# ## 6. One game
#
# A forger has two things to learn: what a head is, and what makes a picture look real. Most of the first needs no game.
# We take it from a linear machine, and leave to the game what that one cannot do.
#
# ### Anatomy: a pose and a sketch
#
# In a scanner no head lies straight: ours are turned by a few degrees, and moved by half a centimetre. `pose` measures
# angle and shifts, `straighten` takes them out. How healthy heads still differ has main directions, the **principal
# components**. The mean head, plus sixteen directions times as many **scores**, is a *sketch*. Where a lesion lies the
# mean stands in, so scores depend little on it.

# %% tags=["medlib:models.gan.linear_sketch"]
from sklearn.decomposition import PCA


def linear_sketch(upright, lesion, healthy, scores=16):
    flat = upright.reshape(len(upright), -1)
    pca = PCA(scores, whiten=True, svd_solver="covariance_eigh").fit(flat[healthy])
    axes = pca.components_ * np.sqrt(pca.explained_variance_)[:, None]
    unseen = np.broadcast_to(lesion, upright.shape).reshape(flat.shape)
    return pca.mean_, axes, pca.transform(np.where(unseen, pca.mean_, flat))


# %% [markdown]
# Scores come in units of one standard deviation (*whitened*). So do angle and shifts, and together they are the
# **code** of a scan: 19 numbers. New codes mix two training scans: their sum over $\sqrt 2$ has the same variance.

# %%
from medlib.models.pose import pose, straighten, turn

order_book = both_ways(lesion_maps(train.masks, train.y))
light = (x_both + 1) / 2  # black is 0, as pose wants it
lies = decide("how heads lie", pose(light))
lesion = turn(order_book.max(axis=-1, keepdims=True), lies, back=True).numpy() > 0.1
upright = 2 * straighten(light, lies) - 1
usual, axes, scores = linear_sketch(upright, lesion, np.tile(train.y == 0, 2))
decide("the sketch", (usual, axes))
code = np.concatenate([(lies - lies.mean(axis=0)) / lies.std(axis=0), scores], axis=1)

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Two rows of eight. Above, simulated healthy head CT slices, made upright. Below, their sketches: the same outlines, all soft, with a haze where the ventricles are and a blurred skull."}} tags=["hide-input"]
heads = 2 * straighten((x_test[test.y == 0] + 1) / 2).reshape(-1, 1024) - 1
sketches = usual + (heads - usual) @ axes.T / np.sum(axes**2, axis=1) @ axes
explained = 1 - np.mean((heads - sketches) ** 2) / np.mean((heads - usual) ** 2)
eight = rng.choice(len(heads), 8, replace=False)
ax = plot.mosaic(np.concatenate([heads[eight], sketches[eight]]).reshape(-1, *SHAPE), 8, vmin=-1, vmax=1)
ax.set_title("Simulated: upright healthy test scans; below, their sketches by 16 scores")
plt.show()
claim("in heads of other patients, sixteen scores explain half or more of what differs from the mean", explained > 0.5, explained)

# %% [markdown]
# The sketches have the right outline and shading. Everything in them is soft, and ventricles are a haze.
# (A dark spot in a healthy scan is an old infarct: in no map, and counted as healthy.)
#
# ### The network draws over it
#
# `build_generator` of section 1 now sees the sketch beside the order turned upright, and hands out 8 maps in place of
# an image. Maps and sketch are turned together: for each pixel `Turn` looks up where it came from, between four
# pixels, and so passes gradients on (a *spatial transformer*; Jaderberg and others, 2015). Two convolutions then
# change the turned sketch. tanh comes last, and undoes `arctanh`; 0.97 keeps that finite. (`sketched` is a dense
# layer that holds mean and directions and never trains.)

# %% tags=["medlib:models.gan.build_sketching_generator"]
from medlib.models.gan import Turn, sketched


def build_sketching_generator(shape, latent, wishes, poses, usual, axes):
    z, wish = keras.Input((latent,)), keras.Input((*shape[:2], wishes))
    scale = {"mean": poses.mean(axis=0), "variance": poses.var(axis=0)}
    place = layers.Normalization(invert=True, **scale)(z[:, :3])
    sketch = sketched(z[:, 3 : 3 + len(axes)], shape, usual, axes)
    guide = concatenate([Turn(back=True)([wish, place]), sketch])
    maps = (*shape[:2], 8)
    inner = build_generator(maps, latent - 3, guide.shape[-1], activation="relu")
    line = keras.ops.arctanh(0.97 * sketch)
    turned = Turn()([concatenate([inner([z[:, 3:], guide]), line]), place])
    view = concatenate([turned, wish])
    h = normed(layers.Conv2D(16, 3, padding="same", use_bias=False)(view))
    change = layers.Conv2D(shape[2], 3, padding="same")(concatenate([h, wish]))
    return keras.Model([z, wish], layers.Activation("tanh")(turned[..., 8:] + change))


# %% [markdown]
# ### Two prices
#
# We know the code of each training scan. So in training the forger draws *that* head with that lesion, and pays twice:
# for being found out, and for each pixel's distance to the scan $x$ (Isola and others, 2017). With $z$ the code
# of $x$, then noise, $d$ pixels, and $\lambda = 30$,
#
# $$L_G = \mathbb{E}\Bigl[-\log D(G(z, c), c) + \frac{\lambda}{d} \textstyle\sum_i |x_i - G(z, c)_i|\Bigr] \tag{21.7}$$
#
# Why not that likeness alone? Code and order do not fix the grain, so its best answer in each pixel is a **median**,
# without texture.

# %% tags=["medlib:models.gan.SketchGAN"]
class SketchGAN(ConditionalGAN):
    likeness, wants_codes = 30.0, True

    def losses(self, real, asked, training):
        wish, code = asked
        missing = (tf.shape(real)[0], self.latent - code.shape[1])
        noise = keras.random.normal(missing, seed=self.noise)
        z = tf.concat([code, noise], axis=1)
        fake = self.generator([z, wish], training=training)
        forged = self.discriminator([fake, wish], training=training)
        g_loss = generator_loss(forged) + self.likeness * mean(tf.abs(fake - real))
        return self.d_loss(real, forged, [wish], training), g_loss


# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (21.7): with all of z given, the game's loss is the formula; and the best answer to a distance is a median
game = SketchGAN(build_sketching_generator(SHAPE, LATENT, 3, lies, usual, axes), build_discriminator(SHAPE, 3))
z, c, x = (tf.constant(a, tf.float32) for a in (rng.normal(size=(6, LATENT)), order_book[:6], x_both[:6]))
drawn = game.generator([z, c])
odds = 1 / (1 + np.exp(-np.asarray(game.discriminator([drawn, c]))))
by_hand = np.mean(-np.log(odds)) + 30 / 1024 * np.mean(np.abs(x - drawn).sum(axis=(1, 2, 3)))
says = float(game.losses(x, [c, z], training=False)[1])
claim("the generator's loss is the formula", abs(says / by_hand - 1) < 1e-4, says)
waits, answers = rng.lognormal(size=999), np.linspace(0, 5, 5001)
best = answers[np.abs(waits - answers[:, None]).mean(axis=1).argmin()]
between = abs(best - np.median(waits)) < 0.01 < abs(best - waits.mean())
claim("the nearest answer to 999 skew numbers is their median, not their mean", between, best)

# %% [markdown]
# ### Sixteen scans a step
#
# 700 steps of sixteen scans, each with its own code and its own lesions as its order. Adam's step size falls along a
# cosine from 0.003 to a quarter. Every 175 steps a folded watcher draws to the orders of the school's patients, always
# from the same new codes and noise.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
def new_heads(n):
    """Noise for n drawings; its first numbers, the code, mix the codes of two training scans."""
    z = rng.normal(size=(n, LATENT)).astype("float32")
    z[:, : code.shape[1]] = code[rng.integers(len(code), size=(2, n))].sum(axis=0) / np.sqrt(2)
    return z


fixed = new_heads(N)
groups = np.unique(school.groups)
book = lesion_maps(school.masks, school.y)[np.isin(school.groups, rng.choice(groups, N // 4, replace=False))]
notes = {"step": [], "as it stands": [], "average": [], "d_loss": [], "g_loss": []}


def look(batch, logs):
    """The losses, means since their round began; every 175 steps the distance of both generators' drawings."""
    step = int(artist.g_optimizer.iterations)
    notes["d_loss"].append(float(logs["d_loss"]))
    notes["g_loss"].append(float(logs["g_loss"]))
    if step % 175 == 0:
        notes["step"].append(step)
        for name in ("as it stands", "average"):
            drawn = gan.generate(artist, fixed, book, steady=name == "average")
            notes[name].append(fid(real, seen(drawn)))


watcher = keras.callbacks.LambdaCallback(on_train_batch_end=look)

# %%
sketcher = build_sketching_generator(SHAPE, LATENT, 3, lies, usual, axes)
artist = SketchGAN(sketcher, build_discriminator(SHAPE, 3), gamma=0.1)
gan.compile_gan(artist, steps=700)
history = gan.fit_gan(artist, x_both, order_book, code, callbacks=[watcher])

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Two panels over the steps of the game. Left: both losses over the steps. Right: the Fr\u00e9chet distance on a logarithmic axis, of the generator as it stands and of its average, falls towards ten or less, above the dotted floor of real scans at 2."}} tags=["hide-input"]
fig, (left, right) = plt.subplots(1, 2, figsize=(8.6, 3.1))
for name in ("d_loss", "g_loss"):
    left.plot(running_average(notes[name], 0.98), label=name)
left.set(xlabel="step", ylabel="loss, nats (your running average)", title="What the players say")
left.legend()
for name, line in (("as it stands", "--"), ("average", "-")):
    right.semilogy(notes["step"], notes[name], line, marker=".", label=name)
right.axhline(floor, color="0.5", linestyle=":", label="real scans of others")
right.set(xlabel="step", ylabel="Fréchet distance (judge)", title="What the pictures say (simulated)")
right.legend()
right.set_yticks([2, 5, 10, 20, 50], ["2", "5", "10", "20", "50"])
right.minorticks_off()
plt.show()
fell = notes["average"][0] / notes["average"][-1]
claim("from step 175 to the end the average's distance falls to half or less", fell > 2, fell)
lag = np.array(notes["average"]) / notes["as it stands"]
claim("at last the average is as far as the generator of the moment, within a factor of two", 0.5 < lag[-1] < 2, lag)
last = notes["average"][-1]
claim("and it ends at 5 to 20, more than half of the floor above the floor", max(5, 1.5 * floor) < last < 20, [last, floor])

# %% [markdown]
# The average lags at first, since it holds early weights, and falls to between 5 and 20, where real scans of others lie
# 1 to 4 apart; the generator of the moment swings more and ends as near. The forger's loss falls too, but it mixes both prices.
#
# ## 7. What was delivered
#
# One order for each map of the *test* patients, none of whose lesions the game has seen. The judge reads the
# drawings, and he is not told what was ordered. Beside the forger draws a twin without a detective: the same network
# and steps, no average, fixed noise. Likeness is all that it pays.

# %%
wanted = lesion_maps(test.masks, test.y)
delivered = gan.generate(artist, fixed, wanted)
found = judges.findings(judge, delivered)

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Two blocks of four rows and eight columns of simulated slices. In each block the first row shows the order as white patches, the second the soft drawing of the network that pays for likeness alone, the third the drawing of the game, the fourth the real scan whose lesion wrote the order. Above ischaemia and haemorrhage, below tumours and healthy heads."}} tags=["hide-input"]
from medlib.models.training import fit, stream

alone = build_sketching_generator(SHAPE, LATENT, 3, lies, usual, axes)
falling = keras.optimizers.schedules.CosineDecay(3e-3, 700, alpha=0.25)
alone.compile(keras.optimizers.Adam(falling, beta_1=0.5), loss="mae")
z = np.concatenate([code, rng.normal(size=(len(code), LATENT - 19))], axis=1)
rows = stream((z, order_book), x_both, batch_size=16, shuffle=True, repeat=True)
fit(alone, rows, label="likeness alone")
median_like = alone.predict([fixed, wanted], verbose=0)

area = test.masks.sum(axis=(1, 2))
shown = [rng.choice(np.flatnonzero((test.y == k) & ((area > 15) | (k == 0))), 4, replace=False) for k in (1, 2, 3, 0)]
fig, panels = plt.subplots(2, 1, figsize=(7, 7.4))
for ax, pair, title in zip(panels, (shown[:2], shown[2:]), ("ischaemia (4), haemorrhage (4)", "tumour (4), healthy (4)"), strict=True):
    rows = np.concatenate(pair)
    maps = 2 * test.masks[rows][..., None].astype("float32") - 1
    tiles = np.concatenate([maps, median_like[rows], delivered[rows], x_test[rows]])
    plot.mosaic(tiles, 8, vmin=-1, vmax=1, ax=ax)
    ax.set_title(f"Simulated. {title}: order, likeness alone, drawing, the real scan of the order", fontsize=9)
plt.show()

# %% [markdown]
# The lesions lie where they were ordered, in their shape, and tumours have rings, some of them broken. The twin
# without a detective draws the same heads without grain and with hardly a ventricle: medians. The real head below is
# another one: only the lesion was ordered.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
import pandas as pd

side = (test.frame.side == "left").to_numpy()  # the patient's left is right in the picture
ill = test.y > 0


def agreement(y, p):
    """The share that agrees."""
    return np.mean(y == p)


# two rivals without any network: a healthy training head with the lesion painted in its kind's mean grey; and the
# training scan, or its mirror image, whose lesion overlaps the order most (for a healthy head a healthy one)
healthy = rng.spawn(1)[0].choice(np.flatnonzero(train.y == 0), N)
painted, archive = x_train[healthy], x_train[healthy]
for k in (1, 2, 3):
    rows, known = np.flatnonzero(test.y == k), np.flatnonzero(np.tile(train.y, 2) == k)
    asked, have = wanted[rows][..., k - 1].reshape(len(rows), -1), order_book[known][..., k - 1].reshape(len(known), -1)
    dice = 2 * asked @ have.T / (asked.sum(axis=1)[:, None] + have.sum(axis=1) + 1e-9)
    archive[rows] = x_both[known[dice.argmax(axis=1)]]
    painted[wanted[..., k - 1] > 0] = x_both[order_book[..., k - 1] > 0].mean()
    assert np.ptp(painted[wanted[..., k - 1] > 0]) == 0, "each lesion is painted, in one grey"


def marks(reading):
    """Kind and side as they are or were ordered, size, and lesions seen in healthy heads; by patient."""
    kind, right, size = reading
    return {
        "kind": bootstrap(agreement, test.y, kind, test.groups, n=500),
        "side": bootstrap(agreement, side[ill], right[ill], test.groups[ill], n=500),
        "size, correlation": round(np.corrcoef(size[ill], area[ill])[0, 1], 2),
        "healthy, lesion seen": bootstrap(agreement, np.ones(np.sum(~ill)), kind[~ill] > 0, test.groups[~ill], n=500),
    }


found_archive = judges.findings(judge, archive)
found_alone, found_painted = judges.findings(judge, median_like), judges.findings(judge, painted)
readings = {"real scans": found_real, "painted head": found_painted, "likeness alone": found_alone}
readings |= {"drawn to order": found, "archive": found_archive}
table = {name: marks(reading) for name, reading in readings.items()}
kinds = {name: reading[0] for name, reading in readings.items() if name != "real scans"}
against = {name: score_table(kinds, test, name, {"kind": agreement}, n=500).loc["drawn to order"].iloc[1] for name in kinds if name != "drawn to order"}
gap = table["drawn to order"]["healthy, lesion seen"].value - table["real scans"]["healthy, lesion seen"].value
obeys = table["drawn to order"]["kind"]
claim("the judge sees the ordered kind in more than eight of ten drawings", obeys.value > 0.8, obeys)
ahead = min(against["likeness alone"].low, against["painted head"].low)
claim("that is more often than in the twin's and in painted heads, intervals without 0", ahead > 0, ahead)
claim("and an archive of the training patients delivers it as often, or up to 16 points more often", -0.16 < against["archive"].value < 0.05, against["archive"])
claim("and the ordered side", table["drawn to order"]["side"].low > 0.8, table["drawn to order"]["side"])
claim("in drawings ordered healthy he sees a lesion at most 30 points more often than in real ones", -0.1 < gap < 0.3, gap)
bigger = table["drawn to order"]["size, correlation"]
claim("larger orders give larger lesions", bigger > 0.5, bigger)
pd.DataFrame(table).T.astype(str)

# %% [markdown]
# Eight or nine of ten drawings are read as what was ordered, nearly all on the ordered side, and larger orders give
# larger lesions. In drawings ordered healthy the judge sees a lesion more often than in real healthy scans, where he
# errs, or sees an old infarct. Only the difference can be the forger's.
#
# Three rows rival him. The twin without a detective obeys less. So does the **painted head**, a healthy training scan
# with each lesion in its kind's mean grey: an infarct or a tumour is no patch. But the **archive**, which hands out
# the training scan, or its mirror image, whose lesion overlaps the order most, obeys as well, or better by up to 16
# points. Obedience alone is no merit.
#
# ### Beside simple rivals
#
# And as pictures? A **copyist** joins them, who hands out any training scans as his own.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from scipy.spatial.distance import cdist

copies = x_train[rng.choice(len(x_train), N, replace=False)]
heaps = {"painted head": painted, "likeness alone": median_like, "GAN": delivered, "archive": archive, "copies": copies}
heaps["real, other patients"] = x_train[others]
radius = np.sort(cdist(real, real), axis=1)[:, 5]
cloud = {name: seen(images.astype("float32")) for name, images in heaps.items()}
rivals = {}
for name, rows in cloud.items():
    near = (cdist(real, rows) < radius[:, None]).any(axis=1)
    distance = bootstrap(lambda y, p, rows=rows: fid(p, rows), test.y, real, test.groups, n=40)
    covered = bootstrap(lambda y, p: np.mean(p), test.y, near, test.groups, n=500)
    rivals[name] = {"Fréchet distance": fid(real, rows), "spread when patients are redrawn": f"{distance.low:.1f} to {distance.high:.1f}", "coverage": covered}
far = {name: row["Fréchet distance"] for name, row in rivals.items()}
copied = memorisation(seen(x_train[others]), real, cloud["GAN"])
claim("drawings are nearer to training scans than to as many test scans in half of cases, within a fifth", abs(copied.value - 0.5) < 0.2, copied)
wide = rivals["GAN"]["coverage"].value - rivals["likeness alone"]["coverage"].value
near = far["GAN"] < far["likeness alone"] and far["painted head"] < 1.3 * far["GAN"]
claim("the GAN covers more than likeness alone, and is nearer; painted heads are as near or nearer", near and wide > 0.05, [wide, *far.values()])
showing = max(far["copies"], far["archive"])
claim("and who shows training scans, copyist or archive, beats it", showing < far["GAN"], showing)
pd.DataFrame(rivals).T.map(lambda v: f"{v:.1f}" if isinstance(v, float) else str(v))

# %% [markdown]
# The twin is farther than the GAN and covers less: ventricles and grain come from the game. Painted heads are as near
# or nearer, since all but a patch of them is real; copyist and archive are nearer still, for they only show real
# scans. A measure that praises them cannot be the only one: notebook [22](22_judging_images.ipynb). (Redrawing
# repeats patients and adds about one: a value may lie outside its spread.)
#
# Is the forger a copyist too? He was paid to redraw training scans. Of his drawings about half lie nearer to a training
# scan than to any of as many test scans: in these features nothing says copy. That is no proof of privacy.
#
# ## 8. The listing that never trains
#
# Many books train a GAN without a tape: compile the discriminator, freeze it, compile generator and frozen discriminator
# as one stacked model, then train both in turn. With Keras 3, this happens.

# %%
D, G = gan.build_discriminator(SHAPE), gan.build_generator(SHAPE, LATENT)
loss = keras.losses.BinaryCrossentropy(from_logits=True)
D.compile("adam", loss)
D.trainable = False
stacked = keras.Sequential([G, D])
stacked.compile("adam", loss)
before, drawn = D.get_weights(), G.predict(fixed[:16], verbose=0)
pairs = np.concatenate([x_train[:16], drawn])
labels = np.repeat([1.0, 0.0], 16)[:, None]


def one_round():
    D.train_on_batch(pairs, labels)
    stacked.train_on_batch(fixed[:16], np.ones((16, 1)))


# %% jupyter={"source_hidden": true} tags=["hide-input"]
import warnings

with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    for _ in range(3):
        one_round()
shift = max(abs(a - b).max() for a, b in zip(D.get_weights(), before, strict=True))
moved = abs(G.predict(fixed[:16], verbose=0) - drawn).max()
slept = shift == 0.0 and moved > 1e-3
claim("in three rounds drawings change, and the discriminator has not moved at all", slept, [shift, moved])
claim("Keras warned, and went on", "trainable" in str(warned[0].message), len(warned))

# %% [markdown]
# It returns losses and no error, and drawings change. But the detective is asleep: he has moved by exactly 0. In Keras 3
# the flag `trainable` is read when a model first trains, not when it is compiled, and the discriminator first trains
# after it was frozen. The forger pleases a network of random weights. The test of section 2 finds this in one step:
# **let one player move, and look who moved.**

# %% [markdown]
# ## 9. Your order
#
# ### Your turn
#
# **21.3** Write an order: a map with a disc of one kind. Row 0 is in front, column 0 is the right of the patient. A
# pixel belongs to the disc if its distance from (`row`, `column`) is at most `radius`, all in pixels of 7 mm; it gets 1
# in channel `kind - 1`. (`np.mgrid[:32, :32]` gives the rows and columns of all pixels.)


# %%
def disc(kind, row, column, radius):
    """An order, shape (32, 32, 3)."""
    return ...  # your code


check("21.3", disc)


# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 21.3
def disc(kind, row, column, radius):
    """An order, shape (32, 32, 3)."""
    rows, columns = np.mgrid[:32, :32]
    order = np.zeros((32, 32, 3), "float32")
    order[..., kind - 1] = np.hypot(rows - row, columns - column) <= radius
    return order


check("21.3", disc)

# %% [markdown]
# The lecturer's forty bleeds: deep on the left, which is right in the picture, of four sizes.

# %%
radii = np.repeat([1.5, 2.25, 3.0, 3.75], 10)
rows, columns = 16 + rng.uniform(-2, 2, 40), 20 + rng.uniform(-0.5, 1, 40)
places = np.stack([rows, columns, radii], axis=1)
discs = np.stack([disc(2, *place) for place in places])
forty = gan.generate(artist, new_heads(40), discs)
kind, right, size = judges.findings(judge, forty)

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Four rows of ten drawn head CT slices, each with a bright bleed right of the middle of the picture, growing from row to row."}} tags=["hide-input"]
ax = plot.mosaic(forty, 10, vmin=-1, vmax=1)
ax.set_title("Simulated: forty bleeds to order; radius 10, 16, 21, 26 mm")
plt.show()
bleeds, left = proportion(np.sum(kind == 2), 40), proportion(np.sum(right), 40)
asked = discs.sum(axis=(1, 2, 3))
claim("most are bleeds to the judge, interval included", bleeds.low > 0.5, bleeds)
claim("most lie on the patient's left", left.low > 0.75, left)
claim("who asks for more gets more", np.corrcoef(asked, size)[0, 1] > 0.5, np.corrcoef(asked, size)[0, 1])

# %% [markdown]
# Forty bleeds, growing from row to row, nearly all on the patient's left, and round as the discs. Unnatural orders are
# followed, too. A skull or two may be torn.
#
# Draw your own, and ask for something impossible.

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Five drawn head CT slices with one and the same order, a bleed right of the middle of the picture."}} tags=["hide-input"]
from ipywidgets import Dropdown, FloatSlider, interact

five = new_heads(5)


@interact(
    kind=Dropdown(options=[(name, k) for k, name in enumerate(scans.classes) if k], value=2),
    row=FloatSlider(16, min=4, max=28, step=1, description="row"),
    column=FloatSlider(20, min=6, max=26, step=1, description="column"),
    radius=FloatSlider(3, min=0, max=6, step=0.5, description="radius"),
)
def order_one(kind, row, column, radius):
    """Five heads with the same lesion."""
    order = np.repeat(disc(kind, row, column, radius)[None], 5, axis=0)
    plot.mosaic(gan.generate(artist, five, order), 5, vmin=-1, vmax=1).set_title("Simulated: five heads, one order")
    plt.show()


# %% [markdown]
# Run the cell: five heads appear, and the same bleed in each. Did you ask for one outside the skull, or as large as the
# head? No real map ever said that. A generator knows only what pixels look like near such maps as it has seen.
#
# | may such pictures be used to ... | | because |
# |---|---|---|
# | test that a program runs, before it may see patients | yes | shape, range and rough content are right |
# | teach what a bleed looks like | not these | 7 mm pixels show place and size, no more; sharper ones only if labelled as drawn and checked by someone who knows |
# | enlarge a training set | perhaps | only if it helps on *real* test patients: notebook 60 measures that |
# | share data "anonymously" | no | a generator can leak single patients unseen: notebook 66 |
# | count or diagnose diseases | no | the shares are those of the order book, not of any hospital, and some kinds are drawn badly |
#
# ## On real data
#
# PneumoniaMNIST: chest X-rays of children (Kermany and others, 2018; Yang and others, 2023, CC BY 4.0), padded to 32
# × 32. The order is 1 everywhere for pneumonia and −1 for normal. The judge is the classifier of notebook 15.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from medlib.data import if_ready

xray = if_ready("pneumoniamnist")
if xray is not None:
    from medlib.models.cnn import build_cnn, compile_cnn, probabilities
    from medlib.models.training import fit

    parts = dict(zip(("train", "val", "test"), xray.split(), strict=True))
    chest = {n: np.pad(p.x / 127.5 - 1, ((0, 0), (2, 2), (2, 2)), "edge")[..., None].astype("float32") for n, p in parts.items()}
    reader = compile_cnn(build_cnn(SHAPE, 1), steps=600, rate=5e-3)
    fit(reader, chest["train"], parts["train"].y, label="reader of X-rays")
    wanted = {n: np.broadcast_to(2.0 * p.y[:, None, None, None] - 1, (len(p.y), 32, 32, 1)) for n, p in parts.items()}
    lungs = gan.ConditionalGAN(gan.build_generator(SHAPE, LATENT, 1), gan.build_discriminator(SHAPE, 1))
    gan.fit_gan(gan.compile_gan(lungs, steps=1500), chest["train"], wanted["train"], label="game of X-rays")
    films = gan.generate(lungs, rng.normal(size=(len(wanted["test"]), LATENT)), wanted["test"])
    for name, images in (("real test films", chest["test"]), ("drawn to order", films)):
        right = (probabilities(reader, images) > 0.5) == parts["test"].y
        print(f"{name}: {proportion(np.sum(right), len(right))} are read as what they are, or were ordered")

# %% [markdown]
# If more drawings are read as ordered than real films are read right, the forger exaggerates, as in (21.6).
#
# ## Three questions
#
# <details><summary>Your discriminator's loss has been 1.2 for an hour. Should you stop?</summary>The loss does not say.
# In section 2's game log 4 = 1.386 is the solution, but a blind discriminator says that, too. Watch a distance of the pictures
# with its floor.</details>
#
# <details><summary>A colleague's generator has batch normalisation, and its drawings are crisp in training and fog in
# `predict`. What is wrong?</summary>In `predict` the layers take running averages, which were never updated, or belong
# to other weights: to an average, say, whose statistics were forgotten.</details>
#
# <details><summary>The judge finds the ordered kind in 95 of 100 drawings, and the true kind in 90 of 100 real scans. Is the
# forger better than nature?</summary>No. His lesions are more typical: pairs that do not fit push him to exaggerate,
# (21.6), and he leaves out the faint and odd ones that make real scans hard. A test set must have those.</details>
#
# ## In this notebook we ...
#
# - wrote a GAN in twenty lines, and proved that each player moves only his own network,
# - watched a distance of pictures, with its floor, instead of two losses,
# - left the anatomy to a linear sketch and likeness to a distance, so that the game had only the look to learn,
# - ordered lesions by kind, place and size, and measured what was delivered beside two simple rivals, and
# - saw a popular listing whose discriminator moves by exactly 0.
#
# **Pitfalls**
# - A drawing that is *more* often read as ordered than real scans are read right is exaggerated, not better.
# - Masks, codes and pairs, and one common template, make this forger's work easy.
#
# **Further reading**
# - Goodfellow and others, *Generative adversarial nets* (NeurIPS 2014). Radford, Metz and Chintala, *Unsupervised
#   representation learning with deep convolutional GANs* (ICLR 2016).
# - Mescheder, Geiger and Nowozin, *Which training methods for GANs do actually converge?* (ICML 2018): R1. Yazıcı and
#   others, *The unusual effectiveness of averaging in GAN training* (ICLR 2019).
# - Mirza and Osindero, *Conditional generative adversarial nets* (2014). Reed and others, *Generative adversarial text to
#   image synthesis* (ICML 2016): pairs that do not fit. Isola and others, *Image-to-image translation with conditional
#   adversarial networks* (CVPR 2017).
# - Shin and others, *Medical image synthesis for data augmentation and anonymization using GANs* (SASHIMI 2018): tumours
#   to order in MRI.
#
# **Next**: [22 Judging images](22_judging_images.ipynb) asks what the scores of this page praise wrongly.
