"""What left notebook 30: an article's objective, repaired, for the page that deals with the article.

Two more pieces follow. Cells and prose stand as they were; the formulas are numbered A.1 to A.3 here, and the figures
are left out. Running the file checks every claim again.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from medlib.lesson import claim

rng = np.random.default_rng(0)
entropy = 0.5 * math.log(2 * math.pi * math.e * 4)  # of the data, in nats; they have variance 4
w = math.sqrt(3)


def log_normal(x, mean, var):
    """Log-density of a normal distribution; var is a variance."""
    return -0.5 * np.log(2 * np.pi * var) - (x - mean) ** 2 / (2 * var)


# %% [markdown]
# Here are three losses for the same small VAE, as formulas in its three parameters: the encoder's slope $a$, the
# decoder's slope $w$ and the encoder's variance $v$. The first is printed in an article. The second repairs one sign.
# The third is right.


# %%
def parts(a, w, v):
    """E[-log p(x|z)], E[log p(z)] and E[log q(z|x)], when x ~ N(0, 4), z ~ N(a x, v) and p(x|z) = N(w z, 1)."""
    misfit = 0.5 * math.log(2 * math.pi) + 0.5 * (4 * (1 - w * a) ** 2 + w * w * v)
    prior = -0.5 * math.log(2 * math.pi) - 0.5 * (4 * a * a + v)
    return misfit, prior, -0.5 * math.log(2 * math.pi * math.e * v)


def printed(a, w, v):
    """The article's objective, less the unknown constant."""
    return -entropy + parts(a, w, v)[0] + parts(a, w, v)[1]


def sign_repaired(a, w, v):
    """The same with the prior term's sign put right."""
    return parts(a, w, v)[0] - parts(a, w, v)[1]


def correct(a, w, v):
    """All five errors repaired."""
    misfit, prior, code = parts(a, w, v)
    return misfit - prior + code


def slope(loss, theta, h=1e-5):
    """The gradient by central differences, for theta = (a, w, log v) or (a, w, v)."""
    gradient = np.zeros(3)
    for i in range(3):
        up, down = np.array(theta, float), np.array(theta, float)
        up[i], down[i] = up[i] + h, down[i] - h
        gradient[i] = (loss(*up) - loss(*down)) / (2 * h)
    return gradient


def descend(loss, steps=8000, alpha=0.01):
    """Gradient descent; no parameter moves by more than 0.1 a step. The path's rows: (loss, a, w, v). Ends at -1e12."""

    def by_log(a, w, log_v):
        return loss(a, w, math.exp(log_v))

    theta, path = np.array([0.1, 0.5, 0.0]), []
    for _ in range(steps):
        path.append([by_log(*theta), *theta[:2], math.exp(theta[2])])
        if path[-1][0] < -1e12:
            break
        theta = theta - np.clip(alpha * slope(by_log, theta), -0.1, 0.1)
    return np.array(path)


paths = {loss.__name__: descend(loss) for loss in (printed, sign_repaired, correct)}
claim("the printed loss falls below -1e12", paths["printed"][-1, 0] < -1e12, f"step {len(paths['printed'])}")
claim("the repaired sign ends below the entropy of the data", paths["sign_repaired"][-1, 0] < entropy - 0.15)
claim("the right loss ends at the entropy", abs(paths["correct"][-1, 0] - entropy) < 1e-4, paths["correct"][-1, 0])

# %% [markdown]
# ## 11. An article's objective, repaired
#
# Back to the first figure. The article calls $z$ *the random variable after encoding*, and prints this objective:
#
# $$\min_\phi \min_\theta\ \mathbb E_{x\sim p_\text{data}}\big[\log p_\text{data}(x) - \log p_\theta(x \mid z)\big]
# + \beta\, \mathbb E_{z \sim p_\phi(z)}\big[\log p_\theta(z)\big] \tag{A.1}$$
#
# The ingredients are right: a decoder that finds $x$ likely, a term with a prior, a weight. Five things went wrong on
# the way to the page. We take $\beta = 1$ and read it kindly, with $z$ drawn from the encoder; that is `printed` of
# the opening. On the ray $w = 1/a$, $v = 1$ it is $\frac{1}{2a^2} - 2a^2 - 2.612$.

# %%
# Equation (A.1): by draws at one point, then along a ray; it has no minimum
patients, noise = rng.normal(0, 2, size=400_000), rng.normal(size=400_000)
code = 0.3 * patients + math.sqrt(0.5) * noise
by_draws = -entropy - np.mean(log_normal(patients, 1.2 * code, 1)) + np.mean(log_normal(code, 0, 1))
claim("`printed` is that objective", abs(by_draws - printed(0.3, 1.2, 0.5)) < 0.02, by_draws - printed(0.3, 1.2, 0.5))
ray = {a: printed(a, 1 / a, 1.0) for a in (1, 10, 100)}
claim("on the ray it is the formula above", all(abs(f - 0.5 / a**2 + 2 * a**2 + 2.612) < 1e-3 for a, f in ray.items()))
claim("at a = 100 it is below -20,000 nats", ray[100] < -20_000, ray[100])

