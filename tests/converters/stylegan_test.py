"""Both StyleGANs as NVIDIA's pickles hold them give the reference's pictures."""

from collections.abc import Callable
from types import ModuleType
from typing import NamedTuple

import jax
import numpy as np
import pytest
from pie_jax.converters import stylegan1 as converter1
from pie_jax.converters import stylegan2 as converter2

from pie_jax.io import weights
from pie_jax.networks import stylegan1, stylegan2
from tests import pickles
from tests import stylegan_reference as reference
from tests.converters import stylegan_files as files


class Case(NamedTuple):
    """One of the networks; `gains` are the mapping's, of weights and of leaky ReLUs."""

    converter: ModuleType
    module: ModuleType
    build: Callable
    widths: tuple[int, ...]
    resolution: int
    variables: Callable
    options: dict
    reference: Callable
    gains: tuple[float, float]


CASES = {
    "stylegan1": Case(
        converter=converter1,
        module=stylegan1,
        build=stylegan1.stylegan1,
        widths=files.WIDTHS1,
        resolution=128,
        variables=files.stylegan1,
        options=files.OPTIONS1,
        reference=reference.stylegan1,
        gains=(np.sqrt(2), 1.0),
    ),
    "stylegan2": Case(
        converter=converter2,
        module=stylegan2,
        build=stylegan2.stylegan2,
        widths=files.WIDTHS2,
        resolution=32,
        variables=files.stylegan2,
        options=files.OPTIONS2,
        reference=reference.stylegan2,
        gains=(1.0, np.sqrt(2)),
    ),
}


@pytest.fixture(scope="module", params=CASES)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def case(name):
    return CASES[name]


@pytest.fixture(scope="module")
def variables(case):
    return case.variables()


@pytest.fixture(scope="module")
def converted(case, variables, tmp_path_factory):
    content = pickles.tf_pickle(variables, case.options)
    return files.convert(case.converter, tmp_path_factory.mktemp("converted"), content)


@pytest.fixture(scope="module")
def loaded(name, converted, tmp_path_factory):
    """The parameters after a round trip through the cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIE_JAX_CACHE", str(tmp_path_factory.mktemp("cache")))
        weights.save(name, *converted)
        return weights.load(name)


def test_the_result_has_the_networks_layout(name, case, converted, loaded):
    _, info = converted
    assert case.module.sizes(loaded) == (case.widths, 8)
    layout = jax.eval_shape(
        lambda key: case.module.init_params(key, case.widths), jax.random.key(0)
    )
    weights.check(loaded, layout, name)
    assert info["network"] == name
    assert info["resolution"] == str(case.resolution)
    assert info["widths"] == ",".join(map(str, case.widths))
    assert info["mapping_layers"] == "8"
    assert info["source_file"] == files.NAME


def test_pictures_and_codes_are_those_of_the_reference(case, variables, loaded):
    network = case.build(case.widths)
    rng = np.random.default_rng(5)
    z = rng.normal(size=(2, 512)).astype(np.float32)
    w = network.mapping(loaded, z)
    expected = [reference.mapping(variables, one, *case.gains) for one in z]
    np.testing.assert_allclose(w, expected, atol=1e-4 * np.abs(expected).max())
    w_plus = rng.normal(size=(2, network.num_ws, 512)).astype(np.float32)
    images = np.asarray(jax.jit(network.synthesis)(loaded, w_plus))
    expected = np.stack([case.reference(variables, one) for one in w_plus])
    assert images.shape == expected.shape == (2, case.resolution, case.resolution, 3)
    assert np.abs(images - expected).max() < 1e-4 * np.abs(expected).max()
    np.testing.assert_array_equal(loaded["w_avg"], variables["dlatent_avg"])
