"""How scripts end."""

import pytest

from experiments import script
from pie_jax.core.errors import PieError


@pytest.mark.parametrize("error", [PieError("no samples"), OSError(28, "no samples")])
def test_what_a_person_can_mend_is_one_line(error):
    def main():
        raise error

    with pytest.raises(SystemExit) as ended:
        script.run(main)
    assert "no samples" in ended.value.code and "\n" not in ended.value.code


def test_a_mistake_of_the_script_is_a_traceback():
    def main():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        script.run(main)
