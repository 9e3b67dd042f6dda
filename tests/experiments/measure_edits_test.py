from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

from experiments import measure_edits
from experiments.measure_edits import Bench
from experiments.rig_data import Data
from experiments.sample_faces import SampleFaces
from pie_jax.core import theta as parameters
from pie_jax.core.interfaces import Generator, Rig
from pie_jax.core.params import Params
from pie_jax.editing import turns
from pie_jax.editing.edit import Editor
from pie_jax.energy.term import Networks
from pie_jax.stack.assembly import Stack
from pie_jax.stack.programs import Programs
from pie_jax.workflows import shoot as shooting
from tests import builders
from tests.experiments.samples_test import shard
from tests.training.reconstruction_test import random_theta

SIZE, PIXELS = 257, 32


def synthesis(params, w_plus):
    """Theta in whole levels, and what these leave of it a hundred times as large: so
    pictures of whole levels have it exactly enough."""
    image = jnp.zeros((len(w_plus), PIXELS * PIXELS * 3))
    theta = w_plus[:, 0, :SIZE]
    levels = jnp.rint((theta + 1) * 127.5) / 127.5 - 1
    image = image.at[:, :SIZE].set(levels)
    image = image.at[:, SIZE : 2 * SIZE].set(100 * (theta - levels))
    return image.reshape(-1, PIXELS, PIXELS, 3)


def estimate(params, image):
    flat = image.reshape(len(image), -1)
    return parameters.from_vector(flat[:, :SIZE] + flat[:, SIZE : 2 * SIZE] / 100)


def compare(params, own, before, theta, after):
    """Sees nothing besides."""
    return theta


OTHERS = jnp.asarray([turns.SHARE, turns.SHARE, 1])


def sight(params, image):
    """Sees more of a turn than others, as MoFA."""
    seen = estimate(None, image)
    return seen.replace(rotation=seen.rotation / OTHERS)


def recognition(params, chips):
    return chips.mean(axis=(1, 2))


def rig(component, strength):
    """Sets its component, or a share of what is missing."""

    def edit(params, w_plus, own, target):
        seen = sight(None, synthesis(None, w_plus))
        now, aim = getattr(seen, component), getattr(target, component)
        new = seen.replace(**{component: now + strength * (aim - now)})
        new = new.replace(rotation=new.rotation * OTHERS)
        return w_plus.at[:, 0, :SIZE].set(parameters.to_vector(new))

    return Rig(edit, component)


@pytest.fixture(autouse=True)
def as_they_are(monkeypatch):
    """Pictures of this world are numbers, and have no colours."""
    monkeypatch.setattr(
        shooting, "_recoloured", lambda editable, target, edited: edited
    )


def bench(strength):
    """The face is found in the same place everywhere, and always in the same pose."""
    generator = Generator(None, synthesis, 2, PIXELS)
    model = builders.toy_morphable()
    rigs = {c: rig(c, strength) for c in parameters.COMPONENTS}
    theta = parameters.to_vector(random_theta(4, seed=3))
    others = Data(shard(0), SampleFaces(np.asarray(theta), np.zeros((4, 3))), {}, 2)
    params = Params(rigs=dict.fromkeys(rigs), face_model=model)
    functions = SimpleNamespace(
        generator=generator,
        networks=Networks(None, recognition),
        editor=Editor(synthesis, sight, compare, rigs),
        programs=Programs({}, keep=False),
    )
    points = np.random.default_rng(0).uniform(0.3, 0.7, (68, 2))
    return Bench(
        Stack(params, functions),
        others,
        estimate,
        find=lambda image_u8: points,
        solve=lambda model, landmarks, heads: np.float32([[0.0, 0.1, 0.0]]),
    )


def measured(strength):
    face = random_theta(1, seed=1).replace(rotation=jnp.zeros((1, 3)))
    theta = parameters.to_vector(face)
    w_plus = jnp.zeros((1, 2, 512)).at[:, 0, :SIZE].set(theta)
    return measure_edits.measure(bench(strength), [measure_edits.Subject(w_plus)], 3, 2)


def test_perfect_edits_have_no_errors_feedback_helps_and_slopes_are_of_small_angles():
    found = measured(1.0)
    for name in ("angle", "angle_seen", "expression", "light", "pose_leak"):
        np.testing.assert_allclose(found[name], 0, atol=2e-3)
    assert len(found["angle"]) == 3 and len(found["light"]) == 2
    assert min(found["expression_asked"]) > 1e-3 and min(found["light_asked"]) > 0.1
    assert found["faces"] == [1.0] * 3
    for asked, seen, solved, *_ in found["turned"]:
        assert asked == pytest.approx(seen, abs=0.1)
        assert solved == pytest.approx(np.rad2deg(0.1), rel=1e-3)
    found = measured(0.6)
    assert np.mean(found["angle"]) > 0.05
    for name in ("angle", "light"):
        assert np.mean(found[f"{name}_feedback2"]) < 0.5 * np.mean(found[name])

    slopes = np.array([0.9, 0.8, 1.1, 0.95])
    turned = [[yaw, *(yaw * slopes)] for yaw in (-20, 0, 20)] + [[30, 0, 20, 0, 0]]
    found = measure_edits.summary({"turned": turned, "angle": [0.1, 0.3]})
    assert found["angle"] == pytest.approx(0.2)
    for judge, slope in zip(measure_edits.JUDGES, slopes, strict=True):
        assert found[f"turned_slope_{judge}"] == pytest.approx(slope)
    assert 0.9 < found["turned_correlation"] < 1
