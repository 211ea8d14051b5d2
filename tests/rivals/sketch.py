"""A GAN that draws over a linear sketch, beside notebook 21's recipe: ``python -m tests.rivals.sketch``.

The 16 first principal components of healthy, upright training heads (a lesion counts as mean tissue) sketch a head. The
generator turns sketch and order into a scan. In training each drawing gets the pose and the scores of the scan that it
is shown with, and pays for its distance to it (L1) beside what the discriminator charges (with R1). To draw, pose and
scores are normal (``normal``), or those of a training head, shaken (``shaken``). Judge and floor are those of notebook
21; both recipes take as many steps, and the CPU seconds stand beside.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from medlib.lesson import setup
from tests.rivals.heads import SHAPE, Heads, both_ways, course_game, orders

SCORES, NOISE, LIKENESS = 16, 32, 30.0


def components(x, book, y, poses):
    """Usual healthy head (32, 32, 1), components (16, 1024) in units of their scores, and each scan's scores."""
    from medlib.models.pose import straighten, turn

    upright = 2 * straighten((x + 1) / 2) - 1
    lesion = turn(book.max(axis=-1, keepdims=True), poses, back=True).numpy() > 0.1
    usual = upright[y == 0].mean(axis=0)
    change = np.where(lesion, 0, upright - usual).reshape(len(x), -1)
    healthy = change[y == 0]
    variance, axes = np.linalg.eigh(healthy.T @ healthy / len(healthy))
    size, axes = np.sqrt(variance[::-1][:SCORES]), axes[:, ::-1][:, :SCORES]
    return usual, (axes * size).T, change @ axes / size


def build_generator(usual, axes, poses, width=32):
    """Pose, scores and noise (n, 51), and a map, to an image: a sketch, drawn over, turned, drawn over again."""
    import keras
    from keras import layers, ops

    from medlib.models.gan import Turn, concatenate, normed

    z, wish = keras.Input((3 + SCORES + NOISE,)), keras.Input((*SHAPE[:2], 3))
    lies = {"mean": poses.mean(axis=0), "variance": poses.var(axis=0)}
    pose = layers.Normalization(invert=True, **lies)(z[:, :3])
    drawn = layers.Dense(len(axes.T), trainable=False, name="sketch")
    sketch = ops.clip(ops.reshape(drawn(z[:, 3 : 3 + SCORES]), (-1, *SHAPE)), -1, 1)
    drawn.set_weights([axes, usual.ravel()])
    guide = layers.Concatenate()([Turn(back=True)([wish, pose]), sketch])
    h = normed(layers.Dense(128, use_bias=False)(z[:, 3:]))
    h = normed(layers.Reshape((8, 8, width))(layers.Dense(64 * width, use_bias=False)(h)))
    for pool, filters in ((4, width), (2, width // 2)):
        h = concatenate([h, layers.AveragePooling2D(pool)(guide)])
        h = normed(layers.Conv2DTranspose(filters, 4, strides=2, padding="same", use_bias=False)(h))
    turned = Turn()([concatenate([h, sketch]), pose])
    h = normed(layers.Conv2D(width // 2, 3, padding="same", use_bias=False)(concatenate([turned, wish])))
    change = layers.Conv2D(1, 3, padding="same")(concatenate([h, turned[..., -1:], wish]))
    line = Turn()([ops.arctanh(0.97 * sketch), pose])
    return keras.Model([z, wish], layers.Activation("tanh")(line + change))


def sketching_game(generator, discriminator, seed):
    """A conditional GAN whose drawings also pay for their distance to the scan whose pose and scores they have."""
    import keras
    import tensorflow as tf

    from medlib.models.gan import ConditionalGAN, generator_loss

    class SketchGAN(ConditionalGAN):
        def parts(self, data):
            real, (wish, code) = data
            return real, [wish, code]

        def losses(self, real, asked, training):
            wish, code = asked
            noise = keras.random.normal((tf.shape(real)[0], NOISE), seed=self.noise)
            fake = self.generator([tf.concat([code, noise], axis=1), wish], training=training)
            forged = self.discriminator([fake, wish], training=training)
            unlike = tf.reduce_mean(tf.abs(fake - real))
            return self.d_loss(real, forged, [wish], training), generator_loss(forged) + LIKENESS * unlike

    return SketchGAN(generator, discriminator, gamma=0.1, seed=seed)


def play(game, data, steps):
    """CPU seconds of so many steps."""
    import tensorflow as tf

    @tf.function
    def step(real, asked):
        game.train_step((real, asked))

    batches = tf.data.Dataset.from_tensor_slices(data).shuffle(5000).batch(16, drop_remainder=True).repeat()
    began = time.process_time()
    for real, asked in batches.take(steps):
        step(real, asked)
    return time.process_time() - began


def contest(seed: int, steps: int) -> None:
    """One seed: judge and floor, notebook 21's recipe, and the sketching one with both ways to draw."""
    rng = setup(seed)
    from medlib.metrics import density_coverage, fid
    from medlib.models import gan
    from medlib.models.pose import pose

    heads = Heads(rng)
    train, test = heads.train, heads.test

    def report(name, images, cpu=0.0):
        rows, kind = heads.seen(images), heads.kinds(images)
        words = f"FD {fid(real, rows):6.2f}  coverage {density_coverage(real, rows)[1]:.3f}"
        healthy = np.mean(kind[test.y == 0] > 0)
        words += f"  kind {np.mean(kind == test.y):.3f}  healthy, lesion seen {healthy:.3f}"
        print(f"seed {seed}  {name:26} {cpu:5.0f} CPU s  {words}", flush=True)

    real = heads.seen(heads.x_test)
    others = np.isin(train.groups, rng.choice(np.unique(train.groups), len(np.unique(test.groups)), replace=False))
    print(f"seed {seed}  floor: FD {fid(real, heads.seen(heads.x_train[others])):.2f}", flush=True)
    report("real scans", heads.x_test)

    x, book, y = both_ways(heads.x_train), both_ways(orders(train)), np.tile(train.y, 2)
    poses, asked = pose((x + 1) / 2), orders(test)
    game = gan.compile_gan(course_game(x, poses, seed), steps)
    cpu = play(game, (x, book), steps)
    report("notebook 21", gan.generate(game, rng.normal(size=(len(test.y), 64)), asked), cpu)

    usual, axes, scores = components(x, book, y, poses)
    code = np.concatenate([(poses - poses.mean(axis=0)) / poses.std(axis=0), scores], axis=1).astype("float32")
    game = sketching_game(build_generator(usual, axes, poses), gan.build_discriminator(SHAPE, 3, width=16), seed)
    cpu = play(gan.compile_gan(game, steps), (x, (book, code)), steps)
    z = rng.normal(size=(len(test.y), 3 + SCORES + NOISE))
    report("over a sketch, normal", gan.generate(game, z, asked), cpu)
    known = code[rng.integers(len(code), size=len(z))]
    z[:, : known.shape[1]] = (known + 0.3 * z[:, : known.shape[1]]) / np.sqrt(1.09)
    report("over a sketch, shaken", gan.generate(game, z, asked), cpu)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=1000)
    options = parser.parse_args()
    for seed in options.seeds:
        contest(seed, options.steps)


if __name__ == "__main__":
    main()
