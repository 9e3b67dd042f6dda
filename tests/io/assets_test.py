import numpy as np
import pytest
import safetensors.numpy

from pie_jax.core.errors import PieError
from pie_jax.io import assets


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The package's folder, in this test's own place."""
    monkeypatch.setattr(assets.resources, "files", lambda package: tmp_path)
    (tmp_path / "assets").mkdir()
    return tmp_path / "assets"


def test_arrays_and_their_origin_are_read(folder):
    arrays = {"mean": np.ones((2, 3), np.float16), "ids": np.arange(3, dtype=np.int32)}
    content = safetensors.numpy.save(arrays, metadata={"source": "nowhere"})
    (folder / "face.safetensors").write_bytes(content)
    asset = assets.load("face")
    assert asset.metadata == {"source": "nowhere"}
    assert asset.arrays.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(asset.arrays[name], array)
        assert asset.arrays[name].dtype == array.dtype


def test_an_absent_asset_says_to_install_again(folder):
    with pytest.raises(PieError, match="face.safetensors cannot be read.*install"):
        assets.load("face")


def test_a_damaged_asset_says_to_install_again(folder):
    content = safetensors.numpy.save({"mean": np.ones((2, 3), np.float32)})
    (folder / "face.safetensors").write_bytes(content[:-5])
    with pytest.raises(PieError, match="face.safetensors is damaged.*again"):
        assets.load("face")


def test_parameters_are_nested_and_of_single_precision(folder):
    arrays = {"body/bias": np.ones(3, np.float16), "scale": np.full(2, 0.5, np.float16)}
    (folder / "net.safetensors").write_bytes(safetensors.numpy.save(arrays))
    found = assets.parameters("net")
    assert found["scale"].dtype == found["body"]["bias"].dtype == np.float32
    np.testing.assert_array_equal(found["body"]["bias"], np.ones(3))


def test_another_file_has_another_digest(folder):
    digests = set()
    for value in (1, 2, 2):
        content = safetensors.numpy.save({"x": np.full(1, value, np.float32)})
        (folder / "net.safetensors").write_bytes(content)
        digests.add(assets.digest("net"))
    assert len(digests) == 2
    with pytest.raises(PieError, match=r"absent.safetensors cannot be read.*again"):
        assets.digest("absent")
