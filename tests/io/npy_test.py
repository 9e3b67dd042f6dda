import io
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from pie_jax.core.errors import PieError
from pie_jax.io import npy


def values(dtype="<f4", order="C"):
    array = np.random.default_rng(0).normal(0, 50, (3, 4, 5)).astype(dtype)
    return np.asarray(array, order=order)


@pytest.mark.parametrize(
    "array",
    [
        *[values(dtype, "F") for dtype in ("<f4", ">f8", "<f2", "<i8", "|u1")],
        *[values(), np.zeros((0, 512)), np.float64(3)],
    ],
)
def test_an_array_is_read_as_it_was_saved(tmp_path, array):
    np.save(tmp_path / "a.npy", array)
    read = npy.read_npy(tmp_path / "a.npy")
    assert read.dtype == array.dtype and read.shape == array.shape
    np.testing.assert_array_equal(read, array)
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "a.npz", first=array, second=np.arange(3))
        archive = npy.read_npz(tmp_path / "a.npz")
        assert set(archive) == {"first", "second"}
        np.testing.assert_array_equal(archive["first"], array)


def with_header(text: bytes, content: bytes = b"", version: bytes = b"\x01\x00"):
    length = len(text).to_bytes(2 if version[0] == 1 else 4, "little")
    return b"\x93NUMPY" + version + length + text + content


HUGE = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,)}\n"
BAD = {
    "nothing": b"",
    "text": b"not an array\n" * 9,
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "another version": with_header(HUGE, version=b"\x09\x00"),
    "a promise of terabytes": with_header(HUGE, b"\0" * 40),
    "no dictionary": with_header(b"[1, 2]\n"),
    "a program": with_header(b"__import__('os').system('false')\n"),
    "many brackets": with_header(b"(" * 5000 + b"\n"),
    "a cut header": with_header(HUGE)[:30],
    "a negative shape": with_header(HUGE.replace(b"1000000000000", b"-1"), b"\0" * 4),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_array_is_refused(tmp_path, kind):
    (tmp_path / "a.npy").write_bytes(BAD[kind])
    with pytest.raises(PieError, match=r"a\.npy is not a readable .npy file"):
        npy.read_npy(tmp_path / "a.npy")


@pytest.mark.parametrize(
    "array", [np.array([{}], object), np.array(["a"]), np.array([1j]), np.array([True])]
)
def test_anything_but_real_numbers_is_refused(tmp_path, array):
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    np.savez(tmp_path / "a.npz", array, allow_pickle=True)
    for read, name in ((npy.read_npy, "a.npy"), (npy.read_npz, "a.npz")):
        with pytest.raises(PieError, match=r"real numbers \(its type is"):
            read(tmp_path / name)


def test_a_cut_file_is_refused_and_an_absent_one_and_a_folder_are_named(tmp_path):
    for name, save, read in [
        ("a.npy", np.save, npy.read_npy),
        ("a.npz", np.savez, npy.read_npz),
    ]:
        save(tmp_path / name, values())
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content[:-9])
        with pytest.raises(PieError, match=f"{name} is not a readable"):
            read(tmp_path / name)
        for absent in ("absent.npy", "."):
            with pytest.raises(PieError, match="cannot be read"):
                read(tmp_path / absent)


@pytest.mark.parametrize("told", [2**26, 100])
def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path, told):
    """Also one that tells another size than it unpacks to."""
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("w.npy", bytes(2**26))
    content = (tmp_path / "a.npz").read_bytes()
    size = struct.pack("<I", told)
    content = content.replace(struct.pack("<I", 2**26), size)
    (tmp_path / "a.npz").write_bytes(content)
    tracemalloc.start()
    with pytest.raises(PieError, match="claims|CRC|no array"):
        npy.read_npz(tmp_path / "a.npz")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**24 + 2**22


def archive_of(path, **others):
    buffer = io.BytesIO()
    np.save(buffer, values())
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("w.npy", buffer.getvalue())
        for name, content in others.items():
            archive.writestr(name, content)
    return path


def test_entries_that_are_no_arrays_say_why(tmp_path):
    np.savez(tmp_path / "a.npz", w=values(), names=["a"], things=np.array([{}]))
    found = npy.read_npz(tmp_path / "a.npz")
    np.testing.assert_array_equal(found["w"], values())
    assert [found[x].why for x in ("names", "things")] == [
        "its type is <U1",
        "its type is object",
    ]
    found = npy.read_npz(archive_of(tmp_path / "b.npz", readme=b"hello"))
    np.testing.assert_array_equal(found["w"], values())
    assert found["readme"].why == "it is no array of NumPy's"


def test_an_encrypted_archive_is_called_so(tmp_path):
    path = archive_of(tmp_path / "a.npz")
    content = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        content[content.find(signature) + offset] |= 1
    path.write_bytes(content)
    with pytest.raises(PieError, match=r"w\.npy is encrypted"):
        npy.read_npz(path)


def test_a_changed_byte_is_an_error_or_another_number(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", w=values())
    content = (tmp_path / "a.npz").read_bytes()
    refused = 0
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 0x55
        (tmp_path / "a.npz").write_bytes(damaged)
        try:
            npy.read_npz(tmp_path / "a.npz")
        except PieError:
            refused += 1
    assert refused > len(content) / 2
