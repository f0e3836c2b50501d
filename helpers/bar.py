"""A progress bar where somebody looks at one: a terminal or a notebook. In a log file it would be noise.

Introduced in 00 Roadmap.
"""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["progress_bar"]


def progress_bar(total: int, title: str, *, show: bool = True, **how: Any) -> Any:
    """A tqdm bar over `total` units; in a log, only its title is printed.

    Args:
        show: False for no bar at all.
        how: anything else that tqdm takes (`unit`, `unit_scale`, `bar_format`).
    """
    from tqdm.auto import tqdm

    ipython = sys.modules.get("IPython")  # imported by every kernel, and by nobody who has none
    seen = sys.stderr.isatty() or hasattr(ipython and ipython.get_ipython(), "kernel")
    if show and not seen:
        print(f"{title} ...", file=sys.stderr, flush=True)
    return tqdm(total=total, desc=title, disable=not (show and seen), **how)
