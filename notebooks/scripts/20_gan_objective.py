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
# - **state** the game that a generator and a discriminator play, and its value,
# - **derive** the best discriminator, and say what it estimates,
# - **explain** why the first loss saturates, and what is used instead,
# - **tell** when training circles, and what damps it, and
# - **measure** a distance between distributions that do not overlap.
#
# | needs | read | run | data |
# |---|---|---|---|
# | [notebook 12](12_gradient_descent.ipynb), densities and means | 45 min | 40 s | simulated |
#
# On your desk lies a heap of slips. Each carries one number, a serum potassium in mmol/L. Half of the slips were
# measured in patients of a kidney unit. A forger wrote the other half; he knows the patients' mean and standard
# deviation, to the digit. The slip in your hand says 5.0. Genuine or forged?

# %%
import matplotlib.pyplot as plt
import numpy as np
from scipy import stats
from scipy.special import expit as sigmoid
from scipy.special import xlogy

from medlib.lesson import check, claim, setup

rng = setup(seed=0)

# %% [markdown]
# The patients are simulated, so we know their density: most lie near 4.2 mmol/L, and one in five, who has missed a
# dialysis, near 6.0.

# %%
share, usual, raised = 0.2, stats.norm(4.2, 0.35), stats.norm(6.0, 0.4)  # mmol/L
p_patients = lambda x: (1 - share) * usual.pdf(x) + share * raised.pdf(x)


def draw_patients(n):
    """Potassium of n simulated patients, in mmol/L."""
    ill = rng.random(n) < share
    return np.where(ill, raised.rvs(n, random_state=rng), usual.rvs(n, random_state=rng))


patients = draw_patients(5000)
forger = stats.norm(patients.mean(), patients.std())

# %% mystnb={"image": {"alt": "Above, two densities of potassium: the patients' has a tall hill at 4.2 and a low one at 6.0, the forger's is one broad hill at 4.6. Below, the probability that a slip is genuine: it rises to 0.7 at 4.1, falls to 0.15 at 5.0 and 0.1 just beyond, rises again to about 0.74 at 6.4 and ends low."}}
x = np.linspace(0, 9, 1801)
fig, (top, bottom) = plt.subplots(2, 1, figsize=(6.4, 4.2), sharex=True)
top.plot(x, p_patients(x), label="patients")
top.plot(x, forger.pdf(x), "--", label="forger")
top.set(ylabel="density, per mmol/L", title="Same mean, same standard deviation (simulated)")
top.legend()
bottom.plot(x, p_patients(x) / (p_patients(x) + forger.pdf(x)), color="black")
bottom.axhline(0.5, color="0.5", linestyle=":")
bottom.axvline(5.0, color="0.5", linestyle=":")
bottom.set(xlabel="potassium, mmol/L", ylabel="P(genuine)", xlim=(2, 8), ylim=(0, 1))
plt.show()

genuine = p_patients(5.0) / (p_patients(5.0) + forger.pdf(5.0))
claim("a slip that says 5.0 is forged with a probability above 0.8", genuine < 0.2, 1 - genuine)

# %% [markdown]
# The lower curve is Bayes' theorem, the same that gave the predictive value of a test in
# [notebook 00](00_start_here.ipynb): of all slips with this number, which share is genuine? Where the forger writes
# too much he is caught, and where he writes too little he is caught as well.
#
# Now let the forger see that curve, and improve. Let the detective look again, and improve. That is a **generative
# adversarial network** (GAN; Goodfellow and others, 2014). Both players are networks, and the forger learns to write
# like the patients *without ever seeing a patient's slip*: he sees only the detective's opinion.
#
# ## 1. The forger: noise, pushed forward
#
# The **generator** $G$ takes random noise $z$, from a density $p_z$ that is easy to draw from, and turns it into a
# number (or an image) $x = G(z)$. The density of its outputs is $p_g$, the *push-forward* of $p_z$. If $G$ rises or
# falls throughout, a piece of noise of width $dz$ becomes a piece of width $|G'(z)|\,dz$ and keeps its probability:
#
# $$x = G(z),\quad z \sim p_z \qquad\Longrightarrow\qquad p_g(x) = \frac{p_z(z)}{|G'(z)|} \tag{20.1}$$
#
# Where $G$ stretches, the density gets thin. An example is C-reactive protein (CRP), which rises with inflammation:
# its logarithm is roughly normal. $G(z) = 3\,e^{1.2 z}$ makes simulated values with a median of 3 mg/L.

# %%
# Equation (20.1): the formula against a library, and against a histogram
z = np.linspace(-3, 3, 601)
crp = 3 * np.exp(1.2 * z)
slope = np.gradient(crp, z)  # numerical, so that nothing is copied from the formula
p_crp = stats.norm.pdf(z) / abs(slope)
claim("the push-forward is scipy's log-normal", np.allclose(p_crp, stats.lognorm.pdf(crp, 1.2, scale=3), rtol=2e-2))
counted = np.mean(abs(3 * np.exp(1.2 * rng.normal(size=100_000)) - 10) < 0.5)  # share between 9.5 and 10.5 mg/L
claim("near 10 mg/L it gives the share that is counted", abs(counted / np.interp(10, crp, p_crp) - 1) < 0.1, counted)

# %% [markdown]
# For a network, $p_g$ is rarely known: one can draw from it, and that is all. A GAN needs no more.
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
# $2\log\tfrac12 = -\log 4 = -1.386$. All logarithms here are natural; their unit is the *nat*.

# %%
# Equation (20.2): an integral, an average over slips, and a library's cross-entropy
from sklearn.metrics import log_loss


def value(D, p, q, x=x):
    """V of (20.2) by quadrature: D, and the densities p of the data and q of the generator, on the grid x."""
    return np.trapezoid(xlogy(p, D) + xlogy(q, 1 - D), x)


bayes = lambda x: p_patients(x) / (p_patients(x) + forger.pdf(x))  # the lower curve of the picture
by_integral = value(bayes(x), p_patients(x), forger.pdf(x))
n = 50_000
genuine, forged = draw_patients(n), forger.mean() + forger.std() * rng.normal(size=n)
by_average = np.log(bayes(genuine)).mean() + np.log(1 - bayes(forged)).mean()
cross_entropy = log_loss(np.repeat([1, 0], n), bayes(np.concatenate([genuine, forged])))
claim("the average over slips agrees with the integral", abs(by_average - by_integral) < 0.02, by_integral)
claim("V is −2 times the mean cross-entropy", abs(by_average + 2 * cross_entropy) < 1e-9, cross_entropy)
claim("this detective earns more than one who says ½", by_integral > -np.log(4) + 0.1)

# %% [markdown]
# So $D$ is an ordinary classifier with the loss of notebook 00's logistic regression. Only the second class is
# unusual: it fights back.
#
# ### Three formulas from an article
#
# The article that this course grew from gives the GAN three formulas.
#
# | in the article | is it right? |
# |---|---|
# | $G(z) = x'$ | yes; it leaves open how $x'$ is distributed, which is (20.1) |
# | $D(x) = p(x)$, "the probability distribution of the data" | no: see the next cell |
# | $\min_G \max_D V(D, G)$, with the $V$ of (20.2) | yes, this is the game of 2014; how it is *trained* comes in section 5 |
#
# Why can $D$ not be the density? Take a control sample, measured again and again: potassium 4.0 mmol/L with a standard
# deviation of 0.1 mmol/L.

