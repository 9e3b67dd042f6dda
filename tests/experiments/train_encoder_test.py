import json

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from experiments import train_encoder
from pie_jax.core.images import from_255
from pie_jax.core.interfaces import Generator
from pie_jax.networks.encoder import KNOTS, SIZE, Encoder
from tests import builders
from tests.experiments.samples_test import shard

NUM_WS = 5
FACTORS = 3
RNG = np.random.default_rng(0)
MOMENTS = {
    "mean": jnp.asarray(RNG.normal(size=512), jnp.float32),
    "axes": builders.orthogonal(512, RNG) * np.float32(np.geomspace(1, 0.2, 512)),
}
LENGTH = np.linalg.norm(MOMENTS["axes"], axis=0)


@pytest.fixture(scope="module")
def world():
    """Pictures that are linear in few numbers, and so are their codes."""
    rng = np.random.default_rng(1)
    numbers = np.float32(rng.uniform(-1, 1, (120, FACTORS)))
    looks = rng.uniform(-1, 1, (FACTORS, SIZE, SIZE, 3)) / FACTORS
    image = np.einsum("sf,fhwc->shwc", numbers, looks)
    codes = np.float32(numbers @ rng.normal(size=(FACTORS, 512)))
    w = np.asarray(MOMENTS["mean"] + codes @ MOMENTS["axes"].T)
    return codes, shard(0, count=120)._replace(
        image_u8=np.uint8(np.rint(127.5 * (1 + image))),
        w=w[:, None].repeat(2, axis=1),
    )


def estimates(trained_on, rank, image_u8):
    """Codes by an encoder of this rank, and its parameters."""
    params = train_encoder.fit(trained_on, MOMENTS, NUM_WS, rank, 1e-3)
    image = from_255(jnp.asarray(image_u8))
    return np.asarray(Encoder(NUM_WS, rank).apply({"params": params}, image)), params


def test_codes_are_estimated_for_new_pictures_and_what_exceeds_the_rank_left_out(world):
    codes, samples = world
    found, _ = estimates(samples.take(slice(100)), FACTORS, samples.image_u8[100:])
    truth = np.broadcast_to(codes[100:, None], found.shape)
    assert np.mean((found - truth) ** 2) < 1e-3 * np.mean(truth**2)

    found, params = estimates(samples, 1, samples.image_u8)
    assert params["reduce"]["kernel"].shape == (3 * SIZE**2, 1)
    assert params["knots"]["kernel"].shape == (1, KNOTS * 512)
    found = found[:, 0]
    assert 0.1 < np.mean((found - codes) ** 2) / np.var(codes) < 0.9  # one of three
    # The regression's first direction, as a decomposition of all it says has it.
    full = estimates(samples, FACTORS, samples.image_u8)[0][:, 0]
    weighted = (full - full.mean(axis=0)) * LENGTH
    u, s, v = np.linalg.svd(weighted, full_matrices=False)
    best = s[0] * np.outer(u[:, 0], v[0]) / LENGTH
    np.testing.assert_allclose(found - found.mean(axis=0), best, atol=0.02)


def test_figures_and_pictures_are_of_what_the_generator_makes(tmp_path):
    def synthesis(params, w_plus):
        grey = params * w_plus.mean(axis=(1, 2))[:, None, None, None]
        return jnp.broadcast_to(grey, (len(w_plus), 2 * SIZE, 2 * SIZE, 3))

    network = builders.module_params(Encoder(NUM_WS, 2), (1, SIZE, SIZE, 3))
    generator = Generator(None, synthesis, NUM_WS, 2 * SIZE)
    black = {"mean": jnp.full(512, -1.0), "axes": jnp.zeros((512, 512))}
    project = train_encoder.projection(generator, 1.0, black, network)
    pictures = np.full((3, SIZE, SIZE, 3), 51, np.uint8)
    np.testing.assert_array_equal(project(pictures), 0 * pictures)
    figures = train_encoder.report(project, {"grey": pictures}, tmp_path)
    assert figures["grey"] == pytest.approx(20 * np.log10(5))  # 255 / 51
    assert json.loads((tmp_path / "figures.json").read_text()) == figures
    with Image.open(tmp_path / "grey.png") as picture:
        assert picture.size == (3 * SIZE, 2 * SIZE)
