"""Simulated head CT and the records of its patients: ``load("head_ct")`` and ``load("patients")``.

The shipped images are clean, in Hounsfield units (HU). What the three scanners do to them happens here, at load:
noise at the chosen dose, the reconstruction kernel, the calibration. ``data/build_head_ct.py`` makes the files.
The picture follows the radiological convention: the patient's LEFT is on the RIGHT of the image, row 0 is in front.
"""

from __future__ import annotations

import math
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medlib.data.dataset import Card, Dataset, check_whole
from medlib.data.store import DataError, DataMissing

FOLDER = Path(__file__).resolve().parents[2] / "data"
CLASSES = ("healthy", "ischaemia", "haemorrhage", "tumour")
PIXEL_MM, SPACING_MM, SLICES = 3.5, 5.0, 4
HU_MIN, HU_MAX = -55, 200  # the stored range; pixels at its ends (air, bone) are saturated
FEATURES = (
    *("age", "male", "sbp", "glucose", "diabetes", "smoker", "af", "anticoagulant"),
    *("hours", "deficit_left", "deficit_right", "severity"),
)  # the columns of load("patients").x


@dataclass(frozen=True)
class Scanner:
    """What a site's scanner does: HU measured = gain * kernel(HU + noise) + offset.

    Attributes
    ----------
    sigma
        Standard deviation of the noise in the image at dose 1, HU.
    kernel
        Share that each of the two neighbours contributes along rows, then along columns: positive is soft (smooth
        image, grainy noise), negative is sharp (crisp edges, fine noise).
    gain, offset
        Calibration; the offset in HU.
    """

    sigma: float
    kernel: float
    gain: float
    offset: float

    @property
    def passes(self) -> float:
        """Factor by which the kernel changes the standard deviation of white noise."""
        return (1 - 2 * self.kernel) ** 2 + 2 * self.kernel**2


SCANNERS = {
    "A": Scanner(sigma=1.8, kernel=0.0, gain=1.0, offset=0.0),
    "B": Scanner(sigma=1.5, kernel=0.08, gain=1.01, offset=1.5),
    "C": Scanner(sigma=2.5, kernel=-0.05, gain=0.99, offset=-2.5),
}

CARD = Card(
    title="Head CT, simulated on real anatomy",
    what="Four classes (healthy, ischaemia, haemorrhage, tumour) in HU, with lesion masks and the patient's record.",
    rows="One row per slice: 1,000 patients x 4 neighbouring slices, 5 mm apart, 64 x 64 pixels of 3.5 mm.",
    source="data/build_head_ct.py; anatomy from the MNI152 (ICBM 2009a) maps that ship with nilearn.",
    licence="Images and records CC BY 4.0; the template's copyright notice (McConnell Brain Imaging Centre, Montreal "
    "Neurological Institute) is in data/head_ct.md and travels with every copy.",
    citation="Fonov et al., NeuroImage 54:313 (2011) for the template.",
    made="Each patient is one 3-D head, bent from the template and cut by four planes; causes and effects in the "
    "record follow the equations in data/head_ct.md. Noise, kernel and calibration of three sites are added at load.",
    limits="Simulated: it proves methods, never clinical performance. One template, coarse pixels, one acute lesion "
    "per patient (and an old infarct in one of eight, in every class), no contrast phases, no motion or metal, volumes "
    "counted only within the four slices.",
)


