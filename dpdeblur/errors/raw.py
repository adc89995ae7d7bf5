"""Errors of raw files."""

from __future__ import annotations

from pathlib import Path

from dpdeblur.errors.general import DPDeblurError, UnreadableFileError


class NotRawError(UnreadableFileError):
    """A file that is no Canon raw file at all; `advice` says what to give instead."""

    def __init__(self, path: Path, advice: str = "give a CR2 or CR3") -> None:
        self.advice = advice
        super().__init__(path, f"it is not a Canon raw file; {advice}")


class UnusableRawError(DPDeblurError):
    """A raw file can be read, but not be split into two views."""

    reason = ""

    def __init__(self, path: Path, reason: str = "") -> None:
        self.path, self.reason = path, reason or self.reason
        super().__init__(f"{path} does not give two views: {self.reason}.")


class NotCanonRawError(UnusableRawError):
    """A raw file that comes from another maker's camera (`make`, empty if it names none)."""

    def __init__(self, path: Path, make: str) -> None:
        self.make = make
        super().__init__(
            path,
            f"it comes from a camera by {make or 'an unnamed maker'}, not by Canon; "
            "give a Canon Dual Pixel RAW (CR2 or CR3)",
        )


class ConvertedRawError(UnusableRawError):
    """A DNG file, even one made from a Dual Pixel RAW."""

    reason = (
        "it is a DNG, in which the second frame's black level is not reliable; "
        "give the camera's own CR2 or CR3"
    )


class ReducedRawError(UnusableRawError):
    """An sRAW, mRAW or otherwise reduced file, which has no mosaic of sensor pixels."""

    reason = "it is a reduced raw (sRAW, mRAW); set the camera to full-size RAW or C-RAW"


class SingleFrameError(UnusableRawError):
    """A raw file with one frame, although Dual Pixel RAW may have been on (`was_on`)."""

    def __init__(self, path: Path, *, was_on: bool = False) -> None:
        self.was_on = was_on
        reason = (
            "it has a single frame, so Dual Pixel RAW was off (or unavailable) when it was taken; "
            "switch it on in the camera's menu"
        )
        if was_on:
            reason = (
                "it has a single frame although Dual Pixel RAW was on when it was taken, so a "
                "program has removed the other; give the file as the camera wrote it"
            )
        super().__init__(path, reason)


class RawBurstError(UnusableRawError):
    """A raw file with more than two frames."""

    reason = (
        "it has more than two frames, so it is a raw burst rather than a Dual Pixel RAW; "
        "give a file taken with Dual Pixel RAW on"
    )


class FramesDisagreeError(UnusableRawError):
    """A raw file whose two frames cannot be the sum of both photodiodes and one of them."""
