"""Errors of files, pictures, options and machines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any


class DPDeblurError(Exception):
    """Base of all errors raised on purpose by this package.

    `parameter` is the Python name of the parameter that the error is about, if there is one; `hint`
    the end of a text that says what to do about it where Python has words of its own for that.
    """

    parameter: str | None = None
    hint = ""

    def __reduce__(self) -> tuple[Any, ...]:
        """Errors can be sent to other processes, though they are not made from their texts."""
        return _sent, (type(self), self.args, self.__dict__)


def _sent(kind: type[DPDeblurError], args: tuple[Any, ...], data: dict[str, Any]) -> DPDeblurError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(data)
    return error


class MissingFileError(DPDeblurError):
    """A file or folder that was named does not exist."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(f"{path} does not exist; check the name.")


class UnreadableFileError(DPDeblurError):
    """A file exists but is not a picture (or table, weights file, ...) that can be read.

    `damaged` if it seems to be one that is cut short or spoiled.
    """

    def __init__(
        self, path: Path, reason: str, parameter: str | None = None, *, damaged: bool = False
    ) -> None:
        self.path, self.reason, self.parameter, self.damaged = path, reason, parameter, damaged
        super().__init__(f"{path} cannot be read: {reason}.")


class UnsupportedFormatError(DPDeblurError):
    """A file name's extension is none that is known."""

    def __init__(self, path: Path, supported: Sequence[str]) -> None:
        self.path, self.supported = path, tuple(supported)
        what = "an unknown format" if path.suffix else "no extension to choose the format by"
        super().__init__(f"{path} has {what}; use one of {', '.join(supported)}.")


class OutputExistsError(DPDeblurError):
    """The output is already there and overwriting was not asked for."""

    parameter = "overwrite"
    hint = "pass overwrite=True or choose another name"

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(f"{path} already exists; {self.hint}.")


class UnwritableOutputError(DPDeblurError):
    """The output cannot be written; nothing was left behind."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path} cannot be written: {reason}.")


class DiskFullError(UnwritableOutputError):
    """There is no room for an output. `needed` bytes are, and `free` ones are there if known.

    `pictures` of a batch are still to be written, for all of which `needed` is an estimate.
    """

    def __init__(
        self, path: Path, needed: int, free: int | None = None, pictures: int | None = None
    ) -> None:
        self.needed, self.free, self.pictures = needed, free, pictures
        reason = f"the disk is full; it needs {_size(needed)}"
        if pictures is not None:
            still = f"the {pictures} pictures" if pictures > 1 else "the one picture"
            need = "need" if pictures > 1 else "needs"
            reason = f"the disk is full; {still} still to be written {need} about {_size(needed)}"
        if free is not None:
            reason += f", and {_size(free)} are free"
        reason += "; make room there and run it again"
        super().__init__(path, reason)


class ShapeMismatchError(DPDeblurError):
    """Two pictures that must be of one size are not. Shapes are (height, width)."""

    def __init__(self, what: str, first: tuple[int, ...], second: tuple[int, ...]) -> None:
        self.what, self.first, self.second = what, first, second
        super().__init__(
            f"{what} differ in size ({first[1]}x{first[0]} and {second[1]}x{second[0]} pixels); "
            "give two pictures of the same frame at the same size."
        )


class IdenticalViewsError(DPDeblurError):
    """Left and right view are the same picture, so there is no dual-pixel cue."""

    def __init__(self, what: str = "The left and right views") -> None:
        self.what = what
        super().__init__(
            f"{what} are identical, so they have no dual-pixel information; "
            "give the two views of one dual-pixel photograph."
        )


class PictureTooSmallError(DPDeblurError):
    """A picture is below the smallest size of a view. Shape is (height, width)."""

    def __init__(self, shape: tuple[int, ...], minimum: int, what: str = "The picture") -> None:
        self.shape, self.minimum, self.what = shape, minimum, what
        super().__init__(
            f"{what} is {shape[1]}x{shape[0]} pixels; at least {minimum}x{minimum} is needed."
        )


class InvalidPictureError(DPDeblurError):
    """An array passed as a picture has a wrong shape, type or values."""

    def __init__(self, what: str, reason: str) -> None:
        self.what, self.reason = what, reason
        super().__init__(f"{what} is not a usable picture: {reason}.")


class InvalidMapError(DPDeblurError):
    """A defocus map has a wrong shape, type or values."""

    def __init__(self, what: str, reason: str) -> None:
        self.what, self.reason = what, reason
        super().__init__(f"{what} is not a usable map: {reason}.")


class PairingError(DPDeblurError):
    """A folder or list does not yield pairs."""

    def __init__(self, path: Path, reason: str, parameter: str | None = None) -> None:
        self.path, self.reason, self.parameter = path, reason, parameter
        super().__init__(f"No pairs can be made from {path}: {reason}.")


class WeightsError(DPDeblurError):
    """A weights file is missing, damaged or of another architecture."""

    def __init__(self, name: str, reason: str) -> None:
        self.name, self.reason = name, reason
        super().__init__(f"The weights {name} cannot be used: {reason}.")


class DeviceError(DPDeblurError):
    """The device asked for is not there or cannot do what is asked."""

    def __init__(self, device: str, reason: str) -> None:
        self.device, self.reason = device, reason
        super().__init__(f"The device '{device}' cannot be used: {reason}.")


class ClusterError(DPDeblurError):
    """The cluster that is to share a batch is not there, or cannot do it."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"The cluster cannot be used: {reason}.")


