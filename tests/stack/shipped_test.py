"""The networks that are installed with the package do what their model cards say."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.cli import batch, config, runtime, shipped
from pie_jax.core import rotations
from pie_jax.core.errors import PieError
from pie_jax.core.ibug import SIXTY_SIX
from pie_jax.core.images import reduce_area
from pie_jax.core.theta import neutral
from pie_jax.embedding import schedule
from pie_jax.embedding.solver import embedding_solver
from pie_jax.face.render import render_image, render_vertices
from pie_jax.io import assets, portraits
from pie_jax.losses.landmark import relative_distances
from pie_jax.losses.photometric import FACE_PIXELS
from pie_jax.networks import mobile_stylegan
from pie_jax.training.reconstruction import errors
from tests import builders

SIZE = 128
DEGREES = [(0, 0, 0), (10, 0, 0), (0, 25, 0), (-8, -20, 5), (5, 35, -5)]
"""Pitch, yaw, roll."""


@pytest.fixture(scope="module")
def model():
    return shipped.face_model()


@pytest.fixture(scope="module")
def mofa():
    return shipped.mofa()


@pytest.fixture(scope="module")
def rendered(model):
    """Faces in known poses before grey: rotations and pictures."""
    rotation = jnp.radians(jnp.array(DEGREES, jnp.float32))
    theta = dataclasses.replace(neutral((len(DEGREES),)), rotation=rotation)
    image, mask = jax.jit(render_image, static_argnums=2)(model, theta, SIZE)
    return theta, 2 * (image * mask + 0.4 * (1 - mask)) - 1


def test_the_mean_face_covers_the_pixels_that_the_energy_counts(model):
    _, mask = jax.jit(render_image, static_argnums=2)(model, neutral(), 256)
    np.testing.assert_allclose(16 * mask.sum(), FACE_PIXELS, rtol=0.002)


@pytest.mark.real
def test_mofa_finds_the_poses_of_rendered_faces(mofa, rendered):
    theta, image = rendered
    found = jax.jit(mofa.apply)(mofa.params, image)
    missed = rotations.angle(
        rotations.matrix(found.rotation), rotations.matrix(theta.rotation)
    )
    assert np.degrees(missed).mean() < 5
    assert np.corrcoef(found.rotation[:, 1], theta.rotation[:, 1])[0, 1] > 0.99


def test_the_landmark_network_finds_those_of_rendered_faces(model, rendered):
    theta, image = rendered
    finder = shipped.landmark_net()
    found = jax.jit(finder.apply)(finder.params, image)
    shown = jax.jit(render_vertices, static_argnums=2)(model, theta, 1).landmarks
    distance = relative_distances(found, shown)[:, jnp.array(SIXTY_SIX)]
    # dlib itself, its teacher, is 4 to 6 % off on such pictures (model card).
    assert distance.mean() < 0.09


@pytest.mark.real
@pytest.mark.parametrize("name", ["jemison.jpg", "glover.jpg"])
def test_both_agree_with_dlib_on_photographs(model, mofa, name):
    portrait = portraits.load_portrait(builders.portrait(name))
    known = (np.asarray(portrait.landmarks) + 0.5) / len(portrait.aligned_u8)
    landmarks = jnp.asarray(known, jnp.float32)[None]
    image = jnp.asarray(portrait.aligned_u8, jnp.float32)[None] / 127.5 - 1
    finder = shipped.landmark_net()
    found = jax.jit(finder.apply)(finder.params, image)
    chosen = relative_distances(found, landmarks)[:, jnp.array(SIXTY_SIX)]
    assert chosen.mean() < 0.04
    theta = jax.jit(mofa.apply)(mofa.params, image)
    left = jax.jit(errors)(model, theta, image, landmarks)
    assert left["landmark"][0] < 0.06 and left["colour"][0] < 0.12


@pytest.mark.real
def test_the_encoder_begins_nearer_to_photographs_than_the_mean_face():
    names = ["conrad", "koch", "koch2"]
    photos = [portraits.load_portrait(builders.portrait(f"{x}.jpg")) for x in names]
    image = jnp.asarray(np.stack([x.aligned_u8 for x in photos]), jnp.float32)
    image = image / 127.5 - 1
    error = {}
    for start in ("mean", "encoder"):
        values = config.load("fast", [f"--config.start={start}"])
        assembled, params = runtime.start(values, parts=("generator", "encoder"))
        w_plus = assembled.start(params, image)
        synthesis = jax.jit(assembled.generator.synthesis)
        found = [synthesis(params["generator"], w[None])[0] for w in w_plus]
        error[start] = np.mean((np.stack(found) - image) ** 2, axis=(1, 2, 3))
    assert 10 * np.log10(error["mean"] / error["encoder"]).mean() > 3


@pytest.mark.real
def test_one_persons_photographs_are_nearer_than_two_peoples(mofa):
    names = ["koch", "koch2", "ride", "kennedy", "carter"]
    aligned = [
        portraits.load_portrait(builders.portrait(f"{name}.jpg")).aligned_u8
        for name in names
    ]
    image = jnp.asarray(np.stack(aligned), jnp.float32) / 127.5 - 1
    theta = jax.jit(mofa.apply)(mofa.params, image)
    person = np.concatenate([theta.identity, theta.reflectance], axis=-1)
    apart = np.linalg.norm(person[:, None] - person, axis=-1)
    others = apart[np.triu_indices(len(names), 1)][1:]
    assert apart[0, 1] < 0.9 * others.min()


@pytest.mark.real
def test_solved_colours_explain_photographs_and_tell_who_they_are_of(model, mofa):
    builders.portrait("koch.jpg")  # or there are none
    files = sorted((builders.SHARED / "portraits").glob("*.jpg"))
    photos = [portraits.load_portrait(file) for file in files]
    image = jnp.asarray(np.stack([x.aligned_u8 for x in photos]), jnp.float32)
    image = image / 127.5 - 1
    known = np.stack([x.landmarks for x in photos]) + 0.5
    landmarks = jnp.asarray(known / image.shape[1], jnp.float32)
    apply, params = shipped.corrected(mofa, model)
    theta = jax.jit(apply)(params, image)
    small = reduce_area(image, SIZE)
    left = jax.jit(errors)(model, theta, small, landmarks)
    assert left["colour"].mean() <= 0.06
    person = np.concatenate([theta.identity, theta.reflectance], axis=-1)
    names = [file.stem for file in files]
    same = [names.index(name) for name in ("koch", "koch2")]
    apart = np.linalg.norm(person[same][:, None] - person, axis=-1)
    others = np.delete(apart, same, axis=1)
    assert apart[0, same[1]] < others.min()


def test_the_silhouette_is_a_linear_function_of_the_generators_features(monkeypatch):
    rng = np.random.default_rng(0)
    arrays = {"kernel": rng.normal(size=6), "bias": np.asarray(0.5)}
    monkeypatch.setattr(assets, "load", lambda name: assets.Asset(arrays, {}))
    known = rng.normal(size=(2, 64, 64, 6)).astype(np.float32)
    monkeypatch.setattr(mobile_stylegan, "features", lambda params, w_plus: known)
    found = shipped.silhouette()
    logits = found.apply(found.params, None, None)
    np.testing.assert_allclose(logits, known @ arrays["kernel"] + 0.5, atol=1e-4)
    monkeypatch.setattr(assets, "load", lambda name: assets.Asset({}, {}))
    with pytest.raises(PieError, match="is no silhouette"):
        shipped.silhouette()


def test_the_curvature_is_that_of_the_default_generator():
    arrays = assets.parameters("curvature")
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
def test_the_curvature_lowers_the_energy_of_photographs_faster_than_adam():
    photo = portraits.load_portrait(builders.portrait("conrad.jpg"))
    energies = {}
    for name in ("curvature", "principal"):
        values = config.load("fast", [])
        for stage in values.stages:
            stage.num_steps = min(20, stage.num_steps)
        if name == "principal":  # the last one
            stage.optimizer, stage.schedule = "adam", "plateau"
            stage.step_size, stage.coordinates = 0.25, name
        assembled, params = runtime.start(values)
        portrait = batch.to_frame(photo, assembled.generator.resolution)
        portrait = jax.tree.map(lambda x: x[None], portrait)
        energy, stages = assembled.energy, assembled.stages
        w_plus = assembled.start(params, portrait.image)
        references = embedding_solver(energy, stages[0]).prepare(params, portrait)
        *_, last = schedule.advance(
            energy,
            stages,
            params,
            references,
            schedule.begin(energy, stages, w_plus),
            report_every=10,
        )
        energies[name] = schedule.standing(stages, last)["total"][0]
    assert energies["curvature"] < 0.8 * energies["principal"]
