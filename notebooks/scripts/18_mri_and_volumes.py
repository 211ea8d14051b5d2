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
# # Volumes: which side is left, how large is it, and have we met before?
#
# After this notebook you can
# - **say** which side of a volume is the patient's left, from the file and not from the picture,
# - **explain** how an MR picture is made, why too few measurements fold it, and why its darkness is never 0,
# - **measure** a lesion on any grid, in ml, and name three ways that get it wrong, and
# - **find** patients who are in a collection twice, before they flatter a score.
#
# | needs | read | run | data |
# |---|---|---|---|
# | notebook [13](13_medical_images.ipynb); matrices, complex numbers | 60 min | 30 s | simulated head MR and CT; real: files of nilearn and pydicom |
#
# Two files hold one head, with one lesion. The same five lines of code draw both. Once the lesion is on the left of the
# picture, once on the right. Nobody has mirrored the patient, and neither file is wrong. The brain itself gives no
# hint: our anatomy comes from the symmetric MNI152, a template to which brain studies align their patients, and its
# 8,675,289 voxels are, to the last bit, their own mirror image.

# %%
import matplotlib.pyplot as plt
import nibabel
import numpy as np
import pandas as pd

from medlib import plot
from medlib.data import load, volumes
from medlib.decisions import decide
from medlib.lesson import check, claim, setup

rng = setup(seed=0)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from pathlib import Path
from tempfile import TemporaryDirectory

kept = TemporaryDirectory()  # goes when the kernel goes
folder = Path(kept.name)
tissue, affine = volumes.tissues(step=2)  # shares of CSF, grey and white matter on a grid of 2 mm
shape = tissue["grey"].shape
share = volumes.ellipsoid((-32, -24, 24), (9, 13, 10), affine, shape) * (sum(tissue.values()) > 0)
mix = {name: part * (1 - share) for name, part in tissue.items()} | {"lesion": share}
outline = share >= 0.5


def painted(value):
    """The head (x, y, z), where each tissue has the brightness value[tissue]."""
    return sum(part * value[name] for name, part in mix.items())


head = painted({"csf": 0.54, "grey": 0.19, "white": 0.13, "lesion": 0.45}).astype(np.float32)
nibabel.Nifti1Image(head, affine).to_filename(folder / "monday.nii.gz")
nibabel.Nifti1Image(head, affine).as_reoriented([[0, -1], [1, 1], [2, 1]]).to_filename(folder / "tuesday.nii.gz")

# %%
def slice_at(file, k):
    """What a viewer of five lines shows: slice k, first index to the right."""
    return nibabel.load(file).get_fdata()[:, :, k].T


pictures = [slice_at(folder / name, 48) for name in ("monday.nii.gz", "tuesday.nii.gz")]

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "One simulated MR slice of a head from two files. In the first a bright lesion is on the left of the picture, in the second on the right; all else looks the same."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(6.0, 3.5))
for ax, picture, name in zip(axes, pictures, ("monday.nii.gz", "tuesday.nii.gz"), strict=True):
    ax.imshow(picture, origin="lower", vmin=0, vmax=0.55)
    ax.set_title(name, fontsize=10)
    ax.set_axis_off()
fig.suptitle("Simulated head MR: one patient, two files", fontsize=10)
plt.show()
plain = sum(tissue[name] * value for name, value in (("csf", 3), ("grey", 2), ("white", 1)))
claim("without the lesion, head and mirror image agree to the last bit", np.array_equal(plain, plain[::-1]))

# %% [markdown]
# The bright lesion is on the left in one file and on the right in the other, and all else is the same. Some viewers
# draw the patient's left on the left, others on the right, as if one looked from the feet. Neither is the truth. **The
# picture does not know where left is. The file does, if you ask it.**
#
# ## 1. Ask the file
#
# A volume is an array of numbers and an *affine*: a matrix $A$ and a shift $b$ that take the indices $v = (i, j, k)$ of
# a voxel to its place $r$ in the patient,
#
# $$r = A\,v + b \tag{18.1}$$
#
# in mm, to the patient's *right*, *front* and *head* (RAS; DICOM counts to the left, the back and the head, LPS). The
# columns of $A$ are the steps from one voxel to the next. NIfTI, the format of most brain research, keeps both in
# one 4 × 4 matrix, which notebook 13 wrote into a file. Here we read it.


# %%
def to_mm(affine, voxels):
    """Where voxels (n, 3) lie, in mm: to the right, the front and the head."""
    A, b = affine[:3, :3], affine[:3, 3]
    return voxels @ A.T + b


# %%
days = "monday", "tuesday"
files = {day: nibabel.load(folder / f"{day}.nii.gz") for day in days}
for day, file in files.items():
    print(day, nibabel.aff2axcodes(file.affine), file.affine[0])

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (18.1): an oblique grid with three unequal steps; then one head in all 48 orders in which it may be stored
from itertools import permutations, product

from nibabel.affines import apply_affine
from scipy.spatial.transform import Rotation

steps = np.diag([0.7, 1.9, 4.0])
oblique = np.eye(4)
oblique[:3, :3], oblique[:3, 3] = Rotation.random(rng=rng).as_matrix() @ steps, rng.uniform(-90, 90, 3)
corners = rng.integers(0, 50, (5, 3))
same = np.allclose(to_mm(oblique, corners), apply_affine(oblique, corners))
walked = to_mm(oblique, np.array([[3, 0, 0]])) - to_mm(oblique, np.array([[2, 0, 0]]))
claim("an oblique grid: nibabel's places, and one step along i is 0.7 mm long", same and np.isclose(np.linalg.norm(walked), 0.7))
mask_file = nibabel.Nifti1Image(outline.astype(np.uint8), affine)
centres, codes = [], set()
for order, signs in product(permutations(range(3)), product((1, -1), repeat=3)):
    stored = mask_file.as_reoriented(np.column_stack([order, signs]))
    centres.append(to_mm(stored.affine, np.argwhere(stored.dataobj)).mean(axis=0))
    codes.add(nibabel.aff2axcodes(stored.affine))
spread = np.ptp(centres, axis=0).max()
claim("48 orders of the axes, one centre of the lesion", len(codes) == 48 and spread < 1e-6, spread)
claim("and it is left of the middle: 32 mm", abs(centres[0][0] + 32) < 1, centres[0][0])

# %% [markdown]
# *R* says that the first index runs to the patient's right, *L* to the left: on Tuesday somebody's program stored the
# same head from right to left, and turned the sign of the first column with it. In mm the lesion is in one place, 32 mm
# to the left of the middle. There are 48 such orders, and an honest program may write any of them. So ask for the one
# that you want, `nibabel.as_closest_canonical(file)`, and never for "index 30".
#
# ### Your turn
#
# **18.1** The way back. `mm` (n, 3) holds places in the patient. Return, as whole numbers (n, 3), the voxels of the
# grid `affine` in which they lie. A voxel's place is its *centre*.


# %%
def to_voxels(affine, mm):
    """The voxels (n, 3) in which places (n, 3) lie."""
    return ...  # your code


check("18.1", to_voxels)


# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 18.1
def to_voxels(affine, mm):
    """The voxels (n, 3) in which places (n, 3) lie."""
    inverse = np.linalg.inv(affine)
    return np.rint(mm @ inverse[:3, :3].T + inverse[:3, 3]).astype(int)


check("18.1", to_voxels)

