"""A lesson of a few cells that has everything a page of the course shows; small, so that a browser has time for it."""

from __future__ import annotations

from pathlib import Path

import nbformat

__all__ = ["CELLS", "PLACE", "SENTENCE", "STILL", "write"]

SENTENCE = "Records arrive, a hundred a second."
STILL = "Three records were read."
PRODUCE = """
with running(load, rate=100) as beats, Live(draw, SENTENCE) as live:
    wait_until(lambda: live.update() or beats.count >= {count}, {count}, "all are sent")
producer.flush(20)
lesson.check("sent", len(lab.kafka.read(topic)) >= {count}, "{count} records were read")
""".replace("SENTENCE", repr(SENTENCE))

# The name of a cell -> its source. "#" begins Markdown. Names and texts are nobody's but the tests'.
CELLS = {
    "title": "# A lesson for a browser\n\nIt begins here.",
    "frame": "from confluent_kafka import Producer\n\n"
    "from helpers import Lab, Lesson, running, wait_until\n"
    "from helpers.figures.display import Live, show, show_java\n"
    "from helpers.figures.plots import bar_chart\n\n"
    "lesson = Lesson('1.1')\n"
    "lesson.objectives('work through it with a keyboard')",
    "predict": "lesson.predict(KEY, 'How many records can be read?', ['none', 'two', 'three'])",
    "lab": "lab = Lab.start(kafka=1)\n"
    "topic = lab.kafka.create_topic(lab.fresh('orders'))\n"
    "producer = Producer(lab.kafka.client)\n\n\n"
    "def load(beat):\n"
    "    for n in beat:\n"
    "        producer.produce(topic, b'%d' % n)\n\n\n"
    "def draw():\n"
    "    return bar_chart({'sent': beats.count}, 'records [count]')",
    "settle": "three = lab.kafka.create_topic(lab.fresh('three'))\n"
    "for n in range(3):\n"
    "    producer.produce(three, b'%d' % n)\n"
    "producer.flush(20)\n"
    "lesson.settle(KEY, {0: 'none', 2: 'two', 3: 'three'}[len(lab.kafka.read(three))])",
    "exercise": "answer = None  # your answer\n"
    "lesson.exercise('exercise: replay', answer == 3, f'read {answer}, of 3', hint='count them again')",
    "live": PRODUCE.format(count=300).strip(),
    "long": PRODUCE.format(count=500).strip(),
    "still": f"show(bar_chart({{'read': 3}}, 'records [count]'), {STILL!r})\nshow_java('ZeroCopy.java')",
    "table": "import pandas as pd\n\npd.DataFrame({'sent': [3], 'read': [3]}, index=['orders'])",
    "path": "from IPython.display import Markdown\n\n"
    "from helpers.teaching import progress\n\n"
    "Markdown(progress.markdown())",
    "chooser": "from helpers.lessons.chooser import Chooser\n\nChooser('fan-out', 'order')",
}
PLACE = {name: place for place, name in enumerate(CELLS)}


def write(path: Path, prediction: str) -> None:
    """The lesson as a notebook. Its prediction has a name of its own: a kernel remembers what was predicted."""
    new, texts = nbformat.v4, [text.replace("KEY", repr(prediction)) for text in CELLS.values()]
    cells = [new.new_markdown_cell(text) if text[0] == "#" else new.new_code_cell(text) for text in texts]
    notebook = new.new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)
