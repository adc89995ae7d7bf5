"""How much memory there is, free, taken and given back; and whether it ran out."""

from __future__ import annotations

import ctypes
import math
import mmap
import re
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from dpdeblur.errors import OptionError

if TYPE_CHECKING:
    import torch

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_BINARY_UNITS = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_MEMORY = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([KMGT]?)(I?)B?\s*", re.IGNORECASE)
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # glibc's names for `mallopt`
_OWN = 2**24  # bytes that are worth a block of their own
_CACHED = ("active_file", "inactive_file")  # pages, as control groups count them
_reusing: set[object] = set()  # the contexts under way
_lock = threading.Lock()
_NO_ROOM = "failed to map segment"  # of a library, as the system says
_OUT_OF_MEMORY = re.compile(
    "out of memory|not enough memory|allocate memory|alloc_failed"
    # What oneDNN says; with "descriptor" it is that it has no such kernel.
    "|could not create a primitive(?! descriptor)",
    re.IGNORECASE,
)


def parse_memory(text: str) -> int:
    """Bytes meant by "2GB", "1.5 GiB", "800M" or "1000000000".

    K, M, G, T are powers of 1000, Ki, Mi, Gi, Ti of 1024. Raises OptionError if it is no such
    size or is below one byte.

    >>> parse_memory("2GB"), parse_memory("1.5 GiB")
    (2000000000, 1610612736)
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
    import torch  # here and below: to read a size is not worth its seconds

    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(free + cached)
    available = int(psutil.virtual_memory().available)
    free = min((available, *cgroup_headrooms(), *address_space_left()))
    if device.type == "mps":  # shares the main memory, of which Metal recommends a limit
        used = torch.mps.driver_allocated_memory()
        free = min(free, torch.mps.recommended_max_memory() - used)
    return max(0, free)


def total_memory(device: torch.device) -> int:
    """Bytes of memory that `device` has."""
    import torch

    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    return int(psutil.virtual_memory().total)


def peak_memory(device: torch.device, status: Path = Path("/proc/self/status")) -> int | None:
    """Bytes held at most: by PyTorch on a CUDA device, by the whole process so far on the CPU.

    None where it is not known: on MPS, and on the CPU of other systems than Linux.
    """
    import torch

    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    try:
        # Not getrusage: what a parent process held counts there for its children.
        lines = status.read_text().splitlines() if device.type == "cpu" else []
        return next((int(line.split()[1]) * 1024 for line in lines if "VmHWM:" in line), None)
    except OSError:
        return None


def reset_peak_memory(device: torch.device) -> None:
    """Begin `peak_memory` anew on a CUDA device; that of the process stays."""
    import torch

    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def release_unused(device: torch.device) -> None:
    """Give back the memory that allocators keep for later.

    On the CPU that is what glibc's heap holds between tiles, up to half of all that is taken;
    with other C libraries nothing happens.
    """
    import torch

    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
    elif sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


@contextmanager
def reusing_memory(device: torch.device) -> Iterator[None]:
    """Keep what is freed for what is asked for next, and give it back at the end.

    By default glibc asks the kernel for each block above 32 MiB anew, which clears every page of
    it: a sixth of the network's time on a CPU. Nothing changes with other C libraries. Within
    another such context, and beside one in another thread, the last of all gives back.
    """
    library = ctypes.CDLL(None) if device.type == "cpu" and sys.platform == "linux" else None
    tune = getattr(library, "mallopt", None)
    if tune is None:
        yield
        return
    this = object()
    try:
        with _lock:
            _reusing.add(this)
            tune(_MMAP_MAX, 0)
            tune(_TRIM_THRESHOLD, 2**31 - 1)
        yield
    finally:
        with _lock:
            _reusing.discard(this)
            if not _reusing:
                tune(_MMAP_MAX, 65536)
                tune(_TRIM_THRESHOLD, 2**26)
                release_unused(device)


def own_block(shape: Sequence[int], like: torch.Tensor) -> torch.Tensor:
    """An uninitialised tensor of the type and device of `like`, on Linux's CPUs beside the heap.

    It goes back to the system when it is no longer used. In glibc's heap, which is kept, large
    tensors that live long would leave holes that smaller ones break up. Small ones stay there.
    """
    import torch

    ordinary = like.device.type != "cpu" or sys.platform != "linux"
    if ordinary or torch.is_grad_enabled() or torch.compiler.is_exporting():
        return like.new_empty(shape)
    size = math.prod(shape) * like.element_size()
    if size < _OWN:  # not before, as a graph's sizes are open
        return like.new_empty(shape)
    try:
        block = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except OSError:  # PyTorch's error is known as a lack of memory
        return like.new_empty(shape)
    with suppress(OSError):  # of kernels without large pages, which are cleared faster
        block.madvise(mmap.MADV_HUGEPAGE)
    return torch.frombuffer(block, dtype=like.dtype).view(shape)


def is_out_of_memory(error: Exception) -> bool:
    """Whether memory ran out.

    PyTorch has a type for it on CUDA only; elsewhere the message tells, also where there is no room
    to load a library.
    """
    if isinstance(error, ImportError):
        return _NO_ROOM in str(error)
    if not isinstance(error, RuntimeError):
        return isinstance(error, MemoryError)
    loaded = sys.modules.get("torch")  # if not, the error is not its own
    if loaded is not None and isinstance(error, loaded.OutOfMemoryError):
        return True
    return _OUT_OF_MEMORY.search(str(error)) is not None


def address_space_left() -> Iterator[int]:
    """Bytes left under the limit of this process's address space (`ulimit -v`), if it has one."""
    if sys.platform != "linux":
        return
    process = psutil.Process()
    limit, _ = process.rlimit(psutil.RLIMIT_AS)
    if limit != psutil.RLIM_INFINITY:
        yield max(0, limit - process.memory_info().vms)


def cgroup_headrooms(
    membership: Path = Path("/proc/self/cgroup"), root: Path = Path("/sys/fs/cgroup")
) -> Iterator[int]:
    """Bytes left under each memory limit (Linux control groups, versions 1 and 2) of this process.

    Containers limit memory this way, and the machine's free memory does not show it. Cached file
    pages count as free: the kernel can drop most of them. Yields nothing where there is no limit.
    """
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, inside = line.split(":", 2)
        if controllers == "":
            top, limit_name, usage_name, total = root, "max", "current", ""
        elif "memory" in controllers.split(","):
            top, limit_name, usage_name = root / "memory", "limit_in_bytes", "usage_in_bytes"
            total = "total_"
        else:
            continue
        group = top / inside.strip("/")
        # Inside a container the path may be the host's and lead nowhere; its limit is at the top.
        for folder in (group, *group.parents):
            limit = _number(folder / f"memory.{limit_name}")
            usage = _number(folder / f"memory.{usage_name}")
            if limit is not None and usage is not None:
                statistics = folder / "memory.stat"
                cached = sum(_statistic(statistics, total + name) for name in _CACHED)
                yield max(0, limit - usage + cached)
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
