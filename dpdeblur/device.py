"""Choosing where and in which precision to compute, by trying rather than by guessing.

And on how many threads of the CPU.
"""

from __future__ import annotations

import platform
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

from dpdeblur.errors import DeviceError, PrecisionError
from dpdeblur.memory import free_memory, total_memory
from dpdeblur.names import check_names

PRECISIONS: Mapping[str, torch.dtype] = {
    "fp32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
}


_sharing: dict[object, int] = {}  # of `shared_threads` under way: the threads before all of them
_lock = threading.Lock()


@dataclass(frozen=True)
class DeviceInfo:
    """A device that works here. Memory in bytes; `precision` is what "auto" takes on it."""

    name: str
    label: str
    total_memory: int
    free_memory: int
    precisions: tuple[str, ...]
    precision: str


@dataclass(frozen=True)
class Setup:
    """The device and precision chosen, with a sentence on each better choice that failed."""

    device: torch.device
    precision: str
    notes: tuple[str, ...] = ()


def choose(device: str = "auto", precision: str = "auto") -> Setup:
    """Resolve `auto|cpu|cuda|cuda:n|mps` and `auto|fp32|bf16|fp16`.

    "auto" takes the first GPU that passes a trial, else the CPU. Raises DeviceError if the
    device is not there or cannot compute in the precision asked for (PrecisionError if none can),
    OptionError for other precision names.
    """
    check_names(device, precision)
    if device == "auto":
        return _choose_any(precision)
    name = "cuda:0" if device == "cuda" else device
    if name not in _present():  # some numbers PyTorch itself would reject as malformed
        raise DeviceError(
            device, f"there is no such device here; use one of auto, {', '.join(_present())}"
        )
    chosen = torch.device(name)
    wanted, failure = _trial(chosen, precision)
    if failure:
        raise DeviceError(device, f"it cannot compute in {wanted} ({failure}); choose another")
    return Setup(chosen, wanted)


def list_devices() -> list[DeviceInfo]:
    """The devices that pass a trial in fp32, best first; the CPU is always there."""
    devices = (torch.device(name) for name in _present())
    return [_describe(device) for device in devices if try_out(device, "fp32") is None]


def autocast(device: torch.device, precision: str) -> AbstractContextManager[Any]:
    """Context in which convolutions and attention run in `precision`."""
    dtype = PRECISIONS["bf16" if precision == "fp32" else precision]
    return torch.autocast(device.type, dtype=dtype, enabled=precision != "fp32")


def try_out(device: torch.device, precision: str) -> str | None:
    """Run a small convolution, attention and transform; None if that works, else why not."""
    if device.type == "cpu" and not _cpu_kernels(precision):
        return "this processor has no instructions for it"
    try:
        with torch.inference_mode(), autocast(device, precision):
            picture = torch.ones(1, 8, 8, 8, device=device)
            kernel = torch.ones(8, 8, 3, 3, device=device)
            maps = functional.conv2d(picture, kernel, padding=1).permute(0, 2, 3, 1)
            attended = functional.scaled_dot_product_attention(maps, maps, maps)
            spectrum = torch.fft.rfft2(picture.float())
            back = torch.fft.irfft2(spectrum * spectrum, s=picture.shape[-2:])
            right = abs(attended[0, 4, 4, 0].item() - 72.0) + abs(back.max().item() - 64.0) < 1.0
    except (RuntimeError, AssertionError) as error:  # torch asserts where it lacks a backend
        return str(error).partition("\n")[0].strip(" .")
    return None if right else "its results are wrong"


def _choose_any(precision: str) -> Setup:
    notes: list[str] = []
    for name in _present():
        device = torch.device(name)
        wanted, failure = _trial(device, precision)
        if failure is None:
            return Setup(device, wanted, tuple(notes))
        notes.append(f"passed over {name}, which cannot compute in {wanted} ({failure})")
    raise PrecisionError(precision)


def _trial(device: torch.device, precision: str) -> tuple[str, str | None]:
    """The precision meant, and why the device cannot do it (None if it can)."""
    if failure := try_out(device, "fp32"):
        return "fp32", failure
    wanted = _automatic_precision(device) if precision == "auto" else precision
    return wanted, try_out(device, wanted)


def _present() -> list[str]:
    """Names of the devices PyTorch sees, best first."""
    names = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        names.append("mps")
    return [*names, "cpu"]


def _automatic_precision(device: torch.device) -> str:
    """The policy of precision "auto": the half precision that is fast there, else fp32."""
    if device.type == "cuda":
        if torch.cuda.get_device_capability(device) >= (8, 0):
            return "bf16"
        return "fp16" if torch.cuda.get_device_capability(device) >= (7, 0) else "fp32"
    return "bf16" if device.type == "cpu" and _cpu_is_fast_in_bf16() else "fp32"


def _cpu_is_fast_in_bf16() -> bool:
    """Whether the processor multiplies bf16 natively and PyTorch's kernels use that."""
    found = _cpu_capabilities()
    native = any(found.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    return native and _cpu_kernels("bf16")


def _cpu_capabilities() -> Mapping[str, Any]:
    """Instruction sets by name; older versions of PyTorch tell of some on x86 only."""
    if hasattr(torch.cpu, "get_capabilities"):
        return torch.cpu.get_capabilities()
    probe = getattr(torch.cpu, "_is_avx512_bf16_supported", bool)
    return {"avx512_bf16": probe()}


def _cpu_kernels(precision: str) -> bool:
    """Whether oneDNN has convolutions for it; PyTorch's own are some ten times slower."""
    if precision == "fp32":
        return True
    try:
        return bool(getattr(torch.ops.mkldnn, f"_is_mkldnn_{precision}_supported")())
    except (AttributeError, RuntimeError):
        return False


def _describe(device: torch.device) -> DeviceInfo:
    return DeviceInfo(
        name=str(device),
        label=_label(device),
        total_memory=total_memory(device),
        free_memory=free_memory(device),
        precisions=tuple(name for name in PRECISIONS if try_out(device, name) is None),
        precision=_automatic_precision(device),
    )


@contextmanager
def shared_threads(count: int) -> Iterator[None]:
    """Let this thread, and all that start meanwhile, compute with one of `count` shares of the CPU.

    PyTorch has one number of threads for a process; beside another such context the share is of
    what there was before both.
    """
    this = object()
    try:
        with _lock:
            before = next(iter(_sharing.values()), torch.get_num_threads())
            _sharing[this] = before
            torch.set_num_threads(max(1, before // count))
        yield
    finally:
        with _lock:
            if this in _sharing:
                torch.set_num_threads(_sharing.pop(this))


def _label(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    system = f"{platform.system()} {platform.machine()}"
    if device.type == "mps":
        return f"Apple GPU ({system})"
    name = _cpu_capabilities().get("cpu_name") or platform.processor() or system
    threads = torch.get_num_threads()
    return f"{name}, {threads} {'thread' if threads == 1 else 'threads'}"
