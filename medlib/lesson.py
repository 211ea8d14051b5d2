"""What every notebook does: start in a known state, assert its claims, check the reader's answers, show progress.

This module knows no models and no data. TensorFlow is imported by :func:`setup`, not by ``import medlib.lesson``.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from medlib import decisions

# ---------------------------------------------------------------------------------------------------------------- setup


def setup(seed: int = 0) -> np.random.Generator:
    """Seed Python, numpy and Keras, silence TensorFlow's start-up lines, set the figure style.

    It also makes the computer's own settings harmless, in this process alone, and says in one line what it left aside:
    Keras runs on TensorFlow with ``channels_last`` and ``float32`` (:func:`quiet_keras`), and figures begin from
    matplotlib's defaults, drawn on the page when this is a notebook. No file of the reader is changed.

    The environment variable ``MEDLIB_SEED``, when set, replaces ``seed``: that is how a claim is tried on other seeds.

    Returns
    -------
    numpy.random.Generator
        The generator that the notebook draws from.

    Raises
    ------
    ValueError
        If the seed, or ``MEDLIB_SEED``, is not a whole number from 0 to 2**32 - 1.
    RuntimeError
        If Keras has been imported with another backend: a backend cannot be exchanged in a running process.
    """
    wanted = os.environ.get("MEDLIB_SEED")
    seed = _seed("MEDLIB_SEED", wanted) if wanted else _seed("seed", seed)
    keras = quiet_keras()
    _settle(keras)
    keras.utils.set_random_seed(seed)  # Python's random, numpy's global state and TensorFlow
    _figures()
    return np.random.default_rng(seed)


def _seed(name: str, value) -> int:
    try:
        number = int(value)
        if isinstance(value, float) and value != number:
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        number = -1
    if not 0 <= number < 2**32:
        example = "MEDLIB_SEED=3" if name == "MEDLIB_SEED" else "setup(seed=0)"
        raise ValueError(f"{name}: got {value!r}, expected a whole number from 0 to 2**32 - 1, e.g. {example}")
    return number


#: What the course's models are written for, by the names that keras.json uses.
KERAS = {"backend": "tensorflow", "image_data_format": "channels_last", "floatx": "float32", "epsilon": 1e-7}

#: Variables that would end the process, cut a training short, or ask for a package that is not there.
FOREIGN = ("TF_XLA_FLAGS", "KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH", "TF_USE_LEGACY_KERAS")


_settled = False  # whether Keras has the course's settings in this process


def quiet_keras():
    """Import TensorFlow and Keras without their start-up lines on stderr; return the ``keras`` module.

    The first import also leaves aside, for this process, what the computer says otherwise: ``KERAS_BACKEND``, a
    ``keras.json`` (Keras refuses to start on some), and variables that would stop or shorten a training. One line on
    stdout says what. Variables that only choose how to compute stay: threads, devices, oneDNN.

    Raises
    ------
    RuntimeError
        If Keras has been imported with another backend.
    """
    global _settled
    if not {"tensorflow", "keras"} <= set(sys.modules):
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # whatever it was: a log belongs on no page
        aside = [*_foreign_variables(), *_foreign_keras_json()]
        with _stderr_to_nowhere(), _no_keras_json() if "keras.json" in str(aside) else contextlib.nullcontext():
            import tensorflow as tf

            tf.constant(0.0)  # starts the runtime, which is when the last lines appear
            tf.get_logger().setLevel("ERROR")
            import keras
        if aside:
            say(f"Left aside in this process: {', '.join(aside)}.")
    import keras

    if (got := keras.config.backend()) != KERAS["backend"]:
        raise RuntimeError(
            f"Keras backend: got {got!r}, imported earlier in this process, expected 'tensorflow'; "
            "restart the kernel (menu Kernel, Restart Kernel) and call setup() before anything imports keras"
        )
    if not _settled:  # what the reader chooses later stays, until the next setup()
        _settle(keras)
        _settled = True
    return keras


def _foreign_variables() -> list[str]:
    """Take the variables that would change what the course computes out of this process; return their names."""
    aside = [f"{name}={os.environ.pop(name)}" for name in FOREIGN if os.environ.get(name)]
    if (backend := os.environ.get("KERAS_BACKEND") or KERAS["backend"]) != KERAS["backend"]:
        aside.insert(0, f"KERAS_BACKEND={backend}")
    os.environ["KERAS_BACKEND"] = KERAS["backend"]
    return aside


def _foreign_keras_json() -> list[str]:
    """What the reader's keras.json says otherwise than the course, in words; empty when it is harmless or missing."""
    home = os.path.expanduser("~")
    folder = os.environ.get("KERAS_HOME") or os.path.join(home if os.access(home, os.W_OK) else "/tmp", ".keras")
    file = os.path.expanduser(os.path.join(folder, "keras.json"))
    if not os.path.exists(file):
        return []
    try:
        found = json.loads(Path(file).read_text(encoding="utf-8"))
        other = [f"{name} {found[name]}" for name in KERAS if found.get(name, KERAS[name]) != KERAS[name]]
    except (OSError, ValueError, AttributeError):  # may not be read; no JSON; not a table
        return ["keras.json (cannot be read)"]
    return [f"keras.json ({', '.join(other)})"] if other else []


