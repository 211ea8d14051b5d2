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
# # A VAE of heartbeats: draw, repair, doubt
#
# After this notebook you can
# - **build** a VAE of sequences whose likelihood counts what was seen, with an LSTM and with convolutions,
# - **judge** it in nats beside factor analysis and a mixture of a few Gaussians, with paired intervals by patient,
# - **tell** what goes wrong without the KL term, and with a tanh on the log-variance, and
# - **repair** a lost piece of a signal, with an interval that holds.
#
# | needs | read | run | data |
# |---|---|---|---|
# | notebooks [30](30_vae_loss.ipynb), [31](31_vae_images.ipynb) and [40](40_sequence_models.ipynb) | 60 min | 60 s | simulated heartbeats |
#
# Below are heartbeats, and heartbeats drawn by a model without any network: a mixture of a few Gaussian clouds that is
# fitted in about a second. It will beat our networks in likelihood, by more than 5 nats a beat. This page builds the
# networks all the same, measures them without mercy, and asks what each of the models is good for.

# %%
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from medlib.data import Dataset, ecg, load
from medlib.decisions import decide
from medlib.lesson import check, claim, setup

rng = setup(seed=0)
strips = load("ecg", noise=0.3)
clean = load("ecg", noise=0)  # the same hearts, for the truth about single beats

# %% [markdown]
# The strips are the **simulated** ECG of notebook 40, with three tenths of the noise. A beat is one second of signal, from
# 0.4 s before its R peak to 0.6 s after it: 100 numbers, in mV. In the *ectopic* rhythm some beats are extra beats, wide,
# with a T wave that points down. The simulator does not say which; the signal without noise does.


# %%
def marked(strips):
    """For each sample: 0, or 1 at an ordinary R peak, or 2 at that of an extra beat."""
    marks = strips.masks.astype(int)
    for row, peak in np.argwhere(strips.masks & (strips.y == 2)[:, None]):
        t_wave = strips.x[row, peak + 15 : peak + 32]
        marks[row, peak] = 2 if t_wave.mean() < 0 else 1
    return marks


BEFORE, AFTER = 40, 60  # samples of 10 ms


def beats(part, *rhythms):
    """All whole beats of these rhythms; y is 1 for an extra beat."""
    marks = part.masks * np.isin(part.y, rhythms)[:, None]
    row, peak = np.nonzero(marks[:, BEFORE:-AFTER])
    x = np.stack([part.x[r, p : p + BEFORE + AFTER] for r, p in zip(row, peak)])
    y = (marks[row, peak + BEFORE] == 2).astype(int)
    frame, patient = part.frame.iloc[row].reset_index(drop=True), part.groups[row]
    return Dataset("beats", x, y, ("ordinary", "extra"), frame, None, patient, part.card)


# %% [markdown]
# The models learn from patients in sinus rhythm and with a block, whose beats are ordinary. Extra beats are kept for
# section 6. The split is by patient.

# %%
from sklearn.mixture import GaussianMixture

strips = replace(strips, masks=marked(clean))
train, val, test = strips.split(seed=int(rng.integers(1000)))
SINUS, ECTOPIC, BLOCK = 0, 2, 3
train, val = beats(train, SINUS, BLOCK), beats(val, SINUS, BLOCK)
mixtures = {}
for clouds in (2, 3, 4, 6):
    model = GaussianMixture(clouds, reg_covar=0.01**2, max_iter=200, random_state=0)
    mixtures[clouds] = model.fit(train.x)
on_val = {clouds: -model.score(val.x) for clouds, model in mixtures.items()}
clouds = min(decide("clouds, nats on validation", on_val), key=on_val.get)
mixture = mixtures[clouds]

# %% tags=["hide-input"] jupyter={"source_hidden": true} mystnb={"image": {"alt": "Two rows of six simulated heartbeats. Top: beats of patients, a small P wave, a sharp spike and a T wave, in some the start of the next beat. Bottom: drawn by a mixture of Gaussians, of the same kind, a little rougher."}}
t = (np.arange(100) - BEFORE) / ecg.RATE


