"""medlib/install.py: the first thing a newcomer meets. It runs on the standard library, and says what is wrong."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from medlib import install

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "medlib" / "install.py"


def run(*arguments: str, before: str = "") -> subprocess.CompletedProcess:
    """Run the script as ``make`` does, on a Python without site packages; ``before`` sets the stage."""
    code = f"import runpy, sys\nsys.argv[:] = ['install.py', *{arguments!r}]\n{before}\n"
    code += f"runpy.run_path({str(SCRIPT)!r}, run_name='__main__')"
    return subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, encoding="utf-8", timeout=60)


# ---------------------------------------------------------------------------------------------------- first questions


@pytest.mark.parametrize("arguments", [(), ("notebook",), ("--help",)])
def test_an_unknown_command_gets_the_known_ones(arguments):
    result = run(*arguments)
    assert result.returncode == 1 and result.stdout == ""
    commands = "lab|test|notebooks|bench|seeds|decisions|mutate|install"
    assert result.stderr.strip() == f"usage: python3 medlib/install.py {commands}"


@pytest.mark.parametrize("version", [(3, 9, 18), (3, 14, 0), (2, 7, 18)])
def test_another_python_is_refused_in_plain_words(version):
    text = ".".join(map(str, version))
    result = run("lab", before=f"sys.version_info, sys.version = {version}, '{text} (main)'")
    assert result.returncode == 1 and "Traceback" not in result.stderr
    assert f"This course needs Python 3.11 to 3.13, and this is Python {text}." in result.stderr
    assert re.search(
        r"make lab PYTHON=python3\.1[123]\n\(On Windows: py -3\.12 medlib.install\.py lab\)", result.stderr
    )


def test_a_fitting_python_that_is_there_is_named(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 14, 0))
    for there in ("python3.11", "python3.13"):
        monkeypatch.setattr(install.shutil, "which", lambda name, there=there: there if name == there else None)
        with pytest.raises(SystemExit, match=f"This computer has one; say which to take: make lab PYTHON={there}\n"):
            install.check_python()
    monkeypatch.setattr(install.shutil, "which", lambda name: None)
    with pytest.raises(SystemExit, match=r"Install one of those .*PYTHON=python3\.12\n"):
        install.check_python()


LINUX = {"sys.platform": "linux", "os.name": "posix", "machine": "x86_64", "system": "linux-x86_64", "bits": 64}
MAC = LINUX | {"sys.platform": "darwin", "machine": "arm64", "system": "macosx-11.0-arm64"}
WINDOWS = LINUX | {"sys.platform": "win32", "os.name": "nt", "machine": "AMD64", "system": "win-amd64"}


@pytest.mark.parametrize(
    ("computer", "said"),
    [
        (LINUX, None),
        (LINUX | {"machine": "aarch64"}, None),
        (MAC, None),
        (MAC | {"system": "macosx-10.13-universal2"}, None),
        (WINDOWS, None),
        (MAC | {"machine": "x86_64", "system": "macosx-10.13-universal2"}, "for a Mac with an Intel processor"),
        (WINDOWS | {"machine": "x86", "system": "win32", "bits": 32}, "a 32-bit Python"),
        (LINUX | {"machine": "armv7l", "bits": 32}, "a 32-bit Python"),
        (
            WINDOWS | {"machine": "ARM64", "system": "win-arm64"},
            "for win-arm64, and TensorFlow needs one for win-amd64",
        ),
        (LINUX | {"machine": "riscv64"}, "x86_64 and aarch64 processors, and this one is riscv64"),
        (LINUX | {"HOST_GNU_TYPE": "x86_64-pc-linux-musl"}, "musl (Alpine)"),
        (LINUX | {"Py_GIL_DISABLED": 1}, "not free-threaded"),
    ],
)
def test_a_computer_without_tensorflow_is_told_before_pip_starts(computer, said, monkeypatch):
    monkeypatch.setattr(sys, "platform", computer["sys.platform"])
    monkeypatch.setattr(sys, "maxsize", 2 ** (computer["bits"] - 1) - 1)
    monkeypatch.setattr(install, "os", SimpleNamespace(name=computer["os.name"]))
    monkeypatch.setattr(install.platform, "machine", lambda: computer["machine"])
    monkeypatch.setattr(install.sysconfig, "get_platform", lambda: computer["system"])
    monkeypatch.setattr(install.sysconfig, "get_config_var", computer.get)
    if said is None:
        install.check_computer()
    else:
        with pytest.raises(SystemExit, match=re.escape(said)):
            install.check_computer()


def test_an_old_python_can_read_the_script_far_enough_to_say_so():
    ast.parse(SCRIPT.read_text(encoding="utf-8"), feature_version=(3, 7))


def test_the_script_agrees_with_the_package_on_versions():
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    assert wanted == f">=3.{install.OLDEST[1]},<3.{install.NEWEST[1] + 1}"


def test_too_small_a_disk_is_said_before_anything_is_made(monkeypatch, tmp_path):
    free = {}
    monkeypatch.setattr(install.shutil, "disk_usage", lambda path: SimpleNamespace(free=free[str(path)]))
    monkeypatch.setattr(install.tempfile, "gettempdir", lambda: "/tmp")
    monkeypatch.setattr(install, "ROOT", tmp_path)
    monkeypatch.setattr(install, "VENV", tmp_path / ".venv")
    free |= {str(tmp_path): 3.5e9, "/tmp": 0.2e9}
    with pytest.raises(SystemExit, match=r"need about 4 GB of disk, and 3\.5 GB are free at .*\nMake room"):
        install.check_disk()
    (tmp_path / ".venv" / "lib").mkdir(parents=True)
    with (tmp_path / ".venv" / "lib" / "packages").open("wb") as file:
        file.truncate(600_000_000)  # what an interrupted installation has brought already (takes no room here)
    install.check_disk()
    free["/tmp"] = 0.05e9
    with pytest.raises(
        SystemExit, match=r"need 0\.1 GB for temporary files, and 0\.05 GB are free at /tmp\..*\n.*TMPDIR"
    ):
        install.check_disk()


def test_no_place_for_temporary_files_at_all_is_said(monkeypatch, tmp_path):
    def nowhere():
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(install.shutil, "disk_usage", lambda path: SimpleNamespace(free=50e9))
    monkeypatch.setattr(install, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(install.tempfile, "gettempdir", nowhere)
    with pytest.raises(SystemExit, match=r"0\.00 GB are free at the folder for temporary files"):
        install.check_disk()


# ------------------------------------------------------------------------------------------------------- installation


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A computer on which making environments and running pip is only written down."""
    done = SimpleNamespace(made=[], pip=[], env=[], trusted=0, settings="", returncode=0)
    done.log = ["Collecting numpy\n", "  Downloading numpy\n"]

    def create(path, with_pip, clear, symlinks):
        assert with_pip and symlinks == (os.name != "nt")
        done.made.append(clear)
        path.mkdir(exist_ok=True)

    class Popen:
        def __init__(self, command, cwd, env, **options):
            assert Path(env["TMPDIR"]).is_dir()
            done.pip.append([str(part) for part in command])
            done.env.append(env)
            self.stdout, self.returncode = iter(done.log), done.returncode

        def __enter__(self):
            return self

        def __exit__(self, *error):
            return None

    def run(command, env, **options):
        done.trusted += "nbformat.sign" in command
        return SimpleNamespace(stdout=done.settings)

    (tmp_path / "requirements.txt").write_text("numpy==2.4.6\n-e .\n", encoding="utf-8")
    monkeypatch.setattr(install, "ROOT", tmp_path)
    monkeypatch.setattr(install, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(install, "BIN", tmp_path / ".venv" / "bin")
    monkeypatch.setattr(install.shutil, "disk_usage", lambda path: SimpleNamespace(free=50e9))
    monkeypatch.setattr(install.venv, "create", create)
    monkeypatch.setattr(install.subprocess, "Popen", Popen)
    monkeypatch.setattr(install.subprocess, "run", run)
    return done


def test_the_first_start_installs_and_the_second_does_not(machine, capsys):
    install.install()
    assert machine.made == [False] and machine.trusted == 1
    assert machine.pip[0][1:] == ["-m", "pip", "install", "--disable-pip-version-check", "-r", "requirements.txt"]
    said = capsys.readouterr().out
    assert said.startswith("First start: installing") and "  Collecting numpy" in said and "Downloading" not in said
    install.install()
    assert len(machine.pip) == 1 and capsys.readouterr().out == ""


def test_new_requirements_another_python_or_another_place_install_again(machine, monkeypatch, tmp_path):
    install.install()
    (tmp_path / "requirements.txt").write_text("numpy==2.4.7\n-e .\n", encoding="utf-8")
    install.install()
    assert machine.made == [False, True], "an old environment is emptied first"
    monkeypatch.setattr(sys, "version", "3.13.9 (main)")
    install.install()
    assert len(machine.pip) == 3
    before = install.fingerprint()
    (tmp_path / "moved").mkdir()
    (tmp_path / "requirements.txt").rename(tmp_path / "moved" / "requirements.txt")
    monkeypatch.setattr(install, "ROOT", tmp_path / "moved")
    assert install.fingerprint() != before, "an environment cannot be moved"


def test_an_installation_that_was_cut_off_goes_on(machine, capsys):
    machine.returncode, machine.log = 1, ["ERROR: Could not install: No space left on device\n"]
    with pytest.raises(SystemExit, match="The disk is full"):
        install.install()
    packages = install.VENV / "lib" / "python3.12" / "site-packages"
    for card, files in (("whole-1.0.dist-info", ["METADATA", "RECORD"]), ("half-1.0.dist-info", ["METADATA"])):
        (packages / card).mkdir(parents=True)
        for file in files:
            (packages / card / file).touch()
    machine.returncode = 0
    capsys.readouterr()
    install.install()
    assert machine.made == [False] and len(machine.pip) == 2, "what is there stays there"
    assert capsys.readouterr().out.startswith("Going on with the installation that was interrupted.")
    assert [card.name for card in packages.iterdir()] == ["whole-1.0.dist-info"], "a half package comes again"
    install.install()
    assert len(machine.pip) == 2


def test_an_interrupted_installation_for_other_packages_begins_again(machine, tmp_path):
    machine.returncode = 1
    for numpy, emptied in (("2.4.6", False), ("2.4.7", True)):
        (tmp_path / "requirements.txt").write_text(f"numpy=={numpy}\n-e .\n", encoding="utf-8")
        with pytest.raises(SystemExit):
            install.install()
        assert machine.made[-1] is emptied


# What stands in pip's files, as `pip config list` prints it, and in the variables.
FILES = """:env:.index-url='https://shadowed.example/simple'
global.index-url='https://global.example/simple'
global.cert='/etc/ca.pem'
global.user='true'
global.require-virtualenv='true'
install.target='/elsewhere'
install.prefix='/elsewhere'
install.index-url='https://install.example/simple'
install.no-binary=':all:'
"""


def test_of_the_readers_pip_settings_those_that_reach_the_index_are_kept(machine, monkeypatch):
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    machine.settings = FILES
    for name, value in {
        "USER": "1",
        "TARGET": "/x",
        "NO_DEPS": "1",
        "PYTHON": "/usr/bin/python",
        "TIMEOUT": "99",
    }.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    monkeypatch.setenv("PYTHONPATH", "/somewhere/with/packages")
    install.install()
    (env,) = machine.env
    assert {name: value for name, value in env.items() if name.startswith("PIP_")} == {
        "PIP_USER": "0",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": "https://install.example/simple",
        "PIP_CERT": "/etc/ca.pem",
        "PIP_TIMEOUT": "99",
    } and "PYTHONPATH" not in env
    monkeypatch.setenv("PIP_INDEX_URL", "https://variable.example/simple")
    assert install.pip_environment(install.VENV)["PIP_INDEX_URL"] == "https://variable.example/simple"


def test_pip_obeys(tmp_path, monkeypatch):
    """The real pip, with a file and a variable of the reader that lead astray, installs into its environment."""
    wheel = tmp_path / "medicine_box-1.0-py3-none-any.whl"
    card = "medicine_box-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr("medicine_box.py", "")
        file.writestr(f"{card}/METADATA", "Metadata-Version: 2.1\nName: medicine-box\nVersion: 1.0\n")
        file.writestr(
            f"{card}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        file.writestr(f"{card}/RECORD", "")
    (tmp_path / "requirements.txt").write_text("medicine-box==1.0\n", encoding="utf-8")
    lead = f"user = true\ntarget = {tmp_path / 'target'}\nprefix = {tmp_path / 'prefix'}\n"
    reach = f"no-index = true\nfind-links = {tmp_path}\n"
    (tmp_path / "pip.conf").write_text(f"[global]\n{reach}require-virtualenv = true\n{lead}", encoding="utf-8")
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.setenv("PIP_USER", "1")
    monkeypatch.setattr(install, "ROOT", tmp_path)
    monkeypatch.setattr(install, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(install, "BIN", tmp_path / ".venv" / install.BIN.name)
    monkeypatch.setattr(install, "trust", lambda: None)
    install.install()
    assert [path.name for path in install.VENV.rglob("medicine_box.py")] == ["medicine_box.py"]
    assert (install.VENV / "installed").exists() and not (install.VENV / "scratch").exists()
    assert not (tmp_path / "target").exists() and not (tmp_path / "prefix").exists()


def test_pip_keeps_its_downloads_where_they_survive_an_interruption(machine, monkeypatch):
    monkeypatch.delenv("PIP_CACHE_DIR", raising=False)
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    machine.returncode = 1
    with pytest.raises(SystemExit):
        install.install()
    scratch = install.VENV / "scratch"
    assert machine.env[0]["PIP_CACHE_DIR"] == str(scratch / "cache") and "PIP_NO_CACHE_DIR" not in machine.env[0]
    assert scratch.is_dir() and not (scratch / "tmp").exists()
    machine.returncode = 0
    install.install()
    assert not scratch.exists(), "afterwards nothing of it is needed"
    monkeypatch.delenv("PIP_NO_CACHE_DIR")
    monkeypatch.setattr(install.os.path, "expanduser", lambda path: str(install.ROOT))
    assert "PIP_CACHE_DIR" not in install.pip_environment(scratch), "pip's own cache serves"


def test_a_python_without_ensurepip_names_the_package(machine, monkeypatch):
    def create(path, **options):
        raise subprocess.CalledProcessError(1, "ensurepip")

    monkeypatch.setattr(install.venv, "create", create)
    with pytest.raises(SystemExit, match="sudo apt install python3-venv"):
        install.install()


RETRY = (
    "WARNING: Retrying (Retry(total=4)) after connection broken by 'NewConnectionError('...: Failed to establish')'\n"
)


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        (RETRY + "ERROR: No matching distribution found for absl-py==2.5.1", "The package index cannot be reached."),
        ("pip._vendor.urllib3.exceptions.ReadTimeoutError: Read timed out.", "The package index cannot be reached."),
        ("[Errno 11001] getaddrinfo failed", "The package index cannot be reached."),
        ("OSError: [Errno 28] No space left on device", "The disk is full."),
        ("ERROR: Could not install: Missing dependencies for SOCKS support.", "pip cannot use a SOCKS proxy."),
        ("ERROR: No matching distribution found for tensorflow==2.21.0", "A package is not offered for this computer"),
        ("error: something new", "The packages could not be installed."),
    ],
)
def test_pips_failures_in_plain_words(log, reason):
    text = install.why("a line that is long gone\n" * 40 + log)
    assert text.startswith(reason)
    assert text.endswith(log.splitlines()[-1]) and text.count("long gone") <= 12


# -------------------------------------------------------------------------------------------------------------- start


@pytest.fixture
def started(machine, monkeypatch):
    """What is handed over to the course's Python: arguments and variables."""
    started = []
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(install.os, "execve", lambda python, arguments, env: started.append((arguments, env)))
    return started


def test_commands_are_handed_to_the_environments_python(started, monkeypatch):
    python = str(install.BIN / "python")
    monkeypatch.setattr(sys, "argv", ["install.py", "test", "-q", "-k", "contract"])
    install.main()
    assert started[0][0] == [python, "-m", "pytest", "-q", "-k", "contract"]
    monkeypatch.setattr(sys, "argv", ["install.py", "lab", "--port=9999"])
    install.main()
    assert started[1][0] == [python, *install.lab(["--port=9999"])]
    monkeypatch.setattr(sys, "argv", ["install.py", "install"])
    install.main()
    assert len(started) == 2, "`install` installs and starts nothing"


def test_what_a_reader_asks_of_jupyterlab_replaces_what_the_course_asks(monkeypatch):
    monkeypatch.setattr(install, "is_root", lambda: True)
    assert {"--ServerApp.allow_root=True", "--ServerApp.ip=127.0.0.1"} < set(install.lab())
    for theirs, ours in {
        "--ip=0.0.0.0": "--ServerApp.ip=127.0.0.1",
        "--allow-root": "--ServerApp.allow_root=True",
        "--LabApp.default_url=/lab": "--LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb",
    }.items():
        assert set(install.lab([theirs])) == set(install.lab()) - {ours} | {theirs}


def test_root_is_told_why_that_is_all_right_and_others_hear_nothing_of_it(monkeypatch, capsys):
    for root, rest, told in ((True, [], True), (True, ["--ip=0.0.0.0"], False), (False, [], False)):
        monkeypatch.setattr(install, "is_root", lambda root=root: root)
        arguments = install.lab(rest)
        install.greet(arguments)
        assert ("JupyterLab listens on 127.0.0.1 alone" in capsys.readouterr().out) is told
        assert ("--ServerApp.allow_root=True" in arguments) is root


@pytest.mark.parametrize(
    ("name", "value", "becomes"),
    [
        ("HTTP_PROXY", "127.0.0.1:9", "http://127.0.0.1:9"),
        ("https_proxy", "proxy.example:3128", "http://proxy.example:3128"),
        ("HTTPS_PROXY", "http://proxy.example:3128", "http://proxy.example:3128"),
        ("ALL_PROXY", "socks5://127.0.0.1:9", None),
        ("all_proxy", "socks5h://127.0.0.1:9", None),
        ("http_proxy", "", ""),
        ("NO_PROXY", "localhost", "localhost"),
    ],
)
def test_proxies_are_repaired_or_left_out(machine, monkeypatch, capsys, name, value, becomes):
    install.VENV.mkdir()
    monkeypatch.setenv(name, value)
    assert install.environment().get(name) == becomes
    install.greet([])
    assert (f"{name}: a SOCKS proxy" in capsys.readouterr().out) is (becomes is None)


def test_jupyter_keeps_its_files_in_the_environment_or_where_it_may(machine, monkeypatch):
    install.VENV.mkdir()
    names = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", "/somewhere/else")
    folders = [Path(install.environment()[name]).parent for name in names]
    assert set(folders) == {install.VENV / "jupyter"}
    assert install.environment().get("HOME") == os.environ.get("HOME")
    monkeypatch.setattr(install.os.path, "expanduser", lambda path: path)  # a user without a home
    assert install.environment()["HOME"] == str(install.VENV / "jupyter")
    monkeypatch.setattr(install, "VENV", install.ROOT / "requirements.txt")  # no folder can be made in a file
    monkeypatch.setattr(tempfile, "tempdir", str(install.ROOT))
    env = install.environment()
    (folder,) = {Path(env[name]).parent for name in names}
    assert folder.parent == install.ROOT and folder.name.startswith("course-")
    assert (folder / "ipython" / "profile_default" / "ipython_kernel_config.py").exists()


def test_the_makefile_offers_the_scripts_commands():
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    (targets,) = re.findall(r"^(.+):\n\t@\$\(PYTHON\) medlib/install\.py \$@ \$\(ARGS\)$", text, re.MULTILINE)
    assert set(targets.split()) == set(install.COMMANDS) - {"install"}


# ------------------------------------------------------------------------------------------------------- requirements


def pins() -> dict[str, str]:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert lines[-1] == "-e ."
    return dict(re.fullmatch(r"([\w.-]+)==([\w.]+)(?: ;.*)?", line).groups() for line in lines[:-1])


def test_requirements_are_pins_without_addresses_that_meet_the_ranges():
    pinned = pins()
    for text in tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]:
        wanted = Requirement(text)
        assert wanted.specifier.contains(Version(pinned[wanted.name])), f"run `make requirements`: {text}"
