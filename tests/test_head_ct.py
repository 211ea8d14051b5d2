"""The central data set: it rebuilds exactly, physics and causes are as stated, the loader is quick and strict."""

import importlib.util
import sys
import time

import numpy as np
import pytest

from medlib.data import head_ct

VOXEL_ML = head_ct.PIXEL_MM**2 * head_ct.SPACING_MM / 1000


@pytest.fixture(scope="module")
def builder():
    spec = importlib.util.spec_from_file_location("build_head_ct", head_ct.FOLDER / "build_head_ct.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def clean():
    return head_ct.load(dose=None)


@pytest.fixture(scope="module")
def table():
    return head_ct.patients().frame


@pytest.fixture(scope="module")
def oedema():
    return head_ct._images()[1] == 2


# ------------------------------------------------------------------------------------------------------------- rebuild


def test_patients_rebuild_exactly(builder, table):
    """Two patients of each class, with pixels, labels and every entry of the record."""
    codes, labels = head_ct._images()
    for number in np.concatenate([table.index[table["label"] == k][3:5] for k in range(4)]):
        new_codes, new_labels, record = builder.build_patient(int(number))
        rows = slice(4 * number, 4 * number + 4)
        np.testing.assert_array_equal(new_codes, codes[rows])
        np.testing.assert_array_equal(new_labels, labels[rows])
        stored = table.loc[number]
        for name, value in record.items():
            same = stored[name] == value or (stored[name] != stored[name] and value != value)
            assert same, (number, name, stored[name], value)


def test_the_card_states_the_scanners_and_the_notice():
    text = (head_ct.FOLDER / "head_ct.md").read_text(encoding="utf-8")
    assert "Louis Collins, McConnell Brain Imaging Centre" in text and "appear in all copies" in text
    for site, s in head_ct.SCANNERS.items():
        assert (
            f"| {site} | {s.sigma} HU |" in text and f"| {s.gain:.2f} | {s.offset:+g} HU |".replace("+0", "0") in text
        )


# --------------------------------------------------------------------------------------------------- records and masks


def test_shapes_and_alignment(clean, table):
    assert clean.x.shape == clean.masks.shape == (4000, 64, 64) and clean.x.dtype == np.float32
    assert clean.masks.dtype == bool and len(table) == 1000
    np.testing.assert_array_equal(clean.groups, np.repeat(np.arange(1000), 4))
    np.testing.assert_array_equal(clean.y, table["label"].to_numpy()[clean.groups])
    assert list(clean.frame["slice"][:4]) == [0, 1, 2, 3]
    np.testing.assert_allclose(np.diff(clean.frame["z_mm"].to_numpy()[:4]), head_ct.SPACING_MM)
    assert np.bincount(table["label"]).min() >= 150


def test_a_lesion_is_in_all_four_slices_and_health_in_none(clean):
    pixels = clean.masks.sum((1, 2))
    assert pixels[clean.y == 0].max() == 0 and pixels[clean.y > 0].min() >= 2


def test_facts_in_the_record_are_facts_of_the_image(clean, table):
    masks = clean.masks.reshape(1000, 4, 64, 64)
    sick = table.index[table["label"] > 0]
    np.testing.assert_allclose(table["volume_ml"], masks.sum((1, 2, 3)) * VOXEL_ML, atol=1e-3)
    area = clean.frame["area_mm2"].to_numpy().reshape(1000, 4)
    np.testing.assert_allclose(table["volume_ml"], area.sum(1) * head_ct.SPACING_MM / 1000, atol=1e-3)
    hu = [clean.x.reshape(masks.shape)[p][masks[p]].mean() for p in sick]
    np.testing.assert_allclose(table["lesion_hu"][sick], hu, atol=0.01)


def test_the_patients_left_is_on_the_right_of_the_picture(clean, table):
    """Seen from the midline of the head, which is turned and off centre: the record says how."""
    masks = clean.masks.reshape(1000, 4, 64, 64)
    for p in table.index[table["label"] > 0]:
        _, i, j = np.nonzero(masks[p])
        x = head_ct.PIXEL_MM * (31.5 - j.mean()) + table["off_x_mm"][p]
        c, y = np.radians(table["tilt_deg"][p]), table["y_mm"][p]
        y_picture = (y - np.sin(c) * x) / np.cos(c)  # the head's own frame is the picture's, turned by the tilt
        x_mm = np.cos(c) * x - np.sin(c) * y_picture
        assert abs(x_mm - table["x_mm"][p]) < 0.05 and table["side"][p] == ("right" if x_mm > 0 else "left")


# ------------------------------------------------------------------------------------------------------------- physics


def test_density_of_lesions(table):
    hu = {name: g["lesion_hu"] for name, g in table.groupby("diagnosis")}
    assert 18 < hu["ischaemia"].mean() < 25 and hu["ischaemia"].max() < 29
    assert 55 < hu["haemorrhage"].mean() < 63 and hu["haemorrhage"].min() > 45
    assert 27 < hu["tumour"].mean() < 42


def test_density_of_healthy_brain(clean):
    healthy = clean.x[clean.y == 0]
    brain = healthy[(healthy > 0) & (healthy < 60)]
    assert 27 < np.median(brain) < 36
    assert 0.05 < np.mean(healthy == 200) < 0.25 and np.mean(healthy == -55) > 0.4  # skull, air
    assert np.mean((brain > 4) & (brain < 15)) > 0.005  # ventricles


def test_infarcts_darken_with_the_hours(table):
    infarct = table[table["diagnosis"] == "ischaemia"]
    assert infarct["hours"].corr(infarct["lesion_hu"], method="spearman") < -0.5


def test_an_infarct_keeps_to_tissue_one_side_and_one_territory(clean, table):
    """Its pixels are brain on one side of the midline; its centre lies where its artery supplies the cortex."""
    share = clean.x[clean.masks & (clean.y == 1)[:, None, None]]
    assert np.mean(share < 12) < 0.01 and share.max() < 60  # neither ventricle nor bone
    rows, i, j = np.nonzero(clean.masks & (clean.y == 1)[:, None, None])
    record = clean.frame.iloc[rows]
    x = head_ct.PIXEL_MM * (31.5 - j) + record["off_x_mm"].to_numpy()
    y = head_ct.PIXEL_MM * (31.5 - i) - 18 + record["off_y_mm"].to_numpy()
    turn = np.radians(record["tilt_deg"].to_numpy())
    from_midline = np.cos(turn) * x - np.sin(turn) * y
    sign = np.where(record["side"] == "left", -1, 1)
    assert np.mean(from_midline * sign > -4) > 0.99
    centre = table[table["diagnosis"] == "ischaemia"]
    deep = centre["location"].isin(["basal ganglia", "thalamus"])
    cortex = centre[~deep].groupby("territory")
    assert cortex["y_mm"].max()["PCA"] < -40 and cortex["y_mm"].min()["ACA"] > -20
    assert (
        cortex["x_mm"].apply(lambda x: x.abs().min())["MCA"] > 18
        and cortex["x_mm"].apply(lambda x: x.abs().max())["ACA"] < 25
    )


def test_the_rim_of_a_haemorrhage_is_darker_than_brain(clean, oedema):
    rows = clean.y == 2
    rim = clean.x[rows][oedema[rows]]
    brain = clean.x[rows][~oedema[rows] & ~clean.masks[rows] & (clean.x[rows] > 15) & (clean.x[rows] < 45)]
    assert np.median(rim) < np.median(brain) - 5


def test_a_tumour_is_a_ring_with_oedema(clean, oedema):
    rows = np.flatnonzero((clean.y == 3) & (clean.frame["area_mm2"] > 700))
    spread = [clean.x[i][clean.masks[i]].std() for i in rows]
    assert np.median(spread) > 8  # bright ring, dark core
    assert np.mean(oedema[clean.y == 3].any((1, 2))) > 0.9


def test_sizes_overlap(table):
    """No class is recognised by its volume alone: the middle halves of the distributions meet."""
    q = table[table["label"] > 0].groupby("diagnosis")["volume_ml"].quantile([0.25, 0.75]).unstack()
    assert q[0.25].max() < q[0.75].min()


# -------------------------------------------------------------------------------------------------- heads as they come


def test_heads_are_turned_and_off_centre(clean, table):
    assert 3 < table["tilt_deg"].std() < 4.5 and table["tilt_deg"].abs().max() <= 10
    assert table["tilt_deg"].abs().quantile(0.95) > 6
    head = clean.x[::4] > -50
    middle = (head * np.arange(64)).sum((1, 2)) / head.sum((1, 2))
    assert middle.std() > 0.8, "pixels, left to right"
    # what the record says is what the picture shows: a head lies opposite to where the picture's centre went
    assert np.corrcoef(middle, table["off_x_mm"])[0, 1] > 0.9


def test_a_healthy_head_is_not_its_own_mirror_image(builder):
    """With tilt and offset taken away, right and left still differ: torque, a curved midline, unequal ventricles."""
    rng = np.random.default_rng(0)
    grid = builder.Grid.at(10.0, -18.0, 0.0)
    apart = []
    for twisted in (False, True):
        head = builder.Anatomy.draw(builder.draw_causes(np.random.default_rng(1)), rng)
        flat = lambda grid: np.zeros((len(grid.z), len(grid.y), len(grid.x)))  # noqa: E731
        head.rotation, head.bend, head.cortex, head.bumps = np.eye(3), [flat] * 3, flat, flat
        head.torque, head.curve, head.unequal = (1.5, 1.5, 0.25) if twisted else (0.0, 0.0, 0.0)
        q = head.to_template(grid)
        csf = builder.tissue(head, grid, q)["csf"]
        apart.append(np.abs(csf - csf[:, :, ::-1]).mean())
    assert apart[0] < 0.3 * apart[1], apart


def test_a_mass_moves_the_midline_and_narrows_its_ventricle(table):
    mass = table[table["label"] >= 2]
    assert (table["shift_mm"][table["label"] < 2] == 0).all()
    assert mass["shift_mm"].corr(mass["volume_ml"], method="spearman") > 0.7
    assert 4 < mass["shift_mm"].quantile(0.95) < 10 and mass["shift_mm"].max() < 16


def test_shift_moves_tissue_away_from_the_lesion(builder):
    head = builder.Anatomy.draw(builder.draw_causes(np.random.default_rng(1)), np.random.default_rng(1))
    grid = builder.Grid.at(10.0, -18.0, 0.0)
    q = head.to_template(grid)
    moved = builder.shift({"centre": np.array([25.0, 0.0, 10.0])}, head, q, 6.0)
    assert 5 < (moved[0] - q[0]).max() <= 6.0 and np.all(moved[1:] == q[1:])  # points show what lay further right
    wide = head.widening(np.array([[20.0], [0.0], [10.0]])), head.widening(np.array([[-20.0], [0.0], [10.0]]))
    assert wide[1] - wide[0] > 2.5, "the ventricle beside the mass is narrower"


def test_one_patient_in_eight_has_an_old_infarct_in_every_class(clean, table):
    share = table.groupby("label")["old_lesion"].mean()
    assert share.between(0.06, 0.2).all() and 0.1 < table["old_lesion"].mean() < 0.15
    old = head_ct.old_infarcts()
    assert not (old & clean.masks).any()
    has = old.reshape(1000, -1).any(1)
    np.testing.assert_array_equal(has, table["old_lesion"] == 1)
    np.testing.assert_allclose(table["old_ml"], old.reshape(1000, -1).sum(1) * VOXEL_ML, atol=1e-3)
    assert 4 < np.median(clean.x[old]) < 14, "as dark as CSF"
    assert set(table["old_side"][~has]) == {"none"} and set(table["old_side"][has]) == {"left", "right"}
    assert head_ct.old_infarcts(32).shape == (4000, 32, 32)
    with pytest.raises(ValueError, match="size: got 48"):
        head_ct.old_infarcts(48)


def test_a_few_tumours_cross_the_midline(clean, table):
    crossing = table.index[table["crosses"] == 1]
    assert 3 <= len(crossing) <= 40 and (table["diagnosis"][crossing] == "tumour").all()


# ------------------------------------------------------------------------------------------------------------- scanner


def test_noise_falls_with_the_root_of_the_dose():
    still = head_ct.load(dose=np.inf)
    soft = (still.x > 15) & (still.x < 60)
    for dose in (0.25, 1.0, 4.0):
        noise = head_ct.load(dose=dose, seed=3).x - still.x
        for site, s in head_ct.SCANNERS.items():
            here = (still.frame["site"] == site).to_numpy()
            expected = s.gain * s.sigma / np.sqrt(dose)
            assert abs(noise[here][soft[here]].std() / expected - 1) < 0.05, (site, dose)


def test_kernels_correlate_the_noise():
    still, noisy = head_ct.load(dose=np.inf), head_ct.load()
    noise = noisy.x - still.x
    inside = (still.x[:, 20:44, 22:42] > 10) & (still.x[:, 20:44, 22:42] < 70)
    core = np.where(inside, noise[:, 20:44, 22:42], 0)
    near = {}
    for site in head_ct.SCANNERS:
        part = core[(still.frame["site"] == site).to_numpy()]
        near[site] = (part[:, :, 1:] * part[:, :, :-1]).mean() / (part**2).mean()
    assert near["B"] > 0.1 and abs(near["A"]) < 0.03 and near["C"] < -0.05


def test_sites_differ_in_calibration(clean):
    still = head_ct.load(dose=np.inf)
    calm = np.ones_like(clean.x, bool)  # away from edges, where the kernel changes nothing
    for axis in (1, 2):
        for step in (-1, 1):
            calm &= np.abs(clean.x - np.roll(clean.x, step, axis)) <= 2
    calm &= (clean.x > 20) & (clean.x < 45)
    for site, s in head_ct.SCANNERS.items():
        here = (clean.frame["site"] == site).to_numpy()
        shift = (still.x - s.gain * clean.x)[here][calm[here]].mean()
        assert abs(shift - s.offset) < 0.3, site


def test_dose_none_is_the_clean_image(clean):
    assert np.array_equal(clean.x, np.round(clean.x)) and clean.x.min() == -55 and clean.x.max() == 200


def test_size_32_is_the_mean_of_four_pixels():
    large, small = head_ct.load(seed=5), head_ct.load(size=32, seed=5)
    blocks = large.x.reshape(-1, 32, 2, 32, 2).mean((2, 4))
    np.testing.assert_allclose(small.x, blocks, atol=1e-4)
    np.testing.assert_array_equal(small.masks, large.masks.reshape(-1, 32, 2, 32, 2).sum((2, 4)) >= 2)
    assert small.x.dtype == np.float32


def test_seed_decides_the_noise():
    a, b, c = head_ct.load(seed=1), head_ct.load(seed=1), head_ct.load(seed=2)
    assert np.array_equal(a.x, b.x) and not np.array_equal(a.x, c.x)


# -------------------------------------------------------------------------------------------------------------- causes


def _odds(cause, effect) -> float:
    a, b, c, d = ((cause & effect).sum(), (cause & ~effect).sum(), (~cause & effect).sum(), (~cause & ~effect).sum())
    return a * d / (b * c)


def test_causes_have_their_effects(table):
    af, drug = table["af"] == 1, table["anticoagulant"] == 1
    assert _odds(af & ~drug, table["diagnosis"] == "ischaemia") > 1.8
    assert _odds(drug, table["diagnosis"] == "haemorrhage") > 1.5
    mean = table.groupby("diagnosis")["sbp"].mean()
    assert mean["haemorrhage"] > mean["healthy"] + 3
    assert table[af]["age"].mean() > table[~af]["age"].mean() + 3
    assert (table["diagnosis"] == "tumour")[table["site"] == "C"].mean() > 0.25


def test_the_deficit_is_on_the_other_side_as_often_as_stated(table):
    sick = table[table["label"] > 0]
    other = sick["side"].map({"left": "right", "right": "left"})
    sd = np.sqrt(0.85 * 0.15 / len(sick))
    assert abs((sick["deficit_side"] == other).mean() - 0.85) < 3.5 * sd
    healthy = table[table["label"] == 0]
    assert abs((healthy["deficit_side"] == "none").mean() - 0.6) < 3.5 * np.sqrt(0.24 / len(healthy))


def test_severity_follows_the_volume(table):
    sick = table[table["label"] > 0]
    deep, left = sick["location"].isin(["basal ganglia", "thalamus"]), sick["side"] == "left"
    design = np.column_stack([np.ones(len(sick)), sick["volume_ml"], deep, left])[sick["severity"] < 42]
    fit = np.linalg.lstsq(design, sick["severity"][sick["severity"] < 42], rcond=None)[0]
    np.testing.assert_allclose(fit, [2, 0.2, 3, 2], atol=0.7)
    assert abs(fit[1] - 0.2) < 0.03


def test_patients_matrix(table):
    ds = head_ct.patients()
    assert ds.x.shape == (1000, len(head_ct.FEATURES)) and np.isfinite(ds.x).all()
    np.testing.assert_array_equal(ds.x[:, head_ct.FEATURES.index("sbp")], table["sbp"])
    train, val, test = ds.split()
    assert len(train) + len(val) + len(test) == 1000


# -------------------------------------------------------------------------------------------------------------- loader


@pytest.mark.parametrize(
    "options, words",
    [
        ({"size": 48}, "size: got 48, expected 64 or 32"),
        ({"size": np.array([64, 32])}, "size: got array"),
        ({"dose": 0}, "dose: got 0, expected a number from 1e-6 upwards"),
        ({"dose": 1e-45}, "dose: got 1e-45"),
        ({"dose": -1.0}, "dose: got -1.0"),
        ({"dose": float("nan")}, "dose: got nan"),
        ({"dose": "low"}, "dose: got 'low'"),
        ({"seed": -1}, "seed: got -1"),
        ({"seed": 0.5}, "seed: got 0.5"),
    ],
)
def test_bad_arguments(options, words):
    with pytest.raises(ValueError, match=words):
        head_ct.load(**options)


def test_missing_and_damaged_files(tmp_path, monkeypatch):
    from medlib.data.store import DataError, DataMissing

    good = head_ct.FOLDER
    monkeypatch.setattr(head_ct, "FOLDER", tmp_path)
    with pytest.raises(DataMissing, match="build_head_ct.py"):
        head_ct.load()
    data = bytearray((good / "head_ct.npz").read_bytes())
    (tmp_path / "head_ct.npz").write_bytes(data[: len(data) // 2])
    with pytest.raises(DataError, match="damaged"):
        head_ct.load()
    data[len(data) // 3] ^= 255  # one wrong byte
    (tmp_path / "head_ct.npz").write_bytes(data)
    with pytest.raises(DataError, match="damaged"):
        head_ct.load()
    (tmp_path / "patients.csv").write_text("patient,age\n0,70\n", encoding="utf-8")
    with pytest.raises(DataError, match="no column"):
        head_ct.patients()


def test_lesion_maps_have_a_channel_a_kind():
    masks = np.random.default_rng(0).random((5, 8, 6)) > 0.5
    y = np.array([0, 1, 2, 3, 2])
    maps = head_ct.lesion_maps(masks, y)
    assert maps.shape == (5, 8, 6, 3) and maps.dtype == np.float32
    for i, kind in enumerate(y):
        for k in (1, 2, 3):
            np.testing.assert_array_equal(maps[i, ..., k - 1], masks[i] * (kind == k))
    with pytest.raises(ValueError, match="masks, y: got 5 masks and 4 classes, expected one of each a scan"):
        head_ct.lesion_maps(masks, y[:4])


def test_brain_window():
    np.testing.assert_allclose(head_ct.brain_window(np.array([-55, -10, 35, 80, 200])), [0, 0, 0.5, 1, 1])
    np.testing.assert_allclose(head_ct.brain_window(np.array([20.0, 40.0]), level=30, width=40), [0.25, 0.75])
    with pytest.raises(ValueError, match="width: got 0"):
        head_ct.brain_window(np.zeros(3), width=0)


def test_loading_is_quick():
    """Aim 0.5 s; the bound leaves room for a busy machine."""
    times = []
    for seed in range(3):
        start = time.perf_counter()
        head_ct.load(seed=seed)
        times.append(time.perf_counter() - start)
    assert min(times) < 2.0, times
