"""What left notebook 21 still runs, and still says what its sentences say."""

import numpy as np
import pytest

from medlib.lesson import setup
from tests.course.kept import article_21 as kept


@pytest.fixture(scope="module")
def batch():
    """Sixteen images, black with a grey square, and noise."""
    rng = setup(seed=0)
    images = np.full((16, 28, 28, 1), -1.0)
    images[:, 8:20, 8:20] = rng.uniform(-0.2, 0.4, (16, 12, 12, 1))
    return images.astype("float32"), rng.normal(size=(16, 100)).astype("float32")  # one type, or Keras traces anew


def test_the_listing_stops_at_three_channels(batch):
    said = kept.three_channels_meet_one(*batch)
    assert "size 1 and" in said and "size 3" in said


def test_a_white_target_makes_white_drawings_and_a_detective_who_shrugs(batch):
    images, noise = batch
    white = kept.white_target(noise)
    assert white.mean() > 0.8 and white.std(axis=0).mean() < 0.15
    shift, opinion = kept.shown_twice(images, white)
    assert shift > 1e-3 and opinion == pytest.approx(0.5, abs=0.1)


def test_a_fresh_generator_is_another_network_in_predict(batch):
    training, inference = kept.two_modes(batch[1])
    assert training > 10 * inference
