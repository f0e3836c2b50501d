"""The course: the roadmap and sixteen lessons, in the order of the path."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import LabError

__all__ = ["LESSONS", "PHASES", "Outline", "outline", "owner"]

PHASES = {
    "0": ("Roadmap", "00_roadmap.ipynb"),
    "1": ("Kafka fundamentals", "01_kafka_fundamentals.ipynb"),
    "2": ("Kafka operations", "02_kafka_operations.ipynb"),
    "3": ("RabbitMQ and alternatives", "03_rabbitmq_and_alternatives.ipynb"),
    "4": ("Distributed patterns", "04_distributed_patterns.ipynb"),
}


@dataclass(frozen=True, slots=True)
class Outline:
    """What the course says of one lesson before it begins.

    Attributes:
        id: "1.1": phase and place; "0" is the roadmap.
        minutes: of a learner who reads, runs and does the exercise.
        checks: names given to `lesson.check` and `lesson.exercise`; empty: the lesson is not there yet.
    """

    id: str
    title: str
    minutes: int
    question: str
    checks: tuple[str, ...] = ()

    @property
    def experiments(self) -> tuple[str, ...]:
        """The checks that running the lesson passes."""
        return tuple(name for name in self.checks if not name.startswith("exercise: "))

    @property
    def exercises(self) -> tuple[str, ...]:
        """The checks that only the learner's own code passes."""
        return tuple(name for name in self.checks if name.startswith("exercise: "))

    @property
    def heading(self) -> str:
        """As the notebook writes it: "1.1 Internals"; the roadmap is its notebook's own title."""
        return self.title if self.id == "0" else f"{self.id} {self.title}"

    @property
    def phase(self) -> str:
        """The part of the path that it belongs to: "Kafka fundamentals"."""
        return PHASES[self.id[0]][0]

    @property
    def notebook(self) -> Path:
        """The notebook that holds it, relative to `notebooks/`."""
        return Path(PHASES[self.id[0]][1])

    @property
    def cell(self) -> str:
        """The id of the notebook's cell that begins with its heading."""
        return f"lesson-{self.id.replace('.', '-')}"

    @property
    def link(self) -> str:
        """Opens it from another notebook. To a heading JupyterLab scrolls only where the notebook is open already."""
        return str(self.notebook) if self.id == "0" else f"{self.notebook}#cell-id={self.cell}"

    @property
    def exists(self) -> bool:
        """Whether the lesson is there to be done."""
        return bool(self.checks)


