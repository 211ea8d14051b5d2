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
# # A CT: how the picture comes to be, and how it arrives
#
# After this notebook you can
# - **compute** a CT image from counted photons, and say how its noise depends on the dose,
# - **name** the ceiling that no model can pass, because the photons do not hold more,
# - **read** a DICOM file into numbers with a unit and a place, and notice the files that would lie to you, and
# - **take** a patient out of a file's header, search the bytes for what is left, and say what no header tool can remove.
#
# | needs | read | run | data |
# |---|---|---|---|
# | notebook [00](00_start_here.ipynb); sines, mean and variance | 60 min | 60 s | simulated head CT; real: two test files of pydicom |
#
# A file arrives, a CT of the head. You open it, and the picture looks right: air, skull and brain are where they belong.
# You train a network on a thousand such files, and in the next hospital it takes every brain for air. In your files fresh
# blood was the number 4,300, and air about 100. In theirs blood is 60.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pydicom

from medlib import plot
from medlib.data import deidentify, load, read_dicom, write_dicom
from medlib.decisions import decide
from medlib.lesson import check, claim, setup

rng = setup(seed=0)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from pathlib import Path
from tempfile import TemporaryDirectory

kept = TemporaryDirectory()  # goes when the kernel goes
folder = Path(kept.name)
scans = load("head_ct")
bleeds = np.flatnonzero((scans.y == 2) & (scans.frame["area_mm2"] > 800))
chosen = bleeds[5]
head = scans.x[chosen].astype(float)
head = np.where(head <= -50, -1000, np.where(head >= 195, 900, head))  # the course's file ends at -55 and 200 HU
path = write_dicom(folder / "from_a_colleague.dcm", head, spacing=(3.5, 3.5), slope=0.25)

# %% [markdown]
# DICOM is the format in which hospitals keep images: a header of named elements, and the pixels. The package `pydicom`
# reads it. The pixels are whole numbers, the *stored values*. What they mean stands in two elements of the header, the
# *slope* $m$ and the *intercept* $b$ of a straight line:
#
# $$\mathrm{HU} = m \cdot \text{stored} + b \tag{13.1}$$
#
# HU are Hounsfield units, the scale of all CT: air is −1000, water 0, fresh blood about 60. (This file's slope is 0.25;
# most scanners write 1.)

# %%
file = pydicom.dcmread(path)
stored = file.pixel_array
hu = stored * float(file.RescaleSlope) + float(file.RescaleIntercept)

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "One simulated head CT three times. Stored values on a grey scale of their own: skull and air in their places, the brain one even grey. Stored values in the brain window: all white, nothing to see. Hounsfield units in the brain window: brain grey, bleed bright."}} tags=["hide-input"]
# Equation (13.1): the library's own rescaling, for two slopes and intercepts; and the picture that looks right
from pydicom.pixels import apply_modality_lut

for m, b in ((file.RescaleSlope, file.RescaleIntercept), (2.5, 7)):
    file.RescaleSlope, file.RescaleIntercept, before = m, b, (file.RescaleSlope, file.RescaleIntercept)
    line = float(m) * stored + float(b)
    claim(f"slope {m}, intercept {b}: pydicom draws the same line", np.allclose(line, apply_modality_lut(stored, file)))
    file.RescaleSlope, file.RescaleIntercept = before
blood = scans.masks[chosen]
fig, axes = plt.subplots(1, 3, figsize=(7.6, 2.9))
panels = [("stored values, own grey scale", stored, None, None)]
panels += [("stored values, brain window", stored, -10, 80), ("HU, brain window", hu, -10, 80)]
for ax, (title, image, black, white) in zip(axes, panels, strict=True):
    ax.imshow(image, vmin=black, vmax=white)
    ax.set_title(title, fontsize=9)
    ax.set(xticks=[], yticks=[])
    ax.grid(False)
    ax.spines[:].set_visible(True)  # a white picture on a white page
fig.suptitle("Simulated head CT, one file read three times", fontsize=10)
plt.show()
claim("fresh blood is stored as 4,200 to 4,450", 4200 < np.median(stored[blood]) < 4450, np.median(stored[blood]))
claim("and is 35 to 85 HU", 35 < np.median(hu[blood]) < 85, np.median(hu[blood]))

# %% [markdown]
# Left, the stored values, with black and white at their own ends: skull, brain and air are in their places, and the bleed
# is a hint of grey in grey. In the middle the same numbers through a radiologist's *brain window*, from −10 to 80 (level
# 35, width 90): all white, so that nothing is left to see. Right, one line of code later, the ventricles are dark and the
# blood is bright. A plotting library stretches whatever it gets from black to white. **A picture that looks right proves
# nothing about its numbers.**
#
# ### Your turn
#
# **13.1** Write (13.1) once and for all. `stored` is an array of 16-bit whole numbers, signed or unsigned. Such numbers
# end at 32,767 or 65,535 and then begin again from the other end, without a word. Take care that yours do not.


# %%
def to_hu(stored, slope, intercept):
    """Hounsfield units from stored values (an array of 16-bit integers)."""
    return ...  # your code


check("13.1", to_hu)


# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 13.1
def to_hu(stored, slope, intercept):
    """Hounsfield units from stored values (an array of 16-bit integers)."""
    return np.asarray(stored, float) * float(slope) + float(intercept)


check("13.1", to_hu)

# %% [markdown]
# ## 1. Where the numbers come from
#
# An X-ray tube sends $N_0$ photons along a ray, and a detector on the other side counts how many arrive. A thin layer
# of tissue, $ds$ thick, stops the share $\mu\,ds$ of them. The *attenuation* $\mu$ is a property of the tissue: it is about
# 0.19 a centimetre for water at the energies of a CT, so that the first centimetre absorbs or scatters away 17 %. Layer
# after layer (Beer and Lambert),
#
# $$N = N_0\, e^{-p}, \qquad p = \int \mu\, ds \tag{13.2}$$
#
# Hounsfield's scale is $\mu$, counted from water, in thousandths of water:
#
# $$\mathrm{HU} = 1000\,\frac{\mu - \mu_\text{water}}{\mu_\text{water}} \tag{13.3}$$

# %%
water = 0.19  # attenuation of water, per cm


def hounsfield(mu):
    return 1000 * (mu - water) / water