# %% [markdown]
# With it, an outline drawn in Monday's file goes into Tuesday's: its voxels to mm, and the mm to the other's voxels.
# The rival is what happens in many scripts: shapes agree, so the outline is laid on as it is. Two outlines $a$ and $b$
# are compared by their *Dice* score, twice the common part over the sum: 1 when they agree, 0 when they have nothing in
# common.

# %%
def dice(a, b):
    """Twice the common part of two outlines, over the sum."""
    return 2 * np.sum(a & b) / (np.sum(a) + np.sum(b))


# %%
carried = np.zeros(shape, bool)
places = to_mm(files["monday"].affine, np.argwhere(outline))
carried[tuple(to_voxels(files["tuesday"].affine, places).T)] = True

# %% jupyter={"source_hidden": true} tags=["hide-input"]
on_tuesday = np.asarray(mask_file.as_reoriented([[0, -1], [1, 1], [2, 1]]).dataobj, bool)
by_index, by_place = dice(outline, on_tuesday), dice(carried, on_tuesday)
claim("laid on by index the outline misses the lesion altogether; by place it fits", by_index == 0 and by_place == 1)
liar = nibabel.Nifti1Image(head[::-1], affine)  # numbers mirrored, affine kept
where = to_mm(liar.affine, np.argwhere(outline[::-1])).mean(axis=0)[0]
blank = nibabel.Nifti1Image(head, affine)
blank.set_qform(None)
blank.set_sform(None)  # both codes are 0 now
blank.to_filename(folder / "blank.nii.gz")
blank = nibabel.load(folder / "blank.nii.gz")
guessed = to_mm(blank.affine, np.argwhere(outline)).mean(axis=0)[0]
claim("numbers mirrored, or codes of 0: both files have the lesion on the right", abs(where - 32) < 1 and guessed > 20, [where, guessed])
back = nibabel.load(folder / "tuesday.nii.gz")
honest = np.array_equal(back.get_fdata()[::-1], head) and np.allclose(back.header.get_zooms(), 2)
claim("written and read back: the same numbers, voxels of 2 mm", honest)
pd.DataFrame({"Dice with the true outline": {"by index": by_index, "by place": by_place}})

# %% [markdown]
# By index the Dice score is 0: the outline lies in healthy brain, on the other side. By place it is 1. Two files are
# beyond this help, and both open without a word. In one, a program mirrored the numbers and kept the affine (a flip
# meant for training, saved by mistake): the lesion has changed sides. In the other, both *codes* of the header are 0,
# which means that nothing is known of the place; nibabel then guesses that the first axis runs to the left, and here
# the guess is wrong. So look at `header["sform_code"]` and `header["qform_code"]`, and check *one* patient against
# something outside the file: the DICOM original, the side in the report, a capsule of oil taped to the right temple.
#
# ## 2. Where MR numbers come from
#
# A CT counts photons along lines. An MR scanner listens to protons. It gives them, for a moment, a different pitch at
# each place, and records the sum. Done with many patterns, that is the *Fourier transform* of the picture: of a slice with
# the signal $s(x)$ in its $N$ pixels, at the places $x = (x_1, x_2)$ on a grid of $N_1 \times N_2$, the scanner measures
#
# $$S(k) = \sum_x s(x)\, e^{-2\pi i\,(k_1 x_1/N_1 + k_2 x_2/N_2)}, \qquad
# \sum_x |s(x)|^2 = \frac 1N \sum_k |S(k)|^2 \tag{18.2}$$
#
# The second half is *Parseval's* theorem: nothing is lost. The numbers $S(k)$ are called **k-space**; `np.fft.fft2`
# computes them, and `np.fft.ifft2` goes back. Every one of them hears the whole head.

# %%
picture = np.zeros((120, 108))
picture[1:118, 4:103] = pictures[0]  # 240 mm by 216 mm
S = np.fft.fft2(picture)


# %%
def keep_every(S, R, first=0):
    """k-space with every R-th line kept, from line `first`; the others are 0."""
    kept_lines = np.zeros_like(S)
    kept_lines[first::R] = S[first::R]
    return kept_lines


folded = {R: abs(np.fft.ifft2(keep_every(S, R))) for R in (2, 3)}

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Four panels. A simulated head slice; its k-space, bright in the middle; the picture from every second line, two overlapping heads half the field apart; from every third line, three overlapping heads."}} tags=["hide-input"]
# Equation (18.2): a complex picture of 7 x 12 against the sum written out, and both energies
s = rng.normal(size=(7, 12)) + 1j * rng.exponential(size=(7, 12))
waves = [np.exp(-2j * np.pi * np.outer(np.arange(n), np.arange(n)) / n) for n in s.shape]
by_sum = waves[0] @ s @ waves[1].T
energies = np.sum(abs(s) ** 2), np.sum(abs(by_sum) ** 2) / s.size
held = np.allclose(by_sum, np.fft.fft2(s)) and np.isclose(*energies)
claim("the sum written out is numpy's, and both energies agree", held, energies)
fig, axes = plt.subplots(1, 4, figsize=(7.8, 2.5))
panels = [("picture", picture, 0.55), ("k-space (logarithm)", np.log(abs(np.fft.fftshift(S)) + 1), None)]
panels += [("every 2nd line", folded[2], 0.55 / 2), ("every 3rd line", folded[3], 0.55 / 3)]
for ax, (title, image, white) in zip(axes, panels, strict=True):
    ax.imshow(image, origin="lower", vmin=0, vmax=white)
    ax.set_title(title, fontsize=9)
    ax.set_axis_off()
fig.suptitle("Simulated head MR, 240 mm × 216 mm", fontsize=10)
plt.show()

