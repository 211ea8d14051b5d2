"""Checks of notebook 31, the convolutional VAE."""

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
    return "compare with (31.3), one term at a time: μ², σ², 1, log σ²"


@exercise("31.3")
def dice(answer) -> str | None:
    """2 |A and B| / (|A| + |B|), 1 when both are empty."""
    rng = np.random.default_rng(10)
    a, b = rng.random((64, 64)) < 0.4, rng.random((64, 64)) < 0.3  # large: a smoothing term does no harm
    got = array(call(answer, a, b), ())
    if got is None:
        return "expected one finite number between 0 and 1"
    both, size = (a & b).sum(), a.sum() + b.sum()
    if not close(got, 2 * both / size):
        if close(got, both / (a | b).sum()):
            return "that is the Jaccard index, shared over united area; Dice divides twice the shared area by the sum"
        if close(got, both / size):
            return "a factor 2 is missing: two equal outlines must get 1"
        if close(got, (a == b).mean()):
            return (
                "that is the share of pixels that agree; the empty ones count there too, and they are most of the head"
            )
        if close(got, both / a.sum()) or close(got, both / b.sum()):
            return "you divided by one area; both belong into the sum"
        return "twice the number of pixels in both, over the number in one plus the number in the other"
    empty = np.zeros(a.shape, bool)
    with np.errstate(all="ignore"):
        nothing, one_side = call(answer, empty, empty), [call(answer, a, empty), call(answer, empty, b)]
    if array(nothing) is None or not close(array(nothing), 1):
        return "right, but for two empty masks: there 0/0 must become 1"
    if any(array(value) is None or abs(array(value)) > 2e-3 for value in one_side):
        return "right, but where one mask is empty and the other is not: nothing is shared, so Dice is 0"
    return None


@exercise("31.4")
def threshold_for(answer) -> str | None:
    """The quantile 1 - alarms of the healthy scores."""
    scores = np.random.default_rng(11).exponential(size=2000)
    for alarms in (0.1, 0.03):
        got = array(call(answer, scores, alarms), ())
        if got is None:
            return "expected one finite number, a score"
        rings = float(np.mean(scores > got))
        if abs(rings - alarms) < 0.002:
            continue
        if abs(rings - (1 - alarms)) < 0.002:
            return f"{rings:.0%} of the healthy would ring: you took the lower end of the scores"
        if close(got, 1 - alarms):
            return "that is a share; the score that lies at this share is asked for"
        if abs(rings - alarms / 2) < 0.002:
            return "only half as many ring: alarms come from high scores only, there is no second tail"
        if close(got, scores.mean() + scores.std()) or close(got, scores.mean() + 2 * scores.std()):
            return "mean plus deviations assumes a normal distribution; count the scores instead"
        return f"{rings:.1%} of the healthy scores lie above it, and {alarms:.0%} should: think of a quantile"
    return None
