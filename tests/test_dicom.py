"""read_dicom in words, write_dicom for other programs, and a header from which a person has gone."""

import copy
import warnings

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.pixels import apply_modality_lut
from pydicom.uid import JPEG2000Lossless

from medlib.data import DataError, DataMissing, deidentify, read_dicom, write_dicom
from medlib.data.dicom import found, plant_identifiers

SECRET = "a long enough secret"


def shipped(name: str) -> str:
    """A file inside pydicom's package; nothing is downloaded."""
    return get_testdata_file(name, download=False)


@pytest.fixture
def hu():
    return np.round(np.random.default_rng(0).uniform(-1000, 1500, (20, 30)))


@pytest.fixture
def path(tmp_path, hu):
    return write_dicom(tmp_path / "ct.dcm", hu, (2.0, 1.5), (10.0, -20.0, 33.3), slope=0.25)


def spoilt(path, tmp_path, **elements):
    """A copy of the file with elements changed, or left out where the value is None."""
    image = pydicom.dcmread(path)
    for name, value in elements.items():
        if value is None:
            delattr(image, name)
        elif isinstance(value, pydicom.DataElement):
            image.add(value)
        else:
            setattr(image, name, value)
    image.save_as(tmp_path / "spoilt.dcm")
    return tmp_path / "spoilt.dcm"


# -------------------------------------------------------------------------------------------------------------- reading


def test_the_real_ct_is_what_pydicom_says():
    image, ds = read_dicom(shipped("CT_small.dcm")), pydicom.dcmread(shipped("CT_small.dcm"))
    assert np.array_equal(image.values, apply_modality_lut(ds.pixel_array, ds))
    assert (image.unit, image.modality, image.spacing) == ("HU", "CT", (0.661468, 0.661468))
    assert image.values.dtype == np.float32 and image.notes == () and not image.dark_is_large
    assert np.allclose(image.position, ds.ImagePositionPatient) and np.allclose(image.orientation, np.eye(3)[:2])
    assert "PixelData" not in image.header and "-896 to 1167 HU" in repr(image)


def test_a_transfer_syntax_changes_no_pixel():
    names = ["MR_small.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm", "MR_small_RLE.dcm"]
    images = [read_dicom(shipped(name)) for name in [*names, "MR_small_jp2klossless.dcm"]]
    assert all(np.array_equal(images[0].values, other.values) for other in images[1:])
    assert images[0].unit == "" and "no unit" in images[0].notes[0]


