import numpy as np
import pytest

from pie_jax.core.errors import PieError
from pie_jax.io import directions

NAME = "stylegan_ffhq_smile_w_boundary.npy"


def normal():
    vector = np.random.default_rng(0).normal(size=(1, 512))
    return vector / np.linalg.norm(vector)


@pytest.mark.parametrize("name", [NAME, "smile.npy"])
def test_a_boundary_is_read_as_its_normal(tmp_path, name):
    np.save(tmp_path / name, normal())
    direction = directions.read(tmp_path / name)
    assert direction.dtype == np.float32
    np.testing.assert_allclose(direction, normal()[0], atol=1e-7)


def test_a_boundary_in_z_is_refused_with_the_name_of_the_right_file(tmp_path):
    path = tmp_path / "stylegan_ffhq_smile_boundary.npy"
    np.save(path, normal())
    with pytest.raises(PieError, match=f"in Z.*Take {NAME}"):
        directions.read(path)


@pytest.mark.parametrize(
    "array, message",
    [
        (2 * normal(), "length 2;"),
        (np.full((1, 512), np.nan), "length nan;"),
        (np.full((1, 512), 1e300), r"overflow encountered"),
        (normal()[:, :256], r"shape \(1, 256\)"),
        (np.repeat(normal(), 18, 0), r"shape \(18, 512\)"),
        (normal() * 1j, "real numbers"),
    ],
)
def test_what_is_no_boundary_is_refused(tmp_path, array, message):
    np.save(tmp_path / NAME, array)
    with pytest.raises(PieError, match=message):
        directions.read(tmp_path / NAME)