def load(size: int = 64, dose: float | None = 1.0, seed: int = 0) -> Dataset:
    """The slices as the three sites' scanners see them.

    Parameters
    ----------
    size
        64, or 32: the mean of 2 x 2 pixels of the noisy image; a mask pixel is set when at least two of its four are.
    dose
        Relative radiation dose: the noise is ``sigma / sqrt(dose)``. ``np.inf`` gives the scanner without noise,
        None the clean image without scanner.
    seed
        Of the noise.

    Returns
    -------
    Dataset
        ``x`` float32 (4000, size, size) in HU, from -55 to 200; ``y`` 0 to 3; ``masks`` bool, the lesion of the
        diagnosis without its oedema; ``groups`` the patient; ``frame`` one row per slice: ``slice``, ``z_mm`` (above
        the anterior commissure), ``area_mm2``, ``oedema_mm2`` and ``old_mm2`` (old infarct) of this slice, and the
        patient's record. :func:`old_infarcts` has the masks of the old infarcts.

    Raises
    ------
    ValueError
        A size, dose or seed that is not possible.
    DataError
        The shipped files are missing or damaged.
    """
    _check(size, dose, seed)
    codes, labels = _images()
    table = _records()
    x = codes.astype(np.float32)
    x += HU_MIN
    if dose is not None:
        _scan(x, codes, table["site"].to_numpy(), dose, np.random.Generator(np.random.PCG64DXSM(seed)))
    masks = labels == 1
    frame = table.loc[table.index.repeat(SLICES)].reset_index(drop=True)
    number = np.tile(np.arange(SLICES), len(table))
    frame.insert(1, "slice", number)
    frame["z_mm"] = frame.pop("z0_mm") + SPACING_MM * number
    frame["area_mm2"] = masks.sum((1, 2)) * PIXEL_MM**2
    frame["oedema_mm2"] = (labels == 2).sum((1, 2)) * PIXEL_MM**2
    frame["old_mm2"] = (labels == 3).sum((1, 2)) * PIXEL_MM**2
    if size == 32:
        x, masks = _halve(x) / 4, _halve(masks.view(np.uint8)) >= 2
    groups = frame["patient"].to_numpy()
    return Dataset("head_ct", x, frame["label"].to_numpy(), CLASSES, frame, masks, groups, CARD)


def old_infarcts(size: int = 64) -> np.ndarray:
    """Masks of the infarcts of former years, bool (4000, size, size), row by row as in ``load``.

    One patient in eight has one, whatever the diagnosis of today; its density is that of CSF.

    Raises
    ------
    ValueError
        A size that is not 64 or 32.
    """
    _check(size, None, 0)
    old = _images()[1] == 3
    return old if size == 64 else _halve(old.view(np.uint8)) >= 2


def patients() -> Dataset:
    """The records: one row per patient, ``frame`` with every column, ``x`` the numbers known at the bedside.

    The columns of ``x`` are ``FEATURES``; facts read from the image (side, volume, HU ...) are only in ``frame``.
    """
    table = _records()
    known = table.assign(
        male=table["sex"] == "male",
        deficit_left=table["deficit_side"] == "left",
        deficit_right=table["deficit_side"] == "right",
    )
    x = known[list(FEATURES)].to_numpy(np.float64)
    return Dataset("patients", x, table["label"].to_numpy(), CLASSES, table, None, table["patient"].to_numpy(), CARD)


def brain_window(hu: np.ndarray, level: float = 35, width: float = 90) -> np.ndarray:
    """Map HU to [0, 1] as a viewing window does: ``level`` in the middle, ``width`` from black to white.

    Infarcts differ from brain by about 10 HU: the stroke window, ``width=40``, shows them best (notebook 15).

    Raises
    ------
    ValueError
        A width that is not positive.
    """
    if not width > 0:
        raise ValueError(f"width: got {width!r}, expected a number of HU above 0, e.g. brain_window(hu, width=90)")
    return np.clip((np.asarray(hu) - (level - width / 2)) / width, 0, 1)


def lesion_maps(masks: np.ndarray, y: np.ndarray) -> np.ndarray:
    """One channel for each kind of lesion, (n, height, width, 3): channel k - 1 is 1 in the lesions of class k.

    Parameters
    ----------
    masks, y
        Those of ``load("head_ct")`` or of a part of it: (n, height, width) and (n,).
    """
    if len(masks) != len(y):
        raise ValueError(f"masks, y: got {len(masks)} masks and {len(y)} classes, expected one of each a scan")
    kinds = np.arange(1, len(CLASSES))
    return (masks[..., None] & (np.asarray(y)[:, None, None, None] == kinds)).astype("float32")


