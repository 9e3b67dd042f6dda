import dataclasses

import chex
import jax
import jax.numpy as jnp
import numpy as np

from pie_jax.core import theta as parameters
from pie_jax.training.reconstruction import Terms, errors, reconstruction, total
from tests import builders
from tests.builders import PICTURE, VERTICES, random_theta

RESOLUTION = 48
NAMES = [field.name for field in dataclasses.fields(Terms)]


def scene(batch=2, seed=0):
    """A toy model, faces, other faces' pictures and landmarks."""
    model = builders.toy_morphable()
    theta = random_theta(batch, seed=seed)
    other = random_theta(batch, seed=seed + 1)
    image, _ = PICTURE(model, other, RESOLUTION)
    landmarks = VERTICES(model, other, RESOLUTION).landmarks / RESOLUTION
    image = (2 * image - 1).astype(landmarks.dtype)
    return model, theta, image, landmarks


def test_a_face_explains_its_own_picture_and_terms_are_as_their_descriptions_say():
    model, theta, _, _ = scene()
    image, _ = PICTURE(model, theta, 256)
    landmarks = VERTICES(model, theta, 256).landmarks / 256
    measure = jax.jit(errors)
    found = measure(model, theta, 2 * image - 1, landmarks)
    np.testing.assert_allclose(found["landmark"], 0, atol=1e-5)
    assert np.all(found["colour"] < 0.1)  # the toy's colours are noise
    moved = theta.replace(translation=theta.translation + 0.3)
    worse = measure(model, moved, 2 * image - 1, landmarks)
    assert np.all(worse["landmark"] > 0.05)
    assert np.all(worse["colour"] > found["colour"])

    model, theta, image, landmarks = scene()
    found = jax.jit(reconstruction)(model, theta, image, landmarks)
    chex.assert_tree_shape_prefix(found, (2,))
    rendering = VERTICES(model, theta, RESOLUTION)
    kept = [i for i in range(68) if i not in (60, 64)]
    eyes = np.linalg.norm(landmarks[:, 36] - landmarks[:, 45], axis=-1)
    apart = rendering.landmarks / RESOLUTION - landmarks
    distances = np.linalg.norm(apart, axis=-1)[:, kept].mean(axis=1)
    np.testing.assert_allclose(found.landmark, distances / eyes, rtol=1e-4)
    for name in ("identity", "reflectance", "expression"):
        squares = jnp.sum(getattr(theta, name) ** 2, axis=-1)
        np.testing.assert_allclose(getattr(found, name), squares, rtol=1e-5)
    weights = Terms(**{name: float(i) for i, name in enumerate(NAMES)})
    terms = Terms(**{name: jnp.array([1.0, 10.0]) for name in NAMES})
    np.testing.assert_allclose(total(weights, terms), 28 * np.array([1, 10]))


@jax.enable_x64(True)
def test_gradients_of_every_term_agree_with_finite_differences():
    model, theta, image, landmarks = scene(batch=1)
    theta = theta.replace(illumination=theta.illumination - 3.0)  # some negative
    start = parameters.to_vector(theta)

    @jax.jit
    def slopes(start, along):
        def value(vector):
            faces = parameters.from_vector(vector)
            terms = reconstruction(model, faces, image, landmarks)
            return jnp.stack([getattr(terms, name)[0] for name in NAMES])

        steps = 1e-7 * jnp.concatenate([along, -along])
        above, below = jnp.split(jax.lax.map(lambda s: value(start + s), steps), 2)
        exact = jnp.einsum("tbk,dbk->dt", jax.jacrev(value)(start), along)
        return exact, (above - below) / 2e-7

    along = np.random.default_rng(0).normal(size=(3, *start.shape))
    for name, a, b in zip(NAMES, *(x.T for x in slopes(start, along)), strict=True):
        assert np.all(a != 0), name
        np.testing.assert_allclose(a, b, rtol=1e-5, err_msg=name)
