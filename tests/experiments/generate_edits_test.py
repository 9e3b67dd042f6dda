from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np

from experiments import generate_edits, generate_samples, samples
from experiments.rig_data import Data
from experiments.sample_faces import SampleFaces
from pie_jax.core import theta as parameters
from pie_jax.core.interfaces import Generator, Rig
from pie_jax.core.params import Params
from pie_jax.stack.assembly import Stack
from tests.experiments.samples_test import shard

NUM_WS, SIZE = 3, 16


def synthesis(params, w_plus):
    corner = jnp.tanh(w_plus.sum(axis=1)[:, :3])
    return jnp.broadcast_to(corner[:, None, None], (len(w_plus), SIZE, SIZE, 3))


def some_data(count):
    theta = np.random.default_rng(0).normal(size=(count, 257)).astype(np.float32)
    seen = SampleFaces(theta, np.zeros((count, 4)))
    return Data(shard(0, count=count), seen, {}, NUM_WS)


def toy_rig(component):
    """Adds what changes of the component's first number."""

    def edit(params, w_plus, own, target):
        change = getattr(target, component) - getattr(own, component)
        return w_plus.at[:, 0].add(params * change[:, :1])

    return Rig(edit, component)


def test_each_edit_is_of_its_sample_heads_turn_and_some_keep_their_expression(tmp_path):
    generator = Generator(None, synthesis, NUM_WS, SIZE)
    rigs = {name: toy_rig(name) for name in parameters.COMPONENTS}
    editor = SimpleNamespace(rigs=rigs)
    params = Params(generator=(), rigs=dict.fromkeys(rigs, jnp.asarray(0.1)))
    setup = Stack(params, SimpleNamespace(generator=generator, editor=editor))
    data, points = some_data(5), np.full((68, 2), 0.5)
    draw = generate_edits.drawing(setup, data)
    generate_samples.generate(
        "toy", draw, setup.params, 4, tmp_path, 2, lambda image_u8: points
    )
    edits, _ = samples.load(tmp_path, "toy", SIZE, held_out=0)
    assert edits.seed.tolist() == [0, 1, 2, 3]
    before = samples.w_plus(data.samples.take(slice(4)), NUM_WS)
    after = samples.w_plus(edits, NUM_WS)
    np.testing.assert_array_equal(after[:, 1:], before[:, 1:])
    assert np.all(np.abs(after - before)[:, 0].max(axis=-1) > 0)
    shown = 127.5 * (1 + np.tanh(after.sum(axis=1)[:, :3]))
    np.testing.assert_allclose(edits.image_u8[:, 0, 0], shown, atol=0.51)

    data = some_data(50)
    own = parameters.from_vector(jnp.asarray(data.faces.theta[:1]))
    targets = [generate_edits._target(data, own, seed) for seed in range(50)]
    pitch, yaw, roll = np.degrees([x.rotation[0] for x in targets]).T
    assert np.abs(pitch).max() <= 20 and 35 < np.abs(yaw).max() <= 45
    np.testing.assert_allclose(roll, roll[0])
    kept = [bool(jnp.all(x.expression == own.expression)) for x in targets]
    assert 10 < sum(kept) < 40
    for target in targets:
        np.testing.assert_array_equal(target.identity, own.identity)
