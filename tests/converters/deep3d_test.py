"""The converter of Deep3DFaceRecon's network."""

from collections import OrderedDict

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pie_jax.converters import deep3d as converter

from pie_jax.core.errors import PieError
from pie_jax.io import weights
from pie_jax.networks import deep3d
from tests import deep3d_reference as reference
from tests import pickles

WIDTH = 1 / 16
WRITERS = {"ZIP": pickles.torch_zip, "legacy": pickles.torch_legacy}


@pytest.fixture(scope="module")
def state():
    return reference.state(WIDTH)


def checkpoint(state, **others):
    tensors = OrderedDict((k, pickles.Tensor(x)) for k, x in state.items())
    schedule = {"last_epoch": 20, "_last_lr": [1e-5]}
    training = {"opt_00": {"state": {}, "param_groups": []}, "sched_00": schedule}
    return {"net_recon": tensors, **training, **others}


def convert(folder, content):
    path = folder / "epoch_20.pth"
    path.write_bytes(content)
    return converter.convert(path)


@pytest.mark.parametrize("container", WRITERS)
def test_coefficients_are_those_of_the_reference(tmp_path, state, container):
    flat, info = convert(tmp_path, WRITERS[container](checkpoint(state)))
    params = weights.nest(flat)
    module = deep3d.Deep3D(deep3d.width_of(params))
    image = np.random.default_rng(1).uniform(-1, 1, (1, 256, 256, 3)).astype("f4")
    layout = jax.eval_shape(module.init, jax.random.key(0), image)["params"]
    weights.check(params, layout, "deep3d")
    found = jax.jit(module.apply)({"params": params}, image)
    seen = (np.asarray(deep3d.crop(jnp.asarray(image)))[0] + 1) / 2
    expected = reference.network(state, seen.transpose(2, 0, 1).astype(float))
    parts = (
        *(found.identity, found.expression, found.texture),
        *(found.angles, found.light, found.translation),
    )
    vector = np.concatenate([np.asarray(part)[0] for part in parts])
    assert np.abs(vector - expected).max() < 1e-4 * np.abs(expected).max()
    assert info["network"] == "deep3d" and info["source_file"] == "epoch_20.pth"


def test_everything_that_is_wrong_is_listed_at_once(tmp_path, state):
    wrong = dict(state, surprise=np.zeros(2, "f4"))
    del wrong["backbone.layer3.5.bn2.running_var"], wrong["final_layers.6.bias"]
    wrong["backbone.layer2.0.downsample.0.weight"] = np.zeros((32, 4, 1, 1), "f4")
    wrong["final_layers.0.weight"] = np.full((80, 128, 1, 1), np.inf, "f4")
    with pytest.raises(PieError) as caught:
        convert(tmp_path, pickles.torch_zip(checkpoint(wrong)))
    for line in (
        "missing: backbone.layer3.5.bn2.running_var [16]",
        "missing: final_layers.6.bias [1]",
        "misshapen: backbone.layer2.0.downsample.0.weight: [32, 16, 1, 1] expected",
        "not finite: final_layers.0.weight",
        "surplus: surprise [2]",
    ):
        assert line in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda s: pickles.torch_zip({"state_dict": {}}), "no network of Deep3D"),
        (lambda s: pickles.torch_zip([1]), "no network of Deep3D"),
        (lambda s: b"something else", "no PyTorch file"),
        (lambda s: pickles.torch_zip(checkpoint(s))[:-3000], "truncated"),
        (lambda s: pickles.torch_legacy(checkpoint(s))[:-3000], "truncated"),
    ],
)
def test_other_files_are_told_apart(tmp_path, state, content, message):
    with pytest.raises(PieError, match=message):
        convert(tmp_path, content(state))


@pytest.mark.parametrize("place", ["net_recon", "opt_00", "extra"])
@pytest.mark.parametrize("write", WRITERS.values())
def test_a_hostile_file_is_refused_before_anything_runs(tmp_path, state, place, write):
    touched = tmp_path / "touched"
    call = pickles.Made(pickles.Named("os", "system"), (f"touch {touched}",))
    content = write(checkpoint({}) | {place: call})
    with pytest.raises(PieError, match=r"asks for os\.system"):
        convert(tmp_path, content)
    assert not touched.exists()
