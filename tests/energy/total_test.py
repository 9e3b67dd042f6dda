import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.core.params import Params
from pie_jax.energy import people
from pie_jax.energy.term import Networks
from pie_jax.energy.total import TERMS, energy, needs
from tests import builders, checks
from tests.checks import entry

WEIGHTS = {
    "pixel": 1e-6,
    "perceptual": 1e-3,
    "rig_identity": 1e-4,
    "edit_photometric": 1e-9,
    "edit_landmark": 1e-7,
    "invariance_photometric": 1e-9,
    "invariance_landmark": 1e-7,
    "recognition": 10.0,
    "recognition_edited": 10.0,
    "prior": 0.1,
    "spread": 1.0,
    "locality": 1e-9,
}
COMPARED = ("pixel", "perceptual", "recognition", "spread")
"""Those that a perfect projection, which lies in W, has none of."""
EDITING = (
    "edit_photometric",
    "edit_landmark",
    "invariance_photometric",
    "invariance_landmark",
    "recognition_edited",
)
FROZEN = ("recognition_edited", "locality")
"""Where the first one's chip lies has no gradient: `terms_test` has its test. The other is
the same for all codes: `locality_test`."""


@pytest.fixture(scope="module")
def stack():
    return other_rig(*builders.small_stack())


def other_rig(generator, networks, params):
    """StyleRig's own map, of which there is an E_id: it does not look at `own`."""
    rig = networks.rig

    def edit(params, w_plus, own, target):
        return rig.edit(params, w_plus, jax.tree.map(jnp.zeros_like, own), target)

    return generator, networks._replace(rig=rig._replace(edit=edit)), params


@pytest.fixture(scope="module")
def portrait(stack):
    return entry(builders.small_portraits(1, stack[0].resolution))


@pytest.fixture(scope="module")
def person(stack):
    return people.bank(stack[2], jax.random.key(5))


NUM_WS = 8


def random_codes(batch, seed=2):
    rng = np.random.default_rng(seed)
    w = rng.normal(size=(batch, 1, 512)) + 0.2 * rng.normal(size=(batch, NUM_WS, 512))
    return jnp.asarray(0.3 * w, jnp.result_type(float))


def random_code():
    return random_codes(1)[0]


def test_every_term_is_named_after_its_file_unknown_ones_refused_needs_told(stack):
    assert set(WEIGHTS) == set(TERMS)
    for name, term in TERMS.items():
        assert term.__module__ == f"pie_jax.energy.{name}"
    generator, networks, _ = stack
    with pytest.raises(ValueError) as error:
        energy(generator, networks, {"pixel": 1.0, "pixle": 1.0, "edit": 0.0})
    assert "['edit', 'pixle']" in str(error.value)
    for name in TERMS:
        assert repr(name) in str(error.value).partition("known:")[2]

    assert needs({}) == needs({name: 1.0 for name in COMPARED}) == frozenset()
    assert needs({"rig_identity": 1.0, "edit_landmark": 0.0}) == {"theta"}
    for name in set(EDITING) - {"recognition_edited"}:
        assert needs({name: 1.0, "rig_identity": 0}) == {"theta", "edited"}
    assert needs({"recognition_edited": 1.0}) == {"theta", "edited"}
    assert needs({"locality": 1.0}) == {"person_image"}
    assert needs({"pixle": 1.0}) == frozenset()  # the energy itself refuses it


@pytest.mark.parametrize("weights", [{}, {"pixel": 0.0, "perceptual": 0}])
def test_an_energy_without_any_term_is_refused(stack, weights):
    generator, networks, _ = stack
    with pytest.raises(ValueError, match="no energy term has a weight; known: .*pixel"):
        energy(generator, networks, weights)


@pytest.mark.parametrize("left_out", [{}, {"perceptual": 0.0, "recognition": 0}])
def test_a_term_without_weight_is_left_out_with_its_network(stack, portrait, left_out):
    generator, _, params = stack
    nothing = Networks(perceptual=None, recognition=None)
    total = energy(generator, nothing, {"pixel": 2.0} | left_out)
    params = Params(generator=params.generator)
    references = total.prepare(params, portrait)
    assert set(references) == {"pixel"}
    value, terms = total.value(params, references, random_code(), None)
    assert set(terms) == {"pixel"}
    np.testing.assert_allclose(value, 2 * terms["pixel"])


def test_the_total_is_the_weighted_sum_of_the_unweighted_terms(stack, portrait, person):
    generator, networks, params = stack

    def evaluate(names):
        weights = {name: WEIGHTS[name] for name in names}
        built = energy(generator, networks, weights)

        @jax.jit
        def run():
            references = built.prepare(params, portrait)
            return built.value(params, references, random_code(), person)

        return run()

    total, terms = evaluate(WEIGHTS)
    assert terms.keys() == WEIGHTS.keys()
    chex.assert_shape([total, *terms.values()], ())
    chex.assert_type([total, *terms.values()], jnp.float32)
    assert min(terms.values()) > 0
    expected = sum(WEIGHTS[name] * terms[name] for name in WEIGHTS)
    np.testing.assert_allclose(total, expected, rtol=1e-5)
    # Whatever they share, terms have the same values without the others.
    for group in (COMPARED, ["prior"], ["rig_identity"], EDITING[:-1], EDITING[-1:]):
        alone, values = evaluate(group)
        assert values.keys() == set(group)
        np.testing.assert_allclose(
            alone, sum(WEIGHTS[name] * values[name] for name in group), rtol=1e-5
        )
        for name in group:
            np.testing.assert_allclose(values[name], terms[name], rtol=1e-4)