@contextlib.contextmanager
def _no_keras_json() -> Iterator[None]:
    """Let Keras look for its keras.json in an empty folder. TensorFlow reads the file as well."""
    before = os.environ.get("KERAS_HOME")
    with tempfile.TemporaryDirectory(prefix="medlib-") as empty:
        os.environ["KERAS_HOME"] = empty
        try:
            yield
        finally:
            os.environ.pop("KERAS_HOME")
            if before is not None:
                os.environ["KERAS_HOME"] = before


def _settle(keras) -> None:
    """Give a Keras that was imported or changed elsewhere the course's settings, and say so when that was needed."""
    config, changed = keras.config, []
    for name in ("image_data_format", "floatx", "epsilon"):
        if (got := getattr(config, name)()) != KERAS[name]:
            getattr(config, f"set_{name}")(KERAS[name])
            changed.append(f"{name} {KERAS[name]} (was {got})")
    if (got := config.dtype_policy().name) != KERAS["floatx"]:
        config.set_dtype_policy(KERAS["floatx"])
        changed.append(f"dtype policy {KERAS['floatx']} (was {got})")
    if changed:
        say(f"Set for this process: {', '.join(changed)}.")


def _figures() -> None:
    """The course's figure style over matplotlib's defaults, whatever a matplotlibrc says; on the page in a notebook.

    With ``MPLBACKEND=Agg`` in the environment a notebook's figures would vanish without a word.
    """
    import matplotlib as mpl

    from medlib import plot

    if _in_kernel() and "inline" not in str(backend := mpl.get_backend(auto_select=False)):
        sys.modules["IPython"].get_ipython().enable_matplotlib("inline")
        say(f"Figures appear on this page (matplotlib's backend was {backend}).")
    mpl.rcdefaults()
    plot.style()


@contextlib.contextmanager
def _stderr_to_nowhere() -> Iterator[None]:
    """Redirect file descriptor 2: the C++ start-up lines do not pass through ``sys.stderr``."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def say(text: str, end: str = "\n") -> None:
    """Print; a stream that lacks a letter (a tick, in a Windows code page or under ``LC_ALL=C``) gets ``?`` for it."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print(text.encode(encoding, "replace").decode(encoding), end=end, flush=True)


# ---------------------------------------------------------------------------------------------------------------- claim


def claim(sentence: str, condition, measured=None) -> None:
    """Print a tick and the sentence when ``condition`` holds; raise when it does not.

    Parameters
    ----------
    sentence
        What the page says, in words.
    condition
        One truth value. An array is refused: say ``np.all`` or ``np.any``, whichever is meant.
    measured
        The value that the condition looked at; printed with the sentence.

    Raises
    ------
    AssertionError
        The claim is false. The message holds the sentence and the measured value.
    TypeError
        ``condition`` is not a single truth value.
    """
    if not isinstance(condition, (bool, np.bool_)):
        shape = f" of shape {np.shape(condition)}" if np.ndim(condition) else ""
        raise TypeError(
            f"claim({sentence!r}): condition is a {type(condition).__name__}{shape}, expected True or False; "
            "compare it with something, or wrap an array in np.all(...) or np.any(...)"
        )
    value = "" if measured is None else f"  [{_short(measured)}]"
    if not condition and decisions.scrambling():  # a test part without sense bears no claims
        say(f"✗ {sentence}{value}")
        return
    if not condition:
        raise AssertionError(f"this claim does not hold: {sentence}{value}")
    say(f"✓ {sentence}{value}")


def _short(value) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, np.ndarray) and value.size <= 12:
        value = value.tolist()
    if isinstance(value, (list, tuple)) and len(value) <= 12:
        return ", ".join(_short(v) for v in value)
    return f"{value:.4g}" if isinstance(value, (float, np.floating)) else str(value)


# ---------------------------------------------------------------------------------------------------------------- check


def check(exercise: str, answer) -> None:
    """Check the reader's answer to an exercise and say one of three things: not attempted, a hint, or passed.

    A wrong answer never raises. A pass is remembered in the reader's data folder (``MEDLIB_HOME`` or the system's usual
    place) and shown on the map that :func:`progress` draws; a folder that cannot be written is no error.

    Raises
    ------
    ValueError
        There is no exercise of that number.
    """
    from medlib import checks

    outcome, message = checks.judge(exercise, answer)
    if outcome == checks.PASSED:
        say(f"✓ {exercise} passed")
        _remember(exercise)
    elif outcome == checks.NOT_ATTEMPTED:
        say(f"… {exercise} not attempted yet: replace the three dots and run the cell again")
    else:
        say(f"✗ {exercise} not yet: {message}")


