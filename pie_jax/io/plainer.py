"""A picture's file without the metadata that keeps Pillow from its pixels.

Pillow gives a PNG up for a text or profile that is long when unpacked, and PNG, JPEG and
TIFF for pieces of metadata that are cut short.
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


_TIFF = {b"II*\0": "<", b"MM\0*": ">"}  # the order of bytes
# Bytes of a number, by the type of a TIFF's tag; others have one.
_NUMBERS = {3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}

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
        path: a file; None is the answer where it is none of PNG, JPEG and TIFF.
    """
    with path.open("rb") as file:
        signature = file.read(len(_PNG))
        if signature == _PNG:
            return _plain_png(file)
        if signature.startswith(_JPEG):
            file.seek(len(_JPEG))
            return _plain_jpeg(file)
        if order := _TIFF.get(signature[:4]):
            file.seek(0)
            return _plain_tiff(io.BytesIO(file.read()), order)
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


def _plain_tiff(file: io.BytesIO, order: str) -> Plain:
    """With a new directory, at its end, of the tags whose values are in the file."""
    data, kept = file.getbuffer(), []
    (begin,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, begin)
    for place in range(begin + 2, begin + 2 + 12 * count, 12):
        _, kind, length, at = struct.unpack_from(f"{order}HHII", data, place)
        size = length * _NUMBERS.get(kind, 1)
        if size <= 4 or at + size <= len(data):
            kept.append(bytes(data[place : place + 12]))
    data[4:8] = struct.pack(f"{order}I", len(data))
    del data  # a buffer that is looked at does not grow
    file.seek(0, os.SEEK_END)
    file.write(struct.pack(f"{order}H", len(kept)) + b"".join(kept) + bytes(4))
    file.seek(0)
    return Plain(file, {})


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
