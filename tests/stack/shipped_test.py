"""The networks that are installed with the package do what their model cards say.

Bounds are three deviations beyond the mean of repeated runs: other random people where
faces are rendered, and photographs moved by four pixels or lightened by a hundredth.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import skin_tone
from pie_jax.core import rotations
from pie_jax.core.images import reduce_area
from pie_jax.core.theta import neutral
from pie_jax.embedding import sampling, schedule
from pie_jax.embedding.solver import embedding_solver
from pie_jax.face import correction
from pie_jax.face.render import render_image, render_vertices
from pie_jax.io import assets
from pie_jax.losses.landmark import mean_distance
from pie_jax.losses.photometric import FACE_PIXELS
from pie_jax.networks import mobile_stylegan
from pie_jax.photos import portraits
from pie_jax.stack import configuration
from pie_jax.stack.load import load
from pie_jax.stack.uses import EMBED, FIT, Use
from pie_jax.training.reconstruction import errors
from pie_jax.workflows.optimize import optimize, psnr
from tests import builders

SIZE = 128
DEGREES = [(0, 0, 0), (10, 0, 0), (0, 25, 0), (-8, -20, 5), (5, 35, -5)]
"""Pitch, yaw, roll."""


@pytest.fixture(scope="module")
def installed():
    """The face model and the landmark network, which nothing is fetched for."""
    parts = ("face_model", "landmark_net")
    return load(configuration.load("default"), Use(parts=parts))


@pytest.fixture(scope="module")
def fitting():
    return load(configuration.load("default"), FIT)


@pytest.fixture(scope="module")
def rendered(installed):
    """Faces in known poses before grey: theta and pictures."""
    rotation = jnp.radians(jnp.array(DEGREES, jnp.float32))
    theta = dataclasses.replace(neutral((len(DEGREES),)), rotation=rotation)
    render = jax.jit(render_image, static_argnums=2)
    image, mask = render(installed.params.face_model, theta, SIZE)
    return theta, 2 * (image * mask + 0.4 * (1 - mask)) - 1


def pictures(*names):
    """Photographs' aligned pictures, and the landmarks in fractions of the frame."""
    found = [portraits.load_portrait(builders.portrait(f"{x}.jpg")) for x in names]
    image = jnp.asarray(np.stack([x.aligned_u8 for x in found]), jnp.float32)
    known = (np.stack([x.landmarks for x in found]) + 0.5) / image.shape[1]
    return image / 127.5 - 1, jnp.asarray(known, jnp.float32)


def estimate(stack, image):
    return jax.jit(stack.functions.networks.estimate)(stack.params.mofa, image)


def landmark_distance(stack, image, landmarks):
    """The mean relative distance of what the landmark network finds."""
    find = jax.jit(stack.functions.find_landmarks)
    found = find(stack.params.landmark_net, image)
    return mean_distance(found, landmarks).mean()


def apart(theta, others):
    """Distances of what says who a person is, `[n, n]`, of the rows `others`."""
    person = np.concatenate([theta.identity, theta.reflectance], axis=-1)
    return np.linalg.norm(person[others][:, None] - person, axis=-1)


def test_the_mean_face_covers_the_pixels_that_count_and_landmarks_are_found(
    installed, rendered
):
    render = jax.jit(render_image, static_argnums=2)
    _, mask = render(installed.params.face_model, neutral(), 256)
    np.testing.assert_allclose(16 * mask.sum(), FACE_PIXELS, rtol=0.002)

    theta, image = rendered
    render = jax.jit(render_vertices, static_argnums=2)
    shown = render(installed.params.face_model, theta, 1).landmarks
    # dlib itself, its teacher, is 4 to 6 % off on such pictures (model card).
    assert landmark_distance(installed, image, shown) < 0.072


@pytest.mark.real
def test_mofa_finds_the_poses_of_rendered_faces(fitting, rendered):
    theta, image = rendered
    found = estimate(fitting, image)
    missed = rotations.angle(
        rotations.matrix(found.rotation), rotations.matrix(theta.rotation)
    )
    assert np.degrees(missed).mean() < 2.3
    assert np.corrcoef(found.rotation[:, 1], theta.rotation[:, 1])[0, 1] > 0.997


@pytest.mark.real
def test_both_agree_with_dlib_on_photographs(fitting):
    image, landmarks = pictures("jemison", "glover")
    assert landmark_distance(fitting, image, landmarks) < 0.025
    theta = estimate(fitting, image)
    left = jax.jit(errors)(fitting.params.face_model, theta, image, landmarks)
    assert (left["landmark"] < np.array([0.025, 0.036])).all()
    assert (left["colour"] < np.array([0.073, 0.084])).all()


