"""What left notebook 20 when it was cut to one sitting: an article's formulas for the GAN, and pieces that run.

Each piece is a function that returns the numbers which its sentence names, so that a later page can take it up again.

The article gives the GAN three formulas.

* ``G(z) = x'`` is right; it leaves open how x' is distributed, which is (20.1).
* ``D(x) = p(x)``, "the probability distribution of the data", is wrong: `density_is_no_opinion`.
* ``min_G max_D V(D, G)`` with the V of (20.2) is right, the game of 2014; notebook 20, section 5, trains it.
"""

from __future__ import annotations

import numpy as np
from scipy import stats


def density_is_no_opinion() -> dict[str, float]:
    """A density is no probability: it passes 1 and depends on the unit. A control sample, 4.0 mmol/L, SD 0.1 mmol/L.

    log(1 - 3.99) does not exist, and an opinion must not depend on the unit. A density also says nothing about the
    forger, and without him there is no telling genuine from forged.
    """
    return {"in mmol/L": stats.norm.pdf(4.0, 4.0, 0.1), "in µmol/L": stats.norm.pdf(4000, 4000, 100)}


def pay_of_the_density() -> dict[str, float]:
    """V of (20.2), data N(-1, 1), forgeries N(1, 1): D* earns -0.713, D = p earns -1.538, a coin -1.386."""
    x = np.linspace(-9, 9, 3601)
    p, q = stats.norm.pdf(x, -1), stats.norm.pdf(x, 1)

    def value(D):
        return np.trapezoid(p * np.log(D) + q * np.log(1 - D), x)

    return {"D*": value(p / (p + q)), "D = p": value(p), "a coin": value(np.full_like(x, 0.5))}


def data_mean(x: np.ndarray, logit: np.ndarray) -> float:
    """The mean of the data from generated numbers and a discriminator's logits: a former exercise on (20.4)."""
    weight = np.exp(logit)
    return np.sum(weight * x) / np.sum(weight)


def pulls_of_two_losses(mu: float) -> tuple[float, float]:
    """Slopes in mu of the saturating and the non-saturating loss, D* held still; data N(0, 1), generator N(mu, 1).

    Their sum is mu: the derivative of the Kullback-Leibler divergence of p_g from p_data (Arjovsky and Bottou, 2017).
    At mu = 8 the first is below 0.001 and the second is 8.
    """
    grid, step = np.linspace(-12, 20, 6401), 1e-4
    logit = mu**2 / 2 - mu * grid

    def slope(loss):
        up, down = (np.trapezoid(stats.norm.pdf(grid - mu - e) * loss, grid) for e in (step, -step))
        return (up - down) / (2 * step)

    return slope(-np.logaddexp(0, logit)), slope(np.logaddexp(0, -logit))


def spectral_norm(A: np.ndarray, repeats: int, rng: np.random.Generator) -> float:
    """The largest singular value of A by power iteration: u = Av/|Av|, v = A'u/|A'u|, then u'Av."""
    v = rng.normal(size=A.shape[1])
    for _ in range(repeats):
        u = A @ v / np.linalg.norm(A @ v)
        v = A.T @ u / np.linalg.norm(A.T @ u)
    return u @ A @ v


def ring(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Eight small heaps on a ring (Metz and others, 2017): centres (8, 2) and samples (n, 2).

    The plain game was played on it for 4000 steps with hidden layers of 64. With step sizes of 1e-3 for both
    three games ended with at least 20 of 24 kinds; with 3e-5 for the discriminator, at most 6 of 24. Collapse was a
    matter of two time scales there: while D stands nearly still, all forgeries go where it is highest.
    """
    angles = np.arange(8) * np.pi / 4
    centres = 2 * np.c_[np.cos(angles), np.sin(angles)]
    return centres, centres[rng.integers(8, size=n)] + 0.05 * rng.normal(size=(n, 2))


def kinds(samples: np.ndarray, centres: np.ndarray) -> int:
    """How many heaps hold at least 2 % of the samples, within 0.25 of their centre (a fair share is 12.5 %)."""
    away = np.linalg.norm(samples[:, None] - centres, axis=2)
    hits = np.bincount(away.argmin(axis=1)[away.min(axis=1) < 0.25], minlength=8)
    return int(np.sum(hits >= 0.02 * len(samples)))
