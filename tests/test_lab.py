"""``make lab`` with the real server: what is saved in JupyterLab reaches the text of the page, on any computer."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = "00_start_here"
NOTEBOOK, SCRIPT = f"notebooks/{PAGE}.ipynb", f"notebooks/scripts/{PAGE}.py"
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Server:
    """JupyterLab as ``medlib/install.py lab`` starts it in a copy of the course; what it prints goes to a file."""

    def __init__(self, course: Path, *arguments: str, **variables: str | None):
        env = {**os.environ, **variables}
        env = {name: value for name, value in env.items() if value is not None}
        self.log = course / f"log{len(list(course.glob('log*')))}"
        command = [sys.executable, "medlib/install.py", "lab", *arguments]
        with self.log.open("wb") as log:
            options = {"stdout": log, "stderr": subprocess.STDOUT, "stdin": subprocess.DEVNULL}
            self.process = subprocess.Popen(command, cwd=course, env=env, start_new_session=True, **options)
        try:
            self.address, self.path, self.token = wait(self.printed, self)
            wait(self.answers, self)
        except BaseException:
            self.end()
            raise

    def text(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def printed(self) -> tuple[str, ...] | None:
        """The address that a reader without a browser would copy, in three parts."""
        found = re.search(r"(http://127\.0\.0\.1:\d+)(/\S*)\?token=(\w+)", self.text())
        return found and found.groups()

    def answers(self) -> bool:
        try:
            return bool(self.ask("/api/status"))
        except OSError:
            return False

    def ask(self, path: str, method: str = "GET", body: object = None) -> dict:
        """One call of Jupyter's REST interface."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"token {self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.address + path, data, headers, method=method)
        with DIRECT.open(request, timeout=60) as answer:
            return json.loads(answer.read() or "null")

    def end(self):
        """End the server with its kernels."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)  # a kernel that outlived it
        except ProcessLookupError:
            pass
        self.process.wait(20)


def wait(condition, server: Server, seconds: float = 60):
    """The first true value of ``condition()``."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        assert server.process.poll() is None, f"the server ended:\n{server.text()}"
        time.sleep(0.1)
    raise AssertionError(f"nothing within {seconds} s; the server said:\n{server.text()}")


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Path:
    """A copy of the course, one page long. Its ``.venv`` counts as installed; its Python is the one of these tests."""
    folder = tmp_path_factory.mktemp("lab") / "the course"
    for name in ("README.md", "pyproject.toml", "requirements.txt", "medlib/install.py", NOTEBOOK, SCRIPT):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    copied = module(folder)
    copied.BIN.mkdir(parents=True)
    python = copied.BIN / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    copied.trust()
    (copied.VENV / "installed").write_text(copied.fingerprint(), encoding="utf-8")
    return folder


