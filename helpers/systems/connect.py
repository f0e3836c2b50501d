"""Kafka Connect in the lab: its REST API, what a connector is told of the database, and its node to break.

Introduced in lesson 4.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any
from urllib.parse import quote

import requests

from ..errors import LabError, java_cause
from ..wait import wait_until
from .node import System

__all__ = ["Connect"]


class Connect(System):
    """One worker of Kafka Connect, with Debezium's connector for PostgreSQL.

    Example:
        >>> lab.connect.configure("shop", {**lab.connect.source, "topic.prefix": "shop"})
    """

    title = "Kafka Connect"
    sizes = {1: ("connect",)}  # noqa: RUF012
    needs = ("kafka", "postgres")

    @property
    def url(self) -> str:
        """Where its REST API listens: `requests.get(f"{lab.connect.url}/connectors")`."""
        return f"http://{self._stack.services[self._names[0]].address}"

    @property
    def source(self) -> dict[str, str]:
        """What a connector starts from: the lab's PostgreSQL, seen from where Connect runs; one broker for its topics.

        The password is named and not told: the worker has it in its environment.
        """
        inside = self._stack.name == "containers"
        host, _, port = (
            "postgres:5432".partition(":") if inside else self._stack.services["postgres"].address.partition(":")
        )
        return {
            "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
            "plugin.name": "pgoutput",
            "database.hostname": host,
            "database.port": port,
            "database.dbname": "shop",
            "database.user": "shop",
            "database.password": "${env:LAB_PASSWORD}",
            # without these, Connect leaves it to the brokers to make topics, and ours make none by themselves
            "topic.creation.default.partitions": "1",
            "topic.creation.default.replication.factor": "1",
        }

    def api(self, path: str, method: str = "GET", body: Mapping[str, Any] | None = None) -> Any:
        """What the REST API answers: `lab.connect.api("/connectors")`.

        Returns:
            What the JSON holds; None for an empty answer.

        Raises:
            LabError: it does not answer within 10 s, or it refuses (a wrong configuration, say); says what it said.
        """
        try:
            answer = requests.request(method, f"{self.url}{path}", json=body, timeout=10)
        except requests.RequestException as error:
            said = f"Kafka Connect does not answer: {method} {path} ({type(error).__name__})."
            raise LabError(said, "lab.calm()") from None
        if not answer.ok:
            raise LabError(f"Kafka Connect refuses {method} {path}: {answer.status_code}, {_said(answer)}")
        return answer.json() if answer.content else None

    def configure(self, connector: str, config: Mapping[str, str], timeout: float = 60) -> None:
        """Create a connector, or change it: `PUT /connectors/NAME/config`, validated before, until its task runs.

        Kafka Connect 4.3 answers a wrong configuration with 500 and a NullPointerException; what is wrong is known to
        `PUT /connector-plugins/CLASS/config/validate` only. A setting that is misspelt is no error to either.

        Args:
            timeout: seconds.

        Raises:
            LabError: something is wrong in it, or misspelt (says what); another connector reads its replication slot;
                it failed, or did not run in time.
        """
        name, kind = quote(connector, safe=""), config.get("connector.class", "").rpartition(".")[2]
        found = self.api(f"/connector-plugins/{kind}/config/validate", "PUT", {**config, "name": connector})
        values = [each["value"] for each in found["configs"] if each["value"]]
        if wrong := [f"{value['name']}: {'; '.join(value['errors'])}" for value in values if value["errors"]]:
            raise LabError(f"The connector {connector!r} is not configured: {' '.join(wrong)}", "mend these settings")
        known = {each["definition"]["name"] for each in found["configs"] if each["definition"]}
        for setting in {*config} - known:
            if near := get_close_matches(setting, known, n=1, cutoff=0.9):
                raise LabError(f"No connector knows the setting {setting!r}.", fix=f"did you mean {near[0]!r}?")
        slot = config.get("slot.name", "debezium")
        for other, about in self.api("/connectors?expand=info").items():
            if other != connector and about["info"]["config"].get("slot.name", "debezium") == slot:
                said = f"The connector {other!r} reads the replication slot {slot!r}; a slot has one reader."
                raise LabError(said, fix="give this one a slot.name of its own, or delete that connector")
        self.api(f"/connectors/{name}/config", "PUT", config)
        self.running(connector, timeout)

    def status(self, connector: str) -> dict[str, Any]:
        """Its state and its task's: `{"connector": "RUNNING", "task": "FAILED", "trace": "..."}`; "" if unknown."""
        try:
            found = self.api(f"/connectors/{quote(connector, safe='')}/status")
        except LabError as error:
            if "404" in error.message:
                return {"connector": "", "task": "", "trace": ""}
            raise
        task = next(iter(found["tasks"]), {"state": ""})
        trace = task.get("trace") or found["connector"].get("trace") or ""
        return {"connector": found["connector"]["state"], "task": task["state"], "trace": trace}

    def running(self, connector: str, timeout: float = 60) -> None:
        """Wait until a connector and its task run.

        Args:
            timeout: seconds.

        Raises:
            LabError: it failed (says why, in the connector's own words), or it did not run in that time.
        """

        def runs() -> bool:
            now = self.status(connector)
            if "FAILED" in (now["connector"], now["task"]):
                raise LabError(
                    f"The connector {connector!r} failed: {java_cause(now['trace'])}", "mend its configuration"
                )
            return (now["connector"], now["task"]) == ("RUNNING", "RUNNING")

        wait_until(runs, timeout, f"the connector {connector!r} runs", lambda: self.status(connector))

    def ready(self) -> bool:
        """It lists its connectors: before it has read its own topics, it answers 404 or an error."""
        return requests.get(f"{self.url}/connectors", timeout=5).ok


def _said(answer: requests.Response) -> str:
    """The message of an error; the errors of a configuration come several to a message."""
    try:
        return str(answer.json()["message"])[:600]
    except (ValueError, KeyError, TypeError):
        return answer.text[:300]
