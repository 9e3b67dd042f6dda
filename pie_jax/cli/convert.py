"""`pie convert`: turns published files of networks and face models into ours."""

import argparse
import shlex
from pathlib import Path
from typing import Any

DESCRIPTION = """\
Reads a published file and writes what is needed of it as safetensors. Files are read
without running anything in them; one that asks for more than arrays is refused. What
stands in the file's way is listed at once.

The weights stay their makers' work under their makers' licences, which come along in
the header of FILE; docs/weights.md tells where the published files are."""

EXAMPLES = """examples:
  pie convert stylegan2 stylegan2-ffhq-config-f.pkl --out stylegan2.safetensors
  pie embed face.jpg --out embedded --config stylegan2 \\
      --config.files.generator=stylegan2.safetensors
"""


class _Help(argparse.Action):
    """Shows the help, with the kinds, which take a while to import."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        parser.epilog = EXAMPLES + "\nKIND is one of\n" + _kinds()
        parser.print_help()
        parser.exit()


def _kinds() -> str:
    from pie_jax.converters.kinds import KINDS

    return "".join(f"  {name:12} {KINDS[name].description}\n" for name in KINDS)


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Adds `pie convert`."""
    parser = subparsers.add_parser(
        "convert",
        help="turn a published file of weights into one of ours",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
    )
    parser.add_argument(
        "-h",
        "--help",
        action=_Help,
        nargs=0,
        default=argparse.SUPPRESS,
        help="show this help message and exit",
    )
    parser.add_argument("kind", metavar="KIND", help="what is in the file; see below")
    parser.add_argument("file", metavar="FILE", type=Path, help="as it was published")
    parser.add_argument(
        "--out",
        metavar="FILE",
        type=Path,
        required=True,
        help="the .safetensors file to write",
    )
    parser.add_argument(
        "--force", action="store_true", help="replace the file if it exists"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Converts `args.file` into `args.out`; the exit status."""
    from pie_jax.converters.kinds import KINDS
    from pie_jax.core.errors import PieError
    from pie_jax.io import converted, images

    # What can be told from the names is told before anything is read.
    if args.kind not in KINDS:
        raise PieError(
            f"there is no kind {args.kind!r} of files; choose one of {', '.join(KINDS)}"
        )
    images.check_destination(args.out, (".safetensors",))
    if args.out.exists() and not args.force:
        raise PieError(f"{args.out} exists; choose another name, or --force")
    kind = KINDS[args.kind]
    arrays, info = kind.convert(args.file)
    licence = {"licence": kind.licence} if kind.licence else {}
    header = {converted.KIND: args.kind, **licence, **info}
    converted.save(args.out, arrays, header)
    for name, value in header.items():
        print(f"{name:16} {value}")
    print(_use(args.kind, args.out))
    return 0


def _use(kind: str, out: Path) -> str:
    """How commands are told of the file."""
    from pie_jax import catalogue

    for part, table in catalogue.PARTS.items():
        for name, choice in table.items():
            if choice.weights == kind:
                file = shlex.quote(f"--config.files.{part}={out}")
                return f"Written: {out}\nUse it with --config.{part}={name} {file}"
    return f"Written: {out}"
