import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.core import rotations
from tests import checks

NOSE, RIGHT_EAR = np.asarray([0.0, 0.0, 1.0]), np.asarray([1.0, 0.0, 0.0])
"""As the viewer sees them."""
RIGHT_ANGLE = np.pi / 2


def random_rotations(count=20, seed=0):
    """Of any pitch and roll, and yaw short of a right angle."""
    limits = np.asarray([np.pi, 1.5, np.pi])
    return np.random.default_rng(seed).uniform(-limits, limits, (count, 3))


def slow_matrix(pitch, yaw, roll):
    """The product of three right-handed elementary rotations."""

    def turn(axis, angle):
        i, j = (axis + 1) % 3, (axis + 2) % 3
        result = np.eye(3)
        result[i, i] = result[j, j] = np.cos(angle)
        result[i, j], result[j, i] = -np.sin(angle), np.sin(angle)
        return result

    return turn(2, roll) @ turn(1, yaw) @ turn(0, -pitch)


def test_a_matrix_is_the_product_of_the_elementary_ones_and_orthonormal():
    rotation = random_rotations().astype(np.float32)
    result = rotations.matrix(rotation)
    chex.assert_shape(result, (20, 3, 3))
    chex.assert_type(result, jnp.float32)
    expected = np.stack([slow_matrix(*one) for one in rotation])
    np.testing.assert_allclose(result, expected, atol=1e-6)
    products = np.einsum("nij,nkj->nik", result, result)
    np.testing.assert_allclose(products, np.tile(np.eye(3), (20, 1, 1)), atol=1e-6)
    np.testing.assert_allclose(np.linalg.det(result), 1, atol=1e-6)


def test_mapped_rotations_give_what_a_batch_gives_and_the_transpose_turns_back():
    rotation = random_rotations(3).astype(np.float32)
    checks.assert_maps(rotations.matrix, rotation, batched=True)
    matrix = rotations.matrix(rotation)
    checks.assert_maps(rotations.euler, matrix, batched=True)
    checks.assert_maps(rotations.angle, matrix, matrix[::-1], batched=True)
    matrix = rotations.matrix(random_rotations())
    points = np.random.default_rng(1).normal(size=(20, 5, 3))
    back = rotations.rotate(
        jnp.swapaxes(matrix, -1, -2), rotations.rotate(matrix, points)
    )
    np.testing.assert_allclose(back, points, atol=1e-5)


def test_euler_angles_come_back_and_mirroring_negates_yaw_and_roll_only():
    rotation = random_rotations()
    result = rotations.euler(rotations.matrix(rotation))
    np.testing.assert_allclose(result, rotation, atol=1e-5)
    mirror = np.diag([-1.0, 1.0, 1.0])
    mirrored = mirror @ rotations.matrix(rotation) @ mirror
    expected = rotations.matrix(rotation * np.asarray([1, -1, -1]))
    np.testing.assert_allclose(mirrored, expected, atol=1e-6)


@pytest.mark.parametrize("yaw", [RIGHT_ANGLE, -RIGHT_ANGLE])
def test_angles_at_gimbal_lock_give_the_same_matrix_and_finite_gradients(yaw):
    matrix = rotations.matrix(jnp.asarray([0.4, yaw, -0.3]))
    result = rotations.euler(matrix)
    assert result[2] == 0
    np.testing.assert_allclose(rotations.matrix(result), matrix, atol=1e-6)
    matrix = jnp.asarray(slow_matrix(0.0, yaw, 0.0).round(), jnp.float32)
    jacobian = jax.jacobian(rotations.euler)(matrix)
    chex.assert_tree_all_finite(jacobian)


@pytest.mark.parametrize(
    ("part", "point", "goes_to"),
    [
        ("yaw", NOSE, [np.sin(0.3), 0, np.cos(0.3)]),  # to the viewer's right
        ("pitch", NOSE, [0, np.sin(0.3), np.cos(0.3)]),  # up
        ("roll", NOSE, NOSE),
        ("roll", RIGHT_EAR, [np.cos(0.3), np.sin(0.3), 0]),
    ],
)
def test_the_nose_goes_right_for_yaw_up_for_pitch_the_right_ear_up_for_roll(
    part, point, goes_to
):
    rotation = 0.3 * np.eye(3)[["pitch", "yaw", "roll"].index(part)]
    np.testing.assert_allclose(rotations.matrix(rotation) @ point, goes_to, atol=1e-6)


@pytest.mark.parametrize("amount", [0, 1e-3, 1.2, 3.1, np.pi])
def test_the_angle_between_matrices_is_what_one_was_turned_by(amount):
    a = rotations.matrix(random_rotations())
    axis = rotations.matrix(jnp.asarray([0.3, -0.8, 1]))
    turned = axis @ slow_matrix(0, 0, amount).astype(np.float32) @ axis.T
    result = rotations.angle(a, turned @ a)
    chex.assert_shape(result, (20,))
    np.testing.assert_allclose(result, amount, atol=1e-5 if amount < 3.14 else 1e-3)
    np.testing.assert_allclose(rotations.angle(turned @ a, a), result, atol=1e-5)


@pytest.mark.parametrize("rotation", [[0, 0, 0], [0.3, -0.7, 0.2]])
def test_angle_gradient_is_finite_for_equal_rotations(rotation):
    rotation = jnp.asarray(rotation, jnp.float32)
    value, gradient = jax.value_and_grad(
        lambda x: rotations.angle(rotations.matrix(x), rotations.matrix(rotation))
    )(rotation)
    assert value < 1e-6
    chex.assert_tree_all_finite(gradient)
    assert float(jnp.abs(gradient).max()) < 2


@pytest.mark.parametrize(
    "function",
    [
        rotations.matrix,
        lambda x: rotations.euler(rotations.matrix(x)),
        lambda x: rotations.angle(
            rotations.matrix(x), rotations.matrix(jnp.asarray([0.2, 0.3, 0.1]))
        ),
    ],
    ids=["matrix", "euler", "angle"],
)
def test_gradient_agrees_with_finite_differences(function):
    weights = np.random.default_rng(1).normal(size=(3, 3, 3))

    def energy(rotation):
        found = function(rotation)
        return jnp.sum(jnp.sin(found) * weights[tuple(slice(n) for n in found.shape)])

    checks.assert_gradient(energy, random_rotations(3))
