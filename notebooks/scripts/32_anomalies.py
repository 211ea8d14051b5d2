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
# # A model of the healthy finds what does not belong
#
# After this notebook you can
# - **find** lesions with models that have seen healthy heads only,
# - **compare** a network fairly with its strongest simple rivals: one question, one tuning, paired intervals,
# - **set** an alarm, and say what it means where few are ill, and
# - **audit** a detector: by disease, size, tilt and site, and when its false alarm is not false.
#
# | needs | read | run | data |
# |---|---|---|---|
# | notebooks [15](15_image_diagnosis.ipynb) and [31](31_vae_images.ipynb) | 60 min | 60 s | simulated head CT |
#
# A network that names diseases knows the diseases that it was shown. A radiologist also stops at what she has never
# seen, because she knows what healthy heads look like. Here more than a dozen methods see healthy heads, nothing else,
# and are then asked what does not belong. One of them is a subtraction. We begin with it.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter

from medlib import plot
from medlib.data import load
from medlib.data.head_ct import brain_window
from medlib.decisions import decide
from medlib.lesson import check, claim, setup

rng = setup(seed=0)
scans = load("head_ct", size=32)
train, val, test = scans.split(seed=int(rng.integers(1000)))

# %%
def grey(part):
    """Grey values from 0 to 1 in the brain window, shape (n, 32, 32)."""
    return brain_window(part.x).astype("float32")


healthy, x_val, x_test = grey(train[train.y == 0]), grey(val), grey(test)
spread = (healthy - healthy[:, :, ::-1]).std(axis=0) + 0.01


def side_map(x):
    """Image minus mirror image, in units of its usual spread, smoothed."""
    return gaussian_filter((x - x[:, :, ::-1]) / spread, (0, 1, 1))

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Seven simulated slices with a haemorrhage outlined, and below each the difference from its mirror image: the bleed is bright, its mirror place dark, and the edge of the skull shows where the head is tilted."}} tags=["hide-input"]
area = test.frame["area_mm2"].to_numpy()
bleeds = test.y == 2
line = np.quantile(abs(side_map(x_val[val.y == 0])).max(axis=(1, 2)), 0.9)
found = np.mean(abs(side_map(x_test[bleeds])).max(axis=(1, 2)) > line)
show = rng.choice(np.flatnonzero(bleeds & (area > 300)), 7, replace=False)
fig, axes = plt.subplots(2, 1, figsize=(8, 2.8))
plot.mosaic(x_test[show], 7, vmin=0, vmax=1, masks=test.masks[show], ax=axes[0])
axes[0].set_title("Simulated bleeds, outlined", fontsize=9)
plot.mosaic(side_map(x_test[show]), 7, vmin=-5, vmax=5, ax=axes[1])
axes[1].set_title("minus the mirror image, over its usual spread: white is 5", fontsize=9)
plt.show()
claim("a subtraction finds six bleeds of ten or more at one false alarm in ten", 0.6 < found < 0.98, found)

# %% [markdown]
# Above seven slices with a bleed, below what is left when the mirror image is subtracted: the bleed is bright, its
# mirror place dark. Nothing was trained, beyond the usual spread of that difference in healthy heads. Set the alarm so
# that one healthy slice in ten rings, and six to nine bleeds of ten ring too: fifty healthy patients, on whom the alarm
# was set, do not fix it more closely. (The first bleed lies near the midline and nearly cancels itself: a mirror is
# blind where a lesion reaches both sides.)
#
# **The result of this page, in advance.** Making heads upright lifts this subtraction by some hundredths of AUC. A
# linear model of 1904 does at least as much without any turning, and gains less where heads are made upright first. But
# the same linear model, told to draw each head *as it lies*, gains some hundredths once more and leads for every
# disease. It is fitted in seconds. No network does. A convolutional VAE is no better than linear models, and 250 steps
# of training on top of the best one, which gain a hundred nats in notebook 31, *lose* one or two hundredths here. We
# shall see why.
#
# ## 1. What is left over
#
# The subtraction predicts a healthy picture $\hat x$ of the head in front of it, its mirror image, and looks at what
# is left over. So does every other method here: one predicts the average head, another what a network makes of the
# scan. What is left at pixel $j$ counts in units of what is *usually* left there, in $n$ healthy training slices:
#
# $$r_j = \frac{x_j - \hat x_j}{\sigma_j}, \qquad
# \sigma_j^2 = \frac1n \sum_{i=1}^{n} \bigl(x_{ij} - \hat x_{ij}\bigr)^2 + 0.01^2 \tag{32.1}$$
#
# Without the floor of 0.01, which is 0.9 HU, the air around the head, always exactly 0, would divide by zero.


# %%
def residual(left, left_of_healthy):
    """Equation (32.1): what is left of images, in units of what is usually left."""
    sigma = np.sqrt(np.mean(left_of_healthy**2, axis=0) + 0.01**2)
    return left / sigma


# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Three maps of the head. The usual error of the average healthy head is a bright ring at the skull. The pixels that make up half of the squared error are a thin ring. An infarct of one patient lies inside, in the dark calm part."}} tags=["hide-input"]
# Equation (32.1): one pixel by hand, and why the error is divided
toy, few = rng.normal(0.02, 0.03, (5, 3, 4)), rng.normal(size=(2, 3, 4))
by_hand = few[1, 2, 1] / np.sqrt(sum(toy[i, 2, 1] ** 2 for i in range(5)) / 5 + 0.0001)
claim("the residual of one pixel is the formula's", np.isclose(residual(few, toy)[1, 2, 1], by_hand))
average = healthy.mean(axis=0)
square = np.mean((healthy - average) ** 2, axis=0)
ranked = np.sort(square.ravel())[::-1]
loud = square >= ranked[np.searchsorted(ranked.cumsum(), ranked.sum() / 2)]
infarct = test.y == 1
squares = (x_test[infarct] - average) ** 2
share = np.sum(squares * test.masks[infarct]) / np.sum(squares)
claim("a tenth of the pixels, or less, makes half of the squared error", loud.mean() < 0.11, loud.mean())
claim("an infarct's own pixels make less than a tenth of its slice's error", share < 0.1, share)
example = x_test[infarct][np.argmax(area[infarct])]
trio = np.stack([np.sqrt(square) * 90 / 45, loud, example])
ax = plt.subplots(figsize=(6.8, 2.7))[1]
plot.mosaic(trio, 3, ["usual error, white 45 HU", "half of its square", "an infarct"], 0, 1, ax=ax)
ax.set_title("Simulated", fontsize=9, pad=14)
plt.show()

