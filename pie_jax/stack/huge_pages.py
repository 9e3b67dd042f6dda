"""Starts the program anew with an allocator that uses huge pages (Linux, glibc).

XLA's CPU backend takes hundreds of megabytes for each call and gives them back after
it. In pages of 4 KB the kernel spends up to a third of a generator's forward pass on
handing them out. glibc reads the setting at start only.
"""

import os
import platform
import sys

_VARIABLE = "GLIBC_TUNABLES"


def restart() -> None:
    """Replaces this process by the same command line with huge pages, once.

    Does nothing where the variable is set already, or on another C library.
    """
    if _VARIABLE in os.environ or platform.libc_ver()[0] != "glibc":
        return
    os.environ[_VARIABLE] = "glibc.malloc.hugetlb=1"
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
