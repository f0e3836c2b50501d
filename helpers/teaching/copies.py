"""A learner's own notebooks: copies without outputs, in a folder that git ignores.

Stored outputs would answer every prediction beforehand, and a learner who saves would change what the tests compare and
what `git pull` brings. `notebooks/` stays for reading.

Introduced in 00 Roadmap (behind `make lab`).
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import LabError
from ..paths import repo_dir

if TYPE_CHECKING:  # it takes as long to import as all else that a lesson imports, and no lesson reads notebooks
    from nbformat import NotebookNode

__all__ = ["folder", "make_copies", "offers"]

EDITION = "messaging_course_edition"  # in a copy's metadata: the text that it was made from


def folder() -> Path:
    """Where the copies are: `$LAB_MINE`, or `mine/` in the checkout."""
    return Path(os.environ.get("LAB_MINE") or repo_dir() / "mine").resolve()


def make_copies(fresh: str = "") -> list[str]:
    """Copy every notebook that has no copy yet. A copy that is there is never touched, whatever it holds.

    Args:
        fresh: how a notebook's name begins ("01"): it is copied anew, and the copy that was there gets another name.

    Returns:
        Sentences for the learner: what was made, what was kept, and which copies are of an older edition.

    Raises:
        LabError: no notebook's name begins so.
    """
    sources = sorted((repo_dir() / "notebooks").glob("*.ipynb"))
    if fresh and not any(source.name.startswith(fresh) for source in sources):
        names = ", ".join(source.stem for source in sources)
        raise LabError(f"There is no notebook {fresh!r}.", fix=f"name one of {names}, or how it begins")
    folder().mkdir(parents=True, exist_ok=True)
    said = []
    for source in sources:
        notebook = _read(source)
        target, edition = folder() / source.name, _edition(notebook)
        if fresh and source.name.startswith(fresh) and target.exists():
            kept = next(name for n in range(1, 10_000) if not (name := target.with_suffix(f".kept-{n}.ipynb")).exists())
            target.rename(kept)
            said.append(f"What you had in {target.name} is kept as {kept.name}.")
        if not target.exists():
            _write(notebook, edition, target)
            said.append(f"{_shown(target)} is a copy of your own: run it, change it, save it.")
        elif _made_from(target) != edition:
            said.append(f"{_offer(source)}: {_command(source)}")
    return said


def offers() -> list[str]:
    """The same offers for a page, as Markdown, where the work is done on copies: in their folder, and nowhere else."""
    if Path.cwd() != folder():
        return []
    pairs = [(path, folder() / path.name) for path in sorted((repo_dir() / "notebooks").glob("*.ipynb"))]
    there = [(source, target) for source, target in pairs if target.exists()]
    return [
        f"{_offer(source)}: `{_command(source)}`"
        for source, target in there
        if _made_from(target) != _edition(_read(source))
    ]


def _offer(source: Path) -> str:
    return f"{source.name} has a newer edition. Yours stays as it is; for a fresh copy beside it"


def _command(source: Path) -> str:
    return f"python -m helpers copies --fresh {source.name[:2]}"


def _read(source: Path) -> NotebookNode:
    from nbformat import read

    notebook: NotebookNode = read(source, as_version=4)
    return notebook


def _write(notebook: NotebookNode, edition: str, target: Path) -> None:
    from nbformat import write

    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    notebook.metadata[EDITION] = edition
    draft = target.with_suffix(".draft")
    write(notebook, draft)
    draft.rename(target)


def _edition(notebook: NotebookNode) -> str:
    """What the author wrote, and what links and folding go by, as a digest; outputs do not matter."""
    text = json.dumps(
        [[cell.cell_type, cell.id, cell.source, cell.metadata] for cell in notebook.cells], sort_keys=True
    )
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _made_from(copy: Path) -> str:
    """The edition that a copy was made from; empty, where the file is no notebook any more."""
    try:
        return str(json.loads(copy.read_text(encoding="utf-8"))["metadata"].get(EDITION, ""))
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return ""


def _shown(path: Path) -> str:
    return str(path.relative_to(repo_dir())) if path.is_relative_to(repo_dir()) else str(path)
