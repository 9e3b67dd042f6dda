import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.core import theta as thetas
from pie_jax.face import morphable, render
from tests import builders, checks

RESOLUTION = 32


@pytest.fixture(scope="module")
def model():
    return builders.toy_morphable()


def rendered(model, theta, occlusion=True):
    return builders.VERTICES(model, theta, RESOLUTION, occlusion=occlusion)


def nose(model):
    return int(jnp.argmax(model.mean[:, 2]))


def test_a_batch_gives_face_by_face_what_single_faces_give(model):
    theta = builders.random_theta(2)
    result, count = rendered(model, theta), len(model.mean)
    chex.assert_shape(result.points, (2, count, 2))
    chex.assert_shape([result.colours, result.normals], (2, count, 3))
    chex.assert_shape([result.visible, result.depth], (2, count))
    chex.assert_shape(result.landmarks, (2, 68, 2))
    chex.assert_type(jax.tree.leaves(result), jnp.float32)
    checks.assert_maps(lambda x: rendered(model, x), theta, batched=True, atol=1e-3)
    checks.assert_maps(
        lambda x: builders.PICTURE(model, x, RESOLUTION), theta, batched=True, atol=1e-4
    )


def test_the_neutral_face_is_the_mean_before_the_camera_and_is_moved_as_seen(model):
    result = rendered(model, thetas.neutral())
    x, y, z = np.asarray(model.mean).T
    scale = 4.5 * RESOLUTION / (15 - z)
    expected = np.stack([16 + scale * x, 16 - scale * y], axis=-1)
    np.testing.assert_allclose(result.points, expected, atol=1e-3)
    np.testing.assert_allclose(result.depth, 15 - z, rtol=1e-5)
    theta = thetas.neutral().replace(translation=jnp.asarray([0.1, 0.2, 0.0]))
    moved = rendered(model, theta).points - result.points
    np.testing.assert_allclose(moved, scale[:, None] * [0.1, -0.2], atol=1e-3)


def test_white_light_from_everywhere_shows_the_albedo_and_light_stays_in_place(model):
    theta = thetas.neutral().replace(reflectance=builders.random_theta().reflectance)
    result = rendered(model, theta)
    expected = morphable.albedo(model, theta.reflectance)
    np.testing.assert_allclose(result.shading, 1, rtol=1e-5)
    np.testing.assert_allclose(result.albedo, expected, atol=1e-5)
    np.testing.assert_allclose(result.colours, expected, atol=1e-5)

    light = jnp.zeros((9, 3)).at[0].set(3).at[3].set(1).reshape(27)
    theta = thetas.neutral().replace(illumination=light)
    turned = theta.replace(rotation=jnp.asarray([0.0, 1.0, 0.0]))
    tip = nose(model)  # turned to the right, where the light comes from
    after, before = (rendered(model, x).shading[tip] for x in (turned, theta))
    assert np.all(after > before)


@pytest.mark.parametrize(
    ("pitch_yaw_roll", "side"), [((0.4, 0, 0), (0, -1)), ((0, 0.4, 0), (1, 0))]
)
def test_the_nose_goes_up_for_pitch_and_right_for_yaw(model, pitch_yaw_roll, side):
    theta = thetas.neutral().replace(rotation=jnp.asarray(pitch_yaw_roll, jnp.float32))
    turned, before = (
        rendered(model, x).points[nose(model)] for x in (theta, thetas.neutral())
    )
    moved = np.asarray(turned - before)
    assert moved @ side > 1 and abs(moved @ side[::-1]) < 0.3 * (moved @ side)


def test_landmarks_are_among_the_points_and_it_is_traced_once_for_all_thetas(model):
    result = rendered(model, builders.random_theta())
    gaps = result.landmarks[:, None] - result.points
    np.testing.assert_allclose(np.abs(gaps).sum(axis=-1).min(axis=-1), 0, atol=1e-4)
    function = jax.jit(
        chex.assert_max_traces(lambda *x: render.render_vertices(*x, RESOLUTION), n=1)
    )
    for seed in range(3):
        function(model, builders.random_theta(seed=seed))


def test_occlusion_takes_away_from_what_faces_the_camera():
    model = builders.toy_morphable(subdivisions=4)
    theta = thetas.neutral().replace(rotation=jnp.asarray([0.1, -0.8, 0.05]))
    free = np.asarray(rendered(model, theta).visible)
    facing = np.asarray(rendered(model, theta, occlusion=False).visible)
    hidden = free < facing
    assert np.all(free <= facing) and 10 < np.sum(hidden) < 0.1 * facing.sum()
    # It is the cheek behind the nose, which points to the viewer's left.
    cheek = np.asarray(model.mean)[hidden]
    assert np.all(cheek[:, 0] < 0) and np.all(cheek[:, 2] > 0)


def test_gradient_agrees_with_finite_differences():
    with jax.enable_x64(True):
        model = builders.toy_morphable(subdivisions=1)

    def energy(theta):
        result = render.render_vertices(model, theta, RESOLUTION)
        seen = result.visible[:, None]
        return sum(
            jnp.sum(jnp.sin(3 * x))
            for x in (
                result.points / RESOLUTION * seen,
                result.colours * seen,
                result.normals,
                result.depth,
                result.landmarks / RESOLUTION,
            )
        )

    checks.assert_gradient(energy, builders.random_theta(), rtol=1e-5, atol=1e-6)


def test_a_picture_shows_each_vertex_where_it_is_projected(model):
    smooth = 0.5 + 0.3 * model.mean / jnp.abs(model.mean).max()
    model, theta = model.replace(albedo_mean=smooth), thetas.neutral()
    side = 64
    image, mask = builders.PICTURE(model, theta, side)
    chex.assert_shape([image, mask], [(side, side, 3), (side, side, 1)])
    chex.assert_type([image, mask], jnp.float32)
    result = builders.VERTICES(model, theta, side)
    clear = np.asarray(result.visible * (result.normals[:, 2] > 0.5)) == 1
    column, row = np.asarray(result.points, int)[clear].T
    assert clear.sum() > 30 and np.all(np.asarray(mask)[row, column] == 1)
    np.testing.assert_allclose(
        np.asarray(image)[row, column], np.asarray(result.colours)[clear], atol=0.03
    )
    assert not np.any(np.asarray(image)[np.asarray(mask)[..., 0] == 0])


def test_what_is_behind_the_camera_is_not_painted(model):
    """Moved so near that the camera is inside of the head."""
    inside = thetas.neutral().replace(translation=jnp.asarray([0.0, 0.0, 14.8]))
    result = rendered(model, inside)
    behind = np.asarray(result.depth) <= 0
    assert 0 < behind.sum() < len(behind)
    values = jnp.asarray(behind, jnp.float32)[:, None]
    painted, _ = render.paint(model, result, values, RESOLUTION)
    np.testing.assert_array_equal(painted, 0)


def test_colours_of_a_picture_stay_in_range_and_painted_values_have_a_gradient(model):
    theta = thetas.neutral()
    theta = theta.replace(illumination=-theta.illumination.at[1].set(-30))
    image, _ = builders.PICTURE(model, theta, RESOLUTION)
    assert image.min() == 0 and image.max() == 1
    assert rendered(model, theta).colours.max() > 1
    result = rendered(model, thetas.neutral())
    values = jnp.ones((len(model.mean), 1))
    gradient = jax.grad(
        lambda x: jnp.sum(render.paint(model, result, x, RESOLUTION)[0])
    )(values)
    _, mask = render.paint(model, result, values, RESOLUTION)
    np.testing.assert_allclose(gradient.sum(), mask.sum(), rtol=1e-5)
