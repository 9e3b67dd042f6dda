"""JSON files that tell what became of something."""

import json
from pathlib import Path
from typing import Any

from pie_jax.core.errors import PieError
from pie_jax.io import atomic


def write(path: Path, record: dict[str, Any]) -> None:
    """Writes a JSON file, all or nothing.

    Raises:
        PieError: its folder cannot be written to.
    """
    try:
        with atomic.replacing(path) as file:
            file.write(json.dumps(record, indent=1).encode() + b"\n")
    except OSError as error:
        raise PieError(f"{path}: cannot be written ({error.strerror}).") from error
