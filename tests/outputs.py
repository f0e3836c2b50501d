"""Re-executes notebooks on live brokers and rewrites their stored outputs: `make outputs`.

A notebook is only written when every cell ran and no check failed, so a stored output always passed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from helpers.bar import progress_bar


def text_of(cell: nbformat.NotebookNode) -> str:
    """Everything that the cell printed or showed as text."""
    outputs = cell.get("outputs", [])
    return "".join(out.get("text", "") + out.get("data", {}).get("text/plain", "") for out in outputs)


def execute(path: Path) -> None:
    """Run one notebook from a fresh kernel and store its outputs."""
    notebook = nbformat.read(path, as_version=4)
    bar = progress_bar(len(notebook.cells), path.name, unit="cell")
    client = NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
        on_cell_complete=lambda cell, cell_index: bar.update(cell_index + 1 - bar.n),
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,  # two parts of one stream would depend on how fast they came
    )
    try:
        client.execute()
    finally:
        bar.close()
    for cell in notebook.cells:
        if cell.cell_type == "code" and "✘ FAIL" in text_of(cell):
            sys.exit(f"{path}: a check failed, nothing was written:\n{cell.source}\n---\n{text_of(cell)}")
        if cell.cell_type == "code":  # a bar was there, and is empty now
            cell.outputs = [out for out in cell.outputs if out.get("data") != {}]
    notebook.metadata.pop("widgets", None)
    nbformat.write(notebook, path)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        execute(Path(name))
