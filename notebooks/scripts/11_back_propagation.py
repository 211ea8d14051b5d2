# ---
# jupyter:
#   jupytext:
#     formats: notebooks///ipynb,notebooks/scripts///py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Back-propagation: every slope of a network at once
#
# After this notebook you can
# - **write** the forward pass and back-propagation of a network yourself, in numpy,
# - **derive** its slopes with the chain rule, one factor at a time,
# - **prove** a gradient right, and catch a wrong one that seems to work, and
# - **choose** the numbers that a network starts from.
#
# | needs | read | run | data |
# |---|---|---|---|
# | [notebook 00](00_start_here.ipynb); the chain rule, matrix products; numpy | 60 min | 60 s | real: 569 breast biopsies; a table of four rows |
#
# A network learns by going downhill. For each of its numbers it must know the *slope*: does the loss rise when this
# number rises, and how steeply? The network below has 513 numbers. We train it twice on the biopsies of notebook 00.
# In one of the two runs a factor is missing from the slopes, and most of the 513 are wrong. Which run is it?

# %%
import matplotlib.pyplot as plt
import numpy as np

from medlib.data import load
from medlib.decisions import decide
from medlib.lesson import check, claim, setup

rng = setup(seed=0)

from medlib.models import scratch

patients, _, _ = load("breast_cancer").split()  # the training part, no other

# %% [markdown]
# We standardise the 30 columns: mean 0, standard deviation 1. Then 300 steps downhill from the same start, with and
# without the factor. `scratch` is the code that you are about to write; its argument `slope` is what gets forgotten.
# (`decide` hands back what it gets, and writes it down. The course's tests look there for a glance at test patients.)

# %%
mean, sd = decide("scaler", (patients.x.mean(axis=0), patients.x.std(axis=0)))
measures, malignant = (patients.x - mean) / sd, patients.y[:, None]
start = scratch.initialise(rng, 30, 16, 1)
_, losses = scratch.train(start, measures, malignant, 0.5, 300)
_, losses_bug = scratch.train(start, measures, malignant, 0.5, 300, slope=np.ones_like)

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Training loss over 300 steps for two runs, A and B, on logarithmic axes. Both fall from about 0.5 to about 0.02 and cross after some tens of steps: A is a little lower at first, B a little lower in the end."}} tags=["hide-input"]
fig, ax = plt.subplots()
ax.loglog(np.arange(1, 301), losses_bug, label="run A")
ax.loglog(np.arange(1, 301), losses, label="run B")
ax.set(xlabel="step", ylabel="mean loss (nats)", title="Two runs, one bug")
ax.legend()
plt.show()
claim("after 300 steps both losses are below .04", max(losses[-1], losses_bug[-1]) < 0.04, [losses_bug[-1], losses[-1]])
claim("at step 10 the run with the bug is ahead", losses_bug[10] < losses[10], [losses_bug[10], losses[10]])

# %% [markdown]
# Both losses fall, from more than 0.4 to about 0.02. The bug is in run A, which is even ahead for the first thirty
# steps or so. **A loss that falls proves nothing.** Further down the same bug will meet a table of four rows and learn
# nothing from it in 5,000 steps.
#
# So there are two tasks: to compute the slopes, and to prove them. Along the way we ask where a network should start.
# How long the steps should be is the matter of [notebook 12](12_gradient_descent.ipynb).
#
# ## 1. A network is a function
#
# A network alternates two things. An *affine map* weighs its inputs with a matrix $W_l$ and adds a constant $b_l$, the
# *bias*. An *activation function* $\sigma_l$ then bends each result. Layer $l$ is one of each, and there are $L$ layers:
#
# $$h_0 = x, \qquad a_l = W_l\,h_{l-1} + b_l, \qquad h_l = \sigma_l(a_l), \qquad \hat y = h_L \tag{11.1}$$
#
# All that is learnt sits in the matrices and the biases. Together they are called $\theta$. `initialise` makes such
# a $\theta$: biases 0, weights random. (Section 6 explains their size.)


# %% tags=["medlib:models.scratch.initialise"]
def initialise(rng, *widths):
    """A pair (W, b) for each layer; W has a row per unit, a column per input."""
    theta = []
    for inputs, units in zip(widths[:-1], widths[1:], strict=True):
        W = rng.normal(0, 1 / np.sqrt(inputs), size=(units, inputs))
        theta.append((W, np.zeros(units)))
    return theta


# %% [markdown]
# Between the layers we bend with tanh, which is steep at 0 and flat far away from it. The last layer is left unbent for
# the moment. In (11.1) one example is a column. In code a batch holds **one example per row**, so $W h$ becomes
# `h @ W.T`. We keep every $h_l$: the way back will need them.


# %% tags=["medlib:models.scratch.forward"]
def forward(theta, x):
    """The inputs of all layers, and the last a. One example per row."""
    h = [x]
    for W, b in theta[:-1]:
        a = h[-1] @ W.T + b
        h.append(np.tanh(a))
    W, b = theta[-1]
    return h, h[-1] @ W.T + b


