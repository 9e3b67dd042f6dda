"""The converter of StyleGAN 2: all published forms give the same parameters."""

import numpy as np
import pytest
from pie_jax.converters import mean_w
from pie_jax.converters import stylegan2 as converter

from pie_jax.core.errors import PieError
from tests import pickles
from tests import stylegan_reference as reference
from tests.converters import stylegan_files as files

FORMS = {
    "rosinality, ZIP": lambda v: pickles.torch_zip(files.rosinality_checkpoint(v)),
    "rosinality, legacy": lambda v: pickles.torch_legacy(
        files.rosinality_checkpoint(v)
    ),
    "ada, protocol 3": lambda v: files.ada_pickle(v, protocol=3),
    "ada, protocol 4": lambda v: files.ada_pickle(v, protocol=4),
    "TensorFlow, protocol 2": lambda v: pickles.tf_pickle(
        v, files.OPTIONS2, protocol=2
    ),
}


@pytest.fixture(scope="module")
def variables():
    return files.stylegan2()


def convert(folder, content):
    return files.convert(converter, folder, content)


@pytest.fixture(scope="module")
def converted(variables, tmp_path_factory):
    content = pickles.tf_pickle(variables, files.OPTIONS2)
    return convert(tmp_path_factory.mktemp("converted"), content)


@pytest.mark.parametrize("form", FORMS)
def test_all_forms_give_the_same_parameters(tmp_path, variables, converted, form):
    flat, info = convert(tmp_path, FORMS[form](variables))
    expected, _ = converted
    assert form.split(",")[0] in info["form"]
    assert flat.keys() == expected.keys()
    for name in flat:
        np.testing.assert_allclose(
            flat[name], expected[name], rtol=1e-6, atol=1e-6, err_msg=name
        )


def test_without_a_mean_it_is_that_of_the_mapping(tmp_path, variables, monkeypatch):
    monkeypatch.setattr(mean_w, "SAMPLES", 64)
    content = files.rosinality_checkpoint(variables)
    del content["latent_avg"]
    flat, info = convert(tmp_path, pickles.torch_zip(content))
    z = np.random.default_rng(0).standard_normal((64, 512), np.float32)
    w = [reference.mapping(variables, one, 1.0, np.sqrt(2)) for one in z]
    size = np.abs(w).max()
    np.testing.assert_allclose(flat["w_avg"], np.mean(w, axis=0), atol=1e-4 * size)
    assert info["w_avg"] == "estimated from draws"


def test_everything_that_is_wrong_is_listed_at_once(tmp_path, variables):
    state = files.rosinality(variables)
    del state["convs.1.noise.weight"], state["to_rgbs.2.bias"]
    state["convs.0.conv.blur.kernel"] = files.filter_taps(1)
    state["input.input"] = np.zeros((1, 7, 4, 4), np.float32)
    state["noises.noise_0"] = np.zeros((1, 1, 4, 4), np.int64)
    state["surprise"] = np.zeros(2, np.float32)
    with pytest.raises(PieError) as caught:
        convert(tmp_path, pickles.torch_zip({"g_ema": files.tensors(state)}))
    for line in (
        "missing: convs.1.noise.weight [1]",
        "missing: to_rgbs.2.bias [1, 3, 1, 1]",
        "other values: convs.0.conv.blur.kernel",
        "misshapen: input.input: [1, 6, 4, 4] expected, float32 [1, 7, 4, 4] found",
        "misshapen: noises.noise_0: [1, 1, 4, 4] expected, int64 [1, 1, 4, 4] found",
        "surplus: surprise [2]",
    ):
        assert line in str(caught.value)


@pytest.mark.parametrize(
    "options", [{"architecture": "resnet"}, {"resample_kernel": [1, 2, 1]}]
)
def test_a_network_built_otherwise_is_refused(tmp_path, variables, options):
    content = pickles.tf_pickle(variables, files.OPTIONS2 | options)
    with pytest.raises(PieError, match=f"built otherwise: {next(iter(options))} is"):
        convert(tmp_path, content)


def test_modules_built_otherwise_are_refused(tmp_path, variables):
    content = files.ada_pickle(variables, img_channels=1)
    with pytest.raises(PieError, match="built otherwise: img_channels is 1, only 3"):
        convert(tmp_path, content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda v: pickles.tf_pickle(v, {"label_size": 10}), "conditional"),
        (lambda v: files.ada_pickle(v, c_dim=10), "conditional"),
        (lambda v: pickles.tf_pickle(files.stylegan1(), {}), "convert it as stylegan1"),
        (lambda v: pickles.torch_zip({"weights": 1}), "holds no StyleGAN 2"),
        (lambda v: pickles.dumps([1]), "holds no StyleGAN 2"),
        (lambda v: pickles.dumps({"G_ema": 1}), "is no module"),
        (lambda v: FORMS["rosinality, ZIP"](v)[:-3000], "truncated"),
        (lambda v: FORMS["rosinality, legacy"](v)[:-3000], "truncated"),
        (lambda v: files.ada_pickle(v)[:-3000], "truncated"),
    ],
)
def test_other_files_are_told_apart(tmp_path, variables, content, message):
    with pytest.raises(PieError, match=message):
        convert(tmp_path, content(variables))


def test_real_torch_writes_the_files_that_are_read(tmp_path, variables, converted):
    torch = pytest.importorskip("torch")
    state = {
        name: torch.from_numpy(np.array(value))
        for name, value in files.rosinality(variables).items()
    }
    content = {"g_ema": state, "latent_avg": torch.tensor(variables["dlatent_avg"])}
    expected, _ = converted
    for zipped in (True, False):
        path = tmp_path / "stylegan2.pt"
        torch.save(content, path, _use_new_zipfile_serialization=zipped)
        flat, _ = converter.convert(path)
        for name in flat:
            np.testing.assert_allclose(flat[name], expected[name], rtol=1e-6, atol=1e-6)
