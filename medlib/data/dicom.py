"""One DICOM file in: ``read_dicom``. One out: ``write_dicom``. Nobody's name left in it: ``deidentify``.

pydicom reads and writes the format, decodes the pixels and applies the rescaling; this module refuses what would give
wrong numbers without a word, and says in words what is wrong with a file and what to do about it.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medlib.data.store import DataError, DataMissing

if TYPE_CHECKING:
    from pydicom import Dataset

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"  # and what begins so: screenshots of several kinds
CT_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
SECTIONS = ("CT", "MR", "PT")  # modalities whose pixels have a size in the patient
LOWEST, HIGHEST = -5000, 32767  # HU: beyond them a file cannot be right
AXIAL = (1, 0, 0, 0, 1, 0)  # along a row towards the patient's left, along a column towards the back

BEGINNINGS = {
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"\x1f\x8b": "a gzip file (NIfTI volumes often are: nibabel reads them)",
    b"PK\x03\x04": "a zip archive",
    b"%PDF": "a PDF",
}


@dataclass(frozen=True, eq=False, repr=False)
class DicomImage:
    """One image of a DICOM file, in numbers that mean something.

    Attributes
    ----------
    values
        (rows, columns), float32; in a CT Hounsfield units.
    unit
        "HU" in a CT; otherwise what the file calls it, or "" when its numbers have no unit (MR).
    modality
        "CT", "MR", "CR" ...
    spacing
        Distance in mm between the centres of two rows, and of two columns; None where the file has none.
    position
        (3,) where the centre of the first pixel lies in the patient, mm: x to the LEFT, y to the BACK, z to the HEAD.
        None where the file does not say.
    orientation
        (2, 3) unit vectors: along a row (to the next column), along a column (to the next row); or None.
    dark_is_large
        True in MONOCHROME1: the largest value is meant to be shown black.
    notes
        What a reader should know about the file, in sentences; often empty.
    header
        pydicom's data set without the pixels. It may hold names.
    """

    values: np.ndarray
    unit: str
    modality: str
    spacing: tuple[float, float] | None
    position: np.ndarray | None
    orientation: np.ndarray | None
    dark_is_large: bool
    notes: tuple[str, ...]
    header: Dataset = field(repr=False)

    def __repr__(self) -> str:
        rows, columns = self.values.shape
        low, high = self.values.min(), self.values.max()
        size = "" if self.spacing is None else f", pixels of {self.spacing[0]:.3g} x {self.spacing[1]:.3g} mm"
        line = f"{self.modality}: {rows} x {columns}{size}, {low:g} to {high:g} {self.unit}".rstrip()
        return "\n".join([line, *(f"  note: {note}" for note in self.notes)])


# -------------------------------------------------------------------------------------------------------------- reading


def read_dicom(path: str | Path) -> DicomImage:
    """Read one image from a DICOM file: CT in HU, anything else as the file's own rescaling says.

    Raises
    ------
    DataMissing
        There is no such file.
    DataError
        The file is not DICOM, is damaged, holds no image or several, or would give numbers that mean something else
        than they seem to. The message says what came, what was expected and what to do.
    """
    path = Path(path)
    try:
        return _read(path)
    except DataError:
        raise
    except Exception as error:  # pydicom raises many kinds on a damaged file
        raise _wrong(
            path,
            f"an element that cannot be read ({type(error).__name__}: {_one_line(error)})",
            "a whole DICOM file",
            "The copy was interrupted or the file was edited: copy or export it again.",
        ) from error


def _read(path: Path) -> DicomImage:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        header = _header(path)
        _check_kind(path, header)
        stored = _pixels(path, header)
        values, unit = _rescaled(path, header, stored)
    _check_range(path, header, values, unit)
    spacing = _spacing(path, header)
    position, orientation = _place(path, header)
    del header["PixelData"]
    notes = [f"pydicom says: {_one_line(w.message)}" for w in caught]
    notes += _remarks(header, values, unit, spacing, position)
    return DicomImage(
        values=values,
        unit=unit,
        modality=str(header.get("Modality", "")),
        spacing=spacing,
        position=position,
        orientation=orientation,
        dark_is_large=header.get("PhotometricInterpretation") == "MONOCHROME1",
        notes=tuple(dict.fromkeys(notes)),
        header=header,
    )


def _wrong(path: Path, got: str, expected: str, remedy: str) -> DataError:
    return DataError(f"{path.name}: {got}; expected {expected}. {remedy}")


def _one_line(text) -> str:
    return " ".join(str(text).split())


def _header(path: Path) -> Dataset:
    """Everything in the file, the pixels not yet decoded."""
    import pydicom
    from pydicom.errors import InvalidDicomError

    if not path.exists():
        raise DataMissing(f"{path.name}: no such file in {path.parent}; expected a DICOM file. Look at the path.")
    if path.is_dir():
        raise _wrong(
            path, "this is a folder", "one file", "For a series: [read_dicom(file) for file in folder.iterdir()]."
        )
    with path.open("rb") as file:
        first = file.read(132)
    if not first:
        raise _wrong(path, "0 bytes", "a DICOM file", "The copy was interrupted: copy or export the file again.")
    try:
        header = pydicom.dcmread(path)
        _ = [element.value for element in header]  # pydicom reads lazily: now a damaged element shows
        return header
    except InvalidDicomError:
        known = next((what for begin, what in BEGINNINGS.items() if first.startswith(begin)), None)
        got = f"this is {known}" if known else "no letters DICM at byte 128"
        raise _wrong(
            path,
            got,
            "a DICOM file",
            "A picture made from a scan has no HU any more: ask for the original."
            if known
            else "A program of the 1990s may have written it: try pydicom.dcmread(path, force=True) and look hard.",
        ) from None


def _check_kind(path: Path, header: Dataset) -> None:
    """Refuse files that hold no image, several, or a picture of one."""
    kind = header.get("SOPClassUID")
    name = getattr(kind, "name", None) or "an object of unknown kind"
    if "PixelData" not in header:
        raise _wrong(
            path,
            f"no pixel data, this is {name}",
            "an image",
            "Reports, plans and structures travel among the images of a study: leave this file out.",
        )
    if str(kind or "").startswith(SECONDARY_CAPTURE):
        lossy = ", compressed with loss" if header.get("LossyImageCompression") == "01" else ""
        raise _wrong(
            path,
            f"a secondary capture{lossy}: a picture of an image, in greys that somebody's window chose",
            "an original image",
            "Ask for the original series; a name may be burned into this one.",
        )
    samples, frames = int(header.get("SamplesPerPixel", 1)), int(header.get("NumberOfFrames", 1) or 1)
    if samples != 1 or header.get("PhotometricInterpretation") == "PALETTE COLOR":
        raise _wrong(
            path,
            f"a colour image ({header.get('PhotometricInterpretation')})",
            "one grey value a pixel",
            "Read it with pydicom.dcmread(path).pixel_array; colours have no HU.",
        )
    if frames != 1:
        raise _wrong(
            path,
            f"{frames} frames in one file",
            "one image a file",
            "Let the archive export classic single-frame files, or read the frames with pydicom.",
        )


def _pixels(path: Path, header: Dataset) -> np.ndarray:
    """The stored numbers, (rows, columns), as integers."""
    syntax = header.file_meta.get("TransferSyntaxUID")
    name = getattr(syntax, "name", None) or "none"
    raw = header.PixelData
    try:
        return np.array(header.pixel_array)
    except Exception as error:
        text = _one_line(error)
        if syntax is not None and not syntax.is_private and not syntax.is_compressed:
            if raw[:4] == b"\xfe\xff\x00\xe0":
                raise _wrong(
                    path,
                    f"compressed pixels, and a header that says {name}",
                    "one transfer syntax for both",
                    "Somebody changed the header alone: export the file again, or put its TransferSyntaxUID right.",
                ) from error
            if "less than expected" in text:
                numbers = re.search(r"\((\d+) vs (\d+) bytes\)", text)
                share = f"{numbers[1]} of {numbers[2]} bytes of pixels" if numbers else "too few bytes of pixels"
                raise _wrong(
                    path,
                    f"truncated, {share}",
                    "all of them",
                    "The copy was interrupted: copy or export the file again. Never fill the rest with zeros.",
                ) from error
        elif syntax is None or "decompress" in text or "decode" in text or isinstance(error, NotImplementedError):
            raise _wrong(
                path,
                f"transfer syntax {name}, which cannot be decoded here",
                "pixels that pydicom can decode",
                "Install a decoder (pip install pylibjpeg pylibjpeg-libjpeg pyjpegls), or convert the file to "
                "Explicit VR Little Endian with the archive's export or dcmtk's dcmdjpeg.",
            ) from error
        raise _wrong(
            path,
            f"pixels that do not fit their header ({text})",
            "rows, columns and bits that agree",
            "Export the file again.",
        ) from error


def _rescaled(path: Path, header: Dataset, stored: np.ndarray) -> tuple[np.ndarray, str]:
    """What the stored numbers mean, and in which unit."""
    from pydicom.pixels import apply_modality_lut

    is_ct = header.get("Modality") == "CT"
    if is_ct and "ModalityLUTSequence" not in header:
        missing = [name for name in ("RescaleSlope", "RescaleIntercept") if header.get(name) in (None, "")]
        if missing:
            raise _wrong(
                path,
                f"a CT without {' and '.join(missing)}",
                "both, or its numbers are not HU",
                "Ask for the original; guess neither (air −1000 and water 0 would have to come out).",
            )
    if "RescaleSlope" in header and not float(header.RescaleSlope or 0):
        raise _wrong(
            path, "RescaleSlope 0, which makes all pixels alike", "a number other than 0", "Ask for the original."
        )
    values = np.asarray(apply_modality_lut(stored, header), np.float32)
    padding = header.get("PixelPaddingValue")
    if is_ct and padding is not None:
        values[stored == padding] = -1000
    return values, "HU" if is_ct else str(header.get("RescaleType") or header.get("Units") or "")


def _check_range(path: Path, header: Dataset, values: np.ndarray, unit: str) -> None:
    """Refuse a CT whose numbers cannot be HU, as happens when signed numbers are read as unsigned, or the reverse."""
    low, high = float(values.min()), float(values.max())
    if unit == "HU" and not (LOWEST <= low and high <= HIGHEST):
        signs = ("unsigned", "signed")
        said = int(header.get("PixelRepresentation") == 1)
        raise _wrong(
            path,
            f"{low:.0f} to {high:.0f} HU",
            f"{LOWEST} to {HIGHEST}",
            f"The header says {signs[said]} (PixelRepresentation {said}), and the numbers were probably written "
            f"{signs[1 - said]}. Ask for the original.",
        )


def _spacing(path: Path, header: Dataset) -> tuple[float, float] | None:
    """Distance of rows and of columns, mm."""
    given = header.get("PixelSpacing") or header.get("ImagerPixelSpacing")
    if not given:
        if header.get("Modality") in SECTIONS:
            raise _wrong(
                path,
                "no PixelSpacing",
                "two distances in mm",
                "Without them no length, area or volume can be measured: ask for the original.",
            )
        return None
    spacing = np.array(given, float).reshape(-1)
    if spacing.shape != (2,) or not np.isfinite(spacing).all() or (spacing <= 0).any():
        raise _wrong(
            path,
            f"PixelSpacing {' x '.join(map(str, given))} mm",
            "two distances above 0",
            "Measure nothing in this file; ask for the original.",
        )
    return float(spacing[0]), float(spacing[1])


def _place(path: Path, header: Dataset) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Position of the first pixel's centre (3,), mm, and the two directions (2, 3)."""
    position, directions = header.get("ImagePositionPatient"), header.get("ImageOrientationPatient")
    if not position or not directions:
        return None, None
    position, directions = np.array(position, float), np.array(directions, float)
    if directions.shape == (6,) and position.shape == (3,):
        directions = directions.reshape(2, 3)
        if np.allclose(directions @ directions.T, np.eye(2), atol=0.01):
            return position, directions
    raise _wrong(
        path,
        f"ImageOrientationPatient {directions.ravel().tolist()}",
        "two unit vectors at a right angle",
        "Nobody can say where this image lies: ask for the original.",
    )


