from pathlib import Path

import numpy as np
import pytest

from pie_jax.graphics import camera
from pie_jax.io import images
from pie_jax.photos import alignment
from pie_jax.workflows import edit_record, requests
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
    everywhere = np.ones_like(opened.own_shares)
    heads = opened._replace(shares=lambda *_: everywhere, own_shares=everywhere)
    left = np.zeros_like(everywhere)
    left[:, : len(left) // 4] = 1
    photo_u8 = images.to_u8(np.asarray(opened.photo))
    for also, stays in (({}, True), ({"yaw": "+=3"}, False), ({"roll": "+=3"}, False)):

        class Half(type(heads)):
            def moved(self, components, target):
                found = super().moved(components, target)
                return None if found is None else left

        _, shot = ask(Half(*heads), Options(), expression="smile=0.9", **also)
        apart = np.abs(np.int32(shot.picture_u8) - photo_u8).max(axis=-1)
        assert apart[:, : size // 8].max() > 8
        assert (apart[:, -size // 4 :].max() <= 1) == stays
