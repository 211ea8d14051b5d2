"""Set up ``.venv`` and start the course: ``python3 medlib/install.py lab|test|notebooks|bench|seeds|decisions|mutate``.

Needs nothing but Python's standard library: it runs before anything is installed. ``make`` calls it. What it
starts keeps its files in ``.venv``.
"""

import ast
import hashlib
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
OLDEST, NEWEST = (3, 11), (3, 13)
GIGABYTES = 4  # what the packages need, with room for pip's temporary files
TEMPORARY = 0.1  # GB: what kernels and tests write into the folder for temporary files

NO_NETWORK = (  # what pip says then
    "NewConnectionError", "ConnectTimeout", "Read timed out", "Name or service not known", "ProxyError", "SSLError",
    "Temporary failure in name resolution", "getaddrinfo failed", "nodename nor servname provided",
)  # fmt: skip

COMMANDS = {
    "lab": None,  # see lab()
    "test": ["-m", "pytest"],
    "notebooks": ["-m", "tests.course.build"],
    "bench": ["-m", "tests.course.bench"],
    "seeds": ["-m", "tests.course.sweep"],
    "decisions": ["-m", "tests.course.decisions"],
    "mutate": ["-m", "tests.course.mutate"],
    "install": None,
}

# Of a reader's pip settings those that say how packages are reached. The others (user, target, prefix, no-binary ...)
# would install elsewhere, or something else.
PIP_SETTINGS = {
    "index-url", "extra-index-url", "find-links", "no-index", "trusted-host", "proxy", "cert", "client-cert",
    "keyring-provider", "use-feature", "use-deprecated", "timeout", "default-timeout", "retries", "cache-dir",
    "no-cache-dir", "config-file",
}  # fmt: skip

# What the course asks of JupyterLab and of its kernels: no news, no search for updates, and no warning that a kernel
# on one's own computer talks to it without encryption.
JUPYTER_FILES = {
    "config/labconfig/default_setting_overrides.json": json.dumps(
        {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}}
    ),
    "ipython/profile_default/ipython_kernel_config.py": "c.IPKernelApp.log_level = 40  # errors\n",
}


def stop(text):
    """End with a message in plain words."""
    sys.exit(f"\n{text}\n")


# ---------------------------------------------------------------------------------------------------- this computer


def check_python():
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return
    fitting = [f"python3.{minor}" for minor in range(NEWEST[1], OLDEST[1] - 1, -1)]
    here = [name for name in fitting if shutil.which(name)]
    advice = "This computer has one" if here else "Install one of those (python.org, your package manager)"
    stop(
        f"This course needs Python 3.{OLDEST[1]} to 3.{NEWEST[1]}, and this is Python {sys.version.split()[0]}.\n"
        f"{advice}; say which to take: make lab PYTHON={(here or ['python3.12'])[0]}\n"
        "(On Windows: py -3.12 medlib\\install.py lab)"
    )


def check_computer():
    """Stop where TensorFlow has no package to offer, before pip says so in its own words."""
    machine, system = platform.machine().lower(), sysconfig.get_platform()
    if sys.maxsize < 2**32:
        stop("This is a 32-bit Python, and TensorFlow needs a 64-bit one. Install that from python.org.")
    if sys.platform == "darwin" and machine == "x86_64":
        stop(
            "This Python is for a Mac with an Intel processor, for which TensorFlow is no longer offered.\n"
            "On a Mac with an Apple processor (M1 or later) install the Python of python.org, which is made for both.\n"
            "On an Intel Mac take another computer, or a container or virtual machine with Linux."
        )
    if os.name == "nt" and system != "win-amd64":
        stop(f"This Python is for {system}, and TensorFlow needs one for win-amd64. Install that from python.org.")
    if sys.platform.startswith("linux") and machine not in ("x86_64", "aarch64"):
        stop(f"TensorFlow is offered for Linux on x86_64 and aarch64 processors, and this one is {machine}.")
    if sys.platform.startswith("linux") and "musl" in (sysconfig.get_config_var("HOST_GNU_TYPE") or ""):
        stop("This Linux uses musl (Alpine), and TensorFlow needs glibc: take Debian, Ubuntu, Fedora or their like.")
    if platform.python_implementation() != "CPython" or sysconfig.get_config_var("Py_GIL_DISABLED"):
        stop("TensorFlow needs the usual Python: CPython, not free-threaded. Install that from python.org.")


def check_disk():
    free = (shutil.disk_usage(ROOT).free + size(VENV)) / 1e9  # what an earlier try has installed need not come again
    if free < GIGABYTES:
        stop(
            f"The packages need about {GIGABYTES} GB of disk, and {free:.1f} GB are free at {ROOT}.\n"
            "Make room and run the command again."
        )
    try:
        folder = tempfile.gettempdir()
        free = shutil.disk_usage(folder).free / 1e9
    except OSError:
        folder, free = "the folder for temporary files", 0
    if free < TEMPORARY:
        stop(
            f"Notebooks need {TEMPORARY} GB for temporary files, and {free:.2f} GB are free at {folder}.\n"
            "Make room there, or name another folder in the environment variable TMPDIR (on Windows: TEMP)."
        )


