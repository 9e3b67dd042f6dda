"""Damages files at random and reads them: nothing but a `PieError` may come of it.

    python -m tests.mutations --num 10000 --seed 0

Each input is one of the files that the package reads, with a few bytes, numbers or parts
changed; inside of archives too. Failures are printed with the number that makes the
input again (`--first NUMBER --num 1`). Inputs are read in a child process, whose death
is a failure like an exception, more than 20 seconds, more than 1 GB, a result that is
there although the command failed, or a control character on the terminal.
"""

import argparse
import contextlib
import functools
import io
import json
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, PngImagePlugin
from tqdm import tqdm

from pie_jax.converters import codes as foreign
from pie_jax.converters import ict_facekit
from pie_jax.core.errors import PieError
from pie_jax.core.theta import SIZES
from pie_jax.io import arrays, codes, directions, images
from pie_jax.stack import converted
from pie_jax.workflows import export
from tests import builders, pickles
from tests.converters import face_files, matlab_files, stylegan_files, vgg_files

SECONDS, BYTES = 20, 10**9
_MARGIN = 2**30
"""Of addresses, beyond `BYTES`: those of threads are never used."""
_BATCH = 500
"""Inputs that a child reads."""


class Kind(NamedTuple):
    """A kind of file: its whole content, and what reads it in a folder of its own."""

    name: str
    content: bytes
    read: Callable[[Path], object]


def converting(kind: str) -> Callable[[Path], None]:
    """Reads a file by `pie convert`, and looks at what it leaves."""

    def read(path: Path) -> None:
        out, shown = path.parent / "out" / "a.safetensors", io.StringIO()
        out.parent.mkdir(exist_ok=True)
        with contextlib.redirect_stderr(shown), contextlib.redirect_stdout(shown):
            status = builders.pie("convert", kind, path, "--out", out)
        left = [x.name for x in out.parent.iterdir()]
        assert left == ([out.name] if status == 0 else []), f"{status}, but {left}"
        shutil.rmtree(out.parent)
        check_message(shown.getvalue())

    return read


def a_code(path: Path) -> None:
    """Reads a code of another program."""
    codes.to_w_plus(foreign.read(path), 18, str(path))


def a_picture(path: Path) -> None:
    """Reads a photograph and its text."""
    images.read(path)
    images.read_text(path)


LAYOUT = ict_facekit.Layout(3, 3, (0,) * 68)
FACE = b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1/1 2/1 3/1\nf 1 2 3 1\n"


def a_mesh(path: Path) -> None:
    """Reads a mesh as the neutral one of ICT-FaceKit."""
    names = [ict_facekit.IDENTITIES.format(i) for i in range(SIZES["identity"])]
    path.rename(path.parent / ict_facekit.NEUTRAL)
    (path.parent / ict_facekit.NAMES).write_text('{"expressions": ["a"]}')
    for name in [*names, "a.obj"]:
        (path.parent / name).write_bytes(FACE)
    ict_facekit.convert(path.parent, LAYOUT)


def a_folder(part: str, path: Path) -> None:
    """Reads a code's folder, of which this is a part."""
    folder = path.parent / "code"
    for name, original in _folder().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(original)
    path.replace(folder / part)
    codes.load_codes(folder, 18, "g", "abc")


@functools.cache
def _folder() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as place:
        origin = {"generator": "g", "files": {"generator": FILE}}
        w = np.random.default_rng(0).normal(size=(18, 512)).astype("f4")
        codes.save(Path(place) / "code", {"w_plus": w}, origin)
        return builders.files(Path(place) / "code")


FILE = {"path": "/somewhere/a.safetensors", "sha256": "abc"}


