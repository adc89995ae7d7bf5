"""The `dpdeblur` program, also as `python -m dpdeblur`."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line; an interrupt before it is ready ends it as quietly as one after."""
    _spin_less()
    try:
        from dpdeblur.cli import app
        from dpdeblur.cli._streams import lost_output, make_tolerant

        make_tolerant()
        try:
            app()
        except SystemExit as end:
            if not end.code and (reason := lost_output()):
                sys.stderr.write(f"Error: The results cannot be printed: {reason}.\n")
                sys.exit(1)
            raise
    except KeyboardInterrupt:
        sys.exit(130)


def _spin_less() -> None:
    """Let threads of the OpenMP that PyTorch will load sleep soon when they wait for each other.

    By itself it lets them spin for 300,000 turns, and where other programs are at work they so hold
    up the very one they wait for (benchmarks/contention.py).
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "3000")


if __name__ == "__main__":
    main()
