from functools import partial
from pathlib import Path

import numpy as np
import pytest

from pie_jax.graphics import camera
from pie_jax.io import images
from pie_jax.photos import alignment
from pie_jax.workflows import edit_record, refining, requests
from pie_jax.workflows import shoot as shooting
from pie_jax.workflows.shoot import Options, shoot


def ask(opened, options, *, expression=None, light=None, **angles):
    request = requests.request(angles, expression, light, {})
    target = requests.target(request, opened.model, opened.before.theta, {})
    return request, shoot(opened, request, target, options)


def test_what_a_turn_tilts_is_turned_back_and_errors_are_angles(opened):
    request, shot = ask(opened, Options(feedback=0), yaw="+=20")
    own, seen = opened.before.theta.rotation, shot.edited.theta.rotation
    tilted = float(seen[0, 2] - own[0, 2])
    assert shot.turned == pytest.approx(-tilted) and abs(tilted) > 1e-5
    edit = edit_record.describe(opened, shot, request)
    roll = np.degrees(float(own[0, 2]))
    assert edit["achieved"]["degrees"]["roll"] == pytest.approx(roll, abs=1e-3)

    request, shot = ask(opened, Options(feedback=0), yaw="+=5")
    edit = edit_record.describe(opened, shot, request)
    wanted, got = (
        np.radians([edit[k]["degrees"][n] for n in ("pitch", "yaw", "roll")])
        for k in ("requested", "achieved")
    )
    # Small angles: the rotation between both is nearly the difference.
    apart = np.linalg.norm(wanted - got)
    assert edit["errors"]["rotation"] == pytest.approx(apart, rel=0.1)


@pytest.mark.parametrize("roll, fades", [("+=5", False), ("+=20", True)])
def test_only_a_picture_that_is_turned_far_fades_at_its_edges(opened, roll, fades):
    _, shot = ask(opened, Options(keep_background=False), roll=roll)
    picture_u8 = images.to_u8(np.asarray(shot.edited.image[0]))
    size = len(picture_u8)
    place = shot.edited.theta.translation
    middle = size * np.asarray(camera.project(place, opened.model.camera, 1))[0] - 0.5
    quad = alignment.moved_quad(size, middle, middle, shot.turned)
    expected, other = (
        alignment.cut(picture_u8, quad, size, fade=x) for x in (fades, not fades)
    )
    np.testing.assert_array_equal(shot.picture_u8, expected)
    assert (shot.picture_u8 != other).any()


@pytest.mark.parametrize("together", [False, True])
def test_components_are_edited_together_or_one_after_another(opened, together):
    options = Options(together=together, keep_background=False)
    request, shot = ask(opened, options, yaw="+=5", light="intensity=1.5")
    edit = edit_record.describe(opened, shot, request)
    assert edit["errors"].keys() == {"rotation", "illumination"}


def test_a_lamp_tints_the_picture_and_what_is_not_asked_for_nothing(opened):
    options = Options(feedback=0, keep_background=False)
    request, shot = ask(opened, options, light="colour=#ff8040")
    plain = shooting.answer(opened, request, shot.target, options).image
    ratio = np.asarray((shot.edited.image + 1) / (plain + 1))
    red, green, blue = np.median(ratio, axis=(0, 1, 2))
    assert red > green + 0.05 and green > blue + 0.05
    _, shot = ask(opened, options, yaw="+=0")
    np.testing.assert_array_equal(shot.edited.image, opened.before.image)


def test_a_kept_background_is_the_photographs(opened):
    size = len(opened.photo)
    y, x = (np.mgrid[:size, :size] + 0.5) / size
    disc = np.float32(np.hypot(x - 0.5, y - 0.5) < 0.25)
    # Every picture's is a disc.
    heads = opened._replace(shares=lambda *_: disc, own_shares=disc)
    options = Options(paste_back=Path("photo.png"))
    _, shot = ask(heads, options, yaw="+=10")
    _, plain = ask(heads, Options(), yaw="+=10")
    assert plain.changed is None
    np.testing.assert_array_equal(plain.picture_u8, shot.picture_u8)
    photo = (np.asarray(opened.photo) + 1) * 127.5
    apart = np.abs(shot.picture_u8 - photo).max(axis=-1)
    for corner in (np.s_[:2, :2], np.s_[:2, -2:], np.s_[-2:, :2]):
        assert apart[corner].max() <= 3 and shot.changed[corner].max() < 0.1
    assert apart[size // 2, size // 2] > 12 and shot.changed.max() > 0.9


def test_an_expression_alone_leaves_the_photograph_where_nothing_moves(opened):
    size = len(opened.photo)
    y, x = (np.mgrid[:size, :size] + 0.5) / size
    # With a soft rim, where the background gives way to the photograph's.
    soft = np.float32(np.clip(3 - 6 * np.hypot(x - 0.5, y - 0.5), 0, 1))
    left = np.float32(x < 0.15)

    class Half(type(opened)):
        def moved(self, components, target):
            found = super().moved(components, target)
            return None if found is None else left

    half = Half(*opened._replace(shares=lambda *_: soft, own_shares=soft))
    photo_u8 = np.int32(images.to_u8(np.asarray(opened.photo)))
    options = Options(paste_back=Path("photo.png"))
    asked = ({}, True), ({"roll": "+=0"}, True), ({"roll": "+=9"}, False)
    for also, stays in (*asked, ({"yaw": "+=3"}, False)):
        _, shot = ask(half, options, expression="smile=0.9", **also)
        apart = np.abs(shot.picture_u8 - photo_u8).max(axis=-1)
        assert (apart[:, size // 2 :].max() <= 1) == stays
        assert (shot.changed[:, size // 2 :].max() == 0) == stays
        assert apart[:, : size // 2].max() > 8
    _, shot = ask(half, Options(keep_background=False), expression="smile=0.9")
    assert np.abs(shot.picture_u8 - photo_u8)[:, size // 2 :].max() > 8


def test_what_is_refined_of_an_expression_is_what_moves_and_of_a_turn_the_head(opened):
    share = np.float32(np.random.default_rng(0).uniform(size=(16, 16)))
    heads = opened._replace(shares=lambda *_: share, own_shares=share)
    request = requests.request({}, "smile=0.9", None, {})
    target = heads.target(request)
    part = partial(refining.edited_part, heads, heads.before, target)
    moves = np.asarray(heads.moved(["expression"], target))
    assert 0 < moves.mean() < 1
    np.testing.assert_array_equal(part(["expression"]), np.minimum(share, moves))
    np.testing.assert_array_equal(part(["rotation", "expression"]), share)