# %% [markdown]
# The usual error of the average head is a bright ring, some 40 HU at the edge of the skull, and its core, a tenth of
# the pixels, makes half of the squared error. The infarct at the right, shown in the brain window, is a grey patch some
# 10 HU darker than the brain. Skulls differ by a pixel from patient to patient, and bone against air is an error of 90
# HU. The plain squared error hears skulls. Divided by $\sigma_j$, an error of 10 HU in calm white matter counts more
# than one of 30 HU at the skull.
#
# ## 2. One question for all
#
# A map is not yet a score. Lesions are patches, and noise is not, so the map is smoothed with a Gaussian of some width.
# Then the largest values are averaged, too bright or too dark alike, *some* number of them: only the largest, or many.
#
# ### Your turn
#
# **32.1** Write that score. Smooth each map with standard deviation `width` (pixels), but never across slices; take
# absolute values; average the `count` largest of each slice. `residuals` has shape (n, height, width).


# %%
def anomaly_score(residuals, width, count):
    """Mean of the `count` largest |values| of each smoothed map, shape (n,)."""
    return ...  # your code; gaussian_filter was used at the top of the page


check("32.1", anomaly_score)


# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 32.1
def anomaly_score(residuals, width, count):
    """Mean of the `count` largest |values| of each smoothed map, shape (n,)."""
    smooth = abs(gaussian_filter(residuals, (0, width, width)))
    ranked = np.sort(smooth.reshape(len(smooth), -1), axis=1)
    return ranked[:, -count:].mean(axis=1)


check("32.1", anomaly_score)

# %% [markdown]
# Width and number must be tuned, and **every method gets the same tuning**: the pair is taken that orders the
# *validation* slices best. (That uses the labels of validation patients. No method has seen a lesion in training; none
# is entirely unsupervised.)
#
# "Orders best" is the AUC. Take a slice with a lesion and a healthy one at random: the AUC is the probability that the
# first has the higher score $s$, ties counting one half. With $n_1$ ill and $n_0$ healthy slices,
#
# $$\mathrm{AUC} = \frac{1}{n_1 n_0} \sum_{i} \sum_{j} \Bigl([\,s_i > s_j\,] + \tfrac12 [\,s_i = s_j\,]\Bigr)
# = \frac{\bar R_1 - (n_1 + 1)/2}{n_0} \tag{32.2}$$
#
# where $\bar R_1$ is the mean rank of the ill ones among all. It has a plain meaning where scans wait to be read. Sort
# the list by the score: then an ill patient waits, on average, behind a share $1 - \mathrm{AUC}$ of the healthy.


# %%
from scipy.stats import rankdata


def auc(ill, score):
    """Equation (32.2) by ranks; ill is True where a lesion shows."""
    mean_rank = rankdata(score)[ill].mean()
    return (mean_rank - (ill.sum() + 1) / 2) / np.sum(~ill)


def auc_of(disease, y, score):
    """One disease (1 infarct, 2 haemorrhage, 3 tumour) against the healthy."""
    rows = (y == 0) | (y == disease)
    return auc(y[rows] > 0, score[rows])


def mean_auc(y, score):
    """The mean over the three diseases."""
    return np.mean([auc_of(disease, y, score) for disease in (1, 2, 3)])


# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (32.2): by pairs, by ranks, by the library, with ties and unequal sizes; and the wait in a list
from sklearn.metrics import roc_auc_score

for ill, well in ((7, 30), (40, 11)):
    truth, s = np.arange(ill + well) < ill, rng.integers(0, 9, ill + well) + 2 * (np.arange(ill + well) < ill)
    first, second = s[truth][:, None], s[~truth]
    pairs = np.mean((first > second) + 0.5 * (first == second))
    same = np.allclose([auc(truth, s), roc_auc_score(truth, s)], pairs)
    claim(f"{ill} ill and {well} healthy: pairs, ranks and the library agree", same and pairs != 0.5, pairs)
s = s + 0.01 * rng.random(len(s))  # no ties: a list has an order
waits = [np.mean(s[~truth] > one) for one in s[truth]]
claim("in the sorted list the ill wait behind 1 - AUC of the healthy", np.isclose(np.mean(waits), 1 - auc(truth, s)))

# %% [markdown]
# Now the machine that every method enters. It gets what a method leaves of the slices, $x - \hat x$, computes (32.1),
# tunes, and keeps residuals and scores by name.

# %%
WIDTHS, COUNTS = (0, 0.7, 1, 1.5), (1, 40, 160)
residuals, chosen, scores, val_auc = {}, {}, {}, {}


def enter(name, left, own=False):
    """Tune on validation slices; keep residuals and scores of validation and test."""
    r = {part: left[part] for part in ("val", "test")}
    if not own:
        r = {part: residual(r[part], left["healthy"]) for part in r}
    quality = {}
    for width in WIDTHS:
        for count in COUNTS:
            score = anomaly_score(r["val"], width, count)
            quality[width, count] = mean_auc(val.y, score)
    best = decide(f"width and count: {name}", max(quality, key=quality.get))
    chosen[name], val_auc[name], residuals[name] = best, quality[best], r
    scores[name] = {part: anomaly_score(r[part], *best) for part in r}


