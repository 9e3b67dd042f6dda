from pathlib import Path

import pytest

from experiments import script
from pie_jax.core.errors import PieError


@pytest.mark.parametrize(
    ("error", "ended"),
    [
        (PieError("no samples"), SystemExit),
        (OSError(28, "no samples"), SystemExit),
        (ZeroDivisionError("no samples"), ZeroDivisionError),
    ],
)
def test_what_a_person_can_mend_is_one_line(monkeypatch, error, ended):
    monkeypatch.setenv("GLIBC_TUNABLES", "")  # else the process starts anew

    def main():
        raise error

    with pytest.raises(ended, match="no samples") as raised:
        script.run(main)
    assert "\n" not in str(raised.value)


def test_options_have_the_type_of_their_default():
    parser = script.parser("Tests.", "out", report_every=(5, "steps"), rate=(0.5, ""))
    found = parser.parse_args(["--out", "there", "--report-every", "7"])
    assert (found.out, found.report_every, found.rate) == (Path("there"), 7, 0.5)