through = np.exp(-water * 1.035 * 18)  # 18 cm of brain
print(f"of 1,000 photons {1000 * through:.0f} pass a head (without the bone)")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equations (13.2) and (13.3): photons that are stopped one by one, in three layers; and the ends of the scale
mu, thick = np.array([0.38, 0.1, 0.2]), np.array([0.5, 3.0, 8.0])  # per cm, cm
flight = rng.exponential(size=200_000)  # how much attenuation each photon would survive
edges = np.cumsum(mu * thick)
alive = [np.mean(flight > edge) for edge in edges]
held = np.allclose(alive, np.exp(-edges), atol=4 * 0.5 / np.sqrt(200_000))
claim("after each of three layers, as many photons are left as the formula says", held, alive)
steps = np.concatenate([np.full(2000, m * t / 2000) for m, t in zip(mu, thick, strict=True)])
claim("6,000 thin layers that stop μ ds each do the same", abs(np.prod(1 - steps) / np.exp(-edges[-1]) - 1) < 1e-3)
ends = [float(hounsfield(0)), float(hounsfield(water)), float(hounsfield(2 * water))]
claim("air, water, and twice water are −1000, 0 and 1000 HU", np.allclose(ends, [-1000, 0, 1000]), ends)

# %% [markdown]
# Of 1,000 photons about 29 pass 18 cm of brain, fewer with the bone, and those are all that we learn from. Nobody can see
# where along its way a ray lost them: a ray knows the *sum* $p$ and nothing else. The remedy is to look from many sides.
#
# ### A head of ellipses
#
# To test a scanner one scans something known. Our *phantom* is a head of ellipsoids: a skull, brain of 35 HU, two
# ventricles, and a bleed of 65 HU. For an ellipse the sum along a ray is a school exercise. Let it have half-axes $a$
# and $b$, turned by an angle. A ray $(\theta, s)$ is the line $x\cos\theta + y\sin\theta = s$: $\theta$ is the direction of
# the detector, at a right angle to the ray, and $s$ the place on it. Let $\gamma$ be the angle between the *detector* and
# the half-axis $a$, and $d$ the distance of the ray from the centre. Then
#
# $$p = \frac{2\mu\, a b}{A^2}\sqrt{A^2 - d^2}, \qquad A^2 = a^2\cos^2\gamma + b^2\sin^2\gamma \tag{13.4}$$
#
# and $p = 0$ where $d > A$: the ray misses. Ellipses that lie in one another add up.


# %%
def projection(ellipses, theta, s):
    """The sums p along the rays (theta, s) through ellipses x0, y0, a, b, tilt, mu."""
    p = 0.0
    for x0, y0, a, b, tilt, mu in ellipses:
        gamma = theta - tilt
        A2 = (a * np.cos(gamma)) ** 2 + (b * np.sin(gamma)) ** 2
        d = s - x0 * np.cos(theta) - y0 * np.sin(theta)
        p = p + 2 * mu * a * b * np.sqrt(np.maximum(A2 - d**2, 0)) / A2
    return p


# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Left: the simulated phantom, an oval skull with brain, two dark ventricles and a bright bleed. Right: its sinogram, angle from 0 to 180 degrees against position on the detector, a bright band whose edge, the skull, swings in and out."}} tags=["hide-input"]
# Equation (13.4): rays walked step by step through a tilted, shifted pair of ellipses; the mass seen from every side
ELLIPSOIDS = np.array(  # x0 (left), y0 (front), z0 (up), a, b, c in cm, tilt in degrees, HU more than what is around it
    [
        [0.0, 0.0, 0.0, 7.2, 9.4, 8.4, 0, 2000],
        [0.0, 0.0, 0.0, 6.7, 8.9, 7.9, 0, -965],
        [1.3, 1.0, 1.0, 0.7, 2.8, 1.6, 12, -30],
        [-1.3, 1.0, 1.0, 0.7, 2.8, 1.6, -12, -30],
        [3.8, -2.0, 0.5, 1.2, 1.7, 1.4, 30, 30],
    ]
)
BLEED = ELLIPSOIDS[4]


def cut(z):
    """The ellipses in which a plane at height z (cm) cuts the phantom."""
    ellipses = []
    for x0, y0, z0, a, b, c, tilt, more in ELLIPSOIDS:
        share = np.sqrt(max(1 - ((z - z0) / c) ** 2, 0))
        if share > 0:
            ellipses.append((x0, y0, a * share, b * share, np.deg2rad(tilt), water * more / 1000))
    return ellipses


def attenuation(ellipses, x, y):
    """μ at the points (x, y)."""
    mu = np.zeros(np.broadcast(x, y).shape)
    for x0, y0, a, b, tilt, more in ellipses:
        u = (x - x0) * np.cos(tilt) + (y - y0) * np.sin(tilt)
        v = (y - y0) * np.cos(tilt) - (x - x0) * np.sin(tilt)
        mu += more * ((u / a) ** 2 + (v / b) ** 2 <= 1)
    return mu


pair = [(1.5, -0.5, 2.0, 3.5, 0.4, 0.2), (-1.0, 2.0, 1.5, 0.6, -1.1, 0.3)]
along, off = np.linspace(-9, 9, 20_001), []
for angle, s in rng.uniform([0, -3], [np.pi, 3], (12, 2)):
    x, y = s * np.cos(angle) - along * np.sin(angle), s * np.sin(angle) + along * np.cos(angle)
    off.append(attenuation(pair, x, y).sum() * (along[1] - along[0]) - projection(pair, angle, s))
claim("12 rays at random, walked in 20,000 steps: the formula, to a thousandth", np.max(np.abs(off)) < 1e-3, np.max(np.abs(off)))
wide = np.linspace(-8, 8, 4001)
seen = [projection(pair, angle, wide).sum() * (wide[1] - wide[0]) for angle in np.linspace(0, 3, 7)]
weight = sum(np.pi * a * b * mu for _, _, a, b, _, mu in pair)
claim("from every side one sees the same mass, π a b μ summed", np.allclose(seen, weight, rtol=1e-3), seen)

views, tau = 180, 0.1  # views over half a turn; distance of the detectors, cm
theta = np.arange(views) * np.pi / views
detectors = (np.arange(205) - 102) * tau
slice_z = cut(BLEED[2])
sinogram = projection(slice_z, theta[:, None], detectors)
x, y = np.meshgrid((np.arange(128) - 63.5) * 0.155, (63.5 - np.arange(128)) * 0.155)
truth = hounsfield(attenuation(slice_z, x, y))
fig, (left, right) = plt.subplots(1, 2, figsize=(7.6, 3.1))
left.imshow(truth, vmin=-10, vmax=80, extent=(-9.9, 9.9, -9.9, 9.9))
left.set(xlabel="cm to the patient's left", title="Simulated phantom, brain window")
right.imshow(sinogram, extent=(-10.2, 10.2, 180, 0), aspect="auto")
right.set(xlabel="position on the detector, cm", ylabel="view, degrees", title="What the scanner measures: p")
for ax in (left, right):
    ax.grid(False)
plt.show()