# %% [markdown]
# With every second line of k-space there are two heads in the picture, half a field apart, and with every third there
# are three. (Their brightness falls as well; the panels are stretched.) Each line of k-space costs time, and a patient
# must lie still for all of them, so scanners leave lines out. What happens then is exact. Keep the lines $k_1 = o, o +
# R, o + 2R, \dots$ and set the others to 0:
#
# $$s_R(x_1, x_2) = \frac 1R \sum_{m=0}^{R-1} e^{2\pi i\,m o/R}\;s\Bigl(x_1 - m\,\frac{N_1}{R},\; x_2\Bigr) \tag{18.3}$$
#
# Copies, shifted by the field of view over $R$, wrapped round at the edge. It is called *aliasing*. Nothing in the
# picture marks a copy as a copy. (Parallel imaging and learnt reconstruction pull the copies apart again, with several
# coils or with knowledge of heads; what they put in place of a missing line was not measured.)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (18.3): a complex picture without symmetry, three factors, every first line
wide = rng.normal(size=(12, 7)) + 1j * rng.exponential(size=(12, 7))
off = []
for R in (2, 3, 4):
    for first in range(R):
        copies = sum(np.exp(2j * np.pi * m * first / R) * np.roll(wide, m * 12 // R, axis=0) for m in range(R)) / R
        off.append(np.abs(np.fft.ifft2(keep_every(np.fft.fft2(wide), R, first)) - copies).max())
claim("nine cases: the copies of the formula, to rounding", len(off) == 9 and max(off) < 1e-12, max(off))
spot = np.zeros_like(picture)
spot[1:118, 4:103] = share[:, :, 48].T
ghost = np.fft.ifft2(keep_every(np.fft.fft2(spot), 2)).real
halves = ghost[spot > 0.99].mean(), np.roll(ghost, 60, axis=0)[spot > 0.99].mean()
claim("half of the lesion stays, half appears 120 mm away", np.allclose(halves, 0.5), halves)

# %% [markdown]
# ### Two pictures of one head
#
# Protons answer with a signal that depends on the tissue in three ways: how many they are ($\rho$), how fast they
# recover ($T_1$) and how fast they fall out of step ($T_2$). Whoever runs the scanner chooses the time between two
# pulses, $TR$, and from pulse to echo, $TE$. For a plain spin echo with $TE \ll TR$,
#
# $$s = \rho\,\bigl(1 - e^{-TR/T_1}\bigr)\, e^{-TE/T_2} \tag{18.4}$$
#
# The values below are those of BrainWeb for 1.5 tesla (Kwan and others, 1999); the lesion has those of a plaque of
# multiple sclerosis.

# %%
TISSUES = pd.DataFrame(
    {
        "csf": [1.00, 2569, 329],
        "grey": [0.86, 833, 83],
        "white": [0.77, 500, 70],
        "lesion": [0.76, 752, 237],
    },
    index=["rho", "T1", "T2"],  # T1 and T2 in ms
)


# %%
def signal(rho, T1, T2, TR, TE):
    """The signal (18.4) of a spin echo; times in ms."""
    return rho * (1 - np.exp(-TR / T1)) * np.exp(-TE / T2)


# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (18.4): the equations of Bloch, stepped through eight pulses, for three tissues and three settings
def stepped(rho, T1, T2, TR, TE, dt=0.05):
    """The echo after the eighth pulse, from dM/dt = (rho - M)/T1 along and -M/T2 across the field."""
    along = rho
    for _ in range(8):
        across, along = along, 0.0  # a pulse of 90 degrees
        for _ in range(round(TR / dt)):
            along += dt * (rho - along) / T1
    return across * (1 - dt / T2) ** round(TE / dt)


tried = [(0.7, 500, 70, 300, 20), (1.3, 900, 120, 1200, 60), (1.0, 150, 40, 80, 5)]
gap = max(abs(stepped(*case) / signal(*case) - 1) for case in tried)
claim("stepped through eight pulses, the echo is the formula's, to half a percent", gap < 5e-3, gap)

# %% [markdown]
# ### Your turn
#
# **18.2** Which $TE$ shows a lesion best against the tissue round it? Let both begin at $TE = 0$ with signals `a` and
# `b` (all but the last factor of (18.4)), and decay with `Ta` and `Tb`. Return the $TE > 0$ at which the *difference*
# of the two signals, if it is there to be found, is largest: where its slope is 0.


# %%
def best_TE(a, Ta, b, Tb):
    """The echo time, in ms, with the largest difference of two decaying signals."""
    return ...  # your formula


check("18.2", best_TE)


# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 18.2
def best_TE(a, Ta, b, Tb):
    """The echo time, in ms, with the largest difference of two decaying signals."""
    return np.log((b / Tb) / (a / Ta)) / (1 / Tb - 1 / Ta)


check("18.2", best_TE)

# %%
TR = 4000
start = {name: signal(*TISSUES[name], TR, 0) for name in TISSUES}
T2 = TISSUES.loc["T2"]
TE = best_TE(start["lesion"], T2["lesion"], start["white"], T2["white"])
T1_weighted = {name: signal(*TISSUES[name], 500, 15) for name in TISSUES}
T2_weighted = {name: signal(*TISSUES[name], TR, TE) for name in TISSUES}
print(f"best TE {TE:.0f} ms")
pd.DataFrame({"T1-weighted": T1_weighted, "T2-weighted": T2_weighted}).round(2)

# %% [markdown]
# A short $TR$ and $TE$ give a picture *weighted* by $T_1$: white matter .39, grey .32, fluid .17. A long $TR$ and your
# $TE$ of about 120 ms turn the order round: fluid .54, grey .19, white .13, and the lesion .45, over three times as
# bright as the white matter it lies in. With the shorter times lesion and white matter differ by an eighth.

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "One simulated slice twice. T1-weighted: white matter bright, fluid dark, the lesion a hint of grey. T2-weighted: fluid and lesion bright, white matter dark."}} tags=["hide-input"]
fig, axes = plt.subplots(1, 2, figsize=(6.0, 3.5))
for ax, (title, value) in zip(axes, (("T1-weighted", T1_weighted), ("T2-weighted", T2_weighted)), strict=True):
    ax.imshow(painted(value)[:, :, 48].T, origin="lower", vmin=0.1)
    ax.set_title(title, fontsize=10)
    ax.set_axis_off()
fig.suptitle("Simulated head MR: one head, two settings of the scanner", fontsize=10)
plt.show()
order = [sorted(value, key=value.get) for value in (T1_weighted, T2_weighted)]
claim("T1: fluid, grey, lesion, white; T2: white, grey, lesion, fluid", order == [["csf", "grey", "lesion", "white"], ["white", "grey", "lesion", "csf"]])
around = [signal(*TISSUES["lesion"], TR, t) - signal(*TISSUES["white"], TR, t) for t in (0.8 * TE, TE, 1.25 * TE)]
claim("a shorter or longer TE shows the lesion less well", around[1] > max(around[0], around[2]), around)

# %% [markdown]
# The same head, the same lesion: a hint of grey on the left, and a beacon on the right. So an MR number has no unit. It
# is a property of the tissue *and* of two knobs, of the coil and of a gain that the scanner sets for each patient. HU
# are pinned to water and air in every hospital; here twice the number in the next one means nothing. Section 4 pays for that.
#
# ### The dark is not dark
#
# Noise is added in k-space, to real and imaginary part, and so to both parts of the picture, with standard deviation
# $\sigma$ in each. Then the scanner takes the *magnitude* $m$ and throws the phase away. A magnitude cannot be
# negative, so noise no longer averages out. With $s$ the true signal (Rice, 1944; Gudbjartsson and Patz, 1995),
#
# $$\mathbb E[m^2] = s^2 + 2\sigma^2, \qquad \text{and where } s = 0: \quad \mathbb E[m] = \sigma\sqrt{\pi/2} \tag{18.5}$$

# %%
sigma, scans_taken = 0.1, 64
truth = np.zeros((120, 108))
truth[1:118, 4:103] = painted(T1_weighted)[:, :, 48].T
in_k = rng.normal(0, sigma * np.sqrt(truth.size), (2, scans_taken, *truth.shape))
noisy = np.fft.ifft2(np.fft.fft2(truth) + in_k[0] + 1j * in_k[1])
magnitude = abs(noisy)

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Left, a noisy simulated T1-weighted slice whose background is grey, not black. Right, two histograms of the background: a single scan spreads from 0 to 0.35, the mean of 64 scans is a narrow peak at 0.125, far from the true 0."}} tags=["hide-input"]
# Equation (18.5): magnitudes of four signals and two noises; then a table of three ways to average
for s, sd in ((0, 0.3), (0.5, 0.3), (0.5, 1.1), (2.0, 0.7)):
    m = abs(s * np.exp(0.7j) + rng.normal(0, sd, 200_000) + 1j * rng.normal(0, sd, 200_000))
    held = abs(np.mean(m**2) / (s**2 + 2 * sd**2) - 1) < 0.02
    held &= s > 0 or abs(np.mean(m) / (sd * np.sqrt(np.pi / 2)) - 1) < 0.01
    claim(f"s = {s}, σ = {sd}: mean square, and at s = 0 the mean, are the formula's", held, [np.mean(m**2), np.mean(m)])
