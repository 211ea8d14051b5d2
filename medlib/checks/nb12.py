"""Checks of notebook 12, gradient descent."""

from __future__ import annotations

import numpy as np

from medlib.checks import call, exercise, number


def _array(answer) -> np.ndarray | None:
    """The answer as an array of floats, or None."""
    try:
        return np.asarray(answer, float)
    except (TypeError, ValueError):
        return None


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
    result = call(answer, _shaped(_vector(theta), theta), x.copy(), y.copy(), rho)
    if not (isinstance(result, (tuple, list)) and len(result) == 2):
        return "return two things: the new loss, and its gradient"
    loss, got, flat = number(result[0]), _array(result[1]), _vector(theta)
    if loss is None:
        return "the first of the two should be one number, the new loss"
    if got is None or got.shape != flat.shape:
        return f"the gradient should be one vector of {flat.size} numbers; which function of this page lays it out?"
    plain, slope = loss_and_gradient(theta, x, y)
    right = np.isclose(loss, plain + rho / 2 * flat @ flat), np.allclose(got, slope + rho * flat)
    if all(right):
        return None
    bare = np.isclose(loss, plain), np.allclose(got, slope)
    if all(bare):
        return "this is the loss of before and its gradient; where does ρ enter?"
    if right[0] and bare[1]:
        return "the penalty is in the loss only: the V of your pair would be flat. How does the penalty rise with θ?"
    if bare[0] and right[1]:
        return "the penalty is in the gradient only: of which loss is that the slope?"
    if np.isclose(loss, plain + rho * flat @ flat) or np.allclose(got, slope + 2 * rho * flat):
        return "a factor 2 has gone astray: what is the derivative of a square, and what does the ½ in the penalty do?"
    if np.allclose(got, slope + rho / 2 * flat):
        return "half of the penalty's slope is missing: differentiate the square before you multiply"
    nudged = [
        [number(call(answer, _shaped(flat + sign * step, theta), x, y, rho)[0]) for sign in (1, -1)]
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
        got = _array(call(answer, delta, W, a))
        if got is None or got.shape != (batch, units):
            shape = "something else" if got is None else f"shape {got.shape}"
            return f"expected one row per example and one column per unit of layer l, {(batch, units)}; got {shape}"
        back = delta @ W
        if np.allclose(got, back * (a > 0)):
            continue
        if np.allclose(got, back):
            return (
                "the messages are carried back well, but they also pass through units that were shut; where is a <= 0?"
            )
        if np.allclose(got, back * np.maximum(a, 0)):
            return "you multiplied by the ReLU itself; (12.5) asks for its slope"
        if np.allclose(got, back * (1 - np.tanh(a) ** 2)) or np.allclose(got, back * (1 - a**2)):
            return "that is the slope of tanh; this layer has a ReLU"
        if np.allclose(got, np.maximum(back, 0)):
            return "the gate depends on what went forward, a, not on the sign of the message that comes back"
        if above == units and np.allclose(got, (delta @ W.T) * (a > 0)):
            return "W is transposed once too often: what becomes of Wᵀδ when δ is a row, not a column?"
        return "the shape is right, the values are not: what should come back where every a is positive?"
    return None


@exercise("12.4")
def steps(answer) -> str | None:
    """(2 / 25, 2 / 25.5, 346)."""
    values = _array(answer)
    if values is None or values.shape != (3,) or not np.all(np.isfinite(values)):
        return "expected three numbers: the border, the best step size, and a number of steps"
    border, best, count = values
    if not np.isclose(border, 0.08, rtol=1e-3):
        if np.isclose(border, 4):
            return "the border belongs to the flattest direction here; which one leaves the range first as α grows?"
        if np.isclose(border, 0.04):
            return "at this step the steepest direction arrives at once; it may be overshot a little further still"
        return "the border: which one of the three curvatures does (12.12) ask for?"
    if not np.isclose(best, 2 / 25.5, rtol=1e-3):
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
        result = call(answer, theta, g, memory, **options)
        if not (isinstance(result, tuple) and len(result) == 2):
            return "return two things: the new θ, and the memory"
        theta, memory = result
        if not (isinstance(memory, tuple) and len(memory) == 4):
            return "the memory must be a tuple of four: m, v, t, peak"
        theta = _array(theta)
        if theta is None or theta.shape != (3,):
            return "θ must keep its shape"
    if np.allclose(theta, _adam_family(gradients, **options, kind="corrected"), rtol=1e-4, atol=1e-6):
        return None
    if np.allclose(theta, _adam_family(gradients, **options, kind="adam"), rtol=1e-4, atol=1e-6):
        return "this is still Adam: the denominator forgets. Keep the peak, and divide by its root"
    if np.allclose(theta, _adam_family(gradients, **options, kind="raw"), rtol=1e-4, atol=1e-6):
        return "you keep the peak of v; here it is the peak of the corrected v, so correct first"
    if np.allclose(theta, -_adam_family(gradients, **options, kind="corrected"), rtol=1e-4, atol=1e-6):
        return "this walks uphill: look at the sign of the step"
    if np.allclose(theta, _adam_family(gradients, **options, kind="whole"), rtol=1e-4, atol=1e-6):
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
