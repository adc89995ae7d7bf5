"""How the program itself is set up."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.skipif(sys.platform != "linux", reason="asks GNU's OpenMP, which others do not use")
@pytest.mark.parametrize(("wish", "policy"), [(None, "PASSIVE"), ("active", "ACTIVE")])
def test_threads_do_not_spin_unless_asked_to(wish: str | None, policy: str) -> None:
    environment = os.environ | {"OMP_DISPLAY_ENV": "true"}
    environment.pop("OMP_WAIT_POLICY", None)
    if wish is not None:
        environment["OMP_WAIT_POLICY"] = wish
    command = [sys.executable, "-m", "dpdeblur", "info"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert f"OMP_WAIT_POLICY = '{policy}'" in done.stderr
