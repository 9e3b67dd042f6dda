"""The encoder's training for a toy generator: a run, its figures, its weights."""

import json
from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from experiments import code_sensitivity, train_encoder
from experiments.export import rounded
from experiments.train_encoder import Data, Setup
from experiments.trainer import HISTORY, train
from pie_jax.core.interfaces import Generator
from pie_jax.networks.encoder import SIZE, Encoder
from tests import builders
from tests.experiments.samples_test import shard

NUM_WS = 5
MOMENTS = {"mean": jnp.zeros(512), "axes": 0.5 * jnp.eye(512)}


def synthesis(params, w_plus):
    """Two by two pixels, enlarged."""
    corners = jnp.tanh(w_plus.mean(axis=1) @ params).reshape(-1, 2, 2, 3)
    return corners.repeat(SIZE // 2, axis=1).repeat(SIZE // 2, axis=2)


@pytest.fixture
def setup():
    params = jnp.asarray(np.random.default_rng(0).normal(size=(512, 12)), jnp.float32)
    generator = Generator(None, synthesis, NUM_WS, SIZE)
    codes = np.random.default_rng(1).normal(size=(3, NUM_WS, 512))
    axes = MOMENTS["axes"]
    measured = code_sensitivity.measure(
        generator, params, axes, np.float32(codes), num_probes=4
    )
    given = code_sensitivity.code_weights(axes, measured)
    module = Encoder(NUM_WS, 1 / 32)
    return Setup(module, generator, params, MOMENTS, given)


def test_an_error_of_one_deviation_in_all_rows_weighs_1(setup):
    assert setup.given.common.shape == (512,)
    assert setup.given.rows.shape == (NUM_WS, 512)
    np.testing.assert_allclose(setup.given.common.sum(), 1, rtol=1e-5)
    assert (setup.given.rows > 0).all()


def test_a_measurement_is_kept_for_its_generator_and_number_of_probes(tmp_path):
    file = tmp_path / "sensitivity.npz"
    assert code_sensitivity.saved(file, "toy", 4) is None
    rng = np.random.default_rng(0)
    measured = code_sensitivity.Measured(rng.random(512), rng.random((NUM_WS, 512)))
    code_sensitivity.save(file, measured, "toy", 4)
    chex.assert_trees_all_equal(code_sensitivity.saved(file, "toy", 4), measured)
    assert code_sensitivity.saved(file, "toy", 5) is None
    assert code_sensitivity.saved(file, "another", 4) is None


def test_a_short_training_reports_and_draws(setup, tmp_path):
    few = shard(0, count=4, size=SIZE)
    data = Data(few, few, few.image_u8[:1])
    task = train_encoder.encoder_task(setup, data, 4, 2)
    params, reported = train(task, tmp_path, 4, 2)
    history = json.loads((tmp_path / HISTORY).read_text())
    assert [row["step"] for row in history] == [2, 4]
    figures = {"unexplained", "held_out_psnr", "real_psnr"}
    assert history[1].keys() == {"step", "code", "offset", "gradient"} | figures
    assert reported == task.evaluate(rounded(params))
    assert reported.items() <= history[1].items()
    with Image.open(tmp_path / "preview-000004.png") as picture:
        assert picture.size == (8 * SIZE, 4 * SIZE)


def test_a_code_of_zero_is_the_mean_face(setup):
    batch = train_encoder.EncoderBatch(
        np.zeros((1, SIZE, SIZE, 3), np.uint8),
        np.zeros((1, 2, 512), np.float32),
        np.int32([2]),
    )
    blank = jnp.zeros((1, SIZE, SIZE, 3))
    params = builders.random_params(lambda key: setup.module.init(key, blank)["params"])
    estimated, mean_face = jax.jit(partial(train_encoder._errors, setup))(params, batch)
    assert mean_face[0] == 0 and estimated[0] > 0


def test_known_psnr():
    grey = train_encoder.psnr(np.full((2, 4, 4, 3), 102), np.full((2, 4, 4, 3), 127))
    assert grey == pytest.approx(20 * np.log10(255 / 25))
