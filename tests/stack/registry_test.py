import pytest

from pie_jax.core.errors import PieError
from pie_jax.io import assets
from pie_jax.stack import networks, registry
from pie_jax.stack.carriers import CARRIERS


@pytest.mark.parametrize("name", sorted(registry.CONVERTIBLE))
def test_each_kind_is_described_and_refuses_what_it_does_not_know(name, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"something else")
    kind = registry.kind(name)
    assert len(kind.files) > 20 and kind.licence
    with pytest.raises(PieError, match="file"):
        registry.converter(name)(path)


def test_all_carried_weights_are_described_and_installed_ones_are_there():
    with pytest.raises(PieError, match="no kind 'stylegan9'.*stylegan2"):
        registry.kind("stylegan9")
    carried = registry.CARRIED
    assert list(carried) == [
        "mobile_stylegan_ffhq",
        "vgg16",
        "dlib_resnet",
        "landmarks68",
    ]
    for weights in carried.values():
        assert weights.carrier in CARRIERS
        assert weights.licence and weights.purpose and weights.members
        assert (weights.converter is None) == (weights.published is not None)
    said = {
        "mobile_stylegan_ffhq": "non-commercial",
        "landmarks68": "commercial use",
        "vgg16": "CC BY 4.0",
        "dlib_resnet": "CC0",
    }
    for name, words in said.items():
        assert words in carried[name].licence

    for name in registry.INSTALLED:
        assert assets.load(name).flat
    tables = [*networks.NAMED.values(), networks.ENCODERS, networks.CURVATURES]
    names = {x.weights for table in tables for x in table.values() if x.weights}
    assert names <= {*registry.CARRIED, *registry.CONVERTIBLE, *registry.INSTALLED}
