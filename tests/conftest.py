"""Fixtures of several rooms."""

import os

import pytest


@pytest.fixture
def read_only_folder(tmp_path_factory):
    """A folder that this process may read but not write, also when it is root's."""
    folder = tmp_path_factory.mktemp("read_only")
    folder.chmod(0o555)
    for parent in folder.parents[:3]:  # of this test, worker and run
        parent.chmod(0o755)
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    if root:
        os.seteuid(65534)  # to root every folder is writable
    yield folder
    if root:
        os.seteuid(0)
    folder.chmod(0o755)
