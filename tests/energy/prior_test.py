import jax
import jax.numpy as jnp
import numpy as np

from pie_jax.core.params import Params
from pie_jax.energy import prior
from pie_jax.energy.term import Candidate, Networks
from pie_jax.networks import latents
from tests import builders


def value(moments, w_plus):
    built = prior.term(Networks(perceptual=None, recognition=None))
    candidate = Candidate(w_plus=w_plus, image=jnp.zeros((4, 4, 3)))
    return built.value(Params(latents=moments), None, candidate)


def test_it_is_the_mean_of_squared_deviations_one_on_average_over_codes():
    generator, _, params = builders.small_stack()
    moments = latents.moments(generator, params.generator, num_samples=4000)
    z = jax.random.normal(jax.random.key(7), (200, 512))
    w = generator.mapping(params.generator, z)
    codes = jnp.broadcast_to(w[:, None], (200, 3, 512))
    mean = jnp.mean(jax.vmap(lambda w_plus: value(moments, w_plus))(codes))
    # Directions that w does not fill have less than the floor's variance.
    axes = np.asarray(moments["axes"])
    filled = (jnp.sum(axes**2, axis=0) > 1.01 * np.min(np.sum(axes**2, axis=0))).mean()
    np.testing.assert_allclose(mean, filled, rtol=0.15)

    rng = np.random.default_rng(0)
    axes = builders.orthogonal(512, rng) * jnp.linspace(0.1, 3, 512)
    moments = {"mean": jnp.asarray(rng.normal(size=512), jnp.float32), "axes": axes}
    away = np.zeros((3, 512), np.float32)
    away[0, 5], away[2, 500] = 4.0, -2.0  # standard deviations along two axes
    w_plus = moments["mean"] + jnp.asarray(away) @ axes.T
    np.testing.assert_allclose(value(moments, w_plus), (16 + 4) / (3 * 512), rtol=1e-3)