class PrecisionError(DeviceError):
    """No device here can compute in the precision asked for."""

    parameter = "precision"

    def __init__(self, precision: str) -> None:
        self.precision = precision
        self.device, self.reason = "auto", f"none here can compute in {precision}"
        DPDeblurError.__init__(
            self, f"No device here can compute in {precision}; fp32 always works."
        )


class OutOfMemoryError(DPDeblurError):
    """Even the smallest tile does not fit. Sizes in bytes; `needed` is an estimate."""

    parameter = "max_memory"
    hint = "raise max_memory, free memory or give a smaller picture"

    def __init__(self, needed: int, budget: int) -> None:
        self.needed, self.budget = needed, budget
        super().__init__(
            f"This picture needs about {_size(needed)} of memory even in the smallest tiles, but "
            f"only {_size(budget)} may be used; {self.hint}."
        )


def _size(size: int) -> str:
    """Bytes in the largest unit of which there is one."""
    for exponent, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if size >> exponent:
            return f"{size / 2**exponent:.2f} {unit}"
    return f"{size} byte" if size == 1 else f"{size} bytes"


class OptionError(DPDeblurError):
    """A parameter or configuration key has a value that cannot be used."""

    def __init__(self, key: str, reason: str) -> None:
        self.key, self.reason, self.parameter = key, reason, key
        super().__init__(f"{key}: {reason}.")


class UselessOptionError(OptionError):
    """A parameter was given that means nothing beside the others."""


class MissingExtraError(DPDeblurError):
    """A part of the program needs packages that are not installed."""

    def __init__(self, extra: str, packages: Sequence[str]) -> None:
        self.extra, self.packages = extra, tuple(packages)
        super().__init__(
            f"This needs packages that are not installed ({', '.join(packages)}); run: "
            f"pip install 'dpdeblur[{extra}]'."
        )


class NonFiniteResultError(DPDeblurError):
    """The network gave NaN or infinity even in fp32."""

    def __init__(self) -> None:
        super().__init__(
            "The network gave undefined values (NaN or infinity) even in fp32, so its weights are "
            "probably damaged; use other weights or download them again."
        )


class CalibrationError(DPDeblurError):
    """Measured kernels have a wrong shape or values."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"The calibration cannot be used: {reason}.")


class PatternError(DPDeblurError):
    """Photographs of a calibration pattern that no kernels can be found from."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"These shots give no calibration: {reason}.")


class TrainingDivergedError(DPDeblurError):
    """The loss or its gradient became infinite or undefined at or before a step."""

    def __init__(self, step: int) -> None:
        self.step = step
        super().__init__(
            f"Training diverged: at step {step} the loss or its gradient became infinite or "
            "undefined; start again with a lower rate or a stricter clip (the last checkpoint is "
            "unchanged)."
        )


class ExportError(DPDeblurError):
    """A network that was exported gives other pictures than PyTorch does; nothing was written."""

    def __init__(self, path: Path, difference: float, limit: float) -> None:
        self.path, self.difference, self.limit = path, difference, limit
        super().__init__(
            f"{path} was not written: its results would differ by {difference:.1e}, more than "
            f"{limit:.0e}, from PyTorch's."
        )
