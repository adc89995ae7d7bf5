"""The next batch, made while the network learns from the last one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import torch

from dpdeblur.training.batches import Batch, PairSource

Wanted = tuple[int, int, tuple[int, int]]
"""What `PairSource.batch` takes: the batch's number, how many pairs, their height and width."""


def batches(pairs: PairSource, wanted: Iterable[Wanted]) -> Iterator[Batch]:
    """The batches wanted, in order, on the pairs' device.

    For CUDA, a thread makes each one ahead, on a stream of its own: rendering asks for many small
    steps, between which the device would be idle. A CPU has no idle cores to do so.

    Raises what `pairs.batch` does.
    """
    if pairs.device.type != "cuda":
        yield from (pairs.batch(*each) for each in wanted)
        return
    stream = torch.cuda.Stream(pairs.device)  # type: ignore[no-untyped-call]

    def make(each: Wanted) -> Batch:
        with torch.cuda.stream(stream):
            batch = pairs.batch(*each)
        stream.synchronize()
        return batch

    with ThreadPoolExecutor(1) as thread:
        coming: Future[Batch] | None = None
        for each in wanted:
            following = thread.submit(make, each)
            if coming is not None:
                yield _taken(coming.result())
            coming = following
        if coming is not None:
            yield _taken(coming.result())


def _taken(batch: Batch) -> Batch:
    """The batch, its memory kept until the stream that takes it has done with it."""
    for part in (batch.left, batch.right, batch.sharp):
        part.record_stream(torch.cuda.current_stream(part.device))
    return batch
