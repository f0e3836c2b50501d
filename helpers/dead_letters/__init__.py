"""What nobody could handle: look at a dead-letter queue or topic, group it by reason, and send it back.

    >>> from helpers.dead_letters import RabbitMQLot, look, replay
    >>> lot = RabbitMQLot(lab.rabbitmq.params, "orders.parked")
    >>> look(lot).reasons
    {'no price': 3, 'payment does not answer': 8}
    >>> replay(lot, reasons=["payment does not answer"]).moved
    8

It knows no lab. The same from a shell: `python -m helpers playbook dlq --help`.

Introduced in lesson 3.4.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .kafka import KafkaLot
    from .parked import Lot, Moved, Parked, Sight, look, replay
    from .rabbitmq import RabbitMQLot
    from .sqs import SqsLot

__all__ = ["KafkaLot", "Lot", "Moved", "Parked", "RabbitMQLot", "Sight", "SqsLot", "look", "replay"]

_HOMES = {"KafkaLot": "kafka", "RabbitMQLot": "rabbitmq", "SqsLot": "sqs"}


def __getattr__(name: str) -> Any:
    """Import on first use: every command of the lab reads what `playbook` takes, and needs no client for it."""
    if name not in __all__:
        raise AttributeError(f"helpers.dead_letters has no {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(f"helpers.dead_letters.{_HOMES.get(name, 'parked')}"), name)
