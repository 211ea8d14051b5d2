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
# # The loss of a VAE: a bound that can be checked
#
# After this notebook you can
# - **say** what each term of the loss of a variational autoencoder (VAE) is for, and **derive** it,
# - **compute** a Gaussian KL divergence and a reparameterised gradient, and check both,
# - **recognise** a wrong VAE loss when you meet one, and
# - **predict** from eigenvalues how many latent variables survive training.
#
# | needs | read | run | data |
# |---|---|---|---|
# | [notebook 12](12_gradient_descent.ipynb), expectation and normal distribution | 45 min | 30 s | simulated |
#
# Here are three losses for the same small VAE, as formulas in its three parameters: the encoder's slope $a$, the
# decoder's slope $w$ and the encoder's variance $v$. The first is printed in an article. The second repairs one sign.
# The third is right. You need not understand them yet: watch them descend.

# %%
import math

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from medlib.lesson import check, claim, setup

rng = setup(seed=0)
entropy = 0.5 * math.log(2 * math.pi * math.e * 4)  # of the data, in nats; they have variance 4


# %%
def parts(a, w, v):
    """E[-log p(x|z)], E[log p(z)] and E[log q(z|x)], when x ~ N(0, 4), z ~ N(a x, v) and p(x|z) = N(w z, 1)."""
    misfit = 0.5 * math.log(2 * math.pi) + 0.5 * (4 * (1 - w * a) ** 2 + w * w * v)
    prior = -0.5 * math.log(2 * math.pi) - 0.5 * (4 * a * a + v)
    return misfit, prior, -0.5 * math.log(2 * math.pi * math.e * v)


def printed(a, w, v):
    return -entropy + parts(a, w, v)[0] + parts(a, w, v)[1]


def sign_repaired(a, w, v):
    return parts(a, w, v)[0] - parts(a, w, v)[1]


def correct(a, w, v):
    misfit, prior, code = parts(a, w, v)
    return misfit - prior + code


# %%
def slope(loss, theta, h=1e-5):
    """The gradient by central differences, for theta = (a, w, log v)."""
    shifted = lambda i, by: loss(*theta[:i], theta[i] + by, *theta[i + 1 :])
    return np.array([(shifted(i, h) - shifted(i, -h)) / (2 * h) for i in range(3)])


def descend(loss, steps=8000, alpha=0.01):
    """Gradient descent; no parameter moves by more than 0.1 in a step. Rows of the path: (loss, a, w, v). Stops below -1e12."""
    by_log = lambda a, w, log_v: loss(a, w, math.exp(log_v))
    theta, path = np.array([0.1, 0.5, 0.0]), []
    for _ in range(steps):
        path.append([by_log(*theta), *theta[:2], math.exp(theta[2])])
        if path[-1][0] < -1e12:
            break
        theta = theta - np.clip(alpha * slope(by_log, theta), -0.1, 0.1)
    return np.array(path)


paths = {loss.__name__: descend(loss) for loss in (printed, sign_repaired, correct)}

# %% mystnb={"image": {"alt": "Left: the printed loss sinks from the first step on, ever faster, and passes minus 1e12 before step 500. Right: the right loss falls to a dotted line at 2.112, the entropy of the data, and stays; the loss with only the sign repaired crosses that line and creeps on towards 1.838."}}
fig, axes = plt.subplots(1, 2, figsize=(7.6, 3.2))
axes[0].plot(paths["printed"][:, 0], color="C1")
axes[0].set_yscale("symlog", linthresh=10)
axes[0].set(xlabel="step", ylabel="loss in nats (symmetric log)", title="As printed")
axes[1].semilogx(paths["sign_repaired"][:, 0], color="C1", label="sign repaired")
axes[1].semilogx(paths["correct"][:, 0], color="C0", label="right")
axes[1].axhline(entropy, color="black", linestyle=":")
axes[1].text(1, entropy - 0.02, "entropy of the data", va="top")
axes[1].set(xlabel="step", ylim=(1.7, 3.2), title="Two repairs")
axes[1].legend()
plt.show()
claim("the printed loss falls below -1e12", paths["printed"][-1, 0] < -1e12, f"step {len(paths['printed'])}")
claim("the repaired sign ends below the entropy of the data", paths["sign_repaired"][-1, 0] < entropy - 0.15)
claim("the right loss ends at the entropy", abs(paths["correct"][-1, 0] - entropy) < 1e-4, paths["correct"][-1, 0])

# %% [markdown]
# All three run without an error. Only one is a loss, and a single number tells: averaged over fresh data, no honest VAE
# loss, with all its constants and the full KL, can fall below their entropy. The rest of this page says why. (A *nat*
# is the unit of natural logarithms: 1.44 bits.)
#
# ## 1. A hidden cause
#
# Measure the systolic blood pressure of a thousand people at two visits. In our **simulated** clinic the usual
# pressure differs between people with a standard deviation of 17.3 mmHg, and each reading misses it by 10 mmHg. We
# count from the average, in steps of 10 mmHg. So a hidden $z \sim \mathcal N(0, 1)$ makes the usual pressure
# $w z$ with $w = \sqrt 3$, and a reading is $x \sim \mathcal N(w z, \tau^2)$ with $\tau^2 = 1$. Nobody sees $z$.

# %% mystnb={"image": {"alt": "Two scatter plots of simulated readings. At left the second visit against the first, a tilted cloud coloured by the hidden usual pressure, which runs along the cloud. At right what is left after the usual pressure is subtracted: a round cloud."}}
w, tau2 = math.sqrt(3), 1.0
z = rng.normal(size=(1000, 1))
readings = w * z + rng.normal(size=(1000, 2))
fig, axes = plt.subplots(1, 2, figsize=(7.4, 3.3))
dots = axes[0].scatter(*10 * readings.T, c=10 * w * z[:, 0], s=8, cmap="cividis")
fig.colorbar(dots, label="usual pressure (mmHg, hidden)")
axes[1].scatter(*10 * (readings - w * z).T, s=8)
axes[0].set(xlabel="first reading − average (mmHg)", ylabel="second (mmHg)", title="Simulated: what we see")
axes[1].set(
    xlabel="first − usual (mmHg)", ylabel="second − usual (mmHg)", title="Given the hidden cause", aspect="equal"
)
plt.show()
together, apart = (np.corrcoef(r.T)[0, 1] for r in (readings, readings - w * z))
claim("the two readings go together", 0.68 < together < 0.82, together)
claim("given the hidden cause nothing connects them", abs(apart) < 0.15, apart)

# %% [markdown]
# That is the reason for a **latent variable**: what looks entangled becomes simple once its cause is named. The model
# has two simple parts, a *prior* $p(z)$ and a *decoder* $p_\theta(x \mid z)$. How likely is a reading under it? Every
# $z$ may have produced it, so we sum over all of them:
#
# $$p_\theta(x) = \int p(z)\, p_\theta(x \mid z)\, dz \tag{30.1}$$
#
# Here the answer is known: a sum of two normal variables, so $x \sim \mathcal N(0,\, w^2 + \tau^2) = \mathcal N(0, 4)$.
# From here on, the second argument of $\mathcal N$, and the third of `log_normal`, is a **variance**.


# %%
# Equation (30.1): the integral on a grid against the known density
def log_normal(x, mean, var):
    return -0.5 * np.log(2 * np.pi * var) - (x - mean) ** 2 / (2 * var)


grid = np.linspace(-12, 12, 4801)
integral = lambda f: np.sum(f) * (grid[1] - grid[0])
xs = rng.normal(0, 2, size=50)
by_grid = [integral(np.exp(log_normal(grid, 0, 1) + log_normal(x, w * grid, tau2))) for x in xs]
claim("the integral is the density of N(0, 4)", np.allclose(by_grid, np.exp(log_normal(xs, 0, 4)), rtol=1e-9))

