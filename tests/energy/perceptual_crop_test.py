import jax
import jax.numpy as jnp
import numpy as np

from pie_jax.core.params import Params
from pie_jax.energy import perceptual_crop
from pie_jax.energy.term import Candidate, Networks, Target

SIZE = 300


def term():
    networks = Networks(lambda params, x: {"as it is": x, "twice": 2 * x}, None)
    return perceptual_crop.term(networks)


def candidate(image, number):
    key = jax.random.key_data(jax.random.key(number))
    return Candidate(jnp.zeros((3, 512)), image, key)


def test_squares_lie_anywhere_inside_and_are_the_same_for_the_same_key():
    rows, columns = np.mgrid[:SIZE, :SIZE]
    image = jnp.asarray(np.stack([rows, columns, 0 * rows], axis=-1), jnp.float32)
    built, corners = term(), []
    networks = Networks(
        lambda params, x: corners.append(x[0, 0, 0, :2]) or {"x": x}, None
    )
    built = perceptual_crop.term(networks)
    reference = built.prepare(Params(), Target(image, None))
    for number in (*range(40), 0):
        assert built.value(Params(), reference, candidate(image, number)) == 0
    seen = np.asarray(corners)
    np.testing.assert_array_equal(seen[::2], seen[1::2])  # of picture and photograph
    seen = seen[::2]
    np.testing.assert_array_equal(seen[0], seen[-1])
    last = SIZE - perceptual_crop.SIZE
    assert seen.min() >= 0
    assert seen.max() <= last
    assert (np.ptp(seen, axis=0) > 0.7 * last).all()


def test_the_value_is_the_whole_picture_s_where_it_looks_the_same_all_over():
    built = term()
    photo = jnp.zeros((SIZE, SIZE, 3))
    reference = built.prepare(Params(), Target(photo, None))
    value = built.value(Params(), reference, candidate(photo + 0.5, 3))
    # 256 x 256 positions, three channels, 0.5 and twice that.
    np.testing.assert_allclose(value, 256**2 * 3 * (0.5**2 + 1.0**2), rtol=1e-5)
