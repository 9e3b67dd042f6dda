"""PyTorch files: both containers, all kinds of tensors, and damage."""

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


def content():
    shared = Storage(FLOATS)
    turned = Made(
        Named("torch._utils", "_rebuild_tensor_v2"),
        (shared, 4, (4, 2), (1, 12), False, OrderedDict()),
    )
    return {
        "floats": Tensor(FLOATS),
        "parameter": Tensor(HALVES, parameter=True),
        "nested": [OrderedDict(longs=Tensor(LONGS)), (1, "two", None)],
        "turned": turned,
        "scalar": Tensor(np.float32(2.5)),
        "empty": Tensor(np.zeros((0, 3), "<f4")),
        "other": Tensor(FLOATS),
    }


@pytest.mark.parametrize("write", WRITERS)
def test_tensors_and_containers_come_back(write):
    data = write(content())
    assert torch_checkpoint.is_checkpoint(data)
    result = torch_checkpoint.read(data, "file", skip={"other"})
    assert "other" not in result
    np.testing.assert_array_equal(result["floats"], FLOATS)
    np.testing.assert_array_equal(result["parameter"], HALVES)
    np.testing.assert_array_equal(result["nested"][0]["longs"], LONGS)
    assert result["nested"][1] == (1, "two", None)
    expected = FLOATS.reshape(2, 12)[:, 4:8].T
    np.testing.assert_array_equal(result["turned"], expected)
    assert result["scalar"].shape == () and result["scalar"] == 2.5
    assert result["empty"].shape == (0, 3)
    assert result["floats"].dtype == np.float32
    assert result["parameter"].dtype == np.float16


@pytest.mark.parametrize("write", WRITERS)
def test_truncated_files_are_errors_at_every_length(write):
    data = write(content())
    for length in range(0, len(data), 97):
        with pytest.raises(PieError, match="truncated|damaged|no PyTorch file"):
            torch_checkpoint.read(data[:length], "file")


def test_changed_contents_are_noticed():
    data = bytearray(pickles.torch_zip(content()))
    place = data.find(FLOATS.tobytes())
    data[place] ^= 1
    with pytest.raises(PieError, match="CRC"):
        torch_checkpoint.read(bytes(data), "file")


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
    rebuild = Named("torch._utils", "_rebuild_tensor_v2")
    tensor = Made(rebuild, (Storage(FLOATS), *args, False, OrderedDict()))
    with pytest.raises(PieError, match=message):
        torch_checkpoint.read(write([tensor]), "file")


@pytest.mark.parametrize(
    ("offset", "value", "message"),
    [(6, 99, "zip file version 9.9"), (8, 0x20, "patched"), (8, 0x40, "encryption")],
)
def test_archives_that_ask_for_what_zipfile_lacks_are_refused(offset, value, message):
    data = bytearray(pickles.torch_zip({"a": Tensor(FLOATS)}))
    data[data.find(b"PK\x01\x02") + offset] = value  # of the directory's first entry
    with pytest.raises(PieError, match=f"damaged or truncated .*{message}"):
        torch_checkpoint.read(bytes(data), "file")


def test_an_archive_that_lacks_a_storage_is_damaged():
    data = BytesIO(pickles.torch_zip({"a": Tensor(FLOATS)}))
    fewer = BytesIO()
    with zipfile.ZipFile(data) as source, zipfile.ZipFile(fewer, "w") as target:
        for name in source.namelist():
            if not name.endswith("data/0"):
                target.writestr(name, source.read(name))
    with pytest.raises(PieError, match="lacks the entry archive/data/0"):
        torch_checkpoint.read(fewer.getvalue(), "file")


def test_an_archive_without_a_pickle_is_no_checkpoint():
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(PieError, match=r"no one data\.pkl"):
        torch_checkpoint.read(file.getvalue(), "file")


def test_entries_that_overlap_are_refused():
    """Each entry seems harmless; together they claim more than the file holds."""
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02K\x01.")
        archive.writestr("archive/data/0", bytes(100_000))
        original = archive.getinfo("archive/data/0")
        for i in range(1, 50):
            again = zipfile.ZipInfo(f"archive/data/{i}")
            again.header_offset, again.CRC = original.header_offset, original.CRC
            again.file_size = again.compress_size = original.file_size
            archive.filelist.append(again)
    with pytest.raises(PieError, match="its entries claim"):
        torch_checkpoint.read(file.getvalue(), "file")


def test_references_to_anything_but_storages_are_refused():
    file = BytesIO()

    class Odd(pickles.Writer):
        def persistent_id(self, obj):
            return ("module", Named("torch", "FloatStorage"), "x") if obj == 7 else None

    Odd(file, 2).dump({"a": 7})
    archive_file = BytesIO()
    with zipfile.ZipFile(archive_file, "w") as archive:
        archive.writestr("archive/data.pkl", file.getvalue())
    with pytest.raises(PieError, match="no storage"):
        torch_checkpoint.read(archive_file.getvalue(), "file")


def test_other_files_are_no_checkpoints():
    for data in (b"", b"nothing", pickles.dumps({})):
        assert not torch_checkpoint.is_checkpoint(data)
        with pytest.raises(PieError, match="no PyTorch file"):
            torch_checkpoint.read(data, "file")
