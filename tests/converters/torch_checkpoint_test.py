import zipfile
from collections import OrderedDict
from io import BytesIO

import numpy as np
import pytest

from pie_jax.converters import torch_checkpoint
from pie_jax.core.errors import PieError
from tests import pickles
from tests.pickles import Made, Named, Storage, Tensor

WRITERS = [pickles.torch_zip, pickles.torch_legacy]
RNG = np.random.default_rng(0)
FLOATS = RNG.normal(size=(2, 3, 4)).astype("<f4")
HALVES = RNG.normal(size=5).astype("<f2")
LONGS = RNG.integers(-9, 9, (1, 7)).astype("<i8")


def read(data, skip=()):
    return torch_checkpoint.read(data, "file", skip)


def view(*args):
    rebuild = Named("torch._utils", "_rebuild_tensor_v2")
    return Made(rebuild, (Storage(FLOATS), *args, False, OrderedDict()))


CONTENT = {
    "floats": Tensor(FLOATS),
    "parameter": Tensor(HALVES, parameter=True),
    "nested": [OrderedDict(longs=Tensor(LONGS)), (1, "two", None)],
    "turned": view(4, (4, 2), (1, 12)),
    "scalar": Tensor(np.float32(2.5)),
    "empty": Tensor(np.zeros((0, 3), "<f4")),
    "other": Tensor(FLOATS),
}


@pytest.mark.parametrize("write", WRITERS)
def test_tensors_and_containers_come_back(write):
    result = read(write(CONTENT), skip={"other"})
    (longs,), plain = result["nested"][0].values(), result["nested"][1]
    assert "other" not in result and plain == (1, "two", None)
    for found, expected in [
        (result["floats"], FLOATS),
        (result["parameter"], HALVES),
        (longs, LONGS),
        (result["turned"], FLOATS.reshape(2, 12)[:, 4:8].T),
        (result["scalar"], np.array(2.5, np.float32)),
        (result["empty"], np.zeros((0, 3), np.float32)),
    ]:
        np.testing.assert_array_equal(found, expected, strict=True)


@pytest.mark.parametrize("write", WRITERS)
def test_storages_of_an_unknown_class_that_are_not_used_are_left_alone(
    monkeypatch, write
):
    monkeypatch.setitem(pickles.STORAGES, "<u2", "NewStorage")
    new = [Tensor(np.ones(size, "<u2")) for size in (3, 5)]
    result = read(write({"floats": Tensor(FLOATS), "new": new, "longs": Tensor(LONGS)}))
    np.testing.assert_array_equal(result["floats"], FLOATS)
    np.testing.assert_array_equal(result["longs"], LONGS)
    with pytest.raises(PieError, match=r"asks for torch\.NewStorage"):
        read(write(new[0]))


@pytest.mark.parametrize("zipped", [True, False])
def test_real_torch_writes_what_is_read(zipped):
    torch, file = pytest.importorskip("torch"), BytesIO()
    content = {"a": torch.from_numpy(FLOATS)}
    torch.save(content, file, _use_new_zipfile_serialization=zipped)
    np.testing.assert_array_equal(read(file.getvalue())["a"], FLOATS)


@pytest.mark.parametrize("write", WRITERS)
def test_truncated_files_are_errors_at_every_length(write):
    data = write(CONTENT)
    for length in range(0, len(data), 97):
        with pytest.raises(PieError, match="truncated|damaged|no PyTorch file"):
            read(data[:length])


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((0, (25,), (1,)), "ends beyond its 24 elements"),
        ((20, (5,), (1,)), "ends beyond"),
        ((0, (2,), (-1,)), "strides"),
        ((0, (2, 2), (1,)), "zip"),
        ((-1, (2,), (1,)), "strides"),
    ],
)
@pytest.mark.parametrize("write", WRITERS)
def test_tensors_outside_their_storage_are_refused(write, args, message):
    with pytest.raises(PieError, match=message):
        read(write(view(*args)))


DATA = pickles.torch_zip(CONTENT)
LEGACY = pickles.torch_legacy([Tensor(HALVES)])


def changed(place, value):
    data = bytearray(DATA)
    data[place] = value
    return bytes(data)


DIRECTORY = DATA.find(b"PK\x01\x02")
"""Of the archive: where its first entry begins."""


def archive(**replaced):
    """The archive with other entries; None leaves one out."""
    file = BytesIO()
    with zipfile.ZipFile(BytesIO(DATA)) as source, zipfile.ZipFile(file, "w") as target:
        for name in source.namelist():
            content = replaced.get(name.split("/", 1)[1], source.read(name))
            if content is not None:
                target.writestr(name, content)
    return file.getvalue()


def overlapping():
    """Each entry seems harmless; together they claim more than the file holds."""
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("archive/data.pkl", b"\x80\x02K\x01.")
        made.writestr("archive/data/0", bytes(100_000))
        original = made.getinfo("archive/data/0")
        for i in range(1, 50):
            again = zipfile.ZipInfo(f"archive/data/{i}")
            again.header_offset, again.CRC = original.header_offset, original.CRC
            again.file_size = again.compress_size = original.file_size
            made.filelist.append(again)
    return file.getvalue()


MODULE = b"(S'module'\nctorch\nFloatStorage\nS'x'\nS'cpu'\nK\x01tQ."


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (changed(DATA.find(FLOATS.tobytes()), 0), "CRC"),
        (changed(DIRECTORY + 6, 99), "damaged or truncated .*zip file version 9.9"),
        (changed(DIRECTORY + 8, 0x20), "damaged or truncated .*patched"),
        (changed(DIRECTORY + 8, 0x40), "damaged or truncated .*encryption"),
        (archive(**{"data/0": None}), "lacks the entry archive/data/0"),
        (archive(**{"data/0": b"1234"}), "the storage 0 has 4 bytes, 24 elements"),
        (archive(**{"data.pkl": None}), r"no one data\.pkl"),
        (archive(**{"data.pkl": MODULE}), "no storage"),
        (archive(byteorder=b"big"), "byte order"),
        (overlapping(), "its entries claim"),
        (LEGACY.replace(b"M\xe9\x03.", b"M\xe8\x03."), "of protocol 1001"),
        (LEGACY.replace(b"\x88", b"\x89", 1), "another kind of CPU"),
        (LEGACY.replace(b"X\x01\x00\x00\x000", b"X\x01\x00\x00\x007", 1), "need"),
        (b"", "no PyTorch file"),
        (pickles.dumps({}), "no PyTorch file"),
    ],
)
def test_damaged_and_other_files_are_refused(data, message):
    with pytest.raises(PieError, match=message):
        read(data)
