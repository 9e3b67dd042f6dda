import json
from argparse import Namespace
from types import SimpleNamespace

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from experiments import rig_start, train_rignet
from experiments.export import export, rounded
from experiments.rig_data import Data
from experiments.sample_faces import SampleFaces
from experiments.trainer import HISTORY, train
from pie_jax.core import theta as parameters
from pie_jax.core.errors import PieError
from pie_jax.core.interfaces import Generator
from pie_jax.core.params import Params
from pie_jax.energy.term import Networks
from pie_jax.networks import latents, rignet
from pie_jax.stack import converted
from pie_jax.stack.assembly import Stack
from tests import builders
from tests.energy.people_test import toy_landmarks
from tests.experiments import rig_edits_test
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
    neutral = parameters.to_vector(parameters.neutral())
    return parameters.from_vector(neutral + pixels @ params)


def recognition(params, chips):
    return chips.mean(axis=(1, 2)) @ params


@pytest.fixture(scope="module")
def setup():
    rng = np.random.default_rng(0)
    sizes = {"generator": (512, 12), "mofa": (12, 257), "recognition": (3, 4)}
    params = {
        k: jnp.asarray(0.1 * rng.normal(size=x), jnp.float32) for k, x in sizes.items()
    }
    generator = Generator(None, synthesis, NUM_WS, RESOLUTION)
    seen = {"landmark_net": jnp.asarray(0.05), "latents": MOMENTS}
    known = Params(**params, **seen, face_model=MODEL)
    functions = SimpleNamespace(
        generator=generator,
        preview=lambda params, w_plus: synthesis(params.generator, w_plus),
        networks=Networks(None, recognition, estimate=estimate),
        find_landmarks=toy_landmarks,
        silhouette=None,
    )
    return Stack(known, functions)


@pytest.fixture(scope="module")
def data(setup):
    drawn = shard(0, count=SAMPLES)
    drawn = drawn._replace(crossover=np.full(SAMPLES, NUM_WS, np.int32))
    w_plus = jnp.asarray(drawn.w[:, :1].repeat(NUM_WS, axis=1))
    image = synthesis(setup.params.generator, w_plus)
    theta = parameters.to_vector(estimate(setup.params.mofa, image))
    descriptor = recognition(setup.params.recognition, image)
    seen = SampleFaces(np.asarray(theta), np.asarray(descriptor))
    return Data(drawn, seen, MOMENTS, NUM_WS)


def begin(setup, data, steps=4):
    module = train_rignet.width_for(COMPONENT, steps)
    spread, network = train_rignet.linear_rig(MODEL, [data], COMPONENT, module)
    args = Namespace(component=COMPONENT, steps=steps, batch=2)
    return spread, train_rignet.rig_task(setup, data, data, spread, network, args)


@pytest.fixture(scope="module")
def task(setup, data):
    return begin(setup, data)[1]


def test_codes_are_in_deviations_and_batches_of_their_step(data, task):
    code = data.codes(slice(2))
    expected = latents.whiten(MOMENTS, jnp.asarray(data.samples.w[:2, :1]))
    np.testing.assert_allclose(code, expected.repeat(NUM_WS, axis=1), rtol=1e-5)
    stream = task.batches(0)
    next(stream)
    chex.assert_trees_all_equal(next(stream), next(task.batches(1)))


def test_a_short_training_reports_and_draws(task, tmp_path):
    start = task.evaluate(rounded(task.params))
    assert start["geometry"] < 0.8 * start["geometry_asked"]  # the linear rig
    params, reported = train(task, tmp_path, 4, 2)
    history = json.loads((tmp_path / HISTORY).read_text())
    assert [row["step"] for row in history] == [2, 4]
    names = "geometry geometry_asked colour colour_asked angle person"
    names += " landmarks_left landmarks_asked"
    assert reported.keys() == set(names.split())
    assert reported == task.evaluate(rounded(params))
    with Image.open(tmp_path / "preview-000004.png") as picture:
        assert picture.size == (8 * 256, 2 * 256)


