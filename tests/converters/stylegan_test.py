from types import ModuleType
from typing import NamedTuple

import jax
import numpy as np
import pytest

from pie_jax.converters import mean_w
from pie_jax.converters import stylegan1 as converter1
from pie_jax.converters import stylegan2 as converter2
from pie_jax.core.errors import PieError
from pie_jax.io import arrays
from pie_jax.networks import stylegan1, stylegan2
from pie_jax.stack import cache
from tests import pickles
from tests import stylegan_reference as reference
from tests.converters import stylegan_files as files
from tests.converters.stylegan_files import ada_pickle, rosinality_checkpoint


def spelt(variables, spelling):
    return files.tensors(files.torch_stylegan1(variables, spelling))


def genforce(variables):
    others = {"generator": 1, "discriminator": 2}
    return others | {"generator_smooth": spelt(variables, "genforce")}


def without_mean(variables):
    content = rosinality_checkpoint(variables)
    del content["latent_avg"]
    return content


def trained(variables):
    """As the training program keeps it, with the words of its command line."""
    words = pickles.Named("argparse", "Namespace")
    args = pickles.Made(words, state={"size": 32, "path": call("pathlib", "PosixPath")})
    return rosinality_checkpoint(variables) | {"args": args, "ada_aug_p": 0.5}


def call(module, name):
    return pickles.Made(pickles.Named(module, name), ("/data",))


def prefixed(variables, prefix):
    content = rosinality_checkpoint(variables)
    state = {prefix + k: x for k, x in files.rosinality(variables).items()}
    return content | {"g_ema": files.tensors(state)}


def alone(variables):
    average = pickles.Tensor(variables["dlatent_avg"])
    return files.tensors(files.rosinality(variables)).items | {"latent_avg": average}


def encoder(variables):
    """pSp and its heirs, with the mean repeated for each style input."""
    state = {f"decoder.{k}": x for k, x in files.rosinality(variables).items()}
    state |= {"encoder.input_layer.0.weight": np.zeros((64, 3, 3, 3), "f4")}
    average = np.tile(variables["dlatent_avg"], (8, 1))
    opts = {"device": "cuda:0", "exp_dir": call("pathlib", "PosixPath")}
    return {
        "state_dict": files.tensors(state),
        "latent_avg": pickles.Tensor(average),
        "opts": opts,
    }


def with_mean_in_the_state(variables):
    """Where pSp keeps it while it runs."""
    state = {f"net.decoder.{k}": x for k, x in files.rosinality(variables).items()}
    state |= {"net.latent_avg": variables["dlatent_avg"][None, None]}
    return {"state_dict": files.tensors(state), "latent_avg": None}


def trained_alone(variables):
    content = rosinality_checkpoint(variables)
    del content["g_ema"]
    return content


def deep(variables):
    content = encoder(variables)
    return {"epoch": 3, "model": content, "latent_avg": content.pop("latent_avg")}


def two(variables):
    state = files.tensors(files.rosinality(variables))
    return {"mine": state, "yours": state}


FORMS1 = {
    "interfacegan": lambda v: pickles.torch_zip(spelt(v, "interfacegan")),
    "genforce": lambda v: pickles.torch_zip(genforce(v)),
    "lernapparat": lambda v: pickles.torch_legacy(spelt(v, "lernapparat")),
}
FORMS2 = {
    "rosinality": lambda v: pickles.torch_zip(without_mean(v)),
    "rosinality, legacy": lambda v: pickles.torch_legacy(rosinality_checkpoint(v)),
    "rosinality, of train.py": lambda v: pickles.torch_zip(trained(v)),
    "rosinality, in parallel": lambda v: pickles.torch_zip(prefixed(v, "module.")),
    "rosinality, alone": lambda v: pickles.torch_zip(alone(v)),
    "rosinality, in encoder4editing": lambda v: pickles.torch_zip(encoder(v)),
    "rosinality, mean inside": lambda v: pickles.torch_zip(with_mean_in_the_state(v)),
    "rosinality, trained alone": lambda v: pickles.torch_zip(trained_alone(v)),
    "rosinality, deep": lambda v: pickles.torch_zip(deep(v)),
    "ada, protocol 3": ada_pickle,
    "ada, protocol 4": lambda v: ada_pickle(v, protocol=4),
    "TensorFlow": lambda v: pickles.tf_pickle(v, files.OPTIONS2, protocol=2),
}