# %% [markdown]
# **(a) $\log p_\text{data}(x)$ teaches nothing.** Nobody knows it, and it depends on no parameter.

# %%


def without(a, w, v):
    """The objective without the unknown constant."""
    return printed(a, w, v) + entropy


point = (0.3, 1.2, 0.5)
claim("without it the gradient is the same", np.allclose(slope(printed, point), slope(without, point), atol=1e-8))

# %% [markdown]
# **(b) The first $z$ comes from nowhere.** It can be understood in three ways, with three losses. Right is the mean
# over $q_\phi(z \mid x)$.

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
# + \beta\,\mathrm{KL}\big(q_\phi(z \mid x)\,\big\|\,p(z)\big)\Big\} \tag{A.2}$$

# %%
# Equation (A.2): the repaired objective has a minimum, and it is the right one
loss, a_hat, w_hat, v_hat = paths["correct"][-1]
claim("the loss is the entropy, 2.112086", abs(loss - entropy) < 1e-5, f"{loss:.6f}")
claim("the decoder is √3", abs(w_hat - math.sqrt(3)) < 1e-3, w_hat)
claim("the encoder is the posterior", np.allclose([a_hat, v_hat], [math.sqrt(3) / 4, 0.25], atol=1e-3), [a_hat, v_hat])

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
# \tag{A.3}$$
#
# Take a guess whose mean is off by 0.3 and whose variance is four times too large. Then the variance in (A.3) is
# $\frac{4}{\sqrt 7} e^{0.09/1.75} - 1 = 0.592$.

# %%
# Equation (A.3): the measured ladder against its 1/2k law
center = w  # the posterior's mean for x = 4
off_z = rng.normal(center + 0.3, 1, size=1_000_000)
ratio = np.exp(log_normal(off_z, center, 0.25) - log_normal(off_z, center + 0.3, 1))  # ω / p(x), with mean 1
ks = np.array([1, 2, 5, 10, 50, 200, 1000])
averages = [ratio[: len(ratio) // k * k].reshape(-1, k).mean(axis=1) for k in ks]
gaps = np.array([np.mean(r - 1 - np.log(r)) for r in averages])  # r − 1 has mean 0, and quiets the estimate
law = 4 / math.sqrt(7) * math.exp(0.09 / 1.75) - 1
claim("the variance of the weights is .592", abs(np.var(ratio) / law - 1) < 0.02, np.var(ratio))
claim("every rung is higher than the last", np.all(np.diff(gaps) < 0), gaps)
kl = 0.5 * (1 / 0.25 - 1 - math.log(1 / 0.25) + 0.3**2 / 0.25)
claim("the first gap is the KL of (30.4)", abs(gaps[0] - kl) < 0.01, gaps[0])
claim("at 50 draws the law holds within 15 %", abs(gaps[4] * 100 / law - 1) < 0.15, gaps[4] * 100)

# %% [markdown]
# At one draw the gap is the KL of (30.4), three times what the law says: the law is for many draws. From about ten on,
# ten times the draws leave a tenth of the gap.

# %% [markdown]
# ## Exercise: two readings
#
# The patient comes back, and a second reading is taken. Write the mean and the **variance** of
# $p(z \mid x_1, x_2)$, with $w = \sqrt 3$ and $\tau^2 = 1$. (Precisions, one over variance, add up.)


# %%
def posterior_of_two(x1, x2):
    """Mean and variance of the hidden z, given two readings."""
    precision = 1 + 2 * 3  # the prior's, and w² / τ² for each reading
    return math.sqrt(3) * (x1 + x2) / precision, 1 / precision


grid = np.linspace(-12, 12, 4801)
joint = np.exp(log_normal(grid, 0, 1) + log_normal(4.0, w * grid, 1) + log_normal(1.0, w * grid, 1))
mean = np.sum(grid * joint) / joint.sum()
var = np.sum((grid - mean) ** 2 * joint) / joint.sum()
claim(
    "both readings count, each with its own weight", np.allclose(posterior_of_two(4.0, 1.0), [mean, var]), [mean, var]
)

# %% [markdown]
# Left out as well: Adam with batches of 100 patients on the linear VAE of ten laboratory values. L-BFGS arrives at the
# best likelihood; Adam falls fast, and then stays .003 to .3 nats short (step size 0.02, 4,000 steps): every batch is
# different, and its step is long. Whoever *proves* with Adam must say which part of a difference is the optimiser.