def size(folder):
    """Bytes of all files in a folder; 0 where there is none."""
    files = [os.path.join(place, name) for place, _, names in os.walk(folder) for name in names]
    return sum(os.lstat(file).st_size for file in files)


# ------------------------------------------------------------------------------------------------- the environment


def environment():
    """The reader's variables, with Jupyter's files in ``.venv`` and with proxies that Python's clients accept."""
    env = dict(os.environ)
    for name in proxies(env):
        if "://" not in env[name]:
            env[name] = "http://" + env[name]  # as curl and pip read it; httpx gives up
        elif env[name].startswith("socks"):
            del env[name]  # needs a package of its own; httpx and pip give up without it
    home = VENV / "jupyter"
    if not private(home):
        home = Path(tempfile.mkdtemp(prefix="course-"))
    for file, text in JUPYTER_FILES.items():
        (home / file).parent.mkdir(parents=True, exist_ok=True)
        (home / file).write_text(text, encoding="utf-8")
    env["JUPYTER_CONFIG_DIR"] = str(home / "config")
    env["JUPYTER_DATA_DIR"] = str(home / "data")
    env["JUPYTER_RUNTIME_DIR"] = str(home / "runtime")
    env["IPYTHONDIR"] = str(home / "ipython")
    if os.path.expanduser("~") == "~":  # no HOME, and a user without an entry: usual in containers
        env["HOME"] = str(home)
    return env


def proxies(env):
    """The names of the variables that hold a proxy."""
    return [name for name in env if re.fullmatch("(?i)(?!no_)[a-z]+_proxy", name) and env[name]]


def private(folder):
    """Whether a folder is ours alone, as Jupyter wants it. Not on a read-only disk, nor on one that knows no owners."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        return os.access(folder, os.W_OK) and (os.name == "nt" or folder.stat().st_mode & 0o777 == 0o700)
    except OSError:
        return False


# ---------------------------------------------------------------------------------------------------- installation


def fingerprint():
    """Changes when the packages to install change, or the Python that they are for."""
    text = (ROOT / "requirements.txt").read_bytes()
    return hashlib.sha256(text + sys.version.encode() + str(ROOT).encode()).hexdigest()


def holds(stamp):
    return stamp.exists() and stamp.read_text(encoding="utf-8") == fingerprint()


def install():
    """Create ``.venv`` and install the packages. Done already: nothing. Interrupted: go on."""
    begun, installed = VENV / "begun", VENV / "installed"
    if holds(installed):
        return
    check_disk()
    if holds(begun):
        print("Going on with the installation that was interrupted.", flush=True)
        forget_halves()
    else:
        print("First start: installing the packages into .venv (a few minutes, about 3 GB).", flush=True)
        try:
            venv.create(VENV, with_pip=True, clear=VENV.exists(), symlinks=os.name != "nt")
        except subprocess.CalledProcessError:
            stop("Python cannot make virtual environments here. On Debian or Ubuntu: sudo apt install python3-venv")
        begun.write_text(fingerprint(), encoding="utf-8")
    pip()
    trust()
    begun.replace(installed)


def forget_halves():
    """Remove the card of each package whose installation was cut off, so that pip installs it again.

    Its card (the ``dist-info`` folder) is there, the list of its files, which is written last, is not.
    """
    for card in VENV.glob("**/site-packages/*.dist-info"):
        if not (card / "RECORD").exists():
            shutil.rmtree(card)


def pip():
    """Install the packages, with pip's temporary files in ``.venv``: the folder for such files is often small."""
    scratch = VENV / "scratch"
    shutil.rmtree(scratch / "tmp", ignore_errors=True)
    (scratch / "tmp").mkdir(parents=True)
    command = [BIN / "python", "-m", "pip", "install", "--disable-pip-version-check", "-r", "requirements.txt"]
    talk = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "encoding": "utf-8", "errors": "replace"}
    try:
        with subprocess.Popen(command, cwd=ROOT, env=pip_environment(scratch), **talk) as run:
            log = []
            for line in run.stdout:
                log.append(line)
                if line.startswith(("Collecting", "Installing")):
                    print("  " + line.strip()[:100], flush=True)
    finally:
        shutil.rmtree(scratch / "tmp", ignore_errors=True)
    if run.returncode:
        stop(why("".join(log)))
    shutil.rmtree(scratch, ignore_errors=True)


