import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.core.errors import PieError
from pie_jax.networks import mobile_stylegan, stylegan1, stylegan2, tuning
from tests import builders

GENERATORS = {
    "mobile": (mobile_stylegan, (8, 8)),
    "one": (stylegan1, (8, 8)),
    "two": (stylegan2, (8, 8)),
}


@pytest.fixture(scope="module", params=GENERATORS)
def generator(request):
    """One of each kind, and its random parameters."""
    module, widths = GENERATORS[request.param]
    name = module.__name__.rpartition(".")[2]
    build = getattr(module, name)
    init = jax.jit(lambda key: module.init_params(key, widths))
    return build(widths), init(jax.random.key(0))


def moved(part):
    rng = np.random.default_rng(0)
    return {k: x + 0.1 * rng.normal(size=x.shape) for k, x in part.items()}


def test_kernels_are_tuned_and_nothing_that_says_what_codes_mean(generator):
    _, params = generator
    part = tuning.part(params)
    assert all(x.ndim >= 2 for x in part.values())
    joined = tuning.joined(params, moved(part))
    changed = jax.tree_util.tree_map_with_path(
        lambda path, a, b: None if (a == b).all() else jax.tree_util.keystr(path),
        params,
        joined,
    )
    named = jax.tree.leaves(changed)
    assert len(named) == len(part)
    for word in ("affine", "mapping", "noise", "w_avg", "bias"):
        assert not any(word in name for name in named), word


def test_a_change_is_kept_in_16_bits_and_shows_the_tuned_picture(generator):
    build, params = generator
    w_plus = jax.random.normal(jax.random.key(1), (1, build.num_ws, 512))
    synthesis = jax.jit(build.synthesis)
    tuned = moved(tuning.part(params))
    kept = tuning.change(params, tuned)
    assert {x.dtype for x in kept.values()} == {np.dtype(np.float16)}
    before, after, again = (
        synthesis(x, w_plus)
        for x in (
            params,
            tuning.joined(params, jax.tree.map(jnp.float32, tuned)),
            tuning.changed(params, kept),
        )
    )
    size = jnp.abs(after - before).max()
    assert size > 1e-3
    assert jnp.abs(again - after).max() < 0.01 * size
    assert tuning.changed(params, None) is params
    nothing = {k: 0 * x for k, x in kept.items()}
    same = synthesis(tuning.changed(params, nothing), w_plus)
    np.testing.assert_array_equal(same, before)


def test_changes_of_other_generators_are_refused_and_own_ones_tuned_as_a_whole():
    _, params = builders.small_stack()[0], builders.small_stack()[2].generator
    kept = tuning.change(params, tuning.part(params))
    name, first = next(iter(kept.items()))
    for wrong in ({"synthesis/other": first}, {name: first[:1, :1]}):
        with pytest.raises(PieError, match="another generator"):
            tuning.changed(params, wrong)
    own = {"w_avg": jnp.zeros(512), "mapping": jnp.eye(3), "matrix": jnp.eye(3)}
    assert {*tuning.part(own)} == {"matrix"}
