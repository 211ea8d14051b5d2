"""Volumes in millimetres: a head's tissues, ellipsoids, other grids; pictures that are nearly the same."""

import numpy as np
import pytest
from nilearn.datasets import MNI152_FILE_PATH
from scipy import ndimage

from medlib.data import volumes

TURN = np.array([[0.6, -0.8, 0.0], [0.8, 0.6, 0.0], [0.0, 0.0, 1.0]])


def grid(steps, shift=(0, 0, 0), turn=None):
    affine = np.eye(4)
    affine[:3, :3] = (np.eye(3) if turn is None else turn) * np.array(steps, float)
    affine[:3, 3] = shift
    return affine


def test_tissues_add_up_to_one_inside_and_mirror():
    maps, affine = volumes.tissues(4)
    total = sum(maps.values())
    assert np.allclose(total[total > 0], 1, atol=1e-6) and min(m.min() for m in maps.values()) >= -1e-6
    assert all(np.array_equal(m, m[::-1]) for m in maps.values())
    assert np.allclose(affine @ [*(np.array([98, 134, 72]) / 4), 1], [0, 0, 0, 1])  # the template's origin
    assert 1.7e6 < (total > 0).sum() * 64 < 2.1e6  # mm³ of a brain


def test_tissues_are_the_template_s_own_numbers():
    import nibabel

    maps, _ = volumes.tissues(5)
    inside = np.asarray(nibabel.load(MNI152_FILE_PATH).dataobj)[::5, ::5, ::5] > 0
    assert np.array_equal(sum(maps.values()) > 0, inside)
    middle = maps["csf"].shape[0] // 2
    assert maps["white"][middle - 6, 26, 18] > 0.9  # 30 mm to the left, above the ventricles


@pytest.mark.parametrize("step", [0, 21, 1.5, True, "2"])
def test_tissues_refuse_a_step_that_is_none(step):
    with pytest.raises(ValueError, match="step: got .* expected a whole number"):
        volumes.tissues(step)


@pytest.mark.parametrize("affine", [grid((2, 2, 2)), grid((-1, 2.5, 1.5)), grid((1, 2, 3), turn=TURN)])
def test_an_ellipsoid_measures_its_volume_on_any_grid(affine):
    shape = (41, 31, 31)
    centre = (affine @ [20, 15, 15, 1])[:3]
    share = volumes.ellipsoid(centre, (9, 11, 7), affine, shape, turn=TURN)
    volume = abs(np.linalg.det(affine[:3, :3])) * share.sum()
    assert volume == pytest.approx(4 / 3 * np.pi * 9 * 11 * 7, rel=0.01)
    places = np.argwhere(share > 0) @ affine[:3, :3].T + affine[:3, 3]
    assert np.average(places, axis=0, weights=share[share > 0]) == pytest.approx(centre, abs=0.05)


def test_an_ellipsoid_turns_with_its_axes():
    axis = TURN[:, 0]  # the direction of the long half-axis
    share = volumes.ellipsoid((0, 0, 0), (12, 2, 2), grid((1, 1, 1), (-15, -15, -15)), (31, 31, 31), TURN)
    assert share[tuple(np.rint(15 + 11 * axis).astype(int))] > 0.5
    assert share[tuple(np.rint(15 + 11 * axis * [1, -1, 1]).astype(int))] == 0


def test_an_ellipsoid_of_one_part_is_an_outline():
    share = volumes.ellipsoid((5, 5, 5), (3, 3, 3), grid((1, 1, 1)), (11, 11, 11), parts=1)
    assert set(np.unique(share)) == {0, 1} and share[8, 5, 5] == 1 and share[9, 5, 5] == 0
    with pytest.raises(ValueError, match="half_axes"):
        volumes.ellipsoid((5, 5, 5), (3, 0, 3), grid((1, 1, 1)), (11, 11, 11))