def _check(size, dose, seed) -> None:
    if not isinstance(size, (int, np.integer)) or size not in (32, 64):
        raise ValueError(f"size: got {size!r}, expected 64 or 32 (pixels), e.g. load('head_ct', size=32)")
    number = isinstance(dose, (int, float, np.number)) and not isinstance(dose, bool)
    if dose is not None and not (number and dose >= 1e-6):  # nan is not; less drowns a head in noise
        raise ValueError(
            f"dose: got {dose!r}, expected a number from 1e-6 upwards (1 is the usual dose), np.inf for no noise, "
            "or None for the clean image, e.g. load('head_ct', dose=0.5)"
        )
    check_whole("seed", seed, 0, "load('head_ct', seed=1)")


def _scan(x: np.ndarray, codes: np.ndarray, sites: np.ndarray, dose: float, rng: np.random.Generator) -> None:
    """Noise, kernel and calibration, in place, a hundred slices at a time (they stay in the processor's cache).

    Noise is drawn where a pixel is not saturated: air and bone lie outside the stored range, noise or not.
    """
    scanner = [SCANNERS[s] for s in np.repeat(sites, SLICES)]
    columns = (
        [s.sigma / s.passes for s in scanner],
        *([getattr(s, k) for s in scanner] for k in ("kernel", "gain", "offset")),
    )
    sigma, side, gain, offset = (np.array(v, np.float32).reshape(-1, 1, 1) for v in columns)
    for start in range(0, len(x), 100):
        part = slice(start, start + 100)
        image, soft = x[part], (codes[part] > 0) & (codes[part] < 255)
        clean = image.copy()
        if math.isfinite(dose):
            noise = np.zeros_like(image)
            noise[soft] = rng.standard_normal(np.count_nonzero(soft), np.float32)
            image += noise * (sigma[part] / np.float32(math.sqrt(dose)))
        for _ in range(2):  # along one axis, then the other
            blurred = image * (1 - 2 * side[part])
            blurred[:, 1:-1] += (image[:, 2:] + image[:, :-2]) * side[part]
            image = blurred.swapaxes(1, 2)
        seen = np.clip(image * gain[part] + offset[part], HU_MIN, HU_MAX)
        x[part] = np.where(soft, seen, clean)


def _halve(a: np.ndarray) -> np.ndarray:
    """Sums of 2 x 2 pixels."""
    return a[:, ::2, ::2] + a[:, 1::2, ::2] + a[:, ::2, 1::2] + a[:, 1::2, 1::2]


def _images() -> tuple[np.ndarray, np.ndarray]:
    path = FOLDER / "head_ct.npz"
    try:
        with np.load(_there(path), allow_pickle=False) as file:
            codes, labels = file["codes"], file["labels"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        if isinstance(error, DataError):
            raise
        raise _damaged(path, error) from error
    if codes.dtype != np.uint8 or codes.ndim != 3 or labels.shape != codes.shape:
        raise _damaged(path, f"codes {codes.dtype} {codes.shape}, labels {labels.dtype} {labels.shape}")
    return codes, labels


def _records():
    import pandas as pd

    path = FOLDER / "patients.csv"
    try:
        table = pd.read_csv(_there(path), keep_default_na=False, na_values=[""])
        missing = {"patient", "site", "label", "z0_mm", *FEATURES[2:9]} - set(table.columns)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise _damaged(path, error) from error
    if missing:
        raise _damaged(path, f"no column {', '.join(sorted(missing))}")
    return table


def _there(path: Path) -> Path:
    if not path.is_file():
        raise DataMissing(
            f"{path.name}: not found in {path.parent}, expected the file that ships with the course. "
            "Get it back with `git checkout -- data`, or build it: `python data/build_head_ct.py`."
        )
    return path


def _damaged(path: Path, what) -> DataError:
    return DataError(
        f"{path}: damaged ({what}), expected the file that ships with the course. "
        "Get it back with `git checkout -- data`, or build it: `python data/build_head_ct.py`."
    )