# %% [markdown]
# ## 3. Heads as they lie
#
# Four simple rivals. The **average head** predicts the same for everyone. The **mirror image** knows no other head at
# all. Two linear models predict by 48 numbers a slice: principal components (**PCA**), and **factor analysis**
# (Spearman 1904), in which every pixel has a noise variance of its own. All are fitted to the healthy training slices
# and their mirror images, in about two seconds.

# %%
from sklearn.decomposition import PCA

from medlib.models.factor import factor_analysis

SIMPLE = ("average head", "mirror image", "PCA", "factor analysis")


# %%
def simple_rivals(slices):
    """What four simple rivals, fitted to healthy slices, leave of each slice."""
    heads = slices["healthy"].reshape(len(slices["healthy"]), -1)
    pca = PCA(48, random_state=0).fit(heads)
    factors = factor_analysis(heads, 48)
    left = {name: {} for name in SIMPLE}
    for part, x in slices.items():
        flat = x.reshape(len(x), -1)
        by_pca = pca.inverse_transform(pca.transform(flat))
        by_factors = factors.decode(factors.code(flat)[0])
        pictures = heads.mean(axis=0), x[:, :, ::-1], by_pca, by_factors
        for name, picture in zip(SIMPLE, pictures, strict=True):
            left[name][part] = x - picture.reshape(-1, 32, 32)
    return left


# %% [markdown]
# And the network: the convolutional VAE of notebook 31 with 24 latents, trained on the same heads. Its size and its 540
# steps were chosen in notebook 31, for its bound and not for this alarm.

# %%
from medlib.models import vae

heads = np.concatenate([healthy, healthy[:, :, ::-1]])
lying = {"healthy": heads, "val": x_val, "test": x_test}
for name, left in simple_rivals(lying).items():
    enter(f"{name}, lying", left)
shape = (32, 32, 1)
network = vae.ConvVAE(vae.build_encoder(shape, 24), vae.build_decoder(shape, 24))
_ = vae.fit_vae(vae.compile_vae(network, steps=540), heads[..., None], label="VAE")


# %%
def unexplained(model, slices):
    """What the reconstruction of a VAE leaves of the slices."""
    left = {}
    for part, x in slices.items():
        left[part] = x - vae.reconstruct(model, x[..., None])[..., 0]
    return left


by_network = unexplained(network, lying)
enter("VAE, lying", by_network)

# %% [markdown]
# ### Is comparing the sides worth it?
#
# The mirror can be added to any model: subtract from each residual $r$ the residual $r'$ at the mirror place. The
# lesion stays whole, and the noise becomes, with standard deviation $\sigma$ on both sides and correlation $\rho$
# between them,
#
# $$\operatorname{Var}[r - r'] = 2 \sigma^2 (1 - \rho) \tag{32.3}$$
#
# which is less than $\sigma^2$ only if $\rho > \tfrac12$: if both sides share what is left over, as when a scanner
# reads 2 HU too high. Otherwise the comparison adds noise.


# %%
def with_mirror(left):
    """What is left, minus what is left at the mirror place."""
    return {part: r - r[:, :, ::-1] for part, r in left.items()}


enter("VAE with mirror, lying", with_mirror(by_network))

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (32.3): on random pairs, and pixel by pixel in the brain of healthy validation patients
for rho, sigma in ((0.9, 0.5), (0.5, 2.0), (-0.3, 3.0)):
    pair = rng.multivariate_normal([0, 0], sigma**2 * np.array([[1, rho], [rho, 1]]), 200_000)
    measured = np.var(pair[:, 0] - pair[:, 1])
    formula = 2 * sigma**2 * (1 - rho)
    claim(f"correlation {rho}, sigma {sigma}: the formula's variance", abs(measured / formula - 1) < 0.02, measured)
calm, brain = val.y == 0, np.s_[:, 8:24, 8:16]


def shared(name):
    """Correlation of the two sides' residuals, healthy validation slices."""
    left = gaussian_filter(residuals[name]["val"][calm], (0, 1, 1))
    return np.corrcoef(left[brain].ravel(), left[:, :, ::-1][brain].ravel())[0, 1]


rho = {name: round(float(shared(f"{name}, lying")), 2) for name in ("average head", "factor analysis", "VAE")}
claim("the sides share about half of what the average head leaves, and nearly nothing of what factor analysis leaves",
      0.35 < rho["average head"] < 0.65 and abs(rho["factor analysis"]) < 0.2, rho)

# %% [markdown]
# What the average head leaves has a correlation near one half between the sides, since it knows neither scanner nor
# head. What factor analysis leaves has nearly none: there the mirror almost doubles the variance of the noise. A model
# that explains what both sides share leaves the mirror nothing to do. Keep the *half* in mind; heads that lie straight
# will pass it.
#
# ## 4. Heads turn
#
# A patient does not lie straight in a scanner. These heads are turned by 4° (one standard deviation) and lie off
# centre by some millimetres. No mirror, no average and no linear model can undo that; all they can do is to forgive
# the places where turned heads differ. But one can *measure* how a head lies. Take the pixels that are not air,
# with their rows $y$ and columns $x$: their mean is the centre of the head. The direction in which they spread most is
# its long axis, and with the variances $m_{yy}$, $m_{xx}$ and the covariance $m_{xy}$ its angle to the vertical is
#
# $$\theta = \tfrac12 \operatorname{atan2}\bigl(2\, m_{xy},\ m_{yy} - m_{xx}\bigr) \tag{32.4}$$


# %%
def angle_of(image):
    """Equation (32.4), in degrees; positive where the top leans to the left."""
    y, x = np.nonzero(image > 0)
    m_xy = np.mean((y - y.mean()) * (x - x.mean()))
    return np.degrees(0.5 * np.arctan2(2 * m_xy, y.var() - x.var()))


# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Two rows of the same seven simulated heads: above as they lie, tilted to either side; below turned upright and moved to the centre."}} tags=["hide-input"]
# Equation (32.4): ellipses turned on purpose, the direction of largest spread, the package; and the true tilt
from medlib.models.pose import pose, straighten

rows, columns = np.mgrid[-60:61, -60:61]
for long, turned, down in ((50, 25, 0), (45, -40, 6), (32, 8, -9)):
    a = np.radians(turned)
    along = (rows - down) * np.cos(a) + columns * np.sin(a)
    across = columns * np.cos(a) - (rows - down) * np.sin(a)
    ellipse = ((along / long) ** 2 + (across / 25) ** 2 < 1).astype("float32")
    y, x = np.nonzero(ellipse)
    axis = np.linalg.eigh(np.cov(y, x))[1][:, -1]
    spread = np.degrees(np.arctan(axis[1] / axis[0]))
    package = np.degrees(pose(ellipse[None, :, :, None])[0, 0])
    right = np.allclose([angle_of(ellipse), package, spread], turned, atol=0.3)
    claim(f"an ellipse of axes {long} and 25 turned by {turned}°", right, angle_of(ellipse))
tilt = test.frame["tilt_deg"].to_numpy()
measured = np.array([angle_of(image) for image in x_test])
follows = np.corrcoef(measured, tilt)[0, 1]
miss = np.median(abs(measured - tilt))
claim("the angle of the outline follows the true tilt, correlation .5 to .8", 0.5 < follows < 0.8, follows)
as_they_lie = np.median(abs(tilt))
claim("and misses it by 2° to 5° in the median, more than not to turn at all", 2 < miss < 5 and as_they_lie < miss, miss)
show = np.argsort(-abs(tilt))[::4][:14:2]
pair = np.concatenate([x_test[show], straighten(x_test[show][..., None])[..., 0]])
plot.mosaic(pair, 7, vmin=0, vmax=1).set_title("Simulated heads: as they lie, and made upright", fontsize=9)
plt.show()

# %% [markdown]
# Above seven heads as they lie, below the same heads turned back by (32.4) and moved to the middle. The outline is a
# poor protractor: for half of the heads the angle is off by some 3° or more, since a head is nearly round, and no
# ellipse. That is no nearer to the truth than not to turn at all. What (32.4) does is to lay *outlines* over each
# other, and section 1 showed that outlines make most of the error. *Upright* means on this page: the outline upright.
#
# All four simple rivals enter again, with upright heads. (`straighten` measures and turns; a pixel that falls between
# others is interpolated.) To factor analysis we also add the mirror.

# %%
upright = {part: straighten(x[..., None])[..., 0] for part, x in lying.items()}
simple = simple_rivals(upright)
for name, left in simple.items():
    enter(f"{name}, upright", left)
enter("factor analysis with mirror, upright", with_mirror(simple["factor analysis"]))

# %% [markdown]
# The convolutional VAE gets its chance with upright heads, too. It is the same network and the same recipe.

# %%
clipped = {part: np.clip(x, 0, 1) for part, x in upright.items()}  # rounding
encoder, decoder = vae.build_encoder(shape, 24), vae.build_decoder(shape, 24)
second_network = vae.compile_vae(vae.ConvVAE(encoder, decoder), steps=540)
vae.fit_vae(second_network, clipped["healthy"][..., None], label="VAE, upright")
enter("VAE, upright", unexplained(second_network, clipped))

# %% jupyter={"source_hidden": true} tags=["hide-input"]
straight_rho = shared("average head, upright")
test_auc = {name: mean_auc(test.y, kept["test"]) for name, kept in scores.items()}
claim("upright, the sides share more than half of what the average head leaves", 0.5 < straight_rho < 0.9, straight_rho)
gain = test_auc["mirror image, upright"] - test_auc["average head, upright"]
claim("so the mirror is worth .01 of AUC or more there", gain > 0.005, gain)

# %% [markdown]
# With upright heads the two sides share more than half of what the average head leaves, and as (32.3) foretells,
# comparing the sides now finds more lesions than comparing with the average head.
#
# ## 5. Turn the prediction, not the head
#
# Straightening has a price. A turned pixel is the mean of up to four, so noise is smoothed and edges are blurred.
# Notebook 31 went the other way round: measure how the head lies, let 48 factors draw it *upright*, and turn the
# **drawing**, and its $\sigma_j$ with it. The scan itself stays as it is. The last simple rival, **factors turned
# back**: it is what a `TurningVAE` (after Bepler et al. 2019) is before its first step.

# %%
import keras

turning = vae.build_turning_vae(shape, 48)
vae.start_upright(turning, heads[..., None])
asked = {"val": x_val, "test": x_test}


def in_sigmas(model):
    """What the model leaves, in units of its own sigma, which turns with the head."""
    return {part: vae.residual_map(model, x[..., None], 0) for part, x in asked.items()}


by_factors = in_sigmas(turning)
enter("factors turned back", by_factors, own=True)
enter("factors turned back, mirror", with_mirror(by_factors), own=True)

# %% [markdown]
# Now its two small networks learn. One adds to the drawing what 48 factors cannot draw, the other corrects the pose and
# the code. Adam, 250 steps of 64 slices, a cosine from 0.002 to 0: half a minute or less. Notebook 31 tells what that
# gains as a model of *healthy* heads: more than a hundred nats an image.

# %%
rates = keras.optimizers.schedules.CosineDecay(2e-3, 250)
turning.compile(keras.optimizers.Adam(rates, global_clipnorm=1e4))
recipe = {"batch_size": 64, "steps": 250, "fresh": False}
vae.fit_vae(turning, heads[..., None], label="turning VAE", **recipe)
by_training = in_sigmas(turning)
enter("turning VAE", by_training, own=True)

