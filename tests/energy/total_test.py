"""The energy: its terms by name, their weights, and every term's gradient."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.energy.term import Networks
from pie_jax.energy.total import TERMS, energy
from tests import builders

WEIGHTS = {
    "pixel": 1e-6,
    "perceptual": 1e-3,
    "recognition": 10.0,
    "prior": 0.1,
    "spread": 1.0,
}
WRAPS = [jax.jit, lambda function: function]


@pytest.fixture(scope="module")
def stack():
    return builders.small_stack()


def random_codes(batch, num_ws, seed=2):
    rng = np.random.default_rng(seed)
    w = rng.normal(size=(batch, 1, 512)) + 0.2 * rng.normal(size=(batch, num_ws, 512))
    return jnp.asarray(0.3 * w, jnp.result_type(float))


def single(tree, index=0):
    return jax.tree.map(lambda leaf: leaf[index], tree)


def test_every_term_is_named_after_its_file():
    assert {"pixel", "perceptual", "recognition"} <= set(TERMS)
    for name, term in TERMS.items():
        assert term.__module__ == f"pie_jax.energy.{name}"


def test_every_term_has_a_weight_in_these_tests():
    assert set(WEIGHTS) == set(TERMS)


def test_an_unknown_term_is_refused_with_the_known_ones(stack):
    generator, networks, _ = stack
    with pytest.raises(ValueError) as error:
        energy(generator, networks, {"pixel": 1.0, "pixle": 1.0, "edit": 0.0})
    assert "['edit', 'pixle']" in str(error.value)
    for name in TERMS:
        assert repr(name) in str(error.value).partition("known:")[2]


@pytest.mark.parametrize("weights", [{}, {"pixel": 0.0, "perceptual": 0}])
def test_an_energy_without_any_term_is_refused(stack, weights):
    generator, networks, _ = stack
    with pytest.raises(ValueError, match="no energy term has a weight; known: .*pixel"):
        energy(generator, networks, weights)


@pytest.mark.parametrize("left_out", [{}, {"perceptual": 0.0, "recognition": 0}])
def test_a_term_without_weight_is_left_out_with_its_network(stack, left_out):
    generator, _, params = stack
    nothing = Networks(perceptual=None, recognition=None)
    total = energy(generator, nothing, {"pixel": 2.0} | left_out)
    params = {"generator": params["generator"]}
    portrait = single(builders.small_portraits(1, generator.resolution))
    references = total.prepare(params, portrait)
    assert set(references) == {"pixel"}
    value, terms = total.value(params, references, random_codes(1, generator.num_ws)[0])
    assert set(terms) == {"pixel"}
    np.testing.assert_allclose(value, 2 * terms["pixel"])


def test_the_total_is_the_weighted_sum_of_the_unweighted_terms(stack):
    generator, networks, params = stack
    portrait = single(builders.small_portraits(1, generator.resolution))
    w_plus = random_codes(1, generator.num_ws)[0]

    def evaluate(weights):
        built = energy(generator, networks, weights)
        run = jax.jit(
            lambda: built.value(params, built.prepare(params, portrait), w_plus)
        )
        return run()

    total, terms = evaluate(WEIGHTS)
    chex.assert_shape([total, *terms.values()], ())
    chex.assert_type([total, *terms.values()], jnp.float32)
    assert min(terms.values()) > 0
    expected = sum(WEIGHTS[name] * terms[name] for name in WEIGHTS)
    np.testing.assert_allclose(total, expected, rtol=1e-5)
    for name in TERMS:
        alone, values = evaluate({name: 1.0})
        assert set(values) == {name}
        np.testing.assert_allclose([alone, values[name]], terms[name], rtol=1e-4)


def test_a_perfect_projection_from_w_has_no_energy_and_no_gradient(stack):
    generator, networks, params = stack
    compared = {k: v for k, v in WEIGHTS.items() if k != "prior"}
    total = energy(generator, networks, compared)
    w, other = random_codes(2, generator.num_ws)
    w_plus = jnp.broadcast_to(w[0], w.shape)  # equal rows: a code in W

    @jax.jit
    def evaluate(params, candidate):
        image = generator.synthesis(params["generator"], w_plus[None])[0]
        portrait = single(builders.small_portraits(1, generator.resolution))
        references = total.prepare(params, portrait.replace(image=image))
        return jax.value_and_grad(
            lambda w_plus: total.value(params, references, w_plus), has_aux=True
        )(candidate)

    (value, terms), gradient = evaluate(params, w_plus)
    (some_value, some_terms), some_gradient = evaluate(params, other)
    assert value < 1e-6 * some_value
    for name in compared:
        assert terms[name] < 1e-6 * some_terms[name], name
    assert jnp.abs(gradient).max() < 1e-4 * jnp.abs(some_gradient).max()


@pytest.mark.parametrize("wrap", WRAPS)
def test_mapped_portraits_give_what_single_ones_give(stack, wrap):
    generator, networks, params = stack
    total = energy(generator, networks, WEIGHTS)
    portraits = builders.small_portraits(2, generator.resolution)
    codes = random_codes(2, generator.num_ws)

    def evaluate(portrait, w_plus):
        return total.value(params, total.prepare(params, portrait), w_plus)

    mapped = wrap(jax.vmap(evaluate))(portraits, codes)
    singles = [jax.jit(evaluate)(single(portraits, i), codes[i]) for i in range(2)]
    singles = jax.tree.map(lambda *leaves: jnp.stack(leaves), *singles)
    chex.assert_trees_all_equal_shapes_and_dtypes(mapped, singles)
    chex.assert_trees_all_close(mapped, singles, rtol=1e-3)


@pytest.mark.parametrize("name", sorted(TERMS))
def test_every_terms_gradient_agrees_with_finite_differences(name):
    with jax.enable_x64(True):
        generator, networks, params = builders.small_stack()
        total = energy(generator, networks, {name: WEIGHTS[name]})
        portrait = single(builders.small_portraits(1, generator.resolution))
        w_plus = random_codes(1, generator.num_ws)[0]

        @jax.jit
        def value_and_grad(w_plus):
            references = total.prepare(params, portrait)
            return jax.value_and_grad(
                lambda w_plus: total.value(params, references, w_plus)[0]
            )(w_plus)

        _, gradient = value_and_grad(w_plus)
        chex.assert_shape(gradient, w_plus.shape)
        chex.assert_type(gradient, jnp.float64)
        assert gradient.any(axis=1).all()  # every style input takes part
        rng, step = np.random.default_rng(3), 1e-6
        rows = [
            jnp.zeros_like(w_plus).at[i].set(rng.normal(size=512))
            for i in range(generator.num_ws)
        ]
        for direction in [*rows, sum(rows)]:
            above, _ = value_and_grad(w_plus + step * direction)
            below, _ = value_and_grad(w_plus - step * direction)
            np.testing.assert_allclose(
                jnp.vdot(gradient, direction), (above - below) / (2 * step), rtol=1e-4
            )
