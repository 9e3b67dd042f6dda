import os

import numpy as np
import pytest

from pie_jax.io import own_rigs

ROWS = 4


@pytest.fixture
def own():
    rng = np.random.default_rng(0)
    sizes = {"towards": (2, 3), "added": (2, ROWS, 512)}
    return {k: rng.normal(size=x).astype(np.float16) for k, x in sizes.items()}


def test_it_comes_back_to_what_it_belongs_to_alone(own, tmp_path):
    assert own_rigs.read(tmp_path, "k", ROWS) is None
    own_rigs.write(tmp_path, own, "k")
    found = own_rigs.read(tmp_path, "k", ROWS)
    assert {x.dtype for x in found.values()} == {np.dtype(np.float32)}
    for name, x in own.items():
        np.testing.assert_array_equal(found[name], x)
    assert own_rigs.read(tmp_path, "another", ROWS) is None
    none = {k: x[:0] for k, x in own.items()}  # whose pose left no turn
    own_rigs.write(tmp_path, none, "k")
    assert len(own_rigs.read(tmp_path, "k", ROWS)["towards"]) == 0


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


@pytest.mark.parametrize(
    "other",
    [
        {"added": None},
        {"towards": np.ones((1, 3))},
        {"towards": np.float32(1)},
        {"towards": np.array([[0, 0, 0], [1, 0, 0]])},
        {"added": np.full((2, ROWS, 512), np.inf)},
        {"added": np.zeros((2, ROWS + 1, 512))},
        {"more": np.ones(2)},
    ],
)
def test_what_holds_something_else_is_told_of_and_left_out(
    own, tmp_path, caplog, other
):
    changed = {k: x for k, x in (own | other).items() if x is not None}
    own_rigs.write(tmp_path, changed, "k")
    assert own_rigs.read(tmp_path, "k", ROWS) is None
    assert "is damaged (it holds something else)" in caplog.text


def test_damage_and_what_is_no_file_is_told_of(own, tmp_path, caplog):
    file = tmp_path / own_rigs.FILE
    own_rigs.write(tmp_path, own, "k")
    content = file.read_bytes()
    odd = content.replace(b'"F16"', b'"F8_E4M3"').ljust(len(content))
    for bad in (b"no arrays", content[:-1] + bytes([content[-1] ^ 1]), odd):
        file.write_bytes(bad)
        assert own_rigs.read(tmp_path, "k", ROWS) is None
    file.unlink()
    os.mkfifo(file)
    assert own_rigs.read(tmp_path, "k", ROWS) is None
    assert caplog.text.count("left out") == 4
