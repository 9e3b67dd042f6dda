"""Fixtures of several files of this room."""

import pytest

from pie_jax.core.theta import COMPONENTS
from pie_jax.stack import configuration
from pie_jax.workflows import editable
from tests import toys


@pytest.fixture(scope="module")
def opened(embedded, toy_cache):
    """A portrait whose edits may be refined; read only."""
    with pytest.MonkeyPatch.context() as patch:
        toys.install(toy_cache, patch)
        config = configuration.load("testing")
        yield editable.open_portrait(embedded.folder, config, COMPONENTS, refine=True)
