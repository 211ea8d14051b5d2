"""Build the course's central data set: 1,000 simulated patients, four neighbouring head-CT slices each.

    python data/build_head_ct.py            # writes data/head_ct.npz and data/patients.csv, a few minutes

The anatomy is real (the MNI152 grey- and white-matter maps that ship with nilearn), the lesions and the records are
simulated (the equations of the records: ``medlib/data/patients.py``). Every patient is one three-dimensional object,
drawn from its own generator and cut by four planes 5 mm apart, so any patient can be rebuilt alone:
``build_patient(7)``.

Coordinates are millimetres, x to the patient's right, y forwards, z upwards, origin at the anterior commissure.
``p`` is a point of the patient, ``q`` the same point of the template. The picture follows the radiological convention:
row 0 is the front of the head and the patient's LEFT is on the RIGHT of the picture. Heads lie as in a scanner: turned,
off centre and not symmetric.
"""

from __future__ import annotations

import argparse
import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from medlib.data.head_ct import CLASSES
from medlib.data.patients import DEEP, draw_causes, draw_consequences, logistic

SEED, PATIENTS, SLICES, SIZE = 2024, 1000, 4, 64
PIXEL, SPACING = 3.5, 5.0  # mm
HU_MIN, HU_MAX = -55, 200  # stored as uint8 = HU + 55; beyond this range a pixel is saturated
FINE_XY, FINE_Z = 2, 2  # each stored pixel is the mean of 2 x 2 x 2 points

# Tissue in Hounsfield units (textbook ranges: CSF 0-15, white matter 20-35, grey matter 30-45, acute blood 50-80,
# skull 600-1900). Infarcts 24.4 +- 5.9 and haemorrhages 57.2 +- 20.1 HU: Abd Basri et al. 2025.
HU = {"csf": 6.0, "white": 28.0, "grey": 37.0, "bone": 1000.0, "skin": 30.0, "fat": -25.0, "air": -1000.0}

# Where deep and lobar lesions sit: |x|, y, z in mm of the template.
ANCHORS = {
    "basal ganglia": (25, 2, 5),
    "thalamus": (12, -19, 8),
    "frontal lobe": (28, 32, 18),
    "parietal lobe": (34, -42, 26),
    "temporal lobe": (43, -24, 0),
    "occipital lobe": (24, -74, 12),
}

# ------------------------------------------------------------------------------------------------- template and fields


@dataclass(frozen=True)
class Template:
    """Maps of the average brain: log-odds of the tissues (1 mm), signed distances in mm (2 mm, negative inside)."""

    logits: tuple  # grey, white, CSF
    hull: np.ndarray  # distance from the surface of the brain
    ventricle: np.ndarray  # distance from the ventricles
    to_voxel: np.ndarray  # offset of the 1 mm grid

    def sample(self, volume: np.ndarray, q: np.ndarray, step: float) -> np.ndarray:
        """Trilinear interpolation of a map at template points ``q``, shape (3, ...) in mm."""
        index = (q - self.to_voxel.reshape(3, *[1] * (q.ndim - 1))) / step
        return ndimage.map_coordinates(volume, index, order=1, mode="nearest")


@functools.cache
def template() -> Template:
    """Read the MNI152 maps from nilearn (ICBM 2009a nonlinear symmetric, see ``data/head_ct.md`` for the notice)."""
    from nilearn import datasets

    grey = datasets.load_mni152_gm_template(resolution=1)
    white = datasets.load_mni152_wm_template(resolution=1).get_fdata()
    brain = datasets.load_mni152_brain_mask(resolution=1).get_fdata() > 0
    offset, grey = grey.affine[:3, 3], grey.get_fdata()
    csf = np.clip(1 - grey - white, 0, 1)
    logits = tuple(np.log(np.clip(a, 0, 1) + 0.02) for a in (grey, white, csf))
    small = brain[::2, ::2, ::2]
    hull = ndimage.binary_closing(np.pad(small, 12), ndimage.generate_binary_structure(3, 1), iterations=7)
    hull = hull[12:-12, 12:-12, 12:-12]
    hull = _signed_distance(hull)
    x, y, z = (np.arange(n) * 2.0 + o for n, o in zip(small.shape, offset, strict=True))
    box = (np.abs(x) < 36)[:, None, None] & ((y > -75) & (y < 45))[:, None] & ((z > -4) & (z < 35))
    box &= ~((np.abs(x) < 14)[:, None, None] & (y < -24)[:, None] & (z < 12))  # a cistern, no ventricle
    ventricle = _signed_distance((csf[::2, ::2, ::2] > 0.5) & box & (hull < -26))
    return Template(logits, ndimage.gaussian_filter(hull, 1.0), ventricle, offset)