def pip_environment(scratch):
    """The environment for pip: of the reader's pip settings, variables and files, those in ``PIP_SETTINGS`` alone."""

    def wanted(name):
        return name.lower().replace("_", "-")[len("pip-") :] in PIP_SETTINGS

    env = {name: value for name, value in environment().items() if not name.startswith("PIP_") or wanted(name)}
    env.pop("PYTHONPATH", None)  # packages there would count as installed
    temporary = {name: str(scratch / "tmp") for name in ("TMPDIR", "TEMP", "TMP")}
    env.update(temporary, PIP_USER="0", PYTHONUTF8="1")  # user: `pip config` has an option of that name as well
    command = [str(BIN / "python"), "-m", "pip", "config", "list"]
    listing = subprocess.run(command, env=env, stdout=subprocess.PIPE, encoding="utf-8", errors="replace").stdout
    found = {}
    for name, value in re.findall(r"^(?:global|install)\.([\w-]+)=(.+)$", listing, re.MULTILINE):
        if name in PIP_SETTINGS:
            found["PIP_" + name.upper().replace("-", "_")] = ast.literal_eval(value)
    env = {**found, **env, "PIP_CONFIG_FILE": os.devnull}
    if env.pop("PIP_NO_CACHE_DIR", None) or not os.access(os.path.expanduser("~"), os.W_OK):
        env["PIP_CACHE_DIR"] = str(scratch / "cache")  # or else an interrupted installation would begin from nothing
    return env


def why(log):
    """Pip's failure in plain words, with pip's last lines."""
    last = "".join(log.splitlines(keepends=True)[-12:])
    if "No space left" in log:
        reason = "The disk is full. Make room and run the command again."
    elif any(sign in log for sign in NO_NETWORK):
        reason = (
            "The package index cannot be reached. The first installation needs the network; after it, nothing does."
        )
    elif "SOCKS support" in log:
        reason = "pip cannot use a SOCKS proxy. Take it out of pip's settings (`pip config list` shows them)."
    elif "No matching distribution found" in log:
        reason = "A package is not offered for this computer or this Python. 64-bit Linux, macOS or Windows is needed."
    else:
        reason = "The packages could not be installed."
    return f"{reason}\n\npip said:\n{last}"


def trust():
    """Tell Jupyter that the course's own notebooks may show their outputs, in the list that ``lab`` uses."""
    notebooks = sorted(str(path) for path in (ROOT / "notebooks").glob("*.ipynb"))
    command = [str(BIN / "python"), "-m", "nbformat.sign", *notebooks]
    subprocess.run(command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


# ------------------------------------------------------------------------------------------------------------ start


def is_root():
    return hasattr(os, "geteuid") and os.geteuid() == 0


def lab(rest=()):
    """Python's arguments that start JupyterLab: its root is the repository, so that saving a notebook finds its pair.

    What a reader adds (``make lab ARGS="--port=9999"``) takes the place of a setting with the same name.
    """
    settings = {
        "ServerApp.root_dir": ROOT,
        "LabApp.default_url": "/lab/tree/notebooks/00_start_here.ipynb",
        "LabApp.extension_manager": "readonly",  # the other one asks the network at every start
        "LanguageServerManager.autodetect": False,  # calls npm where there is one
    }
    if is_root():
        settings.update({"ServerApp.allow_root": True, "ServerApp.ip": "127.0.0.1"})
    given = {word.lstrip("-").split("=")[0].replace("-", "_") for word in rest}
    ours = [f"--{name}={value}" for name, value in settings.items() if not given & {name, name.split(".")[1]}]
    return ["-m", "jupyterlab", *ours, *rest]


def greet(arguments):
    """What to know before JupyterLab's own lines."""
    print("JupyterLab starts. If no browser opens, copy the address below with 127.0.0.1 into one. Ctrl-C ends it.")
    if "--ServerApp.ip=127.0.0.1" in arguments:
        print(
            "You are root, as is usual in a container. That is all right here: JupyterLab listens on 127.0.0.1 alone,\n"
            "which nobody reaches from outside, and asks for the token in its address."
        )
    dropped = [name for name in proxies(os.environ) if os.environ[name].startswith("socks")]
    if dropped:
        print(f"{' and '.join(dropped)}: a SOCKS proxy, which Python's clients do not know; the course goes without.")
    sys.stdout.flush()


def start(arguments):
    """Hand over to the course's Python, so that Ctrl-C reaches it alone."""
    os.chdir(ROOT)
    python = str(BIN / "python")
    if os.name == "nt":
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        sys.exit(subprocess.call([python, *arguments], env=environment()))
    os.execve(python, [python, *arguments], environment())


def main():
    command, *rest = sys.argv[1:] or [""]
    if command not in COMMANDS:
        stop(f"usage: python3 medlib/install.py {'|'.join(COMMANDS)}")
    check_python()
    check_computer()
    install()
    if command == "lab":
        arguments = lab(rest)
        greet(arguments)
        start(arguments)
    elif COMMANDS[command]:
        start(COMMANDS[command] + rest)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        stop("Stopped. The same command goes on from there.")
