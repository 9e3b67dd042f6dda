"""What the tests of several commands share."""

import dataclasses
from pathlib import Path

import pytest

from tests import builders


@pytest.fixture(scope="session")
def cache_folder(tmp_path_factory) -> Path:
    """A weights' cache without weights, for all tests: it keeps compiled programs."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def no_weights(cache_folder, monkeypatch) -> Path:
    """Lets the commands find that cache only."""
    monkeypatch.setenv("PIE_JAX_CACHE", str(cache_folder))
    return cache_folder


@dataclasses.dataclass(frozen=True)
class Embedded:
    """A photograph and its embedding by the testing configuration; read only."""

    photo: Path
    folder: Path


@pytest.fixture(scope="session")
def embedded(cache_folder, tmp_path_factory) -> Embedded:
    """Embeds once for all tests that only look at the outcome."""
    place = tmp_path_factory.mktemp("embedded")
    photo = builders.square_photo(place / "anna.png")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIE_JAX_CACHE", str(cache_folder))
        status = builders.pie("embed", photo, "--out", place / "out", *builders.TRIAL)
    assert status == 0
    return Embedded(photo, place / "out" / "anna")