# %% [markdown]
# Is that what a library computes? Keras gets the same numbers, in three layers of unequal width.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (11.1): our forward pass against Keras, with the same parameters (Keras stores W transposed)
import keras
import tensorflow as tf

theta = [(W, rng.normal(size=b.shape)) for W, b in initialise(rng, 3, 5, 4, 2)]
x = rng.normal(size=(10, 3))
layers = [keras.layers.Dense(len(b), "tanh", dtype="float64") for W, b in theta[:-1]]
layers += [keras.layers.Dense(2, dtype="float64")]
model = keras.Sequential([keras.Input((3,), dtype="float64"), *layers])
model.set_weights([part for W, b in theta for part in (W.T, b)])
difference = abs(model(x).numpy() - forward(theta, x)[1]).max()
claim("our forward pass is Keras's, to the last digits", difference < 1e-12, difference)

# %% [markdown]
# For a question with two answers, the last number $a_L$ (the *logit*) is turned into a probability $\hat y$. The loss
# $\ell$ of an example is small when that probability was high for what really happened, $y = 1$ or $y = 0$:
#
# $$\hat y = \frac{1}{1 + e^{-a_L}}, \qquad
# \ell = -y\log\hat y - (1-y)\log(1-\hat y) = \log\left(1 + e^{a_L}\right) - y\,a_L \tag{11.2}$$
#
# This loss is the *cross-entropy*. Its unit is the *nat*, since the logarithm is the natural one. Its last form is the
# one to program. It never takes the logarithm of zero.


# %% tags=["medlib:models.scratch.sigmoid", "medlib:models.scratch.cross_entropy"]
def sigmoid(a):
    """The probability that belongs to a logit; tanh never overflows."""
    return 0.5 * (1 + np.tanh(a / 2))


def cross_entropy(a, y):
    """The mean loss of a batch, from logits; logaddexp(0, a) is log(1 + exp(a))."""
    return np.mean(np.logaddexp(0, a) - y * a)


# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (11.2): the two forms agree, and only one of them survives a confident network
a, y = rng.normal(0, 3, 1000), rng.integers(0, 2, 1000)
p = 1 / (1 + np.exp(-a))
textbook = np.mean(-y * np.log(p) - (1 - y) * np.log(1 - p))
claim("both forms give the same mean loss", abs(cross_entropy(a, y) - textbook) < 1e-12, textbook)
sure = np.array([40.0])
survives = sigmoid(sure)[0] == 1 and abs(cross_entropy(sure, 0) - 40) < 1e-9
claim("at a logit of 40 the probability rounds to 1; the loss still says how wrong that is", survives, 40.0)

# %% [markdown]
# ### Four rows that one unit cannot learn
#
# The pituitary gland drives the thyroid with the hormone TSH. The thyroid answers with thyroxine (T4). When the two
# point in *opposite* directions, the thyroid itself is at fault: it fails and the pituitary calls louder, or it runs
# wild and the pituitary falls silent. When both are low or both are high, the first suspect is the pituitary.
#
# | | T4 low | T4 high |
# |---|---|---|
# | **TSH low** | pituitary | **thyroid** |
# | **TSH high** | **thyroid** | pituitary |
#
# These are four rows of a table, not patients, and a simplification: severe illness and several drugs move both values
# too. Code low as −1 and high as +1, and let $y = 1$ say *thyroid*.

# %%
levels = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]])  # TSH, T4
thyroid = np.array([[0], [1], [1], [0]])

# %% [markdown]
# Can a single unit, $a = w_1 x_1 + w_2 x_2 + b$, learn this table? Opposite corners have logits with equal sums:
# $2b$ for either pair. What the unit gains on one diagonal it loses on the other. It does best when it says
# one half to every row, and then each row costs $-\log\frac12$:
#
# $$\min_{w,\,b}\; \frac14\sum_{i=1}^{4} \ell_i = \log 2 \tag{11.3}$$

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (11.3): a hundred thousand single units, with small and large weights, and the one that says ½
size = 10 ** rng.uniform(-3, 1, (100_000, 1))
w, b = size * rng.normal(size=(100_000, 2)), size * rng.normal(size=(100_000, 1))
a = w @ levels.T + b
each = np.mean(np.logaddexp(0, a) - thyroid.T * a, axis=1)
best = np.log(2) - 1e-12 <= each.min() < np.log(2) + 1e-4
claim("the best of a hundred thousand units reaches log 2 = 0.6931, and none is better", best, each.min())
unsure = cross_entropy(np.zeros((4, 1)), thyroid)
claim("the unit that says ½ to every row costs log 2", abs(unsure - np.log(2)) < 1e-12, unsure)

# %% [markdown]
# It takes a second layer. Eight tanh units between the input and the answer will do, and that makes 33 numbers to be
# learnt. How many are they in general?
#
# ### Your turn
#
# **11.1** Write a function `count(widths)`. It gets a list of widths, for example `[2, 8, 1]` for the network just
# described, and returns how many parameters (11.1) has. Any number of layers may come.


# %%
def count(widths):
    """The number of parameters, weights and biases, of a network."""
    return ...  # your code


