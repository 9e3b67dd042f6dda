"""`pie edit`: turns a head, changes an expression or the light."""

import argparse
from pathlib import Path

from pie_jax.cli import arguments
from pie_jax.cli.arguments import count

EXAMPLES = """examples:
  pie edit embedded/anna --yaw 20 --pitch -5
  pie edit embedded/anna --yaw 20 --quick           half of the time, less like the person
  pie edit embedded/anna --yaw +=10                 ten degrees more than now
  pie edit embedded/anna --expression smile=0.7,jawOpen=0.2
  pie edit embedded/anna --expression neutral       or neutral,browsUp=0.5
  pie edit embedded/anna --light azimuth=50,elevation=20,colour=#ffd9b0
  pie edit embedded/anna --pose-from other.jpg --light-from another.jpg
  pie edit embedded/anna --sweep yaw=-30:30:7       strip.png and sweep.gif
  pie edit embedded/anna --yaw 15 --sweep smile=0:1:5
  pie edit embedded/anna --roll 10 --yaw 15 --paste-back anna.jpg
  pie edit embedded/anna --beta 7=0.5,12+=1 --sh 3+=0.1    the paper's coefficients
  pie edit projected_w.npz --yaw 20 --config stylegan2 \\
      --config.files.generator=stylegan2.safetensors \\
      --config.files.rig_rotation=rig_rotation_stylegan2.safetensors

A number replaces what is there, "+=" adds to it (+=-10 takes away). Degrees: yaw to
the viewer's right, pitch upwards, roll counter-clockwise. Expressions are amounts, 0
to 1, of ARKit's units (jawOpen, browInnerUp, ...) and of smile, frown, blink, squint,
eyesWide, browsUp, browsDown, sneer, ...; what is not named stays. Light: azimuth (90
is the viewer's right) and elevation in degrees, strength (0 from everywhere, 1 a lamp),
intensity (1 as it is), colour (#RRGGBB, a filter before what is there). Coefficients are
those of theta.json and edit.json: expression 0 to 63, illumination 0 to 26, which is
red, green and blue of each of nine spherical harmonics.

The folder gets edited.png, edit.json (what was asked for and achieved, errors, what
else changed), and what the other options add. All pictures say in their metadata that
they are synthetic. Edit portraits only of people who agreed to it.
"""

_STEPS = 24
"""`editing.refine.STEPS`, which is not imported to show help."""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Adds `pie edit`."""
    parser = subparsers.add_parser(
        "edit",
        help="turn an embedded head, change its expression or light",
        description="Edits a portrait that `pie embed` embedded.",
        epilog=EXAMPLES,
    )
    parser.add_argument(
        "source",
        metavar="DIR/STEM",
        type=Path,
        help="a portrait's folder, or another project's code (.npy, .npz, .pt)",
    )
    _add_targets(parser)
    _add_options(parser)
    _add_output(parser)
    # Without a configuration, the portrait's own generator is taken.
    arguments.add_config(parser, default=None)
    parser.set_defaults(run=run)


def _add_targets(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what to change")
    for name in ("yaw", "pitch", "roll"):
        group.add_argument(f"--{name}", metavar="DEG", help="degrees, or +=DEGREES")
    group.add_argument(
        "--expression",
        metavar="NAME=X,...",
        help="names and amounts, see below; neutral",
    )
    group.add_argument(
        "--light", metavar="NAME=X,...", help="names and amounts, see below"
    )
    group.add_argument(
        "--beta",
        metavar="N=X,...",
        help="numbers of the expression, 0 to 63, by themselves",
    )
    group.add_argument(
        "--sh", metavar="N=X,...", help="spherical harmonics of the light, 0 to 26"
    )
    for name in ("pose", "expression", "light"):
        group.add_argument(
            f"--{name}-from", metavar="PHOTO", type=Path, help="as in this photograph"
        )
    group.add_argument(
        "--fit-steps",
        metavar="N",
        type=count,
        default=0,
        help="steps of fitting the face model to these photographs (default: none)",
    )
    group.add_argument(
        "--sweep", metavar="NAME=A:B:N", help="N pictures, one amount from A to B"
    )


def _add_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("how")
    group.add_argument(
        "--feedback",
        metavar="N",
        type=count,
        default=1,
        help="rounds that correct what was not achieved (default: 1); with 2 or 3 poses "
        "and lights come nearer, and expressions may be overdone",
    )
    fine = group.add_mutually_exclusive_group()
    fine.add_argument(
        "--refine",
        metavar="N",
        type=count,
        help="steps of descent from the rigs' answer, by which it becomes more like the "
        f"person and nearer to what was asked (default: {_STEPS}; of a sweep the first, middle and last edit)",
    )
    fine.add_argument(
        "--quick",
        dest="refine",
        action="store_const",
        const=0,
        help="the rigs alone: leaves the refinement out, which takes five seconds or so",
    )
    group.add_argument(
        "--together",
        action="store_true",
        help="several components at once; one after another without it",
    )
    group.add_argument(
        "--background",
        choices=("keep", "edited"),
        default="keep",
        help="keep the photograph's (default), or take what the generator makes",
    )


def _add_output(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("results")
    group.add_argument(
        "--out",
        metavar="DIR",
        type=Path,
        help="folder of the results (default: DIR/STEM/edits/<what was asked for>; of "
        "a file FILE-edits/...)",
    )
    group.add_argument(
        "--paste-back",
        metavar="PHOTO",
        type=Path,
        help="write pasted.png too: the edit in the full photograph",
    )
    group.add_argument(
        "--overwrite", action="store_true", help="replace another edit's results"
    )


def run(args: argparse.Namespace) -> int:
    """Edits one portrait; the exit status."""
    from pie_jax.core.errors import PieError
    from pie_jax.workflows import edit, requests
    from pie_jax.workflows.shoot import Options

    photos = {
        "rotation": args.pose_from,
        "expression": args.expression_from,
        "illumination": args.light_from,
    }
    angles = {name: getattr(args, name) for name in requests.ANGLES}
    raw = {"beta": args.beta, "sh": args.sh}
    request = requests.request(angles, args.expression, args.light, photos, raw)
    sweep = requests.sweep(args.sweep) if args.sweep else None
    if request == requests.Request() and sweep is None:
        raise PieError(
            "nothing to change: say --yaw 20, --expression smile=0.7, ...; "
            "`pie edit --help` shows more"
        )
    refine = _STEPS if args.refine is None else args.refine
    options = Options(
        feedback=args.feedback,
        together=args.together,
        keep_background=args.background == "keep",
        refine=refine,
        fit_steps=args.fit_steps,
        paste_back=args.paste_back,
    )
    out = edit.edit_portrait(
        args.source,
        request,
        sweep,
        options,
        out=args.out,
        config=args.config,
        overrides=args.overrides,
        overwrite=args.overwrite,
    )
    print(out)
    return 0
