import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.converters import deep3d as converter
from pie_jax.core.errors import PieError
from pie_jax.io import arrays
from pie_jax.networks import deep3d
from tests import deep3d_reference as reference
from tests import pickles

STATE = reference.state(1 / 16)


def checkpoint(**changed):
    """None leaves an array out."""
    state = STATE | {name.replace("__", "."): x for name, x in changed.items()}
    tensors = {k: pickles.Tensor(x) for k, x in state.items() if x is not None}
    schedule = {"last_epoch": 20, "_last_lr": [1e-5]}
    training = {"opt_00": {"state": {}, "param_groups": []}, "sched_00": schedule}
    return {"net_recon": tensors, **training}


def convert(folder, content):
    path = folder / "epoch_20.pth"
    path.write_bytes(content)
    return converter.convert(path)


@pytest.mark.parametrize("write", [pickles.torch_zip, pickles.torch_legacy])
def test_coefficients_are_those_of_the_reference(tmp_path, write):
    flat, info = convert(tmp_path, write(checkpoint()))
    params = arrays.nest(flat)
    module = deep3d.Deep3D(deep3d.width_of(params))
    image = np.random.default_rng(1).uniform(-1, 1, (1, 256, 256, 3)).astype("f4")
    layout = jax.eval_shape(module.init, jax.random.key(0), image)["params"]
    arrays.check(params, layout, "deep3d", "")
    found = jax.jit(module.apply)({"params": params}, image)
    seen = (np.asarray(deep3d.crop(jnp.asarray(image)))[0] + 1) / 2
    expected = reference.network(STATE, seen.transpose(2, 0, 1).astype(float))
    parts = (
        *(found.identity, found.expression, found.texture),
        *(found.angles, found.light, found.translation),
    )
    vector = np.concatenate([np.asarray(part)[0] for part in parts])
    assert np.abs(vector - expected).max() < 1e-4 * np.abs(expected).max()
    assert info["network"] == "deep3d" and info["source_file"] == "epoch_20.pth"


NARROW = np.zeros((80, 127, 1, 1), "f4")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"state_dict": {}}, "no network of Deep3D"),
        ([1], "no network of Deep3D"),
        (checkpoint(surprise=np.zeros(2, "f4")), r"surplus: surprise: float32 \[2\]"),
        (checkpoint(final_layers__0__weight=NARROW), r"\[80, 128, 1, 1\] expected"),
        (checkpoint(backbone__bn1__running_var=None), r"missing: .*running_var \[4\]"),
        (checkpoint(backbone__conv1__weight=None), r"conv1.weight \[64, 3, 7, 7\]"),
        ({"net_recon": {"a": [[1], [1, 2]]}}, "surplus: a: a list"),
        ({"net_recon": {7: 1}}, "surplus: 7: a int"),
    ],
)
def test_other_files_are_told_apart(tmp_path, content, message):
    with pytest.raises(PieError, match=message):
        convert(tmp_path, pickles.torch_zip(content))
