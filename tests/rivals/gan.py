"""The course's GAN against TensorFlow's tutorial DCGAN at the same CPU time: ``python -m tests.rivals.gan``.

The recipe is that of https://www.tensorflow.org/tutorials/generative/dcgan, rewritten for 32 x 32 pixels (``--size 64``
for more of them, which takes four times as long a step): dense 8·8·256, transposed 5x5 convolutions 128-64-1 with
batch normalisation and leaky ReLU; 5x5 convolutions 64-128 with dropout .3; batch 256, noise 100, Adam 1e-4 for both.
Both learn from the same patients and meet the same judge. Ours is notebook 21's, which is told each scan's lesion; it
draws to the orders of the judge's patients. ``--sheet FILE`` draws scans and drawings of both, simulated, to be looked
at. ``--long MINUTES`` lets the tutorial's recipe go on, and says when it reached the course's FID, if it did.
A budget of 90 s on two cores is 180 s of CPU time, which other work on the machine disturbs less.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from medlib.data.head_ct import lesion_maps
from medlib.lesson import setup
from tests.rivals.heads import Heads, both_ways, course_game

CORES = 2


def tutorial(size: int):
    """Generator and discriminator of the tutorial, for ``size`` x ``size`` pixels."""
    import keras
    from keras import layers

    side = size // 4
    generator = keras.Sequential([keras.Input((100,)), layers.Dense(side * side * 256, use_bias=False)])
    generator.add(layers.BatchNormalization())
    generator.add(layers.LeakyReLU())
    generator.add(layers.Reshape((side, side, 256)))
    for width, stride in ((128, 1), (64, 2)):
        generator.add(layers.Conv2DTranspose(width, 5, strides=stride, padding="same", use_bias=False))
        generator.add(layers.BatchNormalization())
        generator.add(layers.LeakyReLU())
    generator.add(layers.Conv2DTranspose(1, 5, strides=2, padding="same", use_bias=False, activation="tanh"))
    discriminator = keras.Sequential([keras.Input((size, size, 1))])
    for width in (64, 128):
        discriminator.add(layers.Conv2D(width, 5, strides=2, padding="same"))
        discriminator.add(layers.LeakyReLU())
        discriminator.add(layers.Dropout(0.3))
    discriminator.add(layers.Flatten())
    discriminator.add(layers.Dense(1))
    return generator, discriminator


def tutorial_step(generator, discriminator):
    """The tutorial's training step, compiled."""
    import keras
    import tensorflow as tf

    bce = keras.losses.BinaryCrossentropy(from_logits=True)
    adam_G, adam_D = keras.optimizers.Adam(1e-4), keras.optimizers.Adam(1e-4)
    adam_G.build(generator.trainable_variables)
    adam_D.build(discriminator.trainable_variables)

    @tf.function
    def step(images):
        noise = tf.random.normal([tf.shape(images)[0], 100])
        with tf.GradientTape() as tape_G, tf.GradientTape() as tape_D:
            drawn = generator(noise, training=True)
            real, fake = discriminator(images, training=True), discriminator(drawn, training=True)
            loss_G = bce(tf.ones_like(fake), fake)
            loss_D = bce(tf.ones_like(real), real) + bce(tf.zeros_like(fake), fake)
        adam_G.apply(tape_G.gradient(loss_G, generator.trainable_variables), generator.trainable_variables)
        adam_D.apply(tape_D.gradient(loss_D, discriminator.trainable_variables), discriminator.trainable_variables)

    return step


def save_sheet(file: str, *heaps: np.ndarray) -> None:
    """Two rows of ten from each heap: real scans, the course's drawings, the tutorial's."""
    from medlib import plot

    ax = plot.mosaic(np.concatenate([heap[:20] for heap in heaps]), 10, vmin=-1, vmax=1)
    ax.set_title("Simulated: two rows each of scans, of the course's drawings, and of the tutorial's")
    ax.figure.savefig(file, dpi=200)


