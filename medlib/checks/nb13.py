"""Checks of notebook 13, medical images."""

from __future__ import annotations

import numpy as np

from medlib.checks import Hint, array, call, close, exercise, number


@exercise("13.1")
def to_hu(answer):
    """The straight line, in floats: on unsigned numbers with a negative intercept, and near the end of 16 bits."""
    cases = [
        (np.array([[0, 1000], [1024, 4000]], np.uint16), 1, -1024),
        (np.array([[-2000, 0], [300, 31_000]], np.int16), 2, -1000),
        (np.array([[0, 40_000], [65_000, 7]], np.uint16), 0.25, -1024.0),
    ]
    for stored, slope, intercept in cases:
        right = stored.astype(float) * slope + intercept
        try:
            result = call(answer, stored, slope, intercept)
        except Hint as problem:
            if "OverflowError" in str(problem):
                return "−1024 does not fit into an unsigned number: turn `stored` into floats first"
            raise
        hu = array(result, stored.shape)
        if hu is None:
            return f"expected an array of shape {stored.shape}, one number for each pixel; got {type(result).__name__}"
        if close(hu, right):
            continue
        if close(hu, stored.astype(float) + intercept):
            return "the slope is missing: most scanners write 1, this file does not"
        if close(hu, stored.astype(float) * slope):
            return "the intercept is missing: air would be 0"
        if close(hu, (stored.astype(float) + intercept) * slope):
            return "first the slope, then the intercept: the line is m · stored + b"
        if close(hu, stored.astype(float) * slope - intercept):
            return "the intercept is added as it stands; it carries its own sign"
        if np.any(abs(hu - right) > 30_000):
            return "a 16-bit number came round from the other end: turn `stored` into floats first"
        return "the line is m · stored + b, for every pixel"
    return None


@exercise("13.2")
def photons_for(answer):
    for noise, p, views, tau in ((8.0, 3.8, 180, 0.1), (3.0, 4.6, 720, 0.05), (20.0, 2.0, 90, 0.2)):
        mu = noise * 0.19 / 1000
        right = np.exp(p) * np.pi**2 / (12 * views * tau**2 * mu**2)
        got = number(call(answer, noise, p, views, tau))
        if got is None:
            return "a number of photons is asked for"
        if close(got, right):
            continue
        if close(got, np.exp(p) * np.pi**2 / (12 * views * tau**2 * noise**2)):
            return "(13.7) speaks of μ, not of HU: how much μ is one HU?"
        if close(got, right / np.exp(p)):
            return "that many photons must *arrive*; by (13.2) far more must start"
        if close(got, right / np.exp(p) ** 2):
            return "e^p has the wrong sign: a thicker patient needs more photons, not fewer"
        if close(got, right * mu):
            return "the noise is a standard deviation, and (13.6) and (13.7) speak of variances: square it"
        if close(got, 1 / right):
            return "upside down: more noise must mean fewer photons"
        if close(got, right * views):
            return "each of the views counts: where does K stand in (13.7)?"
        if close(got, right * tau) or close(got, right * tau**2):
            return "how does τ stand in (13.7)?"
        return "from (13.3) the noise of μ, from (13.7) the variance of p, from (13.6) the photons: one step at a time"
    return None


@exercise("13.3")
def in_order(answer):
    """Positions along the normal: axial, sagittal, tilted, and against the axis."""
    rng = np.random.default_rng(3)
    tilt = np.deg2rad(20)
    cases = {
        "axial": (np.array([[1, 0, 0], [0, 1, 0.0]]), np.array([0, 0, 5.0])),
        "sagittal": (np.array([[0, 1, 0], [0, 0, -1.0]]), np.array([-4.0, 0, 0])),
        "tilted": (np.array([[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)]]), None),
        "upside down": (np.array([[1, 0, 0], [0, -1, 0.0]]), np.array([0, 0, -3.0])),
    }
    for name, (orientation, step) in cases.items():
        normal = np.cross(*orientation)
        step = 5 * normal if step is None else step
        positions = np.array([-90.0, 140, -400]) + np.arange(9)[:, None] * step
        if name == "tilted":
            positions += np.arange(9)[::-1, None] * np.array([0, 30.0, 0])  # the table moves as well
        positions = positions[rng.permutation(9)]
        right = np.argsort(positions @ normal)
        result = call(answer, positions, orientation)
        got = array(result, (9,))
        if got is None:
            return "expected nine numbers of slices, from the first to the last"
        if np.array_equal(got, right):
            continue
        if np.array_equal(got, right[::-1]):
            return "that is from the last to the first: go along the normal, not against it"
        if close(got, np.sort(positions @ normal)) or not np.array_equal(np.sort(got), np.arange(9)):
            return "the *numbers* of the slices are asked for, 0 to 8, each once: np.argsort gives them"
        if np.array_equal(got, np.argsort(right)):
            return "that is the place of each slice; asked for is which slice comes first, second ..."
        return (
            f"the {name} series is out of order: the normal is the cross product of the two directions; project on it"
        )
    return None