air = truth == 0
fluid = np.zeros(truth.shape, bool)
fluid[1:118, 4:103] = mix["csf"][:, :, 48].T > 0.95
matter = np.zeros(truth.shape, bool)
matter[1:118, 4:103] = mix["white"][:, :, 48].T > 0.95
fig, (left, right) = plt.subplots(1, 2, figsize=(7.4, 3.1), width_ratios=(1, 1.7))
left.imshow(magnitude[0], origin="lower", vmin=0, vmax=0.6)
left.set_title("Simulated: one scan", fontsize=10)
left.set_axis_off()
right.hist(magnitude[0][air], bins=60, density=True, alpha=0.6, label="one scan")
right.hist(magnitude.mean(axis=0)[air], bins=20, density=True, alpha=0.6, label="mean of 64 scans")
right.axvline(0, color="black", linestyle=":")
right.set(xlabel="magnitude where there is no tissue (truth: 0)", ylabel="density")
right.legend()
plt.show()
averages = {
    "mean of magnitudes": magnitude.mean(axis=0),
    "√(mean square − 2σ²)": np.sqrt(np.maximum((magnitude**2).mean(axis=0) - 2 * sigma**2, 0)),
    "magnitude of the complex mean": abs(noisy.mean(axis=0)),
}
regions = {"air": air, "fluid": fluid, "white matter": matter}
found = pd.DataFrame({name: {where: a[region].mean() for where, region in regions.items()} for name, a in averages.items()})
found.insert(0, "truth", {name: truth[region].mean() for name, region in regions.items()})
excess = found.sub(found["truth"], axis=0)
plainly = excess["mean of magnitudes"]
claim("mean of magnitudes: air at 1.25 σ after 64 scans", abs(plainly["air"] / (1.2533 * sigma) - 1) < 0.02, plainly["air"])
claim("and fluid 10 to 30 % too bright, white matter under 5 %", 0.1 < plainly["fluid"] / found["truth"]["fluid"] < 0.3 and plainly["white matter"] / found["truth"]["white matter"] < 0.05, plainly["fluid"] / found["truth"]["fluid"])
repaired = abs(excess[["√(mean square − 2σ²)", "magnitude of the complex mean"]].loc["fluid"]).max()
claim("either repair brings fluid to within 2 %", repaired < 0.02 * found["truth"]["fluid"], repaired)
found.round(3)

# %% [markdown]
# One scan of empty air spreads from 0 to about .35. The mean of 64 is a narrow peak, and it stands at .125, not at 0:
# more scans make us surer of a wrong number. Fluid, the darkest tissue here, comes out a sixth too bright, white matter
# by a few percent. Two repairs bring both to within 2 %: subtract $2\sigma^2$ from the mean *square*, or average before
# the magnitude is taken, which needs the phase. (In air they leave .02: a root of what is left of noise is not negative
# either.) Whoever fits a decay such as (18.4) to magnitudes takes the floor for signal.
#
# ## 3. How large is it?
#
# A reader has outlined lesions on voxels of 1 mm. The model that is to learn from them works on larger ones. What
# becomes of the volume? Our 48 simulated patients have one lesion each: an ellipsoid of half-axes from 3 to 9 mm,
# turned at random, so that the truth $\tfrac43\pi abc$ is known (mostly .2 to 2 ml).
#
# A volume is a sum. With $p_v$ the share of voxel $v$ that belongs to the lesion, and $A$ of (18.1), whose determinant
# is the volume of one voxel,
#
# $$V = |\det A| \sum_v p_v \tag{18.6}$$
#
# ### Your turn
#
# **18.3** Write it, in **ml**. `shares` (x, y, z) may be an outline of True and False, or shares from 0 to 1. `affine`
# (4, 4) may be oblique, and in half of all files its determinant is negative. One ml is 1,000 mm³.


# %%
def volume_ml(shares, affine):
    """The volume of a lesion, in ml."""
    return ...  # your code


check("18.3", volume_ml)


# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 18.3
def volume_ml(shares, affine):
    """The volume of a lesion, in ml."""
    return abs(np.linalg.det(affine[:3, :3])) * np.sum(shares) / 1000


check("18.3", volume_ml)

# %% [markdown]
# Now six ways from the outline to the other grid. `resample` reads the outline at the *centres* of the new voxels,
# between its own voxels if need be: the nearest one (order 0), linear (1), a cubic spline (3). `voxel_means` takes the
# mean over the *whole* new voxel: the share $p_v$.

# %%
FINE = np.eye(4)  # the reader's grid, 1 mm


def six_ways(outline, grid, shape, parts):
    """A lesion on another grid: outlines of True and False, or shares."""
    inside = volumes.voxel_means(outline, FINE, grid, shape, parts)
    linear = volumes.resample(outline, FINE, grid, shape, order=1)
    return {
        "nearest": volumes.resample(outline, FINE, grid, shape, order=0),
        "linear, half or more": linear >= 0.5,
        "spline, added up": volumes.resample(outline, FINE, grid, shape, order=3),
        "share, any at all": inside > 0,
        "share, half or more": inside >= 0.5,
        "share, added up": inside,
    }


# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Bias of the lesion volume in percent for three grids and five ways, with intervals. Nearest, linear, spline and shares added up lie at 0; shares of half or more fall from minus 4 to minus 20 percent as voxels grow from 2 to 5 mm; outliers of any share are printed beside the figure, at plus 100 to 300 percent."}} tags=["hide-input"]
# Equation (18.6): shares of an oblique grid with a negative determinant; then 48 lesions on four grids
from types import SimpleNamespace

from medlib.metrics import score_table

flipped = oblique.copy()
flipped[:3, 0] *= -1
flipped[:3, 3] = -flipped[:3, :3] @ [30, 15, 8]  # the ellipsoid in the middle of 61 x 31 x 17 voxels
known = volumes.ellipsoid((0, 0, 0), (11, 8, 14), flipped, (61, 31, 17))
claim("an ellipsoid on a mirrored, oblique grid measures 4/3 π abc", abs(volume_ml(known, flipped) / (4 / 3 * np.pi * 1.232) - 1) < 0.01)

GRIDS = {"2 mm": (2, 2, 2), "3.5 mm": (3.5, 3.5, 3.5), "5 mm": (5, 5, 5), "1 × 1 × 5 mm": (1, 1, 5)}
PARTS = {1: 1, 2: 3, 3.5: 5, 5: 5}  # odd, so that no share is exactly a half
true_ml, peaks, counted = [], [], {grid: {} for grid in GRIDS}
for _ in range(48):
    half_axes, turn = rng.uniform(3, 9, 3), Rotation.random(rng=rng).as_matrix()
    drawn = volumes.ellipsoid(19.5 + rng.uniform(-0.5, 0.5, 3), half_axes, FINE, (40, 40, 40), turn, parts=1)
    true_ml.append(4 / 3 * np.pi * np.prod(half_axes) / 1000)
    for grid, edges in GRIDS.items():
        edges = np.array(edges, float)
        target = np.diag([*edges, 1])
        target[:3, 3] = rng.uniform(-0.5, 0.5, 3) * edges  # grids lie as they come
        extent, parts = tuple(np.ceil(40 / edges).astype(int) + 1), [PARTS[edge] for edge in edges]
        found = six_ways(drawn, target, extent, parts)
        for way, lesion in found.items():
            counted[grid].setdefault(way, []).append(volume_ml(lesion, target))
        if grid == "5 mm":
            peaks.append(found["share, added up"].max())