def contest(seed: int, seconds: float, minutes: float, steps: int, size: int = 32, sheet: str = "") -> None:
    """One seed: judge, our recipe, the tutorial's at the same CPU time, and the tutorial's again until ``minutes``."""
    rng = setup(seed)
    from medlib.metrics import density_coverage, fid, memorisation
    from medlib.models import gan

    heads = Heads(rng, size)
    x, test, n = both_ways(heads.x_train), heads.test, len(heads.test.y)
    real, seen = heads.seen(heads.x_test), heads.seen(heads.x_train[rng.choice(len(heads.x_train), n, replace=False)])
    accuracy = np.mean(heads.kinds(heads.x_test) == test.y)
    print(f"seed {seed}: judge's accuracy {accuracy:.3f}; real against real: FID {fid(real, seen):.2f}", flush=True)

    def report(name, images, cpu, steps):
        rows = heads.seen(images)
        value, coverage = fid(real, rows), density_coverage(real, rows)[1]
        near = memorisation(seen, real, rows).value
        words = f"FID {value:7.2f}  coverage {coverage:.3f}  nearer to training {near:.2f}"
        print(f"seed {seed}  {name:22} {steps:6} steps  {cpu / CORES:6.0f} s  {words}", flush=True)
        return value

    ours, data = course_game(heads, seed)
    began = time.process_time()
    gan.fit_gan(gan.compile_gan(ours, steps), *data)
    cpu = time.process_time() - began
    book = lesion_maps(heads.school.masks, heads.school.y)
    z, book, code = rng.normal(size=(n, 64)), book[rng.choice(len(book), n, replace=False)], data[2]
    z[:, : code.shape[1]] = code[rng.integers(len(code), size=(2, n))].sum(axis=0) / np.sqrt(2)
    delivered = gan.generate(ours, z, book)
    goal = report("course", delivered, cpu, int(ours.g_optimizer.iterations))

    generator, discriminator = tutorial(size)
    step, images, noise = tutorial_step(generator, discriminator), x, rng.normal(size=(n, 100)).astype("float32")

    def draw():
        return np.concatenate([generator(noise[i : i + 100], training=False).numpy() for i in range(0, n, 100)])

    later = CORES * 60 * np.arange(2, minutes + 1, 2)
    spent, made, looks = 0.0, 0, sorted({cpu, CORES * seconds, *later})
    while looks:
        began = time.process_time()
        for rows in np.array_split(rng.permutation(len(images)), len(images) // 256):
            step(images[rows])
            made += 1
        spent += time.process_time() - began
        if spent >= looks[0]:
            looks = [look for look in looks if look > spent]
            drawn = draw()
            if sheet:
                save_sheet(sheet, heads.x_test[:: n // 20], delivered[:: n // 20], drawn[:: n // 20])
            if report("tutorial", drawn, spent, made) <= goal:
                print(f"seed {seed}  the tutorial's recipe reached {goal:.1f} after {spent / CORES / 60:.1f} min")
                return
    print(
        f"seed {seed}  the tutorial's recipe did not reach {goal:.1f} within {spent / CORES / 60:.1f} min", flush=True
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--seconds", type=float, default=90, help="of the equal budget, on two cores")
    parser.add_argument("--steps", type=int, default=700, help="of our recipe; see that they take about that long")
    parser.add_argument("--long", type=float, default=0, metavar="MINUTES", help="let the tutorial's recipe go on")
    parser.add_argument("--size", type=int, default=32, help="pixels a side, a multiple of 8; 32 by default")
    parser.add_argument("--sheet", default="", metavar="FILE", help="write a sheet of drawings, of the last seed")
    options = parser.parse_args()
    for seed in options.seeds:
        contest(seed, options.seconds, options.long, options.steps, options.size, options.sheet)


if __name__ == "__main__":
    main()
