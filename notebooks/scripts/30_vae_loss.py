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
# - **predict** from eigenvalues how many latent variables survive training, and
# - **recognise** a wrong VAE loss when you meet one.
#
# | needs | read | run | data |
# |---|---|---|---|
# | [notebook 12](12_gradient_descent.ipynb), expectation and normal distribution | 60 min | 30 s | simulated |
#
# Two students train the same small VAE on the same data. The first ends at a loss of 2.11, the second at 1.70, and
# lower is better. **The second is wrong.** There is one slip in the code, $\sigma$ where $\sigma^2$ belongs. It raised
# no error, and the curve looks healthy. One number convicts it.

# %%
import math

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from medlib.lesson import check, claim, setup

rng = setup(seed=0)

# %% [markdown]
# Here are the two curves, and a dotted line that belongs to the data. (The code is folded: it will be yours by the end
# of the page.)

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Loss in nats against the step of training, logarithmic axis. Both curves fall from about 2.9. The right one comes down to a dotted line at 2.11, the entropy of the data, and stays on it. The one with sigma for sigma squared crosses the line after some 250 steps and ends at 1.70."}} tags=["hide-input"]
entropy = 0.5 * math.log(2 * math.pi * math.e * 4)  # of the data, in nats; they have variance 4


def misfit(a, w, v):
    """E[-log p(x|z)] when x ~ N(0, 4), z ~ N(a x, v), and the decoder is N(w z, 1)."""
    return 0.5 * math.log(2 * math.pi) + 0.5 * (4 * (1 - w * a) ** 2 + w * w * v)


def right(a, w, v):
    """The loss of a linear VAE with one latent, in closed form."""
    return misfit(a, w, v) + 0.5 * (4 * a * a + v - 1 - math.log(v))


def slip(a, w, v):
    """The same with the deviation where the variance belongs."""
    return misfit(a, w, v) + 0.5 * (4 * a * a + math.sqrt(v) - 1 - math.log(math.sqrt(v)))


def descend(loss, steps=8000, alpha=0.01, h=1e-5):
    """Gradient descent over (a, w, log v), by central differences; the rows of the path are (loss, a, w, v)."""
    theta, path = np.array([0.1, 0.5, 0.0]), []
    for _ in range(steps):
        path.append([loss(theta[0], theta[1], math.exp(theta[2])), theta[0], theta[1], math.exp(theta[2])])
        gradient = np.zeros(3)
        for i in range(3):
            up, down = theta.copy(), theta.copy()
            up[i], down[i] = theta[i] + h, theta[i] - h
            gradient[i] = (loss(*up[:2], math.exp(up[2])) - loss(*down[:2], math.exp(down[2]))) / (2 * h)
        theta = theta - alpha * gradient
    return np.array(path)


paths = {"right": descend(right), "σ for σ²": descend(slip)}
fig, ax = plt.subplots(figsize=(6.4, 3.2))
for name, path in paths.items():
    ax.semilogx(np.arange(1, len(path) + 1), path[:, 0], label=name)
ax.axhline(entropy, color="black", linestyle=":", label="entropy of the data")
ax.set(xlabel="step", ylabel="loss (nats)", title="Two losses, simulated data")
ax.legend()
plt.show()
ends = {name: path[-1, 0] for name, path in paths.items()}
lower = entropy - ends["σ for σ²"]
landed = abs(ends["right"] - entropy) < 1e-4 and abs(lower - 0.41) < 0.005
claim("the right loss ends on the line, at 2.112; the slip ends .41 lower", landed, list(ends.values()))

# %% [markdown]
# The right loss falls to 2.112 and rests on the line. The other one passes through it and ends .41 lower. The line is
# the **entropy** of the data, and averaged over fresh data no honest VAE loss (all constants, the full KL) can fall
# below it. This page says why. (A *nat* is the unit of natural logarithms: 1.44 bits.)
#
# ## 1. A hidden cause
#
# Measure the systolic blood pressure of a thousand people at two visits. In our **simulated** clinic the usual
# pressure differs between people with a standard deviation of 17.3 mmHg, and each reading misses it by 10 mmHg. We
# count from the average, in steps of 10 mmHg. So a hidden $z \sim \mathcal N(0, 1)$ makes the usual pressure
# $w z$ with $w = \sqrt 3$, and a reading is $x \sim \mathcal N(w z, \tau^2)$ with $\tau^2 = 1$. Nobody sees $z$. Below,
# at left, is what the clinic sees. At right the usual pressure is subtracted, which only a simulation can do.

# %%
w, tau2 = math.sqrt(3), 1.0
hidden = rng.normal(size=(1000, 1))
readings = w * hidden + rng.normal(0, np.sqrt(tau2), size=(1000, 2))

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Two scatter plots of simulated readings. At left the second visit against the first, a tilted cloud coloured by the hidden usual pressure, which runs along the cloud. At right what is left after the usual pressure is subtracted: a round cloud."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(7.4, 3.2))
dots = axes[0].scatter(*10 * readings.T, c=10 * w * hidden[:, 0], s=8, cmap="cividis")
fig.colorbar(dots, label="usual pressure (mmHg, hidden)")
axes[1].scatter(*10 * (readings - w * hidden).T, s=8)
axes[0].set(xlabel="first reading − average (mmHg)", ylabel="second − average (mmHg)", title="Simulated: what we see")
axes[1].set(xlabel="first − usual (mmHg)", ylabel="second − usual (mmHg)", title="Simulated: given the cause")
axes[1].set_aspect("equal")
plt.show()
together, apart = (np.corrcoef(r.T)[0, 1] for r in (readings, readings - w * hidden))
alone = 0.68 < together < 0.82 and abs(apart) < 0.15
claim("a correlation of about .75, and none given the hidden cause", alone, [together, apart])

# %% [markdown]
# The two readings lie along a slanted cloud, with a correlation of three quarters; without their common cause the
# cloud is round. That is the reason for a **latent variable**: what looks entangled becomes simple once its cause is
# named. The model has two simple parts, a *prior* $p(z)$ and a *decoder* $p_\theta(x \mid z)$. How likely is a reading
# under it? Every $z$ may have produced it, so we sum over all of them:
#
# $$p_\theta(x) = \int p(z)\, p_\theta(x \mid z)\, dz \tag{30.1}$$
#
# Here the answer is known: a sum of two normal variables, so $x \sim \mathcal N(0,\, w^2 + \tau^2) = \mathcal N(0, 4)$.
# From here on, the second argument of $\mathcal N$, and the third of `log_normal`, is a **variance**.


# %%
def log_normal(x, mean, var):
    """Log-density of a normal distribution; var is a variance."""
    return -0.5 * np.log(2 * np.pi * var) - (x - mean) ** 2 / (2 * var)


grid = np.linspace(-12, 12, 4801)


def integral(values):
    """The integral over z of values on the grid."""
    return np.sum(values) * (grid[1] - grid[0])


# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (30.1): the integral on the grid against the known density, for three clinics
clinics, by_grid, known = [(w, tau2), (0.7, 2.5), (-1.2, 0.4)], [], []
for slope, noise in clinics:
    for x in rng.normal(0, 2, size=5):
        by_grid.append(integral(np.exp(log_normal(grid, 0, 1) + log_normal(x, slope * grid, noise))))
        known.append(np.exp(log_normal(x, 0, slope**2 + noise)))
claim("in three clinics the integral is the density of N(0, w² + τ²)", np.allclose(by_grid, known, rtol=1e-9))

# %% [markdown]
# One dimension, and a grid does it. An image needs dozens of latents, beyond any grid. Could we average $p_\theta(x
# \mid z)$ over random draws from the prior? Take $d$ people, each with $x = 2$ and a $z$ of their own, 10,000 draws,
# and twenty attempts:

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Error of the estimated log-density against the number of latents from 1 to 60, twenty thin lines. They begin at zero error, scatter to both sides from about ten latents on, and then sink, to some 20 to 55 nats below at 60; a line for one draw from the posterior stays at zero."}} tags=["hide-input"]
errors = []
for _ in range(20):
    fit = np.cumsum(log_normal(2, w * rng.normal(size=(10_000, 60)), tau2), axis=1)  # column d - 1 has d latents
    errors.append(np.logaddexp.reduce(fit, axis=0) - np.log(10_000) - np.arange(1, 61) * log_normal(2, 0, 4))
fig, ax = plt.subplots(figsize=(6.4, 2.9))
ax.plot(np.arange(1, 61), np.transpose(errors), color="C1", alpha=0.4, linestyle="-", linewidth=1)
ax.axhline(0, color="C0", label="one draw from the posterior (30.2)")
ax.set(xlabel="latents d", ylabel="error of log p(x) (nats)", title="10,000 draws from the prior, 20 times")
ax.legend()
plt.show()
middle = np.median(errors, axis=0)
short = abs(middle[0]) < 0.05 and -60 < middle[-1] < -25
claim("with 1 latent the average is good, with 60 it is about 40 nats short", short, [middle[0], middle[-1]])

# %% [markdown]
# With one latent the error is near 0; with sixty an attempt is short by 40 nats or so. Nearly all draws explain
# nothing: they come from people who have other pressures. (The level line at 0 is what the next formula reaches, with
# *one* draw.) We should draw where *this* reading may have come from. That is the posterior, by Bayes' rule:
#
# $$p_\theta(z \mid x) = \frac{p(z)\,p_\theta(x \mid z)}{p_\theta(x)}
# = \mathcal N\!\left(\frac{w\,x}{w^2+\tau^2},\ \frac{\tau^2}{w^2+\tau^2}\right)
# \quad\text{for our clinic} \tag{30.2}$$


# %%
def posterior_of(x, w=w, tau2=tau2):
    """Mean and variance of the hidden z, given one reading."""
    return w * x / (w**2 + tau2), tau2 / (w**2 + tau2)


post_mean, post_var = posterior_of(4.0)  # a reading 40 mmHg above the average
usual = 10 * w * post_mean
claim("the usual pressure is estimated at +30 mmHg", abs(usual - 30) < 1e-9, usual)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (30.2): the quotient at draws of the posterior, in three clinics; this is the blue line above
for slope, noise in clinics:
    at = posterior_of(-1.3, slope, noise)
    z = rng.normal(at[0], np.sqrt(at[1]), size=20_000)
    weight = log_normal(z, 0, 1) + log_normal(-1.3, slope * z, noise) - log_normal(z, *at)
    log_px = log_normal(-1.3, 0, slope**2 + noise)
    width = z.var() / at[1]  # the draws are as wide as the formula says
    exact = np.allclose(weight, log_px) and abs(width - 1) < 0.06
    claim(f"w = {slope:.2f}: every single draw gives log p(x)", exact, [log_px, np.ptp(weight)])

# %% [markdown]
# A reading of +40 mmHg, an estimate of +30. It is shrunk towards the average, and physicians know that as *regression
# to the mean*: a high reading is partly a bad day.
#
# ## 2. The bound, derived twice
#
# With a deep decoder (30.2) is out of reach, for $p_\theta(x)$ stands in it. The idea of the VAE: *guess* the
# posterior. An **encoder** $q_\phi(z \mid x)$ guesses for each $x$. Any guess that is nowhere 0 will do, for we may
# multiply and divide by it. The logarithm of a mean is at least the mean of the logarithms (Jensen), and so
#
# $$\log p_\theta(x) = \log \mathbb E_{q}\!\left[\frac{p(z)\,p_\theta(x \mid z)}{q_\phi(z \mid x)}\right]
# \ \ge\ \mathbb E_{q}\!\left[\log \frac{p(z)\,p_\theta(x \mid z)}{q_\phi(z \mid x)}\right] = \mathrm{ELBO}(x)
# \tag{30.3}$$
#
# The right side is the *evidence lower bound*, a mean over draws from $q$: it can be estimated without bias.


# %%
def elbo(x, mean, var, w=w, tau2=tau2):
    """The right side of (30.3) on the grid, for the guess N(mean, var)."""
    log_q = log_normal(grid, mean, var)
    log_joint = log_normal(grid, 0, 1) + log_normal(x, w * grid, tau2)
    return integral(np.exp(log_q) * (log_joint - log_q))


# %% [markdown]
# Jensen says *at least*. By how much? Put $p(z)\,p_\theta(x \mid z) = p_\theta(x)\,p_\theta(z \mid x)$ into the ELBO,
# and the gap has a name:
#
# $$\log p_\theta(x) = \mathrm{ELBO}(x) + \mathrm{KL}\big(q_\phi(z \mid x)\,\big\|\,p_\theta(z \mid x)\big),
# \qquad \mathrm{KL}(q \,\|\, p) = \mathbb E_q\!\left[\log \frac{q}{p}\right] \tag{30.4}$$


# %%
def kl_to(mean, var, at):
    """KL divergence of the guess N(mean, var) from the normal distribution at."""
    log_q = log_normal(grid, mean, var)
    return integral(np.exp(log_q) * (log_q - log_normal(grid, *at)))


# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equations (30.3) and (30.4): 200 guesses in each of three clinics; none gets above log p(x), and KL is what it lacks
guesses = np.column_stack([rng.uniform(-1, 4, 200), rng.uniform(0.02, 1.5, 200)])
lacking, divergence, at_best = [], [], []
for x, (slope, noise) in zip([4.0, 1.0, -2.0], clinics, strict=True):
    log_px, at = log_normal(x, 0, slope**2 + noise), posterior_of(x, slope, noise)
    lacking += [log_px - elbo(x, *guess, slope, noise) for guess in guesses]
    divergence += [kl_to(*guess, at) for guess in guesses]
    at_best.append(log_px - elbo(x, *at, slope, noise))
