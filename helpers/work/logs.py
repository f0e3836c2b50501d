"""What a Kafka client logs: into a list, or nowhere. Without a logger it writes to stderr, with the time of day.

Introduced in lesson 1.2.
"""

from __future__ import annotations

import logging

__all__ = ["SILENT", "logged"]

SILENT = logging.getLogger(f"{__name__}.silent")  # for a client that is meant to be fenced
SILENT.addHandler(logging.NullHandler())
SILENT.propagate = False


def logged(into: list[str]) -> logging.Logger:
    """A logger for a client's setting `logger`: each line that the client logs goes into this list, its level first.

    The lines come with `poll` and `flush`, as callbacks do.
    """

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            into.append(f"{record.levelname} {record.getMessage()}")

    logger = logging.Logger("client")  # of nobody else: nothing is printed
    logger.addHandler(Handler())
    return logger
