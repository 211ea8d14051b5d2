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
# # Would more help? Scaling laws, measured and put to the test
#
# After this notebook you can
# - **say** what each fitted parameter costs, by an exact law,
# - **measure** how an error falls with data and with parameters, and fit a law to it,
# - **forecast** a larger run before it is paid for, beside two simpler forecasts, and
# - **ask** of a large model where it helps, and where logistic regression ties.
#
# | needs | read | run | data |
# |---|---|---|---|
# | notebooks [10](10_large_models.ipynb) and [12](12_gradient_descent.ipynb) | 50 min | 30 s | simulated head CT |
#
# Large models were bought on the strength of a curve: make the model and the data ten times larger, and the error falls
# by as much as it did the last time. Here you draw such a curve for a task of radiology, taking the grain out of a CT
# of low dose. A program learns it from 25,600 examples. What would 102,400 and four times the parameters add? We write
# three forecasts down, and then find out. One is a law with five numbers, which fits thirty measurements to little more
# than one per cent. It will miss by five to ten. Another is a ruler, two divisions. **It will miss by less than five.**

# %%
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

from medlib.data import load
from medlib.decisions import decide
from medlib.lesson import check, claim, setup

rng = setup(seed=0)
NOISE, SIDE = 12.0, 7  # HU; pixels
scans = load("head_ct", dose=None)  # without the scanner's noise: we add our own
train, val, test = scans.split(val=0.1, test=0.2, seed=int(rng.integers(1000)))

# %% [markdown]
# An example is a neighbourhood of 7 × 7 pixels with noise of 12 HU in each, and the answer is the *clean* value of the
# pixel in the middle. Values are cut to the brain window and counted in `steps` of 20 HU from 30 HU, so that inputs are
# of size 1; `windows` cuts the neighbourhoods out; `patches` draws some of them and adds the noise.


# %%
def steps(hu):
    """The brain window, in steps of 20 HU from 30 HU."""
    return (hu.clip(-10, 90) - 30) / 20


def windows(images):
    """All neighbourhoods of images (n, 64, 64): shape (n, 58, 58, 7, 7)."""
    return sliding_window_view(images, (SIDE, SIDE), axis=(1, 2))


def in_brain(middle):
    """Where a value is neither air nor bone."""
    return (middle > -1.5) & (middle < 3)


# %%

