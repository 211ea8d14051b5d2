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
# # A VAE draws heads: generate, interpolate, look inside
#
# After this notebook you can
# - **build** a convolutional VAE whose loss is a likelihood, and read its bound in nats,
# - **judge** it beside its strongest simple rival, which beats it until the model knows one thing more,
# - **tell** good nats from good pictures, and say why they are two things, and
# - **look** inside: draw new heads, walk from one head to another, and ask a code what it knows.
#
# | needs | read | run | data |
# |---|---|---|---|
# | notebooks [15](15_image_diagnosis.ipynb) and [30](30_vae_loss.ipynb) | 60 min | 60 s | simulated head CT |
#
# Below are eight scans, and eight drawings by a model of 1904. Nobody would take the drawings for heads. Yet when we
# ask how likely the scans of *new* patients are, this model beats a convolutional VAE that trained longer,
# by more than 80 nats an image. How can that be, with such pictures? And what must a network know to win?

# %%
import time

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
train, val, test = scans.split(seed=int(rng.integers(1000)))

# %% [markdown]
# These are the **simulated** scans of notebook 15, of 1,000 patients, at 32 × 32 pixels. This model must *draw* them,
# blood apart from brain and brain apart from bone, so it gets the wide brain window: −10 HU is 0, +80 HU is 1, and
# one HU is 0.011. The mirror image of a head is nearly a possible head, so each training scan comes twice.

# %%
from medlib.models.factor import factor_analysis, principal_components


def pictures(part):
    """Scans in the brain window, shape (n, 32, 32, 1)."""
    return brain_window(part.x)[..., None].astype("float32")


x_train, x_val, x_test = pictures(train), pictures(val), pictures(test)
x_train = np.concatenate([x_train, x_train[:, :, ::-1]])
first = factor_analysis(x_train, 192)

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Two rows of eight simulated pictures. Top: head CT slices, a white ring of skull around grey brain with dark ventricles. Bottom: drawings by factor analysis, foggy grey discs whose skull is doubled, broken and partly black."}} tags=["hide-input"]
fig, axes = plt.subplots(2, 1, figsize=(8, 2.4))
some = rng.choice(len(x_test), 8, replace=False)
fog = first.decode(rng.normal(size=(8, 192))).reshape(-1, 32, 32)
plot.mosaic(x_test[some], 8, vmin=0, vmax=1, ax=axes[0]).set_title("simulated scans of eight test patients", fontsize=9)
plot.mosaic(fog, 8, vmin=0, vmax=1, ax=axes[1]).set_title("drawn by factor analysis", fontsize=9)
plt.show()

# %% [markdown]
# The scans show a closed white ring of bone, brain and ventricles. The drawings are fog: rings that are doubled, torn
# or grey, with ghosts beside them. We shall need a fair way to compare such models before we believe any of this.
#
# ## 1. A likelihood for images
#
# A VAE is a probability model, and notebook 30 showed that its likelihood decides what it learns. Given the latents
# $z$, let pixel $j$ be normal, its mean $\mu_j(z)$ drawn by a decoder, its variance $\sigma_j^2$ learned, the same for
# all images. The **distortion** of an image with $d$ pixels is the mean over codes $z$ from the encoder of
#
# $$-\log p_\theta(x \mid z) = \tfrac12 \sum_{j=1}^{d} \Bigl(\log 2\pi\sigma_j^2 + \frac{(x_j -
# \mu_j(z))^2}{\sigma_j^2}\Bigr) \tag{31.1}$$

# %% tags=["medlib:models.vae.gaussian_nats"]
from keras import layers, ops

LOG_2PI = float(np.log(2 * np.pi))


def gaussian_nats(x, mean, var):
    squares = LOG_2PI + ops.log(var) + (x - mean) ** 2 / var
    return 0.5 * ops.sum(squares, axis=(1, 2, 3))


# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (31.1): against scipy's normal distribution, each pixel with a variance of its own
from scipy import stats

x, mean, var = rng.random((3, 4, 5, 1)), rng.random((3, 4, 5, 1)), rng.uniform(0.01, 2, (4, 5, 1))
by_scipy = -stats.norm(mean, np.sqrt(var)).logpdf(x).sum(axis=(1, 2, 3))
claim("the formula is the normal density, one number an image", np.allclose(gaussian_nats(x, mean, var), by_scipy))

# %% [markdown]
# Which variance is best for a pixel? Set the derivative of (31.1) to zero:
#
# $$\hat\sigma_j^2 = \frac1n \sum_{i=1}^{n} \bigl(x_{ij} - \mu_j(z_i)\bigr)^2 \tag{31.2}$$
#
# A pixel that is drawn well gets a small variance and a strict judge. A pixel at the edge of the skull, which is hard
# to predict, is forgiven. There is a trap. Air is cut to exactly 0, so its best variance is 0, and the density goes to
# infinity. We add a **floor** of $0.01^2$ to every variance; a *deviation* of 0.01 is 0.9 HU. All nats on this page
# depend on that choice, so only models that share it can be compared. Negative nats are no mistake: a density may
# exceed 1.
#
# Here is the best model **without latents**: the average head, and (31.2) around it.

# %%
FLOOR = 0.01**2
average = x_train.mean(axis=0)
variance = x_train.var(axis=0) + FLOOR
nats = {"no latents": np.array(gaussian_nats(x_test, average, variance))}

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (31.2): no other variance does better, pixel by pixel
errors = rng.normal([0.1, 0, -0.3], [0.2, 0.5, 0.05], size=(500, 3))
best = np.mean(errors**2, axis=0)
cost = [np.mean(0.5 * (np.log(2 * np.pi * v) + errors**2 / v), axis=0) for v in (best, 0.9 * best, 1.1 * best)]
worse = np.min([cost[1] - cost[0], cost[2] - cost[0]])
claim("10 % more or less variance is worse, at each of three pixels", 0 < worse < 0.01, worse)
tenth = np.mean(0.5 * (np.log(2 * np.pi * 1e-4) + (x_test[:, 0, 0] - average[0, 0]) ** 2 / 1e-4))
claim("a pixel of air, predicted exactly, gives 3.7 nats at this floor", abs(tenth + 3.69) < 0.01, -tenth)

# %% [markdown]
# ### Your turn
#
# **31.1** What does a variance for *each* pixel gain over one for all? Write (31.1) in numpy for **one** number `var`.
# (Each image keeps its own number: which axes are summed?)


# %%
def distortion_of(x, mean, var):
    """Nats per image; x has shape (n, height, width, 1), var is one number."""
    return ...  # your formula