# %% [markdown]
# One dimension, and a grid does it. An image needs dozens of latents, and no grid has room there. Could we average
# $p_\theta(x \mid z)$ over random draws from the prior? Take $d$ readings of $x = 2$ with a hidden cause *each*, and
# 10,000 draws:

# %% mystnb={"image": {"alt": "Error of the estimated log-density against the number of latents from 1 to 60. The estimates begin at zero error, scatter to both sides from about ten latents on, and then sink, to tens of nats below at 60; a line for one draw from the posterior stays at zero."}}
errors = []
for _ in range(20):
    fit = np.cumsum(log_normal(2, w * rng.normal(size=(10_000, 60)), tau2), axis=1)  # column d - 1 has d latents
    errors.append(np.logaddexp.reduce(fit, axis=0) - np.log(10_000) - np.arange(1, 61) * log_normal(2, 0, 4))
fig, ax = plt.subplots(figsize=(6.4, 3))
ax.plot(np.arange(1, 61), np.transpose(errors), color="C1", alpha=0.4)
ax.axhline(0, color="C0", label="one draw from the posterior (30.2)")
ax.set(xlabel="latents d", ylabel="error of log p(x) (nats)", title="10,000 draws from the prior, 20 times")
ax.legend()
plt.show()
claim("with one latent the average is good", abs(np.mean(errors, axis=0)[0]) < 0.05, np.mean(errors, axis=0)[0])
claim("with 60 latents it is many nats short", np.median(errors, axis=0)[-1] < -5, np.median(errors, axis=0)[-1])

# %% [markdown]
# Nearly all draws explain nothing: they come from people who have other pressures. (The blue line at 0 is what the next
# formula will reach, with one draw.) We should draw where *this* reading
# may have come from. That is the posterior, by Bayes' rule:
#
# $$p_\theta(z \mid x) = \frac{p(z)\,p_\theta(x \mid z)}{p_\theta(x)}
# = \mathcal N\!\left(\frac{w\,x}{w^2+\tau^2},\ \frac{\tau^2}{w^2+\tau^2}\right)
# \quad\text{for our clinic} \tag{30.2}$$

# %%
# Equation (30.2): the quotient on the grid against the closed form, and what the blue line above says
x = 4.0  # a reading 40 mmHg above the average
joint = log_normal(grid, 0, 1) + log_normal(x, w * grid, tau2)  # log p(z) + log p(x|z)
log_px = log_normal(x, 0, 4)
center, spread = w * x / (w**2 + tau2), tau2 / (w**2 + tau2)  # mean and variance
posterior = log_normal(grid, center, spread)
claim("Bayes' rule gives this normal distribution", np.allclose(joint - log_px, posterior))
draw = rng.normal(center, np.sqrt(spread))
weight = log_normal(draw, 0, 1) + log_normal(x, w * draw, tau2) - log_normal(draw, center, spread)
claim("a single draw from it gives log p(x) exactly", abs(weight - log_px) < 1e-9)
claim("the usual pressure is estimated at +30 mmHg", abs(10 * w * center - 30) < 1e-9, 10 * w * center)

# %% [markdown]
# A reading of +40 mmHg, an estimate of +30. It is shrunk towards the average, and physicians know that as *regression to
# the mean*: a # high reading is partly a bad day.
#
# ### Your turn
#
# **30.1** The patient comes back, and a second reading is taken. Write the mean and the **variance** of
# $p(z \mid x_1, x_2)$, with $w = \sqrt 3$ and $\tau^2 = 1$. (Precisions, one over variance, add up.)


# %%
def posterior_of_two(x1, x2):
    """Mean and variance of the hidden z, given two readings."""
    return ...  # your formula: (mean, variance)


check("30.1", posterior_of_two)


# %% tags=["solution"] jupyter={"source_hidden": true}
# Solution 30.1
def posterior_of_two(x1, x2):
    """Mean and variance of the hidden z, given two readings."""
    precision = 1 + 2 * 3  # the prior's, and w² / τ² for each reading
    return math.sqrt(3) * (x1 + x2) / precision, 1 / precision


check("30.1", posterior_of_two)

# %% [markdown]
# ## 2. The bound, derived twice
#
# With a deep decoder (30.2) is out of reach, for $p_\theta(x)$ stands in it. The idea of the VAE: *guess* the
# posterior. An **encoder** $q_\phi(z \mid x)$ guesses for each $x$. Any guess will do for a start, for we may
# multiply and divide by it. The logarithm of a mean is at least the mean of the logarithms (Jensen), and so
#
# $$\log p_\theta(x) = \log \mathbb E_{q}\!\left[\frac{p(z)\,p_\theta(x \mid z)}{q_\phi(z \mid x)}\right]
# \ \ge\ \mathbb E_{q}\!\left[\log \frac{p(z)\,p_\theta(x \mid z)}{q_\phi(z \mid x)}\right] = \mathrm{ELBO}(x)
# \tag{30.3}$$
#
# The right side is the *evidence lower bound*. Unlike the left one it is a mean over draws from $q$: it can be
# estimated without bias.


# %%
# Equation (30.3): 200 arbitrary guesses, none of which gets above log p(x)
def elbo(mean, var):
    log_q = log_normal(grid, mean, var)
    return integral(np.exp(log_q) * (joint - log_q))


guesses = np.column_stack([rng.uniform(-1, 4, 200), rng.uniform(0.02, 1.5, 200)])
bounds = np.array([elbo(*guess) for guess in guesses])
claim("every guess gives a lower bound", np.all(bounds < log_px), bounds.max() - log_px)
claim("the posterior gives log p(x) itself", abs(elbo(center, spread) - log_px) < 1e-9)

# %% [markdown]
# Jensen says *at least*. By how much? Put $p(z)\,p_\theta(x \mid z) = p_\theta(x)\,p_\theta(z \mid x)$ into the ELBO,
# and the gap has a name:
#
# $$\log p_\theta(x) = \mathrm{ELBO}(x) + \mathrm{KL}\big(q_\phi(z \mid x)\,\big\|\,p_\theta(z \mid x)\big),
# \qquad \mathrm{KL}(q \,\|\, p) = \mathbb E_q\!\left[\log \frac{q}{p}\right] \tag{30.4}$$


# %%
# Equation (30.4): bound and gap add up to the same number for every guess
def gap(mean, var):
    log_q = log_normal(grid, mean, var)
    return integral(np.exp(log_q) * (log_q - posterior))


sums = bounds + [gap(*guess) for guess in guesses]
claim("ELBO + KL is log p(x), whatever the guess", np.allclose(sums, log_px, atol=1e-9), np.ptp(sums))

# %% [markdown]
# The gap can be seen. Write $p$ for the posterior. Since $q$ and $p$ both have area one, adding $p - q$ to
# $q \log (q/p)$ does not change its integral; and $q\log(q/p) - q + p$ is nowhere negative. **The gap is the area
# under that curve.**


# %%
def show_bound(mean, sigma, axes):
    """Left: guess, posterior and the area of the gap. Right: ELBO and gap, stacked. sigma is a standard deviation."""
    q, p, log_q = np.exp(log_normal(grid, mean, sigma**2)), np.exp(posterior), log_normal(grid, mean, sigma**2)
    area = q * (log_q - posterior) - q + p
    axes[0].plot(grid, p, "k:", label="posterior")
    axes[0].plot(grid, q, color="C0", label="guess q")
    axes[0].fill_between(grid, area, color="C1", alpha=0.4, label="gap")
    axes[0].set(xlim=(-1, 4.5), ylim=(0, 1.7), xlabel="z", title=f"μ = {mean:.2f}, σ = {sigma:.2f}")
    low = -9
    axes[1].bar(0, elbo(mean, sigma**2) - low, bottom=low, color="C0")
    axes[1].bar(0, integral(area), bottom=elbo(mean, sigma**2), color="C1", alpha=0.4)
    axes[1].axhline(log_px, color="black", linestyle=":")
    axes[1].set(ylim=(low, -3), xticks=[], xlabel="ELBO + gap", title=f"ELBO −{-elbo(mean, sigma**2):.2f}")
    return integral(area)