def patches(part, n, rng):
    """n noisy neighbourhoods (n, 49), the clean middles, and whose they are."""
    near = windows(steps(part.x))
    brain = np.argwhere(in_brain(near[..., 3, 3]))
    chosen = tuple(brain[rng.integers(len(brain), size=n)].T)
    clean = near[chosen].reshape(n, -1)
    noisy = clean + rng.normal(0, NOISE / 20, clean.shape)
    return noisy.astype("float32"), clean[:, SIDE**2 // 2], part.groups[chosen[0]]


# %%
x, y, _ = patches(train, 25_600, rng)
x_val, y_val, _ = patches(val, 5000, rng)
x_test, y_test, groups = patches(test, 20_000, rng.spawn(1)[0])

# %% [markdown]
# ## 1. A network that is trained in one step
#
# To measure what *size* does, training must not stand in the way. So we take a network whose first layer is random and
# stays so: $N$ neurons, each with its own random look at the 49 pixels. Only the last layer is learnt, and for squared
# error it can be computed. With $\Phi$ the matrix of what the neurons say (a row an example; the 49 pixels and a 1
# stand in it, too), $y$ the clean values and $I$ the matrix with ones on its diagonal and zeros elsewhere,
#
# $$w = (\Phi^\top \Phi + \lambda I)^{-1}\, \Phi^\top y \tag{16.1}$$
#
# is the only minimum of $\|\Phi w - y\|^2 + \lambda \|w\|^2$. This is *ridge regression*; $\lambda$ keeps the weights
# small. (*Random features*: Rahimi and Recht 2007.)


# %%
def random_layer(N):
    """N neurons for 49 inputs: weights and thresholds."""
    return rng.normal(0, 2 / SIDE, size=(SIDE**2, N)), rng.normal(size=N)


def hidden(x, layer):
    """What the last layer sees: a 1, the pixels, and the neurons' answers."""
    W, b = (part.astype("float32") for part in layer)
    return np.concatenate([np.ones_like(x[:, :1]), x, np.maximum(x @ W + b, 0)], axis=1)


def ridge(features, y, lams):
    """Equation (16.1), for each λ."""
    gram, moment = features.T @ features, features.T @ y
    identity = np.eye(len(gram))
    return {lam: np.linalg.solve(gram + lam * identity, moment) for lam in lams}


# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (16.1): the slope is 0 there, and scikit-learn finds the same weights
from sklearn.linear_model import Ridge

F, target = rng.normal(size=(60, 7)) @ rng.normal(size=(7, 7)), rng.normal(size=60)
for lam in (0.3, 20.0):
    w = ridge(F, target, [lam])[lam]
    slope = 2 * F.T @ (F @ w - target) + 2 * lam * w
    theirs = Ridge(lam, fit_intercept=False).fit(F, target).coef_
    assert abs(slope).max() < 1e-8 and np.allclose(w, theirs), (lam, slope)
claim("for two λ the slope is 0, and scikit-learn's weights are the same", np.allclose(w, theirs), abs(slope).max())

# %% [markdown]
# How large $\lambda$ should be is chosen on patients of the validation part, for each model. The *error* is the mean
# square of what remains, in HU². The noise itself has 144.


# %%
def error(guess, y):
    """Mean squared error in HU² of guesses that count in steps of 20 HU."""
    return np.mean((20 * (guess - y)) ** 2)


def learn(x, y, layer, name):
    """The last layer for these examples; its λ does best on the validation patients."""
    features, features_val = hidden(x, layer), hidden(x_val, layer)
    tried = ridge(features, y, (1, 10, 100, 1000))
    losses = {lam: error(features_val @ w, y_val) for lam, w in tried.items()}
    return tried[min(decide(f"λ, {name}", losses), key=losses.get)]


# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "One simulated head CT slice four times: clean; with noise, grainy all over; cleaned by a program that saw 200 examples, flat and blurred; cleaned by one that saw 25,600, with the ventricles visible again, and the bleed dimmer and more blurred than in the clean and in the noisy slice."}} tags=["hide-input"]
layer = random_layer(256)
shown = steps(test.x[np.flatnonzero(test.y == 2)[[5]]])
grainy = windows(shown + rng.normal(0, NOISE / 20, shown.shape))
rows, truth = grainy.reshape(-1, SIDE**2).astype("float32"), windows(shown)[..., 3, 3]
views = {"clean": truth, "with noise": grainy[..., 3, 3]}
inside = in_brain(truth)
for n in (200, 25_600):
    guess = (hidden(rows, layer) @ learn(x[:n], y[:n], layer, f"opening, {n}")).reshape(truth.shape)
    views[f"from {n:,} examples"] = np.where(inside, guess, truth)  # bone and air were not asked for
left = {name: error(view[inside], truth[inside]) for name, view in views.items()}
fig, axes = plt.subplots(1, 4, figsize=(8.6, 2.6))
for ax, (name, view) in zip(axes, views.items(), strict=True):
    ax.imshow(30 + 20 * view[0], cmap="gray", vmin=5, vmax=65)
    ax.set_title(f"{name}\nerror {left[name]:.0f} HU²", fontsize=9)
    ax.axis("off")
fig.suptitle("Simulated: one slice of a patient of the test part")
plt.show()
few, many = (left[f"from {n:,} examples"] for n in (200, 25_600))
claim("many examples leave less than two fifths of the noise, and less than few examples do", many < 0.4 * 144 and many < few, [few, many])

# %% [markdown]
# Left the truth, then what a scanner of low dose would show. The third picture is the work of a program that has seen
# 200 neighbourhoods, the fourth has seen 25,600 (both clean the brain only). Grain goes, and the error within the brain
# falls from about 144 HU² to a third of that or less; for noise alone, three times the dose would do as much. But look
# at the bleed: it is *dimmer* than in the noisy picture, and blurred. Who is paid by mean squared error pulls what is
# rare towards what is usual. Here we use that error as a yardstick for size; it is none for finding lesions (the
# ceiling of notebook 13).
#
# ## 2. What a parameter costs
#
# One case can be computed exactly. Fit $d$ parameters by least squares ($\lambda = 0$) to $n$ examples with normal
# inputs and noise of variance $\sigma^2$. On new examples the error is larger than the best possible, on average by
#
# $$\frac{\sigma^2\, d}{n - d - 1} \qquad (n > d + 1) \tag{16.2}$$
#
# ### Your turn
#
# **16.1** Write it. Where no such mean exists, return infinity (`np.inf`).


# %%
def excess(n, d, variance):
    """What d fitted parameters cost on new examples."""
    return ...  # your code


check("16.1", excess)


# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 16.1
def excess(n, d, variance):
    """What d fitted parameters cost on new examples."""
    if n <= d + 1:
        return np.inf
    return variance * d / (n - d - 1)


check("16.1", excess)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (16.2): least squares on thousands of small data sets, unequal d, n and noise; correlated inputs
ratios = []
for n, d, sigma in ((20, 3, 0.7), (60, 12, 2.0), (41, 25, 1.3)):
    mix, costs = rng.normal(size=(d, d)), []
    for _ in range(4000):
        X = rng.normal(size=(n, d)) @ mix
        wrong = np.linalg.lstsq(X, sigma * rng.normal(size=n), rcond=None)[0]  # the true weights are 0
        costs.append(np.sum((mix @ wrong) ** 2))
    ratios.append(np.mean(costs) / (sigma**2 * d / (n - d - 1)))
claim("three cases: the mean excess is that of the formula, within 4 %", max(abs(np.log(ratios))) < np.log(1.04), ratios)

# %% [markdown]
# So a parameter costs about $\sigma^2/n$ while there are many more examples than parameters, and the bill explodes when
# $n$ comes near $d$. Is that so for our patches, which are not normal? Fit the *linear* program: 49 pixels and a 1, no
# neurons.

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Error in HU\u00b2 against the number of examples, both axes logarithmic. Dots, the linear program measured: near 80 at 100 examples, falling to 35. A line, the exact law, runs through the later dots and a little below the first ones; a dotted horizontal line at 35."}} tags=["hide-input"]
none = random_layer(0)
linear_test, sizes = hidden(x_test, none), [75, 100, 150, 200, 400, 800, 3200, 12_800]
linear = linear_test @ ridge(hidden(x, none), y, [0])[0]
best = error(linear, y_test)
measured = []
for n in sizes:
    starts = range(0, min(40 * n, 25_600 - n + 1), n)
    fits = [ridge(hidden(x[i : i + n], none), y[i : i + n], [0])[0] for i in starts]
    measured.append(np.mean([error(linear_test @ w, y_test) for w in fits]))
fig, ax = plt.subplots(figsize=(5.6, 3.2))
ax.loglog(sizes, measured, "o", linestyle="none", label="linear program, measured")
if excess(100, 50, 1.0) is not ...:
    ax.loglog(sizes, [best + excess(n, 50, best) for n in sizes], "-", color="C1", label="equation (16.2)")
ax.axhline(best, color="0.5", linestyle=":", label="with all examples")
ax.set_xticks(sizes, [f"{n:,}" for n in sizes], fontsize=8)
ax.set_yticks([40, 60, 80, 100], ["40", "60", "80", "100"])
ax.minorticks_off()
ax.set(xlabel="examples", ylabel="error, HU²", title="Linear denoising of simulated CT")
ax.legend()
plt.show()
by_law = [best * (1 + 50 / (n - 51)) for n in sizes]
off = max(abs(np.log(np.divide(measured, by_law))))
claim("from 75 to 12,800 examples the law is right within a quarter", off < np.log(1.25), off)
assert 2.4 < measured[0] / best < 4 and 1.02 < measured[sizes.index(800)] / best < 1.15, measured

# %% [markdown]
# The dots follow the exact law within a quarter, although brains are not normal: at 75 examples for 50 parameters the
# error is about three times the best, at 800 less than a sixth is left to gain. Beyond that **more data is worth
# nothing to this program**: it has learnt what a linear program can. Only a *larger* one can do better.
#
# ## 3. More parameters than examples
#
# Does (16.2) forbid large models? Take 400 examples, and ever more neurons, without any $\lambda$: of all weights that
# fit perfectly, the smallest. And once more with $\lambda$.

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Error against the number of parameters from 50 to 3,000, both axes logarithmic, for 400 examples. Without \u03bb the error rises to a sharp peak of hundreds of thousands at 400 parameters and falls again on the other side, to about 40. With \u03bb it falls slowly, without any peak."}} tags=["hide-input"]
few_x, few_y, counts = x[:400], y[:400], [0, 50, 150, 250, 350, 450, 700, 1500, 3000]
bare, kept = [], []
for N in counts:
    layer = random_layer(N)
    features, features_test = hidden(few_x, layer), hidden(x_test[:4000], layer)
    smallest = np.linalg.lstsq(features.astype(float), few_y, rcond=1e-10)[0]
    bare.append(error(features_test @ smallest, y_test[:4000]))
    kept.append(error(features_test @ learn(few_x, few_y, layer, f"400 examples, {N} neurons"), y_test[:4000]))
parameters = 50 + np.array(counts)
fig, ax = plt.subplots(figsize=(5.6, 3.2))
ax.loglog(parameters, bare, "o-", label="without λ")
ax.loglog(parameters, kept, "s--", label="λ from the validation patients")
ax.axvline(400, color="0.5", linestyle=":", label="as many as examples")
ax.set(xlabel="parameters of the last layer", ylabel="error, HU²", title="400 examples of simulated CT", xlim=(5, 4000))
ax.legend(loc="upper left", fontsize=8)
plt.show()
peak = int(np.argmax(bare))
claim("without λ the worst model has as many parameters as there are examples", parameters[peak] == 400, [parameters[peak], bare[peak]])
claim("it is more than a hundred times worse than the largest", bare[peak] > 100 * bare[-1], bare[-1])
rises = np.divide(kept[1:], kept[:-1])
claim("with λ no step to more parameters raises the error by more than a tenth", rises.max() < 1.1, rises)

# %% [markdown]
# At 400 parameters the fit passes through every noisy example and pays for it: that is the explosion of (16.2). Beyond
# it the error falls again (*double descent*; Belkin and others 2019), for with more freedom the smallest weights that
# fit get smaller. With a proper $\lambda$ nothing of this happens (to choose it, 5,000 examples of other patients were
# there). **Size alone is not what overfits; size without restraint is.**
#
# ## 4. The measurement
#
# Now the grid: 16 to 256 neurons, 800 to 25,600 examples, each with its $\lambda$. All of it is done three times, with
# new neurons and new examples.

# %%
N_grid = np.array([16, 32, 64, 128, 256])
n_grid = np.array([800, 1600, 3200, 6400, 12_800, 25_600])


def measure(x, y):
    """The errors, (5, 6): a row a number of neurons, a column of examples."""
    table = []
    for N in N_grid:
        layer = random_layer(N)
        seen = hidden(x_test, layer)
        last = [learn(x[:n], y[:n], layer, f"{N} × {n}") for n in n_grid]
        table.append([error(seen @ w, y_test) for w in last])
    return np.array(table)


draws = [patches(train, 25_600, rng) for _ in range(3)]
runs = np.array([measure(x, y) for x, y, _ in draws])

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Error in HU\u00b2 against examples, both axes logarithmic, one line for each number of neurons from 16 to 256. All lines fall; that of 16 neurons levels off at 28, that of 256 is the lowest, near 24 at 25,600 examples, and falls on."}} tags=["hide-input"]
mean = runs.mean(axis=0)
fig, ax = plt.subplots(figsize=(5.8, 3.4))
for N, line, marker in zip(N_grid, mean, "osD^v", strict=True):
    ax.loglog(n_grid, line, marker + "-", label=f"{N} neurons")
ax.set_xticks(n_grid, [f"{n:,}" for n in n_grid])
ax.set(xlabel="examples", ylabel="error, HU²", title="Denoising simulated CT: the mean of three runs")
ax.set_yticks([22, 24, 26, 28, 30], ["22", "24", "26", "28", "30"])
ax.minorticks_off()
ax.legend()
plt.show()
gains = -np.diff(np.log(mean[:, -1]))
claim("each doubling of the neurons lowers the error, with most examples, by 1 to 9 %", 0.01 < gains.min() and gains.max() < 0.09, gains)
assert 0.03 < 1 - mean[-1, -1] / mean[-2, -2] < 0.08, mean
saturated = mean[0, -2] / mean[0, -1] - 1, mean[-1, -2] / mean[-1, -1] - 1
claim("the last doubling of the data gives the largest model more than the smallest", saturated[1] > saturated[0], saturated)

# %% [markdown]
# More of either helps, and each runs out without the other: 16 neurons learn little beyond a few thousand examples, 256 a
# good deal. A doubling of both is worth three to eight per cent of the error, and there is no sign of an end.
#
# ## 5. A law, and what it does not know
#
# Hoffmann and others (2022) wrote for language models
#
# $$L(N, n) = E + \frac{A}{N^{\alpha}} + \frac{B}{n^{\beta}} \tag{16.3}$$
#
# $E$ is what no model can remove, the other two are the price of a small model and of few examples. We choose the
# five numbers so that the 30 points are missed by as few per cent as possible (folded).

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from scipy.optimize import least_squares


def law(q, N, n):
    """Equation (16.3); q holds E, A, α, B, β, with A and B for 64 neurons and 3,000 examples."""
    E, A, alpha, B, beta = q
    return E + A * (N / 64) ** -alpha + B * (n / 3000) ** -beta


def fit_law(table, floor=None):
    """The law for a table of errors; with a given E, if one is given."""
    N, n = N_grid[:, None], n_grid[None]

    def misses(q):
        return ((law(q if floor is None else [floor, *q[1:]], N, n) - table) / table).ravel()

    found = least_squares(misses, [15, 8, 0.1, 4, 0.5], bounds=([0, 0.01, 0.02, 0.01, 0.05], [60, 60, 3, 60, 3]))
    q = found.x if floor is None else np.array([floor, *found.x[1:]])
    return q, np.sqrt(np.mean(found.fun**2))


# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (16.3): from errors made by a known law the fit gets all five numbers back
for true in ([12, 6, 0.4, 3, 0.7], [20, 9, 0.9, 5, 0.3]):
    back, miss = fit_law(law(true, N_grid[:, None], n_grid[None]))
    assert np.allclose(back, true, rtol=0.02), (true, back)
claim("from two known laws the fit gets the five numbers back, within 2 %", np.allclose(back, true, rtol=0.02), back)
q, miss = fit_law(mean)
claim("on our grid it misses by less than 2 % on average", miss < 0.02, miss)
floors = {E: fit_law(mean, floor=E)[1] for E in (0, 5, 10, 15)}
claim("so does a law with any E from 0 to 15, by less than 2.5 %", max(floors.values()) < 0.025, list(floors.values()))
each = [fit_law(run)[0] for run in runs]
pd.DataFrame([*each, q], index=["run 1", "run 2", "run 3", "mean of the three"], columns=["E", "A", "α", "B", "β"]).round(2)

# %% [markdown]
# The law misses 30 measured errors by about one per cent: it *fits*. But look at the first columns. From run to run, or
# on another seed, $E$ goes from 0 to 25 and $\alpha$ from .03 to .8, and the third tick says why: with $E$ fixed
# anywhere from 0 to 15 the law fits about as well. **A curve that is still falling does not tell where it will end.**
# Whoever reads "the error that no model can remove" off such a fit reads a number that the data do not hold.
#
# ## 6. Three forecasts
#
# Two larger runs: twice both (512 neurons, 51,200 examples), and four times both. Beside the law stand two rivals. *As
# today*: the best error so far. *The ruler*: each further doubling of neurons, or of examples, brings the same per cent
# as the last one did. They are written down first; then the runs are made.

# %%
larger = {"twice": (512, 51_200), "four times": (1024, 102_400)}


def ruler(table, N, n):
    """Go on by the last step of the row and of the column."""
    more_N, more_n = np.log2([N / N_grid[-1], n / n_grid[-1]])
    step_N, step_n = table[-1, -1] / table[-2, -1], table[-1, -1] / table[-1, -2]
    return table[-1, -1] * step_N**more_N * step_n**more_n


forecasts = {
    name: {"law": law(q, *size), "ruler": ruler(mean, *size), "as today": mean[-1, -1]}
    for name, size in larger.items()
}

# %%
made = {}
x_large, y_large, _ = patches(train, 102_400, rng)
for name, (N, n) in larger.items():
    layer = random_layer(N)
    w = learn(x_large[:n], y_large[:n], layer, name)
    made[name] = hidden(x_test, layer) @ w

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from medlib.metrics import bootstrap

found = {name: bootstrap(lambda y, p: error(p, y), y_test, guess, groups, n=300) for name, guess in made.items()}
table = pd.DataFrame(forecasts).T.round(2).assign(measured=[str(found[name]) for name in larger])
misses = pd.DataFrame({name: {k: f / found[name].value - 1 for k, f in row.items()} for name, row in forecasts.items()})
claim("twice: the ruler is right within 5 %", abs(misses.loc["ruler", "twice"]) < 0.05, misses["twice"].to_list())
far = misses["four times"].abs()
claim("four times: the ruler misses by less than 5 %, the law by 5 to 10", far["ruler"] < 0.05 < far["law"] < 0.1, misses["four times"].to_list())
assert far["law"] < far["as today"] < 0.14, far
claim("and what the law promises is too little", misses.loc["law"].min() > 0, misses.loc["law"].to_list())
table

# %% [markdown]
# Over one doubling the ruler, two divisions and no theory, is right within a few per cent, and the law is hardly nearer
# than *as today*. Over two the ruler misses by less than five per cent, the law by five to ten, *as today* by a little
# more. The law promises too little: its curves flatten sooner than the errors do. (The intervals are for other
# patients; here forecast and measurement share theirs.) So the best forecast here is the simplest one that does not
# stand still. Whichever you take: **go one or two doublings ahead, put a ruler beside it, and write it down before the
# run.**
#
# Is it worth it? The table below puts the models beside what needs no learning.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from medlib.metrics import score_table

rows, columns = np.mgrid[-3:4, -3:4]


def smooth(x, width):
    """The mean of the neighbourhood, weighted by a normal curve of that width in pixels."""
    weights = np.exp(-(rows**2 + columns**2) / (2 * width**2)).ravel()
    return x @ (weights / weights.sum())


def median(x):
    """The median of the middle 3 × 3 pixels."""
    return np.median(x.reshape(-1, SIDE, SIDE)[:, 2:5, 2:5].reshape(len(x), -1), axis=1)


widths = {width: error(smooth(x_val, width), y_val) for width in (0.4, 0.6, 0.8, 1.0, 1.3)}
width = min(decide("width of the smoothing", widths), key=widths.get)
layer = random_layer(256)
guesses = {
    "nothing done": x_test[:, SIDE**2 // 2],
    "median of 3 × 3": median(x_test),
    "Gaussian smoothing": smooth(x_test, width),
    "linear program": linear,
    "256 neurons, 25,600 examples": hidden(x_test, layer) @ learn(x, y, layer, "table"),
    "1,024 neurons, 102,400 examples": made["four times"],
}
asked = SimpleNamespace(y=y_test, groups=groups)
scored = score_table(guesses, asked, "256 neurons, 25,600 examples", {"error, HU²": lambda y, p: error(p, y)}, n=300)
value = {name: scored.loc[name, "error, HU²"].value for name in guesses}
gain = scored.loc["1,024 neurons, 102,400 examples"].iloc[1]
claim("smoothing leaves less than half of the noise, the linear program less than smoothing", value["linear program"] < value["Gaussian smoothing"] < 72, value["Gaussian smoothing"])
claim("256 neurons leave a quarter to two fifths less than the linear program", 0.6 < value["256 neurons, 25,600 examples"] / value["linear program"] < 0.75, value["256 neurons, 25,600 examples"])
claim("four times both gains between 0 and 5 HU², interval included", -5 < gain.low and gain.high < 0, gain)
scored.astype(str)

# %% [markdown]
# Smoothing by hand takes away more than half of the noise, the linear program more, 256 neurons about a third of what
# that leaves. Four times the neurons on four times the data brings two or three HU² more. The interval
# says that the gain is real. It does not say that anybody would see it.
#
# ## 7. How to spend a budget
#
# Who trains step by step pays for parameters times examples, $6ND$ in (10.3). So we count $C = N n$. (Our one step would
# cost $N^2 n$.) Put $n = C / N$ into (16.3), and where the slope for $N$ is 0 stands the best split:
#
# $$N^* = \Bigl(\frac{\alpha A}{\beta B}\Bigr)^{\frac{1}{\alpha + \beta}}\; C^{\frac{\beta}{\alpha + \beta}},
# \qquad n^* = C / N^* \tag{16.4}$$
#
# ### Your turn
#
# **16.2** Write it, for $A$ and $B$ as they stand in (16.3).


# %%
def split(C, A, alpha, B, beta):
    """The best number of neurons, and of examples, for N n = C."""
    return ..., ...  # your code


check("16.2", split)


# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 16.2
def split(C, A, alpha, B, beta):
    """The best number of neurons, and of examples, for N n = C."""
    N = (alpha * A / (beta * B)) ** (1 / (alpha + beta)) * C ** (beta / (alpha + beta))
    return N, C / N


check("16.2", split)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (16.4): against a search over a fine grid of splits, for laws of unequal exponents
from scipy.optimize import minimize_scalar

apart = []
for A, alpha, B, beta, C in ((400, 0.34, 410, 0.28, 1e9), (7, 1.1, 90, 0.5, 3e5)):
    searched = minimize_scalar(lambda u: A * np.exp(-alpha * u) + B * np.exp(beta * u) * C**-beta, bounds=(-5, 25), method="bounded")
    by_formula = (alpha * A / (beta * B)) ** (1 / (alpha + beta)) * C ** (beta / (alpha + beta))
    apart.append(np.exp(searched.x) / by_formula)
claim("searched and computed optimum agree within 1 %", max(abs(np.log(apart))) < 0.01, apart)
E, A, alpha, B, beta = q
as_they_stand = (A * 64**alpha, alpha, B * 3000**beta, beta)
if split(1e6, *as_they_stand)[0] is not ...:
    N_best, n_best = split(256 * 25_600, *as_they_stand)
    lopsided = [law(q, N_best * k, n_best / k) - law(q, N_best, n_best) for k in (1 / 30, 30)]
    claim("thirty times too few or too many neurons for the money cost error", min(lopsided) > 0, lopsided)
    claim("the law would have more neurons than 256, and fewer examples", N_best > 256, N_best)
    print(f"for the work of 256 neurons and 25,600 examples: {N_best:,.0f} neurons, {n_best:,.0f} examples")

# %% [markdown]
# For the same work the law would have taken more neurons and fewer examples than we did. Trust the direction more than
# the number: it hangs on $\alpha$, which our data hardly know. With language models, Kaplan and others (2020) put most
# into size; two years later, with better-chosen step sizes, Hoffmann and others found that size and data should grow
# alike, and a model of 70 billion beat one of 280.
#
# **16.3** How many examples would bring the error down to `goal`, if the model were as large as you like
# ($A/N^\alpha = 0$)? Solve (16.3) for $n$. If no number can do it, answer infinity.


# %%
def examples_needed(goal, E, B, beta):
    """The n at which the law says ``goal``."""
    return ...  # your code


check("16.3", examples_needed)


# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 16.3
def examples_needed(goal, E, B, beta):
    """The n at which the law says ``goal``."""
    if goal <= E:
        return np.inf
    return (B / (goal - E)) ** (1 / beta)


check("16.3", examples_needed)

# %%
for each_run in each:
    E, _, _, B, beta = each_run
    print("examples for 18 HU²:", examples_needed(18.0, E, B * 3000**beta, beta))

# %% [markdown]
# Three runs of one and the same measurement, three answers to "how many examples for 18 HU²?", far apart, or none at all.
# A small number is no good news: it stands beside an $\alpha$ near 0, with which no computer could hold a model that is
# as large as you like. Such a question is about $E$, and $E$ is what the curve does not hold.
#
# ## 8. Which data?
#
# "25,600 examples" hides a number: of how many patients? Here is the same number of examples, 256 neurons each time,
# from 2, 8, 32 and all patients of the training part.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
layer, people, crowds = random_layer(256), np.unique(train.groups), {}
for k in (2, 8, 32, len(people)):
    some = train[np.isin(train.groups, rng.choice(people, k, replace=False))]
    x_some, y_some, _ = patches(some, 25_600, rng)
    crowds[f"{k} patients"] = hidden(x_test, layer) @ learn(x_some, y_some, layer, f"{k} patients")
everybody = f"{len(people)} patients"
by_crowd = score_table(crowds, asked, everybody, {"error, HU²": lambda y, p: error(p, y)}, n=300)
extra = by_crowd.iloc[0, 1]
claim("examples of two patients leave 1 to 5 HU² more than as many of all patients", extra.low > 0 and 1 < extra.value < 5, extra)
assert by_crowd.iloc[2, 1].value < 0.6 * extra.value, by_crowd
by_crowd.astype(str)

# %% [markdown]
# Two patients leave one to five HU² more error than all of them, where half of the neurons would cost about one; with
# 32 patients most of that is gone. With eight it depends on which eight, and that luck is in no interval here. Grain looks the same in every head, so a few heads teach it. A disease does not:
# there the number that counts is that of patients, and it is the one to ask for.
#
# ## 9. Large in which way?
#
# "GAN" and "VAE" say how a network is trained, "CNN" and "transformer" how it is built. Each can be small or large:
#
# | family | what it is told to make small | its likelihood | in this course |
# |---|---|---|---|
# | classifier (CNN, transformer) | cross-entropy of the label | of labels, exact | 12, 15 |
# | autoregressive (RNN, LSTM, transformer) | cross-entropy of the next token | exact, token by token | 10; 40 and 42 to come |
# | VAE | a bound on the likelihood | a bound | 30, 31 |
# | flow | the likelihood, through an invertible network | exact | to come, 61 |
# | diffusion | squared error of denoising, at all levels of noise | a bound | to come, 61 |
# | GAN | what a discriminator can tell | none | 20, 21 |
#
# The second row is what most large language models are. It takes any distribution apart without loss:
#
# $$p(x_1, \dots, x_T) = \prod_{t=1}^{T} p(x_t \mid x_1, \dots, x_{t-1}) \tag{16.5}$$

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (16.5): a random table over 3 × 4 × 5 values, taken apart in two orders
joint = rng.dirichlet(np.ones(60)).reshape(3, 4, 5)
rebuilt = []
for order in ((0, 1, 2), (2, 0, 1)):
    p = joint.transpose(order)
    first, second = p.sum(axis=(1, 2)), p.sum(axis=2)
    product = first[:, None, None] * (second / first[:, None])[..., None] * (p / second[..., None])
    rebuilt.append(abs(product - p).max())
    independent = first[:, None, None] * p.sum(axis=(0, 2))[:, None] * p.sum(axis=(0, 1))
claim("the product is the whole table, in either order", max(rebuilt) < 1e-15, rebuilt)
claim("without the conditions it is not", abs(independent - p).max() > 1e-3, abs(independent - p).max())

# %% [markdown]
# Nothing in these rows says *large*, and nothing says that large is needed. What does the evidence say, for medicine?
#
# | task | finding | source |
# |---|---|---|
# | predicting risk from a few dozen columns | 145 fair comparisons of machine learning with logistic regression: difference in logit(AUC) 0.00 [−.18, .18]; 137 comparisons with a biased design: .34 in favour of machine learning | Christodoulou and others, J Clin Epidemiol 2019 |
# | diagnosis from images, few labels | a model pre-trained on 1.6 million retinal images without labels outdoes others, and needs fewer labels | Zhou and others (RETFound), Nature 2023 |
# | deciding on tests and treatment | language models that pass medical examinations diagnose 2,400 real patients with abdominal pain worse than physicians, and follow no guideline for treatment | Hager and others, Nature Medicine 2024 |
#
# Read the first row twice: **an unfair comparison is worth more than the method.** On the course's own pages the
# pattern is the same. A logistic regression is level with a network on measured columns (notebook 12), and a pipeline
# of one with boosted trees (14); on images networks win where lesions are faint (15), and where healthy heads are told
# from ill ones a linear model is ahead of every network tried (32).
#
# ## Three questions
#
# <details><summary>A vendor's model was trained on 1,000 patients, and the error has fallen by 10 % at each of the last two
# doublings. He offers a model of 100,000 patients, and promises half the error. What do you say?</summary>Nearly seven
# doublings of 10 % leave .9<sup>6.6</sup> = .50: that is the ruler, nearly seven doublings ahead. Two ahead can be
# forecast. Ask for the run with 4,000, with its forecast written down before.</details>
#
# <details><summary>Your model has ten times as many parameters as patients. Is it lost?</summary>No: section 3. Its weights
# must be held back, by λ, early stopping or what was learnt elsewhere, and how much is chosen on validation patients.
# Beside it stands a model with few parameters, given the same care.</details>
#
# <details><summary>A paper reports a scaling exponent with three digits. What do you ask for?</summary>Its interval over
# repeated runs, the fits that do as well with another floor, and a forecast that was made before a larger run. In our
# fits, on ten seeds, α went from .03 to .8, and each missed by one or two per cent.</details>
#
# ## In this notebook we ...
#
# - met an exact law: a parameter costs σ²/n, and all explodes where n comes near d,
# - saw that size without restraint overfits, and size with it does not,
# - measured errors over neurons and examples, fitted a law, and found that it cannot tell its own floor,
# - forecast two larger runs, beside a ruler that came nearer, and
# - placed the families of models, and saw where large ones have helped.
#
# **Pitfalls**
# - A law that fits to one per cent may miss a forecast by ten. Write forecasts down before the run.
# - An $E$ from a fit is a guess. Give its interval, or the fits that do as well without it.
# - Squared error per pixel is not diagnosis. A smooth picture can have lost the small lesion.
# - Our heads are simulated and alike. Real ones differ more, and curves bend later.
#
# **Further reading**
# - Kaplan and others, *Scaling laws for neural language models* (2020); Hoffmann and others, *Training compute-optimal
#   large language models* (2022). Alabdulmohsin and others, *Revisiting neural scaling laws in language and vision*
#   (2022): judge a law by what it forecasts.
# - Belkin and others, *Reconciling modern machine-learning practice and the bias-variance trade-off* (PNAS 2019).
#   Rahimi and Recht, *Random features for large-scale kernel machines* (2007).
# - Christodoulou and others, *A systematic review shows no performance benefit of machine learning over logistic
#   regression for clinical prediction models* (J Clin Epidemiol 110, 2019). Hager and others, *Evaluation and mitigation
#   of the limitations of large language models in clinical decision-making* (Nature Medicine 30, 2024). Zhou and others,
#   *RETFound* (Nature 622, 2023).
#
# **Next**: [the game of two networks](20_gan_objective.ipynb).
