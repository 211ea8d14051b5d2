"""Volumes in millimetres: other grids, a head's tissues, and pictures that are nearly the same.

A volume is an array (x, y, z) and an *affine*, the 4 x 4 matrix that takes the indices of a voxel to mm: to the
patient's right, front and head (RAS+, as in NIfTI). nibabel reads and writes the files.
"""

from __future__ import annotations

import numpy as np


def tissues(step: int = 2) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """How much of each place is CSF, grey matter and white matter: nilearn's MNI152 maps, inside the brain.

    The anatomy is an average of 152 people (ICBM 2009a nonlinear symmetric; its notice is in ``data/head_ct.md``), so
    the fractions are those of nobody. Nothing is downloaded: the maps come with nilearn.

    Parameters
    ----------
    step
        Length of a voxel's edge, mm: every ``step``-th voxel of the maps of 1 mm is taken.

    Returns
    -------
    maps, affine
        ``{"csf": ..., "grey": ..., "white": ...}``, each float32 (x, y, z) from 0 to 1, and the affine (4, 4). The
        three add up to 1 inside the brain and to 0 outside. Left and right are mirror images, as in the template.

    Raises
    ------
    ValueError
        A step that is not a whole number from 1 to 20.
    """
    if isinstance(step, bool) or not isinstance(step, (int, np.integer)) or not 1 <= step <= 20:
        raise ValueError(f"step: got {step!r}, expected a whole number of mm from 1 to 20, e.g. tissues(step=2)")
    import nibabel
    from nilearn.datasets import GM_MNI152_FILE_PATH, MNI152_FILE_PATH, WM_MNI152_FILE_PATH

    whole = nibabel.load(MNI152_FILE_PATH)
    brain = (np.asarray(whole.dataobj)[::step, ::step, ::step] > 0).astype(np.float32)
    grey, white = (
        np.asarray(nibabel.load(path).dataobj)[::step, ::step, ::step] * (brain / 255)
        for path in (GM_MNI152_FILE_PATH, WM_MNI152_FILE_PATH)
    )
    both = np.maximum(grey + white, 1)  # rounding may leave a little more than the whole
    grey, white = grey / both, white / both
    return {"csf": brain - grey - white, "grey": grey, "white": white}, whole.affine @ np.diag([step, step, step, 1.0])


def ellipsoid(centre, half_axes, affine, shape, turn=None, parts: int = 4) -> np.ndarray:
    """The share of each voxel that lies in an ellipsoid, from ``parts`` points along each axis of the voxel.

    Parameters
    ----------
    centre, half_axes
        In mm, three each. Its volume is 4/3 π abc.
    affine, shape
        The grid.
    turn
        Rotation (3, 3) whose columns are the directions of the half-axes; along right, front and head by default.
    parts
        1 asks the voxel's centre alone: an outline of 0 and 1.

    Raises
    ------
    ValueError
        Half-axes that are not positive.
    """
    half_axes = np.asarray(half_axes, float)
    if half_axes.shape != (3,) or not np.all(half_axes > 0):
        raise ValueError(f"half_axes: got {half_axes.tolist()}, expected three lengths above 0, in mm")
    inner = np.diag(1 / half_axes) @ (np.eye(3) if turn is None else np.asarray(turn).T)
    matrix, shift = inner @ affine[:3, :3], inner @ (affine[:3, 3] - np.asarray(centre, float))
    back = np.linalg.inv(matrix)  # from the unit ball to indices
    middle, reach = -back @ shift, np.linalg.norm(back, axis=1) + 1
    low = np.clip(np.floor(middle - reach), 0, shape).astype(int)
    high = np.clip(np.ceil(middle + reach) + 1, low, shape).astype(int)
    finer = (np.arange(parts) + 0.5) / parts - 0.5
    x, y, z = ((np.arange(a, b)[:, None] + finer).ravel() for a, b in zip(low, high, strict=True))
    squared = 0.0
    for row, start in zip(matrix, shift, strict=True):
        squared = squared + (row[0] * x[:, None, None] + row[1] * y[:, None] + row[2] * z + start) ** 2
    inside = (squared <= 1).astype(np.float32)
    share, size = np.zeros(shape, np.float32), high - low
    share[tuple(map(slice, low, high))] = inside.reshape(size[0], parts, size[1], parts, size[2], parts).mean(
        axis=(1, 3, 5)
    )
    return share