# %% [markdown]
# Left, one slice of the phantom. Right, all that the scanner gets of it: 180 rows of 205 sums, one row for each *view*,
# that is, for all parallel rays at one angle. This is the *sinogram*, so called because each point of the head draws a
# sine in it. The bleed is in there, too, and no eye can see it: it adds .02 to sums of 3 to 4.
#
# ## 2. From sums back to a picture
#
# The first idea: smear each view back across the image, along the rays from which it came, and add up the smears. It
# fails, and the reason is easy. Every point is smeared in all directions, so a single bright dot comes back as a mound
# that falls like one over the distance. The cure is to sharpen each view before it is smeared, with weights $h$ that
# are positive in the middle and negative beside it, so that the tails of the mounds cancel. With $K$ views, detectors
# $\tau$ apart, and $p_k(n)$ the value of detector $n$ in view $k$,
#
# $$\mu(x, y) = \frac{\pi}{K}\sum_{k=1}^{K} q_k(x\cos\theta_k + y\sin\theta_k), \quad
# q_k(n) = \tau\sum_j h_{n-j}\,p_k(j), \quad
# h_0 = \frac{1}{4\tau^2},\ \ h_\text{odd} = \frac{-1}{\pi^2 n^2\tau^2},\ \ h_\text{even} = 0 \tag{13.5}$$
#
# This is *filtered back-projection*, with the filter of Ramachandran and Lakshminarayanan (1971). Between two detectors
# $q$ is a straight line, which is what `np.interp` draws.


# %%
def ramp(n, tau):
    """The weights h from lag -(n-1) to n-1, per cm²."""
    lag = np.arange(1 - n, n)
    odd = lag % 2 == 1
    h = np.zeros(len(lag))
    h[lag == 0] = 1 / (4 * tau**2)
    h[odd] = -1 / (np.pi * lag[odd] * tau) ** 2
    return h


# %%
def reconstruct(p, theta, s, x, y):
    """μ at the points (x, y), from views p (a row each) at the angles theta."""
    tau = s[1] - s[0]
    h, mu = ramp(len(s), tau), np.zeros(np.shape(x))
    for angle, view in zip(theta, p, strict=True):
        q = tau * np.convolve(view, h, "valid")
        mu += np.interp(x * np.cos(angle) + y * np.sin(angle), s, q)
    return np.pi / len(theta) * mu


image = hounsfield(reconstruct(sinogram, theta, detectors, x, y))

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Left: views smeared back without a filter, a blurred oval mound without any detail. Middle: filtered back-projection in the brain window, skull, ventricles and bleed as in the phantom. Right: the values along a line through the bleed, reconstruction on top of the truth."}} tags=["hide-input"]
# Equation (13.5): a disc off the centre, by its known value; the phantom's tissues; and what happens without the filter
disc = [(2.0, -1.0, 3.0, 3.0, 0.0, 0.2)]
at_x, at_y = 2.0 + rng.uniform(-1.5, 1.5, 40), -1.0 + rng.uniform(-1.5, 1.5, 40)
for count, apart in ((360, 0.1), (240, 0.05)):
    angles, places = np.arange(count) * np.pi / count, np.arange(-7, 7 + apart / 2, apart)
    level = reconstruct(projection(disc, angles[:, None], places), angles, places, at_x, at_y)
    exact = abs(level.mean() / 0.2 - 1) < 0.005
    claim(f"a disc comes back at its own level, with {count} views and detectors {apart} cm apart", exact, level.mean())
smear = np.zeros(x.shape)
for angle, view in zip(theta, sinogram, strict=True):
    smear += np.interp(x * np.cos(angle) + y * np.sin(angle), detectors, view)
around = {"brain": (-4, -3, 35), "ventricle": (1.3, 1.0, 5), "bleed": (3.8, -2.0, 65)}
found_hu = {name: image[(x - u) ** 2 + (y - v) ** 2 < 0.25].mean() for name, (u, v, _) in around.items()}
off = max(abs(found_hu[name] - level) for name, (_, _, level) in around.items())
claim("brain, ventricle and bleed come back to within 2 HU", off < 2, [round(v, 1) for v in found_hu.values()])
shell = np.hypot(x / slice_z[1][2], y / slice_z[1][3])  # 1 at the inner side of the skull
dark = np.quantile((image - truth)[(shell > 0.98) & (shell < 0.99)], 0.1)
claim("a millimetre inside the skull, in places, it is ten HU and more too dark", dark < -10, dark)
row = np.argmin(abs(y[:, 0] + 2.0))
fig, axes = plt.subplots(1, 3, figsize=(8.4, 2.8))
axes[0].imshow(smear)
axes[0].set_title("only smeared back", fontsize=9)
axes[1].imshow(image, vmin=-10, vmax=80)
axes[1].set_title("filtered first, brain window", fontsize=9)
axes[2].plot(x[row], image[row], label="reconstructed")
axes[2].plot(x[row], truth[row], label="truth", linewidth=1)
axes[2].set(ylim=(-20, 110), xlabel="cm, through the bleed", ylabel="HU")
axes[2].legend(fontsize=8)
for ax in axes[:2]:
    ax.set_axis_off()
fig.suptitle("Simulated: back-projection of 180 views", fontsize=10)
plt.show()

# %% [markdown]
# Smeared back without the filter, the head is a grey mound. With it the head is back: in their middles brain, ventricle
# and bleed are within 2 HU of the truth, on a scale on which bone is 1000. Along the skull the greys are false: first
# too bright, then, a millimetre inside, in places ten HU and more too dark, for so sharp an edge falls between the
# detectors; just there a thin bleed would lie. Fine lines remain, because 180 views are few. (Scanners today use fans
# and cones of rays, correct for rays of many energies, and often solve for the image step by step. The principle is
# this one.)
#
# ## 3. Dose
#
# Photons arrive at random. When $N$ are expected, the count varies by $\sqrt N$: it is a Poisson variable. So $p$ is
# uncertain by a variance of about $1/N$, which is
#
# $$\operatorname{Var}(p) \approx \frac{e^{p}}{N_0} \tag{13.6}$$
#
# and a thick patient costs dearly: each 3.6 cm of water doubles the variance. The filter turns noise on the views,
# of variance $\sigma_p^2$ each, into noise in the image:
#
# $$\sigma_\mu^2 = \frac{\pi^2\,\sigma_p^2}{12\,K\,\tau^2} \tag{13.7}$$
#
# That is exact at a point that lies on a detector's line in every view, as the centre does. Elsewhere `np.interp`
# averages two detectors, and about half of the variance is left.


# %%
def photographed(p, photons):
    """The sums that a scanner measures when each ray starts with so many photons."""
    counts = rng.poisson(photons * np.exp(-p))
    return -np.log(np.maximum(counts, 1) / photons)


# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equations (13.6) and (13.7): 40,000 rays each; 300 reconstructions of pure noise, at the centre and at 25 places
for p, photons in ((0.5, 1e3), (3.0, 2e4), (4.5, 1e5)):
    ratio = photographed(np.full(40_000, p), photons).var() / (np.exp(p) / photons)
    claim(f"p = {p}, {photons:.0f} photons: the variance is the formula's", abs(ratio - 1) < 0.05, ratio)
spots = np.vstack([[0, 0], rng.uniform(-3, 3, (25, 2))]).T
left_over = []
for count, apart, sigma in ((40, 0.1, 0.02), (90, 0.25, 0.05)):
    angles, places = np.arange(count) * np.pi / count, (np.arange(61) - 30) * apart
    made = np.array([reconstruct(rng.normal(0, sigma, (count, 61)), angles, places, *spots) for _ in range(300)])
    formula = np.pi**2 * sigma**2 / (12 * count * apart**2)
    alone = np.zeros((61, count, 61))  # each value of one view by itself: what it adds to the centre
    alone[range(61), count // 3, range(61)] = 1
    adds = np.array([reconstruct(one, angles, places, 0.0, 0.0) for one in alone])
    exact = [count * sigma**2 * np.sum(adds**2) / formula, made[:, 0].var() / formula]
    right = abs(exact[0] - 1) < 0.01 and abs(exact[1] - 1) < 0.35
    claim(f"{count} views, detectors {apart} cm apart: the variance at the centre, exactly and drawn", right, exact)
    left_over.append(made[:, 1:].var(axis=0).mean() / formula)
claim("between the detectors 35 to 60 % of it is left", np.all(np.abs(np.array(left_over) - 0.475) < 0.125), left_over)

# %% [markdown]
# ### Your turn
#
# **13.2** How many photons must each ray start with, so that the noise at the centre is `noise` HU? Put (13.3), (13.6)
# and (13.7) together: `p` is the sum along the rays through the centre, `views` is $K$, `tau` is $\tau$ in cm, and
# `water` is 0.19 per cm.


# %%
def photons_for(noise, p, views, tau):
    """Photons a ray for this standard deviation at the centre, in HU."""
    return ...  # your code


check("13.2", photons_for)


# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 13.2
def photons_for(noise, p, views, tau):
    """Photons a ray for this standard deviation at the centre, in HU."""
    sigma_mu = noise * water / 1000
    variance_p = sigma_mu**2 * 12 * views * tau**2 / np.pi**2
    return np.exp(p) / variance_p


check("13.2", photons_for)

# %% [markdown]
# With your function we order a scan of our phantom with 8 HU of noise at the centre, and then halve the dose, and halve
# it again.

# %%
full = photons_for(8, sinogram[:, 102].mean(), views, tau)


def scan(photons, every=1):
    """An image in HU from this many photons a ray, and one view in `every`."""
    p = photographed(sinogram[::every], photons)
    return hounsfield(reconstruct(p, theta[::every], detectors, x, y))


doses = {share: scan(full * share) for share in (1, 0.5, 0.25)}

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Three simulated scans of the phantom in the brain window at full, half and quarter dose; the grain grows from left to right, and at a quarter the bleed is still plain and its edge ragged."}} tags=["hide-input"]
middle = x**2 + y**2 < 2.5**2
noise = {share: (scanned - image)[middle].std() for share, scanned in doses.items()}
fig, axes = plt.subplots(1, 3, figsize=(8.4, 3))
for ax, (share, scanned) in zip(axes, doses.items(), strict=True):
    ax.imshow(scanned, vmin=-10, vmax=80)
    ax.set_title(f"dose × {share}: noise {noise[share]:.1f} HU", fontsize=9)
    ax.set_axis_off()
fig.suptitle("Simulated phantom, brain window", fontsize=10)
plt.show()
inside = x**2 + y**2 < 6.0**2  # six times as many pixels: a surer ratio
grain = [(scanned - image)[inside].std() for scanned in doses.values()]
growth = [grain[1] / grain[0], grain[2] / grain[1]]
claim("half the dose, about √2 times the noise, twice over", np.allclose(growth, np.sqrt(2), rtol=0.1), growth)
claim("in the middle it is 4 to 8 HU at full dose, as ordered or less", 4 < noise[1] < 8, noise[1])

# %% [markdown]
# Each halving of the dose multiplies the noise by about 1.4; at a quarter of the dose it has doubled, and the edge of
# the bleed frays. The noise in the titles, measured within 2.5 cm of the centre, stays below the 8 HU that we ordered for
# the centre point, because between the detectors a part of it is averaged away. Nobody should be scanned with more dose than the question needs (the rule is
# called ALARA, *as low as reasonably achievable*). Turn it yourself, and take views away as well.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from ipywidgets import SelectionSlider, interact


@interact(
    dose=SelectionSlider(value=1.0, options=[0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0], description="dose"),
    views_taken=SelectionSlider(value=180, options=[20, 36, 60, 90, 180], description="views"),
)
def expose(dose, views_taken):
    ax = plt.subplots(figsize=(3.4, 3.4))[1]
    ax.imshow(scan(full * dose, 180 // views_taken), vmin=-10, vmax=80)
    ax.set_title(f"Simulated: {views_taken} views, dose × {dose} a view", fontsize=9)
    ax.set_axis_off()
    plt.show()


# %% [markdown]
# ## 4. What no model can see
#
# Is a lesion there or not? Suppose we knew everything but that: the head, the lesion's place, size and density, the
# scanner. Let ray $i$ expect $N_i$ photons without the lesion and $N_i'$ with it. Nothing beats the *ideal observer*, who
# compares how likely the counts are in the two cases (Neyman and Pearson). For faint lesions its AUC has a closed form,
# with $\Phi$ the normal distribution function:
#
# $$\mathrm{AUC} = \Phi\!\left(\frac{d'}{\sqrt 2}\right), \qquad d'^2 = \sum_i \frac{(N_i' - N_i)^2}{N_i} \tag{13.8}$$
#
# That is a property of the photons. No network, however large, gets past it. So let us see how near one comes. The
# task: 4,000 simulated scans, half of them with a faint round lesion of 1.2 cm, 7 HU brighter than the brain. A model
# sees the reconstructed neighbourhood, 20 × 20 pixels. (The network is `build_cnn`, which notebook 15 builds layer by
# layer.) Its rivals are the plain mean over the lesion's pixels, and a *linear* observer (Hotelling's of 1931: linear
# discriminant analysis), which learns from the same 2,400 training scans as the network.

# %%
few, coarse = theta[::3], detectors[::2]
without = projection(slice_z, few[:, None], coarse)
lesion = [(-3.4, -1.5, 0.6, 0.6, 0.0, 0.007 * water)]  # 7 HU
with_it = without + projection(lesion, few[:, None], coarse)
photons = 1.6e5
absent, present = photons * np.exp(-without), photons * np.exp(-with_it)
d_prime = np.sqrt(np.sum((present - absent) ** 2 / absent))

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (13.8): the exact likelihood ratio of Poisson counts at three doses; then the 4,000 scans as a data set
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from medlib.data import Card, Dataset


def evidence(counts, present, absent):
    """The log-likelihood ratio of counts (n, rays): lesion against no lesion."""
    counts = counts.reshape(len(counts), -1)
    return counts @ np.log(present / absent).ravel() - (present - absent).sum()


ceiling = norm.cdf(d_prime / np.sqrt(2))
for dose in (0.3, 1.0, 2.5):
    expected = dose * absent, dose * present
    each = [evidence(rng.poisson(mean, (1000, *mean.shape)), *expected[::-1]) for mean in expected]
    auc = roc_auc_score(np.repeat([0, 1], 1000), np.concatenate(each))
    formula = norm.cdf(np.sqrt(dose) * d_prime / np.sqrt(2))
    claim(f"dose × {dose}: the AUC of the exact likelihood ratio is the formula's", abs(auc - formula) < 0.04, [auc, formula])

px, py = np.meshgrid(-3.4 + (np.arange(20) - 9.5) * 0.2, -1.5 + (9.5 - np.arange(20)) * 0.2)
apart = coarse[1] - coarse[0]
filtered = [apart * np.convolve(unit, ramp(len(coarse), apart), "valid") for unit in np.eye(len(coarse))]
operator = []  # reconstruction is linear, so it is one matrix: (rays, pixels)
for angle in few:
    line = (px * np.cos(angle) + py * np.sin(angle)).ravel()
    operator.append([np.interp(line, coarse, q) for q in filtered])
operator = np.pi / len(few) * np.concatenate(operator)
same = np.allclose(without.ravel() @ operator, reconstruct(without, few, coarse, px, py).ravel())
claim("one matrix reconstructs the neighbourhood as the function does", same)
label = rng.permutation(np.repeat([0, 1], 2000))
counts = rng.poisson(np.where(label[:, None, None] == 1, present, absent)).astype(np.int32)
pictures = hounsfield(-np.log(np.maximum(counts, 1) / photons).reshape(4000, -1) @ operator).reshape(-1, 20, 20)
known = pd.DataFrame({"evidence": evidence(counts, present, absent)})
card = Card("Faint lesions", "noise on one phantom", "a scan", "this page", "CC BY 4.0", "-", "simulated", "one place")
faint = Dataset("faint lesions", pictures, label, ("none", "lesion"), known, None, None, card)
del counts

# %%
from medlib.models.cnn import build_cnn, compile_cnn, probabilities
from medlib.models.training import fit

train, val, test = faint.split(seed=int(rng.integers(1000)))
centre, spread = decide("centre and spread", (train.x.mean(), train.x.std()))
x_train, x_test = ((part.x[..., None] - centre) / spread for part in (train, test))
cnn = compile_cnn(build_cnn((20, 20, 1), 1), steps=400)
fit(cnn, x_train, train.y, steps=400, batch_size=32, label="training the network")
print(train, test, sep="\n")

# %% [markdown]
# The linear observer learns 400 weights from the means and covariances of the pixels. How far the covariances are *shrunk*
# towards a plainer form is chosen on the 600 validation scans.

# %%
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis


def linear(shrinkage):
    """Hotelling's observer, learnt from the training scans."""
    lda = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage)
    return lda.fit(train.x.reshape(-1, 400), train.y)


def validated(shrinkage):
    said = linear(shrinkage).decision_function(val.x.reshape(-1, 400))
    return roc_auc_score(val.y, said)


tried = decide("shrinkage", {a: validated(a) for a in (0.001, 0.01, 0.1, 0.5)})
hotelling = linear(max(tried, key=tried.get))

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "AUC with intervals of six observers: the ideal observer at the dotted ceiling near 0.92, computed weights near 0.9, linear observer near 0.87, mean over the lesion and network near 0.84, one pixel near 0.6."}} tags=["hide-input"]
from medlib.metrics import score_table

