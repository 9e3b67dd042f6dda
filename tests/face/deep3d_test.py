import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.core import theta as thetas
from pie_jax.face import deep3d, morphable
from pie_jax.face.render import render_vertices
from pie_jax.networks import deep3d as network
from tests import builders, checks
from tests import deep3d_reference as reference

RESOLUTION = 1024


def scaled(vector):
    """257 of theirs as a face has them: turned, moved, and lit."""
    vector = vector.copy()
    vector[..., 224:227] *= 0.4
    vector[..., 227:254] *= 0.3
    vector[..., 254:257] *= 0.5
    return vector


def coefficients(vector):
    vector = jnp.asarray(vector)
    return network.Coefficients(
        identity=vector[..., :80],
        expression=vector[..., 80:144],
        texture=vector[..., 144:224],
        angles=vector[..., 224:227],
        light=vector[..., 227:254],
        translation=vector[..., 254:257],
    )


def files_model(subdivisions, seed=0):
    """A face in their file's layout, and in our structure anywhere else in space."""
    arrays = builders.toy_arrays(subdivisions, seed)
    arrays["camera"] = np.array([network.FRAME_FOCAL, 12.5])
    arrays["mean"] = arrays["mean"] + [0.02, -0.3, 0.4]
    theirs = {
        "meanshape": arrays["mean"].reshape(1, -1),
        "idBase": arrays["identity"].reshape(80, -1).T,
        "exBase": arrays["expression"].reshape(64, -1).T,
        "meantex": 255 * arrays["albedo_mean"].reshape(1, -1),
        "texBase": 255 * arrays["albedo"].reshape(80, -1).T,
    }
    return theirs, morphable.from_arrays(arrays)


def homography():
    """`[3, 3]` from their crop to the FFHQ frame, multiplied out from two cameras."""

    def intrinsics(focal):
        return np.array([[focal, 0, -0.5], [0, -focal, -0.5], [0, 0, -1]])

    sine, cosine = np.sin(network.TILT), np.cos(network.TILT)
    turned = np.array([[1, 0, 0], [0, cosine, sine], [0, -sine, cosine]])
    theirs = intrinsics(reference.FOCAL / reference.SIZE)
    return intrinsics(network.FRAME_FOCAL) @ turned @ np.linalg.inv(theirs)


def in_frame(pixels):
    """Their pixels, counted upwards, as pixels of the FFHQ frame."""
    crop = pixels / reference.SIZE * [1, -1] + [0, 1]
    points = np.concatenate([crop, np.ones((len(crop), 1))], axis=1) @ homography().T
    return RESOLUTION * points[:, :2] / points[:, 2:]


@jax.jit
def rendered(model, vector):
    theta = deep3d.theta(model, coefficients(vector))
    return theta, render_vertices(model, theta, RESOLUTION, occlusion=False)


@pytest.mark.parametrize("seed", range(4))
def test_a_vertex_lands_on_the_same_pixel_in_the_same_colour(seed):
    theirs, model = files_model(2)
    vector = scaled(np.random.default_rng(seed).normal(size=257))
    _, rendering = rendered(model, vector)
    vertices = reference.shape(theirs, vector)
    expected = in_frame(reference.project(vertices, vector))
    assert np.ptp(expected, axis=0).min() > 300
    np.testing.assert_allclose(rendering.points, expected, atol=0.02)
    depth = 10 - (vertices @ reference.rotation(vector[224:227]) + vector[254:])[:, 2]
    assert np.all(np.abs(rendering.depth - depth) < 0.2)
    # Normals are averaged in another way: by their formula ours give these colours.
    sine, cosine = np.sin(network.TILT), np.cos(network.TILT)
    back = np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]])
    shading = reference.shade(np.asarray(rendering.normals) @ back.T, vector)
    expected = reference.texture(theirs, vector) / 255 * shading
    size = np.abs(expected).max()
    assert size > 0.3
    np.testing.assert_allclose(rendering.colours, expected, atol=1e-4 * size)


def test_where_normals_agree_so_does_the_whole_picture():
    theirs, model = files_model(0)
    vertices, triangles = builders.icosphere(0)  # of equal triangles
    model = model.replace(mean=jnp.asarray(vertices), triangles=jnp.asarray(triangles))
    theirs["meanshape"] = vertices.reshape(1, -1)
    vector = scaled(np.random.default_rng(9).normal(size=257))
    vector[:144] = 0
    _, rendering = rendered(model, vector)
    shape = reference.shape(theirs, vector)
    expected = in_frame(reference.project(shape, vector))
    np.testing.assert_allclose(rendering.points, expected, atol=0.02)
    shading = reference.shade(reference.normals(shape, triangles, vector), vector)
    expected = reference.texture(theirs, vector) / 255 * shading
    np.testing.assert_allclose(
        rendering.colours, expected, atol=1e-4 * np.abs(expected).max()
    )


def test_without_coefficients_it_is_the_mean_face_batches_and_gradients_are_faces():
    _, model = files_model(2)
    theta, _ = rendered(model, np.zeros(257))
    np.testing.assert_allclose(theta.rotation, [network.TILT, 0, 0], atol=1e-6)
    white = np.asarray(theta.illumination).reshape(9, 3)
    assert np.all(white[0] > 0)
    np.testing.assert_allclose(white[1:], 0, atol=1e-5)

    vectors = scaled(np.random.default_rng(2).normal(size=(2, 2, 257))).astype("f")
    theta = jax.jit(lambda vector: deep3d.theta(model, coefficients(vector)))
    checks.assert_maps(theta, vectors, axes=2, batched=True, atol=1e-5)

    def value(vector):
        theta = deep3d.theta(checks.double(model), coefficients(vector))
        return jnp.sum(jnp.sin(thetas.to_vector(theta)))

    vector = scaled(np.random.default_rng(3).normal(size=257))
    checks.assert_gradient(value, vector, directions=3)


@pytest.mark.parametrize(
    ("angle", "field", "sign"), [(0, 0, -1), (1, 1, 1), (2, 2, 1)], ids="xyz"
)
def test_each_angle_is_one_of_ours(angle, field, sign):
    _, model = files_model(0)
    vector = np.zeros(257)
    vector[224 + angle] = 0.3
    theta, _ = rendered(model, vector)
    turned = np.asarray(theta.rotation) - [network.TILT, 0, 0]
    expected = np.zeros(3)
    expected[field] = sign * 0.3
    np.testing.assert_allclose(turned, expected, atol=0.01)
