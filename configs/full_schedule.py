r"""PIE's whole energy by the paper's schedule, on the open stack: 3000 steps of ADADELTA.

pie embed face.jpg --out embedded --config full_schedule
"""

from ml_collections import ConfigDict

from pie_jax.configs import full, paper_schedule


def get_config() -> ConfigDict:
    config = full.get_config()
    config.stages = paper_schedule.get_config().stages
    return config
