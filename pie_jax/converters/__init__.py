"""In a checkout, the folder converters/ beside this package; an installation has it here."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

__path__ = [str(Path(__file__).parents[2] / "converters")]

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any: ...
