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
# # A game of two networks: what a GAN optimises
#
# After this notebook you can
# - **state** the game that a generator and a discriminator play, and derive its best discriminator and its value,
# - **choose** between four losses, having seen each of them play,
# - **tell** why training circles, and damp it, and
# - **say** when a simpler model does the same work better.
#
# | needs | read | run | data |
# |---|---|---|---|
# | [notebook 12](12_gradient_descent.ipynb), densities and means | 60 min | 60 s | simulated |
#
# On your desk lies a heap of slips. Each carries one number, a serum potassium in mmol/L. Half of the slips were
# measured in patients of a kidney unit. A forger wrote the other half; he knows the patients' mean and standard
# deviation, to the digit. The slip in your hand says 5.0. Genuine or forged?

# %%
import matplotlib.pyplot as plt
import numpy as np
from scipy import stats

from medlib.lesson import check, claim, setup

rng = setup(seed=0)

import keras
import tensorflow as tf

# %% [markdown]
# The patients are simulated, so we know their density: most lie near 4.2 mmol/L, and one in five, who has missed a
# dialysis, near 6.0.


# %%
usual, raised = stats.norm(4.2, 0.35), stats.norm(6.0, 0.4)  # mmol/L


def p_patients(x):
    """The density of the patients' potassium, per mmol/L."""
    return 0.8 * usual.pdf(x) + 0.2 * raised.pdf(x)


def draw_patients(n):
    """Potassium of n simulated patients, in mmol/L."""
    missed = rng.random(n) < 0.2
    low, high = rng.normal(4.2, 0.35, n), rng.normal(6.0, 0.4, n)
    return np.where(missed, high, low)


patients = draw_patients(5000)
forger = stats.norm(patients.mean(), patients.std())

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Above, two densities of potassium: the patients' has a tall hill at 4.2 and a low one at 6.0, the forger's is one broad hill at 4.6. Below, the probability that a slip is genuine: it rises to 0.7 at 4.1, falls to 0.15 at 5.0 and 0.1 just beyond, rises again to about 0.74 at 6.4 and ends low."}} tags=["hide-input"]
x = np.linspace(0, 9, 1801)
p, q = p_patients(x), forger.pdf(x)
fig, (top, bottom) = plt.subplots(2, 1, figsize=(6.4, 4.2), sharex=True)
top.plot(x, p, label="patients")
top.plot(x, q, "--", label="forger")
top.set(ylabel="density, per mmol/L", title="Same mean, same standard deviation (simulated)")
top.legend()
bottom.plot(x, p / (p + q), color="black")
bottom.axhline(0.5, color="0.5", linestyle=":")
bottom.axvline(5.0, color="0.5", linestyle=":")
bottom.set(xlabel="potassium, mmol/L", ylabel="P(genuine)", xlim=(2, 8), ylim=(0, 1))
plt.show()
genuine = p_patients(5.0) / (p_patients(5.0) + forger.pdf(5.0))
claim("a slip that says 5.0 is forged with a probability above 0.8", 0.8 < 1 - genuine < 0.92, 1 - genuine)

# %% [markdown]
# At 5.0 the forger's dashed curve is about six times as high as the patients'. So of seven slips that say 5.0, six are
# forged. The lower curve says this for every number; it is Bayes' theorem, which gave the predictive value of a test
# in [notebook 00](00_start_here.ipynb). Where the forger writes too much he is caught, and where he writes too little
# the genuine slips stand out.
#
# Now let the forger see that curve, and improve. Let the detective look again, and improve. That is a **generative
# adversarial network** (GAN; Goodfellow and others, 2014). Both are networks, and the forger learns to write like the
# patients *without ever seeing a patient's slip*: he sees only the detective's opinion.
#
# **What to expect.** On one number per patient the GAN works, and a mixture of two normals does it better, in a small
# part of the time: section 8. We use the small problem because here, and only here, every quantity of the theory can be
# computed and set beside what the networks do.
#
# ## 1. The forger: noise, pushed forward
#
# The **generator** $G$ takes random noise $z$, from a density $p_z$ that is easy to draw from, and turns it into a
# number (or an image) $x = G(z)$. The density of its outputs is $p_g$, the *push-forward* of $p_z$. If $G$ rises
# throughout or falls throughout, a piece of noise of width $dz$ becomes a piece of width $|G'(z)|\,dz$ and keeps its
# probability:
#
# $$x = G(z),\quad z \sim p_z \qquad\Longrightarrow\qquad p_g(x) = \frac{p_z(z)}{|G'(z)|} \tag{20.1}$$
#
# Where $G$ stretches, the density gets thin. C-reactive protein (CRP) rises with inflammation, and its logarithm is
# roughly normal: $G(z) = 3\,e^{1.2 z}$ makes simulated values with a median of 3 mg/L.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (20.1): a rising and a falling G against a library, and against a count
z = np.linspace(-3, 3, 601)
crp = 3 * np.exp(1.2 * z)
p_crp = stats.norm.pdf(z) / abs(np.gradient(crp, z))  # the slope, numerically
right = np.allclose(p_crp, stats.lognorm.pdf(crp, 1.2, scale=3), rtol=2e-2)
counted = np.mean(abs(3 * np.exp(1.2 * rng.normal(size=100_000)) - 10) < 0.5)  # share between 9.5 and 10.5 mg/L
near = abs(counted / np.interp(10, crp, p_crp) - 1) < 0.1
claim("a G that rises (CRP): scipy's log-normal, and the share that is counted", right and near, counted)
clearance = 60 * np.exp(-0.5 * z)  # creatinine clearance, mL/min: falls as z rises
p_clearance = stats.norm.pdf(z) / abs(np.gradient(clearance, z))
right = np.allclose(p_clearance, stats.lognorm.pdf(clearance, 0.5, scale=60), rtol=2e-2)
claim("a G that falls (creatinine clearance): again, and never negative", right and p_clearance.min() > 0)

# %% [markdown]
# For a network $p_g$ is rarely known; one can draw from it, and a GAN needs no more.
#
# ## 2. The detective, and the value of the game
#
# The **discriminator** $D(x)$ is a number between 0 and 1: the probability, in its opinion, that $x$ is genuine. It
# is paid the logarithm of the probability that it gave to the truth. Its average pay for a genuine slip plus its average
# pay for a forged one is the **value** of the game:
#
# $$V(D, G) = \mathbb{E}_{x \sim p_\text{data}}[\log D(x)] + \mathbb{E}_{z \sim p_z}[\log(1 - D(G(z)))] \tag{20.2}$$
#
# $D$ wants it large, $G$ wants it small: $\min_G \max_D V(D, G)$. A detective who says ½ to everything gets
# $2\log\tfrac12 = -\log 4 = -1.386$. All logarithms here are natural; their unit is the *nat*. When the densities are
# known, both averages are integrals:


# %%
def value(D, p, q, x):
    """V of (20.2) for densities p (data) and q (generator); all on the grid x."""
    return np.trapezoid(p * np.log(D) + q * np.log(1 - D), x)


# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (20.2): the integral, the average over slips, and a library's cross-entropy
from sklearn.metrics import log_loss


def bayes(x, forger=forger):
    """The probability that a slip is genuine: the lower curve of the first picture."""
    return p_patients(x) / (p_patients(x) + forger.pdf(x))


n = 50_000
for name, D in {"that curve": bayes, "a steep line": lambda x: np.clip(0.95 - 0.12 * x, 0.02, 0.98)}.items():
    real, forged = draw_patients(n), forger.rvs(n, random_state=rng)
    by_average = np.log(D(real)).mean() + np.log(1 - D(forged)).mean()
    entropy = log_loss(np.repeat([1, 0], n), D(np.concatenate([real, forged])))
    v = value(D(x), p, q, x)
    agree = abs(by_average - v) < 0.02 and abs(by_average + 2 * entropy) < 1e-9
    claim(f"{name}: V is the average pay, and −2 times the mean cross-entropy", agree, [v, by_average])

# %% [markdown]
# So $D$ is an ordinary classifier with the loss of notebook 00's logistic regression. Only the second class is
# unusual: it fights back.
#
# ## 3. The best discriminator is a ratio
#
# Fix the generator. With $p = p_\text{data}(x)$ and $q = p_g(x)$, (20.2) is the integral of
# $p \log D(x) + q \log(1 - D(x))$, and $D$ may be chosen anew at each $x$. Set the derivative to zero:
# $p/D = q/(1 - D)$. Hence
#
# $$D^*(x) = \frac{p_\text{data}(x)}{p_\text{data}(x) + p_g(x)} \tag{20.3}$$
#
# It is our curve from Bayes' theorem. (A maximum, as both logarithms are concave in $D$.)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (20.3): the best answer at every point by search, then 200 attempts to beat the formula as a whole
answers = np.linspace(0.0005, 0.9995, 1000)
pay = p[:, None] * np.log(answers) + q[:, None] * np.log(1 - answers)
best = answers[np.argmax(pay, axis=1)]
at_each = np.all(abs(best - p / (p + q)) < 0.001)
waves = [np.log(p / q) + a * np.sin(b * x + c) for a, b, c in rng.uniform(0.01, 3, (200, 3))]
earned = [value(1 / (1 + np.exp(-logit)), p, q, x) for logit in waves]
beaten = max(earned) < value(p / (p + q), p, q, x)
claim("D* is the best of 1000 answers at each x, and 200 other detectives earn less", at_each and beaten, max(earned))

# %% [markdown]
# Turn it around. The *logit* of a probability $D$ is $\log\frac{D}{1-D}$, and
#
# $$\operatorname{logit} D^*(x) = \log \frac{p_\text{data}(x)}{p_g(x)} \tag{20.4}$$
#
# The discriminator is a **density-ratio estimator**. It learns neither density, only their ratio, and it needs nothing
# but samples. Does a classifier that sees 160,000 numbers and their squares find that?

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (20.4): logistic regression on samples, against the ratio of two normal densities of unequal width
from sklearn.linear_model import LogisticRegression

data, made = rng.normal(-1, 1, 80_000), rng.normal(0.5, 1.5, 80_000)
both = np.concatenate([data, made])
trained = LogisticRegression(C=1e6).fit(np.column_stack([both, both**2]), np.repeat([1, 0], 80_000))  # 1: genuine
found = np.r_[trained.intercept_, trained.coef_[0]]
grid = np.linspace(-3, 2, 50)
ratio = stats.norm.logpdf(grid, -1, 1) - stats.norm.logpdf(grid, 0.5, 1.5)
learnt = found[0] + found[1] * grid + found[2] * grid**2
claim("the trained logit is the log-ratio, within 0.1 everywhere", abs(learnt - ratio).max() < 0.1, found)

# %% [markdown]
# It does, within a tenth of a nat, though the two densities differ in width.
#
# ### Your turn
#
# **20.1** In (20.3) half of the slips are genuine. Let the share of genuine slips be `pi`. Write the probability that a
# slip is genuine, given the densities `p` and `q` at its number.


# %%
def detective(p, q, pi):
    """Probability that a slip is genuine."""
    return ...  # your formula


check("20.1", detective)


# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 20.1
def detective(p, q, pi):
    """Probability that a slip is genuine."""
    return pi * p / (pi * p + (1 - pi) * q)


check("20.1", detective)

# %% [markdown]
# Put it to use. If only one slip in a hundred is forged, what does a 5.0 mean?

# %%
rare = detective(p_patients(5.0), forger.pdf(5.0), pi=0.99)
claim("among 1 % forgeries, a 5.0 is genuine at 0.9 or more", 0.9 < rare < 0.97, rare)

# %% [markdown]
# The same slip, the same densities, and now it is genuine in more than nine of ten cases. A discriminator's ½ is a statement about a heap that
# is half forged.
#
# ## 4. What a perfect detective leaves for the generator
#
# Put $D^*$ into (20.2). With the mixture $m = \tfrac12(p_\text{data} + p_g)$ we have $D^* = p_\text{data} / 2m$, and
# each logarithm gives off a $-\log 2$:
#
# $$V(D^*, G) = -\log 4 + 2\,\mathrm{JSD}, \qquad
# \mathrm{JSD} = \tfrac12 \int p_\text{data} \log \frac{p_\text{data}}{m}\,dx
# + \tfrac12 \int p_g \log \frac{p_g}{m}\,dx \tag{20.5}$$
#
# This is the *Jensen-Shannon divergence*: never negative, never above $\log 2$, and 0 only if the two densities agree.
# So against a perfect detective, the generator minimises a divergence, and its best is to match the data:
#
# $$\min_G \max_D V(D, G) = -\log 4, \quad \text{reached when } p_g = p_\text{data}, \text{ with } D^* = \tfrac12 \tag{20.6}$$

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equations (20.5) and (20.6): against scipy's Jensen-Shannon distance (its square is the divergence)
from scipy.spatial.distance import jensenshannon

line = np.linspace(-8, 8, 3201)
data = stats.norm.pdf(line)


def best_value(made):
    """V of the best discriminator, which is kept away from 0 and 1 for the computer's sake."""
    return value(np.clip(data / (data + made), 1e-12, 1 - 1e-12), data, made, line)


for mean_g, sd_g in ((0.7, 1.0), (-1.2, 0.6), (0.3, 1.8)):
    made = stats.norm.pdf(line, mean_g, sd_g)
    v, jsd = best_value(made), jensenshannon(data, made) ** 2
    claim(f"N({mean_g}, {sd_g}²): V(D*) = −log 4 + 2 JSD", abs(v + np.log(4) - 2 * jsd) < 1e-4, [v, jsd])
walk = np.linspace(-2, 2, 41)
best_values = [best_value(stats.norm.pdf(line, m)) for m in walk]
lowest = np.argmin(best_values)
at_home = abs(walk[lowest]) < 1e-9 and abs(best_values[lowest] + np.log(4)) < 1e-6
claim("a generator that walks past the data finds −log 4 where it covers them", at_home, best_values[lowest])