# %%
control = stats.norm(4.0, 0.1)
peak = control.pdf(4.0)
claim("the density of the control sample reaches 3.99: no probability", abs(peak - 3.99) < 0.005, peak)
in_umol = stats.norm(4000, 100).pdf(4000)
claim("the same sample in µmol/L: the density is a thousand times smaller", abs(peak / in_umol - 1000) < 1e-6, in_umol)

# %% [markdown]
# $\log(1 - 3.99)$ does not exist, and a detective's opinion must not depend on the unit. A density also says nothing
# about the *forger*, and without him there is no telling genuine from forged. What belongs in the formula's place can
# be derived.
#
# ## 3. The best discriminator
#
# Fix the generator. With $p = p_\text{data}(x)$ and $q = p_g(x)$, (20.2) is the integral of
# $p \log D(x) + q \log(1 - D(x))$, and $D$ may be chosen anew at each $x$. Set the derivative to zero:
# $p/D = q/(1 - D)$. Hence
#
# $$D^*(x) = \frac{p_\text{data}(x)}{p_\text{data}(x) + p_g(x)} \tag{20.3}$$
#
# It is a maximum, as both logarithms are concave in $D$. And it is our curve from Bayes' theorem.

# %%
# Equation (20.3): search at every point for the best answer, then try to beat the formula as a whole
p, q = p_patients(x), forger.pdf(x)
answers = np.linspace(0.0005, 0.9995, 1000)
best = answers[np.argmax(p[:, None] * np.log(answers) + q[:, None] * np.log(1 - answers), axis=1)]
claim("at each x the best of 1000 answers is D*", np.all(abs(best - p / (p + q)) < 0.001))
others = [sigmoid(np.log(p / q) + a * np.sin(b * x + c)) for a, b, c in rng.uniform(0.01, 3, (200, 3))]
rivals = max(value(D, p, q) for D in others)
claim("200 other detectives earn less", rivals < value(p / (p + q), p, q), value(p / (p + q), p, q))

# %% [markdown]
# A smaller example: data from $N(-1, 1)$, forgeries from $N(1, 1)$. There the article's $D = p$ is at
# least below 1 everywhere, so that both can be paid.

# %%
wide = np.linspace(-9, 9, 3601)
p1, q1 = stats.norm(-1, 1).pdf(wide), stats.norm(1, 1).pdf(wide)
paid = [value(p1 / (p1 + q1), p1, q1, wide), value(p1, p1, q1, wide)]
claim("D* earns −0.713, the density −1.538", np.allclose(paid, [-0.7126, -1.5384], atol=1e-3), paid)
claim("the density earns less than the coin", paid[1] < -np.log(4), -np.log(4))

# %% [markdown]
# ### Your turn
#
# **20.1** In (20.3) half of the slips are genuine. Let the share of genuine slips be `pi`. Write the probability that a
# slip is genuine, given the densities `p` and `q` at its number.


# %%
def detective(p, q, pi):
    """Probability that a slip is genuine."""
    return ...  # your formula


check("20.1", detective)


# %% tags=["solution"] jupyter={"source_hidden": true}
# Solution 20.1
def detective(p, q, pi):
    """Probability that a slip is genuine."""
    return pi * p / (pi * p + (1 - pi) * q)


check("20.1", detective)

# %% [markdown]
# ### What a perfect detective leaves for the generator
#
# Put $D^*$ into (20.2). With the mixture $m = \tfrac12(p_\text{data} + p_g)$ we have $D^* = p_\text{data} / 2m$, and
# each logarithm gives off a $-\log 2$:
#
# $$V(D^*, G) = -\log 4 + 2\,\mathrm{JSD}, \qquad
# \mathrm{JSD} = \tfrac12 \int p_\text{data} \log \frac{p_\text{data}}{m}\,dx
# + \tfrac12 \int p_g \log \frac{p_g}{m}\,dx \tag{20.4}$$
#
# This is the *Jensen-Shannon divergence*: never negative, never above $\log 2$, and 0 only if the two densities agree.

# %%
# Equation (20.4): the value of the game against scipy's Jensen-Shannon distance (its square is the divergence)
from scipy.spatial.distance import jensenshannon

for name, a, b, grid in (("patients", p, q, x), ("two normals", p1, q1, wide)):
    v, jsd = value(a / (a + b), a, b, grid), jensenshannon(a, b) ** 2
    claim(f"{name}: V(D*) = −log 4 + 2 JSD", abs(v + np.log(4) - 2 * jsd) < 1e-4, [v, jsd])

# %% [markdown]
# So against a perfect detective, the generator minimises a distance. Its best is to match the data:
#
# $$\min_G \max_D V(D, G) = -\log 4, \quad \text{reached when } p_g = p_\text{data}, \text{ with } D^* = \tfrac12 \tag{20.5}$$
#
# Let the data be $N(0, 1)$ and the generator $N(\mu, 1)$, and move $\mu$, counted in standard deviations.


# %%
# Equation (20.5): the generator N(mu, 1) walks past the data N(0, 1)
def best_value(p, q, grid):
    """V(D*), written with 1 - D* = q / (p + q): it keeps its digits where D* is 1 to the computer."""
    return np.trapezoid(xlogy(p, p / (p + q)) + xlogy(q, q / (p + q)), grid)


grid = np.linspace(-12, 20, 6401)
data = stats.norm.pdf(grid)
mu = np.linspace(-8, 8, 65)
game_value = np.array([best_value(data, stats.norm.pdf(grid - m), grid) for m in mu])
at = np.argmin(game_value)
claim("the lowest value is at µ = 0", abs(mu[at]) < 1e-9, mu[at])
claim("it is −log 4", abs(game_value[at] + np.log(4)) < 1e-6, game_value[at])
D_there = data / (data + stats.norm.pdf(grid - mu[at]))
claim("there D* says ½ everywhere", np.all(abs(D_there - 0.5) < 1e-9))

# %% [markdown]
# A perfect generator makes the best detective helpless. So "the discriminator should judge accurately", as one often
# reads, is the way and not the goal.
#
# ## 4. What the discriminator knows: a ratio
#
# Turn (20.3) around. The *logit* of a probability $D$ is $\log\frac{D}{1-D}$, and
#
# $$\operatorname{logit} D^*(x) = \log \frac{p_\text{data}(x)}{p_g(x)} \tag{20.6}$$
#
# The discriminator is a **density-ratio estimator**. It learns neither density, only their ratio, and it needs nothing
# but samples. For the two normals above, $\operatorname{logit} D^* = -2x$. Does a classifier
# that sees 40,000 slips and no formula find that?

# %%
# Equation (20.6): a trained classifier against the ratio of the densities
from sklearn.linear_model import LogisticRegression

slips = np.concatenate([rng.normal(-1, 1, 20_000), rng.normal(1, 1, 20_000)])[:, None]
trained = LogisticRegression(C=1e6).fit(slips, np.repeat([1, 0], 20_000))  # 1: genuine
exact = np.log(p1 / q1)
claim("the ratio is −2x", np.allclose(exact, -2 * wide))
a, b = trained.coef_.item(), trained.intercept_.item()
claim("the trained logit has slope −2 and constant 0", abs(a + 2) < 0.12 and abs(b) < 0.08, [a, b])

