"""How large the StyleGAN in a file is, told from its arrays before they are checked."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from pie_jax.converters import stylegan_parts

# More layers than any network has; bounds the search.
_MAX_COUNT = 32


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


def mapping_layers(bias: str, names: Collection[str]) -> int:
    """How many layers of the mapping have their bias among `names`.

    Args:
        bias: a template for `stylegan_parts.numbered`.
        names: those in the file.
    """
    return count(lambda i: stylegan_parts.numbered(bias, i), names)


def widths(
    biases: Iterable[Collection[str]], arrays: Mapping[str, Any]
) -> tuple[int, ...]:
    """Channels at 4, 8, ... pixels, read off the biases.

    Args:
        biases: names of the biases at each resolution. The first that is there counts;
            where none is, the guess is the resolution before.
        arrays: what the file holds, by name.
    """
    found: list[int] = []
    for names in biases:
        default = found[-1] if found else stylegan_parts.W_DIM
        found.append(_length(names, arrays, default))
    return tuple(found)


def _length(names: Collection[str], arrays: Mapping[str, Any], default: int) -> int:
    """The length of the first of these vectors that is there."""
    for name in names:
        if name in arrays and np.ndim(arrays[name]) == 1:
            return len(arrays[name])
    return default
