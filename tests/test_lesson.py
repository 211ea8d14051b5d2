"""medlib.lesson: a known start, claims, checks, the reader's map, progress bars."""

from __future__ import annotations

import io
import json
import os
import random
import subprocess
import sys
import types

import numpy as np
import pytest

from medlib import checks, lesson
from medlib.lesson import Bar, check, claim, passed, progress, setup, track


def fresh(code: str, folder=None, **environment) -> subprocess.CompletedProcess:
    """Run code in a new interpreter, with nothing imported and real file descriptors; in ``folder``, if given."""
    environment = {**{k: v for k, v in os.environ.items() if k != "MEDLIB_SEED"}, **environment}
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", env=environment, timeout=120, cwd=folder
    )


# ------------------------------------------------------------------------------------------------------------- import


def test_import_is_light_and_quick():
    code = (
        "import time; start = time.perf_counter(); import medlib; took = time.perf_counter() - start\n"
        "import sys; heavy = {'tensorflow', 'keras', 'pandas', 'numpy', 'matplotlib'} & set(sys.modules)\n"
        "print(took, *heavy)"
    )
    runs = [fresh(code).stdout.split() for _ in range(3)]
    assert [run[1:] for run in runs] == [[], [], []]
    assert min(float(run[0]) for run in runs) < 0.1


def test_the_light_modules_do_not_import_the_heavy_ones():
    code = "import sys, medlib.lesson, medlib.checks, medlib.plot, medlib.metrics\n"
    code += "medlib.checks.exercises(); print(*sys.modules)"  # the first check of a page imports them all
    assert not {"tensorflow", "keras", "pandas", "matplotlib", "sklearn", "scipy"} & set(fresh(code).stdout.split())


# -------------------------------------------------------------------------------------------------------------- setup


def draws() -> tuple[float, float, float]:
    import keras

    legacy = np.random.random()  # noqa: NPY002 - the global state is what is looked at
    return random.random(), legacy, float(keras.random.uniform(()))


def test_setup_seeds_python_numpy_and_keras(monkeypatch):
    monkeypatch.delenv("MEDLIB_SEED", raising=False)
    first = setup(3).random(), draws()
    assert (setup(3).random(), draws()) == first
    other = setup(4).random(), draws()
    assert other[0] != first[0] and all(a != b for a, b in zip(first[1], other[1], strict=True))


def test_the_environment_overrides_the_seed(monkeypatch):
    monkeypatch.delenv("MEDLIB_SEED", raising=False)
    wanted = setup(7).random()
    monkeypatch.setenv("MEDLIB_SEED", "7")
    assert setup(0).random() == wanted
    monkeypatch.setenv("MEDLIB_SEED", "")  # as good as not set
    assert setup(0).random() == np.random.default_rng(0).random()


def test_setup_sets_the_figure_style():
    import matplotlib as mpl

    setup()
    assert mpl.rcParams["figure.dpi"] == 90 and list(mpl.rcParams["figure.figsize"]) == [6.4, 3.6]


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, float("inf"), float("nan"), "ten", None, [1]])
def test_a_bad_seed_is_refused(seed, monkeypatch):
    monkeypatch.delenv("MEDLIB_SEED", raising=False)
    with pytest.raises(ValueError, match=r"^seed: got .* expected a whole number from 0 to .* e\.g\. setup\(seed=0\)"):
        setup(seed)


def test_a_bad_seed_in_the_environment_is_named_as_such(monkeypatch):
    monkeypatch.setenv("MEDLIB_SEED", "many")
    with pytest.raises(ValueError, match=r"^MEDLIB_SEED: got 'many', expected .* MEDLIB_SEED=3"):
        setup(0)


def test_a_fresh_start_writes_nothing_to_stderr_and_says_what_goes_wrong_later(tmp_path):
    """The start-up lines come from C++, below ``sys.stderr``; after them, the channel works as before."""
    usual = '{"backend": "tensorflow", "image_data_format": "channels_last", "floatx": "float32", "epsilon": 1e-07}'
    code = (
        "from medlib.models import training\nfrom medlib.lesson import setup\nimport os, sys\n"
        "print(setup(5).random())\nos.write(2, b'heard ')\nprint('too', file=sys.stderr)"
    )
    run = fresh(code, MEDLIB_SEED="6", KERAS_BACKEND="", **foreign_home(tmp_path, usual))  # nothing to be said
    assert run.returncode == 0 and run.stderr == "heard too\n"
    assert float(run.stdout) == np.random.default_rng(6).random()