# %% [markdown]
# A perfect generator makes the best detective helpless.
#
# ### A distance for heaps that do not overlap
#
# Two analysers measure the same control sample. One reads between 3.9 and 4.1 mmol/L, the other the same plus an error
# of 0.3. How far apart are they? For the JSD, any two heaps that do not touch are equally far: $\log 2$.
#
# How much *work* turns one heap into the other: mass times way, by the best plan? This is the **Wasserstein-1** distance $W_1$. On a line the best plan is to keep the order. For $n$ values on either side,
# sorted,
#
# $$W_1 = \frac1n \sum_{i=1}^{n} \big| x_{(i)} - y_{(i)} \big| \tag{20.7}$$

# %%
def w1(x, y):
    """Wasserstein-1 distance of two samples of equal size."""
    return np.mean(abs(np.sort(x) - np.sort(y)))


# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (20.7): sorting against every possible plan, and against scipy
from itertools import permutations

few, other = draw_patients(7), forger.rvs(7, random_state=rng)
cheapest = min(np.mean(abs(few - other[list(plan)])) for plan in permutations(range(7)))
many = forger.rvs(5000, random_state=rng)
library = stats.wasserstein_distance(patients, many)
agree = abs(w1(few, other) - cheapest) < 1e-12 and abs(w1(patients, many) - library) < 1e-9
claim("no plan of 5040 for seven slips is cheaper, and scipy agrees on 5000 slips", agree, [cheapest, library])

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Two panels against the error of the second analyser, 0 to 0.6 mmol/L. Left, the Jensen-Shannon divergence climbs to log 2 at 0.2 mmol/L and is flat beyond. Right, the Wasserstein distance is a straight line through the origin."}} tags=["hide-input"]
errors = np.linspace(0, 0.6, 61)
fine = np.linspace(3.8, 4.8, 10_001)


def flat(start):
    """Readings spread evenly over 0.2 mmol/L, as a density on the grid."""
    return ((fine >= start - 1e-9) & (fine < start + 0.2 - 1e-9)).astype(float)


readings = rng.uniform(3.9, 4.1, 2000)
jsd = np.array([jensenshannon(flat(3.9), flat(3.9 + error)) ** 2 for error in errors])
way = np.array([w1(readings, readings + error) for error in errors])
fig, (left, right) = plt.subplots(1, 2, figsize=(8.4, 2.9))
left.plot(errors, jsd)
left.set(ylabel="Jensen-Shannon, nats", title="blind from 0.2 on (simulated)")
right.plot(errors, way, color="C1")
right.set(ylabel="Wasserstein-1, mmol/L", title="sees how far (simulated)")
for ax in (left, right):
    ax.set(xlabel="error of the second analyser, mmol/L")
plt.show()
blind = np.allclose(jsd[errors > 0.205], np.log(2)) and jsd[10] < 0.9 * np.log(2)
claim("from 0.2 mmol/L on the JSD is log 2 = 0.693 and has no slope", blind, jsd[30])
claim("W₁ is the error itself: 0.3 mmol/L at 0.3", np.allclose(way, errors), way[30])

# %% [markdown]
# Left, the JSD climbs to 0.693 nats while the readings still overlap, and then it is flat: an error of 0.3 and an error
# of 0.6 look alike. Right, the distance goes on growing, and it has a unit: 0.3 mmol/L. A generator that follows a
# slope gets none on the flat part.
#
# ### Your turn
#
# **20.2** Two heaps of *different* size cannot be paired by sorting. But $W_1$ is also the area between the two
# cumulative distributions. Write it for samples `x` and `y` of any sizes, without a library's distance.
# (`np.searchsorted(np.sort(x), points, side="right")` counts how many of `x` are at or below each point.)


# %%
def wasserstein(x, y):
    """W1 of two samples of any sizes."""
    return ...  # your code


check("20.2", wasserstein)


# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 20.2
def wasserstein(x, y):
    """W1 of two samples of any sizes."""
    points = np.sort(np.concatenate([x, y]))
    below_x = np.searchsorted(np.sort(x), points, side="right") / len(x)
    below_y = np.searchsorted(np.sort(y), points, side="right") / len(y)
    return np.sum(abs(below_x - below_y)[:-1] * np.diff(points))


check("20.2", wasserstein)

# %% [markdown]
# We shall measure every game below with it: the way, in mmol/L, that a slip must be moved on average to turn the
# forger's heap into the patients'.
#
# ## 5. The game, live
#
# In code both losses are written with the logit $a$ of $D(x) = \sigma(a) = 1/(1 + e^{-a})$, because
# $\mathrm{softplus}(a) = \log(1 + e^a)$ never takes the logarithm of 0. The discriminator pays $-V$. The generator has
# two choices. Let $s = \sigma(a)$ be the opinion of one forgery:
#
# $$\frac{\partial}{\partial a} \log\big(1 - \sigma(a)\big) = -s, \qquad
# \frac{\partial}{\partial a} \big(-\log \sigma(a)\big) = -(1 - s) \tag{20.8}$$
#
# The first is the generator's part of (20.2). It is **saturating**: where a forgery is found out, $s$ is nearly 0, and
# nothing comes back. The second is the **non-saturating** loss, which Goodfellow and others proposed in the
# same paper and which is what people train. It also pushes $s$ up, and loudest where the forgery is worst.

# %% tags=["medlib:models.gan.discriminator_loss", "medlib:models.gan.generator_loss"]
mean, softplus = tf.reduce_mean, tf.nn.softplus


def discriminator_loss(real, forged):
    """−V of (20.2), from the logits of genuine and forged examples."""
    return mean(softplus(-real)) + mean(softplus(forged))


def generator_loss(forged):
    """−log D, the non-saturating loss."""
    return mean(softplus(-forged))


# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (20.8): the slopes by finite differences, on the losses that we shall train with
def saturating_loss(forged):
    """log(1 − D), the generator's part of V."""
    return -mean(softplus(forged))


logits = np.linspace(-10, 10, 201)
s = 1 / (1 + np.exp(-logits))
for loss, slope in ((saturating_loss, -s), (generator_loss, s - 1)):
    measured = np.array([(loss(a + 5e-5) - loss(a - 5e-5)).numpy() / 1e-4 for a in logits])
    agree = np.allclose(measured, slope, atol=1e-6)
    claim(f"{loss.__name__}: its slope is the formula's at 201 logits", agree, [measured[0], measured[-1]])
some, others = bayes(draw_patients(1000)), bayes(forger.rvs(1500, random_state=rng))
paid = discriminator_loss(*(np.log(d / (1 - d)) for d in (some, others))).numpy()
v = np.log(some).mean() + np.log(1 - others).mean()
claim("the discriminator's loss is −V", abs(paid + v) < 1e-6, paid)

# %% [markdown]
# At a logit of −10, a forgery that is found out, the first slope is 0.00005 and the second 1.
#
# Now two small networks play for our patients' potassium. The generator turns one number of noise into a slip; the
# discriminator turns a slip into a logit. Both count in mmol/L from the patients' mean.