def _remarks(header: Dataset, values: np.ndarray, unit: str, spacing, position) -> Iterator[str]:
    """What is no error, and should be known."""
    if header.get("PhotometricInterpretation") == "MONOCHROME1":
        yield "MONOCHROME1: large values are meant to be shown dark; turn the grey scale, or cmap='gray_r'"
    if header.get("LossyImageCompression") == "01":
        yield "compressed with loss at some time: fine detail and noise are not the scanner's"
    if "LOCALIZER" in header.get("ImageType", ()):
        yield "a localiser (an overview), not a section"
    if header.get("BurnedInAnnotation") == "YES":
        yield "text is burned into the pixels, perhaps a name"
    if unit == "HU" and values.min() > -500:
        yield f"the lowest value is {values.min():.0f} HU, so no air is in sight: is the intercept right?"
    if unit != "HU" and header.get("Modality") == "MR":
        yield "the numbers of an MR have no unit: they compare within one image, not between scanners"
    if spacing is not None and abs(spacing[0] - spacing[1]) > 1e-3 * spacing[0]:
        yield "the pixels are not square"
    if position is None and header.get("Modality") in SECTIONS:
        yield "no position and orientation: this image cannot be sorted into a series"


# -------------------------------------------------------------------------------------------------------------- writing


def write_dicom(
    path: str | Path,
    hu: np.ndarray,
    spacing: Sequence[float] = (1.0, 1.0),
    position: Sequence[float] = (0.0, 0.0, 0.0),
    orientation: Sequence[float] = AXIAL,
    slope: float = 1.0,
    intercept: float = -1024.0,
    number: int = 1,
    series: str | None = None,
) -> Path:
    """Write one CT image that any DICOM viewer opens: 16 bits, Explicit VR Little Endian, marked as derived.

    Parameters
    ----------
    path
        Where the file goes; an older one is replaced.
    hu
        (rows, columns), in HU. It is rounded to whole steps of ``slope``.
    spacing
        Distance of rows and of columns, mm.
    position, orientation
        Of the first pixel's centre, mm, and along a row and along a column; see :class:`DicomImage`.
    slope, intercept
        HU = slope x stored + intercept.
    number
        Which image of the series this is.
    series
        UID that the images of one series share (``pydicom.uid.generate_uid()``); a new one by default.

    Raises
    ------
    ValueError
        ``hu`` is no image of finite numbers, or does not fit into 16 bits.
    """
    from pydicom.uid import generate_uid

    hu, path = np.asarray(hu, float), Path(path)
    if hu.ndim != 2 or not hu.size or not np.isfinite(hu).all():
        raise ValueError(f"hu: got shape {hu.shape}, expected (rows, columns) of finite numbers; write slice by slice")
    if not slope > 0:
        raise ValueError(f"slope: got {slope}, expected a number above 0, for example 1")
    stored = np.round((hu - intercept) / slope)
    if stored.min() < 0 or stored.max() > 65535:
        raise ValueError(
            f"hu: {hu.min():g} to {hu.max():g} become {stored.min():g} to {stored.max():g}, expected 0 to 65535; "
            "clip the image to -1024 HU and above, or choose another slope and intercept"
        )
    image = _empty()
    image.SOPClassUID, image.SOPInstanceUID = CT_STORAGE, generate_uid()
    image.StudyInstanceUID = generate_uid(entropy_srcs=[series]) if series else generate_uid()
    image.SeriesInstanceUID = series or generate_uid()
    image.FrameOfReferenceUID = generate_uid(entropy_srcs=["frame", image.SeriesInstanceUID])
    image.ImageType, image.Modality, image.InstanceNumber = ["DERIVED", "SECONDARY", "AXIAL"], "CT", number
    image.PatientName, image.PatientID, image.PatientSex, image.Manufacturer = "SIMULATED", "SIMULATED", "", ""
    image.SeriesNumber, image.AcquisitionNumber, image.KVP = 1, 1, None
    image.PositionReferenceIndicator, image.SliceThickness = "", None
    image.PixelSpacing = [_decimal(v) for v in spacing]
    image.ImagePositionPatient = [_decimal(v) for v in position]
    image.ImageOrientationPatient = [_decimal(v) for v in orientation]
    image.RescaleSlope, image.RescaleIntercept, image.RescaleType = _decimal(slope), _decimal(intercept), "HU"
    _set_pixels(image, stored.astype(np.uint16))
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save_as(path, enforce_file_format=True)
    return path