def sheet(rows, title, lines=6):
    """Beats in small panels, one row of panels for each entry of rows."""
    fig, axes = plt.subplots(len(rows), lines, figsize=(8, 1.3 * len(rows) + 0.6), sharex=True, sharey=True, squeeze=False)
    for line, (name, waves) in zip(axes, rows.items(), strict=True):
        for ax, wave in zip(line, waves):
            ax.plot(t, wave, linewidth=0.9)
        line[0].set_ylabel(f"{name}\n(mV)", fontsize=8)
    for ax in axes[-1]:
        ax.set_xlabel("s after R", fontsize=8)
    fig.suptitle(title, fontsize=10)
    plt.show()


some = rng.choice(len(train), 6, replace=False)
drawn = {"patients": train.x[some], "mixture": rng.permutation(mixture.sample(60)[0])}
sheet(drawn, "Simulated beats, and beats drawn by a mixture")

# %% [markdown]
# The drawn beats have a P wave, a spike and a T wave in the right places; some are rougher than a patient's. Six panels
# prove nothing, of course. We need a likelihood.
#
# ## 1. A likelihood that counts what was seen
#
# Signals have holes: an electrode comes loose, a visit is missed. Let $m_t$ be 1 where a value was seen and 0 where it was
# lost. The model says that the value at time $t$ is normal, with mean $\mu_t$ and variance $\sigma_t^2$. Then what was
# seen costs
#
# $$D = \tfrac12 \sum_{t} m_t \Bigl(\log 2\pi\sigma_t^2 + \frac{(x_t - \mu_t)^2}{\sigma_t^2}\Bigr) \tag{41.1}$$
#
# A lost value costs nothing, and whatever stands in its place has no say.


# %% tags=["medlib:models.sequence_vae.masked_nats"]
from keras import ops

from medlib.models.vae import LOG_2PI


def masked_nats(x, mean, var, seen):
    each = LOG_2PI + ops.log(var) + (x - mean) ** 2 / var
    return 0.5 * ops.sum(seen * each, axis=(1, 2))


# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Equation (41.1): against scipy's density of the seen values alone; unequal variances, and nonsense in the holes
from scipy import stats

x, mean, var = rng.normal(size=(3, 7, 2)), rng.normal(size=(3, 7, 2)), rng.uniform(0.1, 3, (7, 2))
seen = rng.random((3, 7, 2)) < 0.6
by_scipy = -(stats.norm(mean, np.sqrt(var)).logpdf(x) * seen).sum(axis=(1, 2))
same = np.allclose(masked_nats(np.where(seen, x, 1e3), mean, var, seen), by_scipy)
claim("the seen values have scipy's density, and 1,000 mV in the holes change nothing", same, by_scipy)

# %% [markdown]
# Which variance is best? Where (41.1) has slope 0 in $\sigma_t^2$, over $n$ beats:
#
# $$\hat\sigma_t^2 = \frac{\sum_i m_{it}\,(x_{it} - \mu_{it})^2}{\sum_i m_{it}} \tag{41.2}$$
#
# The mean square error of what was *seen*. Whoever divides by $n$ is too sure of himself where much was lost.
#
# ### Your turn
#
# **41.1** Beats have holes, written as `nan`. Return the mean and the variance (41.2) around it at each time, shape
# (steps,) each, from the values that were seen. (This is the best model without latents.)


# %%
def average_beat(x):
    """Mean and variance (steps,) of beats x (n, steps) with nan where lost."""
    return ..., ...  # two arrays


check("41.1", average_beat)


# %% tags=["solution"] jupyter={"source_hidden": true}
# Solution 41.1
def average_beat(x):
    """Mean and variance (steps,) of beats x (n, steps) with nan where lost."""
    return np.nanmean(x, axis=0), np.nanvar(x, axis=0)