# %% [markdown]
# ### Your turn
#
# **20.2** Forged slips can be made to speak for the patients: weigh each with $p_\text{data}/p_g$. Given numbers `x`
# from the generator and the discriminator's *logit* at each, estimate the mean of the **data**. Divide by the sum of the
# weights.


# %%
def data_mean(x, logit):
    """The mean of the data, estimated from generated numbers and the discriminator's logits."""
    return ...  # your code


check("20.2", data_mean)


# %% tags=["solution"] jupyter={"source_hidden": true}
# Solution 20.2
def data_mean(x, logit):
    """The mean of the data, estimated from generated numbers and the discriminator's logits."""
    weight = np.exp(logit)
    return np.sum(weight * x) / np.sum(weight)


check("20.2", data_mean)

# %% [markdown]
# ## 5. A loss that falls silent
#
# The generator learns by gradient descent through $D$. In the beginning its forgeries are poor, and $D$ is sure:
# $D(G(z)) = s \approx 0$. Write $s = \sigma(a)$ with the logit $a$. What comes back through $a$?
#
# $$\frac{\partial}{\partial a} \log\big(1 - \sigma(a)\big) = -s, \qquad
# \frac{\partial}{\partial a} \big(-\log \sigma(a)\big) = -(1 - s) \tag{20.7}$$
#
# The first is the generator's part of (20.2). It is **saturating**: where the forgery is hopeless, $s$ is nearly 0, and
# nothing comes back. The second is the **non-saturating** loss, which Goodfellow and others proposed in the
# same paper and which is what people train. It also pushes $s$ up, and loudest where the forgery is worst.
#
# In code all losses are written with logits, since `softplus(a)` $= \log(1 + e^a)$ never takes the logarithm of 0.

# %% tags=["medlib:models.gan.discriminator_loss", "medlib:models.gan.generator_loss"]
import keras
import tensorflow as tf

mean, softplus = tf.reduce_mean, tf.nn.softplus


def discriminator_loss(real, forged):
    """−V of (20.2), from the logits of genuine and forged examples."""
    return mean(softplus(-real)) + mean(softplus(forged))


def saturating_loss(forged):
    """log(1 − D), the generator's part of V."""
    return -mean(softplus(forged))


def generator_loss(forged):
    """−log D, the non-saturating loss."""
    return mean(softplus(-forged))


# %%
# Equation (20.7): the slopes by finite differences, on the losses that we shall train with
logits = np.linspace(-10, 10, 201)
slopes = {}
for name, loss in {"saturating": saturating_loss, "non-saturating": generator_loss}.items():
    slopes[name] = np.array([(loss(a + 5e-5) - loss(a - 5e-5)).numpy() / 1e-4 for a in logits])
s = sigmoid(logits)
claim("the saturating slope is −s", np.allclose(slopes["saturating"], -s, atol=1e-6))
claim("the non-saturating slope is −(1 − s)", np.allclose(slopes["non-saturating"], -(1 - s), atol=1e-6))
real_logits, forged_logits = (
    tf.constant(np.log(a / b)) for a, b in ((bayes(genuine), 1 - bayes(genuine)), (bayes(forged), 1 - bayes(forged)))
)
claim("the discriminator's loss is −V", abs(discriminator_loss(real_logits, forged_logits).numpy() + by_average) < 1e-6)
claim("at s = 5e-5 they differ more than 10,000-fold", (1 - s[0]) / s[0] > 1e4, (1 - s[0]) / s[0])

# %% [markdown]
# ### At the best discriminator the two are tied
#
# Back to $N(0, 1)$ and $N(\mu, 1)$, with $D^*$ for this $\mu$. The generator asks: which way should $\mu$ move? $D^*$
# is held still while it asks. The sum of the two losses is
# $\mathbb{E}_{p_g}[\log(1 - D^*) - \log D^*] = \mathbb{E}_{p_g}[\log (p_g / p_\text{data})]$, and the derivative of
# that is $\mu$. So
#
# $$\underbrace{\frac{\partial}{\partial \mu}\, \mathbb{E}_{p_g}[-\log D^*]}_{\text{non-saturating}} = \mu -
# \underbrace{\frac{\partial}{\partial \mu}\, \mathbb{E}_{p_g}[\log (1 - D^*)]}_{\text{saturating}} \tag{20.8}$$


# %%
# Equation (20.8): the identity, and what the saturating slope is a slope of
def pull(loss, mu, step=1e-4):
    """Slope of a generator's mean loss when mu moves and the best discriminator stands still."""
    logit = mu**2 / 2 - mu * grid  # (20.6) for N(0, 1) and N(mu, 1)
    moved = [np.trapezoid(stats.norm.pdf(grid - mu - e) * loss(logit), grid) for e in (step, -step)]
    return (moved[0] - moved[1]) / (2 * step)


steps_away = np.linspace(0.25, 8, 32)
saturating = np.array([pull(lambda a: -np.logaddexp(0, a), m) for m in steps_away])
non_saturating = np.array([pull(lambda a: np.logaddexp(0, -a), m) for m in steps_away])

claim("non-saturating = µ − saturating", np.allclose(non_saturating, steps_away - saturating, atol=1e-6))
right_half = game_value[mu >= 0]
fall = np.interp(steps_away[:-1] + 0.125, steps_away, saturating)
claim("the saturating slope is that of −log 4 + 2 JSD", np.allclose(np.diff(right_half)[1:] / 0.25, fall, atol=0.01))
claim("at µ = 8 it is below 0.001", saturating[-1] < 0.001, saturating[-1])
claim("there the other is 8", abs(non_saturating[-1] - 8) < 0.001, non_saturating[-1])

# %% mystnb={"image": {"alt": "Left: size of the gradient with respect to the logit of a forgery; the saturating one is near 0 for negative logits and 1 for positive ones, the non-saturating one the reverse. Right: pull on the generator against its distance from the data; the saturating pull rises to 0.5 near 1.5 standard deviations and dies out by 6, the non-saturating pull rises like a straight line to 8."}}
fig, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.4))
left.plot(logits, abs(slopes["saturating"]), label="saturating: log(1 − D)")
left.plot(logits, abs(slopes["non-saturating"]), "--", label="non-saturating: −log D")
left.set(
    xlabel="logit of a forgery (left: detected)", ylabel="size of the gradient", title="One forgery", ylim=(-0.05, 1.35)
)
left.legend(loc="upper center")
right.plot(steps_away, saturating)
right.plot(steps_away, non_saturating, "--")
right.set(xlabel="distance µ from the data, in SD", ylabel="slope in µ", title="A whole generator, D = D*")
plt.show()

# %% [markdown]
# On the left, the two losses mirror each other. On the right, the saturating pull is the slope of 2 JSD (20.4): it dies
# out beyond a few standard deviations, exactly where help is needed. The non-saturating pull grows with the distance.
# (For other families $\mu$ becomes the slope of $\mathbb{E}_{p_g}[\log(p_g / p_\text{data})]$, the *Kullback-Leibler
# divergence* of $p_g$ from $p_\text{data}$; Arjovsky and Bottou, 2017. They also show that its gradients get noisy when
# $D$ is nearly perfect.)
#
# ## 6. The game, live
#
# Now two small networks play for our patients' potassium. At each step both look at 128 genuine and 128 forged slips,
# and each moves its own weights to its own benefit, with Adam. (We switch off Adam's momentum, $\beta_1 = 0$: it
# remembers where the opponent was.)


