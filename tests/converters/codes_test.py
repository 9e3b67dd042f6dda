"""Codes of other projects."""

from collections import OrderedDict

import numpy as np
import pytest
from pie_jax.converters import codes

from pie_jax.core.errors import PieError
from tests import pickles
from tests.pickles import Tensor

RNG = np.random.default_rng(0)
W = RNG.normal(size=(3, 512)).astype(np.float32)
W_PLUS = RNG.normal(size=(3, 18, 512)).astype(np.float32)


def write_torch(path, content):
    path.write_bytes(pickles.torch_zip(content))
    return path


@pytest.mark.parametrize("array", [W[0], W, W_PLUS, W.astype(np.float64)])
def test_an_array_is_read_as_it_lies(tmp_path, array):
    np.save(tmp_path / "a.npy", array)
    np.savez(tmp_path / "a.npz", anything=array)
    for name in ("a.npy", "a.npz"):
        read = codes.read(tmp_path / name)
        assert read.dtype == array.dtype
        np.testing.assert_array_equal(read, array)


@pytest.mark.parametrize("name", ["w", "latents", "dlatents", "w_plus"])
def test_the_archive_of_a_projector_has_the_code_among_others(tmp_path, name):
    arrays = {name: W_PLUS[:1], "loss": np.arange(9.0), "image": np.zeros((4, 4, 3))}
    np.savez(tmp_path / "projected_w.npz", **arrays)
    read = codes.read(tmp_path / "projected_w.npz")
    np.testing.assert_array_equal(read, W_PLUS[:1])


def test_w_plus_is_preferred_to_w(tmp_path):
    np.savez(tmp_path / "a.npz", w=W, w_plus=W_PLUS)
    np.testing.assert_array_equal(codes.read(tmp_path / "a.npz"), W_PLUS)


@pytest.mark.parametrize("save", [pickles.torch_zip, pickles.torch_legacy])
@pytest.mark.parametrize("parameter", [True, False])
def test_a_tensor_is_read_from_either_container(tmp_path, save, parameter):
    (tmp_path / "latents.pt").write_bytes(save(Tensor(W_PLUS, parameter)))
    np.testing.assert_array_equal(codes.read(tmp_path / "latents.pt"), W_PLUS)


@pytest.mark.parametrize(
    "latents, expected",
    [
        (list(W), W[:, None]),
        (list(W_PLUS), W_PLUS),
        ([x[None] for x in W_PLUS], W_PLUS),
    ],
)
def test_a_projectors_dictionary_has_a_code_for_each_image(tmp_path, latents, expected):
    noise = [Tensor(np.zeros((1, 1, 4, 4), np.float32))]
    image = Tensor(np.zeros((3, 8, 8), np.float32))
    records = OrderedDict(
        (f"faces/{i}.png", {"img": image, "latent": Tensor(x), "noise": noise})
        for i, x in enumerate(latents)
    )
    path = write_torch(tmp_path / "projected.pt", dict(records))
    np.testing.assert_array_equal(codes.read(path), expected)
    path = write_torch(tmp_path / "listed.pth", [Tensor(x) for x in latents])
    np.testing.assert_array_equal(codes.read(path), expected)


def test_a_dictionary_with_a_usual_name_is_read(tmp_path):
    content = {"latents": Tensor(W_PLUS), "step": 3, "other": Tensor(W)}
    path = write_torch(tmp_path / "a.pt", content)
    np.testing.assert_array_equal(codes.read(path), W_PLUS)


def test_several_or_no_candidates_are_listed(tmp_path):
    np.savez(tmp_path / "a.npz", first=W, second=W_PLUS)
    with pytest.raises(PieError, match=r"2 arrays \(first \[3, 512\], second"):
        codes.read(tmp_path / "a.npz")
    for content, found in [
        ({"a": 3}, "no array"),
        (3, "a int"),
        ([], "codes of the shapes"),
        ([Tensor(W[0]), Tensor(W_PLUS[0])], "codes of the shapes"),
        ([3], "int where real numbers belong"),
        ({"a": {"latent": "text"}}, "str where real numbers belong"),
    ]:
        path = write_torch(tmp_path / "a.pt", content)
        with pytest.raises(PieError, match=rf"a\.pt holds {found}"):
            codes.read(path)


@pytest.mark.parametrize("name", ["a.png", "a", "a.pkl"])
def test_other_files_are_no_codes(tmp_path, name):
    (tmp_path / name).write_bytes(b"something")
    with pytest.raises(PieError, match=r"is no code.*\.npy, \.npz, \.pt"):
        codes.read(tmp_path / name)


def test_a_file_that_asks_for_more_than_arrays_is_refused(tmp_path):
    made = tmp_path / "made"
    call = pickles.Made(pickles.Named("os", "mkdir"), (str(made),))
    path = write_torch(tmp_path / "a.pt", {"latent": call})
    with pytest.raises(PieError, match=r"refused: it asks for os\.mkdir"):
        codes.read(path)
    assert not made.exists()


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.pt"])
def test_an_absent_file_is_an_error(tmp_path, name):
    with pytest.raises(PieError, match="annot be|Cannot read"):
        codes.read(tmp_path / name)
