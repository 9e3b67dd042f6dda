"""JSON files that tell what became of something."""

import json
from pathlib import Path
from typing import Any

from pie_jax.io import atomic


def write(path: Path, record: dict[str, Any]) -> None:
    """Writes a JSON file, all or nothing.

    Raises:
        PieError: its folder cannot be written to.
    """
    with atomic.writing(path) as file:
        file.write(json.dumps(record, indent=1).encode() + b"\n")