bound = min(lacking) > 0 and np.allclose(at_best, 0, atol=1e-9)
claim("every guess gives a lower bound, and the posterior gives log p(x) itself", bound, min(lacking))
claim("what a guess lacks is its KL", np.allclose(lacking, divergence, atol=1e-9), max(lacking))

# %% [markdown]
# The gap can be seen. Write $p$ for the posterior. Since $q$ and $p$ both have area one, adding $p - q$ to
# $q \log (q/p)$ does not change its integral; and $q\log(q/p) - q + p$ is nowhere negative. **The gap is the area
# under that curve.** Three guesses for the patient with $x = 4$:


# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Three guesses for the posterior of z, each beside a stack of two bars. A shifted one has a large shaded gap and an ELBO of minus 5.39; a wide one has a smaller gap; the posterior itself has none. In each, ELBO and gap stack up to the same dotted line, log p of x, at minus 3.61."}} tags=["hide-input"]
def show_bound(mean, sigma, axes, x=4.0, low=-9):
    """Left: guess, posterior and the area of the gap. Right: ELBO and gap, stacked. sigma is a standard deviation."""
    log_q, log_p = log_normal(grid, mean, sigma**2), log_normal(grid, *posterior_of(x))
    area = np.exp(log_q) * (log_q - log_p) - np.exp(log_q) + np.exp(log_p)
    bound = elbo(x, mean, sigma**2)
    axes[0].plot(grid, np.exp(log_p), "k:", label="posterior p")
    axes[0].plot(grid, np.exp(log_q), color="C0", label="guess q")
    axes[0].fill_between(grid, area, color="C1", alpha=0.4, label="gap")
    axes[0].set(xlim=(-1, 4.5), ylim=(0, 1.7), xlabel="z", title=f"μ = {mean:.2f}, σ = {sigma:.2f}")
    axes[1].bar(0, bound - low, bottom=low, color="C0")
    axes[1].bar(0, integral(area), bottom=bound, color="C1", alpha=0.4)
    axes[1].axhline(log_normal(x, 0, 4), color="black", linestyle=":")
    axes[1].set(ylim=(low, -3), xticks=[], xlabel="nats", title=f"ELBO −{-bound:.2f}")
    return area


fig, axes = plt.subplots(1, 6, figsize=(9.4, 2.9), width_ratios=[3, 1] * 3)
three = [(0.8, 0.6), (1.732, 1.0), (1.732, 0.5)]
areas = [show_bound(*guess, axes[2 * i : 2 * i + 2]) for i, guess in enumerate(three)]
axes[0].legend(fontsize=8)
plt.show()
gaps = [kl_to(mean, sigma**2, (post_mean, post_var)) for mean, sigma in three]
tops = [[bar.get_y() + bar.get_height() for bar in ax.patches] for ax in axes[1::2]]
bounds = [elbo(4.0, mean, sigma**2) for mean, sigma in three]
sizes = [integral(area) for area in areas]
same = np.allclose(sizes, gaps, atol=1e-9) and np.min(areas) > -1e-9
claim("no shaded curve is negative, and its area is the gap of (30.4)", same, sizes)
claim("the bars end at the ELBO and at log p(x)", np.allclose(tops, [[b, log_normal(4, 0, 4)] for b in bounds]), tops)

# %% [markdown]
# The shifted guess has the largest area, 1.78 nats; the wide one .81; the posterior itself has none. Move the guess
# yourself: blue and orange always end on the dotted line.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from ipywidgets import FloatSlider, interact


@interact(
    mean=FloatSlider(0.8, min=-1, max=4, step=0.1, description="mean μ"),
    sigma=FloatSlider(0.6, min=0.2, max=1.5, step=0.05, description="deviation σ"),
)
def move(mean, sigma):
    show_bound(mean, sigma, plt.subplots(1, 2, figsize=(4.6, 2.9), width_ratios=[3, 1])[1])
    plt.show()


# %% [markdown]
# So one number serves two ends. Raise the ELBO by changing $\phi$: the gap closes. Raise it by changing $\theta$: the
# data become likelier, or the posterior comes nearer to the guess. And since
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
# Keep the mean of the guess, and let only its variance change:

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Minus reconstruction, rate, and their sum against the variance of the guess on a logarithmic axis. The first rises with the variance, the second falls until a variance of 1 and then rises a little, the sum has its minimum at a quarter."}} tags=["hide-input"]
# Equation (30.5): the two terms by quadrature against the ELBO, for guesses of different variance
variances = np.geomspace(0.02, 2, 81)
densities = [np.exp(log_normal(grid, post_mean, v)) for v in variances]
mismatch = np.array([-integral(q * log_normal(4.0, w * grid, tau2)) for q in densities])
rate = np.array([kl_to(post_mean, v, (0, 1)) for v in variances])
claim("the two terms make the ELBO", np.allclose(-mismatch - rate, [elbo(4.0, post_mean, v) for v in variances]))
fig, ax = plt.subplots(figsize=(6.4, 2.9))
for curve, name in [(mismatch, "− reconstruction"), (rate, "rate"), (mismatch + rate, "− ELBO")]:
    ax.semilogx(variances, curve, label=name)
ax.axvline(post_var, color="black", linestyle=":")
ax.set(xlabel="variance of the guess", ylabel="nats", title="A tug of war over the variance")
ax.legend()
plt.show()
best = variances[np.argmin(mismatch + rate)]
claim("they balance at the posterior's variance, 1/4", abs(best / 0.25 - 1) < 0.06, best)

# %% [markdown]
# The reconstruction alone would shrink the variance to 0, the rate alone would widen it to 1; their sum is least at
# 1/4, the posterior's. Without the rate the VAE would be an ordinary autoencoder, without the reconstruction pure
# noise.
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

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (30.6): against quadrature for twelve guesses, and against Keras's own divergence of discrete distributions
import keras
from scipy import stats

pairs = [(m, s) for m in (-1.2, 0, 0.7) for s in (0.3, 0.5, 1, 1.7)]
by_formula = [0.5 * (m**2 + s**2 - 1 - math.log(s**2)) for m, s in pairs]
by_quadrature = [kl_to(m, s**2, (0, 1)) for m, s in pairs]
claim("twelve guesses: the formula is the integral", np.allclose(by_formula, by_quadrature, atol=1e-9))
mu, sigma = 0.7, 0.5
kl = kl_to(mu, sigma**2, (0, 1))
edges = np.linspace(-6, 6, 401)
shares = [np.diff(stats.norm.cdf(edges, *at)) for at in ((mu, sigma), (0, 1))]
binned = float(keras.losses.kl_divergence(*shares))
claim("μ = .7, σ = .5: .563 nats, and Keras agrees, on 400 bins", np.allclose([kl, binned], 0.563, atol=2e-3), binned)