@pytest.mark.parametrize(
    ("steps", "widths"), [(0, (3, 1)), (4, (rignet.FEATURES, rignet.HIDDEN))]
)
def test_what_is_written_edits_codes_as_what_was_trained(setup, data, steps, widths):
    spread, begun = begin(setup, data, steps)
    code = jnp.asarray(data.codes(slice(2)))
    w_plus = MOMENTS["mean"] + code @ MOMENTS["axes"].T
    theta = parameters.neutral((2,)).replace(rotation=jnp.full((2, 3), 0.1))
    params = {"network": rignet.unwhitened(begun.params, MOMENTS), **spread}
    assert rignet.widths(params) == widths
    own = parameters.neutral((2,))
    found = rignet.rig(COMPONENT, *widths).edit(params, w_plus, own, theta) - w_plus
    there, here = (
        rignet.RigNet(*widths).apply(
            {"params": begun.params}, code, rignet.standardized(spread, x.rotation)
        )
        for x in (theta, own)
    )
    expected = (there - here) @ MOMENTS["axes"].T
    chex.assert_trees_all_close(found, expected, atol=1e-3 * jnp.abs(expected).max())
    assert jnp.abs(expected).max() > 1e-3
    assert jax.tree.all(jax.tree.map(lambda x: x.dtype == np.float32, spread))


def test_expressions_by_name_are_few_deviations_and_the_linear_rig_is_the_same(data):
    model = rig_edits_test.MODEL
    known = np.array(data.faces.theta)
    place = rig_start.slices()["expression"]
    known[:, place] *= np.geomspace(1, 1e-3, 64)  # as MoFA's last ones hardly vary
    rare = data._replace(faces=SampleFaces(known, data.faces.descriptor))
    found, own = [], parameters.neutral((1,))
    smile = model.unit_codes[:1]
    for steps in (0, 4):
        module = train_rignet.width_for("expression", steps)
        spread, network = train_rignet.linear_rig(model, [rare], "expression", module)
        widths = rignet.widths({"network": network})
        rig = rignet.rig("expression", *widths)
        code = jnp.asarray(data.codes(slice(1)))
        target = own.replace(expression=smile)
        found.append(rig.edit({"network": network, **spread}, code, own, target) - code)
        largest = np.abs(np.asarray(smile) / spread["deviation"]).max()
        assert largest < 3
    assert jnp.abs(found[0]).max() > 1e-3
    chex.assert_trees_all_close(*found, rtol=1e-3, atol=1e-3 * jnp.abs(found[0]).max())
    assert (spread["low"] <= np.asarray(smile)[0]).all()
    assert (spread["high"] >= np.asarray(smile)[0]).all()


def test_a_training_goes_on_from_what_an_earlier_one_wrote(setup, data, tmp_path):
    file = tmp_path / "rig.safetensors"
    for steps in (4, 0):
        spread, begun = begin(setup, data, steps)
        params = {"network": rignet.unwhitened(begun.params, MOMENTS), **spread}
        export(file, params, {converted.KIND: "rig"})
        if not steps:
            with pytest.raises(PieError, match="linear"):
                train_rignet.earlier_rig([file], "rig", MOMENTS)
            continue
        found = train_rignet.earlier_rig([file], "rig", MOMENTS)
        largest = max(jnp.abs(x).max() for x in jax.tree.leaves(begun.params))
        chex.assert_trees_all_close(found[1], begun.params, atol=2e-3 * largest)
        chex.assert_trees_all_close(found[0], spread, rtol=1e-3)
        scaled = train_rignet.earlier_rig([file], "rig", MOMENTS, 1.5)
        rig = rignet.rig(COMPONENT, *rignet.widths(params))
        code = jnp.asarray(data.codes(slice(1)))
        own, target = (builders.random_theta(1, seed=x) for x in (0, 1))
        once, more = (
            rig.edit({"network": network, **kept}, code, own, target) - code
            for kept, network in (found, scaled)
        )
        assert jnp.abs(once).max() > 1e-3
        chex.assert_trees_all_close(more, 1.5 * once, atol=1e-3 * jnp.abs(once).max())
        with pytest.raises(PieError, match="of the kind another"):
            train_rignet.earlier_rig([file], "another", MOMENTS)
        other = tmp_path / "other.safetensors"
        tripled = jax.tree.map(lambda x: 3 * x, params)
        export(other, tripled, {converted.KIND: "rig"})
        mean = train_rignet.earlier_rig([file, other], "rig", MOMENTS)
        doubled = jax.tree.map(lambda x: 2 * x, found)
        chex.assert_trees_all_close(mean, doubled, rtol=1e-3, atol=2e-3 * largest)
        narrow = params | {k: x[:2] for k, x in spread.items()}
        export(other, narrow, {converted.KIND: "rig"})
        with pytest.raises(PieError, match="another size"):
            train_rignet.earlier_rig([file, other], "rig", MOMENTS)
