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
# # Gradient descent: how long should a step be?
#
# After this notebook you can
# - **choose** a step size, and say whether gradient descent will converge, how fast, and why,
# - **explain** what momentum, mini-batches, schedules, Adam and clipping add, and
# - **train** a network on real biopsies with numpy alone, and judge it beside its simplest rivals.
#
# | needs | read | run | data |
# |---|---|---|---|
# | [notebook 11](11_back_propagation.ipynb); eigenvalues, mean and variance | 60 min | 60 s | real: 569 breast biopsies; toy problems |
#
# Three people walk down into the same valley, from the same place, by the same rule. One takes steps of 0.19, one of
# 0.2, one of 0.201. The first arrives. The second is as far away after 200 steps as at the start. The third is leaving.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from medlib.data import load
from medlib.decisions import decide
from medlib.lesson import check, claim, setup, track

rng = setup(seed=0)

# %% [markdown]
# The valley is $\mathcal L = \tfrac12(\theta_1^2 + 10\,\theta_2^2)$: ten times as steep across as along. The rule is to
# move against the slope, again and again.


# %%
def descend(gradient, theta, alpha, steps):
    """Gradient descent; returns the whole path, a row for each point."""
    path = [np.array(theta, float)]
    for _ in range(steps):
        path.append(path[-1] - alpha * gradient(path[-1]))
    return np.array(path)


def valley(theta):
    """The slopes of the loss above."""
    return np.array([1, 10]) * theta


paths = {alpha: descend(valley, [1, 1], alpha, 200) for alpha in (0.19, 0.2, 0.201)}

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Distance across the valley over 200 steps, on a logarithmic axis. Step size 0.19 falls straight to 1e-9, 0.2 stays at 1 for ever, 0.201 climbs to 7."}} tags=["hide-input"]
across = {alpha: abs(path[:, 1]) for alpha, path in paths.items()}
fig, ax = plt.subplots()
for alpha, distance in across.items():
    ax.semilogy(distance, label=f"α = {alpha}")
ax.set(xlabel="step", ylabel="distance across the valley", title="One valley, one start, three step sizes")
ax.legend()
plt.show()
claim("α = 0.19 comes within a hundred-millionth", across[0.19][-1] < 1e-8, across[0.19][-1])
claim("α = 0.2 is back at the same distance, exactly, at every step", np.all(across[0.2] == 1))
claim("α = 0.201 is seven times as far away as at the start", 7 < across[0.201][-1] < 8, across[0.201][-1])

# %% [markdown]
# At 0.19 the distance falls to a billionth. At 0.2 it stays exactly 1. At 0.201 it has grown to 7, and there is no bug
# and no bad luck in that. A step size is a dose: too little does nothing, a little too much does harm. Where is the
# border?
#
# ## 1. The border
#
# The rule, for any loss: with $g_t$ the gradient *at* $\theta_t$, and a step size $\alpha$,
#
# $$\theta_{t+1} = \theta_t - \alpha\,g_t, \qquad g_t = \nabla\mathcal L(\theta_t) \tag{12.1}$$
#
# Take a quadratic loss, $\mathcal L = \tfrac12\,\theta^{\mathsf T}H\theta$. The matrix $H$ of its second derivatives is
# the *Hessian*. Its eigenvectors are the axes of the landscape, and its eigenvalues $\lambda_i$ the *curvatures* along
# them. Along each axis, one step multiplies the coordinate by a constant:
#
# $$\theta_i^{(t)} = (1 - \alpha\lambda_i)^t\;\theta_i^{(0)} \tag{12.2}$$

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equations (12.1) and (12.2): a tilted landscape in 20 dimensions, once a bowl, once with two directions that fall
Q = np.linalg.qr(rng.normal(size=(20, 20)))[0]  # the axes, at random
start = rng.normal(size=20)
curvatures = np.linspace(1, 100, 20)


def landscape(lam):
    """The gradient H θ of a quadratic loss with these curvatures along the axes Q."""
    return lambda theta: Q @ (lam * (Q.T @ theta))


bowl = landscape(curvatures)
off = []
for lam in (curvatures, np.r_[-3, -1, curvatures[2:]]):
    walk = descend(landscape(lam), start, alpha=0.015, steps=50) @ Q
    off.append(abs(walk - (1 - 0.015 * lam) ** np.arange(51)[:, None] * (Q.T @ start)).max())
claim("50 steps of the walk are the formula, along all 20 axes", max(off) < 1e-10, off)

# %% [markdown]
# Everything follows from those factors. Let all curvatures be positive, so that the landscape is a bowl. Call the
# largest $L$ and the smallest $\mu$. A walk converges if every factor lies between −1 and 1. The first to leave that
# range is the one with the largest curvature:
#
# $$\text{converges from every start}\iff 0 < \alpha < \frac{2}{L} \tag{12.3}$$
#
# In our valley $L = 10$, and the border is $2/10 = 0.2$.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (12.3): both sides of the border for bowls with L = 3, 10 and 250, and μ from 0.1 to 40
for L, mu in ((3, 0.1), (10, 9), (250, 40)):
    lam = rng.uniform(mu, L, 20)
    lam[:2] = mu, L
    end = [np.linalg.norm(descend(landscape(lam), start, f * 2 / L, 3000)[-1]) for f in (0.99, 1.01)]
    held = end[0] < np.linalg.norm(start) * 1e-3 and end[1] > 1e3
    claim(f"L = {L}: one per cent below 2/L it converges, one per cent above it does not", held, end)

# %% [markdown]
# Two things that the border does not say. Not every bottom is a bowl: $\theta^4$ has curvature 0 at its lowest point, and
# near it gradient descent crawls, ever slower. And not every flat place is a bottom; we shall come to a saddle.
#
# ### Turn the dose yourself
#
# Here are four walks in our valley, 30 steps each. Below them is a slider: find the longest step that still comes
# nearer.

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Paths on the contours of a narrow valley for four step sizes. 0.02 creeps along the floor and has not arrived; 0.18 zigzags into the middle; 0.2 bounces for ever between the walls; 0.21 flies out of the picture."}} tags=["hide-input"]