decide("network", cnn)
decide("linear observer", hotelling)
signal = 1000 / water * ((with_it - without).ravel() @ operator)  # HU
covariance = (1000 / water * operator).T @ (operator * (1000 / water / absent.ravel())[:, None])
weights = np.linalg.solve(covariance + 1e-6 * np.trace(covariance) / 400 * np.eye(400), signal)


def in_theory(w):
    """The AUC of a weighted sum of the pixels, from the known signal and noise."""
    return norm.cdf(w @ signal / np.sqrt(2 * w @ covariance @ w))


image_ceiling = in_theory(weights)
root = np.linalg.cholesky(covariance + 1e-9 * np.trace(covariance) / 400 * np.eye(400))
kind = rng.permutation(24_000) % 2  # ten times the scans, drawn from the known noise
drawn = rng.normal(size=(24_000, 400)) @ root.T + kind[:, None] * signal
more = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=hotelling.shrinkage).fit(drawn, kind)
learnt = [in_theory(observer.coef_[0]) for observer in (hotelling, more)]
spot = (px + 3.4) ** 2 + (py + 1.5) ** 2 < 0.6**2
observers = {
    "ideal observer": test.frame["evidence"],
    "best weights, computed": test.x.reshape(-1, 400) @ weights,
    "linear observer": hotelling.decision_function(test.x.reshape(-1, 400)),
    "mean over the lesion": test.x[:, spot].mean(axis=1),
    "network": probabilities(cnn, x_test),
    "one pixel": test.x[:, 10, 10],
}
table = score_table(observers, test, against="linear observer", n=200)
ax = plot.intervals(table["AUC"])
ax.axvline(ceiling, color="0.4", linestyle=":", label="ceiling")
ax.set(title="Simulated: is the lesion there?", xlabel="AUC (95 % interval); dotted: the ceiling of (13.8)")
plt.show()
auc = {name: table["AUC"][name].value for name in observers}
claim("the ceiling is between .85 and .97", 0.85 < ceiling < 0.97, ceiling)
claim("the ideal observer stands at it", abs(auc["ideal observer"] - ceiling) < 0.03, auc["ideal observer"])
best = max(auc.values())
claim("the picture holds less than the counts", image_ceiling < ceiling - 0.01, image_ceiling)
claim("nobody passes it by more than luck", best < ceiling + 0.02, best)
behind = [table["AUC minus linear observer"][name] for name in ("network", "mean over the lesion")]
no_better = all(each.value < 0.01 and each.low < 0 for each in behind)
claim("neither network nor plain mean beats the linear observer: no interval is above 0", no_better, [each.value for each in behind])
lost = table["AUC minus linear observer"]["best weights, computed"]
claim("weights computed from the known noise beat the learnt ones, on the same pictures", lost.low > 0, lost)
tenfold = 0.02 < image_ceiling - learnt[0] < 0.07 and image_ceiling - learnt[1] < 0.01
claim("by formula, learnt weights lack .02 to .07 of the best; with ten times the scans, under .01", tenfold, [*learnt, image_ceiling])
table

