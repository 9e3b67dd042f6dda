import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.core import theta
from pie_jax.core.params import Params
from pie_jax.energy import recognition_edited
from pie_jax.energy.term import Candidate, EditedCandidate, Networks, Person, Target
from pie_jax.face import crops
from pie_jax.face.render import render_vertices
from tests import builders

MODEL = builders.toy_morphable()
SIZE = 64
MATRIX = np.asarray([[0.25, 0.02, 10], [-0.02, 0.25, 12]], np.float32)


def as_descriptor(params, chip):
    return params * chip.reshape(1, -1)


@pytest.fixture(scope="module")
def term():
    networks = Networks(perceptual=None, recognition=as_descriptor)
    return recognition_edited.term(networks)


def ramp():
    """Colours that are linear in the position, in pixels."""
    y, x = np.mgrid[:SIZE, :SIZE].astype(np.float32)
    return jnp.asarray(np.stack([x, y, x - y], axis=-1))


def face(x=0.0, yaw=0.0):
    translation, rotation = jnp.array([x, 0, 0]), jnp.array([0, yaw, 0.0])
    return theta.neutral().replace(translation=translation, rotation=rotation)


@functools.partial(jax.jit, static_argnums=0)
def value(term, before, after, jitter):
    params = Params(recognition=1.0, face_model=MODEL)
    reference = term.prepare(params, Target(ramp(), jnp.asarray(MATRIX)))
    edited = EditedCandidate(None, ramp(), after)
    person = Person(None, None, None, None, jitter)
    candidate = Candidate(None, ramp(), before, person, edited)
    return term.value(params, reference, candidate)


@pytest.mark.parametrize(
    ("after", "jitter"), [(face(x=0.2), 0), (face(x=-0.1, yaw=0.4), 5)]
)
def test_the_chip_goes_where_the_face_goes_by_either_jitter(term, after, jitter):
    before, there = (
        render_vertices(MODEL, x, SIZE).landmarks - 0.5 for x in (face(), after)
    )
    moved = crops.follow(jnp.asarray(MATRIX), before, there)
    row, column = np.mgrid[:150, :150]
    chip = np.stack([column, row, np.ones_like(row)]).reshape(3, -1)
    shown = crops.JITTERS[jitter] @ chip
    x, y = (np.asarray(moved) - MATRIX) @ np.stack([*shown, np.ones_like(shown[0])])
    expected = np.sum(np.stack([x, y, x - y]) ** 2)
    assert expected > 1e4
    np.testing.assert_allclose(value(term, face(), after, jitter), expected, rtol=1e-3)
    np.testing.assert_allclose(
        value(term, after, after, jitter), 0, atol=1e-3
    )  # it stayed
