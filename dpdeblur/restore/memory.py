"""How much memory there is, and how much a strip takes."""

from __future__ import annotations

import ctypes
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import torch

from dpdeblur.errors import OptionError
from dpdeblur.models import ModelDescriptor
from dpdeblur.restore.plan import plan_strips, round_up

# Memory of a network in bytes as (fixed, per pixel read), of which the lower sum holds, by how it
# may be tiled. Measured for inference on the CPU in channels_last as the rise of the peak resident
# size, with PyTorch 2.13 and glibc, for 64x64 to 6720x240 and 1680x1120 pixels; the lines lie 5 to
# 40 % above. The compact network ("tiles") was measured in fp32 only. The paper's ("rows") has two
# lines, as blocks below glibc's mmap threshold of 32 MiB come from a heap that fragments (up to
# 3,500 bytes a pixel in fp32, 2,300 in bf16, twice what is in use), while larger ones are given
# back at once (1,350 to 1,440 and 810 to 850). The views' strip is in it.
_Lines = tuple[tuple[float, float], ...]
_COST: dict[str, dict[str, _Lines]] = {
    "rows": {
        "fp32": ((40e6, 3600.0), (350e6, 1500.0)),
        "bf16": ((40e6, 2400.0), (350e6, 920.0)),
        "fp16": ((40e6, 2400.0), (350e6, 920.0)),
    },
    "tiles": dict.fromkeys(("fp32", "bf16", "fp16"), ((40e6, 1000.0),)),
}

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_BINARY_UNITS = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_MEMORY = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([KMGT]?)(I?)B?\s*", re.IGNORECASE)


def parse_memory(text: str) -> int:
    """Bytes meant by "2GB", "1.5 GiB", "800M" or "1000000000".

    K, M, G, T are powers of 1000, Ki, Mi, Gi, Ti of 1024. Raises OptionError if it is no such
    size or is below one byte.
    """
    match = _MEMORY.fullmatch(text)
    unit, binary = (match[2].upper(), match[3]) if match else ("", "")
    if match is None or (binary and not unit):
        raise OptionError("max_memory", f"'{text}' is not a size; write it like 2GB or 1.5GiB")
    size = int(float(match[1]) * (_BINARY_UNITS if binary else _UNITS)[unit])
    if size < 1:
        raise OptionError("max_memory", f"'{text}' must be at least one byte")
    return size


def free_memory(device: torch.device) -> int:
    """Bytes that can still be taken on `device` by this process."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(free + cached)
    free = min((int(psutil.virtual_memory().available), *cgroup_headrooms()))
    if device.type == "mps":  # shares the main memory, of which Metal recommends a limit
        used = torch.mps.driver_allocated_memory()
        free = min(free, torch.mps.recommended_max_memory() - used)
    return max(0, free)


def total_memory(device: torch.device) -> int:
    """Bytes of memory that `device` has."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    return int(psutil.virtual_memory().total)


def peak_memory(device: torch.device, status: Path = Path("/proc/self/status")) -> int | None:
    """Bytes held at most: by PyTorch on a CUDA device, by the whole process so far on the CPU.

    None where it is not known: on MPS, and on the CPU of other systems than Linux.
    """
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    try:
        # Not getrusage: what a parent process held counts there for its children.
        lines = status.read_text().splitlines() if device.type == "cpu" else []
        return next((int(line.split()[1]) * 1024 for line in lines if "VmHWM:" in line), None)
    except OSError:
        return None


def release_unused(device: torch.device) -> None:
    """Give back the memory that allocators keep for later.

    On the CPU that is what glibc's heap holds between strips, up to half of all that is taken;
    with other C libraries nothing happens.
    """
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
    elif sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


def cgroup_headrooms(
    membership: Path = Path("/proc/self/cgroup"), root: Path = Path("/sys/fs/cgroup")
) -> Iterator[int]:
    """Bytes left under each memory limit (Linux control groups, versions 1 and 2) of this process.

    Containers limit memory this way, and the machine's free memory does not show it. Cached file
    pages that the kernel would drop first count as free. Yields nothing where there is no limit.
    """
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, inside = line.split(":", 2)
        if controllers == "":
            top, limit_name, usage_name, cache_name = root, "max", "current", "inactive_file"
        elif "memory" in controllers.split(","):
            top, limit_name, usage_name = root / "memory", "limit_in_bytes", "usage_in_bytes"
            cache_name = "total_inactive_file"
        else:
            continue
        group = top / inside.strip("/")
        # Inside a container the path may be the host's and lead nowhere; its limit is at the top.
        for folder in (group, *group.parents):
            limit = _number(folder / f"memory.{limit_name}")
            usage = _number(folder / f"memory.{usage_name}")
            if limit is not None and usage is not None:
                yield max(0, limit - usage + _statistic(folder / "memory.stat", cache_name))
            if folder == top:
                break


def _number(file: Path) -> int | None:
    try:
        return int(file.read_text())
    except (OSError, ValueError):  # no such group, or the word "max"
        return None


def _statistic(file: Path, name: str) -> int:
    try:
        pairs = (line.split() for line in file.read_text().splitlines())
        return next((int(value) for key, value in pairs if key == name), 0)
    except (OSError, ValueError):
        return 0


@dataclass(frozen=True)
class MemoryModel:
    """What the network takes in one precision on one kind of device ("cpu", "cuda", "mps")."""

    precision: str
    device_type: str = "cpu"
    tiling: str = "rows"

    def needed(self, rows: int, width: int) -> int:
        """Bytes for `rows` x `width` pixels read at once, an upper bound."""
        # Metal has no fused attention: for each of rows/2 rows two matrices of width/2 squared.
        attention = width if self.device_type == "mps" and self.tiling == "rows" else 0
        lines = _COST[self.tiling][self.precision]
        return int(min(fixed + rows * width * (pixel + attention) for fixed, pixel in lines))

    def smallest(self, height: int, width: int, descriptor: ModelDescriptor) -> int:
        """Bytes that the smallest strips of a padded picture take."""
        rows = descriptor.multiple_of + 2 * descriptor.halo
        return self.needed(min(height, rows), width)

    def fit(self, height: int, width: int, descriptor: ModelDescriptor, budget: int) -> int | None:
        """Height of the fewest equal strips of a padded picture that fit into `budget` bytes.

        It is `height` itself where the whole picture fits, as the halo costs time (with 144 rows
        of it, 1.3 times as many rows are computed in strips of 1,024, 2.1 times in strips of 256);
        None if not even the smallest strips fit.
        """
        if self.smallest(height, width, descriptor) > budget:
            return None
        multiple, halo = descriptor.multiple_of, descriptor.halo
        for count in range(1, height // multiple + 1):
            tallest = round_up(-(-height // count), multiple)
            strips = plan_strips(height, tallest, halo, multiple)
            if self.needed(max(strip.rows_read for strip in strips), width) <= budget:
                return tallest
        return None
