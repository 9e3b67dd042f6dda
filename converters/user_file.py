"""A file that the user names: its content, and what identifies it."""

import hashlib
from pathlib import Path
from typing import NamedTuple

from pie_jax.core.errors import PieError, printable
from pie_jax.io import reading
from pie_jax.io.allowance import Allowance


class UserFile(NamedTuple):
    """A file as it was read."""

    name: str
    data: bytes

    def allowance(self) -> Allowance:
        """The memory that what is made of it may take."""
        return Allowance(self.name, len(self.data))

    def identity(self) -> dict[str, str]:
        """What is kept of it beside the converted weights."""
        return {
            "source_file": printable(self.name),
            "source_sha256": hashlib.sha256(self.data).hexdigest(),
        }


def read(path: str | Path) -> UserFile:
    """Reads a whole file; `PieError` where it cannot be read."""
    path = Path(path)
    try:
        reading.check_ordinary(path)
        return UserFile(path.name, path.read_bytes())
    except OSError as error:
        raise PieError(f"Cannot read {path}: {error.strerror or error}.") from error
