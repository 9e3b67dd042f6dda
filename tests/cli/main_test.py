import os
import shutil
import subprocess
import sys

import pytest

from pie_jax.cli import align, embed, main, output
from pie_jax.core.errors import PieError
from tests import builders

NAMES = (
    "align", "embed", "edit", "ui", "sheet", "synthesize", "fit", "export", "weights",
    "convert", "demo",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_the_help_of_every_command_shows_examples(name, capsys):
    with pytest.raises(SystemExit, match="0"):
        builders.pie(name, "--help")
    shown = capsys.readouterr().out
    assert shown.startswith(f"usage: pie {name}")
    assert f"examples:\n  pie {name}" in shown


def test_the_top_help_names_every_command(capsys):
    with pytest.raises(SystemExit, match="0"):
        builders.pie("--help")
    shown = capsys.readouterr().out
    assert all(f"\n    {name}" in shown for name in NAMES)
    assert "pie demo" in shown and len(NAMES) == len(main.COMMANDS)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "paint",
        "align face.jpg --out face.png --frobnicate",
        "align face.jpg --out face.png --config.batch_size=2",
        "embed face.jpg --out out --frobnicate=3",
        "embed face.jpg",
        "synthesize code --out a.png --frobnicate",
        "weights --list --verify",
        "convert stylegan2 --out a.safetensors",
        "export embedded/face",
        "fit face.jpg",
        "demo --out a b",
    ],
)
def test_wrong_usage_exits_with_2_and_says_how_it_is_used(line, capsys):
    with pytest.raises(SystemExit) as status:
        builders.pie(*line.split())
    assert status.value.code == 2
    assert "usage: pie" in capsys.readouterr().err


def test_an_error_is_one_line_without_a_traceback(tmp_path, capsys):
    words = ("align", tmp_path / "absent.jpg", "--out", tmp_path / "face.png")
    assert builders.pie(*words) == 1
    shown = capsys.readouterr()
    assert shown.out == "" and shown.err.count("\n") == 1
    assert shown.err.startswith("pie: ") and "absent.jpg" in shown.err


@pytest.mark.parametrize("position", range(5))
def test_debug_raises_the_error_wherever_it_stands(tmp_path, position):
    words = ["align", tmp_path / "absent.jpg", "--out", tmp_path / "face.png"]
    words.insert(position, "--debug")
    with pytest.raises(PieError, match=r"absent\.jpg"):
        builders.pie(*words)


def test_overrides_reach_the_command_wherever_they_stand(monkeypatch):
    seen = []
    monkeypatch.setattr(embed, "run", lambda args: seen.append(args.overrides) or 0)
    overrides = ["--config.batch_size=2", "--config.stages[0].num_steps=3"]
    assert builders.pie("embed", "a.jpg", *overrides, "--out", "out") == 0
    assert builders.pie("embed", *overrides, "--out", "out", "a.jpg") == 0
    assert builders.pie("embed", "--out", "out", "a.jpg") == 0
    assert seen == [overrides, overrides, []]


@pytest.mark.parametrize(
    "raised, status, message, lines",
    [
        (KeyboardInterrupt, 130, "pie: interrupted; the same command goes on", 1),
        (PermissionError(13, "Permission denied", "a.jpg"), 1, "denied: 'a.jpg'\n", 1),
        (RuntimeError("Out of memory"), 1, "pie: memory ran out (Out of memory): ", 1),
        (MemoryError(), 1, "pie: memory ran out (MemoryError): close other", 1),
        (
            RuntimeError("no such\nthing"),
            1,
            "pie: RuntimeError: no such; --debug sh",
            1,
        ),
    ],
)
def test_what_the_system_reports_shows_no_traceback(
    monkeypatch, capsys, raised, status, message, lines
):
    def interrupted(args):
        raise raised

    monkeypatch.setattr(align, "run", interrupted)
    words = ("align", "a.jpg", "--out", "b.png")
    assert builders.pie(*words) == status
    shown = capsys.readouterr().err
    assert message in shown
    assert shown.count("\n") == lines
    if isinstance(raised, RuntimeError):
        with pytest.raises(RuntimeError):
            builders.pie(*words, "--debug")


HELP_WITHOUT_LIBRARIES = """
import sys
from pie_jax.cli import main
try:
    main.main(["--help"])
finally:
    slow = {"jax", "flax", "optax", "orbax", "dlib", "matplotlib", "skimage", "onnx"}
    print("imported:", sorted(slow & set(sys.modules)))
"""


def test_the_help_imports_no_slow_library():
    run = subprocess.run(
        [sys.executable, "-c", HELP_WITHOUT_LIBRARIES],
        check=True,
        capture_output=True,
        text=True,
    )
    assert run.stdout.splitlines()[-1] == "imported: []"
    assert run.stdout.startswith("usage: pie")


PRINTS = """
import sys
from pie_jax.cli import main
def run(args):
    for _ in range(99):
        print("ü 😀 \\udcf6", flush=True)
        print("ü 😀 \\udcf6", file=sys.stderr)
    open(sys.argv[1], "w").close()
    return 0
main.align.run = run
sys.exit(main.main(["align", "a.jpg", "--out", "b.png"]))
"""


@pytest.mark.parametrize(
    "encoding, shown",
    [
        ("cp1252", b"\xfc \\U0001f600 \\udcf6\n"),
        ("ascii", b"\\xfc \\U0001f600 \\udcf6\n"),
        ("latin-1:strict", b"\xfc \\U0001f600 \\udcf6\n"),
        ("utf-8", b"\xc3\xbc \xf0\x9f\x98\x80 \\udcf6\n"),
    ],
)
def test_what_cannot_be_encoded_is_printed_as_escapes(tmp_path, encoding, shown):
    run = subprocess.run(
        [sys.executable, "-c", PRINTS, tmp_path / "done"],
        env=os.environ | {"PYTHONIOENCODING": encoding},
        capture_output=True,
        check=True,
    )
    assert run.stdout == run.stderr == 99 * shown
    assert (tmp_path / "done").exists()


def test_what_would_command_a_terminal_is_printed_as_escapes(capsys):
    with output.unfailing():
        print("\x1b[31mred.png")
    assert capsys.readouterr().out == "\\x1b[31mred.png\n"


@pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")
@pytest.mark.parametrize(
    "where", [">&- 2>&-", "> /dev/full 2> /dev/full", "2> /dev/full | true"]
)
def test_output_that_nobody_takes_stops_nothing(tmp_path, where):
    run = subprocess.run(
        [
            shutil.which("bash") or "bash",
            "-c",
            f'"$0" -c "$1" "$2" {where}; exit ${{PIPESTATUS[0]}}',
            sys.executable,
            PRINTS,
            str(tmp_path / "done"),
        ],
        check=False,
    )
    assert run.returncode == 0
    assert (tmp_path / "done").exists()