def _signed_distance(inside: np.ndarray) -> np.ndarray:
    outer, inner = ndimage.distance_transform_edt(~inside), ndimage.distance_transform_edt(inside)
    return 2.0 * (outer - inner)  # 2 mm voxels


class Field:
    """A smooth random function of patient space with unit variance: cubic B-splines on a lattice of normal numbers."""

    def __init__(self, rng: np.random.Generator, spacing: float):
        self.spacing, self.low = spacing, np.array([-60.0, -145.0, -125.0])  # z, y, x
        counts = np.ceil((np.array([110.0, 125.0, 125.0]) - self.low) / spacing).astype(int) + 4
        self.lattice = rng.standard_normal(counts) / 0.33

    def __call__(self, grid: Grid) -> np.ndarray:
        axes = (grid.z, grid.y, grid.x)
        a, b, c = (
            self._basis((v - o) / self.spacing, n) for v, o, n in zip(axes, self.low, self.lattice.shape, strict=True)
        )
        return np.einsum("zi,yj,xk,ijk->zyx", a, b, c, self.lattice, optimize=["einsum_path", (0, 3), (0, 2), (0, 1)])

    @staticmethod
    def _basis(t: np.ndarray, count: int) -> np.ndarray:
        d = np.abs(t[:, None] + 1 - np.arange(count))
        return np.where(d < 1, 2 / 3 - d**2 + d**3 / 2, np.clip(2 - d, 0, None) ** 3 / 6)


@dataclass(frozen=True)
class Grid:
    """Sampling points of one patient: (z, y, x) with z subdivided within each slice. Axes in mm of the patient."""

    z: np.ndarray
    y: np.ndarray
    x: np.ndarray

    @classmethod
    def at(cls, bottom: float, forward: float, right: float) -> Grid:
        """Four slices from height ``bottom`` upwards; the centre of the picture lies ``forward`` and ``right``."""
        step = PIXEL / FINE_XY
        pixel = (np.arange(SIZE * FINE_XY) - (SIZE * FINE_XY - 1) / 2) * step
        within = (np.arange(FINE_Z) - (FINE_Z - 1) / 2) * SPACING / FINE_Z
        z = (bottom + SPACING * np.arange(SLICES))[:, None] + within
        return cls(z.ravel(), forward - pixel, right - pixel)

    def points(self) -> np.ndarray:
        z, y, x = np.meshgrid(self.z, self.y, self.x, indexing="ij")
        return np.stack([x, y, z])


def to_pixels(fine: np.ndarray) -> np.ndarray:
    """Mean of the points of each pixel: shape (8, 128, 128) -> (4, 64, 64)."""
    return fine.reshape(SLICES, FINE_Z, SIZE, FINE_XY, SIZE, FINE_XY).mean((1, 3, 5))


# ------------------------------------------------------------------------------------------------------------- anatomy


