"""Checks of notebook 11, back-propagation."""

from __future__ import annotations

import numpy as np

from medlib.checks import array, call, close, exercise, number, parts


@exercise("11.1")
def count(answer) -> str | None:
    """The sum over all layers of units * inputs + units."""
    for widths in ([7, 4, 3, 2], [30, 16, 1], [5, 1]):
        result = number(call(answer, widths))
        if result is None:
            return "return one whole number"
        layers = list(zip(widths[:-1], widths[1:], strict=True))
        weights, biases = sum(a * b for a, b in layers), sum(widths[1:])
        if result == weights + biases:
            continue
        hints = {
            weights: "these are the weights alone; what else does each unit of (11.1) have?",
            weights + sum(widths): "the inputs have no bias: they are what comes in, not units of a layer",
            weights + sum(widths[1:-1]): "the last layer has a bias, too",
            sum(widths): "you counted units; count the numbers in each W and each b of (11.1)",
            weights + sum(widths[:-1]): "a bias belongs to a unit, not to an input: which of the two widths is that?",
        }
        if len(layers) > 1 and result == widths[0] * widths[1] + widths[1]:
            return "that is the first layer; how many layers are there?"
        return hints.get(result, f"for {widths} not yet: which shape has each W, and which shape each b?")
    return None


@exercise("11.2")
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
            return "the messages are carried back well, but they also pass units that were shut; where is a <= 0?"
        if close(got, back * np.maximum(a, 0)):
            return "you multiplied by the ReLU itself; (11.7) asks for its slope"
        if close(got, back * (1 - np.tanh(a) ** 2)) or close(got, back * (1 - a**2)):
            return "that is the slope of tanh; this layer has a ReLU"
        if close(got, np.maximum(back, 0)):
            return "the gate depends on what went forward, a, not on the sign of the message that comes back"
        if above == units and close(got, (delta @ W.T) * (a > 0)):
            return "W is transposed once too often: what becomes of Wᵀδ when δ is a row, not a column?"
        return "the shape is right, the values are not: what should come back where every a is positive?"
    return None


@exercise("11.3")
def decayed(answer) -> str | None:
    """(loss + rho / 2 * |theta|^2, gradient + rho * theta), against a reference and against nudging."""
    from medlib.models.scratch import pack, unpack  # medlib.models brings TensorFlow: not before it is asked for

    rng = np.random.default_rng(5)
    theta = [(rng.normal(size=(3, 4)), rng.normal(size=3)), (rng.normal(size=(1, 3)), rng.normal(size=1))]
    x, y, rho = rng.normal(size=(20, 4)), rng.integers(0, 2, (20, 1)).astype(float), 0.3
    result, flat = parts(call(answer, theta, x, y, rho), 2), pack(theta)
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
        [number(parts(call(answer, unpack(flat + sign * step, theta), x, y, rho), 2)[0]) for sign in (1, -1)]
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
    """Mean cross-entropy and its gradient as one vector; the reference of exercise 11.3."""
    from medlib.models.scratch import backward, cross_entropy, forward, pack

    h, a = forward(theta, x)
    return float(cross_entropy(a, y)), pack(backward(theta, h, a, y))
