"""Notebook 21's scans, judge and game, for those who compete with it."""

from __future__ import annotations

import numpy as np

from medlib.data import load
from medlib.data.head_ct import brain_window, lesion_maps


def both_ways(images):
    """Each image, and its mirror image."""
    return np.concatenate([images, images[:, :, ::-1]])


class Heads:
    """The three parts as notebook 21 deals them, their images in [-1, 1], and a judge taught on the school's masks."""

    def __init__(self, rng: np.random.Generator, size: int = 32):
        from medlib.models import judge

        self.shape = (size, size, 1)
        parts = load("head_ct", size=size).split(val=0.3, test=0.2, seed=int(rng.integers(1000)))
        self.train, self.school, self.test = parts
        images = ((2 * brain_window(part.x) - 1)[..., None].astype("float32") for part in parts)
        self.x_train, self.x_school, self.x_test = images
        self.judge = judge.compile_judge(judge.build_judge(self.shape, 4), steps=600)
        masks, kinds = both_ways(self.school.masks), np.tile(self.school.y, 2)
        judge.fit_judge(self.judge, both_ways(self.x_school), masks, kinds)
        own = judge.features(self.judge, self.x_train)
        self.centre, self.spread = own.mean(axis=0), own.std(axis=0)

    def seen(self, images):
        """What the judge sees in each image: 64 standardised features."""
        from medlib.models import judge

        return (judge.features(self.judge, images) - self.centre) / self.spread

    def kinds(self, images):
        """The kind of lesion that the judge finds in each image."""
        from medlib.models import judge

        return judge.findings(self.judge, images)[0]


def course_game(heads: Heads, seed: int):
    """Notebook 21's game, not compiled, and what ``fit_gan`` takes: images, maps and codes."""
    from medlib.models import gan
    from medlib.models.pose import pose, straighten, turn

    x, y = both_ways(heads.x_train), np.tile(heads.train.y, 2)
    book = lesion_maps(both_ways(heads.train.masks), y)
    poses = pose((x + 1) / 2)
    lesion = turn(book.max(axis=-1, keepdims=True), poses, back=True).numpy() > 0.1
    usual, axes, scores = gan.linear_sketch(2 * straighten((x + 1) / 2, poses) - 1, lesion, y == 0)
    code = np.concatenate([(poses - poses.mean(axis=0)) / poses.std(axis=0), scores], axis=1)
    generator = gan.build_sketching_generator(heads.shape, 64, 3, poses, usual, axes)
    return gan.SketchGAN(generator, gan.build_discriminator(heads.shape, 3), gamma=0.1, seed=seed), (x, book, code)