# ------------------------------------------------------------------------------------------ other people's environments

#: What a child prints of its Keras after some training and a figure: settings, the shape of an output, epochs.
FACTS = """
import io, json, keras, numpy as np, matplotlib.pyplot as plt, tensorflow as tf
model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(2, 3), keras.layers.Flatten()])
model.compile("sgd", "mse")
history = model.fit(np.zeros((4, 8, 8, 1)), np.zeros((4, 72)), epochs=2, verbose=0)
plt.figure().text(0, 0, "50 %")
plt.savefig(io.BytesIO())
config = keras.config
print(json.dumps([config.backend(), config.image_data_format(), config.floatx(), config.epsilon(),
                  config.dtype_policy().name, model.output_shape[1], len(history.epoch), plt.rcParams["figure.dpi"],
                  tf.keras.Model is keras.Model]))
"""
AS_WRITTEN_FOR = ["tensorflow", "channels_last", "float32", 1e-7, "float32", 72, 2, 90.0, True]

#: Code that comes first in a child whose user has neither HOME nor an entry in the system's list of users.
NOBODY = """
import os, sys
for name in ("HOME", "USERPROFILE", "HOMEDRIVE", "HOMEPATH", "XDG_DATA_HOME", "XDG_CACHE_HOME", "MEDLIB_HOME"):
    os.environ.pop(name, None)
if os.name != "nt":
    import pwd
    def getpwuid(uid):
        raise KeyError(uid)
    pwd.getpwuid = getpwuid
"""


def foreign_home(folder, keras_json: str) -> dict[str, str]:
    """The environment of a reader whose home holds a keras.json and a matplotlibrc that suit another project."""
    (folder / ".keras").mkdir()
    (folder / ".keras" / "keras.json").write_text(keras_json, encoding="utf-8")
    (folder / "matplotlibrc").write_text("text.usetex: True\nfigure.dpi: 30\n", encoding="utf-8")
    return {"HOME": str(folder), "USERPROFILE": str(folder), "MATPLOTLIBRC": str(folder / "matplotlibrc")}


def test_foreign_variables_are_left_aside_and_said():
    """One of them would end Python, others train one epoch, ask for a package that is missing, or fill stderr."""
    run = fresh(
        "from medlib.models import training\nfrom medlib.lesson import setup\nsetup()\nsetup()" + FACTS,
        KERAS_BACKEND="torch",
        KERAS_MAX_EPOCHS="1",
        KERAS_MAX_STEPS_PER_EPOCH="1",
        TF_XLA_FLAGS="--no_such_flag",
        TF_USE_LEGACY_KERAS="1",
        TF_CPP_MIN_LOG_LEVEL="0",
        TF_CPP_MAX_VLOG_LEVEL="1",
        TF_ENABLE_ONEDNN_OPTS="0",
        MPLBACKEND="Agg",
    )
    assert (run.returncode, run.stderr) == (0, "")
    line, facts = run.stdout.splitlines()  # said once, although two calls have set it
    assert json.loads(facts) == AS_WRITTEN_FOR
    assert line == (
        "Left aside in this process: KERAS_BACKEND=torch, TF_XLA_FLAGS=--no_such_flag, KERAS_MAX_EPOCHS=1, "
        "KERAS_MAX_STEPS_PER_EPOCH=1, TF_USE_LEGACY_KERAS=1."
    )


def test_a_foreign_keras_json_and_matplotlibrc_do_nothing(tmp_path):
    """Keras has no backend theano, and neither Keras nor TensorFlow can be imported beside this floatx."""
    old = '{"backend": "theano", "image_data_format": "channels_first", "floatx": "bfloat16", "epsilon": 1e-3}'
    run = fresh("from medlib.lesson import setup\nsetup()" + FACTS, KERAS_BACKEND="", **foreign_home(tmp_path, old))
    assert (run.returncode, run.stderr) == (0, "")
    line, facts = run.stdout.splitlines()
    assert json.loads(facts) == AS_WRITTEN_FOR
    assert line == (
        "Left aside in this process: "
        "keras.json (backend theano, image_data_format channels_first, floatx bfloat16, epsilon 0.001)."
    )
    assert (tmp_path / ".keras" / "keras.json").read_text(encoding="utf-8") == old


