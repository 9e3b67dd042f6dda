"""Fixtures of several rooms, and what all processes of a run share."""

import contextlib
import dataclasses
import gc
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest
from filelock import FileLock

# Nothing here imports JAX, which reads its environment only once.
_SHARED = "PIE_JAX_TESTS"

_MAPS = Path("/proc/self/maps")
_MANY_MAPS = 30_000
"""Linux lets a process have 65 530 memory maps. A compiled program takes four and more,
and one too many ends the process by a segmentation fault."""


def pytest_configure(config):
    """Keeps compiled programs for all workers, and for the next run."""
    config.addinivalue_line(
        "filterwarnings",
        "ignore:Error (reading|writing) persistent compilation cache:UserWarning",
    )
    if hasattr(config, "workerinput"):
        return
    os.environ[_SHARED] = tempfile.mkdtemp(prefix="pie_jax-tests-")
    kept = (
        config.cache.mkdir("xla") if hasattr(config, "cache") else os.environ[_SHARED]
    )
    os.environ["JAX_COMPILATION_CACHE_DIR"] = str(kept)
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"


def pytest_unconfigure(config):
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ.pop(_SHARED), ignore_errors=True)


def pytest_collection_modifyitems(items):
    """Files that take long come first, lest one process is left with them at the end."""
    long = {item.path for item in items if _as_users_have_it(item)}
    items.sort(key=lambda item: (item.path not in long, len(item.path.parts)))


def pytest_runtest_setup(item):
    """Toys are compiled with few optimisations: that takes two thirds of the time."""
    _optimise(few=not _as_users_have_it(item))


@pytest.hookimpl(trylast=True)  # when the file's own fixtures have gone
def pytest_runtest_teardown(item, nextitem):
    """Lets go of compiled programs between two files, when there are very many."""
    if nextitem is None or nextitem.path == item.path or "jax" not in sys.modules:
        return
    if _MAPS.exists() and _MAPS.read_bytes().count(b"\n") > _MANY_MAPS:
        sys.modules["jax"].clear_caches()
        gc.collect()


def _optimise(*, few: bool) -> None:
    os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = str(few).lower()  # of its processes
    if "jax" in sys.modules:
        sys.modules["jax"].config.update("jax_disable_most_optimizations", few)


def _as_users_have_it(item):
    return any(item.get_closest_marker(name) for name in ("real", "large", "compiled"))


@pytest.fixture
def read_only_folder(tmp_path_factory):
    """A folder that this process may read but not write, also when it is root's."""
    folder = tmp_path_factory.mktemp("read_only")
    folder.chmod(0o555)
    for parent in folder.parents[:3]:  # of this test, worker and run
        parent.chmod(0o755)
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    if root:
        os.seteuid(65534)  # to root every folder is writable
    yield folder
    if root:
        os.seteuid(0)
    folder.chmod(0o755)


@pytest.fixture
def small_files():
    """Lets no file of this process grow beyond some bytes in a block, as on a full disk."""
    resource = pytest.importorskip("resource")

    @contextlib.contextmanager
    def small(size):
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        try:
            yield
        finally:  # else pytest itself could not write its report to a file
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return small


@pytest.fixture
def odd_folder(tmp_path) -> Path:
    """A folder that Orbax takes for a pattern, and TensorStore for no text."""
    folder = tmp_path / os.fsdecode(b"w [1] *?\\ \xf6")
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def cache_folder(tmp_path_factory) -> Path:
    """A weights' cache that has nothing but compiled programs; read only."""
    folder = tmp_path_factory.mktemp("cache")
    programs = Path(os.environ["JAX_COMPILATION_CACHE_DIR"])
    programs.mkdir(parents=True, exist_ok=True)
    (folder / "xla").symlink_to(programs)
    return folder


@pytest.fixture
def no_weights(cache_folder, monkeypatch) -> Path:
    """Lets everything find that cache only."""
    monkeypatch.setenv("PIE_JAX_CACHE", str(cache_folder))
    return cache_folder


@pytest.fixture(scope="session")
def toy_cache(cache_folder, tmp_path_factory) -> Path:
    """The same with a landmark predictor, which finds those of `toys.PHOTO`."""
    from tests import toys

    folder = tmp_path_factory.mktemp("toy_cache")
    (folder / "xla").symlink_to(cache_folder / "xla")
    toys.write_predictor(folder / "landmarks68.dat")
    return folder


@pytest.fixture
def installed(toy_cache, monkeypatch) -> Path:
    """Toys in the place of the package's own networks and face model."""
    from tests import toys

    toys.install(toy_cache, monkeypatch)
    return toy_cache


@dataclasses.dataclass(frozen=True)
class Embedded:
    """A photograph and its embedding by the testing configuration; read only."""

    photo: Path
    folder: Path


@pytest.fixture(scope="session")
def embedded(cache_folder) -> Embedded:
    """Embeds once for all tests of a run that only look at the outcome."""
    from tests import builders

    place = Path(os.environ[_SHARED]) / "embedded"
    photo, out = place / "anna.png", place / "out"
    with FileLock(place.with_suffix(".lock")), pytest.MonkeyPatch.context() as patch:
        if not (out / "anna" / "metrics.json").exists():
            place.mkdir(exist_ok=True)
            builders.square_photo(photo)
            patch.setenv("PIE_JAX_CACHE", str(cache_folder))
            few = os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] == "true"
            _optimise(few=True)  # whichever test comes first
            assert builders.pie("embed", photo, "--out", out, *builders.TRIAL) == 0
            _optimise(few=few)
    return Embedded(photo, out / "anna")


@pytest.fixture
def anna(embedded, tmp_path, installed) -> Path:
    """A portrait's folder that may be changed, and toys to edit it with."""
    return shutil.copytree(embedded.folder, tmp_path / "anna")
