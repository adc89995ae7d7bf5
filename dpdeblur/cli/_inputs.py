"""One dual-pixel photograph as `fix` and `map` are given it: a raw file, or two views."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dpdeblur.cli._options import RawChoice

if TYPE_CHECKING:
    from dpdeblur.pair import DualPixelPair
    from dpdeblur.raw import RawOptions


def check_inputs(
    left: Path,
    right: Path | None,
    truth: Path | None = None,
    *,
    folders: str = "use dpdeblur batch for folders",
) -> list[Path]:
    """The files given, none of which is a folder, or a raw file where it should be a picture."""
    from dpdeblur.datasets import RAW_EXTENSIONS, is_folder
    from dpdeblur.errors import UnreadableFileError

    inputs = [path for path in (left, right, truth) if path is not None]
    for path in inputs:
        if is_folder(path):
            raise UnreadableFileError(path, f"it is a folder; {folders}")
        if path.suffix.lower() in RAW_EXTENSIONS and (right or path is truth):
            alone = "which holds both views; give only this file"
            finished = "but the truth must be a finished picture; give PNG, TIFF or JPEG"
            what = finished if path is truth else alone
            raise UnreadableFileError(path, f"it is a raw file, {what}")
    return inputs


def raw_options(
    right: Path | None, choice: RawChoice, save_views: Path | None = None
) -> RawOptions | None:
    """How to develop the raw file; None for two views, which take none of these options."""
    from dpdeblur.errors import OptionError

    if right is None:
        return choice.options()
    given = (*choice.given, *(("--save-views",) if save_views else ()))
    if given:
        raise OptionError(given[0], "it is for raw files, but you gave two views; leave it out")
    return None


def read_photo(left: Path, right: Path | None, raw: RawOptions | None) -> DualPixelPair:
    """The pair, read or developed."""
    if right is None:
        from dpdeblur.raw import read_raw_pair

        return read_raw_pair(left, raw)
    from dpdeblur.pair import read_pair

    return read_pair(left, right)


def statement(options: RawOptions) -> str:
    """Which side frame 1 is assumed to show, said whenever it matters."""
    if options.swap_views:
        return "Frame 1 is used as the right view, because of --swap-views."
    return "Frame 1 is assumed to be the left view; add --swap-views if it is the right one."