def test_models_are_protected_as_setup_is(tmp_path):
    """Here Keras was imported first, with the reader's keras.json, and only then something of the course."""
    home = foreign_home(tmp_path, '{"image_data_format": "channels_first", "floatx": "float16"}')
    run = fresh("import keras, medlib.models\nprint(keras.config.dtype_policy().name, keras.config.floatx())", **home)
    assert run.returncode == 0
    assert run.stdout.splitlines() == [
        "Set for this process: image_data_format channels_last (was channels_first), floatx float32 (was float16).",
        "float32 float32",
    ]


def test_the_environment_check_is_protected_as_setup_is(tmp_path):
    home = foreign_home(tmp_path, '["no table"]')  # Keras refuses to start on it
    run = fresh("from medlib.environment import product\nproduct()", KERAS_BACKEND="torch", **home)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout == "Left aside in this process: KERAS_BACKEND=torch, keras.json (cannot be read).\n"


def test_a_choice_made_after_setup_stays_until_the_next_setup(capsys):
    keras = lesson.quiet_keras()
    setup()
    capsys.readouterr()
    try:
        keras.config.set_dtype_policy("mixed_bfloat16")
        assert lesson.quiet_keras().config.dtype_policy().name == "mixed_bfloat16"
    finally:
        setup()
    assert keras.config.dtype_policy().name == "float32"
    assert capsys.readouterr().out == "Set for this process: dtype policy float32 (was mixed_bfloat16).\n"


def test_another_backend_in_this_process_is_an_error_with_its_remedy(monkeypatch):
    keras = lesson.quiet_keras()
    monkeypatch.setattr(keras.config, "backend", lambda: "jax")
    with pytest.raises(RuntimeError, match=r"Keras backend: got 'jax'.* expected 'tensorflow'; restart the kernel"):
        setup()


@pytest.mark.filterwarnings("ignore:IPython parent")
def test_figures_appear_in_a_notebook_whatever_the_environment_says(tmp_path, monkeypatch):
    """A real kernel with MPLBACKEND=Agg, TeX wanted for every text, and a home that cannot be written."""
    import nbformat
    from nbclient import NotebookClient

    (tmp_path / "matplotlibrc").write_text("text.usetex: True\n", encoding="utf-8")
    (tmp_path / "file").write_text("not a folder", encoding="utf-8")
    cells = [
        "import matplotlib.pyplot as plt",
        "from medlib.lesson import check, passed, setup\nrng = setup()",
        "plt.plot([1, 2])\nplt.show()",
        "check('0.1', 3)\npassed()",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))  # of this process: the kernel inherits the rest
    for name in ("HOME", "USERPROFILE", "MEDLIB_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "file"))
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.setenv("MATPLOTLIBRC", str(tmp_path / "matplotlibrc"))
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path))
    NotebookClient(notebook, kernel_name="python3", timeout=120).execute()
    said, drawn, checked = ([out for out in cell.outputs] for cell in notebook.cells[1:])
    assert [out.text for out in said] == ["Figures appear on this page (matplotlib's backend was Agg).\n"]
    assert ["image/png" in out.data for out in drawn] == [True]
    assert checked[-1].data["text/plain"] == "set()"


def test_a_user_without_a_home_can_do_everything_but_keep_progress(tmp_path):
    code = NOBODY + (
        "from medlib.lesson import check, passed, progress\nfrom medlib import checks\nchecks.exercises()\n"
        "checks._registry['0.1'] = lambda answer: None\n"
        "check('0.1', 1); print(passed()); progress()\n"
        "from medlib import environment\n(found,) = environment.progress(); print(found.text)\n"
        "print(environment._plain('cannot open /somewhere/there.npz'))\n"
        "from medlib.data import available\nprint(len(available()) > 5)"
    )
    run = fresh(code, tmp_path, MPLCONFIGDIR=str(tmp_path), MPLBACKEND="Agg")  # what is left behind is left there
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines() == [
        "✓ 0.1 passed",
        "set()",
        "progress: your data folder cannot be written (this user has no home folder)",
        "cannot open there.npz",
        "True",
    ]


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "gbk"])
def test_a_tick_that_the_terminal_lacks_does_not_stop_the_lesson(encoding, monkeypatch, home):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="")  # strict: it refuses what it lacks
    monkeypatch.setattr(sys, "stdout", stream)
    claim("water is wet", True)
    monkeypatch.setenv("MEDLIB_SCRAMBLE", "1")
    claim("water is dry", False)
    check("3.1", 41)
    bar = Bar("fitting", 2)
    bar.start -= 5
    bar.close()
    stream.flush()
    said = stream.buffer.getvalue().decode(encoding)
    lines = ["? water is wet", "? water is dry", "? 3.1 not yet: count again", "fitting: done in 5 s"]
    assert said.splitlines() == lines


