import jax.numpy as jnp
import numpy as np
import pytest

from experiments import rig_edits
from experiments.rig_data import Data
from experiments.sample_faces import SampleFaces
from pie_jax.core import theta as parameters
from pie_jax.face import morphable
from pie_jax.graphics import light
from tests import builders
from tests.experiments.samples_test import shard

SAMPLES, BATCH = 60, 40
UNITS = ("mouthSmileLeft", "mouthSmileRight", "jawOpen")
ARRAYS = builders.named_arrays(*UNITS)
CODES, MODEL = ARRAYS["unit_codes"], morphable.from_arrays(ARRAYS)


@pytest.fixture(scope="module")
def data():
    drawn = shard(0, count=SAMPLES)
    drawn = drawn._replace(crossover=np.full(SAMPLES, 3, np.int32))
    theta = np.asarray(parameters.to_vector(builders.random_theta(SAMPLES, seed=1)))
    moments = {"mean": jnp.full(512, 0.1), "axes": 0.5 * jnp.eye(512)}
    return Data(drawn, SampleFaces(theta, np.zeros((SAMPLES, 4))), moments, 3)


def edits(data, component, num=BATCH):
    """The change of each edit, and the component before it."""
    found, picked = rig_edits.chosen(data, MODEL, component, num, 0, 0)
    return np.asarray(found.change), known(data, component)[picked]


def known(data, component):
    theta = parameters.from_vector(jnp.asarray(data.faces.theta))
    return np.asarray(getattr(theta, component))


def by_name(data, component):
    """Which of the edits lead to no other sample, nor a part of the way."""
    change, own = edits(data, component)
    others = known(data, component)[None] - own[:, None]
    along = np.einsum("bn,bsn->bs", change, others)
    lengths = np.linalg.norm(change, axis=1)[:, None] * np.linalg.norm(others, axis=2)
    return (along / np.maximum(lengths, 1e-9)).max(axis=1) < 0.9999


def test_heads_turn_evenly_all_the_way(data):
    change, own = edits(data, "rotation", 300)
    limits = np.radians(rig_edits.TURNED)
    there = np.abs(own + change)
    assert (there <= limits + 1e-6).all()
    assert (there.max(axis=0) > 0.9 * limits).all()


@pytest.mark.parametrize("component", ["expression", "illumination"])
def test_half_of_the_edits_is_asked_for_by_name_half_is_of_other_samples(
    data, component
):
    named = by_name(data, component)
    assert 0.3 * BATCH < named.sum() < 0.7 * BATCH
    change, _ = edits(data, component)
    assert (np.abs(change)[named].max(axis=1) > 1e-4).all()


def test_an_expression_by_name_leaves_the_other_units(data):
    change, _ = edits(data, "expression")
    named = by_name(data, "expression")
    # Within what units can say, however many numbers an expression has.
    inside = change @ MODEL.unit_amounts @ MODEL.unit_codes
    np.testing.assert_allclose(inside[named], change[named], atol=1e-3)


def test_lamps_stand_where_they_may(data):
    change, own = edits(data, "illumination")
    lit = jnp.asarray(own + change)[by_name(data, "illumination")]
    azimuth, elevation = map(np.degrees, light.direction(lit))
    for angle, (low, high) in zip(
        (azimuth, elevation), list(rig_edits.LAMPS.values())[:2], strict=True
    ):
        assert low - 1 <= angle.min() and angle.max() <= high + 1
    assert np.ptp(azimuth) > 90


def test_trainings_of_other_seeds_see_other_edits(data):
    streams = (
        rig_edits.following(data, MODEL, "rotation", 2, seed, 0) for seed in (0, 0, 1)
    )
    one, same, other = (np.asarray(next(stream).change) for stream in streams)
    np.testing.assert_array_equal(one, same)
    assert not np.allclose(one, other)
