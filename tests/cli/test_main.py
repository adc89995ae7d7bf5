"""How the program itself is set up."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.skipif(sys.platform != "linux", reason="asks GNU's OpenMP, which others do not use")
@pytest.mark.parametrize(
    ("wish", "turns"),
    [({}, "3000"), ({"GOMP_SPINCOUNT": "77"}, "77"), ({"OMP_WAIT_POLICY": "passive"}, "0")],
)
def test_threads_do_not_spin_for_long_unless_asked_to(wish: dict[str, str], turns: str) -> None:
    names = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
    environment = {name: value for name, value in os.environ.items() if name not in names}
    environment |= wish | {"OMP_DISPLAY_ENV": "verbose"}
    command = [sys.executable, "-m", "dpdeblur", "info"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert f"GOMP_SPINCOUNT = '{turns}'" in done.stderr
