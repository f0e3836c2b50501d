"""One lab, one JupyterLab and one browser for all tests in here; a notebook of its own for each."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from helpers.paths import repo_dir
from tests.browser import chromium, lessons
from tests.browser.server import Server
from tests.labs import environment, why_not

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

    from tests.browser.learner import Learner

PICTURES = repo_dir() / ".lab" / "test" / "pictures"
SIZE = {"width": 1440, "height": 900}
TIMEOUT = 15_000  # milliseconds, for what only the page does

reasons = {stack: why_not(stack) for stack in ("processes", "containers")}
STACK = next((stack for stack, reason in reasons.items() if not reason), "")
WHY_NOT = chromium.why_not() or ("" if STACK else "; ".join(f"{stack}: {why}" for stack, why in reasons.items()))


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Without playwright, the tests here cannot even be imported; one that needs nothing says so."""
    here = collection_path.parent == Path(__file__).parent
    return True if WHY_NOT and here and collection_path.name != "test_there_is_a_browser.py" else None


BEGAN = time.monotonic()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Say how long it took; more than $BROWSER_SECONDS (`.ci/run` sets it) is a failure."""
    if WHY_NOT:
        return
    took, limit = time.monotonic() - BEGAN, float(os.environ.get("BROWSER_SECONDS") or "inf")
    print(f"\nIn a browser: {took:.0f} s" + (f" of {limit:g} s" if limit < float("inf") else ""))
    if took > limit and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """JupyterLab, and the brokers that the roadmap uses; in a lab that `make down ALL=--all` knows."""
    home = repo_dir() / ".lab" / "test" / "browser"
    environ = environment(STACK) | {"LAB_HOME": str(home)}
    helpers = [sys.executable, "-m", "helpers"]
    subprocess.run([*helpers, "down"], env=environ, check=True, capture_output=True)
    shutil.rmtree(home)  # what an earlier run has passed is not this learner's progress
    up = subprocess.Popen([*helpers, "up"], env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with Server(tmp_path_factory.mktemp("jupyter"), environ) as server:
            assert up.wait(120) == 0
            yield server
    finally:
        up.terminate()
        up.wait(60)
        subprocess.run([*helpers, "down"], env=environ, check=True, capture_output=True)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    # The sandbox of Chromium refuses to run as root, and it would protect from nobody: the pages are ours.
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=options)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """One learner's browser: JupyterLab's files are loaded once."""
    context = browser.new_context(viewport=SIZE, reduced_motion="reduce")
    context.set_default_timeout(TIMEOUT)
    shutil.rmtree(PICTURES, ignore_errors=True)
    PICTURES.mkdir(parents=True)
    yield context
    context.close()


@contextmanager
def at_a_page(context: BrowserContext, name: str = "") -> Iterator[Learner]:
    """Somebody at a new page, which nothing is open on. Its last sight is kept under `name`."""
    from playwright.sync_api import expect

    from tests.browser.learner import Learner

    expect.set_options(timeout=TIMEOUT)
    learner = Learner(context.new_page(), PICTURES)
    yield learner
    if name:
        learner.picture(f"{name}-at-the-end")
    learner.page.close()


@pytest.fixture
def newcomer(context: BrowserContext, server: Server, request: pytest.FixtureRequest) -> Iterator[Learner]:
    """A page and kernels of the test's own."""
    with at_a_page(context, request.node.name) as learner:
        yield learner
    server.end_kernels()


@pytest.fixture(scope="package")
def desk(context: BrowserContext, server: Server) -> Iterator[Learner]:
    """A page that tests share, and the kernel of what they open on it: both take seconds to begin."""
    with at_a_page(context) as learner:
        learner.page.goto(server.page("", "desk"))
        yield learner


@pytest.fixture
def learner(desk: Learner, request: pytest.FixtureRequest) -> Iterator[Learner]:
    """At the shared page. Its last sight is kept, and nothing stays open on it."""
    desk.page.set_viewport_size(SIZE)
    yield desk
    desk.picture(f"{request.node.name}-at-the-end")
    desk.close()


@pytest.fixture
def beside(learner: Learner, server: Server) -> None:
    """Another notebook, open before the lesson, as the roadmap is for whoever follows its link."""
    lessons.write(server.mine / "beside.ipynb", prediction="beside")
    learner.open_here("mine/beside.ipynb", server.kernel())


@pytest.fixture
def lesson(learner: Learner, server: Server, request: pytest.FixtureRequest) -> Callable[[str], int]:
    """The small lesson, open on the page, its frame and its lab set up. Answers with the place of a cell."""
    begin(learner, server, request.node.name)
    return lessons.PLACE.__getitem__


def begin(learner: Learner, server: Server, name: str) -> None:
    """Open the small lesson under a name of its own, and run its frame and its lab."""
    lessons.write(server.mine / f"{name}.ipynb", prediction=name)
    learner.open_here(f"mine/{name}.ipynb", server.kernel())
    learner.run(lessons.PLACE["frame"])
    learner.run(lessons.PLACE["lab"])


@pytest.fixture
def progress(server: Server) -> Path:
    """The learner's progress, and nothing in it yet."""
    path = Path(server.environ["LAB_HOME"]) / "progress.json"
    path.unlink(missing_ok=True)
    return path
