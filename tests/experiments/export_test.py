import numpy as np
import pytest
import safetensors
import safetensors.numpy

from experiments.export import export, rounded
from pie_jax.core.errors import PieError


def params():
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(3, 4)).astype(np.float32).T  # not in C order
    return {"body": {"conv": {"kernel": kernel}}, "scale": np.float32([1.5])}


def test_parameters_come_back_in_half_precision(tmp_path):
    path = tmp_path / "assets" / "net.safetensors"
    export(path, params(), {"data": "toy"})
    found = safetensors.numpy.load_file(path)
    assert set(found) == {"body/conv/kernel", "scale"}
    assert all(x.dtype == np.float16 for x in found.values())
    kernel = params()["body"]["conv"]["kernel"]
    np.testing.assert_allclose(found["body/conv/kernel"], kernel, rtol=1e-3)
    with safetensors.safe_open(path, framework="numpy") as file:
        assert file.metadata() == {"data": "toy"}


def test_rounded_parameters_are_what_the_file_holds(tmp_path):
    export(tmp_path / "net.safetensors", params(), {})
    found = safetensors.numpy.load_file(tmp_path / "net.safetensors")
    held = rounded(params())
    assert held["scale"].dtype == np.float32
    np.testing.assert_array_equal(
        held["body"]["conv"]["kernel"], found["body/conv/kernel"]
    )
    assert np.isinf(rounded({"x": np.float32([1e6])})["x"]).all()


def test_what_half_precision_cannot_hold_is_named(tmp_path):
    large = params() | {"scale": np.float32([1e6])}
    with pytest.raises(PieError, match="half precision: scale"):
        export(tmp_path / "net.safetensors", large, {})
    assert not list(tmp_path.iterdir())