@dataclass
class Anatomy:
    """One head: how the template is bent into this patient, and how much this patient's brain has shrunk."""

    scale: np.ndarray
    rotation: np.ndarray
    bend: list
    cortex: Field
    bumps: Field
    atrophy: float  # log-odds added to CSF
    ventricle: float  # mm by which the ventricles are enlarged
    leukoaraiosis: float  # HU lost in white matter beside the ventricles
    skull: float  # mm
    scalp: float  # mm
    calcified: list  # radii in mm: pineal gland, right and left choroid plexus
    tilt: float  # degrees the head is turned in the picture, counter-clockwise
    torque: float  # mm by which the right frontal lobe reaches further forward and the left occipital one back
    curve: float  # mm by which the left occipital lobe pushes the midline behind to the right
    unequal: float  # mm by which the left ventricle is wider than the average of the two; the right one narrower
    squeeze: float = 0.0  # mm by which a mass narrows the ventricle on its side
    mass_side: float = 0.0  # 1: the mass is on the right, -1: on the left

    @classmethod
    def draw(cls, r: dict, rng: np.random.Generator) -> Anatomy:
        old = (r["age"] - 60) / 10
        size = 0.955 + 0.02 * (r["sex"] == "male") + rng.normal(0, 0.02)
        tilt = float(np.clip(rng.normal(0, 4), -10, 10))
        a, b, c = np.radians([*rng.normal(0, [2.0, 1.0]), tilt])
        rx = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
        ry = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
        rz = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
        return cls(
            scale=size * np.exp(rng.normal(0, 0.018, 3)),
            rotation=rx @ ry @ rz,
            bend=[Field(rng, 45.0) for _ in range(3)],
            cortex=Field(rng, 7.0),
            bumps=Field(rng, 40.0),
            atrophy=-0.8 + 0.22 * old + rng.normal(0, 0.22),
            ventricle=float(np.clip(0.2 + 0.6 * old + rng.normal(0, 0.6), -1.0, 4.0)),
            leukoaraiosis=float(np.clip(0.8 * old + 0.04 * (r["sbp"] - 140) + rng.normal(0, 0.8), 0, 3)),
            skull=float(np.clip(rng.normal(6.5, 0.9), 4.5, 9)),
            scalp=float(np.clip(rng.normal(5, 1.2), 2.5, 8)),
            calcified=[rng.uniform(1.5, 3.2) * (rng.random() < logistic(0.3 * old + c)) for c in (0.2, -0.6, -0.6)],
            tilt=tilt,
            torque=rng.normal(1.5, 1.2),
            curve=rng.normal(1.5, 1.5),
            unequal=rng.normal(0.25, 0.45),
        )

    def to_template(self, grid: Grid) -> np.ndarray:
        """Template coordinates q of every point of the grid: affine, elastic (about 2 mm), then what is not symmetric.

        The template is symmetric. Most brains are not: the right frontal and the left occipital lobe reach further, as
        if twisted about the vertical axis (the Yakovlevian torque; Toga and Thompson, Nat Rev Neurosci 2003).
        """
        flat = grid.points().reshape(3, -1) / self.scale[:, None]
        q = (self.rotation @ flat).reshape(3, len(grid.z), len(grid.y), len(grid.x))
        q = q + 2.2 * np.stack([f(grid) for f in self.bend])
        behind = np.clip(-30 - q[1], 0, None) / 50
        q[1] -= self.torque * np.tanh(q[0] / 25)
        q[0] -= self.curve * behind**2
        return q

    def widening(self, q: np.ndarray) -> np.ndarray:
        """Mm by which the ventricles are wider than the template's, at template points: age, side, pressure."""
        right = np.tanh(q[0] / 4)
        return self.ventricle - self.unequal * right - self.squeeze * (1 + self.mass_side * right) / 2

    def upright(self, points: np.ndarray) -> np.ndarray:
        """Points of the patient (2, n), x and y in mm, in the head's own frame: x = 0 is its midline."""
        c = np.radians(self.tilt)
        return np.array([[np.cos(c), -np.sin(c)], [np.sin(c), np.cos(c)]]) @ points

    def height(self, q: np.ndarray) -> float:
        """Height (mm, patient) of a template point, elastic part left out."""
        return float((self.scale * (self.rotation.T @ q))[2])


def tissue(head: Anatomy, grid: Grid, q: np.ndarray) -> dict[str, np.ndarray]:
    """Fractions of grey, white, CSF inside the brain, and the distances, at template points ``q``.

    The template is an average of 152 people, so its cortex is a probability. Sharpened log-odds plus a patient's own
    smooth noise turn it into one person's gyri and sulci.
    """
    t = template()
    grey, white, csf = (1.6 * t.sample(m, q, 1.0) for m in t.logits)
    own = head.cortex(grid)
    csf = csf + head.atrophy + 0.4 * own
    grey = grey - 0.3 * own
    top = np.maximum(np.maximum(grey, white), csf)
    parts = [np.exp(v - top) for v in (grey, white, csf)]
    grey, white, csf = (p / (parts[0] + parts[1] + parts[2]) for p in parts)
    hull, beside = t.sample(t.hull, q, 2.0), t.sample(t.ventricle, q, 2.0)
    wall = beside - head.widening(q)  # distance from the wall of this patient's ventricles, mm
    inside = 1 / (1 + np.exp(wall / 0.7))
    keep = 1 - inside
    return {"grey": grey * keep, "white": white * keep, "csf": csf * keep + inside, "hull": hull, "wall": wall}


