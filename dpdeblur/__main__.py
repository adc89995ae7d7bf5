"""The `dpdeblur` program, also as `python -m dpdeblur`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; an interrupt before it is ready ends it as quietly as one after."""
    try:
        from dpdeblur.cli import app

        for stream in (sys.stdout, sys.stderr):
            # A name that the terminal cannot show shall not fail a picture that is written.
            getattr(stream, "reconfigure", lambda **_: None)(errors="backslashreplace")
        app()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