# %% [markdown]
# ## 6. The table
#
# Finally an **ensemble**: the mean of the scores of the two best on validation patients, each in units of its spread
# over healthy validation slices. Then everything is measured on the test patients, once, by slice.
#
# How sure is a difference? Slices of one patient resemble each other, so the **bootstrap** draws *patients*, $m$ of $m$
# with replacement, with all their slices, and takes the score anew; the middle 95 % of many such scores is the
# interval. For a plain mean over patients with equally many slices the spread of these draws is known. It is that
# of the patients' own means $\bar s_p$:
#
# $$\operatorname{sd}\bigl(\hat s_\text{drawn}\bigr) = \frac1m \sqrt{\sum_{p=1}^{m} (\bar s_p - \bar s)^2} \tag{32.5}$$
#
# For a difference of two methods both are scored on the same draw: the interval is *paired*.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (32.5): drawn by patient and by slice, for patients whose slices agree, more or less
from medlib.metrics import bootstrap, score_table

for m, alike in ((30, 2.0), (80, 0.5)):
    of = np.repeat(np.arange(m), 4)
    values = alike * rng.normal(size=m)[of] + rng.normal(size=4 * m)
    means = values.reshape(m, 4).mean(axis=1)
    formula = np.sqrt(np.sum((means - means.mean()) ** 2)) / m
    draws = [values.reshape(m, 4)[rng.integers(m, size=m)].mean() for _ in range(4000)]
    claim(f"{m} patients: draws of patients spread as the formula says", abs(np.std(draws) / formula - 1) < 0.06, formula)
    ours = bootstrap(lambda y, p: p.mean(), of, values, of, n=2000)
    right = abs((ours.high - ours.low) / (3.92 * formula) - 1) < 0.1
    claim("the course's interval is as wide", right, ours)

# %%
def standard(name, part):
    """A score in units of its spread over healthy validation slices."""
    calm = scores[name]["val"][val.y == 0]
    return (scores[name][part] - calm.mean()) / calm.std()


order = decide("order on validation", sorted(val_auc, key=val_auc.get, reverse=True))
best, second = order[:2]
scores["ensemble"] = {}
for part in ("val", "test"):
    scores["ensemble"][part] = standard(best, part) + standard(second, part)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from functools import partial

by_disease = {d: partial(auc_of, k) for k, d in enumerate(("infarct", "haemorrhage", "tumour"), 1)}
by_disease["mean"] = mean_auc
predictions = {name: kept["test"] for name, kept in scores.items()}
leader = "factors turned back"
straight = [name for name in order if "upright" in name and "VAE" not in name]
rival = decide("best simple rival on upright heads", straight[0])
table = score_table(predictions, test, against=leader, scores=by_disease, n=300)
behind = {d: table[f"{d} minus {leader}"] for d in by_disease}
lead = behind["mean"].drop(leader).map(lambda gap: gap.value)
turning = (leader, f"{leader}, mirror", "turning VAE", "ensemble")
most = max(behind[d].drop(list(turning)).map(lambda gap: gap.value).max() for d in by_disease)
claim("no method that does not turn is ahead of factors turned back by .01, nor for any one disease", most < 0.01, most)
claim("its own mirror gives or takes .03 at most", abs(lead[turning[1]]) < 0.03, behind["mean"][turning[1]])
gap = behind["mean"][rival]
claim("the best simple rival on upright heads is .015 to .06 behind, interval and all",
      -0.06 < gap.value < -0.015 and gap.high < 0.005, gap)
gap = behind["mean"]["turning VAE"]
claim("training loses .005 to .04", -0.04 < gap.value < -0.005, gap)
lost = [behind[d]["turning VAE"].value for d in by_disease]
claim("for each of the three diseases", max(lost) < 0, np.round(lost, 3))
shift = {p: round(float(lead[f"VAE, {p}"] - lead[f"factor analysis, {p}"]), 3) for p in ("lying", "upright")}
claim("the VAE is not more than .01 ahead of factor analysis, lying or upright", max(shift.values()) < 0.01, shift)
climb = {m: round(float(lead[f"{m}, upright"] - lead[f"{m}, lying"]), 3) for m in (*SIMPLE, "VAE")}
claim("upright heads lift the subtraction by .02 to .12", 0.02 < climb["mirror image"] < 0.12, climb["mirror image"])
steady = climb["average head"] > 0.01 and min(climb.values()) > -0.015
claim("and the average head by .01 or more; no method loses .015 by it", steady, climb)
claim("the ensemble is not ahead by .015", lead["ensemble"] < 0.015, [best, second, lead["ensemble"]])
table[list(by_disease)]

# %% [markdown]
# The table has one row a method and, for each disease, the AUC with its interval by patient. Bleeds are found by all,
# with an AUC above .9; methods differ in infarcts and most in tumours, from about .74 for the subtraction of lying
# heads to .95. Made upright, the average head and the subtraction gain some hundredths; the models, which had learned
# to forgive tilt, between nothing and three. The three that turn the drawing, and the ensemble, stand at the top; the
# trained one is last among them. The mirror lifts factor analysis on upright heads by a hundredth, though on lying
# heads its two sides shared nearly nothing: (32.3) speaks of the noise inside the brain, and a score perhaps hears the
# skull, too.

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Differences of mean AUC from factors turned back, paired, with intervals. All others lie left of zero or touch it: methods on lying heads by 0.05 to 0.13, upright ones by 0.04 to 0.1, the turning VAE by 0.02, the ensemble at about zero."}} tags=["hide-input"]
ax = plot.intervals(table, f"mean minus {leader}")
ax.set(xlabel="mean AUC minus that of factors turned back", title="Simulated", xticks=[-0.15, -0.1, -0.05, 0])
plt.show()

