import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.core.params import Params
from pie_jax.energy import people
from pie_jax.energy.total import energy
from pie_jax.face import crops
from tests import builders
from tests.checks import entry

DRAWS = 400


def toy_landmarks(params, image):
    """Some function of the picture in place of the landmark network."""
    return 0.5 + params * image[:, ::4, ::4].reshape(len(image), -1)[:, :136].reshape(
        -1, 68, 2
    )


@pytest.fixture(scope="module")
def stack():
    generator, networks, params = builders.small_stack()
    draw = people.online(
        generator, builders.whole(generator), networks.estimate, toy_landmarks
    )
    return generator, networks, params.replace(landmark_net=0.2), draw


def test_people_are_of_truncated_codes_and_come_as_they_were_stored_all_as_likely(
    stack,
):
    generator, networks, params, draw = stack
    key = jax.random.key(3)
    person = jax.jit(draw)(params, key)
    w_avg = params.generator["w_avg"]
    w = generator.mapping(params.generator, jax.random.normal(key, (1, 512)))
    w_plus = jnp.stack([w_avg + people.PSI * (w - w_avg)] * generator.num_ws, axis=1)
    image = jnp.clip(generator.synthesis(params.generator, w_plus), -1, 1)
    np.testing.assert_allclose(person.w, w_plus[0, 0], atol=1e-4)
    np.testing.assert_allclose(person.image, image[0], atol=1e-4)
    estimated = entry(networks.estimate(params.mofa, image))
    chex.assert_trees_all_close(person.theta, estimated, atol=1e-4)
    np.testing.assert_allclose(
        person.landmarks, toy_landmarks(0.2, image)[0], atol=1e-4
    )

    keys = jax.random.split(jax.random.key(0), 3)
    made = jax.jit(jax.vmap(draw, (None, 0)))(params, keys)
    kept = jax.jit(jax.vmap(people.stored))(made)
    assert kept.image.dtype == jnp.uint8
    drawn = people.bank(Params(bank=entry(kept, slice(1, 2))), jax.random.key(9))
    np.testing.assert_allclose(drawn.image, made.image[1], atol=0.5 / 127.5 + 1e-5)
    chex.assert_trees_all_equal(drawn.theta, entry(made.theta, 1))
    np.testing.assert_array_equal(drawn.w, made.w[1])
    np.testing.assert_array_equal(drawn.landmarks, made.landmarks[1])

    bank = builders.toy_people(5, 8)
    keys = jax.random.split(jax.random.key(0), 2000)
    drawn = jax.jit(jax.vmap(people.bank, (None, 0)))(Params(bank=bank), keys)
    places = np.argmin(
        np.abs(drawn.landmarks[:, None, 0, 0] - bank.landmarks[:, 0, 0]), axis=1
    )
    counts = np.bincount(places, minlength=5)
    # Binomial: 400 expected, deviation 18.
    assert np.abs(counts - 400).max() < 4 * 18


def test_bank_and_online_agree_in_expectation_within_their_sampling_error(stack):
    generator, networks, params, draw = stack
    names = ("edit_photometric", "edit_landmark", "invariance_photometric")
    portrait = entry(builders.small_portraits(1, generator.resolution))
    rng = np.random.default_rng(1)
    w_plus = jnp.asarray(0.3 * rng.normal(size=(generator.num_ws, 512)), jnp.float32)

    def values(draw, params, seed):
        """The terms of so many iterations at one code."""
        total = energy(generator, networks, dict.fromkeys(names, 1.0))
        references = jax.jit(total.prepare)(params, portrait)
        one = jax.jit(
            lambda key: total.value(params, references, w_plus, draw(params, key))[1]
        )
        return jax.lax.map(one, jax.random.split(jax.random.key(seed), DRAWS))

    made = jax.lax.map(
        jax.jit(lambda key: people.stored(draw(params, key))),
        jax.random.split(jax.random.key(100), DRAWS),
    )
    online = values(draw, params, seed=1)
    bank = values(people.bank, params.replace(bank=made), seed=2)
    for name in names:
        a, b = (np.asarray(x[name], np.float64) for x in (online, bank))
        # The bank's people are a sample themselves, drawn from with repetition: both
        # sampling errors add. They are 0.8 % of the edit terms' means, 0.007 % of the
        # other's, which v moves by the edited code alone.
        error = np.sqrt((a.var() + 2 * b.var()) / DRAWS)
        assert np.abs(a.mean() - b.mean()) < 3 * error, name
        assert error < 0.05 * a.mean(), name


def test_each_v_tells_a_jitter_and_all_are_told():
    params = Params(bank=builders.toy_people(5, 8))
    keys = jax.random.split(jax.random.key(1), DRAWS)
    found = jax.vmap(lambda key: people.bank(params, key).jitter)(keys)
    assert set(np.asarray(found)) == set(range(len(crops.JITTERS)))