def module(folder: Path):
    """The copy's ``install.py``."""
    spec = importlib.util.spec_from_file_location("copied_install", folder / "medlib" / "install.py")
    copied = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(copied)
    return copied


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """An empty home of a reader."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def server(course, home):
    running = Server(course, "--port=18888", "--no-browser", HOME=str(home), JUPYTER_CONFIG_DIR=None)
    yield running
    running.end()


# -------------------------------------------------------------------------------------------------- the pair of files


def test_what_is_saved_in_jupyterlab_reaches_the_text(server, course):
    opened = "/api/contents/" + server.path.removeprefix("/lab/tree/")
    notebook = server.ask(opened)
    assert notebook["content"]["cells"][0]["source"] in uncommented(course / SCRIPT), "the same page to begin with"
    notebook["content"]["cells"][0]["source"] += "\n\nA sentence of the reader."
    server.ask(opened, "PUT", {key: notebook[key] for key in ("type", "format", "content")})
    assert "# A sentence of the reader." in (course / SCRIPT).read_text(encoding="utf-8")
    assert "A sentence of the reader." in (course / NOTEBOOK).read_text(encoding="utf-8")
    assert "matches none of the expected formats" not in server.text(), "jupytext found the pair"


def test_what_is_edited_in_the_text_appears_in_jupyterlab(server, course):
    script = course / SCRIPT
    script.write_text(script.read_text(encoding="utf-8") + "\n# %%\nedited = 'in the text'\n", encoding="utf-8")
    cells = server.ask(f"/api/contents/{NOTEBOOK}")["content"]["cells"]
    assert cells[-1]["source"] == "edited = 'in the text'"
    assert sum(bool(cell.get("outputs")) for cell in cells) > 5, "the outputs come from the notebook"


def test_opening_a_page_does_not_change_it(server):
    """JupyterLab writes the name of the kernel into each notebook that it opens: the pages hold it already."""
    name = server.ask("/api/kernelspecs")["kernelspecs"]["python3"]["spec"]["display_name"]
    pages = sorted((ROOT / "notebooks").glob("*.ipynb"))
    named = {page.name: json.loads(page.read_text(encoding="utf-8"))["metadata"]["kernelspec"] for page in pages}
    assert named == dict.fromkeys(named, {"display_name": name, "language": "python", "name": "python3"})


def uncommented(script: Path) -> str:
    return re.sub("(?m)^# ?", "", script.read_text(encoding="utf-8"))


def test_the_whole_course_is_in_sight_and_the_first_page_open(server):
    seen = {entry["path"] for entry in server.ask("/api/contents/")["content"]}
    assert {"README.md", "medlib", "notebooks"} <= seen
    assert server.path == f"/lab/tree/{NOTEBOOK}"


# ----------------------------------------------------------------------------------------------- trust, and no traces


def test_the_courses_notebooks_are_trusted_and_others_are_not(server, course):
    def trusted(name):
        cells = server.ask(f"/api/contents/{name}")["content"]["cells"]
        return {cell["metadata"].get("trusted", False) for cell in cells if cell.get("outputs")}

    shutil.copy(ROOT / NOTEBOOK, course / "mine.ipynb")
    assert trusted("mine.ipynb") == {True}, "the signature is the content's, whatever the name"
    text = (course / "mine.ipynb").read_text(encoding="utf-8")
    (course / "foreign.ipynb").write_text(text.replace("image/png", "text/html"), encoding="utf-8")
    assert trusted("foreign.ipynb") == {False}


def test_a_kernel_starts_without_a_warning_and_leaves_nothing_in_the_readers_home(server, course, home):
    kernel = server.ask("/api/kernels", "POST", {"name": "python3"})
    wait(lambda: list((course / ".venv").rglob("history.sqlite")), server)
    server.ask(f"/api/kernels/{kernel['id']}", "DELETE")
    assert "WARNING | Kernel is running over TCP" not in server.text()
    assert not list(home.rglob("*"))


def test_nothing_is_asked_of_the_network(server):
    """Neither news nor updates nor extensions."""
    assert "Extension Manager is 'readonly'" in server.text()
    plugin = server.ask("/lab/api/settings/@jupyterlab/apputils-extension:notification")
    defaults = {name: value["default"] for name, value in plugin["schema"]["properties"].items() if "default" in value}
    assert defaults["fetchNews"] == "false" and defaults["checkForUpdates"] is False


# ----------------------------------------------------------------------------------------------- unlikely computers


def test_a_second_server_without_browser_or_home_behind_proxies_it_cannot_use(server, course):
    """All at once: the port is taken, no browser, no HOME, one proxy speaks SOCKS and the other names no scheme."""
    variables = {"ALL_PROXY": "socks5://127.0.0.1:9", "HTTP_PROXY": "127.0.0.1:9", "HTTPS_PROXY": None, "HOME": None}
    second = Server(course, "--port=18888", "--ServerApp.browser=no-such-browser", **variables)
    try:
        assert second.address != server.address
        assert second.path == f"/lab/tree/{NOTEBOOK}"
        assert "ALL_PROXY: a SOCKS proxy" in second.text()
        assert len(second.ask(f"/api/contents/{NOTEBOOK}")["content"]["cells"]) > 10
    finally:
        second.end()