part = SimpleNamespace(y=np.array(true_ml), groups=None)  # one row a patient


def bias(y, p):
    return 100 * np.mean(p / y - 1)


def error(y, p):
    return 100 * np.mean(abs(p / y - 1))


sized = {grid: score_table(ways, part, "nearest", {"bias, %": bias, "error, %": error}) for grid, ways in counted.items()}
fig, ax = plt.subplots(figsize=(6.8, 3.3))
for number, (way, marker) in enumerate(zip(counted["2 mm"], "osD^vP", strict=True)):
    if way != "share, any at all":
        values = [sized[grid]["bias, %"][way] for grid in GRIDS]
        middle = np.array([v.value for v in values])
        ends = [middle - [v.low for v in values], [v.high for v in values] - middle]
        ax.errorbar(np.arange(4) + 0.1 * number - 0.25, middle, ends, marker=marker, linestyle="none", capsize=2, label=way)
ax.axhline(0, color="0.5", linestyle=":")
ax.set(xticks=range(4), xticklabels=list(GRIDS), xlabel="voxels of the new grid", ylabel="volume minus truth, %")
ax.set_title("Simulated lesions: bias, 95 % intervals by patient")
ax.legend(fontsize=8)
plt.show()
any_part = [sized[grid]["bias, %"]["share, any at all"].value for grid in GRIDS]
halved = [sized[grid]["bias, %"]["share, half or more"] for grid in GRIDS]
claim("any share at all: half too large or more at 2 mm, doubled at 3.5, tripled at 5", any_part[0] > 50 and any_part[1] > 100 and any_part[2] > 200, any_part)
claim("half or more: too small, more so the larger the voxel", halved[1].high < 0 and halved[2].high < halved[0].low, halved)
fair = [sized[g]["bias, %"][w] for g in GRIDS for w in ("nearest", "spline, added up", "share, added up")]
claim("nearest, spline and shares added up: no bias beyond 8 %", max(abs(v.value) for v in fair) < 8, max(abs(v.value) for v in fair))
table = sized["5 mm"]
gained = table["error, % minus nearest"]["share, added up"]
no_better = table["error, % minus nearest"]["share, half or more"]
claim("error at 5 mm: shares added up beat the nearest voxel, paired; half or more does not", gained.high < -5 and no_better.value > 0, [gained, no_better])
brightest = np.mean(np.array(peaks)[part.y < 0.5])
picture_share = volumes.voxel_means(0.13 + 0.32 * drawn, FINE, target, extent, parts)
same = np.array_equal(picture_share > 0.29, found["share, half or more"])
claim("small lesions: the brightest voxel is .5 to .92 lesion; a picture cut half-way gives the same outline", 0.5 < brightest < 0.92 and same, brightest)
table

# %% [markdown]
# Three ways have next to no bias: the nearest voxel, the spline added up, and shares added up. They differ in their
# *error*, the mean distance from the truth: at 5 mm 12 to 20 % for the nearest voxel and under 1 % for shares, which
# lose nothing on the way. The rule that one finds in many pipelines, *take the share and cut at one half*, does worse
# than the nearest voxel: at 5 mm it loses a fifth to a quarter of these lesions' volume, or more. A small round thing
# fills few voxels by half, and has no hollow places to make good for it. (Where a border is flat over many voxels the
# rule is fair.) The *picture* is no way out. A large voxel's brightness is the mean over its parts, so cutting it
# half-way from surroundings to lesion is the same rule; and in lesions under half a ml even the brightest voxel of 5 mm
# is on average a sixth to two fifths something else. That is *partial volume*. So **keep the shares, and add them up;
# cut at one half only when a model needs an outline, and never count that outline.**
#
# Worst is to take every voxel that holds any of the lesion: over half as much again at 2 mm, and three to four times
# the volume at 5. That can be computed. A convex lesion of volume $V$ lies on a grid at random; the edges of a voxel
# are $h_1, h_2, h_3$. Let $F_i$ be the area of the lesion's shadow along axis $i$, and $w_i$ its width. Then the voxels
# touched have, on average, the volume
#
# $$\mathbb E[V_\text{touched}] = V + \sum_i h_i F_i + \sum_i w_i\,\frac{h_1 h_2 h_3}{h_i} + h_1 h_2 h_3 \tag{18.7}$$
#
# (a mixed volume of Minkowski's; the lesion is widened by half a voxel all round).

# %%
def touched(half_axes, edges):
    """(18.7) in ml for an ellipsoid along the axes; lengths in mm."""
    a, h = np.array(half_axes), np.array(edges)
    shadows, voxel = np.pi * np.prod(a) / a, np.prod(h)
    V = 4 / 3 * np.pi * np.prod(a)
    return (V + h @ shadows + 2 * a @ (voxel / h) + voxel) / 1000


print(f"a ball of 1 ml, voxels of 5 mm: {touched([6.2, 6.2, 6.2], [5, 5, 5]):.1f} ml")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (18.7): eight hundred positions of the grid; unequal half-axes, unequal edges
for half_axes, edges in (([4, 7, 11], [2, 3.5, 6]), ([9, 3, 5], [5, 1, 2.5])):
    a, h, total = np.array(half_axes, float), np.array(edges, float), []
    extent = np.ceil(a / h).astype(int) + 2
    for start in rng.uniform(-0.5, 0.5, (800, 3)):
        centres = [(np.arange(-n, n + 1) + o) * e for n, o, e in zip(extent, start, h, strict=True)]
        nearest = [np.maximum(abs(c) - e / 2, 0) / r for c, e, r in zip(centres, h, a, strict=True)]  # of each voxel
        x, y, z = (line**2 for line in nearest)
        total.append(np.sum(x[:, None, None] + y[:, None] + z <= 1) * np.prod(h) / 1000)
    claim(f"half-axes {half_axes}, edges {edges}: the mean is the formula's", abs(np.mean(total) / touched(a, h) - 1) < 0.01, np.mean(total))
ball = touched([6.2, 6.2, 6.2], [5, 5, 5])
claim("one ml becomes nearly four", 3.6 < ball < 4.1, ball)
window = affine @ np.array([[0.5, 0, 0, 20], [0, 0.5, 0, 42], [0, 0, 0.5, 36], [0, 0, 0, 1]])  # 1 mm, round the lesion
overshoot = volumes.resample(outline, affine, window, (50, 50, 50), order=3)
claim("a spline turns 0 and 1 into values below −.1 and above 1.1", overshoot.min() < -0.1 and overshoot.max() > 1.1, [overshoot.min(), overshoot.max()])

# %% [markdown]
# One ml becomes nearly four, by nothing but the grid. Read backwards: a lesion smaller than a few voxels has no size
# that an outline of voxels could tell, and a change of a ml from one year to the next, measured on two grids, may be
# the grids. (Splines have a price as well: next to an edge they swing below 0 and above 1. A map of labels, 1 for grey
# and 3 for lesion, must never be read between its voxels at all: half-way from 1 to 3 is another tissue.)
#
# ## 4. Numbers without a unit
#
# A model of one number: *call every pixel a lesion that is brighter than t*. On CT, t can be a property of blood. On MR
# it is a property of a scanner and a day. We make 251 simulated patients with an infarct into MR slices (a *FLAIR*:
# fluid dark, infarct bright) as two scanners would take them. Scanner one is in the training data. Scanner two has
# other knobs and about twice the gain. Each test patient is scanned on both, so that nothing else differs.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from scipy.ndimage import binary_erosion

