"""One dual-pixel photograph as a command is given it: a raw file, or two views."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dpdeblur.cli import _options

if TYPE_CHECKING:
    from dpdeblur.cli._output import Output
    from dpdeblur.io import FileViews
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
    right: Path | None,
    size: str | None,
    balance: _options.BalanceChoice | None,
    swap_views: bool,
    save_views: Path | None = None,
) -> RawOptions | None:
    """How to develop the raw file; None for two views, which take none of these options."""
    from dpdeblur.errors import OptionError

    if right is None:
        return _options.raw_options(size, balance, swap_views=swap_views)
    given = _options.given_for_raws(size, balance, swap_views=swap_views)
    if given or save_views:
        key = given[0] if given else "--save-views"
        raise OptionError(key, "it is for raw files, but you gave two views; leave it out")
    return None


def read(printer: Output, left: Path, right: Path | None, raw: RawOptions | None) -> FileViews:
    """The views, with a warning if their names say that they are swapped."""
    from dpdeblur.datasets import names_say_swapped
    from dpdeblur.io import read_views

    if right is None:
        from dpdeblur.raw import read_raw_views

        return read_raw_views(left, raw)
    if names_say_swapped(left, right):
        printer.warn("Their names say that the right view comes first; check the order.")
    return read_views(left, right)
