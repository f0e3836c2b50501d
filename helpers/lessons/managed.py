"""The judges of lesson 3.3's exercises: a time-out, a pattern, the group of a message; each is asked of the service.

Introduced in lesson 3.3.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack
from itertools import combinations
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ..bar import stages
from ..teaching.attempt import attempt
from .exercises import Verdict
from .made_on_aws import bodies_of, drop_rule, may_send, queue_for_now

__all__ = ["group", "pattern", "time_out"]

Fresh = Callable[[str], str]
WORK, BACK = 2, 4  # a task takes so long [s]; a dead worker's task is wanted back within so long
TRIES = 4


def time_out(aws: Any, fresh: Fresh, seconds: object) -> Verdict:
    """Whether a visibility timeout [s] outlasts a task, and gives a dead worker's task back in time."""
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not 0 <= seconds <= 43_200:
        return False, f"{seconds!r} is no visibility timeout", "whole seconds, 0 to 43200 (12 hours)"
    sqs = aws.client("sqs")
    with stages("Workers", 2) as stage:
        stage("one is at work")
        if _comes_again(sqs, fresh, seconds, WORK):
            why = f"while the first worker was at its {WORK} s of work, a second one got the same task"
            return False, why, "the time-out has to outlast the work"
        stage("one is dead")
        if not _comes_again(sqs, fresh, seconds, BACK):
            why = f"{BACK} s after a worker died, nobody had got its task"
            return False, why, "a time-out that is too long costs nothing, until a worker dies"
    return True, f"with {seconds} s one worker did the first task, and the second came back from the dead", ""


def _comes_again(sqs: Any, fresh: Fresh, seconds: int, within: int) -> bool:
    """Whether a task that a worker has comes to a second one, with this time-out, within so long [s].

    A try in which this machine or the service stood still says nothing, and is made again: what came had been there
    for longer than its time-out, or what had to come came late.
    """
    due, came = seconds <= within, False
    for _ in range(TRIES):
        with ExitStack() as stack:
            queue = queue_for_now(sqs, stack, fresh("time-out"), VisibilityTimeout=str(seconds))
            sqs.send_message(QueueUrl=queue, MessageBody="a task")
            asked = time.monotonic()
            waits = (2, within + due)
            first, again = (sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=n).get("Messages") for n in waits)
            came, in_time = bool(again), time.monotonic() - asked < seconds
        if first and (came == due or in_time):
            return came
    return came


EVENTS: Mapping[str, tuple[str, dict[str, object], bool]] = {  # name -> source, detail, whether it is wanted
    "from Berlin, 900 €": ("shop", {"country": "de", "price": 900}, True),
    "from Vienna, 100 €": ("shop", {"country": "at", "price": 100}, True),
    "from Vienna, 99.50 €": ("shop", {"country": "at", "price": 99.5}, False),
    "from Paris, 500 €": ("shop", {"country": "fr", "price": 500}, False),
    "from Zurich, 500 €": ("shop", {"country": "ch", "price": 500}, False),
    "a test from Berlin, 120 €": ("shop", {"country": "de", "price": 120, "test": True}, False),
    "a refund from Berlin, 300 €": ("refunds", {"country": "de", "price": 300}, False),
}


def pattern(aws: Any, fresh: Fresh, wanted: object) -> Verdict:
    """Whether a rule with this pattern lets through what is wanted, and nothing else."""
    sqs, events = aws.client("sqs"), aws.client("events")
    with ExitStack() as stack:
        bus, rule = fresh("bus"), fresh("rule")
        events.create_event_bus(Name=bus)
        stack.callback(events.delete_event_bus, Name=bus)
        try:
            made = events.put_rule(Name=rule, EventBusName=bus, EventPattern=json.dumps(wanted))["RuleArn"]
        except (ClientError, BotoCoreError, TypeError, ValueError) as error:
            hint = 'a dict as in the rule above; what is compared stands in a list: {"source": ["shop"]}'
            return False, f"EventBridge refuses the pattern: {error}", hint
        stack.callback(drop_rule, events, rule, bus)
        queue = queue_for_now(sqs, stack, fresh("matched"))
        target = may_send(sqs, queue, "events.amazonaws.com", made)
        events.put_targets(Rule=rule, EventBusName=bus, Targets=[{"Id": "1", "Arn": target}])
        for name, (source, detail, _) in EVENTS.items():
            entry = {"Source": source, "DetailType": name, "Detail": json.dumps(detail), "EventBusName": bus}
            events.put_events(Entries=[entry])
        came = {json.loads(body)["detail-type"] for body in bodies_of(sqs, queue, aws.patience)}
    for name, (_, _, right) in EVENTS.items():
        if (name in came) != right:
            said = f"the one {name} {'came through' if name in came else 'was stopped'}"
            return False, f"{len(came)} of {len(EVENTS)} events came through; {said}", _hint(name, wanted)
    return True, f"{len(came)} of {len(EVENTS)} events came through: those that are wanted", ""