BAD = {  # what was done -> (elements to change, what the reader sees)
    "no slope": ({"RescaleSlope": None}, "a CT without RescaleSlope; expected both"),
    "no intercept": ({"RescaleIntercept": None}, "a CT without RescaleIntercept; expected both"),
    "slope 0": ({"RescaleSlope": 0}, "RescaleSlope 0, which makes all pixels alike"),
    "zero spacing": ({"PixelSpacing": [0, 1]}, "PixelSpacing 0.0 x 1.0 mm; expected two distances above 0"),
    "no spacing": ({"PixelSpacing": None}, "no PixelSpacing; expected two distances in mm"),
    "no pixels": ({"PixelData": None}, "no pixel data, this is CT Image Storage"),
    "truncated": ({"PixelData": bytes(600)}, "truncated, 600 of 1200 bytes of pixels"),
    "screenshot": ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, "a secondary capture: a picture of an image"),
    "lossy screenshot": (
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7", "LossyImageCompression": "01"},
        "a secondary capture, compressed with loss",
    ),
    "colours": ({"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}, "a colour image (RGB)"),
    "several frames": ({"NumberOfFrames": 4}, "4 frames in one file"),
    "a bent grid": ({"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]}, "two unit vectors at a right angle"),
    "no rows": ({"Rows": None}, "pixels that do not fit their header"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_files_are_refused_in_words(path, tmp_path, what):
    elements, seen = BAD[what]
    with pytest.raises(DataError) as caught:
        read_dicom(spoilt(path, tmp_path, **elements))
    message = str(caught.value)
    assert seen in message and message.startswith("spoilt.dcm: ") and "; expected " in message
    assert len(message.split(". ")) >= 2, "no remedy"


def test_files_that_are_no_dicom(tmp_path):
    for begin, seen in ((b"", "0 bytes"), (b"\x89PNG....", "a PNG picture"), (b"hello" * 40, "no letters DICM")):
        (tmp_path / "x.dcm").write_bytes(begin)
        with pytest.raises(DataError, match=seen):
            read_dicom(tmp_path / "x.dcm")
    with pytest.raises(DataMissing, match="no such file"):
        read_dicom(tmp_path / "nowhere.dcm")
    with pytest.raises(DataError, match="this is a folder"):
        read_dicom(tmp_path)
    with pytest.raises(DataError, match="no pixel data, this is RT Plan Storage"):
        read_dicom(shipped("rtplan.dcm"))
    with pytest.raises(DataError, match="an element that cannot be read"):
        read_dicom(shipped("badVR.dcm"))


def test_a_header_cut_in_the_middle(path, tmp_path):
    (tmp_path / "cut.dcm").write_bytes(path.read_bytes()[:500])
    with pytest.raises(DataError, match="cut.dcm: "):
        read_dicom(tmp_path / "cut.dcm")


def test_pixels_that_cannot_be_decoded(path, tmp_path):
    with pytest.raises(DataError, match="JPEG-LS Lossless Image Compression, which cannot be decoded here"):
        read_dicom(shipped("MR_small_jpeg_ls_lossless.dcm"))
    image = pydicom.dcmread(shipped("MR_small_jp2klossless.dcm"))
    assert image.file_meta.TransferSyntaxUID == JPEG2000Lossless
    image.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    image["PixelData"].is_undefined_length = False
    image.save_as(tmp_path / "mislabelled.dcm")
    with pytest.raises(DataError, match="compressed pixels, and a header that says Explicit VR Little Endian"):
        read_dicom(tmp_path / "mislabelled.dcm")


def test_signed_numbers_in_a_file_that_says_unsigned(path, tmp_path, hu):
    pixels = {"PixelData": hu.astype("<i2").tobytes(), "RescaleSlope": 1, "RescaleIntercept": 0}
    with pytest.raises(DataError, match="header says unsigned .* probably written signed"):
        read_dicom(spoilt(path, tmp_path, **pixels))
    right = read_dicom(spoilt(path, tmp_path, **pixels, PixelRepresentation=1))
    assert np.array_equal(right.values, hu)


def test_what_is_legal_comes_with_a_note(path, tmp_path):
    cases = {
        "MONOCHROME1": {"PhotometricInterpretation": "MONOCHROME1"},
        "compressed with loss": {"LossyImageCompression": "01"},
        "a localiser": {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]},
        "burned into": {"BurnedInAnnotation": "YES"},
        "is the intercept right": {"RescaleIntercept": 0},
        "cannot be sorted": {"ImagePositionPatient": None},
    }
    for seen, elements in cases.items():
        image = read_dicom(spoilt(path, tmp_path, **elements))
        assert any(seen in note for note in image.notes), seen
        assert image.dark_is_large == (seen == "MONOCHROME1")
    assert read_dicom(path).notes == ("the pixels are not square",)


def test_padding_is_air(path, tmp_path, hu):
    padding = pydicom.DataElement("PixelPaddingValue", "US", int((hu[3, 4] + 1024) / 0.25))
    image = read_dicom(spoilt(path, tmp_path, PixelPaddingValue=padding))
    assert image.values[3, 4] == -1000 and image.values[0, 0] == hu[0, 0]


# -------------------------------------------------------------------------------------------------------------- writing


def test_what_is_written_is_read(path, hu):
    image = read_dicom(path)
    assert np.array_equal(image.values, hu) and image.spacing == (2.0, 1.5)
    assert np.allclose(image.position, [10, -20, 33.3])
    header = pydicom.dcmread(path)
    assert header.file_meta.MediaStorageSOPInstanceUID == header.SOPInstanceUID and header.ImageType[0] == "DERIVED"


def test_long_decimals_fit_their_sixteen_characters(tmp_path, hu):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        where = (-1 / 3e-7, 1 / 3, -123456.789012345678)
        image = read_dicom(write_dicom(tmp_path / "a.dcm", hu, (1 / 3, 2 / 3), where))
    assert np.allclose(image.position, where) and np.allclose(image.spacing, (1 / 3, 2 / 3))


def test_a_series_shares_what_a_series_shares(tmp_path, hu):
    uid = pydicom.uid.generate_uid()
    a, b = (pydicom.dcmread(write_dicom(tmp_path / f"{k}.dcm", hu, series=uid, number=k)) for k in (1, 2))
    for name in ("SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID"):
        assert a.get(name) == b.get(name)
    assert a.SOPInstanceUID != b.SOPInstanceUID


@pytest.mark.parametrize(
    ("arguments", "seen"),
    [
        ({"hu": np.zeros((2, 3, 4))}, "write slice by slice"),
        ({"hu": np.full((2, 2), np.nan)}, "finite"),
        ({"hu": np.full((2, 2), -2000.0)}, "clip the image"),
        ({"hu": np.zeros((2, 2)), "slope": 0}, "above 0"),
    ],
)
def test_what_cannot_be_written(tmp_path, arguments, seen):
    with pytest.raises(ValueError, match=seen):
        write_dicom(tmp_path / "x.dcm", **arguments)


# ---------------------------------------------------------------------------------------------------- de-identification


@pytest.fixture
def named(path, tmp_path):
    """A file with thirty identifiers, a name drawn as an overlay, one in unused bits, one in the preamble."""
    image = pydicom.dcmread(path)
    places = plant_identifiers(image)
    image.PatientAge = "093Y"
    image.add_new(0x60000010, "US", 20)
    image.add_new(0x60000011, "US", 30)
    image.add_new(0x60003000, "OW", b"BITMAPQUILLFEATHER" * 5)
    image.preamble = b"written for Quillfeather".ljust(128, b"\0")
    image.ConvolutionKernel = "B30 Quillfeather"
    image.ImageType = ["ORIGINAL", "PRIMARY", "QUILLFEATHER"]
    image.WindowCenter = "40"
    image.file_meta.SourceApplicationEntityTitle = "QUILLFEATHER"
    image.save_as(tmp_path / "named.dcm")
    return tmp_path / "named.dcm", places


def test_nothing_is_left_of_thirty_identifiers(named, path, tmp_path):
    file, places = named
    assert len(places) == len(set(places.values())) == 30
    assert found(file, places.values()) == list(places.values())
    clean = deidentify(pydicom.dcmread(file), "P0017", SECRET)
    clean.save_as(tmp_path / "clean.dcm", enforce_file_format=True)
    assert found(tmp_path / "clean.dcm", [*places.values(), "QUILLFEATHER"]) == []
    written = pydicom.dcmread(tmp_path / "clean.dcm")
    assert not any(element.tag.is_private or element.VR == "SQ" for element in written)
    assert not any(element.tag.group >> 8 == 0x60 for element in written)
    assert (written.PatientName, written.PatientAge, written.PatientIdentityRemoved) == ("P0017", "090Y", "YES")
    old, new = read_dicom(path), read_dicom(tmp_path / "clean.dcm")
    assert np.array_equal(old.values, new.values) and old.spacing == new.spacing
    assert np.allclose(old.position, new.position) and np.allclose(old.orientation, new.orientation)
    assert float(written.WindowCenter) == 40


def test_a_kept_number_must_be_a_number(path):
    image = pydicom.dcmread(path)
    image.PatientSex, image.RescaleType = "QUILLFEATHER", "Quillfeather"
    for kind, text in (("LO", "Quillfeather"), ("OB", b"Quillfeather")):  # bytes are no list of numbers
        image["SliceLocation"] = pydicom.DataElement(0x00201041, kind, text)
        clean = deidentify(image, "P1", SECRET)
        assert "quillfeather" not in str(clean).lower() and "SliceLocation" not in clean
    image["SliceLocation"] = pydicom.DataElement(0x00201041, "LO", "12.5")
    assert deidentify(image, "P1", SECRET).SliceLocation == 12.5, "one number, not a list of its digits"


def test_bits_above_the_image_are_cleared(path):
    for signed in (0, 1):
        image = pydicom.dcmread(path)
        own = np.arange(600, dtype="<u2").reshape(20, 30) - 300 * signed
        image.PixelRepresentation, image.BitsStored, image.HighBit = signed, 12, 11
        image.PixelData = ((own & 0x0FFF) | 0x3000).astype("<u2").tobytes()
        clean = deidentify(image, "P1", SECRET)
        pixels = np.frombuffer(clean.PixelData, "<i2" if signed else "<u2").reshape(20, 30)
        assert np.array_equal(pixels, own.astype(pixels.dtype))


def test_uids_change_and_a_series_stays_together(path):
    one, other = pydicom.dcmread(path), pydicom.dcmread(path)
    other.SOPInstanceUID = pydicom.uid.generate_uid()
    a, b = (deidentify(image, "P1", SECRET) for image in (one, other))
    assert a.SeriesInstanceUID == b.SeriesInstanceUID != one.SeriesInstanceUID and a.SOPInstanceUID != b.SOPInstanceUID
    assert deidentify(copy.deepcopy(one), "P1", "another secret").SeriesInstanceUID != a.SeriesInstanceUID


def test_the_real_ct_keeps_its_picture_and_loses_its_header(tmp_path):
    image = pydicom.dcmread(shipped("CT_small.dcm"))
    texts = [str(e.value) for e in image.iterall() if e.VR in ("PN", "LO", "SH", "DA", "UI", "LT", "ST") and e.value]
    clean = deidentify(image, "P1", SECRET)
    clean.save_as(tmp_path / "clean.dcm", enforce_file_format=True)
    personal = [text for text in texts if len(text) > 5 and not text.startswith("1.2.840.10008.")]
    assert len(personal) > 20
    assert [text for text in personal if text.encode() in (tmp_path / "clean.dcm").read_bytes()] == []
    assert np.array_equal(read_dicom(tmp_path / "clean.dcm").values, read_dicom(shipped("CT_small.dcm")).values)


@pytest.mark.parametrize(
    ("elements", "patient", "secret", "seen"),
    [
        ({}, "Jane Doe", SECRET, "letters and digits"),
        ({}, "P1", "short", "8 or more"),
        ({"BurnedInAnnotation": "YES"}, "P1", SECRET, "burned into"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7.2"}, "P1", SECRET, "burned into"),
    ],
)
def test_what_cannot_be_deidentified(path, elements, patient, secret, seen):
    image = pydicom.dcmread(path)
    for name, value in elements.items():
        setattr(image, name, value)
    with pytest.raises(ValueError, match=seen):
        deidentify(image, patient, secret)


def test_found_looks_at_parts_of_names_and_at_utf16(tmp_path):
    (tmp_path / "x").write_bytes("said QUILLFEATHER".encode("utf-16-le"))
    assert found(tmp_path / "x", ["Quillfeather^Odalys", "Vexley"]) == ["Quillfeather^Odalys"]
