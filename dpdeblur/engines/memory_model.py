"""How much memory a tile takes, and which tiles fit."""

from __future__ import annotations

import bisect
from dataclasses import dataclass

from dpdeblur.engines.plan import plan_spans, round_up
from dpdeblur.models import ModelDescriptor

# Memory of a network in bytes as (fixed, per pixel read), of which the lower sum holds, by how it
# may be tiled. Measured for inference on the CPU in channels_last as the rise of the peak resident
# size, with PyTorch 2.13 and glibc; most lie up to 40 % above. The compact network ("tiles") was
# measured in fp32 only; its fixed part holds PyTorch's own code, read when first run, and large
# tiles save by bands, on CPUs. The paper's ("rows") has two lines, as small tiles leave more holes
# (up to 3,500 bytes a pixel in fp32, 2,300 in bf16, twice what is in use) than large ones (up to
# 1,800 in fp32). The views' part is in it.
# With AVX-512 and two threads, small tiles in fp32 took 100 MB more than elsewhere.
_Lines = tuple[tuple[float, float], ...]
_COST: dict[str, dict[str, _Lines]] = {
    "rows": {
        "fp32": ((140e6, 3600.0), (350e6, 1800.0)),
        "bf16": ((40e6, 2400.0), (350e6, 920.0)),
        "fp16": ((40e6, 2400.0), (350e6, 920.0)),
    },
    "tiles": dict.fromkeys(("fp32", "bf16", "fp16"), ((90e6, 490.0), (200e6, 330.0))),
}


@dataclass(frozen=True)
class MemoryModel:
    """What a network takes in one precision on one kind of device ("cpu", "cuda", "mps")."""

    descriptor: ModelDescriptor
    precision: str
    device_type: str = "cpu"

    def needed(self, rows: int, columns: int) -> int:
        """Bytes for `rows` x `columns` pixels read at once, an upper bound."""
        tiling = self.descriptor.tiling
        # Metal has no fused attention: for each of rows/2 rows two matrices of width/2 squared.
        attention = columns if self.device_type == "mps" and tiling == "rows" else 0
        lines = _COST[tiling][self.precision]
        if tiling == "tiles" and self.device_type != "cpu":
            lines = lines[:1]  # no bands there
        pixels = rows * columns * self.descriptor.memory
        return int(min(fixed + pixels * (pixel + attention) for fixed, pixel in lines))

    def smallest(self, height: int, width: int) -> int:
        """Bytes that the smallest tiles of a padded picture take."""
        side = self.descriptor.multiple_of + 2 * self.descriptor.halo
        columns = width if self.descriptor.tiling == "rows" else min(width, side)
        return self.needed(min(height, side), columns)

    def fit(self, height: int, width: int, budget: int) -> tuple[int, int] | None:
        """Rows and columns of the tiles that fit into `budget` bytes and read the least in all.

        They are those of the picture itself where it fits whole, as the halo costs time; None if
        not even the smallest tiles fit. Sides are those of a padded picture.
        """
        if self.smallest(height, width) > budget:
            return None
        multiple = self.descriptor.multiple_of
        most = 1 if self.descriptor.tiling == "rows" else width // multiple
        best: tuple[int, tuple[int, int]] | None = None
        for across in range(1, most + 1):
            columns = self._cut(width, across)

            def fits(down: int, columns: tuple[int, int, int] = columns) -> bool:
                return self.needed(self._cut(height, down)[1], columns[1]) <= budget

            counts = range(1, height // multiple + 1)
            place = bisect.bisect_left(counts, True, key=fits)
            if place == len(counts):
                continue
            rows = self._cut(height, counts[place])
            read = rows[2] * columns[2]
            if best is None or read < best[0]:
                best = read, (rows[0], columns[0])
            if columns[2] * height > best[0]:
                break  # cutting more finely across reads more, whatever happens down
        return None if best is None else best[1]

    def _cut(self, length: int, count: int) -> tuple[int, int, int]:
        """Of `length` rows cut in `count`: the most kept, the most read, and the read in all."""
        multiple = self.descriptor.multiple_of
        most = round_up(-(-length // count), multiple)
        spans = plan_spans(length, most, self.descriptor.halo, multiple)
        return most, max(span.read for span in spans), sum(span.read for span in spans)
