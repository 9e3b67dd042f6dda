"""A stack of two small files that one package carries."""

import dataclasses
import hashlib
import io
import sys
import types
import zipfile
from pathlib import Path

import numpy as np
import pytest

from pie_jax.stack import carriers, registry
from pie_jax.stack.registry import LANDMARKS68, Carried, Published

RAW = b"kept as published"


def install_fakes(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Puts a carrier into `folder`, and it and two sets of weights into the tables.

    "net" is converted, which adds a line to `folder/conversions`; `LANDMARKS68` is kept
    as it is. A carrier that is there stays: another process may be reading it.
    """
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(
            zipfile.ZipInfo("fake/net.bin"), np.arange(6, dtype="f4").tobytes()
        )
        archive.writestr(zipfile.ZipInfo("fake/raw.dat"), RAW)
    published = folder / "fake-1.0.whl"
    if not published.exists():
        published.write_bytes(content.getvalue())

    def convert(files):
        with open(folder / "conversions", "a") as log:
            log.write("net\n")
        return {"layer/bias": np.frombuffer(files["net.bin"], "f4")}

    converter = types.ModuleType("pie_jax.converters.fake")
    converter.convert = convert
    patch.setitem(sys.modules, converter.__name__, converter)
    carrier = carriers.Carrier(
        package="fake",
        version="1.0",
        filename=published.name,
        sha256=hashlib.sha256(content.getvalue()).hexdigest(),
        size=len(content.getvalue()),
        licence="package licence",
    )
    patch.setitem(carriers.CARRIERS, "fake", carrier)
    common = {"carrier": "fake", "purpose": "a test", "licence": "file licence"}
    net = Carried(members=("net.bin",), converter="fake", **common)
    kept = Published(len(RAW), hashlib.sha256(RAW).hexdigest())
    raw = Carried(members=("raw.dat",), published=kept, **common)
    patch.setitem(registry.CARRIED, "net", net)
    patch.setitem(registry.CARRIED, LANDMARKS68, raw)


@dataclasses.dataclass(frozen=True)
class Fakes:
    """Where the fake carrier is, and the cache, which has nothing yet."""

    folder: Path
    cache: Path

    def conversions(self) -> int:
        """How often "net" was converted."""
        log = self.folder / "conversions"
        return log.read_text().count("net") if log.exists() else 0

    def cached(self) -> list[str]:
        """All in the cache but its lock and programs."""
        found = (x.relative_to(self.cache) for x in self.cache.rglob("*"))
        other = {".lock", "xla", "programs"}
        return sorted(x.as_posix() for x in found if x.parts[0] not in other)


@pytest.fixture
def fakes(tmp_path, monkeypatch) -> Fakes:
    """The fake stack, and an empty cache."""
    monkeypatch.setenv("PIE_JAX_CACHE", str(tmp_path / "cache"))
    (tmp_path / "carriers").mkdir()
    install_fakes(tmp_path / "carriers", monkeypatch)
    return Fakes(tmp_path / "carriers", tmp_path / "cache")
