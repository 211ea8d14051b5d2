"""The twelve 2D sets of MedMNIST at 28 x 28 pixels: small, real medical images with a published table of results.

Format, counts, labels and MD5: medmnist 3.0.2, ``medmnist/info.py``. Files: https://zenodo.org/records/10519652.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from medlib.data.dataset import PARTS, Card, Dataset
from medlib.data.store import DataError, DataMissing, DataWarning, Source, find, md5_of, read_npz

KEYS = tuple(f"{part}_{what}" for part in PARTS for what in ("images", "labels"))
PAPER = "Yang J et al. MedMNIST v2. Scientific Data 2023;10:41"
ORGANS = "bladder,femur-left,femur-right,heart,kidney-left,kidney-right,liver,lung-left,lung-right,pancreas,spleen"
LITS = "Bilic P et al. The Liver Tumor Segmentation Benchmark (LiTS). Medical Image Analysis 2023;84:102680"
KERMANY = "Kermany DS et al. Cell 2018;172:1122"


@dataclass(frozen=True)
class Flag:
    """One set: what the images show, class names, rows of train, val and test, MD5, origin, known limits."""

    what: str
    names: str  # separated by commas
    counts: tuple[int, int, int]
    md5: str
    origin: str
    limits: str
    colour: bool = False
    licence: str = "CC BY 4.0"

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(name.replace(" or ", ", ") for name in self.names.split(","))

    @property
    def shape(self) -> tuple[int, ...]:
        return (28, 28, 3) if self.colour else (28, 28)


FLAGS = {
    "pneumoniamnist": Flag(
        "chest X-rays of children: pneumonia or not", "normal,pneumonia", (4708, 524, 624),
        "28209eda62fecd6e6a2d98b1501bb15f", KERMANY,
        "One hospital. Test images come from another folder of the source than train and val, and scores drop there. "
        "18 train images occur twice; 8 images are in both train and val, none in train and test.",
    ),
    "breastmnist": Flag(
        "breast ultrasound: malignant or not", "malignant,normal or benign", (546, 78, 156),
        "750601b1f35ba3300ea97c75c52ff8f6", "Al-Dhabyani W et al. Data in Brief 2020;28:104863",
        "Class 0 is malignant: a score for class 1 is a score for health. 156 test images give an accuracy a standard "
        "error of about 3 points.",
    ),
    "bloodmnist": Flag(
        "microscopy of single normal blood cells",
        "basophil,eosinophil,erythroblast,immature granulocytes,lymphocyte,monocyte,neutrophil,platelet",
        (11959, 1712, 3421), "7053d0359d879ad8a5505303e11de1dc", "Acevedo A et al. Data in Brief 2020;30:105474",
        "Cells of people without infection or blood disease; nothing about disease can be learnt.", colour=True,
    ),
    "dermamnist": Flag(
        "dermatoscopy of pigmented skin lesions",
        "actinic keratoses and intraepithelial carcinoma,basal cell carcinoma,benign keratosis-like lesions,"
        "dermatofibroma,melanoma,melanocytic nevi,vascular lesions",
        (7007, 1003, 2005), "0744692d530f8e62ec473284d019b0c7", "Tschandl P et al. Scientific Data 2018;5:180161",
        "Photographs of one lesion occur in more than one part (Abhishek K et al. Scientific Data 2025;12:196). Two "
        "images of three are nevi.", colour=True, licence="CC BY-NC 4.0",
    ),
    "retinamnist": Flag(
        "fundus photographs: grade of diabetic retinopathy", "0,1,2,3,4", (1080, 120, 400),
        "bd4c0672f1bba3e3a89f0e4e876791e4", "DeepDRiD challenge. Liu R et al. Patterns 2022;3:100512",
        "The grades are ordered. Microaneurysms vanish at 28 pixels; published accuracies stay near one half.",
        colour=True,
    ),
    "organamnist": Flag(
        "abdominal CT, axial: which organ", ORGANS, (34561, 6491, 17778), "68e3f8846a6bd62f0c9bf841c0d9eacc", LITS,
        "115, 16 and 70 CT scans: rows of one scan are alike.",
    ),
    "organcmnist": Flag(
        "abdominal CT, coronal: which organ", ORGANS, (12975, 2392, 8216), "b9ceb9546e10131b32923c5bbeaea2b1", LITS,
        "115, 16 and 70 CT scans: rows of one scan are alike.",
    ),
    "organsmnist": Flag(
        "abdominal CT, sagittal: which organ", ORGANS, (13932, 2452, 8827), "9ab87b696fb54e2a387ebe992d6ed5f1", LITS,
        "115, 16 and 70 CT scans: rows of one scan are alike.",
    ),
    "pathmnist": Flag(
        "colon histology: tissue type",
        "adipose,background,debris,lymphocytes,mucus,smooth muscle,normal colon mucosa,cancer-associated stroma,"
        "colorectal adenocarcinoma epithelium",
        (89996, 10004, 7180), "a8b06965200029087d5bd730944a56c1", "Kather JN et al. PLOS Medicine 2019;16:e1002730",
        "Many patches per slide; val patches come from the slides of train. Test is another centre.", colour=True,
    ),
    "chestmnist": Flag(
        "chest X-rays: 14 findings, several at a time",
        "atelectasis,cardiomegaly,effusion,infiltration,mass,nodule,pneumonia,pneumothorax,consolidation,edema,emphysema,"
        "fibrosis,pleural,hernia",
        (78468, 11219, 22433), "02c8a6516a18b556561a56cbdd36c4a8", "Wang X et al. (ChestX-ray8). CVPR 2017:2097",
        "The labels were read out of reports by a program, not out of the images. Findings are rare: an accuracy of "
        ".947 is what 'no finding' gets.",
    ),
    "octmnist": Flag(
        "optical coherence tomography of the retina",
        "choroidal neovascularization,diabetic macular edema,drusen,normal", (97477, 10832, 1000),
        "c68d92d5b585d8d81f7112f81e2d0842", KERMANY,
        "Several images per patient; train and val may share patients. Test is balanced, train is not.",
    ),
    "tissuemnist": Flag(
        "microscopy of kidney cortex cells",
        "Collecting Duct or Connecting Tubule,Distal Convoluted Tubule,Glomerular endothelial cells,"
        "Interstitial endothelial cells,Leukocytes,Podocytes,Proximal Tubule Segments,Thick Ascending Limb",
        (165466, 23640, 47280), "ebe78ee8b05294063de985d821c1c34b", "BBBC051. Ljosa V et al. Nature Methods 2012;9:637",
        "Three tissue specimens in all: train and test share their donors.",
    ),
}  # fmt: skip

SOURCES = [
    Source(
        name, f"{flag.what} (MedMNIST)", "download", flag.licence,
        f"{sum(flag.counts) * np.prod(flag.shape) / 1e6:.1f} MB of pixels", __name__, args=(name,), file=f"{name}.npz",
        url=f"https://zenodo.org/records/10519652/files/{name}.npz?download=1", md5=flag.md5,
    )
    for name, flag in FLAGS.items()
]  # fmt: skip


def load(name: str) -> Dataset:
    """One MedMNIST set, its three official parts one after another; ``frame["split"]`` says which row is of which.

    Returns
    -------
    Dataset
        x uint8 (n, 28, 28) or (n, 28, 28, 3); y class numbers (n,), for chestmnist 0 and 1 (n, 14).

    Raises
    ------
    DataError
        The file is missing, damaged, or has other keys, shapes, types or labels than this set.

    Warns
    -----
    DataWarning
        The file fits, and is not the official one.
    """
    import pandas as pd

    flag, path = FLAGS[name], find(f"{name}.npz")
    remedy = f'For the official file: delete this one, then medlib.data.download("{name}").'
    if path is None:
        raise DataMissing(f'{name!r} is not on this computer. To get it: medlib.data.download("{name}")')
    arrays = read_npz(path, KEYS, remedy)
    try:
        _check(flag, arrays)
    except DataError as error:
        raise DataError(f"{path}: {error} {remedy}") from None
    note = _note(name, flag, path, arrays)
    if note:
        warnings.warn(note, DataWarning, stacklevel=3)
    counts = [len(arrays[f"{part}_images"]) for part in PARTS]
    x = np.concatenate([arrays[f"{part}_images"] for part in PARTS])
    y = np.concatenate([arrays[f"{part}_labels"] for part in PARTS])
    y = y.astype(np.int64) if name == "chestmnist" else y[:, 0].astype(np.int64)
    frame = pd.DataFrame({"split": np.repeat(PARTS, counts)})
    return Dataset(name, x, y, flag.classes, frame, None, None, _card(name, flag, counts, note))


def _check(flag: Flag, arrays: dict[str, np.ndarray]) -> None:
    """Raise DataError unless every array has the shape, type and labels of this set."""
    several = flag is FLAGS["chestmnist"]
    width, top = (len(flag.classes), 1) if several else (1, len(flag.classes) - 1)
    for part in PARTS:
        images, labels = arrays[f"{part}_images"], arrays[f"{part}_labels"]
        if images.shape[1:] != flag.shape or images.dtype != np.uint8:
            raise DataError(
                f"{part}_images has shape {images.shape} and type {images.dtype}, expected (rows, "
                f"{', '.join(map(str, flag.shape))}) and uint8."
            )
        if labels.shape != (len(images), width) or labels.dtype.kind not in "iu":
            raise DataError(
                f"{part}_labels has shape {labels.shape} and type {labels.dtype}, expected "
                f"({len(images)}, {width}) and whole numbers."
            )
        if not len(images):
            raise DataError(f"{part}_images has no rows, expected at least one.")
        if labels.min() < 0 or labels.max() > top:
            raise DataError(f"{part}_labels runs from {labels.min()} to {labels.max()}, expected 0 to {top}.")


def _note(name: str, flag: Flag, path, arrays: dict[str, np.ndarray]) -> str:
    """What to know about a file that is not the official one; "" when it is."""
    if md5_of(path) == flag.md5:
        return ""
    counts = tuple(len(arrays[f"{part}_images"]) for part in PARTS)
    rows = "the official number of rows" if counts == flag.counts else f"{counts} rows, officially {flag.counts},"
    return (
        f"{name}: this file is not the official one (its MD5 differs). Keys, shapes and labels fit, and train, val and "
        f"test have {rows}; images may be changed or in another order. Results need not equal published ones."
    )


def _card(name: str, flag: Flag, counts: list[int], note: str) -> Card:
    return Card(
        title=name.replace("mnist", "MNIST").capitalize().replace("mnist", "MNIST"),
        what=f"{flag.what}. Classes: {', '.join(flag.classes)}",
        rows=f"one image each: {counts[0]:,} train, {counts[1]:,} val, {counts[2]:,} test (official split)",
        source=f"https://zenodo.org/records/10519652, {name}.npz",
        licence=flag.licence,
        citation=f"{PAPER}. Source images: {flag.origin}",
        made=f"clinical images, shrunk to {' x '.join(map(str, flag.shape))}, 8 bits, by the makers of MedMNIST",
        limits=f"{flag.limits} No patient numbers, so the split cannot be checked by patient. Not for clinical use."
        + (f" {note}" if note else ""),
    )