def show_path(alpha, ax=None):
    """Thirty steps of gradient descent on the contours of the opening valley."""
    ax = ax or plt.subplots(figsize=(4.6, 3.2))[1]
    path = descend(valley, [-2.0, 1.0], alpha, 30)
    x1, x2 = np.meshgrid(np.linspace(-2.4, 2.4, 60), np.linspace(-1.6, 1.6, 60))
    rings = {"levels": [0.5, 2, 4.5, 8, 12.5], "colors": "0.75", "linewidths": 0.8, "antialiased": False}
    ax.contour(x1, x2, 0.5 * (x1**2 + 10 * x2**2), **rings)
    ax.plot(*path.T, "o-", markersize=3, linewidth=1)
    ax.plot(0, 0, "k+", markersize=10)
    loss = 0.5 * path[-1] ** 2 @ np.array([1, 10])
    ax.set(xlim=(-2.4, 2.4), ylim=(-1.6, 1.6), xlabel="θ₁", ylabel="θ₂")
    ax.set_title(f"α = {alpha:.3f}: loss {loss:.2g} after 30 steps", fontsize=9.5)
    ax.label_outer()


fig, axes = plt.subplots(2, 2, figsize=(6.8, 4.6))
for alpha, ax in zip((0.02, 0.18, 0.2, 0.21), axes.flat, strict=True):
    show_path(alpha, ax)
plt.show()

# %% [markdown]
# A step of 0.02 creeps along the floor and has not arrived. 0.18 zigzags into the middle. 0.2 bounces between the walls
# for ever, and 0.21 flies out.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from ipywidgets import FloatSlider, interact

slider = FloatSlider(0.1, min=0.005, max=0.215, step=0.005, description="step size α", readout_format=".3f")


@interact(alpha=slider)
def turn(alpha):
    show_path(alpha)
    plt.show()


# %% [markdown]
# ### The best dose
#
# Below the border, a longer step helps the flat directions and hurts the steep ones. The best fixed compromise treats
# both ends alike. With $\kappa = L/\mu$, the *condition number*, what one step then leaves of the distance is
#
# $$\alpha^{*} = \frac{2}{L+\mu}, \qquad
# \max_i\left|1 - \alpha^{*}\lambda_i\right| = \frac{\kappa-1}{\kappa+1} \tag{12.4}$$

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (12.4): the rate on bowls of three condition numbers, and a slower one on either side of the best step


def rate(path):
    """What a step leaves of the distance, over the second half of a path."""
    half = len(path) // 2
    shrunk = np.linalg.norm(path[-1]) / np.linalg.norm(path[-1 - half])
    return shrunk ** (1 / half)


for L, mu in ((10, 4), (100, 1), (6, 0.1)):
    lam, steps = np.linspace(mu, L, 20), 4000 if mu < 2 else 300
    walked = [rate(descend(landscape(lam), start, f * 2 / (L + mu), steps)) for f in (1, 0.995, 1.005)]
    best = abs(walked[0] - (L / mu - 1) / (L / mu + 1)) < 1e-4 and min(walked[1:]) > walked[0] + 1e-5
    claim(f"κ = {L / mu:.3g}: the rate is (κ−1)/(κ+1), and half a per cent off is slower", best, walked)

# %% [markdown]
# With κ = 100 even the best dose leaves 98 % of the distance after each step, and it lies one per cent below the border.
# That is the burden of gradient descent: **the steepest direction sets the step, the flattest sets the time.**
#
# ### Your turn
#
# **12.1** Write a function `plan(curvatures, left)`. It gets the positive curvatures of a bowl and a share, for example
# a millionth. It returns three numbers: the border of (12.3), the best step of (12.4), and how many such steps it takes
# until at most that share of the distance is left for certain.


# %%
def plan(curvatures, left):
    """The border, the best step, and the number of steps until `left` is left."""
    return ...  # three numbers


check("12.1", plan)


# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 12.1
def plan(curvatures, left):
    """The border, the best step, and the number of steps until `left` is left."""
    L, mu = max(curvatures), min(curvatures)
    one_step = (L / mu - 1) / (L / mu + 1)  # what a step leaves
    return 2 / L, 2 / (L + mu), int(np.ceil(np.log(left) / np.log(one_step)))


check("12.1", plan)

# %% [markdown]
# ### A flat place that is not a bottom
#
# Where one curvature is negative, (12.2) says something else: the factor $1 - \alpha\lambda$ is larger than 1, and the
# walk *leaves*. Such a place is a *saddle*: the bottom in one direction, the top in another. The losses of networks are
# full of them. We start almost on the ridge of $\tfrac12\theta_1^2 - \tfrac12\theta_2^2 + \tfrac14\theta_2^4$, a
# millionth off, with $\alpha = 0.1$.


# %%
def ridge(theta):
    """The slopes of a loss with a saddle at 0 and two bottoms at ±1."""
    return np.array([theta[0], -theta[1] + theta[1] ** 3])


walk = descend(ridge, [1, 1e-6], 0.1, 300)

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Loss over 300 steps of gradient descent near a saddle. It falls from one half to zero within 30 steps, stays flat until about step 130, then drops to minus one quarter and stays there."}} tags=["hide-input"]
loss = 0.5 * walk[:, 0] ** 2 - 0.5 * walk[:, 1] ** 2 + 0.25 * walk[:, 1] ** 4
fig, ax = plt.subplots()
ax.plot(loss)
ax.set(xlabel="step", ylabel="loss", title="A plateau is not the end")
ax.annotate("saddle", (80, 0), xytext=(70, 0.12))
ax.annotate("bottom", (250, -0.25), xytext=(240, -0.17))
plt.show()
leaving = np.argmax(abs(walk[:, 1]) > 0.1)
growth = walk[100, 1] / walk[99, 1]
foreseen = int(np.ceil(np.log(0.1 / 1e-6) / np.log(1.1)))
left = abs(growth - 1.1) < 1e-4 and abs(leaving - foreseen) <= 2
claim("the distance to the ridge grows by 1.1 a step, as (12.2) says, so the walk leaves near step 121", left, leaving)
claim("it ends at a bottom, −1/4", abs(loss[-1] + 0.25) < 1e-6, loss[-1])

# %% [markdown]
# The loss falls to 0, stays there for a hundred steps, and then falls on to −¼. Gradient descent does not stop at a
# saddle, but it waits. A plateau in a training curve may be the end, or a saddle: only time, or the curvature, tells.
#
# ## 2. Momentum
#
# In a narrow valley the slope points across, first to one side and then to the other. A heavy ball would average that
# away and pick up speed along the floor. Polyak (1964) added a share $\beta$ of the last movement to the step:
#
# $$\theta_{t+1} = \theta_t - \alpha\,g_t + \beta\,(\theta_t - \theta_{t-1}), \qquad
# \alpha = \frac{4}{(\sqrt L + \sqrt\mu)^2},\;\; \sqrt\beta = \frac{\sqrt\kappa - 1}{\sqrt\kappa + 1} \tag{12.5}$$
#
# With these two constants a step on a quadratic leaves, in the long run, $\sqrt\beta$. The condition number has been
# replaced by its square root.


