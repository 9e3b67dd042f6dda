import dataclasses

import numpy as np
import pytest

from pie_jax.editing import edit
from pie_jax.io import images
from pie_jax.workflows import requests
from pie_jax.workflows.live import Live
from tests.workflows.shoot_test import opened  # noqa: F401 (a fixture)


@pytest.fixture(scope="module")
def live(opened):  # noqa: F811
    return Live(opened)


def target(opened, **amounts):  # noqa: F811
    request = requests.request({k: str(x) for k, x in amounts.items()}, None, None, {})
    return requests.target(request, opened.model, opened.before.theta, {})


def test_what_is_there_is_the_projection(live, opened):  # noqa: F811
    expected = images.to_u8(np.asarray(opened.before.image[0]))
    for draw in (live.full, live.small):
        found = draw(opened.before.theta)
        assert found.dtype == np.uint8
        assert np.abs(found.astype(int) - expected).max() <= 1


def test_pictures_are_those_of_an_edit_without_feedback_all_at_once(live, opened):  # noqa: F811
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