# %% [markdown]
# The paired differences from factors turned back: no interval lies above zero. (With other patients the mirror can
# help: once in ten splits it was two hundredths ahead.) The best rival on upright heads is some two to four hundredths
# behind, the convolutional VAE three to eight, the subtraction of lying heads ten or more. The ensemble pays nothing:
# its second member knows nothing that the first does not. And the trained network is *behind* the model from which it
# started.
#
# ### Why does training lose?
#
# The first suspicion is that a better model also draws the lesion. Look at what is left inside the outlines; and at how
# much the scores of *healthy* validation slices spread.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
pair = {"factors turned back": by_factors, "turning VAE": by_training}
rows = {}
for name, left in pair.items():
    smooth = abs(gaussian_filter(left["val"], (0, 0.7, 0.7)))
    inside = [smooth[val.y == k][val.masks[val.y == k]].mean() for k in (1, 2, 3)]
    top = anomaly_score(left["val"], 0.7, 40)[val.y == 0]
    rows[name] = [*inside, top.mean(), top.std()]
columns = ["infarcts", "bleeds", "tumours", "healthy score, mean", "its spread"]
why = pd.DataFrame(rows, index=columns).T
more = why.loc["turning VAE"] / why.loc["factors turned back"]
claim("training leaves more of every lesion, 5 to 50 % more in sigmas", 1.05 < more.iloc[:3].min() and more.iloc[:3].max() < 1.5, more.iloc[:3].round(2).tolist())
claim("but healthy scores spread by another 20 % or more, and by more than the lesions gain", more["its spread"] > max(1.2, more.iloc[:3].max()), more["its spread"])
why.round(2)

# %% [markdown]
# The table has the mean of $|r|$ inside the outlines, and mean and spread of the scores of healthy slices. The
# suspicion is wrong. The trained model leaves *more* of every lesion, counted in its own $\sigma_j$. But the scores of
# healthy slices spread still more. That fits a sharper model of healthy heads which is surprised by tumours, and by
# healthy heads that are a little unlike the few hundred slices of its training; too small a $\sigma_j$ would look the
# same, and this table cannot tell the two apart. Nats are a mean over heads; an alarm lives in the tail.
#
# So where does a model of the healthy earn its keep? A *generative model* does: it knows that heads turn, draws this
# head as it lies, and says of each pixel how sure it is. This *network* does not, with a few hundred healthy slices:
# what it learns of them does not carry over to the unusual ones among new patients, and these set the alarm.
#
# ### Upright and tilted heads

# %% jupyter={"source_hidden": true} tags=["hide-input"]
five = ("mirror image, lying", "VAE, lying", rival, leader, "turning VAE")
degrees, size = abs(test.frame["tilt_deg"].to_numpy()), test.frame["area_mm2"]
larger = (size > size.groupby(test.y).transform("median")).to_numpy()
groups = {"tilt below 3°": degrees < 3, "tilt above 3°": degrees >= 3}
groups |= {"smaller lesions": (test.y == 0) | ~larger, "larger lesions": (test.y == 0) | larger}
split = {}
for label, rows in groups.items():
    part = {name: predictions[name][rows] for name in five}
    split[label] = score_table(part, test[rows], scores={"mean": mean_auc}, n=200)["mean"]
split = pd.DataFrame(split)
gain = {label: split[label][leader].value - split[label][five[0]].value for label in split}
claim("on tilted heads factors turned back lead the subtraction by .1 or more", gain["tilt above 3°"] > 0.1, gain["tilt above 3°"])
claim("and on straighter ones by .04 or more", gain["tilt below 3°"] > 0.04, gain["tilt below 3°"])
better = [split["larger lesions"][name].value > split["smaller lesions"][name].value for name in five]
claim("every method finds larger lesions better", all(better))
split

# %% [markdown]
# The columns show the mean AUC on heads tilted by less and by more than 3°, and on the smaller and the larger half of
# the lesions of each disease. On tilted heads the lead over the subtraction is .1 or more, on straighter ones .05 to
# .15, and in nine of ten splits of the patients the smaller one: a model that knows about turning is worth most where
# heads turn. Size matters to all.
#
# ## 7. An alarm
#
# An AUC sets no alarm. Fix the share of healthy slices that may ring, $\alpha$, on validation patients.
#
# ### Your turn
#
# **32.2** Return the score above which a share `alarms` of the healthy scores lies (0.1: one in ten).


# %%
def threshold_for(healthy_scores, alarms):
    """The score that a share `alarms` of healthy slices exceeds."""
    return ...  # your code: one number


check("32.2", threshold_for)


# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 32.2
def threshold_for(healthy_scores, alarms):
    """The score that a share `alarms` of healthy slices exceeds."""
    return np.quantile(healthy_scores, 1 - alarms)


check("32.2", threshold_for)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
old = test.frame["old_mm2"].to_numpy() > 0
kind = np.where((test.y == 0) & old, 4, test.y)


def share_of(kinds, y, rings):
    """Share of alarms among slices of some kinds."""
    return rings[np.isin(y, kinds)].mean()


rings = {}
for name in five:
    calm = scores[name]["val"][val.y == 0]
    line = decide(f"alarm: {name}", threshold_for(calm, 0.1))
    rings[name] = predictions[name] > line
columns = {"healthy": (0, 4), "of these: old infarct": 4, "infarct": 1, "haemorrhage": 2, "tumour": 3}
shares = {label: partial(share_of, kinds) for label, kinds in columns.items()}
alarm = score_table(rings, test, y=kind, scores=shares, n=200)
sensitive = {label: alarm[label][leader].value for label in columns}
claim("factors turned back ring for most bleeds", sensitive["haemorrhage"] > 0.85, sensitive["haemorrhage"])
claim("of the healthy, .02 to .2 ring where .1 was asked for", 0.02 < sensitive["healthy"] < 0.2, sensitive["healthy"])
scars = sensitive["of these: old infarct"] - sensitive["healthy"]
claim("healthy slices with an old infarct ring more often, by .1 or more", scars > 0.1, scars)
alarm

