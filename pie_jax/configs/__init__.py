"""In a checkout, the folder configs/ beside this package; an installation has it here."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

__path__ = [str(Path(__file__).parents[2] / "configs")]

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any: ...
