import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pie_jax.editing import refine
from pie_jax.editing.edit import Seen
from pie_jax.editing.refine import Looks
from pie_jax.face import pose
from pie_jax.networks.landmark_net import both_ways
from pie_jax.photos import faces
from pie_jax.workflows import edit_record, refining
from tests import builders, checks
from tests.checks import entry
from tests.energy.people_test import toy_landmarks

FROZEN = ("colours", "landmarks", "person")
"""Where the face lies, and is cut out, has no gradient in these."""


def toy_looks(generator, networks):
    """What looks at edits, of `builders.small_stack`."""
    return Looks(
        builders.whole(generator),
        networks.estimate,
        toy_landmarks,
        # As far apart as faces are; the toy's are a hundred times as far.
        lambda params, chips: 1e-3 * networks.recognition(params, chips),
        networks.crop,
        refining._place,
    )


@pytest.fixture(scope="module", autouse=True)
def double():
    with jax.enable_x64(True):
        yield


@pytest.fixture(scope="module")
def world():
    """Looks, parameters, and two edits with what they are refined to."""
    generator, networks, params = builders.small_stack()
    looks = toy_looks(generator, networks)
    params = params.replace(landmark_net=jnp.asarray(0.05))
    rng = np.random.default_rng(0)
    codes = 0.3 * jnp.asarray(rng.normal(size=(2, 2, generator.num_ws, 512)))

    def seen(w_plus):
        image = generator.synthesis(params.generator, w_plus)
        theta = networks.estimate(params.mofa, image)
        return Seen(w_plus, image, theta, theta.rotation)

    before, edited = map(seen, codes)
    size = before.image.shape[1]
    target = edited.theta.replace(rotation=edited.theta.rotation + 0.1)
    known = refine.known(looks, params, before)
    head = jnp.zeros((2, size, size)).at[:, : size // 2].set(1)
    aim = refine.aim(
        *(looks, params, before, known, before.image),
        *(target, edited, edited.image, head, refine.noticed(["rotation"])),
    )
    return looks, params, aim, edited


def test_the_rig_s_answer_lacks_nothing_of_what_is_compared_with_itself(world):
    looks, params, aim, edited = world
    found = refine.terms(looks, params, aim.code, aim, 0)
    assert found.keys() == refine.NOTICED.keys()
    for name in ("near", "aside"):
        np.testing.assert_allclose(found[name], 0, atol=1e-12)
    for name in ("rotation", "landmarks", "person"):
        assert (found[name] > 0).all()
    # What is there, as the editor sees it, leaves no rotation to be missed.
    points = both_ways(looks.find_landmarks, params.landmark_net, edited.image)
    posed = pose.solve(params.face_model, edited.theta, points)
    there = aim.replace(target=aim.target.replace(rotation=posed.rotation))
    found = refine.terms(looks, params, aim.code, there, 0)
    np.testing.assert_allclose(found["rotation"], 0, atol=1e-12)


def test_terms_are_squares_over_what_is_noticed(world):
    looks, params, aim, _ = world
    code = aim.code + 0.1
    found = refine.terms(looks, params, code, aim, 0)
    np.testing.assert_allclose(found["near"], (0.1 / refine.NOTICED["near"]) ** 2)
    image = looks.preview(params, refine.latents.unwhiten(params.latents, code))
    half = image.shape[1] // 2  # the upper one is the head
    off = (image - aim.aside)[:, half:]
    expected = jnp.sum(off**2, axis=(1, 2, 3)) / image[0].size
    expected /= refine.NOTICED["aside"] ** 2
    np.testing.assert_allclose(found["aside"], expected, rtol=1e-9)
    theta = looks.estimate(params.mofa, image)
    off = theta.reflectance - aim.target.reflectance
    expected = jnp.mean(off**2, axis=1) / refine.NOTICED["reflectance"] ** 2
    np.testing.assert_allclose(found["reflectance"], expected, rtol=1e-9)


def test_an_expression_is_noticed_sooner_with_whatever_is_edited_beside_it():
    assert refine.noticed(["rotation"]) == refine.NOTICED
    sooner = refine.noticed(["rotation", "expression"])
    changed = {k for k, x in sooner.items() if x != refine.NOTICED[k]}
    assert changed == {"landmarks"}
    assert sooner["landmarks"] < refine.NOTICED["landmarks"]


@pytest.mark.parametrize("name", sorted(set(refine.NOTICED) - {*FROZEN}))
def test_each_term_s_gradient_agrees_with_finite_differences(world, name):
    looks, params, aim, _ = world
    one = entry(aim, slice(0, 1))

    def value(code):
        return refine.terms(looks, params, code, one, 0)[name][0]

    checks.assert_gradient(value, one.code + 0.05, directions=2, rtol=1e-5)


def test_each_step_recognises_by_the_next_jitter(world):
    looks, params, aim, _ = world
    state = refine.begin(aim)
    for which in (0, 1, 2):
        here, before = (
            refine.terms(looks, params, state[0], aim, i) for i in (which, which - 1)
        )
        state, found = refine.step(looks, params, state, aim, 0.01)
        np.testing.assert_allclose(found["person"], here["person"], rtol=1e-9)
        assert (abs(here.pop("person") / before.pop("person") - 1) > 1e-3).all()
        for name, value in here.items():
            np.testing.assert_allclose(before[name], value, err_msg=name)


def test_descent_comes_nearer_for_each_portrait_by_itself(world):
    looks, params, aim, _ = world
    step = jax.jit(
        lambda state, aim, size: refine.step(looks, params, state, aim, size)
    )

    def descend(aim):
        state, totals = refine.begin(aim), []
        for size in refine.sizes(12):
            state, found = step(state, aim, size)
            totals.append(sum(found.values()))
        return state[0], totals

    code, totals = descend(aim)
    assert (totals[-1] < totals[0]).all()
    assert totals[-1].sum() < 0.9 * totals[0].sum()
    at_once = refine.refined(looks, params, aim, 12)
    there = refine.latents.unwhiten(params.latents, code)
    np.testing.assert_allclose(at_once, there, atol=1e-7)
    alone, _ = descend(entry(aim, slice(1, 2)))
    np.testing.assert_allclose(alone[0], code[1], atol=1e-9)
    assert refine.sizes(0) == []
    assert refine.sizes(5)[0] == refine.STEP_SIZE


def test_the_chip_of_traced_landmarks_is_dlib_s():
    rng = np.random.default_rng(3)
    points = rng.uniform(100, 900, (68, 2))
    expected = faces.chip_matrix(points)
    np.testing.assert_allclose(refining._place(points), expected, rtol=1e-3)


def test_a_wide_expression_s_landmarks_are_noticed_by_how_far_they_are_to_move(world):
    looks, params, _, edited = world
    known = refine.known(looks, params, edited)
    size = edited.image.shape[1]
    head = jnp.ones((2, size, size))
    own = edited.theta_by_network
    for amount in (0.0, 1e-3, 3.0):
        target = own.replace(expression=own.expression + amount)
        found = refine.aim(
            *(looks, params, edited, known, edited.image),
            *(target, edited, edited.image, head, refine.noticed(["expression"])),
        )
        here, there = (
            np.asarray(edit_record.landmarks(params.face_model, x))
            for x in (own, target)
        )
        off = np.delete(there - here, (60, 64), axis=1)
        off -= off.mean(axis=1, keepdims=True)
        eyes = np.linalg.norm(here[:, 36] - here[:, 45], axis=-1)
        for portrait in range(2):
            away = np.sqrt((off[portrait] ** 2).sum(-1).mean())
            expected = max(0.005, 0.125 * away / eyes[portrait])
            assert found.noticed["landmarks"][portrait] == pytest.approx(expected)
            assert found.noticed["person"][portrait] == refine.NOTICED["person"]