def _home() -> Path:
    """The folder of the reader's progress; FileNotFoundError for a user without a home (no HOME, no name)."""
    import platformdirs

    try:
        chosen = os.environ.get("MEDLIB_HOME") or platformdirs.user_data_dir("medlib", appauthor=False)
        return Path(chosen).expanduser()
    except RuntimeError:
        raise FileNotFoundError(errno.ENOENT, "this user has no home folder") from None


def passed() -> set[str]:
    """The numbers of the exercises that this reader has passed."""
    try:
        return {path.name for path in (_home() / "passed").iterdir()}
    except OSError:
        return set()


def _remember(exercise: str) -> None:
    """Leave an empty file with the exercise's number: two notebooks at once cannot lose each other's passes."""
    with contextlib.suppress(OSError):  # a read-only disk takes nothing from the lesson
        folder = _home() / "passed"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / exercise).touch()


def progress(ax=None):
    """Draw the reader's map: a row for each notebook, a square for each exercise, filled when it has been passed.

    Returns
    -------
    matplotlib.axes.Axes
    """
    import matplotlib.pyplot as plt

    from medlib import checks

    done, exercises = passed(), checks.exercises()
    notebooks = sorted({e.split(".")[0].zfill(2) for e in exercises})
    rows = {n: [e for e in exercises if e.split(".")[0].zfill(2) == n] for n in notebooks}
    if ax is None:
        _, ax = plt.subplots(figsize=(6.4, 0.8 + 0.45 * len(rows)))
    for y, row in enumerate(rows.values()):
        for x, name in enumerate(row):
            ax.scatter(x, y, s=320, marker="s", c="C0" if name in done else "none", edgecolors="C0")
            ax.annotate(name, (x, y), ha="center", va="center", color="white" if name in done else "C0", fontsize=7)
    ax.set(yticks=range(len(rows)), yticklabels=[f"notebook {n}" for n in rows], xticks=[])
    ax.set(xlim=(-0.6, max([8, *map(len, rows.values())])))
    ax.set(ylim=(len(rows) - 0.4, -0.6), title=f"{len(done & set(exercises))} of {len(exercises)} exercises passed")
    ax.grid(False)
    ax.spines[:].set_visible(False)
    return ax


# ------------------------------------------------------------------------------------------------------- progress bars


class Bar:
    """One line that is redrawn in place: label, bar, share done, time left. Appears after two seconds of work.

    Works in a notebook and in a terminal, writes to stdout only, and leaves one short line behind.
    """

    width = 30

    def __init__(self, label: str, total: int | None):
        self.label, self.total, self.done = label, total, 0
        self.start = self.last = time.monotonic()
        self.note, self._handle, self._text = "", None, ""

    def update(self, done: int, note: str = "") -> None:
        """Say that ``done`` units of ``total`` are finished; ``note`` is shown behind the time left."""
        self.done, self.note = done, note
        now = time.monotonic()
        if now - self.start > 2 and now - self.last > 0.3:
            self.last = now
            self._draw(self._line(now - self.start))

    def close(self, word: str = "done") -> None:
        """Replace the bar by a last line: label, what was done, seconds."""
        took = time.monotonic() - self.start
        if self._handle is not None or self._text or took > 2:
            note = f" · {self.note}" if self.note else ""
            last = f"{self.label}: {word} in {took:.0f} s{note}"
            if _in_kernel():
                self._draw(last)
            elif sys.stdout.isatty():
                self._draw(last)
                say("")
            else:  # a log file gets the last line only
                say(last)

    def _line(self, elapsed: float) -> str:
        note = f" · {self.note}" if self.note else ""
        if not self.total:
            return f"{self.label}: {self.done} · {elapsed:.0f} s{note}"
        share = min(self.done / self.total, 1.0)
        full = round(share * self.width)
        left = f"{elapsed / share - elapsed:.0f} s left" if share else "…"
        return f"{self.label} {'█' * full}{'░' * (self.width - full)} {share:4.0%} · {left}{note}"

    def _draw(self, text: str) -> None:
        if _in_kernel():
            from IPython.display import display

            data = {"text/plain": text}
            if self._handle is None:
                self._handle = display(data, raw=True, display_id=True)
            else:
                self._handle.update(data, raw=True)
        elif sys.stdout.isatty():
            say("\r" + text.ljust(len(self._text)), end="")
        self._text = text


def _in_kernel() -> bool:
    """Whether this is a notebook. That ipykernel has been imported does not say so: test runners import it too."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return hasattr(shell, "kernel")


def track(items: Iterable, label: str, total: int | None = None) -> Iterator:
    """Go through ``items`` with a progress bar and the time left: ``for x in track(xs, "rendering"):``."""
    total = len(items) if total is None and hasattr(items, "__len__") else total
    bar, word = Bar(label, total), "stopped"
    try:
        for i, item in enumerate(items, 1):
            yield item
            bar.update(i)
        word = "done"
    finally:
        bar.close(word)