def test_a_bar_in_a_terminal_that_lacks_its_letters(monkeypatch):
    class Terminal(io.TextIOWrapper):
        def isatty(self):
            return True

    stream = Terminal(io.BytesIO(), encoding="ascii", newline="")
    monkeypatch.setattr(sys, "stdout", stream)
    bar = Bar("β", 2)
    bar.start -= 5
    bar.last -= 5
    bar.update(1)
    bar.close()
    frames = stream.buffer.getvalue().decode("ascii").rstrip("\n").split("\r")[1:]
    assert frames[0] == f"? {'?' * 30}  50% ? 5 s left" and frames[-1].rstrip() == "?: done in 5 s"


# -------------------------------------------------------------------------------------------------------------- claim


def test_a_true_claim_prints_its_sentence_and_the_value(capsys):
    claim("water is wet", True)
    claim("a half", np.bool_(True), np.float32(0.5))
    claim("two halves", np.all(np.ones(3) == 1), np.array([[0.5, 0.25]]))
    claim("a scalar array", True, np.array(1 / 3))
    claim("a ragged list", True, [[1.0, 2.0], (3,)])
    claim("words and counts", True, ("three of", 4))
    lines = ["water is wet", "a half  [0.5]", "two halves  [0.5, 0.25]", "a scalar array  [0.3333]"]
    lines += ["a ragged list  [1, 2, 3]", "words and counts  [three of, 4]"]
    assert capsys.readouterr().out.splitlines() == [f"✓ {line}" for line in lines]


def test_a_false_claim_raises_with_sentence_and_value(capsys):
    with pytest.raises(AssertionError) as error:
        claim("two and two make five", 2 + 2 == 5, 2 + 2)
    assert str(error.value) == "this claim does not hold: two and two make five  [4]"
    with pytest.raises(AssertionError, match="nothing measured$"):
        claim("nothing measured", np.bool_(False))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("condition", "got"),
    [
        (np.array([True, True]), r"ndarray of shape \(2,\)"),
        (np.array(True), "ndarray"),
        ([True], r"list of shape \(1,\)"),
        (0.3, "float"),
        (1, "int"),
        (None, "NoneType"),
        ("yes", "str"),
    ],
)
def test_a_condition_that_is_not_one_truth_value_is_refused(condition, got):
    with pytest.raises(TypeError, match=rf"claim\('s'\): condition is a {got}, expected True or False; .*np\.all"):
        claim("s", condition)


