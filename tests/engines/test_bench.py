"""Figures of the machine and of the network, taken beside each other."""

from __future__ import annotations

import pytest

from dpdeblur.engines import Timing, bench, parse_size
from dpdeblur.errors import OptionError, WeightsError


@pytest.mark.slow
def test_share_is_predicted_by_measured() -> None:
    seen: list[tuple[int, int]] = []
    found = bench(
        ["mccnet"],
        [(48, 64)],
        device="cpu",
        precision="fp32",
        quick=True,
        progress=lambda *at: seen.append(at),
    )
    assert (found.device, found.precision, found.repeats) == ("cpu", "fp32", 1)
    assert seen == sorted(set(seen))
    assert len(seen) > 5  # within the first run, too
    assert seen[-1] == (96, 96)
    rates = {(each.name, each.precision): each.rate for each in found.ceilings}
    assert min(rates.values()) > 1e7
    (forward,) = found.forwards
    assert (forward.weights, forward.height, forward.width) == ("mccnet", 48, 64)
    assert forward.operations > forward.fft_operations > 0
    expected = forward.operations / rates["gemm", "fp32"]
    expected += forward.fft_operations / rates["rfft2", "fp32"]
    assert forward.predicted == pytest.approx(expected)
    assert forward.share == pytest.approx(expected / forward.measured.fair)
    assert forward.measured.cpu is not None
    # The transform is the network's own: the largest level with its margins, three channels.
    (shape,) = [each.shape for each in found.ceilings if each.name == "rfft2"]
    assert shape[-3] == 3
    assert shape[-1] >= 64
    assert shape[-2] >= 48


@pytest.mark.slow
def test_a_first_impression_is_of_a_small_picture() -> None:
    (forward,) = bench(device="cpu", precision="fp32", quick=True).forwards
    assert (forward.height, forward.width) == (560, 840)


def test_time_to_compare_by() -> None:
    assert Timing(2.0, 1.0).fair == 1.0
    assert Timing(2.0, None).fair == 2.0


def test_sizes() -> None:
    assert parse_size("1680x1120") == (1120, 1680)


@pytest.mark.parametrize("text", ["1680", "x", "-1x20", "1680x1120x3", "8x1120", "a1xb2"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(OptionError) as error:
        parse_size(text)
    assert error.value.parameter == "size"


def test_weights_that_are_not_there() -> None:
    with pytest.raises(WeightsError):
        bench(["nowhere"], device="cpu")
