"""RabbitMQ in the lab: the parameters to hand to pika, its nodes, and what its management API tells.

Introduced in 00 Roadmap; the management API in 3.1 Internals, three nodes in 3.2 Quorum queues.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any
from urllib.parse import quote

import pika
import requests

from ..errors import LabError
from ..stacks import perf_test
from .node import System

__all__ = ["RabbitMQ"]

REFUSED = {401: "the user or the password is wrong", 403: "this user may not", 404: "there is no such thing"}


class _SilentError(LabError):
    """A node that runs and does not answer."""


class RabbitMQ(System):
    """The lab's RabbitMQ: one node, or a cluster of three."""

    title = "RabbitMQ"
    sizes = {1: ("rabbitmq",), 3: ("rabbitmq-1", "rabbitmq-2", "rabbitmq-3")}  # noqa: RUF012

    @property
    def params(self) -> pika.ConnectionParameters:
        """`pika.BlockingConnection(lab.rabbitmq.params)`: user `lab`, with a password that this lab made."""
        return self.params_of(1)

    def params_of(self, number: int) -> pika.ConnectionParameters:
        """The same for a node by its number; a client that is to find a living one takes a list of them."""
        host, _, port = self._stack.services[self.node(number).name].address.partition(":")
        known = pika.PlainCredentials("lab", self._stack.password())
        return pika.ConnectionParameters(
            host, int(port), credentials=known, socket_timeout=5, blocked_connection_timeout=30
        )

    @property
    def url(self) -> str:
        """The same as an address, password included, for clients that want one: aio-pika, Java. Print it nowhere."""
        return self.url_of(1)

    def url_of(self, number: int) -> str:
        """The same for a node by its number."""
        params = self.params_of(number)
        secret = quote(params.credentials.password, safe="")
        return f"amqp://{params.credentials.username}:{secret}@{params.host}:{params.port}/%2F"

    @property
    def management(self) -> str:
        """Address of the management page, for a browser."""
        return self._page(self._names[0])

    def _page(self, name: str) -> str:
        return f"http://127.0.0.1:{self._stack.services[name].ports['http']}"

    def api(self, path: str, method: str = "GET", body: Mapping[str, Any] | None = None) -> Any:
        """What the management API answers, by the first node that does: `lab.rabbitmq.api("/nodes")`.

        Args:
            path: below `/api`; names in it are quoted already (the virtual host `/` is `%2F`).

        Returns:
            What the JSON holds; None for an empty answer.

        Raises:
            LabError: no node runs, none answers within 5 s, or it refuses; says what it said.
        """
        trouble = LabError("No node of RabbitMQ runs.", fix="lab.calm()")
        for name in self._names:
            if self._stack.state(name) == "running":
                try:
                    return self._ask(name, path, method, body)
                except _SilentError as error:  # one that is only starting, say: another one may know
                    trouble = error
        raise trouble

    def _ask(self, name: str, path: str, method: str = "GET", body: Mapping[str, Any] | None = None) -> Any:
        address, known = f"{self._page(name)}/api{path}", ("lab", self._stack.password())
        try:
            answer = requests.request(method, address, auth=known, json=body, timeout=5)
        except requests.RequestException as error:
            said = f"{name} does not answer: {method} {path} ({type(error).__name__})."
            raise _SilentError(said, "lab.calm()") from None
        if not answer.ok:
            why = REFUSED.get(answer.status_code, answer.text[:300])
            raise LabError(f"RabbitMQ refuses {method} {path}: {answer.status_code}, {why}.")
        return answer.json() if answer.content else None

    def queue(self, name: str) -> dict[str, Any]:
        """What the management API knows of a queue, up to a second old: `messages`, `type`, `leader`, `online`, ...

        Raises:
            LabError: there is no such queue, or nobody answers.
        """
        found: dict[str, Any] = self.api(f"/queues/%2F/{quote(name, safe='')}")
        return found

    def number(self, node: str) -> int:
        """Which node RabbitMQ means by its own name: `rabbit@rabbitmq-2` and `rabbitmq-2@localhost` are 2."""
        name = next((part for part in node.split("@") if part in self._names), None)
        if name is None:
            raise LabError(f"No node of this lab is called {node!r}; it has {', '.join(self._names)}.")
        return self._names.index(name) + 1

    def perf_test(self, *args: str, timeout: float = 60) -> str:
        """What RabbitMQ's own bench, PerfTest (Java), prints with these options: `"--size", "200"`.

        Raises:
            LabError: there is no Java, or it is not downloaded; it failed, or did not end in time.
        """
        return perf_test(self.url, *args, timeout=timeout)

    @cached_property
    def version(self) -> tuple[int, ...]:
        """What runs here, as the broker says: `(4, 3, 6)`. Processes run what the machine has, from 3.10 on."""
        with pika.BlockingConnection(self.params) as connection:
            said = connection._impl.server_properties["version"]  # pika shows it nowhere else
        return version_of(str(said))

    def ready(self) -> bool:
        """A client can open a channel on every node that runs, and each knows all others that do."""
        run = [number for number, name in enumerate(self._names, 1) if self._stack.state(name) == "running"]
        for number in run:
            with pika.BlockingConnection(self.params_of(number)) as connection:
                connection.channel().close()
            seen = self._ask(self._names[number - 1], "/nodes?columns=name,running")
            if not set(run) <= {self.number(node["name"]) for node in seen if node["running"]}:
                return False
        return True


def version_of(said: str) -> tuple[int, ...]:
    """`4.3.6` as numbers; what follows them (`-rc.1`, `+dfsg`) says nothing to a lesson."""
    return tuple(int(part) for part in re.findall(r"\d+", said.split("-")[0].split("+")[0])[:3])