# %%
def network(wrap=lambda layer: layer):
    """Two hidden ReLU layers of 32; one number in, one number out."""
    sizes = [(32, "relu"), (32, "relu"), (1, None)]
    layers = [wrap(keras.layers.Dense(n, activation=name)) for n, name in sizes]
    return keras.Sequential([keras.Input((1,)), *layers])


# %% [markdown]
# At each step both look at 128 genuine and 128 forged slips, and each moves its own weights to its own benefit. The
# generator's gradient passes *through* $D$ without moving it. We switch off Adam's momentum, $\beta_1 = 0$, since it
# remembers where the opponent was. (The second line of the loop matters for one game only, in section 6.)


# %%
def game(G, D, slips, loss_D, loss_G, rate_G=1e-3, rate_D=1e-3):
    """A function play(steps): both networks move at each step, for their own losses."""
    move_G, move_D = adam(G, rate_G), adam(D, rate_D)

    @tf.function
    def play(steps):
        for _ in tf.range(steps):
            real, noise = batch(slips), tf.random.normal([128, 1])
            D(real, training=True)
            with tf.GradientTape(persistent=True) as tape:
                forged = G(noise)
                pays_D, pays_G = loss_D(D, real, forged), loss_G(D(forged))
            move_D(tape.gradient(pays_D, D.trainable_variables))
            move_G(tape.gradient(pays_G, G.trainable_variables))

    return lambda steps: play(tf.constant(steps))


# %% jupyter={"source_hidden": true} tags=["hide-input"]
# The game's small parts: an optimiser for one network, a batch of genuine slips, the distance to the patients
def adam(network, rate):
    """A function that moves the weights of one network, given its gradient, by Adam without momentum."""
    optimiser = keras.optimizers.Adam(rate, beta_1=0.0)
    optimiser.build(network.trainable_variables)
    return lambda gradient: optimiser.apply(gradient, network.trainable_variables)


def batch(slips):
    """128 of the genuine slips, drawn with replacement."""
    return tf.gather(slips, tf.random.uniform([128], 0, len(slips), tf.int32))


def column(values):
    """Numbers in mmol/L as the networks see them: a column, counted from the patients' mean."""
    return tf.constant(values[:, None] - centre, tf.float32)


def made_by(G):
    """What the generator writes, in mmol/L, at 20,000 evenly spread quantiles of the noise: its exact distribution."""
    return centre + G(quantiles).numpy()[:, 0].astype(float)


def watch(play, G, steps=3000):
    """Play, and note after every hundred steps (and before the first) what the generator writes."""
    frames = [made_by(G)]
    for _ in range(steps // 100):
        play(100)
        frames.append(made_by(G))
    return frames


def ways(frames):
    """The distance to the patients' true distribution, mmol/L, of every frame."""
    return np.array([wasserstein(made, truth) for made in frames])


centre = patients.mean()
slips = column(patients)
quantiles = stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000)[:, None]
levels = (np.arange(100_000) + 0.5) / 100_000
truth = np.interp(levels, 0.8 * usual.cdf(x) + 0.2 * raised.cdf(x), x)  # the patients' true quantiles, mmol/L

# %%
def classify(D, real, forged):
    """The discriminator's loss: genuine or forged?"""
    return discriminator_loss(D(real), D(forged))


G, D = network(), network()
play = game(G, D, slips, classify, generator_loss)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
def shift(network, weights):
    """The largest change of a weight."""
    return max(abs(new - old).max() for new, old in zip(network.get_weights(), weights, strict=True))


trial = network(), network()
before = [player.get_weights() for player in trial]
game(*trial, slips, classify, generator_loss)(1)
moved = [shift(player, old) for player, old in zip(trial, before, strict=True)]
claim("one step moves both networks, each by its step size of 0.001", np.allclose(moved, 1e-3, rtol=0.05), moved)

# %% [markdown]
# Both networks move, each by itself. Play 3000 steps, and look at five of them.

# %%
plain = watch(play, G)

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Five frames of the plain game, densities of potassium. The generated density starts as a narrow spike, spreads, finds two hills, and goes on changing its shape from frame to frame around the patients' grey density."}} tags=["hide-input"]
edges = np.linspace(2, 8, 61)


def strip(frames, shown, title):
    """Frames of a game: the generated slips, as a histogram, over the patients' density."""
    fig, axes = plt.subplots(1, len(shown), figsize=(8.4, 2.2), sharey=True)
    for ax, i in zip(axes, shown, strict=True):
        ax.fill_between(x, p_patients(x), color="0.8")
        ax.hist(frames[i], edges, density=True, histtype="step")
        ax.set(ylim=(0, 1.8), xlim=(2, 8), title=f"step {100 * i}", xlabel="mmol/L")
    axes[0].set(ylabel="density (cut at 1.8)")
    fig.suptitle(title, fontsize=11)
    plt.show()


strip(plain, (0, 3, 10, 20, 30), "Grey: patients. Line: the forger, who never saw a slip (simulated)")
apart = ways(plain)
last = apart[-20:]
claim("the generator comes within 0.2 mmol/L, nearer than the opening's forger at 0.27", apart.min() < 0.2, apart.min())
swing = [last.min(), last.max()]
claim("in the last 20 looks the distance swings by .05 mmol/L or more", swing[1] - swing[0] > 0.05, swing)

# %% [markdown]
# From a spike in the middle the forger finds both hills, and comes within 0.2 mmol/L of the patients. But he does not
# stay: within the last 2000 steps the distance swings by 0.05 mmol/L or more. Where he writes too much, $D$ leans
# against it; he leaves; now he is missing there, $D$ leans back, and he returns. Section 7 asks whether that is bad
# luck.
#
# ## 6. Four losses, one game
#
# The same `game` takes another loss. First the saturating one, `-mean(softplus(forged))`: same code, same networks.

# %%
games = {"non-saturating": (D, plain)}


def play_with(name, loss_D, loss_G, wrap=lambda layer: layer):
    """A live game of 3000 steps; its discriminator and frames are kept by name."""
    G, D = network(), network(wrap)
    games[name] = D, watch(game(G, D, slips, loss_D, loss_G), G)


play_with("saturating", classify, saturating_loss)

# %% [markdown]
# ### A critic for Wasserstein
#
# Images cannot be sorted. But the distance of (20.7) has a second face (Kantorovich and Rubinstein): among all functions
# $f$ whose slope is nowhere steeper than 1, find the one that separates the two means best,
#
# $$W_1 = \max_{|f'| \le 1} \; \mathbb{E}_{x \sim p_\text{data}}[f(x)] - \mathbb{E}_{x \sim p_g}[f(x)] \tag{20.9}$$
#
# That $f$ is the **critic**: a discriminator without the logarithm. On a line it is known: it climbs where the
# generator's cumulative distribution lies above the data's, and falls where it lies below.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (20.9): the known critic earns W1; a thousand others, with slopes of at most 1, earn less
F_data, F_g = 0.8 * usual.cdf(x) + 0.2 * raised.cdf(x), forger.cdf(x)
critic = np.cumsum(np.sign(F_g - F_data)) * (x[1] - x[0])
earned = np.trapezoid(critic * (p - q), x)
sorting = wasserstein(truth, forger.ppf(levels))
waves = [np.sin(a * x + b) / a for a, b in rng.uniform(0.3, 6, (1000, 2))]  # the slope is cos(ax + b)
most = max(abs(np.trapezoid(f * (p - q), x)) for f in waves)
agree = abs(earned - sorting) < 0.005 and most < earned
claim("the known critic earns W₁; a thousand others earn less", agree, [earned, sorting, most])


