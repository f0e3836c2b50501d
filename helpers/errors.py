"""The one error a learner meets: what happened, and what to do about it; and what a Java program's comes down to."""

from __future__ import annotations

__all__ = ["LabError", "java_cause"]


class LabError(RuntimeError):
    """Something in the lab is not as it must be.

    Args:
        message: what was seen, in a sentence, with the values that matter.
        fix: what the reader can do now, as a command or a setting where there is one.

    Example:
        >>> str(LabError("Port 9092 is taken.", fix="stop the other broker"))
        'Port 9092 is taken.\\nFix: stop the other broker'
    """

    def __init__(self, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.message, self.fix = message, fix

    def __str__(self) -> str:
        return f"{self.message}\nFix: {self.fix}" if self.fix else self.message


def java_cause(trace: str) -> str:
    """What a Java stack trace comes down to: its last "Caused by", or its first line.

    Introduced in lesson 4.3.
    """
    lines = [line.strip() for line in trace.splitlines() if line.strip()]
    causes = [line.removeprefix("Caused by: ") for line in lines if line.startswith("Caused by: ")]
    return causes[-1] if causes else (lines[0] if lines else "it does not say why")