check("11.1", count)


# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 11.1
def count(widths):
    """The number of parameters, weights and biases, of a network."""
    total = 0
    for inputs, units in zip(widths[:-1], widths[1:], strict=True):
        total += units * inputs + units  # a weight for each input of each unit, and a bias
    return total


check("11.1", count)

# %% [markdown]
# ## 2. A slope by nudging
#
# What is the slope of the loss $\mathcal L$ with respect to the parameter $\theta_i$? Nudge that one parameter by a
# small $\varepsilon$, up and down, and see how the loss changes. With $e_i$ for the direction of parameter $i$,
#
# $$\frac{\partial\mathcal L}{\partial\theta_i}
# = \frac{\mathcal L(\theta + \varepsilon e_i) - \mathcal L(\theta - \varepsilon e_i)}
# {2\,\varepsilon} + O(\varepsilon^2) \tag{11.4}$$
#
# $O(\varepsilon^2)$ stands for a rest that shrinks a hundredfold when $\varepsilon$ shrinks tenfold. This is the
# *central difference*. It needs nothing but the forward pass.


# %%
def nudge(loss, vector, eps=1e-5):
    """The slope of a function of a vector, in every direction."""
    slopes = []
    for step in eps * np.eye(len(vector)):
        rise = loss(vector + step) - loss(vector - step)
        slopes.append(rise / (2 * eps))
    return np.array(slopes)


# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (11.4): on a function whose slope is known by calculus, with a different curve in each direction
place, factor = np.array([0.3, -1.1, 2.0, 0.7]), np.array([1.0, -2.0, 0.5, 3.0])


def curve(v):
    return np.sum(factor * np.exp(v))


rest = {eps: abs(nudge(curve, place, eps) - factor * np.exp(place)) for eps in (1e-2, 1e-3, 1e-5)}
claim("with ε = 1e-5 four slopes agree with calculus to 1e-8", rest[1e-5].max() < 1e-8, rest[1e-5].max())
shrinks = rest[1e-2] / rest[1e-3]
claim("a tenth of the nudge leaves a hundredth of the rest", np.all(abs(shrinks - 100) < 1), shrinks)

# %% [markdown]
# Correct, and far too slow. Each slope takes two forward passes. How many is that for the network of the opening?
# Your `count` knows.

# %%
passes = 2 * count([30, 16, 1])
claim("one step of that network takes 1,026 forward passes", passes == 1026, passes)

# %% [markdown]
# We keep nudging for what it is good at, which is checking. For the slopes themselves there is a better way.
#
# ## 3. The chain rule, one factor at a time
#
# Take the smallest network with two layers: one input $x$, one tanh unit, one answer. Five steps lead from $x$ to the
# loss:
#
# $a_1 = w_1 x + b_1, \quad h = \tanh a_1, \quad a_2 = w_2 h + b_2, \quad \hat y = 1/(1 + e^{-a_2}), \quad \ell$
#
# Walk back from the end. The last two steps belong together. Their two slopes multiply to something short, the
# probability minus the truth:
#
# $$\frac{\partial\ell}{\partial a_2}
# = \frac{\partial\ell}{\partial\hat y}\cdot\frac{\partial\hat y}{\partial a_2} = \hat y - y \tag{11.5}$$

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (11.5): each of its two slopes by nudging, then their product
a, y = np.clip(rng.normal(0, 2, 50), -4, 4), rng.integers(0, 2, 50)  # beyond, 1 / p is too steep to nudge
p = sigmoid(a)


def loss_of_probability(p):
    return np.sum(-y * np.log(p) - (1 - y) * np.log(1 - p))


def probability_of_logit(a):
    return np.sum(sigmoid(a))


product = nudge(loss_of_probability, p) * nudge(probability_of_logit, a)
claim("the two slopes multiply to the probability minus the truth", np.allclose(product, p - y, atol=1e-6))

# %% [markdown]
# Now on to $w_1$. The chain rule gives one factor for each step: through the second layer $w_2$, through the tanh
# $1 - h^2$ (its derivative, written with its value), through the first layer $x$:
#
# $$\frac{\partial\ell}{\partial w_1} = (\hat y - y)\cdot w_2\cdot(1 - h^2)\cdot x \tag{11.6}$$
#
# Read it aloud: *how wrong was the answer, how much did the unit matter to it, how far can the unit still move, what
# had come in.* One unit, computed by hand:

# %%
w1, b1, w2, b2, x, y = 0.4, 0.1, -1.2, 0.3, 1.5, 1
h = np.tanh(w1 * x + b1)
y_hat = sigmoid(w2 * h + b2)
by_hand = (y_hat - y) * w2 * (1 - h**2) * x
print(f"({y_hat:.3f} - 1) · ({w2}) · {1 - h**2:.3f} · {x} = {by_hand:.3f}")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (11.6): thirty such networks, with weights, biases, inputs and labels of their own, against nudging
w1, b1, w2, b2, x = rng.normal(size=(5, 30))
y = rng.integers(0, 2, 30)


def loss_of_w1(w1):
    return 30 * cross_entropy(w2 * np.tanh(w1 * x + b1) + b2, y)  # 30: a sum, for each has its own w1


