import subprocess
import sys

import numpy as np
import pytest
import safetensors
import safetensors.numpy

from experiments.export import export, rounded
from pie_jax.core.errors import PieError

KERNEL = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32).T  # not C
PARAMS = {"body": {"conv": {"kernel": KERNEL}}, "scale": np.float32([1.5])}


def test_parameters_come_back_in_half_precision_and_what_it_cannot_hold_is_named(
    tmp_path,
):
    path = tmp_path / "assets" / "net.safetensors"
    export(path, PARAMS, {"data": "toy", "error": 0.1234567, "no number": None})
    found = safetensors.numpy.load_file(path)
    assert set(found) == {"body/conv/kernel", "scale"}
    assert all(x.dtype == np.float16 for x in found.values())
    np.testing.assert_allclose(found["body/conv/kernel"], KERNEL, rtol=1e-3)
    held = rounded(PARAMS)
    assert held["scale"].dtype == np.float32
    np.testing.assert_array_equal(
        held["body"]["conv"]["kernel"], found["body/conv/kernel"]
    )
    with safetensors.safe_open(path, framework="numpy") as file:
        told = file.metadata()
    del told["arrays_sha256"]
    assert told == {"data": "toy", "error": "0.12346"}
    large = PARAMS | {"scale": np.float32([1e6])}
    assert np.isinf(rounded(large)["scale"]).all()
    with pytest.raises(PieError, match="half precision: scale"):
        export(tmp_path / "net.safetensors", large, {})
    assert [x.name for x in tmp_path.iterdir()] == ["assets"]


def test_every_process_writes_the_same_bytes(tmp_path):
    program = (
        "import numpy as np, pathlib, sys\n"
        "from experiments import build_morphable\n"
        "arrays = {'b': np.ones((2, 3), np.float16), 'a': np.arange(3, dtype='i4')}\n"
        "build_morphable.write(pathlib.Path(sys.argv[1]), arrays, 'generic')"
    )
    # The library's order of the metadata is another one in every process.
    files = [tmp_path / name for name in ("one", "two", "three")]
    for file in files:
        subprocess.run([sys.executable, "-c", program, file], check=True)
    assert len({file.read_bytes() for file in files}) == 1
    read = safetensors.numpy.load_file(files[0])
    assert {k: (x.dtype, x.shape) for k, x in read.items()} == {
        "a": (np.int32, (3,)),
        "b": (np.float16, (2, 3)),
    }
    with safetensors.safe_open(files[0], framework="numpy") as opened:
        assert opened.metadata()["reflectance"] == "generic"