clean, scans = load("head_ct", size=32, dose=None), load("head_ct", size=32)
cross = np.zeros((3, 3, 3), bool)
cross[1, 1, :] = cross[1, :, 1] = True  # a pixel and its four neighbours, within the slice


def brain(part):
    """Where the brain is, one pixel inside the skull (a skull stripper would say; here the density does)."""
    return binary_erosion((part.x > -20) & (part.x < 110), cross)


def flair(part, fluid, white, grey, lesion, gain):
    """A FLAIR of each slice, with a gain of each patient's own and Rician noise; nan outside the brain."""
    s = np.where(part.masks, lesion, np.interp(part.x, [6, 28, 37], [fluid, white, grey]))
    names, which = np.unique(part.groups, return_inverse=True)
    g = (gain * np.exp(rng.normal(0, 0.1, len(names))))[which][:, None, None]
    m = abs(g * (s + rng.normal(0, 0.04, s.shape) + 1j * rng.normal(0, 0.04, s.shape)))
    return np.where(brain(part), m, np.nan)


one = {"fluid": 0.15, "white": 0.50, "grey": 0.62, "lesion": 0.95, "gain": 400}
two = {"fluid": 0.10, "white": 0.55, "grey": 0.65, "lesion": 0.85, "gain": 900}
draw = int(rng.integers(1000))
train, val, test = clean[clean.y == 1].split(val=0.2, test=0.4, seed=draw)
mr_train, mr_val = flair(train, **one), flair(val, **one)
mr_test, mr_other = flair(test, **one), flair(test, **two)
ct = dict(zip(("train", "val", "test"), scans[scans.y == 2].split(val=0.2, test=0.4, seed=draw), strict=True))


MARKS = [1, 10, 25, 50, 75, 90]  # percentiles


def by_patient(part):
    """The rows of each patient."""
    return [part.groups == name for name in np.unique(part.groups)]


# %% [markdown]
# Three usual remedies. *Training mean and SD*: subtract one number, divide by another, both from the training patients.
# *z-score*: the same, with each patient's own mean and SD. *Landmarks* (after Nyúl and Udupa, 1999): move six
# percentiles of each patient to where they are, on average, in the training patients, and everything between in
# straight lines.

# %%
def z_score(pixels, scale):
    """Pixels of one patient, in SDs from the patient's own mean."""
    return (pixels - np.nanmean(pixels)) / np.nanstd(pixels)


# %%
def to_landmarks(pixels, scale):
    """Pixels of one patient, their percentiles moved to those of the training set."""
    own, standard = np.nanpercentile(pixels, MARKS), scale["landmarks"]
    slope = (standard[-1] - standard[0]) / (own[-1] - own[0])
    inside = np.interp(pixels, own, standard)
    return inside + slope * (pixels - np.clip(pixels, own[0], own[-1]))


# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Mean Dice by patient with intervals, for four ways to normalise, in three panels. MR, scanner one: raw about 0.9, z-score higher, landmarks lower. MR, scanner two: raw about 0.1, z-score about 0.8, landmarks between. CT: all about the same."}} tags=["hide-input"]
def with_training(pixels, scale):
    """Pixels of one patient, in SDs of the training set from its mean."""
    return (pixels - scale["mean"]) / scale["SD"]


def untouched(pixels, scale):
    """Pixels as they came."""
    return pixels


REMEDIES = {"raw": untouched, "training mean, SD": with_training, "z-score": z_score, "landmarks": to_landmarks}


def scale_of(pixels, part):
    """What is fitted: mean, SD and landmarks of the patients of a part."""
    marks = np.mean([np.nanpercentile(pixels[rows], MARKS) for rows in by_patient(part)], axis=0)
    return {"mean": np.nanmean(pixels), "SD": np.nanstd(pixels), "landmarks": marks}


def normalised(remedy, pixels, part, scale):
    given = np.empty_like(pixels)
    for rows in by_patient(part):
        given[rows] = remedy(pixels[rows], scale)
    return given


def scores(pixels, part, t):
    """The Dice score of each patient for the rule: brighter than t."""
    return np.array([dice(pixels[rows] > t, part.masks[rows]) for rows in by_patient(part)])


def experiment(name, fitted, checked, tests):
    """Fit on the training patients, choose t on the validation patients, score each of the tests by patient."""
    scale = decide(f"{name}: scale", scale_of(*fitted))
    found = {which: {} for which in tests}
    for remedy_name, remedy in REMEDIES.items():
        seen = normalised(remedy, *checked, scale)
        candidates = np.nanquantile(seen, np.linspace(0.8, 0.997, 60))
        t = decide(f"{name}, {remedy_name}: t", max(candidates, key=lambda t: scores(seen, checked[1], t).mean()))
        for which, (pixels, part) in tests.items():
            found[which][remedy_name] = scores(normalised(remedy, pixels, part, scale), part, t)
    return found


def in_hu(part):
    return np.where(brain(part), part.x, np.nan)


some, rising = rng.exponential(50, 900), {"landmarks": np.array([3, 9, 16, 30, 44, 70.0])}
apart = [np.ptp([f(some, rising), f(3 * some + 40, rising)], axis=0).max() for f in (z_score, to_landmarks)]
open_end = to_landmarks(some, rising).max() > 100 and abs(np.std(z_score(some, rising)) - 1) < 1e-9
claim("gain and offset leave no trace in either, and what is brightest stays so", max(apart) < 1e-9 and open_end, apart)
mr = experiment("MR", (mr_train, train), (mr_val, val), {"MR, scanner one": (mr_test, test), "MR, scanner two": (mr_other, test)})
hu = {name: (in_hu(part), part) for name, part in ct.items()}
all_dice = mr | experiment("CT", hu["train"], hu["val"], {"CT, three sites": hu["test"]})
tables = {}
fig, axes = plt.subplots(1, 3, figsize=(7.8, 2.3), sharey=True)
for ax, (where, found) in zip(axes, all_dice.items(), strict=True):
    whom = SimpleNamespace(y=np.zeros(len(found["raw"])), groups=None)
    tables[where] = score_table(found, whom, "raw", {"Dice": lambda y, p: np.mean(p)})
    plot.intervals(tables[where]["Dice"], ax=ax)
    ax.set(xlim=(0, 1), xticks=[0, 0.5, 1], title=where, xlabel="mean Dice by patient")