@pytest.mark.real
def test_the_encoder_begins_nearer_to_photographs_than_the_mean_face():
    image, _ = pictures("conrad", "koch", "koch2")
    error = {}
    for start in ("mean", "encoder"):
        config = configuration.load("fast", [f"--config.start={start}"])
        stack = load(config, EMBED)
        w_plus = stack.functions.start(stack.params, image)
        synthesis = jax.jit(stack.functions.generator.synthesis)
        found = [synthesis(stack.params.generator, w[None])[0] for w in w_plus]
        error[start] = np.mean((np.stack(found) - image) ** 2, axis=(1, 2, 3))
    assert 10 * np.log10(error["mean"] / error["encoder"]).mean() > 3


@pytest.mark.real
def test_one_persons_photographs_are_nearer_than_two_peoples(fitting):
    image, _ = pictures("koch", "koch2", "ride", "kennedy", "carter")
    found = apart(estimate(fitting, image), slice(None))
    others = found[np.triu_indices(len(found), 1)][1:]
    assert found[0, 1] < 0.85 * others.min()


@pytest.mark.real
def test_dark_skin_is_not_light_skin_in_little_light(fitting):
    def lightness(*names):
        image, _ = pictures(*names)
        theta, model = estimate(fitting, image), fitting.params.face_model
        albedo = render_vertices(model, theta, SIZE).albedo
        return skin_tone.lightness(np.asarray(albedo).mean(axis=1))

    dark = lightness("epps", "glover", "jemison")
    light = lightness("conrad", "koch", "koch2", "kennedy")  # koch2 is a dark picture
    # Measured: 41, 33 and 41 against 48 to 50; before the rule all 44 to 49.
    assert dark.max() < light.min() - 3
    assert abs(light[1] - light[2]) < 3


@pytest.mark.real
def test_solved_colours_explain_photographs_and_tell_who_they_are_of(fitting):
    builders.portrait("koch.jpg")  # or there are none
    names = sorted(x.stem for x in (builders.SHARED / "portraits").glob("*.jpg"))
    image, landmarks = pictures(*names)
    functions = fitting.functions
    see = correction.corrected(functions.networks.estimate, functions.find_landmarks)
    theta = jax.jit(see)(fitting.params, image)
    small = reduce_area(image, SIZE)
    left = jax.jit(errors)(fitting.params.face_model, theta, small, landmarks)
    assert left["colour"].mean() <= 0.06
    same = [names.index(name) for name in ("koch", "koch2")]
    found = apart(theta, same)
    assert found[0, same[1]] < np.delete(found, same, axis=1).min()


def test_the_curvature_is_that_of_the_default_generator():
    arrays = assets.load("curvature").single_precision()
    num_ws = mobile_stylegan.mobile_stylegan().num_ws
    assert arrays["rest"].shape == (num_ws,) and (arrays["rest"] > 0).all()
    directions, roots = arrays["directions"], arrays["roots"]
    products = np.swapaxes(directions, 1, 2) @ directions
    eye = np.broadcast_to(np.eye(roots.shape[1]), products.shape)
    np.testing.assert_allclose(products, eye, atol=2e-3)
    # The foremost come first, and all before the rest.
    assert (np.diff(roots, axis=1) <= 0).all()
    assert (roots[:, -1] > arrays["rest"]).all()
    assert (roots[:, 0] > 3 * roots[:, 20]).all()


@pytest.mark.real
def test_fast_lowers_the_energy_of_photographs_faster_than_adam_does():
    photo = portraits.load_portrait(builders.portrait("glover.jpg"))
    energies = {}
    for name in ("fast", "projection"):
        config = configuration.load("fast")
        config.stages = (config.stages[0], configuration.load(name).stages[1])
        for stage in config.stages:
            stage.num_steps = min(20, stage.num_steps)
        stack = load(config, EMBED)
        functions, params = stack.functions, stack.params
        portrait = portraits.to_target(photo, functions.generator.resolution)
        portrait = jax.tree.map(lambda x: x[None], portrait)
        energy, stages = functions.energy, functions.stages
        w_plus = functions.start(params, portrait.image)
        references = embedding_solver(energy, stages[0]).prepare(params, portrait)
        keys = sampling.keys(config.seed, portrait.image, shared=True)
        begun = schedule.begin(energy, stages, w_plus, keys, params)
        *_, last = schedule.advance(
            energy, stages, params, references, begun, report_every=10
        )
        energies[name] = schedule.standing(stages, last)["total"][0]
    assert energies["fast"] < 0.8 * energies["projection"]


@pytest.mark.real
def test_twenty_steps_of_tuning_bring_a_photograph_nearer():
    photo = portraits.load_portrait(builders.portrait("jemison.jpg"))
    config = configuration.load("fast")
    config.stages = config.stages[-1:]
    config.stages[0].num_steps = 20
    stack = load(config, EMBED)
    portrait = portraits.to_target(photo, stack.functions.generator.resolution)
    found = optimize(stack, jax.tree.map(lambda x: x[None], portrait), "jemison")
    gain = psnr(found.trace["pixel"][-1]) - psnr(found.trace["pixel"][0])
    assert gain >= 1.5
