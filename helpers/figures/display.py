"""On the page: a figure as a sharp PNG, the sentence that says the same, figures that follow a lab, Java folded."""

from __future__ import annotations

import base64
import io
import struct
import time
from collections.abc import Callable
from types import TracebackType

import matplotlib as mpl
from IPython.display import DisplayHandle, display
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from ..errors import LabError
from ..paths import repo_dir

__all__ = ["Frame", "Live", "canvas", "caption", "draft", "pixels", "png", "show", "show_java", "styled"]

PIXELS = 100  # on the page, for each inch of a figure
SHARE = 0.25  # of one core's time, for drawing a live figure
STYLE = mpl.rc_params_from_file(repo_dir() / "notebooks" / "matplotlibrc", use_default_template=False)

# A decorator. Ticks read the style when they are drawn, so what builds a figure carries it, and so does what draws one.
styled = mpl.rc_context(STYLE)


def canvas(height: float = 4.0) -> tuple[Figure, Axes]:
    """An empty figure of the style's width and `height` inches, and its axes. Call it from a `styled` function."""
    figure = Figure(figsize=(rcParams["figure.figsize"][0], height))
    return figure, figure.add_subplot()


@styled
def png(figure: Figure, scale: int = 2) -> bytes:
    """The figure as a PNG in 64 colours (30 KB), `scale` pixels for each on the page: 2 is sharp on a projector."""
    raw, small = io.BytesIO(), io.BytesIO()
    figure.savefig(raw, dpi=scale * PIXELS)
    Image.open(raw).convert("RGB").quantize(64, dither=Image.Dither.NONE).save(small, "png", optimize=True)
    return small.getvalue()


@styled
def draft(figure: Figure) -> bytes:
    """The figure as a PNG for a moment: one pixel for each on the page, in less than half the time that `png` takes."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return pixels(canvas)


def pixels(canvas: FigureCanvasAgg, palette: Image.Image | None = None) -> bytes:
    """What is drawn on the canvas as a PNG, compressed lightly; in the colours of `palette`, a third of the size."""
    drawn = Image.frombuffer("RGBA", canvas.get_width_height(), canvas.buffer_rgba()).convert("RGB")
    if palette:
        drawn = drawn.quantize(palette=palette, dither=Image.Dither.NONE)
    drawn.save(small := io.BytesIO(), "png", compress_level=1)
    return small.getvalue()


def show(figure: Figure, sentence: str) -> None:
    """Display `figure` and below it, as Markdown, `sentence`: what the figure shows, in words.

    It is for whoever cannot see the figure, and it is what the notebook's test compares: the same in every run that
    succeeds. It may not promise what the run did not bring, so it says what is drawn, or is chosen from the result:
    `show(figure, "Nothing was lost." if lost == 0 else "What was lost.")`.

    Introduced in lesson 1.1.
    """
    Frame(sentence).put(png(figure))
    caption(sentence)


def caption(sentence: str) -> None:
    """Show a sentence below a figure: Markdown, set like the lesson's text, and broken between words."""
    display({"text/markdown": sentence, "text/plain": _plain(sentence)}, raw=True)


def _plain(sentence: str) -> str:
    return sentence.replace("`", "")


def show_java(name: str, says: str = "The same in Java") -> None:
    """Show the program `notebooks/java/<name>`, folded: a line to click (`says` and the name), the source below.

    Markdown, which JupyterLab sanitises and keeps, and highlights in the colours of its theme.

    Raises:
        LabError: there is no such program; says which there are.

    Introduced in lesson 1.1.
    """
    folder = repo_dir() / "notebooks" / "java"
    if not (folder / name).is_file():
        there = ", ".join(sorted(path.name for path in folder.glob("*.java")))
        raise LabError(f"There is no {name} in notebooks/java.", fix=f"one of: {there or 'none yet'}")
    source = (folder / name).read_text(encoding="utf-8").strip()
    folded = f"<details>\n<summary>{says}: <code>{name}</code></summary>\n\n```java\n{source}\n```\n\n</details>"
    display({"text/markdown": folded, "text/plain": f"{says}: notebooks/java/{name}"}, raw=True)


class Live:
    """A figure that follows an experiment, redrawn in place by the main thread and left behind as a still picture.

    Drawing holds Python's lock and takes a core from the brokers, so it gets a quarter of one core's time at most. What
    watches throughput should take less: see `helpers.figures.dashboard`.

    Args:
        draw: makes the figure anew, from a sampler's frame, say; it must cope with an empty one.
        sentence: what is drawn (see `show`). It stands there before the result is known, so it does not name one.
        fps: frames per second at most; an update that comes too early does nothing.

    Example:
        >>> with Live(lambda: lines(sampler.frame, "lag [records]"), "The lag, while one worker works.") as live:
        ...     lab.kafka.node(1).start(meanwhile=live.update)
        ...     wait_until(lambda: live.update() or drained(), what="the lag is gone")

    Introduced in lesson 1.1.
    """

    def __init__(self, draw: Callable[[], Figure], sentence: str, fps: float = 5.0) -> None:
        self._draw, self.sentence = draw, sentence
        self._period, self._next = 1 / fps, 0.0
        self._frame: Frame | None = Frame(sentence)
        self.update()

    def update(self) -> None:
        """Redraw, unless it is too early. Returns None: `live.update() or done()` is a condition to wait for."""
        if self._frame and (start := time.monotonic()) >= self._next:
            busy = time.thread_time()
            self._frame.put(draft(self._draw()), scale=1)
            busy = time.thread_time() - busy
            self._next = max(start + self._period, time.monotonic() + (1 / SHARE - 1) * busy)

    def close(self) -> None:
        """Draw the final frame, which stays in the notebook, and its sentence. Closing again does nothing."""
        if self._frame:
            frame, self._frame = self._frame, None
            frame.put(png(self._draw()))
            caption(self.sentence)

    def __enter__(self) -> Live:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class Frame:
    """One place on the page. Its plain text never changes, so a stored output compares equal whatever was measured.

    Args:
        sentence: what the figure shows: its plain text, and the alternative to its picture.
    """

    def __init__(self, sentence: str) -> None:
        self._sentence, self._handle, self._shown = _plain(sentence), DisplayHandle(), False

    def put(self, image: bytes, scale: int = 2) -> None:
        """Show a PNG that has `scale` pixels for each on the page, in place of the one before."""
        width, height = (side // scale for side in struct.unpack(">II", image[16:24]))  # PNG's first chunk
        bundle = {"image/png": base64.b64encode(image).decode(), "text/plain": f"[figure] {self._sentence}"}
        metadata = {"image/png": {"width": width, "height": height, "alt": self._sentence}}
        send = self._handle.update if self._shown else self._handle.display
        send(bundle, raw=True, metadata=metadata)
        self._shown = True
