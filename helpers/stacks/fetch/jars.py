"""Kafka, and RabbitMQ's own bench, from Maven Central: the jars that the locks name, each verified by its SHA-256.

`jgo` (pure Python, no Maven) talks to the repository; the lock file says which jars and what they must hash to. A jar
that was cut off or tampered with does not match and is fetched again, so a broken download resumes where it stopped
and a complete cache needs no network. Each lock is a class path of its own: what one brings would disturb the other.

Introduced in 00 Roadmap (behind `make setup`); maintainers renew the lock with `python -m helpers.stacks.fetch.jars`.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import truststore

from ...bar import progress_bar
from ...errors import LabError
from ...paths import downloads_dir

__all__ = ["KAFKA", "classpath", "fetch_jars", "missing_jars", "trusting_the_system"]

KAFKA = "4.3.1"
DEBEZIUM = "3.6.1.Final"
Stamp = list[str | int]  # a jar's hash and the time of its file [ns], as they were when it was verified
OFFLINE = "check the network and run the same command again: it goes on where it stopped"
CERTIFICATE = (
    "this network signs with a certificate of its own: add it to this machine's certificates, "
    "or name its file in SSL_CERT_FILE and REQUESTS_CA_BUNDLE"
)
LOCKS = Path(__file__).parent
# kafka-clients is named because jgo otherwise takes an older one that a dependency's parent manages.
ROOTS = {
    "kafka": [
        f"org.apache.kafka:kafka_2.13:{KAFKA}",
        f"org.apache.kafka:kafka-clients:{KAFKA}",
        f"org.apache.kafka:kafka-tools:{KAFKA}",
        "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4",  # without it the broker logs nothing
        # What the REST API of Kafka Connect is built on, as Kafka ships it: otherwise jgo takes older ones.
        "jakarta.ws.rs:jakarta.ws.rs-api:3.1.0",
        "jakarta.servlet:jakarta.servlet-api:6.0.0",
        "jakarta.annotation:jakarta.annotation-api:2.1.1",
        "jakarta.inject:jakarta.inject-api:2.0.1",
        "jakarta.validation:jakarta.validation-api:3.0.2",
    ],
    "perf-test": ["com.rabbitmq:perf-test:2.22.1"],
    "debezium": [f"io.debezium:debezium-connector-postgres:{DEBEZIUM}"],
    "streams": [
        f"org.apache.kafka:kafka-streams:{KAFKA}",
        f"org.apache.kafka:kafka-streams-test-utils:{KAFKA}",
        f"org.apache.kafka:kafka-clients:{KAFKA}",
        f"org.apache.kafka:connect-json:{KAFKA}",  # a serde for JSON, in Java
        "org.slf4j:slf4j-nop:1.7.36",  # what Streams logs would go into the notebook
    ],
}
LATER = {"streams"}  # 90 MB, most of it RocksDB: fetched when lesson 4.4 begins
# Without what it depends on: slf4j's API is there already, for Kafka, in the version that Kafka's log needs.
ALONE = {"kafka": ["com.rabbitmq:amqp-client:5.37.1"]}  # RabbitMQ's Java client, for the programs beside its lessons
UNUSED = {
    "perf-test": ("org.jgroups", "com.google.errorprone"),  # many machines that measure together
    # A plug-in of Kafka Connect, which has these, and shares them with it.
    "debezium": (
        "org.apache.kafka",
        "org.slf4j",
        "com.fasterxml",
        "org.glassfish",
        "org.eclipse.jetty",
        "com.github.luben",
        "at.yawk",
        "org.xerial",
    ),
}


def _locked(name: str = "") -> Iterator[tuple[str, str, int]]:
    """(group:artifact:version, sha256, size in bytes) for every jar of a lock, or of all but LATER, each once."""
    locks = [lock for lock in LOCKS.glob("*.lock") if lock.stem == name or (not name and lock.stem not in LATER)]
    lines = {line for lock in locks for line in lock.read_text().splitlines()}
    for line in sorted(lines):
        if line and not line.startswith("#"):
            coordinate, digest, size = line.split()
            yield coordinate, digest, int(size)


def _path(coordinate: str) -> Path:
    group, artifact, version = coordinate.split(":")
    return downloads_dir() / "maven" / group.replace(".", "/") / artifact / version / f"{artifact}-{version}.jar"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def missing_jars(name: str = "") -> list[str]:
    """Coordinates that are not in the cache as a lock wants them, or all locks but the later ones.

    What is there is hashed once, before it is trusted; after that it is known by its size and its time.
    """
    known = _verified()
    found = {coordinate: _look(coordinate, digest, size, known) for coordinate, digest, size in _locked(name)}
    if fresh := {coordinate: stamp for coordinate, stamp in found.items() if stamp and known.get(coordinate) != stamp}:
        with suppress(OSError):  # a cache that may only be read is hashed each time
            draft = _record().with_suffix(f".{os.getpid()}")
            draft.write_text(json.dumps(known | fresh))
            os.replace(draft, _record())
    return [coordinate for coordinate, stamp in found.items() if stamp is None]


def _look(coordinate: str, digest: str, size: int, known: dict[str, Stamp]) -> Stamp | None:
    """The stamp of a jar that is what the lock says; None for any other."""
    path = _path(coordinate)
    if not path.is_file() or path.stat().st_size != size:
        return None
    stamp: Stamp = [digest, path.stat().st_mtime_ns]
    return stamp if known.get(coordinate) == stamp or _sha256(path) == digest else None


def _record() -> Path:
    return downloads_dir() / "maven" / "verified.json"


def _verified() -> dict[str, Stamp]:
    try:
        return dict(json.loads(_record().read_text()))
    except (OSError, ValueError, TypeError):
        return {}


def classpath(name: str = "kafka") -> str:
    """Every jar of this lock, as Java's `-cp` wants it.

    Raises:
        LabError: `fetch_jars` has not run, or was cut off.
    """
    if missing := missing_jars(name):
        wrong = f"Kafka {KAFKA} is not downloaded: {len(missing)} of its jars are missing."
        raise LabError(wrong, fix="python -m helpers setup --stack processes")
    return ":".join(str(_path(coordinate)) for coordinate, _, _ in _locked(name))


@contextmanager
def trusting_the_system() -> Iterator[None]:
    """Downloads trust the system's certificates: a company's own is among them. Only while this lasts.

    boto3, in a kernel that imported it before, keeps Python's own context, and would call itself for ever.
    """
    truststore.inject_into_ssl()
    try:
        yield
    finally:
        truststore.extract_from_ssl()


def fetch_jars(progress: bool = True, name: str = "") -> int:
    """Bring the cache to what a lock says, or all but the later ones, eight downloads at a time.

    Returns:
        The number of jars that had to be downloaded (0 when the cache was complete).

    Raises:
        LabError: the repository cannot be reached, the disk is full, or a jar does not hash to what the lock says.
    """
    from jgo.maven import MavenContext

    wanted = set(missing_jars(name))
    todo = [(c, digest, size) for c, digest, size in _locked(name) if c in wanted]
    if not todo:
        return 0
    free, need = shutil.disk_usage(downloads_dir()).free, sum(size for _, _, size in todo)
    if free < 2 * need:
        raise LabError(
            f"Kafka needs {2 * need >> 20} MB in {downloads_dir()}, {free >> 20} MB are free.",
            fix="free some disk space, or set LAB_DOWNLOADS to a folder on another disk",
        )
    logging.getLogger("jgo").setLevel(logging.ERROR)  # we verify against the lock: its own warning says less
    maven = MavenContext(repo_cache=downloads_dir() / "maven", timeout=30)
    bar = progress_bar(
        need, f"Downloading Kafka {name.title() + ' ' if name else ''}{KAFKA}", show=progress, unit="B", unit_scale=True
    )

    def fetch(job: tuple[str, str, int]) -> None:
        coordinate, digest, size = job
        group, artifact, version = coordinate.split(":")
        _path(coordinate).unlink(missing_ok=True)  # cut off in an earlier run
        path = maven.project(group, artifact).at_version(version).artifact().resolve()
        if _sha256(path) != digest:
            path.unlink()
            raise LabError(f"{path.name} does not have the checksum in its lock.", fix="run the same command again")
        bar.update(size)

    try:
        with trusting_the_system(), ThreadPoolExecutor(8) as pool:
            list(pool.map(fetch, todo))
    except (OSError, RuntimeError) as error:  # requests' errors are OSErrors, jgo's are RuntimeErrors
        if isinstance(error, LabError):
            raise
        count = f"{len(missing_jars(name))} of {len(list(_locked(name)))}"
        raise LabError(
            f"Kafka {KAFKA} could not be downloaded ({count} jars missing): {type(error).__name__}: {error}",
            fix=CERTIFICATE if "CERTIFICATE_VERIFY_FAILED" in str(error) else OFFLINE,
        ) from error
    finally:
        bar.close()
    return len(todo)


def _write_lock(name: str) -> None:
    """Resolve the roots of a lock afresh and write what came out: for maintainers, after changing a version above."""
    from jgo.maven import Dependency, MavenContext

    maven = MavenContext(repo_cache=downloads_dir() / "maven", timeout=30)
    roots = []
    for root in ROOTS[name]:
        group, artifact, version = root.split(":")
        roots.append(Dependency(maven.project(group, artifact).at_version(version).artifact()))
    inputs, transitive = maven.resolver.resolve(roots)
    wanted = [found for found in [*inputs, *transitive] if not found.groupId.startswith(UNUSED.get(name, ()))]
    names = [f"{found.groupId}:{found.artifactId}:{found.version}" for found in wanted]
    lines = []
    for coordinate in [*names, *ALONE.get(name, [])]:
        group, artifact, version = coordinate.split(":")
        path = maven.project(group, artifact).at_version(version).artifact().resolve()
        lines.append(f"{coordinate} {_sha256(path)} {path.stat().st_size}")
    header = "# group:artifact:version sha256 bytes, written by `python -m helpers.stacks.fetch.jars`"
    (LOCKS / f"{name}.lock").write_text("\n".join([header, *sorted(lines)]) + "\n")


if __name__ == "__main__":
    for each in ROOTS:
        _write_lock(each)
