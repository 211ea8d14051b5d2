"""Finding and downloading: against a small server on this computer that can be told to misbehave."""

import builtins
import contextlib
import errno
import hashlib
import os
import threading
import time
import warnings
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

import medlib.data as data
from medlib.data import store
from medlib.data.store import DataError, Source, fetch, find, md5_of, read_npz

BODY = np.random.default_rng(0).bytes(300_000)
MD5 = hashlib.md5(BODY).hexdigest()
PAGE = b"\n<!DOCTYPE html><html>Please sign in</html>"


class Handler(BaseHTTPRequestHandler):
    """Serves BODY, with ranges; `server.mode` names a way to misbehave, `server.seen` keeps what was asked."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        mode, asked = self.server.mode, self.headers.get("Range")
        self.server.seen.append(asked)
        if mode.isdigit():
            return self.send_error(int(mode))
        if mode == "slow":
            time.sleep(0.6)
        start = (
            int(asked.removeprefix("bytes=").removesuffix("-")) if asked and mode not in ("no ranges", "page") else 0
        )
        if start >= len(BODY):
            return self.send_error(416)
        body = {"page": PAGE, "other": BODY[::-1]}.get(mode, BODY)[start:]
        self.send_response(206 if start else 200)
        if mode != "no length":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # the client has gone
            self.wfile.write(body[:100_000] if mode == "cut" else body)


@pytest.fixture(scope="module")
def running():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def server(running, tmp_path, monkeypatch):
    running.mode, running.seen = "well", []
    monkeypatch.setenv("MEDLIB_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MEDLIB_DATA", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return running


@pytest.fixture
def source(server):
    url = f"http://127.0.0.1:{server.server_port}/toy.npz"
    return Source("toy", "a toy", "download", "MIT", "0.3 MB", "nowhere", file="toy.npz", url=url, md5=MD5)


@pytest.fixture
def target(tmp_path):
    return tmp_path / "cache" / "toy.npz"


@pytest.fixture
def old(target):
    """An older file in the place of the target, which every failure must leave alone."""
    target.parent.mkdir()
    target.write_bytes(b"old")
    return target


def part(target):
    return target.with_name("toy.npz.part")


# ------------------------------------------------------------------------------------------------------------- success


def test_download_is_checked_and_moved_into_place(server, source, target, capsys):
    assert fetch(source) == target
    assert target.read_bytes() == BODY and not part(target).exists()
    out, err = capsys.readouterr()
    assert "toy: 0.3 MB, MD5 correct, in " in out and err == ""


def test_file_that_is_there_is_not_downloaded_again(server, source, capsys):
    fetch(source), fetch(source)
    assert len(server.seen) == 1 and "is here already" in capsys.readouterr().out


def test_older_file_is_replaced(source, old):
    assert fetch(source).read_bytes() == BODY


def test_begun_download_goes_on(server, source, target):
    target.parent.mkdir()
    part(target).write_bytes(BODY[:120_000])
    fetch(source)
    assert server.seen == ["bytes=120000-"] and target.read_bytes() == BODY


def test_server_without_ranges_starts_afresh(server, source, target):
    server.mode = "no ranges"
    target.parent.mkdir()
    part(target).write_bytes(BODY[:120_000])
    assert fetch(source).read_bytes() == BODY


def test_beginning_of_another_file_starts_afresh(server, source, target):
    target.parent.mkdir()
    part(target).write_bytes(b"x" * 1000)
    assert fetch(source).read_bytes() == BODY
    assert server.seen == ["bytes=1000-", None]


@pytest.mark.parametrize(("held", "asked"), [(BODY, 1), (BODY + b"more", 2)])
def test_part_that_is_whole_or_too_long(server, source, target, held, asked):
    target.parent.mkdir()
    part(target).write_bytes(held)
    assert fetch(source).read_bytes() == BODY and len(server.seen) == asked


def test_server_that_names_no_length(server, source):
    server.mode = "no length"
    assert fetch(source).read_bytes() == BODY


def test_download_by_name(monkeypatch, server, source, target):
    monkeypatch.setattr(data, "_sources", lambda: {"toy": source})
    assert data.download("toy") == target


def test_file_in_medlib_data_comes_first_and_is_said(source, tmp_path, monkeypatch, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "toy.npz").write_bytes(b"variant")
    monkeypatch.setenv("MEDLIB_DATA", str(tmp_path / "mine"))
    fetch(source)
    assert "load('toy') still takes" in capsys.readouterr().out


# ------------------------------------------------------------------------------------------------------------- failures


@pytest.mark.parametrize(
    ("mode", "words", "part_left"),
    [
        (
            "404",
            r"the server answered 404 .*expected 200. The file is no longer at this address.*folder named by MEDLIB",
            False,
        ),
        ("503", r"answered 503 .*busy or down: try again in some minutes, or fetch http", False),
        ("403", r"answered 403 .*perhaps because of a proxy", False),
        ("page", r"sent a web page, expected toy.npz. A sign-in page .* open http.* in a browser", False),
        ("other", rf"arrived with MD5 [0-9a-f]{{32}}, expected {MD5}. .*thrown away. Try again", False),
        ("cut", r"ended early: got 0.1 MB, expected 0.3 MB. .*kept: medlib.data.download\(.toy.\) goes on", True),
    ],
)
def test_failure_is_named_and_leaves_the_old_file(server, source, old, mode, words, part_left):
    server.mode = mode
    with pytest.raises(DataError, match=words) as caught:
        fetch(source)
    assert str(caught.value).startswith("download('toy'): ")
    assert old.read_bytes() == b"old" and part(old).exists() == part_left


def test_what_a_cut_left_is_used(server, source, old):
    server.mode = "cut"
    with pytest.raises(DataError, match="ended early"):
        fetch(source)
    server.mode = "well"
    assert fetch(source).read_bytes() == BODY and server.seen[-1] == "bytes=100000-"


def test_web_page_does_not_spoil_a_begun_download(server, source, target):
    target.parent.mkdir()
    part(target).write_bytes(BODY[:10])
    server.mode = "page"
    with pytest.raises(DataError, match="web page"):
        fetch(source)
    assert part(target).read_bytes() == BODY[:10]


def test_no_network_is_said_at_once(source, old):
    began = time.monotonic()
    with pytest.raises(
        DataError, match=r"connection to 127.0.0.1:9 failed .*expected an answer within.*Check the network"
    ):
        fetch(replace(source, url="http://127.0.0.1:9/toy.npz"))
    assert time.monotonic() - began < 5 and old.read_bytes() == b"old"


def test_unknown_host(source, monkeypatch):
    def no_names(*_args, **_kw):
        raise OSError(-2, "Name or service not known")

    monkeypatch.setattr("socket.getaddrinfo", no_names)
    with pytest.raises(DataError, match="connection to zenodo.invalid failed .*Name or service not known"):
        fetch(replace(source, url="https://zenodo.invalid/toy.npz"))


def test_silent_server(server, source, monkeypatch):
    server.mode = "slow"
    monkeypatch.setattr(store, "TIMEOUT", 0.2)
    with pytest.raises(DataError, match=r"failed \(.*timed out\); expected an answer within 0.2 s"):
        fetch(source)


def opening(monkeypatch, fail):
    """Let `fail(data)` run before each write into the unfinished file."""
    real = builtins.open

    def opened(path, mode="r", *args, **kw):
        file = real(path, mode, *args, **kw)
        if str(path).endswith(".part") and mode != "rb":
            write = file.write

            class Writer:
                def __enter__(self):
                    return self

                def __exit__(self, *_):
                    file.close()

                def write(self, data):
                    fail(data)
                    return write(data)

            return Writer()
        return file

    monkeypatch.setattr(builtins, "open", opened)


def test_no_space_left(source, old, monkeypatch):
    def fail(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    opening(monkeypatch, fail)
    words = "no space left in .*cache; expected room for 0.3 MB. Free some, or set MEDLIB_CACHE .*has been removed"
    with pytest.raises(DataError, match=words):
        fetch(source)
    assert old.read_bytes() == b"old" and not part(old).exists()


def test_interruption_keeps_what_arrived(server, source, old, monkeypatch, capsys):
    written = []

    def stop(data):
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(data)

    with monkeypatch.context() as patched:
        opening(patched, stop)
        with pytest.raises(KeyboardInterrupt):
            fetch(source)
    assert "What has arrived is kept: medlib.data.download" in capsys.readouterr().out
    assert old.read_bytes() == b"old" and 0 < part(old).stat().st_size < len(BODY)
    assert fetch(source).read_bytes() == BODY and server.seen[-1].startswith("bytes=")


def test_folder_that_cannot_be_written(source, target, monkeypatch):
    target.parent.write_text("a file where the cache should be", encoding="utf-8")
    with pytest.raises(DataError, match="cannot write .*cache.*expected a folder that you may write. Set MEDLIB_CACHE"):
        fetch(source)


def test_read_only_folder(source, old, monkeypatch):
    real = builtins.open

    def read_only(path, mode="r", *args, **kw):
        if "w" in mode and str(path).endswith(".part"):
            raise PermissionError(errno.EROFS, "Read-only file system", str(path))
        return real(path, mode, *args, **kw)

    monkeypatch.setattr(builtins, "open", read_only)
    with pytest.raises(DataError, match="cannot write .*toy.npz.part .Read-only file system.; expected a folder"):
        fetch(source)
    assert old.read_bytes() == b"old"


# ------------------------------------------------------------------------------------------------------------- finding


def test_cache_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("MEDLIB_CACHE", str(tmp_path))
    assert store.cache_dir() == tmp_path
    monkeypatch.delenv("MEDLIB_CACHE")
    assert store.cache_dir().name.lower() in ("medlib", "cache")


def test_find_looks_below_medlib_data_first(server, tmp_path, monkeypatch):
    assert find("a.npz") is None
    store.cache_dir().mkdir()
    cached = store.cache_dir() / "a.npz"
    cached.write_bytes(b"")
    assert find("a.npz") == cached
    mine = tmp_path / "mine" / "medmnist" / "deeper" / "a.npz"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"")
    monkeypatch.setenv("MEDLIB_DATA", str(tmp_path / "mine"))
    assert find("a.npz") == mine


def test_medlib_data_must_be_a_folder(server, monkeypatch, tmp_path):
    monkeypatch.setenv("MEDLIB_DATA", str(tmp_path / "typo"))
    with pytest.raises(DataError, match="MEDLIB_DATA is .*typo', expected an existing folder. Correct it, or unset"):
        find("a.npz")


def test_md5(tmp_path):
    (tmp_path / "a").write_bytes(BODY)
    assert md5_of(tmp_path / "a") == MD5


# ---------------------------------------------------------------------------------------------------------- reading npz


def test_read_npz(tmp_path):
    np.savez(tmp_path / "a.npz", a=np.arange(3), b=np.ones(2))
    assert list(read_npz(tmp_path / "a.npz", ("a",), "")) == ["a"]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda raw: PAGE, r"no complete npz archive: 43 bytes, beginning with b'\\n<!DOCTYPE "),
        (lambda raw: raw[: len(raw) // 2], "no complete npz archive: .* MB.*expected a zip file. It is cut short"),
        (
            lambda raw: raw[:50_000] + bytes(50_000) + raw[100_000:],
            "cannot be read: .*Expected an undamaged npz archive",
        ),
        (lambda raw: b"", "no complete npz archive: 0 bytes"),
    ],
    ids=["web page", "cut", "corrupt", "empty"],
)
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_damaged_file(tmp_path, spoil, words, save):
    path = tmp_path / "a.npz"
    save(path, a=np.random.default_rng(0).integers(0, 256, 300_000, dtype=np.uint8))
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(DataError, match=words) as caught, warnings.catch_warnings():
        warnings.simplefilter("error")
        read_npz(path, ("a",), "Fetch it again.")
    assert str(path) in str(caught.value) and str(caught.value).endswith("Fetch it again.")


def test_pickle_is_never_opened(tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "sprung"),)

    np.savez(tmp_path / "a.npz", a=np.array([Trap()], dtype=object))
    with pytest.raises(DataError, match="holds Python objects .a pickle., which can run a program"):
        read_npz(tmp_path / "a.npz", ("a",), "")
    assert not (tmp_path / "sprung").exists()


def test_missing_key(tmp_path):
    np.savez(tmp_path / "a.npz", b=np.ones(2))
    with pytest.raises(DataError, match=r"has no a: got the keys \['b'\], expected \['a'\]. Do this"):
        read_npz(tmp_path / "a.npz", ("a",), "Do this")


def test_file_that_may_not_be_read(tmp_path, monkeypatch):
    def refused(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr("zipfile.is_zipfile", refused)
    with pytest.raises(DataError, match="cannot be read: .*Permission denied"):
        read_npz(tmp_path / "a.npz", ("a",), "")