fig.suptitle("Simulated: a threshold finds infarcts (MR) or blood (CT)", fontsize=10)
plt.show()
mean = {where: {name: table["Dice"][name].value for name in REMEDIES} for where, table in tables.items()}
away = tables["MR, scanner two"]["Dice minus raw"]
claim("scanner two: raw numbers lose most of their score", mean["MR, scanner two"]["raw"] < 0.5 * mean["MR, scanner one"]["raw"], mean["MR, scanner two"]["raw"])
claim("training mean and SD change nothing: no difference of .001", all(abs(t["Dice minus raw"]["training mean, SD"].value) < 1e-3 for t in tables.values()))
claim("the z-score of each patient repairs most of it, paired", away["z-score"].low > 0.45, away["z-score"])
at_home = tables["MR, scanner one"]["Dice minus raw"]
no_more = 0.2 < away["landmarks"].value < away["z-score"].value + 0.05 and at_home["z-score"].value > 0 and at_home["landmarks"].value < -0.05
claim("landmarks repair no more, and at home they cost .05 or more, where the z-score does not", no_more, [away["landmarks"], *at_home[["landmarks", "z-score"]]])
on_ct = tables["CT, three sites"]["Dice minus raw"]
claim("on CT no remedy gains .03 on HU as they are", max(on_ct[name].value for name in ("z-score", "landmarks")) < 0.03, [on_ct[name].value for name in ("z-score", "landmarks")])
pd.DataFrame({where: table["Dice minus raw"] for where, table in tables.items()})

# %% [markdown]
# On scanner two the raw numbers fail: the Dice score falls from over .8 to below .2. *Training mean and SD* change
# nothing at all, on any scanner: they are one straight line for everybody, and a line with the same slope for all moves
# the threshold along. That is what "we normalised the data" often means. The z-score of each patient repairs most of
# the loss, and gains one to five points at home, where each patient has a gain of their own. Landmarks, a method made
# for MR, repair no more and cost .1 or more at home: a large infarct moves the upper percentiles, and is then
# normalised away. On CT every remedy costs a little: HU *are* the normalisation. (All scales are fitted on the training
# patients. Patients' own z-scores need no fit, and so cannot leak.)
#
# ## 5. Have we met before?
#
# Public collections are merged, re-exported and renamed. A patient who comes back under another name is in the training
# part and in the test part, and no split by patient can know. We plant such twins: one slice of each simulated head CT;
# a third of the test patients come into the training part again, as another export would write them: moved by up to two
# pixels, turned by up to 2°, with other noise and another grey scale.

# %%
from scipy.ndimage import rotate


def exported_again(images):
    """The same slices as another program might have written them."""
    again = []
    for image in images:
        angle, move = rng.uniform(-2, 2), rng.integers(-2, 3, 2)
        turned = rotate(image, angle, reshape=False, order=1, mode="nearest")
        noise = rng.normal(0, 3, image.shape)
        grey = np.clip(np.roll(turned, move, axis=(0, 1)) + noise, 0, 80)
        again.append(rng.uniform(0.7, 1.4) * grey)
    return np.array(again)


# %% jupyter={"source_hidden": true} tags=["hide-input"]
import hashlib

