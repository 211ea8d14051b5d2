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
# # Good by which measure? Judging generated images
#
# After this notebook you can
# - **measure** generated images by seven scores, each beside what scans of other real patients get,
# - **expose** frauds that the best-known score ranks before honest work, and
# - **choose** a score for a question, and say what it cannot see.
#
# | needs | read | run | data |
# |---|---|---|---|
# | notebooks [15](15_image_diagnosis.ipynb) and [21](21_gan_images.ipynb) | 60 min | 60 s | simulated head CT |
#
# Here is a generator of head CT that needs no training. Take the left half of one patient's scan, the right half of
# another's, and glue them together. Skulls do not meet, midlines break. By the Fréchet distance, the number by which
# nearly every paper on generated images ranks its method, this fraud is about 5 from real scans, and an honest GAN 20
# to 30. Small is good: other real patients are about 2 from real patients.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from medlib import plot
from medlib.data import load
from medlib.data.head_ct import brain_window
from medlib.decisions import decide
from medlib.lesson import check, claim, setup

rng = setup(seed=0)
scans = load("head_ct", size=32)

# %% [markdown]
# All scans here are **simulated**, 32 × 32 pixels of 7 mm; *real* means: from this collection, and not from a
# generator. We deal its 1,000 patients into four equal rooms. Generators learn from `train`, the judge from `school`.
# The patients of `real` are what every generator is compared with, and those of `others` show what such a comparison
# gives when nothing is wrong.


# %%
def images(part):
    """The scans of a part, (n, 32, 32, 1): -1 is black (-10 HU), 1 white (80 HU)."""
    return (2 * brain_window(part.x) - 1)[..., None].astype("float32")


draw = int(rng.integers(1000))
train, school, test = scans.split(val=0.25, test=0.5, seed=draw)
others, _, real = test.split(val=0, test=0.5, seed=draw)
x_train, x_real, n = images(train), images(real), len(real)


def glue(a, b):
    """The left half of each picture of a beside the right half of one of b."""
    middle = a.shape[2] // 2
    return np.concatenate([a[:, :, :middle], b[:, :, middle:]], axis=2)


# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Two rows of eight simulated head CT slices. Above, scans of real patients. Below, glued halves of two patients each: skulls and ventricles jump at the middle of the picture."}} tags=["hide-input"]
glued = glue(x_train[rng.permutation(n)], x_train[rng.permutation(n)])
ax = plot.mosaic(np.concatenate([x_real[rng.permutation(n)[:8]], glued[:8]]), 8, vmin=-1, vmax=1)
ax.set_title("Simulated. Above, real scans; below, halves of two training scans each")
plt.show()

# %% [markdown]
# Below, most heads are broken at the middle: the skull makes a step, and half of a ventricle looks for the other
# half. No score of the next sections points at it.
#
# ## 1. The judge
#
# Pixels are a poor ruler: move a head by one pixel, and half of its pixels change. So scores compare **features**, a
# few numbers with which a network describes a picture. Published work takes a network that was trained on photographs
# of dogs and cars (*Inception*; its Fréchet distance is the famous **FID**). Ours is the judge of notebook 21, a small
# U-Net that outlines lesions. It learns from the patients of `school`, whom no generator sees. At its narrowest place
# stand 64 numbers: they are our features.


# %%
from sklearn.preprocessing import StandardScaler

from medlib.models import judge as judges


def both_ways(a):
    """Each image and its mirror image, which is as plausible a head."""
    return np.concatenate([a, a[:, :, ::-1]])


x_school, kinds_school = images(school), np.tile(school.y, 2)
judge = judges.compile_judge(judges.build_judge((32, 32, 1), 4), steps=300)
_ = judges.fit_judge(judge, both_ways(x_school), both_ways(school.masks), kinds_school)

# %% [markdown]
# Some features move by hundredths and some by tens. Each is divided by its own spread, and that belongs to the judge:
# it is measured on *his* patients. Who standardised by the pictures that are to be judged, or by the patients that a
# generator has learnt from, would hand the ruler to a contestant.

# %%
scale = StandardScaler().fit(judges.features(judge, x_school))
decide("the judge and his ruler", [judge, scale])


def describe(pictures):
    """What the judge sees: 64 standardised features a picture."""
    return scale.transform(judges.features(judge, pictures))


# %% jupyter={"source_hidden": true} tags=["hide-input"]
from medlib.metrics import Interval, bootstrap


def mean_of(y, p):
    """A score for `bootstrap`: the mean of p."""
    return np.mean(p)


at_home = describe(x_school)
right = judges.findings(judge, x_real)[0] == real.y
named = bootstrap(mean_of, right, right, real.groups, n=300)
ruler = abs(at_home.mean(axis=0)).max() < 1e-4 and abs(at_home.std(axis=0) - 1).max() < 1e-3
claim("his ruler: mean 0 and deviation 1 in each of 64 features, on his own patients", ruler, at_home.shape[1])
claim("he names the kind in seven of ten scans or more, of patients whom he has never seen", named.value > 0.7, named)

# %% [markdown]
# He names one of four kinds (healthy, ischaemia, haemorrhage, tumour) rightly in seven to eight of ten scans. What he
# cannot see, no score that is built on him will see.
#
# ## 2. Eight contestants
#
# Two are honest. The **GAN** has the recipe of notebook 21. **Factor analysis** is its strongest simple rival, a linear
# model of 1904: a mean image, plus 48 patterns in random amounts, plus noise of a size learnt for each pixel.

# %%
from medlib.models import gan as gans
from medlib.models.factor import factor_analysis

shape = (32, 32, 1)
gan = gans.SteadyGAN(gans.build_generator(shape, 64), gans.build_discriminator(shape))
gans.fit_gan(gans.compile_gan(gan, steps=800), both_ways(x_train), label="GAN")
from_gan = gans.generate(gan, rng.normal(size=(n, 64)))

# %%
linear = factor_analysis(both_ways(x_train), factors=48)
patterns = linear.decode(rng.normal(size=(n, 48)))
noise = np.sqrt(linear.variance) * rng.normal(size=(n, 1024))
from_factors = np.clip(patterns + noise, -1, 1).reshape(x_real.shape)
_ = decide("the honest two", [gan.get_weights(), linear])