LESSONS = (
    Outline(
        "0", "Roadmap", 30, "When is a message better than a call, and which of the three systems carries it?",
        (
            "HTTP loses orders", "events lose nothing", "events do not wait for Inventory",
            "one event, three systems", "only the log remembers", "quick start", "exercise: scenarios",
        ),
    ),
    Outline(
        "1.1", "Internals", 70, "What is a partition, an offset, an ISR, an ack, and what do they promise?",
        (
            "reading deletes nothing", "exercise: replay", "same key, same partition", "order per key",
            "leader killed", "all means in sync", "min ISR refuses", "nothing new below the floor",
            "exercise: the rule", "acks=1 loses", "nobody read them", "cut off", "acks=all keeps",
            "exercise: every order", "a queue has an end", "an error is not a no", "two partitioners",
            "adding partitions moves keys", "leadership returns by election", "nothing to cut",
            "kill -9 loses nothing", "each promise has its price", "acks=0 knows nothing", "batches carry it",
        ),
    ),
    Outline(
        "1.2", "Exactly-once", 70, "Where do duplicates and losses come from, and what removes which?",
        (
            "a retry duplicates", "idempotence removes it", "four ways to commit", "exercise: the damage",
            "totals are exact", "a database sink", "exercise: the inbox", "exercise: who wrote it twice?",
            "a restart duplicates", "produced twice, written twice", "poll does not commit", "aborted, and still there",
            "the zombie is fenced", "three kinds of errors", "an epoch for each transaction",
            "transactions have a fixed price", "part of it is waiting for the one before",
        ),
    ),
    Outline(
        "1.3", "Consumer groups", 75, "Who reads what, and what happens when that changes?",
        (
            "one owner for each partition", "who moves what", "exercise: fair shares", "close hands over",
            "the dead look alive", "static restart disturbs nobody", "latest skips", "a reset needs an empty group",
            "exercise: rewind", "exercise: timeouts that fit", "uncommitted work is done again",
            "sticky moves little, and stops all", "the lag drains", "more workers than partitions", "threads, too",
            "order is the price", "five attempts", "the firehose turns it around",
        ),
    ),
    Outline(
        "1.4", "Zero-copy", 60, "Why is Kafka fast, and when is it not?",
        (
            "sendfile saves CPU", "exercise: a piece of a file", "TLS costs the broker",
            "batches pack better", "batches carry the load",
            "little sent: linger costs its time", "under load: linger pays", "exercise: in company",
            "read once, kept", "time and room", "a pause of a second",
            "at the heels of its producer tool, without callbacks", "and with them not far behind",
            "at the heels of its consumer tool", "the topic's own compression costs the leader",
            "exercise: half the CPU",
        ),
    ),
    Outline(
        "2.1", "Lag playbook", 75, "How far behind are we, why, and when will we have caught up?",
        (
            "records mislead", "two ways, one time", "exercise: the alert", "healthy under load",
            "each fault its own cause", "the drain was predicted", "exercise: game day", "exercise: the drain",
            "the wrong alarm", "the silent jump", "one line in a log", "seen from outside", "two ends",
            "who has it open",
        ),
    ),
    Outline(
        "2.2", "Rebalancing playbook", 60, "What stops while a group rebalances, and how does it stop less?",
        (
            "the slowest sets the pause", "cooperative pauses less", "KIP-848 pauses less",
            "the newcomer waits all the same", "static members restart in silence", "exercise: a quiet deployment",
            "commit before you let go", "exercise: hand over what you hold", "what is lost is lost",
            "exercise: three deployments", "the seat of the dead is taken", "the playbook names it",
            "each member on its own way", "work goes on without a coordinator",
        ),
    ),
    Outline(
        "2.3", "Partition skew", 45, "Why is one partition hot, and what does cooling it cost?",
        (
            "a hot key makes a hot partition", "one lags, five wait", "the neighbours pay",
            "more partitions, more skew", "salting cools it", "order is the price of salt", "reading fans out",
            "exercise: how many salts", "exercise: salt and merge", "exercise: four complaints",
            "the playbook tells them apart", "a partition of its own", "drain before you move",
            "no key: even in the long run", "sticky, for larger batches",
        ),
    ),
    Outline(
        "2.4", "Rebalance storms", 60, "Why does a group that only rebalances get no work done, and what ends it?",
        (
            "next to nothing", "work done twice", "time ends it", "no protocol ends it", "no rebalance, no progress",
            "exercise: in time", "exercise: nothing lost", "exercise: the sealed group", "a storm from outside",
            "cooperative storms too", "many hands", "who is in charge", "under-replicated",
            "one hangs, the others carry", "nobody in charge",
            "nothing is decided", "who lets whom in", "migrated at work",
        ),
    ),
    Outline(
        "3.1", "Internals", 60, "How does RabbitMQ decide who gets a message, and when is it gone?",
        (
            "the exchange decides", "exercise: the pattern", "confirmed, and gone", "mandatory comes back",
            "unacked comes back", "auto-ack loses", "exercise: work, then say so", "prefetch shares the work",
            "waiting together", "an alternate exchange catches", "once per queue", "three frames and an answer",
            "a round trip each", "not the broker's limit", "the last become first", "time counts at the head",
            "exercise: where is it?",
        ),
    ),
    Outline(
        "3.2", "Quorum queues and Raft", 60, "What does a majority promise, and what happens without one?",
        (
            "three places and one", "nothing confirmed is lost", "exercise: it goes on", "no majority, no confirm",
            "what was promised is kept", "its node, its fate", "exercise: send until it is confirmed",
            "three copies take longer", "reject is counted", "nack, as its version says", "read again",
            "exercise: who goes on",
        ),
    ),
    Outline(
        "3.3", "SQS, Kafka, EventBridge", 50, "Which of the managed services fits, and what does it cost?",
        (
            "invisible, then back", "too short: done twice", "exercise: the time-out", "a group waits for its head",
            "exercise: whose order?", "rules look inside", "exercise: the pattern of the auditors",
            "six transports, as documented", "the same name, once", "the chooser's advice stands",
            "ten a request, a tenth", "the archive goes through the rules again",
        ),
    ),
    Outline(
        "3.4", "Retry or DLQ", 55, "Which failures deserve another try, and where do the others go?",
        (
            "a requeue is a hot loop", "backoff asks less, and loses nothing", "exercise: the waits",
            "a retry topic loses the order", "three receives, then parked", "what works now goes back",
            "exercise: the morning after", "exercise: behind it", "processed and parked is sent",
            "killed half-way, nothing is lost", "charged once, although sent twice", "jitter thins the herd",
        ),
    ),
    Outline(
        "4.1", "Event sourcing and CQRS", 75, "What changes when events are the state, and reading is separate?",
        (
            "the row forgets", "exercise: a new event", "a version keeps the rule", "exercise: overtaken",
            "rebuilt from offset 0", "repeats and disorder break it", "the version mends repeats",
            "the loser decides again", "a question nobody had asked", "exercise: too early",
            "stale, unless you name the version", "a snapshot ends the growth", "upcast when read",
            "one state a key is left", "the file was written anew", "compaction eats history",
            "the library refuses the second, too",
        ),
    ),
    Outline(
        "4.2", "Transactional outbox", 60, "How do a database and a broker change together, or not at all?",
        (
            "two writes disagree", "the outbox loses nothing", "exercise: in this order",
            "two share, and lose the order", "exercise: to each its own", "ids are not in the order of commits",
            "twenty kills, one effect each", "exercise: behind the horizon", "a bell is quick, and looks seldom",
            "a forgotten transaction keeps the dead",
        ),
    ),
    Outline(
        "4.3", "CDC with Debezium", 60, "How does a committed row become an event, and what if nobody reads it?",
        (
            "an envelope for each change", "exercise: what was before", "no change is lost",
            "exercise: a copy of the table", "the slot keeps what nobody has read", "the reader that says nothing",
            "exercise: the quiet table",
            "the log is the publisher", "Debezium looks, too", "new rows have the new form",
        ),
    ),
    Outline(
        "4.4", "Kafka Streams", 90, "What does the library carry that a consumer loop does not?",
        (
            "a dict dies with its process", "counted, and kept in Kafka", "exactly once is exact", "a join looks once",
            "exercise: revenue by city", "the state comes back", "exercise: who lives where",
            "grace, and then no more", "exercise: the window", "hopping counts twice, sessions follow",
            "tasks are shared, and so is the state", "a standby is nearly there",
            "it ends, or goes on and keeps it", "the border costs",
        ),
    ),
)  # fmt: skip


def outline(id: str) -> Outline:
    """The outline of lesson `id` ("1.1"). Raises LabError, naming the ids there are, for any other."""
    for lesson in LESSONS:
        if lesson.id == id:
            return lesson
    raise LabError(f"There is no lesson {id!r}.", fix=f"use one of {', '.join(lesson.id for lesson in LESSONS)}")


def owner(check: str, otherwise: str) -> str:
    """The id of the lesson that has a check of this name; `otherwise`, where none has."""
    return next((lesson.id for lesson in LESSONS if check in lesson.checks), otherwise)
