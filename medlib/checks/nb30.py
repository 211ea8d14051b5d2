"""Checks of notebook 30, the loss of a variational autoencoder."""

from __future__ import annotations

import numpy as np

from medlib.checks import array, call, close, exercise, word, words


@exercise("30.1")
def rate_of(answer) -> str | None:
    """Half the sum of mean² + var - 1 - log_var over the last axis."""
    rng = np.random.default_rng(7)
    mean, log_var = rng.normal(size=(5, 3)), rng.normal(size=(5, 3))
    result = call(answer, mean, log_var)
    if array(result, ()) is not None:
        return "one number came back; each of the examples needs its own, so sum over the last axis only"
    if array(result, (3,)) is not None:
        return "you summed over the examples; sum over the latents, the last axis"
    if array(result, (5, 3)) is not None:
        return "a value for each latent came back; the latents of one example must be added up"
    got = array(result, (5,))
    if got is None:
        return "expected one finite number for each row of mean, shape (n,)"

    def each(var, log):
        return 0.5 * (mean**2 + var - 1 - log)

    right = each(np.exp(log_var), log_var).sum(axis=1)
    if close(got, right):
        return None
    if close(got, right / 3):
        return "you took the mean over the latents; a KL of independent dimensions is their sum"
    if close(got, -right):
        return "the sign: a KL divergence is never negative"
    if close(got, 2 * right):
        return "twice too large: the half in front of (30.6) is missing"
    if close(got, each(np.exp(0.5 * log_var), log_var).sum(axis=1)):
        return "exp of half the log-variance is the deviation; (30.6) has the variance in that place"
    if close(got, each(log_var, log_var).sum(axis=1)):
        return "the log-variance stands where the variance belongs"
    with np.errstate(all="ignore"):
        if close(got, each(np.exp(log_var), np.log(np.exp(log_var) ** 2)).sum(axis=1)):
            return "log σ² is what you were given: no further factor 2"
    return "write (30.6) down with σ² = exp(log_var) and log σ² = log_var, term by term"


@exercise("30.2")
def gradient_of_draw(answer) -> str | None:
    """(slope, slope * eps * sigma / 2)."""
    for slope, log_var, eps in ((2.0, -1.2, 0.7), (-0.5, 0.8, -1.5)):
        pair = array(call(answer, slope, log_var, eps), (2,))
        if pair is None:
            return "return two numbers: the derivative by the mean, and the one by the log-variance"
        sigma = np.exp(0.5 * log_var)
        by_mean, by_log_var = pair
        if not close(by_mean, slope):
            if close(by_mean, slope * eps):
                return "the first: moving μ by a little moves z by the same; there is no ε in it"
            return "the first: how much does z = μ + σε move when μ does? Multiply by the slope of f"
        if close(by_log_var, slope * eps * sigma / 2):
            continue
        if close(by_log_var, slope * eps):
            return "the second is the derivative by σ; go one step further, to log σ²"
        if close(by_log_var, slope * eps * sigma):
            return "the second is the derivative by log σ; a half is missing on the way to log σ²"
        if close(by_log_var, slope * eps / (2 * sigma)):
            return "the second is the derivative by the variance; the network outputs its logarithm"
        if close(by_log_var, slope * eps * np.exp(log_var) / 2):
            return "exp(log_var) is the variance; in z stands the deviation"
        return "the second: differentiate σ = exp(½ log σ²), then multiply by what (30.7) says for σ"
    return None


@exercise("30.3")
def predict_survival(answer) -> str | None:
    """Count and half log-sum of the q largest eigenvalues above beta tau2."""
    cases = (
        (np.array([0.3, 6.0, 0.2, 2.0, 0.9]), 0.5, 2.0, 3),
        (np.array([5.0, 4.0, 3.0, 2.0]), 0.25, 4.0, 2),
        (np.array([0.9, 0.5, 0.1]), 0.5, 4.0, 3),
        (np.array([4.0, 1.5, 0.5]), 0.5, 1.0, 1),
    )
    for eigenvalues, tau2, beta, q in cases:
        pair = array(call(answer, eigenvalues, tau2, beta, q), (2,))
        if pair is None:
            return "return two numbers: how many latents survive, and the rate"
        count, rate = pair
        top, level = np.sort(eigenvalues)[::-1][:q], beta * tau2
        above = top[top > level]
        if count != len(above):
            if count == np.sum(eigenvalues > level):
                return "the model has only q latents: it can serve only the q largest eigenvalues"
            if count == np.sum(top > tau2):
                return "β is missing: it raises the level that an eigenvalue must exceed"
            if count == np.sum(eigenvalues[:q] > level):
                return "the eigenvalues need not come sorted; the largest are served first"
            return "the number: count those of the q largest eigenvalues that exceed βτ²"
        right = 0.5 * np.sum(np.log(above / level))
        if not close(rate, right):
            if close(rate, 2 * right):
                return "the rate is twice too large: look at the half in (30.11)"
            if close(rate, 0.5 * np.sum(np.log(top / level))):
                return "collapsed latents have rate 0, not a negative one"
            if close(rate, right / np.log(2)):
                return "that is in bits; nats are asked for"
            return "the rate: half the logarithm of λ/(βτ²), summed over those that survive"
    return None


@exercise("30.4")
def fingerprints(answer) -> str | None:
    """A tanh, B no noise, C right, D sigma, E no KL."""
    known = ("no KL", "no noise", "right", "sigma", "tanh")
    answer = words(answer, "ABCDE")
    if answer is None:
        return 'expected a dictionary with the keys "A" to "E"'
    causes = {key: word(value, known) for key, value in answer.items()}
    if None in causes.values():
        return f"each value must be one of {', '.join(known)}"
    reasons = {
        "C": ("right", "C: which loss equals the entropy, with the posterior's own variance?"),
        "A": ("tanh", "A: no variance below .368; which activation ends there?"),
        "E": (
            "no KL",
            "E: codes far outside the prior, a loss below the entropy; which term would have held them?",
        ),
        "B": ("no noise", "B: the variance is the prior's; the reconstruction did not notice it at all. Why?"),
        "D": ("sigma", "D: a variance too small by a factor, but not zero: the price of narrowness was halved"),
    }
    for key, (cause, hint) in reasons.items():
        if causes[key] != cause:
            return hint
    return None
