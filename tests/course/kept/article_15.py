"""What left notebook 15 when it was cut to one sitting: an article's network, and pieces that run.

The article builds its network for images of 28 × 28 pixels and ten classes: one convolution of 32 maps, one
pooling, one dense layer. It is a sound little network, and once images are put in, the listing runs. It is small,
not *large*. What it lacks is a test: it is trained, and never asked about data that it has not seen. What that
hides shows best on data with nothing in it: `by_heart`.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np


def article_network():
    """The article's listing, its input layer as of today: 54,410 parameters, 320 of them in the convolution."""
    import keras
    from keras import layers

    network = keras.Sequential([keras.Input((28, 28, 1)), layers.Conv2D(32, 3, activation="relu")])
    network.add(layers.MaxPooling2D())
    network.add(layers.Flatten())
    network.add(layers.Dense(10, activation="softmax"))
    network.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return network


def by_heart(rng: np.random.Generator, epochs: int = 25) -> tuple[float, float]:
    """Accuracy on 300 images of noise with labels from a ten-sided die, and on 300 fresh ones: 1 and about .1."""
    noise, dice = rng.normal(size=(600, 28, 28, 1)), rng.integers(10, size=600)
    network = article_network()
    network.fit(noise[:300], dice[:300], epochs=epochs, batch_size=32, verbose=0)
    learnt, fresh = (network.evaluate(noise[s], dice[s], verbose=0)[1] for s in (slice(300), slice(300, 600)))
    return learnt, fresh


def receptive_field(kernels, strides) -> int:
    """Width in pixels that one unit behind these layers sees: r = 1 + Σ_l (k_l − 1) Π_{m<l} s_m.

    A layer widens the field by k − 1 steps, and a step is as long as the strides before it have made it. The network of
    notebook 15 sees 18 pixels of 7 mm, nearly 13 cm. A former exercise: how many blocks of a 3 × 3 convolution and a
    2 × 2 pooling reach the width of 32 pixels? Four give 46; yet the two units left on an axis see 31 pixels each.
    """
    steps = np.cumprod([1, *strides[:-1]])
    return int(1 + sum((k - 1) * step for k, step in zip(kernels, steps, strict=True)))


def blocks_for(width: int) -> int:
    """The former exercise on it: the smallest number of blocks whose receptive field is at least ``width``."""
    return min(n for n in range(1, 20) if receptive_field([3, 2] * n, [1, 2] * n) >= width)


def pool(y: np.ndarray) -> np.ndarray:
    """2 × 2 maximum pooling: after it, only shifts by an even number of pixels come out whole."""
    return y.reshape(y.shape[0] // 2, 2, y.shape[1] // 2, 2).max((1, 3))


def slope_of_the_loss(logits: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The derivative of −log p_y by the logits: predicted minus true, p_k − [k = y]."""
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return p - np.eye(logits.shape[1])[y]


def told_apart(a: np.ndarray, b: np.ndarray, trees: int = 50) -> float:
    """Cross-validated AUC of telling images a from images b with a forest; .5 means that they look alike.

    Of the *normal* X-rays of PneumoniaMNIST, those of validation look like those of training (below .62), those of the
    test part do not (above .7): they lie in another folder of the source.
    """
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import cross_val_predict

    x, y = np.concatenate([a, b]), np.repeat([0, 1], [len(a), len(b)])
    judge = RandomForestClassifier(trees, n_jobs=-1, class_weight="balanced", random_state=0)
    return float(roc_auc_score(y, cross_val_predict(judge, x, y, cv=3, method="predict_proba")[:, 1]))


def widths_grow(n: int) -> bool:
    """Each block widens the field by more than the one before."""
    fields = [receptive_field([3, 2] * k, [1, 2] * k) for k in range(1, n)]
    gains = [b - a for a, b in pairwise(fields)]
    return all(later > earlier for earlier, later in pairwise(gains))
