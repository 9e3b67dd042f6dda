"""What panels compute; what they show is `browser_test`'s."""

import numpy as np
import pytest

from pie_jax.core.theta import neutral
from pie_jax.graphics import light as lights
from pie_jax.ui import expression, light, picture, steps
from pie_jax.ui.keys import HELP, Chosen
from pie_jax.workflows import requests
from tests import toys
from tests.ui.history_test import turned


def test_expressions_are_grouped_by_the_part_of_the_face():
    names = ("browInnerUp", "eyeBlinkLeft", "jawOpen", "mouthPucker", "cheekPuff")
    found = expression.grouped(
        [*names, "noseSneerLeft", "tongueOut", "smile", "browsUp"]
    )
    assert found == {
        "Whole face": ["smile", "browsUp"],
        "Brows": ["browInnerUp"],
        "Eyes": ["eyeBlinkLeft"],
        "Mouth": ["mouthPucker", "tongueOut"],
        "Jaw": ["jawOpen"],
        "Cheeks, nose": ["cheekPuff", "noseSneerLeft"],
    }


@pytest.mark.parametrize(
    ("place", "angles"),
    [
        ((0.5, 0.5), (0, 0)),
        ((1.0, 0.5), (90, 0)),
        ((0.0, 0.5), (-90, 0)),
        ((0.5, 0.0), (0, 90)),
        ((0.5, 7.0), (0, -90)),
    ],
)
def test_where_the_sphere_is_held_the_light_comes_from(place, angles):
    np.testing.assert_allclose(light.direction(*place), angles, atol=1.5)


def test_the_sphere_is_bright_where_the_light_comes_from():
    lit = neutral().illumination.at[9:12].set(1.5)  # along x: from the viewer's right
    assert np.degrees(np.asarray(lights.direction(lit)))[0] == pytest.approx(90, abs=60)
    ball = light.ball(np.asarray(lit)).astype(float).mean(axis=-1)
    middle = len(ball) // 2
    assert ball[middle, -20] > ball[middle, 20] + 50
    assert np.ptp(ball[:5, :5]) == 0  # beside the sphere


@pytest.mark.parametrize("text", ["#ffffff", "#000000", "red", "#12345", "", "#gggggg"])
def test_white_black_and_what_is_no_colour_change_nothing(text):
    assert light.parsed(text) is None


def test_colours_are_written_as_they_are_read():
    assert light.parsed("#ff8000") == (1.0, 128 / 255, 0.0)
    assert requests.hexadecimal((1.0, 128 / 255, 0.0)) == "#ff8000"


def test_the_mesh_lies_over_the_face_only():
    theta = neutral((1,))
    drawn = picture.wires(toys.model(), theta, 64)[..., 3]
    assert drawn.max() > 0 and drawn[0].max() == drawn[:, 0].max() == 0


def test_keys_choose_coefficients_round_and_round():
    chosen = Chosen()
    chosen.next(-1)
    assert chosen.name == "beta63"
    chosen.next(1)
    chosen.other_kind()
    assert chosen.name == "sh0"
    chosen.next(-1)
    assert chosen.name == "sh26"
    assert "?" in HELP


def test_steps_are_told_in_few_words():
    assert steps.described(steps.Request()) == "as it was"
    assert steps.described(turned(-5)) == "yaw -5"
    assert steps.described(steps.PRESETS["Neutral face"]) == "neutral True"
