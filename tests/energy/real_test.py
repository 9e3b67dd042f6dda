"""The gradient of each term with the networks as they are, in float32."""

import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import pie_jax
from pie_jax.energy.total import TERMS, energy
from tests.checks import entry


@pytest.mark.real
def test_each_term_grows_along_its_gradient_as_much_as_that_says():
    online = [f"config.stages[{i}].sampler=online" for i in range(2)]
    stack = pie_jax.load("full", online)
    functions, networks, params = (
        stack.functions,
        stack.functions.networks,
        stack.params,
    )
    generator, w_avg = functions.generator, params.generator["w_avg"]
    z = jax.random.normal(jax.random.key(2), (3, 512))
    w = w_avg + 0.7 * (generator.mapping(params.generator, z) - w_avg)
    whose, one, other = jnp.repeat(w[:, None], generator.num_ws, axis=1)
    code = one + jnp.linspace(0, 0.5, generator.num_ws)[:, None] * (other - one)
    picture = np.clip(pie_jax.synthesize(stack, whose[None]), -1, 1)
    references = entry(pie_jax.prepare(stack, picture))
    person = jax.jit(functions.stages[0].draw)(params, jax.random.key(0))

    def estimate(params, image):
        mofa, blind = params
        seen = networks.estimate(mofa, image)
        return jax.tree.map(lambda x: jnp.where(blind, 0, x), seen)

    networks_ = networks._replace(estimate=estimate)
    total = energy(generator, networks_, dict.fromkeys(TERMS, 1.0))

    def value(w_plus, chosen, blind, params, references, person):
        params = params.replace(mofa=(params.mofa, blind))
        _, values = total.value(params, references, w_plus, person)
        return sum(chosen[i] * values[k] for i, k in enumerate(TERMS))

    value, slope = jax.jit(value), jax.jit(jax.value_and_grad(value))
    for i, name in enumerate(TERMS):
        fixed = (
            jnp.eye(len(TERMS))[i],
            name == "recognition_edited",
            params,
            references,
            person,
        )
        t = time.time()
        here, gradient = slope(code, *fixed)
        rise = float(jnp.sum(jnp.float32(gradient) ** 2))
        print(name, float(here), rise, time.time() - t, flush=True)
        for share in (1e-2, 3e-3, 1e-3):
            step = share * here / rise
            a, b = (float(value(code + x * gradient, *fixed)) for x in (step, -step))
            print(
                "   ",
                share,
                (a - b) / (2 * float(step)) / rise - 1,
                time.time() - t,
                flush=True,
            )