# %% [markdown]
# ### Variance, deviation, log-variance
#
# A network gives the **log-variance** $\log\sigma^2$, for any real number is allowed there. The variance is its
# exponential, the deviation the exponential of its *half*. Mixing them raises no error. The VAE laboratory of a
# well-known course, MIT's 6.S191, calls $\sigma$ the standard deviation in its *text* and prints
# $\tfrac12(\sigma + \mu^2 - 1 - \log\sigma)$ there, which is (30.6) only if $\sigma$ means the variance. Its *code* is
# right: what it names `logsigma` it treats as a log-variance throughout. At $\mu = .7$,
# $\sigma = .5$ the divergence is .563, and the text's formula gives .342.
#
# Does it matter? Both formulas are zero at $\mu = 0, \sigma = 1$, and both train. But under the wrong one an encoder in
# our clinic, with $w = \sqrt 3$ held, minimises $\tfrac12(3\sigma^2 + \sigma - \log \sigma)$ instead of
# $\tfrac12(4\sigma^2 - \log\sigma^2)$. It finds $\sigma = \tfrac13$ instead of $\tfrac12$.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
as_text = 0.5 * (sigma + mu**2 - 1 - np.log(sigma))
claim("at μ = .7, σ = .5 the text's formula gives .342", abs(as_text - 0.342) < 5e-4, as_text)
sigmas = np.linspace(0.05, 1, 1901)
found = sigmas[np.argmin(0.5 * (w**2 * sigmas**2 + sigmas - np.log(sigmas)))]
correct = sigmas[np.argmin(0.5 * (w**2 * sigmas**2 + sigmas**2 - np.log(sigmas**2)))]
truth = rng.normal(size=20_000)
means = posterior_of(w * truth + rng.normal(size=20_000))[0]
inside = [np.mean(abs(truth - means) < 1.96 * s) for s in (correct, found)]
shrunk = np.allclose([correct, found], [1 / 2, 1 / 3], atol=1e-3)
held = shrunk and np.allclose(inside, [0.95, 0.81], atol=0.015)
claim("σ is 1/3 for 1/2, and intervals of 95 % hold 81 % instead of 95", held, inside)

# %% [markdown]
# With the right deviation, intervals of 95 % hold 95 % of the true values; with the wrong one they hold 81 %.
#
# ### Your turn
#
# **30.1** Write the rate for a batch: `mean` and `log_var` have shape (n, latents); return shape (n,), one number for
# each example. (A KL of independent dimensions is a sum.) Section 8 needs it.


# %%
def rate_of(mean, log_var):
    """KL(N(mean, exp(log_var)) || N(0, I)) of each row, in nats."""
    return ...  # your code


check("30.1", rate_of)


# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 30.1
def rate_of(mean, log_var):
    """KL(N(mean, exp(log_var)) || N(0, I)) of each row, in nats."""
    return 0.5 * np.sum(mean**2 + np.exp(log_var) - 1 - log_var, axis=-1)


check("30.1", rate_of)

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
# Test both on $f(z) = z^2$, where $\mathbb E_q[f] = \mu^2 + \sigma^2$: the gradient by $\mu$ must be $2\mu = 3$.

# %%
mu, sigma, eps = 1.5, 0.8, rng.normal(size=100_000)
z = mu + sigma * eps
reparameterised = 2 * z
score = z**2 * (z - mu) / sigma**2
print(f"means:     {reparameterised.mean():.2f} and {score.mean():.2f}")
print(f"variances: {reparameterised.var():.1f} and {score.var():.1f}")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equations (30.7) and (30.8): by quadrature for f = z³, where E f = μ³ + 3μσ²; then TensorFlow's tape through the draws
import tensorflow as tf

for m, s in [(1.5, 0.8), (-0.4, 1.3)]:
    normal, zs = np.exp(log_normal(grid, 0, 1)), m + s * grid  # here the grid is ε
    by_mu, by_sigma = (integral(normal * 3 * zs**2 * factor) for factor in (1, grid))
    by_score = integral(normal * zs**3 * (zs - m) / s**2)
    wanted = [3 * m**2 + 3 * s**2, 6 * m * s, 3 * m**2 + 3 * s**2]
    same = np.allclose([by_mu, by_sigma, by_score], wanted)
    claim(f"f = z³, μ = {m}, σ = {s}: all three gradients are right", same, wanted)
mu_, sigma_ = tf.Variable(mu, dtype="float64"), tf.Variable(sigma, dtype="float64")
with tf.GradientTape() as tape:
    mean_f = tf.reduce_mean((mu_ + sigma_ * eps) ** 2)
by_tape = [float(g) for g in tape.gradient(mean_f, [mu_, sigma_])]
claim("TensorFlow's tape does (30.7)", np.allclose(by_tape, [np.mean(2 * z), np.mean(2 * z * eps)]), by_tape)
noise_ratio = score.var() / reparameterised.var()
claim("one score draw is noisier, nearly twenty times", 15 < noise_ratio < 23, noise_ratio)

