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
# # Sound and speech: from a heart to symbols, without being told when
#
# After this notebook you can
# - **compute** a spectrogram, equal to scipy's, and choose its window by what must be told apart,
# - **judge** a network for heart murmurs beside measures of each phase of the beat, with paired intervals by patient,
# - **write** CTC's forward algorithm, equal to counting all paths, and train a network to write down what it hears, and
# - **count** the errors of a transcript, and say which of them matter.
#
# | needs | read | run | data |
# |---|---|---|---|
# | notebooks [12](12_gradient_descent.ipynb) and [40](40_sequence_models.ipynb) | 55 min | 60 s | simulated heart sounds |
#
# Below are 4 s of a simulated heart with a murmur, as when blood is pressed through a valve that is too narrow. The
# murmur is what a physician listens for, and it holds a twentieth of the energy of the recording. In the wave it is a
# thin fuzz between spikes. With headphones you may hear it (the small loudspeakers of a laptop swallow the low sounds).

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Audio
from scipy.signal import resample

from medlib.data import heart_sounds, load
from medlib.decisions import decide
from medlib.lesson import check, claim, setup

rng = setup(seed=0)
RATE = heart_sounds.RATE  # samples a second
quiet = load("heart_sounds", patients=40)
x, phase = quiet.x[27], quiet.masks[27]
Audio(resample(x, 4 * len(x)), rate=4 * RATE)

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Four seconds of a simulated heart: pairs of spikes, about five times. Below, the same recording between 170 and 290 hertz, magnified ten times: a band of noise fills the time between the first and the second spike of each pair."}} tags=["hide-input"]
from scipy.signal import butter, sosfiltfilt

t = np.arange(len(x)) / RATE
band = sosfiltfilt(butter(4, [170, 290], "bandpass", fs=RATE, output="sos"), x)
fig, axes = plt.subplots(2, 1, figsize=(7.4, 3.6), sharex=True)
axes[0].plot(t, x, linewidth=0.7)
axes[0].set(ylabel="height", title="Simulated heart sound: first sound, murmur, second sound")
axes[1].plot(t, 10 * band, linewidth=0.7, color="C1")
axes[1].set(xlabel="time (s)", ylabel="10 × height", title="Simulated, 170 to 290 Hz, ten times magnified", xlim=(0, 4))
for ax, edge in zip(axes, (0.8, 2), strict=True):
    ax.fill_between(t, -edge, edge, where=phase == 1, color="0.9", zorder=0)
plt.show()
share = np.sum(band[phase == 1] ** 2) / np.sum(x**2)
claim("the murmur has about a twentieth of the energy", 0.04 < share < 0.06, share)

# %% [markdown]
# The upper curve shows pairs of spikes: the *first sound* (the valves between atria and ventricles close) and the
# *second sound* (the valves to the arteries close). Between them, shaded, the ventricles empty: *systole*. Then they
# fill: *diastole*. The lower curve keeps only the frequencies of this murmur, ten times magnified. It fills each
# systole. (The spike at 3.32 s, in the fifth, is a click: a hand moved the microphone.) A physician who hears a murmur
# asks first: *when?* A systolic one may be harmless; one in diastole nearly always means disease, and ultrasound of the
# heart (echocardiography) follows.
#
# ## 1. What, and when: the spectrogram
#
# An ear tells frequencies apart, at every moment. The *short-time Fourier transform* does the same: cut out a piece of
# $N$ samples, fade its ends by a window $w$, and ask how much of each frequency it holds; then move on by $H$ samples.
# With $k$ the number of the frequency and $m$ that of the piece (the *frame*), its power is
#
# $$S_{m,k} = \Bigl|\sum_{n=0}^{N-1} w_n\, x_{mH+n}\, e^{-2\pi i k n/N}\Bigr|^2, \qquad
# w_n = \tfrac12 - \tfrac12\cos\frac{2\pi n}{N} \tag{45.1}$$
#
# Frequency $k$ is $k$ times the rate over $N$, in hertz. The window is Hann's.


# %% tags=["medlib:models.sound.spectrogram"]
def spectrogram(x, window=64, hop=20):
    """Power (..., frames, window // 2 + 1) of Hann-windowed pieces."""
    n = np.arange(window)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * n / window)
    starts = np.arange(0, x.shape[-1] - window + 1, hop)
    pieces = x[..., starts[:, None] + n] * hann
    return abs(np.fft.rfft(pieces)) ** 2


# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (45.1): against the sum as it is printed, and against scipy's; odd sizes, signals without symmetry
from scipy.signal import spectrogram as scipy_spectrogram