def _empty() -> Dataset:
    """A data set for uncompressed pixels, with the elements that the standard wants to exist, empty as it allows."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    for name in ("PatientBirthDate", "StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName", "StudyID"):
        setattr(image, name, "")
    return image


def _decimal(value: float) -> str:
    """A number as DICOM writes decimals: in at most 16 characters."""
    return next(text for digits in range(16, 0, -1) if len(text := f"{float(value):.{digits}g}") <= 16)


def _set_pixels(image: Dataset, stored: np.ndarray) -> None:
    """Give a data set 16-bit grey pixels (rows, columns), uncompressed."""
    image.Rows, image.Columns = stored.shape
    image.SamplesPerPixel, image.BitsAllocated, image.BitsStored, image.HighBit = 1, 16, 16, 15
    image.PixelRepresentation = int(stored.dtype.kind == "i")
    image.PhotometricInterpretation = image.get("PhotometricInterpretation", "MONOCHROME2")
    image.PixelData = np.ascontiguousarray(stored.astype(stored.dtype.newbyteorder("<"))).tobytes()
    image["PixelData"].VR = "OW"


# ---------------------------------------------------------------------------------------------------- de-identification

#: What a header may keep because it is a number, and what because it is one of these words. Nothing else stays.
NUMBERS = (
    *("PixelSpacing", "ImagerPixelSpacing", "ImagePositionPatient", "ImageOrientationPatient", "SliceThickness"),
    *("SpacingBetweenSlices", "SliceLocation", "InstanceNumber", "SeriesNumber", "RescaleSlope", "RescaleIntercept"),
    *("WindowCenter", "WindowWidth", "PixelPaddingValue", "KVP", "ExposureTime", "XRayTubeCurrent", "Exposure"),
    *("GantryDetectorTilt", "RepetitionTime", "EchoTime", "InversionTime", "FlipAngle", "MagneticFieldStrength"),
)
WORDS = {
    "Modality": {"CT", "MR", "PT", "NM", "CR", "DX", "MG", "RF", "XA"},
    "PhotometricInterpretation": {"MONOCHROME1", "MONOCHROME2"},
    "RescaleType": {"HU", "US"},
    "PatientSex": {"F", "M", "O"},
    "PatientPosition": {"HFS", "HFP", "FFS", "FFP", "HFDL", "HFDR", "FFDL", "FFDR"},
    "LossyImageCompression": {"00", "01"},
}
UIDS = ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")
OLDEST = 89  # years: whoever is older is among few


def deidentify(image: Dataset, patient: str, secret: str) -> Dataset:
    """A new data set with the pixels, the geometry and a pseudonym, and with nothing that leads back to a person.

    It keeps what is on a list, and drops the rest: names, dates, places, free texts, private elements, sequences,
    overlays, bits above the image's own, the preamble. A list of what to *remove* would have to know every element in
    which somebody, somewhere, has typed a name. UIDs become others, the same for the same ``secret``, so that a series
    stays together; ages above 89 become 90. Times between scans are lost with the dates.

    What it cannot do: see text that is burned into the pixels (it refuses images that say so), or take the face from
    a head.

    Parameters
    ----------
    image
        A data set as ``pydicom.dcmread`` gives it, one frame of grey values.
    patient
        The pseudonym: 1 to 16 letters and digits, such as "P0017". Who that is stands elsewhere, or nowhere.
    secret
        What the new UIDs are derived from, with the old ones; at least 8 characters, kept to yourself.

    Raises
    ------
    ValueError
        A pseudonym or secret out of form, a picture that may hold burned-in text, or no image of grey values.
    """
    from pydicom.uid import generate_uid

    if not re.fullmatch(r"[A-Za-z0-9]{1,16}", patient):
        raise ValueError(f"patient: got {patient!r}, expected 1 to 16 letters and digits, for example 'P0017'")
    if len(secret) < 8:
        raise ValueError(f"secret: got {len(secret)} characters, expected 8 or more; secrets.token_hex() makes one")
    kind = str(image.get("SOPClassUID", ""))
    if image.get("BurnedInAnnotation") == "YES" or kind.startswith(SECONDARY_CAPTURE):
        raise ValueError("image: text may be burned into these pixels, expected none; look at each, or leave them out")
    stored = np.asarray(image.pixel_array)
    if stored.ndim != 2 or stored.dtype.itemsize > 2:
        raise ValueError(f"image: got pixels {stored.dtype} {stored.shape}, expected (rows, columns) of up to 16 bits")
    new = _empty()
    if re.fullmatch(r"1\.2\.840\.10008\.[0-9.]+", kind):
        new.SOPClassUID = kind
    for name in UIDS:
        if image.get(name):
            setattr(new, name, generate_uid(entropy_srcs=[secret, str(image.get(name))]))
    for name in NUMBERS:
        numbers = _numbers(image, name)
        if numbers:
            setattr(new, name, numbers if len(numbers) > 1 else numbers[0])
    for name, known in WORDS.items():
        if image.get(name) in known:
            setattr(new, name, image.get(name))
    new.ImageType = ["DERIVED", "SECONDARY"]
    age = re.fullmatch(r"(\d{3})Y", str(image.get("PatientAge", "")))
    if age:
        new.PatientAge = f"{min(int(age[1]), OLDEST + 1):03d}Y"
    new.PatientName = new.PatientID = patient
    new.PatientIdentityRemoved, new.DeidentificationMethod = "YES", "allow-list of elements, medlib.data.deidentify"
    _set_pixels(new, _own_bits(stored, int(image.BitsStored)))
    return new


def _numbers(image: Dataset, name: str) -> list:
    """The numbers of an element, as DICOM writes them; empty when it is missing or holds anything else."""
    from pydicom.datadict import dictionary_VR

    value = image.get(name)
    values = list(value) if isinstance(value, Sequence) and not isinstance(value, (str, bytes)) else [value]
    try:
        found = [float(v) for v in values if v is not None and v != ""]
    except (TypeError, ValueError):
        return []
    if not all(map(np.isfinite, found)):
        return []
    decimal = dictionary_VR(name) == "DS"  # the others on the list are whole numbers
    return [_decimal(v) if decimal else int(v) for v in found]


def _own_bits(stored: np.ndarray, bits: int) -> np.ndarray:
    """The pixels without what is hidden above their own bits (old overlays are), as 16-bit integers."""
    signed = stored.dtype.kind == "i"
    whole = stored.astype(np.int32) & ((1 << bits) - 1)
    if signed:
        whole = np.where(whole >= 1 << (bits - 1), whole - (1 << bits), whole)
    return whole.astype(np.int16 if signed else np.uint16)


def plant_identifiers(image: Dataset) -> dict[str, str]:
    """Give an image of nobody a made-up patient, in thirty places where real files hide one; for practice and tests.

    Returns
    -------
    dict
        Where -> what was put there. No text occurs elsewhere in the file.
    """
    from pydicom.dataset import Dataset

    def item(**elements) -> Dataset:
        inner = Dataset()
        for name, value in elements.items():
            setattr(inner, name, value)
        return inner

    plain = {
        "PatientName": "Quillfeather^Odalys",
        "PatientID": "MRN-4471902",
        "PatientBirthDate": "19310415",
        "PatientAddress": "7 Larkspur Row",
        "PatientTelephoneNumbers": "555-0142-77",
        "OtherPatientNames": "Thornbury^O",
        "PatientBirthName": "Vexley^Imogen",
        "PatientMotherBirthName": "Marchbanks^Ines",
        "Occupation": "lighthouse man",
        "ReferringPhysicianName": "Abernethy^Cosmo",
        "OperatorsName": "Pennywhistle^R",
        "InstitutionName": "Saint Fiacre Hospital",
        "InstitutionAddress": "Quay of Herons 3",
        "StationName": "CTROOM-BASIL",
        "AccessionNumber": "ACC0099812",
        "StudyDate": "20240229",
        "StudyTime": "031702.118",
        "StudyDescription": "head of Mrs Q, fell at home",
        "SeriesDescription": "for Dr Zephyrine",
        "ImageComments": "daughter called 14 times",
        "ProtocolName": "Basil-special",
        "AdditionalPatientHistory": "famous cellist",
        "DeviceSerialNumber": "SN-7788-KX",
        "RequestingPhysician": "Hollybush^T",
        "StudyID": "ST-30221",
    }
    for name, value in plain.items():
        setattr(image, name, value)
    image.RequestAttributesSequence = [item(ScheduledProcedureStepDescription="asked by Wintersmith")]
    nested = item(OtherPatientIDsSequence=[item(PatientID="OLD-1188-Z")])
    image.ReferencedStudySequence = [nested]
    block = image.private_block(0x0029, "ACME CT 1.0", create=True)
    block.add_new(0x10, "LO", "booked for Tamsin")
    block.add_new(0x11, "SQ", [item(PatientComments="neighbour of Ulverstone")])
    image.add_new(0x60000022, "LO", "overlay by Dr Crabtree")
    return plain | {
        "RequestAttributesSequence": "asked by Wintersmith",
        "ReferencedStudySequence, two deep": "OLD-1188-Z",
        "private element": "booked for Tamsin",
        "private sequence": "neighbour of Ulverstone",
        "overlay": "overlay by Dr Crabtree",
    }


def found(path: str | Path, texts: Sequence[str]) -> list[str]:
    """Which of these texts stand in the bytes of a file, in UTF-8 or UTF-16; for names each part counts by itself."""
    raw = Path(path).read_bytes().lower()
    left = []
    for text in texts:
        parts = [part for part in re.split(r"[\^ ]", text) if len(part) > 3] or [text]
        if any(part.lower().encode(code) in raw for part in parts for code in ("utf-8", "utf-16-le", "utf-16-be")):
            left.append(text)
    return left