# %%
def heavy_ball(gradient, theta, alpha, beta, steps):
    """Gradient descent with momentum; returns the whole path."""
    path = [theta, theta]
    for _ in range(steps):
        moved = path[-1] - alpha * gradient(path[-1])
        path.append(moved + beta * (path[-1] - path[-2]))
    return np.array(path[1:])


L, mu = 100, 1  # of the tilted bowl in 20 dimensions
root = (np.sqrt(L / mu) - 1) / (np.sqrt(L / mu) + 1)
_, best, planned = plan(curvatures, 1e-6)
plain = descend(bowl, start, best, 1500)
alpha = 4 / (np.sqrt(L) + np.sqrt(mu)) ** 2
heavy = heavy_ball(bowl, start, alpha, root**2, 1500)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (12.5): the eigenvalues of one step, along 40 axes, for three pairs of L and μ; and the walk above
for high, low in ((100, 1), (9, 4), (50, 0.02)):
    k = np.sqrt(high / low)
    a, b = 4 / (np.sqrt(high) + np.sqrt(low)) ** 2, ((k - 1) / (k + 1)) ** 2
    one_step = [np.array([[1 + b - a * lam, -b], [1, 0]]) for lam in np.linspace(low, high, 40)]
    radius = max(abs(np.linalg.eigvals(matrix)).max() for matrix in one_step)
    claim(f"L = {high}, μ = {low}: a step leaves (√κ−1)/(√κ+1)", abs(radius - (k - 1) / (k + 1)) < 1e-6, radius)
assert abs(rate(heavy) - 9 / 11) < 2e-3, "the walk should agree with its eigenvalues"

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Distance from the minimum over 300 steps, logarithmic axis. Gradient descent falls slowly, to about a thousandth; the heavy ball falls below 1e-12 within 200 steps."}} tags=["hide-input"]
fig, ax = plt.subplots()
for path, name, where in ((plain, "gradient descent", (140, 0.8)), (heavy, "heavy ball", (5, 5e-12))):
    (line,) = ax.semilogy(np.linalg.norm(path, axis=1))
    ax.annotate(f"{name}: {rate(path):.3f} left per step", where, color=line.get_color())
ax.set(xlim=(0, 300), ylim=(1e-12, 20), xlabel="step", ylabel="distance from the minimum", title="κ = 100")
plt.show()
to_go = [int(np.argmax(np.linalg.norm(path, axis=1) < 1e-6 * np.linalg.norm(start))) for path in (plain, heavy)]
fast = 500 < to_go[0] <= planned and 70 <= to_go[1] <= 100
claim("to a millionth: over 500 steps, within the number you planned; with momentum less than 100", fast, [*to_go, planned])

# %% [markdown]
# The heavy ball needs less than a hundred steps where gradient descent needs more than five hundred. (The constants
# need $L$ and $\mu$, which nobody knows for a network. There, $\beta = 0.9$ is a habit.)
#
# ## 3. A few patients at a time
#
# From here on we have real data: the biopsies of notebook 00, 30 measures each, $y = 1$ malignant. We divide them by
# patient and standardise with the mean and standard deviation of the training part alone. (`decide` hands back what it
# gets and writes it down; the course's tests check that the test part had no say in it.)

# %%
biopsies = load("breast_cancer")
train, val, test = biopsies.split()
mean, sd = decide("scaler", (train.x.mean(axis=0), train.x.std(axis=0)))


def inputs(part):
    """Standardised measures and labels of a part, one patient per row."""
    return (part.x - mean) / sd, part.y[:, None].astype(float)


x, y = inputs(train)
x_val, y_val = inputs(val)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
alone = np.array([inputs(val[[i]])[0][0] for i in range(len(val))])
claim("a patient alone gets the same numbers as among others: no part has a scale of its own", np.all(alone == x_val))
ends = [np.linalg.eigvalsh(part.T @ part / len(part)) for part in (train.x, x)]
kappas = [values[-1] / values[0] for values in ends]
claim("standardising divides the condition number by more than a million", kappas[0] > 1e6 * kappas[1], kappas)

# %% [markdown]
# Standardising is more than cosmetics. In raw units the steepest direction is whatever has the largest numbers. (The
# condition numbers are those of a linear model's squared error.)
#
# A network with 16 hidden units will look at these patients. We keep its 513 parameters as one long vector $\theta$,
# and have its gradient and its loss from notebook 11.

# %%
from medlib.models import scratch
from medlib.models.scratch import backward, forward, initialise, pack, unpack

shapes = initialise(rng, 30, 16, 1)


def slopes(theta, x, y):
    """The gradient of the mean loss on these patients, as one vector."""
    layers = unpack(theta, shapes)
    return pack(backward(layers, *forward(layers, x), y))


def loss_of(theta, x, y):
    """The mean loss on these patients."""
    h, a = forward(unpack(theta, shapes), x)
    return scratch.cross_entropy(a, y)


# %% [markdown]
# The full gradient is a mean over all 341 training patients. A *mini-batch* of $B$ patients, drawn at random, estimates
# it, as a small study estimates the mean of a population. Let $\sigma^2$ be the variance of the gradient from patient to
# patient, summed over all parameters. If patients are drawn with replacement,
#
# $$\mathbb E\left[g_B\right] = g, \qquad \operatorname{Var}\left[g_B\right] = \frac{\sigma^2}{B} \tag{12.6}$$

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (12.6): 2,000 batches of each of three sizes, drawn with replacement
each = np.array([slopes(pack(shapes), x[[i]], y[[i]]) for i in range(len(x))])
full, variance = slopes(pack(shapes), x, y), each.var(axis=0).sum()
assert np.allclose(each.mean(axis=0), full, atol=1e-12), "patients' gradients should average to the full one"
ratio, shift = [], []
for B in (1, 4, 16):
    drawn = each[rng.integers(len(each), size=(2000, B))].mean(axis=1)
    ratio.append(drawn.var(axis=0).sum() / (variance / B))
    shift.append(np.linalg.norm(drawn.mean(axis=0) - full) / np.sqrt(variance / B / 2000))