h = np.tanh(w1 * x + b1)
chain = (sigmoid(w2 * h + b2) - y) * w2 * (1 - h**2) * x
the_one = nudge(lambda w: cross_entropy(-1.2 * np.tanh(w * 1.5 + 0.1) + 0.3, 1), np.array([0.4]))[0]
difference = max(abs(chain - nudge(loss_of_w1, w1)).max(), abs(by_hand - the_one))
claim("the four factors multiply to the slope that nudging finds, here and in thirty networks", difference < 1e-8, difference)

# %% [markdown]
# The factor that run A forgot is $1 - h^2$. (It took 1 instead: `np.ones_like` makes an array of ones.)
#
# ## 4. Back-propagation
#
# A real network has many units in each layer, and a unit acts on the loss through *all* units of the next layer. So the
# products become products with matrices. Write $\delta_l = \partial\ell/\partial a_l$ for the message that arrives at
# layer $l$: how the loss would change if $a_l$ moved. It starts as in (11.5) and is handed down layer by layer:
#
# $$\delta_L = \hat y - y, \qquad
# \delta_l = \left(W_{l+1}^{\mathsf T}\,\delta_{l+1}\right)\odot\sigma_l'(a_l) \tag{11.7}$$
#
# The sign $\odot$ multiplies entry by entry, and $\sigma'_l$ is the slope of the activation, $1 - h_l^2$ for tanh. A
# weight's slope is the message at its upper end times the input at its lower end:
#
# $$\frac{\partial\ell}{\partial W_l} = \delta_l\,h_{l-1}^{\mathsf T}, \qquad
# \frac{\partial\ell}{\partial b_l} = \delta_l \tag{11.8}$$
#
# For two layers, read the first row to the right and the second to the left:
#
# | | layer 1 | layer 2 | loss |
# |---|---|---|---|
# | forward → | $a_1 = W_1 x + b_1$, $h_1 = \tanh a_1$ | $a_2 = W_2 h_1 + b_2$, $\hat y = 1/(1 + e^{-a_2})$ | $\ell(\hat y, y)$ |
# | ← backward | $\delta_1 = (W_2^{\mathsf T}\delta_2)\odot(1 - h_1^2)$ | $\delta_2 = \hat y - y$ | |
# | slopes | $\delta_1 x^{\mathsf T}$ and $\delta_1$ | $\delta_2 h_1^{\mathsf T}$ and $\delta_2$ | |
#
# Every matrix of the way forward is met again, transposed, on the way back. In code the loss is a *mean* over the batch,
# so the first message is divided by the number of examples.


# %% tags=["medlib:models.scratch.tanh_slope", "medlib:models.scratch.backward"]
def tanh_slope(h):
    """The derivative of tanh, from its value h = tanh(a)."""
    return 1 - h**2


def backward(theta, h, a, y, slope=tanh_slope):
    """The slopes of the mean loss: a pair (dW, db) for each layer."""
    delta = (sigmoid(a) - y) / len(y)
    gradient = []
    for (W, _), inputs in zip(reversed(theta), reversed(h), strict=True):
        gradient.append((delta.T @ inputs, delta.sum(axis=0)))
        delta = (delta @ W) * slope(inputs)
    return gradient[::-1]


# %% [markdown]
# That is all of it. The loop visits the layers from last to first, and `[::-1]` turns the list round at the end. (In
# its last turn it also multiplies by a slope that the inputs, which were never bent, do not have; nobody uses that
# `delta`.) The list of all slopes is the *gradient*.
#
# Two helpers lay all parameters, or all slopes, in one long vector, and cut it up again.


# %% tags=["medlib:models.scratch.pack", "medlib:models.scratch.unpack"]
def pack(layers):
    """All parameters, or all slopes, as one vector."""
    return np.concatenate([np.append(W, b) for W, b in layers])


def unpack(vector, like):
    """The reverse of `pack`, in the shapes of `like`."""
    layers = []
    for W, b in like:
        weights, biases, vector = np.split(vector, [W.size, W.size + b.size])
        layers.append((weights.reshape(W.shape), biases))
    return layers


# %% [markdown]
# A network with three layers and a batch of 32 examples. What does `backward` say, and what does TensorFlow? It records
# the forward pass on a *tape* and then plays it backwards: *automatic differentiation*, made of the same formulas.

# %%
theta = initialise(rng, 4, 7, 5, 1)
x, y = rng.normal(size=(32, 4)), rng.integers(0, 2, (32, 1))
h, a = forward(theta, x)
ours = pack(backward(theta, h, a, y))

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equations (11.7) and (11.8): against TensorFlow's automatic differentiation, in float64
variables = [(tf.Variable(W), tf.Variable(b)) for W, b in theta]
with tf.GradientTape() as tape:
    signal = tf.constant(x)
    for W, b in variables[:-1]:
        signal = tf.tanh(signal @ tf.transpose(W) + b)
    logit = signal @ tf.transpose(variables[-1][0]) + variables[-1][1]
    loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(y.astype(float), logit))
