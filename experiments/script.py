"""How a script of this folder ends when something outside it is wrong."""

import sys
from collections.abc import Callable

from pie_jax.core.errors import PieError


def run(main: Callable[[], None]) -> None:
    """Calls `main`; what a person can mend is one line on stderr, the status 1."""
    try:
        main()
    except (PieError, OSError) as error:
        sys.exit(f"{sys.argv[0].rsplit('/', 1)[-1]}: {error}")