# %% [markdown]
# The others cheat, or do not try. Each draws as many pictures as there are real ones:

# %%
def resample(rows):
    """n of these rows, drawn with replacement."""
    return rng.choice(rows, n)


def speckle(size):
    """Noise for n pictures."""
    return rng.normal(0, size, x_real.shape)


one_each = [rng.choice(np.flatnonzero(train.y == kind)) for kind in range(4)]
moves, mirrored = rng.integers(-1, 2, (n, 2)), x_train[:, :, ::-1]
in_disguise = [np.roll(x, m, axis=(0, 1)) for x, m in zip(mirrored, moves, strict=True)]
healthy = resample(np.flatnonzero(train.y == 0))

# %%
pictures = {
    "other real patients": images(others),
    "copies": x_train,
    "copies in disguise": np.stack(in_disguise),
    "glued halves": glued,
    "healthy heads only": x_train[healthy],
    "the same four heads": x_train[resample(one_each)] + speckle(0.02),
    "mean image and noise": x_train.mean(axis=0) + speckle(x_train.std(axis=0)),
    "factor analysis": from_factors,
    "GAN": from_gan,
}
pictures = {name: np.clip(x, -1, 1) for name, x in pictures.items()}

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Nine rows of eight simulated or generated head CT slices, one row for each contestant: real scans, copies, mirrored and shifted copies, glued halves, healthy heads, four heads repeated, a grey noisy mean image, noisy heads from factor analysis with blurred skulls, and drawings of the GAN with mostly closed skulls and smudged ventricles."}} tags=["hide-input"]
shown = np.concatenate([x[rng.choice(n, 8, replace=False)] for x in pictures.values()])
fig, ax = plt.subplots(figsize=(7.4, 7.2))
plot.mosaic(shown, 8, vmin=-1, vmax=1, ax=ax)
for row, name in enumerate(pictures):
    ax.text(-3, 32 * row + 16, name, ha="right", va="center", fontsize=9)
ax.set_title("Simulated or generated: eight pictures of each contestant")
plt.show()

# %% [markdown]
# Rows two to six are made of real scans. The mean image is a grey oval in snow; factor analysis draws ragged skulls
# round speckled brains; the GAN's heads have mostly closed skulls and smudged ventricles, and hardly a lesion among
# these eight. *In disguise* means: mirrored, and moved by up to one pixel each way.
#
# ## 3. The Fréchet distance, and its floor
#
# Describe every picture by its features: each set of pictures becomes a cloud of points, with a mean $m$ and a
# covariance $C$. The **Fréchet distance** of two clouds (Heusel and others, 2017) is
#
# $$F = |m - m'|^2 + \operatorname{tr}\bigl(C + C' - 2\,(C C')^{1/2}\bigr) \tag{22.1}$$
#
# Primes mark the second cloud. It is the least mean squared way that turns one normal cloud into the other. It looks at
# means and covariances, and at nothing else.


# %%
def frechet(x, y):
    """The distance (22.1) of two sets of features, one row a picture."""
    shift, C, D = x.mean(axis=0) - y.mean(axis=0), np.cov(x.T), np.cov(y.T)
    root = np.sqrt(np.linalg.eigvals(C @ D).real.clip(0))  # of each eigenvalue
    return shift @ shift + np.trace(C) + np.trace(D) - 2 * root.sum()


# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (22.1): a skewed cloud carried by a known map, two clouds of any shape, and the course's own function
from scipy.linalg import sqrtm

from medlib.metrics import fid

cloud = rng.exponential(size=(4000, 3)) * [1, 3, 0.5]
symmetric = np.array([[2, 0.8, 0], [0.8, 0.7, 0.3], [0, 0.3, 1.5]])  # such a map: no shorter way
carried = cloud @ symmetric + [1, 0, -2]
way = np.mean(np.sum((cloud - carried) ** 2, axis=1))
claim("the mean squared way from each point to its place", abs(frechet(cloud, carried) / way - 1) < 2e-3, way)
a, b = rng.normal(size=(300, 5)) @ rng.normal(size=(5, 5)), rng.normal(0.3, 2, size=(700, 5))
by_root = np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(
    np.cov(a.T) + np.cov(b.T) - 2 * sqrtm(np.cov(a.T) @ np.cov(b.T)).real
)
agree = abs(frechet(a, b) / by_root - 1) < 1e-6 and abs(fid(a, b) / by_root - 1) < 1e-6
claim("300 rows against 700: scipy's matrix root and medlib's fid", agree, by_root)

# %% [markdown]
# A distance needs a **floor**. Two samples of one and the same cloud have different means and covariances, by chance,
# so their distance is above 0. For $n$ and $m$ independent rows of $d$ features that are normal and *whitened*
# (uncorrelated, of variance 1) it is on average about
#
# $$\mathbb{E}[F] \approx \Bigl(\frac1n + \frac1m\Bigr)\Bigl(d + \frac{d\,(d+1)}{4}\Bigr) \tag{22.2}$$

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (22.2): two hundred pairs of samples of one cloud, of equal and of unequal size
for d, few, many in ((12, 200, 200), (12, 300, 900), (5, 400, 100)):
    samples = [frechet(rng.normal(size=(few, d)), rng.normal(size=(many, d))) for _ in range(200)]
    formula = (1 / few + 1 / many) * (d + d * (d + 1) / 4)
    near = abs(np.mean(samples) / formula - 1) < 0.06
    claim(f"{d} features, {few} rows against {many}: the floor is the formula's", near, [np.mean(samples), formula])

# %% [markdown]
# It falls as $1/n$, and grows with the square of the number of features. Inception has 2048: by (22.2), two sets of
# 10,000 perfect pictures would be about 210 apart if its features were whitened. (They are not, and 50,000 pictures
# are usual. With fewer rows than features neither (22.2) nor the covariance can be trusted.) Here are our own:

# %%
feature = {name: describe(x) for name, x in pictures.items()}
feature["real"] = describe(x_real)

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Distance against the number of patients, 30 to 250, both axes logarithmic. Other real patients fall from about 16 to 2 along a dotted line, the formula. Glued halves begin there too and fall to 5. The GAN falls from about 32 to 22."}} tags=["hide-input"]
def by_size(name, patients):
    """The distance of so many real patients (four scans each) to as many pictures."""
    rows = slice(0, 4 * patients)
    return frechet(feature["real"][rows], feature[name][rows])