class Case(NamedTuple):
    """One of the networks; `gains` are the mapping's, of weights and of leaky ReLUs."""

    name: str
    converter: ModuleType
    module: ModuleType
    widths: tuple[int, ...]
    variables: dict
    options: dict
    gains: tuple[float, float]
    forms: dict


V1, V2 = files.stylegan1(), files.stylegan2()
SMALL1 = (files.WIDTHS1, V1, files.OPTIONS1)
SMALL2 = (files.WIDTHS2, V2, files.OPTIONS2)
CASES = [
    Case("stylegan1", converter1, stylegan1, *SMALL1, (np.sqrt(2), 1.0), FORMS1),
    Case("stylegan2", converter2, stylegan2, *SMALL2, (1.0, np.sqrt(2)), FORMS2),
]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.name)
def case(request):
    return request.param


@pytest.fixture(scope="module")
def converted(case, tmp_path_factory):
    content = pickles.tf_pickle(case.variables, case.options)
    return files.convert(case.converter, tmp_path_factory.mktemp("converted"), content)


def test_pictures_and_codes_are_those_of_the_reference(
    tmp_path, monkeypatch, case, converted
):
    monkeypatch.setenv("PIE_JAX_CACHE", str(tmp_path))
    cache.save(case.name, *converted)
    loaded = cache.load(case.name)
    assert case.module.sizes(loaded) == (case.widths, 8)
    layout = jax.eval_shape(
        lambda key: case.module.init_params(key, case.widths), jax.random.key(0)
    )
    arrays.check(loaded, layout, case.name, "")
    network = getattr(case.module, case.name)(case.widths)
    rng = np.random.default_rng(5)
    z = rng.normal(size=(2, 512)).astype(np.float32)
    expected = reference.mapping(case.variables, z, *case.gains)
    w = network.mapping(loaded, z)
    np.testing.assert_allclose(w, expected, atol=1e-4 * np.abs(expected).max())
    w_plus = rng.normal(size=(2, network.num_ws, 512)).astype(np.float32)
    images = np.asarray(jax.jit(network.synthesis)(loaded, w_plus))
    picture = getattr(reference, case.name)
    expected = np.stack([picture(case.variables, one) for one in w_plus])
    assert images.shape == expected.shape
    assert np.abs(images - expected).max() < 1e-4 * np.abs(expected).max()


def test_what_is_known_of_the_network_is_kept(case, converted):
    flat, info = converted
    np.testing.assert_array_equal(flat["w_avg"], case.variables["dlatent_avg"])
    sha = info.pop("source_sha256")
    expected = {
        "network": case.name,
        "form": "NVIDIA's TensorFlow pickle",
        "resolution": str(case.options["resolution"]),
        "widths": ",".join(map(str, case.widths)),
        "mapping_layers": "8",
        "w_avg": "from the file",
        "source_file": files.NAME,
    }
    noise = {"noise": "from the file"} if case.name == "stylegan1" else {}
    assert info == expected | noise and len(sha) == 64


def test_all_forms_give_the_same_parameters(tmp_path, case, converted):
    """A mean and noise that a form has not come from draws."""
    expected, _ = converted
    z = np.random.default_rng(0).standard_normal((256, 512), np.float32)
    w = reference.mapping(case.variables, z, *case.gains)
    found = mean_w.estimate(expected, 8, case.gains[1], samples=256)
    np.testing.assert_allclose(found, w.mean(axis=0), atol=1e-4 * np.abs(w).max())
    for form, write in case.forms.items():
        flat, info = files.convert(case.converter, tmp_path, write(case.variables))
        assert form.split(",")[0] in info["form"] and flat.keys() == expected.keys()
        for name, value in expected.items():
            if name == "w_avg" and form in ("lernapparat", "rosinality"):
                assert info["w_avg"] == "estimated from draws"
                error = (flat[name] - w.mean(axis=0)) / w.std(axis=0)
                assert np.abs(error).max() < 6 / np.sqrt(256)
                continue
            if name.endswith("/noise") and form == "lernapparat":
                assert flat[name].shape == value.shape and flat[name].std() > 0
                assert info["noise"] == "drawn"
                continue
            limit, message = 1e-4 * np.abs(value).max(), f"{form}: {name}"
            np.testing.assert_allclose(flat[name], value, atol=limit, err_msg=message)


