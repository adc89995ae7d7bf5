"""The `dpdeblur` program, also as `python -m dpdeblur`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; an interrupt before it is ready ends it as quietly as one after."""
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
