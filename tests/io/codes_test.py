import shutil

import numpy as np
import pytest

from pie_jax.core.errors import PieError
from pie_jax.io import codes

W = np.random.default_rng(0).normal(size=512).astype(np.float32)
W_PLUS = np.random.default_rng(1).normal(size=(5, 512)).astype(np.float32)


@pytest.mark.parametrize("code", [{"w": W}, {"w_plus": W_PLUS}])
def test_a_code_is_read_back_bit_for_bit_with_its_origin(tmp_path, code):
    origin = {"generator": "g", "config": {"stages": [{"num_steps": 3}]}, "none": None}
    codes.save(tmp_path / "anna" / "code", code, origin)
    for place in (tmp_path / "anna", tmp_path / "anna" / "code"):
        loaded, metadata = codes.load(place)
        assert set(loaded) == set(code)
        for name, array in code.items():
            assert loaded[name].dtype == np.float32
            np.testing.assert_array_equal(loaded[name], array)
        assert metadata == origin


def test_saving_replaces_what_is_there(tmp_path):
    codes.save(tmp_path / "code", {"w_plus": W_PLUS}, {"generator": "a"})
    codes.save(tmp_path / "code", {"w": W}, {"generator": "b"})
    loaded, metadata = codes.load(tmp_path / "code")
    assert set(loaded) == {"w"}
    assert metadata == {"generator": "b"}
    assert [path.name for path in tmp_path.iterdir()] == ["code"]


def test_a_saved_w_is_repeated_for_every_style_input(tmp_path):
    codes.save(tmp_path / "w", {"w": W}, {"generator": "g"})
    codes.save(tmp_path / "w_plus", {"w_plus": W_PLUS}, {"generator": "g"})
    w_plus = codes.load_w_plus(tmp_path / "w", 5, "g")
    np.testing.assert_array_equal(w_plus, np.tile(W, (1, 5, 1)))
    w_plus = codes.load_w_plus(tmp_path / "w_plus", 5, "g")
    np.testing.assert_array_equal(w_plus, W_PLUS[None])


def test_five_vectors_in_a_file_are_five_codes_in_w(tmp_path):
    np.save(tmp_path / "code.npy", W_PLUS)
    w_plus = codes.load_w_plus(tmp_path / "code.npy", 5, "g")
    assert w_plus.shape == (5, 5, 512)
    np.testing.assert_array_equal(w_plus, np.repeat(W_PLUS[:, None], 5, axis=1))
    np.save(tmp_path / "code.npy", W_PLUS[None])
    w_plus = codes.load_w_plus(tmp_path / "code.npy", 5, "g")
    np.testing.assert_array_equal(w_plus, W_PLUS[None])


def test_a_saved_code_for_another_number_of_style_inputs_is_refused(tmp_path):
    codes.save(tmp_path / "code", {"w_plus": W_PLUS}, {"generator": "g"})
    with pytest.raises(PieError, match=r"\(n, 6, 512\)"):
        codes.load_w_plus(tmp_path / "code", 6, "g")


@pytest.mark.parametrize("folder", ["absent", "."])
def test_a_folder_without_a_code_is_an_error(tmp_path, folder):
    with pytest.raises(PieError, match="holds no code"):
        codes.load(tmp_path / folder)


@pytest.mark.parametrize("lost", ["code", "metadata", "code/manifest.ocdbt"])
def test_a_folder_that_lost_a_part_is_an_error(tmp_path, lost):
    codes.save(tmp_path / "code", {"w": W}, {"generator": "g"})
    place = tmp_path / "code" / lost
    shutil.rmtree(place) if place.is_dir() else place.unlink()
    with pytest.raises(PieError, match="damaged|holds no code"):
        codes.load(tmp_path / "code")


@pytest.mark.parametrize("item", ["code", "metadata"])
def test_damaged_files_are_an_error(tmp_path, item):
    codes.save(tmp_path / "code", {"w": W}, {"generator": "g"})
    for file in (tmp_path / "code" / item).rglob("*"):
        if file.is_file():
            file.write_bytes(b"damaged")
    with pytest.raises(PieError, match="damaged"):
        codes.load(tmp_path / "code")
