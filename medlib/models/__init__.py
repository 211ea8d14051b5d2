"""The models that the chapters build, ready for reuse. Each is written out in the notebook that teaches it."""

from medlib.lesson import quiet_keras

quiet_keras()  # every module in here needs it, and its start-up lines belong on no page
