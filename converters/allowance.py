"""How much memory the content of an untrusted file may take."""

from pie_jax.converters.user_file import UserFile

from pie_jax.core.errors import PieError

GROWTH = 8
"""What a file may become when it is unpacked, in units of its size. Weights hardly
compress: three parts in four of a float are noise."""
FLOOR = 2**24
"""Bytes that any file may become."""


class Allowance:
    """The bytes that are left; whoever makes something of the file takes them first."""

    def __init__(self, file: UserFile):
        self._file = file.name
        self.left = max(FLOOR, GROWTH * len(file.data))

    def take(self, size: int) -> None:
        """Takes bytes off; `PieError` where so many are not left."""
        if size > self.left:
            raise PieError(
                f"{self._file} is refused: small as it is, it claims {size} bytes of "
                f"memory where {self.left} are left to it. Get it from its publisher."
            )
        self.left -= size
