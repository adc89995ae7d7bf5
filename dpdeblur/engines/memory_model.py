"""How much memory a strip takes."""

from __future__ import annotations

from dataclasses import dataclass

from dpdeblur.engines.plan import plan_strips, round_up
from dpdeblur.models import ModelDescriptor

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
    "tiles": dict.fromkeys(("fp32", "bf16", "fp16"), ((110e6, 1100.0),)),
}


@dataclass(frozen=True)
class MemoryModel:
    """What a network takes in one precision on one kind of device ("cpu", "cuda", "mps").

    `tiling` and `share` are the descriptor's `tiling` and `memory`.
    """

    precision: str
    device_type: str = "cpu"
    tiling: str = "rows"
    share: float = 1.0

    def needed(self, rows: int, width: int) -> int:
        """Bytes for `rows` x `width` pixels read at once, an upper bound."""
        # Metal has no fused attention: for each of rows/2 rows two matrices of width/2 squared.
        attention = width if self.device_type == "mps" and self.tiling == "rows" else 0
        lines = _COST[self.tiling][self.precision]
        pixels = rows * width * self.share
        return int(min(fixed + pixels * (pixel + attention) for fixed, pixel in lines))

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
