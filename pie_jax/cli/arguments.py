"""Arguments that several commands take."""

import argparse

from pie_jax.stack import configuration


def count(text: str) -> int:
    """Reads a number of steps or rounds, for argparse's `type`.

    Raises:
        argparse.ArgumentTypeError: it is no whole number, or below 0.
    """
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(
            f"a number was expected, 0 or more, and {text!r} came"
        )
    return int(text)


def add_config(
    parser: argparse.ArgumentParser, default: str | None = configuration.DEFAULT
) -> None:
    """Adds `--config`; `main` collects the overrides in `args.overrides`."""
    parser.add_argument(
        "--config",
        default=default,
        metavar="FILE",
        help="an ml-collections file, or the name of one that ships with the package "
        f"({', '.join(configuration.shipped())}); --config.a.b=value overrides a value "
        f"of it (default: {default or 'projection, with the generator of the code'})",
    )
    parser.set_defaults(overrides=[])


def add_alignment(parser: argparse.ArgumentParser) -> None:
    """Adds what is to be said of a photograph's face: `--face`, `--aligned`."""
    parser.add_argument(
        "--face", type=int, metavar="N", help="which face, 1 the largest (default)"
    )
    parser.add_argument(
        "--aligned",
        action="store_true",
        help="photographs are aligned already, as `pie align` leaves them",
    )
