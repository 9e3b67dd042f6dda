import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pie_jax
from pie_jax.energy.total import energy
from pie_jax.face import crops
from tests.checks import entry

SHARE = 0.003
"""Of its value, by which a term is to grow. In float32, at 0.01, 0.003 and 0.001 of it,
colours of faces are off by up to 7, 6 and 22 %, their landmarks by 4, 3 and 2 %, and
others by 4, 1 and 1 %; the edited face by a single jitter by up to 5, 6 and 5 %, all of
them on average by 3, 2 and 1 %."""
FACES = ("edit", "invariance")
"""What hides a vertex, and which vertices are the jaw's, changes without a gradient."""


@pytest.mark.real
def test_each_term_grows_along_its_gradient_as_that_says(monkeypatch):
    chips = [np.eye(2, 3)[None], crops.JITTERS]  # the plain one before
    monkeypatch.setattr(crops, "JITTERS", np.concatenate(chips))
    online = [f"config.stages[{i}].sampler=online" for i in range(3)]  # needs no bank
    online.append("config.preview_edits=False")
    stack = pie_jax.load("default", online)
    functions, params = stack.functions, stack.params
    generator = functions.generator
    z = jax.random.normal(jax.random.key(2), (3, 512))
    w_avg = params.generator["w_avg"]
    w = w_avg + 0.7 * (generator.mapping(params.generator, z) - w_avg)
    whose, one, other = jnp.repeat(w[:, None], generator.num_ws, axis=1)
    code = one + jnp.linspace(0, 0.5, generator.num_ws)[:, None] * (other - one)
    picture = np.clip(pie_jax.synthesize(stack, whose[None]), -1, 1)
    references = entry(pie_jax.prepare(stack, picture))
    del references["locality"]  # the same for all codes
    person = jax.jit(functions.stages[0].draw)(params, jax.random.key(0))

    def estimate(params, image):
        mofa, blind = params
        seen = functions.networks.estimate(mofa, image)
        return jax.tree.map(lambda x: jnp.where(blind, 0, x), seen)

    networks = functions.networks._replace(estimate=estimate)
    total = energy(generator, networks, dict.fromkeys(references, 1.0))

    def value(w_plus, chosen, blind, params, references, person):
        params = params.replace(mofa=(params.mofa, blind))
        _, values = total.value(params, references, w_plus, person)
        return sum(chosen[i] * values[name] for i, name in enumerate(references))

    slope, value = jax.jit(jax.value_and_grad(value)), jax.jit(value)

    def growth(code, rest, person):
        """By how much the term grows along its gradient, of what that says."""
        here, gradient = slope(code, *rest, person)
        rise = jnp.sum(gradient**2)
        step = SHARE * here / rise
        above, below = (
            value(code + x * gradient, *rest, person) for x in (step, -step)
        )
        return (above - below) / (2 * step) / rise

    for i, name in enumerate(references):
        # The edited face's chip has no gradient: it stays when MoFA sees nothing.
        blind = name == "recognition_edited"
        rest = jnp.eye(len(references))[i], blind, params, references
        jitters = range(len(crops.JITTERS)) if blind else [0]
        plain, *jittered = (
            growth(code, rest, person.replace(jitter=jnp.int32(which)))
            for which in jitters
        )
        rtol = 0.15 if name.startswith(FACES) else 0.03
        np.testing.assert_allclose(plain, 1, rtol=rtol, err_msg=name)
        if jittered:
            np.testing.assert_allclose(np.mean(jittered), 1, rtol=rtol, err_msg=name)