sizes = np.array([30, 50, 80, 120, 180, 250])
falling = {name: np.array([by_size(name, k) for k in sizes]) for name in ("other real patients", "glued halves", "GAN")}
fig, ax = plt.subplots()
for (name, values), marker in zip(falling.items(), "osD", strict=True):
    ax.loglog(sizes, values, marker=marker, label=name)
ax.loglog(sizes, 2 / (4 * sizes) * (64 + 64 * 65 / 4), "k:", label="(22.2), as if rows were independent")
ax.set(xlabel="real patients, four scans each, and as many pictures", ylabel="Fréchet distance (judge)")
ax.set(title="Simulated: the more pictures, the nearer")
ax.set_xticks(sizes, sizes)
ax.set_yticks([2, 5, 10, 20, 40], [2, 5, 10, 20, 40])
ax.minorticks_off()
ax.legend()
plt.show()

# %% [markdown]
# With 30 patients real scans are 13 to 17 from other real scans, three times what the glued halves get with 250. The
# floor runs along the formula, by luck: correlated features lower it, slices of one patient raise it. The GAN comes
# down by a third or so from left to right, and it is the same GAN. So **compare at equal size only, and print the floor
# beside every distance**.
#
# The floor also depends on *whom* we compare. Slices of one patient are alike. Two slices of each patient against the
# two others of the *same* patients look closer than two sets of patients ever are:

# %% jupyter={"source_hidden": true} tags=["hide-input"]
odd = np.arange(n) % 2 == 1
same_patients = frechet(feature["real"][~odd], feature["real"][odd])
honest = frechet(feature["real"][~odd], feature["other real patients"][odd])
nobody_twice = not set(real.groups) & set(others.groups)
claim(
    "no patient is in two rooms, and at equal size their floor is higher",
    nobody_twice and honest > 1.2 * same_patients,
    [honest, same_patients],
)
floor, by_glue, by_gan = (values[-1] for values in falling.values())
claim("the glued halves come nearer than a third of the GAN's distance", by_glue < by_gan / 3, [floor, by_glue, by_gan])
claim(
    "30 real patients against 30 others: more than the glued halves at 250",
    falling["other real patients"][0] > by_glue,
    falling["other real patients"],
)

# %% [markdown]
# ### Your turn
#
# **22.1** Write (22.1) for two samples `x` and `y` of *one* feature, of any sizes, with numpy's mean and standard
# deviation.


# %%
def frechet_1d(x, y):
    """The distance (22.1) of two samples of one feature."""
    return ...  # your formula


check("22.1", frechet_1d)


# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 22.1
def frechet_1d(x, y):
    """The distance (22.1) of two samples of one feature."""
    return (np.mean(x) - np.mean(y)) ** 2 + (np.std(x) - np.std(y)) ** 2


check("22.1", frechet_1d)

# %% [markdown]
# We shall need it in section 8. Sixty-four such numbers, one a feature, do not add up to (22.1): what features do
# *together* is in the covariances.
#
# ### How sure?
#
# Other patients would give another score. The bootstrap of earlier pages draws patients with replacement; here that
# would hurt, because a scan that is there twice is its own nearest neighbour, and repeats make the distance larger. So
# we draw **halves**: of $n$ patients $b$, none of them twice. For a mean of values with variance $s^2$ over
# the patients,
#
# $$\operatorname{Var}_b = \frac{s^2}{b}\Bigl(1 - \frac bn\Bigr), \qquad
# \text{and for } b = \frac n2: \quad \frac{s^2}{n} \tag{22.3}$$
#
# Half as many patients spread more; but halves of one set overlap, and spread less. For halves the two cancel: the
# spread between them *is* the standard error of the whole (a *delete-half jackknife*; Shao and Wu, 1989). For scores
# that are no means it holds roughly; near a floor it is too wide.


