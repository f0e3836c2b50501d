"""What crosses the border between Python and the JVM beside it: JSON, keys and values, errors, functions, a thread.

Introduced in lesson 4.4 (behind `systems/streams`).
"""

from __future__ import annotations

import ctypes
import json
import threading
from collections.abc import Callable
from typing import Any

import jpype

__all__ = ["columns_of", "json_serde", "keep_thread", "proxy", "python_value", "row_of", "teach_json", "trouble_of"]


def json_serde() -> Any:
    """A serde for JSON, in Java. Python reads a value as `order["total"]`; a dict that it returns becomes JSON."""
    package = jpype.JPackage("org").apache.kafka.connect.json
    return jpype.JClass("org.apache.kafka.common.serialization.Serdes").serdeFrom(
        package.JsonSerializer(), package.JsonDeserializer()
    )


def python_value(value: Any) -> Any:
    """A key or a value of Java's as Python has it: text, number, None, and JSON as dict or list."""
    if value is None:
        return None
    if isinstance(value, jpype.JClass("com.fasterxml.jackson.databind.JsonNode")):
        return json.loads(str(value.toString()))
    for kind, own in ((jpype.JClass("java.lang.Boolean"), bool), (int, int), (float, float)):
        if isinstance(value, kind):
            return own(value)
    return str(value)


def trouble_of(error: Any) -> str:
    """What a Java exception comes down to: what a Python function raised, at which record; else Java's last cause."""
    chain = [error]
    while (cause := chain[-1].getCause()) is not None:
        chain.append(cause)
    said = [str(each.getMessage() or each.getClass().getSimpleName()) for each in chain]
    if "PyExceptionProxy" not in str(chain[-1].getClass().getName()):
        return said[-1] if said[-1] in said[0] or len(chain) == 1 else f"{said[-1]} ({said[0]})"
    try:  # Java throws it once more: on the way to Python it becomes what it was
        jpype.JClass("java.util.Optional").empty().orElseThrow(lambda: chain[-1])
    except Exception as raised:
        where = said[-2] if len(said) > 1 else ""
        return f"{type(raised).__name__}: {raised} ({where})"
    return said[0]


_THREAD = threading.local()


def keep_thread(*_: Any) -> None:
    """Keep what Python knows of the thread that calls this: Streams' own, which tells of its changes itself.

    A thread of Java's that calls Python gets a thread state of Python's, which is deleted when that call returns: 20 µs
    a record, where the call itself takes 2. Asked for once more than it is given back, it stays until the thread ends.
    """
    if not hasattr(_THREAD, "kept"):
        _THREAD.kept = True
        ctypes.pythonapi.PyGILState_Ensure()


def proxy(interface: str, **functions: Callable[..., Any]) -> Any:
    """An interface of `org.apache.kafka.streams`, with Python functions for its methods."""
    return jpype.JProxy(f"org.apache.kafka.streams.{interface}", dict=functions)


def row_of(entry: Any) -> list[Any]:
    """An entry of a store as a table's row: key, start and end [ms] where it has a window, value."""
    key, value = entry.key, python_value(entry.value)
    if not hasattr(key, "window"):
        return [python_value(key), value]
    return [python_value(key.key()), int(key.window().start()), int(key.window().end()), value]


def columns_of(kind: Any, types: Any) -> list[str]:
    """What `row_of` gives for a store of this kind."""
    return ["key", "value"] if kind.getClass() == types.keyValueStore().getClass() else ["key", "start", "end", "value"]


def teach_json(node: Any) -> None:
    """`order["total"]` reads JSON as a dict does; a dict that goes to Java becomes JSON."""
    mapper = jpype.JClass("com.fasterxml.jackson.databind.ObjectMapper")()

    def item(self: Any, name: str | int) -> Any:
        found = self.get(name)
        if found is None:
            raise KeyError(name)
        if found.isIntegralNumber():
            return int(found.asLong())
        if found.isNumber():
            return float(found.asDouble())
        if found.isTextual():
            return str(found.asText())
        if found.isBoolean():
            return bool(found.asBoolean())
        return None if found.isNull() else found

    node.__getitem__ = item
    node.__streams__ = True
    jpype.JConversion("java.lang.Object", instanceof=dict)(lambda _, value: mapper.readTree(json.dumps(value)))
