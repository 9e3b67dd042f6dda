import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy

from pie_jax.core.errors import PieError
from pie_jax.io import arrays

FLAT = {
    "conv1/kernel": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    "conv1/bias": np.ones(4, np.float16),
    "view": np.arange(6, dtype=np.int32).reshape(2, 3).T,
    "scalar": np.float32(7),
}


@pytest.fixture
def file(tmp_path):
    (tmp_path / "a").write_bytes(arrays.encode(FLAT, {"licence": "none"}))
    return tmp_path / "a"


def test_what_is_written_is_read_back_with_its_header_and_may_be_nested(file):
    found = arrays.read(file)
    assert found.flat.keys() == FLAT.keys() and found.is_intact()
    for name, array in FLAT.items():
        np.testing.assert_array_equal(found.flat[name], array)
        assert found.flat[name].dtype == array.dtype
        assert found.flat[name].shape == array.shape
    assert found.metadata["licence"] == "none"
    assert arrays.read_metadata(file) == found.metadata
    nested, single = found.nested(), found.single_precision()
    assert nested.keys() == {"conv1", "view", "scalar"}
    np.testing.assert_array_equal(nested["conv1"]["kernel"], FLAT["conv1/kernel"])
    assert nested["conv1"]["bias"].dtype == np.float16
    assert {x.dtype for x in jax.tree.leaves(single)} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(single["conv1"]["bias"], np.ones(4))


def test_a_file_is_the_same_bytes_each_time_aligned_and_a_flipped_byte_is_noticed(file):
    text = {str(key): "x" * key for key in range(9)} | {"name": "Jörg"}
    contents = {arrays.encode(FLAT, text) for _ in range(20)}
    (content,) = contents
    assert int.from_bytes(content[:8], "little") % 8 == 0
    assert safetensors.numpy.load(content).keys() == FLAT.keys()
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    assert not arrays.read(file).is_intact()


def test_check_lists_all_problems_in_one_error():
    def layout():
        conv = {"kernel": jnp.zeros((3, 3, 1, 8)), "bias": jnp.zeros(8)}
        dense, norm = {"bias": jnp.zeros(5)}, {"scale": jnp.zeros(2)}
        return {"conv": conv, "dense": dense, "norm": norm}

    template = jax.eval_shape(layout)
    params = {
        "conv": {"kernel": np.zeros((8, 1, 3), np.float32)},
        "dense": {"bias": np.zeros(5, np.float64)},
        "norm": {"scale": np.zeros(2, np.float32), "offset": np.zeros(2)},
    }
    arrays.check(layout(), template, "net", "do this")
    with pytest.raises(PieError) as error:
        arrays.check(params, template, "net", "Do this.")
    assert str(error.value).splitlines() == [
        "The weights net do not fit the network:",
        "  missing: conv/bias",
        "  surplus: norm/offset",
        "  misshapen: conv/kernel is float32 [8, 1, 3], expected float32 [3, 3, 1, 8]",
        "  misshapen: dense/bias is float64 [5], expected float32 [5]",
        "Do this.",
    ]