# %%
def half(owner):
    """Which rows belong to a random half of the owners, nobody twice."""
    names = rng.permutation(np.unique(owner))
    return np.isin(owner, names[: len(names) // 2])


def interval(values):
    """The first value, and 1.96 deviations of the others to either side."""
    wide = 1.96 * np.std(values[1:])
    return Interval(values[0], values[0] - wide, values[0] + wide)


# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (22.3): 60 patients of one to five rows each; halves and fifths by patient, and halves by row
sizes = rng.integers(1, 6, 60)
ids, level = np.repeat(np.arange(60), sizes), rng.exponential(size=60)
for b in (30, 12):
    pick = half if b == 30 else lambda ids: rng.permutation(ids)[:12]
    drawn = [np.mean(level[pick(np.arange(60))]) for _ in range(4000)]
    formula = np.sqrt(level.var(ddof=1) / b * (1 - b / 60))
    claim(f"{b} of 60: the spread is the formula's", abs(np.std(drawn) / formula - 1) < 0.05, [np.std(drawn), formula])
clustered = level[ids] + rng.normal(0, 0.1, len(ids))
by_patient, by_row = (np.std([clustered[half(o)].mean() for _ in range(800)]) for o in (ids, np.arange(len(ids))))
wide = interval(np.array([5.0, 1.0, 2.0, 4.0]))
claim(
    "halves of the rows instead of the patients would make it too narrow by more than a quarter",
    by_row < 0.75 * by_patient,
    [by_row, by_patient],
)
claim(
    "the interval: 1.96 deviations of 1, 2 and 4 to either side of 5",
    abs(wide.high - 5 - 1.96 * np.sqrt(14 / 9)) < 1e-9,
    wide,
)

# %% [markdown]
# A generator's drawings are independent of each other, and each counts for itself; scans and their copies belong to
# their patient.
# Thirty pairs of halves, the same for every score, so that contestants can be compared by their *difference*.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
owner = {name: -1 - np.arange(n) for name in pictures}
owner |= {"real": real.groups, "other real patients": others.groups}
owner["copies"] = owner["copies in disguise"] = train.groups
owner["healthy heads only"] = train.groups[healthy]
halves = {name: [half(ids) for _ in range(30)] for name, ids in owner.items()}


def measured(score, data):
    """A score of each contestant: first of all rows, then of thirty halves."""
    columns = {}
    for name in pictures:
        pairs = zip(halves["real"], halves[name], strict=True)
        drawn = [score(data["real"][a], data[name][b]) for a, b in pairs]
        columns[name] = [score(data["real"], data[name]), *drawn]
    return pd.DataFrame(columns)


# %%
scores = {"Fréchet": measured(frechet, feature)}

# %% jupyter={"source_hidden": true} tags=["hide-input"]
def ranked(**small_is_good):
    """The contestants by each score, the best on top."""
    columns = {}
    for name, small in small_is_good.items():
        found = {contestant: interval(values) for contestant, values in scores[name].items()}
        order = sorted(found, key=lambda contestant: found[contestant].value, reverse=not small)
        columns[name] = [f"{c}: {found[c].value:.3g} ± {found[c].high - found[c].value:.2g}" for c in order]
    return pd.DataFrame(columns, index=range(1, 10))


difference = interval(scores["Fréchet"]["glued halves"] - scores["Fréchet"]["GAN"])
claim("glued halves minus GAN, paired: far below 0", difference.high < 0, difference)
plain = frechet(feature["real"], describe(np.clip(patterns, -1, 1).reshape(x_real.shape)))
claim("without its noise, factor analysis is still over three times as far as the GAN", plain > 3 * by_gan, plain)
ranked(Fréchet=True)

# %% [markdown]
# Copies lie on the floor, near 2: they *are* real scans. Glued halves, copies in disguise and the healthy heads follow
# at 4 to 8, the GAN at 20 to 30, then the four heads at 45 to 75. Factor analysis and the mean image are hundreds
# away. (Not for their noise alone: without it factor analysis is still several times as far as the GAN.) The best-known
# score puts four frauds before the first honest contestant.
#
# ### Another ruler
#
# Is factor analysis so bad? It depends on who looks. Take, instead of the judge, 64 random mixtures of the pixels.
# Their signs are dropped: of the mixtures themselves only mean and covariance would count, and those factor analysis
# has by construction.

# %%
mixing = np.random.default_rng(draw).normal(size=(1024, 64)) / 32


def blind(x):
    """64 mixtures of all pixels of each picture, without their signs."""
    return abs(x.reshape(len(x), -1) @ mixing)


blind_scale = decide("the blind ruler", StandardScaler().fit(blind(x_school)))
mixed = {name: blind_scale.transform(blind(x)) for name, x in pictures.items()}
mixed["real"] = blind_scale.transform(blind(x_real))
scores["blind"] = measured(frechet, mixed)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
turned = interval(scores["blind"]["factor analysis"] - scores["blind"]["GAN"])
before = interval(scores["Fréchet"]["factor analysis"] - scores["Fréchet"]["GAN"])
claim("by the judge, factor analysis is hundreds farther away than the GAN", before.low > 100, before)
claim("by the blind ruler it is nearer", turned.high < 0, turned)
ranked(Fréchet=True, blind=True)

# %% [markdown]
# By the blind ruler factor analysis comes before the GAN, and the paired interval of the difference is below 0. It
# models means and covariances of *pixels*, and mixtures of pixels are all that this ruler sees. The judge looks at
# edges and textures, where the GAN is strong. **A Fréchet distance is a property of two sets and a ruler**; who
# chooses the ruler after the game may choose the winner.
#
# ## 4. KID: a floor of nearly 0
#
# The **kernel distance** (KID; Bińkowski and others, 2018) does not assume normal clouds, and its floor is 0 at every
# size *if rows are independent*. With the kernel $k(x, y) = (x^\top y/d + 1)^3$, and $n$ real and $m$ drawn rows:
#
# $$\mathrm{KID} = \frac{1}{n(n-1)}\sum_{i \ne i'} k(x_i, x_{i'}) + \frac{1}{m(m-1)}\sum_{j \ne j'} k(y_j, y_{j'})
# - \frac{2}{nm}\sum_{i, j} k(x_i, y_j) \tag{22.4}$$


# %%
def kernel(a, b):
    """The cubic kernel of every row of a with every row of b."""
    return (a @ b.T / a.shape[1] + 1) ** 3


def within(x):
    """Mean kernel of two different rows of x."""
    k = kernel(x, x)
    return (k.sum() - np.trace(k)) / (len(x) * (len(x) - 1))


def kernel_distance(x, y):
    """The distance (22.4)."""
    return within(x) + within(y) - 2 * kernel(x, y).mean()


# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (22.4): clouds of four points with known shares, small samples of unequal size
from medlib.metrics import kid

points = np.array([[0, 0, 1], [1, 0, 0], [0, -1, 1], [0.5, 1, 1]])
share_x, share_y = np.array([0.4, 0.3, 0.2, 0.1]), np.array([0.1, 0.2, 0.4, 0.3])
table = (points @ points.T / 3 + 1) ** 3
exact = share_x @ table @ share_x + share_y @ table @ share_y - 2 * share_x @ table @ share_y
for few, many in ((4, 15), (15, 4)):
    x, y = (points[rng.choice(4, (5000, size), p=p)] for size, p in ((few, share_x), (many, share_y)))
    sample = [kernel_distance(a, b) for a, b in zip(x, y, strict=True)]
    off = abs(np.mean(sample) - exact) / (np.std(sample) / np.sqrt(5000))
    claim(f"samples of {few} and {many}: on average the exact distance", off < 4, [np.mean(sample), exact])
claim(
    "medlib's kid agrees, and one value may be negative",
    abs(kid(x[0], y[0]) - sample[0]) < 1e-9 and min(sample) < 0,
    min(sample),
)

# %%
scores["KID"] = measured(kernel_distance, feature)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
places = {name: scores[name].iloc[0].rank() for name in ("Fréchet", "KID")}
moved = abs(places["KID"] - places["Fréchet"]).max()
claim("KID and the Fréchet distance put no contestant more than two places apart", moved <= 2, moved)


def between_patients(x, ids):
    """Mean kernel of two rows of different patients."""
    return kernel(x, x)[ids[:, None] != ids].mean()


two = [("real", real), ("other real patients", others)]
fair = sum(between_patients(feature[name], part.groups) for name, part in two)
fair -= 2 * kernel(*(feature[name] for name, _ in two)).mean()
raw = scores["KID"]["other real patients"][0]
lifted = raw - fair > 0.02 and abs(fair) < 0.06
claim("pairs of one patient lift KID's floor by hundredths, and without them it is nearly 0", lifted, [raw, fair])
ranked(KID=True)

# %% [markdown]
# Real scans are near 0, and a little too high: slices of one patient resemble each other, and (22.4) counts such pairs
# *within* a set, never between two. That lifts it by about .04; without those pairs only chance is left. All else is in
# nearly the same order as before, but a cubic kernel grows with the sixth power of the features, and makes hundreds of
# what is odd. Two scores on the same features are one witness, heard twice.
#
# ## 5. Is each near the others? Density and coverage
#
# A single distance does not say *what* is wrong. Around each real scan $x_i$ draw a ball $B_i$ that reaches to its
# $k$-th nearest real scan; we take $k = 5$. Then count (Naeem and others, 2020):
#
# $$\text{density} = \frac{1}{km} \sum_{j=1}^{m} \sum_{i=1}^{n} [\, y_j \in B_i \,], \qquad
# \text{coverage} = \frac1n \sum_{i=1}^{n} [\, \text{some } y_j \in B_i \,] \tag{22.5}$$
#
# Density asks of each *drawing* whether real scans are around it, coverage of each *real scan* whether a drawing
# is near.


# %%
from sklearn.metrics.pairwise import euclidean_distances


def inside(real, made, k=5):
    """Row i, column j: does drawing j lie in the ball round real scan i?"""
    radius = np.sort(euclidean_distances(real), axis=1)[:, k]  # place 0 is itself
    return euclidean_distances(real, made) < radius[:, None]


def density(real, made, k=5):
    """In how many balls a drawing lies on average, divided by k."""
    return inside(real, made, k).sum() / (k * len(made))


def coverage(real, made, k=5):
    """The share of balls that hold a drawing."""
    return inside(real, made, k).any(axis=1).mean()


# %% [markdown]
# If both sets come from one distribution, density is 1 on average, and coverage is not:
#
# $$\mathbb{E}[\text{coverage}] = 1 - \prod_{j=0}^{k-1} \frac{n - 1 - j}{n + m - 1 - j} \tag{22.6}$$
#
# And if only a share $\rho$ of the drawings is any good, density is $\rho$, and $\rho m$ takes the place of $m$.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equations (22.5) and (22.6): three points by hand, and clouds of unequal size, some with junk among the drawings
from medlib.metrics import density_coverage, expected_coverage

line, three = np.array([[0.0], [1.0], [3.0]]), np.array([[0.5], [0.7], [10.0]])
by_hand = density(line, three, 1), coverage(line, three, 1), density(three, line, 1)
claim(
    "by hand: density 4/3, coverage 2/3, and half the density with real and drawn turned round",
    np.allclose(by_hand, [4 / 3, 2 / 3, 2 / 3]),
    by_hand,
)
for real_rows, drawn_rows, good in ((400, 150, 1), (150, 400, 1), (400, 200, 0.3)):
    pair = []
    for _ in range(20):
        x, y = rng.normal(size=(real_rows, 6)), rng.normal(size=(drawn_rows, 6))
        y[int(good * drawn_rows) :] += 50
        pair.append([density(x, y), coverage(x, y)])
    m = good * drawn_rows
    formula = 1 - np.prod([(real_rows - 1 - j) / (real_rows + m - 1 - j) for j in range(5)])
    library = (
        np.allclose(density_coverage(x, y), pair[-1]) and abs(expected_coverage(real_rows, int(m)) - formula) < 1e-9
    )
    apart, chance = np.mean(pair, axis=0) - [good, formula], np.std(pair, axis=0) / np.sqrt(20)
    claim(
        f"{real_rows} real, {drawn_rows} drawn, {good:.0%} good: both as expected",
        library and np.all(abs(apart) < np.minimum(5 * chance + 1e-3, 0.1)),
        apart,
    )

# %%
scores["density"] = measured(density, feature)
scores["coverage"] = measured(coverage, feature)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
ranked(density=False, coverage=False)

# %% [markdown]
# Density prefers the healthy heads, and often the four heads too, with .7 to 1, to real patients with
# .6: it rewards the *typical*. And real patients cover .75 of real patients, although (22.6) promises .97 to
# independent scans. Ours come four to a patient; a scan's nearest neighbours are its own patient's other slices, and
# the balls are small. So read both beside the first row, never beside 1. The GAN covers .2 to .4, half of that or
# less; the four heads next to nothing.
#
# ## 6. A classifier as a judge
#
# Train a classifier to tell drawn from real, and report how often it is right on pictures that it has not seen: the
# **classifier two-sample test** (C2ST; Lopez-Paz and Oquab, 2017). Equal numbers of both, so a coin is right for one
# half. How right can *any* classifier be? With the shares $p_x$ and $q_x$ of each thing $x$ that may be seen,
#
# $$\text{best accuracy} = \tfrac12 + \tfrac12\,\mathrm{TV}, \qquad
# \mathrm{TV}(p, q) = \tfrac12 \sum_x |\, p_x - q_x \,| \tag{22.7}$$
#
# TV, the *total variation*, is what must be moved from one set of shares to make it the other. Ours is a
# logistic regression on the features and their squares. **All scans of a patient stay on one side**, in training or
# in the test.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (22.7): all 32 classifiers of five things, two of them nearly missing on one side; and one that is trained
from itertools import product

from sklearn.linear_model import LogisticRegression

p, q = np.array([0.4, 0.3, 0.2, 0.09, 0.01]), np.array([0.1, 0.25, 0.05, 0.2, 0.4])
formula = 0.5 + 0.5 * 0.5 * abs(p - q).sum()
best = max(0.5 * np.where(says_p, p, q).sum() for says_p in product([True, False], repeat=5))
things = np.concatenate([rng.choice(5, 5000, p=p), rng.choice(5, 5000, p=q)])
trained = LogisticRegression().fit(np.eye(5)[things[::2]], np.repeat([0, 1], 2500))
held_out = trained.score(np.eye(5)[things[1::2]], np.repeat([0, 1], 2500))
claim(
    "the best of 32 classifiers reaches the formula, and none goes beyond", abs(best - formula) < 1e-12, [best, formula]
)
claim("a trained one nearly does, on things that it has not seen", abs(held_out - formula) < 0.03, held_out)

# %%
from sklearn.model_selection import GroupKFold, cross_val_predict


def recognised(name, classifier, owners):
    """Which rows, real ones first, does the classifier put on the right side?"""
    x, side = np.concatenate([feature["real"], feature[name]]), np.repeat([0, 1], n)
    said = cross_val_predict(classifier, x, side, groups=owners, cv=GroupKFold(5))
    return said == side


# %% jupyter={"source_hidden": true} tags=["hide-input"]
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

squares = FunctionTransformer(lambda x: np.hstack([x, x**2]))
regression = make_pipeline(squares, StandardScaler(), LogisticRegression(C=0.1, max_iter=2000))
accuracy = {}
for name in pictures:
    owners = np.concatenate([owner["real"], owner[name]])
    right = recognised(name, regression, owners)
    accuracy[name] = bootstrap(mean_of, right, right, owners, n=300)
neighbour, owners = KNeighborsClassifier(1), np.concatenate([owner["real"], owner["other real patients"]])
by_slice, by_patient = (recognised("other real patients", neighbour, ids) for ids in (np.arange(2 * n), owners))
by_slice, by_patient = by_slice.mean(), bootstrap(mean_of, by_patient, by_patient, owners, n=300)
claim("real against real: who may see slices of the same patient is 'right' far too often", by_slice > 0.6, by_slice)
claim("by patient the same classifier tells nothing: its interval ends below .6", by_patient.high < 0.6, by_patient)
real_against_real = accuracy["other real patients"]
claim("and so is the regression", abs(real_against_real.value - 0.5) < 0.06, real_against_real)
pd.DataFrame({"C2ST: held-out accuracy": {name: str(value) for name, value in accuracy.items()}})

# %% [markdown]
# Real patients are told from real patients by a coin. (The nearest neighbour that saw other slices of the same
# patient recognised the *patients*, and would have called real scans forged.) Copies pass as well. On
# glued halves it is right in seven of ten, on copies in disguise nearly as often, on the GAN's drawings in more than
# nine of ten, on the noisy contestants always.
#
# ## 7. Copies
#
# Five scores so far praise whoever sells his training scans as new. So look for copies. Of each drawing ask: is the
# nearest scan one of the $a$ that the generator has learnt from, or one of $b$ that it never saw? If a share $\rho$ of
# the drawings are copies and the rest owe nothing to single scans, training scans are nearer for the share
#
# $$\rho + (1 - \rho)\,\frac{a}{a + b} \tag{22.8}$$


# %%
def nearest(rows, reference):
    """The distance of each row to the nearest one of the reference."""
    return euclidean_distances(rows, reference).min(axis=1)


x_seen, x_unseen = both_ways(x_train), both_ways(pictures["other real patients"])
seen, unseen = describe(x_seen), describe(x_unseen)
tested = feature | {"other real patients": feature["real"]}  # they are a reference
nearer = {c: nearest(tested[c], seen) < nearest(tested[c], unseen) for c in pictures}

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (22.8): known shares of copies, references of unequal size; medlib's function for equal ones
from medlib.metrics import memorisation

for copied, few, many in ((0.0, 500, 1500), (0.3, 500, 1500), (0.3, 1200, 400)):
    known, held_back, made = (rng.normal(size=(rows, 12)) for rows in (few, many, 4000))
    is_copy = rng.random(4000) < copied
    made[is_copy] = known[rng.integers(few, size=is_copy.sum())] + 1e-3
    wins, formula = np.mean(nearest(made, known) < nearest(made, held_back)), copied + (1 - copied) * few / (few + many)
    claim(f"{copied:.0%} copies of {few}, {many} unseen", abs(wins - formula) < 0.05, [wins, formula])
claim(
    "medlib's memorisation agrees", abs(memorisation(seen, unseen, feature["GAN"]).value - nearer["GAN"].mean()) < 1e-3
)

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Five rows of eight simulated head CT slices. The GAN's drawings that are nearest to a training scan, and below them those scans: similar heads with other ventricles. Then copies in disguise, the training scans or mirror images that are nearest by pixels, and those nearest by features: now and then the source itself, mostly another head."}} tags=["hide-input"]
by_features = euclidean_distances(feature["GAN"], seen)
closest = np.argsort(by_features.min(axis=1))[:8]
masked = pictures["copies in disguise"]
by_pixel = euclidean_distances(masked.reshape(n, -1), x_seen.reshape(2 * n, -1)).argmin(axis=1)
by_judge = euclidean_distances(feature["copies in disguise"], seen).argmin(axis=1)
rows = {
    "GAN, nearest to training": from_gan[closest],
    "their training scans": x_seen[by_features[closest].argmin(axis=1)],
    "copies in disguise": masked[:8],
    "nearest by pixels": x_seen[by_pixel[:8]],
    "nearest by features": x_seen[by_judge[:8]],
}
fig, ax = plt.subplots(figsize=(7.6, 4.1))
plot.mosaic(np.concatenate(list(rows.values())), 8, vmin=-1, vmax=1, ax=ax)
for row, name in enumerate(rows):
    ax.text(-3, 32 * row + 16, name, ha="right", va="center", fontsize=9)
ax.set_title("Simulated or generated: the eight closest calls, and eight frauds")
plt.show()
share = {name: np.mean(hit) for name, hit in nearer.items()}
claim(
    "the floor: of unseen real scans about half are nearer to training scans",
    abs(share["other real patients"] - 0.5) < 0.08,
    share["other real patients"],
)
claim("copies are found, all of them", share["copies"] == 1 == share["healthy heads only"], share["copies"])
implied = 2 * share["copies in disguise"] - 1
claim("of a thousand copies in disguise (22.8) sees fewer than six hundred", implied < 0.6, implied)
found = [np.mean(at % n == np.arange(n)) for at in (by_judge, by_pixel)]
claim("a search by features or by pixels finds the source of fewer than half of the disguises", max(found) < 0.5, found)
claim("the GAN shows no sign of copies", share["GAN"] < 0.62, share["GAN"])

# %% [markdown]
# The GAN's closest calls are heads like the training scans below them, and not the same heads: no copy by eye. Below
# them stand copies in disguise, with what a search finds for them among all training scans and their mirror images. A
# step of one pixel is enough: the source comes first for a third or so by features, for an eighth by pixels.
#
# Every copy is found as it is. In disguise (22.8) believes in about four of ten, though all ten are copies. And *no
# sign* is no acquittal. The mean image has next to none, for a silly reason: most of its pictures have the same
# outlying scan for neighbour, and that happens to be one that nobody learnt from.
#
# ## 8. How many are ill?
#
# Are there as many bleeds as there should be? The judge counts kinds. He errs, but on real
# and on drawn scans he errs with the same eyes; so compare what he *sees* in both.
#
# ### Your turn
#
# **22.2** Write TV of (22.7) for two samples of kinds, whole numbers from 0 to 3, of any sizes: from `a = [0, 0, 1, 3]`
# to `b = [0, 2]` it is one half.


# %%
def total_variation(a, b):
    """Total variation between the shares of the four kinds in a and in b."""
    return ...  # your code; np.bincount(a, minlength=4) counts the kinds


check("22.2", total_variation)


# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 22.2
def total_variation(a, b):
    """Total variation between the shares of the four kinds in a and in b."""
    shares_a = np.bincount(a, minlength=4) / len(a)
    shares_b = np.bincount(b, minlength=4) / len(b)
    return 0.5 * np.sum(abs(shares_a - shares_b))


check("22.2", total_variation)

# %%
read = {name: judges.findings(judge, x) for name, x in pictures.items()}
read["real"] = judges.findings(judge, x_real)
kinds = {name: kind for name, (kind, side, size) in read.items()}
scores["prevalence"] = measured(total_variation, kinds)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
size = {name: np.sqrt(0.49 * found[2][found[0] > 0]) for name, found in read.items()}  # cm: the root of the area
table = pd.DataFrame({c: np.bincount(kind, minlength=4) / n for c, kind in kinds.items()}, index=scans.classes).T.round(
    2
)
table["TV"] = [interval(scores["prevalence"][c]).value.round(2) if c != "real" else "" for c in table.index]
table["lesions: distance of size, cm²"] = [
    f"{frechet_1d(size['real'], s):.2g}" if len(s) else "" for s in size.values()
]
extra = {c: interval(v - scores["prevalence"]["other real patients"]) for c, v in scores["prevalence"].items()}
worse = extra["GAN"].value > 0 and extra["healthy heads only"].low > 0.1
told = [extra["GAN"], extra["healthy heads only"]]
claim("the shares of the GAN and, surely, of healthy heads are farther off than a second real set's", worse, told)
table

# %% [markdown]
# Nobody asked the GAN for prevalences: its shares are off by .1 or more, where two real sets
# differ by a few hundredths, and the paired difference is above 0 by more than its interval. (Two real sets were dealt
# the *same* shares, a third healthy, so what is left is the judge's error. It is not small: he sees a lesion in two to
# three of ten healthy heads. So compare his counts with his counts, never with the truth.) The last column compares
# sizes by exercise 22.1: the GAN's lesions are off by its root, over half a centimetre.
#
# ## 9. One table
#
# All seven, each with its interval. The first row is what perfect work would get.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
table = pd.DataFrame({name: drawn.apply(interval) for name, drawn in scores.items()})
table["C2ST"] = pd.Series(accuracy)
ids = {c: owner["real"] if c == "other real patients" else owner[c] for c in pictures}
table["copies"] = pd.Series({c: bootstrap(mean_of, hit, hit, ids[c], n=300) for c, hit in nearer.items()})
wanted = ["Fréchet", "KID", "density", "coverage", "C2ST", "copies", "prevalence"]
table = table[wanted]
claim(
    "in this division the GAN is behind the glued halves by three scores",
    all(
        abs(table.loc["GAN", s].value - ideal) > abs(table.loc["glued halves", s].value - ideal)
        for s, ideal in {"Fréchet": 0, "coverage": 1, "C2ST": 0.5}.items()
    ),
)
table.map(lambda v: f"{v.value:.3g} ± {(v.high - v.low) / 2:.2g}")

# %% [markdown]
# The copies have floor values in six columns and give themselves away in one. In disguise they are hard to catch even
# there: .69, which (22.8) takes for four copies in ten. The GAN, which looks best to the search for copies among those
# that look real, is behind the glued halves by distance, coverage and classifier. Every column has its favourite fraud.

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Table of places, eight contestants by seven scores. Copies are first in most columns and last under copies; copies in disguise and glued halves are second or third in most; healthy heads are first in density; the GAN is fourth or fifth, and first under copies; factor analysis and the mean image are last nearly everywhere."}} tags=["hide-input"]
value = table.map(lambda v: v.value).astype(float)
badness = value.assign(density=-value["density"], coverage=-value["coverage"])
badness["C2ST"], badness["copies"] = abs(value["C2ST"] - 0.5), abs(value["copies"] - 0.5)
rank = badness.drop(index="other real patients").rank(method="max").astype(int)  # ties share the worse place
claim(
    "nobody is first by all seven scores; by density healthy heads are among the first three",
    not (rank == 1).all(axis=1).any() and rank.loc["healthy heads only", "density"] <= 3,
    rank.loc["healthy heads only"].to_dict(),
)
claim(
    "copies lead three columns or more, and are last where copies are looked for",
    (rank.loc["copies"] == 1).sum() >= 3 and rank.loc["copies", "copies"] == 8,
    rank.loc["copies"].to_dict(),
)
fig, ax = plt.subplots(figsize=(7.4, 3.6))
ax.imshow(rank, cmap="Blues_r", vmin=0, vmax=9, aspect="auto")
for (row, column), place in np.ndenumerate(rank.to_numpy()):
    ax.text(column, row, place, ha="center", va="center", color="white" if place < 5 else "black")
ax.set_xticks(range(7), wanted)
ax.set_yticks(range(8), rank.index)
ax.grid(False)
ax.set_title("Simulated: places among the eight, 1 is best")
plt.show()

# %% [markdown]
# The copies are first in most columns, and last where copies are looked for; there the
# GAN does well. The healthy heads lead the density and fall to the sixth place or so in prevalence. Of the two honest
# contestants, factor analysis leads nothing here and came before the GAN by the blind ruler. **Nobody wins on all.**
#
# ## 10. What none of them named
#
# The distance and the classifier noticed that something is odd about the glued halves. No score says what: ours are
# means over the whole picture, and where a half of a head ends is not in them. Who suspects something must look for
# *that*.
#
# ### Your turn
#
# **22.3** Write a score of your own. For pictures of shape (n, height, width, 1) with an even width, return for each
# picture how large the step is from the last column of its left half to the first one of its right half: the mean, over
# the rows, of the absolute difference.


# %%
def seam(pictures):
    """The mean absolute step over the middle of each picture, shape (n,)."""
    return ...  # your code


check("22.3", seam)


# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 22.3
def seam(pictures):
    """The mean absolute step over the middle of each picture, shape (n,)."""
    middle = pictures.shape[2] // 2
    step = pictures[:, :, middle, 0] - pictures[:, :, middle - 1, 0]
    return np.mean(abs(step), axis=1)


check("22.3", seam)

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Box plots of the step over the middle of the picture: real scans, other real patients and the GAN overlap around the same value, glued halves lie about twice as high, factor analysis between."}} tags=["hide-input"]
from sklearn.metrics import roc_auc_score

steps = {"real": seam(x_real)} | {name: seam(x) for name, x in pictures.items()}
shown = ["real", "other real patients", "glued halves", "factor analysis", "GAN"]
fig, ax = plt.subplots(figsize=(6.4, 3.0))
ax.boxplot([steps[name] for name in shown], orientation="horizontal", showfliers=False, widths=0.6)
ax.set_yticks(range(1, 6), shown)
ax.invert_yaxis()
ax.set(xlabel="mean step over the middle, half-windows of 45 HU", title="Simulated or generated: 1,000 pictures each")
plt.show()
side = np.repeat([0, 1], n)
seen_by = {name: roc_auc_score(side, np.concatenate([steps["real"], steps[name]])) for name in shown[1:]}
claim("one number finds the glue", seen_by["glued halves"] > 0.9, seen_by["glued halves"])
claim(
    "and sees nothing between real and real",
    abs(seen_by["other real patients"] - 0.5) < 0.06,
    seen_by["other real patients"],
)

# %% [markdown]
# The glued halves stand apart: their step over the middle is more than twice that of real scans, and this one number
# tells them from real scans in nineteen of twenty pairs. It took three lines, and somebody who had looked first.
#
# ## Which score for which question?
#
# | you ask | look at | and report with it | it cannot see |
# |---|---|---|---|
# | Is my generator better than last week's? | Fréchet distance, or KID | the floor, the number of pictures, the network of the features | copies; what the features leave out |
# | Are its drawings plausible, one by one? | density, and a physician's eyes | density of real scans | that only one kind is drawn |
# | Is everybody drawn who should be? | coverage, per kind if kinds matter | coverage of real scans, $n$ and $m$ | copies |
# | Can anybody tell them from real? | C2ST, split by patient | what the classifier may look at | what *this* classifier does not look at |
# | Are patients of the training set in there? | nearest training scans, as pictures too | the share of unseen real scans | single details that are copied; use an attack (notebook 66) |
# | Are diseases as frequent as they should be? | the judge's counts | his counts on real scans | whether each drawing is right |
# | Is there *this* fault? | a number made for it | its value on real scans | every other fault |
#
# No row answers another row's question. Fix the score and the sample size
# **before** the generator is trained, and keep patients for the last look whom nobody has used to choose.
#
# ## Three questions
#
# Answer aloud, then open.
#
# <details><summary>A paper reports "FID 8.2, better than the 9.1 of earlier work". Which things must be the same before
# the comparison means anything?</summary>The network that makes the features, the number of pictures, because of
# (22.2), and the real pictures that both are compared with. Whether the best of many epochs was chosen by this very
# score. And the floor: if real against real gives 7.9, both are nearly done, and the difference is luck.</details>
#
# <details><summary>For 620 of 1,000 drawings the nearest scan is a training scan, with as many unseen scans to choose
# from. How many are copies, by (22.8)? May the hospital publish the rest?</summary>From 0.62 = ρ + (1 − ρ)/2 follows
# ρ = 0.24, so about 240. No: the test finds whole copies in this feature space. A generator can leak a rare detail of
# one patient and pass. Privacy needs a guarantee, or at least an attack that was tried.</details>
#
# <details><summary>A generator has density 1.3 and coverage 0.4, where real scans have 1.0 and 0.8. What does it
# do?</summary>Its drawings lie where real scans are densest, and there are too few sorts of them: it draws the typical
# patient again and again. A density above that of real scans is no success. Look at the kinds, and at the
# prevalence.</details>
#
# ## In this notebook we ...
#
# - gave every score its floor, from other real patients, and an interval by patient,
# - saw that glued halves of real scans beat a GAN by the most famous of them,
# - found which fraud is caught by which score, and that no score catches all, and
# - built a score of our own for the fault that no other names.
#
# **Pitfalls**
# - A Fréchet distance without its floor and its number of pictures is a number without meaning.
# - A floor from the same patients is too low, and an interval from single slices too narrow.
# - Density praises the typical, coverage praises copies, and C2ST depends on what its classifier may look at.
# - Our features come from a judge who learnt to find lesions in simulated heads that descend from one template. Other
#   features give other numbers, and other frauds.
#
# **Further reading**
# - Heusel and others, *GANs trained by a two time-scale update rule converge to a local Nash equilibrium* (NeurIPS 2017):
#   FID. Bińkowski and others, *Demystifying MMD GANs* (ICLR 2018): KID, and the bias of FID. Chong and Forsyth,
#   *Effectively unbiased FID and Inception Score and where to find them* (CVPR 2020).
# - Naeem and others, *Reliable fidelity and diversity metrics for generative models* (ICML 2020): density and coverage.
# - Lopez-Paz and Oquab, *Revisiting classifier two-sample tests* (ICLR 2017). Meehan and others, *A non-parametric test
#   to detect data-copying in generative models* (AISTATS 2020).
# - Shao and Wu, *A general theory for jackknife variance estimation*, Annals of Statistics 17 (1989) 1176: halves.
# - Stein and others, *Exposing flaws of generative model evaluation metrics* (NeurIPS 2023): features matter more than
#   scores.
#
# **Next**: [notebook 30](30_vae_loss.ipynb), another way to draw, with a likelihood.
