"""Helper package of the course *Large models in medicine*.

Import the part you need: ``medlib.lesson``, ``medlib.data``, ``medlib.metrics``, ``medlib.plot``, ``medlib.models``.
Heavy libraries are imported where they are used, so ``import medlib`` is instant.
"""

__version__ = "0.1.0"