# %%
def network(inputs, outputs, width=32):
    """Two hidden ReLU layers; the output is a number for G and a logit for D."""
    hidden = [keras.layers.Dense(width, activation="relu") for _ in range(2)]
    return keras.Sequential([keras.Input((inputs,)), *hidden, keras.layers.Dense(outputs)])


# %%
def game(G, D, data, rate_G=1e-3, rate_D=1e-3, penalty=lambda D, real: 0.0, batch=128):
    """A function play(steps): at each step both networks move, each for its own loss."""
    adam_G, adam_D = (keras.optimizers.Adam(rate, beta_1=0.0) for rate in (rate_G, rate_D))
    adam_G.build(G.trainable_variables)
    adam_D.build(D.trainable_variables)
    data = tf.constant(data, tf.float32)

    @tf.function
    def play(steps):
        for _ in tf.range(steps):
            real = tf.gather(data, tf.random.uniform([batch], 0, len(data), tf.int32))
            z = tf.random.normal([batch, G.input_shape[-1]])
            with tf.GradientTape(persistent=True) as tape:
                forged = D(G(z))
                loss_D = discriminator_loss(D(real), forged) + penalty(D, real)
                loss_G = generator_loss(forged)
            adam_D.apply(tape.gradient(loss_D, D.trainable_variables), D.trainable_variables)
            adam_G.apply(tape.gradient(loss_G, G.trainable_variables), G.trainable_variables)

    return lambda steps: play(tf.constant(steps))


# %% [markdown]
# The generator's gradient must pass *through* $D$ without moving it, and each optimiser may touch its own network
# only. Many programs that get this wrong still run. So we look before we play.

# %%
centre = patients.mean()
slips = (patients - centre)[:, None]  # the networks count from the mean, in mmol/L
G, D = network(1, 1), network(1, 1)
play = game(G, D, slips)

before = [net.get_weights() for net in (G, D)]
play(1)
moved = [
    max(abs(a - b).max() for a, b in zip(net.get_weights(), w, strict=True))
    for net, w in zip((G, D), before, strict=True)
]
claim("one step moves the generator", moved[0] > 1e-4, moved[0])
claim("and the discriminator", moved[1] > 1e-4, moved[1])

# %% [markdown]
# With one-dimensional noise we can also see what nobody sees in practice: the exact $p_g$ (push 20,000 evenly spread
# quantiles of the noise through $G$, and count), and with it the exact $D^*$ of the moment. The distance
# says how far, in mmol/L, a slip must be moved on average to turn one heap into the other; section 8 explains it.

# %%
edges = np.linspace(2, 8, 61)
middle, bin_width = (edges[1:] + edges[:-1]) / 2, edges[1] - edges[0]
p_bins = np.diff((1 - share) * usual.cdf(edges) + share * raised.cdf(edges)) / bin_width
z_all = stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000)[:, None]


def look(G, D):
    """One frame: the generated values, their density, D and the exact D*, and the distance to the patients."""
    made = centre + G(z_all).numpy()[:, 0].astype(float)
    q_bins = np.histogram(made, edges)[0] / len(made) / bin_width
    opinion = sigmoid(D((middle - centre)[:, None]).numpy()[:, 0].astype(float))
    return made, q_bins, opinion, p_bins / (p_bins + q_bins), stats.wasserstein_distance(made, patients)