def normal_hu(head: Anatomy, grid: Grid, q: np.ndarray, part: dict[str, np.ndarray]) -> np.ndarray:
    """HU of the head without a lesion, from the inside out: brain, CSF, skull, scalp, air."""
    hu = sum(HU[name] * part[name] for name in ("grey", "white", "csf"))
    hu = hu - head.leukoaraiosis * np.exp(-np.clip(part["wall"], 0, None) / 5.0) * part["white"]
    falx = (np.abs(q[0]) < 0.8) & (part["csf"] > 0.3) & ((q[1] > 25) | (q[1] < -55) | (q[2] > 38))
    hu = np.where(falx, 45.0, hu)
    spots = ((0, -27, 4), (23, -42, 10), (-23, -42, 10))
    for radius, spot in zip(head.calcified, spots, strict=True):
        near = sum((a - b) ** 2 for a, b in zip(q, spot, strict=True)) < radius**2
        hu = np.where(near, 150.0, hu)
    d, wave = part["hull"], head.bumps(grid)
    skull, scalp = head.skull + 0.7 * wave, head.scalp - 0.5 * wave
    inner = 1.0 + 0.8 * np.clip(head.atrophy, 0, 2)
    edges = [inner, inner + skull, inner + skull + scalp - 2.5, inner + skull + scalp]
    layers = [HU["csf"], HU["bone"], HU["fat"], HU["skin"]]
    return np.select([d < 0] + [d < e for e in edges], [hu, *layers], HU["air"])


# ------------------------------------------------------------------------------------------------------------- lesions


def territory(q: np.ndarray) -> np.ndarray:
    """Arterial territory of template points: 1 anterior, 2 middle, 3 posterior cerebral artery (simplified geometry).

    Anterior: a parasagittal strip of the frontal lobe. Posterior: occipital lobe behind an oblique line, and the
    thalamus. Middle: the rest, basal ganglia included. After the maps in Tatu et al., Neurology 1998.
    """
    x, y, z = np.abs(q[0]), q[1], q[2]
    posterior = (y < -48 - 0.55 * np.clip(x - 12, 0, None) - 0.45 * np.clip(z - 10, 0, None)) | (
        (x < 21) & (y > -36) & (y < -6) & (z > -6) & (z < 19)
    )
    anterior = (x < 17 + 0.10 * np.clip(y, 0, None)) & (y > -45) & ~posterior & ((z > 24) | (y > 24))
    return np.where(posterior, 3, np.where(anterior, 1, 2))


def draw_lesion(r: dict, rng: np.random.Generator) -> dict:
    """Kind, place and size of a lesion in the template. Sizes overlap widely: volume alone does not tell the class."""
    volume = np.exp(rng.normal(np.log(36.0 if r["diagnosis"] == "ischaemia" else 22.0), 0.65))
    lesion: dict = {"side": str(rng.choice(["left", "right"])), "territory": "none", "kind": "blob", "angle": 0.0}
    if r["diagnosis"] == "ischaemia":
        kinds = ["MCA cortex", "MCA deep", "ACA cortex", "PCA cortex", "PCA deep"]
        kind = str(rng.choice(kinds, p=[0.48, 0.18, 0.10, 0.16, 0.08]))
        lesion["territory"], where = kind.split()
        if where == "deep":
            lesion["location"] = "basal ganglia" if kind == "MCA deep" else "thalamus"
            centre = np.array(ANCHORS[lesion["location"]]) + rng.normal(0, [2, 4, 4])
        else:
            lesion["kind"], lesion["location"] = "wedge", ""
            angle, height = {"MCA": ((-50, 50), (2, 30)), "ACA": ((10, 52), (12, 34)), "PCA": ((-15, 40), (0, 20))}[
                lesion["territory"]
            ]
            lesion["angle"], z = rng.uniform(*angle), rng.uniform(*height)
            centre = np.array(
                {"MCA": (26, -10, z), "ACA": (6, lesion["angle"], z), "PCA": (10, -42, z)}[lesion["territory"]]
            )
    else:
        deep = 0.55 if r["diagnosis"] == "haemorrhage" else 0.12
        weights = [deep * 0.6, deep * 0.4] + [(1 - deep) * w for w in (0.32, 0.25, 0.25, 0.18)]
        lesion["location"] = str(rng.choice(list(ANCHORS), p=weights))
        spread = 3.0 if lesion["location"] in DEEP else 7.0
        centre = np.array(ANCHORS[lesion["location"]]) + rng.normal(0, spread, 3)
    if r["diagnosis"] == "haemorrhage" and r["anticoagulant"]:
        volume *= 1.5
    limit = {"thalamus": 10.0, "basal ganglia": 30.0 if r["diagnosis"] != "ischaemia" else 20.0}.get(
        lesion["location"], 60.0
    )
    lesion["crosses"] = bool(
        r["diagnosis"] == "tumour" and lesion["location"] in ("frontal lobe", "parietal lobe") and rng.random() < 0.2
    )
    if lesion["crosses"]:  # a tumour that grows through the corpus callosum to the other side
        centre[0] = rng.uniform(4, 10)
    sign = 1 if lesion["side"] == "right" else -1
    lesion["centre"] = centre * [sign, 1, 1]
    shrink = rng.uniform(0.5, 1.0)  # no heap of lesions at the limit
    lesion["volume"] = float(max(4.0, volume if volume < limit else limit * shrink))
    lesion["half_height"] = 11.5 + 4.0 * lesion["volume"] ** (1 / 3) * rng.uniform(0.8, 1.3)
    return lesion


