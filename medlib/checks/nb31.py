"""Checks of notebook 31, the VAE of heads."""

from __future__ import annotations

import numpy as np

from medlib.checks import array, call, close, exercise


@exercise("31.1")
def distortion_of(answer) -> str | None:
    """Half the sum over the pixels of log(2 pi var) + (x - mean)² / var."""
    rng, var = np.random.default_rng(8), 0.3
    x, mean = rng.random((3, 4, 5, 1)), rng.random((3, 4, 5, 1))
    result = call(answer, x, mean, var)
    if array(result, ()) is not None:
        return "one number came back; each image needs its own, so leave the first axis alone"
    if array(result, x.shape) is not None:
        return "a value for each pixel came back; the pixels of one image must be added up"
    got = array(result, (3,))
    if got is None:
        return "expected one finite number for each image, shape (n,)"
    squares, logs = ((x - mean) ** 2).sum((1, 2, 3)), 20 * np.log(2 * np.pi * var)
    if close(got, 0.5 * (logs + squares / var)):
        return None
    if close(got, 0.5 * (logs + squares / var) / 20):
        return (
            "that is the mean over the pixels; independent pixels multiply their densities, so their logarithms add up"
        )
    if close(got, -0.5 * (logs + squares / var)):
        return "that is log p; the distortion is minus that"
    if close(got, logs + squares / var):
        return "twice too large: mind the half in front of the sum"
    if close(got, 0.5 * (logs / 20 + squares / var)):
        return "the logarithm was counted once; every pixel brings its own log(2πσ²)"
    if close(got, 0.5 * squares / var):
        return "the logarithm is missing; without it a huge variance would look best"
    if close(got, 0.5 * (20 * np.log(2 * np.pi * var**2) + squares / var**2)):
        return "the variance was squared; var is σ² already"
    if close(got, 0.5 * (logs + squares / np.sqrt(var))):
        return "the squares are divided by the variance, not by the deviation"
    return "compare with (31.1), one term at a time: the logarithm, then the squares over the variance"


@exercise("31.2")
def noise_left(answer) -> str | None:
    """(1 - f)² + f²: variances of independent noise add up, each times the square of its weight."""
    f = np.array([0.0, 0.1, 0.25, 0.5, 0.8])
    got = array(call(answer, f), (5,))
    if got is None:
        return "expected one finite number for each f; f may be an array"
    if close(got, (1 - f) ** 2 + f**2):
        return None
    if close(got, np.ones(5)):
        return "the weights add up to 1, but noise is partly averaged away: how does the variance of w·ε depend on w?"
    if close(got, np.sqrt((1 - f) ** 2 + f**2)):
        return "that is the deviation; the variance is asked for"
    if close(got, (1 - f) ** 2) or close(got, f**2):
        return "only one of the two pixels is in it; independent noises add their variances"
    if close(got, 1 - f):
        return "the variance falls with the square of a weight; and the neighbour brings noise of its own"
    if close(got, ((1 - f) ** 2 + f**2) ** 2):
        return "that is a shift by f in both directions; only one is asked for"
    if close(got, 1 - (1 - f) ** 2 - f**2):
        return "that is what was averaged away; what is left is asked for"
    return "the variance of w₁ε₁ + w₂ε₂ is w₁² + w₂² times that of ε, if the two are independent"


@exercise("31.3")
def rate_of_each(answer) -> str | None:
    """Half of mean² + var - 1 - log_var, averaged over the images."""
    rng = np.random.default_rng(9)
    mean, log_var = rng.normal(size=(6, 4)), rng.normal(size=(6, 4))
    result = call(answer, mean, log_var)
    each = 0.5 * (mean**2 + np.exp(log_var) - 1 - log_var)
    if array(result, ()) is not None:
        return "one number came back; each of the q latents has its own rate"
    if array(result, (6,)) is not None:
        return "that is one number for each image; average over the images, axis 0, and keep the latents"
    if array(result, (6, 4)) is not None:
        return "a value for each image and latent came back; average over the images"
    got = array(result, (4,))
    if got is None:
        return "expected one finite number for each latent, shape (q,)"
    if close(got, each.mean(0)):
        return None
    if close(got, each.sum(0)):
        return "that is the sum over the images; the mean is asked for"
    if close(got, 2 * each.mean(0)):
        return "twice too large: mind the half in front"
    if close(got, 0.5 * (mean**2 + np.exp(0.5 * log_var) - 1 - log_var).mean(0)):
        return "exp of half the log-variance is the deviation; the formula wants the variance"
    if close(got, mean.var(0)):
        return "that is the spread of the means, another measure of activity; the rate in nats is asked for"
    return "compare with (31.4), one term at a time: m², s², 1, log s²"
