import dataclasses

import numpy as np
import pytest

from pie_jax.editing import colours, edit
from pie_jax.io import images
from pie_jax.workflows import requests
from pie_jax.workflows.live import Live


@pytest.fixture(scope="module")
def live(opened):
    return Live(opened)


def target(opened, **amounts):
    request = requests.request({k: str(x) for k, x in amounts.items()}, None, None, {})
    return requests.target(request, opened.model, opened.before.theta, {})


def test_what_is_there_is_the_projection(live, opened):
    expected = images.to_u8(np.asarray(opened.before.image[0]))
    for draw in (live.full, live.small):
        found = draw(opened.before.theta)
        assert found.dtype == np.uint8
        assert np.abs(found.astype(int) - expected).max() <= 1


def test_pictures_are_those_of_an_edit_without_feedback_all_at_once(live, opened):
    own = opened.before.theta
    asked = dataclasses.replace(
        target(opened, yaw="+=90"), expression=own.expression + 5
    )
    groups = [["rotation", "expression"]]
    done = edit.edit(opened.editor, opened.params, opened.before, asked, groups)
    expected = images.to_u8(np.asarray(done.image[0]))
    for draw in (live.full, live.small):
        assert np.abs(draw(asked).astype(int) - expected).max() <= 1
    assert np.abs(expected.astype(int) - live.full(own)).max() > 5


def test_another_light_recolours(live, opened):
    own, before = opened.before.theta, opened.before.image
    request = requests.request({}, None, "colour=#ff8040", {})
    asked = requests.target(request, opened.model, own, {})
    groups = [["illumination"]]
    done = edit.edit(opened.editor, opened.params, opened.before, asked, groups)
    found = colours.recoloured(opened.model, own, before, asked, asked, done.image)
    expected, plain = (images.to_u8(np.asarray(x[0])) for x in (found, done.image))
    assert np.abs(expected.astype(int) - plain).max() > 5
    for draw in (live.full, live.small):
        assert np.abs(draw(asked).astype(int) - expected).max() <= 1
