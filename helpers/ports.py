"""Ports of this machine: whether one is free, and one that is.

Introduced in 00 Roadmap (the shop's services; behind `Lab.start`).
"""

from __future__ import annotations

import random
import socket
from collections import deque
from collections.abc import Collection

__all__ = ["free_port", "is_free"]


def is_free(port: int) -> bool:
    """Whether nobody listens on this port of 127.0.0.1, and one may."""
    with socket.socket() as probe:
        probe.settimeout(0.2)
        if probe.connect_ex(("127.0.0.1", port)) == 0:  # macOS lets one bind beside somebody who listens on 0.0.0.0
            return False
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_port(used: Collection[int] = ()) -> int:
    """A port of 127.0.0.1 where nobody listens, below those that systems hand to clients.

    A client that got the port of a dead broker would keep it from starting again; one that calls a dead service from
    the service's own port would even reach itself. Two labs that start at once never get the same one: seconds pass
    before a service listens, so that who draws a port claims it.
    """
    ports = random.SystemRandom().sample(range(20_000, 32_000), 1_000)  # a notebook may have seeded the common one
    return next(port for port in ports if port not in used and is_free(port) and _claim(port))


_claims: deque[socket.socket] = deque(maxlen=64)  # the ports of several starts; the oldest listen by then


def _claim(port: int) -> bool:
    """Bind the UDP port of this number, which no service of the lab uses; free when this process ends."""
    claim = socket.socket(type=socket.SOCK_DGRAM)
    try:
        claim.bind(("127.0.0.1", port))
    except OSError:
        claim.close()
        return False
    if len(_claims) == _claims.maxlen:
        _claims.popleft().close()
    _claims.append(claim)
    return True