off, beside = [], []
for window, hop, length in ((64, 20, 900), (50, 7, 333), (32, 32, 200)):
    noise = rng.normal(size=length) + np.linspace(0, 3, length)
    ours = spectrogram(noise, window, hop)
    for m, k in ((0, 0), (1, 3), (len(ours) - 1, window // 2)):
        terms = [(0.5 - 0.5 * np.cos(2 * np.pi * n / window)) * noise[m * hop + n] * np.exp(-2j * np.pi * k * n / window) for n in range(window)]
        off.append(abs(abs(sum(terms)) ** 2 - ours[m, k]) / ours.max())
    theirs = scipy_spectrogram(noise, window="hann", nperseg=window, noverlap=window - hop, detrend=False, mode="complex", scaling="spectrum")[2]
    scale = (window / 2) ** 2  # scipy divides by the sum of the window
    beside.append(abs(abs(theirs.T) ** 2 * scale - ours).max() / ours.max())
claim("our five lines are the printed sum", max(off) < 1e-12, max(off))
claim("and scipy's spectrogram, for three windows and hops", max(beside) < 1e-12, max(beside))

# %% [markdown]
# A window cannot be narrow in time *and* in frequency. Take $w^2$ as a distribution over time and $|W|^2$, the
# power of its Fourier transform, as one over frequency. Their standard deviations obey
#
# $$\sigma_t\,\sigma_f \ge \frac{1}{4\pi} \approx 0.0796 \tag{45.2}$$
#
# with equality for a Gaussian window only (Gabor 1946). Whoever halves the blur in time doubles it in frequency.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (45.2): the two spreads measured, for Gaussians of four widths, Hann's windows of three, and others
def spreads(w, step):
    """σ in time (s) and in frequency (Hz) of a window with samples ``step`` seconds apart."""
    sizes = []
    for values, axis in ((w, np.arange(len(w)) * step), (np.fft.fft(w), np.fft.fftfreq(len(w), step))):
        power = abs(values) ** 2 / np.sum(abs(values) ** 2)
        middle = np.sum(power * axis)
        sizes.append(np.sqrt(np.sum(power * (axis - middle) ** 2)))
    return np.array(sizes)


axis = np.arange(-4000, 4000) * 0.0005
gauss = np.array([spreads(np.exp(-(axis**2) / (4 * s**2)), 0.0005) for s in (0.005, 0.01, 0.04, 0.16)])
hann = np.array([spreads(np.where(abs(axis) < s / 2, np.cos(np.pi * axis / s) ** 2, 0), 0.0005) for s in (0.016, 0.064, 0.256)])
others = [spreads(np.maximum(1 - abs(axis) / 0.1, 0), 0.0005), spreads(np.exp(-abs(axis) / 0.03), 0.0005)]
least = 1 / (4 * np.pi)
equal = np.allclose(gauss.prod(axis=1), least, rtol=1e-6) and np.allclose(gauss[:, 0], [0.005, 0.01, 0.04, 0.16])
claim("Gaussian windows reach the bound, whatever their width", equal, gauss.prod(axis=1))
above = [float(pair.prod()) for pair in (*hann, *others)]
claim("Hann's is within 3 % of it, and no other window comes below", 1 < min(above) / least and np.allclose(above[:3], least, rtol=0.03), above)

# %% [markdown]
# Under Hann's window of $N$ samples a pure tone is a hill. Two tones are, as a rule, two hills when they lie at least
# $2/N$ of the rate apart; at half of that they melt together. (In between it depends on how the two waves meet.)
#
# ### Your turn
#
# **45.1** Write `window_for(apart, rate)`: the smallest *even* number of samples whose window tells tones apart that
# lie `apart` hertz from each other.


# %%
def window_for(apart, rate):
    """The smallest even window (samples) that tells tones so many hertz apart."""
    return ...  # a whole number


check("45.1", window_for)


# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 45.1
def window_for(apart, rate):
    """The smallest even window (samples) that tells tones so many hertz apart."""
    return 2 * int(np.ceil(rate / apart))


check("45.1", window_for)

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Three spectrograms of the same simulated recording. Window of 16 milliseconds: sharp in time, all frequencies smeared upwards. 64 milliseconds: first and second sounds are blobs below 100 hertz, the murmur a cloud around 230 hertz between them. 256 milliseconds: fine lines in frequency, but first sound, murmur and second sound run together in time."}} tags=["hide-input"]
def decibels(power):
    """Loudness in decibels over the median."""
    values = 10 * np.log10(power + 1e-7)
    return values - np.median(values)


def show(x, ax, window=64, title="", hop=20):
    """A spectrogram of a recording in steps of 5 dB, time to the right and frequency upwards."""
    picture = 5 * np.round(decibels(spectrogram(x, window, hop)).T / 5)
    left, right = window / 2 / RATE, (len(x) - window / 2) / RATE
    image = ax.imshow(picture, origin="lower", aspect="auto", cmap="magma", vmin=-5, vmax=45, interpolation="nearest", extent=[left, right, 0, RATE / 2])
    ax.set(title=title, xlim=(0, len(x) / RATE), ylabel="frequency (Hz)")
    ax.grid(False)
    return image


fig, axes = plt.subplots(3, 1, figsize=(7.8, 5.6), sharex=True)
for ax, apart in zip(axes, (125, 31.25, 7.8125), strict=True):
    window = window_for(apart, RATE)
    image = show(x, ax, window, f"Simulated: window of {window} ms, for tones that are {apart:g} Hz apart")
fig.colorbar(image, ax=axes, label="decibels over the median", aspect=40)
axes[-1].set_xlabel("time (s)")
plt.show()
n = np.arange(4096)
dips = []
for apart in (31.25, 15.625):
    window = window_for(31.25, RATE)
    tones = [np.exp(2j * np.pi * f * np.arange(window) / RATE) for f in (200, 200 + apart)]
    w = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    fine = abs(np.fft.fft(w * (tones[0] + 1j * tones[1]), 8192)) ** 2
    at = [round(f * 8192 / RATE) for f in (200, 200 + apart / 2, 200 + apart)]
    dips.append(fine[at[1]] / min(fine[at[0]], fine[at[2]]))
claim("64 samples: two tones 31.25 Hz apart have a dip between them, at half that distance none", window == 64 and dips[0] < 0.6 and dips[1] > 0.95, dips)

# %% [markdown]
# The three pictures show the same 4 s. Bright is loud, in *decibels*: 10 dB more are ten times the power. With 16 ms
# every beat has its place, but a sound of 50 Hz is smeared over a hundred. With 256 ms frequencies are fine lines, and
# systole melts into its sounds. With 64 ms one sees both: the sounds below 100 Hz, and the murmur, a cloud around 230
# Hz between first and second sound. We keep 64.
#
# In speech, rows are also put on a scale of pitch. The *mel* scale (here O'Shaughnessy's formula of 1987) follows what
# listeners call equal steps:
#
# $$\mathrm{mel}(f) = 2595\,\log_{10}\!\left(1 + \frac{f}{700\,\mathrm{Hz}}\right) \tag{45.3}$$
#
# For speech, up to 8 kHz, that spends half of the rows below 1.8 kHz. Heart sounds lie below 500 Hz, where the curve is
# nearly straight; so we keep hertz.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (45.3): what it was made for (1,000 Hz are 1,000 mel), its slope, where its middle lies, how straight it begins
def mel(f):
    """Pitch in mel of a frequency in Hz."""
    return 2595 * np.log10(1 + f / 700)


slope = [(mel(f + 0.5) - mel(f - 0.5)) / (mel(0.5) - mel(-0.5)) for f in (700, 2100)]
half = 700 * (10 ** (mel(8000) / 2 / 2595) - 1)
claim("1,000 Hz are 1,000 mel, and a mel is twice as wide at 700 Hz as at 0, four times at 2,100", abs(mel(1000) - 1000) < 0.1 and np.allclose(slope, [1 / 2, 1 / 4], rtol=1e-4), [mel(1000), *slope])
grid = np.linspace(20, 500, 100)
bend = np.ptp(mel(grid) - np.polyval(np.polyfit(grid, mel(grid), 1), grid)) / np.ptp(mel(grid))
claim("half of the mels up to 8 kHz lie below 1,800 Hz; up to 500 Hz a straight line is within 7 %", 1700 < half < 1800 and bend < 0.07, [half, bend])

# %% [markdown]
# ## 2. Four kinds of hearts
#
# The recordings are **simulated**: 800 patients, two recordings of 4 s each. A sound is a pair of damped sinusoids,
# with the patient's own pitch and decay. A murmur is noise in a band, new in each beat; a *third sound* is a soft low
# thud early in diastole, as in heart failure (and in healthy young people). Breathing, clicks of the hand and hiss are
# added, twice as much as in a quiet room. Each kind is a quarter of the patients, as in no clinic. Left out are, among
# others, the low rumble of a narrow mitral valve, the fourth sound, and irregular rhythms; and a physician listens at
# four places of the chest or more, for where a murmur is loudest tells of its valve. Here is one place.

# %%
ds = load("heart_sounds", noise=2)
train, val, test = ds.split()
train.frame[["kind", "heart_rate", "loudness", "pitch_hz", "heard"]].iloc[:8:2].round(2)

# %% [markdown]
# The table shows a recording of each kind. *heard* lists what sounds in it, in order: 1, 2 and 3 for the sounds, s and
# d for a systolic and a diastolic murmur. The heart rate is a minute's; loudness is that of the murmur (or third sound)
# over the first sound.

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Four spectrograms of simulated recordings. Normal: pairs of blobs below 100 hertz. Systolic murmur: a cloud between first and second blob of each pair. Diastolic murmur: a cloud after the second blob, fading. Third sound: a third, low blob soon after the second. Vertical streaks are clicks, a broad haze is breathing."}} tags=["hide-input"]
fig, axes = plt.subplots(4, 1, figsize=(7.4, 6.6), sharex=True)
loud = train.frame["loudness"].to_numpy()
for k, ax in enumerate(axes):
    row = int(np.flatnonzero((train.y == k) & ((k == 0) | (loud > 0.15) & (loud < 0.4)))[4])
    show(train.x[row], ax, 64, f"Simulated: {heart_sounds.CLASSES[k]}")
    for at, letter in zip(train.frame["when"][row], train.frame["heard"][row], strict=True):
        ax.text(at, 440, letter, color="white", ha="center", fontsize=9)
axes[-1].set_xlabel("time (s)")
plt.show()

# %% [markdown]
# Each panel shows one kind (with a loud murmur or third sound), its sounds written above. Murmurs are clouds, and only
# their place between the letters 1 and 2 tells the kinds apart. The broad haze is breath, the streaks are clicks.
#
# Where is systole? It shortens with the rate $h$ (beats a minute). Weissler and others (1968) timed it in men from the
# Q wave of the ECG to the second sound, $0.546 - 0.0021\,h$ seconds; the first sound comes about .05 s after Q. From
# the first to the second sound, then,
#
# $$s = 0.496 - 0.0021\,h, \qquad d = 60/h - s \tag{45.4}$$
#
# where $d$ is what is left for diastole. At 60 a minute diastole is the longer one by .26 s. At 109 it is longer by 16
# ms. So in a fast heart the gaps hardly say which sound is the first, and with it, whether a murmur is systolic. (A
# physician then feels the pulse at the neck, which follows the first sound.)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (45.4): measured in what the recordings hold, from the phases of all training patients
def measured_gaps(part):
    """Heart rate, systole and diastole (s) of each recording, from the phases at each sample."""
    rows = []
    for phases in part.masks:
        first, second = (np.flatnonzero((phases[1:] == k) & (phases[:-1] != k)) for k in (0, 2))
        after = [second[second > s].min() for s in first if (second > s).any()]
        back = [first[first > s].min() for s in second if (first > s).any()]
        rows.append([60 * RATE / np.diff(first).mean(), np.mean(after - first[: len(after)]) / RATE, np.mean(back - second[: len(back)]) / RATE])
    return np.array(rows)


h, systole, diastole = measured_gaps(train).T
line = np.polyfit(h, systole, 1)
claim("systole against rate: the line of the formula", abs(line[0] + 0.0021) < 0.0002 and abs(np.polyval(line, 80) - 0.328) < 0.004, line)
gap = diastole - systole
fast, slow = gap[h > 100].mean(), gap[h < 65].mean()
expected = [np.mean(60 / h[chosen] - 2 * (0.496 - 0.0021 * h[chosen])) for chosen in (h > 100, h < 65)]
claim("diastole minus systole is what the formula says, in fast hearts and in slow ones", np.allclose([fast, slow], expected, atol=0.012), [fast, slow, *expected])

# %% [markdown]
# ## 3. Which kind? The rivals first
#
# **What a physician listens for**: how loud is each band of frequencies in each phase of the beat? For that one must
# find the phases. A peak finder marks the loud moments below 120 Hz. A logistic regression looks at what surrounds a
# peak (six bands, 16 moments, the distances to its neighbours) and says how likely it is a first, second or third
# sound, or none. A *hidden Markov chain* for each kind of heart knows what follows what, counted in the training
# recordings, and picks the likeliest names for all peaks together (Viterbi 1967). To learn that, both were **told
# when** every sound of the training recordings occurs. A second regression, on the mean loudness in each phase, names
# the kind.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from medlib.models import sound

parts = train, val, test
people = [set(part.groups) for part in parts]
claim("480 patients to learn from, 120 to choose by, 200 to report on, and none of them in two parts", [len(some) for some in people] == [480, 120, 200] and len(set.union(*people)) == 800, [len(some) for some in people])
pictures = [sound.loudness(part.x) for part in parts]
mean, sd = decide("scale of the pictures", [pictures[0].mean(axis=(0, 1)), pictures[0].std(axis=(0, 1))])
pictures = [(picture - mean) / sd for picture in pictures]
AT_PEAK = ("", "1", "2", "3", "1s", "2d")  # nothing; a sound; a sound with a murmur behind it


def named(part, peaks):
    """For each peak the number of what is heard there, from the true times."""
    found = []
    for places, letters, when, kind in zip(peaks, part.frame["heard"], part.frame["when"], part.y, strict=True):
        sounds = [(at, letter) for at, letter in zip(when, letters, strict=True) if letter in "123"]
        row = []
        for place in places / RATE:
            at, letter = min(sounds, key=lambda pair: abs(pair[0] - place))
            name = letter + {("1", 1): "s", ("2", 2): "d"}.get((letter, kind), "") if abs(at - place) < 0.06 else ""
            row.append(AT_PEAK.index(name))
        found.append(np.array(row, int))
    return found


def best_of(models, known, watched):
    """The model with the highest accuracy on the validation patients, all of them fitted on the training patients."""
    fitted = [make_pipeline(StandardScaler(), model).fit(known, train.y) for model in models]
    return fitted[int(np.argmax([model.score(watched, val.y) for model in fitted]))]


def penalties():
    return [LogisticRegression(C=C, max_iter=3000) for C in (0.01, 0.1, 1)]


peaks = [sound.sound_peaks(part.x, RATE) for part in parts]
around = [sound.peak_measures(part.x, places, RATE) for part, places in zip(parts, peaks, strict=True)]
template = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
true_names = named(train, peaks[0])
template.fit(np.concatenate(around[0]), np.concatenate(true_names))
decide("templates at the peaks", template[-1])
how_likely = [[template.predict_proba(rows) for rows in part] for part in around]

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# The chains: for each kind twelve states, the six names of a peak and "nothing, since this name"
begins, follows = np.full(48, 0.02), 0.02 * np.kron(np.eye(4), np.ones((12, 12)))
for names, kind in zip(true_names, train.y, strict=True):
    states, last = [], 0
    for name in names:
        states.append(12 * kind + (name or 6 + last))
        last = name or last
    begins[states[0]] += 1
    np.add.at(follows, (states[:-1], states[1:]), 1)
decide("chains", [begins, follows])
name_of = np.array([state % 12 if state % 12 < 6 else 0 for state in range(48)])
usual = np.bincount(np.concatenate(true_names), minlength=6) / sum(map(len, true_names))
with np.errstate(divide="ignore"):
    chain = np.log(begins / begins.sum()), np.log(follows / follows.sum(axis=1, keepdims=True))


def in_a_chain(rows):
    """The names of one recording's peaks, from the probabilities of each (peaks, names)."""
    return name_of[sound.likeliest_states(*chain, np.log(rows / usual)[:, name_of])]


at_peaks = [[in_a_chain(rows) for rows in part] for part in how_likely]

# %% jupyter={"source_hidden": true} tags=["hide-input"]
def phases_from(peaks, names):
    """The phase at each sample (recordings, samples), from the peaks that were called first or second sound; -1 before."""
    found = np.full((len(peaks), RATE * heart_sounds.SECONDS), -1)
    for row, places, labels in zip(found, peaks, names, strict=True):
        for place, label in zip(places, labels, strict=True):
            if AT_PEAK[label][:1] in ("1", "2"):
                k = 2 * int(AT_PEAK[label][0]) - 2
                row[place:] = k + 1
                row[max(place - 40, 0) : place + 50] = k
    return found


def by_phase(picture, phases):
    """Mean loudness of each frequency in each of the four phases (recordings, 4 · frequencies)."""
    frames = phases[:, 32 + 20 * np.arange(picture.shape[1])]
    means = []
    for k in range(4):
        share = (frames == k) / np.maximum(np.sum(frames == k, axis=1, keepdims=True), 1)
        means.append(np.einsum("nt,ntf->nf", share, picture))
    return np.concatenate(means, axis=1)


def over_time(picture):
    """Mean, deviation and high values of each frequency, whenever they occur."""
    return np.concatenate([picture.mean(axis=1), picture.std(axis=1), np.quantile(picture, 0.9, axis=1)], axis=1)


kinds = {}
for name, rows, models in (
    ("each band, whenever", [over_time(picture) for picture in pictures], penalties()),
    ("nearest neighbour", [picture[:, ::4, ::2].reshape(len(picture), -1) for picture in pictures], [KNeighborsClassifier(k) for k in (1, 5, 15)]),
    ("phases found", [by_phase(*pair) for pair in zip(pictures, map(phases_from, peaks, at_peaks), strict=True)], penalties()),
    ("the true phases", [by_phase(picture, part.masks) for picture, part in zip(pictures, parts, strict=True)], penalties()),
):
    model = best_of(models, *rows[:2])
    decide(name, model[-1] if hasattr(model[-1], "coef_") else model[-1].n_neighbors)
    kinds[name] = model.predict_proba(rows[2])

# %% [markdown]
# **The network** reads the spectrogram along time; the 33 frequencies are its channels. A convolution makes a step of
# four frames (80 ms), two more look at the neighbours; a recurrent layer of gated units (GRU, a lighter LSTM) reads
# forwards and backwards. The mean and the maximum over time give four logits. It gets one label a recording, and is not
# told what a beat is.

# %%
import keras

from medlib.models.training import fit


def trained(network, answers, loss, name):
    """Trained for 500 steps of 32 recordings, with a step size that falls to 0."""
    rates = keras.optimizers.schedules.CosineDecay(8e-3, 500)
    network.compile(keras.optimizers.Adam(rates, clipnorm=1.0), loss)
    fit(network, pictures[0], answers, batch_size=32, label=name)
    return decide(name, network)


# %%
shape = pictures[0].shape[1:]  # frames, frequencies
entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
network = sound.build_listener(shape, 4, pooled=True)
network = trained(network, train.y, entropy, "network")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from medlib.metrics import score_table


def accuracy(y, p):
    """The share of recordings whose largest score belongs to their kind."""
    return np.mean(p.argmax(axis=1) == y)


def sensitivity(y, p):
    """Of the recordings with a murmur, the share that is called one of the two murmurs."""
    return np.mean(np.isin(p.argmax(axis=1), (1, 2))[np.isin(y, (1, 2))])


def specificity(y, p):
    """Of the recordings without a murmur, the share that is called neither."""
    return np.mean(~np.isin(p.argmax(axis=1), (1, 2))[~np.isin(y, (1, 2))])


kinds["network"] = network.predict(pictures[2], verbose=0)
kinds["calls all normal"] = np.tile([1.0, 0, 0, 0], (len(test), 1))
scores = score_table(kinds, test, against="phases found", scores={"kind right": accuracy, "sensitivity": sensitivity, "specificity": specificity})
scores.iloc[:, [0, 1, 2, 4]].astype(str)

# %% [markdown]
# The table shows the share of test recordings whose kind is named rightly, with 95 % intervals by patient, the paired
# distance to the phases found, and sensitivity and specificity for the two murmurs together. **Timing decides, but not
# everything.** *Whether* there is a murmur, the loudness of each band tells *whenever* it occurs, as well as the phases
# do. *Which* murmur it is, it gets right in six of ten, where a coin would in five; so it names two kinds in three.
# (The nearest neighbour of the whole picture names one in three, for beats begin anywhere.) Phase by phase the same
# bands name nearly nine in ten, and about as many with the true phases, which only a simulation knows.
#
# **The network is ahead**, with well over nine in ten, and the interval of the difference leaves 0 out. From 960 labels
# it found out what a beat is. The rival was told, and where; but it keeps only a mean for each phase, and the network
# may use what happens inside. (The intervals know of other patients, not of another start of the training.)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
right = scores["kind right"]
minus = scores["kind right minus phases found"]
claim("the network names well over nine in ten, and the interval of its lead over the phases found leaves 0 out", right["network"].value > 0.92 and minus["network"].low > 0, [right["network"], minus["network"]])
near = minus["the true phases"].value
claim("the measures of the phases found name nearly nine in ten, with the true phases about as many", 0.82 < right["phases found"].value < 0.94 and 0.88 < right["the true phases"].value < 0.95 and abs(near) < 0.05, [right["phases found"], right["the true phases"]])
whenever = [scores[name]["each band, whenever"].value - scores[name]["phases found"].value for name in ("sensitivity", "specificity")]
both = [scores[name]["phases found"].value for name in ("sensitivity", "specificity")]
claim("whether there is a murmur, the bands tell without time as well as the phases do, to within five in a hundred: both some nine in ten", max(map(abs, whenever)) < 0.05 and 0.82 < min(both) and max(both) < 0.97, [*whenever, *both])
called = kinds["each band, whenever"].argmax(axis=1)
heard_as = np.mean((called == test.y)[np.isin(test.y, (1, 2)) & np.isin(called, (1, 2))])
claim("but which murmur, they get right in six of ten of these, where a coin would in five", 0.52 < heard_as < 0.7, heard_as)
claim("without time the same bands name two in three, the nearest neighbour one in three", 0.6 < right["each band, whenever"].value < 0.75 and 0.28 < right["nearest neighbour"].value < 0.45, [right["each band, whenever"], right["nearest neighbour"]])

# %% [markdown]
# ## 4. From frames to symbols, without being told when
#
# One label a recording is little. What a physician hears is a sequence: *first sound, murmur, second sound*. Could a
# network write that down, as a machine for dictation writes words? The trouble is time: nobody wants to mark where each
# sound begins. *Connectionist temporal classification* (CTC; Graves and others 2006) needs the sequence alone.
#
# At each frame the network gives a probability to every symbol, and to one more, the *blank* (0): nothing new. A *path*
# is one symbol a frame. A path is **collapsed** by merging runs of equal symbols, then dropping the blanks. So 0 1 1 0
# 2 and 1 0 0 2 2 both say 1 2, and 1 0 1 says 1 1.
#
# ### Your turn
#
# **45.2** Write `collapse(path)`: from a list of symbol numbers to the list that it says. 0 is the blank.


# %%
def collapse(path):
    """Merge runs of equal symbols, then drop the blanks (0)."""
    return ...  # a list


check("45.2", collapse)


# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 45.2
def collapse(path):
    """Merge runs of equal symbols, then drop the blanks (0)."""
    said, last = [], 0
    for k in path:
        if k not in (last, 0):
            said.append(int(k))
        last = k
    return said


check("45.2", collapse)

# %% [markdown]
# Let $y_{t,k}$ be the probability of symbol $k$ at frame $t$, of $T$ frames. A label $\ell$ is right if any path was
# taken that says it, so its probability is a sum over paths $\pi$:
#
# $$p(\ell) = \sum_{\pi\,:\,\mathrm{collapse}(\pi) = \ell}\ \prod_{t=1}^{T} y_{t,\pi_t} \tag{45.5}$$
#
# How many paths are that? If $\ell$ has $L$ symbols, $r$ of which equal the one before,
#
# $$\#\{\pi : \mathrm{collapse}(\pi) = \ell\} = \binom{T + L - r}{2L} \tag{45.6}$$
#
# For 4 s of a heart, 50 steps of 80 ms and twelve symbols, these are 97 million billion. The *forward algorithm* needs
# 50 × 25 steps instead. Put blanks around all symbols: 1 2 becomes the states 0 1 0 2 0. A path stays in its state $j$,
# moves on by one, or skips a blank between two symbols that differ. With $\alpha_t(j)$ the probability of all
# beginnings that are in state $j$ at frame $t$, and $s_j$ the symbol of the state,
#
# $$\alpha_t(j) = y_{t,s_j}\left(\alpha_{t-1}(j) + \alpha_{t-1}(j-1) + [\,s_j \ne 0,\ s_j \ne s_{j-2}\,]\ \alpha_{t-1}(j-2)\right) \tag{45.7}$$
#
# where $[\ ]$ is 1 if all is true, else 0. It begins in the first state, with probability 1 before the first frame. At
# the end $p(\ell)$ is the sum over the last two states.


# %% tags=["medlib:models.sound.log_likelihood"]
def log_likelihood(probs, label):
    """ln p(label) from the probabilities (frames, symbols) of each frame."""
    states = np.zeros(2 * len(label) + 1, int)
    states[1::2] = label
    two_back = np.append([0, 0], states)[: len(states)]
    skip = (states != 0) & (states != two_back)
    alpha, total = np.eye(len(states))[0], 0.0
    for p in probs:
        before = np.append([0.0, 0.0], alpha)
        alpha = (alpha + before[1:-1] + skip * before[:-2]) * p[states]
        total = total + np.log(alpha.sum())
        alpha = alpha / alpha.sum()
    return total + np.log(alpha[-2:].sum())


# %% [markdown]
# The last two lines of the loop only keep the numbers from vanishing: the sum is taken out at each frame, and its
# logarithm kept.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equations (45.5), (45.6) and (45.7): every path of 4 symbols over 7 frames, sorted by what it says; and TensorFlow's loss
from itertools import product
from math import comb

import tensorflow as tf

y = rng.dirichlet([0.7] * 4, 7)
by_label, count = {}, {}
for path in product(range(4), repeat=7):
    label = tuple(collapse(path))
    by_label[label] = by_label.get(label, 0) + np.prod(y[np.arange(7), list(path)])
    count[label] = count.get(label, 0) + 1
off = [abs(np.exp(log_likelihood(y, label)) / p - 1) for label, p in by_label.items()]
claim("all 16,384 paths: the forward algorithm gives each of 865 labels the sum of its paths, to 1e-12", max(off) < 1e-12 and len(off) == 865, [len(off), max(off)])
whole = sum(np.exp(log_likelihood(y, label)) for label in by_label)
claim("the probabilities of all labels add up to one", abs(whole - 1) < 1e-12, whole - 1)
wanted = [comb(7 + len(label) - sum(a == b for a, b in zip(label, label[1:], strict=False)), 2 * len(label)) for label in count]
claim("the number of paths of each label is the formula's", wanted == list(count.values()), max(wanted))
assert round(comb(50 + 12, 24) / 1e15) == 97, "the number in the text"
long, text = rng.dirichlet([0.3] * 6, 1500), list(rng.integers(1, 6, 300))
theirs = sound.ctc_loss(np.array([text]), np.log(long[None] + 1e-30).astype("float32")).numpy()[0]
plain = np.prod(long.max(axis=1))
claim("1,500 frames: TensorFlow's loss agrees, where a plain product of the likeliest symbols is 0 in double precision or near it", abs(theirs / -log_likelihood(long, text) - 1) < 1e-4, [theirs, -log_likelihood(long, text), plain])

# %% [markdown]
# Our loop equals counting, and the library. What does training hear? The logits $a_{t,k}$, from which
# softmax makes $y_{t,k}$, get the slope
#
# $$\frac{\partial\,(-\ln p(\ell))}{\partial a_{t,k}} = y_{t,k} - \gamma_{t,k} \tag{45.8}$$
#
# with $\gamma_{t,k}$ the share of $p(\ell)$ that belongs to paths with symbol $k$ at frame $t$. It is softmax's usual
# slope, probability minus target; but the target is what the network itself believes about *when*, given what was said.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (45.8): shares counted among all paths, against TensorFlow's slope; a label with a repeated symbol
label = (2, 2, 1)
gamma = np.zeros_like(y)
for path in product(range(4), repeat=7):
    if tuple(collapse(path)) == label:
        gamma[np.arange(7), list(path)] += np.prod(y[np.arange(7), list(path)]) / by_label[label]
logits = tf.constant(np.log(y)[None])
with tf.GradientTape() as tape:
    tape.watch(logits)
    loss = sound.ctc_loss(np.array([label]), tf.cast(logits, "float32"))
slope = tape.gradient(loss, logits)[0].numpy()
claim("the slope is probability minus share, at every frame and symbol", abs(slope - (y - gamma)).max() < 1e-5 and abs(gamma.sum(axis=1) - 1).max() < 1e-12, abs(slope - (y - gamma)).max())

# %% [markdown]
# ## 5. A network that writes down what it hears
#
# The *listener* has the layers of section 3, and is trained for as many steps. Only its end differs: instead of the
# mean over time, each step of 80 ms gets six logits. Its labels are the letters heard, as numbers, in their order. No
# times.

# %%
LETTERS = "·" + heart_sounds.SYMBOLS  # the blank, then 1 2 3 s d


def numbers(texts, longest=24):
    """The letters as numbers, each row filled up with 0."""
    rows = [[LETTERS.index(letter) for letter in text] for text in texts]
    return np.array([row + [0] * (longest - len(row)) for row in rows])


# %%
listener = sound.build_listener(shape, symbols=len(LETTERS))
letters = numbers(train.frame["heard"])
listener = trained(listener, letters, sound.ctc_loss, "listener")
probs = tf.nn.softmax(listener.predict(pictures[2], verbose=0)).numpy()

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Above, the spectrogram of a simulated recording from a test patient, with the true letters at their times. Below, the listener's probability of each symbol over time: the letters hand over to one another in the order 1, s, 2, near the true times and not exactly at them."}} tags=["hide-input"]
step = 0.08
times = 0.032 + step * np.arange(probs.shape[1])
row = int(np.flatnonzero((test.y == 1) & (test.frame["loudness"] > 0.1))[3])
fig, axes = plt.subplots(2, 1, figsize=(7.4, 4.4), sharex=True)
show(test.x[row], axes[0], 64, "Simulated: a test patient, with the true letters")
for at, letter in zip(test.frame["when"][row], test.frame["heard"][row], strict=True):
    axes[0].text(at, 440, letter, color="white", ha="center", fontsize=9)
    axes[1].axvline(at, color="0.7", linestyle=":", linewidth=0.8)
for k, letter in enumerate(LETTERS[1:], 1):
    axes[1].plot(times, probs[row, :, k], label=letter)
axes[1].set(xlabel="time (s)", ylabel="probability", title="Simulated: what the listener hears (dotted: the true times)", xlim=(0, 4), ylim=(0, 1.3))
axes[1].legend(ncols=5, fontsize=8, loc="upper right")
plt.show()
late, chance = [], []
for p, when, text in zip(probs, test.frame["when"], test.frame["heard"], strict=True):
    for k in (1, 2):
        true = np.array([at for at, letter in zip(when, text, strict=True) if letter == LETTERS[k]])
        frames = times[p[:, k] > 0.5]
        late += [abs(frame - true).min() for frame in frames if len(true)]
        chance += [abs(frame - true).min() for frame in rng.uniform(0, 4, len(frames)) if len(true)]
halfway, by_lot = np.median(late), np.median(chance)
claim("steps that say first or second sound lie about a twentieth to a tenth of a second from one (median); drawn by lot, a fifth", 0.035 < halfway < 0.13 and 0.17 < by_lot < 0.22, [halfway, by_lot])

# %% [markdown]
# The lower panel shows the letters handing over to one another, 1, s and 2 in each beat, in the right order. They are
# not tied to the dotted times: a letter may last one step or several, and begin before its sound or after it. The
# median step that says 1 or 2 lies a twentieth to a tenth of a second from such a sound (drawn by lot, it would be a
# fifth). The loss asks for the order alone. (Two equal letters never follow one another in a heart, so it may say the
# blank between letters, or not.) Whoever needs the time needs labels with times.
#
# To read the answer, take the likeliest symbol of each frame and collapse: *greedy decoding*. How good is the
# transcript? Count the fewest **edits** that make it right: letters to delete, insert, or replace. With $D_{i,j}$ the
# edits between the first $i$ letters of $a$ and the first $j$ of $b$ (Levenshtein 1966),
#
# $$D_{i,j} = \min\left(D_{i-1,j} + 1,\; D_{i,j-1} + 1,\; D_{i-1,j-1} + [a_i \ne b_j]\right), \qquad D_{i,0} = i,\; D_{0,j} = j \tag{45.9}$$
#
# Edits over letters that were to be written is the *token error rate*; with words for letters, the *word error rate*
# of dictation.
#
# ### Your turn
#
# **45.3** Write `edit_distance(a, b)` for two texts.


# %%
def edit_distance(a, b):
    """The fewest deletions, insertions and replacements from a to b."""
    return ...  # a whole number


check("45.3", edit_distance)


# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 45.3
def edit_distance(a, b):
    """The fewest deletions, insertions and replacements from a to b."""
    above = list(range(len(b) + 1))
    for i, letter in enumerate(a, 1):
        row = [i]
        for j, other in enumerate(b, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (letter != other)))
        above = row
    return above[-1]


check("45.3", edit_distance)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (45.9): against trying out all edits, one after the other, until the other text appears
def tried(a, b):
    """How many rounds of single edits it takes to reach b."""
    known, rounds = {a}, 0
    while b not in known:
        cut = {text[:i] + text[i + 1 :] for text in known for i in range(len(text))}
        put = {text[:i] + letter + text[i:] for text in known for i in range(len(text) + 1) for letter in "12s"}
        swapped = {text[:i] + letter + text[i + 1 :] for text in known for i in range(len(text)) for letter in "12s"}
        known, rounds = known | cut | put | swapped, rounds + 1
    return rounds


texts = ["".join(rng.choice(list("12s"), rng.integers(0, 5))) for _ in range(24)]
same = [edit_distance(a, b) == tried(a, b) for a, b in zip(texts[::2], texts[1::2], strict=True)]
claim("twelve pairs of texts: the recursion finds what trying all edits finds", all(same), sum(same))

# %% [markdown]
# More contestants. The peaks of section 3 write, too, each by itself or all in a chain; remember that they *were* told
# the times. And *beam search* reads the listener's probabilities better than the greedy way: it keeps the eight best
# beginnings and adds up the paths of each, as (45.5) asks.

# %%
greedy = ["".join(LETTERS[k] for k in collapse(p.argmax(axis=1))) for p in probs]
beam = ["".join(LETTERS[k] for k in sound.beam_search(p, width=8)) for p in probs]
likeliest = [rows.argmax(axis=1) for rows in how_likely[2]]
each_alone = ["".join(AT_PEAK[k] for k in names) for names in likeliest]
in_chain = ["".join(AT_PEAK[k] for k in names) for names in at_peaks[2]]

# %% jupyter={"source_hidden": true} tags=["hide-input"]
def kind_of(text):
    """The kind that a transcript speaks of: whichever of s, d and 3 is written most often, at least twice; else normal."""
    counts = [1.5, text.count("s"), text.count("d"), text.count("3")]
    return int(np.argmax(counts))


assert kind_of("12s1212") == 0 and kind_of("1s21s21d2") == 1, "one stray letter makes no murmur"


def errors(texts):
    """Edits, letters, and whether the kind is right, one row a recording."""
    return np.array([[edit_distance(text, heard), len(heard), kind_of(text) == k] for text, heard, k in zip(texts, test.frame["heard"], test.y, strict=True)])


written = {"peaks, each alone": errors(each_alone), "peaks in a chain": errors(in_chain)}
written |= {"listener, greedy": errors(greedy), "listener, beam": errors(beam)}
marks = {
    "token error rate": lambda y, p: p[:, 0].sum() / p[:, 1].sum(),
    "without any error": lambda y, p: np.mean(p[:, 0] == 0),
    "kind right": lambda y, p: p[:, 2].mean(),
}
transcripts = score_table(written, test, against="peaks in a chain", scores=marks)
transcripts.iloc[:, [0, 1, 2, 4]].astype(str)

# %% [markdown]
# The table shows errors a letter, the share of recordings without any error, and how often the letters name the right
# kind. **The listener makes two to four errors in a hundred letters; the peaks in a chain, which were told every time,
# about six; each peak alone, eleven.** The interval of the difference leaves 0 out. Seven transcripts in ten or more
# are perfect, against six in ten of the chain's. Beam search gains next to nothing: most probabilities are so near 0 or
# 1 that one path holds nearly all of it. The letters also name the kind. Better than one word does?

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Left: share of murmurs that are named rightly, against how loud they are, in four groups of simulated test recordings, with intervals, for the phases found, the peaks in a chain, the network with one word a recording, and the listener. All name nearly all of the loud ones; of the faintest the phases found name some six in ten, the others more. Right: the listener's share minus each of the others, paired by patient; its distance to the network is near 0 in every group, to the phases found it is largest for the faintest."}} tags=["hide-input"]
right = {
    "peaks, each alone": written["peaks, each alone"][:, 2],
    "phases found": kinds["phases found"].argmax(axis=1) == test.y,
    "peaks in a chain": written["peaks in a chain"][:, 2],
    "network, one word": kinds["network"].argmax(axis=1) == test.y,
    "listener, letters": written["listener, greedy"][:, 2],
}
right = {name: np.column_stack([hit, hit]) for name, hit in right.items()}
level = test.frame["loudness"].to_numpy()
edges = np.exp(np.linspace(np.log(0.03), np.log(0.3), 5))


def kind_right(rows, against):
    """Shares named rightly among some test recordings, by patient, and paired differences."""
    some = {name: hit[rows] for name, hit in right.items()}
    return score_table(some, test[rows], against=against, scores={"share": lambda y, p: p[:, 0].mean()})


groups = [np.flatnonzero(np.isin(test.y, (1, 2)) & (level >= low) & (level < high)) for low, high in zip(edges, edges[1:], strict=False)]
tables = [kind_right(rows, "listener, letters") for rows in groups]
fig, axes = plt.subplots(1, 2, figsize=(9.2, 3.8), sharex=True)
centres = np.sqrt(edges[1:] * edges[:-1])
for place, (name, marker) in enumerate(zip(list(right)[1:], "oDsv", strict=True)):
    for ax, column, sign in ((axes[0], "share", 1), (axes[1], "share minus listener, letters", -1)):
        if sign < 0 and name == "listener, letters":
            continue
        cells = [table[column][name] for table in tables]
        value = sign * np.array([cell.value for cell in cells])
        ends = sign * np.array([[cell.low, cell.high] for cell in cells])
        bars = abs(np.sort(ends, axis=1).T - value)
        ax.errorbar(centres * 1.07 ** (place - 1.5), value, bars, marker=marker, markersize=5, capsize=2, linewidth=1, color=f"C{place}", label=name)
axes[0].set(xscale="log", ylim=(0.4, 1.03), ylabel="share named rightly", title="Simulated test patients with a murmur")
axes[1].set(ylabel="listener's share minus the other's", title="Simulated: paired, by patient")
axes[1].axhline(0, color="0.5", linestyle=":")
for ax in axes:
    ax.set_xticks([0.04, 0.07, 0.13, 0.22], ["0.04", "0.07", "0.13", "0.22"])
    ax.minorticks_off()
    ax.set_xlabel("loudness of the murmur over the first sound's")
axes[0].legend(fontsize=8, loc="lower right")
plt.show()
everybody = np.arange(len(test))
ahead = {name: kind_right(everybody, name)[f"share minus {name}"]["listener, letters"] for name in right if name != "listener, letters"}
pd.Series(ahead, name="listener ahead of").astype(str)

# %% [markdown]
# The left panel shows the share of murmurs named rightly, by loudness, with 95 % intervals by patient; the right one
# what the listener names more often than each of the others, paired. Loud murmurs are found by all. Of the faintest, a
# twentieth of the first sound or less, the two networks name seven to nine in ten, the phases found six, the chain
# seven (25 patients a group, hence the wide intervals, and nine or seven with the start of the training). The table
# counts all kinds: the listener is ahead of the phases and of the chain, and the intervals leave 0 out; of the peaks,
# each alone, by a few in a hundred. **It is not ahead of the network that heard one word a recording**: the same
# layers, trained for as long, and less than four in a hundred between them.
#
# So the letters did not make the diagnosis better: for these layers one word is enough. What the letters buy is a text
# that can be held against the recording. "Systolic murmur" must be believed; 1s21s21s2 can be checked, beat by beat. It
# has a price: somebody must listen and write. The price of the peaks is higher: somebody must also mark the times.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
rate, clean = transcripts["token error rate"], transcripts["without any error"]
claim("the listener makes two to four errors in a hundred letters, the peaks in a chain about six, each alone eleven", 0.015 < rate["listener, greedy"].value < 0.045 and 0.05 < rate["peaks in a chain"].value < 0.075 and 0.1 < rate["peaks, each alone"].value < 0.13, list(rate))
gain = transcripts["token error rate minus peaks in a chain"]["listener, greedy"]
claim("the interval of the difference leaves 0 out", gain.high < 0, gain)
claim("seven of its transcripts in ten or more are perfect, of the chain's about six", clean["listener, greedy"].value > 0.68 and 0.55 < clean["peaks in a chain"].value < 0.7, list(clean))
better = rate["listener, greedy"].value - rate["listener, beam"].value
claim("beam search gains less than half an error in a hundred", abs(better) < 0.005, better)
faint, louder = tables[0]["share"], [table["share"] for table in tables[1:]]
nets = ["network, one word", "listener, letters"]
low, high = (side(faint[name].value for name in nets) for side in (min, max))
phases, chained = faint["phases found"].value, faint["peaks in a chain"].value
claim("of the faintest murmurs the two networks name seven to nine in ten, the phases found six, the chain seven", 0.66 < low and high < 0.95 and 0.55 < phases < 0.68 and 0.66 < chained < 0.8, {name: faint[name].value for name in right})
claim("of the louder ones all name most", min(share[name].value for share in louder for name in right) > 0.75, [share[name].value for share in louder for name in right])
told_when = [ahead[name] for name in ("phases found", "peaks in a chain", "peaks, each alone")]
claim("over all kinds the listener is ahead of the phases and the chain, and the intervals leave 0 out; of the peaks, each alone, by two to eight in a hundred", min(gap.low for gap in told_when[:2]) > 0 and 0.01 < told_when[2].value < 0.085, told_when)
claim("between the listener and the network with one word lie less than four in a hundred", abs(ahead["network, one word"].value) < 0.04, ahead["network, one word"])

# %% [markdown]
# ## 6. Speech in a clinic: which errors matter
#
# A machine for dictation is our listener, larger: frames of a spectrogram in, letters or pieces of words out, CTC or
# its successors between. What can go wrong is here in five frames. Somebody dictates a dose, "one zero zero
# milligrams"; the machine knows the symbols blank, 1 and 0.

# %%
said = "·10"
dose = np.array(
    [[0.10, 0.85, 0.05], [0.05, 0.55, 0.40], [0.60, 0.10, 0.30]]
    + [[0.80, 0.15, 0.05], [0.05, 0.05, 0.90]]
)
quick = "".join(said[k] for k in collapse(dose.argmax(axis=1)))
thorough = "".join(said[k] for k in sound.beam_search(dose, width=50))
print(f"greedy: {quick} mg    beam: {thorough} mg")

# %% [markdown]
# Greedy decoding takes the likeliest symbol of each frame. The first zero was mumbled and lost against a 1, so it
# writes 10 mg. All paths together speak for 100 mg, .352 against .340, and beam search finds that. A tenfold dose hangs
# on one hundredth of probability. The edit distance is 1 either way, as for a comma; the rate cannot tell them apart. A
# system that shows how near its second guess is, and asks, is worth more than one with a slightly smaller rate.
#
# What is known of real ones? Zhou and others (2018) compared 217 dictated notes with their recordings. Of a hundred
# words
# 7.4 were wrong as the machine wrote them, .4 after a transcriptionist, and .3 when the physician signed; of the machine's
# errors 5.7 in a hundred mattered clinically. If errors fell independently, a note of twenty words at 7.4 % would be
# free of them one time in five. (They come in clusters, as those of our listener do, so it is rather more often.)
# Reading it over is not a formality. A language model behind the listener (notebook [42](42_case_reports.ipynb)) mends
# much, for it knows which words follow which. It mends towards what is *usual*, and a dose, a side or a "not" may be
# the unusual word that was said.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
each = {}
for path in product(range(3), repeat=5):
    text = "".join(said[k] for k in collapse(path))
    each[text] = each.get(text, 0) + np.prod(dose[np.arange(5), list(path)])
winner = max(each, key=each.get)
ten, hundred = each["10"], each["100"]
claim("greedy says 10; all paths together speak for 100, .352 against .340, and beam search finds it", quick == "10" and winner == thorough == "100" and abs(hundred - 0.352) + abs(ten - 0.340) < 0.001, [hundred, ten])
alone = (1 - rate["listener, greedy"].value) ** np.mean([len(heard) for heard in test.frame["heard"]])
claim("our listener: more transcripts are perfect than if its errors were independent; errors come in clusters", clean["listener, greedy"].value - alone > 0.03, [clean["listener, greedy"].value, alone])
note = 0.926**20
claim("twenty words with 7.4 % errors: free of them one time in five", abs(note - 0.2) < 0.02, note)

# %% [markdown]
# ## On real data
#
# Real heart sounds are many and free (PhysioNet's challenge of 2016: 3,126 recordings), but in no library that this
# course installs. Bring your own: recordings of 4 s or more, as .wav files in the folder `heart_sounds` of
# `MEDLIB_DATA`. The way from a file to letters is tried first on a simulated recording, which is written as a file and
# read back.
#
# A real heart's *electric* signal is in a library: PyWavelets brings 1,024 samples of an ECG. We ask of it what page
# 40 asked of simulated ones, where its beats are, and of our spectrogram, whether it sees them.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
import os
import tempfile
from pathlib import Path

from scipy.io import wavfile


def letters_of(file):
    """What the listener writes of a .wav file."""
    picture = (sound.loudness(heart_sounds.read(file)[None]) - mean) / sd
    return "".join(LETTERS[k] for k in collapse(listener.predict(picture, verbose=0)[0].argmax(axis=1)))


with tempfile.TemporaryDirectory() as folder:
    file = Path(folder) / "simulated.wav"
    twice = resample(test.x[row], 2 * len(test.x[row]))  # 2,000 samples a second, as in PhysioNet's files
    wavfile.write(file, 2 * RATE, np.int16(30000 * twice / abs(twice).max()))
    again = letters_of(file)
claim("a simulated recording, written as a .wav file and read back: the same letters, or one apart", edit_distance(again, greedy[row]) <= 1, [again, greedy[row]])
own = sorted(Path(os.environ["MEDLIB_DATA"]).glob("heart_sounds/*.wav")) if os.environ.get("MEDLIB_DATA") else []
for number, file in enumerate(own[:5], 1):
    try:
        print(f"your recording {number}: {letters_of(file)}")
    except ValueError as error:
        print(error)
if not own:
    print("No recordings of yours. To have some: set MEDLIB_DATA to a folder, and put .wav files into its folder heart_sounds")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
import importlib.util

from medlib.models.sequence import r_peaks

if importlib.util.find_spec("pywt"):
    import pywt.data

    real = pywt.data.ecg().astype(float)
    beats = r_peaks(real[None], 360)[0]
    power = spectrogram(real, 32, 4)[:, 1:12].sum(axis=1)
    frames = np.array([power[max((b - 16) // 4 - 10, 0) : (b - 16) // 4 + 11].argmax() - 10 for b in beats])
    print(f"{len(beats)} beats, {np.diff(beats)} samples apart; at 360 samples a second, {60 * 360 / np.diff(beats).mean():.0f} a minute")
    claim("a real ECG: three beats, evenly spaced, where its spectrogram is loudest, too, to within .05 s", len(beats) == 3 and np.ptp(np.diff(beats)) <= 3 and abs(frames).max() <= 4, [*np.diff(beats), *frames])
else:
    print("PyWavelets is not on this computer. To get its ECG (4 MB, MIT): python -m pip install PyWavelets")

# %% [markdown]
# The listener knows simulated hearts alone. What it writes of a real one says how far a simulation carries, and nothing
# about the person. Where PyWavelets is installed, the steps of Pan and Tompkins find three beats, 328 and 329 samples
# apart. The file does not say how fast it was sampled; at 360 a second, usual for such records, this heart beats 66
# times a minute. Three beats prove that the code reads a real file, and no more.
#
# ## Three questions
#
# Answer aloud, then open.
#
# <details><summary>A colleague wants to see when a click of 2 ms happened, and to tell two tones 5 Hz apart, in one
# spectrogram. What do you say?</summary>Not in one. For 5 Hz the window must be 2/5 s long, 400 ms, and the click is
# smeared over all of it (45.2). Make two pictures, one with a long window and one with a short one.</details>
#
# <details><summary>A colleague's network, trained with CTC, says the blank at nearly every frame, and each letter at one
# frame only. Is it broken?</summary>No. A path needs each letter once. Elsewhere it may hold the letter or say
# the blank: both collapse to the same text. It is broken when nothing is left after collapsing: then it has learnt nothing yet,
# and needs more steps or another rate.</details>
#
# <details><summary>A vendor offers a dictation system with a word error rate of 3 %. What do you ask before a
# hospital buys it?</summary>Which words: a lost "the" and a lost "no" count the same. Ask for the errors in doses, sides,
# negations and names of drugs, measured on your speakers and rooms, and for who reads the text before it is
# signed.</details>
#
# ## In this notebook we ...
#
# - wrote a spectrogram out, and chose its window by what had to be told apart,
# - built heart sounds whose every event is known, and saw a network find the beat by itself, beside rivals that were told when,
# - summed over all paths, by counting and by the forward algorithm, and trained a network that was never told when,
# - measured its transcripts in edits, saw that letters buy a text to check and no better diagnosis, and which errors a dose does not
#   forgive.
#
# **Pitfalls**
# - A spectrogram's frame is centred half a window after its first sample. Forget it, and all times are early by 32 ms.
# - Two equal symbols need a blank between them: a label with repeats needs more frames than it has symbols.
# - Loudness depends on the microphone. Take decibels over the recording's own median, not absolute ones.
# - Two networks that differ in labels, layers and steps say nothing about labels. Change one thing at a time.
# - An error rate is an average. Count the errors that change what is done to a patient.
#
# **Further reading**
# - Graves, Fernández, Gomez and Schmidhuber, *Connectionist temporal classification* (ICML 2006); Graves and Jaitly,
#   *Towards end-to-end speech recognition with recurrent neural networks* (ICML 2014): beam search.
# - Hannun, *Sequence modeling with CTC* (Distill 2017): the clearest pictures of it.
# - O'Shaughnessy, *Speech communication: human and machine* (Addison-Wesley 1987); Viterbi, *Error bounds for convolutional codes and
#   an asymptotically optimum decoding algorithm* (IEEE Transactions on Information Theory 13, 1967).
# - Chizner, *Cardiac auscultation: rediscovering the lost art* (Current Problems in Cardiology 33, 2008): where, when and how to listen.
# - Gabor, *Theory of communication* (Journal of the IEE 93, 1946); Levenshtein, *Binary codes capable of correcting
#   deletions, insertions, and reversals* (Soviet Physics Doklady 10, 1966).
# - Weissler, Harris and Schoenfeld, *Systolic time intervals in heart failure in man* (Circulation 37, 1968).
# - Liu and others, *An open access database for the evaluation of heart sound algorithms* (Physiological Measurement 37,
#   2016); Springer, Tarassenko and Clifford, *Logistic regression-HSMM-based heart sound segmentation* (IEEE Transactions on
#   Biomedical Engineering 63, 2016): our chains, with durations: the rival to beat
#   on real recordings.
# - Zhou and others, *Analysis of errors in dictated clinical documents assisted by speech recognition software and
#   professional transcriptionists* (JAMA Network Open 1, 2018, e180530).
