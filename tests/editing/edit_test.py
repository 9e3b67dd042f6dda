import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.core.interfaces import Rig
from pie_jax.core.params import Params
from pie_jax.core.theta import COMPONENTS, SIZES, FaceParams, neutral
from pie_jax.editing import edit, turns
from pie_jax.editing.edit import Editor

NUM_WS = 3
# Where the toy world keeps each component of theta in the first row of a code.
PLACES = {
    "rotation": slice(0, 3),
    "expression": slice(3, 67),
    "illumination": slice(67, 94),
}


def toy_rig(component: str, strength: float = 1.0) -> Rig:
    """Moves a code's component `strength` of the way."""

    def apply(params, w_plus, own, target):
        change = getattr(target, component) - getattr(own, component)
        return w_plus.at[:, 0, PLACES[component]].add(params * strength * change)

    return Rig(apply, component)


def synthesis(params, w_plus):
    """An image that holds the code's numbers: `[B, 12, 12, 3]`."""
    return (params * w_plus[:, 0, :432]).reshape(-1, 12, 12, 3)


def sight(params, image):
    numbers = image.reshape(len(image), -1) + params.mofa
    parts = {name: jnp.zeros((len(image), size)) for name, size in SIZES.items()}
    parts |= {name: numbers[:, place] for name, place in PLACES.items()}
    return FaceParams(**parts)


def compare(params, own, before, theta, after):
    """Sees nothing besides."""
    return theta


def toy_editor(strength: float = 1.0) -> tuple[Editor, Params]:
    rigs = {component: toy_rig(component, strength) for component in COMPONENTS}
    params = Params(
        generator=jnp.asarray(1.0),
        mofa=jnp.asarray(0.0),
        rigs={component: jnp.asarray(1.0) for component in COMPONENTS},
    )
    return Editor(synthesis, sight, compare, rigs), params


def some_codes(batch: int = 2, seed: int = 0):
    code = 0.2 * np.random.default_rng(seed).normal(size=(batch, NUM_WS, 512))
    return jnp.asarray(code, jnp.float32)


def some_target(batch: int = 2, seed: int = 1) -> FaceParams:
    rng = np.random.default_rng(seed)
    parts = {k: 0.2 * rng.normal(size=(batch, size)) for k, size in SIZES.items()}
    return FaceParams(**{k: jnp.asarray(x, jnp.float32) for k, x in parts.items()})


def level(target: FaceParams, portrait) -> FaceParams:
    """With the portrait's own roll, which feedback leaves as the rig made it."""
    rotation = target.rotation.at[:, 2].set(portrait.theta.rotation[:, 2])
    return target.replace(rotation=rotation)


@pytest.mark.parametrize("component", COMPONENTS)
@pytest.mark.parametrize("rounds", [0, 2])
def test_an_edit_with_the_portraits_own_theta_is_exactly_none(component, rounds):
    editor, params = toy_editor(0.7)
    portrait = edit.look(editor, params, some_codes())
    same = edit.edit(editor, params, portrait, portrait.theta, [[component]], rounds)
    chex.assert_trees_all_equal(same, portrait)


def test_a_sweep_through_the_own_theta_has_no_step_and_errors_are_angles():
    editor, params = toy_editor(0.7)
    portrait = edit.look(editor, params, some_codes(1))
    rig, its = editor.rigs["rotation"], params.rigs["rotation"]
    amounts = jnp.asarray([-2e-3, -1e-3, 0.0, 1e-3, 2e-3])

    def code(amount):
        turned = portrait.theta.replace(rotation=portrait.theta.rotation + amount)
        return rig.edit(its, portrait.w_plus, portrait.theta, turned)

    moved = jax.vmap(code)(amounts) - portrait.w_plus
    expected = 0.7 * amounts[:, None, None] * jnp.ones((1, 1, 3))
    np.testing.assert_allclose(moved[:, :, 0, :3], expected, atol=1e-6)

    a, b = neutral((1,)), neutral((1,))
    b = b.replace(rotation=jnp.asarray([[0.0, 0.3, 0.0]]))
    assert edit.error(a, b, "rotation")[0] == pytest.approx(0.3, abs=1e-6)
    assert edit.error(a, a, "rotation")[0] == 0
    b = b.replace(expression=jnp.full((1, 64), 0.5))
    assert edit.error(a, b, "expression")[0] == pytest.approx(0.5)


@pytest.mark.parametrize("wrap", [jax.jit, lambda function: function])
@pytest.mark.parametrize("component", COMPONENTS)
def test_a_faithful_rig_needs_no_feedback(wrap, component):
    editor, params = toy_editor()
    portrait = edit.look(editor, params, some_codes())
    done = wrap(
        lambda params, portrait, target: edit.edit(
            editor, params, portrait, target, [[component]]
        )
    )(params, portrait, some_target())
    chex.assert_trees_all_close(
        getattr(done.theta, component), getattr(some_target(), component), atol=1e-5
    )
    for other in set(COMPONENTS) - {component}:
        chex.assert_trees_all_equal(
            getattr(done.theta, other), getattr(portrait.theta, other)
        )


@pytest.mark.parametrize("component", COMPONENTS)
def test_feedback_makes_a_weak_rig_arrive(component):
    editor, params = toy_editor(0.7)
    portrait = edit.look(editor, params, some_codes())
    target = level(some_target(), portrait)

    def left(rounds):
        done = edit.edit(editor, params, portrait, target, [[component]], rounds)
        return np.asarray(edit.error(done.theta, target, component))

    errors = [left(rounds) for rounds in range(3)]
    # What a rig of 0.7 leaves of a command is 0.3; the second round knows that.
    np.testing.assert_allclose(errors[1], 0.3 * errors[0], rtol=0.05)
    assert np.all(errors[2] < 0.01 * errors[1])