# -------------------------------------------------------------------------------------------------------------- check


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A reader without a past, and a course of three small exercises in two notebooks."""
    checks.exercises()  # the real ones are registered before the registry is exchanged
    monkeypatch.setattr(checks, "_registry", {})
    monkeypatch.setattr(checks, "__path__", [])
    monkeypatch.setenv("MEDLIB_HOME", str(tmp_path / "home"))

    @checks.exercise("3.1")
    def three_one(answer):
        return None if answer == 42 else "count again"

    @checks.exercise("3.2")
    def three_two(answer):
        return None if checks.call(answer, 2) == 4 else "that is not the square"

    @checks.exercise("11.1")
    def eleven_one(answer):
        return None

    return tmp_path / "home"


def test_check_says_one_of_three_things(home, capsys):
    check("3.1", ...)
    check("3.1", 41)
    check("3.1", 42)
    assert capsys.readouterr().out.splitlines() == [
        "… 3.1 not attempted yet: replace the three dots and run the cell again",
        "✗ 3.1 not yet: count again",
        "✓ 3.1 passed",
    ]


def test_only_passes_are_remembered(home):
    check("3.1", 41)
    check("3.1", ...)
    assert passed() == set() and not home.exists()
    check("3.1", 42)
    check("3.2", lambda x: x * x)
    check("3.1", 41)  # a later slip takes nothing away
    assert passed() == {"3.1", "3.2"}
    assert sorted(str(path.relative_to(home)) for path in home.rglob("*.*")) == [
        os.path.join("passed", "3.1"),
        os.path.join("passed", "3.2"),
    ]


def test_an_answer_that_fails_gives_a_hint_and_no_traceback(home, capsys):
    check("3.2", lambda x: 1 / 0)
    assert "✗ 3.2 not yet: your function raised ZeroDivisionError" in capsys.readouterr().out


def test_an_unknown_exercise_is_named(home):
    with pytest.raises(ValueError, match=r"exercise: got '9\.9', expected one of 3\.1, 3\.2, 11\.1"):
        check("9.9", 1)


def test_a_file_in_place_of_the_folder_breaks_nothing(home, capsys):
    home.write_text("not a folder", encoding="utf-8")
    check("3.1", 42)
    assert capsys.readouterr().out == "✓ 3.1 passed\n" and passed() == set()


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), OSError(28, "No space left on device")])
def test_a_read_only_or_full_disk_breaks_nothing(home, monkeypatch, capsys, error):
    def refuse(*args, **kwargs):
        raise error

    monkeypatch.setattr("pathlib.Path.touch", refuse)
    check("3.1", 42)
    assert capsys.readouterr().out == "✓ 3.1 passed\n" and passed() == set()


def test_notebooks_at_once_lose_nothing(home):
    """Four processes, as kernels are, each with 25 passes to remember."""
    code = "import sys; from medlib.lesson import _remember; [_remember(f'{sys.argv[1]}.{k}') for k in range(25)]"
    kernels = [subprocess.Popen([sys.executable, "-c", code, str(n)]) for n in range(4)]
    assert [kernel.wait(60) for kernel in kernels] == [0] * 4
    assert passed() == {f"{n}.{k}" for n in range(4) for k in range(25)}


def test_the_home_may_start_with_a_tilde(home, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("MEDLIB_HOME", "~/mine")
    check("3.1", 42)
    assert (tmp_path / "mine" / "passed" / "3.1").exists()


# ------------------------------------------------------------------------------------------------------------- the map


def squares(ax) -> dict[str, bool]:
    """Each exercise on the map, and whether its square is filled."""
    assert len(ax.collections) == len(ax.texts)
    return {t.get_text(): len(c.get_facecolor()) > 0 for t, c in zip(ax.texts, ax.collections, strict=True)}


def test_the_map_has_a_square_for_each_exercise(home):
    check("3.2", lambda x: x * x)
    ax = progress()
    assert squares(ax) == {"3.1": False, "3.2": True, "11.1": False}
    assert [label.get_text() for label in ax.get_yticklabels()] == ["notebook 03", "notebook 11"]
    assert ax.get_title() == "1 of 3 exercises passed"
    assert [text.get_position() for text in ax.texts] == [(0, 0), (1, 0), (0, 1)]


def test_the_map_uses_the_axes_it_is_given_and_shows_long_rows(home):
    import matplotlib.pyplot as plt

    for k in range(3, 13):
        checks.exercise(f"3.{k}")(lambda answer: None)
    _, ax = plt.subplots()
    assert progress(ax) is ax
    assert ax.get_xlim()[1] > max(x for x, _ in (text.get_position() for text in ax.texts))
    plt.close("all")


# ------------------------------------------------------------------------------------------------------ progress bars


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test moves."""
    now = types.SimpleNamespace(time=100.0)
    monkeypatch.setattr(lesson.time, "monotonic", lambda: now.time)
    return now


@pytest.fixture
def kernel(monkeypatch):
    """What a notebook shows: a list of displays, each a list of the texts it held."""
    import IPython.display

    shown = []

    class Handle:
        def __init__(self, data):
            self.texts = [data["text/plain"]]
            shown.append(self.texts)

        def update(self, data, raw):
            assert raw
            self.texts.append(data["text/plain"])

    def display(data, raw, display_id):
        assert raw and display_id
        return Handle(data)

    monkeypatch.setattr(lesson, "_in_kernel", lambda: True)
    monkeypatch.setattr(IPython.display, "display", display)
    return shown