check("41.1", average_beat)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Equation (41.2): any other variance costs more of (41.1), and dividing by all beats costs much more
errors, kept = rng.normal(0, [0.1, 0.5, 2.0], size=(400, 3)), rng.random((400, 3)) < [0.9, 0.5, 0.3]
best = np.sum(kept * errors**2, axis=0) / kept.sum(axis=0)


def cost(variance):
    """(41.1) summed over the beats, for each of three times."""
    return 0.5 * np.sum(kept * (np.log(2 * np.pi * variance) + errors**2 / variance), axis=0)


worse = [np.min(cost(best * factor) - cost(best)) for factor in (0.95, 1.05)]
claim("5 % more or less variance is worse, at each of three times", min(worse) > 0, worse)
naive = cost(np.mean(kept * errors**2, axis=0)) - cost(best)
claim("dividing by all beats costs over 20 nats where half or more was lost", naive[1:].min() > 20, naive)

# %%
centre, variance = average_beat(train.x)
test_strips = test
test = beats(test_strips, SINUS, BLOCK)
as_sequences = test.x[..., None].astype("float32")
blind = masked_nats(as_sequences, centre[:, None], variance[:, None], 1.0)
nats = {"no latents": np.array(blind)}

# %% [markdown]
# ## 2. The rivals first
#
# **Factor analysis** is the VAE whose decoder is a matrix (notebook 31): $x = \bar x + \Lambda z + \text{noise}$, with
# variances $\Psi$ of the noise. Its likelihood is known without a bound, and so is what it says of a lost piece:
#
# $$x \sim \mathcal N(\bar x, C), \qquad C = \Lambda\Lambda^{\mathsf T} + \Psi \tag{41.3}$$
#
# A **mixture** puts $K$ such clouds side by side, here with full covariances $C_k$ and weights $\pi_k$:
#
# $$-\log p(x) = -\log \sum_{k=1}^{K} \pi_k\, \mathcal N(x;\, \mu_k, C_k) \tag{41.4}$$
#
# Validation chooses the number of factors, as it chose the number of clouds.

# %%
from medlib.models.factor import factor_analysis

factors = {q: factor_analysis(train.x, q) for q in (4, 8, 16, 32)}
on_val = {q: model.nats(val.x).mean() for q, model in factors.items()}
q = min(decide("factors, nats on validation", on_val), key=on_val.get)
linear = factors[q]
for name, model in factors.items():
    nats[f"factor analysis, {name}"] = model.nats(test.x)
nats["mixture"] = -mixture.score_samples(test.x)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Equations (41.3) and (41.4): the fitted models on ten test beats, by scipy's normal distributions
C = linear.loadings @ linear.loadings.T + np.diag(linear.variance)
exact = -stats.multivariate_normal(linear.mean, C).logpdf(test.x[:10])
claim("ten beats: the closed form is scipy's density", np.allclose(linear.nats(test.x[:10]), exact, atol=1e-5), exact[:3])
clouds_of = zip(mixture.weights_, mixture.means_, mixture.covariances_, strict=True)
each = [np.log(w) + stats.multivariate_normal(mean, cov).logpdf(test.x[:10]) for w, mean, cov in clouds_of]
summed = -np.logaddexp.reduce(each)
claim("ten beats: the mixture is the sum over its clouds", np.allclose(nats["mixture"][:10], summed, atol=1e-5), summed[:3])
gap = nats[f"factor analysis, {q}"].mean() - nats["mixture"].mean()
claim("the mixture is over 10 nats a beat better than one cloud", gap > 10, gap)
pd.DataFrame({"nats a test beat": {name: round(float(value.mean()), 1) for name, value in nats.items()}})