@pytest.mark.parametrize("strength", [2.5, 4.0])
def test_feedback_never_ends_farther_from_the_target(strength):
    editor, params = toy_editor(strength)  # it overshoots, the paper's round more so
    portrait = edit.look(editor, params, some_codes())
    target = level(some_target(), portrait)
    plain, once, thrice = (
        edit.edit(editor, params, portrait, target, [["rotation"]], rounds)
        for rounds in (0, 1, 3)
    )
    chex.assert_trees_all_equal(once, plain)
    errors = [edit.error(x.theta, target, "rotation") for x in (plain, thrice)]
    assert np.all(errors[1] <= 0.5 * errors[0])


def test_feedback_does_not_look_at_the_roll_and_reaches_only_so_far():
    editor, params = toy_editor(0.7)
    portrait = edit.look(editor, params, some_codes())
    target = some_target()
    done = edit.edit(editor, params, portrait, target, [["rotation"]], 3).theta
    gone, asked = (x.rotation - portrait.theta.rotation for x in (done, target))
    np.testing.assert_allclose(gone[:, :2], asked[:, :2], atol=1e-4)
    np.testing.assert_allclose(gone[:, 2], 0.7 * asked[:, 2], atol=1e-5)
    editor, params = toy_editor(0.01)
    portrait = edit.look(editor, params, some_codes())
    target = some_target().replace(rotation=jnp.full((2, 3), 1.0))
    done = edit.edit(editor, params, portrait, target, [["rotation"]], 4)
    reach = edit.REACH["rotation"] * jnp.array([1.0, 1.0, 0.0])
    farthest = target.replace(rotation=target.rotation + reach)
    once = edit.edit(editor, params, portrait, farthest, [["rotation"]])
    chex.assert_trees_all_close(done.w_plus, once.w_plus, atol=1e-6)


def test_components_arrive_alone_and_together_and_edits_are_mapped_and_traced_once():
    editor, params = toy_editor()
    portrait = edit.look(editor, params, some_codes())
    for groups in ([[x] for x in COMPONENTS], [COMPONENTS]):
        done = edit.edit(editor, params, portrait, some_target(), groups)
        for component in COMPONENTS:
            chex.assert_trees_all_close(
                edit.error(done.theta, some_target(), component),
                jnp.zeros(2),
                atol=1e-3,
            )
        # Rows that no rig touches, and numbers that none owns, stay.
        chex.assert_trees_all_equal(done.w_plus[:, 1:], portrait.w_plus[:, 1:])

    editor, params = toy_editor(0.7)
    portrait = edit.look(editor, params, some_codes(1))

    @jax.jit
    @jax.vmap
    @chex.assert_max_traces(1)
    def sweep(yaw):
        turned = portrait.theta.rotation.at[:, 1].set(yaw)
        target = portrait.theta.replace(rotation=turned)
        return edit.edit(editor, params, portrait, target, [["rotation"]], 2).theta

    for yaws in ([-0.3, 0.0, 0.3], [-0.1, 0.1, 0.2]):
        found = sweep(jnp.asarray(yaws))
        np.testing.assert_allclose(found.rotation[:, 0, 1], yaws, atol=0.02)


def test_expressions_are_seen_by_comparison_once_they_are_edited():
    editor, params = toy_editor(0.7)
    told = []

    def compare(params, own, before, theta, after):
        told.append((own, before))
        return theta.replace(expression=theta.expression + 1)

    editor = editor._replace(compare=compare)
    portrait = edit.look(editor, params, some_codes())
    turned = edit.edit(editor, params, portrait, some_target(), [["rotation"]], 1)
    assert not told
    groups = [["rotation"], ["expression"], ["illumination"]]
    done = edit.edit(editor, params, portrait, some_target(), groups, 1)
    assert len(told) == 4  # an expression and its round, a light and its round
    for own, before in told:
        chex.assert_trees_all_close(own, turned.theta_by_network)
        chex.assert_trees_all_equal(before, turned.image)
    at_once = edit.edit(editor, params, portrait, some_target(), [COMPONENTS])
    plain = edit.look(editor, params, at_once.w_plus, portrait)
    chex.assert_trees_all_close(at_once.theta, plain.theta)  # of another pose
    plain = edit.look(editor, params, done.w_plus)
    seen = done.theta.expression - plain.theta.expression
    chex.assert_trees_all_close(seen, jnp.ones_like(seen), atol=1e-5)


def test_the_network_sees_more_of_a_turn_than_others_also_in_an_edit_of_an_edit():
    editor, params = toy_editor(0.7)
    portrait, target = edit.look(editor, params, some_codes()), some_target()
    done = edit.edit(editor, params, portrait, target, [["rotation"]], 3)
    own = portrait.theta.rotation
    seen = editor.sight(params, done.image).rotation - own
    others = jnp.asarray([turns.SHARE, turns.SHARE, 1]) * seen
    np.testing.assert_allclose(done.theta.rotation - own, others, atol=1e-6)
    np.testing.assert_allclose(
        done.theta.rotation[:, :2], target.rotation[:, :2], atol=1e-4
    )
    smiling = edit.edit(editor, params, done, target, [["expression"]])
    chex.assert_trees_all_close(smiling.theta.rotation, done.theta.rotation)
    back = edit.edit(editor, params, done, portrait.theta, [["rotation"]], 3)
    chex.assert_trees_all_close(
        back.w_plus[:, 0, :2], portrait.w_plus[:, 0, :2], atol=1e-4
    )
