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
    """Shows the help, with the kinds."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any, **__: Any) -> None:
        parser.epilog = EXAMPLES + "\nKIND is one of\n" + _kinds()
        parser.print_help()
        parser.exit()


def _kinds() -> str:
    from pie_jax.stack import registry

    kinds = registry.CONVERTIBLE.items()
    return "".join(f"  {name:12} {kind.files}\n" for name, kind in kinds)


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Adds `pie convert`."""
    parser = subparsers.add_parser(
        "convert",
        help="turn a published file of weights into one of ours",
        description=DESCRIPTION,
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
    from pie_jax.core.errors import PieError, printable
    from pie_jax.io import images
    from pie_jax.stack import converted, registry

    # What can be told from the names is told before anything is read.
    kind = registry.kind(args.kind)
    images.check_destination(args.out, (".safetensors",))
    if args.out.exists() and not args.force:
        raise PieError(f"{args.out} exists; choose another name, or --force")
    arrays, info = registry.converter(args.kind)(args.file)
    header = {converted.KIND: args.kind, "licence": kind.licence, **info}
    converted.save(args.out, arrays, header)
    for name, value in header.items():
        print(f"{name:16} {printable(value)}")
    print(_use(args.kind, args.out))
    return 0


def _use(kind: str, out: Path) -> str:
    """How commands are told of the file."""
    from pie_jax.stack import networks

    for part, table in networks.NAMED.items():
        for name, network in table.items():
            if network.weights == kind:
                file = shlex.quote(f"--config.files.{part}={out}")
                # The default asks for what other generators lack.
                named = "--config projection " if part == "generator" else ""
                use = f"Use it with {named}--config.{part}={name} {file}"
                return f"Written: {out}\n{use}"
    return f"Written: {out}"
