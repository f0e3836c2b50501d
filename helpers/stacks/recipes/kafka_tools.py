"""The command-line tools that Kafka ships, by name, each with the class that it starts: `lab.kafka.tool`.

Introduced in 00 Roadmap.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import LabError

__all__ = ["TOOLS", "arguments", "class_of", "quick"]

_TOOLS = "org.apache.kafka.tools"
# Without kafka-metadata-shell: it is a prompt to type at, in a jar that nothing else needs. `kafka-dump-log` with
# `--cluster-metadata-decoder` reads the same records.
TOOLS = {
    "kafka-acls": f"{_TOOLS}.AclCommand",
    "kafka-broker-api-versions": f"{_TOOLS}.BrokerApiVersionsCommand",
    "kafka-client-metrics": f"{_TOOLS}.ClientMetricsCommand",
    "kafka-cluster": f"{_TOOLS}.ClusterTool",
    "kafka-configs": "kafka.admin.ConfigCommand",
    "kafka-console-consumer": f"{_TOOLS}.consumer.ConsoleConsumer",
    "kafka-console-producer": f"{_TOOLS}.ConsoleProducer",
    "kafka-console-share-consumer": f"{_TOOLS}.consumer.ConsoleShareConsumer",
    "kafka-consumer-groups": f"{_TOOLS}.consumer.group.ConsumerGroupCommand",
    "kafka-consumer-perf-test": f"{_TOOLS}.ConsumerPerformance",
    "kafka-delegation-tokens": f"{_TOOLS}.DelegationTokenCommand",
    "kafka-delete-records": f"{_TOOLS}.DeleteRecordsCommand",
    "kafka-dump-log": f"{_TOOLS}.DumpLogSegments",
    "kafka-e2e-latency": f"{_TOOLS}.EndToEndLatency",
    "kafka-features": f"{_TOOLS}.FeatureCommand",
    "kafka-get-offsets": f"{_TOOLS}.GetOffsetShell",
    "kafka-groups": f"{_TOOLS}.GroupsCommand",
    "kafka-jmx": f"{_TOOLS}.JmxTool",
    "kafka-leader-election": f"{_TOOLS}.LeaderElectionCommand",
    "kafka-log-dirs": f"{_TOOLS}.LogDirsCommand",
    "kafka-metadata-quorum": f"{_TOOLS}.MetadataQuorumCommand",
    "kafka-producer-perf-test": f"{_TOOLS}.ProducerPerformance",
    "kafka-reassign-partitions": f"{_TOOLS}.reassign.ReassignPartitionsCommand",
    "kafka-replica-verification": f"{_TOOLS}.ReplicaVerificationTool",
    "kafka-share-consumer-perf-test": f"{_TOOLS}.ShareConsumerPerformance",
    "kafka-share-groups": f"{_TOOLS}.consumer.group.ShareGroupCommand",
    "kafka-storage": "kafka.tools.StorageTool",
    "kafka-streams-application-reset": f"{_TOOLS}.StreamsResetter",
    "kafka-streams-groups": f"{_TOOLS}.streams.StreamsGroupCommand",
    "kafka-topics": f"{_TOOLS}.TopicCommand",
    "kafka-transactions": f"{_TOOLS}.TransactionsCommand",
    "kafka-verifiable-consumer": f"{_TOOLS}.VerifiableConsumer",
    "kafka-verifiable-producer": f"{_TOOLS}.VerifiableProducer",
    "kafka-verifiable-share-consumer": f"{_TOOLS}.VerifiableShareConsumer",
}
# These read files, or a JMX port: they ask no broker.
ALONE = {"kafka-dump-log", "kafka-jmx", "kafka-storage"}


def quick(tool: str) -> list[str]:
    """Java's options for a tool that ends in a second or two; a benchmark gets the whole compiler."""
    return [] if "perf-test" in tool else ["-XX:TieredStopAtLevel=1"]


def class_of(tool: str) -> str:
    """The class of a tool. Raises LabError, naming those there are, for any other name."""
    if tool not in TOOLS:
        raise LabError(f"Kafka ships no tool {tool!r}.", fix=f"use one of {', '.join(TOOLS)}")
    return TOOLS[tool]


def arguments(tool: str, broker: str, given: Sequence[str]) -> list[str]:
    """What was given, and a broker's address in the tool's own words, unless one was given (`--bootstrap-...`)."""
    if tool in ALONE or any(word.startswith("--bootstrap-") for word in given):
        return [*given]
    if tool == "kafka-cluster":  # its options come after what it is to do
        return [*given, "--bootstrap-server", broker]
    if tool == "kafka-e2e-latency":  # it takes no options, only places
        return [broker, *given]
    return ["--broker-list" if tool == "kafka-replica-verification" else "--bootstrap-server", broker, *given]