def kinds() -> list[Kind]:
    """All kinds of files, as small as they can be."""
    rng = np.random.default_rng(0)
    w = rng.normal(size=(2, 18, 512)).astype("f4")
    small = {k: x[:3, :2] if x.ndim == 2 else x for k, x in _network().items()}
    state = stylegan_files.tensors(stylegan_files.rosinality(small))
    rosinality = {"g_ema": state, "args": [1, {"a": 2}]}
    head = face_files.Head(subdivisions=1)
    vgg = vgg_files.convolutions()
    denses = [(kernel[:4], shift[:4]) for kernel, shift in vgg_files.dense()]
    matlab = vgg_files.matconvnet([x[:1] for x in vgg], denses)
    plain = {"w": rng.normal(size=512), "n": [1.5, "text", (None, True)]}
    latents = {"a.jpg": w[0], "b.jpg": [w[0], w[1]]}
    numpy = [
        (".npy", _saved(np.save, w)),
        (".npy", _saved(np.save, latents)),
        (".npz", _saved(np.savez, w=w, names=["a"])),
        (".npz", _saved(np.savez_compressed, w=np.repeat(w[:, :1], 18, axis=1))),
    ]
    face = {name: [0.0] * size for name, size in SIZES.items()}
    record = {"edit": {"theta": face}, "face_model": {"name": "morphable"}}
    flat = {"a/b": w[0, :3], "c": rng.integers(9, size=3)}
    h5 = face_files.hdf5(face_files.statismo(head, (2, 2, 2)))
    found = [
        ("stylegan2 .pkl", pickles.tf_pickle(small, stylegan_files.OPTIONS2)),
        ("stylegan2 .pkl", stylegan_files.ada_pickle(small)),
        ("stylegan2 .pt", pickles.torch_zip(rosinality)),
        ("stylegan2 .pt", pickles.torch_legacy(rosinality)),
        ("stylegan1 .pkl", pickles.tf_pickle(small, stylegan_files.OPTIONS1, 2)),
        ("vgg16 .pth", vgg_files.pth({f"f.{i}": w[0, :2] for i in range(9)})),
        ("deep3d .pth", pickles.torch_zip({"net_recon": {"a": pickles.Tensor(w[0])}})),
        ("vgg16 .h5", vgg_files.keras(vgg_files.keras_vgg16(vgg, top=False))),
        ("vgg_face .mat", matlab_files.mat5(matlab, compressed=False)),
        ("vgg_face .mat", matlab_files.mat5(matlab)),
        ("vgg_face .mat", matlab_files.mat73(matlab)),
        ("bfm_front .mat", matlab_files.mat5(face_files.bfm_front(head))),
        ("basel2017 .h5", h5),
    ]
    return [
        *(Kind(name, x, converting(name.split()[0])) for name, x in found),
        *(Kind(f"code {suffix}", x, a_code) for suffix, x in numpy),
        Kind("code .pt", pickles.torch_zip({"w": pickles.Tensor(w), **plain}), a_code),
        Kind("code .pt", pickles.torch_legacy([pickles.Tensor(w[0]), plain]), a_code),
        Kind("direction .npy", _saved(np.save, np.eye(1, 512)), directions.read),
        Kind("record .json", json.dumps(record).encode(), export.read_face),
        Kind(
            "weights .safetensors",
            arrays.encode(flat, {"kind": "stylegan2"}),
            lambda path: converted.load(path, "stylegan2"),
        ),
        *(
            Kind("folder .part", content, functools.partial(a_folder, part))
            for part, content in _folder().items()
        ),
        Kind("mesh .obj", FACE, a_mesh),
        Kind("photo .png", _picture("PNG"), a_picture),
        Kind("photo .jpg", _picture("JPEG"), a_picture),
    ]


def _network() -> dict[str, np.ndarray]:
    """A StyleGAN 2 without what makes it large; converters say what is missing."""
    variables = stylegan_files.stylegan2()
    return {k: np.asarray(x) for k, x in variables.items() if np.size(x) < 600_000}


def _saved(save: Callable, *args: object, **arrays: object) -> bytes:
    file = io.BytesIO()
    save(file, *args, **arrays)
    return file.getvalue()


def _picture(kind: str) -> bytes:
    file, text = io.BytesIO(), PngImagePlugin.PngInfo()
    text.add_text("pie_alignment", '{"size": 1024}', zip=True)
    pixels = np.random.default_rng(0).integers(256, size=(24, 16, 3), dtype=np.uint8)
    profile = {"icc_profile": bytes(200), "exif": Image.Exif()}
    extra = {"pnginfo": text} if kind == "PNG" else profile
    Image.fromarray(pixels).save(file, kind, **extra)
    return file.getvalue()


NUMBERS = [
    *(n.to_bytes(size, "little", signed=n < 0) for size in (4, 8) for n in (0, -1)),
    *(n.to_bytes(8, "little") for n in (2**31 - 1, 2**31, 2**33, 2**63 - 1, 2**63)),
]
TEXTS = [
    *(b"9" * 400, b"1e999", b"NaN", b"-1", b"[" * 9999, b"(" * 9999, b"\x1b[31m"),
    *(b"\xff" * 9, b"null", b'""', b"{}", b"[]", b"99999999999999999999", b"\0" * 99),
    *(b"h\0" * 99, b"cos\nsystem\n", b"(", b"t", b"R", b"b", b"u", b".", b"0", b"2"),
]


def damaged(content: bytes, rng: random.Random) -> bytes:
    """The content with one to four changes; in an archive half of the time of an entry
    that is packed again."""
    if zipfile.is_zipfile(io.BytesIO(content)) and rng.random() < 0.5:
        return _repacked(content, rng)
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4))):
        # Headers matter more than numbers do, and stand at either end.
        near = min(len(data), 400)
        at = rng.choice((rng.randrange(len(data) + 1), rng.randrange(near + 1)))
        at = rng.choice((at, len(data) - at))
        length = rng.choice((1, 1, 8, rng.randrange(99)))
        _change(data, at, length, rng)
    return bytes(data[: 10**6])


