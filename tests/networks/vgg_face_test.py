import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.networks import vgg_face
from tests import builders, checks

MODULE = vgg_face.VGGFace(width=1 / 64)
SHAPE = (1, 224, 224, 3)


@pytest.fixture(scope="module")
def params():
    return builders.module_params(MODULE, SHAPE)


def descriptor(params, face):
    return MODULE.apply({"params": params}, face)


def test_the_published_network_has_its_size_and_mapped_faces_the_same_descriptors(
    params,
):
    init = vgg_face.VGGFace().init_with_output
    output, variables = jax.eval_shape(init, jax.random.key(0), jnp.zeros(SHAPE))
    assert output.shape == (1, 4096) and output.dtype == jnp.float32
    dense = variables["params"]["fc6"]["kernel"], variables["params"]["fc7"]["kernel"]
    assert [x.shape for x in dense] == [(25088, 4096), (4096, 4096)]
    # The convolutions of VGG-16, and both dense layers with their biases.
    expected = 14_714_688 + (25088 + 1) * 4096 + (4096 + 1) * 4096
    assert sum(x.size for x in jax.tree.leaves(variables)) == expected

    faces = jax.random.uniform(jax.random.key(1), (2, *SHAPE[1:]), minval=-1)
    batched = descriptor(params, faces)
    assert batched.shape == (2, 64) and batched.min() >= 0 and batched.max() > 0
    mapped = jax.vmap(jax.jit(lambda face: descriptor(params, face[None])[0]))(faces)
    np.testing.assert_allclose(batched, mapped, rtol=1e-4, atol=1e-3)
    with pytest.raises(AssertionError):
        descriptor(params, jnp.zeros((1, 223, 224, 3)))


def test_the_mean_colour_is_subtracted(params):
    """Where nothing is left, the biases alone tell what comes out."""
    mean = jnp.asarray([129.1863, 104.7624, 93.5940]) / 127.5 - 1
    blind = {"kernel": jnp.zeros((3, 3, 3, 1)), "bias": params["block1_conv1"]["bias"]}
    face = jnp.broadcast_to(mean, SHAPE)
    found = descriptor(params, face)
    assert found.max() > 0
    expected = descriptor(params | {"block1_conv1": blind}, face)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_gradient_agrees_with_finite_differences(params):
    checks.assert_gradient(
        lambda face: jnp.sum(descriptor(checks.double(params), face) ** 2) / 1e4,
        jax.random.uniform(jax.random.key(2), SHAPE, minval=-1),
        directions=1,
        step=1e-7,
        rtol=1e-4,
    )
