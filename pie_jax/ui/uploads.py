"""Files that come from a browser: photographs only, of limited size, in one folder."""

import re
import shutil
from pathlib import Path

from pie_jax.core.errors import PieError
from pie_jax.io import atomic, images

MAX_BYTES = 64 * 2**20
"""A photograph of 100 megapixels as JPEG has half of it."""
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".avif", ".bmp", ".tif", ".tiff", ".gif")
FOLDER, REFERENCES = "photographs", "references"
"""Where they are kept, beside the portraits: those that become portraits, and others."""
_LONGEST = 60


def keep(folder: Path, name: str, content: bytes) -> Path:
    """Keeps an uploaded photograph under a name of its own.

    Args:
        folder: where; made if missing.
        name: as the browser says; only letters, digits, - and _ of it are taken.
        content: the file's.

    Returns:
        The file; that which is there already if it is the same.

    Raises:
        PieError: it is too large, or no picture that can be read.
    """
    if len(content) > MAX_BYTES:
        raise PieError(
            f"{name}: has {len(content) / 2**20:.0f} MB; 64 are taken at most"
        )
    suffix = Path(name).suffix.lower()
    if suffix not in SUFFIXES:
        raise PieError(f"{name}: is no picture; {', '.join(SUFFIXES)} are taken")
    stem = re.sub(r"[^\w-]+", "_", Path(name).stem).strip("_")[:_LONGEST] or "portrait"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = _free(folder, stem, suffix, content)
        if not path.exists():
            with atomic.replacing(path) as file:
                file.write(content)
    except OSError as error:
        raise PieError(
            f"{name}: cannot be kept in {folder} ({error.strerror})"
        ) from error
    try:
        images.read(path)
    except PieError:
        path.unlink(missing_ok=True)
        raise
    return path


def copied(photo: Path, name: str) -> Path:
    """The photograph under another name beside it: a portrait is called as its file."""
    other = photo.with_name(f"{name}{photo.suffix}")
    if other != photo:
        shutil.copyfile(photo, other)
    return other


def waiting(folder: Path, done: list[str]) -> list[Path]:
    """Photographs that were uploaded and are no portrait yet."""
    place = folder / FOLDER
    found = sorted(place.iterdir()) if place.is_dir() else []
    return [x for x in found if x.suffix in SUFFIXES and x.stem not in done]


def _free(place: Path, stem: str, suffix: str, content: bytes) -> Path:
    """A name that is free, or of the same file."""
    for number in range(1, 1000):
        name = stem if number == 1 else f"{stem}-{number}"
        taken = [x for x in place.glob(f"{name}.*") if x.stem == name]
        same = [x for x in taken if x.suffix == suffix and x.read_bytes() == content]
        if same:
            return same[0]
        if not taken:
            return place / f"{name}{suffix}"
    raise PieError(f"{stem}{suffix}: there are a thousand photographs of this name")
