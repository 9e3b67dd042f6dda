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
CODES = np.random.default_rng(1).normal(size=(len(UNITS), 64))
MODEL = morphable.from_arrays(
    builders.toy_arrays()
    | {"unit_names": morphable.encode_names(UNITS), "unit_codes": CODES}
)


@pytest.fixture(scope="module")
def data():
    drawn = shard(0, count=SAMPLES)
    drawn = drawn._replace(crossover=np.full(SAMPLES, 3, np.int32))
    theta = np.asarray(parameters.to_vector(builders.random_theta(SAMPLES, seed=1)))
    moments = {"mean": jnp.full(512, 0.1), "axes": 0.5 * jnp.eye(512)}
    return Data(drawn, SampleFaces(theta, np.zeros((SAMPLES, 4))), moments, 3)


def edits(data, component, num=BATCH):
    return rig_edits.chosen(data, MODEL, component, num, 0)


def test_heads_turn_evenly_all_the_way(data):
    turned, _ = edits(data, "rotation", 300)
    limits = np.radians(rig_edits.TURNED)
    assert (np.abs(turned.other.rotation) <= limits + 1e-6).all()
    assert (np.abs(turned.other.rotation).max(axis=0) > 0.9 * limits).all()
    assert (turned.strength == 1).all()


@pytest.mark.parametrize("component", ["expression", "illumination"])
def test_half_of_the_edits_is_asked_for_by_name_half_is_of_other_samples(
    data, component
):
    found, picked = edits(data, component)
    values = np.asarray(getattr(found.other, component))
    known = getattr(parameters.from_vector(jnp.asarray(data.faces.theta)), component)
    others = np.array([np.isclose(known, x).all(axis=1).any() for x in values])
    assert 0.3 * BATCH < others.sum() < 0.7 * BATCH
    assert (np.asarray(found.strength)[~others] == 1).all()
    assert 1.1 < np.asarray(found.strength).max() <= rig_edits.STRONGEST
    own = np.asarray(known)[picked]
    assert (np.abs(values - own)[~others].max(axis=1) > 1e-4).all()


def test_an_expression_by_name_leaves_the_other_units(data):
    found, picked = edits(data, "expression")
    theta = parameters.from_vector(jnp.asarray(data.faces.theta))
    change = found.other.expression - theta.expression[picked]
    # Within what units can say, however many numbers an expression has.
    inside = change @ MODEL.unit_amounts @ MODEL.unit_codes
    named = np.asarray(found.strength) == 1
    np.testing.assert_allclose(inside[named], change[named], atol=1e-3)


def test_lamps_stand_where_they_may(data):
    found, _ = edits(data, "illumination")
    named = np.asarray(found.strength) == 1
    azimuth, elevation = (
        np.degrees(x)[named] for x in light.direction(found.other.illumination)
    )
    for angle, (low, high) in zip(
        (azimuth, elevation), list(rig_edits.LAMPS.values())[:2], strict=True
    ):
        assert low - 1 <= angle.min() and angle.max() <= high + 1
    assert np.ptp(azimuth) > 90