# %% [markdown]
# The share of slices that ring. The threshold was set for one healthy *validation* slice in ten; among the healthy of
# the test part it rings for about .05 to .1, since fifty healthy patients do not fix a tenth more closely. With factors
# turned back bleeds ring nearly always, infarcts and tumours in about three of four. Slices with an old infarct, in the
# second column, ring several times as often as other healthy ones (they come from a few patients only). Is that alarm
# false? The label says so, for nothing acute is there. But something *is* there that does not belong, a scar of former
# years. A model of the healthy cannot know its age; the record can.
#
# What does an alarm mean? With sensitivity $S$ and a share $\pi$ of ill patients, the share of alarms that are right,
# the positive predictive value, is
#
# $$\mathrm{PPV} = \frac{\pi S}{\pi S + (1 - \pi)\,\alpha} \tag{32.6}$$
#
# **32.3** Write it. `prevalence` may be an array.


# %%
def predictive_value(sensitivity, alarms, prevalence):
    """Equation (32.6)."""
    return ...  # your formula


check("32.3", predictive_value)


# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 32.3
def predictive_value(sensitivity, alarms, prevalence):
    """Equation (32.6)."""
    right = prevalence * sensitivity
    return right / (right + (1 - prevalence) * alarms)


check("32.3", predictive_value)

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Predictive value of an alarm against prevalence from 0.1 to 50 percent on a logarithmic axis, for bleeds and infarcts: a few per cent at one in five hundred, about nine tenths at one half."}} tags=["hide-input"]
# Equation (32.6): against counting among drawn patients
for found, alarms, ill in ((0.9, 0.1, 0.02), (0.6, 0.03, 0.3)):
    sick = rng.random(400_000) < ill
    call = rng.random(400_000) < np.where(sick, found, alarms)
    right = abs(sick[call].mean() / predictive_value(found, alarms, ill) - 1) < 0.05
    claim(f"at a prevalence of {ill}: counted among 400,000", right, sick[call].mean())
share = np.geomspace(0.001, 0.5, 100)
fig, ax = plt.subplots(figsize=(6, 3))
for disease in ("haemorrhage", "infarct"):
    ax.semilogx(share, predictive_value(sensitive[disease], sensitive["healthy"], share), label=disease)
ax.set(xlabel="share of slices that show the disease", ylabel="alarms that are right", title="Simulated: factors turned back")
ax.legend()
plt.show()
rare = predictive_value(sensitive["haemorrhage"], sensitive["healthy"], 0.002)
claim("where one patient in 500 bleeds, more than nine alarms of ten are wrong", rare < 0.1, rare)

# %% [markdown]
# The same alarm is right in nine of ten cases where half of the patients are ill, and in fewer than one in ten where
# one in 500 is. So nobody should be *called* ill by it. What a hospital can do is to sort the **worklist**: the scan
# with the highest score is read first. No scan goes unread, and a wrong alarm costs a few minutes. By (32.2) a patient
# with a bleed then waits behind one or two per cent of the healthy ones, instead of behind half of them. The price is
# paid by those with a lesion that the score does not see: they wait longer than by order of arrival.
#
# ## 8. Where is it?
#
# An outline is judged by the **Dice** overlap of the true mask $A$ and the marked pixels $B$. It is not the Jaccard
# index $J$, the shared over the united area:
#
# $$D = \frac{2\,|A \cap B|}{|A| + |B|} = \frac{2J}{1 + J} \tag{32.7}$$
#
# Where both are empty, nothing was to be marked and nothing was: that counts as 1.


# %%
def dice(mask, marked):
    """Twice the shared area over the sum of both, image by image."""
    shared = (mask & marked).sum(axis=(1, 2))
    both = mask.sum(axis=(1, 2)) + marked.sum(axis=(1, 2))
    return np.where(both == 0, 1.0, 2 * shared / np.maximum(both, 1))

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Two rows of nine simulated slices with lesions outlined, three of each disease: above the scan, below the map of factors turned back, very bright inside the bleeds, faint inside infarcts and tumours, with one bright spot outside."}} tags=["hide-input"]
# Equation (32.7): Dice and Jaccard of random masks of unequal size
a, b = rng.random((4, 9, 7)) < 0.5, rng.random((4, 9, 7)) < 0.3
jaccard = (a & b).sum((1, 2)) / (a | b).sum((1, 2))
claim("Dice is 2J / (1 + J)", np.allclose(dice(a, b), 2 * jaccard / (1 + jaccard)), dice(a, b)[0])


def marks(name, part):
    width = max(chosen[name][0], 0.7)
    return abs(gaussian_filter(residuals[name][part], (0, width, width)))


ill_val = (val.y > 0) & val.masks.any(axis=(1, 2))
ill_test = (test.y > 0) & test.masks.any(axis=(1, 2))
tries = np.linspace(0.5, 6, 23)
overlap, false_marks = {}, {}
for name in ("mirror image, lying", "factor analysis, lying", leader):
    on_val, on_test = marks(name, "val")[ill_val], marks(name, "test")
    quality = [dice(val.masks[ill_val], on_val > t).mean() for t in tries]
    line = decide(f"outline: {name}", tries[int(np.argmax(quality))])
    overlap[name] = dice(test.masks, on_test > line)
    false_marks[name] = (on_test > line)[test.y == 0].sum(axis=(1, 2)) * 0.49
where = {names: lambda y, d, k=k: d[y == k].mean() for k, names in enumerate(("infarct", "haemorrhage", "tumour"), 1)}
outlines = score_table({n: d[ill_test] for n, d in overlap.items()}, test[ill_test], scores=where, n=200)
outlines["false marks on a healthy slice, cm²"] = [f"{v.mean():.1f}" for v in false_marks.values()]
tumour = outlines["tumour"]
better = tumour.iloc[2].value - tumour.iloc[1].value
claim("tumours are outlined up to .25 better by factors turned back than by factor analysis, lying, or level", -0.05 < better < 0.25, tumour.iloc[1:].tolist())
claim("no disease is outlined well: Dice below .8", max(v.value for v in outlines.iloc[2, :3]) < 0.8)
spots = [v.mean() for v in false_marks.values()]
claim("the subtraction marks over 2 cm² of a healthy slice, factors turned back less than half of that",
      spots[0] > 2 and spots[2] < spots[0] / 2, np.round(spots, 1))
