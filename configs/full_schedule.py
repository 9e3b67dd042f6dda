r"""PIE's whole energy by the paper's schedule, on the open stack: 3000 steps of ADADELTA.

pie embed face.jpg --out embedded --config full_schedule
"""

from ml_collections import ConfigDict

from pie_jax.configs import default, paper_schedule


def get_config() -> ConfigDict:
    config = default.get_config()
    config.start = "mean"
    config.preview_edits = False
    config.energy.locality = 0.0  # no stage tunes the generator
    config.stages = paper_schedule.get_config().stages
    return config
