"""Finding weights by name wherever the package is installed; without PyTorch."""

from __future__ import annotations

from pathlib import Path

from dpdeblur.errors import WeightsError

DEFAULT_WEIGHTS = "mccnet"
_PACKAGE = Path(__file__).resolve().parents[1]
# Inside the package when installed from a wheel, beside it in a source checkout.
_FOLDERS = (_PACKAGE / "weights", _PACKAGE.parent / "weights")


def find_weights(weights: str | Path | None = None) -> Path:
    """Path of a weights file given a shipped name, a path, or None for the default.

    Raises WeightsError if there is neither a file nor a shipped name like it.
    """
    wanted = str(DEFAULT_WEIGHTS if weights is None else weights)
    shipped = {f.stem: f for folder in reversed(_FOLDERS) for f in folder.glob("*.safetensors")}
    if wanted in shipped:
        return shipped[wanted]
    try:
        if Path(wanted).is_file():
            return Path(wanted)
    except OSError:  # a name too long or otherwise impossible here
        pass
    names = ", ".join(sorted(shipped)) or "none"
    raise WeightsError(
        wanted, f"there is no such file, and no shipped weights have that name ({names})"
    )