def level(lesion: dict, head: Anatomy, grid: Grid, q: np.ndarray, part: dict, rng: np.random.Generator) -> np.ndarray:
    """How late each point is reached by the growing lesion (mm, roughly). The lesion is where this is below a bound.

    A wedge grows from a stretch of cortex towards its artery; a blob is one to three overlapping ellipsoids. Smooth
    noise makes the border irregular, and the height profile closes the lesion above and below.
    """
    x, y = q[0] - lesion["centre"][0], q[1] - lesion["centre"][1]
    sign = np.sign(lesion["centre"][0])
    if lesion["kind"] == "wedge":
        if lesion["territory"] == "ACA":
            reach = 0.8 * np.abs(y) + 0.8 * np.abs(q[0])
        else:
            lateral, forward = (sign * x, y) if lesion["territory"] == "MCA" else (-y, sign * x)
            turn = np.degrees(np.arctan2(forward, lateral)) - lesion["angle"]
            reach = 0.85 * np.abs((turn + 180) % 360 - 180) + 0.5 * np.clip(-part["hull"], 0, None)
        rough = 0.22
    else:
        reach, rough = np.full(x.shape, np.inf), 0.2
        spread = 0.45 * np.sqrt(lesion["volume"] * 1000 / 20 / np.pi)
        for k in range(rng.integers(1, 4)):
            dx, dy = rng.normal(0, spread, 2) * (k > 0)
            turn, ratio = rng.uniform(0, np.pi), rng.uniform(1.0, 1.6)
            u = (x - dx) * np.cos(turn) + (y - dy) * np.sin(turn)
            v = (y - dy) * np.cos(turn) - (x - dx) * np.sin(turn)
            reach = np.minimum(reach, np.hypot(u / np.sqrt(ratio), v * np.sqrt(ratio)) * rng.uniform(1, 1.3) ** (k > 0))
    noise = 0.8 * Field(rng, 14.0)(grid) + 0.6 * Field(rng, 7.0)(grid)
    height = (q[2] - lesion["centre"][2]) / lesion["half_height"]
    return reach * np.exp(rough * noise) / np.sqrt(np.clip(1 - height**2, 0.02, 1))


def push(lesion: dict, q: np.ndarray, amount: float) -> np.ndarray:
    """Mass effect: tissue around a space-occupying lesion was pushed outwards by up to ``amount`` mm."""
    radius = 1.3 * np.sqrt(lesion["volume"] * 1000 / 20 / np.pi)
    away = q - lesion["centre"].reshape(3, 1, 1, 1)
    away[2] *= 0.3
    distance = np.sqrt((away**2).sum(0)) + 1e-9
    return q - away / distance * amount * (distance / radius) * np.exp(1 - distance / radius)


