import numpy as np
import pytest

from pie_jax.core.errors import PieError
from pie_jax.io import arrays, assets


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The package's folder, in this test's own place."""
    monkeypatch.setattr(assets.resources, "files", lambda package: tmp_path)
    (tmp_path / "assets").mkdir()
    return tmp_path / "assets"


def test_arrays_and_their_origin_are_read_and_another_file_has_another_digest(folder):
    digests = set()
    for value in (1, 2, 2):
        content = arrays.encode({"mean": np.full(3, value)}, {"source": "nowhere"})
        (folder / "face.safetensors").write_bytes(content)
        found = assets.load("face")
        np.testing.assert_array_equal(found.flat["mean"], np.full(3, value))
        assert found.metadata["source"] == "nowhere"
        digests.add(assets.digest("face"))
    assert len(digests) == 2


def test_an_absent_or_damaged_file_says_to_install_again(folder):
    for read in (assets.load, assets.digest):
        with pytest.raises(PieError, match="face.safetensors cannot be read.*again"):
            read("face")
    content = arrays.encode({"mean": np.ones((2, 3), np.float32)})
    (folder / "face.safetensors").write_bytes(content[:-5])
    with pytest.raises(PieError, match="face.safetensors is damaged.*again"):
        assets.load("face")