def test_resampling_reads_a_straight_line_exactly():
    affine, target = grid((2, 1, 3), (-10, 4, 7)), grid((1, 1.5, 0.7), (-3, 7, 12), TURN)
    index = np.indices((20, 30, 10))
    mm = np.einsum("ij,j...->i...", affine[:3, :3], index) + affine[:3, 3].reshape(3, 1, 1, 1)
    values = 2 * mm[0] - 3 * mm[1] + 0.5 * mm[2]
    found = volumes.resample(values, affine, target, (4, 3, 2))
    there = np.einsum("ij,j...->i...", target[:3, :3], np.indices((4, 3, 2))) + target[:3, 3].reshape(3, 1, 1, 1)
    assert np.allclose(found, 2 * there[0] - 3 * there[1] + 0.5 * there[2])


def test_resampling_gives_nothing_outside_and_keeps_its_order():
    outline = np.zeros((6, 6, 6), bool)
    outline[2:4, 2:4, 2:4] = True
    target = grid((0.5, 0.5, 0.5), (-2, -2, -2))
    nearest = volumes.resample(outline, np.eye(4), target, (30, 30, 30), order=0)
    assert nearest.shape == (30, 30, 30) and set(np.unique(nearest)) == {0, 1} and nearest[0].max() == 0
    assert volumes.resample(outline, np.eye(4), target, (30, 30, 30), order=3).max() > 1.05


def test_the_mean_of_a_voxel_is_the_mean_of_what_it_covers():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(6, 8, 10))
    target = grid((2, 4, 5), (0.5, 1.5, 2.0))  # blocks of 2 x 4 x 5
    found = volumes.voxel_means(values, np.eye(4), target, (3, 2, 2), parts=(2, 4, 5))
    assert np.allclose(found, values.reshape(3, 2, 2, 4, 2, 5).mean(axis=(1, 3, 5)))


def test_the_difference_hash_knows_brighter_from_darker():
    ramp = np.tile(np.arange(18.0), (16, 1))
    bits = volumes.difference_hash(np.stack([ramp, ramp[:, ::-1], 3 * ramp + 7]))
    assert bits.shape == (3, 64) and bits[0].all() and not bits[1].any() and bits[2].all()
    uneven = volumes.difference_hash(np.random.default_rng(0).normal(size=(4, 21, 31)))
    assert 0.2 < uneven.mean() < 0.8
    with pytest.raises(ValueError, match="images: got shape"):
        volumes.difference_hash(ramp)


def test_the_hash_reads_rows_before_columns():
    image = np.zeros((16, 18))
    image[:2] = np.arange(18)  # only the first of eight rows grows
    bits = volumes.difference_hash(image[None])[0].reshape(8, 8)
    assert bits[0].all() and not bits[1:].any()


def test_aligned_correlation_is_numpy_s_at_the_best_shift():
    rng = np.random.default_rng(1)
    a, b = ndimage.gaussian_filter(rng.normal(size=(9, 20, 24)), (0, 2, 2)), None
    b = np.roll(2 * a[:4] + 5, (2, -1), axis=(1, 2))
    plain = volumes.aligned_correlation(a, b, reach=0)
    assert plain[7, 2] == pytest.approx(np.corrcoef(a[7].ravel(), b[2].ravel())[0, 1], abs=1e-5)
    best = volumes.aligned_correlation(a, b, reach=2)
    assert best.shape == (9, 4) and np.allclose(np.diag(best[:4]), 1, atol=1e-5)
    assert volumes.aligned_correlation(a, b, reach=1)[0, 0] < 0.99 and np.all(best >= plain)


def test_aligned_correlation_of_an_even_grey_is_none():
    flat = np.full((1, 8, 8), 3.0)
    assert volumes.aligned_correlation(flat, np.random.default_rng(0).normal(size=(2, 8, 8))).tolist() == [[0, 0]]
    with pytest.raises(ValueError, match="images of one size"):
        volumes.aligned_correlation(flat, np.zeros((1, 8, 9)))