# %% [markdown]
# How does one keep a network's slope at most 1? WGAN-GP (Gulrajani and others, 2017) adds a **gradient penalty** at
# points $\hat x$ drawn between genuine and forged ones. We take its one-sided form, which asks for *at most* 1:
#
# $$\text{critic's loss} = \mathbb{E}_{p_g} f - \mathbb{E}_{p_\text{data}} f
# + \lambda\,\mathbb{E}\,\max\big(0,\, |f'(\hat x)| - 1\big)^2 \tag{20.10}$$
#
# Here $\lambda = 10$ is the penalty's weight, not an eigenvalue.

# %%
def critic_loss(D, real, forged, weight=10.0):
    """Equation (20.10): a critic with a one-sided gradient penalty."""
    u = tf.random.uniform(tf.shape(real))
    between = u * real + (1 - u) * forged
    with tf.GradientTape() as tape:
        tape.watch(between)
        height = D(between)
    slope = abs(tape.gradient(height, between))
    penalty = mean(tf.nn.relu(slope - 1) ** 2)
    return mean(D(forged)) - mean(D(real)) + weight * penalty


def raise_height(forged):
    """The generator's loss: stand high on the critic's hill."""
    return -mean(forged)


play_with("WGAN-GP", critic_loss, raise_height)

# %% [markdown]
# The one-sided form has a reason. The authors' own penalty is $(|f'| - 1)^2$, two-sided. In several dimensions those
# slopes form one connected set. On a line it has two valleys, at slopes $+1$ and $-1$, and a critic that begins in the
# wrong one must climb over the hill at 0: it does so only when the heaps lie more than $2\lambda = 20$ mmol/L apart.
# Otherwise it chases the forger the wrong way.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (20.10): a critic f(x) = s x between two heaps W apart earns sW − λ max(0, |s| − 1)²; what does it report?
slopes = np.linspace(-1, 4, 50_001)
for W, weight in ((1.5, 10), (5.4, 10), (0.3, 1)):
    pay = slopes * W - weight * np.maximum(0, abs(slopes) - 1) ** 2
    report = slopes[np.argmax(pay)] * W
    biased = abs(report - (W + W**2 / (2 * weight))) < 1e-3 * W
    claim(f"heaps {W} apart, λ = {weight}: the critic reports W + W²/2λ", biased, report)
some_slips = tf.constant([[2.0], [3.0], [5.0]])
steep = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
for k in (-3.0, 0.4, 1.5):
    steep.set_weights([np.array([[k]]), np.zeros(1)])
    bill = float(critic_loss(steep, some_slips, some_slips - 2.0, weight=7.0))
    by_hand = -2 * k + 7 * max(0, abs(k) - 1) ** 2
    claim(f"a critic of slope {k} pays what (20.10) says", abs(bill - by_hand) < 1e-4, bill)
bends = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, activation="relu"), keras.layers.Dense(1)])
bends.set_weights([np.ones((1, 1)), np.full(1, -2.0), np.full((1, 1), 3.0), np.zeros(1)])  # slope 0 below 2, 3 above
one, four = tf.fill([4000, 1], 1.0), tf.fill([4000, 1], 4.0)
steep_share = (float(critic_loss(bends, one, four, weight=1.0)) - 6.0) / 4.0
claim("the penalty looks between: two thirds of its points are steep", abs(steep_share - 2 / 3) < 0.05, steep_share)
falls = [np.min(np.diff(slopes * W - 10 * (abs(slopes) - 1) ** 2)[slopes[1:] < 0]) < 0 for W in (5.4, 19, 21)]
claim("two-sided, λ = 10: a hill on the way to slope 0 unless W > 20", falls == [True, True, False], falls)

# %% [markdown]
# Nor is the penalty a wall. Where it pays, the critic goes beyond slope 1, and reports $W + W^2/2\lambda$: at 1.5
# mmol/L and $\lambda = 10$ 7.5 per cent too much. For *training* that is harmless. For *reporting* a distance it is
# not.
#
# ### A wall instead: the spectral norm
#
# The other way is to bound each layer. A matrix $A$ stretches no vector by more than its largest singular value
# $\|A\|_2$, and ReLU stretches nothing. So for a network $f$ with the matrices $A_1, \dots, A_n$
#
# $$|f(x) - f(y)| \le \|A_1\|_2 \cdots \|A_n\|_2 \; |x - y| \tag{20.11}$$
#
# Divide every matrix by its norm, and the slope is at most 1 (Miyato and others, 2018). Keras has a layer for that. It
# divides whenever the network is called with `training=True`, which is what the second line of the loop in `game` is for.

# %%
play_with("spectral norm", classify, generator_loss, keras.layers.SpectralNormalization)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (20.11): the bound on pairs of points, and the norms that the layer keeps
def norms(D):
    """The largest singular value of every weight matrix."""
    kernels = [getattr(layer, "layer", layer).kernel.numpy() for layer in D.layers]
    return np.array([np.linalg.svd(kernel, compute_uv=False)[0] for kernel in kernels])


u, v = np.full(32, 32**-0.5), np.tile([1.0, -1.0], 16) / 32**0.5  # two directions at right angles
kernels = 2 * u[None], 1.5 * (np.outer(u, u) + np.outer(v, v)), 0.7 * u[:, None]  # u passes all three, stretched most
dense = [keras.layers.Dense(len(A.T), "relu", kernel_initializer="zeros", dtype="float64") for A in kernels]
aligned = keras.Sequential([keras.Input((1,), dtype="float64"), *dense])
aligned.set_weights([part for A in kernels for part in (A, np.zeros(len(A.T)))])
looked_at = {name: games[name][0] for name in ("non-saturating", "spectral norm")} | {"aligned": aligned}
pairs = rng.uniform(-2, 4, (2, 1000, 1)).astype("float32")
stretched = {}
for name, D in looked_at.items():
    rise = abs(D(pairs[0]) - D(pairs[1])).numpy() / (abs(pairs[0] - pairs[1]) + 1e-9)
    stretched[name] = rise.max(), np.prod(norms(D))
(free, bound), kept = stretched["non-saturating"], norms(games["spectral norm"][0])
bounded = all(a <= b * 1.001 for a, b in stretched.values())
bounded &= stretched["aligned"][0] > 0.999 * stretched["aligned"][1]
claim("no pair of points is stretched beyond the bound, and one network reaches it", bounded, [free, bound])
walled = np.all(abs(kept - 1) < 0.1) and bound > 1.3 * stretched["spectral norm"][1]
claim("the layer keeps each norm at 1, up to the last step; free, the bound is larger", walled, kept)

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Distance to the patients over 3000 steps for four losses. All fall from about half a mmol/L to 0.3 or less within the first thousand steps, and then all go up and down to the end."}} tags=["hide-input"]
import pandas as pd

