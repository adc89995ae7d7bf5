"""Names of devices and precisions. Whether a device is there, `device.py` finds out by trying."""

from __future__ import annotations

import re

from dpdeblur.errors import DeviceError, OptionError

_DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d+)?")
_PRECISIONS = ("auto", "fp32", "bf16", "fp16")


def check_names(device: str, precision: str = "auto") -> None:
    """Refuse names that mean nothing on any machine, without PyTorch.

    Raises DeviceError for a device's, OptionError for a precision's.
    """
    if precision not in _PRECISIONS:
        raise OptionError("precision", f"'{precision}' is not one of {', '.join(_PRECISIONS)}")
    if not _DEVICE.fullmatch(device):
        raise DeviceError(device, "its name is not one of auto, cpu, cuda, cuda:0, mps")
