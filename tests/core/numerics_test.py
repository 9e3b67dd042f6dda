import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.core import numerics, rotations
from pie_jax.core.theta import neutral
from pie_jax.editing import directions
from pie_jax.editing.feedback import next_command
from pie_jax.embedding.curvature import rescale
from pie_jax.face import crops, morphable
from pie_jax.networks import latents
from pie_jax.networks.rignet import num_ws
from tests import builders, checks

VECTORS = np.asarray([[3.0, 4.0, 12.0], [0.0, 0.0, 0.0], [-1e-3, 0.0, 0.0]], np.float32)


def test_a_norm_is_the_length_and_a_unit_vector_keeps_the_direction():
    np.testing.assert_allclose(numerics.norm(VECTORS), [13, 0, 1e-3], rtol=1e-6)
    checks.assert_maps(numerics.norm, VECTORS, batched=True)
    expected = [[3 / 13, 4 / 13, 12 / 13], [0, 0, 0], [-1, 0, 0]]
    np.testing.assert_allclose(numerics.unit(VECTORS), expected, rtol=1e-6)
    checks.assert_maps(numerics.unit, VECTORS, batched=True)


@pytest.mark.parametrize("function", [numerics.norm, numerics.unit])
def test_the_gradient_is_zero_at_the_zero_vector(function):
    jacobian = jax.jacobian(function)(jnp.zeros(3))
    chex.assert_trees_all_equal(jacobian, jnp.zeros_like(jacobian))


@pytest.mark.parametrize("function", [numerics.norm, numerics.unit])
def test_the_gradient_agrees_with_finite_differences_elsewhere(function):
    checks.assert_gradient(
        lambda x: jnp.sum(jnp.sin(function(x))), np.asarray([0.3, -0.2, 0.7])
    )


def decisive():
    """What decides a code, by name: a function and its arguments."""
    _, networks, params = builders.small_stack()
    code, moments = jnp.ones((3, 512)), params.latents
    rig, theta = networks.rig, neutral((1,))
    flat = {"directions": jnp.ones((3, 512, 2)), "roots": jnp.ones((3, 2))}
    curvature, commands = flat | {"rest": jnp.ones(3)}, [jnp.ones((1, 2))] * 3
    rows = params.rigs[rig.component]
    w_plus = jnp.ones((1, num_ws(rows), 512))
    return {
        "rig": (rig.edit, rows, w_plus, theta, theta),
        "whiten": (latents.whiten, moments, code),
        "unwhiten": (latents.unwhiten, moments, code),
        "curvature": (rescale, curvature, code),
        "feedback": (next_command, commands, commands, jnp.ones(2)),
        "pose": (rotations.angle, jnp.ones((3, 3)), jnp.ones((3, 3))),
        "expression": (morphable.named_expression, params.face_model, jnp.ones(64)),
        "chip": (crops.follow, jnp.ones((2, 3)), *[jnp.ones((68, 2))] * 2),
        "directions": (directions.distance, code, jnp.ones(512)),
    }


def test_what_decides_is_multiplied_in_full_precision_on_every_device():
    for name, (function, *arguments) in decisive().items():
        program = str(jax.make_jaxpr(function)(*arguments))
        kept = program.count("precision=(Precision.HIGHEST, Precision.HIGHEST)")
        assert kept >= 1 and kept == program.count("dot_general["), name