def watch(play, G, D, steps=4000, every=100):
    """Play, and keep a frame of every hundredth step; the first frame is the beginning."""
    frames = [look(G, D)]
    for _ in range(steps // every):
        play(every)
        frames.append(look(G, D))
    return frames


plain = watch(play, G, D)


# %% mystnb={"image": {"alt": "Five frames of the plain game. The generated density starts as a narrow spike, spreads, finds two hills, and goes on changing its shape from frame to frame. The discriminator stays close to one half, while the exact best one swings widely."}}
def strip(frames, shown, title):
    """Frames of a game, one column each: densities above, D and D* below."""
    fig, axes = plt.subplots(2, len(shown), figsize=(8.4, 3.3), sharex=True, sharey="row")
    for (top, bottom), i in zip(axes.T, shown, strict=True):
        made, q_bins, opinion, exact, distance = frames[i]
        top.fill_between(middle, p_bins, color="0.8", label="patients")
        top.plot(middle, q_bins, label="generated", linewidth=1)
        top.set(ylim=(0, 1.8), title=f"step {100 * i}")
        bottom.plot(middle, opinion, color="black", label="D")
        bottom.plot(middle, np.where(p_bins + q_bins > 0.02, exact, np.nan), ":", color="C1", label="exact D*")
        bottom.set(ylim=(-0.03, 1.03), xlabel="mmol/L")
    axes[0, 0].legend(fontsize=8, loc="upper right")
    axes[1, 0].legend(fontsize=8, loc="lower right")
    axes[0, 0].set(ylabel="density")
    axes[1, 0].set(ylabel="P(genuine)")
    fig.suptitle(title, fontsize=11)
    plt.show()


strip(plain, (0, 3, 10, 25, 40), "Plain game, constant step size (simulated patients)")


# %% [markdown]
# The generator, which never saw a slip, finds both hills. But look at the last frames: the picture does not settle.
# Where the forger writes too much, the dotted $D^*$ dips, and $D$ leans that way a little; he leaves; now he is missing
# there, $D$ leans back, and he returns. The next section asks whether that is bad luck.

# %%
distance = np.array([frame[-1] for frame in plain])
claim("the generator comes within 0.2 mmol/L of the patients", distance.min() < 0.2, distance.min())
last = distance[-20:]
claim(
    "in the last 20 frames it still swings by a factor of two or more",
    last.max() > 2 * last.min(),
    [last.min(), last.max()],
)

# %% [markdown]
# In the lower row of the strip, the black $D$ is far flatter than the dotted $D^*$. (A ReLU network is made of straight
# pieces. So by (20.1) $p_g$ comes in steps and spikes, and $D^*$ with it.) Is (20.3) wrong here, or is $D$ late? We stop
# the generator where it stands, with a step size of 0, and let $D$ play 3000 steps alone. Grey is $D$ before, black is
# $D$ after.


# %% mystnb={"image": {"alt": "The discriminator against potassium before and after 3000 steps alone, with the exact best one. Before, it is nearly flat at one half; after, it follows the hills and valleys of the exact curve."}}
def error(frame):
    """Mean distance between D and the exact D*, over genuine and forged slips."""
    made, q_bins, opinion, exact, _ = frame
    return np.sum(abs(opinion - exact) * (p_bins + q_bins) / 2) * bin_width


game(G, D, slips, rate_G=0.0)(3000)
late, alone = plain[-1], look(G, D)
fig, ax = plt.subplots(figsize=(6.4, 3))
ax.plot(middle, late[2], "--", color="0.5", label="D, in the game")
ax.plot(middle, alone[2], color="black", label="D, after 3000 steps alone")
ax.plot(middle, np.where(p_bins + alone[1] > 0.02, alone[3], np.nan), ":", color="C1", label="exact D*")
ax.set(xlabel="potassium, mmol/L", ylabel="P(genuine)", ylim=(0, 1), title="The detective was late (simulated)")
ax.legend(loc="lower left", fontsize=8)
plt.show()

claim("the generator stood still", np.array_equal(alone[0], late[0]))
claim(
    "alone, D comes closer to D*: the error falls by a third at least",
    error(alone) < error(late) / 1.5,
    [error(late), error(alone)],
)

# %% [markdown]
# ## 7. Why it circles
#
# Take the smallest GAN there is (Mescheder and others, 2018). All genuine slips say 0. The generator always writes
# one number, $\theta$. The discriminator is $D(x) = \sigma(\psi x)$ with a single weight $\psi$. The solution is
# $\theta = \psi = 0$. Here $V = -\log 2 + \log(1 - \sigma(\psi\theta))$, with the slopes
# $-\psi\,\sigma(\psi\theta)$ in $\theta$ and $-\theta\,\sigma(\psi\theta)$ in $\psi$. With step size $\alpha$, $G$
# goes down and $D$ goes up.


# %%
def dirac(theta, psi, alpha, gamma=0.0, alternating=False):
    """One step of the smallest GAN: the generator's number theta, the discriminator's weight psi."""
    new_theta = theta + alpha * psi * sigmoid(psi * theta)
    seen = new_theta if alternating else theta
    return new_theta, psi - alpha * (seen * sigmoid(psi * seen) + gamma * psi)


def journey(start, steps, **options):
    """The points visited, one row each."""
    path = [start]
    for _ in range(steps):
        path.append(dirac(*path[-1], **options))
    return np.array(path)


def jacobian(**options):
    """Of one step at the solution, by finite differences; row: what changes, column: what it depends on."""
    columns = [(np.array(dirac(*e, **options)) - dirac(*-e, **options)) / 2e-5 for e in 1e-5 * np.eye(2)]
    return np.transpose(columns)


eigenvalues = lambda **options: np.linalg.eigvals(jacobian(**options))


# %% [markdown]
# Near the solution $\sigma(\psi\theta) = \tfrac12$, so one step multiplies $(\theta, \psi)$ by a fixed matrix $J$. As
# in notebook 12, its eigenvalues $\lambda$ decide: below 1 in size, the game converges; above, it runs away. If both
# players move **at the same time**,
#
# $$J = \begin{pmatrix} 1 & \alpha/2 \\ -\alpha/2 & 1 \end{pmatrix}, \qquad
# |\lambda| = \sqrt{1 + \alpha^2/4} > 1 \tag{20.9}$$
#
# The matrix turns and stretches. No step size is small enough. If they **alternate**, $D$ answering the new
# $\theta$,
#
# $$J = \begin{pmatrix} 1 & \alpha/2 \\ -\alpha/2 & 1 - \alpha^2/4 \end{pmatrix}, \qquad
# \det J = 1, \quad |\lambda| = 1 \tag{20.10}$$
#
# as long as $\alpha < 4$. They circle for ever.

# %%
# Equations (20.9) and (20.10): eigenvalues, and journeys
radius = lambda path: np.linalg.norm(path, axis=1)
for alpha in (0.1, 0.5):
    matrix = [[1, alpha / 2], [-alpha / 2, 1]]
    claim(f"α = {alpha}: the step's Jacobian is J", np.allclose(jacobian(alpha=alpha), matrix, atol=1e-7))
    size, r = abs(eigenvalues(alpha=alpha)), radius(journey((1e-4, 0.0), 1000, alpha=alpha))[[0, 10]]
    claim(f"α = {alpha}: |λ| is √(1 + α²/4)", np.allclose(size, np.sqrt(1 + alpha**2 / 4), atol=1e-7), size)
    claim("the journey grows at that rate", abs((r[1] / r[0]) ** 0.1 - size[0]) < 1e-6, (r[1] / r[0]) ** 0.1)
in_turns = jacobian(alpha=0.1, alternating=True)
claim("in turns, it is the J of (20.10)", np.allclose(in_turns, [[1, 0.05], [-0.05, 1 - 0.0025]], atol=1e-7))
size = {alpha: abs(eigenvalues(alpha=alpha, alternating=True)).max() for alpha in (0.1, 3.9, 4.1)}
claim(
    "and |λ| is 1, as long as α < 4",
    max(abs(size[0.1] - 1), abs(size[3.9] - 1)) < 1e-7 and size[4.1] > 1.1,
    list(size.values()),
)
r = radius(journey((1.0, 0.0), 4000, alpha=0.1, alternating=True))
claim("after 4000 steps the radius is still between 0.7 and 1.5", 0.7 < r[-1] < 1.5, r[-1])

# %% [markdown]
# The cure is friction. Add to the discriminator's loss a penalty on its slope at genuine examples,
# $\tfrac{\gamma}{2}\, \mathbb{E}_{p_\text{data}} \|\nabla_x \operatorname{logit} D(x)\|^2$, called **R1**. In our game
# the slope of the logit is $\psi$, and the penalty's gradient $\gamma\psi$ pulls $\psi$ to 0:
#
# $$\lambda = 1 + \frac{\alpha}{2}\left(-\gamma \pm \sqrt{\gamma^2 - 1}\right) \tag{20.11}$$
#
# For $\gamma < 1$ the root is imaginary, and the game turns: inwards, if the friction is large enough for the step
# (exercise 20.3). At $\gamma = 1$ it is fastest, with $\lambda = 1 - \alpha/2$. Above 1 there is no turning left, and more
# friction makes it slower again: $\gamma = 2$ is about as slow as 0.3.

# %%
# Equation (20.11): at the same time, with friction
alpha = 0.1
for gamma in (0.1, 0.3, 2.0):
    root = np.emath.sqrt(gamma**2 - 1)
    theory = max(abs(1 + alpha / 2 * (-gamma + sign * root)) for sign in (1, -1))
    size = abs(eigenvalues(alpha=alpha, gamma=gamma)).max()
    claim(
        f"γ = {gamma}: the larger |λ| is that of the formula, and below 1", abs(size - theory) < 1e-7 and size < 1, size
    )

# %% [markdown]
# Four games from the same start, at $(1, 0)$:


# %% mystnb={"image": {"alt": "Four phase planes, generator against discriminator. Together without friction the path spirals outwards; in turns it runs round a closed ring; with friction 0.3 it spirals into the centre; with friction 2 it slides to the centre without turning, about as slowly."}}
def phase_plane(alpha=0.2, gamma=0.0, alternating=False, ax=None):
    """Two hundred steps of the smallest GAN over the field of directions."""
    ax = ax or plt.subplots(figsize=(4, 3.6))[1]
    t, s = np.meshgrid(np.linspace(-2, 2, 7), np.linspace(-2, 2, 7))
    new_t, new_s = dirac(t, s, 0.01, gamma)
    ax.quiver(t, s, new_t - t, new_s - s, color="0.75", angles="xy")
    path = journey((1.0, 0.0), 200, alpha=alpha, gamma=gamma, alternating=alternating)
    ax.plot(*path.T, ".-", markersize=3, linewidth=0.8)
    ax.plot(0, 0, "k+", markersize=10)
    way = "in turns" if alternating else "together"
    size = abs(eigenvalues(alpha=alpha, gamma=gamma, alternating=alternating)).max()
    ax.set(xlim=(-2, 2), ylim=(-2, 2), title=f"{way}, γ = {gamma:.2g}: |λ| = {size:.3f}")
    ax.set(xlabel="generator θ", ylabel="discriminator ψ", aspect="equal")
    ax.label_outer()


fig, axes = plt.subplots(2, 2, figsize=(5.4, 4.8))
options = [{}, {"alternating": True}, {"gamma": 0.3}, {"gamma": 2.0}]
for ax, option in zip(axes.flat, options, strict=True):
    phase_plane(**option, ax=ax)
plt.show()


# %% [markdown]
# Steer it yourself: run the next cell. Find the least friction at which "together" no longer runs away. Does it change
# with α?

# %%
from ipywidgets import Checkbox, FloatSlider, interact

_ = interact(
    lambda alpha, gamma, alternating: (phase_plane(alpha, gamma, alternating), plt.show())[1],
    alpha=FloatSlider(0.2, min=0.02, max=0.6, step=0.02, description="step size α"),
    gamma=FloatSlider(0.0, min=0.0, max=2.0, step=0.01, description="friction γ"),
    alternating=Checkbox(False, description="in turns"),
)

# %% [markdown]
# ### Your turn
#
# **20.3** Write that least friction as a function of α, for players who move together. The eigenvalues are a complex
# pair here, so $|\lambda|^2 = \det J$, and friction adds $-\alpha\gamma$ to one entry of the $J$ in (20.9).


# %%
def least_friction(alpha):
    """The smallest gamma at which the game does not run away."""
    return ...  # your formula


check("20.3", least_friction)


# %% tags=["solution"] jupyter={"source_hidden": true}
# Solution 20.3
def least_friction(alpha):
    """The smallest gamma at which the game does not run away."""
    return alpha / 4  # det J = 1 - alpha gamma + alpha^2 / 4 = 1


check("20.3", least_friction)

# %% [markdown]
# ### The live game, damped
#
# The same networks again, with two changes: R1 with $\gamma = 1$, and step sizes that fall along a cosine, from
# 0.001 to a hundredth of that. Friction is meant to stop the circling, the falling step to quiet the noise of the batches,
# as in notebook 12. We test the two together, not each alone.


# %% tags=["medlib:models.gan.r1"]
def r1(D, real, gamma=1.0):
    """Half gamma times the mean squared slope of the logit at genuine examples."""
    with tf.GradientTape() as tape:
        tape.watch(real)
        logit = D(real)
    slope = tf.reshape(tape.gradient(logit, real), (tf.shape(real)[0], -1))
    return gamma / 2 * mean(tf.reduce_sum(slope**2, axis=1))


# %% mystnb={"image": {"alt": "Five frames of the damped game. The generated density spreads, splits into two hills and at step 4000 nearly covers the patients' density. The discriminator is flat at one half, and the exact best one comes closer to it."}}
cosine = lambda: keras.optimizers.schedules.CosineDecay(1e-3, decay_steps=4000, alpha=0.01)
G, D = network(1, 1), network(1, 1)
damped = watch(game(G, D, slips, cosine(), cosine(), penalty=r1), G, D)
strip(damped, (0, 3, 10, 25, 40), "Damped game (simulated patients)")


# %% mystnb={"image": {"alt": "Distance between generated and genuine potassium over 4000 steps. The plain game goes up and down, between less than 0.1 and more than 0.4 mmol/L, to the end; the damped game falls and stays below 0.1 at the end."}}
fig, ax = plt.subplots()
for name, frames in {"plain": plain, "damped": damped}.items():
    ax.plot(100 * np.arange(len(frames)), [frame[-1] for frame in frames], label=name)
ax.set(
    xlabel="step",
    ylabel="distance to the patients, mmol/L",
    title="Two live games (simulated patients)",
    ylim=(0, None),
)
ax.legend()
plt.show()

# %% [markdown]
# Is the game at its value now? Does $D$ say what $D^*$ says? Does the forger write as many raised values, above
# 5.5 mmol/L, as the unit measures?

# %%
made, q_bins, opinion, exact, gap = damped[-1]
calm = np.mean([frame[-1] for frame in damped[-20:]])
claim("over the last 20 frames the damped game is nearer than the plain one", calm < last.mean(), [calm, last.mean()])
claim("it ends within 0.1 mmol/L of the patients", gap < 0.1, gap)
claim("D is within 0.1 of D*, on average over slips", error(damped[-1]) < 0.1, error(damped[-1]))
v = np.sum(xlogy(p_bins, opinion) + xlogy(q_bins, 1 - opinion)) * bin_width
claim("the game stands within 0.01 of −log 4", abs(v + np.log(4)) < 0.01, v)
high = np.array([np.mean(made > 5.5), np.mean(patients > 5.5)])
claim("the share above 5.5 mmol/L is right within 0.05", abs(high[0] - high[1]) < 0.05, high)

# %% [markdown]
# A value of $-\log 4$ means either a finished game or a discriminator that learned nothing. The distance tells which.
#
# ## 8. A distance for heaps that do not overlap
#
# Two analysers measure the same control sample. One reads between 3.9 and 4.1 mmol/L, the other the same plus an
# error of $\theta$. How far apart are they? For the JSD, any two heaps that do not touch are equally far: $\log 2$.
#
# A physicist would ask how much *work* turns one heap into the other: mass times way, by the best plan. This is the
# **Wasserstein-1** distance $W_1$. On a line the best plan is to keep the order. For $n$ values on either side,
# sorted,
#
# $$W_1 = \frac1n \sum_{i=1}^{n} \big| x_{(i)} - y_{(i)} \big| \tag{20.12}$$

# %%
# Equation (20.12): sorting against every possible plan, and against scipy
from itertools import permutations

w1 = lambda x, y: np.mean(abs(np.sort(x) - np.sort(y)))
few, other = draw_patients(7), forger.rvs(7, random_state=rng)
cheapest = min(np.mean(abs(few - other[list(plan)])) for plan in permutations(range(7)))
claim("none of the 5040 plans for seven slips is cheaper", abs(w1(few, other) - cheapest) < 1e-12, cheapest)
many = forger.rvs(5000, random_state=rng)
claim("scipy agrees", abs(w1(patients, many) - stats.wasserstein_distance(patients, many)) < 1e-9, w1(patients, many))

# %% mystnb={"image": {"alt": "Two measures of the error of an analyser. The Jensen-Shannon divergence climbs to log 2 while the heaps still overlap, up to 0.2 mmol/L, and is flat beyond; the Wasserstein distance is a straight line through the origin."}}
errors = np.linspace(0, 0.6, 61)
fine = np.linspace(3.8, 4.8, 10_001)
flat = lambda start: ((fine >= start - 1e-9) & (fine < start + 0.2 - 1e-9)).astype(float)
jsd = np.array([jensenshannon(flat(3.9), flat(3.9 + e)) ** 2 for e in errors])
heap = rng.uniform(3.9, 4.1, 2000)
moved = np.array([w1(heap, heap + e) for e in errors])
fig, ax = plt.subplots()
ax.plot(errors, jsd, label="Jensen-Shannon, nats")
ax.plot(errors, moved, "--", label="Wasserstein-1, mmol/L")
ax.set(xlabel="error θ of the second analyser, mmol/L", ylabel="distance", title="Only one of them sees how far")
ax.legend()
plt.show()

claim("from 0.2 mmol/L on the JSD is log 2 and has no slope", np.allclose(jsd[errors > 0.205], np.log(2)))
claim("W₁ is the error itself", np.allclose(moved, errors))

# %% [markdown]
# ### Your turn
#
# **20.4** Two heaps of *different* size cannot be paired by sorting. But $W_1$ is also the area between the two
# cumulative distributions. Write it for samples `x` and `y` of any sizes, without a library's distance.
# (`np.searchsorted(np.sort(x), points, side="right")` counts how many of `x` are at or below each point.)


# %%
def wasserstein(x, y):
    """W1 of two samples of any sizes."""
    return ...  # your code


check("20.4", wasserstein)


# %% tags=["solution"] jupyter={"source_hidden": true}
# Solution 20.4
def wasserstein(x, y):
    """W1 of two samples of any sizes."""
    points = np.sort(np.concatenate([x, y]))
    F, H = (np.searchsorted(np.sort(s), points, side="right") / len(s) for s in (x, y))
    return np.sum(abs(F - H)[:-1] * np.diff(points))


check("20.4", wasserstein)

# %% [markdown]
# ### The critic
#
# Images cannot be sorted. But the same distance has a second face (Kantorovich and Rubinstein): among all functions
# $f$ whose slope is nowhere steeper than 1, find the one that separates the two means best,
#
# $$W_1 = \max_{|f'| \le 1} \; \mathbb{E}_{x \sim p_\text{data}}[f(x)] - \mathbb{E}_{x \sim p_g}[f(x)] \tag{20.13}$$
#
# That $f$ is the **critic**: a discriminator without the logarithm. On a line it is known. It climbs where the
# generator's cumulative distribution $F_g$ lies above the data's, and falls where it lies below.

# %%
# Equation (20.13): the known critic earns W1; a thousand others, with slopes of at most 1, earn less
F_data = (1 - share) * usual.cdf(x) + share * raised.cdf(x)
F_g = forger.cdf(x)
earn = lambda f: np.trapezoid(f * (p_patients(x) - forger.pdf(x)), x)
critic = np.cumsum(np.sign(F_g - F_data)) * (x[1] - x[0])
claim("the known critic earns W₁", abs(earn(critic) - np.trapezoid(abs(F_data - F_g), x)) < 0.005, earn(critic))
claim("which is what sorting gives, up to the luck of the draw", abs(earn(critic) - w1(patients, many)) < 0.06)
waves = [np.sin(a * x + b) / a for a, b in rng.uniform(0.3, 6, (1000, 2))]  # the slope is cos(ax + b)
claim("a thousand other critics earn less", max(abs(earn(f)) for f in waves) < earn(critic))

# %% [markdown]
# ### A penalty on the slope, and its price
#
# How does one keep a network's slope at 1? WGAN-GP (Gulrajani and others, 2017) adds a **gradient penalty**: the critic
# maximises $\mathbb{E}_{p_\text{data}} f - \mathbb{E}_{p_g} f - \lambda\,\mathbb{E}\,(|f'(\hat x)| - 1)^2$, at points
# $\hat x$ drawn between genuine and generated ones. (Here $\lambda$ is the penalty's weight, not an eigenvalue.) But a
# penalty is no wall. Let two heaps lie $W$ apart. A critic of slope $s$ earns $sW - \lambda (s - 1)^2$, and that is
# largest at
#
# $$s = 1 + \frac{W}{2\lambda}, \qquad \text{so that it reports } \; sW = W + \frac{W^2}{2\lambda}
# \; \text{ instead of } W \tag{20.14}$$
#
# Let a network find out. Two analysers read one control sample, 1.5 mmol/L apart, each with a standard deviation of
# 0.1 mmol/L.


# %%
def train_critic(a, b, weight, steps=600):
    """A critic with gradient penalty between samples a and b; returns the distance it reports."""
    a, b = (tf.constant(s[:, None], tf.float32) for s in (a, b))
    f = network(1, 1)
    adam = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(5e-3, steps, alpha=0.01), beta_1=0.5)
    adam.build(f.trainable_variables)

    @tf.function
    def train():
        for _ in tf.range(steps):
            u = tf.random.uniform(a.shape)
            between = u * a + (1 - u) * tf.random.shuffle(b)
            with tf.GradientTape() as tape:
                with tf.GradientTape() as inner:
                    inner.watch(between)
                    height = f(between)
                slope = tf.abs(inner.gradient(height, between))
                loss = mean(f(b)) - mean(f(a)) + weight * mean((slope - 1) ** 2)
            adam.apply(tape.gradient(loss, f.trainable_variables), f.trainable_variables)

    train()
    return float(mean(f(a)) - mean(f(b)))


