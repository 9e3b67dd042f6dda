import shutil

import numpy as np
import pytest

from pie_jax.core.errors import PieError
from pie_jax.io import codes
from tests import builders

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


def test_saving_replaces_what_is_there_and_codes_belong_to_their_space_and_weights(
    tmp_path,
):
    codes.save(tmp_path / "code", {"w_plus": W_PLUS}, {"generator": "a"})
    codes.save(tmp_path / "code", {"w": W}, {"generator": "b"})
    loaded, metadata = codes.load(tmp_path / "code")
    assert set(loaded) == {"w"}
    assert metadata == {"generator": "b"}
    assert [path.name for path in tmp_path.iterdir()] == ["code"]

    file = {"path": "/somewhere/stylegan2.safetensors", "sha256": "abc"}
    origin = {"generator": "g", "files": {"generator": file}}
    codes.save(tmp_path / "own", {"w_plus": W_PLUS}, origin)
    codes.save(tmp_path / "fetched", {"w_plus": W_PLUS}, {"generator": "g"})
    w_plus, _ = codes.load_codes(tmp_path / "own", 5, "g", "abc")
    np.testing.assert_array_equal(w_plus, W_PLUS[None])
    for sha256, found in [(None, "none"), ("abd", "another file")]:
        message = rf"{file['path']} \(SHA-256 abc\); the configuration names {found}"
        with pytest.raises(PieError, match=message):
            codes.load_codes(tmp_path / "own", 5, "g", sha256)
    with pytest.raises(PieError, match="that were fetched, not with a file"):
        codes.load_codes(tmp_path / "fetched", 5, "g", "abc")

    with pytest.raises(PieError, match=r"file has shape \(5, 512\): either 5 codes"):
        codes.to_w_plus(W_PLUS, 5, "file")
    five = codes.to_w_plus(W_PLUS, 5, "file", "w")
    np.testing.assert_array_equal(five, np.repeat(W_PLUS[:, None], 5, axis=1))
    one = codes.to_w_plus(W_PLUS, 5, "file", "w_plus")
    np.testing.assert_array_equal(one, W_PLUS[None])
    np.testing.assert_array_equal(codes.to_w_plus(W_PLUS[None], 5, "file"), one)
    np.testing.assert_array_equal(codes.to_w_plus(W_PLUS[:, None], 5, "file"), five)


def test_a_saved_w_is_repeated_for_every_style_input_of_which_codes_have_no_others(
    tmp_path,
):
    codes.save(tmp_path / "w", {"w": W}, {"generator": "g"})
    codes.save(tmp_path / "w_plus", {"w_plus": W_PLUS}, {"generator": "g"})
    w_plus, _ = codes.load_codes(tmp_path / "w", 5, "g")
    np.testing.assert_array_equal(w_plus, np.tile(W, (1, 5, 1)))
    w_plus, _ = codes.load_codes(tmp_path / "w_plus", 5, "g")
    np.testing.assert_array_equal(w_plus, W_PLUS[None])
    with pytest.raises(PieError, match=r"\(n, 6, 512\)"):
        codes.load_codes(tmp_path / "w_plus", 6, "g")


@pytest.mark.parametrize("space", [None, "w", "w_plus"])
def test_other_shapes_tell_the_space_by_themselves(space):
    for shape in [(512,), (1, 512), (4, 512), (4, 1, 512)]:
        w = np.random.default_rng(0).normal(size=shape)
        w_plus = codes.to_w_plus(w, 5, "file", space)
        expected = np.repeat(w.reshape(-1, 1, 512), 5, axis=1).astype(np.float32)
        np.testing.assert_array_equal(w_plus, expected)
        assert w_plus.dtype == np.float32


@pytest.mark.parametrize(
    "shape", [(511,), (5, 6), (2, 6, 512), (1, 1, 5, 512), (), (0, 512)]
)
def test_other_shapes_are_no_codes(shape):
    with pytest.raises(PieError, match=r"file has shape.*\(n, 5, 512\)"):
        codes.to_w_plus(np.zeros(shape), 5, "file")


def lose(place):
    shutil.rmtree(place) if place.is_dir() else place.unlink()


def damage(place):
    for file in place.rglob("*"):
        if file.is_file():
            file.write_bytes(b"damaged")


@pytest.mark.parametrize(
    "spoil, part",
    [
        *[(lose, part) for part in ("code", "metadata", "code/manifest.ocdbt")],
        *[(damage, part) for part in ("code", "metadata")],
    ],
)
def test_a_folder_that_lost_a_part_or_is_damaged_is_an_error(tmp_path, spoil, part):
    for absent in ("absent", "."):
        with pytest.raises(PieError, match="holds no code"):
            codes.load(tmp_path / absent)
    codes.save(tmp_path / "code", {"w": W}, {"generator": "g"})
    spoil(tmp_path / "code" / part)
    with pytest.raises(PieError, match="damaged|holds no code"):
        codes.load(tmp_path / "code")


def test_a_code_is_read_back_from_a_folder_of_any_name(odd_folder):
    for name in ("code", "c[0-9]*", "\\d"):
        codes.save(odd_folder / name, {"w": W}, {"generator": "J\udcf6rg"})
        code, origin = codes.load(odd_folder / name)
        np.testing.assert_array_equal(code["w"], W)
        assert origin == {"generator": "J\udcf6rg"}
    assert len(list(odd_folder.iterdir())) == 3


def test_a_code_that_cannot_be_read_back_was_not_saved(tmp_path, monkeypatch):
    codes.save(tmp_path / "code", {"w": W}, {"generator": "old"})
    kept = builders.files(tmp_path)
    for restored in (
        {"code": {}, "metadata": {}},
        {"code": {"w": W + 1}, "metadata": {}},
    ):
        monkeypatch.setattr(
            codes.ocp.Checkpointer, "restore", lambda *_, found=restored, **__: found
        )
        with pytest.raises(PieError, match="read back"):
            codes.save(tmp_path / "code", {"w": W}, {"generator": "new"})
    assert builders.files(tmp_path) == kept


@pytest.mark.parametrize("size", [0, 50, 200])
def test_a_full_disk_is_an_error_that_names_the_code(tmp_path, small_files, size):
    reason = r"code: cannot be written \(.*File too large"
    with pytest.raises(PieError, match=reason), small_files(size):
        codes.save(tmp_path / "code", {"w": W}, {"generator": "g"})
    assert not list(tmp_path.iterdir())