# %% [markdown]
# The ideal observer stands at the ceiling of about .92, and nobody passes it by more than the luck of 1,000 test scans.
# The linear observer comes to about .87. The plain mean over the lesion and the network of some twenty thousand parameters
# (as notebook 15 builds it, with nothing tuned) stay some .02 to .04 behind. The linear observer's own gap has two parts,
# and we can tell them apart. With the noise known one can *compute* the best weights for these pictures: they reach about
# .90 on the same test scans. So the picture has lost little of what the counts held, and nearly all of the rest is what
# 2,400 examples could not teach: with ten times the scans, drawn from the known noise, the learnt weights come to within
# .01 of the computed ones. Where place and shape of a lesion are known, a weighted sum is the best there is, and a network
# can at most learn that. Networks earn their keep where things move and vary. And whoever reports more than the photons of
# the task hold, beyond luck, should look for a leak.
#
# ## 5. The file
#
# We have scanned the phantom from 6 cm below its middle to 6 cm above: 25 slices, 5 mm apart, each written as a DICOM
# file (`write_dicom`). As in many archives the names of the files mean nothing. `read_dicom` gives numbers with their
# unit and place, or refuses.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
heights = np.arange(-6, 6.01, 0.5)  # cm
series, uid = folder / "series", pydicom.uid.generate_uid()
names = [f"{n:06x}.dcm" for n in rng.choice(16**6, len(heights), replace=False)]
u, v = np.meshgrid((np.arange(100) - 49.5) * 0.16, (49.5 - np.arange(100)) * 0.2)  # cm, to the left and to the front
for name, z in zip(names, heights, strict=True):
    p = photographed(projection(cut(z), theta[:, None], detectors), full)
    values = np.clip(hounsfield(reconstruct(p, theta, detectors, u, v)), -1024, 3000)
    corner = (10 * u[0, 0], -10 * v[0, 0], 10 * z)
    write_dicom(series / name, values, spacing=(2.0, 1.6), position=corner, slope=0.5, series=uid)

# %%
images = [read_dicom(file) for file in sorted(series.iterdir())]
print(images[0])
for name in ("Modality", "RescaleSlope", "PixelSpacing", "ImagePositionPatient"):
    print(images[0].header[name])

# %% [markdown]
# One line of size, range and unit, and a note. Then four elements of the header, as the file has them: a *tag* of two
# hexadecimal numbers, a name, two letters for the kind of value, the value.
#
# The header also says where each pixel lies in the patient. With $S$ the position of the first pixel's centre, $X$ and
# $Y$ the unit vectors along a row and along a column, and $\Delta_c$, $\Delta_r$ the distances of columns and rows, the
# pixel in row $i$ and column $j$ is at
#
# $$r = S + j\,\Delta_c\, X + i\,\Delta_r\, Y \tag{13.9}$$
#
# in mm, to the patient's *left*, *back* and *head*. Two traps: `PixelSpacing` names the distance of the *rows* first,
# and the first pixel of an axial picture lies at the patient's right, as if one looked from the feet.


# %%
def place(image, row, column):
    """Where a pixel's centre lies, in mm: to the left, to the back, to the head."""
    between_rows, between_columns = image.spacing
    along_row, along_column = image.orientation
    r = image.position + column * between_columns * along_row
    return r + row * between_rows * along_column


# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (13.9): an oblique image with oblong pixels, against nibabel's own reading of the header
import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # nibabel warns that its reader of DICOM is an experiment
    from nibabel.nicom.dicomwrappers import wrapper_from_data

turned = np.linalg.qr(rng.normal(size=(3, 3)))[0][:2]  # two unit vectors at a right angle
corner = rng.uniform(-100, 100, 3)
oblique = write_dicom(folder / "oblique.dcm", rng.normal(0, 50, (7, 11)), (0.7, 1.9), corner, turned.ravel())
affine = wrapper_from_data(pydicom.dcmread(oblique)).affine
theirs = [(affine @ [row, column, 0, 1])[:3] for row, column in ((0, 0), (6, 0), (2, 9))]
ours = [place(read_dicom(oblique), row, column) for row, column in ((0, 0), (6, 0), (2, 9))]
claim("three pixels lie where another library puts them", np.allclose(ours, theirs, atol=1e-3))

# %% [markdown]
# ### Your turn
#
# **13.3** Sort a series. `positions` (n, 3) holds the position $S$ of each slice, `orientation` (2, 3) the directions
# $X$ and $Y$ that all of them share. Return the numbers of the slices in their order along the *normal*, the cross
# product $X \times Y$, which is at a right angle to every slice. It must work for sagittal series as well, where the third
# coordinate is the same for all.


# %%
def in_order(positions, orientation):
    """Which slice is first, second, ... along the normal."""
    return ...  # your code


check("13.3", in_order)


# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 13.3
def in_order(positions, orientation):
    """Which slice is first, second, ... along the normal."""
    normal = np.cross(orientation[0], orientation[1])
    return np.argsort(positions @ normal)


check("13.3", in_order)

# %%
positions = np.array([image.position for image in images])
order = in_order(positions, images[0].orientation)
volume = np.stack([images[k].values for k in order])
gap = np.diff(positions[order, 2]).mean()  # mm: our slices are axial
by_name = np.stack([image.values for image in images])

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "The series cut from front to back. Left, in the order of the file names: a stack of unrelated stripes. Right, sorted by position: an oval head with a bright bleed."}} tags=["hide-input"]
through_bleed = int(np.argmin(abs(u[0] - BLEED[0])))
fig, axes = plt.subplots(1, 2, figsize=(7.6, 2.6))
for ax, stack, title in ((axes[0], by_name, "by file name"), (axes[1], volume, "by position")):
    ax.imshow(stack[::-1, :, through_bleed], vmin=-10, vmax=80, aspect=5 / 2)
    ax.set_title(title, fontsize=9)
    ax.set_axis_off()
fig.suptitle("Simulated phantom, cut from front (left) to back", fontsize=10)
plt.show()
near = (u - BLEED[0]) ** 2 + (v - BLEED[1]) ** 2 + (heights[:, None, None] - BLEED[2]) ** 2 < 2.0**2
bright = (volume > 50) & near  # half way between brain and blood, within 2 cm of the bleed's centre
millilitres = bright.sum() * np.prod(images[0].spacing) * gap / 1000
true_volume = 4 / 3 * np.pi * np.prod(BLEED[3:6])
claim("the bleed measures its true volume, to a tenth", abs(millilitres / true_volume - 1) < 0.1, [millilitres, true_volume])
middle_mm = np.mean([place(images[order[k]], row, column) for k, row, column in np.argwhere(bright)], axis=0)
expected = 10 * BLEED[:3] * [1, -1, 1]
claim("and lies where it is: to the left, the back, the head", np.allclose(middle_mm, expected, atol=1.5), middle_mm)
jumps = np.abs(np.diff(positions[:, 2]))
claim("in the order of names, neighbours are 20 mm apart or more, on average", jumps.mean() > 20, jumps.mean())