# %%
# Equation (20.14): what the trained critic reports, against the truth and the formula
first, second = rng.normal(0, 0.1, 512), rng.normal(1.5, 0.1, 512)  # mmol/L, counted from 4.0
W = w1(first, second)
for weight in (1.0, 10.0):
    report = train_critic(first, second, weight)
    claim(
        f"λ = {weight:g}: the report is W + W²/2λ within 1 %",
        abs(report / (W + W**2 / (2 * weight)) - 1) < 0.01,
        report,
    )
    claim(f"that is too much by {W / (2 * weight):.0%}, for a true distance of {W:.2f}", report > 1.05 * W)

# %% [markdown]
# With the usual $\lambda = 10$ the critic overstates by about 7 % here, and by more when the heaps are farther apart.
# For *training* that is harmless, as the direction is right. For *reporting* a distance it is not.
#
# ### A wall instead: the spectral norm
#
# The other way is to bound each layer. A matrix $A$ stretches no vector by more than its largest singular value
# $\|A\|_2$; ReLU stretches nothing. Divide every weight matrix by its $\|A\|_2$, and the network's slope is at most 1
# (Miyato and others, 2018). *Power iteration* finds it without a decomposition: start with any $v$, and repeat
#
# $$u \leftarrow \frac{A v}{\|A v\|}, \qquad v \leftarrow \frac{A^\top u}{\|A^\top u\|}, \qquad
# \|A\|_2 \approx u^\top A\, v \tag{20.15}$$


