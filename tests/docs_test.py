"""What the documents say is there."""

import re
from pathlib import Path

from pie_jax.configs import common
from pie_jax.converters.kinds import KINDS

from pie_jax import catalogue
from pie_jax.cli import config, convert, main, synthesize

DOCS = Path(__file__).resolve().parents[1] / "docs"
TEXT = (DOCS / "weights.md").read_text()


def test_every_kind_of_file_is_told():
    told = set(re.findall(r"`pie convert (\w+)`", TEXT))
    assert told == set(KINDS)


def test_the_commands_that_are_named_exist():
    names = {command.__name__.rpartition(".")[2] for command in main.COMMANDS}
    named = set(re.findall(r"`?pie (\w+) ", TEXT))
    assert named <= names


def test_configurations_and_networks_that_are_named_exist():
    text = TEXT + convert.EXAMPLES + synthesize.EXAMPLES
    for name in re.findall(r"--config (\w+)", text):
        assert name in config.shipped()
    pairs = re.findall(r'config\.(\w+) = "(\w+)"', TEXT)
    assert len(pairs) == 3
    for part, name in pairs:
        assert name in catalogue.PARTS[part]
    for part in re.findall(r"config\.files\.(\w+)=", text):
        assert part in common.get_config().files


def test_the_files_that_are_named_exist():
    names = re.findall(r"`((?:pie_jax|configs|converters)/[\w/]+\.py)`", TEXT)
    assert len(names) >= 5
    for name in names:
        assert (DOCS.parent / name).is_file(), name
