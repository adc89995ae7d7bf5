"""`dpdeblur app` as a user types it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.request

import pytest

from support.command import failure, run


def test_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dpdeblur.cli.page.find_spec", lambda name: None)
    said = failure(run("app"))
    assert "starlette" in said
    assert "pip install 'dpdeblur[app]'" in said


def test_bad_options() -> None:
    pytest.importorskip("starlette", reason="the extra app is not installed")
    said = failure(run("app", "--no-open", "--port", "0", "--host", "no.such.host.invalid"))
    assert "is not an address of this machine" in said


@pytest.mark.slow
def test_answers_until_interrupted() -> None:
    pytest.importorskip("starlette", reason="the extra app is not installed")
    command = [sys.executable, "-m", "dpdeblur", "app", "--port", "0", "--no-open", "--json"]
    options = ["--engine", "mpi", "--method", "fast", "--device", "cpu"]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = ""
        while "}" not in said:
            said += process.stdout.readline()
        url = json.loads(said)["url"]
        assert url.startswith("http://127.0.0.1:")
        assert urllib.request.urlopen(url).status == 200
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