def _hint(name: str, wanted: object) -> str:
    if EVENTS[name][2]:  # it was stopped
        detail = wanted.get("detail") if isinstance(wanted, dict) else None
        if not isinstance(detail, dict):
            return 'country, price and test are fields of "detail": {"detail": {"country": [...], ...}}'
        if "test" in detail and detail["test"] != [{"exists": False}]:
            return 'a wanted order has no field test at all: [{"exists": False}]'
    hints = {"test": '"test": [{"exists": False}]', "refund": '"source": ["shop"] stands beside "detail"'}
    prices = 'two countries in one list, and from 100 € on: "price": [{"numeric": [">=", 100]}]'
    return next((hint for word, hint in hints.items() if word in name), prices)


# The customer of each order: a letter or a part of a name does not tell all four apart, and no number does.
CUSTOMERS = "b.born a.berg a.born b.berg b.born a.born a.berg b.berg a.berg b.born b.berg a.born"
ORDERS = [*enumerate(CUSTOMERS.split(" "))]
STUCK = 1  # the number of the order that cannot be handled


def group(aws: Any, fresh: Fresh, group_of: Callable[[dict[str, Any]], Any]) -> Verdict:
    """Whether these groups let no order overtake one of its customer's, and stop nobody else, while one is stuck."""
    sqs, done, groups = aws.client("sqs"), list[int](), dict[int, str]()
    with ExitStack() as stack:
        queue = queue_for_now(sqs, stack, fresh("grouped") + ".fifo", FifoQueue="true", VisibilityTimeout="30")
        for n, customer in ORDERS:
            named, trouble = attempt(group_of, {"number": n, "customer": customer})
            if trouble or not isinstance(named, str) or not named:
                why = f"group_of({{'number': {n}, ...}}) {trouble or f'returned {named!r}'}"
                of_order = 'an order is a dict with "number" and "customer"'
                return False, why, of_order if trouble else "the name of a group is text"
            try:
                sqs.send_message(
                    QueueUrl=queue, MessageBody=str(n), MessageGroupId=named, MessageDeduplicationId=str(n)
                )
            except ClientError as error:
                return False, f"SQS refuses the group {named!r}: {error}", "letters, digits and punctuation"
            groups[n] = named
        while got := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=1, WaitTimeSeconds=aws.patience).get(
            "Messages"
        ):
            n = int(got[0]["Body"])
            if n != STUCK:  # nobody can handle it: it stays in somebody's hands
                done.append(n)
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=got[0]["ReceiptHandle"])
    return _grouped(groups, done)


def _grouped(groups: Mapping[int, str], done: Collection[int]) -> Verdict:
    """What is said of the groups, by number of the order, and of the orders that were done meanwhile."""
    of = dict(ORDERS)
    stuck, others = ([n for n in of if (of[n] == of[STUCK]) == same] for same in (True, False))
    if passed := sorted({*stuck} & {*done}):
        why = f"order 1 is stuck, and order {passed[0]} of the same customer was done before it"
        return False, why, "what must stay in order belongs into one group"
    if waits := sorted({*others} - {*done}):
        why = f"order 1 is stuck, and order {waits[0]} of another customer waits for it"
        count = len({*groups.values()})
        return False, why, f"{count} group{'s' * (count > 1)} for all: whose order must be kept?"
    for a, b in combinations(of, 2):  # any of them might have been the one that is stuck
        if (groups[a] == groups[b]) != (of[a] == of[b]):
            whose = (
                f"both of {of[a]}, are in two groups" if of[a] == of[b] else f"of {of[a]} and {of[b]}, are in one group"
            )
            return False, f"this time nobody else waited; but orders {a} and {b}, {whose}", "one customer, one group"
    return True, f"order 1 is stuck with the {len(stuck) - 1} behind it; all {len(others)} of the others are done", ""
