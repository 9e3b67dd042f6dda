"""The rooms: who may import whom, what the pure ones may touch, what is installed."""

import ast
import configparser
import graphlib
import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

LEVEL = {
    "__init__": 0,
    "core": 0,
    "networks": 1,
    "graphics": 1,
    "losses": 1,
    "face": 2,
    "energy": 3,  # its terms render faces
    "editing": 3,
    "training": 4,
    "metrics": 3,
    "embedding": 4,
    "io": 4,
    "configs": 4,
    "converters": 5,
    "stack": 6,
    "photos": 7,
    "workflows": 8,
    "api": 9,
    "ui": 9,
    "cli": 10,
}
"""A file imports its own room and rooms of a lower level only."""

EXACTLY = {
    "io": {"core"},
    "configs": set(),
    "converters": {"networks", "face", "io", "core"},
    "cli": {"core", "io", "photos", "stack", "ui", "workflows"},
}
"""Rooms that may import less, or other, than their level says; and themselves."""

ANYTHING = {"experiments"}
OUTSIDE = {"tests", "experiments"}
"""What nothing but itself imports."""

SHARED_BY_NETWORKS = {
    "layers", "mapping", "picture_vector", "resampling", "resnet", "style_based",
    "vgg_blocks", "wavelets",
}  # fmt: skip
NETWORKS_WITHIN = {
    "mofa": {"dlib_resnet"},
    "rignet": {"own_rig"},
    "to_rgb": {"mobile_stylegan"},
}
"""Whole networks that are a part of another."""
PURE = {k for k, x in LEVEL.items() if x < 5} - {"__init__", "io", "configs"}
SHELL_ONLY = {
    "os", "sys", "io", "pathlib", "logging", "time", "json", "shutil", "subprocess",
    "tempfile", "threading", "urllib", "absl", "tqdm", "PIL", "dlib", "onnx",
    "openvino", "torch", "matplotlib", "skimage", "orbax", "safetensors",
}  # fmt: skip
"""Files, clocks, logging, flags, foreign formats: not for the pure rooms."""

SOURCES = sorted(
    path
    for folder in ("pie_jax", "converters", "configs", "experiments")
    for path in (ROOT / folder).rglob("*.py")
)


def name_of(path):
    return str(path.relative_to(ROOT))


def room_of(module):
    """`pie_jax.io.faces` is in `io`, `pie_jax.metrics` in `metrics`."""
    parts = module.split(".")
    if parts[0] != "pie_jax":
        return parts[0]
    return parts[1] if len(parts) > 1 else "__init__"


def module_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    if parts[0] in ("converters", "configs"):  # installed inside pie_jax
        parts = ("pie_jax", *parts)
    return ".".join(parts)


MODULES = {module_of(path).removesuffix(".__init__"): path for path in SOURCES}


def imports(path):
    """Every module that a file names in an import, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)} has a relative import"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in MODULES else node.module


def rooms_imported(path):
    """Rooms of this project that a file imports, other than its own."""
    rooms = {
        room_of(module)
        for module in imports(path)
        if module.split(".")[0] in {"pie_jax", *OUTSIDE}
    }
    return rooms - {room_of(module_of(path))}


def test_the_files_are_found_and_every_room_has_a_level():
    assert len(SOURCES) > 40
    assert "pie_jax.networks.vgg" in MODULES and "pie_jax.configs.default" in MODULES
    rooms = {room_of(module) for module in MODULES} - {"experiments"}
    assert rooms == LEVEL.keys() >= EXACTLY.keys()


def test_no_file_imports_itself_by_way_of_others():
    graph = {
        module: {name for name in imports(path) if name in MODULES}
        for module, path in MODULES.items()
    }
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_imports_point_downwards(path):
    room = room_of(module_of(path))
    imported = rooms_imported(path)
    assert not imported & OUTSIDE
    if room in EXACTLY:
        allowed = EXACTLY[room] | {"__init__"}
    elif room in ANYTHING:
        allowed = LEVEL.keys()
    else:
        allowed = {other for other, level in LEVEL.items() if level < LEVEL[room]}
    assert imported <= allowed


@pytest.mark.parametrize(
    "path", sorted((ROOT / "pie_jax" / "networks").glob("*.py")), ids=name_of
)
def test_networks_meet_only_in_what_they_share(path):
    prefix = "pie_jax.networks."
    siblings = {m.removeprefix(prefix) for m in imports(path) if m.startswith(prefix)}
    assert siblings <= SHARED_BY_NETWORKS | NETWORKS_WITHIN.get(path.stem, set())


@pytest.mark.parametrize(
    "path", [p for p in SOURCES if room_of(module_of(p)) in PURE], ids=name_of
)
def test_pure_rooms_touch_nothing_outside_the_program(path):
    assert not {module.split(".")[0] for module in imports(path)} & SHELL_ONLY


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.py")), ids=name_of)
def test_configurations_import_only_ml_collections_and_themselves(path):
    for module in imports(path):
        assert module == "ml_collections" or module.startswith("pie_jax.configs")


def test_only_the_shell_sees_a_configuration():
    seen = {
        room_of(module_of(path))
        for path in SOURCES
        if "ml_collections" in {module.split(".")[0] for module in imports(path)}
    }
    assert seen <= {"stack", "workflows", "api", "configs", "experiments"}


def options(section="options"):
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser[section]


def test_every_room_is_installed():
    listed = set(options()["packages"].split())
    packages = {
        module_of(path).removesuffix(".__init__")
        for path in SOURCES
        if path.name == "__init__.py"
    }
    assert listed == {name for name in packages if not name.startswith("experiments")}
    for path in SOURCES:
        assert (path.parent / "__init__.py").exists(), name_of(path)


NO_LIST_OF_MODULES = {"dlib": "dlib-bin"}
"""Distributions that do not say which modules they bring."""


def test_every_imported_distribution_is_required():
    # The readers of some foreign formats are imported only where they are needed.
    extras = options("options.extras_require")
    optional = extras["convert"] + extras["ui"]
    listed = options()["install_requires"] + optional
    required = set(re.findall(r"^[\w-]+", listed, re.MULTILINE))
    distributions = metadata.packages_distributions()
    for module, path in MODULES.items():
        if module.startswith("experiments"):  # not installed
            continue
        for imported in imports(path):
            top = imported.split(".")[0]
            if top in sys.stdlib_module_names or top == "pie_jax":
                continue
            names = distributions.get(top, [NO_LIST_OF_MODULES.get(top, top)])
            names = {name.lower().replace("_", "-") for name in names}
            assert names & required, f"{name_of(path)} imports {imported}"


def run_python(program, **environment):
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_importing_the_package_imports_nothing_heavy_nor_computes_in_any_module():
    program = "import sys, pie_jax; print(*sys.modules)"
    result = run_python(program)
    assert result.returncode == 0, result.stderr
    loaded = set(result.stdout.split())
    assert "pie_jax" in loaded
    assert not loaded & {"jax", "numpy", "flax", "dlib", "PIL", "onnx", "openvino"}

    modules = [m for m in MODULES if not m.startswith("experiments")]
    program = (
        f"import importlib\nfor module in {modules}: importlib.import_module(module)\n"
        "print('imported')\nimport jax.numpy\njax.numpy.zeros(1)"
    )
    # Without any device the first computation fails: the one at the end, on purpose.
    result = run_python(program, JAX_PLATFORMS="nonesuch")
    assert result.stdout.split() == ["imported"], result.stderr
    assert "Unable to initialize backend" in result.stderr