check("31.1", distortion_of)


# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 31.1
def distortion_of(x, mean, var):
    """Nats per image; x has shape (n, height, width, 1), var is one number."""
    return 0.5 * np.sum(np.log(2 * np.pi * var) + (x - mean) ** 2 / var, axis=(1, 2, 3))


check("31.1", distortion_of)

# %%
one_for_all = np.mean((x_train - average) ** 2) + FLOOR
blind = distortion_of(x_test, average, one_for_all).mean()
dearer = blind - nats["no latents"].mean()
claim("one variance for all pixels costs over 900 nats", dearer > 900, dearer)

# %% [markdown]
# A thousand nats or so, and no picture has changed: only how sure the model is, and where.
#
# ## 2. The rival of 1904
#
# **Factor analysis** says that an image is an average head, plus a weighted sum of a few fixed pictures, plus noise:
# $x = \bar x + \Lambda z + \text{noise}$, with $z \sim \mathcal N(0, I)$ and a noise variance $\psi_j$ for each pixel.
# The columns of $\Lambda$ are those pictures, the *loadings*. It is a decoder without a network, so no bound is
# needed. Notebook 30 gave its likelihood:
#
# $$x \sim \mathcal N\bigl(\bar x,\ \Lambda\Lambda^\top + \Psi\bigr), \qquad
# z \mid x \sim \mathcal N\bigl(P^{-1}\Lambda^\top \Psi^{-1}(x - \bar x),\ P^{-1}\bigr), \quad
# P = I + \Lambda^\top\Psi^{-1}\Lambda \tag{31.3}$$
#
# How many factors? The validation part decides, among five. **Principal components** stand beside it: they look for the
# directions of largest variance, whoever makes it.

# %%
numbers, fitted, seconds = [24, 48, 96, 192, 384], {}, {}
for q in numbers:
    start = time.process_time()
    fitted[q] = factor_analysis(x_train, q)
    seconds[f"factor analysis, {q}"] = time.process_time() - start
on_val = {q: model.nats(x_val).mean() for q, model in fitted.items()}
q_best = min(decide("nats on validation", on_val), key=on_val.get)
components = principal_components(x_train, q_best)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (31.3): the fitted model on ten scans against scipy's normal distribution, and the code against Bayes' rule
small = fitted[24]
scene = x_test[:10, 8:24, 8:24].reshape(10, -1).astype(float)
inner = factor_analysis(x_train[:, 8:24, 8:24], 24)
covariance = inner.loadings @ inner.loadings.T + np.diag(inner.variance)
exact = -stats.multivariate_normal(inner.mean, covariance).logpdf(scene)
claim("the middle of ten scans: scipy's density", np.allclose(inner.nats(scene), exact, atol=1e-6), exact[:3])
gain = inner.loadings.T @ np.linalg.inv(covariance)
code, spread = inner.code(scene)
bayes = np.allclose(code, (scene - inner.mean) @ gain.T) and np.allclose(
    np.diag(spread), np.eye(24) - gain @ inner.loadings, atol=1e-8
)
claim("the codes are those of Bayes' rule, and independent of each other", bayes, spread.max())
for q, model in fitted.items():
    nats[f"factor analysis, {q}"] = model.nats(x_test)
nats[f"components, {q_best}"] = components.nats(x_test)
simple = {name: [np.mean(value)] for name, value in nats.items()}
pd.DataFrame(simple, index=["nats per test image"]).T.round(0)

# %% [markdown]
# Lower is better. Twenty-four factors save hundreds of nats an image against the average head alone, and each doubling
# of their number saves less. Components fall behind as many factors: they chase the largest variance, and that
# is at the edge of the skull, which is hard to predict.
#
# ## 3. A convolutional VAE
#
# The encoder halves the image twice and ends in two numbers for each latent, a mean and a **log-variance**. The decoder
# goes back: two dense layers draw eight rough maps, and a *transposed convolution*, the halving run the other way,
# makes one image of them.

# %% jupyter={"source_hidden": true} tags=["hide-input", "medlib:models.vae.build_encoder"]
import keras

from medlib.models.inputs import check_sides


def build_encoder(shape, latent, widths=(16, 32), hidden=128):
    check_sides(shape, 2 ** len(widths))
    image = h = keras.Input(shape)
    for width in widths:
        h = layers.Conv2D(width, 4, strides=2, padding="same", activation="gelu")(h)
    h = layers.Dense(hidden, activation="gelu")(layers.Flatten()(h))
    return keras.Model(image, layers.Dense(2 * latent)(h))