large = [rng.choice(np.flatnonzero((test.y == k) & (area > 600)), 3, replace=False) for k in (1, 2, 3)]
large = np.concatenate(large)
fig, axes = plt.subplots(2, 1, figsize=(8, 2.4))
plot.mosaic(x_test[large], 9, vmin=0, vmax=1, masks=test.masks[large], ax=axes[0]).set_title("Simulated scans", fontsize=9)
plot.mosaic(marks(leader, "test")[large], 9, vmin=0, vmax=6, masks=test.masks[large], ax=axes[1])
axes[1].set_title("what factors turned back do not explain", fontsize=9)
plt.show()

# %% [markdown]
# Nine large lesions, three of each disease, and below them the map of factors turned back: very bright inside the
# bleeds, faint inside infarcts and tumours. In the sixth a second spot shines at the back of the head, where the scan
# is dark and nothing is outlined: the outlines hold acute lesions only.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
outlines

# %% [markdown]
# The table gives the mean Dice with its interval, and in the last column what the same threshold marks on a healthy
# slice, in square centimetres. Bleeds are outlined best, with about two thirds of overlap; tumours worst. The
# subtraction marks a lesion and its mirror place alike, so its overlap cannot pass two thirds, and it marks several
# square centimetres of a healthy slice. The fair rival is factor analysis on heads as they lie: for bleeds it does as
# well as factors turned back, for infarcts a little and above all for tumours worse (with other patients they were once
# level); each marks about one square centimetre of a healthy slice. Even so, an outline is worth something only where
# somebody has already said that there is a lesion: its threshold was chosen on *ill* slices.
#
# ## 9. An audit by site
#
# Three hospitals, three scanners, one threshold. A fair score cannot tell the *healthy* of two sites apart, so its AUC
# is one half for every pair; and a fair alarm rings as often at each.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
well = test[test.y == 0]
site = well.frame["site"].to_numpy()


def told_apart(first, second, y, score):
    """AUC of two sites: above one half where the first has the higher scores."""
    rows = np.isin(y, [first, second])
    return auc(y[rows] == first, score[rows])


def rings_at(place, y, score):
    return score[y == place].mean()


pairs = {f"{a} from {b}": partial(told_apart, a, b) for a, b in (("B", "A"), ("C", "A"), ("C", "B"))}
places = {f"rings at {a}": partial(rings_at, a) for a in "ABC"}
patients = pd.Series(well.groups).groupby(site).nunique()
apart = {name: predictions[name][test.y == 0] for name in five}
loud = {name: rings[name][test.y == 0] for name in five}
audit = score_table(apart, well, y=site, scores=pairs, n=200)
audit = audit.join(score_table(loud, well, y=site, scores=places, n=200))
ours = audit.loc[leader]
fair = [abs(ours[pair].value - 0.5) for pair in pairs]
claim("no pair of sites is told apart by more than .25", max(fair) < 0.25, np.round(fair, 2))
wide = [ours[pair].high - ours[pair].low for pair in pairs]
claim("and the intervals are .1 wide or more", min(wide) > 0.1, np.round(wide, 2))
audit

# %% [markdown]
# The first three columns give the AUC with which a score tells healthy slices of one site from those of another, for
# every pair; one half is fair, and above it the first-named site looks more ill. The others give the share that rings.
# For factors turned back each interval holds one half here, for C against B only just. Factor analysis on upright heads
# gives healthy slices of site C higher scores than those of B, and its interval leaves one half out; among fifteen
# intervals one such is no surprise. With some twenty to forty healthy patients a site the intervals are wide: they
# neither prove that a site is treated unfairly nor that it is not. Before such an alarm goes into service, each site
# needs healthy patients of its own, and a threshold.
#
# ## Three questions
#
# <details><summary>A network finds infarcts with AUC .90, trained on healthy heads only. What do you ask first?</summary>
# What the strongest rival without a network reaches on the same patients with the same tuning, and the paired interval
# of the difference. On this page a linear model of 1904, told how the head lies, is ahead of every network.</details>
#
# <details><summary>A healthy patient with an old infarct rings the alarm. Is the detector wrong?</summary>
# It is right that the scan differs from healthy ones, and wrong about what is acute. A model of the healthy answers the
# first question only; for the second one needs a model of the disease, or the earlier scan.</details>
#
# <details><summary>At one false alarm in ten, nine bleeds of ten are found. May the alarm replace the reader in a screening
# of people without complaints?</summary> No. Where one in 200 is ill, fewer than one alarm in ten is right by (32.6),
# and one bleed in ten is missed. It may sort the list, so that likely bleeds are read first.</details>
#
# ## In this notebook we ...
#
# gave more than a dozen methods healthy heads only and the same tuning; saw what upright heads are worth, less to a
# model than to a subtraction; that a linear model which draws the head as it lies beats every network tried here; why
# better nats made a worse alarm; and what an alarm is worth.
#
# **Pitfalls**
# - A network without its model-free rival. A rival without the network's tuning.
# - Squared error as the measure of the unexpected. Intervals by slice.
# - Better nats taken for a better alarm.
# - Calling every alarm on a healthy label false, or any alarm a diagnosis.
#
# **Further reading**
# - Baur et al., *Autoencoders for unsupervised anomaly segmentation in brain MR images*, Medical Image Analysis 2021.
# - Meissen, Kaissis and Rueckert, *Challenging current semi-supervised anomaly segmentation methods for brain MRI*, 2021:
#   a threshold on brightness as rival.
# - Bepler et al., *Explicitly disentangling image content from translation and rotation with spatial-VAE*, NeurIPS 2019.
# - Efron and Tibshirani, *An introduction to the bootstrap*, 1993. Dice, Ecology 26 (1945) 297.
