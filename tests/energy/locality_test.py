import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.energy import people
from pie_jax.energy.total import energy
from pie_jax.networks import tuning
from tests import builders
from tests.checks import entry
from tests.energy.total_test import random_code

WEIGHTS = {"locality": 1.0}


@pytest.fixture(scope="module")
def world():
    """The energy of a generator's parameters and a code, and those that are tuned."""
    generator, networks, params = builders.small_stack()
    draw = generator.synthesis
    # Toy pictures are up to 20 times too bright, and would be cut to [-1, 1].
    generator = generator._replace(synthesis=lambda params, w: draw(params, w) / 30)

    def preview(params, w_plus):
        return generator.synthesis(params.generator, w_plus)

    person = entry(builders.toy_people(1, generator.resolution))
    drawn = jax.jit(partial(people.drawn, generator, preview))(params, person.w)
    person = person.replace(image=drawn)
    total = energy(generator, networks, WEIGHTS)
    references = total.prepare(
        params, entry(builders.small_portraits(1, generator.resolution))
    )

    def value(tuned, code):
        joined = tuning.joined(params.generator, tuned)
        changed = dataclasses.replace(params, generator=joined)
        return total.value(changed, references, code, person)[0]

    return jax.jit(jax.value_and_grad(value, argnums=(0, 1))), tuning.part(
        params.generator
    )


def test_an_untuned_generator_draws_others_as_it_did(world):
    value, part = world
    found, (_, of_the_code) = value(part, random_code())
    np.testing.assert_allclose(found, 0, atol=0.01)  # of some 1e8
    assert not np.any(of_the_code)


def test_a_tuned_one_does_not_and_is_led_back(world):
    value, part = world
    rng = np.random.default_rng(0)
    tuned = {
        k: x + 0.02 * jnp.std(x) * rng.normal(size=x.shape) for k, x in part.items()
    }
    found, (slope, of_the_code) = value(tuned, random_code())
    assert found > 1
    assert not np.any(of_the_code)  # of this portrait's code it knows nothing
    back = {k: x - 1e-3 * (x - part[k]) for k, x in tuned.items()}
    nearer, _ = value(back, random_code())
    assert nearer < found
    towards = sum(float(jnp.vdot(slope[k], part[k] - tuned[k])) for k in slope)
    np.testing.assert_allclose(nearer - found, 1e-3 * towards, rtol=0.05)
