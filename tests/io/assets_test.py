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
