"""The tiles of a picture."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dpdeblur.engines import Span, plan_spans, plan_tiles, whole

MULTIPLES = st.sampled_from([1, 4, 8])


@st.composite
def requests(draw: st.DrawFn) -> tuple[int, int, int, int, int, int]:
    multiple = draw(MULTIPLES)
    units = draw(st.integers(1, 300))
    start = draw(st.integers(0, units - 1))
    stop = draw(st.integers(start + 1, units))
    most, halo = draw(st.integers(1, 600)), draw(st.integers(0, 130))
    return units * multiple, most, halo, multiple, start * multiple, stop * multiple


@given(requests())
def test_spans_cover_what_is_asked_with_whole_halos(
    request: tuple[int, int, int, int, int, int],
) -> None:
    length, most, halo, multiple, start, stop = request
    spans = plan_spans(*request)
    rounded = -(-most // multiple) * multiple

    kept = [row for span in spans for row in range(span.start, span.stop)]
    assert kept == list(range(start, stop))
    for span in spans:
        assert span.start % multiple == span.stop % multiple == span.read_start % multiple == 0
        assert 0 <= span.read_start <= max(0, span.start - halo)
        assert min(length, span.stop + halo) <= span.read_stop <= length
        assert span.read < span.kept + 2 * (halo + multiple)
        # No more than asked, but for rounding up to a multiple, and what is not read at borders.
        assert span.read <= rounded + 2 * -(-halo // multiple) * multiple


@given(requests())
def test_spans_are_as_few_and_as_equal_as_can_be(
    request: tuple[int, int, int, int, int, int],
) -> None:
    length, most, halo, multiple, start, stop = request
    spans = plan_spans(*request)

    rounded = -(-most // multiple) * multiple
    assert (len(spans) - 1) * rounded < stop - start
    kept, read = ([getattr(span, rows) for span in spans] for rows in ("kept", "read"))
    assert max(read) - min(read) <= multiple or max(kept) - min(kept) <= multiple
    # None reads more than the largest would if all kept equally many.
    equal = -(-(stop - start) // (multiple * len(spans))) * multiple
    assert max(read) <= min(length, equal + 2 * (halo + multiple))


def test_a_picture_in_three() -> None:
    assert plan_spans(64, 20, halo=5, multiple_of=8) == [
        Span(0, 24, 0, 32),
        Span(24, 40, 16, 48),
        Span(40, 64, 32, 64),
    ]


def test_at_the_borders_spans_keep_what_they_need_not_read() -> None:
    spans = plan_spans(4480, 1120, halo=104, multiple_of=8)
    assert [span.kept for span in spans] == [1168, 1072, 1064, 1176]
    assert [span.read for span in spans] == [1272, 1280, 1272, 1280]


def test_one_span_reads_the_picture_alone() -> None:
    assert plan_spans(16, 1000, halo=112, multiple_of=8) == [Span(0, 16, 0, 16)]


def test_tiles_are_cut_both_ways_and_may_be_cut_again() -> None:
    picture = whole(48, 64)
    tiles = plan_tiles(picture, (24, 32), 8, 8)
    assert [(tile.rows.start, tile.columns.start) for tile in tiles] == [
        (0, 0),
        (0, 32),
        (24, 0),
        (24, 32),
    ]
    parts = plan_tiles(picture, (24, 16), 8, 8, tiles[3])
    assert {part.rows for part in parts} == {tiles[3].rows}
    assert [part.columns for part in parts] == [Span(32, 48, 24, 56), Span(48, 64, 40, 64)]


def test_a_size_as_wide_as_the_picture_gives_strips() -> None:
    strips = plan_tiles(whole(64, 64), (24, 64), 8, 8)
    assert [strip.rows.kept for strip in strips] == [24, 16, 24]
    assert {strip.columns for strip in strips} == {Span(0, 64, 0, 64)}