# %% [markdown]
# By file name the head is a pile of stripes; by position it is a head, crown up, with the bleed where we put it, and its volume is
# right to a tenth. Nothing had warned us: each single slice looks perfect. (The element `SliceThickness` is not the
# distance of slices, which may overlap or leave gaps. Take the distance from the positions.)
#
# Research often stores the whole series in one file, in the format *NIfTI*: the numbers, and one matrix that takes
# the indices of a voxel to mm. Its axes run to the *right*, the *front* and the head, so two signs change.

# %%
import nibabel

matrix = np.eye(4)
matrix[:3, 0] = images[0].orientation[0] * images[0].spacing[1]
matrix[:3, 1] = images[0].orientation[1] * images[0].spacing[0]
matrix[:3, 2] = [0, 0, gap]
matrix[:3, 3] = positions[order[0]]
matrix[:2] *= -1  # left and back become right and front
nibabel.Nifti1Image(volume.transpose(2, 1, 0), matrix).to_filename(folder / "head.nii")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
back = nibabel.load(folder / "head.nii")
voxels = np.argwhere(bright)[:, ::-1]
centre_nifti = nibabel.affines.apply_affine(back.affine, voxels).mean(axis=0)
axes_run = "".join(nibabel.aff2axcodes(back.affine))
claim("read back, the voxels run to the left (L), the back (P) and the head (S)", axes_run == "LPS", axes_run)
same = np.allclose(centre_nifti, middle_mm * [-1, -1, 1], atol=0.1)
claim("and the bleed is left of the middle: minus 38 mm on an axis to the right", same and centre_nifti[0] < -35, centre_nifti)

# %% [markdown]
# ### Through a window
#
# Screens show some 250 greys, and a CT holds 4,000 values. So one looks through a *window*: everything below it is
# black, everything above white. Narrow it until the ventricles stand out; then look for the bone.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from ipywidgets import IntSlider


@interact(
    level=IntSlider(35, min=-600, max=1000, step=5, description="level, HU"),
    width=IntSlider(90, min=10, max=2500, step=10, description="width, HU"),
)
def look(level, width):
    ax = plt.subplots(figsize=(3.2, 3.6))[1]
    ax.imshow(volume[13], vmin=level - width / 2, vmax=level + width / 2, aspect=2 / 1.6)
    ax.set_title(f"Simulated: {level - width // 2} to {level + width // 2} HU", fontsize=9)
    ax.set_axis_off()
    plt.show()


# %% [markdown]
# ## 6. Files that lie
#
# A damaged file that cannot be opened does no harm. The dangerous ones open. We spoil our file in eight ways, and hand
# each to pydicom's plain `pixel_array` and to `read_dicom`.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from IPython.display import display

from medlib.data import DataError


def without_element(name):
    def spoil(image):
        delattr(image, name)

    return spoil


def with_element(name, value):
    return lambda image: setattr(image, name, value)