def work(clock, items, seconds, **options):
    for item in track(items, "rendering", **options):
        clock.time += seconds
        yield item


def test_short_work_shows_nothing(clock, capsys):
    assert list(work(clock, range(10), 0.15)) == list(range(10))
    assert capsys.readouterr().out == ""


@pytest.fixture
def terminal(monkeypatch, capsys):
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda self: True)
    return capsys


def test_a_bar_in_a_terminal_is_one_line_with_the_time_left(clock, terminal):
    assert list(work(clock, range(4), 1.5)) == [0, 1, 2, 3]
    out = terminal.readouterr().out
    assert out.count("\n") == 1 and out.endswith("\n")
    frames = [frame.rstrip() for frame in out.rstrip("\n").split("\r")[1:]]
    assert frames[0] == f"rendering {'█' * 15}{'░' * 15}  50% · 3 s left"
    assert frames[1].endswith("75% · 2 s left") and frames[-1] == "rendering: done in 6 s"
    widths = [len(frame) for frame in out.rstrip("\n").split("\r")[1:]]
    assert widths == sorted(widths), "a shorter text leaves letters of the longer one behind"


def test_a_log_file_gets_the_last_line_only(clock, capsys):
    list(work(clock, range(4), 1.5))
    assert capsys.readouterr().out == "rendering: done in 6 s\n"


def test_a_bar_in_a_notebook_updates_one_display(clock, kernel, capsys):
    list(work(clock, range(4), 1.5))
    (texts,) = kernel
    assert texts[0].endswith("3 s left") and texts[-1] == "rendering: done in 6 s"
    assert capsys.readouterr().out == ""


def test_a_bar_does_not_flood_the_page(clock, kernel):
    list(work(clock, range(10_000), 0.001))
    assert len(kernel[0]) <= 8 / 0.3 + 2


def test_without_a_known_length_the_bar_counts(clock, kernel):
    assert list(work(clock, iter("abc"), 2.5)) == ["a", "b", "c"]
    assert kernel[0] == ["rendering: 1 · 2 s", "rendering: 2 · 5 s", "rendering: 3 · 8 s", "rendering: done in 8 s"]


def test_a_length_can_be_given(clock, kernel):
    list(work(clock, iter("abcd"), 2.5, total=4))
    assert "25% · 8 s left" in kernel[0][0]


def test_the_bar_closes_when_the_work_fails(clock, kernel):
    with pytest.raises(ZeroDivisionError):
        for i in work(clock, range(4), 3):
            1 / (2 - i)
    assert kernel[0][-1] == "rendering: stopped in 9 s"


def test_the_bar_closes_on_an_early_exit(clock, terminal):
    for i in track(range(4), "rendering"):
        clock.time += 3
        if i == 1:
            break
    out = terminal.readouterr().out
    assert out.split("\r")[-1].rstrip(" \n") == "rendering: stopped in 6 s" and out.endswith("\n")


def test_nothing_to_do_is_no_error(clock, capsys):
    assert list(track([], "rendering")) == []
    assert capsys.readouterr().out == ""


def test_a_note_stands_behind_the_time(clock, kernel):
    bar = Bar("fitting", 10)
    clock.time += 5
    bar.update(5, "loss 0.3")
    bar.close()
    assert kernel[0] == [f"fitting {'█' * 15}{'░' * 15}  50% · 5 s left · loss 0.3", "fitting: done in 5 s · loss 0.3"]


def test_a_terminal_is_not_taken_for_a_notebook():
    """Test runners and jupytext import ipykernel in programs that have no page to draw on."""
    import ipykernel  # noqa: F401

    assert lesson._in_kernel() is False


def test_a_real_kernel_is_recognised():
    """In a fresh interpreter that plays a kernel's part: the shell that has a ``kernel``."""
    code = (
        "import IPython, medlib.lesson\n"
        "IPython.get_ipython = lambda: type('Shell', (), {'kernel': None})()\n"
        "print(medlib.lesson._in_kernel())"
    )
    assert fresh(code).stdout == "True\n"