heads = scans[scans.frame["slice"].to_numpy() == 1]
seen, checked, unseen = heads.split(val=0.2, test=0.25, seed=draw)
x_seen, x_checked = (np.clip(part.x, 0, 80) for part in (seen, checked))
x_unseen = np.clip(unseen.x, 0, 80)
doubled = np.sort(rng.permutation(len(unseen))[: len(unseen) // 3])
twins = exported_again(x_unseen[doubled])

# %% [markdown]
# Four detectors. *Bytes*: the checksum of the file. *Difference hash*: 64 bits, one for each pair of neighbouring
# areas, is the right one brighter? (It finds copies of photographs on the web.) *Correlation* of the pixels; and the
# largest correlation over 25 shifts. A pair is called a twin when it is more alike than any two *different* patients of
# the training and validation parts are.

# %%
def hash_alike(a, b):
    """Minus the number of bits in which two difference hashes differ."""
    first, second = volumes.difference_hash(a), volumes.difference_hash(b)
    return -np.sum(first[:, None] != second, axis=2).astype(float)


# %% jupyter={"source_hidden": true} tags=["hide-input"]
from medlib.metrics import proportion


def same_bytes(a, b):
    """1 where two pictures have the same checksum, else 0."""
    first = np.array([hashlib.sha256(x.tobytes()).hexdigest() for x in a])
    second = np.array([hashlib.sha256(x.tobytes()).hexdigest() for x in b])
    return (first[:, None] == second).astype(float)


DETECTORS = {
    "bytes": same_bytes,
    "difference hash": hash_alike,
    "correlation": lambda a, b: volumes.aligned_correlation(a, b, reach=0),
    "aligned correlation": volumes.aligned_correlation,
}
limits, caught, nearest_is_twin, wrongly = {}, {}, {}, {}
for name, alike in DETECTORS.items():
    limits[name] = decide(f"limit of {name}", float(max(alike(x_checked, x_seen).max(), 0 if name == "bytes" else -64)))
    own = np.diag(alike(x_unseen[doubled], twins))
    caught[name] = proportion(int(np.sum(own > limits[name])), len(doubled))
    others = alike(x_unseen[doubled], x_seen).max(axis=1)
    nearest_is_twin[name] = proportion(int(np.sum(own > others)), len(doubled))
    wrongly[name] = int(np.sum(alike(x_unseen, x_seen) > limits[name]))
few = [caught[name].value for name in ("bytes", "difference hash", "correlation")]
alike_bits = limits["difference hash"] >= -4  # of two different patients
claim("bytes find none, hash and plain correlation fewer than one in four", few[0] == 0 and max(few) < 0.25 and alike_bits, few)
both = caught["aligned correlation"].value > 0.9 and wrongly["aligned correlation"] <= 3
claim("aligned, nine of ten or more, and at most 3 wrong pairs of 140,000", both, [caught["aligned correlation"], wrongly["aligned correlation"]])
pd.DataFrame({"twins found": caught, "twin is the nearest": nearest_is_twin, "wrong pairs": wrongly})

# %% [markdown]
# Bytes find nothing, since one changed grey changes the checksum. The hash of the web and plain correlation find next
# to none (two different patients may differ in four of 64 bits or fewer, or in none): heads are so alike that a head
# moved by two pixels is farther from itself than from the next patient. Aligned first, correlation finds nearly all. So
# **a search for duplicates needs its own test with planted copies**; "we checked for duplicates" may mean a checksum.
#
# What do they cost? Two models name the kind (healthy, ischaemia, haemorrhage, tumour): the *nearest neighbour* by
# aligned correlation, which is all memory, and logistic regression on the pixels, which is little of it. Each learns
# three times: without twins, with them, and after the search has taken out whatever it calls a twin.

# %%
def neighbour(x, y, asked):
    """The kind of the most similar training slice."""
    return y[volumes.aligned_correlation(asked, x).argmax(axis=1)]


# %%
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def linear_model(x, y, asked):
    """Logistic regression on the standardised pixels."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=1e-3, max_iter=300))
    return model.fit(x.reshape(len(x), -1), y).predict(asked.reshape(len(asked), -1))


# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Accuracy of two models with intervals. Nearest neighbour: about 0.3 without twins, about 0.5 with twins, about 0.3 after the search. Logistic regression: between 0.4 and 0.5 all three times. Always healthy: about 0.3."}} tags=["hide-input"]
x_leaky, y_leaky = np.concatenate([x_seen, twins]), np.concatenate([seen.y, unseen.y[doubled]])
suspect = volumes.aligned_correlation(x_unseen, x_leaky).max(axis=0) > limits["aligned correlation"]
sets = {"without twins": (x_seen, seen.y), "with twins": (x_leaky, y_leaky), "after the search": (x_leaky[~suspect], y_leaky[~suspect])}
said = {}
for model_name, model in (("neighbour", neighbour), ("logistic", linear_model)):
    said |= {f"{model_name}, {how}": model(*pair, x_unseen) for how, pair in sets.items()}
said["always healthy"] = np.zeros(len(unseen), int)
accuracy = {"accuracy": lambda y, p: np.mean(y == p)}
table = score_table(said, unseen, "neighbour, without twins", accuracy)
models = {how: [f"{model}, {how}" for model in ("neighbour", "logistic")] for how in sets}
duel = {how: score_table({n: said[n] for n in both}, unseen, both[1], accuracy).iloc[0, 1] for how, both in models.items()}
linear_table = score_table({both[1]: said[both[1]] for both in models.values()}, unseen, "logistic, without twins", accuracy)
ax = plot.intervals(table["accuracy"])
ax.set(title="Simulated head CT: which of four kinds?", xlim=(0, 0.8), xlabel="accuracy (95 % interval, by patient)")
plt.show()
gift = table["accuracy minus neighbour, without twins"]
leaked, after = gift["neighbour, with twins"], gift["neighbour, after the search"]
wrong_before = np.mean(said["neighbour, without twins"][doubled] != unseen.y[doubled])
law = len(doubled) / len(unseen) * wrong_before  # a remembered third is always right: (14.5)
claim("twins give the neighbour what remembering them is worth, .15 or more; after the search less than .03 is left", abs(leaked.value - law) < 0.03 and leaked.value > 0.15 and leaked.low > 0.1 and abs(after.value) < 0.03, [leaked, law, after])
small = linear_table["accuracy minus logistic, without twins"]["logistic, with twins"]
claim("the linear model gets a fraction of that", abs(small.value) < leaked.value / 3, small)
level = duel["without twins"].high < 0 and duel["with twins"].value > -0.05
claim("without twins the neighbour loses to the linear model; with them it stands level or ahead", level, [duel["without twins"], duel["with twins"]])
pd.DataFrame({"neighbour minus logistic": duel})

# %% [markdown]
# Without twins the nearest neighbour names some three kinds in ten, about what *always healthy* gets; with them it seems
# to name half of them: the third that it remembers is right for certain. The table has its lead over logistic regression, paired. Logistic regression, the better
# model by a tenth or more, gains next to nothing: it is too stiff to remember a patient. So a leak does not only flatter,
# **it changes the order**: with twins the neighbour stands level or ahead, and who chooses by this figure may take the
# wrong model home. The more a model can remember, the more a duplicate gives it. After the search the gift is gone.
#
# ## On real data
#
# nilearn ships the template and a map of brain activity from a real study; pydicom ships a real MR. We look at
# their numbers and show no picture.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
import pydicom
from nilearn.datasets import MNI152_FILE_PATH
from pydicom.data import get_testdata_file

from medlib.data import read_dicom

template = nibabel.load(MNI152_FILE_PATH)
values = np.asarray(template.dataobj)
study = nibabel.load(Path(MNI152_FILE_PATH).parent / "image_10426.nii.gz")
for name, file in (("template", template), ("study", study)):
    h = file.header
    print(f"{name}: {file.shape}, {nibabel.aff2axcodes(file.affine)}, codes {h['qform_code']} and {h['sform_code']}, units {h.get_xyzt_units()[0]}")
claim("the template has 8,675,289 voxels and is its own mirror image, to the last bit", values.size == 8_675_289 and np.array_equal(values, values[::-1]))
zero = to_voxels(template.affine, np.zeros((1, 3)))[0]
stored_as = ["".join(nibabel.aff2axcodes(file.affine)) for file in (template, study)]
held = zero.tolist() == [98, 134, 72] and stored_as == ["RAS", "LAS"]
claim("one package, two orders; by your function its 0, 0, 0 mm is voxel 98, 134, 72", held, [*zero, *stored_as])
mr_file = get_testdata_file("MR_small.dcm", download=False)
image, header = read_dicom(mr_file), pydicom.dcmread(mr_file)
print(image)
print(f"TR {float(header.RepetitionTime):.0f} ms, TE {float(header.EchoTime):.0f} ms, smallest value {image.values.min():.0f}")
claim("its smallest number is not 0", image.values.min() > 0, image.values.min())

# %% [markdown]
# Two files of one package are stored in two orders, and the template does not even say that its unit is mm. The real MR
# is T2-weighted by its $TR$ of 4,000 ms and $TE$ of 240 ms. Its smallest number is well above 0 (noise alone, or an
# offset: the file does not tell), and its numbers, up to about 2,100, have no unit.
#
# ## Three questions
#
# <details><summary>A colleague shows two NIfTI files of one patient, before and after treatment. In a viewer the lesion has
# changed sides. What do you look at?</summary>
#
# At the affines. If the letters differ (RAS and LAS) and the lesion's centre in mm is the same, the viewer ignores the
# affine, and nothing is wrong. If the centres in mm differ as well, one file has been mirrored or has lost its codes:
# compare with the DICOM originals.
#
# </details>
#
# <details><summary>To see a darker tissue better, somebody averages a hundred magnitude pictures. What does the mean of an
# empty region tend to?</summary>
#
# To σ√(π/2), about 1.25 σ, by (18.5), and not to 0. More pictures only make it surer. Average squares and subtract 2σ²,
# or average complex pictures before taking the magnitude.
#
# </details>
#
# <details><summary>A study finds that lesions grew by 30 % from a scan with voxels of 2 mm to one with voxels of 4 mm. Each
# lesion was all voxels that it touched. Believe it?</summary>
#
# No. By (18.7) touched voxels alone make a small lesion far larger on the coarser grid, and by more than 30 %: so these
# lesions may even have shrunk. Measure both with shares added up, on one grid.
#
# </details>
#
# ## In this notebook we ...
#
# found left by a file's affine, and files that lie about it; made MR pictures from k-space, folded them, weighted them
# twice, and met their floor of noise; measured lesions across grids with and without a bias; saw what numbers without a
# unit cost, and what they gain from a scale of their own; and found planted twins, and what they were worth.
#
# **Pitfalls**
# - Working by index instead of by mm. Mirroring numbers under an old affine. Trusting a header whose codes are 0.
# - Averaging magnitudes. Taking numbers of one MR scanner for those of another.
# - Counting a thresholded outline, or voxels instead of mm³.
# - Calling a checksum a search for duplicates.
# - Everything here is simulated on one template: ellipsoids are rounder than lesions, and our twins differ less than real
#   re-exports may. Shares and sizes will differ; what has a formula will not.
#
# **Next**: [notebook 15](15_image_diagnosis.ipynb).
#
# **Further reading**
# - Nishimura, *Principles of Magnetic Resonance Imaging*, 1996. Kwan, Evans and Pike, IEEE Transactions on Medical Imaging
#   18 (1999) 1085: the tissue values. Gudbjartsson and Patz, Magnetic Resonance in Medicine 34 (1995) 910: the noise.
# - Brett and others, *nibabel* (MIT licence), its tutorial *Coordinate systems and affines*; the NIfTI-1 standard.
# - Schneider and Weil, *Stochastic and Integral Geometry*, Springer 2008: volumes of things on grids thrown at random.
# - Nyúl and Udupa, Magnetic Resonance in Medicine 42 (1999) 1072: landmarks. Krawetz, *Kind of like that*, 2013: the hash.
# - Fonov and others, NeuroImage 54 (2011) 313: the template. Barz and Denzler, Journal of Imaging 6 (2020) 41: duplicates
#   in well-known collections.