def shift(lesion: dict, head: Anatomy, q: np.ndarray, amount: float) -> np.ndarray:
    """Mass effect on the other side: the midline moved away from the lesion by ``amount`` mm, the ventricle squeezed.

    Most at the height of the lesion; less towards the skull, and in front and behind, where the falx holds.
    """
    head.mass_side = np.sign(lesion["centre"][0])
    head.squeeze = min(0.5 * amount, 3.0)
    middle = np.clip(lesion["centre"][1], -35, 25)
    near = (q[0] / 30) ** 2 + ((q[1] - middle) / 40) ** 2 + ((q[2] - lesion["centre"][2]) / 40) ** 2
    moved = q.copy()
    moved[0] += head.mass_side * amount * np.exp(-near)
    return moved


def old_infarct(acute: dict | None, head: Anatomy, grid: Grid, q: np.ndarray, part: dict, rng) -> tuple:
    """An infarct of former years, far from the lesion of today: its points (boolean, fine grid) and its side."""
    brain = (part["grey"] + part["white"] > 0.5) & (part["hull"] < -3)
    while True:
        place = str(rng.choice(list(ANCHORS)))
        deep = place in DEEP
        sign = rng.choice([-1, 1])
        centre = (np.array(ANCHORS[place]) + rng.normal(0, 2 if deep else 7, 3)) * [sign, 1, 1]
        centre[2] = rng.uniform(np.quantile(q[2], 0.1), np.quantile(q[2], 0.9))
        if acute is not None and np.linalg.norm(centre[:2] - acute["centre"][:2]) < 40:
            continue
        volume = float(np.clip(np.exp(rng.normal(np.log(1.5 if deep else 5.0), 0.5)), 1.0, 12.0))
        spot = {"kind": "blob", "centre": centre, "volume": volume, "half_height": 6 + 4.0 * volume ** (1 / 3)}
        room = brain & (sign * q[0] > 1.5) & (np.abs(q[2] - centre[2]) < spot["half_height"])
        reach = level(spot, head, grid, q, part, rng)
        count = int(volume * 1000 / ((PIXEL / FINE_XY) ** 2 * SPACING / FINE_Z))
        order = np.sort(reach[room])
        if len(order) > 4 * count:
            return _largest(room & (reach < order[count])), "right" if sign > 0 else "left"


def lesion_parts(
    r: dict, lesion: dict, head: Anatomy, grid: Grid, q: np.ndarray, part: dict, rng
) -> dict[str, np.ndarray]:
    """Which points belong to the lesion proper, its core and its oedema (boolean, fine grid)."""
    sign = np.sign(lesion["centre"][0])
    brain = (part["grey"] + part["white"] > 0.5) & (part["hull"] < 0)
    own_side = np.ones_like(brain) if lesion["crosses"] else sign * q[0] > 1.5
    room = brain & own_side
    if r["diagnosis"] == "ischaemia":
        watershed = q + 3.0 * np.stack([Field(rng, 18.0)(grid) for _ in range(3)])  # no two people share their borders
        room &= territory(watershed) == {"ACA": 1, "MCA": 2, "PCA": 3}[lesion["territory"]]
    else:  # blood and tumour also fill sulci, but not the ventricle
        room |= own_side & (part["hull"] < -4) & (part["wall"] > 1)
    reach = level(lesion, head, grid, q, part, rng)
    count = int(lesion["volume"] * 1000 / ((PIXEL / FINE_XY) ** 2 * SPACING / FINE_Z))
    order = np.sort(reach[room])
    bound = order[min(count, len(order) - 1)]
    proper = _largest(room & (reach < bound))
    parts = {"proper": proper, "core": np.zeros_like(proper), "oedema": np.zeros_like(proper)}
    if r["diagnosis"] == "haemorrhage":
        rim = 2.5 + 0.05 * min(r["hours"], 72) + rng.uniform(0, 1.5)
        parts["oedema"] = brain & ~proper & (sign * q[0] > 0) & (reach < bound + rim)
    if r["diagnosis"] == "tumour":
        thick = rng.uniform(4.0, 6.5)
        parts["core"] = proper & (reach < bound - thick)
        fingers = rng.uniform(5, 26) * part["white"] * (0.75 + 0.5 * Field(rng, 16.0)(grid))
        wet = brain & ~proper & (own_side | (sign * q[0] > 0)) & (part["white"] > 0.55)
        parts["oedema"] = wet & (reach < bound + fingers)
    return parts