def _change(data: bytearray, at: int, length: int, rng: random.Random) -> None:
    match rng.randrange(7):
        case 0:
            data[at : at + 1] = bytes([rng.randrange(256)])
        case 1:
            data[at : at + length] = b""
        case 2:
            data[at:at] = data[at : at + length] * rng.choice((1, 2, 50))
        case 3:
            number = rng.choice(NUMBERS)
            data[at : at + len(number)] = number
        case 4:
            data[at : at + rng.choice((0, length))] = rng.choice(TEXTS)
        case 5:
            data[at : at + length] = rng.randbytes(length)
        case 6 if rng.random() < 0.3:
            del data[at:]
        case _:
            if at < len(data):
                data[at] ^= 1 << rng.randrange(8)


def _repacked(content: bytes, rng: random.Random) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(file, "w") as new:
        entries = old.infolist()
        # Half of the time the pickle, which stands first.
        chosen = rng.choice((entries[0], rng.choice(entries)))
        for entry in entries:
            inner = old.read(entry)
            new.writestr(entry, damaged(inner, rng) if entry is chosen else inner)
    return file.getvalue()


def check_message(text: str) -> None:
    """Raises AssertionError where a terminal should not be told that."""
    assert all(c.isprintable() or c == "\n" for c in text), f"raw: {text!r}"
    assert "memory ran out" not in text and "more memory than there" not in text, text


class TooLong(BaseException):
    """It took more than `SECONDS`."""


def _stop(*_: object) -> None:
    raise TooLong


def attempt(kind: Kind, content: bytes) -> str | None:
    """Reads one input; what is wrong with what came of it, or None."""
    before, start = _memory("VmRSS"), time.monotonic()
    signal.signal(signal.SIGALRM, _stop)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a{kind.name.split()[-1]}"
        path.write_bytes(content)
        _forget_peak()
        signal.alarm(SECONDS)
        try:
            kind.read(path)
        except PieError as error:
            signal.alarm(0)
            try:
                check_message(str(error))
            except AssertionError as wrong:
                return str(wrong)
        except (Exception, TooLong):  # noqa: BLE001
            return traceback.format_exc(limit=-4)
        finally:
            signal.alarm(0)
    if time.monotonic() - start > SECONDS:
        return f"{time.monotonic() - start:.0f} seconds"
    grown = _memory("VmHWM") - before
    return f"{grown / 1e9:.1f} GB" if grown > BYTES else None


def _memory(name: str) -> int:
    """Bytes of this process, as Linux counts them."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (x for x in lines if x.startswith(f"{name}:"))
    return 1024 * int(line.split()[1])


def _forget_peak() -> None:
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def read_all(numbers: range, seed: int) -> None:
    """Reads inputs in this process; a line of JSON for each, as `results` has them."""
    warnings.simplefilter("error")
    all_kinds = kinds()
    limit = _memory("VmSize") + BYTES + _MARGIN
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
    for number in numbers:
        kind = all_kinds[number % len(all_kinds)]
        content = damaged(kind.content, random.Random(f"{seed} {number}"))
        start = time.monotonic()
        wrong = attempt(kind, content)
        seconds = time.monotonic() - start
        print(json.dumps([kind.name, seconds, wrong or ""]), flush=True)


def results(num: int, seed: int, first: int = 0) -> Iterator[tuple[str, float, str]]:
    """Of each input its kind, the seconds it took, and what was wrong or ""."""
    number, end = first, first + num
    while number < end:
        words = (
            f"--child --seed {seed} --first {number} --num {min(_BATCH, end - number)}"
        )
        command = [sys.executable, "-m", "tests.mutations", *words.split()]
        begun = number
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            for line in child.stdout or ():
                number += 1
                yield tuple(json.loads(line))
        if child.returncode:
            yield "unknown", 0.0, f"the process ended with {child.returncode}"
            number += 1
        elif number == begun:
            raise RuntimeError("nothing was read")


def main() -> int:
    """The command; its exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--num", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="the first input's number")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        read_all(range(args.first, args.first + args.num), args.seed)
        return 0
    times: dict[str, list[float]] = {}
    failures = 0
    progress = tqdm(results(args.num, args.seed, args.first), total=args.num)
    for number, (name, seconds, wrong) in enumerate(progress, args.first):
        times.setdefault(name, []).append(seconds)
        if wrong:
            failures += 1
            progress.write(f"input {number}, {name}: {wrong}")
    for name, spent in times.items():
        mean, most = 1e3 * np.mean(spent), max(spent)
        print(
            f"{name:22} {len(spent):6} inputs, {mean:6.1f} ms each, {most:.1f} s most"
        )
    print(f"{failures} failures in {args.num} inputs")
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