held = all(abs(r - 1) < 0.08 for r in ratio) and all(s < 2 for s in shift)
claim("variance over σ²/B is 1 within 8 %, and the mean is not off by more than sampling explains", held, ratio)

# %% [markdown]
# Four times the patients, half the noise: the same economy as in any study. A batch of one costs a 341st of the full
# gradient and points downhill on average. That is why *stochastic gradient descent* (SGD) exists.
#
# ### The price: a noise floor
#
# With a fixed step, SGD does not settle. Take one direction with curvature $\lambda$ and add noise $\sigma\,\xi_t$ to
# each gradient, with independent standard normal $\xi_t$. Where shrinking and shaking balance,
#
# $$\mathbb E\left[\theta^2\right] = \frac{\alpha\,\sigma^2}{\lambda\,(2 - \alpha\lambda)} \tag{12.7}$$


# %%
def noisy(alphas, lam=1.0, sigma=1.0):
    """Mean of θ² over 4,000 runs of SGD from θ = 3, a step size for each step."""
    theta = np.full(4000, 3.0)
    squares = []
    for alpha in alphas:
        noise = sigma * rng.normal(size=4000)
        theta = theta - alpha * (lam * theta + noise)
        squares.append(np.mean(theta**2))
    return np.array(squares)


floors = {alpha: noisy([alpha] * 1000) for alpha in (0.5, 0.1, 0.02)}

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (12.7): the floor, averaged over the last 500 steps, for three step sizes and for another λ and σ
for alpha, squares in floors.items():
    measured = squares[500:].mean()
    over = measured * (2 - alpha) / alpha
    claim(f"α = {alpha}: the floor is the predicted one within 5 %", abs(over - 1) < 0.05, measured)
other = noisy([0.5] * 1000, lam=2.0, sigma=1.5)[500:].mean() / (0.5 * 1.5**2 / (2 * (2 - 0.5 * 2)))
claim("so it is with λ = 2 and σ = 1.5", abs(other - 1) < 0.05, other)

# %% [markdown]
# A long step is fast and rough, a short one slow and fine. Hence a *schedule*: begin long, end short. The common one
# rises in a straight line for $w$ steps (*warm-up*), then falls along half a cosine until step $T$:
#
# $$\alpha_t = \alpha\cdot\frac{t}{w}\;\;(t \le w), \qquad
# \alpha_t = \frac{\alpha}{2}\left(1 + \cos\frac{\pi\,(t - w)}{T - w}\right)\;\;(t > w) \tag{12.8}$$
#
# ### Your turn
#
# **12.2** Write (12.8) as a function: `schedule(t, peak, total, warmup)` with $t = 1, \dots, T$. Further down it will
# train the network.


# %%
def schedule(t, peak, total, warmup):
    """The step size at step t, which counts from 1."""
    return ...  # your code


check("12.2", schedule)


# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 12.2
def schedule(t, peak, total, warmup):
    """The step size at step t, which counts from 1."""
    if t <= warmup:
        return peak * t / warmup
    return peak / 2 * (1 + np.cos(np.pi * (t - warmup) / (total - warmup)))


check("12.2", schedule)

# %%
falling = [schedule(t, 0.5, 1000, 50) for t in range(1, 1001)]
scheduled = noisy(falling)

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Mean squared distance over 1,000 steps of simulated SGD on double logarithmic axes. Step sizes 0.5, 0.1 and 0.02 fall to flat floors, the smaller the step the lower and the later. The schedule starts as slowly as the shortest step, overtakes it, rises to the floor of the longest, and ends below all of them."}} tags=["hide-input"]
# Equation (12.8): its corners, and what it does to the floor
corners = [schedule(t, 0.6, 110, 10) for t in (5, 10, 60, 110)]
claim(
    "half way up α/2, at the top α, half way down α/2, in the end 0", np.allclose(corners, [0.3, 0.6, 0.3, 0]), corners
)
fig, ax = plt.subplots()
for alpha, squares in floors.items():
    (line,) = ax.loglog(np.arange(1, 1001), squares, label=f"α = {alpha}")
    ax.axhline(alpha / (2 - alpha), color=line.get_color(), linestyle=":")
ax.loglog(np.arange(1, 1001), scheduled, color="black", linestyle="-", linewidth=2, label="schedule, peak 0.5")
ax.set(xlabel="step", ylabel="mean of θ²", title="Simulated SGD, λ = σ = 1; dotted: equation (12.7)")
ax.legend()
plt.show()
below = scheduled[-1] / floors[0.02][500:].mean()
claim("the schedule ends a quarter or more below the lowest floor", below < 0.75, below)

# %% [markdown]
# Each fixed step comes down to its floor and stays: 0.33, 0.05 and 0.01. The schedule, held back by its warm-up, is
# slower than the longest step at first; in the end it lies below the floor of the shortest.
#
# ## 4. Adam, and two belts
#
# *Adam* (Kingma and Ba 2015) keeps two running means, of the gradient and of its square, and divides one by the root of
# the other, for each parameter by itself:
#
# $$m_t = \beta_1 m_{t-1} + (1-\beta_1)\,g_t,\quad v_t = \beta_2 v_{t-1} + (1-\beta_2)\,g_t^2,\quad
# \theta_{t+1} = \theta_t - \alpha\,\frac{m_t/(1-\beta_1^t)}{\sqrt{v_t/(1-\beta_2^t)} + \epsilon} \tag{12.9}$$
#
# Both means start at 0 and are too small at first. The denominators $1-\beta^t$ correct that ($t$ counts from 1). The
# small $\epsilon$ keeps us from dividing by 0.


# %%
def adam_step(theta, g, memory, alpha, beta1=0.9, beta2=0.999, eps=1e-8):
    """The new θ, and the new memory (m, v, t), which begins as (0, 0, 0)."""
    m, v, t = memory
    t = t + 1
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    mean, square = m / (1 - beta1**t), v / (1 - beta2**t)
    return theta - alpha * mean / (np.sqrt(square) + eps), (m, v, t)


# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (12.9): two hundred steps against Keras, with the usual constants left unsaid on both sides, and with others
import keras
import tensorflow as tf


