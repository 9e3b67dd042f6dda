"""A rig's training for a toy generator: a start, a run, its figures, its file's use."""

import json
from argparse import Namespace

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from experiments import train_rignet
from experiments.export import rounded
from experiments.rig_data import Data, Setup
from experiments.sample_faces import SampleFaces
from experiments.trainer import HISTORY, train
from pie_jax.core import theta as parameters
from pie_jax.core.interfaces import Generator
from pie_jax.networks import latents, rignet
from tests import builders
from tests.experiments.samples_test import shard

NUM_WS, RESOLUTION, SAMPLES = 3, 32, 60
MOMENTS = {"mean": jnp.full(512, 0.1), "axes": 0.5 * jnp.eye(512)}
MODEL = builders.toy_morphable()
COMPONENT = "rotation"


def synthesis(params, w_plus):
    """Two by two pixels, enlarged."""
    corners = jnp.tanh(w_plus.mean(axis=1) @ params).reshape(-1, 2, 2, 3)
    half = RESOLUTION // 2
    return corners.repeat(half, axis=1).repeat(half, axis=2)


def estimate(params, image):
    """All of theta from the four pixels."""
    pixels = image[:, :: RESOLUTION // 2, :: RESOLUTION // 2].reshape(-1, 12)
    return parameters.from_vector(
        parameters.to_vector(parameters.neutral()) + pixels @ params
    )


def recognition(params, chips):
    return chips.mean(axis=(1, 2)) @ params


@pytest.fixture(scope="module")
def setup():
    rng = np.random.default_rng(0)

    def draw(*shape, scale):
        return jnp.asarray(scale * rng.normal(size=shape), jnp.float32)

    params = {
        "generator": draw(512, 12, scale=0.1),
        "mofa": draw(12, 257, scale=0.1),
        "recognition": draw(3, 4, scale=0.3),
        "latents": MOMENTS,
    }
    generator = Generator(None, synthesis, NUM_WS, RESOLUTION)
    return Setup(generator, estimate, recognition, params, MODEL)


@pytest.fixture(scope="module")
def data(setup):
    drawn = shard(0, count=SAMPLES)
    drawn = drawn._replace(crossover=np.full(SAMPLES, NUM_WS, np.int32))
    w_plus = jnp.asarray(drawn.w[:, :1].repeat(NUM_WS, axis=1))
    image = synthesis(setup.params["generator"], w_plus)
    theta = parameters.to_vector(estimate(setup.params["mofa"], image))
    descriptor = recognition(setup.params["recognition"], image)
    seen = SampleFaces(np.asarray(theta), np.asarray(descriptor))
    return Data(drawn, seen, MOMENTS, NUM_WS)


def task(setup, data, steps=4):
    module = train_rignet.width_for(COMPONENT, steps)
    spread, network = train_rignet.linear_rig(MODEL, [data], COMPONENT, module)
    args = Namespace(component=COMPONENT, steps=steps, batch=2)
    return spread, train_rignet.rig_task(setup, data, data, spread, network, args)


def test_codes_are_in_standard_deviations(data):
    code = data.codes(slice(2))
    expected = latents.whiten(MOMENTS, jnp.asarray(data.samples.w[:2, 0]))
    for row in range(NUM_WS):
        np.testing.assert_allclose(code[:, row], expected, rtol=1e-5)


def test_the_linear_start_turns_heads_most_of_the_way(setup, data):
    _, begun = task(setup, data)
    figures = begun.evaluate(rounded(begun.params))
    assert figures["geometry"] < 0.7 * figures["geometry_asked"]


def test_a_short_training_reports_and_draws(setup, data, tmp_path):
    _, begun = task(setup, data)
    params, reported = train(begun, tmp_path, 4, 2)
    history = json.loads((tmp_path / HISTORY).read_text())
    assert [row["step"] for row in history] == [2, 4]
    assert reported.keys() == {
        "geometry", "geometry_asked", "colour", "colour_asked", "angle", "person"
    }  # fmt: skip
    assert reported == begun.evaluate(rounded(params))
    with Image.open(tmp_path / "preview-000004.png") as picture:
        assert picture.size == (8 * 256, 2 * 256)


def test_batches_depend_on_their_step_alone(setup, data):
    _, begun = task(setup, data)
    stream = begun.batches(0)
    next(stream)
    chex.assert_trees_all_equal(next(stream), next(begun.batches(1)))


def test_heads_are_turned_evenly_and_other_components_towards_samples(data):
    turned = next(
        train_rignet.following(data, "rotation", RESOLUTION, 300, 0.0, 0)
    ).other.rotation
    limits = np.radians(train_rignet.TURNED)
    assert (np.abs(turned) <= limits).all()
    assert (np.abs(turned).max(axis=0) > 0.9 * limits).all()
    lit = next(train_rignet.following(data, "illumination", RESOLUTION, 300, 0.0, 0))
    assert 1.2 < lit.strength.max() <= train_rignet.STRONGEST
    known = parameters.from_vector(jnp.asarray(data.faces.theta)).illumination
    assert set(np.asarray(lit.other.illumination[:, 0])) <= set(np.asarray(known[:, 0]))


@pytest.mark.parametrize("steps", [0, 4])
def test_what_is_written_edits_codes_as_what_was_trained(setup, data, steps):
    spread, begun = task(setup, data, steps)
    code = jnp.asarray(data.codes(slice(2)))
    w_plus = MOMENTS["mean"] + code @ MOMENTS["axes"].T
    theta = parameters.neutral((2,)).replace(rotation=jnp.full((2, 3), 0.1))
    network = rignet.unwhitened(begun.params, MOMENTS)
    params = {"network": network, **spread}
    widths = rignet.widths(params)
    assert widths == ((3, 1) if steps == 0 else (rignet.FEATURES, rignet.HIDDEN))
    found = rignet.rig(COMPONENT, *widths).edit(params, w_plus, theta) - w_plus
    target = rignet.standardized(spread, theta.rotation)
    offset = rignet.RigNet(*widths).apply({"params": begun.params}, code, target)
    expected = offset @ MOMENTS["axes"].T
    chex.assert_trees_all_close(found, expected, atol=1e-3 * jnp.abs(expected).max())
    assert jnp.abs(expected).max() > 1e-3
    assert jax.tree.all(jax.tree.map(lambda x: x.dtype == np.float32, spread))
