"""The course's VAE against TensorFlow's tutorial CVAE at the same CPU time: ``python -m tests.rivals.vae [--seeds 3]``.

The recipe is that of https://www.tensorflow.org/tutorials/generative/cvae, rewritten for 32 x 32 pixels: two stride-2
convolutions 32-64, latent 2, dense 8·8·32, transposed convolutions 64-32-1, ReLU, batch 32, Adam 1e-4, 10 epochs. All
rows use one likelihood, a Gaussian with a learned variance and the same floor for each pixel, so that nats compare.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from medlib.data import load
from medlib.data.head_ct import brain_window
from medlib.lesson import setup
from medlib.metrics import bootstrap

SHAPE = (32, 32, 1)


def tutorial(latent: int = 2):
    """Encoder and decoder of the tutorial, for 32 x 32 pixels."""
    import keras
    from keras import layers

    encoder = keras.Sequential([keras.Input(SHAPE)])
    for width in (32, 64):
        encoder.add(layers.Conv2D(width, 3, strides=2, activation="relu"))
    encoder.add(layers.Flatten())
    encoder.add(layers.Dense(2 * latent))
    decoder = keras.Sequential([keras.Input((latent,)), layers.Dense(8 * 8 * 32, activation="relu")])
    decoder.add(layers.Reshape((8, 8, 32)))
    for width in (64, 32):
        decoder.add(layers.Conv2DTranspose(width, 3, strides=2, padding="same", activation="relu"))
    decoder.add(layers.Conv2DTranspose(1, 3, padding="same"))
    return encoder, decoder


def train_tutorial(x: np.ndarray, latent: int, seconds: float, start: bool, seed: int):
    """Ten epochs at least, and then whole epochs until this much CPU time is spent."""
    import keras

    from medlib.models import vae
    from medlib.models.training import stream

    model = vae.ConvVAE(*tutorial(latent), seed=seed)
    if start:
        vae.start_from(model, x)
    model.compile(keras.optimizers.Adam(1e-4))
    rows = stream(x, batch_size=32, shuffle=True)
    began, epochs = time.process_time(), 0
    while epochs < 10 or time.process_time() - began < seconds:
        model.fit(rows, epochs=epochs + 1, initial_epoch=epochs, verbose=0, shuffle=False)
        epochs += 1
    return model, time.process_time() - began, epochs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    for seed in range(options.seeds):
        rng = setup(seed)
        from medlib.models import vae

        train, _, test = load("head_ct", size=32).split(seed=int(rng.integers(1000)))
        x, fresh = (brain_window(part.x)[..., None].astype("float32") for part in (train, test))
        ours = vae.ConvVAE(vae.build_encoder(SHAPE, 24), vae.build_decoder(SHAPE, 24), seed=seed)
        began = time.process_time()
        steps = 15 * -(-len(x) // 32)
        vae.fit_vae(vae.compile_vae(ours, steps), x)
        took = time.process_time() - began
        rows = {"course": (ours, took, 15)}
        rows["tutorial, latent 2"] = train_tutorial(x, 2, took, False, seed)
        rows["tutorial, latent 2, our start"] = train_tutorial(x, 2, took, True, seed)
        rows["tutorial, latent 24, our start"] = train_tutorial(x, 24, took, True, seed)
        for name, (model, cpu, epochs) in rows.items():
            nats = sum(vae.negative_elbo(model, fresh, draws=3))
            score = bootstrap(lambda y, p: p.mean(), np.zeros(len(nats)), nats, test.groups, n=500)
            print(f"seed {seed}  {name:32} {epochs:3} epochs {cpu:5.1f} CPU s   test -ELBO {score} nats per image")


if __name__ == "__main__":
    main()
