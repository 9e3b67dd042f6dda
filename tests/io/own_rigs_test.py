import numpy as np
import pytest

from pie_jax.io import arrays, own_rigs

ROWS = 4


@pytest.fixture
def own():
    rng = np.random.default_rng(0)
    return {
        "towards": rng.normal(size=(2, 3)),
        "added": rng.normal(size=(2, ROWS, 512)),
    }


def test_it_comes_back_in_half_precision_to_what_it_belongs_to_alone(own, tmp_path):
    assert own_rigs.read(tmp_path, "k", ROWS) is None
    own_rigs.write(tmp_path, own, "k")
    found = own_rigs.read(tmp_path, "k", ROWS)
    assert {x.dtype for x in found.values()} == {np.dtype(np.float32)}
    for name, x in own.items():
        np.testing.assert_array_equal(found[name], x.astype(np.float16))
    assert own_rigs.read(tmp_path, "another", ROWS) is None


def test_the_key_depends_on_the_code_its_generator_and_the_rig():
    code, change, rig = np.zeros(3), {"kernel": np.zeros(2)}, {"mean": np.zeros(2)}
    keys = {
        own_rigs.key(code, change, rig),
        own_rigs.key(code + 1, change, rig),
        own_rigs.key(code, {"kernel": np.ones(2)}, rig),
        own_rigs.key(code, None, rig),
        own_rigs.key(code, change, {"mean": np.ones(2)}),
    }
    assert len(keys) == 5
    assert own_rigs.key(code, change, rig) in keys


def test_what_is_damaged_is_told_of_and_left_out(own, tmp_path, caplog):
    file = tmp_path / own_rigs.FILE
    file.write_bytes(b"no arrays")
    assert own_rigs.read(tmp_path, "k", ROWS) is None

    own_rigs.write(tmp_path, own, "k")
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    assert own_rigs.read(tmp_path, "k", ROWS) is None

    for other in (
        {"towards": own["towards"]},
        own | {"towards": own["towards"][:1]},
        own | {"towards": np.float32(1)},
        own | {"more": own["towards"]},
    ):
        file.write_bytes(arrays.encode(other, {"belongs_to": "k"}))
        assert own_rigs.read(tmp_path, "k", ROWS) is None
    own_rigs.write(tmp_path, own, "k")
    assert own_rigs.read(tmp_path, "k", ROWS + 1) is None
    assert caplog.text.count("is damaged, and left out") == 7
