"""What messages tell the user to do can be done."""

import argparse
import ast
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from pie_jax.cli import main
from pie_jax.stack import configuration
from tests import builders

PACKAGE = Path(main.__file__).parents[1]
OF_PIP = {"--dest", "--hash", "--no-deps", "--no-input", "--progress-bar"} | {
    "--require-hashes",
    "--requirement",
}


def named() -> set[str]:
    """All options in the texts of the package, but for docstrings."""
    found = set()
    for file in PACKAGE.rglob("*.py"):
        nodes = list(ast.walk(ast.parse(file.read_text())))
        texts = {
            id(node.value)
            for node in nodes
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        }
        for node in nodes:
            if isinstance(node, ast.Constant) and id(node) not in texts:
                found |= set(re.findall(r"--[a-z][a-z_.-]*[a-z]", str(node.value)))
    return found - OF_PIP


def known() -> set[str]:
    (commands,) = (
        action.choices
        for action in main.parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    parsers = [main.parser(), *commands.values()]
    options = {x for parser in parsers for x in parser._option_string_actions}
    config = configuration.load(configuration.DEFAULT)
    values = {f"--config.{name}" for name in config}
    files = {f"--config.files.{name}" for name in config.files}
    return options | values | files | {"--config.files"}


def test_every_option_that_a_text_names_is_one():
    examples = {"--config.a.b"}
    assert "--overwrite" in named() and "--config.files.generator" in named()
    assert named() - known() - examples == set()


def test_an_edit_takes_an_array_of_the_generator_s_inputs_for_one_code(
    anna, tmp_path, capsys
):
    assert builders.pie("export", anna, "--out", tmp_path / "c.npy") == 0
    code = tmp_path / "c.npy"
    np.save(code, np.load(code)[0])
    words = ("--config", "testing", "--yaw", "+=5", "--out", tmp_path / "edit")
    assert builders.pie("edit", code, *words) == 0
    assert (
        builders.pie("synthesize", code, "--out", tmp_path / "a.png", *words[:2]) == 1
    )
    assert "--space w_plus" in capsys.readouterr().err
    words = ("--out", tmp_path / "a.png", *words[:2], "--space", "w_plus")
    assert builders.pie("synthesize", code, *words) == 0


@pytest.mark.parametrize("command", [("edit", "--yaw", "3"), ("sheet",)])
def test_a_portrait_without_its_photograph_says_which_file_lacks(
    embedded, tmp_path, capsys, command
):
    folder = shutil.copytree(embedded.folder, tmp_path / "anna")
    (folder / "aligned.png").unlink()
    name, *words = command
    assert builders.pie(name, folder, *words) == 1
    shown = capsys.readouterr().err
    assert "aligned.png is not there any more" in shown
    assert "pie embed --overwrite" in shown


@pytest.mark.parametrize("chosen", [None, "~/cache", "~nobody_at_all/cache"])
def test_who_has_no_home_is_told_to_choose_a_cache(
    monkeypatch, embedded, tmp_path, capsys, chosen
):
    monkeypatch.setattr(Path, "expanduser", no_home)
    monkeypatch.setattr("platformdirs.user_cache_path", no_home)
    if chosen:
        monkeypatch.setenv("PIE_JAX_CACHE", chosen)
    else:
        monkeypatch.delenv("PIE_JAX_CACHE", raising=False)
    words = ("embed", embedded.photo, "--out", tmp_path / "out", *builders.TRIAL)
    assert builders.pie(*words) == 1
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1 and "set PIE_JAX_CACHE" in shown
    assert "memory" not in shown
    assert not (tmp_path / "out").exists()


def no_home(*_: object, **__: object) -> Path:
    raise RuntimeError("Could not determine home directory.")