def _largest(points: np.ndarray) -> np.ndarray:
    """The largest connected piece."""
    pieces, count = ndimage.label(points)
    return pieces == np.argmax(np.bincount(pieces.ravel())[1:]) + 1 if count else points


def add_lesion(hu: np.ndarray, r: dict, parts: dict, grid: Grid, rng: np.random.Generator) -> np.ndarray:
    """Write the lesion's densities into the head."""
    texture = Field(rng, 9.0)(grid)
    proper, core, oedema = parts["proper"], parts["core"], parts["oedema"]
    if r["diagnosis"] == "ischaemia":  # water uptake grows with time and wipes out the grey/white contrast
        done = np.clip(0.60 + 0.40 * (1 - np.exp(-r["hours"] / 10)) + rng.normal(0, 0.04), 0, 1)
        return np.where(proper, hu + done * (17.0 + 0.8 * texture - hu), hu)
    wet = rng.normal(18.0, 1.5)
    hu = np.where(oedema, wet + 0.25 * (hu - 28), hu)
    if r["diagnosis"] == "haemorrhage":
        blood = np.clip(rng.normal(63 - 3 * r["anticoagulant"], 3.5), 55, 70)
        return np.where(proper, blood + 2.0 * texture, hu)
    ring, necrosis = np.clip(rng.normal(51, 4), 42, 58), np.clip(rng.normal(19, 4), 11, 28)
    return np.where(core, necrosis + texture, np.where(proper, ring + 1.5 * texture, hu))


# ------------------------------------------------------------------------------------------------------------- patient


def build_patient(number: int, seed: int = SEED) -> tuple[np.ndarray, np.ndarray, dict]:
    """One patient from generator ``SeedSequence([seed, number])``.

    Returns
    -------
    codes : uint8 (4, 64, 64), clean HU + 55, slices from below upwards
    labels : uint8 (4, 64, 64), 0 none, 1 lesion, 2 oedema around a haemorrhage or tumour, 3 old infarct
    record : dict, one row of ``patients.csv``
    """
    rng = np.random.default_rng(np.random.SeedSequence([seed, number]))
    r = {"patient": number, **draw_causes(rng)}
    head = Anatomy.draw(r, rng)
    while True:  # a lesion that misses one of the four planes is drawn again
        stand_in = r if r["label"] else {**r, "diagnosis": CLASSES[rng.integers(1, 4)]}
        lesion = draw_lesion(stand_in, rng)  # no lesion: only the height of the slices is taken from it
        bottom = head.height(lesion["centre"]) - SPACING * (SLICES - 1) / 2 + rng.uniform(-2, 2)
        off = np.clip(rng.normal(0, 4.5, 2), -9, 9)
        grid = Grid.at(float(np.clip(bottom, -4, 18)), -18.0 * head.scale[1] + off[1], off[0])
        q = head.to_template(grid)
        moved = 0.0
        if r["label"] in (2, 3):
            q = push(lesion, q, rng.uniform(0.10, 0.20) * min(lesion["volume"], 30) + 0.5)
            moved = float(rng.uniform(0.10, 0.20) * max(lesion["volume"] - 8, 0) * (not lesion["crosses"]))
            q = shift(lesion, head, q, moved)
        part = tissue(head, grid, q)
        hu = normal_hu(head, grid, q, part)
        if r["label"] == 0:
            break
        parts = lesion_parts(r, lesion, head, grid, q, part, rng)
        hu = add_lesion(hu, r, parts, grid, rng)
        soft = to_pixels(part["hull"] > 0.5) == 0  # a pixel that contains bone belongs to no lesion
        masks = {name: (to_pixels(points) >= 0.5) & soft for name, points in parts.items()}
        if _accepted(masks["proper"], grid, head, lesion):
            break
    old, old_side = np.zeros((SLICES, SIZE, SIZE), bool), "none"
    if rng.random() < 1 / 8:  # in every class alike: it is history, not the diagnosis
        while old.sum() < 4:
            points, old_side = old_infarct(lesion if r["label"] else None, head, grid, q, part, rng)
            if r["label"]:
                points &= ~(parts["proper"] | parts["oedema"])
            old = (to_pixels(points) >= 0.5) & (to_pixels(part["hull"] > 0.5) == 0)
        hu = np.where(points, rng.normal(9, 1) + 0.8 * Field(rng, 9.0)(grid), hu)
    clean = np.clip(np.round(np.round(to_pixels(hu), 6)), HU_MIN, HU_MAX)
    labels = np.zeros(clean.shape, np.uint8)
    labels[old] = 3
    if r["label"]:
        labels[masks["oedema"]], labels[masks["proper"]] = 2, 1
    lie = {"tilt_deg": head.tilt, "off_x_mm": off[0], "off_y_mm": off[1], "shift_mm": moved}
    r |= {name: float(np.round(value, 2)) for name, value in lie.items()}
    r |= {"crosses": int(r["label"] > 0 and lesion["crosses"]), "old_lesion": int(old.any()), "old_side": old_side}
    r["old_ml"] = round((labels == 3).sum() * PIXEL**2 * SPACING / 1000, 3)
    r = draw_consequences(describe(r, lesion, clean, labels, grid, head), rng)
    return (clean - HU_MIN).astype(np.uint8), labels, r


