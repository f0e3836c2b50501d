"""JupyterLab as `make lab` opens it, on a folder of the tests' own: nothing of the learner's is read or written."""

from __future__ import annotations

import json
import secrets
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType

import requests

from helpers.paths import repo_dir
from helpers.wait import wait_until

__all__ = ["Server"]


class Server:
    """JupyterLab with its own files, settings, runtime folder and token, on a port that is free.

    Args:
        folder: everything of this server; notebooks in `course/mine/`.
        environ: how its kernels find the lab.
    """

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        self.root, self.mine = folder / "course", folder / "course" / "mine"
        self.mine.mkdir(parents=True)
        self._log, self._runtime = folder / "jupyter.log", folder / "runtime"
        self._settings, self._token = folder / "settings", secrets.token_hex(16)
        own = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "runtime",
               "JUPYTERLAB_SETTINGS_DIR": "user-settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
               "IPYTHONDIR": "ipython"}  # fmt: skip
        self.environ = {**environ, "LAB_MINE": str(self.mine), **{key: str(folder / own[key]) for key in own}}
        self._web = requests.Session()
        self._web.trust_env = False  # no company's proxy between this machine and itself
        self._web.headers["Authorization"] = f"token {self._token}"

    def __enter__(self) -> Server:
        self._settings.mkdir()
        shutil.copy(repo_dir() / "binder" / "overrides.json", self._settings)
        copies = subprocess.Popen(
            [sys.executable, "-m", "helpers", "copies"], env=self.environ, stdout=subprocess.DEVNULL
        )
        lab = [sys.executable, "-m", "jupyterlab"]
        layout = [*lab, "workspaces", "import", "--name", "default", str(repo_dir() / "binder" / "workspace.json")]
        subprocess.run(layout, env=self.environ, check=True, capture_output=True)
        assert copies.wait(60) == 0
        options = [
            "--no-browser", "--allow-root", "--ServerApp.port=0", f"--ServerApp.root_dir={self.root}",
            f"--IdentityProvider.token={self._token}", f"--LabApp.app_settings_dir={self._settings}",
            "--LabApp.expose_app_in_browser=True",  # for Learner: which cell runs
        ]  # fmt: skip
        with self._log.open("w") as log:
            self._process = subprocess.Popen([*lab, *options], env=self.environ, stdout=log, stderr=log)
        wait_until(self._ready, 60, "JupyterLab answers", state=lambda: self._log.read_text()[-2000:])
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.end_kernels()
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(30)

    @property
    def address(self) -> str:
        """Where it listens, as it has written it down itself."""
        said = json.loads(next(self._runtime.glob(f"jpserver-{self._process.pid}.json")).read_text())
        return f"http://127.0.0.1:{said['port']}"

    def page(self, notebook: str = "", workspace: str = "") -> str:
        """The address of JupyterLab's page: with the layout of `make lab`, or an empty one, with a notebook or none."""
        path = f"/workspaces/{workspace}" if workspace else ""
        path += f"/tree/mine/{notebook}" if notebook else ""
        return f"{self.address}/lab{path}?token={self._token}"

    def kernel(self) -> str:
        """The id of a kernel that runs; empty: none does."""
        kernels = self._web.get(f"{self.address}/api/kernels", timeout=20).json()
        return str(kernels[0]["id"]) if kernels else ""

    def end_kernels(self) -> None:
        """End every kernel: each takes the memory of a small broker."""
        for kernel in self._web.get(f"{self.address}/api/kernels", timeout=20).json():
            self._web.delete(f"{self.address}/api/kernels/{kernel['id']}", timeout=20)

    def _ready(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError(f"JupyterLab has ended:\n{self._log.read_text()[-2000:]}")
        try:
            return self._web.get(f"{self.address}/api/status", timeout=5).ok
        except (requests.ConnectionError, StopIteration, ValueError):
            return False  # not there, or its file is half written