theirs = pack([[part.numpy() for part in layer] for layer in tape.gradient(loss, variables)])
difference = abs(ours - theirs).max()
claim("81 slopes by hand are the 81 of automatic differentiation, to 1e-12", difference < 1e-12, difference)
claim("and your count knew how many", len(ours) == count([4, 7, 5, 1]), len(ours))

# %% [markdown]
# **Why backwards?** Going forward, each layer costs one product with a matrix. Going back it costs two: one for the
# slopes of $W_l$, one to hand $\delta$ on. That makes about three forward passes for *all* slopes, however many there
# are. Nudging took two for *each*.
#
# ### A weight that works in many places
#
# In some networks the same $w$ acts in many places: at every pixel of an image (notebook 15), or at every moment of a
# recording (notebook 40). Pretend that each place $k = 1, \dots, M$ has a copy $w_k$ of its own. Work out the slope of
# each copy, and add them up:
#
# $$\frac{\mathrm d\ell}{\mathrm dw}
# = \sum_{k=1}^{M}\left.\frac{\partial\ell}{\partial w_k}\right|_{w_1=\dots=w_M=w} \tag{11.9}$$

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (11.9): one weight w used three times, h1 = tanh(w x), h2 = tanh(w h1), ŷ = tanh(w h2); the loss is ŷ itself


def use(copies):
    h = 1.3
    for w in copies:
        h = np.tanh(w * h)
    return h


def all_together(w):
    return use([w[0], w[0], w[0]])


shared, copies = nudge(all_together, np.array([0.7])), nudge(use, np.array([0.7, 0.7, 0.7]))
claim("the slope of the shared weight is the sum over its three uses", abs(shared[0] - copies.sum()) < 1e-8, shared[0])
differ = np.ptp(copies) > 0.01 and abs(copies).min() > 0.01
claim("all three uses count, and differ, so neither their mean nor one alone would do", differ, copies)

# %% [markdown]
# With this rule, (11.7) and (11.8) reach every network of this course.
#
# ### Your turn
#
# **11.2** Many networks bend with the *ReLU*, $h = \max(a, 0)$, instead of tanh. Write one step of (11.7) for it, for
# a batch: from $\delta_{l+1}$ (one example per row), $W_{l+1}$ and $a_l$ to $\delta_l$. Section 6 will use it.


# %%
def relu_delta(delta_next, W_next, a):
    """The message that arrives below a layer of ReLUs."""
    return ...  # your code


check("11.2", relu_delta)


# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 11.2
def relu_delta(delta_next, W_next, a):
    """The message that arrives below a layer of ReLUs."""
    return (delta_next @ W_next) * (a > 0)  # the slope is 1 where the unit is open, 0 where it is shut


check("11.2", relu_delta)

# %% [markdown]
# ## 5. Prove it
#
# TensorFlow is not always there to compare with. Nudging is. How small should $\varepsilon$ be? The rest in (11.4)
# shrinks like $\varepsilon^2$. But the two losses then agree in more and more of their sixteen digits, and what is left
# after subtracting is rounding error, about $10^{-16}/\varepsilon$. So the difference between our slopes and the
# nudged ones should fall and then rise as $\varepsilon$ shrinks. It should draw a V.
#
# We try twelve sizes, on our gradient and on the one that forgets the slope of tanh.


# %%
def loss_at(vector):
    """The loss of the batch as a function of all parameters."""
    h, a = forward(unpack(vector, theta), x)
    return cross_entropy(a, y)


forgetful = pack(backward(theta, h, a, y, slope=np.ones_like))
nudges = 10.0 ** np.arange(-1, -13, -1)
nudged = np.array([nudge(loss_at, pack(theta), eps) for eps in nudges])
v_ours = np.linalg.norm(nudged - ours, axis=1) / np.linalg.norm(ours)
v_forgetful = np.linalg.norm(nudged - forgetful, axis=1) / np.linalg.norm(ours)

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Relative difference between a gradient and nudging, against the size of the nudge, on logarithmic axes. For our gradient it draws a V with its tip below 1e-9 near a nudge of 1e-5; for the gradient that forgets the slope of tanh it is a flat line near a half."}} tags=["hide-input"]
fig, ax = plt.subplots()
ax.loglog(nudges, v_ours, "o-", label="our gradient")
ax.loglog(nudges, v_forgetful, "s--", label="slope of tanh forgotten")
ax.set(xlabel="nudge ε", ylabel="relative difference", title="A correct gradient draws a V")
ax.legend()
plt.show()
lowest = nudges[v_ours.argmin()]
tip = 0.9e-6 < lowest < 1.1e-4 and v_ours.min() < 1e-8
claim("the tip lies at a nudge near 1e-5, and is lower than 1e-8", tip, [lowest, v_ours.min()])
arms = [v_ours[1] / v_ours[2], np.sqrt(v_ours[9] / v_ours[7])]  # the left arm over two decades
steep = 95 < arms[0] < 105 and 3 < arms[1] < 30
claim("the right arm falls a hundredfold a decade, the left rises about tenfold", steep, arms)
flat = v_forgetful.min() > 0.1 and v_forgetful[1:8].max() / v_forgetful.min() < 1.1
claim("the wrong gradient draws a flat line, above a tenth", flat, v_forgetful.min())