# %% [markdown]
# Both means are near 3, and the second estimate has nearly twenty times the variance. It grows worse with dimensions.
# Let $f(z) = \lVert z\rVert^2$ in $d$ dimensions, all means and deviations at 1, and
# $k = d - 1$. One reparameterised draw has variance 4 whatever $d$ is. One score draw has $4k^2 + 22k + 30$. A
# **baseline**, $f - \mathbb E f$ in the place of $f$, is allowed, for it changes no mean; it leaves $6k + 18$.

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Variance of one gradient entry against the number of dimensions, both axes logarithmic. Reparameterised: flat at 4. Score function: from 30 at one dimension to 41,412 at a hundred. With a baseline: from 18 to 612. Measured dots lie on the three lines."}} tags=["hide-input"]
theory = {
    "score function (30.8)": lambda d: 4 * (d - 1) ** 2 + 22 * (d - 1) + 30,
    "with a baseline": lambda d: 6 * (d - 1) + 18,
    "reparameterised (30.7)": lambda d: 4 + 0 * d,
}
dims, measured = np.array([1, 3, 10, 30, 100]), {name: [] for name in theory}
for d in dims:
    e = rng.normal(size=(min(400_000, 4_000_000 // d), d))
    f = np.sum((1 + e) ** 2, axis=1)
    estimates = (f * e[:, 0], (f - 2 * d) * e[:, 0], 2 * (1 + e[:, 0]))
    for name, values in zip(theory, estimates, strict=True):
        measured[name].append(np.var(values))
fig, ax = plt.subplots(figsize=(6.4, 3))
for (name, line), colour in zip(theory.items(), ("C1", "C2", "C0"), strict=True):
    (drawn,) = ax.loglog(dims, line(dims), color=colour, label=name)
    ax.loglog(dims, measured[name], "o", color=colour)
    on_line = np.allclose(measured[name], drawn.get_ydata(), rtol=0.08)
    claim(f"{name}: the dots lie on the line", on_line, measured[name])
ax.set(xlabel="dimensions d", ylabel="variance of one draw's gradient", title="Why VAEs reparameterise")
ax.legend()
plt.show()

# %% [markdown]
# At a hundred dimensions the variances are 41,412, 612 and 4. So here one reparameterised draw is worth about 150 score
# draws with a baseline, and ten thousand without. That trick made VAEs practical.
#
# ### Your turn
#
# **30.2** Networks output $\log\sigma^2$. Given one draw `eps` and the slope `slope` $= f'(z)$ at
# $z = \mu + \sigma\varepsilon$, return the gradient estimates for $\mu$ and for $\log\sigma^2$. (Chain rule:
# $\sigma = e^{\frac12 \log\sigma^2}$.) The next section trains with it.


# %%
def gradient_of_draw(slope, log_var, eps):
    """Estimates of the derivatives by the mean and by the log-variance."""
    return ...  # your code: (by_mean, by_log_var)


check("30.2", gradient_of_draw)


# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 30.2
def gradient_of_draw(slope, log_var, eps):
    """Estimates of the derivatives by the mean and by the log-variance."""
    return slope, slope * eps * 0.5 * np.exp(0.5 * log_var)


check("30.2", gradient_of_draw)

# %% [markdown]
# ## 6. The loss in code
#
# This is how the loss of a VAE is written: encode, draw, decode, add the rate. Here the encoder is
# $\mathcal N(a x, v)$ and the decoder $\mathcal N(w z, 1)$: three parameters.


# %%
def negative_elbo(x, a, w, log_var, eps):
    """One draw's estimate of -ELBO, in nats per example."""
    mean = a * x
    z = mean + tf.exp(0.5 * log_var) * eps
    misfit = 0.5 * math.log(2 * math.pi) + 0.5 * (x - w * z) ** 2
    rate = 0.5 * (mean**2 + tf.exp(log_var) - 1 - log_var)
    return tf.reduce_mean(misfit + rate)


# %% [markdown]
# In a large model TensorFlow's tape takes the gradient of those lines. Once, take it by hand: `slope` is the derivative
# of the misfit by $z$, your function carries it to the encoder, and the rate adds its own terms.


# %%
def gradient_by_hand(x, a, w, log_var, eps):
    """Derivatives of negative_elbo by a, w and log_var."""
    mean = a * x
    z = mean + np.exp(0.5 * log_var) * eps
    slope = -w * (x - w * z)
    by_mean, by_log_var = gradient_of_draw(slope, log_var, eps)
    by_a = np.mean((by_mean + mean) * x)
    by_w = np.mean(-(x - w * z) * z)
    return np.array([by_a, by_w, np.mean(by_log_var) + 0.5 * (np.exp(log_var) - 1)])


# %% [markdown]
# Train it as VAEs are trained, on small batches with fresh noise. We know what must come out: $w = \sqrt 3$, and
# the posterior (30.2), which has $a = \sqrt 3/4$ and $v = \tfrac14$.

# %%
theta, path = np.array([0.1, 0.5, 0.0]), []  # a, w, log-variance
for _ in range(6000):
    x, eps = rng.normal(0, 2, size=200), rng.normal(size=200)
    theta = theta - 0.02 * gradient_by_hand(x, *theta, eps)
    path.append(theta)
a_hat, w_hat, log_v_hat = np.mean(path[3000:], axis=0)
print(f"a {a_hat:.3f}, w {w_hat:.3f}, variance {math.exp(log_v_hat):.3f}")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
point = [tf.Variable(value, dtype="float64") for value in (0.3, 1.2, -0.9)]
x, eps = rng.normal(0, 2, size=400_000), rng.normal(size=400_000)
with tf.GradientTape() as tape:
    loss = negative_elbo(x, *point, eps)
by_tape = [float(g) for g in tape.gradient(loss, point)]
by_hand = gradient_by_hand(x, 0.3, 1.2, -0.9, eps)
exact = right(0.3, 1.2, math.exp(-0.9))
same = np.allclose(by_tape, by_hand) and abs(float(loss) - exact) < 0.015
claim("by hand and by tape the same gradient; and the first figure's formula", same, float(loss) - exact)
off = np.array([a_hat, w_hat, math.exp(log_v_hat)]) - [math.sqrt(3) / 4, math.sqrt(3), 0.25]
claim("training finds √3/4, √3 and 1/4", np.all(abs(off) < [0.02, 0.08, 0.03]), off)
reached = float(negative_elbo(x, a_hat, w_hat, log_v_hat, eps))
claim("the loss is the entropy of the data, 2.112", abs(reached - entropy) < 0.008, reached)

# %% [markdown]
# Decoder, encoder and variance arrive at 1.73, .433 and .25, to within a few hundredths, the loss at the entropy.
#
# ## 7. The likelihood is a choice
#
# $p_\theta(x \mid z)$ says what kind of noise we believe in. With $d$ measured values and normal noise of variance
# $\tau^2$ around the reconstruction $\hat x$,
#
# $$-\log p_\theta(x \mid z) = \frac{\lVert x - \hat x\rVert^2}{2\tau^2} + \frac d2 \log\left(2\pi\tau^2\right),
# \qquad \text{least at}\quad \tau^2 = \frac{\lVert x - \hat x\rVert^2}{d} \tag{30.9}$$
#
# So that is where the squared error comes from: a belief in normal noise, the same for every value. Many programs write
# *mean-squared error plus KL*. Compare: it is (30.9) with $\tau^2 = d/2$, decided by nobody.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (30.9): against scipy, its minimum, and what "mean-squared error" stands for
for d, noise in [(10, 0.3), (7, 2.0), (3, 0.05)]:
    seen, rebuilt = rng.normal(size=d), rng.normal(size=(2, d))
    squares = np.sum((seen - rebuilt) ** 2, axis=1)
    nats = [squares / (2 * t) + d / 2 * np.log(2 * np.pi * t) for t in (noise, d / 2)]
    by_scipy = -stats.norm.logpdf(seen, rebuilt, np.sqrt(noise)).sum(axis=1)
    best = stats.norm.fit(seen - rebuilt[0], floc=0)[1] ** 2  # maximum likelihood
    holds = np.allclose(nats[0], by_scipy) and np.isclose(best, squares[0] / d)
    claim(f"d = {d}: scipy's density, and scipy's best variance", holds, by_scipy)
    apart = np.diff(nats[1]) - np.diff(squares / d)
    claim("mean-squared error is (30.9) with τ² = d/2, but for a constant", abs(apart[0]) < 1e-9)
greys = np.linspace(0, 1, 10_001)

masses = [np.mean(p**greys * (1 - p) ** (1 - greys)) for p in (0.5, 0.01)]
zero_one = keras.losses.binary_crossentropy([[1.0], [0.0], [0.3]], [[0.2]] * 3)  # with one asymmetric grey
same = np.allclose(zero_one, [-np.log(0.2**x * 0.8 ** (1 - x)) for x in (1, 0, 0.3)])
greyish = same and np.allclose(masses, [0.5, 0.213], atol=0.002)
claim("cross-entropy is -log of it, and over the greys it integrates to .5 and .21", greyish, masses)

# %% [markdown]
# Our ten laboratory values will have a mean variance of 1.3. A decoder told that its noise has variance 5 cannot listen
# to details; section 9 counts what it loses. **Learn $\tau^2$**, or state it.
#
# For values that are 0 or 1 the *Bernoulli* likelihood $p^x (1-p)^{1-x}$ is right, and its $-\log$ is the binary
# cross-entropy. For grey values between 0 and 1 it is used as well, but it is no density there: over the greys it
# integrates to .5 at $p = .5$ and to .21 at $p = .01$, so what is missing depends on $p$.

# %% [markdown]
# ## 8. A linear VAE is an old acquaintance
#
# Now several latents. Let the decoder be linear, $x \sim \mathcal N(W z, \Psi)$, with a noise variance for each value
# on the diagonal of $\Psi$. Statistics calls that **factor analysis** (1904), and **probabilistic PCA** when all noises
# are equal. Its likelihood is known: $x \sim \mathcal N(0,\, W W^\top + \Psi)$. So is its posterior, with the precision
# $P = I + W^\top \Psi^{-1} W$. A VAE guesses with *independent* latents, and what that costs is known too:
#
# $$\log p_\theta(x) - \max_q \mathrm{ELBO}(x) = \tfrac12\Big(\sum_i \log P_{ii} - \log\det P\Big),
# \qquad P = I + W^\top \Psi^{-1} W \tag{30.10}$$
#
# It is zero when $P$ is diagonal. And it always can be: turn the latents, $W \to W Q$, with the eigenvectors of $W^\top
# \Psi^{-1} W$ as columns of $Q$. That changes no $W W^\top$, so no likelihood. **A linear VAE whose axes are well
# turned has no gap: its ELBO is the exact log-likelihood of factor analysis.**


# %%
def linear_elbo(x, W, psi, mean, var):
    """ELBO of each row of x; decoder N(Wz, diag(psi)), guess N(mean, diag(var))."""
    fit = np.sum(log_normal(x, mean @ W.T, psi), axis=-1)
    blur = 0.5 * np.sum(W**2 @ var / psi)  # the guess's variance, seen by the decoder
    return fit - blur - rate_of(mean, np.log(var))


# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (30.10): a random 5 × 3 matrix and unequal noises; the best guess by an optimiser; then turned
from scipy.optimize import minimize

psi, x = np.array([0.3, 1.0, 2.0, 0.5, 0.8]), rng.normal(size=5)
W = rng.normal(size=(5, 3)) + [1.0, 0.4, -0.3]  # columns that are not orthogonal
_, Q = np.linalg.eigh(W.T @ (W / psi[:, None]))
short, formula, likelihood = [], [], []
for loading in (W, W @ Q):
    P = np.eye(3) + loading.T @ (loading / psi[:, None])
    best = minimize(lambda t, V=loading: -linear_elbo(x, V, psi, t[:3], np.exp(t[3:])), np.zeros(6), tol=1e-12)
    likelihood.append(stats.multivariate_normal.logpdf(x, cov=loading @ loading.T + np.diag(psi)))
    short.append(likelihood[-1] + best.fun)
    formula.append(0.5 * (np.sum(np.log(np.diag(P))) - np.linalg.slogdet(P)[1]))
real = abs(short[0] - formula[0]) < 1e-5 and formula[0] > 0.003
claim("the best guess falls short by what the formula says", real, short[0])
turned = abs(short[1]) < 1e-5 and np.ptp(likelihood) < 1e-9 and abs(formula[1]) < 1e-9
claim("turned, the ELBO is log p(x), which did not change", turned, short[1])

# %% [markdown]
# Now train one, on a **simulated** laboratory: inflammation, kidney and liver move ten values (C-reactive protein,
# leucocytes, ferritin, albumin, creatinine, urea, potassium, ALT, AST, bilirubin; each in a unit of its own) with noise
# of variance .25.

# %%
causes = np.zeros((10, 3))
causes[:4, 0] = [1.6, 1.2, 1.0, -1.0]  # inflammation: albumin falls
causes[3:7, 1] = [-0.3, 1.1, 1.2, 0.7]  # kidney
causes[7:, 2] = [0.7, 0.8, 0.6]  # liver
people = rng.normal(size=(5000, 3)) @ causes.T + rng.normal(0, 0.5, size=(5000, 10))
people = people - people.mean(axis=0)
eigenvalues = np.linalg.eigvalsh(people.T @ people / 5000)[::-1]

# %% [markdown]
# Three eigenvalues of the covariance stand out of the noise: 6.3, 3.4 and 1.7 or so; the other seven lie near .25.
# The encoder is linear too, $q = \mathcal N(V x, \operatorname{diag}(s^2))$. Start $W$ and $V$ at random, learn one
# $\tau^2$ for all values, and descend on $-\mathrm{ELBO}$, here a formula in the covariance, without batches or draws.


# %% jupyter={"source_hidden": true} tags=["hide-input"]
S = people.T @ people / 5000  # all that a linear model sees of the data


def linear_vae(theta, S, q=3, beta=1.0, tau2=None):
    """Loss and gradient of a linear VAE, averaged over the data; tau2 is learned unless it is given."""
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
    return loss, np.concatenate([by_W.ravel(), by_V.ravel(), by_s, [by_t]])


start = np.concatenate([rng.normal(0, 0.1, 60), np.zeros(4)])


def train(beta=1.0, tau2=None):
    """W, V, the encoder's variances and the noise variance at the optimum, by L-BFGS in double precision."""
    limits = {"maxiter": 50_000, "maxfun": 100_000, "ftol": 0, "gtol": 1e-9, "maxcor": 30}
    options = {"jac": True, "method": "L-BFGS-B", "options": limits}
    theta = minimize(lambda t: linear_vae(t, S, beta=beta, tau2=tau2), start, **options).x
    noise = np.exp(theta[63]) if tau2 is None else tau2
    return theta[:30].reshape(10, 3), theta[30:60].reshape(3, 10), np.exp(theta[60:63]), noise


nudge = 1e-5 * rng.normal(size=64)
change = linear_vae(start + nudge, S)[0] - linear_vae(start - nudge, S)[0]
assert np.isclose(change, 2 * nudge @ linear_vae(start, S)[1], rtol=1e-5)  # the gradient is right

# %% [markdown]
# Its rivals on five thousand *new* people: ten separate normals; scikit-learn's `PCA`, which takes eigenvectors and a
# moment; and the ceiling, the true model.

# %%
from sklearn.decomposition import PCA

W, V, s2, noise = train()
newcomers = rng.normal(size=(5000, 3)) @ causes.T + rng.normal(0, 0.5, size=(5000, 10))
bounds = linear_elbo(newcomers, W, noise, newcomers @ V.T, s2)
pca = PCA(3).fit(people).score_samples(newcomers)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
true_cov = causes @ causes.T + 0.25 * np.eye(10)
truth_nats = -stats.multivariate_normal.logpdf(newcomers, cov=true_cov)
separate = -np.sum(log_normal(newcomers, 0, people.var(axis=0)), axis=1)
nats = {"ten separate normals": separate, "PCA, as a density": -pca, "linear VAE, −ELBO": -bounds}
nats["the truth"] = truth_nats
table = pd.DataFrame(index=list(nats), columns=["nats a person", "above the truth, 95 % interval"])
for name, values in nats.items():
    over = values - truth_nats
    width = 1.96 * over.std() / math.sqrt(5000)
    low, high = over.mean() - width, over.mean() + width
    table.loc[name] = f"{values.mean():.3f}", f"{over.mean():.4f} [{low:.4f}, {high:.4f}]"
off = np.max(abs(bounds - pca))
claim("for every new person the ELBO is PCA's log-likelihood, to .01 nats", off < 0.01, off)
exact = stats.multivariate_normal.logpdf(people, cov=W @ W.T + noise * np.eye(10))
left = np.max(abs(exact - linear_elbo(people, W, noise, people @ V.T, s2)))
rest = eigenvalues[3:].mean()
ceiling = -0.5 * (10 * np.log(2 * np.pi) + np.log(eigenvalues[:3]).sum() + 7 * np.log(rest) + 10)
found = abs(noise - 0.25) < 0.01 and abs(noise - rest) < 1e-5
no_gap = left < 1e-4 and abs(exact.mean() - ceiling) < 1e-8 and found
claim("no gap: it is the exact log-likelihood, the largest possible; the noise is .25", no_gap, [left, noise])
over = [np.mean(separate - truth_nats), np.mean(-bounds - truth_nats)]
claim("separate normals lose nearly 4 nats, the VAE under .02", 3.5 < over[0] < 4.2 and over[1] < 0.02, over)
table

# %% [markdown]
# Ten separate normals lose nearly four nats a person. The linear VAE and PCA agree to a few thousandths of a nat for
# *every* person, and both lie within a few thousandths of the truth. So a VAE with linear layers buys nothing that a
# moment of linear algebra does not give. What a deep one can win must come from layers that bend, and is seen only
# beside factor analysis.
#
# ## 9. Who survives? Ask the eigenvalues
#
# Often latents die in training: their rate falls to zero, and the decoder ignores them. This is *posterior collapse*.
# The linear VAE says when. Fix $\tau^2$, weigh the rate with $\beta$ (a $\beta$-VAE), and what is left is an old
# formula of information theory, *reverse water-filling*. With $q$ latents and $\lambda_1 \ge \dots \ge \lambda_d$ the
# eigenvalues of the covariance, the rate $R$ and the distortion $D = \mathbb E\lVert x - Wz\rVert^2$ are
#
# $$R = \sum_{i \le q} \tfrac12\log^+\frac{\lambda_i}{\beta\tau^2}, \qquad
# D = \sum_{i \le q} \min(\lambda_i, \beta\tau^2) + \sum_{i > q}\lambda_i \tag{30.11}$$
#
# where $\log^+ = \max(\log, 0)$. **A latent survives when its eigenvalue is larger than $\beta\tau^2$.** The choice of
# noise and the choice of $\beta$ are one choice.
#
# ### Your turn
#
# **30.3** Write the prediction: given the eigenvalues, $\tau^2$, $\beta$ and the number of latents $q$, return how many
# latents survive and the total rate in nats.


# %%
def predict_survival(eigenvalues, tau2, beta, q):
    """How many latents survive, and the rate of all of them in nats."""
    return ...  # your code: (number, rate)


check("30.3", predict_survival)


# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 30.3
def predict_survival(eigenvalues, tau2, beta, q):
    """How many latents survive, and the rate of all of them in nats."""
    top = np.sort(eigenvalues)[::-1][:q]
    each = 0.5 * np.log(np.maximum(top / (beta * tau2), 1))
    return np.sum(each > 0), each.sum()


check("30.3", predict_survival)

# %% [markdown]
# Lines are your prediction. Each dot is a linear VAE, trained from the same random start.

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Left: number of surviving latents against beta times noise variance, stairs from 3 to 0 that step down at the three eigenvalues, near 1.7, 3.4 and 6.3; trained models are dots on the stairs. A vertical line marks mean-squared error at 5, where one latent survives. Right: distortion against rate, theoretical curve with trained models as dots on it."}} tags=["hide-input"]
# Equation (30.11): trained models against the formula
settings = [(0.2, 0.5), (1.0, 0.5), (3.0, 0.5), (0.5, 2.0), (1.0, 2.5), (1.0, 5.0), (4.0, 2.0)]  # β, τ²
levels = np.array([beta * t2 for beta, t2 in settings])
alive, R, D = [], [], []
for beta, t2 in settings:
    load, read, wide, _ = train(beta, t2)
    codes = people @ read.T
    each = np.array([rate_of(codes[:, [i]], np.log(wide[[i]])).mean() for i in range(3)])
    alive.append(int(np.sum(each > 0.01)))
    R.append(each.sum())
    D.append(np.mean(np.sum((people - codes @ load.T) ** 2, axis=1)) + np.sum(load**2 @ wide))
predicted = [predict_survival(eigenvalues, t2, beta, 3) for beta, t2 in settings]
fine = np.geomspace(0.1, 9, 2000)
stairs = [predict_survival(eigenvalues, level, 1, 3) for level in fine]
spared = [np.minimum(eigenvalues[:3], level).sum() + eigenvalues[3:].sum() for level in fine]
fig, axes = plt.subplots(1, 2, figsize=(7.4, 3))
axes[0].step(fine, [number for number, _ in stairs], where="mid")
axes[0].plot(levels, alive, "o", color="C1")
axes[0].axvline(5, color="black", linestyle=":")
axes[0].set(xlabel="βτ²", ylabel="latents that survive", yticks=range(4), title="Dotted: mean-squared error")
axes[1].plot([rate for _, rate in stairs], spared)
axes[1].plot(R, D, "o", color="C1")
axes[1].set(xlabel="rate R (nats)", ylabel="distortion D", title="Dots: trained (simulated)")
plt.show()
count = [int(number) for number, _ in predicted]
claim("the number that survives is predicted, seven times of seven", alive == count and len(alive) == 7, alive)
exact_D = [np.minimum(eigenvalues[:3], level).sum() + eigenvalues[3:].sum() for level in levels]
same = np.allclose(R, [rate for _, rate in predicted], atol=1e-5) and np.allclose(D, exact_D, atol=1e-5)
claim("so are the rates and the distortions", same, [R, D])
claim("with τ² = d/2 = 5, one latent of three is left", alive[5] == 1, alive[5])

# %% [markdown]
# All seven dots lie on the stairs, and on the curve: three latents at a small $\beta\tau^2$, none above 6.3. The dotted
# line is what the mean-squared error hid: with its $\tau^2 = d/2 = 5$ one latent of three is left. Nothing was wrong
# with the optimiser or the network.
#
# ## 10. Fingerprints of wrong losses
#
# Back to the first figure. Four slips that can be found in published code: no KL; $\sigma$ for $\sigma^2$ in the KL;
# $z = \mu$ in training, without noise; and an activation such as tanh on the output for $\log\sigma^2$. The last one
# looks harmless. But then $\sigma^2$ cannot leave $[e^{-1}, e]$. When the posterior has a variance $\rho$ below
# $e^{-1}$, and the decoder is the true one, every example loses
#
# $$\tfrac12\left(\frac{e^{-1}}{\rho} - 1 - \log\frac{e^{-1}}{\rho}\right) \text{ nats.} \tag{30.12}$$

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (30.12): the best that tanh allows, by a search over its input, against the formula
free = np.linspace(-30, 30, 20_001)
lost, formula = [], []
for t2, variance in [(1, 4), (0.1, 4), (0.01, 2), (0.001, 9)]:  # of the decoder, of the data
    slope2, rho = variance - t2, t2 / variance
    log_v = np.array([np.log(rho), *np.tanh(free)])
    loss = 0.5 * slope2 * np.exp(log_v) / t2 + rate_of(np.zeros((20_002, 1)), log_v[:, None])
    lost.append(loss[1:].min() - loss[0])
    formula.append(0.5 * (math.exp(-1) / rho - 1 - math.log(math.exp(-1) / rho)))
claim("tanh loses what the formula says", np.allclose(lost, formula, atol=1e-6), lost)

# %% [markdown]
# In our clinic that is .04 nats; at $\tau^2 = .1$ it is 5.5, then 34 and 1651: the better the measurement, the narrower
# the posterior, and the more is lost. Now all four slips side by side, each trained as in the first figure.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
mistakes = {
    "right": right,
    "no KL": misfit,
    "tanh on log σ²": lambda a, w, v: right(a, w, math.exp(math.tanh(math.log(v)))),
    "σ for σ² in the KL": slip,
    "z without noise": lambda a, w, v: right(a, w, v) - 0.5 * w * w * v,
}
ends = pd.DataFrame({name: descend(loss)[-1] for name, loss in mistakes.items()}, ["loss", "a", "w", "v"]).T
ends.loc["tanh on log σ²", "v"] = math.exp(math.tanh(math.log(ends.v["tanh on log σ²"])))
ends["variance of all codes"] = 4 * ends.a**2 + ends.v  # of z over all patients: the prior has 1
below = list(ends.loss < entropy - 0.01)
claim("three of four wrong losses end below the entropy", below == [False, True, False, True, True])
ratio = 0.25 / ends.v["σ for σ² in the KL"]
stuck = np.allclose(ends.v.iloc[[2, 4]], [0.37, 1], atol=0.02)
claim("tanh cannot get below .368; without noise the variance is 1", stuck)
claim("σ for σ² makes the variance five times too small", 4.5 < ratio < 5.5, ratio)
filled = list(abs(ends["variance of all codes"] - 1) < 0.02)
claim("only the right loss fills the prior", filled == [True, False, False, False, False])
ends.rename(columns={"v": "variance v"}).drop(columns=["a", "w"]).round(3)

# %% [markdown]
# Three of the four wrong losses end *below* the entropy, 2.112: the opening's student was not alone. Tanh ends .02
# above it, with a variance stuck near .37. The last column matters when one *generates*: the decoder understands a draw
# from the prior only if the codes of all patients together look like the prior, with variance 1; without a KL it grows
# for ever. So test a loss where the answer is known: its value, the variance it finds, and the spread of all codes.
#
# ### Your turn
#
# **30.4** Elsewhere, readings have variance 9, and $\tau^2 = 1$: entropy 2.518 nats, true posterior variance
# $\tfrac19$. Five students report the loss, the encoder's variance, and the variance of all codes. **A**: 2.74, 0.370,
# 1.83. **B**: 1.03, 1.000, 1.22. **C**: 2.52, 0.111, 1.00. **D**: 1.88, 0.023, 0.45. **E**: 0.93, 0.108, 79. Name the
# cause of each: `"right"`, `"no KL"`, `"tanh"`, `"sigma"` or `"no noise"`.

# %%
causes_found = ...  # {"A": "...", "B": "...", "C": "...", "D": "...", "E": "..."}
check("30.4", causes_found)

# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 30.4
causes_found = {"A": "tanh", "B": "no noise", "C": "right", "D": "sigma", "E": "no KL"}
check("30.4", causes_found)

# %% [markdown]
# ## Three questions
#
# Answer aloud, then open.
#
# <details><summary>A paper reports −ELBO 1.9 nats for model A and 2.0 for model B on the same data. Is A the better
# model?</summary>Not for certain. By (30.4) each bound lies below its log-likelihood by its own gap. B may be the better
# model with a poorer encoder. Ask for the same likelihood and units, and where factor analysis stands, whose likelihood
# is exact.</details>
#
# <details><summary>You train on standardised laboratory values with mean-squared error plus KL. The rate is zero, and all
# reconstructions are the average patient. What happened?</summary>Mean-squared error over d values means a noise
# variance of d/2. A latent would need an eigenvalue larger than that (30.11): one cause behind more than half of all
# variance. None was there, so every latent collapsed.</details>
#
# <details><summary>Why does the noise in z not average out, and why would its absence show?</summary>The misfit is
# squared, so noise is paid for, not averaged: the reconstruction asks for a small variance. Without it only the KL
# speaks about the variance, which then goes to 1, the prior's, whatever x is. The loss falls below the
# entropy.</details>

# %% [markdown]
# ## In this notebook we ...
#
# - derived the ELBO twice, saw its gap as an area, and gave each term its task,
# - derived the Gaussian KL, and trained by hand with the reparameterised gradient,
# - found that a linear VAE is factor analysis, without a gap, and that eigenvalues say which latents survive, and
# - took the fingerprints of four wrong losses.
#
# **Pitfalls**
# - Log-variance, variance and deviation look alike in code. Put the one you mean into the name.
# - A mean over values or pixels instead of a sum changes the likelihood, not only the scale of a plot.
# - With all constants and $\beta \ge 1$, a loss below the entropy of the data is a bug, memory, or chance.
# - A continuous density can exceed 1, so $-\mathrm{ELBO}$ may be negative. Its zero depends on the unit of $x$.
#
# **Further reading**
# - Kingma and Welling, *Auto-encoding variational Bayes*, ICLR 2014; Rezende, Mohamed and Wierstra, ICML 2014.
# - Spearman, Am. J. Psychol. 15 (1904) 201: factor analysis. Tipping and Bishop, *Probabilistic principal component
#   analysis*, J. R. Stat. Soc. B 61 (1999) 611. Lucas and others, *Don't blame the ELBO!*, NeurIPS 2019: the linear VAE
#   and collapse.
# - Higgins and others, *β-VAE*, ICLR 2017. Alemi and others, *Fixing a broken ELBO*, ICML 2018: rate and distortion.
#
# **Next**: [notebook 31](31_vae_images.ipynb), images from a VAE.