def against_keras(step, optimizer, **options):
    """Largest difference between a step of this page and Keras's optimiser on the same gradients, relative."""
    ours, memory = np.ones(5), (0, 0, 0)
    theirs = keras.Variable(np.ones(5), dtype="float64")
    for g in rng.normal(size=(200, 5)) * np.geomspace(1e-3, 1e3, 5):
        ours, memory = step(ours, g, memory, **options)
        optimizer.apply([tf.constant(g)], [theirs])
    return abs(ours - theirs.numpy()).max() / abs(ours - 1).max()


usual = against_keras(adam_step, keras.optimizers.Adam(0.01, epsilon=1e-8), alpha=0.01)
claim("our Adam is Keras's to better than a thousandth, constants included", usual < 1e-3, usual)
options = {"beta1": 7 / 8, "beta2": 1023 / 1024}
binary = against_keras(adam_step, keras.optimizers.Adam(1 / 64, 7 / 8, 1023 / 1024, 0), alpha=1 / 64, eps=0, **options)
claim("and to 1e-12 with constants that single precision does not round", binary < 1e-12, binary)
g = np.array([-1e6, -2.0, 3e-6, 0.5])
first, _ = adam_step(np.zeros(4), g, (0, 0, 0), alpha=0.001)
claim("to 1 %, the first step is −α sign(g)", np.allclose(first, -0.001 * np.sign(g), rtol=0.01), first)

# %% [markdown]
# What does the division buy? At the first step the two corrected means are $g$ and $g^2$, and their ratio is the sign of
# $g$. **Adam's first step is $\alpha$ in every direction**, whether the slope is a millionth or a million.
#
# So $\alpha$ has become a distance, and 0.001 is a fair first guess for many networks. It also shows the use of
# warm-up: the first step goes equally far in all 513 directions, after a look at a few patients. (Adam has its own
# weakness. It silences what is rare and loud: Reddi and others, 2018, in *Further reading*.)
#
# **The first belt: decay.** Notebook 11 added $\tfrac{\rho}{2}\lVert\theta\rVert^2$ to the loss. Under Adam that pull
# would be divided by $\sqrt v$ as well, and parameters with large slopes would hardly feel it. *AdamW* (Loshchilov and
# Hutter 2019) takes the pull out of the gradient and shrinks $\theta$ directly:
#
# $$\theta_{t+1} = \theta_t - \alpha\,\frac{\hat m_t}{\sqrt{\hat v_t} + \epsilon} - \alpha\,\rho\,\theta_t,
# \qquad \hat m_t = \frac{m_t}{1-\beta_1^t},\;\; \hat v_t = \frac{v_t}{1-\beta_2^t} \tag{12.10}$$
#
# ### Your turn
#
# **12.3** Write one step of AdamW. You may call `adam_step`. (Which $\theta$ is it that shrinks in (12.10)?)


# %%
def adamw_step(theta, g, memory, alpha, decay=0.01):
    """The new θ, and the new memory (m, v, t)."""
    return ...  # two things


check("12.3", adamw_step)


# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 12.3
def adamw_step(theta, g, memory, alpha, decay=0.01):
    """The new θ, and the new memory (m, v, t)."""
    moved, memory = adam_step(theta, g, memory, alpha)
    return moved - alpha * decay * theta, memory


check("12.3", adamw_step)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (12.10): two hundred steps against Keras's AdamW, and the two kinds of decay on a loud and a quiet parameter
keras_w = keras.optimizers.AdamW(0.01, weight_decay=0.5, epsilon=1e-8)
same = against_keras(adamw_step, keras_w, alpha=0.01, decay=0.5)
claim("your AdamW is Keras's to better than a ten-thousandth", same < 1e-4, same)
loudness, in_loss, beside = np.array([10.0, 0.1]), np.ones(2), np.ones(2)
memory_loss = memory_beside = (0, 0, 0)
for noise in rng.normal(size=(500, 2)):
    g = loudness * noise  # gradients that say nothing: only the decay can move θ for long
    in_loss, memory_loss = adam_step(in_loss, g + 0.5 * in_loss, memory_loss, 0.001)
    beside, memory_beside = adamw_step(beside, g, memory_beside, 0.001, decay=0.5)
apart = in_loss[0] - in_loss[1]
told = apart > 0.3 and abs(beside[0] - beside[1]) < 0.15
claim("decay in the loss: the loud one keeps .3 more; beside it: both within .15", told, [*in_loss, *beside])

# %% [markdown]
# **The second belt: clipping.** Somebody typed 52,000 for 520.00. One such patient can carry the gradient of a whole batch
# away. *Clipping* keeps the direction of a gradient and limits its length to $c$:
#
# $$\operatorname{clip}(g) = g\cdot\min\left(1, \frac{c}{\lVert g\rVert}\right) \tag{12.11}$$


# %%
def clip(g, limit):
    """The gradient, shortened to the limit where it is longer."""
    length = np.linalg.norm(g)
    return g if length <= limit else g * (limit / length)


# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (12.11): direction and length of 200 gradients of all sizes; then one slip of the decimal point in a batch
long = rng.normal(size=(200, 7)) * np.geomspace(0.01, 100, 200)[:, None]
short = np.array([clip(g, 1.5) for g in long])
lengths, kept = np.linalg.norm(long, axis=1), np.linalg.norm(short, axis=1)
turned = [short[i] @ long[i] / (kept[i] * lengths[i]) for i in range(200)]
clipped = np.allclose(kept, np.minimum(lengths, 1.5)) and np.allclose(turned, 1)
claim("every gradient keeps its direction, and its length up to 1.5", clipped, kept.max())


def length_for(values):
    """Length of the gradient of a single sigmoid unit on one batch of 32 patients."""
    a = values @ np.full((30, 1), 0.1)
    return np.linalg.norm(pack(backward([(np.full((1, 30), 0.1), np.zeros(1))], [values], a, y[:32])))


wrong = x[:32].copy()
benign = int(np.argmin(y[:32, 0]))
wrong[benign, 3] = (100 * train.x[benign, 3] - mean[3]) / sd[3]  # column 3 is the mean area, typed a hundredfold
times = length_for(wrong) / length_for(x[:32])
claim("one slip of the decimal point makes the gradient of a batch about ten times as long", 8 < times < 13, times)

# %% [markdown]
# One slip among 32 patients, and the gradient is about ten times as long. Clipping turns a blow into a step. It does
# not find the slip: that is the work of cleaning.
#
# ## 5. Where is the border of a real network?
#
# For a network nobody hands us $L$. But (12.3) needs only the largest eigenvalue of the Hessian, and one product of the
# Hessian with a vector $v$ costs two gradients:
#
# $$H v = \frac{\nabla\mathcal L(\theta + \varepsilon v) - \nabla\mathcal L(\theta - \varepsilon v)}{2\,\varepsilon}
# + O(\varepsilon^2) \tag{12.12}$$
#
# Multiply by $H$ again and again, and the largest eigenvalue (in size) wins. This is *power iteration*.