@pytest.mark.parametrize("mean", [None, call("pathlib", "PosixPath")])
def test_a_mean_that_is_no_array_is_as_good_as_none(tmp_path, mean):
    content = pickles.torch_zip(encoder(V2) | {"latent_avg": mean})
    _, info = files.convert(converter2, tmp_path, content)
    assert info["w_avg"] == "estimated from draws"


def test_everything_that_is_wrong_is_listed_at_once(tmp_path):
    state = files.rosinality(V2)
    del state["convs.1.noise.weight"], state["to_rgbs.2.bias"]
    state["convs.0.conv.blur.kernel"] = files.filter_taps(1)
    state["input.input"] = np.zeros((1, 7, 4, 4), np.float32)
    state["noises.noise_0"] = np.zeros((1, 1, 4, 4), np.int64)
    state["noises.noise_1"] = np.full((1, 1, 8, 8), np.nan, np.float32)
    state["surprise"] = np.zeros(2, np.float32)
    state = files.tensors(state)
    state.items["to_rgb1.bias"] = 1
    with pytest.raises(PieError) as caught:
        files.convert(converter2, tmp_path, pickles.torch_zip({"g_ema": state}))
    taps = files.filter_taps(4).ravel()[:4]
    assert sorted(str(caught.value).splitlines()[1:]) == [
        "  misshapen: input.input: [1, 6, 4, 4] expected, float32 [1, 7, 4, 4] found",
        "  misshapen: noises.noise_0: [1, 1, 4, 4] expected, int64 [1, 1, 4, 4] found",
        "  misshapen: to_rgb1.bias: [1, 3, 1, 1] expected, a int found",
        "  missing: convs.1.noise.weight [1]",
        "  missing: to_rgbs.2.bias [1, 3, 1, 1]",
        "  not finite: noises.noise_1",
        f"  other values: convs.0.conv.blur.kernel: {taps}... expected",
        "  surplus: surprise: float32 [2]",
    ]


ALONE = pickles.tf_network("Gs", "G_main", {}, {})


def tf(variables, **options):
    return pickles.tf_pickle(variables, options)


@pytest.mark.parametrize(
    ("converter", "content", "message"),
    [
        (converter1, tf(V1, use_pixel_norm=True), "only False is"),
        (converter2, tf(V2, architecture="resnet"), "'resnet', on"),
        (converter2, tf(V2, resample_kernel=[1, 2, 1]), "only .1,"),
        (converter2, ada_pickle(V2, img_channels=1), "img_channels is 1, only 3"),
        (converter1, tf(V1, label_size=10), "conditional"),
        (converter2, tf(V2, label_size=10), "conditional"),
        (converter2, ada_pickle(V2, c_dim=10), "conditional"),
        (
            converter1,
            pickles.torch_zip({"synthesis.layer0.const": 1, "mapping.label_weight": 1}),
            "conditional",
        ),
        (converter1, tf(V2), "convert it as stylegan2"),
        (converter2, tf(V1), "convert it as stylegan1"),
        (converter1, pickles.torch_zip({"g_running": {}}), "another numeric scheme"),
        (converter1, pickles.torch_zip([1]), "holds no StyleGAN 1"),
        (converter1, pickles.torch_zip({"weights": 1}), "holds no StyleGAN 1"),
        (converter1, ada_pickle(V2), "holds no StyleGAN 1"),
        (converter2, pickles.torch_zip({"weights": 1}), "holds no StyleGAN 2"),
        (converter2, pickles.torch_zip(two(V2)), "several StyleGAN 2: mine, yours"),
        (converter2, pickles.dumps([1]), "holds no StyleGAN 2"),
        (converter2, pickles.dumps((ALONE,)), "holds 1 networks; the three"),
        (converter2, pickles.dumps({"G_ema": 1}), "is no module"),
        (converter2, ada_pickle(V2)[:-3000], "truncated"),
        (converter1, b"", "truncated"),
    ],
)
def test_other_files_are_told_apart(tmp_path, converter, content, message):
    with pytest.raises(PieError, match=message):
        files.convert(converter, tmp_path, content)
    with pytest.raises(PieError, match="Cannot read .*nothing.pkl"):
        converter.convert(tmp_path / "nothing.pkl")
