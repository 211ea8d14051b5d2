"""Checks of notebook 44, text VAEs."""

from __future__ import annotations

import numpy as np

from medlib.checks import array, call, close, exercise, number


@exercise("44.1")
def active_units(answer) -> str | None:
    """How many columns vary by more than .01 over the rows."""
    rng = np.random.default_rng(44)
    for spread, where in (([0.5, 0.02, 0.005, 0.0], [0, 3, -2, 5]), ([0.004, 0.3, 0.03], [1, -4, 0])):
        mean = rng.normal(size=(3000, len(spread))) * np.sqrt(spread) + where
        right = int(np.sum(mean.var(axis=0) > 0.01))
        got = number(call(answer, mean))
        if got is None:
            return "expected one number: how many latents are active"
        if got == right:
            continue
        if got == np.sum(mean.std(axis=0) > 0.01):
            return "that counts standard deviations above .01; the threshold is for the variance"
        if got == np.sum((mean**2).mean(axis=0) > 0.01):
            return "take the mean over texts away: a code that is always 5 says nothing"
        if got == np.sum(mean.var(axis=1) > 0.01):
            return "over texts, please: one variance for each latent, axis=0"
        if close(got, right / len(spread)):
            return "count the latents; do not divide by how many there are"
        return "the variance of each column over the texts, and how many of them are above .01"
    return None


@exercise("44.2")
def charged(answer) -> str | None:
    """Sum over latents of the larger of their mean rate and the free nats."""
    rates = np.array([[0.1, 1.9, 0.7], [0.3, 0.2, 0.9], [0.2, 1.2, 1.4], [0.0, 0.3, 1.8]])
    for free in (0.5, 1.0, 0.05):
        mean = rates.mean(axis=0)
        right = np.maximum(mean, free).sum()
        got = number(call(answer, rates, free))
        if got is None:
            return "expected one number for the whole batch"
        if close(got, right):
            continue
        if close(got, np.maximum(rates, free).sum(axis=1).mean()):
            return "average over the texts first: the free nats belong to a latent, not to each text"
        if close(got, max(mean.sum(), free)):
            return "each latent has its own free nats; compare before you add up"
        if close(got, np.maximum(mean - free, 0).sum()):
            return "below the free nats the charge is constant, not zero: the larger of the two, by (44.5)"
        if close(got, np.minimum(mean, free).sum()):
            return "the larger of the two, not the smaller"
        if close(got, np.maximum(mean, free).mean()):
            return "add up over the latents; do not average"
        return "the mean rate of each latent, the larger of it and `free`, and the sum of these"
    return None


@exercise("44.3")
def tight_nats(answer) -> str | None:
    """Minus the logarithm of the mean weight of each row, without underflow."""
    log_w = np.array([[-11.0, -12.5, -10.2], [-9.0, -30.0, -9.7]])
    for shift in (0.0, -2000.0):
        rows = log_w + shift
        top = rows.max(axis=1)
        total = np.exp(rows - top[:, None]).sum(axis=1)
        right = -top - np.log(total / 3)
        with np.errstate(all="ignore"):
            raw = call(answer, rows)
        got = array(raw, (2,))
        if got is None and shift:
            return "e to the power of -2000 is 0 to the computer: take the largest logarithm of each row out first"
        if got is None:
            return "expected one finite number for each row"
        if np.allclose(got, right, atol=5e-3):
            continue
        if np.allclose(got, -rows.mean(axis=1), atol=5e-3):
            return "that is the mean of the logarithms, the loose bound; the mean comes first, then the logarithm"
        if np.allclose(got, -top - np.log(total), atol=5e-3):
            return "the *mean* weight: divide the sum by the number of codes"
        if np.allclose(got, -right, atol=5e-3):
            return "the sign: nats are minus the logarithm"
        if np.allclose(got, -np.log(total / 3), atol=5e-3):
            return "add the largest logarithm again at the end"
        return "exp of each logarithm, the mean of each row, then minus the logarithm"
    return None