# %%
def sharpness(gradient, theta, turns=60, eps=1e-4):
    """The eigenvalue of the Hessian that is largest in size."""
    v = rng.normal(size=len(theta))
    for _ in range(turns):
        v = v / np.linalg.norm(v)
        rise = gradient(theta + eps * v) - gradient(theta - eps * v)
        product = rise / (2 * eps)
        value, v = v @ product, product
    return value


# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (12.12): the products with 10 vectors, and the top eigenvalue, against the whole Hessian of a 513-vector


def on_all(theta):
    """The gradient on all training patients."""
    return slopes(theta, x, y)


there = pack(shapes)
steps = 1e-4 * np.eye(513)
H = np.array([(on_all(there + step) - on_all(there - step)) / 2e-4 for step in steps])
vectors = rng.normal(size=(10, 513))
products = np.array([(on_all(there + 1e-4 * v) - on_all(there - 1e-4 * v)) / 2e-4 for v in vectors])
rises = [[loss_of(there + e * v, x, y) for e in (-1e-3, 0, 1e-3)] for v in vectors]
bends = np.diff(rises, n=2)[:, 0] / 1e-6  # second differences of the loss know nothing of (12.12)
same = np.allclose(products, vectors @ H, atol=1e-5) and np.allclose(np.sum(vectors * products, axis=1), bends, rtol=0.01)
claim("products by two gradients are those with the whole matrix, and bend as the loss does", same)
spectrum = np.linalg.eigvalsh((H + H.T) / 2)
top = spectrum[np.argmax(abs(spectrum))]
claim("power iteration finds its largest eigenvalue", abs(sharpness(on_all, there, turns=400) / top - 1) < 0.02, top)
claim("some curvatures are negative, so the start lies in no bowl", spectrum[0] < -0.01, spectrum[0])

# %% [markdown]
# Now walk, with full gradients and a fixed step, and measure $\alpha L/2$ on the way. Above 1 the step is beyond the
# border of (12.3). (At a random start the curvature that is largest in size may be negative, a direction that falls
# away; we draw its size.) We do it twice. Once with our loss and the reckless step of 4. Once with another loss, the squared
# error of the logit against ±1, and a step of 0.5.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from medlib.models.scratch import sigmoid

target = 2 * y - 1


def squared(theta):
    """The gradient of half the mean squared error, logit against ±1."""
    layers = unpack(theta, shapes)
    h, a = forward(layers, x)
    pretended = sigmoid(a) - (a - target)  # so that sigmoid(a) - y is a - target
    return pack(backward(layers, h, a, pretended))


def along(gradient, alpha, looks):
    """α L / 2 at some steps of a walk from the common start."""
    path = descend(gradient, pack(shapes), alpha, max(looks))
    return np.array([alpha * sharpness(gradient, path[t]) / 2 for t in looks])


looks = np.unique(np.geomspace(1, 2000, 18).astype(int)) - 1
reckless, edge = along(on_all, 4.0, looks), along(squared, 0.5, looks)

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Step size times largest curvature over two, along two trainings of 2,000 steps, logarithmic axes. With the cross-entropy it starts above 1, falls below 1 within a few steps and goes on falling. With the squared error it dips, climbs, and then stays close to 1."}} tags=["hide-input"]
fig, ax = plt.subplots()
ax.loglog(looks + 1, abs(reckless), "o-", label="cross-entropy, α = 4")
ax.loglog(looks + 1, abs(edge), "s-", label="squared error, α = 0.5")
ax.axhline(1, color="black", linestyle=":")
ax.text(20, 1.06, "border")
ax.set(xlabel="step", ylabel="α L / 2", title="The border moves while we walk")
ax.legend()
plt.show()
claim("cross-entropy: at the start the step is beyond the border", abs(reckless[0]) > 1.2, reckless[0])
claim("from step 100 on it is well within", abs(reckless[looks >= 99]).max() < 0.6, abs(reckless[looks >= 99]).max())
late = edge[looks >= 1000]
assert abs(squared(there) - slopes(there, x, y)).max() > 0.01, "the two losses should differ"
claim("squared error: from step 1000 on αL/2 stays between 0.85 and 1.25", 0.85 < late.min() <= late.max() < 1.25, late)

# %% [markdown]
# **With the cross-entropy** a step of 4 starts beyond the border, and nothing breaks. Within a
# few steps the walk lands where the loss is flatter. There $\alpha L/2$ is below 1, and it goes on falling: a network that is sure of its patients has a flat
# loss. So $2/L$ at the start is no law for later. This is the other use of warm-up: to be gentle until the curvature
# has come down.
#
# **With the squared error** the curvature *climbs* until $\alpha L/2$ is about 1, and stays there: the walk sits on the
# border and still gets better. Cohen and others (2021) found this *edge of stability* in many networks. Our two curves
# differ in loss and in step, so they cannot say which of the two decides. For a network, then, the dose is found by
# trying.
#
# ## 6. A diagnosis
#
# All parts are there: batches, schedule, clipping, AdamW. This is the whole training. After each *epoch* (one pass
# through all training patients, in a new order) we look at the validation patients, and we keep the epoch that did best
# there.


# %% tags=["long"]
def fit(theta, known, watched, peak, step=adamw_step, epochs=40, limit=1.0):
    """Train on batches of 32; `known` and `watched` are pairs (x, y)."""
    x, y = known
    memory, history = (0, 0, 0), []
    t, best = 0, np.inf
    batches = len(x) // 32
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for batch in np.array_split(order, batches):
            t = t + 1
            alpha = schedule(t, peak, epochs * batches, batches)
            g = clip(slopes(theta, x[batch], y[batch]), limit)
            theta, memory = step(theta, g, memory, alpha)
        history.append((loss_of(theta, x, y), loss_of(theta, *watched)))
        if history[-1][1] < best:
            best, kept = history[-1][1], theta
    return kept, np.array(history)


def sgd_step(theta, g, memory, alpha):
    """Plain gradient descent, in the same form."""
    return theta - alpha * g, memory


