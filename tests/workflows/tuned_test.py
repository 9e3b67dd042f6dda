"""A generator that is tuned to a portrait: every command shows it."""

import json
from functools import partial

import chex
import jax.numpy as jnp
import numpy as np
import pytest

import pie_jax
from pie_jax.embedding import sampling, schedule
from pie_jax.io import codes, images
from pie_jax.io.checkpoints import Checkpoints
from pie_jax.networks import tuning
from tests import builders

CONFIG = """
from pie_jax.configs import common, testing

def get_config():
    config = testing.get_config()
    config.stages = (*config.stages[:1], common.generator_stage(20))
    config.stages[1].step_size = 0.1  # so that a few steps show
    return config
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    file = tmp_path_factory.mktemp("config") / "tuning.py"
    file.write_text(CONFIG)
    return file


def embed(config, *words):
    return builders.pie("embed", *words, "--config", config, "--aligned")


@pytest.fixture
def folder(config, installed, tmp_path):
    photo = builders.square_photo(tmp_path / "anna.png")
    assert embed(config, photo, "--out", tmp_path / "out") == 0
    return tmp_path / "out" / "anna"


@pytest.mark.usefixtures("installed")
def test_all_commands_show_the_portrait_s_own_generator(folder, tmp_path, caplog):
    code, _ = codes.load(folder)
    assert {*code} == {"w_plus", "change"}
    change = code["change"]
    assert {x.dtype for x in change.values()} == {np.dtype(np.float16)}
    assert all(x.any() for x in change.values())
    steps = json.loads((folder / "metrics.json").read_text())["iterations"]
    assert steps == 26

    shown = images.read(folder / "projection.png")
    again = tmp_path / "again.png"
    assert builders.pie("synthesize", folder, "--out", again) == 0
    np.testing.assert_array_equal(images.read(again), shown)

    assert builders.pie("export", folder, "--out", tmp_path / "code.npy") == 0
    assert "tuned to this portrait" in caplog.text
    np.testing.assert_array_equal(np.load(tmp_path / "code.npy")[0], code["w_plus"])
    plain = tmp_path / "plain.png"
    words = ("--config", "testing", "--space", "w_plus")
    assert (
        builders.pie("synthesize", tmp_path / "code.npy", "--out", plain, *words) == 0
    )
    assert (images.read(plain) != shown).mean() > 0.1

    # An edit that changes nothing shows it, too.
    words = ("--config", "testing", "--yaw", "+=0", "--background", "edited")
    assert builders.pie("edit", folder, *words, "--out", tmp_path / "edit") == 0
    edited = images.read(tmp_path / "edit" / "edited.png")
    assert np.abs(edited.astype(int) - shown).max() <= 1


@pytest.mark.usefixtures("no_weights")
def test_the_api_embeds_keeps_and_shows_each_portrait_s_own_generator(config, tmp_path):
    stack = pie_jax.load(str(config))
    seeds = [builders.square_photo(tmp_path / f"{i}.png", i) for i in range(2)]
    found = pie_jax.embed(stack, np.stack([images.read(x) for x in seeds]))
    assert {len(x) for x in found.change.values()} == {2}
    first, second = (x.astype(np.float32) for x in next(iter(found.change.values())))
    assert np.abs(first - second).max() > 0

    pie_jax.save(tmp_path / "kept", stack, found.w_plus, found.change)
    kept = pie_jax.restore(tmp_path / "kept", stack)
    np.testing.assert_array_equal(kept.w_plus, found.w_plus)
    for i in range(2):
        own = pie_jax.tuned(stack, kept.of(i))
        shown = pie_jax.synthesize(own, kept.w_plus[i : i + 1])[0]
        np.testing.assert_allclose(shown, found.image[i], atol=1e-6)


@pytest.mark.usefixtures("no_weights")
def test_a_run_that_was_stopped_while_it_tuned_goes_on_there(config, tmp_path):
    stack = pie_jax.load(str(config))
    photo = images.read(builders.square_photo(tmp_path / "anna.png"))
    functions, params = stack.functions, stack.params
    energy, stages = functions.energy, functions.stages
    prepared = pie_jax.prepare(stack, photo[None])
    w_plus = jnp.zeros((1, functions.generator.num_ws, 512))
    keys = sampling.keys(0, prepared["pixel"], shared=True)
    run = partial(schedule.advance, energy, stages, params, prepared, report_every=2)
    begun = schedule.begin(energy, stages, w_plus, keys, params)
    every = list(run(begun))
    stopped = next(x for x in every if x.stage == 1)
    with Checkpoints(tmp_path / "kept") as checkpoints:
        checkpoints.save(stopped.steps, stopped, schedule.resume_record(stopped))
        found, _ = checkpoints.latest(
            lambda record: schedule.resume_template(
                energy, stages, w_plus, record, params
            )
        )
        *_, last = run(found)
        checkpoints.delete()
    chex.assert_trees_all_equal(last.state, every[-1].state)


def test_the_tuning_brings_the_picture_nearer(folder, config):
    stack = pie_jax.load(str(config))
    kept = pie_jax.restore(folder, stack)
    assert tuning.part(stack.params.generator).keys() == kept.change.keys()
    photo = images.from_u8(images.read(folder / "projection.png"))
    aligned = images.from_u8(images.read(folder / "aligned.png"))
    size = len(photo)
    goal = aligned.reshape(size, len(aligned) // size, size, -1, 3).mean(axis=(1, 3))
    before = pie_jax.synthesize(stack, kept.w_plus)[0]
    errors = [np.mean((x - goal) ** 2) for x in (photo, before)]
    assert errors[0] < 0.95 * errors[1]
