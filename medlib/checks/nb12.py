"""Checks of notebook 12, gradient descent."""

from __future__ import annotations

import numpy as np

from medlib.checks import array, call, close, exercise, number, parts


@exercise("12.1")
def parameters(answer) -> str | None:
    """30 * 16 + 16 + 16 * 1 + 1 = 513."""
    n = number(answer)
    if n is None:
        return "expected one whole number"
    hints = {
        480: "that is the first matrix alone; what else does (12.1) hold?",
        496: "either the biases are missing, or the whole second layer; write both layers down as W and b",
        512: "one number short: has every unit got what it needs?",
        511: "close: which units have a bias in (12.1)?",
        47: "you counted units; count the numbers in each W and each b of (12.1)",
    }
    if n == 513:
        return None
    return hints.get(int(n), "look at (12.1): which shape has W when a layer gets 30 numbers and gives 16? And b?")


@exercise("12.2")
def decayed(answer) -> str | None:
    """(loss + rho / 2 * |theta|^2, gradient + rho * theta), against a reference and against central differences."""
    rng = np.random.default_rng(5)
    theta = [(rng.normal(size=(3, 4)), rng.normal(size=3)), (rng.normal(size=(1, 3)), rng.normal(size=1))]
    x, y, rho = rng.normal(size=(20, 4)), rng.integers(0, 2, (20, 1)).astype(float), 0.3
    result, flat = parts(call(answer, theta, x, y, rho), 2), _vector(theta)
    if result is None:
        return "return two things: the new loss, and its gradient"
    loss, got = number(result[0]), array(result[1], flat.shape)
    if loss is None:
        return "the first of the two should be one number, the new loss"
    if got is None:
        return f"the gradient should be one vector of {flat.size} numbers; which function of this page lays it out?"
    plain, slope = loss_and_gradient(theta, x, y)
    right = close(loss, plain + rho / 2 * flat @ flat), close(got, slope + rho * flat)
    if all(right):
        return None
    bare = close(loss, plain), close(got, slope)
    if all(bare):
        return "this is the loss of before and its gradient; where does ρ enter?"
    if right[0] and bare[1]:
        return "the penalty is in the loss only: the V of your pair would be flat. How does the penalty rise with θ?"
    if bare[0] and right[1]:
        return "the penalty is in the gradient only: of which loss is that the slope?"
    if close(loss, plain + rho * flat @ flat) or close(got, slope + 2 * rho * flat):
        return "a factor 2 has gone astray: what is the derivative of a square, and what does the ½ in the penalty do?"
    if close(got, slope + rho / 2 * flat):
        return "half of the penalty's slope is missing: differentiate the square before you multiply"
    nudged = [
        [number(parts(call(answer, _shaped(flat + sign * step, theta), x, y, rho), 2)[0]) for sign in (1, -1)]
        for step in 1e-5 * np.eye(flat.size)
    ]
    if all(value is not None for pair in nudged for value in pair):
        numeric = np.array([up - down for up, down in nudged]) / 2e-5
        if np.allclose(numeric, got, atol=1e-6):
            return "your gradient is the slope of your loss, but it is another loss: are all parameters in the penalty?"
    return (
        "the gradient is not the slope of the loss that you return; nudge one parameter and see which of the two moves"
    )


def loss_and_gradient(theta, x, y) -> tuple[float, np.ndarray]:
    """Mean cross-entropy of a tanh network and its gradient as one vector; the reference of exercise 12.2."""
    h = [x]
    for W, b in theta[:-1]:
        h.append(np.tanh(h[-1] @ W.T + b))
    a = h[-1] @ theta[-1][0].T + theta[-1][1]
    delta, gradient = (1 / (1 + np.exp(-a)) - y) / len(y), []
    for (W, _), inputs in zip(reversed(theta), reversed(h), strict=True):
        gradient.append((delta.T @ inputs, delta.sum(axis=0)))
        delta = (delta @ W) * (1 - inputs**2)
    return float(np.mean(np.logaddexp(0, a) - y * a)), _vector(gradient[::-1])


def _vector(layers) -> np.ndarray:
    return np.concatenate([part.ravel() for layer in layers for part in layer])


def _shaped(vector, like) -> list[tuple[np.ndarray, np.ndarray]]:
    sizes = [part.size for layer in like for part in layer]
    parts = iter(np.split(vector, np.cumsum(sizes)[:-1]))
    return [tuple(next(parts).reshape(part.shape).copy() for part in layer) for layer in like]


