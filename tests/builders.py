"""Builds what several tests need."""

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


def portrait(name: str) -> Path:
    """The path of a real photograph beside the project; skips where it is absent."""
    path = SHARED / "portraits" / name
    if not path.exists():
        pytest.skip(f"needs ../shared/portraits/{name}, which is not beside the project")
    return path
