"""What left notebook 21 when it was cut to one sitting: an article's GAN for images of 28 × 28, and pieces that run.

Each piece is a function that returns the numbers which its sentence names, so that a later page can take it up again.
The *stacked* repair of the same listing, whose discriminator sleeps, stays on the page: it is everybody's trap.

After the missing imports are added, the listing stops for the first time where genuine and drawn images are put
together: its generator draws in three channels, its discriminator reads one (`three_channels_meet_one`). With one
channel it runs. Then there is its training.

* The generator is trained by `train_on_batch(noise, ones)` on the generator alone. No discriminator is in that call:
  the *target image* is white (`white_target`).
* In the same phase each drawing is shown to the discriminator twice, once labelled genuine and once labelled forged,
  after `trainable = False`. In Keras 3 the flag is read when the training function is first built, so the discriminator
  learns on. What it learns is that every drawing deserves one half (`shown_twice`).
* `predict` shows a fresh generator with the running averages of batch normalisation, which are still 0 and 1: another
  network than the one that is trained (`two_modes`).
"""

from __future__ import annotations

import numpy as np


def generator(channels: int = 1):
    """The article's, imports added: 100 numbers of noise to 28 × 28 pixels; the listing has ``channels=3``."""
    import keras
    from keras import layers

    stack = [keras.Input((100,)), layers.Dense(7 * 7 * 256, activation="relu"), layers.Reshape((7, 7, 256))]
    for width, stride in ((128, 1), (64, 2)):
        stack += [layers.Conv2DTranspose(width, 5, strides=stride, padding="same"), layers.BatchNormalization()]
        stack += [layers.Activation("relu")]
    stack += [layers.Conv2DTranspose(channels, 5, strides=2, padding="same", activation="tanh")]
    return keras.Sequential(stack)


def discriminator():
    """The article's: dense, with dropout, and a sigmoid at the end."""
    import keras
    from keras import layers

    stack = [keras.Input((28, 28, 1)), layers.Flatten(), layers.Dense(512, activation="relu"), layers.Dropout(0.3)]
    return keras.Sequential([*stack, layers.Dense(1, activation="sigmoid")])


def three_channels_meet_one(images: np.ndarray, noise: np.ndarray) -> str:
    """What NumPy says to the listing as it is printed; an empty string if it were right."""
    try:
        np.concatenate([images, generator(3).predict(noise, verbose=0)])
    except ValueError as error:
        return str(error)
    return ""


def white_target(noise: np.ndarray, steps: int = 20) -> np.ndarray:
    """What the generator draws after so many of the listing's steps: white, whatever the noise."""
    drawer = generator()
    drawer.compile("adam", "mse")
    for _ in range(steps):
        drawer.train_on_batch(noise, np.ones((len(noise), 28, 28, 1)))
    return np.asarray(drawer(noise, training=True))


def shown_twice(images: np.ndarray, drawings: np.ndarray, steps: int = 200) -> tuple[float, float]:
    """How far the 'frozen' discriminator moves, and what it then thinks of drawings: not 0, and about one half."""
    detective = discriminator()
    detective.compile("adam", "binary_crossentropy")
    labels = np.repeat([1.0, 0.0], [len(images), len(drawings)])[:, None]
    detective.train_on_batch(np.concatenate([images, drawings]), labels)
    before = detective.get_weights()
    detective.trainable = False
    twice, labels = np.concatenate([drawings, drawings]), np.repeat([0.0, 1.0], len(drawings))[:, None]
    for _ in range(steps):
        detective.train_on_batch(twice, labels)
    shift = max(abs(a - b).max() for a, b in zip(detective.get_weights(), before, strict=True))
    return float(shift), float(np.asarray(detective(drawings)).mean())


def two_modes(noise: np.ndarray) -> tuple[float, float]:
    """Spread of a fresh generator's pixels in training and in `predict`: the second is ten times smaller."""
    fresh = generator()
    return tuple(float(np.std(fresh(noise, training=mode))) for mode in (True, False))


#: Six uses of drawn scans; notebook 21 keeps the first three. (use, whether it is safe, what was shown)
USES = (
    ("say how common a disease is", "no", "without wishes the game's shares were its own"),
    ("share data 'anonymously'", "not on the strength of one page", "a generator can leak single patients unseen"),
    ("diagnose, or judge a diagnostic program", "no", "kinds are drawn unequally well, and too typically"),
)
