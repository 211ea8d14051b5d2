"""What the tests of several models share: a callback that breaks in, and mistakes written into a model's source."""

from __future__ import annotations

import inspect

from medlib.models.training import keras


class At(keras.callbacks.Callback):
    """Raises ``error`` at the start of an epoch, or after a batch of it."""

    def __init__(self, error: BaseException, epoch: int, batch: int | None = None):
        super().__init__()
        self.error, self.when, self.epoch = error, (epoch, batch), 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
        if self.when == (epoch, None):
            raise self.error

    def on_train_batch_end(self, batch, logs=None):
        if self.when == (self.epoch, batch):
            raise self.error


def red_checks(module, kind: type, right: str, wrong: str, checks, *errors: type[Exception]) -> set[str]:
    """The names of the checks that fail for ``kind`` when ``right`` is replaced by ``wrong`` in its source.

    Each check takes the class. It fails by an assertion, or by one of ``errors`` where a mistake may end so.
    """
    source = inspect.getsource(kind)
    assert source.count(right) == 1, "the source has changed: change the mistake with it"
    space = dict(vars(module)) | {
        "__name__": "mutant"
    }  # the name under which Keras keeps it must not be the model's own
    exec(source.replace(right, wrong), space)
    failed = set()
    for check in checks:
        try:
            check(space[kind.__name__])
        except (AssertionError, *errors):
            failed.add(check.__name__)
    return failed
