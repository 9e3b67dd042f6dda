import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.core import theta as parameters
from pie_jax.training import mofa_step
from pie_jax.training.mofa_step import LIKENESS, WEIGHTS, mofa_objective
from pie_jax.training.update import adamw, training
from tests import builders, checks
from tests.builders import random_theta
from tests.training.reconstruction_test import scene


def constant(params, image, descriptor):
    """A network that gives the same face for every picture."""
    shape = (len(image), parameters.to_vector(params).shape[-1])
    vector = jnp.broadcast_to(parameters.to_vector(params), shape)
    return parameters.from_vector(vector)


@pytest.fixture(scope="module")
def batch():
    _, _, image, landmarks = scene(batch=3)
    image_u8 = np.uint8(np.rint((np.asarray(image) + 1) * 127.5))
    descriptor = jnp.eye(3, 5)
    return mofa_step.MofaBatch(image_u8, landmarks, descriptor, jnp.float32(1))


GIVEN = mofa_step.MofaGiven(builders.toy_morphable(), WEIGHTS)
OBJECTIVE = jax.jit(mofa_objective(constant))


def test_loss_and_terms_are_finite_scalars_and_at_first_colours_do_not_count(batch):
    loss, terms = OBJECTIVE(parameters.neutral(), GIVEN, jax.random.key(0), batch)
    chex.assert_shape([loss, *terms.values()], ())
    chex.assert_tree_all_finite(terms)
    weights = vars(WEIGHTS) | {"pose": mofa_step.POSE, "likeness": LIKENESS}
    weighted = sum(weights[name] * value for name, value in terms.items())
    np.testing.assert_allclose(loss, weighted, rtol=1e-5)

    key, params = jax.random.key(0), parameters.neutral()
    blind = batch.replace(appearance=jnp.float32(0))
    (loss, terms), gradient = jax.value_and_grad(OBJECTIVE, has_aux=True)(
        params, GIVEN, key, blind
    )
    both, _ = OBJECTIVE(params, GIVEN, key, batch)
    np.testing.assert_allclose(
        both - loss, WEIGHTS.photometric * terms["photometric"], rtol=1e-4
    )
    # What is left for the albedo is its prior, and at the mean that is at rest.
    assert jnp.all(gradient.reflectance == 0)
    assert jnp.any(gradient.rotation != 0)


def test_other_keys_vary_the_pictures_with_their_landmarks(batch):
    def terms(key):
        return OBJECTIVE(parameters.neutral(), GIVEN, key, batch)[1]

    first, again, other = (terms(jax.random.key(k)) for k in (0, 0, 1))
    chex.assert_trees_all_equal(first, again)
    assert first["landmark"] != other["landmark"]
    assert first["photometric"] != other["photometric"]


def test_training_lowers_the_loss(batch):
    batch = batch.replace(descriptor=jnp.zeros((3, 5)))  # one face for all
    one = training(mofa_objective(constant), adamw(60, 0.03))
    state = one.init(parameters.neutral())
    # A face that is always the same tells no poses.
    weights, losses = vars(WEIGHTS) | {"likeness": LIKENESS}, []
    for _ in range(60):
        state, terms = one.step(state, GIVEN, batch)
        losses.append(sum(weights[name] * terms[name] for name in weights))
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])


def test_the_pose_of_rendered_faces_is_learnt_from_them_alone(batch):
    """A network whose pose is its one parameter; what it is shown is looked at."""
    seen = {}

    def look(params, image, descriptor):
        jax.debug.callback(lambda x: seen.update({len(x): np.asarray(x)}), image)
        face = constant(parameters.neutral(), image, descriptor)
        return face.replace(rotation=params + 0 * face.rotation)

    @jax.jit
    @jax.value_and_grad
    def loss(turned):
        objective = mofa_objective(look)
        return objective(turned, GIVEN, jax.random.key(0), batch)[1]["pose"]

    pose, gradient = loss(jnp.full(3, 0.4))
    jax.effects_barrier()
    pictures, rendered = seen[3], seen[1]
    assert rendered.shape == (1, *pictures.shape[1:])
    face = np.abs(rendered - pictures[:1]).max(axis=-1) > 0.05
    assert 0.05 < face.mean() < 0.9
    # The previous one's pose is this network's own answer: what is missed is the noise.
    assert 0 < pose < 0.8
    assert jnp.any(gradient != 0)


def test_likeness_compares_the_distances_of_all_pairs():
    both = random_theta(2)
    face, other = (checks.entry(both, i) for i in range(2))
    person = jnp.concatenate(
        [face.identity - other.identity, face.reflectance - other.reflectance]
    )
    apart = float(jnp.linalg.norm(person)) / mofa_step.APART
    descriptor = jnp.array([[0.0, 0.0], [0.3, 0.4]])
    compare = jax.jit(jax.value_and_grad(mofa_step.likeness))
    value, _ = compare(both, descriptor)
    np.testing.assert_allclose(value, (apart - 0.5) ** 2, rtol=1e-5)
    alike = checks.entry(both, jnp.array([0, 0]))
    np.testing.assert_allclose(compare(alike, 0 * descriptor)[0], 0)
    chex.assert_tree_all_finite(compare(alike, descriptor)[1])
