"""What a lesson talks to: each system's settings for any client, its nodes to break, when it is ready.

A new system is one file here, named below, one recipe in `stacks/recipes/`, and one entry in docker-compose.yml.

Introduced in 00 Roadmap.
"""

from __future__ import annotations

from .aws import Aws
from .connect import Connect
from .kafka import Kafka
from .node import Node, System
from .postgres import Postgres
from .rabbitmq import RabbitMQ

__all__ = ["SYSTEMS", "Aws", "Connect", "Kafka", "Node", "Postgres", "RabbitMQ", "System"]

SYSTEMS: dict[str, type[System]] = {
    "kafka": Kafka,
    "rabbitmq": RabbitMQ,
    "aws": Aws,
    "postgres": Postgres,
    "connect": Connect,
}
