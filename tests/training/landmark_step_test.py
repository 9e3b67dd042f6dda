import chex
import jax
import jax.numpy as jnp
import numpy as np

from pie_jax.training import landmark_step
from pie_jax.training.landmark_step import LandmarkBatch, landmark_objective
from pie_jax.training.update import adamw, training


def batch(size=16):
    rng = np.random.default_rng(0)
    return LandmarkBatch(
        image_u8=rng.integers(0, 256, (3, size, size, 3), dtype=np.uint8),
        landmarks=np.float32(rng.uniform(0.2, 0.8, (3, 68, 2))),
    )


def constant(params, image):
    return jnp.broadcast_to(params, (len(image), 68, 2))


def test_terms_and_gradients_are_finite_and_a_constant_learns_the_average():
    objective = landmark_objective(constant)
    compute = jax.jit(jax.value_and_grad(objective, has_aux=True))
    params = jnp.full((68, 2), 0.5)
    (loss, terms), grad = compute(params, None, jax.random.key(0), batch())
    chex.assert_shape([loss, terms["distance"], grad], [(), (), (68, 2)])
    chex.assert_tree_all_finite((loss, terms, grad))
    assert loss > 0 and jnp.all(jnp.any(grad != 0, axis=-1))

    one = jax.tree.map(lambda x: np.repeat(x[:1], 8, axis=0), batch(8))
    functions = training(landmark_objective(constant), adamw(200, 0.02))
    state = functions.init(jnp.full((68, 2), 0.5))
    for _ in range(200):
        state, _ = functions.step(state, None, one)
    # The variation turns and scales about the middle, and shifts evenly.
    assert np.abs(state.average - one.landmarks[0]).mean() < 0.02


def test_landmarks_move_with_the_picture():
    size, place = 64, np.float32([0.62, 0.4])
    centres = (np.arange(size) + 0.5) / size
    distance = np.hypot(centres - place[0], (centres - place[1])[:, None])
    blob_u8 = np.uint8(255 * (distance < 0.06))[..., None].repeat(3, axis=-1)
    vary = jax.jit(landmark_step._vary)
    moves = []
    for seed in range(8):
        image, (found,) = vary(jax.random.key(seed), blob_u8, place[None])
        grey = np.asarray(image).mean(axis=-1)
        bright = grey > (grey.min() + grey.max()) / 2
        seen = [(bright.sum(axis=i) @ centres) / bright.sum() for i in (0, 1)]
        np.testing.assert_allclose(found, seen, atol=0.01)
        moves.append(np.abs(found - place).max())
    assert np.mean(moves) > 0.02