# %% mystnb={"image": {"alt": "Three guesses for the posterior of z. A shifted one has a large shaded gap and an ELBO of minus 5.39; a wide one has a smaller gap; the posterior itself has none. In each, ELBO and gap stack up to the same dotted line, log p of x, at minus 3.61."}}
fig, axes = plt.subplots(1, 6, figsize=(9.4, 2.9), width_ratios=[3, 1] * 3)
three = {(0.8, 0.6): axes[:2], (1.732, 1.0): axes[2:4], (1.732, 0.5): axes[4:]}
areas = [show_bound(*guess, pair) for guess, pair in three.items()]
axes[0].legend(fontsize=8)
plt.show()
claim("the area is the gap of (30.4)", abs(areas[0] - gap(0.8, 0.6**2)) < 1e-9, areas)

# %% [markdown]
# Now move the guess yourself. Blue and orange change; their sum does not.

# %%
from ipywidgets import FloatSlider, interact


@interact(
    mean=FloatSlider(0.8, min=-1, max=4, step=0.1, description="mean μ"),
    sigma=FloatSlider(0.6, min=0.2, max=1.5, step=0.05, description="deviation σ"),
)
def move(mean, sigma):
    axes = plt.subplots(1, 2, figsize=(4.6, 2.9), width_ratios=[3, 1])[1]
    show_bound(mean, sigma, axes)
    plt.show()


# %% [markdown]
# So one number serves two ends. Raise the ELBO by changing $\phi$: the gap closes, and the guess becomes the posterior.
# Raise it by changing $\theta$: the data become likelier, or the posterior comes nearer to the guess. And since
# $\mathrm{ELBO} \le \log p_\theta(x)$, the mean of $-\mathrm{ELBO}$ over the data is at least the mean of
# $-\log p_\theta(x)$, which is at least the **entropy** of the data. That was the floor in the first figure.
#
# ## 3. What each term is for
#
# Sort the ELBO anew, and put the prior beside $q$:
#
# $$\mathrm{ELBO}(x) = \underbrace{\mathbb E_{q}\big[\log p_\theta(x \mid z)\big]}_{\text{reconstruction}}
# \;-\; \underbrace{\mathrm{KL}\big(q_\phi(z \mid x)\,\big\|\,p(z)\big)}_{\text{rate}} \tag{30.5}$$
#
# The **reconstruction** wants codes from which $x$ can be recognised. The **rate** is the price, in nats, of telling
# the decoder more than the prior did. Mind that this KL goes to the *prior*; that of (30.4) goes to the posterior.

# %% mystnb={"image": {"alt": "Minus reconstruction, rate, and their sum against the variance of the guess on a logarithmic axis. The first rises with the variance, the second falls until a variance of 1 and then rises a little, the sum has its minimum at a quarter."}}
# Equation (30.5): the two terms by quadrature, for guesses of different variance
variances = np.geomspace(0.02, 2, 81)
qs = [(np.exp(log_normal(grid, center, v)), log_normal(grid, center, v)) for v in variances]
misfit = np.array([-integral(q * log_normal(x, w * grid, tau2)) for q, _ in qs])
rate = np.array([integral(q * (log_q - log_normal(grid, 0, 1))) for q, log_q in qs])
claim("the two terms make the ELBO", np.allclose(-misfit - rate, [elbo(center, v) for v in variances]))
fig, ax = plt.subplots(figsize=(6.4, 3))
for curve, name in [(misfit, "− reconstruction"), (rate, "rate"), (misfit + rate, "− ELBO")]:
    ax.semilogx(variances, curve, label=name)
ax.axvline(0.25, color="black", linestyle=":")
ax.set(xlabel="variance of the guess", ylabel="nats", title="A tug of war over the variance")
ax.legend()
plt.show()
best = variances[np.argmin(misfit + rate)]
claim("they balance at the posterior's variance, 1/4", abs(best / 0.25 - 1) < 0.06, best)

# %% [markdown]
# At 1/4 the two slopes cancel. (That the curves also cross there is chance.) Without the rate the encoder would make its
# noise vanish beside the codes, by a smaller variance or, as section 12 will show, by codes ever farther apart. The VAE
# would be an ordinary autoencoder, with holes between the codes. Without the
# reconstruction the code would be pure noise.
#
# ## 4. A KL that needs no sampling
#
# For a normal guess and a standard normal prior the rate has a closed form, in each latent dimension:
#
# $$\mathrm{KL}\big(\mathcal N(\mu, \sigma^2)\,\big\|\,\mathcal N(0, 1)\big)
# = \tfrac12\left(\mu^2 + \sigma^2 - 1 - \log \sigma^2\right) \tag{30.6}$$
#
# For under $q$ the mean of $(z - \mu)^2$ is $\sigma^2$ and that of $z^2$ is $\mu^2 + \sigma^2$, and
# $\log q - \log p = -\tfrac12\log\sigma^2 - (z - \mu)^2 / 2\sigma^2 + z^2 / 2$.
#
# Take $\mu = 0.7$ and the standard deviation $\sigma = 0.5$. Two witnesses: a million draws, and Keras's own
# `kl_divergence` for discrete distributions, on narrow bins.

# %%
# Equation (30.6): closed form against Monte Carlo and against TensorFlow's Keras
import keras
import tensorflow as tf
from scipy import stats

mu, sigma = 0.7, 0.5
kl = 0.5 * (mu**2 + sigma**2 - 1 - math.log(sigma**2))
draws = rng.normal(mu, sigma, size=1_000_000)
logs = log_normal(draws, mu, sigma**2) - log_normal(draws, 0, 1)
claim("a million draws agree, within four standard errors", abs(logs.mean() - kl) < 4 * logs.std() / 1000, logs.mean())
edges = np.linspace(-6, 6, 401)
binned = keras.losses.kl_divergence(*(np.diff(stats.norm.cdf(edges, *at)) for at in ((mu, sigma), (0, 1))))
claim("Keras agrees, on 400 bins", abs(float(binned) - kl) < 2e-3, float(binned))

# %% [markdown]
# ### Variance, deviation, log-variance
#
# A network gives the **log-variance** $\log\sigma^2$, for any real number is allowed there. The variance is its
# exponential, the deviation the exponential of its *half*. Mixing them raises no error. The VAE lab of a well-known
# course, MIT's 6.S191, calls $\sigma$ the standard deviation in its text and prints
# $\tfrac12(\sigma + \mu^2 - 1 - \log\sigma)$. That is (30.6) only if $\sigma$ means the variance.

# %%
as_printed = 0.5 * (sigma + mu**2 - 1 - math.log(sigma))
claim("read as it says, the formula gives .342", abs(as_printed - 0.342) < 5e-4, as_printed)
claim("where the divergence is .563", abs(logs.mean() - 0.563) < 0.003, logs.mean())

# %% [markdown]
# Does it matter? Both formulas are zero at $\mu = 0, \sigma = 1$, and both train. But under the wrong one an encoder in
# our clinic, its decoder held at $w = \sqrt 3$, minimises $\tfrac12(3\sigma^2 + \sigma - \log \sigma)$ instead of
# $\tfrac12(4\sigma^2 - \log\sigma^2)$. It finds $\sigma = \tfrac13$ instead of $\tfrac12$, and promises too much:

# %%
sigmas = np.linspace(0.05, 1, 1901)
found = sigmas[np.argmin(0.5 * (w**2 * sigmas**2 + sigmas - np.log(sigmas)))]
truth = rng.normal(size=20_000)
means = w / 4 * (w * truth + rng.normal(size=20_000))
inside = {s: np.mean(abs(truth - means) < 1.96 * s) for s in (0.5, found)}
claim("the wrong formula shrinks the deviation to 1/3", abs(found - 1 / 3) < 1e-3, found)
claim("with 1/2, 95 % intervals hold 95 % of the truths", 0.94 < inside[0.5] < 0.96, inside[0.5])
claim("with 1/3, they hold about 81 %", 0.79 < inside[found] < 0.83, inside[found])

# %% [markdown]
# ### Your turn
#
# **30.2** Write the rate for a batch: `mean` and `log_var` have shape (n, latents); return shape (n,), one number for
# each example. (A KL of independent dimensions is a sum.)


# %%
def rate_of(mean, log_var):
    """KL(N(mean, exp(log_var)) || N(0, I)) of each row, in nats."""
    return ...  # your code


check("30.2", rate_of)


# %% tags=["solution"] jupyter={"source_hidden": true}
# Solution 30.2
def rate_of(mean, log_var):
    """KL(N(mean, exp(log_var)) || N(0, I)) of each row, in nats."""
    return 0.5 * np.sum(mean**2 + np.exp(log_var) - 1 - log_var, axis=-1)


check("30.2", rate_of)

# %% [markdown]
# ## 5. A gradient through a random draw
#
# The reconstruction is a mean over draws from $q_\phi$. How does it change with $\phi$? A draw has no derivative. The
# VAE writes the draw as $z = \mu + \sigma\varepsilon$ with $\varepsilon \sim \mathcal N(0, 1)$: now the chance comes
# from outside, and we differentiate the rest.
#
# $$\nabla_\mu\, \mathbb E_q[f(z)] = \mathbb E_\varepsilon\big[f'(\mu + \sigma\varepsilon)\big], \qquad
# \nabla_\sigma\, \mathbb E_q[f(z)] = \mathbb E_\varepsilon\big[f'(\mu + \sigma\varepsilon)\,\varepsilon\big] \tag{30.7}$$
#
# The older way, the *score function*, needs no derivative of $f$ at all:
#
# $$\nabla_\mu\, \mathbb E_q[f(z)] = \mathbb E_q\!\left[f(z)\,\frac{z - \mu}{\sigma^2}\right] \tag{30.8}$$
#
# Test both on $f(z) = z^2$, where $\mathbb E_q[f] = \mu^2 + \sigma^2$: the gradients must be $2\mu$ and $2\sigma$.

# %%
# Equations (30.7) and (30.8): TensorFlow's tape through the draw, and three means against the truth
mu, sigma, eps = 1.5, 0.8, rng.normal(size=1_000_000)
z = mu + sigma * eps
estimates = {"μ": 2 * z, "σ": 2 * z * eps, "μ, score": z**2 * (z - mu) / sigma**2}
wanted = {"μ": 2 * mu, "σ": 2 * sigma, "μ, score": 2 * mu}
off = [abs(e.mean() - wanted[name]) / e.std() * 1000 for name, e in estimates.items()]
claim("all three are right, within four standard errors", max(off) < 4, off)
m, s = tf.Variable(mu, dtype="float64"), tf.Variable(sigma, dtype="float64")
with tf.GradientTape() as tape:
    mean_f = tf.reduce_mean((m + s * eps) ** 2)
by_tape = [float(g) for g in tape.gradient(mean_f, [m, s])]
claim(
    "TensorFlow's tape does (30.7)", np.allclose(by_tape, [np.mean(estimates["μ"]), np.mean(estimates["σ"])]), by_tape
)

# %% [markdown]
# Both are right on average. What does a *single* draw tell? With $\sigma = 1$ the variance of the first is 4 wherever
# we are. That of the second is $\mu^4 + 14\mu^2 + 15$. And with $f(z) = \lVert z\rVert^2$ in $d$ dimensions, all means
# at 1, the second becomes $4k^2 + 22k + 30$ with $k = d - 1$.

# %% mystnb={"image": {"alt": "Variance of one gradient entry against the number of dimensions, both axes logarithmic. Reparameterised: flat at 4. Score function: from 30 at one dimension to 41,412 at a hundred, with measured dots on the theoretical line."}}
eps = rng.normal(size=1_000_000)
for at, theory in {0: 15, 1: 30, 3: 222}.items():
    measured = np.var((at + eps) ** 2 * eps)
    claim(f"score function at μ = {at}: variance {theory}", abs(measured / theory - 1) < 0.06, measured)
claim("reparameterised at μ = 3: variance 4", abs(np.var(2 * (3 + eps)) - 4) < 0.05, np.var(2 * (3 + eps)))
dims, score = np.array([1, 3, 10, 30, 100]), []
for d in dims:
    eps = rng.normal(size=(40_000, d))
    score.append(np.var(np.sum((1 + eps) ** 2, axis=1) * eps[:, 0]))
fig, ax = plt.subplots(figsize=(6.4, 3))
fine = np.geomspace(1, 100)
ax.loglog(fine, 4 * (fine - 1) ** 2 + 22 * (fine - 1) + 30, color="C1", label="score function (30.8)")
ax.loglog(dims, score, "o", color="C1")
ax.loglog(dims, 4 + 0 * dims, color="C0", label="reparameterised (30.7)")
ax.set(xlabel="dimensions d", ylabel="variance of one draw's gradient", title="Why VAEs reparameterise")
ax.legend()
plt.show()
claim("at d = 100 the score function's variance is 41,412, within 10 %", abs(score[-1] / 41412 - 1) < 0.1, score[-1])

# %% [markdown]
# At a hundred dimensions one reparameterised draw is worth about ten thousand of the other kind. That trick made VAEs
# practical.
#
# ### Your turn
#
# **30.3** Networks output $\log\sigma^2$. Given one draw `eps` and the slope `slope` $= f'(z)$ at
# $z = \mu + \sigma\varepsilon$, return the gradient estimates for $\mu$ and for $\log\sigma^2$. (Chain rule:
# $\sigma = e^{\frac12 \log\sigma^2}$.)


# %%
def gradient_of_draw(slope, log_var, eps):
    """Estimates of the derivatives by the mean and by the log-variance."""
    return ...  # your code: (by_mean, by_log_var)


check("30.3", gradient_of_draw)


# %% tags=["solution"] jupyter={"source_hidden": true}
# Solution 30.3
def gradient_of_draw(slope, log_var, eps):
    """Estimates of the derivatives by the mean and by the log-variance."""
    return slope, slope * eps * 0.5 * np.exp(0.5 * log_var)


check("30.3", gradient_of_draw)

# %% [markdown]
# ## 6. The loss in code
#
# Everything is in place. This is how the loss of a VAE is written: encode, draw, decode, add the rate.


# %%
def negative_elbo(x, a, w, log_var, eps):
    """One draw's estimate of -ELBO, in nats per example; the decoder's variance is 1."""
    mean = a * x
    z = mean + tf.exp(0.5 * log_var) * eps
    reconstruction = -0.5 * math.log(2 * math.pi) - 0.5 * (x - w * z) ** 2
    rate = 0.5 * (mean**2 + tf.exp(log_var) - 1 - log_var)
    return tf.reduce_mean(rate - reconstruction)


patients = rng.normal(0, 2, size=400_000).astype("float32")
noise = rng.normal(size=400_000).astype("float32")
measured = float(negative_elbo(patients, 0.3, 1.2, -2.0, noise))
exact = correct(0.3, 1.2, math.exp(-2))
claim("the code gives the closed form, far from its optimum", abs(measured - exact) < 0.015, measured - exact)