# %% jupyter={"source_hidden": true} tags=["hide-input"]
# The training loop under a microscope: a step that moves nothing and writes down what it is given
seen = []


def spy(theta, g, memory, alpha):
    """Record the gradient, the step size and the memory, and stay."""
    seen.append((g, alpha, memory))
    return theta, memory + (len(seen),)


fit(there, (x[:320], y[:320]), (x_val, y_val), 0.3, step=spy, epochs=2, limit=np.inf)
first, second = (np.array([g for g, _, _ in seen[i : i + 10]]) for i in (0, 10))
once = all(np.allclose(g.mean(axis=0), slopes(there, x[:320], y[:320])) for g in (first, second))
claim("every patient is used once in an epoch, in a new order each time", once and not np.allclose(first[0], second[0]))
rates = [alpha for _, alpha, _ in seen] == [schedule(t, 0.3, 20, 10) for t in range(1, 21)]
claim("the schedule runs over all epochs, and the memory is never lost", rates and len(seen[-1][2]) == 22)
kept, history = fit(there, (x, y), (x_val, y_val), 0.03, epochs=60)
lowest = abs(loss_of(kept, x_val, y_val) - history[:, 1].min()) < 1e-12 and history[:, 1].argmin() < 59
number = f"epoch {history[:, 1].argmin() + 1}"
claim("what is kept is the epoch with the lowest validation loss, which is not the last", lowest, number)

# %% [markdown]
# Which peak? We do what pharmacologists do: give every dose from far too little to far too much, and draw the
# dose-response curve. Twenty epochs at each dose, by SGD and by AdamW, five random starts each, judged on the
# validation patients.


# %%
def response(peak, step):
    """Validation loss after twenty epochs, from a new random start."""
    theta = pack(initialise(rng, 30, 16, 1))
    _, history = fit(theta, (x, y), (x_val, y_val), peak, step, epochs=20)
    return history[-1, 1]


doses = 10.0 ** np.arange(-4, 2.5, 0.5)
runs = {"SGD": [], "AdamW": []}
for name, step in (("SGD", sgd_step), ("AdamW", adamw_step)):
    for _ in track(range(5), f"13 doses of {name}"):
        runs[name].append([response(dose, step) for dose in doses])
curves = {name: np.median(losses, axis=0) for name, losses in runs.items()}
smooth = np.convolve(np.log(curves["AdamW"]), np.ones(3) / 3, "valid")  # 3 doses
peak = decide("peak step size", float(doses[1:-1][smooth.argmin()]))

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Validation loss against peak step size for SGD and AdamW on logarithmic axes: SGD's curve is a U with its bottom between 0.3 and 1; AdamW's has two low points, near 0.01 and near 0.3. At long steps single runs scatter widely. The dotted line, our choice, stands at 0.01."}} tags=["hide-input"]
fig, ax = plt.subplots()
for (name, loss), marker in zip(curves.items(), "os", strict=True):
    (line,) = ax.loglog(doses, loss, marker=marker, label=name)
    ax.loglog(doses, np.array(runs[name]).T, linestyle="none", marker=".", color=line.get_color(), alpha=0.4)
ax.axvline(peak, color="black", linestyle=":")
ax.set(xlabel="peak step size α", ylabel="mean loss, validation", title="Dose and response (dotted: our choice)")
ax.legend(loc=(0.62, 0.78))
plt.show()
window = {name: doses[loss < 1.5 * min(curves["AdamW"].min(), loss.min())] for name, loss in curves.items()}
further = window["SGD"].min() / window["AdamW"].min()
claim("SGD's window begins ten to a thousand times as far to the right as AdamW's", 10 <= further <= 1000, further)
ends = [min(loss[i] / loss.min() for loss in curves.values()) for i in (0, -1)]
claim("at 0.0001 and at 100 the loss is more than three times the lowest, for both", min(ends) > 3, ends)

# %% [markdown]
# Lines are medians of five runs, dots single runs. SGD's window begins about a hundred times as far to the right as
# AdamW's, and the two overlap. So "a step size of 0.01" means nothing until one says of which method. From 0.3 on
# AdamW's single runs scatter up to tenfold. A lucky dip there is no dose: we choose the one that is best together with
# its two neighbours.

# %%
theta, history = fit(pack(shapes), (x, y), (x_val, y_val), peak)
epoch = decide("epoch", int(history[:, 1].argmin()))

# %% [markdown]
# ### Beside its rivals
#
# Until here nothing has looked at the 142 test patients. The network meets three rivals, who get the same patients and
# the same care. *The trivial rule* says "benign" to all. *One column* is the one with the best AUC on the training part.
# *Logistic regression* chooses the strength of its penalty on the validation part, as the network chose its step and its
# epoch.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score


def logistic_for(known, watched):
    """Logistic regression with the penalty that does best on `watched`."""
    models = []
    for C in (0.01, 0.1, 1, 10, 100):
        models.append(LogisticRegression(C=C, max_iter=5000).fit(known[0], known[1][:, 0]))
    losses = [log_loss(watched[1], model.predict_proba(watched[0])) for model in models]
    return models[int(np.argmin(losses))]


logistic = decide("logistic regression", logistic_for((x, y), (x_val, y_val)))
alone = [roc_auc_score(train.y, column) for column in x.T]
column = decide("best column", int(np.argmax(alone)))

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from medlib.metrics import score_table

x_test, y_test = inputs(test)
p_network = sigmoid(forward(unpack(theta, shapes), x_test)[1])[:, 0]
p_logistic = logistic.predict_proba(x_test)[:, 1]
opinions = {
    "our network": p_network,
    "logistic regression": p_logistic,
    f"one column ({biopsies.frame.columns[column]})": x_test[:, column],
    "says benign to all": np.zeros(len(test)),
}
scores = score_table(opinions, test, against="logistic regression")
scores.astype(str)

# %% [markdown]
# The table shows the AUC on the test patients with its 95 % interval, and the paired difference to logistic regression.
# The network and logistic regression are level: both are above .96, and less than .02 apart. The rule that looks at
# nobody has .5. One column alone gets most of the way.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
auc = scores["AUC"]
level = auc["our network"].value > 0.96 and auc["logistic regression"].value > 0.97
claim("in this division both reach an AUC above .96", level, [auc["our network"], auc["logistic regression"]])
paired = scores.loc["our network"].iloc[1]
claim("in this division they differ by less than .02, whichever is ahead", abs(paired.value) < 0.02, paired)

