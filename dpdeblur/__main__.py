"""The `dpdeblur` program, also as `python -m dpdeblur`."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line; an interrupt before it is ready ends it as quietly as one after."""
    # Threads that wait for each other by spinning hold up the one they wait for, where other
    # programs are at work: a picture of a second takes a minute. OpenMP asks as PyTorch loads it.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
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


if __name__ == "__main__":
    main()
