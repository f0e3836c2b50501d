"""The causes that a playbook can name: what each means, how bad it is, and what to do next.

Introduced in lesson 2.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

__all__ = ["CAUSES", "Cause", "Weight"]


class Weight(IntEnum):
    """What a cause is to somebody on call; the exit status of the command follows from it."""

    FINE = 0
    TROUBLE = 1
    UNASKED = 2  # it could not be looked at


@dataclass(frozen=True)
class Cause:
    """What a cause means, in a sentence, and the next step."""

    means: str
    next: str
    weight: Weight = Weight.TROUBLE


CAUSES = {
    "healthy": Cause("The group keeps up.", "Nothing to do.", Weight.FINE),
    "empty": Cause("There is nothing to consume.", "Check the producers, if records were expected.", Weight.FINE),
    "burst-recovering": Cause(
        "The lag is shrinking: the group works off what came at once.",
        "Wait until the predicted drain time is over, and look again.", Weight.FINE,
    ),
    "slow-consumer": Cause(
        "Members take longer for a record than records take to come, and more members alone would not help.",
        "Find what the handler waits for (a database, an API, a lock): profile one member. Then make the handler "
        "faster, or let it work on several records at once; more members help up to the number of partitions.",
    ),
    "too-few-members": Cause(
        "Every member is busy, on several partitions each, and there are partitions for more members.",
        "Start more members, up to one for each partition.",
    ),
    "no-consumer": Cause(
        "Nobody consumes: the group has no members.",
        "Start the consumers; if they run, read their logs for a failed join (group.id, rights, bootstrap.servers).",
    ),
    "stuck-partition": Cause(
        "One partition stands still while others go on: most often a record that cannot be processed, again and again.",
        "Read the record at the committed offset, and the owner's log. Park it in a dead-letter topic, and commit past "
        "it.",
    ),
    "hot-key": Cause(
        "One partition gets far more than the others: one key, or a few, have most of the records.",
        "Find the key (kafka-console-consumer with print.key=true on that partition). Salt it, give it a topic of its "
        "own, or make its handler cheaper; more partitions or members do not split one key.",
    ),
    "hanging-transaction": Cause(
        "A transaction is open and holds back everything behind it for consumers that read committed records.",
        "kafka-transactions.sh --bootstrap-server HOST:PORT describe-producers --topic TOPIC --partition N says which "
        "producer id has it open, and since which offset; list says whose that is. Stop that producer; abort when it "
        "is gone (abort --start-offset OFFSET). It ends by itself at transaction.timeout.ms.",
    ),
    "rebalance-loop": Cause(
        "Members are put out of the group while they work, come back, and begin the same work again.",
        "Look for 'maximum poll interval' in the members' logs (Java: 'poll timeout has expired'). Take less at a time "
        "(max.poll.records, or a bounded batch), or pause() and work beside poll; raise max.poll.interval.ms last.",
    ),
    "rebalance-stuck": Cause(
        "A rebalance waits for a member that does not answer: nobody, or not everybody, works meanwhile.",
        "Find the member that does not poll (a long handler, a pause); use group.protocol=consumer so that the others "
        "go on (or cooperative-sticky, with Java or in a new group).",
    ),
    "rebalanced": Cause(
        "The group was balanced anew within the window, and is at rest.",
        "Nothing to do, if a member was meant to come or go.", Weight.FINE,
    ),
    "flapping-member": Cause(
        "One client comes and goes; each time the group is balanced anew.",
        "Find out why it ends (crash, out of memory, probe, autoscaler). A group.instance.id and a session.timeout.ms "
        "longer than a restart keep its partitions for it.",
    ),
    "under-replicated": Cause(
        "Partitions have fewer replicas in sync than they should.",
        "See which broker is missing from the ISRs: its disk, its network, its log (ReplicaFetcher).",
    ),
    "broker-down": Cause(
        "A broker that holds replicas is not there.",
        "Start the broker; if it does not come back, read its log, and reassign its replicas.",
    ),
    "broker-unresponsive": Cause(
        "A broker is reachable and does not answer: it hangs (garbage collection, disk, a stopped process).",
        "Look at the machine: disk latency, pauses of the JVM, a stopped process; restart the broker if it stays so.",
    ),
    "offsets-out-of-range": Cause(
        "Records were deleted that the group had not read: retention passed its offset.",
        "Decide with whoever owns the data: auto.offset.reset decides where the group goes on. Raise retention.ms, or "
        "alert on seconds behind before retention is reached.",
    ),
    "never-committed": Cause(
        "The group has members and has committed nothing, so its lag is unknown.",
        "Check enable.auto.commit or the commit calls, and whether the handler ever returns.",
    ),
    "slot-inactive": Cause(
        "Nobody reads a replication slot: PostgreSQL keeps its log from there on, until the disk is full.",
        "Start its reader (a connector that was stopped, renamed or deleted?). If nobody will read it any more: "
        "SELECT pg_drop_replication_slot('SLOT').",
    ),
    "slot-not-moving": Cause(
        "A slot has a reader that confirms nothing while the log grows: it captures nothing of what is written, or "
        "hangs.",
        "Is its table quiet, and others busy? Give the connector heartbeat.interval.ms and a heartbeat.action.query "
        "whose table it captures. Otherwise read Kafka Connect's log: a broker that does not answer, a transform that "
        "fails.",
    ),
    "slot-behind": Cause(
        "A slot moves, and the log grows faster.",
        "Is it a snapshot, or a bulk load that ends? Otherwise capture fewer tables, raise max.batch.size, or split "
        "the tables over two connectors with a slot each.",
    ),
    "slot-nearly-lost": Cause(
        "A slot keeps more than it may (max_slot_wal_keep_size): the next checkpoint takes what its reader needs.",
        "Raise max_slot_wal_keep_size (a reload is enough), and get its reader going now: the slot can come back.",
    ),
    "slot-lost": Cause(
        "A slot was given up (max_slot_wal_keep_size): what its reader needs is gone from the log.",
        "Drop the slot, delete the connector's offsets (DELETE /connectors/NAME/offsets, stopped), and let it take a "
        "new snapshot. Consumers get every row again, as op 'r'.",
    ),
    "wal-not-logical": Cause(
        "The database writes no logical log.", "Set wal_level = logical, and restart PostgreSQL when nobody minds.",
    ),
    "connector-failed": Cause(
        "A connector or its task has failed, and does nothing until it is restarted.",
        "Mend what it says, then POST /connectors/NAME/restart?includeTasks=true&onlyFailed=true.",
    ),
    "connector-stopped": Cause(
        "Somebody stopped or paused a connector; its slot keeps the log meanwhile.",
        "PUT /connectors/NAME/resume, or delete the connector and its slot.",
    ),
    "outbox-stuck": Cause(
        "Rows wait in an outbox, and the first of them does not go: nobody sends.",
        "Start the publisher; if it runs, read its log (a broker that refuses, a row that cannot be sent), and look "
        "for whoever holds the row: SELECT * FROM pg_locks JOIN pg_stat_activity USING (pid).",
    ),
    "outbox-backlog": Cause(
        "An outbox is filled faster than it is emptied.",
        "Larger batches, one flush a batch; a second publisher only if each order stays with one of them.",
    ),
    "old-transaction": Cause(
        "A transaction has been open for long: rows that were deleted since then cannot be cleaned up.",
        "SELECT pid, xact_start, state, query FROM pg_stat_activity ORDER BY xact_start; end it with its owner "
        "(pg_terminate_backend), and set idle_in_transaction_session_timeout.",
    ),
    "database-refuses": Cause(
        "The database does not let this user see it.",
        "GRANT pg_monitor for slots and sessions, SELECT for the outbox; check the table's name.", Weight.UNASKED,
    ),
    "database-lost": Cause(
        "The database does not answer.", "Check the address, the network and the password; then the database.",
        Weight.UNASKED,
    ),
    "connect-lost": Cause(
        "Kafka Connect does not answer.", "Check --connect-url; then its workers, and their log.", Weight.UNASKED,
    ),
    "no-rights": Cause(
        "The broker refuses to say.",
        "Ask for DESCRIBE on the group and on its topics (kafka-acls.sh --add --operation Describe).", Weight.UNASKED,
    ),
    "unknown-group": Cause(
        "No coordinator knows the group, and nothing is committed under its name.",
        "Check the name: kafka-consumer-groups.sh --bootstrap-server HOST:PORT --list.", Weight.UNASKED,
    ),
    "unknown-topic": Cause(
        "No broker knows the topic.",
        "Check the name: kafka-topics.sh --bootstrap-server HOST:PORT --list.", Weight.UNASKED,
    ),
    "unsupported": Cause(
        "The brokers are too old for one of the questions.", "The rest of the report stands; upgrade to see more.",
        Weight.UNASKED,
    ),
    "cluster-lost": Cause(
        "The cluster does not answer.",
        "Check the address, the network and the security settings; then the brokers.", Weight.UNASKED,
    ),
}  # fmt: skip