# %% [markdown]
# Our gradient draws the V: from 1e-2 at the right down to about 1e-10, and up again. The forgetful one is wrong by
# about a half of its length at every nudge. Remember the picture. **A V says that, at these parameters and on this
# batch, the code computes the slope of this loss. A flat line high up is a bug.**
#
# Try it. In `backward`, change `sigmoid(a) - y` into `sigmoid(a) + y`, run that cell, the cell that begins
# `theta = initialise(rng, 4, 7, 5, 1)`, and the two cells above. The V is gone, and a claim turns red. Put the sign back
# and run the same cells again.
#
# ### Your turn
#
# **11.3** A common addition is *weight decay*. It adds $\tfrac{\rho}{2}\lVert\theta\rVert^2$ to the loss: half of
# $\rho$ times the sum of the squares of all parameters, biases included. Write a function that returns two things: the
# new loss, and its gradient as one vector. You have `forward`, `cross_entropy`, `backward` and `pack`.


# %%
def decayed(theta, x, y, rho):
    """The loss with weight decay, and its gradient as one vector."""
    return ...  # two things


check("11.3", decayed)


# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 11.3
def decayed(theta, x, y, rho):
    """The loss with weight decay, and its gradient as one vector."""
    h, a = forward(theta, x)
    vector = pack(theta)
    loss = cross_entropy(a, y) + rho / 2 * vector @ vector
    return loss, pack(backward(theta, h, a, y)) + rho * vector


check("11.3", decayed)

# %% [markdown]
# Does your pair draw a V? One nudge is enough to see: at 1e-5 a correct gradient agrees to eight digits.

# %%
_, gradient = decayed(theta, x, y, rho=0.1)
nudged = nudge(lambda v: decayed(unpack(v, theta), x, y, 0.1)[0], pack(theta))
difference = np.linalg.norm(nudged - gradient) / np.linalg.norm(gradient)
claim("the decayed pair agrees with nudging to 1e-8", difference < 1e-8, difference)

# %% [markdown]
# ### The four rows, learnt
#
# Everything is there to go downhill. One step moves every parameter against its slope, by $\alpha$ times the slope:
# notebook 12 is about that $\alpha$.


# %% tags=["medlib:models.scratch.train"]
def train(theta, x, y, alpha, steps, slope=tanh_slope):
    """Steps of size alpha downhill; returns the new θ and all losses."""
    losses = []
    for _ in range(steps):
        h, a = forward(theta, x)
        losses.append(cross_entropy(a, y))
        downhill = pack(theta) - alpha * pack(backward(theta, h, a, y, slope))
        theta = unpack(downhill, theta)
    return theta, losses


# %% [markdown]
# Four networks meet the thyroid's table, 5,000 steps each: a single unit; eight tanh units; the same eight with the
# bug; and the same eight with your weight decay.

# %%
eight = initialise(rng, 2, 8, 1)
single, losses_single = train(initialise(rng, 2, 1), levels, thyroid, 0.75, 5000)
solved, losses_solved = train(eight, levels, thyroid, 0.75, 5000)
_, losses_forgetful = train(eight, levels, thyroid, 0.75, 5000, slope=np.ones_like)
shrunk = eight
for _ in range(5000):
    _, gradient = decayed(shrunk, levels, thyroid, rho=0.01)
    shrunk = unpack(pack(shrunk) - 0.75 * gradient, shrunk)

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Three maps of the predicted probability over the plane of TSH and T4. Left, a single unit: one half everywhere. Middle, eight units: two opposite corners near one, the others near zero, with sharp borders. Right, eight units with weight decay: the same pattern with soft borders."}} tags=["hide-input"]
grid = np.linspace(-1.6, 1.6, 81)
points = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
fig, axes = plt.subplots(1, 3, figsize=(8.6, 3), sharey=True)
names = ("a single unit", "eight hidden units", "eight, with weight decay")
for ax, fitted, name in zip(axes, (single, solved, shrunk), names, strict=True):
    chance = sigmoid(forward(fitted, points)[1]).reshape(81, 81)
    image = ax.contourf(grid, grid, chance, np.linspace(0, 1, 12), cmap="cividis")
    ax.scatter(*levels.T, s=90, c=np.where(thyroid == 1, "white", "black")[:, 0], edgecolors="0.5", zorder=3)
    ax.set(title=name, xlabel="TSH", xticks=[-1, 1], xticklabels=["low", "high"])
