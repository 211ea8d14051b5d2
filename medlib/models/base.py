"""What makes the course's models ordinary Keras models: checked, saved and read back with nothing to say about it."""

from __future__ import annotations

import inspect

import keras

from medlib.models.inputs import check_images, check_targets, rows_of


def register(kind: type) -> type:
    """Tell Keras the name of a class, so that ``keras.saving.load_model`` finds it."""
    package = "medlib" if kind.__module__.startswith("medlib.") else kind.__module__
    return keras.saving.register_keras_serializable(package)(kind)


class Checked:
    """Looks at the data before anything is traced. A model says in ``check`` and ``check_asked`` what it expects."""

    wants_targets = True  # False: what stands beside the images in `fit` is ignored

    def targets(self, y=None):
        """The targets, or None where the model has no use for them."""
        return y if self.wants_targets else None

    def compile(self, *more, **options):
        """``keras.Model.compile``; the optimiser's own weights are made at once.

        So the first step is traced once, and weights saved with their optimiser load into a fresh model.
        """
        super().compile(*more, **options)
        if self.optimizer is not None:
            self.optimizer.build(self.trainable_variables)

    def compile_from_config(self, config):
        """Compile with what ``get_compile_config`` kept."""
        self.compile(**keras.saving.deserialize_keras_object(config))

    def check(self, x, y=None, name: str = "x") -> None:
        """Refuse examples that cannot train this model, with a ValueError."""

    def check_asked(self, x) -> None:
        """Refuse what ``predict`` cannot answer, with a ValueError."""

    def look(self, x, y=None, name: str = "x") -> None:
        """``check`` the arrays, or the first batch of a data set."""
        x, y = rows_of(x, y)
        if x is not None:
            self.check(x, y, name)

    def fit(self, x=None, y=None, *more, **options):
        """``keras.Model.fit``, after a look at the data."""
        self.look(x, y)
        watched = options.get("validation_data")
        if isinstance(watched, (list, tuple)):
            self.look(*watched[:2], name="validation")
            options["validation_data"] = (watched[0], self.targets(*watched[1:2]), *watched[2:])
        elif watched is not None:
            self.look(watched, name="validation")
        return super().fit(x, self.targets(y), *more, **options)

    def evaluate(self, x=None, y=None, *more, **options):
        """``keras.Model.evaluate``, after a look at the data."""
        if not options.get("_use_cached_eval_dataset"):  # Keras's own call after each epoch of `fit`
            self.look(x, y)
        return super().evaluate(x, self.targets(y), *more, **options)

    def predict(self, x, *more, **options):
        """``keras.Model.predict``, after a look at the data."""
        rows, _ = rows_of(x)
        if rows is not None:
            self.check_asked(rows)
        return super().predict(x, *more, **options)


@register
class Network(Checked, keras.Model):
    """``keras.Model(inputs, outputs)`` for images, which refuses images and labels that it cannot learn from."""

    def check(self, x, y=None, name="x"):
        """Images of the right shape without missing values; labels that fit the loss."""
        x = check_images(x, self.input_shape[1:], name, low=None)
        if y is not None and self.compiled:
            check_targets(self, y, len(x))

    def check_asked(self, x):
        """Images of the right shape without missing values."""
        check_images(x, self.input_shape[1:], low=None)


class Saved(Checked, keras.Model):
    """A model of parts that are built already, which keeps each argument of its ``__init__`` under its own name.

    Because of that habit the configuration can be read off the model, and ``model.save`` and
    ``keras.saving.load_model`` need no more. Subclasses are registered as they are defined.
    """

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        register(cls)

    def __init__(self):
        super().__init__()
        self.built = True  # all weights come into being in `__init__`

    def get_config(self):
        """The arguments of ``__init__``."""
        names = list(inspect.signature(type(self).__init__).parameters)[1:]
        return {name: keras.saving.serialize_keras_object(getattr(self, name)) for name in names}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """A model with these arguments, its weights fresh."""
        made = {
            name: keras.saving.deserialize_keras_object(value, custom_objects=custom_objects)
            for name, value in config.items()
        }
        return cls(**made)

    def save_own_variables(self, store):
        """Weights, and where the noise has got to (Keras leaves that out), so that a training goes on as it would."""
        super().save_own_variables(store)
        if hasattr(self, "noise"):
            store["noise"] = self.noise.state

    def load_own_variables(self, store):
        """The reverse."""
        own = {key: store[key] for key in store.keys()}
        if "noise" in own:
            self.noise.state.assign(own.pop("noise"))
        super().load_own_variables(own)
