import io

import numpy as np
import pytest

from pie_jax.converters import codes
from pie_jax.core.errors import PieError
from tests import pickles
from tests.pickles import Tensor

RNG = np.random.default_rng(0)
W = RNG.normal(size=(3, 512)).astype(np.float32)
NOISE = np.ones((1, 1, 4, 512), "f4")
W_PLUS = RNG.normal(size=(3, 18, 512)).astype(np.float32)


def written(path, content):
    """The path of a file in which an array, a dictionary or others are saved."""
    if path.suffix == ".npy":
        np.save(path, content)
    elif path.suffix == ".npz":
        np.savez(path, **content)
    else:
        path.write_bytes(pickles.torch_zip(content))
    return path


@pytest.mark.parametrize("array", [W[0], W, W_PLUS, W.astype(np.float64)])
def test_an_array_is_read_as_it_lies(tmp_path, array):
    for name, content in (("a.npy", array), ("a.npz", {"anything": array})):
        read = codes.read(written(tmp_path / name, content))
        np.testing.assert_array_equal(read, array, strict=True)


@pytest.mark.parametrize("name", ["w", "latents", "dlatents", "w_plus"])
def test_an_array_with_a_usual_name_is_read(tmp_path, name):
    arrays = {"loss": np.arange(9.0), name: W_PLUS[:1], "image": W[:, :4]}
    for path, content in [
        (tmp_path / "projected_w.npz", arrays),
        (tmp_path / "a.pt", {k: Tensor(x) for k, x in arrays.items() if k != "loss"}),
    ]:
        read = codes.read(written(path, content | {"step": 3}))
        np.testing.assert_array_equal(read, W_PLUS[:1])
    path = written(tmp_path / "a.npz", {"w": W, "w_plus": W_PLUS})
    np.testing.assert_array_equal(codes.read(path), W_PLUS)  # is preferred


@pytest.mark.parametrize("other", [np.float32(0.1), np.ones((18, 4), "f4"), NOISE])
def test_an_array_that_cannot_be_codes_is_no_obstacle(tmp_path, other):
    for content in ({"f": W, "lr": other}, {"lr": other, "f": W}):
        for path, x in [
            (tmp_path / "a.npz", content),
            (tmp_path / "a.pt", {k: Tensor(v) for k, v in content.items()}),
        ]:
            np.testing.assert_array_equal(codes.read(written(path, x)), W)


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
    records = {
        f"faces/{i}.png": {"img": noise[0], "latent": Tensor(x), "noise": noise}
        for i, x in enumerate(latents)
    }
    for content in (records, [Tensor(x) for x in latents]):
        path = written(tmp_path / "projected.pth", content)
        np.testing.assert_array_equal(codes.read(path), expected)


def halves(array):
    """bfloat16: the upper halves of float32, which is what is left of them."""
    return (array.view("<u4") >> 16).astype("<u2")


def test_numbers_in_bfloat16_are_read(tmp_path, monkeypatch):
    monkeypatch.setitem(pickles.STORAGES, "<u2", "BFloat16Storage")
    expected = (halves(W).astype("<u4") << 16).view("<f4")
    for save in (pickles.torch_zip, pickles.torch_legacy):
        (tmp_path / "a.pt").write_bytes(save({"w": Tensor(halves(W))}))
        read = codes.read(tmp_path / "a.pt")
        np.testing.assert_array_equal(read, expected, strict=True)
        np.testing.assert_allclose(read, W, rtol=2**-7)


WORDS = pickles.Made(pickles.Named("argparse", "Namespace"), state={"steps": 9})


@pytest.mark.parametrize(
    "content",
    [
        W,
        {"w": W, "args": WORDS},
        {"w": W, "cache": {(4, 8): 1, 2**99: 2, frozenset({(1,)}): 3}},
        {"w": W, "loss": {"lpips": np.float64(2)}, "path": [WORDS]},
        {f"{i}.png": {"latent": x, "args": WORDS} for i, x in enumerate(W)},
    ],
)
def test_arrays_of_numpy_and_words_of_programs_are_no_obstacle(tmp_path, content):
    (tmp_path / "a.pt").write_bytes(pickles.torch_zip(content))
    read = codes.read(tmp_path / "a.pt")
    np.testing.assert_array_equal(read.reshape(3, 512), W)


def test_what_is_no_code_is_named(tmp_path):
    (tmp_path / "a.pt").write_bytes(pickles.torch_zip({"w": WORDS}))
    with pytest.raises(PieError, match=r"it asks for argparse\.Namespace,"):
        codes.read(tmp_path / "a.pt")
    np.savez(tmp_path / "a.npz", w=["text"], other=W)
    with pytest.raises(PieError, match="its type is <U4 where real numbers belong"):
        codes.read(tmp_path / "a.npz")


IMAGES = {f"{i}.jpg": x for i, x in enumerate(W_PLUS)}


@pytest.mark.parametrize(
    "content",
    [
        IMAGES,
        {name: [np.zeros((18, 512)), x] for name, x in IMAGES.items()},
        {"w_plus": W_PLUS, "names": np.array(list(IMAGES))},
    ],
)
def test_a_dictionary_of_arrays_in_npy_is_read(tmp_path, content):
    path = tmp_path / "latents.npy"
    np.save(path, content)
    np.testing.assert_array_equal(codes.read(path), W_PLUS)


def test_a_dictionary_of_tensors_by_image_is_read(tmp_path):
    tensors = {name: Tensor(x) for name, x in IMAGES.items()}
    for content in (tensors, tensors | {"step": 3, "loss": Tensor(np.float32(0.1))}):
        path = written(tmp_path / "latents.pt", content)
        np.testing.assert_array_equal(codes.read(path), W_PLUS)


def test_a_hostile_dictionary_is_not_run(tmp_path):
    sentinel, path = tmp_path / "executed", tmp_path / "a.npy"
    touch = pickles.Made(pickles.Named("os", "system"), (f"touch {sentinel}",))
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|O", "fortran_order": False, "shape": ()}
    )
    path.write_bytes(header.getvalue() + pickles.dumps({"a.jpg": touch}))
    with pytest.raises(PieError, match=r"it asks for os\.system,"):
        codes.read(path)
    assert not sentinel.exists()
    np.load(path, allow_pickle=True)
    assert sentinel.exists()  # by NumPy's own reader


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.npz", {"first": W, "second": W_PLUS}, r"2 arrays \(first \[3, 512\], sec"),
        ("a.pt", {"a": Tensor(W), "b": Tensor(W_PLUS)}, r"2 arrays \(a \[3, 512\], b"),
        ("a.pt", {"a": 3}, r"a\.pt holds no array"),
        ("a.pt", 3, "holds a int"),
        ("a.pt", [], "holds codes of the shapes"),
        ("a.pt", [Tensor(W[0]), Tensor(W_PLUS[0])], "holds codes of the shapes"),
        ("a.pt", [3], "holds int where real numbers belong"),
        ("a.pt", {"a": {"latent": "text"}}, "holds str where real numbers belong"),
        ("a.png", 3, r"is no code.*\.npy, \.npz, \.pt"),
        ("a", 3, r"is no code.*\.npy, \.npz, \.pt"),
    ],
)
def test_other_files_are_refused(tmp_path, name, content, message):
    with pytest.raises(PieError, match=message):
        codes.read(written(tmp_path / name, content))


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.pt"])
def test_an_absent_file_is_an_error(tmp_path, name):
    with pytest.raises(PieError, match="annot be|Cannot read"):
        codes.read(tmp_path / name)
