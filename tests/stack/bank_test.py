import chex
import jax
import numpy as np
import pytest

from pie_jax.core.errors import PieError
from pie_jax.energy import people
from pie_jax.stack import bank, configuration
from pie_jax.stack.load import bank_identity, load
from pie_jax.stack.uses import EMBED, SYNTHESIZE
from tests import builders, toys

ONLINE = [f"--config.stages[{i}].sampler=online" for i in range(2)]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    toys.install(tmp_path, monkeypatch)
    return tmp_path


def configured(*overrides):
    editing = "--config.energy.edit_photometric=1e-9"
    return configuration.load("testing", [editing, *overrides])


def start(size):
    return load(configured(f"--config.bank_size={size}"), EMBED).params.bank


def files(folder):
    return {k: v for k, v in builders.files(folder).items() if k.startswith("bank-")}


def test_the_people_are_those_that_are_drawn_online(cache):
    made = start(4)
    chex.assert_shape(made.image, (4, 16, 16, 3))
    chex.assert_type(made.image, np.uint8)
    chex.assert_shape(made.landmarks, (4, 68, 2))
    online = load(configured(*ONLINE), EMBED)
    functions, params = online.functions, online.params
    assert params.bank is None
    estimate, find = functions.networks.estimate, functions.find_landmarks
    draw = people.online(functions.generator, functions.edits, estimate, find)
    key = jax.random.fold_in(jax.random.key(0), 2)
    expected = people.stored(jax.jit(draw)(params, key))
    theta = jax.tree.map(lambda leaf: leaf[2], made.theta)
    chex.assert_trees_all_close(theta, expected.theta, atol=1e-4)
    np.testing.assert_allclose(made.landmarks[2], expected.landmarks, atol=1e-4)
    apart = np.abs(made.image[2].astype(int) - expected.image.astype(int))
    assert apart.max() <= 1


def test_a_bank_is_made_once_and_a_larger_one_goes_on_from_it(cache, capsys):
    small = start(5)
    kept = files(cache)
    assert len(kept) == 1
    assert f"{bank.CHUNK}/{bank.CHUNK}" in capsys.readouterr().err
    chex.assert_trees_all_equal(start(5), small)
    assert "people" not in capsys.readouterr().err

    # What stops the making leaves the chunks that are done.
    (first,) = kept
    second = cache / first.replace("000000", f"{bank.CHUNK:06d}")
    second.mkdir()
    with pytest.raises(PieError, match="Cannot write"):
        start(bank.CHUNK + 2)
    assert files(cache) == kept
    second.rmdir()
    larger = start(bank.CHUNK + 2)
    assert files(cache).items() > kept.items()
    assert len(larger.image) == bank.CHUNK + 2
    chex.assert_trees_all_equal(jax.tree.map(lambda leaf: leaf[:5], larger), small)

    (cache / first).write_bytes(kept[first][:100])  # damaged
    chex.assert_trees_all_equal(start(5), small)
    assert files(cache)[first] == kept[first]


@pytest.mark.parametrize(
    "override",
    ["generator=mobile_stylegan_ffhq", "mofa=mofa", "face_model=ict_facekit"],
)
def test_other_networks_have_another_bank(cache, override):
    first, other = (
        bank_identity(configured(*x), {}) for x in ((), (f"--config.{override}",))
    )
    assert first == bank_identity(configured(), {}) != other


def test_no_bank_is_made_of_nobody_unasked_or_of_a_generator_of_ones_own(cache):
    with pytest.raises(PieError, match="config.bank_size is 0"):
        start(0)
    assert load(configuration.load("testing"), EMBED).params.bank is None
    assert load(configured(), SYNTHESIZE).params.bank is None
    assert not files(cache)

    own, _, known = builders.small_stack()
    with pytest.raises(PieError, match="the sampler of each"):
        load(configured(), EMBED, own=own, own_params=known.generator)
    online = configured(*ONLINE)
    stack = load(online, EMBED, own=own, own_params=known.generator)
    assert stack.params.bank is None and not files(cache)
