"""A lesson under what other people run notebooks with: nbconvert, papermill, VS Code's "Run All"."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.outputs import text_of

CELLS = [
    "from helpers import Lab, Lesson, running\n"
    "from helpers.figures.display import show, show_java\n"
    "from helpers.figures.plots import bar_chart\n"
    "lesson = Lesson('1.1')\n"
    "lesson.objectives('see it run elsewhere')",
    "lesson.predict('where', 'Does it run here?', ['yes', 'no'])",
    "lab = Lab.start(kafka=1)\ntopic = lab.kafka.create_topic(lab.fresh('orders'))",
    "from confluent_kafka import Producer\n"
    "producer = Producer(lab.kafka.client)\n"
    "def load(beat):\n"
    "    for n in beat:\n"
    "        producer.produce(topic, b'%d' % n)\n"
    "with running(load, rate=100) as beats:\n"
    "    lab.kafka.node(1).pause()\n"
    "    lab.kafka.node(1).resume()\n"
    "producer.flush(20)",
    "show(bar_chart({'sent': beats.count}, 'records [count]'), 'What was sent.')\nshow_java('ZeroCopy.java')",
    "lesson.settle('where', 'yes')\n"
    "lesson.check('all there', len(lab.kafka.read(topic)) == beats.count, 'every record was read')",
]


@pytest.fixture
def lesson(kept_stack: str, tmp_path: Path) -> Path:
    """A small lesson, in a folder that is not the course's."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = tmp_path / "elsewhere" / "lesson.ipynb"
    path.parent.mkdir()
    nbformat.write(notebook, path)
    return path


def ran(path: Path) -> None:
    said = "".join(text_of(cell) for cell in nbformat.read(path, as_version=4).cells)
    assert "✔ PASS  all there: every record was read" in said
    assert "[figure] What was sent." in said


def tool(*command: str, cwd: Path) -> None:
    done = subprocess.run([sys.executable, "-m", *command], cwd=cwd, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]


def test_jupyter_nbconvert(lesson: Path) -> None:
    tool("nbconvert", "--to", "notebook", "--execute", "--output", "ran.ipynb", str(lesson), cwd=lesson.parent.parent)
    ran(lesson.with_name("ran.ipynb"))


def test_papermill(lesson: Path) -> None:
    tool("papermill", "--no-progress-bar", "lesson.ipynb", "ran.ipynb", cwd=lesson.parent)
    ran(lesson.with_name("ran.ipynb"))


def test_vs_code(lesson: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It starts the environment's Python as a kernel of another name, in the folder of the workspace, and says so."""
    spec = tmp_path / "kernels" / "course-venv"
    spec.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": ".venv (3.13)", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", os.pathsep.join([str(tmp_path), os.environ.get("JUPYTER_PATH", "")]))
    monkeypatch.setenv("VSCODE_PID", "1")
    notebook = nbformat.read(lesson, as_version=4)
    client = NotebookClient(
        notebook, timeout=120, kernel_name="course-venv", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    nbformat.write(notebook, lesson)
    ran(lesson)
