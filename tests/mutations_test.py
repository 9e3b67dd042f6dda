"""Damaged files, a few of those that `tests.mutations` reads."""

import subprocess
import sys

from pie_jax.core.errors import PieError
from tests import mutations


def test_nothing_but_errors_that_name_the_file_come_of_damaged_files():
    command = [sys.executable, "-m", "tests.mutations", "--num", "304", "--seed", "3"]
    run = subprocess.run(command, check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-3000:]
    assert run.stdout.endswith("0 failures in 304 inputs\n")


def fails(path):
    raise ValueError("not explained")


def commands_a_terminal(path):
    raise PieError("plain, " + "more memory than there is")


def takes_memory(path):
    assert len(b"1" * (5 * mutations.BYTES))


def takes_long(path):
    while True:
        pass


def reads(path):
    path.read_bytes()


FOUND = {
    fails: "not explained",
    commands_a_terminal: "more memory",
    takes_memory: "GB",
    takes_long: "TooLong",
    reads: "None",
}
ATTEMPT = """
from tests import mutations, mutations_test
mutations.BYTES = 10**8
for read in mutations_test.FOUND:
    # A busy machine may need more than a second to hand out memory.
    mutations.SECONDS = 1 if read is mutations_test.takes_long else 60
    wrong = mutations.attempt(mutations.Kind("a .bin", b"", read), b"content")
    print(repr(str(wrong)))
"""


def test_a_reader_that_does_otherwise_is_found_out():
    # In a process of its own, for an alarm goes off in it.
    command = [sys.executable, "-c", ATTEMPT]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    for line, found in zip(run.stdout.splitlines(), FOUND.values(), strict=True):
        assert found in line