# %%
# Equation (20.15): power iteration against the singular value decomposition, on the hidden layer of our discriminator
def spectral_norm(A, repeats):
    """The largest singular value of A, by power iteration."""
    v = rng.normal(size=A.shape[1])
    for _ in range(repeats):
        u = A @ v / np.linalg.norm(A @ v)
        v = A.T @ u / np.linalg.norm(A.T @ u)
    return u @ A @ v


A = D.layers[1].kernel.numpy().astype(float)
exact = np.linalg.svd(A, compute_uv=False)[0]
claim("300 repeats agree with the decomposition", abs(spectral_norm(A, 300) / exact - 1) < 1e-3, exact)
claim("one repeat underestimates", spectral_norm(A, 1) < 0.97 * exact, spectral_norm(A, 1))
pairs = rng.normal(size=(2, 1000, A.shape[1]))
stretch = np.linalg.norm((pairs[0] - pairs[1]) @ A.T, axis=1) / np.linalg.norm(pairs[0] - pairs[1], axis=1)
claim("no pair of points is stretched more", stretch.max() <= exact, stretch.max())

# %% [markdown]
# In practice one repeat per training step does: $v$ is kept, and the weights hardly move.
#
# ## 9. Does a GAN collapse?
#
# It is often said that a plain GAN "suffers from mode collapse": it writes one kind of example and forgets the others.
# A well-known test has eight small heaps on a ring: think of eight kinds of patients, and two measurements. We play the
# plain game of section 6 three times with equal step sizes, and three times with a discriminator whose step size is
# about thirty times smaller. Nothing else differs.

