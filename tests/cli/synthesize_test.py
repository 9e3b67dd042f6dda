import numpy as np
import pytest
from PIL import Image

from pie_jax.io import codes, images
from pie_jax.stack import networks
from tests import builders, pickles

pytestmark = pytest.mark.usefixtures("no_weights")


def synthesize(code, out, *words: object) -> int:
    return builders.pie("synthesize", code, "--out", out, "--config", "testing", *words)


NUM_WS = networks.GENERATORS["testing"].build().num_ws


def random_code(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.5, shape)


@pytest.mark.parametrize("inside", [".", "code"])
@pytest.mark.parametrize("named", [True, False])
def test_an_embedded_code_gives_its_projection_again(embedded, tmp_path, inside, named):
    out, code = tmp_path / "again.png", embedded.folder / inside
    words = ("--config", "testing") if named else ()  # a folder names its own
    assert builders.pie("synthesize", code, "--out", out, *words) == 0
    projection = images.read(embedded.folder / "projection.png")
    np.testing.assert_array_equal(images.read(out), projection)
    assert [x.name for x in tmp_path.iterdir()] == ["again.png"]


def test_a_code_in_w_is_one_vector_for_all_style_inputs_of_its_generator(
    tmp_path, capsys
):
    w = random_code(512).astype(np.float32)
    origin = {"generator": "testing"}
    codes.save(tmp_path / "w", {"w": w}, origin)
    codes.save(tmp_path / "w_plus", {"w_plus": np.tile(w, (NUM_WS, 1))}, origin)
    for name in ("w", "w_plus"):
        assert synthesize(tmp_path / name, tmp_path / f"{name}.npy") == 0
    np.testing.assert_array_equal(
        np.load(tmp_path / "w.npy"), np.load(tmp_path / "w_plus.npy")
    )

    code = {"w_plus": np.zeros((NUM_WS, 512), np.float32)}
    codes.save(tmp_path / "code", code, {"generator": "stylegan9"})
    assert synthesize(tmp_path / "code", tmp_path / "face.png") == 1
    shown = capsys.readouterr().err
    assert "'stylegan9'" in shown and "'testing'" in shown
    assert not (tmp_path / "face.png").exists()


def test_every_shape_of_a_file_gives_the_same_images(tmp_path):
    w = random_code(2, 512)  # float64, as numpy makes it
    np.save(tmp_path / "two.npy", w)
    np.save(tmp_path / "one.npy", w[1])
    w_plus = np.repeat(w[:, None], NUM_WS, axis=1)
    np.save(tmp_path / "plus.npy", w_plus)
    np.savez(tmp_path / "plus.npz", w=w_plus, seed=3)
    latents = {
        name: {"latent": pickles.Tensor(x)}
        for name, x in zip("ab", w.astype("f4"), strict=True)
    }
    (tmp_path / "plus.pt").write_bytes(pickles.torch_zip(latents))
    np.save(tmp_path / "either.npy", w_plus[1])
    raw = {}
    for name in ("two.npy", "one.npy", "plus.npy", "plus.npz", "plus.pt", "either.npy"):
        space = ("--space", "w_plus") if name == "either.npy" else ()
        assert synthesize(tmp_path / name, tmp_path / "out.npy", *space) == 0
        raw[name] = np.load(tmp_path / "out.npy")
    two = raw["two.npy"]
    assert two.shape == (2, 16, 16, 3)
    assert two.dtype == np.float32
    assert not np.array_equal(two[0], two[1])
    for name in ("plus.npy", "plus.npz", "plus.pt"):
        np.testing.assert_array_equal(raw[name], two)
    for name in ("one.npy", "either.npy"):
        np.testing.assert_array_equal(raw[name], two[1:])


def test_several_codes_give_numbered_pictures_of_the_raw_output(tmp_path):
    np.save(tmp_path / "codes.npy", random_code(3, 512))
    out = tmp_path / "out"
    out.mkdir()
    assert synthesize(tmp_path / "codes.npy", out / "face.PNG") == 0
    assert synthesize(tmp_path / "codes.npy", out / "raw.npy") == 0
    names = sorted(x.name for x in out.iterdir())
    assert names == ["face-0.png", "face-1.png", "face-2.png", "raw.npy"]
    raw = np.load(out / "raw.npy")
    for i, image in enumerate(raw):
        picture_u8 = images.read(out / f"face-{i}.png")
        np.testing.assert_array_equal(picture_u8, images.to_u8(image))


def make_wrong(folder) -> dict[str, str]:
    """Files that are no codes, and the reason for which each is refused."""
    good = random_code(512)
    arrays = {
        "short.npy": (good[:511], "shape"),
        "either.npy": (np.zeros((NUM_WS, 512)), "--space w or --space w_plus"),
        "other_num_ws.npy": (np.zeros((1, NUM_WS + 1, 512)), f"n, {NUM_WS}, 512"),
        "none.npy": (np.zeros((0, 512)), "shape"),
        "nan.npy": (np.where(good > 0, np.nan, good), "not finite"),
        "beyond_float32.npy": (good * 1e300, "not finite"),
        "text.npy": (np.array(["a"] * 512), "real numbers"),
        "far_out.npy": (good * 1e30, "no image"),
    }
    for name, (array, _) in arrays.items():
        np.save(folder / name, array)
    reasons = {name: reason for name, (_, reason) in arrays.items()}

    np.savez(folder / "several.npz", good, good)
    np.savez(folder / "short.npz", good[:511])
    (folder / "letter.pt").write_text("not a checkpoint\n" * 99)
    (folder / "letter.npy").write_text("not an array\n" * 99)
    Image.new("RGB", (4, 4)).save(folder / "picture.png")
    (folder / "folder").mkdir()
    return reasons | {
        "several.npz": "2 arrays",
        "short.npz": "shape",
        "letter.pt": "no PyTorch file",
        "letter.npy": "not a readable .npy",
        "picture.png": "is no code",
        "folder": "holds no code",
        "absent.npy": "no such",
    }


def test_what_is_no_code_is_refused_with_the_reason(tmp_path, capsys):
    out = tmp_path / "out"
    out.mkdir()
    for name, reason in make_wrong(tmp_path).items():
        assert synthesize(tmp_path / name, out / "face.png") == 1, name
        shown = capsys.readouterr().err
        assert name in shown
        assert reason in shown, name
        assert shown.startswith("pie: ") and shown.count("\n") == 1
    assert not list(out.iterdir())


@pytest.mark.parametrize(
    "name, reason",
    [
        ("face.jpg", "end the name in .png or .npy"),
        ("face", "end the name in .png or .npy"),
        ("absent/face.npy", "no folder"),
        (".png", "end the name"),
    ],
)
def test_a_wrong_output_is_refused_before_anything_is_read(
    tmp_path, capsys, name, reason
):
    assert synthesize(tmp_path / "absent.npy", tmp_path / name) == 1
    assert reason in capsys.readouterr().err
