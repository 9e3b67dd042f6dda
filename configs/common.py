"""What the configurations share: the open stack, and the form of a stage."""

from ml_collections import ConfigDict


def stage(**values) -> ConfigDict:
    """One entry of `config.stages` (see `pie_jax.embedding.stages.stage`).

    `sampler` says where each step takes the v of PIE's eq. 11 to 15 from: "bank" holds
    config.bank_size of them, made once and kept with the weights; "online" makes each
    anew.
    """
    return ConfigDict({"sampler": "bank", **values})


def first_stage() -> ConfigDict:
    """Some steps in W, which keep W+ near W, and lead to a lower energy than W+ alone.

    Larger ones can lose teeth; more bring less. Figures: docs/measurements.md.
    """
    return stage(
        space="w",
        num_steps=8,
        optimizer="adam_short",
        step_size=0.06,
        schedule="plateau",
        coordinates="principal",
    )


def generator_stage(num_steps: int = 80) -> ConfigDict:
    """The last stage, which tunes the generator to the code that was found.

    Figures of other steps and of finer layers: docs/measurements.md.
    """
    return stage(
        space="generator",
        num_steps=num_steps,
        optimizer="adam_blocks",
        step_size=9e-3,
        schedule="plateau",
    )


def get_config() -> ConfigDict:
    """The open default stack, without energy weights and stages."""
    config = ConfigDict()
    # Which networks play the parts; "" leaves a part out.
    config.generator = "mobile_stylegan_ffhq"
    config.perceptual = "vgg16"
    config.recognition = "dlib_resnet"
    # What sees and edits faces; asked for only where a term of the energy needs it.
    config.mofa = "mofa"
    config.face_model = "morphable"
    config.rig = "rignet"
    # What is to be edited: "rotation", "expression" or "illumination".
    config.component = "rotation"
    # Whether edited codes and v are looked at in small pictures, where the generator has such:
    # no network sees more of a face, and a step takes half of the time.
    config.preview_edits = True
    # People in the bank that the stages draw v from.
    config.bank_size = 300
    # Whether all portraits of a batch see the same v in a step, which is made once for
    # all then, or each its own. What that costs: docs/measurements.md.
    config.shares_v = True
    # Of what is drawn at random in the steps, that is, of v.
    config.seed = 0
    # Files that `pie convert` or a training wrote, for parts that are neither installed
    # nor can be fetched, or instead of those; "" takes these.
    parts = ("generator", "perceptual", "recognition", "mofa", "face_model", "encoder")
    rigs = ("rig_rotation", "rig_expression", "rig_illumination")
    config.files = ConfigDict({part: "" for part in (*parts, *rigs)})
    # Where the first stage begins: "mean" is the mean w, "encoder" a linear estimate
    # that was fitted to the generator's samples, or another (`files.encoder`).
    config.start = "mean"
    # Portraits optimised at once; each takes 2 to 3 GB at 1024 pixels.
    config.batch_size = 1
    # Steps between two reports of the progress bar, and between two checkpoints.
    config.report_every = 5
    config.checkpoint_every = 50
    return config