# %%
angles = np.arange(8) * np.pi / 4
centres = 2 * np.c_[np.cos(angles), np.sin(angles)]
ring = centres[rng.integers(8, size=20_000)] + 0.05 * rng.normal(size=(20_000, 2))


def kinds(samples):
    """How many heaps hold at least 2 % of the samples, within 0.25 of their centre (a fair share is 12.5 %)."""
    away = np.linalg.norm(samples[:, None] - centres, axis=2)
    hits = np.bincount(away.argmin(axis=1)[away.min(axis=1) < 0.25], minlength=8)
    return np.sum(hits >= 0.02 * len(samples))


claim("the data have eight kinds", kinds(ring) == 8)

# %%
from medlib.lesson import track


def ring_game(rate_D):
    """Samples after 1000, 2000, 3000 and 4000 steps."""
    G, D, noise = network(2, 2, width=64), network(2, 1, width=64), tf.random.normal([2000, 2])
    play, frames = game(G, D, ring, rate_D=rate_D), []
    for _ in range(4):
        play(1000)
        frames.append(G(noise).numpy())
    return frames


plan = [1e-3] * 3 + [3e-5] * 3
games = [ring_game(rate_D) for rate_D in track(plan, "six games")]
found = np.array([[kinds(frame) for frame in frames] for frames in games])

# %% mystnb={"image": {"alt": "Generated points after 1000 to 4000 steps, with small rings at the eight true heaps. Upper row, equal step sizes: the points spread over the ring and end on the heaps. Lower row, slow discriminator: the points lie in a clump or a streak that is elsewhere in each frame, mostly between the heaps."}}
fig, axes = plt.subplots(2, 4, figsize=(8, 4.3), sharex=True, sharey=True)
for row, (name, frames) in zip(axes, {"equal": games[0], "slow D": games[3]}.items(), strict=True):
    for i, (ax, frame) in enumerate(zip(row, frames, strict=True), 1):
        ax.plot(*centres.T, "o", color="0.6", markersize=9, fillstyle="none")
        ax.plot(*frame[:600].T, ".", markersize=2, alpha=0.5)
        ax.set(xlim=(-3, 3), ylim=(-3, 3), aspect="equal", title=f"{name}, step {1000 * i}: {kinds(frame)} of 8")
        ax.title.set_fontsize(8)
plt.show()

# %%
import pandas as pd

kept, lost = found[:3, -1], found[3:, -1]
claim("equal step sizes: the three games end with at least 20 of 24 kinds", kept.sum() >= 20, kept)
claim("slow discriminator: with at most 6 of 24", lost.sum() <= 6, lost)
names = [f"{name}, game {k}" for name in ("equal", "slow D") for k in (1, 2, 3)]
pd.DataFrame(found, index=names, columns=[f"step {1000 * i}" for i in (1, 2, 3, 4)])


# %% [markdown]
# With equal steps, all or nearly all kinds are kept. In these games collapse was not a property of "the vanilla GAN"
# but of two **time scales**. While the slow discriminator stands nearly still, the generator does what is best against
# it: all forgeries go where $D$ is highest. By the time $D$ has noticed, the clump moves on. Often it lies on no heap
# at all: then not one kind is written, but none. This is $\max_D$ and $\min_G$ in the wrong order. (All games had
# equally many steps. Whether the slow ones would arrive in thirty times as many, we did not test.)
#
# This is one data set and one architecture, and a real collapse can have other causes. (Is ten times slower slow enough?
# Put 1e-4 into the plan and see.) But ask first, when a generator repeats itself: is the discriminator keeping up?
#
# ## Three questions
#
# Answer aloud, then open.
#
# <details><summary>After an hour, your discriminator is right for 50 of 100 images. Has the generator
# succeeded?</summary>Perhaps. At the solution D* is ½ everywhere (20.5). But a discriminator that has learned nothing,
# or a frozen one, says ½ too. Train a fresh discriminator to the end against the fixed generator, or measure a
# distance on samples that neither network has seen.</details>
#
# <details><summary>Would the non-saturating loss stop the circling of section 7?</summary>No. At the solution
# σ(ψθ) = ½, and there s and 1 − s are the same. The matrix J, and with it every eigenvalue of (20.9) to (20.11), stays
# what it was. Saturation is a problem far from the solution, circling is one near it.</details>
#
# <details><summary>A report says: "WGAN-GP critic, λ = 10: distance 0.30 at hospital A and 0.60 at hospital B, so B is
# exactly twice as far." Two objections?</summary>The report is biased upwards (20.14), and the larger distance is biased
# more; undone, the ratio is below 2. And a critic is trained: if it has not converged, it reports too little.</details>
#
# ## In this notebook we ...
#
# - stated a game between a forger and a detective, and its value,
# - derived the best detective, $p/(p+q)$, who estimates a ratio, in place of the article's $D(x) = p(x)$,
# - saw that against him the generator minimises a Jensen-Shannon divergence, down to the value $-\log 4$,
# - found where the first loss falls silent, and tied the two losses by an identity,
# - trained a GAN whose densities are known, saw it circle, computed why, and damped it,
# - measured distances without overlap by sorting and by a critic, and saw the price of its penalty, and
# - saw most of eight kinds of patients kept, or nearly all lost, by nothing but the ratio of two step sizes.
#
# **Pitfalls**
# - The gradient of $\log(1 - D)$ in the logit vanishes where $D \approx 0$, at *bad* forgeries. A well-known
#   online textbook has it at $D \approx 1$; there it is largest.
# - A loss curve of a GAN is not a learning curve: both players' losses depend on the other's skill. Plot a distance.
# - Compiling $D$, setting `D.trainable = False` and compiling a stacked model, as in many older programs, can silently
#   leave $D$ untrained in Keras 3. Write both gradients down, and test that both networks move.
# - A generator that matches the data may also have copied them. On this page nothing tests for that.
# - Our patients were one number each, from a density that we made. Nothing here says that a GAN's output is safe to
#   use in place of patients.
#
# **Further reading**
# - Goodfellow and others, *Generative adversarial nets* (NeurIPS 2014): the game, (20.3) to (20.5), and both losses.
# - Arjovsky and Bottou, *Towards principled methods for training generative adversarial networks* (ICLR 2017): the
#   identity behind (20.8), and disjoint supports.
# - Arjovsky, Chintala and Bottou, *Wasserstein generative adversarial networks* (ICML 2017); Gulrajani and others,
#   *Improved training of Wasserstein GANs* (NeurIPS 2017); Miyato and others, *Spectral normalization for generative
#   adversarial networks* (ICLR 2018).
# - Mescheder, Geiger and Nowozin, *Which training methods for GANs do actually converge?* (ICML 2018): the smallest
#   GAN, and R1.
# - Metz and others, *Unrolled generative adversarial networks* (ICLR 2017): the ring of eight. Heusel and others,
#   *GANs trained by a two time-scale update rule converge to a local Nash equilibrium* (NeurIPS 2017): why the
#   discriminator should be the faster one.
#
# **Next**: [notebook 21](21_gan_images.ipynb), images from a GAN.