# %% tags=["medlib:models.vae.build_decoder"]
def build_decoder(shape, latent, width=8, hidden=128):
    check_sides(shape, 2)
    half = (shape[0] // 2, shape[1] // 2, width)
    z = keras.Input((latent,))
    h = layers.Dense(hidden, activation="gelu")(z)
    h = layers.Dense(half[0] * half[1] * width, activation="gelu")(h)
    h = layers.Reshape(half)(h)
    h = layers.Conv2DTranspose(shape[2], 4, strides=2, padding="same")(h)
    return keras.Model(z, h)


# %% [markdown]
# The **rate** $R$ is the KL divergence of the code from the prior, (30.6) summed over $q$ latents. With the distortion
# $D$ the loss is the mean of $-\mathrm{ELBO}$, in nats per image:
#
# $$\mathcal L = \frac1n \sum_{i=1}^{n} \bigl(D(x_i) + R(x_i)\bigr), \qquad
# R(x) = \tfrac12 \sum_{k=1}^{q} \bigl(m_k^2 + s_k^2 - 1 - \log s_k^2\bigr) \tag{31.4}$$
#
# Here $m_k$ and $s_k^2$ are what the encoder says about latent $k$ of this image.


# %% tags=["medlib:models.vae.gaussian_rate"]
def gaussian_rate(z_mean, z_log_var):
    each = z_mean**2 + ops.exp(z_log_var) - 1 - z_log_var
    return 0.5 * ops.sum(each, axis=-1)


# %% [markdown]
# Now the model. Read `terms` first, it is the theory: encode, draw $z$ with noise, decode, account. `call` is what
# `predict` gives: the reconstruction. `ImageModel` is a `keras.Model` that checks its images, can be saved, and makes a
# step of the optimiser on the mean of `terms`. (`beta` weighs the rate, as in notebook 30; here it is 1.)


# %% tags=["medlib:models.vae.ConvVAE", "long"]
from medlib.models.vae import ImageModel


class ConvVAE(ImageModel):
    def __init__(self, encoder, decoder, beta=1.0, floor=0.01, seed=0):
        super().__init__(seed)
        self.encoder, self.decoder = encoder, decoder
        self.beta, self.floor = beta, floor
        shape = decoder.output_shape[1:]
        self.centre = self.add_weight(shape, "zeros")
        self.log_var = self.add_weight(shape, "zeros")

    def encode(self, x):
        return ops.split(self.encoder(x), 2, axis=-1)

    def draw(self, z_mean, z_log_var):
        noise = keras.random.normal(ops.shape(z_mean), seed=self.noise)
        return z_mean + ops.exp(0.5 * z_log_var) * noise

    def decode(self, z):
        return self.centre + self.decoder(z), ops.exp(self.log_var) + self.floor**2

    def terms(self, x):
        z_mean, z_log_var = self.encode(x)
        z = self.draw(z_mean, z_log_var)
        distortion = gaussian_nats(x, *self.decode(z))
        rate = gaussian_rate(z_mean, z_log_var)
        return distortion + self.beta * rate, distortion, rate

    def call(self, x):
        z_mean, _ = self.encode(x)
        return ops.clip(self.decode(z_mean)[0], 0, 1)


# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (31.4): the model's two terms, by 2,500 draws and scipy's densities
SHAPE = (32, 32, 1)
tiny = ConvVAE(build_encoder(SHAPE, 2), build_decoder(SHAPE, 2), beta=3.0)
tiny.encoder.layers[-1].bias.assign([1.5, -1.0, -2.0, 1.0])  # a fresh code says nothing; this one speaks
x = x_train[:1].repeat(2500, axis=0)
loss, distortion, rate = (np.asarray(term) for term in tiny.terms(x))
mu, log_var = np.split(np.asarray(tiny.encoder(x[:1]))[0], 2)
z = rng.normal(mu, np.exp(log_var / 2), size=(2500, 2))
drawn = stats.norm(mu, np.exp(log_var / 2)).logpdf(z).sum(1) - stats.norm().logpdf(z).sum(1)
image, var = (np.asarray(part) for part in tiny.decode(z))
direct = -stats.norm(image, np.sqrt(var)).logpdf(x).sum((1, 2, 3))
claim("the rate is the mean log-ratio of encoder and prior", abs(drawn.mean() - rate[0]) < 5 * drawn.std() / 50)
noisy = abs(direct.mean() - distortion.mean()) < 7 * direct.std() / 50 and abs(direct.std() / distortion.std() - 1) < 0.15
claim("the distortion has the mean and the spread of draws", noisy, [direct.mean(), distortion.mean()])
claim("the loss weighs the rate with beta", np.allclose(loss, distortion + 3 * rate, rtol=1e-5))

# %% [markdown]
# ### A VAE whose networks are one matrix each
#
# Before it learns anything, let us put factor analysis *into* this class. The encoder is one dense layer that computes
# the code of (31.3); the decoder is the matrix $\Lambda$. No activation, no training.

# %%
flat = [keras.Input(SHAPE), layers.Flatten(), layers.Dense(48)]
sums = [keras.Input((24,)), layers.Dense(1024, use_bias=False), layers.Reshape(SHAPE)]
linear = ConvVAE(keras.Sequential(flat), keras.Sequential(sums))

# %% jupyter={"source_hidden": true} tags=["hide-input"]
_, spread = small.code(x_test[:1])
to_code = small.loadings / small.variance[:, None] * spread  # the code of (31.3) as one matrix
bias = np.concatenate([-small.mean @ to_code, np.log(spread)])
linear.centre.assign(small.mean.reshape(SHAPE))
linear.log_var.assign(np.log(np.maximum(small.variance - FLOOR, 1e-12)).reshape(SHAPE))
linear.decoder.layers[0].set_weights([small.loadings.T])
linear.encoder.layers[-1].set_weights([np.hstack([to_code, 0 * to_code]), bias])

# %% [markdown]
# The encoder's guess is now the exact posterior. Then the bound is no bound any more. By (30.3), for *every single
# draw* of $z$,
#
# $$-\log p_\theta(x \mid z) + \log q_\phi(z \mid x) - \log p(z) = -\log p_\theta(x) \tag{31.5}$$
#
# whatever $z$ was drawn. **A linear VAE is factor analysis**, to the last nat.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (31.5): one draw for each of 500 test images, and the mean of the usual two terms
from medlib.models.vae import encode, fit_vae, generate, negative_elbo, reconstruct

x = x_test[:500]
z_mean, z_log_var = (np.asarray(part, float) for part in linear.encode(x))
z = z_mean + np.exp(z_log_var / 2) * rng.normal(size=z_mean.shape)
log_ratio = np.sum(stats.norm(z_mean, np.exp(z_log_var / 2)).logpdf(z) - stats.norm.logpdf(z), axis=1)
each = np.asarray(gaussian_nats(x, *linear.decode(z.astype("float32")))) + log_ratio
off = np.abs(each - small.nats(x)).max()
claim("every draw gives the exact -log p(x) of factor analysis, within .1 nat", off < 0.1, off)
bound = np.sum(negative_elbo(linear, x_test, draws=3), axis=0).mean()
same = abs(bound - nats["factor analysis, 24"].mean()) < 1
claim("and -ELBO, over the test part, is its mean", same, [bound, nats["factor analysis, 24"].mean()])

# %% [markdown]
# So factor analysis is a VAE, one with the smallest networks that there are. Ours has convolutions and 24 latents as
# well. It can bend where the other is straight. Can it lose?
#
# ## 4. Train until it is trained
#
# `fit_vae` starts from the average head and the variances (31.2), so that training need not find the skull first. Then
# Adam, 900 steps of 32 scans, its step size falling along a cosine to zero.

# %%
vae = ConvVAE(build_encoder(SHAPE, 24), build_decoder(SHAPE, 24))
falling = keras.optimizers.schedules.CosineDecay(4e-3, 900)
vae.compile(keras.optimizers.Adam(falling))
start = time.process_time()
history = fit_vae(vae, x_train, validation=x_val, label="convolutional VAE")
seconds["convolutional VAE"] = time.process_time() - start

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Minus ELBO in nats per image against the step of training: validation and training curves of the convolutional VAE fall steeply, then flatten. Two dotted lines mark factor analysis: with 24 factors, near which the validation curve ends, and with the best number, more than a hundred nats lower."}} tags=["hide-input"]
decide("the convolutional VAE", vae)
steps = np.linspace(0, 900, len(history["val_loss"]) + 1)[1:]
fig, ax = plt.subplots(figsize=(6.4, 3.2))
ax.plot(steps, history["val_loss"], label="VAE, validation")
ax.plot(steps, history["loss"], label="VAE, training")
for name, value in [("factor analysis, 24", on_val[24]), (f"factor analysis, {q_best}", on_val[q_best])]:
    ax.axhline(value, color="0.4", linestyle=":")
    ax.annotate(name, (150, value), va="bottom", fontsize=8)
ax.set(xlabel="step", ylabel="−ELBO (nats per image)", title="Simulated scans: the bound against time")
ax.legend()
plt.show()
slope = (history["val_loss"][-3] - history["val_loss"][-1]) / 2
D, R = negative_elbo(vae, x_test, draws=3)
nats["convolutional VAE"] = D + R
lost = nats["convolutional VAE"].mean() - nats[f"factor analysis, {q_best}"].mean()
claim("the last rounds bring less than 20 nats each", slope < 20, slope)
won = nats["factor analysis, 24"].mean() - nats["convolutional VAE"].mean()
claim("the VAE is level with factor analysis of as many factors, within 70 nats", abs(won) < 70, won)
claim("and more than 80 nats behind the best factor analysis", lost > 80, lost)
print("CPU seconds:", {name: round(seconds[name], 1) for name in (f"factor analysis, {q_best}", "convolutional VAE")})

# %% [markdown]
# The bound falls by hundreds of nats and then lies nearly flat. (The step size has fallen to zero, so a flat end is no
# proof that more steps would not help: try 1,800. The training curve is the average of a round in which the model still
# learns, so it begins above.) The VAE ends level with factor analysis of as many factors. But linear factors are cheap.
# Take several hundred of them, and the model of 1904 is ahead by more than 80 nats; where nothing else runs, it takes
# about half of the computing time, too.
#
# Mind one thing. For a VAE −ELBO is an upper bound of $-\log p$, for factor analysis the number is exact. So a VAE that
# leads really leads; one that trails may trail by less.

# %% [markdown]
# ## 5. Good nats, poor pictures
#
# And yet look at what each of them draws when $z$ comes from the prior. (Means, without the pixels' noise.)

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Three rows of nine simulated heads. Top: test scans. Middle: drawn by factor analysis, with doubled and broken skulls. Bottom: drawn by the convolutional VAE, blurred but whole heads."}} tags=["hide-input"]
angles, radii = np.meshgrid(np.linspace(0, 2 * np.pi, 64, endpoint=False), np.linspace(5, 15.4, 32), indexing="ij")
down, right = (np.rint(15.5 + radii * along(angles)).astype(int) for along in (np.sin, np.cos))


def closed(images):
    """Share of 64 rays from the middle that meet bone, for each image."""
    return (images.reshape(-1, 32, 32)[:, down, right].max(axis=2) > 0.9).mean(axis=1)


best_linear = fitted[q_best]
fog = best_linear.decode(rng.normal(size=(300, q_best))).reshape(-1, *SHAPE)
drawings = {
    "test scans": x_test[rng.choice(len(x_test), 300, replace=False)],
    "drawn by factor analysis": np.clip(fog, 0, 1),
    "drawn by the convolutional VAE": generate(vae, rng.normal(size=(300, 24))),
}
fig, axes = plt.subplots(3, 1, figsize=(8, 3.1))
for ax, (name, images) in zip(axes, drawings.items(), strict=True):
    plot.mosaic(images[:9], 9, vmin=0, vmax=1, ax=ax).set_title(f"simulated: {name}", fontsize=9)
plt.show()
bone = [closed(images).mean() for images in drawings.values()]
poor = bone[0] > 0.95 and max(bone[1:]) < 0.85
claim("over 95 of 100 rays meet bone in scans, under 85 in both models' drawings", poor, bone)

# %% [markdown]
# Both draw badly, each in its way: factor analysis doubles and tears the skull, the VAE blurs it to grey. Send 64 rays
# out from the middle of a head and count how many meet white bone: nearly all in scans, six of ten in the fog, fewer in
# the VAE's heads. Either model says well what a scan is like, and neither draws one. How can a likelihood be so blind?
#
# Let a good model $p$ write one drawing in a hundred, and let rubbish $r$ write the other ninety-nine: $\rho = .99$.
# The mixture's density is nowhere below $(1 - \rho)\,p$, and so
#
# $$-\log\bigl[(1-\rho)\,p(x) + \rho\, r(x)\bigr] \ \le\ -\log p(x) + \log\frac{1}{1-\rho} \tag{31.6}$$
#
# Ninety-nine drawings of a hundred are rubbish, and it costs at most $\log 100 = 4.6$ nats.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (31.6): factor analysis writes one drawing in a hundred, pure noise the others; then a rubbish that overlaps
good, noise_only = nats[f"factor analysis, {q_best}"], -stats.norm(0.5, 0.5).logpdf(x_test).sum(axis=(1, 2, 3))
dearer = [
    -np.logaddexp(np.log(1 - rho) - good, np.log(rho) - rubbish) - good + np.log(1 - rho)
    for rho in (0.5, 0.99)
    for rubbish in (noise_only, nats["no latents"], good - 1)
]
held = np.max(dearer) < 1e-9 and abs(np.max(dearer[3])) < 1e-9 and np.max(dearer[5]) < -4
claim("the bound holds for three kinds of rubbish, and with pure noise it is exact: 4.6 nats", held, np.log(100))

# %% [markdown]
# Between models that differ by tens and hundreds of nats, that is nothing. **Nats ask what the model says about real
# scans; looks ask what it says by itself.** Factor analysis has room for every real head in its many factors. But real
# codes fill a thin, bent sheet in that room (a skull that lies a little further to the left changes hundreds of pixels
# together), and the prior draws from the whole room. And the VAE? Its short code gives up the folds of the cortex, and
# draws as its mean whatever it does not know.
#
# ## 6. Heads turn
#
# What does neither know? Patients do not lie straight. These heads are turned by about 4° and lie off the centre by
# half a centimetre. `pose` measures how: the centre of all pixels that are not black, and the direction in which they
# spread most. `turn` moves a picture. With angle $a$ and shift $s$, and places counted from the middle, each pixel of
# the turned picture looks up where it came from, between four pixels:
#
# $$\text{turned}(y, x) = \text{upright}\bigl(\cos a\,(y - s_y) + \sin a\,(x - s_x),\ \ \cos a\,(x - s_x) - \sin a\,(y -
# s_y)\bigr) \tag{31.7}$$

# %%
from medlib.models.pose import pose, straighten, turn

lies = pose(x_train)  # angle in radians, pixels down, pixels to the right
upright = straighten(x_train, lies)

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Four simulated maps. The average head as patients lie has a broad grey rim; made upright, a narrower and brighter one. Beside each the standard deviation of the pixels: a bright broad ring at the skull as they lie, a thinner and darker one upright."}} tags=["hide-input"]
# Equation (31.7): against scipy's interpolation, for five poses of a random picture; and back again
from scipy.ndimage import map_coordinates

blob = rng.random((1, 12, 15, 1)).astype("float32")
rows, columns = np.meshgrid(np.arange(12) - 5.5, np.arange(15) - 7.0, indexing="ij")
worst = []
for a, sy, sx in [(0.3, 0.7, -1.2), (-0.5, 0, 2), (0, 1.5, 0), (1.1, -0.3, 0.4), (0.07, 0, 0)]:
    y = np.cos(a) * (rows - sy) + np.sin(a) * (columns - sx) + 5.5
    x = np.cos(a) * (columns - sx) - np.sin(a) * (rows - sy) + 7
    by_scipy = map_coordinates(blob[0, :, :, 0], [y, x], order=1, mode="nearest")
    inside = (y > 0) & (y < 11) & (x > 0) & (x < 14)
    worst.append(np.abs(by_scipy - turn(blob, [[a, sy, sx]])[0, :, :, 0])[inside].max())
claim("turn is scipy's interpolation at these places", max(worst) < 1e-4, max(worst))
hill, there = np.exp(-((rows / 3) ** 2) - (columns / 4) ** 2)[None, ..., None], [[0.3, 0.7, -1.2]]
again = np.abs(turn(turn(hill, there), there, back=True) - hill).max()
claim("and back again, but for some blur", 0 < again < 0.1, again)
truth = train.frame.tilt_deg.to_numpy()
told = np.corrcoef(np.degrees(lies[: len(truth), 0]), truth)[0, 1]
claim("the measured angle follows the simulator's, r above .4", told > 0.4, told)
maps = [x_train.mean(axis=0), upright.mean(axis=0), 2 * x_train.std(axis=0), 2 * upright.std(axis=0)]
titles = ["mean, as they lie", "mean, upright", "deviation (× 2)", "upright (× 2)"]
plot.mosaic(np.stack(maps), 4, titles, 0, 1, ax=plt.subplots(figsize=(6.8, 2.1))[1])
plt.gca().set_title("Simulated: 4,800 training images", pad=14, fontsize=9)
plt.show()
calmer = 1 - upright.var(axis=0).sum() / x_train.var(axis=0).sum()
claim("pose, with the blur of moving pictures, is over half of the pixels' variance", calmer > 0.5, calmer)

# %% [markdown]
# Upright, the rim of the average head is narrower, and more than half of the pixels' whole variance is gone. Most of
# that is pose, some the blur of moving pictures. Three numbers did that. To a *linear* model a turning head is not
# three numbers. It is a bent path through a thousand dimensions, and it pays with dozens of factors for it.
#
# ### The wrong way: straighten, then count nats
#
# So straighten all scans first, and let factor analysis loose on them? It will report splendid nats, and they mean
# nothing.
#
# ### Your turn
#
# **31.2** Each pixel carries independent noise of variance $s^2$. Move the picture by a fraction $f$ of a pixel in one
# direction: a new pixel is $1 - f$ of one old pixel plus $f$ of its neighbour. Return the variance of its noise, as a
# multiple of $s^2$.


# %%
def noise_left(f):
    """Variance of the noise after a shift by a fraction f, as a multiple of s²."""
    return ...  # your formula


check("31.2", noise_left)


# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 31.2
def noise_left(f):
    """Variance of the noise after a shift by a fraction f, as a multiple of s²."""
    return (1 - f) ** 2 + f**2


check("31.2", noise_left)

# %%
f, g = rng.uniform(size=(2, 100_000))  # a shift down, and one to the right
gift = -0.5 * np.mean(np.log(noise_left(f) * noise_left(g)))
close = abs(gift - 0.43) < 0.01
claim("without a floor, straightening is worth .43 nats a noisy pixel", close, gift)

# %% [markdown]
# More than half of the noise's variance is averaged away on the way, and with it every fine edge of the anatomy.
# Smaller variances mean better nats. Such a model predicts *other images*, smoother ones. A resampled picture cannot be
# un-resampled, so there is no factor that would put the two on one scale. How large the gift is on our scans, we see in
# a minute.
#
# ## 7. A decoder that turns
#
# The right way is to put the turn into the *model*. Three of the latents say how a head lies, the others what it looks
# like. The decoder draws an upright head and turns it, with the variances; what is judged is the scan as it was.
# Let $t(z) = \bar t + s \odot z_{1:3}$ be the pose, $c = z_{4:}$ the rest and $g_\theta$ a small network:
#
# $$\mu(z) = \text{turn}\bigl(\bar x + \Lambda c + g_\theta(c),\ t(z)\bigr), \qquad
# \sigma^2(z) = \text{turn}\bigl(\psi,\ t(z)\bigr) + 0.01^2 \tag{31.8}$$
#
# The encoder goes the other way: measure the pose, make the image upright, read the code by a matrix as in (31.3); a
# network corrects both. (The idea is that of Bepler and others, 2019.)

# %% jupyter={"source_hidden": true} tags=["hide-input", "medlib:models.vae.TurningVAE"]
from medlib.models.pose import moments


class TurningVAE(ConvVAE):
    def __init__(self, encoder, decoder, floor=0.01, seed=0):
        super().__init__(encoder, decoder, floor=floor, seed=seed)
        factors, pixels = decoder.input_shape[1], int(np.prod(decoder.output_shape[1:]))
        self.loadings, self.to_code = self.add_weight((factors, pixels)), self.add_weight((pixels, factors))
        self.code_log_var = self.add_weight((3 + factors,), "zeros")
        self.pose_mean, self.pose_scale = (self.add_weight((3,), "ones", trainable=False) for _ in range(2))

    @property
    def latent(self):
        return 3 + self.decoder.input_shape[1]

    def encode(self, x):
        shift, spread = ops.split(self.encoder(x), 2, axis=-1)
        lies = (moments(x) - self.pose_mean) / self.pose_scale + 0.1 * shift[:, :3]
        upright = turn(x, lies * self.pose_scale + self.pose_mean, back=True)
        code = ops.reshape(upright - self.centre, (-1, self.to_code.shape[0])) @ self.to_code + shift[:, 3:]
        return ops.concatenate([lies, code], axis=-1), self.code_log_var + spread

    def decode(self, z):
        lies, code = z[:, :3] * self.pose_scale + self.pose_mean, z[:, 3:]
        upright = self.centre + ops.reshape(code @ self.loadings, (-1, *self.centre.shape)) + self.decoder(code)
        variance = ops.broadcast_to(ops.exp(10 * self.log_var), ops.shape(upright))  # 10: variances learn faster
        picture, variance = ops.split(turn(ops.concatenate([upright, variance], axis=-1), lies), 2, axis=-1)
        return picture, variance + self.floor**2

# %% [markdown]
# Both networks begin with nothing to add. So before its first step this model *is* factor analysis of straightened
# heads, turned back into the scan: a rival that knows what our model knows, and its nats are honest. `start_upright`
# sets it up in a few seconds, here with 48 factors.

# %%
from medlib.models.vae import build_turning_vae, start_upright

turning = build_turning_vae(SHAPE, 48)
start = time.process_time()
upright_factors = start_upright(turning, x_train)
straightened = "straightened factors, turned back"
seconds[straightened] = time.process_time() - start

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (31.8): the decoder against scipy, for three codes, with a network that adds something
nats[straightened] = np.sum(negative_elbo(turning, x_test, draws=3), axis=0)
gift = nats[straightened].mean() - upright_factors.nats(straighten(x_test)).mean()
claim("the same factors report over 200 nats more on straightened scans than on scans", gift > 200, gift)
z = rng.normal(size=(3, turning.latent))
turning.decoder.layers[-2].bias.assign(rng.normal(0, 0.02, 1024))  # for once, a network that speaks
shown = TurningVAE(turning.encoder, turning.decoder)  # the class above, with the same weights
shown.set_weights(turning.get_weights())
image, var = (np.asarray(part)[..., 0] for part in shown.decode(z.astype("float32")))
at = z[:, :3] * np.asarray(turning.pose_scale) + np.asarray(turning.pose_mean)
added = np.asarray(turning.decoder(z[:, 3:]))[..., 0]
still = np.asarray(turning.centre)[..., 0] + (z[:, 3:] @ np.asarray(turning.loadings)).reshape(-1, 32, 32) + added
psi = np.exp(10 * np.asarray(turning.log_var))[..., 0]
rows, columns = np.meshgrid(np.arange(32) - 15.5, np.arange(32) - 15.5, indexing="ij")
worst = []
for k, (a, sy, sx) in enumerate(at):
    y = np.cos(a) * (rows - sy) + np.sin(a) * (columns - sx) + 15.5
    x = np.cos(a) * (columns - sx) - np.sin(a) * (rows - sy) + 15.5
    inside = (y > 0) & (y < 31) & (x > 0) & (x < 31)
    by_hand = [map_coordinates(part, [y, x], order=1) for part in (still[k], psi)]
    worst += [np.abs(image[k] - by_hand[0])[inside].max(), np.abs(var[k] / (by_hand[1] + FLOOR) - 1)[inside].max()]
turning.decoder.layers[-2].bias.assign(np.zeros(1024))
claim("mean and variance are those of the formula, for three codes", max(worst) < 1e-3, worst)

# %% [markdown]
# The first tick is the gift of section 6: on *straightened* test scans these factors report hundreds of nats more than
# on the scans themselves, and nothing was learnt for it. Now train the model: 450 steps of 64 scans.

# %%
falling = keras.optimizers.schedules.CosineDecay(2e-3, 450)
turning.compile(keras.optimizers.Adam(falling, global_clipnorm=1e4))
start = time.process_time()
recipe = {"batch_size": 64, "fresh": False, "label": "turning VAE"}
fit_vae(turning, x_train, validation=x_val, **recipe)
decide("the turning VAE", turning)
seconds["turning VAE"] = time.process_time() - start + seconds[straightened]
nats["turning VAE"] = np.sum(negative_elbo(turning, x_test, draws=3), axis=0)

# %% [markdown]
# One more rival, for fairness. Factor analysis cannot know that heads turn, but it can be *shown*: for each training
# scan two more copies, turned as some other patient lies. To spare the copies the blur of section 6, they are made from
# images without noise, which the VAE never sees, and given the scan's own noise again.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
start = time.process_time()
clean, coarse = (load("head_ct", size=size, dose=np.inf).x for size in (64, 32))
mine = np.isin(scans.groups, train.groups)
noise, copies = (scans.x - coarse)[mine], [x_train]
own = lies[: mine.sum()]
for _ in range(2):
    change = (rng.permutation(own) - own) * [1, 2, 2]  # pixels of 3.5 mm here
    groups = [slice(i, i + 300) for i in range(0, len(own), 300)]
    moved = np.concatenate([turn(clean[mine][part][..., None], change[part]) for part in groups])
    seen = moved.reshape(-1, 32, 2, 32, 2).mean(axis=(2, 4)) + noise
    copies += [brain_window(seen)[..., None], brain_window(seen[:, :, ::-1])[..., None]]
many = np.concatenate(copies)
rival = f"factor analysis, {q_best}, turned copies"
nats[rival] = factor_analysis(many, q_best).nats(x_test)
seconds[rival] = time.process_time() - start

# %% [markdown]
# And a ceiling. Nobody can predict the scanner's noise. Whoever knew each scan *without* its noise (the simulator does)
# would still pay for the noise itself.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from medlib.metrics import score_table

quiet = brain_window(load("head_ct", size=32, dose=np.inf).x)[..., None]
site, judged = scans.frame.site.to_numpy(), np.isin(scans.groups, test.groups)
apart = (brain_window(scans.x)[..., None] - quiet) ** 2
nats["ceiling: only the noise"] = np.empty(len(x_test))
for name in "ABC":
    by_site = apart[mine & (site == name)].mean(axis=0) + FLOOR
    here = judged & (site == name)
    known = np.array(gaussian_nats(brain_window(scans.x[here])[..., None], quiet[here], by_site))
    nats["ceiling: only the noise"][here[judged]] = known

order = ["no latents", f"components, {q_best}", *(f"factor analysis, {q}" for q in numbers), rival]
order += ["convolutional VAE", straightened, "turning VAE", "ceiling: only the noise"]
mean_nats = {"nats": lambda y, p: p.mean()}
board = score_table({name: nats[name] for name in order}, test, against=rival, scores=mean_nats, n=500)
ahead = board.loc["turning VAE", f"nats minus {rival}"]
claim("the turning VAE leads the best factor analysis by over 80 nats, and by 30 or more in its whole interval", ahead.value < -80 and ahead.high < -30, ahead)
both = {name: nats[name] for name in (straightened, "turning VAE")}
gain = score_table(both, test, straightened, mean_nats, n=500).loc["turning VAE", f"nats minus {straightened}"]
claim("training brings over 100 nats more than straightened factors", gain.high < -100, gain)
fair = nats["factor analysis, 48"].mean() - nats["turning VAE"].mean()
claim("48 factors that do not turn are over 150 nats behind", fair > 150, fair)


def whole(value):
    """A score with its interval, without decimals."""
    return f"{value.value:.0f} [{value.low:.0f}, {value.high:.0f}]" if hasattr(value, "low") else value


board = board.map(whole)
board["CPU s"] = [f"{seconds[name]:.0f}" if name in seconds else "" for name in order]
board

# %% [markdown]
# Lower is better; the last column but one is paired, patient by patient. Turned copies help factor analysis little.
# Straightened factors, turned back, beat as many factors that do not turn, but not the many of the rival: they were
# fitted to pictures blurred by resampling, and their poses are rough. **Trained in the scan itself, the same model is
# ahead of everything by more than 80 nats**, its whole interval by more than 30, for more computing time than factors:
# pictures, variances and poses have learnt to work together.
#
# What earned it? Not depth alone: a convolutional network without that one fact about patients lost. But the turning
# model also has twice the latents, and starts from factors. The fair comparison is with 48 factors that do not turn,
# more than 150 nats behind. What its two small networks add, you can measure: set `turning.encoder.trainable` and
# `turning.decoder.trainable` to `False` before `compile`. The ceiling knows every head beforehand; between it and us
# lies each patient's own anatomy.
#
# ## 8. Look inside
#
# Does the model draw better heads now? And what does `predict` give, the reconstruction?

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Three rows of eight simulated heads: test scans with different tilt, their reconstructions, smoother with the same tilt and ventricles, and heads drawn from the prior, turned this way and that, some with a doubled or broken skull."}} tags=["hide-input"]
new = generate(turning, rng.normal(size=(300, turning.latent)))
again = turning.predict(x_test[some], verbose=0)
rows = {"test scans": x_test[some], "reconstructed": again, "drawn from the prior": new[:8]}
fig, axes = plt.subplots(3, 1, figsize=(8, 3.4))
for ax, (name, images) in zip(axes, rows.items(), strict=True):
    plot.mosaic(images, 8, vmin=0, vmax=1, ax=ax).set_title(f"simulated: {name}", fontsize=9)
plt.show()
whiter = closed(new).mean()
claim("its skulls are more closed than those of the first VAE", whiter > bone[2] + 0.1, [*bone, whiter])
wrong = [np.mean((reconstruct(model, x_test) - x_test) ** 2) ** 0.5 * 90 for model in (vae, turning)]
claim("it reconstructs a scan to fewer HU than the convolutional VAE", wrong[1] < wrong[0], wrong)

# %% [markdown]
# The reconstructions have the tilt, the outline and the ventricles of their scans; small lesions and most folds are
# gone. The drawings are turned this way and that. By the rays, more of their skulls is white than the first VAE's, and
# some still have ghosts or gaps: better, and not good. The prior of the other 48 latents has too much room, as in
# section 5. And they are smoother than scans: what cannot be predicted is drawn as its mean.
#
# ### Your turn
#
# **31.3** Which latents work? Given `z_mean`, shape (n, q), and `z_log_var`, same shape, return the **mean rate of each
# latent** over the images, shape (q,), in nats. (It is the sum in (31.4), not summed.)


# %%
def rate_of_each(z_mean, z_log_var):
    """Mean rate of each latent, nats; shape (q,)."""
    return ...  # your formula


check("31.3", rate_of_each)


# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 31.3
def rate_of_each(z_mean, z_log_var):
    """Mean rate of each latent, nats; shape (q,)."""
    return 0.5 * np.mean(z_mean**2 + np.exp(z_log_var) - 1 - z_log_var, axis=0)


check("31.3", rate_of_each)

# %%
z_mean, z_log_var = encode(turning, x_test)
rates = rate_of_each(z_mean, z_log_var)
busy = [0, *(3 + np.argsort(-rates[3:])[:2])]  # the angle, and the two busiest others

# %% [markdown]
# Move one of these three latents from −2 to 2, and keep all others at 0.


# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Three rows of seven simulated heads. In the first, the head turns from one side to the other. In the second and third, the shape of head, ventricles and brightness change while the head stays upright."}} tags=["hide-input"]
def traverse(latent, steps=7):
    """Heads along one latent, from -2 to 2."""
    z = np.zeros((steps, turning.latent))
    z[:, latent] = np.linspace(-2, 2, steps)
    return generate(turning, z)


fig, axes = plt.subplots(3, 1, figsize=(7, 3.6))
for ax, latent, name in zip(axes, busy, ("the angle", "the busiest latent", "the next"), strict=True):
    plot.mosaic(traverse(latent), 7, vmin=0, vmax=1, ax=ax).set_title(f"simulated: {name}, −2 to 2", fontsize=9)
plt.show()
turns = traverse(0)
swing = np.degrees(np.ptp(pose(turns * (turns > 0.3))[:, 0]))
claim("the angle's latent turns the head by over 10°, from end to end", 10 < swing < 60, swing)
claim("the encoder pays over 1 nat for each of the three pose latents", rates[:3].min() > 1, rates[:3])

# %% [markdown]
# The first row turns a head by more than ten degrees and changes nothing else. The others change its shape and the
# ventricles and leave it nearly upright. Nobody told the model which latent is which; its decoder has only one place
# where a turn can come from.
#
# ### A map of heads, and what the code knows
#
# At left, what the encoder says about the angle of each test scan against the truth. At right, the two busiest latents
# of all test scans, coloured by how high the slice lies in the head.

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Two scatter plots of 1,000 simulated test scans. Left: the encoder's angle against the simulator's tilt, a broad cloud that rises to the right. Right: the two busiest latents, a round cloud whose colour, the height of the slice, changes gradually across it."}} tags=["hide-input"]
tilt, height = test.frame.tilt_deg.to_numpy(), test.frame.z_mm.to_numpy()
said = np.degrees(z_mean[:, 0] * turning.pose_scale.numpy()[0] + turning.pose_mean.numpy()[0])
fig, axes = plt.subplots(1, 2, figsize=(8, 3.2))
axes[0].scatter(tilt, said, s=6, alpha=0.5)
axes[0].set(xlabel="tilt in the simulator (degrees)", ylabel="angle in the code (degrees)")
axes[0].set_title("Simulated: 1,000 test scans")
dots = axes[1].scatter(*z_mean[:, busy[1:]].T, c=height, s=6, cmap="cividis")
fig.colorbar(dots, label="height of the slice (mm)")
axes[1].set(xlabel="busiest latent", ylabel="next latent", title="Simulated: a map of heads")
plt.show()
agree = np.corrcoef(tilt, said)[0, 1]
claim("the code follows the tilt: r above .45", agree > 0.45, agree)

# %% [markdown]
# Each dot is a scan. The angle follows the truth, loosely; the map is ordered by height. What else does a code hold?
# Let a linear model read all 51 numbers of it, trained on training patients:

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from sklearn.linear_model import RidgeCV
from sklearn.metrics import r2_score

from medlib.metrics import bootstrap

knows, learnt = {}, encode(turning, x_train[: len(train)])[0]
targets = {"tilt": "tilt_deg", "height of the slice": "z_mm", "age": "age", "area of the lesion": "area_mm2"}
for name, column in targets.items():
    probe = RidgeCV(np.logspace(-2, 3, 6)).fit(learnt, train.frame[column])
    knows[name] = bootstrap(r2_score, test.frame[column], probe.predict(z_mean), test.groups, n=200)
height_, age, lesion = (knows[name] for name in list(targets)[1:])
claim("height is in the code, R² over .4; tilt is, over .3", height_.low > 0.4 and knows["tilt"].value > 0.3, height_)
claim("age and the lesion's size hardly are, R² under .35", max(age.value, lesion.value) < 0.35, [age, lesion])
pd.DataFrame({"R², test patients": {name: str(value) for name, value in knows.items()}})

# %% [markdown]
# At left the code's angle follows the true tilt with a scatter of several degrees: moments see a lopsided or a round
# head as a turned one. At right, high slices lie on one side of the map. A linear model that reads the whole code finds
# tilt and height well, a patient's age and the size of a lesion hardly. That is what likelihood buys: height moves
# hundreds of pixels, so knowing it saves many nats. "The VAE has learnt the disease" is a sentence to distrust until
# somebody has measured it.
#
# ### From one head to another
#
# Two test scans that lean to opposite sides. Walk from code to code in equal steps, and beside it from picture to
# picture, which is also all that a *linear* decoder can do.

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Two rows of seven simulated heads between the same two test patients. Top: along the codes the head turns gradually and its skull stays sharp. Bottom: mixtures of the two pictures, in the middle a double, grey skull."}} tags=["hide-input"]
ends = [np.argmin(tilt), np.argmax(tilt)]
share = np.linspace(0, 1, 7)[:, None]
a, b = z_mean[ends]
walk = generate(turning, (1 - share) * a + share * b)
mixed = (1 - share[..., None, None]) * walk[0] + share[..., None, None] * walk[-1]
fig, axes = plt.subplots(2, 1, figsize=(7, 2.5))
plot.mosaic(walk, 7, vmin=0, vmax=1, ax=axes[0]).set_title("simulated: between two codes", fontsize=9)
plot.mosaic(mixed, 7, vmin=0, vmax=1, ax=axes[1]).set_title("simulated: between the two pictures", fontsize=9)
plt.show()
white = [np.mean(images > 0.9, axis=(1, 2, 3)) for images in (walk, mixed)]
thinned = white[1][3] / white[0][3]
claim("in the middle of the mixture less of the bone is left", thinned < 0.97, thinned)
c1, c2 = best_linear.code(x_test[ends])[0]
straight = best_linear.decode([(c1 + c2) / 2])[0]
same = np.allclose(straight, best_linear.decode([c1, c2]).mean(axis=0))
claim("for factor analysis the two walks are one", same, np.ptp(straight))

# %% [markdown]
# In the upper row one head turns into another, and its skull stays a ring. In the lower row the middle is a double
# exposure, with less white bone, in most pairs half to two thirds of it. Half-way between two poses lies a pose;
# half-way between two pictures lies no head.
#
# ## Three questions
#
# <details><summary>Model A reports −2000 nats per image, model B −1500, on the same patients. What must be equal before A
# is the better model?</summary>The data and the likelihood: the window, the scale of x, the family, the floor of the
# variance, and that nobody resampled the images. Halving a floor gains log 2 = 0.69 nats at each pixel that never
# varies: hundreds of nats for nothing.</details>
#
# <details><summary>A colleague shows sharp drawings and says that his model must have the better likelihood. What do you
# answer?</summary>That neither follows from the other. By (31.6), ninety-nine drawings of a hundred may be rubbish for
# 4.6 nats; and a model that draws one perfect scan again and again has a terrible likelihood on all others.</details>
#
# <details><summary>Why does a network with three pose latents beat a linear model with hundreds of factors that has seen
# turned heads?</summary>A turn moves every pixel along a bent path. A linear model covers such a path by many
# directions and then believes in all their mixtures; three numbers and a rotation describe it exactly, and the rest of
# the code is left for anatomy.</details>
#
# ## In this notebook we ...
#
# - built a convolutional VAE whose loss is a likelihood, and saw that a linear one *is* factor analysis, to the last nat,
# - found that as many linear factors draw level with a convolutional network, that more of them beat it, and that good
#   nats and good pictures are two different things,
# - gave the decoder one fact about patients, that heads turn, and measured what the fact and what the training is worth,
# - drew new heads, walked between heads, and asked the code what it knows.
#
# **Pitfalls**
# - A density without a floor on pixels that never vary; nats compared across two floors, or across resampled images.
# - The mean over pixels where the likelihood says sum.
# - Forgetting the linear model, or giving it less time, tuning or knowledge than one's own.
# - Calling a latent "age" after looking at seven pictures.
#
# **Further reading**
# - Kingma and Welling, *Auto-encoding variational Bayes*, ICLR 2014. Spearman, *General intelligence, objectively
#   determined and measured*, American Journal of Psychology 15 (1904) 201: the first factor.
# - Lucas and others, *Don't blame the ELBO!*, NeurIPS 2019: linear VAEs. Rybkin, Daniilidis and Levine, *Simple and
#   effective VAE training with calibrated decoders*, ICML 2021: learned variances.
# - Theis, van den Oord and Bethge, *A note on the evaluation of generative models*, ICLR 2016: nats and looks.
# - Bepler and others, *Explicitly disentangling image content from translation and rotation with spatial-VAE*, NeurIPS
#   2019. Jaderberg and others, *Spatial transformer networks*, NeurIPS 2015: section 3.3, the sampler.
#
# **Next**: [notebook 32](32_anomalies.ipynb) asks such models of healthy heads what does not belong.
