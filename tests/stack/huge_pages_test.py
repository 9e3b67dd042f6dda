import os
import platform
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="only glibc has the setting"
)
RESTART = """
import os, platform, sys
from pie_jax.stack import huge_pages
if "elsewhere" in sys.argv:
    platform.libc_ver = lambda: ("", "")
print("started", flush=True)
huge_pages.restart()
print(os.environ.get("GLIBC_TUNABLES"), *sys.argv[1:], sep="|")
"""


@pytest.mark.parametrize(
    "before, word, shown",
    [
        (None, "a b", ["started", "started", "glibc.malloc.hugetlb=1|a b"]),
        # A setting of the user's stays, and another C library has none.
        ("glibc.malloc.check=0", "a", ["started", "glibc.malloc.check=0|a"]),
        (None, "elsewhere", ["started", "None|elsewhere"]),
    ],
)
def test_the_same_command_line_starts_once_more_where_it_helps(before, word, shown):
    environment = {k: x for k, x in os.environ.items() if k != "GLIBC_TUNABLES"}
    run = subprocess.run(
        [sys.executable, "-c", RESTART, word],
        env=environment | ({"GLIBC_TUNABLES": before} if before else {}),
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.splitlines() == shown
