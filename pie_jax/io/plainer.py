"""A picture's file without the metadata that keeps Pillow from its pixels.

Pillow gives a PNG up for a text or profile that is long when unpacked, and both PNG and
JPEG for pieces of metadata that are cut short.
"""

import io
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
# What is seen, and which way up. Texts may say that too, and are kept while short.
_KEPT = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_TEXT, _TEXTS = 500_000, 10_000_000  # bytes of one and of all, unpacked
_PROFILE = 16_000_000  # bytes, unpacked; those of printers have one or two million


# Bytes from which on Pillow can read JPEG's pieces of metadata; others are left out.
_SEGMENTS = {0xE0: 12, 0xE1: 6, 0xE2: 14, 0xEE: 12}


class Plain(NamedTuple):
    """A picture with the metadata that can be read.

    Attributes:
        file: of the same format.
        profile: what Pillow's `info` lacks: `{"icc_profile": ...}`, None where it cannot
            be unpacked, if it was left out; else {}.
    """

    file: IO[bytes]
    profile: dict[str, bytes | None]


def plainer(path: Path) -> Plain | None:
    """Leaves out of a file what is no picture and cannot be read.

    Args:
        path: a file; None is the answer where it is neither PNG nor JPEG.
    """
    with path.open("rb") as file:
        signature = file.read(len(_PNG))
        if signature == _PNG:
            return _plain_png(file)
        if signature.startswith(_JPEG):
            file.seek(len(_JPEG))
            return _plain_jpeg(file)
    return None


def _plain_png(file: IO[bytes]) -> Plain:
    plain, left = io.BytesIO(), _TEXTS
    profile: dict[str, bytes | None] = {}
    plain.write(_PNG)
    for kind, body, check in _chunks(file):
        if kind == b"iCCP":
            profile["icc_profile"] = _unpacked(body, _PROFILE)
            continue
        if kind not in _KEPT:
            text = _text(kind, body, min(left, _TEXT))
            if text is None or zlib.crc32(kind + body) != check:
                continue
            left -= len(text)
        plain.write(struct.pack(">I4s", len(body), kind) + body)
        plain.write(struct.pack(">I", check))
    plain.seek(0)
    return Plain(plain, profile)


def _plain_jpeg(file: IO[bytes]) -> Plain:
    plain = io.BytesIO()
    profile: dict[str, bytes | None] = {}
    plain.write(_JPEG)
    while len(head := file.read(4)) == 4 and head[1] != 0xDA:  # where pixels begin
        _, marker, length = struct.unpack(">BBH", head)
        body = file.read(max(length - 2, 0))
        metadata = 0xE0 <= marker <= 0xEF
        if not metadata or len(body) >= _SEGMENTS.get(marker, 1 << 16):
            plain.write(head + body)
        elif body.startswith(b"ICC_PROFILE"):
            profile["icc_profile"] = None
    plain.write(head + file.read())
    plain.seek(0)
    return Plain(plain, profile)


def _chunks(file: IO[bytes]) -> Iterator[tuple[bytes, bytes, int]]:
    """Kind, content and checksum of each, as far as the file goes."""
    end = os.fstat(file.fileno()).st_size
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        body = file.read(min(length, end))
        yield kind, body, int.from_bytes(file.read(4), "big")


def _text(kind: bytes, body: bytes, most: int) -> bytes | None:
    """A text or EXIF; None for other kinds, or where it has more bytes than `most`."""
    _, _, rest = body.partition(b"\0")
    if kind == b"zTXt":
        return _unpacked(body, most)
    if kind in (b"tEXt", b"eXIf") or (kind == b"iTXt" and rest[:1] == b"\0"):
        return body if len(body) <= most else None
    return None


def _unpacked(body: bytes, most: int) -> bytes | None:
    """What is packed behind a keyword; None where it cannot be unpacked to `most`."""
    _, _, rest = body.partition(b"\0")
    try:
        data = zlib.decompressobj().decompress(rest[1:], most + 1)
    except zlib.error:
        return None
    return data if rest[:1] == b"\0" and len(data) <= most else None
