"""The strips of a picture."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dpdeblur.engines import Strip, plan_strips

MULTIPLES = st.sampled_from([1, 4, 8])


@st.composite
def requests(draw: st.DrawFn) -> tuple[int, int, int, int, int]:
    multiple = draw(MULTIPLES)
    height = draw(st.integers(1, 300)) * multiple
    start = draw(st.integers(0, height // multiple - 1)) * multiple
    return height, draw(st.integers(1, 600)), draw(st.integers(0, 130)), multiple, start


@given(requests())
def test_strips_tile_the_picture_with_whole_halos(request: tuple[int, int, int, int, int]) -> None:
    height, strip_height, halo, multiple, start = request
    strips = plan_strips(*request)

    kept = [row for strip in strips for row in range(strip.start, strip.stop)]
    assert kept == list(range(start, height))
    for strip in strips:
        assert strip.start % multiple == strip.stop % multiple == strip.read_start % multiple == 0
        assert 0 <= strip.read_start <= max(0, strip.start - halo)
        assert min(height, strip.stop + halo) <= strip.read_stop <= height
        assert strip.rows_read < strip.rows + 2 * (halo + multiple)
        # No taller than asked, but for rounding up to a multiple.
        assert strip.rows < strip_height + multiple


@given(requests())
def test_strips_are_as_few_and_as_equal_as_can_be(request: tuple[int, int, int, int, int]) -> None:
    height, strip_height, _, multiple, start = request
    strips = plan_strips(*request)

    rows = [strip.rows for strip in strips]
    assert max(rows) - min(rows) <= multiple
    rounded = -(-strip_height // multiple) * multiple
    assert (len(rows) - 1) * rounded < height - start


def test_a_picture_in_three() -> None:
    assert plan_strips(48, 10, halo=5, multiple_of=8) == [
        Strip(0, 16, 0, 24),
        Strip(16, 32, 8, 40),
        Strip(32, 48, 24, 48),
    ]


def test_one_strip_reads_the_picture_alone() -> None:
    assert plan_strips(16, 1000, halo=112, multiple_of=8) == [Strip(0, 16, 0, 16)]