fig, axes = plt.subplots(1, 4, figsize=(8.8, 2.5), sharey=True)
rows = {}
for ax, (name, (_, frames)) in zip(axes, games.items(), strict=True):
    apart = ways(frames)
    ax.plot(100 * np.arange(len(apart)), apart)
    ax.set(title=name, xlabel="step", ylim=(0, 1))
    last = apart[-20:]
    rows[name] = {"nearest": apart.min(), "mean of last 20": last.mean(), "lowest": last.min(), "highest": last.max()}
axes[0].set(ylabel="distance, mmol/L")
fig.suptitle("One game, four losses (simulated patients)", fontsize=11)
plt.show()
live = pd.DataFrame(rows).T
claim("each of the four comes within 0.25 mmol/L", live["nearest"].max() < 0.25, live["nearest"].max())
swings = live["highest"] - live["lowest"]
claim("none settles: in its last 20 looks each swings by .05 mmol/L or more", swings.min() > 0.05, swings.min())
live.round(2)

# %% [markdown]
# All four come within 0.25 mmol/L, and none of them stays: over the last 2000 steps each goes up and down by 0.05 mmol/L
# or more. One game of each does not say which loss is better. What they share is plain: **here no choice of loss brings
# rest.**
#
# ### Where they differ
#
# And the saturating loss was not silent? No: a *fresh* discriminator says about one half to everything, and both
# networks learned at one pace. Silence needs a detective who is ahead. Let a forger stand still at 10 mmol/L, and let the
# detectives study him. How hard does each loss pull him back, per mmol/L?


# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Pull on a forger at 10 mmol/L against steps of study, logarithmic. The saturating pull falls from some hundredths to below a thousandth; the non-saturating one rises above 1; WGAN-GP stays near 1.3 and spectral norm near 0.2."}} tags=["hide-input"]
def pull(D, loss_G, made):
    """The size of the loss's slope when all forged numbers move together, per mmol/L."""
    move = tf.Variable(0.0)
    with tf.GradientTape() as tape:
        loss = loss_G(D(made + move))
    return abs(float(tape.gradient(loss, move)))


studies = {
    "saturating": (classify, saturating_loss, network()),
    "WGAN-GP": (critic_loss, raise_height, network()),
    "spectral norm": (classify, generator_loss, network(keras.layers.SpectralNormalization)),
}
still = network()
still.layers[-1].set_weights([np.zeros((32, 1)), np.array([10.0 - centre])])
hopeless = column(np.full(1000, 10.0))
pulls = {name: [] for name in (*studies, "non-saturating")}
for name, (loss_D, loss_G, D) in studies.items():
    study = game(still, D, slips, loss_D, loss_G, rate_G=0.0)
    for _ in range(15):
        study(100)
        pulls[name].append(pull(D, loss_G, hopeless))
        if name == "saturating":  # the same discriminator, asked with the other loss
            pulls["non-saturating"].append(pull(D, generator_loss, hopeless))
fig, ax = plt.subplots(figsize=(6.4, 3.2))
for (name, values), style in zip(pulls.items(), ("-", "-.", ":", "--"), strict=True):
    ax.semilogy(100 * np.arange(1, 16), values, style, label=name)
ax.set(xlabel="steps of study", ylabel="pull, per mmol/L", title="A forger far away (simulated)")
ax.legend(fontsize=8)
plt.show()
end = {name: values[-1] for name, values in pulls.items()}
silent = end["saturating"] < 0.01 * end["non-saturating"]
claim("the saturating pull is below a hundredth of the other", silent, [end["saturating"], end["non-saturating"]])
D = studies["WGAN-GP"][2]
W, report = 10.0 - centre, float(mean(D(slips)) - mean(D(hopeless)))
biased = abs(report / (W + W**2 / 20) - 1) < 0.1 and 1 < end["WGAN-GP"] < 1.6
claim("the critic pulls with more than 1, and reports W + W²/2λ within 10 %", biased, [W, report])
claim("the spectral norm pulls with less than 1, and does not fall silent", 0.02 < end["spectral norm"] < 1, end["spectral norm"])

# %% [markdown]
# After 1500 steps of study the saturating pull is less than a hundredth of the non-saturating one, though both ask the
# same discriminator. The critic goes on pulling with about 1.3, and the spectral norm with a few tenths. **That is the
# use of the other losses: they keep a direction when the detective is far ahead.** In the live game Adam helped the
# saturating loss as well, since it divides a gradient by its own size.
#
# ## 7. Why it circles
#
# Take the smallest GAN there is (Mescheder and others, 2018). All genuine slips say 0. The generator always writes
# one number, $\theta$. The discriminator is $D(x) = \sigma(\psi x)$ with a single weight $\psi$. The solution is
# $\theta = \psi = 0$. Here $V = -\log 2 + \log(1 - \sigma(\psi\theta))$, with the slopes
# $-\psi\,\sigma(\psi\theta)$ in $\theta$ and $-\theta\,\sigma(\psi\theta)$ in $\psi$. With step size $\alpha$, $G$
# goes down and $D$ goes up. (`gamma` comes in a moment.)


# %%
def dirac(theta, psi, alpha, gamma=0.0, alternating=False):
    """One step of the smallest GAN: the generator's theta, the discriminator's psi."""
    new_theta = theta + alpha * psi / (1 + np.exp(-psi * theta))
    written = new_theta if alternating else theta
    slope = written / (1 + np.exp(-psi * written))
    return new_theta, psi - alpha * (slope + gamma * psi)


# %% [markdown]
# Near the solution $\sigma(\psi\theta) = \tfrac12$, so one step multiplies $(\theta, \psi)$ by a fixed matrix $J$. As
# in notebook 12, its eigenvalues $\lambda$ decide: below 1 in size, the game converges; above, it runs away. If both
# players move **at the same time**,
#
# $$J = \begin{pmatrix} 1 & \alpha/2 \\ -\alpha/2 & 1 \end{pmatrix}, \qquad
# |\lambda| = \sqrt{1 + \alpha^2/4} > 1 \tag{20.12}$$
#
# The matrix turns and stretches. No step size is small enough. If they **alternate**, $D$ answering the new
# $\theta$,
#
# $$J = \begin{pmatrix} 1 & \alpha/2 \\ -\alpha/2 & 1 - \alpha^2/4 \end{pmatrix}, \qquad
# \det J = 1, \quad |\lambda| = 1 \tag{20.13}$$
#
# as long as $\alpha < 4$. They circle for ever. The cure is friction. Add to the discriminator's loss a penalty on its
# slope at genuine examples, $\tfrac{\gamma}{2}\, \mathbb{E}_{p_\text{data}} \|\nabla_x \operatorname{logit} D(x)\|^2$,
# called **R1**. In our game the slope of the logit is $\psi$, and the penalty's gradient $\gamma\psi$ pulls $\psi$ to 0.
# Moving together, with friction,
#
# $$\lambda = 1 + \frac{\alpha}{2}\left(-\gamma \pm \sqrt{\gamma^2 - 1}\right) \tag{20.14}$$
#
# For $\gamma < 1$ the root is imaginary, and the game turns: inwards, if the friction is large enough for the step.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equations (20.12) to (20.14): the Jacobian of one step by finite differences, its eigenvalues, and journeys
def jacobian(**options):
    """Of one step at the solution; row: what changes, column: what it depends on."""
    columns = [(np.array(dirac(*e, **options)) - dirac(*-e, **options)) / 2e-5 for e in 1e-5 * np.eye(2)]
    return np.transpose(columns)