def _accepted(mask: np.ndarray, grid: Grid, head: Anatomy, lesion: dict) -> bool:
    """At least two pixels in each slice, at least 1 ml, and on the intended side of the head's midline."""
    enough = mask.sum((1, 2)).min() >= 2 and mask.sum() * PIXEL**2 * SPACING >= 1000
    return bool(enough and centre_of(mask, grid, head)[0] * np.sign(lesion["centre"][0]) > 0)


def centre_of(mask: np.ndarray, grid: Grid, head: Anatomy) -> np.ndarray:
    """Centre (3,) of a mask of pixels in the head's own frame, mm: x from its midline to the right, y, z."""
    y, x = (v.reshape(SIZE, FINE_XY).mean(1) for v in (grid.y, grid.x))
    z = grid.z.reshape(SLICES, FINE_Z).mean(1)
    k, i, j = np.nonzero(mask)
    return np.array([*head.upright(np.array([x[j].mean(), y[i].mean()])), z[k].mean()])


def describe(r: dict, lesion: dict, clean: np.ndarray, labels: np.ndarray, grid: Grid, head: Anatomy) -> dict:
    """The facts of the image, measured in the stored pixels: side, place, volume, density, centre."""
    mask = labels == 1
    z = grid.z.reshape(SLICES, FINE_Z).mean(1)
    r["z0_mm"] = float(np.round(z[0], 2))
    if not mask.any():
        nothing = dict.fromkeys(("lesion_hu", "x_mm", "y_mm", "z_mm"), np.nan)
        return (
            r | {"side": "none", "territory": "none", "location": "none", "volume_ml": 0.0, "oedema_ml": 0.0} | nothing
        )
    centre = centre_of(mask, grid, head)
    place = lesion["location"]
    if not place:  # a cortical infarct is named after the nearest lobe
        folded = centre * [np.sign(centre[0]), 1, 1]
        place = min(list(ANCHORS)[2:], key=lambda lobe: np.linalg.norm(folded - ANCHORS[lobe]))
    voxel = PIXEL**2 * SPACING / 1000
    r |= {"side": lesion["side"], "territory": lesion["territory"], "location": place}
    r |= {"volume_ml": round(mask.sum() * voxel, 3), "oedema_ml": round((labels == 2).sum() * voxel, 3)}
    r["lesion_hu"] = float(np.round(clean[mask].mean(), 2))
    r |= {f"{a}_mm": float(v) for a, v in zip("xyz", np.round(centre, 2), strict=True)}
    return r


def main() -> None:
    """Build all patients and write the two files."""
    import pandas as pd

    from medlib.lesson import track

    parser = argparse.ArgumentParser(description="Build data/head_ct.npz and data/patients.csv.")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder to write to")
    parser.add_argument("--patients", type=int, default=PATIENTS)
    args = parser.parse_args()
    built = [build_patient(n) for n in track(range(args.patients), "patients")]
    codes, labels = (np.concatenate([b[k] for b in built]) for k in (0, 1))
    np.savez_compressed(args.out / "head_ct.npz", codes=codes, labels=labels)
    pd.DataFrame([b[2] for b in built]).to_csv(args.out / "patients.csv", index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