def test_a_perfect_projection_from_w_has_no_energy_and_no_gradient(stack, portrait):
    generator, networks, params = stack
    total = energy(generator, networks, {k: WEIGHTS[k] for k in COMPARED})
    w, other = random_codes(2)
    w_plus = jnp.broadcast_to(w[0], w.shape)  # equal rows: a code in W

    @jax.jit
    def evaluate(params, candidate):
        image = generator.synthesis(params.generator, w_plus[None])[0]
        references = total.prepare(params, portrait.replace(image=image))
        return jax.value_and_grad(
            lambda w_plus: total.value(params, references, w_plus, None), has_aux=True
        )(candidate)

    (value, terms), gradient = evaluate(params, w_plus)
    (some_value, some_terms), some_gradient = evaluate(params, other)
    assert value < 1e-6 * some_value
    for name in COMPARED:
        assert terms[name] < 1e-6 * some_terms[name], name
    assert jnp.abs(gradient).max() < 1e-4 * jnp.abs(some_gradient).max()


def test_mapped_portraits_give_what_single_ones_give(stack, person):
    generator, networks, params = stack
    total = energy(generator, networks, WEIGHTS)

    @jax.jit
    def evaluate(portrait, w_plus):
        return total.value(params, total.prepare(params, portrait), w_plus, person)

    portraits = builders.small_portraits(2, generator.resolution)
    checks.assert_maps(evaluate, portraits, random_codes(2), rtol=1e-3)


def test_every_terms_gradient_agrees_with_finite_differences():
    """Row by row and over all rows, with networks of the default stack's kinds."""
    with jax.enable_x64(True):
        generator, networks, params = other_rig(*builders.small_stack())
        weights = {name: WEIGHTS[name] for name in TERMS if name not in FROZEN}
        total = energy(generator, networks, weights)
        portrait = entry(builders.small_portraits(1, generator.resolution))
        person = people.bank(params, jax.random.key(5))
        w_plus, rng = random_code(), np.random.default_rng(3)
        rows = jnp.eye(NUM_WS)[:, :, None] * rng.normal(size=(NUM_WS, 1, 512))
        directions = jnp.concatenate([rows, rows.sum(axis=0)[None]])

        @jax.jit
        def slopes(w_plus, directions):
            references = total.prepare(params, portrait)

            def terms(w_plus):
                return total.value(params, references, w_plus, person)[1]

            steps = 1e-6 * jnp.concatenate([directions, -directions])
            ends = jax.lax.map(lambda step: terms(w_plus + step), steps)
            return jax.jacrev(terms)(w_plus), ends

        gradients, ends = slopes(w_plus, directions)
        for name, gradient in gradients.items():
            chex.assert_shape(gradient, w_plus.shape)
            chex.assert_type(gradient, jnp.float64)
            assert gradient.any(axis=1).all(), name  # every style input takes part
            above, below = jnp.split(ends[name], 2)
            np.testing.assert_allclose(
                jnp.einsum("drc,rc->d", directions, gradient),
                (above - below) / 2e-6,
                rtol=1e-4,
                err_msg=name,
            )


def counting(function, calls, name):
    """The function, which notes its name wherever it is traced."""

    def counted(*args):
        calls.append(name)
        return function(*args)

    return counted


@pytest.mark.parametrize(
    ("names", "once"),
    [
        (["pixel", "perceptual", "recognition"], {"image": 1}),
        (["rig_identity"], {"image": 1, "theta": 1, "edit": 1}),
        (["locality"], {"image": 2}),
        (EDITING[:-1], {"image": 2, "theta": 2, "edit": 1}),
        (EDITING, {"image": 2, "theta": 2, "edit": 1}),
        (TERMS, {"image": 3, "theta": 2, "edit": 2}),
    ],
)
def test_what_terms_share_is_computed_once_and_only_if_needed(
    stack, portrait, person, names, once
):
    generator, networks, params = stack
    calls = []
    generator = generator._replace(
        synthesis=counting(generator.synthesis, calls, "image")
    )
    rig = networks.rig._replace(edit=counting(networks.rig.edit, calls, "edit"))
    networks = networks._replace(
        estimate=counting(networks.estimate, calls, "theta"), rig=rig
    )
    weights = {name: WEIGHTS[name] for name in names}
    total = energy(generator, networks, weights)
    references = jax.eval_shape(total.prepare, params, portrait)
    calls.clear()
    jax.eval_shape(total.value, params, references, random_code(), person)
    # E_id edits a code, and so do the others, but by another face.
    assert {name: calls.count(name) for name in calls} == once


@pytest.mark.parametrize(
    ("name", "left_out", "part"),
    [
        ("rig_identity", {"rig": None}, "rig"),
        ("rig_identity", {"estimate": None}, "mofa"),
        ("edit_photometric", {"rig": None}, "rig"),
        ("locality", {"estimate": None}, "mofa"),
        ("invariance_landmark", {"estimate": None}, "mofa"),
        ("recognition_edited", {"recognition": None}, "recognition"),
        ("recognition_edited", {"rig": None}, "rig"),
    ],
)
def test_a_term_without_what_it_needs_is_refused(stack, name, left_out, part):
    generator, networks, _ = stack
    message = f"config.energy.{name} is set, but config.{part} is empty"
    with pytest.raises(ValueError, match=message):
        energy(generator, networks._replace(**left_out), {name: 1.0})


@pytest.mark.parametrize("name", [*EDITING, "locality"])
def test_a_term_that_edits_is_not_without_a_person(stack, portrait, name):
    generator, networks, params = stack
    total = energy(generator, networks, {name: 1.0})
    references = jax.eval_shape(total.prepare, params, portrait)
    with pytest.raises(ValueError, match=f"config.energy.{name} is set; it needs a v"):
        jax.eval_shape(total.value, params, references, random_code(), None)