# %% [markdown]
# Train it as VAEs are trained, by Adam on small batches with fresh noise. We know what must come out: $w = \sqrt 3$, and
# the posterior (30.2), which has $a = \sqrt 3/4$ and $v = \tfrac14$.

# %%
theta = [tf.Variable(start) for start in (0.1, 0.5, 0.0)]  # a, w, log-variance
adam = keras.optimizers.Adam(0.01)
adam.build(theta)


@tf.function
def step(batch):
    with tf.GradientTape() as tape:
        loss = negative_elbo(batch, *theta, tf.random.normal(tf.shape(batch)))
    adam.apply_gradients(zip(tape.gradient(loss, theta), theta, strict=True))


late = []
for k in range(2000):
    step(tf.constant(patients[200 * k : 200 * k + 200]))
    late += [[float(t) for t in theta]] if k >= 1500 else []
a_hat, w_hat, log_v_hat = np.mean(late, axis=0)
claim("the decoder finds √3", abs(w_hat - math.sqrt(3)) < 0.08, w_hat)
claim("the encoder finds the posterior's slope, √3/4", abs(a_hat - math.sqrt(3) / 4) < 0.025, a_hat)
claim("and its variance, 1/4", abs(math.exp(log_v_hat) - 0.25) < 0.03, math.exp(log_v_hat))
reached = float(negative_elbo(patients, a_hat, w_hat, log_v_hat, noise))
claim("the loss is the entropy of the data, 2.112", abs(reached - entropy) < 0.02, reached)

# %% [markdown]
# ## 7. The likelihood is a choice
#
# $p_\theta(x \mid z)$ says what kind of noise we believe in. With $d$ measured values and normal noise of variance
# $\tau^2$ around the reconstruction $\hat x$,
#
# $$-\log p_\theta(x \mid z) = \frac{\lVert x - \hat x\rVert^2}{2\tau^2} + \frac d2 \log\left(2\pi\tau^2\right),
# \qquad \text{least at}\quad \tau^2 = \frac{\lVert x - \hat x\rVert^2}{d} \tag{30.9}$$
#
# Many programs write *mean-squared error plus KL*. Compare: that is (30.9) with $\tau^2 = d/2$, decided by nobody.

# %%
# Equation (30.9): against scipy, its minimum, and what "mean-squared error" stands for
seen, rebuilt = rng.normal(size=10), rng.normal(size=(2, 10))
gauss = lambda k, t2: np.sum((seen - rebuilt[k]) ** 2) / (2 * t2) + 5 * np.log(2 * np.pi * t2)
claim("the formula is scipy's", np.isclose(gauss(0, 0.3), -stats.norm.logpdf(seen, rebuilt[0], np.sqrt(0.3)).sum()))
mse = np.mean((seen - rebuilt) ** 2, axis=1)
around = gauss(0, mse[0] * np.linspace(0.5, 2, 301))
claim("the best variance is the mean-squared error", gauss(0, mse[0]) <= around.min() + 1e-9)
apart = mse - [gauss(0, 5.0), gauss(1, 5.0)]
claim("mean-squared error is (30.9) with τ² = 5, but for a constant", np.isclose(*apart), apart)

# %% [markdown]
# Ten laboratory values, standardised, have variance 1 each. A decoder told that its noise has variance 5 will not
# listen to details; section 9 counts what it loses. **Learn $\tau^2$**, or state it.
#
# For values that are 0 or 1 the *Bernoulli* likelihood is right, and its $-\log p$ is the binary cross-entropy. For grey
# values between 0 and 1 it is used as well, but it is no density there:

# %%
bernoulli = lambda x, p: np.exp(x * np.log(p) + (1 - x) * np.log(1 - p))
over_01 = bernoulli(0, 0.5) + bernoulli(1, 0.5)
over_greys = np.mean(bernoulli(np.linspace(0, 1, 1001), 0.5))
claim("over 0 and 1 it sums to one", np.isclose(over_01, 1))
claim("over the greys it integrates to a half", np.isclose(over_greys, 0.5), over_greys)
perfect = keras.losses.binary_crossentropy([0.5], [0.5])
claim("a perfect grey costs .693, not 0", abs(float(perfect) - math.log(2)) < 1e-4, float(perfect))

# %% [markdown]
# ## 8. Ten laboratory values, three hidden causes
#
# Now several dimensions, still with the truth known. In our **simulated** laboratory inflammation, kidney and liver
# move ten values (each in a unit of its own), and each value has noise of variance 0.25.

# %%
labs = "CRP leucocytes ferritin albumin creatinine urea potassium ALT AST bilirubin".split()
causes = pd.DataFrame(0.0, index=labs, columns=["inflammation", "kidney", "liver"])
causes.iloc[:4, 0] = 1.6, 1.2, 1.0, -1.0
causes.iloc[3:7, 1] = -0.3, 1.1, 1.2, 0.7
causes.iloc[7:, 2] = 0.7, 0.8, 0.6
people = rng.normal(size=(5000, 3)) @ causes.to_numpy().T + rng.normal(0, 0.5, size=(5000, 10))
S = np.cov(people.T, bias=True)  # all that a linear model sees of the data
eigen = np.linalg.eigvalsh(S)[::-1]
claim("three eigenvalues stand out of the noise", eigen[2] > 1.4 and eigen[3] < 0.35, eigen[:5].round(2))

# %% [markdown]
# A **linear** VAE decodes $\hat x = Wz$ and encodes $q = \mathcal N(Vx, \operatorname{diag}(s^2))$. Its $-\mathrm{ELBO}$
# over all data is a formula in $S$, so neither batches nor draws are needed. Here it is with its gradient.


# %%
def linear_vae(theta, S, q=3, beta=1.0, tau2=None):
    """Loss and gradient of a linear VAE, then distortion E|x - Wz|² and rate; tau2 is learned unless it is given."""
    d = len(S)
    W, V = theta[: d * q].reshape(d, q), theta[d * q : 2 * d * q].reshape(q, d)
    log_s2 = theta[2 * d * q : -1]
    s2, t2 = np.exp(log_s2), np.exp(theta[-1]) if tau2 is None else tau2
    SV = S @ V.T
    C = V @ SV  # covariance of the encoder's means
    distortion = np.trace(S) - 2 * np.sum(W * SV) + np.sum(W * (W @ C)) + np.sum(W**2 @ s2)
    rate = 0.5 * (np.trace(C) + np.sum(s2 - 1 - log_s2))
    loss = 0.5 * (d * np.log(2 * np.pi * t2) + distortion / t2) + beta * rate
    by_W = (W @ C + W * s2 - SV) / t2
    by_V = (W.T @ (W @ V - np.eye(d)) @ S) / t2 + beta * V @ S
    by_s = 0.5 * s2 * np.sum(W**2, axis=0) / t2 + 0.5 * beta * (s2 - 1)
    by_t = 0.5 * (d - distortion / t2) if tau2 is None else 0.0
    return loss, np.concatenate([by_W.ravel(), by_V.ravel(), by_s, [by_t]]), distortion, rate


start = np.concatenate([rng.normal(0, 0.1, 60), np.zeros(4)])
nudge = 1e-5 * rng.normal(size=64)
difference = linear_vae(start + nudge, S)[0] - linear_vae(start - nudge, S)[0]
claim("the gradient is right", np.isclose(difference, 2 * nudge @ linear_vae(start, S)[1], rtol=1e-5))

