import chex
import jax
import jax.numpy as jnp
import numpy as np

from pie_jax.core.images import reduce_area
from pie_jax.core.theta import SIZES
from pie_jax.face import appearance
from pie_jax.graphics.sampling import sample
from tests import builders
from tests.builders import PICTURE, VERTICES, random_theta
from tests.checks import assert_gradient, double

MODEL = builders.toy_morphable()
COUNT, SIZE = 3, appearance.SIZE
SOLVE = jax.jit(appearance.solve)


def shown(theta, size=SIZE):
    """Pictures of faces before grey."""
    image, mask = PICTURE(MODEL, theta, size)
    return 2 * (image * mask + 0.4 * (1 - mask)) - 1


def colour_errors(theta, image):
    rendering = VERTICES(MODEL, theta, SIZE)
    seen = sample((image + 1) / 2, rendering.points)
    apart = jnp.abs(seen - rendering.colours).mean(axis=-1)
    return (apart * rendering.visible).sum(axis=-1) / rendering.visible.sum(axis=-1)


def test_the_colours_of_a_picture_are_explained_and_shape_and_pose_stay():
    truth = random_theta(COUNT)
    image = shown(truth)
    rng = np.random.default_rng(3)
    wrong = truth.replace(
        reflectance=truth.reflectance + rng.normal(size=(COUNT, SIZES["reflectance"])),
        illumination=truth.illumination
        + 0.1 * rng.normal(size=(COUNT, SIZES["illumination"])),
    )
    found = SOLVE(MODEL, wrong, image)
    # The truth's own errors are those of looking colours up between pixels.
    before, after, least = (colour_errors(x, image) for x in (wrong, found, truth))
    assert (before > 3 * least).all() and (after < 1.15 * least).all()

    theta = random_theta(COUNT)
    found = SOLVE(MODEL, theta, shown(random_theta(COUNT, seed=5)))
    back = found.replace(reflectance=theta.reflectance, illumination=theta.illumination)
    chex.assert_trees_all_equal(back, theta)
    assert (jnp.abs(found.reflectance - theta.reflectance).max(axis=1) > 0.01).all()
    away = theta.replace(translation=theta.translation + jnp.array([9.0, 0, 0]))
    chex.assert_trees_all_equal(SOLVE(MODEL, away, shown(theta)), away)


def test_it_is_the_damped_least_squares_solution():
    """Of the renderer's own derivatives, by another solver in float64."""
    with jax.enable_x64(True):
        model, theta, image = double(
            (MODEL, random_theta(1), shown(random_theta(1, seed=5)))
        )
        found = SOLVE(model, theta, image)
        parts = ("reflectance", "illumination")
        start = [getattr(theta, name) for name in parts]

        def colours(skin, light):
            changed = theta.replace(reflectance=skin, illumination=light)
            rendering = VERTICES(model, changed, SIZE)
            return rendering.colours, rendering

        slopes, rendering = jax.jit(jax.jacfwd(colours, (0, 1), has_aux=True))(*start)
        visible = np.asarray(rendering.visible).ravel()
        root = np.sqrt(visible / (3 * visible.sum())).repeat(3)
        missed = sample((image + 1) / 2, rendering.points) - rendering.colours
        rows = [np.reshape(x, (-1, x.shape[-1])) for x in slopes]
        damping = np.concatenate(
            [np.full(SIZES[name], appearance.RIDGE[name] ** 0.5) for name in parts]
        )
        system = np.concatenate(
            [root[:, None] * np.concatenate(rows, axis=1), np.diag(damping)]
        )
        wanted = np.concatenate([root * np.ravel(missed), 0 * damping])
        change, *_ = np.linalg.lstsq(system, wanted)
        expected = np.concatenate(start, axis=-1)[0] + change
        both = np.concatenate([getattr(found, name)[0] for name in parts])
        np.testing.assert_allclose(both, expected, rtol=1e-6, atol=1e-8)


def test_each_face_of_a_batch_is_solved_by_itself_and_large_pictures_averaged():
    theta, image = random_theta(COUNT), shown(random_theta(COUNT, seed=5))
    last = SOLVE(MODEL, *jax.tree.map(lambda x: x[-1:], (theta, image)))
    found = jax.tree.map(lambda x: x[-1:], SOLVE(MODEL, theta, image))
    chex.assert_trees_all_close(found, last, atol=1e-4)
    large = shown(random_theta(1, seed=5), 2 * SIZE)
    small = reduce_area(large, SIZE)
    one = random_theta(1)
    both = (SOLVE(MODEL, one, x) for x in (large, small))
    chex.assert_trees_all_close(*both, atol=1e-5)


def test_gradients_are_those_of_finite_differences():
    direction = np.random.default_rng(2).normal(size=(1, SIZE, SIZE, 3))

    def value(amount, turn):
        model, theta = double((MODEL, random_theta(1)))
        turned = theta.replace(rotation=theta.rotation + turn)
        found = appearance.solve(model, turned, image + amount * direction)
        return sum(
            jnp.sum(jnp.sin(getattr(found, part)))
            for part in ("reflectance", "illumination")
        )

    image = np.float64(shown(random_theta(1, seed=5)))
    assert_gradient(value, 0.0, 0.0, rtol=1e-4)
