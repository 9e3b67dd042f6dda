"""How large the StyleGAN in a file is, told from its arrays before they are checked."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NamedTuple

from pie_jax.converters import named_arrays, stylegan_parts

# More layers than any network has; bounds the search.
_MAX_COUNT = 32
_MAX_WIDTH = 2**13


class Sizes(NamedTuple):
    """The sizes of a StyleGAN 1 or 2.

    Attributes:
        widths: channels at 4, 8, ... pixels.
        mapping_layers: how many layers the mapping has.
    """

    widths: tuple[int, ...]
    mapping_layers: int

    def info(self) -> dict[str, str]:
        """What is kept of them beside the parameters."""
        return {
            "resolution": str(4 * 2 ** (len(self.widths) - 1)),
            "widths": ",".join(map(str, self.widths)),
            "mapping_layers": str(self.mapping_layers),
        }


def count(name: Callable[[int], str], names: Collection[str]) -> int:
    """One more than the greatest number whose name is among `names`."""
    present = [i for i in range(_MAX_COUNT) if name(i) in names]
    return max(present, default=-1) + 1


def sizes(
    biases: Iterable[Collection[str]], dense_bias: str, arrays: Mapping[str, Any]
) -> Sizes:
    """How large the network is, read off its biases.

    Args:
        biases: their names at 4, 8, ... pixels. The first that is there counts; where
            none is, the guess is the resolution before.
        dense_bias: that of a layer of the mapping, for `stylegan_parts.numbered`.
    """
    widths: list[int] = []
    for names in biases:
        shapes = [named_arrays.shape_of(arrays.get(name)) for name in names]
        lengths = [x[0] for x in shapes if len(x) == 1 and x[0] <= _MAX_WIDTH]
        widths.append([*lengths, *widths[-1:], stylegan_parts.W_DIM][0])
    layers = count(lambda i: stylegan_parts.numbered(dense_bias, i), arrays)
    return Sizes(tuple(widths), layers)
