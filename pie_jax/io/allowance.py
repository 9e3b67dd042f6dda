"""How much memory the content of an untrusted file may take."""

from pie_jax.core.errors import PieError

GROWTH = 32
"""What a file may become when it is unpacked, in units of its size: weights hardly
compress, a code that is repeated for each of 18 style inputs does so 18 times."""
FLOOR = 2**24
"""Bytes that any file may become."""


class Allowance:
    """The bytes that are left; whoever makes something of the file takes them first."""

    def __init__(self, file: str, size: int):
        """For a file of `size` bytes, which the error calls `file`."""
        self.file = file
        self.left = max(FLOOR, GROWTH * size)

    def take(self, size: int) -> None:
        """Takes bytes off; `PieError` where so many are not left."""
        self.check(size)
        self.left -= size

    def check(self, size: int) -> None:
        """`PieError` where so many bytes are not left."""
        if size > self.left:
            raise PieError(
                f"{self.file} is refused: small as it is, it claims "
                f"{min(size, 2**63)} bytes of memory where {self.left} are left to it. "
                "Get it from its publisher."
            )