axes[0].set(ylabel="T4", yticks=[-1, 1], yticklabels=["low", "high"])
fig.colorbar(image, ax=axes, label="probability of “thyroid”", ticks=[0, 0.5, 1], format="%.1f")
plt.show()
moved = pack(train(eight, levels, thyroid, 0.75, 1)[0]) - pack(eight)
assert np.allclose(moved, -0.75 * pack(backward(eight, *forward(eight, levels), thyroid))), "a step is α slopes downhill"
claim("a single unit ends at log 2", abs(losses_single[-1] - np.log(2)) < 1e-9, losses_single[-1])
claim("eight hidden units reach about 2e-4", 1e-4 < losses_solved[-1] < 1e-3, losses_solved[-1])
stuck = abs(losses_forgetful[-1] - np.log(2)) < 1e-6
claim("with the bug they learn nothing: the loss ends at log 2", stuck, losses_forgetful[-1])
chances = sigmoid(forward(shrunk, levels)[1])[:, 0]
modest = np.all((chances > 0.5) == thyroid[:, 0]) and np.all(abs(chances - thyroid[:, 0]) > 0.02)
claim("with weight decay all four rows are right, and none is called with certainty", modest, chances)

# %% [markdown]
# White dots are *thyroid*, black dots *pituitary*. The single unit says one half everywhere (left). Eight units get all
# four rows right, with a loss of about 0.0002 (middle). They are sure of themselves almost up to the border, where they
# have never seen an example. Weight decay makes them right and less sure (right).
#
# The fourth network has no map worth drawing. With the bug that the biopsies forgave, the loss is still 0.69 after
# 5,000 steps.
#
# ## 6. Where to start
#
# **How large?** Let a layer have $n$ inputs and no bias, and let its weights be independent, with mean 0 and variance
# $\operatorname{Var}(W)$. Then $a$ is a sum of $n$ terms whose squares add up on average. A ReLU passes on half of the
# mean square of a symmetric signal. So from one layer of ReLUs to the next
#
# $$\mathbb E\left[a_{l+1}^2\right] = n\operatorname{Var}(W)\;\mathbb E\left[h_l^2\right]
# = \tfrac12\,n\operatorname{Var}(W)\;\mathbb E\left[a_l^2\right] \tag{11.10}$$
#
# The signal keeps its size when $\operatorname{Var}(W) = 2/n$ (He and others, 2015). How much does it matter? Twenty
# layers of 128 units, and a variance of $c/n$ with three different $c$.


# %%
def sizes(c, n=128, layers=20):
    """Mean of a² in layer after layer of ReLUs; weights of variance c/n."""
    h = rng.normal(size=(8, n))
    seen = []
    for _ in range(layers + 1):
        W = rng.normal(0, np.sqrt(c / n), size=(n, n))
        a = h @ W.T
        h = np.maximum(a, 0)
        seen.append(np.mean(a**2))
    return seen


measured = {c: np.mean([sizes(c) for _ in range(64)], axis=0) for c in (2, 1, 0.5)}

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (11.10): each equality alone, with unequal widths and a signal whose mean is not 0; then twenty layers
h = np.maximum(rng.normal(0.5, 2, size=(4000, 1, 60)), 0)
W = rng.normal(0, 0.3, size=(4000, 60, 20))
ratio = np.mean((h @ W) ** 2) / (60 * 0.3**2 * np.mean(h**2))
claim("one layer: n Var(W) times the mean square of what comes in, not its variance", abs(ratio - 1) < 0.05, ratio)
a = (h @ W)[:, 0]
half = np.mean(np.maximum(a, 0) ** 2) / np.mean(a**2)
claim("a ReLU passes on half of the mean square", abs(half - 0.5) < 0.02, half)
predicted = {c: c * (c / 2) ** np.arange(21) for c in measured}
over = {c: measured[c][[0, 20]] / predicted[c][[0, 20]] for c in measured}
close = all(abs(first - 1) < 0.05 and 0.6 < last < 1.6 for first, last in over.values())
claim("twenty layers: measured over predicted is near 1 for all three c", close, [last for _, last in over.values()])

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Mean square of the pre-activation through 20 ReLU layers, logarithmic axis. Variance 2 over n stays level near 2; 1 over n falls to a millionth; one half over n to a trillionth. Dashed predictions run through the marks."}} tags=["hide-input"]
fig, ax = plt.subplots()
for (c, seen), name, marker in zip(measured.items(), ("2/n (He)", "1/n", "0.5/n"), "os^", strict=True):
    (line,) = ax.semilogy(seen, marker, markersize=4, label=f"Var(W) = {name}")
    ax.semilogy(predicted[c], "--", color=line.get_color())
ax.set(xlabel="ReLU layers passed", ylabel="mean of a²", title="Measured (marks) and equation (11.10) (dashed)")
ax.set_xticks(range(0, 21, 5))
ax.legend()
plt.show()