def size(**options):
    """The larger |λ|."""
    return abs(np.linalg.eigvals(jacobian(**options))).max()


def journey(steps, start=(1.0, 0.0), **options):
    """The points visited, one row each."""
    path = [start]
    for _ in range(steps):
        path.append(dirac(*path[-1], **options))
    return np.array(path)


for a in (0.1, 0.5):
    together = np.allclose(jacobian(alpha=a), [[1, a / 2], [-a / 2, 1]], atol=1e-7)
    radius = np.linalg.norm(journey(10, (1e-4, 0.0), alpha=a), axis=1)
    growth = [size(alpha=a), (radius[-1] / radius[0]) ** 0.1]
    grows = np.allclose(growth, np.sqrt(1 + a**2 / 4), atol=1e-6)
    claim(f"together, α = {a}: J, |λ|, and the journey's growth", together and grows, growth)
    turns = {"alpha": a, "alternating": True}
    ring = np.allclose(jacobian(**turns), [[1, a / 2], [-a / 2, 1 - a**2 / 4]], atol=1e-7)
    claim(f"in turns, α = {a}: J, and |λ| = 1", ring and abs(size(**turns) - 1) < 1e-7, size(**turns))
border = [size(alpha=a, alternating=True) for a in (3.9, 4.1)]
claim("in turns, the border is α = 4", abs(border[0] - 1) < 1e-6 and border[1] > 1.1, border)
for a, g in ((0.1, 0.1), (0.3, 0.3), (0.2, 2.0)):
    theory = max(abs(1 + a / 2 * (-g + sign * np.emath.sqrt(g**2 - 1))) for sign in (1, -1))
    agree = abs(size(alpha=a, gamma=g) - theory) < 1e-7 and theory < 1
    claim(f"friction {g}, α = {a}: |λ| is the formula's, and below 1", agree, theory)

# %% [markdown]
# At $\gamma = 1$ it is fastest, with $\lambda = 1 - \alpha/2$. Above 1 there is no turning left, and more friction makes it
# slower again.
#
# ### Your turn
#
# **20.3** What is the least friction at which players who move together do not run away? Write it as a function of α.
# The eigenvalues are a complex pair here, so $|\lambda|^2 = \det J$. Where does friction enter the $J$ of (20.12)?


# %%
def least_friction(alpha):
    """The smallest gamma at which the game does not run away."""
    return ...  # your formula


check("20.3", least_friction)


# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 20.3
def least_friction(alpha):
    """The smallest gamma at which the game does not run away."""
    return alpha / 4  # det J = 1 - alpha gamma + alpha^2 / 4 = 1


check("20.3", least_friction)

# %% [markdown]
# Four games from $(1, 0)$ with $\alpha = 0.2$; the third has exactly your friction.

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Four phase planes, generator against discriminator. Together without friction the path spirals outwards; in turns it runs round a closed ring; with the least friction, together, it also stays near a ring; with friction 0.3 it spirals into the centre."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 4, figsize=(9, 2.7), sharey=True)
ways_to_play = {
    "together, γ = 0": {},
    "in turns, γ = 0": {"alternating": True},
    "together, least γ": {"gamma": least_friction(0.2)},
    "together, γ = 0.3": {"gamma": 0.3},
}
radii = {}
for ax, (name, options) in zip(axes, ways_to_play.items(), strict=True):
    path = journey(200, alpha=0.2, **options)
    radii[name] = np.linalg.norm(path[-1])
    ax.plot(*path.T, ".-", markersize=2, linewidth=0.6)
    ax.plot(0, 0, "k+", markersize=9)
    ax.set(xlim=(-2.6, 2.6), ylim=(-2.6, 2.6), aspect="equal", title=f"{name}\n|λ| = {size(alpha=0.2, **options):.3f}")
    ax.set(xlabel="generator θ")
    ax.title.set_fontsize(9)
axes[0].set(ylabel="discriminator ψ")
plt.show()
ends = list(radii.values())
as_said = ends[0] > 1.3 and 0.7 < ends[1] < 1.4 and ends[2] < 1.3 and ends[3] < 0.05
claim("after 200 steps: outside, on the ring, not farther than that, home", as_said, ends)
edge = size(alpha=0.2, gamma=least_friction(0.2))
claim("the least friction holds |λ| at exactly 1", abs(edge - 1) < 1e-7, edge)

# %% [markdown]
# Without friction the first path winds outwards, and in turns it runs round a ring. With the least friction the way out
# is closed, and with 0.3 the path is home within 200 steps. No noise and no network is to blame: **circling is in the
# game itself**; the slopes point sideways.
#
# ### The live game, damped

# %% tags=["medlib:models.gan.r1"]
def r1(D, real, gamma=1.0):
    """Half gamma times the mean squared slope of the logit at genuine examples."""
    with tf.GradientTape() as tape:
        tape.watch(real)
        logit = D(real)
    slope = tf.reshape(tape.gradient(logit, real), (tf.shape(real)[0], -1))
    return gamma / 2 * mean(tf.reduce_sum(slope**2, axis=1))


# %% [markdown]
# Friction is meant to stop the circling; the noise of the batches asks for a falling step size, as in notebook 12. We
# play once with friction alone, and in section 8 with both.


# %%
def classify_r1(D, real, forged):
    """The discriminator's loss, with friction."""
    return classify(D, real, forged) + r1(D, real)


def falling():
    """A step size that falls along a cosine, from 0.001 to a hundredth of that."""
    return keras.optimizers.schedules.CosineDecay(1e-3, 3000, alpha=0.01)


play_with("R1", classify_r1, generator_loss)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# R1 by hand: a logit of known slope at the genuine examples, another at the forged ones
for k in (0.5, -2.0):
    steep.set_weights([np.array([[k]]), np.ones(1)])
    by_hand = 3.0 / 2 * k**2
    measured = float(r1(steep, some_slips, 3.0))
    claim(f"logit of slope {k}, γ = 3: R1 is γ/2 times its square", abs(measured - by_hand) < 1e-5, measured)
extra = [float(classify_r1(bends, a, b) - classify(bends, a, b)) for a, b in ((one, four), (four, one))]
claim("it looks at the genuine side only: slope 0 there costs nothing, slope 3 costs 4.5", np.allclose(extra, [0, 4.5], atol=1e-4), extra)

