"""Set up ``.venv`` and start the course: ``python3 medlib/install.py lab|test|notebooks|bench|seeds|decisions|mutate``.

Needs nothing but Python's standard library: it runs before anything is installed. ``make`` calls it.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
OLDEST, NEWEST = (3, 11), (3, 13)
GIGABYTES = 4  # what the packages need, with room for pip's temporary files

NO_NETWORK = (  # what pip says then
    "NewConnectionError", "ConnectTimeout", "Read timed out", "Name or service not known", "ProxyError", "SSLError",
    "Temporary failure in name resolution", "getaddrinfo failed", "nodename nor servname provided",
)  # fmt: skip

COMMANDS = {
    "lab": ["-m", "jupyter", "lab", "notebooks/00_start_here.ipynb"],
    "test": ["-m", "pytest"],
    "notebooks": ["-m", "tests.course.build"],
    "bench": ["-m", "tests.course.bench"],
    "seeds": ["-m", "tests.course.sweep"],
    "decisions": ["-m", "tests.course.decisions"],
    "mutate": ["-m", "tests.course.mutate"],
    "install": None,
}


def stop(text):
    """End with a message in plain words."""
    sys.exit(f"\n{text}\n")


def check_python():
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        stop(
            f"This course needs Python 3.{OLDEST[1]} to 3.{NEWEST[1]}, and this is Python {sys.version.split()[0]}.\n"
            "Install one of those (python.org, your package manager), then say which: make lab PYTHON=python3.12"
        )


def check_disk():
    free = shutil.disk_usage(ROOT).free / 1e9
    if free < GIGABYTES:
        stop(
            f"The packages need about {GIGABYTES} GB of disk, and {free:.1f} GB are free at {ROOT}.\n"
            "Make room and run the command again."
        )


def fingerprint():
    """Changes when the packages to install change, or the Python that they are for."""
    text = (ROOT / "requirements.txt").read_bytes()
    return hashlib.sha256(text + sys.version.encode() + str(ROOT).encode()).hexdigest()


def install():
    """Create ``.venv`` and install the packages, unless that has been done already."""
    stamp = VENV / "installed"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == fingerprint():
        return
    check_disk()
    print("First start: installing the packages into .venv (a few minutes, about 3 GB).", flush=True)
    try:
        venv.create(VENV, with_pip=True, clear=VENV.exists())
    except subprocess.CalledProcessError:
        stop("Python cannot make virtual environments here. On Debian or Ubuntu: sudo apt install python3-venv")
    pip = [BIN / "python", "-m", "pip", "install", "--disable-pip-version-check", "-r", "requirements.txt"]
    talk = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "errors": "replace"}
    with subprocess.Popen(pip, cwd=ROOT, **talk) as run:
        log = []
        for line in run.stdout:
            log.append(line)
            if line.startswith(("Collecting", "Installing")):
                print("  " + line.strip()[:100], flush=True)
    if run.returncode:
        stop(why("".join(log)))
    stamp.write_text(fingerprint(), encoding="utf-8")


def why(log):
    """Pip's failure in plain words, with pip's last lines."""
    last = "".join(log.splitlines(keepends=True)[-12:])
    if "No space left" in log:
        reason = "The disk is full. Make room and run the command again."
    elif any(sign in log for sign in NO_NETWORK):
        reason = (
            "The package index cannot be reached. The first installation needs the network; after it, nothing does."
        )
    elif "No matching distribution found" in log:
        reason = "A package is not offered for this computer or this Python. 64-bit Linux, macOS or Windows is needed."
    else:
        reason = "The packages could not be installed."
    return f"{reason}\n\npip said:\n{last}"


def start(arguments):
    """Hand over to the course's Python, so that Ctrl-C reaches it alone."""
    os.chdir(ROOT)
    python = str(BIN / "python")
    if os.name == "nt":
        sys.exit(subprocess.call([python, *arguments]))
    os.execv(python, [python, *arguments])


def main():
    command, *rest = sys.argv[1:] or [""]
    if command not in COMMANDS:
        stop(f"usage: python3 medlib/install.py {'|'.join(COMMANDS)}")
    check_python()
    install()
    if COMMANDS[command]:
        start(COMMANDS[command] + rest)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        stop("Stopped. The same command begins again where it has to.")
