"""The converter of StyleGAN 1: all published forms give the same parameters."""

import numpy as np
import pytest
from pie_jax.converters import mean_w
from pie_jax.converters import stylegan1 as converter

from pie_jax.core.errors import PieError
from tests import pickles
from tests import stylegan_reference as reference
from tests.converters import stylegan_files as files

SPELLINGS = ("interfacegan", "genforce", "lernapparat")


@pytest.fixture(scope="module")
def variables():
    return files.stylegan1()


@pytest.fixture(autouse=True)
def few_draws(monkeypatch):
    monkeypatch.setattr(mean_w, "SAMPLES", 64)


def convert(folder, content):
    return files.convert(converter, folder, content)


@pytest.fixture(scope="module")
def converted(variables, tmp_path_factory):
    content = pickles.tf_pickle(variables, files.OPTIONS1)
    return convert(tmp_path_factory.mktemp("converted"), content)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_all_forms_give_the_same_parameters(tmp_path, variables, converted, spelling):
    state = files.tensors(files.torch_stylegan1(variables, spelling))
    content = {"generator": 1, "generator_smooth": state, "discriminator": 2}
    content = content if spelling == "genforce" else state
    write = pickles.torch_legacy if spelling == "lernapparat" else pickles.torch_zip
    flat, info = convert(tmp_path, write(content))
    expected, _ = converted
    assert spelling in info["form"]
    assert flat.keys() == expected.keys()
    for name in flat:
        if spelling == "lernapparat" and ("noise" in name[-5:] or name == "w_avg"):
            assert flat[name].shape == expected[name].shape
            assert flat[name].std() > 0
        else:
            np.testing.assert_array_equal(flat[name], expected[name], err_msg=name)


def test_a_mean_that_no_file_holds_is_that_of_the_mapping(tmp_path, variables):
    state = files.tensors(files.torch_stylegan1(variables, "lernapparat"))
    flat, info = convert(tmp_path, pickles.torch_zip(state))
    z = np.random.default_rng(0).standard_normal((64, 512), np.float32)
    w = [reference.mapping(variables, one, np.sqrt(2), 1.0) for one in z]
    size = np.abs(w).max()
    np.testing.assert_allclose(flat["w_avg"], np.mean(w, axis=0), atol=1e-4 * size)
    assert info["w_avg"] == "estimated from draws" and info["noise"] == "drawn"


def test_everything_that_is_wrong_is_listed_at_once(tmp_path, variables):
    wrong = dict(variables)
    del wrong["synthesis/8x8/Conv1/Noise/weight"], wrong["dlatent_avg"]
    wrong["synthesis/4x4/Conv/weight"] = np.zeros((3, 3, 5, 9), np.float32)
    wrong["synthesis/16x16/Conv1/bias"] = np.full(4, np.nan, np.float32)
    wrong["synthesis/extra"] = np.zeros(2, np.float32)
    content = pickles.tf_pickle(wrong, files.OPTIONS1 | {"use_pixel_norm": True})
    with pytest.raises(PieError) as caught:
        convert(tmp_path, content)
    for line in (
        "missing: synthesis/8x8/Conv1/Noise/weight [4]",
        "missing: dlatent_avg [512]",
        "misshapen: synthesis/4x4/Conv/weight: [3, 3, 5, 5] expected, float32 [3, 3,",
        "not finite: synthesis/16x16/Conv1/bias",
        "surplus: synthesis/extra [2]",
        "built otherwise: use_pixel_norm is True, only False is supported",
    ):
        assert line in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda v: pickles.tf_pickle(v, {"label_size": 10}), "conditional"),
        (lambda v: pickles.tf_pickle(files.stylegan2(), {}), "convert it as stylegan2"),
        (lambda v: pickles.torch_zip({"g_running": {}}), "another numeric scheme"),
        (lambda v: pickles.torch_zip([1]), "holds no StyleGAN 1"),
        (lambda v: files.ada_pickle(files.stylegan2()), "holds no StyleGAN 1"),
        (lambda v: pickles.tf_pickle(v, {})[:-3000], "truncated"),
        (lambda v: b"", "truncated"),
    ],
)
def test_other_files_are_told_apart(tmp_path, variables, content, message):
    with pytest.raises(PieError, match=message):
        convert(tmp_path, content(variables))


def test_a_file_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(PieError, match="Cannot read .*nothing.pkl"):
        converter.convert(tmp_path / "nothing.pkl")
