"""A process of its own for `paper_stack_test`, whose memory can be measured."""

import json
import resource

import jax
import jax.numpy as jnp

from pie_jax.configs import paper
from pie_jax.core.params import Params
from pie_jax.embedding import sampling
from pie_jax.embedding.solver import embedding_solver
from pie_jax.energy import likeness, people
from pie_jax.networks import deep3d
from pie_jax.stack import assembly, uses
from pie_jax.stack.networks import Network
from tests import builders

SUBDIVISIONS = 6
"""Of the face model: 40 962 vertices, where BFM_model_front has 35 709."""
FAINT = 1e-3
"""Of the heads of Deep3D: a random network's coefficients would tear any face."""


def main() -> None:
    """Prints, as JSON, a step's terms, their gradients' lengths, and the memory."""
    config, use = paper.get_config(), uses.EMBED
    chosen = uses.choose(config, uses.needs(config, use))
    loaded = {part: _random(part, network) for part, network in chosen.items()}
    functions = assembly.functions(config, use, loaded)
    model = loaded["face_model"]
    params = Params(
        generator=loaded["generator"],
        perceptual=loaded["perceptual"],
        recognition=loaded["recognition"],
        mofa={"network": loaded["mofa"], "face_model": model},
        face_model=model,
        landmark_net=loaded["landmark_net"],
        rigs={config.component: loaded[f"rig_{config.component}"]},
        bank=builders.toy_people(2, likeness.SIZE),
    )
    generator, energy = functions.generator, functions.energy
    assert (generator.num_ws, generator.resolution) == (18, 1024)
    portraits = builders.small_portraits(1, generator.resolution)
    w_plus = functions.start(params, portraits.image)
    w_plus += 0.1 * jax.random.normal(jax.random.key(0), w_plus.shape)
    stage = functions.stages[-1]
    solver = embedding_solver(energy, stage)
    references = solver.prepare(params, portraits)
    state = solver.init(w_plus, sampling.keys(1, portraits.image, shared=True), params)
    moved, info = solver.run(state, params, references, num_steps=1)
    print(
        json.dumps(
            {
                "values": {k: float(x[0, 0]) for k, x in info.terms.items()},
                "gradients": _gradients(energy, params, references, w_plus),
                "moved": float(jnp.abs(moved.latent - state.latent).max()),
                "peak_bytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
            }
        )
    )


def _random(part: str, network: Network):
    if part == "face_model":
        return builders.toy_morphable(SUBDIVISIONS)
    params = builders.random_params(network.init)
    if part == "mofa":
        for name in deep3d.HEADS:
            params[name] = jax.tree.map(lambda x: FAINT * x, params[name])
    return params


def _gradients(energy, params, references, w_plus) -> dict[str, float]:
    reference = jax.tree.map(lambda x: x[0], references)

    def terms(code, params, reference):
        person = people.bank(params, jax.random.key(1))
        _, values = energy.value(params, reference, code, person)
        return values

    @jax.jit
    def lengths(code, params, reference):
        values, back = jax.vjp(lambda x: terms(x, params, reference), code)
        names = sorted(values)

        def length(chosen):
            picked = {name: chosen[i] for i, name in enumerate(names)}
            return jnp.linalg.norm(back(picked)[0])

        return dict(zip(names, jax.lax.map(length, jnp.eye(len(names))), strict=True))

    found = lengths(w_plus[0], params, reference)
    return {name: float(x) for name, x in found.items()}
