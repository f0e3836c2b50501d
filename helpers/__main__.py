"""From a shell: `python -m helpers up | down | status | doctor | setup | copies | progress | reset | playbook`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from .errors import LabError
from .paths import MARK, lab_dir, repo_dir
from .playbooks.command import add_arguments
from .systems import SYSTEMS


def main(argv: list[str] | None = None) -> int:
    """Run one command; its exit code is 0, 1 for an error that names its fix, or 130 after Ctrl+C.

    A playbook's says more: see its --help.
    """
    args = parser().parse_args(argv)
    try:
        return int(globals()[f"_{args.command}"](args) or 0)
    except LabError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(
            f"{error}\nFix: python -m helpers doctor says what is wrong with the disk or the rights.", file=sys.stderr
        )
        return 1
    except KeyboardInterrupt:
        print("\nStopped; what this command had started is gone.", file=sys.stderr)
        return 130


def parser() -> argparse.ArgumentParser:
    """Every command and its options."""
    parser = argparse.ArgumentParser(prog="python -m helpers", description="The brokers of the course.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, help: str, *, as_json: bool = False) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help, description=help)
        if as_json:
            sub.add_argument("--json", action="store_true", help="print JSON")
        return sub

    up = command("up", "bring brokers up, or attach to those that are up (without options: what the roadmap uses)")
    for word, kind in SYSTEMS.items():
        sizes = sorted(kind.sizes)
        shown, title = "|".join(map(str, sizes)), f"{kind.title}: how many nodes"
        up.add_argument(
            f"--{word}", type=int, choices=sizes, nargs="?", default=0, const=sizes[0], metavar=shown, help=title
        )
    for sub in (up, command("setup", "fetch what the stack needs: images, or Java, Kafka and RabbitMQ")):
        sub.add_argument("--stack", help="containers or processes; default: $LAB_STACK, or what the machine offers")
    ending = command("down", "stop every broker and delete its data")
    ending.add_argument("--all", action="store_true", help="the labs of the tests (.lab/test/) too")
    command("status", "what is up, and where", as_json=True)
    command("doctor", "what this machine offers and lacks, and how to fix it", as_json=True)
    own = command("copies", "make your own copies of the notebooks, without outputs (mine/), where there are none yet")
    own.add_argument(
        "--fresh", default="", metavar="01", help="copy this notebook anew, and keep the one that is there"
    )
    command("progress", "which lessons are done, and what is next", as_json=True)
    command("reset", "down, and delete .lab/ too: logs, downloads, progress").add_argument("--yes", action="store_true")
    add_arguments(command("playbook", "what is the matter with a Kafka cluster or a group: any cluster, read-only"))
    return parser


def _up(args: argparse.Namespace) -> None:
    from .lab import Lab

    asked = {word: getattr(args, word) for word in SYSTEMS if getattr(args, word)}
    Lab.start(stack=args.stack, **(asked or {"kafka": 1, "rabbitmq": 1, "aws": 1}))


def _setup(args: argparse.Namespace) -> None:
    from .setup import fetch

    fetch(args.stack)


def _down(args: argparse.Namespace) -> None:
    from .lab import down

    if args.all:
        _down_tests(lab_dir())
        checkout = (repo_dir() / ".lab").resolve()
        if checkout != lab_dir() and (checkout / MARK).exists():  # LAB_HOME is exported; `make clean` deletes this one
            _down_tests(checkout)
            with _home(checkout):
                print(f"The lab in {checkout} is down: {', '.join(down()) or 'nothing was up'}.")
    print(f"The lab is down: {', '.join(down()) or 'nothing was up'}.")


def _down_tests(folder: Path) -> None:
    from .lab import down

    for mark in sorted((folder / "test").glob(f"*/{MARK}")):
        with _home(mark.parent):
            print(f"The lab of the tests in {mark.parent.name} is down: {', '.join(down()) or 'nothing was up'}.")


@contextmanager
def _home(path: Path) -> Iterator[None]:
    """Another lab than this one, for a moment."""
    before = os.environ.get("LAB_HOME")
    os.environ["LAB_HOME"] = str(path)
    try:
        yield
    finally:
        os.environ.pop("LAB_HOME")
        if before is not None:
            os.environ["LAB_HOME"] = before


def _status(args: argparse.Namespace) -> None:
    from .lab import status

    found = status()
    if args.json:
        print(json.dumps(found, indent=1))
        return
    print(f"Lab on {found['stack']}" if found["services"] else "Nothing is up. Fix: python -m helpers up")
    for service in found["services"]:
        where = service.get("container") or f"pid {service.get('pid')}"
        print(f"  {service['name']:<18}{service['state']:<10}{service['address']:<22}{where}")


def _doctor(args: argparse.Namespace) -> int:
    from .doctor import SIGNS, findings

    found = list(findings())
    if args.json:
        print(json.dumps([asdict(finding) for finding in found], indent=1))
    else:
        for finding in found:
            print(f"{SIGNS[finding.status]} {finding.check:<10}{finding.detail}")
            if finding.fix:
                print(f"{'':12}Fix: {finding.fix}")
    return int(any(finding.status == "missing" for finding in found))


def _copies(args: argparse.Namespace) -> None:
    from .teaching.copies import make_copies

    for sentence in make_copies(args.fresh):
        print(sentence)


def _progress(args: argparse.Namespace) -> None:
    from .teaching.progress import table

    found = table()
    print(found.to_json(orient="records", indent=1) if args.json else found.to_string(index=False))


def _playbook(args: argparse.Namespace) -> int:
    from .playbooks.command import run

    return run(args)


def _reset(args: argparse.Namespace) -> int:
    if not args.yes and input(f"Delete {lab_dir()} with its downloads and your progress? [y/N] ").lower() != "y":
        print("Nothing was deleted.")
        return 1
    from .lab import reset

    _down_tests(lab_dir())
    names, strangers = reset()
    print(f"The lab is down: {', '.join(names) or 'nothing was up'}.")
    if strangers:
        print(f"Not the lab's, and left where it is: {', '.join(strangers)}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