# %% [markdown]
# For a linear decoder the best possible mean of $\log p_\theta(x)$ is known. It is *probabilistic PCA* (Tipping and
# Bishop): with $\lambda_1 \ge \dots \ge \lambda_d$ the eigenvalues of $S$ and $q$ latents,
#
# $$\max_\theta \overline{\log p_\theta(x)} = -\tfrac12\Big[ d\log 2\pi + \sum_{i\le q}\log\lambda_i
# + (d-q)\log\tau^2 + d\Big], \qquad \tau^2 = \frac{1}{d-q}\sum_{i>q}\lambda_i \tag{30.10}$$
#
# Can the ELBO, with its diagonal guess, get there? L-BFGS, an optimiser that uses curvature, says yes.

# %%
# Equation (30.10): the best ELBO against the best log-likelihood
from scipy.optimize import minimize


def optimum(**options):
    """The best parameters by L-BFGS, in double precision."""
    limits = {"maxiter": 50_000, "maxfun": 100_000, "ftol": 0, "gtol": 1e-9, "maxcor": 30}
    return minimize(lambda t: linear_vae(t, S, **options)[:2], start, jac=True, method="L-BFGS-B", options=limits).x


best, noise_var = optimum(), eigen[3:].mean()
ceiling = -0.5 * (10 * np.log(2 * np.pi) + np.log(eigen[:3]).sum() + 7 * np.log(noise_var) + 10)
short = ceiling + linear_vae(best, S)[0]
claim("the best ELBO is the best likelihood: no gap", abs(short) < 1e-10, short)
claim("the noise is that of PCA", abs(np.exp(best[-1]) - noise_var) < 1e-6, np.exp(best[-1]))
lengths = np.sort(np.sum(best[:30].reshape(10, 3) ** 2, axis=0))[::-1]
claim("column i of W has squared length λᵢ − τ²", np.allclose(lengths, eigen[:3] - noise_var, atol=1e-4), lengths)

# %% [markdown]
# And Adam, with batches of 100 patients, as VAEs are trained?

# %% mystnb={"image": {"alt": "Nats short of the optimum over 4000 steps of Adam, logarithmic axis: a fast fall in the first few hundred steps, then a noisy plateau between about 0.01 and 0.05 that does not fall any further."}}
theta, m, v, misses = start.copy(), 0, 0, []
for k in range(1, 4001):
    batch = people[rng.integers(0, 5000, 100)]
    g = linear_vae(theta, batch.T @ batch / 100)[1]
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
    theta = theta - 0.02 * (m / (1 - 0.9**k)) / (np.sqrt(v / (1 - 0.999**k)) + 1e-8)
    misses.append(linear_vae(theta, S)[0] + ceiling)
fig, ax = plt.subplots(figsize=(6.4, 2.8))
ax.semilogy(misses, linewidth=0.8)
ax.set(xlabel="step", ylabel="nats short of the optimum", title="Simulated laboratory: Adam, step size 0.02")
plt.show()
plateau = np.median(misses[-1000:])
claim("Adam stops between .003 and .3 nats short", 0.003 < plateau < 0.3, plateau)
claim("it is no nearer than 1e-4 at any late step", min(misses[-1000:]) > 1e-4, min(misses[-1000:]))

# %% [markdown]
# L-BFGS arrives. Adam falls fast, and then stays short: every batch is different, and its step is long. That is good
# enough for practice. Whoever *proves* with Adam must say which part of a difference is the optimiser.
#
# ## 9. Who survives? Ask the eigenvalues
#
# Often latents die in training: their rate falls to zero, and the decoder ignores them. This is *posterior collapse*. The
# linear VAE says when. Fix $\tau^2$, weigh the rate with $\beta$ (a $\beta$-VAE), and what is left is an old formula of
# information theory, *reverse water-filling*. With $q$ latents the rate $R$ and the distortion
# $D = \mathbb E\lVert x - Wz\rVert^2$ are
#
# $$R = \sum_{i \le q} \tfrac12\log^+\frac{\lambda_i}{\beta\tau^2}, \qquad
# D = \sum_{i \le q} \min(\lambda_i, \beta\tau^2) + \sum_{i > q}\lambda_i \tag{30.11}$$
#
# where $\log^+ = \max(\log, 0)$. **A latent survives when its eigenvalue is larger than $\beta\tau^2$.** The choice of
# noise and the choice of $\beta$ are one choice.

# %%
# Equation (30.11): trained models against the formula
levels = np.array([0.1, 0.5, 1, 1.5, 2.5, 4, 5, 8])  # β τ², here with τ² = 0.5
trained = [linear_vae(optimum(beta=level / 0.5, tau2=0.5), S, tau2=0.5)[2:] for level in levels]
D, R = np.transpose(trained)
rates = lambda level: 0.5 * np.log(np.maximum(eigen[:3] / level, 1))
distortions = lambda level: np.minimum(eigen[:3], level).sum() + eigen[3:].sum()
claim("rates are those of the formula", np.allclose(R, [rates(v).sum() for v in levels], atol=1e-5))
claim("distortions too", np.allclose(D, [distortions(v) for v in levels], atol=1e-5))


# %% mystnb={"image": {"alt": "Left: number of surviving latents against beta times noise variance, stairs from 3 to 0 that step down at the three eigenvalues, near 1.7, 3.3 and 6.3; trained models are dots on the stairs. A vertical line marks mean-squared error at 5, where one latent survives. Right: distortion against rate, theoretical curve with trained models as dots on it."}}
def survivors(theta):
    """How many latents of a trained linear VAE have a rate above 0.01 nats."""
    V, log_s2 = theta[30:60].reshape(3, 10), theta[60:63]
    return np.sum(0.5 * (np.diag(V @ S @ V.T) + np.exp(log_s2) - 1 - log_s2) > 0.01)


fine, noises = np.geomspace(0.1, 9, 200), [1, 2.5, 5, 8]
alive = [survivors(optimum(tau2=v)) for v in noises]
fig, axes = plt.subplots(1, 2, figsize=(7.4, 3))
axes[0].step(fine, [np.sum(rates(v) > 0) for v in fine])
axes[0].plot(noises, alive, "o", color="C1")
axes[0].axvline(5, color="black", linestyle=":")
axes[0].set(xlabel="βτ²", ylabel="latents that survive", yticks=range(4), title="Dotted: mean-squared error")
axes[1].plot([rates(v).sum() for v in fine], [distortions(v) for v in fine])
axes[1].plot(R, D, "o", color="C1")
axes[1].set(xlabel="rate R (nats)", ylabel="distortion D", title="Line: formula. Dots: trained")
plt.show()
claim("at noise 1, 2.5, 5 and 8 there survive 3, 2, 1 and 0", alive == [3, 2, 1, 0], alive)

# %% [markdown]
# Here is what the mean-squared error hid: with its $\tau^2 = d/2 = 5$ one latent of three is left. Nothing was wrong
# with the optimiser or the network.
#
# ### Your turn
#
# **30.4** Write the prediction: given the eigenvalues, $\tau^2$, $\beta$ and the number of latents $q$, return how many
# latents survive and the total rate in nats.


# %%
def predict_survival(eigenvalues, tau2, beta, q):
    """How many latents survive, and the rate of all of them in nats."""
    return ...  # your code: (number, rate)


check("30.4", predict_survival)


# %% tags=["solution"] jupyter={"source_hidden": true}
# Solution 30.4
def predict_survival(eigenvalues, tau2, beta, q):
    """How many latents survive, and the rate of all of them in nats."""
    top = np.sort(eigenvalues)[::-1][:q]
    each = 0.5 * np.log(np.maximum(top / (beta * tau2), 1))
    return np.sum(each > 0), each.sum()


check("30.4", predict_survival)

