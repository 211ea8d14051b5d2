"""medlib/install.py: the first thing a newcomer meets. It runs on the standard library, and says what is wrong."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
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
    assert "make lab PYTHON=python3.12" in result.stderr


def test_an_old_python_can_read_the_script_far_enough_to_say_so():
    ast.parse(SCRIPT.read_text(encoding="utf-8"), feature_version=(3, 7))


def test_the_script_agrees_with_the_package_on_versions():
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    assert wanted == f">=3.{install.OLDEST[1]},<3.{install.NEWEST[1] + 1}"


def test_too_small_a_disk_is_said_before_anything_is_made(monkeypatch):
    monkeypatch.setattr(install.shutil, "disk_usage", lambda path: SimpleNamespace(free=1.5e9))
    with pytest.raises(SystemExit, match=r"need about 4 GB of disk, and 1\.5 GB are free at .*\nMake room"):
        install.check_disk()
    monkeypatch.setattr(install.shutil, "disk_usage", lambda path: SimpleNamespace(free=50e9))
    install.check_disk()


# ------------------------------------------------------------------------------------------------------- installation


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A computer on which making environments and running pip is only written down."""
    done = SimpleNamespace(made=[], pip=[], log=["Collecting numpy\n", "  Downloading numpy\n"], returncode=0)

    def create(path, with_pip, clear):
        assert with_pip
        done.made.append(clear)
        path.mkdir(exist_ok=True)

    class Popen:
        def __init__(self, command, cwd, **options):
            done.pip.append([str(part) for part in command])
            self.stdout, self.returncode = iter(done.log), done.returncode

        def __enter__(self):
            return self

        def __exit__(self, *error):
            return None

    (tmp_path / "requirements.txt").write_text("numpy==2.4.6\n-e .\n", encoding="utf-8")
    monkeypatch.setattr(install, "ROOT", tmp_path)
    monkeypatch.setattr(install, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(install, "BIN", tmp_path / ".venv" / "bin")
    monkeypatch.setattr(install.shutil, "disk_usage", lambda path: SimpleNamespace(free=50e9))
    monkeypatch.setattr(install.venv, "create", create)
    monkeypatch.setattr(install.subprocess, "Popen", Popen)
    return done


def test_the_first_start_installs_and_the_second_does_not(machine, capsys):
    install.install()
    assert machine.made == [False]
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


def test_an_installation_that_failed_is_tried_again(machine):
    machine.returncode, machine.log = 1, ["ERROR: Could not install: No space left on device\n"]
    with pytest.raises(SystemExit, match="The disk is full"):
        install.install()
    machine.returncode = 0
    install.install()
    assert machine.made == [False, True] and len(machine.pip) == 2


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
        ("ERROR: No matching distribution found for tensorflow==2.21.0", "A package is not offered for this computer"),
        ("error: something new", "The packages could not be installed."),
    ],
)
def test_pips_failures_in_plain_words(log, reason):
    text = install.why("a line that is long gone\n" * 40 + log)
    assert text.startswith(reason)
    assert text.endswith(log.splitlines()[-1]) and text.count("long gone") <= 12


# -------------------------------------------------------------------------------------------------------------- start


def test_commands_are_handed_to_the_environments_python(machine, monkeypatch):
    started = []
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(install.os, "execv", lambda python, arguments: started.append(arguments))
    monkeypatch.setattr(sys, "argv", ["install.py", "test", "-q", "-k", "contract"])
    install.main()
    assert started == [[str(install.BIN / "python"), "-m", "pytest", "-q", "-k", "contract"]]
    monkeypatch.setattr(sys, "argv", ["install.py", "install"])
    install.main()
    assert len(started) == 1, "`install` installs and starts nothing"


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