# %% [markdown]
# One division is one study. Here are twenty, each with other training, validation and test patients and a new random
# start. (They overlap, so they are not twenty independent studies.) Each chooses its epoch or its penalty on the
# validation part, and both are scored on the same test patients. (The network keeps the peak of the first division.)


# %% jupyter={"source_hidden": true} tags=["hide-input"]
def compare(seed):
    """Test AUC of our network and of logistic regression on one division."""
    train, val, test = biopsies.split(seed=seed)
    mean, sd = train.x.mean(axis=0), train.x.std(axis=0)
    sets = [((part.x - mean) / sd, part.y[:, None]) for part in (train, val, test)]
    theta, _ = fit(pack(initialise(rng, 30, 16, 1)), sets[0], sets[1], peak)
    rival = logistic_for(sets[0], sets[1])
    decide(f"division {seed}", (theta, rival))
    ours = forward(unpack(theta, shapes), sets[2][0])[1]
    theirs = rival.decision_function(sets[2][0])
    return {"network": roc_auc_score(test.y, ours), "logistic": roc_auc_score(test.y, theirs)}


pairs = pd.DataFrame([compare(seed) for seed in track(range(1, 21), "twenty divisions")])

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Test AUC of the network against that of logistic regression for twenty divisions of the patients. All lie between 0.97 and 1, scattered about the diagonal, some above it and some below."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(4.6, 4))
ax.plot(pairs["logistic"], pairs["network"], "o", alpha=0.7)
ax.axline((1, 1), slope=1, color="black", linestyle=":")
ax.set(xlabel="AUC, logistic regression", ylabel="AUC, our network", title="Twenty divisions of the patients")
ax.locator_params(nbins=5)
plt.show()
difference = pairs["network"] - pairs["logistic"]
both = 0.985 < pairs.mean().min() <= pairs.mean().max() < 0.999
claim("the mean AUC of both lies between .985 and .999", both, list(pairs.mean()))
mean_difference = difference.mean()
half = 2.093 * difference.std() * np.sqrt(1 / 20 + len(test) / len(train))  # t, 19 degrees; for divisions that overlap
low, high = mean_difference - half, mean_difference + half
held = abs(mean_difference) < 0.004 and low < 0 < high
claim("the mean difference is smaller than .004, and its interval holds 0", held, [mean_difference, low, high])
ahead = [int(np.sum(difference > 0)), int(np.sum(difference < 0))]
claim("neither is ahead everywhere", min(ahead) >= 1, ahead)
known, watched, judged = biopsies.split(seed=1)
centre, scale = known.x.mean(axis=0), known.x.std(axis=0)
again = logistic_for(*[((part.x - centre) / scale, part.y[:, None]) for part in (known, watched)])
right = roc_auc_score(judged.y, again.decision_function((judged.x - centre) / scale))
assert right == pairs["logistic"][0], "the column called logistic should hold logistic regression's AUC"

# %% [markdown]
# The dots scatter about the diagonal: both have a mean AUC of about .99, and the mean difference is a few thousandths
# at most. **The simple rival is level with the network, and it takes one line.** On thirty measures that experts chose
# there is little left for hidden units to find. This page shows that our gradients and steps are right. Whether one
# earns its keep on images is asked in [notebook 15](15_image_diagnosis.ipynb).
#
# ## Three questions
#
# Answer aloud, then open.
#
# <details><summary>The parameters jump back and forth between two points; the loss neither falls nor explodes. What do
# you know about αL, and what do you do?</summary>In the steepest direction the factor 1 − αL is about −1, so αL is
# about 2: you stand on the border (12.3). Shorten the step. The best one, 2/(L + μ), lies below the border. Half the
# present step is a safe choice; by (12.2) it costs at most about twice the time.</details>
#
# <details><summary>The training loss has not moved for 50 epochs. A colleague stops the run. What could you look at
# first?</summary>A plateau is a bottom, a saddle, or a step that is far too short. Power iteration on the Hessian, or a
# few steps with another α and momentum, tell them apart: at a saddle some curvature is negative, and the walk leaves
# by (12.2) with a factor above 1.</details>
#
# <details><summary>You raise the batch from 32 to 128 patients and leave α as it is. What happens to the noise floor,
# and what does it cost?</summary>The variance of the gradient falls to a quarter (12.6), and with it the floor (12.7).
# Each step costs four times as much. With α small, a step a quarter as long reaches the same floor with the old
# batch, in four times as many steps.</details>
#
# ## In this notebook we ...
#
# - computed the border $2/L$, the best step $2/(L+\mu)$ and every rate, and saw momentum replace κ by √κ,
# - waited at a saddle, and left it by the same formula,
# - found the noise floor of mini-batches, and got below it with a schedule,
# - rebuilt Adam and AdamW, and clipped a gradient that a slip of the decimal point had made ten times as long,
# - measured the largest curvature of a real network on its way, and saw the border move, and
# - diagnosed biopsies with numpy alone, level with logistic regression.
#
# **Pitfalls**
# - A loss that explodes is usually a dose, not a bug. Divide α by ten before you debug anything else, then check the
#   gradient (notebook 11).
# - Compare methods each at its own best dose. A step size chosen for one is a handicap for the other.
# - What was chosen on the validation patients looks too good on them. Report on patients who chose nothing.
#
# **Further reading**
# - Polyak, *Some methods of speeding up the convergence of iteration methods* (1964); Nesterov, *Introductory Lectures
#   on Convex Optimization* (Kluwer, 2004), section 2.2: a momentum whose guarantee does not end with quadratics.
# - Bottou, Curtis and Nocedal, *Optimization methods for large-scale machine learning* (SIAM Review 60, 2018): SGD and
#   its noise.
# - Kingma and Ba, *Adam* (ICLR 2015); Reddi, Kale and Kumar, *On the convergence of Adam and beyond* (ICLR 2018): a loss
#   on which Adam walks to the worst point; Loshchilov and Hutter, *Decoupled weight decay regularization* (ICLR 2019).
# - Cohen and others, *Gradient descent on neural networks typically occurs at the edge of stability* (ICLR 2021).
# - Nadeau and Bengio, *Inference for the generalization error* (Machine Learning 52, 2003): an interval for divisions
#   that overlap.
# - Street, Wolberg and Mangasarian, *Nuclear feature extraction for breast tumor diagnosis* (SPIE 1905, 1993): the
#   biopsies.
#
# **Next**: [a diagnosis from images](15_image_diagnosis.ipynb).
