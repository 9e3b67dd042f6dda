import numpy as np
import pytest

from pie_jax.editing import edit
from pie_jax.workflows import requests, sweep
from pie_jax.workflows import shoot as shooting
from pie_jax.workflows.shoot import Options, shoot


@pytest.fixture(scope="module")
def wanted(opened):
    asked = [requests.request({"yaw": f"+={x}"}, None, None, {}) for x in range(5, 10)]
    return [(request, opened.target(request)) for request in asked]


def test_without_refinement_a_sweep_is_its_edits(opened, wanted):
    options = Options(feedback=1)
    for shot, (request, target) in zip(
        sweep.sweep_shots(opened, wanted, options), wanted, strict=True
    ):
        alone = shoot(opened, request, target, options)
        np.testing.assert_array_equal(shot.picture_u8, alone.picture_u8)


def test_ends_and_middle_are_refined_and_the_others_change_as_much_between(
    opened, wanted
):
    options = Options(feedback=0, refine=2)
    found = sweep.sweep_shots(opened, wanted, options)
    changes = []
    for i, (request, target) in enumerate(wanted):
        rig = shooting.answer(opened, request, target, options)
        changes.append(np.asarray(found[i].edited.w_plus - rig.w_plus))
        if i in (0, 2, 4):
            alone = shooting.refined(opened, request, target, rig, options)
            np.testing.assert_array_equal(found[i].edited.w_plus, alone.w_plus)
    assert min(np.abs(x).max() for x in changes) > 1e-3
    np.testing.assert_allclose(changes[1], (changes[0] + changes[2]) / 2, atol=1e-5)
    np.testing.assert_allclose(changes[3], (changes[2] + changes[4]) / 2, atol=1e-5)


def test_an_expression_is_compared_with_the_portrait_in_every_frame(opened):
    asked = [
        requests.request({}, f"smile=+={x}", None, {}) for x in (0.1, 0.2, 0.3, 0.4)
    ]
    wanted = [(request, opened.target(request)) for request in asked]
    for shot in sweep.sweep_shots(opened, wanted, Options(feedback=0, refine=1)):
        seen = shot.edited
        again = edit.look(
            opened.editor, opened.params, seen.w_plus, *2 * [opened.before]
        )
        np.testing.assert_allclose(
            seen.theta.expression, again.theta.expression, atol=1e-5
        )


def test_a_frame_that_asks_for_nothing_is_the_portrait(opened):
    asked = [
        requests.request({"yaw": f"+={x}"}, None, None, {}) for x in (-10, 0, 10, 20)
    ]
    wanted = [(request, opened.target(request)) for request in asked]
    shots = sweep.sweep_shots(opened, wanted, Options(feedback=0, refine=1))
    own = np.asarray(opened.before.w_plus)
    np.testing.assert_array_equal(shots[1].edited.w_plus, own)
    assert np.abs(shots[2].edited.w_plus - own).max() > 1e-3


def test_two_edits_are_both_refined(opened, wanted):
    options = Options(feedback=0, refine=1)
    for shot, (request, target) in zip(
        sweep.sweep_shots(opened, wanted[:2], options), wanted[:2], strict=True
    ):
        alone = shoot(opened, request, target, options)
        np.testing.assert_array_equal(shot.picture_u8, alone.picture_u8)


def test_what_is_between_is_interpolated():
    places, values = np.array([0, 4, 6]), np.float32([[0], [4], [0]])
    found = [float(sweep.between(places, values, i)[0]) for i in range(7)]
    assert found == [0, 1, 2, 3, 4, 2, 0]