# %% [markdown]
# Lower is better. Factors save more than a hundred nats a beat against the average beat alone, and the mixture over ten
# more. One cloud cannot know that patients differ in noise, or that the next beat comes into sight in some and not in
# others. This is what a network has to beat.
#
# ## 3. The VAE, twice
#
# Values and mask go in, side by side, so that the encoder knows what was lost. It returns a mean and a log-variance of
# each latent. The decoder returns two numbers for each value: what to add to a learned average, and what to add to a
# learned log-variance. So the model can say that this patient's signal is noisier. The loss is the mean of
#
# $$-\mathrm{ELBO} = \underbrace{\mathbb E_{q(z \mid x)}\bigl[D\bigr]}_{\text{distortion}} +
# \underbrace{\tfrac12 \sum_k \bigl(m_k^2 + s_k^2 - 1 - \log s_k^2\bigr)}_{\text{rate}} \tag{41.5}$$
#
# with $D$ of (41.1) and $m_k$, $s_k^2$ from the encoder, drawn with the reparameterisation of notebook 30.

# %% tags=["medlib:models.sequence_vae.build_lstm_vae"]
import keras
from keras import layers

from medlib.models.sequence_vae import SequenceVAE, _check_shape


def build_lstm_vae(shape, latent, units=64, frame=5, **options):
    _check_shape(shape, frame)
    steps, channels = shape
    x = keras.Input((steps, 2 * channels))
    h = layers.Reshape((steps // frame, 2 * channels * frame))(x)
    encoder = keras.Model(x, layers.Dense(2 * latent)(layers.LSTM(units)(h)))
    z = keras.Input((latent,))
    h = layers.RepeatVector(steps // frame)(z)
    h = layers.LSTM(units, return_sequences=True)(h)
    h = layers.Reshape((steps, 2 * channels))(layers.Dense(2 * frame * channels)(h))
    return SequenceVAE(encoder, keras.Model(z, h), **options)


# %% [markdown]
# The first LSTM reads 20 frames of five samples and ends in the code. The second gets the same code at each step and
# writes frame after frame. `build_conv_vae` of the package has strided convolutions instead, as in notebook 31.
#
# Half of what they learn from has lost a piece of 0.2 s, somewhere. So they learn to live with holes. The recipe stands
# below: Adam, a step size that falls from 0.004 to 0. Both networks get about the same **CPU time**, not the same steps.

# %%
import time

from medlib.models.sequence_vae import build_conv_vae, start_from_average, with_mask
from medlib.models.training import fit


def with_hole(x, length=20):
    """A copy that has lost so many samples of each beat, from a place drawn at random."""
    first = rng.integers(0, x.shape[1] - length + 1, len(x))[:, None]
    place = np.arange(x.shape[1])
    return np.where((place >= first) & (place < first + length), np.nan, x)


x_train = with_mask(np.concatenate([train.x, with_hole(train.x)])[..., None])


def trained(model, steps, label):
    """Start from the average beat, and train; returns the model and its CPU seconds."""
    start_from_average(model, x_train)
    falling = keras.optimizers.schedules.CosineDecay(4e-3, steps)
    model.compile(keras.optimizers.Adam(falling))
    begin = time.process_time()
    fit(model, x_train, batch_size=128, steps=steps, label=label)
    return model, time.process_time() - begin


# %%
LATENT, seconds = 10, {}
conv, seconds["convolutional VAE"] = trained(build_conv_vae((100, 1), LATENT), 800, "convolutions")
lstm, seconds["LSTM VAE"] = trained(build_lstm_vae((100, 1), LATENT), 450, "LSTM")

# %% [markdown]
# The bound is a bound: $-\mathrm{ELBO}$ exceeds the true cost by the error of the encoder. Many draws from the encoder,
# weighed by how well they fit, come nearer (Burda and others 2016):
#
# $$-\log p(x) \le -\mathbb E \log \frac1L \sum_{l=1}^{L} \frac{p(x \mid z_l)\,p(z_l)}{q(z_l \mid x)}, \qquad z_l \sim
# q(z \mid x) \tag{41.6}$$
#
# We give the networks this better number, with 30 draws, so that nobody can say the rivals were favoured.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Equations (41.5) and (41.6): a VAE of visits that is linear, whose likelihood is known; and the code by 4,000 draws
from medlib.metrics import score_table
from medlib.models.sequence_vae import encode, generate, importance_nats

tiny = build_conv_vae((8, 1), 2, (2, 3), 4, seed=1)
tiny.encoder.layers[-1].bias.assign([1.5, -1.0, -2.0, 1.0])
wave = rng.normal(size=(1, 8, 1))
wave[0, 2:4] = np.nan
one = with_mask(wave).repeat(4000, axis=0)
total, distortion, rate = (np.asarray(term) for term in tiny.terms(one))
mu, log_var = (np.asarray(part)[0] for part in tiny.encode(one[:1]))
z = rng.normal(mu, np.exp(log_var / 2), size=(4000, 2)).astype("float32")
ratio = stats.norm(mu, np.exp(log_var / 2)).logpdf(z).sum(1) - stats.norm().logpdf(z).sum(1)
picture, var = (np.asarray(part) for part in tiny.decode(z))
direct = -np.nansum(stats.norm(picture, np.sqrt(var)).logpdf(wave), axis=(1, 2))
right = abs(ratio.mean() - rate[0]) < 5 * ratio.std() / 63 and abs(direct.mean() - distortion.mean()) < 7 * direct.std() / 63
claim("rate and distortion are the means of scipy's densities", right and np.allclose(total, distortion + rate), [rate[0], ratio.mean()])
free = rng.normal(size=(200_000, 2)).astype("float32")
picture, var = (np.asarray(part) for part in tiny.decode(free))
truth = -np.log(np.mean(np.exp(np.nansum(stats.norm(picture, np.sqrt(var)).logpdf(wave), axis=(1, 2)))))
bounds = [importance_nats(tiny, one[:200], draws).mean() for draws in (1, 5, 200)]
falls = bounds[0] > bounds[1] > bounds[2] > truth - 0.02 and bounds[2] - truth < 0.1
claim("the bound falls with the draws, to the true cost", falls, [*bounds, truth])

x_test = with_mask(test.x[..., None])
nats["convolutional VAE"] = importance_nats(conv, x_test, 30)
nats["LSTM VAE"] = importance_nats(lstm, x_test, 30)
order = ["no latents", "factor analysis, 8", f"factor analysis, {q}", "LSTM VAE", "convolutional VAE", "mixture"]
mean_nats = {"nats": lambda y, p: p.mean()}
board = score_table({name: nats[name] for name in dict.fromkeys(order)}, test, f"factor analysis, {q}", mean_nats, n=300)
gaps = board[f"nats minus factor analysis, {q}"]
versus = score_table({name: nats[name] for name in ("convolutional VAE", "LSTM VAE", "mixture")}, test, "convolutional VAE", mean_nats, n=300)
against_conv = versus["nats minus convolutional VAE"]
claim("at equal CPU time convolutions lead the LSTM by over 20 nats, interval and all", against_conv["LSTM VAE"].low > 20, against_conv["LSTM VAE"])
claim("the mixture leads the convolutional VAE by over 5 nats, interval and all", against_conv["mixture"].high < -5, against_conv["mixture"])
small = nats["factor analysis, 8"].mean() - nats["convolutional VAE"].mean()
claim("ten latents of a network are worth over 15 nats more than eight linear ones", small > 15, small)


def rounded(value):
    """A score with its interval, one decimal."""
    return f"{value.value:.1f} [{value.low:.1f}, {value.high:.1f}]" if hasattr(value, "low") else value


board = board.map(rounded)
board["CPU s"] = [f"{seconds[name]:.0f}" if name in seconds else "below 1" for name in board.index]
board