# %% [markdown]
# ## 10. A ladder to the likelihood
#
# When the guess is poor the bound can still be tightened: average $k$ weights *inside* the logarithm (importance
# weighted autoencoder, IWAE). With $\omega_i = p(z_i)\,p_\theta(x \mid z_i) / q_\phi(z_i \mid x)$ and draws $z_i$ from
# $q$,
#
# $$\mathcal L_k = \mathbb E\Big[\log \frac1k \sum_{i=1}^k \omega_i\Big], \qquad
# \mathrm{ELBO} = \mathcal L_1 \le \mathcal L_2 \le \dots \le \log p_\theta(x), \qquad
# \log p_\theta(x) - \mathcal L_k \approx \frac{1}{2k} \operatorname{Var}\!\Big[\frac{\omega}{p_\theta(x)}\Big]
# \tag{30.12}$$
#
# Take a guess whose mean is off by 0.3 and whose variance is four times too large. Then the variance in (30.12) is
# $\frac{4}{\sqrt 7} e^{0.09/1.75} - 1 = 0.592$.

# %% mystnb={"image": {"alt": "Gap to log p of x against the number of draws k, both axes logarithmic. Measured dots fall from 0.99 at one draw to 0.0003 at a thousand and meet the line 0.592 over 2k from about ten draws on."}}
# Equation (30.12): the measured ladder against its 1/2k law
off_z = rng.normal(center + 0.3, 1, size=2_000_000)
ratio = np.exp(log_normal(off_z, center, 0.25) - log_normal(off_z, center + 0.3, 1))  # ω / p(x), with mean 1
ks = np.array([1, 2, 5, 10, 50, 200, 1000])
averages = [ratio[: len(ratio) // k * k].reshape(-1, k).mean(axis=1) for k in ks]
gaps = np.array([np.mean(r - 1 - np.log(r)) for r in averages])  # r − 1 has mean 0, and quiets the estimate
law = 4 / math.sqrt(7) * math.exp(0.09 / 1.75) - 1
fig, ax = plt.subplots(figsize=(6.4, 2.9))
ax.loglog(ks, law / (2 * ks), label="variance / 2k")
ax.loglog(ks, gaps, "o", label="measured")
ax.set(xlabel="draws k", ylabel="gap to log p(x) (nats)", title="A ladder of bounds")
ax.legend()
plt.show()
claim("the variance of the weights is .592", abs(np.var(ratio) / law - 1) < 0.02, np.var(ratio))
claim("every rung is higher than the last", np.all(np.diff(gaps) < 0), gaps)
claim("the first gap is the KL of (30.4)", abs(gaps[0] - gap(center + 0.3, 1)) < 0.01, gaps[0])
claim("at 50 draws the law holds within 15 %", abs(gaps[4] * 100 / law - 1) < 0.15, gaps[4] * 100)

# %% [markdown]
# At one draw the gap is the KL of (30.4), three times what the law says: the law is for many draws. From about ten on,
# ten times the draws leave a tenth of the gap.
#
# ## 11. An article's objective, repaired
#
# Back to the first figure. The article calls $z$ *the random variable after encoding*, and prints this objective:
#
# $$\min_\phi \min_\theta\ \mathbb E_{x\sim p_\text{data}}\big[\log p_\text{data}(x) - \log p_\theta(x \mid z)\big]
# + \beta\, \mathbb E_{z \sim p_\phi(z)}\big[\log p_\theta(z)\big] \tag{30.13}$$
#
# The ingredients are right: a decoder that finds $x$ likely, a term with a prior, a weight. Five things went wrong on
# the way to the page. We take $\beta = 1$ and read it kindly, with $z$ drawn from the encoder; that is `printed` of
# the opening. On the ray $w = 1/a$, $v = 1$ it is $\frac{1}{2a^2} - 2a^2 - 2.612$.

# %%
# Equation (30.13): by draws at one point, then along a ray; it has no minimum
code = 0.3 * patients + math.sqrt(0.5) * noise
by_draws = -entropy - np.mean(log_normal(patients, 1.2 * code, 1)) + np.mean(log_normal(code, 0, 1))
claim("`printed` is that objective", abs(by_draws - printed(0.3, 1.2, 0.5)) < 0.02, by_draws - printed(0.3, 1.2, 0.5))
ray = {a: printed(a, 1 / a, 1.0) for a in (1, 10, 100)}
claim("on the ray it is the formula above", all(abs(f - 0.5 / a**2 + 2 * a**2 + 2.612) < 1e-3 for a, f in ray.items()))
claim("at a = 100 it is below -20,000 nats", ray[100] < -20_000, ray[100])

# %% [markdown]
# **(a) $\log p_\text{data}(x)$ teaches nothing.** Nobody knows it, and it depends on no parameter.

# %%
without = lambda a, w, v: printed(a, w, v) + entropy
point = (0.3, 1.2, 0.5)
claim("without it the gradient is the same", np.allclose(slope(printed, point), slope(without, point), atol=1e-8))

# %% [markdown]
# **(b) The first $z$ comes from nowhere.** It can be understood in three ways, with three losses. Right is the mean over
# $q_\phi(z \mid x)$.

# %%
sources = {"prior": rng.normal(size=400_000), "encoder": w / 4 * patients + 0.5 * noise, "best z": patients / w}
misfits = {name: -np.mean(log_normal(patients, w * z, 1)) for name, z in sources.items()}
expected = {"prior": 4.42, "encoder": 1.42, "best z": 0.92}
claim("the three ways differ by whole and half nats", all(abs(misfits[k] - expected[k]) < 0.03 for k in expected))
pd.Series(misfits, name="−log p(x|z), nats").round(2)

# %% [markdown]
# **(c) The sign of the prior term is wrong.** *Minimising* $+\log p(z)$ pushes every code to where the prior is
# thinnest, at infinity. That is what the first figure showed.

# %%
_, a, _, v = paths["printed"].T
distance = np.sqrt(4 * a**2 + v)  # root mean square of the codes; under the prior it would be 1
claim("the codes have left by more than 1e5", distance[-1] > 1e5, distance[[0, 100, 200, -1]])

# %% [markdown]
# **(d) The entropy term $\mathbb E_q[\log q_\phi]$ is missing.** With the sign repaired, nothing holds the variance up.
# The loss creeps towards $\log 2\pi = 1.838$ while $v \to 0$, $a \to 0$, $wa \to 1$, and never gets there.

# %%
creep = pd.DataFrame(paths["sign_repaired"], columns=["loss", "a", "w", "v"]).iloc[[1000, 2000, 4000, 7999]]
claim("loss, a and v still fall", np.all(np.diff(creep[["loss", "a", "v"]], axis=0) < 0))
claim(
    "w still grows, and the loss stays above log 2π",
    np.all(np.diff(creep.w) > 0) and creep.loss.min() > math.log(2 * math.pi),
)
creep.round(4)

# %% [markdown]
# **(e) $p_\phi(z)$ is not defined.** If it meant the prior, the term would be a constant and $\phi$ would get nothing
# from it. It must be $q_\phi(z \mid x)$. And the prior $p(z)$ needs no $\theta$.

# %%
prior_z = rng.normal(size=400_000)
as_prior = np.mean(log_normal(prior_z, 0, 1))
as_code = [np.mean(log_normal(a * patients + 0.5 * noise, 0, 1)) for a in (0.1, 0.4, 0.8)]
claim("over the prior it is -1.419, for every encoder", abs(as_prior + 0.5 * math.log(2 * math.pi * math.e)) < 0.01)
claim("over the encoder it depends on the encoder", np.all(np.diff(as_code) < -0.2), as_code)

# %% [markdown]
# All five repaired, it is minus (30.5), averaged over the data, with the weight back in its place:
#
# $$\min_{\theta, \phi}\ \mathbb E_{x\sim p_\text{data}}\Big\{
# \mathbb E_{q_\phi(z \mid x)}\big[-\log p_\theta(x \mid z)\big]
# + \beta\,\mathrm{KL}\big(q_\phi(z \mid x)\,\big\|\,p(z)\big)\Big\} \tag{30.14}$$

# %%
# Equation (30.14): the repaired objective has a minimum, and it is the right one
loss, a_hat, w_hat, v_hat = paths["correct"][-1]
claim("the loss is the entropy, 2.112086", abs(loss - entropy) < 1e-5, f"{loss:.6f}")
claim("the decoder is √3", abs(w_hat - math.sqrt(3)) < 1e-3, w_hat)
claim("the encoder is the posterior", np.allclose([a_hat, v_hat], [math.sqrt(3) / 4, 0.25], atol=1e-3), [a_hat, v_hat])

# %% [markdown]
# ## 12. Fingerprints of wrong losses
#
# One more mistake is found in published code, the article's listing too: an activation such as tanh on the output for
# $\log\sigma^2$. Then $\sigma^2$ cannot leave $[e^{-1}, e]$. When the posterior has variance $\rho$ below $e^{-1}$, and
# the decoder is the true one, every example loses
#
# $$\tfrac12\left(\frac{e^{-1}}{\rho} - 1 - \log\frac{e^{-1}}{\rho}\right) \text{ nats.} \tag{30.15}$$

# %%
# Equation (30.15): the best that tanh allows, by a search over its input, against the formula
free = np.linspace(-30, 30, 20_001)
for noise_var in (1, 0.1, 0.01, 0.001):
    rho, w2 = noise_var / 4, 4 - noise_var  # the data keep variance 4
    loss_of = lambda log_v: 0.5 * (w2 / noise_var + 1) * np.exp(log_v) - 0.5 * log_v
    lost = loss_of(np.tanh(free)).min() - loss_of(np.log(rho))
    ratio = math.exp(-1) / rho
    formula = 0.5 * (ratio - 1 - math.log(ratio))
    claim(f"τ² = {noise_var}: tanh loses what the formula says", abs(lost - formula) < 1e-6, f"{lost:.3g} nats")

# %% [markdown]
# The better the measurement, the more is lost: a precise reading needs a narrow posterior. Now four mistakes side by
# side, each trained by the `descend` of the opening.

# %%
mistakes = {
    "right": correct,
    "no KL": lambda a, w, v: parts(a, w, v)[0],
    "tanh on log σ²": lambda a, w, v: correct(a, w, math.exp(math.tanh(math.log(v)))),
    "σ for σ² in the KL": lambda a, w, v: parts(a, w, v)[0] + 0.5 * (4 * a * a + v**0.5 - 1 - 0.5 * math.log(v)),
    "z without noise": lambda a, w, v: correct(a, w, v) - 0.5 * w * w * v,
}
ends = pd.DataFrame({name: descend(loss)[-1] for name, loss in mistakes.items()}, ["loss", "a", "w", "v"]).T
ends.loc["tanh on log σ²", "v"] = math.exp(math.tanh(math.log(ends.v["tanh on log σ²"])))
ends["all codes"] = 4 * ends.a**2 + ends.v  # variance of z over all patients: the prior has 1
below = list(ends.loss < entropy - 0.01)
claim("three of four wrong losses end below the entropy", below == [False, True, False, True, True])
claim("tanh cannot get below .368", math.exp(-1) < ends.v["tanh on log σ²"] < 0.39)
claim("without noise the variance is the prior's", abs(ends.v["z without noise"] - 1) < 1e-3)
claim("σ for σ² makes it five times too small", 4.5 < 0.25 / ends.v["σ for σ² in the KL"] < 5.5)
claim("only the right loss fills the prior", list(abs(ends["all codes"] - 1) < 0.02) == [True] + [False] * 4)
ends.round(3)

# %% [markdown]
# (In section 4 the decoder was held still, and σ for σ² made the variance 2¼ times too small. A decoder that learns
# makes it worse.) The last column matters when one *generates*: the decoder knows what to do with a draw from the prior
# only if the codes of all patients together look like the prior. So test a loss where the answer is known: its value at
# the end, the variance that it finds, and the spread of all codes.
#
# ### Your turn
#
# **30.5** Elsewhere, readings have variance 9, and $\tau^2 = 1$: entropy 2.518 nats, true posterior variance
# $\tfrac19$. Five students report the loss, the encoder's variance, and the variance of all codes. **A**: 2.74, 0.370,
# 1.83. **B**: 1.03, 1.000, 1.22. **C**: 2.52, 0.111, 1.00. **D**: 1.88, 0.023, 0.45. **E**: 0.93, 0.108, 79. Name the
# cause of each: `"right"`, `"no KL"`, `"tanh"`, `"sigma"` or `"no noise"`.

# %%
causes_found = ...  # {"A": "...", "B": "...", "C": "...", "D": "...", "E": "..."}
check("30.5", causes_found)

# %% tags=["solution"] jupyter={"source_hidden": true}
# Solution 30.5
causes_found = {"A": "tanh", "B": "no noise", "C": "right", "D": "sigma", "E": "no KL"}
check("30.5", causes_found)

# %% [markdown]
# ## Three questions
#
# Answer aloud, then open.
#
# <details><summary>A paper reports −ELBO 1.9 nats for model A and 2.0 for model B on the same data. Is A the better model
# of the data?</summary>Not for certain. By (30.4) each bound lies below its log-likelihood by its own gap. B may be the
# better model with a poorer encoder. Estimate the likelihood of both with many draws (30.12). And check that both
# state the same likelihood and the same units.</details>
#
# <details><summary>You train on standardised laboratory values with mean-squared error plus KL. The rate is zero, and all
# reconstructions are the average patient. What happened?</summary>Mean-squared error over d values means a noise
# variance of d/2. A latent would need an eigenvalue larger than that (30.11): one cause behind more than half of all
# variance. None was there, so every latent collapsed. Learn the noise variance, or state it.</details>
#
# <details><summary>Why does the noise in z not average out, and why would its absence show?</summary>With noise the
# decoder pays for an uncertain code: the reconstruction asks for a small variance. Without it only the KL speaks about the
# variance, which then goes to 1, the prior's, whatever x is. The loss falls below the entropy.</details>

# %% [markdown]
# ## In this notebook we ...
#
# - derived the ELBO twice, saw its gap as an area, and gave each term its task,
# - derived the Gaussian KL, checked the reparameterised gradient, and measured why the score function is too noisy,
# - found that likelihood, noise variance and $\beta$ decide which latents survive, and predicted it from eigenvalues,
# - ran an objective as printed, repaired its five errors, and took the fingerprints of four wrong losses.
#
# **Pitfalls**
# - Log-variance, variance and deviation look alike in code. Put the one you mean into the name.
# - A mean over values or pixels instead of a sum changes the likelihood, not only the scale of a plot.
# - With all constants kept and $\beta \ge 1$, a loss below the entropy of the data is no success. It is a bug or, on
#   training data, memory. (With $\beta < 1$ the loss is no bound.)
# - A continuous density can exceed 1, so $-\mathrm{ELBO}$ may be negative. Its zero depends on the unit of $x$.
#
# **Further reading**
# - Kingma and Welling, *Auto-encoding variational Bayes*, ICLR 2014; Rezende, Mohamed and Wierstra, ICML 2014.
# - Tipping and Bishop, *Probabilistic principal component analysis*, J. R. Stat. Soc. B 61 (1999) 611. Lucas and others,
#   *Don't blame the ELBO!*, NeurIPS 2019: the linear VAE and collapse.
# - Burda, Grosse and Salakhutdinov, *Importance weighted autoencoders*, ICLR 2016. Higgins and others, *β-VAE*, ICLR
#   2017. Alemi and others, *Fixing a broken ELBO*, ICML 2018: rate and distortion.
#
# **Next**: [notebook 31](31_vae_images.ipynb), images from a VAE.
