"""Factor analysis: the linear model of images with a likelihood that is known exactly, and the rival of every VAE."""

from __future__ import annotations

import numbers
from dataclasses import dataclass

import numpy as np

from medlib.models.inputs import check_finite


@dataclass(frozen=True)
class Factors:
    """x = mean + loadings · z + noise, with z normal N(0, I) and a noise variance for each number of x.

    Attributes
    ----------
    mean, variance
        Shape (d,).
    loadings
        Shape (d, factors), rotated so that the posterior of z has a diagonal covariance; the busiest factor first.
    """

    mean: np.ndarray
    loadings: np.ndarray
    variance: np.ndarray

    def code(self, x) -> tuple[np.ndarray, np.ndarray]:
        """The exact posterior of z: its means (n, factors), and its variances (factors,), the same for all x."""
        weighted = self.loadings / self.variance[:, None]
        variance = 1 / (1 + np.sum(self.loadings * weighted, axis=0))
        return (_flat(x) - self.mean) @ weighted * variance, variance

    def decode(self, z) -> np.ndarray:
        """The mean of x given z (n, factors): shape (n, d)."""
        return self.mean + np.asarray(z) @ self.loadings.T

    def nats(self, x) -> np.ndarray:
        """Exact -log p(x), shape (n,), in nats."""
        centred = _flat(x) - self.mean
        code, variance = self.code(x)
        far = np.sum(centred**2 / self.variance, axis=1) - np.sum(code**2 / variance, axis=1)
        spread = np.sum(np.log(2 * np.pi * self.variance)) - np.sum(np.log(variance))
        return 0.5 * (spread + far)

    def residual(self, x) -> np.ndarray:
        """What the factors do not explain, in units of each pixel's deviation: the shape of x without channels."""
        left = (_flat(x) - self.decode(self.code(x)[0])) / np.sqrt(self.variance)
        return left.reshape(np.shape(x)[:3])


def factor_analysis(x, factors: int, rounds: int = 60, floor: float = 0.01) -> Factors:
    """Fit by expectation and maximisation (Rubin and Thayer 1982) on the mean and the covariance of x alone.

    So the time hardly depends on the number of rows. ``floor`` is the smallest standard deviation of the noise, as in
    :class:`medlib.models.vae.ConvVAE`; with 0 the optimum is that of ``sklearn.decomposition.FactorAnalysis``.

    Parameters
    ----------
    x
        Shape (n, d), or images (n, height, width, channels).

    Raises
    ------
    ValueError
        If ``factors`` is not a whole number from 1 to d - 1, there are fewer than two rows, or ``x`` is not finite.
    """
    mean, covariance, factors = _moments(x, factors)
    total = np.diag(covariance) + floor**2 + 1e-12
    size, direction = np.linalg.eigh(covariance / np.sqrt(np.outer(total, total)))
    loadings = direction[:, -factors:] * np.sqrt(np.maximum(size[-factors:], 1e-6) * total[:, None])
    variance = 0.5 * total
    for _ in range(rounds):
        weighted = loadings / variance[:, None]
        spread = np.linalg.inv(np.eye(factors) + loadings.T @ weighted)  # of the posterior of z
        to_code = spread @ weighted.T
        shared = covariance @ to_code.T  # of x with the mean of z
        loadings = shared @ np.linalg.inv(spread + to_code @ shared)
        explained = np.sum(loadings * shared, axis=1)
        variance = np.maximum(np.diag(covariance) - explained, 1e-12) + floor**2
    return Factors(mean, _rotated(loadings, variance), variance)


def principal_components(x, factors: int, floor: float = 0.01) -> Factors:
    """The same model from principal components: the directions of largest variance, and what they leave over as noise.

    Components look for the variance that is largest, :func:`factor_analysis` for what is shared.

    Parameters
    ----------
    x, floor
        As in :func:`factor_analysis`, with the same errors.
    """
    mean, covariance, factors = _moments(x, factors)
    size, direction = np.linalg.eigh(covariance)
    loadings = direction[:, -factors:] * np.sqrt(np.maximum(size[-factors:], 0))
    variance = np.maximum(np.diag(covariance) - np.sum(loadings**2, axis=1), 1e-12) + floor**2
    return Factors(mean, _rotated(loadings, variance), variance)


def _moments(x, factors: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Mean and covariance of the rows, and the number of factors, once all of them make sense."""
    x = _flat(x)
    n, d = x.shape
    if not (isinstance(factors, numbers.Real) and factors % 1 == 0 and 1 <= factors < d):
        raise ValueError(f"factors: got {factors!r} for rows of {d} numbers, expected a whole number from 1 to {d - 1}")
    if n < 2:
        raise ValueError(f"x: got {n} rows, expected two or more; look at the rows that were selected")
    check_finite(x)
    return x.mean(axis=0), np.cov(x.T, bias=True), int(factors)


def _rotated(loadings: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Loadings with the same product, whose factors are independent given x; the busiest first."""
    _, rotation = np.linalg.eigh(loadings.T @ (loadings / variance[:, None]))
    return loadings @ rotation[:, ::-1]


def _flat(x) -> np.ndarray:
    return np.asarray(x, np.float64).reshape(len(x), -1)