def truncated(image):
    image.PixelData = image.PixelData[: len(image.PixelData) // 2]


def unsigned(image):
    below = np.asarray(read_dicom(path).values, np.int16)
    image.PixelData, image.RescaleSlope, image.RescaleIntercept = below.tobytes(), 1, 0


spoilt = {
    "half of the pixels": truncated,
    "no pixels": without_element("PixelData"),
    "no slope": without_element("RescaleSlope"),
    "pixels of 0 mm": with_element("PixelSpacing", [0, 0]),
    "no pixel size": without_element("PixelSpacing"),
    "signed numbers, header: unsigned": unsigned,
    "a screenshot": with_element("SOPClassUID", "1.2.840.10008.5.1.4.1.1.7"),
    "dark and bright swapped": with_element("PhotometricInterpretation", "MONOCHROME1"),
}
lines, silent, refused = {}, 0, 0
for what, spoil in spoilt.items():
    image = pydicom.dcmread(path)
    spoil(image)
    image.save_as(folder / "spoilt.dcm")
    try:
        plain = pydicom.dcmread(folder / "spoilt.dcm").pixel_array.shape == (64, 64)
    except Exception:
        plain = False
    try:
        said = read_dicom(folder / "spoilt.dcm").notes[0]
    except DataError as error:
        said, refused = str(error).removeprefix("spoilt.dcm: ").split(". ")[0], refused + 1
    silent += plain
    lines[what] = ["opens" if plain else "fails", said]
claim("six of the eight open without a word", silent == 6, silent)
claim("read_dicom refuses seven, and says of the eighth what to mind", refused == 7, refused)
with pd.option_context("display.max_colwidth", None):
    display(pd.DataFrame(lines, index=["pixel_array", "read_dicom says"]).T)

# %% [markdown]
# Six of eight spoilt files open as if nothing had happened. (`pixel_array` is not at fault: it promises the stored values,
# and no more.) `read_dicom` refuses seven of them, names what it got and what it expected, and (cut off here) what to do;
# the eighth is a legal file, and comes with a note. Ask for the original of a *secondary capture*, a screenshot: its greys
# went through somebody's window, its numbers are not HU, and a name may be burned into its corner.
#
# ## 7. The name
#
# Before a file leaves the hospital the patient must be taken out of it. We plant a made-up patient in ours, in thirty
# places where real files hide one: name, number, birth date, address; names of staff; free text; private elements of
# the maker; sequences inside sequences; the text of an overlay. Then we take the steps of pydicom's own example, which
# calls itself a starting point. (Its step for curves is left out: our file has none.)


# %%
def by_example(image):
    """Names, ID and birth date overwritten; other IDs and private elements removed."""

    def anonymous(dataset, element):
        if element.VR == "PN":  # a person's name
            element.value = "anonymous"

    image.walk(anonymous)  # also through sequences
    image.PatientID, image.PatientBirthDate = "id", ""
    image.remove_private_tags()
    for name in ("OtherPatientIDs", "OtherPatientIDsSequence"):
        if name in image:
            delattr(image, name)
    return image


# %% [markdown]
# The other way is a list of what may *stay*, and of nothing else: pixels, geometry, numbers of the machine. Every UID,
# the long number that names a study, a series or an image, becomes another one, derived from a secret, so that a series
# stays together. `deidentify` does that. And we check: is anything of the thirty left in the bytes of the file?

# %%
from medlib.data.dicom import found, plant_identifiers

named = pydicom.dcmread(path)
identifiers = plant_identifiers(named)
named.save_as(folder / "named.dcm")
example = by_example(pydicom.dcmread(folder / "named.dcm"))
original = pydicom.dcmread(folder / "named.dcm")
listed = deidentify(original, "P0017", secret="correct horse")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
example.save_as(folder / "example.dcm")
listed.save_as(folder / "listed.dcm", enforce_file_format=True)
ways = {"as it came": "named.dcm", "the example's steps": "example.dcm", "only what is on a list": "listed.dcm"}
left_in = {way: found(folder / name, identifiers.values()) for way, name in ways.items()}
places = {text: where for where, text in identifiers.items()}
survivors = [places[text] for text in left_in["the example's steps"]]
counts = [len(left) for left in left_in.values()]
claim("thirty identifiers are in the file", counts[0] == 30, counts[0])
claim("after the example's steps more than half of them are left", counts[1] > 15, counts[1])
claim("by the list, none", counts[2] == 0, counts[2])
same = np.array_equal(read_dicom(folder / "listed.dcm").values, read_dicom(path).values)
claim("and pixels, spacing and place are as before", same and read_dicom(folder / "listed.dcm").spacing == (3.5, 3.5))
fresh = {str(listed.get(name)) for name in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")}
claim("no UID of the original is left", not fresh & {named.SOPInstanceUID, named.StudyInstanceUID, named.SeriesInstanceUID})
print("left by the example:", "; ".join(survivors))
pd.DataFrame({"of 30 identifiers left": {way: len(left) for way, left in left_in.items()}})

# %% [markdown]
# The example's steps leave 19 of 30: address, telephone, hospital, dates, accession number, every free text outside the
# private elements, the text of the overlay, and an old number two sequences deep. A list of what to remove must foresee
# every place in which somebody, somewhere, types a name. A list of what may stay need not.
#
# Three things no header tool can do. Text that is *burned into the pixels* stays (so `deidentify` refuses screenshots,
# and files that say so). A *face* can be rebuilt from a head CT or MR; faces from MR have been matched with photographs
# (Schwarz et al. 2019). And who is the only patient with this rare disease in this small town is known without any name.
#
# So what we made is *pseudonymous*: whoever holds the secret, or the list behind P0017, finds the patient again. In many
# countries, those of the EU among them, it is personal data still, and an ethics board decides who may have it.
#
# ## On real data
#
# pydicom brings a CT and an MR of real people, made small and with the names taken out, to test itself with. We
# look at their numbers and show no picture.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from pydicom.data import get_testdata_file

ct = pydicom.dcmread(get_testdata_file("CT_small.dcm", download=False))
real = read_dicom(get_testdata_file("CT_small.dcm", download=False))
print(real)
ours = to_hu(ct.pixel_array, ct.RescaleSlope, ct.RescaleIntercept)
claim("your function and read_dicom agree on the real CT", np.allclose(ours, real.values))
versions = ("MR_small.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm", "MR_small_RLE.dcm", "MR_small_jp2klossless.dcm")
files = [get_testdata_file(name, download=False) for name in versions]
syntaxes = {pydicom.dcmread(name).file_meta.TransferSyntaxUID.name for name in files}
pixels = [read_dicom(name).values for name in files]
same = all(np.array_equal(pixels[0], other) for other in pixels[1:])
claim("one MR in five transfer syntaxes, the same pixels", same and len(syntaxes) == 5, len(syntaxes))
try:
    read_dicom(get_testdata_file("MR_small_jpeg_ls_lossless.dcm", download=False))
except DataError as error:
    print(error)
clean = deidentify(ct, "P0018", secret="correct horse")
print(f"elements of the header: {len(list(ct.iterall()))} as it came, {len(list(clean.iterall()))} from the list")

# %% [markdown]
# The real CT runs from about −900 to 1,200 HU. The MR exists in five *transfer syntaxes*, ways to lay the same numbers
# into bytes, compressed or not, and all five give the same pixels; a sixth needs a decoder that is not installed here, and
# the message says so. (The numbers of an MR have no unit: twice the value in another scanner means nothing.)
#
# ## Three questions
#
# <details><summary>A colleague's network for bleeds works in one hospital and calls every patient of another ill. The
# pictures look alike. What do you look at first?</summary>
#
# At the numbers: the minimum, the maximum and the value of water or brain in both. If air is 0 in one and −1000 in the
# other, slope and intercept were applied in one of them only. Pictures are stretched to their own range and hide that.
#
# </details>
#
# <details><summary>To halve the noise of a scan, what must happen to the dose? And to see a lesion of half the contrast as
# well as before?</summary>
#
# Four times the dose, in both cases. The variance falls as one over the photons, (13.6) and (13.7); and $d'$ in (13.8) is
# proportional to the contrast and to the square root of the photons.
#
# </details>
#
# <details><summary>A vendor says that its files are anonymous: the patient's name is replaced by "anonymous" in all of them.
# What do you ask?</summary>
#
# What else is in the header: numbers, dates, staff, free text, private elements, sequences, UIDs that lead back to the
# archive. Is text burned into the pixels, is a face in the volume? Then search the bytes of some files for names that you
# know to have been there.
#
# </details>
#
# ## In this notebook we ...
#
# counted photons, turned their sums into Hounsfield units by filtered back-projection, and followed the noise from
# the dose to the image; measured how near a network comes to what the photons hold; read DICOM files into
# numbers with a unit and a place, sorted a series, refused files that lie; and took a made-up patient out of a header, and
# searched the bytes for what we had planted.
#
# **Pitfalls**
# - Judging numbers by a picture. Forgetting slope and intercept, or letting 16-bit numbers come round.
# - Sorting a series by file name, or by the third coordinate. Taking `SliceThickness` for the distance of slices.
# - Removing what one thinks of, instead of keeping what one needs. Forgetting burned-in text and faces.
# - A simulated scanner has no scatter, no beam hardening, no motion and no metal. What holds here holds for principles.
#
# **Next**: [notebook 15](15_image_diagnosis.ipynb).
#
# **Further reading**
# - Kak and Slaney, *Principles of Computerized Tomographic Imaging*, IEEE Press 1988: chapter 3.
# - Ramachandran and Lakshminarayanan, PNAS 68 (1971) 2236: the filter. Barrett and Myers, *Foundations of Image Science*,
#   Wiley 2004: the ideal and the Hotelling observer.
# - The DICOM standard, PS3.3 section C.7.6.2 (position, orientation) and PS3.15 annex E (de-identification).
# - Mason et al., *pydicom* (MIT licence), with its test files, and its example *Anonymize DICOM data*.
# - Schwarz et al., *Identification of anonymous MRI research participants with face-recognition software*, New England
#   Journal of Medicine 381 (2019) 1684.