@exercise("12.3")
def relu_delta(answer) -> str | None:
    """(delta_next @ W_next) * (a > 0), one example per row."""
    rng = np.random.default_rng(2)
    for batch, units, above in ((6, 4, 3), (5, 3, 3)):
        delta, W, a = rng.normal(size=(batch, above)), rng.normal(size=(above, units)), rng.normal(size=(batch, units))
        result = call(answer, delta, W, a)
        got = array(result, (batch, units))
        if got is None:
            shape = f"one row per example and one column per unit of layer l, {(batch, units)}"
            return f"expected {shape}; got {type(result).__name__} of shape {np.shape(result)}"
        back = delta @ W
        if close(got, back * (a > 0)):
            continue
        if close(got, back):
            return (
                "the messages are carried back well, but they also pass through units that were shut; where is a <= 0?"
            )
        if close(got, back * np.maximum(a, 0)):
            return "you multiplied by the ReLU itself; (12.5) asks for its slope"
        if close(got, back * (1 - np.tanh(a) ** 2)) or close(got, back * (1 - a**2)):
            return "that is the slope of tanh; this layer has a ReLU"
        if close(got, np.maximum(back, 0)):
            return "the gate depends on what went forward, a, not on the sign of the message that comes back"
        if above == units and close(got, (delta @ W.T) * (a > 0)):
            return "W is transposed once too often: what becomes of Wᵀδ when δ is a row, not a column?"
        return "the shape is right, the values are not: what should come back where every a is positive?"
    return None


@exercise("12.4")
def steps(answer) -> str | None:
    """(2 / 25, 2 / 25.5, 346)."""
    values = array(answer, (3,))
    if values is None:
        return "expected three numbers: the border, the best step size, and a number of steps"
    border, best, count = values
    if not close(border, 0.08):
        if close(border, 4):
            return "the border belongs to the flattest direction here; which one leaves the range first as α grows?"
        if close(border, 0.04):
            return "at this step the steepest direction arrives at once; it may be overshot a little further still"
        return "the border: which one of the three curvatures does (12.12) ask for?"
    if not close(best, 2 / 25.5):
        return "the best step: which two of the three curvatures stand in (12.13), and which one plays no part?"
    if count != round(count):
        return "the number of steps is whole: round up"
    if count == 346:
        return None
    if count == 345:
        return "after 345 steps a little more than a millionth may be left; round up"
    if count in (690, 691, 692):
        return "that is twice as many as needed: must the distance fall to a millionth, or its square?"
    return "the steps: what does one step leave of the distance, what do two leave, and how many leave a millionth?"


@exercise("12.5")
def amsgrad(answer) -> str | None:
    """Adam with the running maximum of the corrected second moment in the denominator."""
    rng = np.random.default_rng(4)
    gradients = rng.normal(size=(12, 3)) * np.geomspace(3, 0.03, 12)[:, None]  # they shrink: the peak must stay
    options = {"alpha": 0.1, "beta1": 0.5, "beta2": 0.6}
    theta, memory = np.zeros(3), (0, 0, 0, 0)
    for g in gradients:
        result = parts(call(answer, theta, g, memory, **options), 2)
        if result is None:
            return "return two things: the new θ, and the memory"
        theta, memory = array(result[0], (3,)), parts(result[1], 4)
        if theta is None:
            return "θ must keep its shape"
        memory = memory and tuple(number(part) if np.size(part) == 1 else array(part, (3,)) for part in memory)
        if memory is None or any(part is None for part in memory):
            return "the memory must be a tuple of four: m, v, t, peak"
    if close(theta, _adam_family(gradients, **options, kind="corrected"), 1e-4):
        return None
    if close(theta, _adam_family(gradients, **options, kind="adam"), 1e-4):
        return "this is still Adam: the denominator forgets. Keep the peak, and divide by its root"
    if close(theta, _adam_family(gradients, **options, kind="raw"), 1e-4):
        return "you keep the peak of v; here it is the peak of the corrected v, so correct first"
    if close(theta, -_adam_family(gradients, **options, kind="corrected"), 1e-4):
        return "this walks uphill: look at the sign of the step"
    if close(theta, _adam_family(gradients, **options, kind="whole"), 1e-4):
        return "one peak for all parameters: each must have its own, so take the maximum entry by entry (np.maximum)"
    return "not yet AMSGrad: only one line of adam_step changes, and one is new; is everything else as it was?"


def _adam_family(gradients, alpha, beta1, beta2, kind):
    theta, m, v, peak = np.zeros(3), 0.0, 0.0, np.zeros(3)
    for t, g in enumerate(gradients, 1):
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
        corrected = v / (1 - beta2**t)
        peak = np.maximum(peak, v if kind == "raw" else corrected)
        below = {"adam": corrected, "corrected": peak, "raw": peak / (1 - beta2**t), "whole": np.max(peak)}[kind]
        theta = theta - alpha * m / (1 - beta1**t) / np.sqrt(below)
    return theta
