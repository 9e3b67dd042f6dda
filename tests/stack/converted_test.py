import os

import numpy as np
import pytest
import safetensors.numpy

from pie_jax.core.errors import PieError
from pie_jax.stack import converted

FLAT = {
    "mapping/dense0/kernel": np.arange(6, dtype=np.float32).reshape(2, 3).T,
    "w_avg": np.ones(3, np.float32),
}


@pytest.fixture
def file(tmp_path):
    converted.save(tmp_path / "a.safetensors", FLAT, {"kind": "net", "licence": "no"})
    return tmp_path / "a.safetensors"


def test_a_file_is_read_back_as_nested_arrays_and_identified_by_its_content(
    file, tmp_path
):
    params = converted.load(file, "net")
    assert params.keys() == {"mapping", "w_avg"}
    kernel = params["mapping"]["dense0"]["kernel"]
    np.testing.assert_array_equal(kernel, FLAT["mapping/dense0/kernel"])
    assert converted.metadata(file).items() >= {"kind": "net", "licence": "no"}.items()
    assert os.listdir(file.parent) == [file.name]
    first = converted.sha256(file)
    assert len(first) == 64
    file.rename(tmp_path / "b.safetensors")
    assert converted.sha256(tmp_path / "b.safetensors") == first
    converted.save(file, FLAT | {"w_avg": np.zeros(3, np.float32)}, {"kind": "net"})
    assert converted.sha256(file) != first


def test_another_kind_is_refused(file, tmp_path):
    with pytest.raises(PieError, match="converted as net; a file of the kind other"):
        converted.load(file, "other")
    plain = tmp_path / "plain.safetensors"
    plain.write_bytes(safetensors.numpy.save(FLAT))
    with pytest.raises(PieError, match="is not of `pie convert`; .* kind net"):
        converted.load(plain, "net")


@pytest.mark.parametrize("change", [lambda x: x[:-3], lambda x: b"", lambda x: b"{}"])
def test_a_damaged_file_is_refused(file, change):
    file.write_bytes(change(file.read_bytes()))
    with pytest.raises(PieError, match="Make it again"):
        converted.load(file, "net")


def test_a_name_that_is_array_and_folder_and_absent_files_are_errors(tmp_path):
    absent = tmp_path / "absent"
    flat = {"a": np.ones(2, np.float32), "a/b": np.ones(2, np.float32)}
    converted.save(tmp_path / "a", flat, {"kind": "net"})
    for function, arguments, message in [
        (converted.load, (tmp_path / "a", "net"), "no whole safetensors file"),
        (converted.load, (absent, "net"), "is not there"),
        (converted.load, (tmp_path, "net"), "no whole safetensors file"),
        (converted.sha256, (absent,), "cannot be read"),
        (converted.save, (absent / "a", FLAT, {}), "cannot be written"),
    ]:
        with pytest.raises(PieError, match=message):
            function(*arguments)