# %% [markdown]
# ## 8. The rivals
#
# Is it worth it? Three rivals get the same 5000 slips. A **normal** with their mean and deviation is the forger of the
# first picture. A **kernel density estimate** puts a small hill on every slip. A **mixture** fits two normals; we
# simulated two, so it knows the family, which a GAN does not. Under them all lies a floor: 5000 *other* patients. Three
# times we draw 5000 new patients, and every model gets the same ones: so the differences are paired.

# %%
from scipy.stats import gaussian_kde
from sklearn.mixture import GaussianMixture


def rivals(sample, n=20_000):
    """What three simple models of the sample write, n slips each."""
    kernel, mixture = gaussian_kde(sample), GaussianMixture(2, random_state=0)
    return {
        "one normal": rng.normal(sample.mean(), sample.std(), n),
        "kernel density": kernel.resample(n, seed=rng)[0],
        "mixture of two": mixture.fit(sample[:, None]).sample(n)[0][:, 0],
        "floor: 5000 others": draw_patients(5000),
    }


# %% jupyter={"source_hidden": true} tags=["hide-input"]
from medlib.lesson import track

draws = []
for sample in track([draw_patients(5000) for _ in range(3)], "three damped games"):
    G, D = network(), network()
    play = game(G, D, column(sample), classify_r1, generator_loss, falling(), falling())
    frames = watch(play, G)
    draws.append(rivals(sample) | {"GAN, R1 and falling step": frames[-1]})

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Distance to the patients on a logarithmic scale, three dots a model. One normal near 0.3, the damped GAN and kernel density at 0.02 to 0.03, the mixture and the floor at 0.01 to 0.02; grey below, the swings of the undamped games between 0.08 and 0.5, of R1 alone between 0.04 and 0.25."}} tags=["hide-input"]
table = pd.DataFrame([{name: wasserstein(made, truth) for name, made in draw.items()} for draw in draws])
tail = {name: ways(frames)[-20:] for name, (_, frames) in games.items()}
fig, ax = plt.subplots(figsize=(6.8, 3.4))
order = ["one normal", "GAN, R1 and falling step", "kernel density", "mixture of two", "floor: 5000 others"]
for place, name in enumerate(order):
    ax.plot(table[name], [place] * 3, "o", color="C0")
for place, values in enumerate(tail.values(), len(order)):
    ax.plot([values.min(), values.max()], [place] * 2, "-", color="0.6", linewidth=5)
    ax.plot(values.mean(), place, "k|", markersize=9)
labels = [*order, *(f"{name}, last 20 looks" for name in tail)]
ax.set(yticks=range(len(labels)), yticklabels=labels, xscale="log")
ax.set(xlabel="distance to the patients, mmol/L", title="Dots: three draws of patients (simulated)")
ax.invert_yaxis()
plt.show()
gan = table["GAN, R1 and falling step"]
claim("the damped GAN ends within 0.15 mmol/L in each of the three draws", gan.max() < 0.15, list(gan))
normal, mixed, undamped = table["one normal"], table["mixture of two"], tail["non-saturating"].mean()
claim("nearer than one normal each time, and than the plain game", gan.max() < min(normal.min(), undamped), undamped)
claim("the mixture of two is nearer than the GAN, on average", mixed.mean() < gan.mean(), list(mixed))
difference = gan - table["kernel density"]
half = stats.t.ppf(0.975, 2) * difference.std() / np.sqrt(3)
low, high = difference.mean() - half, difference.mean() + half
print(f"GAN minus kernel density, paired: {difference.mean():.3f} [{low:.3f}, {high:.3f}] mmol/L")

# %% [markdown]
# The damped GAN ends within 0.05 mmol/L or so, far below one normal and the swings of the undamped games (grey).
# Friction alone, the last bar, still swings, and no game here tells what a falling step alone would do. The mixture of
# two, on the floor at 0.01 to 0.02, beats it on average; here three draws do not tell the GAN from kernel density:
# the interval of the paired difference holds 0. So on one number a patient **the simple rival wins**, in a small part
# of the time. Why then a GAN? Because the rivals need a density that can be written or smoothed. A scan has thousands
# of numbers, and [notebook 21](21_gan_images.ipynb) is about them.
#
# ## Three questions
#
# Answer aloud, then open.
#
# <details><summary>After an hour, your discriminator is right for 50 of 100 images. Has the generator
# succeeded?</summary>Perhaps. At the solution D* is ½ everywhere (20.6). But a discriminator that has learned nothing,
# or a frozen one, says ½ too. Train a fresh discriminator to the end against the fixed generator, or measure a
# distance on samples that neither network has seen.</details>
#
# <details><summary>Would the non-saturating loss stop the circling of section 7?</summary>No. At the solution
# σ(ψθ) = ½, and there s and 1 − s are the same. The matrix J, and with it every eigenvalue of (20.12) to (20.14), stays
# what it was. Saturation is a problem far from the solution, circling is one near it.</details>
#
# <details><summary>A report says: "WGAN-GP critic, λ = 10: distance 0.30 at hospital A and 0.60 at hospital B, so B is
# exactly twice as far." Two objections?</summary>The report is biased upwards, by W²/2λ, and the larger distance is biased
# more; undone, the ratio is below 2. And a critic is trained: if it has not converged, it reports too little.</details>
#
# ## In this notebook we ...
#
# - stated a game between a forger and a detective, and its value,
# - derived the best detective, $p/(p+q)$, who estimates a ratio,
# - saw that against him the generator minimises a Jensen-Shannon divergence, down to the value $-\log 4$,
# - played one game with four losses, and saw what each is good for,
# - computed why training circles, and damped it, and
# - set the result beside simpler models, which win on one number a patient.
#
# **Pitfalls**
# - The gradient of $\log(1 - D)$ in the logit vanishes where $D \approx 0$, at *bad* forgeries. At $D \approx 1$ it is
#   largest.
# - A GAN's loss curve is no learning curve: each player's loss depends on the other's skill. Plot a distance.
# - A generator that matches the data may have copied them. On this page nothing tests for that.
# - Our patients were one number each. Nothing here says that a GAN's output is safe to use in place of patients.
#
# **Further reading**
# - Goodfellow and others, *Generative adversarial nets* (NeurIPS 2014): the game, (20.3) to (20.6), and both losses.
# - Arjovsky and Bottou, *Towards principled methods for training generative adversarial networks* (ICLR 2017): silent
#   losses, and disjoint supports.
# - Arjovsky, Chintala and Bottou, *Wasserstein generative adversarial networks* (ICML 2017); Gulrajani and others,
#   *Improved training of Wasserstein GANs* (NeurIPS 2017); Petzka and others, *On the regularization of Wasserstein GANs*
#   (ICLR 2018): the one-sided penalty; Miyato and others, *Spectral normalization for generative adversarial networks*
#   (ICLR 2018).
# - Mescheder, Geiger and Nowozin, *Which training methods for GANs do actually converge?* (ICML 2018): the smallest
#   GAN, and R1.
#
# **Next**: [notebook 21](21_gan_images.ipynb), images from a GAN.