# %% [markdown]
# With $2/n$ the signal stays level. With half of that, twenty layers divide it by a million; with a quarter, by a
# million million. Nothing can be learnt from a signal that has died on the way.
#
# Tanh passes small signals on nearly as they are. Its factor ½ is missing, and the variance to take is $1/n$ (LeCun and
# others, 1998). That is what `initialise` does.
#
# **And on the way back?** $\delta$ passes the same matrices, transposed. So it is the number of units a layer *feeds*
# that counts, $n'$. Taking $\delta$, the weights and the open units as independent,
#
# $$\mathbb E\left[\delta_l^2\right] = \tfrac12\,n'\operatorname{Var}(W)\;\mathbb E\left[\delta_{l+1}^2\right]
# \tag{11.11}$$
#
# If $n$ and $n'$ differ, no variance serves both ways. For tanh, where the ½ is missing, Glorot and Bengio (2010)
# proposed the compromise $2/(n + n')$.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (11.11): your relu_delta on a layer of 60 units that feeds 200, and on one of 200 that feeds 60
back = {}
for units, fed in ((60, 200), (200, 60)):
    W, delta = rng.normal(0, 0.3, size=(fed, units)), rng.normal(0, 2, size=(4000, fed))
    messages = relu_delta(delta, W, rng.normal(size=(4000, units)))
    back[fed] = np.mean(messages**2) / (0.5 * fed * 0.3**2 * np.mean(delta**2))
near = all(abs(r - 1) < 0.1 for r in back.values())
claim("the units that are fed count, not those that feed", near, list(back.values()))
made = [np.var(W) * W.shape[1] for W, _ in initialise(rng, 300, 100, 400, 1)[:2]]
claim("initialise gives n Var(W) = 1, for wide and for narrow layers", all(abs(v - 1) < 0.05 for v in made), made)

# %% [markdown]
# **Why at random?** Give the thyroid's network eight *equal* hidden units, and train it as before.

# %%
equal = [(np.full((8, 2), 0.5), np.full(8, 0.5)), (np.full((1, 8), 0.5), np.zeros(1))]
(layer, _), losses_equal = train(equal, levels, thyroid, 0.75, 5000)
spread = np.ptp(layer[0], axis=0).max()
claim("after 5,000 steps the eight units are still equal", spread < 1e-12, spread)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
moved = abs(layer[0] - 0.5).max()
claim("each of their weights has moved by more than 1", moved > 1, moved)
bound = 0.75 * (np.log(3) - 2 / 3 * np.log(2))  # explained below
claim("the loss stays above 0.477", losses_equal[-1] > bound, losses_equal[-1])
claim("eight different units reached less than a five-hundredth of that", losses_solved[-1] < bound / 500)

# %% [markdown]
# Equal units get equal slopes, at every step, for ever. Eight copies are one unit, and one unit only rises or falls
# along one direction. At best it splits off one corner of the table and says ⅔ to the other three, two of which are
# *thyroid*. That costs $\tfrac34\left(\log 3 - \tfrac23\log 2\right) = 0.477$. A random start breaks the tie.
#
# ## Three questions
#
# Answer aloud, then open.
#
# <details><summary>A gradient check gives a relative difference of 0.03 at ε = 1e-3, at 1e-5 and at 1e-7. Rounding, or
# a bug?</summary>A bug. Rounding and the rest of (11.4) both change with ε, and a correct gradient draws a V. A
# difference that stays when ε moves is a difference between two functions, for example a forgotten factor in a layer
# whose slopes are small.</details>
#
# <details><summary>A tanh unit has h = 0.999 for every patient. What will its incoming weights learn, by
# (11.7)?</summary>Next to nothing. The factor 1 − h² is 0.002, so hardly any message reaches what lies below. The unit
# is *saturated*. A smaller start, or standardised inputs, keeps units in the steep part of tanh.</details>
#
# <details><summary>Your colleague starts all weights at 0, "to be neutral". The network has one hidden layer of tanh
# units. What happens?</summary>Every h is 0 and every W is 0, so by (11.7) and (11.8) all slopes vanish except that of
# the last bias. It learns how frequent the disease is, and says that to everyone.</details>
#
# ## In this notebook we ...
#
# - wrote a network as alternating affine maps and activations, and met four rows that a single unit cannot learn,
# - found a slope by nudging, by the chain rule, and for all parameters at once by back-propagation,
# - proved the code against automatic differentiation and with the V, and caught a bug that a falling loss had hidden,
# - saw why weights start at random, and how large they should be.
#
# **Pitfalls**
# - A falling loss does not prove a gradient. Check it by nudging, once, on a small network and a small batch.
# - A gradient check needs float64. In float32 the losses agree in seven digits, and the V loses its tip.
# - Mean or sum over the batch: decide, and divide once. A forgotten division changes every step by the batch size.
# - Two rules for the start, $2/n$ for ReLU and $1/n$ for tanh, and the libraries' defaults may be a third.
#
# **Further reading**
# - Rumelhart, Hinton and Williams, *Learning representations by back-propagating errors*, Nature 323 (1986) 533.
# - Griewank and Walther, *Evaluating Derivatives* (SIAM, 2008): what going backwards costs, and why.
# - LeCun, Bottou, Orr and Müller, *Efficient BackProp* (1998); Glorot and Bengio, *Understanding the difficulty of
#   training deep feedforward neural networks* (AISTATS 2010); He, Zhang, Ren and Sun, *Delving deep into rectifiers*
#   (ICCV 2015): where to start.
# - Street, Wolberg and Mangasarian, *Nuclear feature extraction for breast tumor diagnosis* (SPIE 1905, 1993): the
#   biopsies.
#
# **Next**: [how long should a step be?](12_gradient_descent.ipynb)