def resample(values, affine, target, shape, order: int = 1) -> np.ndarray:
    """The volume at the voxel centres of another grid, read off between its own voxels; 0 outside.

    Parameters
    ----------
    values, affine
        Volume (x, y, z) and its affine (4, 4).
    target, shape
        Affine (4, 4) and shape of the other grid.
    order
        0 nearest voxel, 1 linear, 3 cubic spline (which overshoots at edges).

    Returns
    -------
    numpy.ndarray
        Floats of the given shape.
    """
    from scipy import ndimage

    indices = np.linalg.inv(affine) @ target  # from the target's voxels to ours
    matrix, shift = indices[:3, :3], indices[:3, 3]
    if np.count_nonzero(matrix - np.diag(np.diag(matrix))) == 0:
        matrix = np.diag(matrix)  # axes that are not turned: scipy is faster, the result the same
    return ndimage.affine_transform(np.asarray(values, float), matrix, shift, tuple(shape), order=order)


def voxel_means(values, affine, target, shape, parts=4) -> np.ndarray:
    """The mean of the volume over each voxel of another grid, from ``parts`` points along each axis (one or three).

    For an outline of 0 and 1 that is the share of each voxel that the lesion fills, so nothing of it is lost; with
    :func:`resample` a lesion between the centres of large voxels would be.
    """
    parts = np.broadcast_to(parts, 3)
    small = target @ np.diag([*(1 / parts), 1.0])
    small[:3, 3] = (target @ [*((1 / parts - 1) / 2), 1])[:3]  # the centre of the first part
    fine = resample(values, affine, small, np.array(shape) * parts, order=0)
    (x, y, z), (i, j, k) = shape, parts
    return fine.reshape(x, i, y, j, z, k).mean(axis=(1, 3, 5))


def difference_hash(images) -> np.ndarray:
    """The 64 bits of the difference hash (Krawetz 2013): in 8 rows of 9 areas, is each area brighter than its left one?

    Parameters
    ----------
    images
        Shape (n, height, width), at least 8 x 9.

    Returns
    -------
    numpy.ndarray
        True and False, shape (n, 64). The distance of two hashes is the number of bits in which they differ.

    Raises
    ------
    ValueError
        Images of another shape.
    """
    images = np.asarray(images, float)
    if images.ndim != 3 or images.shape[1] < 8 or images.shape[2] < 9:
        raise ValueError(
            f"images: got shape {images.shape}, expected (n, height, width) with at least 8 x 9 pixels; "
            "for one image pass image[None]"
        )
    rows = np.stack([part.mean(axis=1) for part in np.array_split(images, 8, axis=1)], axis=1)
    areas = np.stack([part.mean(axis=2) for part in np.array_split(rows, 9, axis=2)], axis=2)
    return (areas[:, :, 1:] > areas[:, :, :-1]).reshape(len(images), 64)


def aligned_correlation(a, b, reach: int = 2) -> np.ndarray:
    """The largest correlation of each image of ``a`` with each image of ``b`` over shifts of up to ``reach`` pixels.

    What leaves the picture at one side comes back at the other; pictures with an even border do not mind.

    Parameters
    ----------
    a, b
        Shape (n, height, width) and (m, height, width).
    reach
        Shifts tried, in pixels each way along both axes; 0 is the plain correlation.

    Returns
    -------
    numpy.ndarray
        Correlations, shape (n, m). An image of one grey has none with anything: 0.

    Raises
    ------
    ValueError
        Images of different sizes.
    """
    a, b = np.asarray(a, np.float32), np.asarray(b, np.float32)
    if a.ndim != 3 or b.ndim != 3 or a.shape[1:] != b.shape[1:]:
        raise ValueError(
            f"a, b: got shapes {a.shape} and {b.shape}, expected (n, height, width) with images of one size"
        )

    def standard(images):
        rows = images.reshape(len(images), -1)
        rows = rows - rows.mean(axis=1, keepdims=True)
        length = np.linalg.norm(rows, axis=1, keepdims=True)
        return (rows / np.where(length > 0, length, 1)).reshape(images.shape)

    a, b = standard(a), standard(b).reshape(len(b), -1)
    moves = range(-reach, reach + 1)
    every = (np.roll(a, (down, right), axis=(1, 2)).reshape(len(a), -1) @ b.T for down in moves for right in moves)
    best = next(every)
    for correlation in every:
        np.maximum(best, correlation, out=best)
    return best
