"""Makes `python -m dpdeblur` the same as `dpdeblur`."""

from dpdeblur.cli import main

main()
