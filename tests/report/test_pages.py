"""Reports: what they hold, that names stay text, and how they behave in a real browser."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import pytest

from dpdeblur.batch import plan_jobs, run_batch
from dpdeblur.datasets import find_truth_pairs
from dpdeblur.engines import ProgressCallback, Restored
from dpdeblur.errors import UnwritableOutputError
from dpdeblur.evaluation import Candidate, Rules, evaluate, report_evaluation
from dpdeblur.io import write_picture
from dpdeblur.pair import DualPixelPair
from dpdeblur.report import Gallery, batch_page, check_page, evaluation_page, render, write_page
from dpdeblur.report.page import Card, Page
from support.batches import FakeEngine, fake_run, view, write_pair
from support.browser import page
from support.pairs import EXAMPLE

HOSTILE = "<script>alert(1)<," + "x\" onerror='alert(2)' {{ 7*7 }} &amp; [/b]"


def with_map(pair: DualPixelPair, progress: ProgressCallback | None) -> Restored:
    restored = fake_run(pair, progress)
    height, width = pair.left.shape[:2]
    ramp = np.linspace(-4, 6, width, dtype=np.float32)[None].repeat(height, 0)
    return replace(restored, samples=1 - restored.image, defocus=ramp)


def batch_report(folder: Path) -> str:
    """The page of a batch of three, of which one fails."""
    write_pair(folder / "in", HOSTILE, 1)
    write_pair(folder / "in", "plain", 2)
    write_pair(folder / "in", "same", 3)
    left, right = (folder / "in" / f"same_{side}.png" for side in "LR")
    right.write_bytes(left.read_bytes())
    plan, engine = plan_jobs(folder / "in", folder / "out"), FakeEngine(with_map)
    gallery = Gallery(3)
    done = run_batch(gallery.watch(engine), plan)
    return render(batch_page(gallery, engine, plan, done))


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    return batch_report(tmp_path_factory.mktemp("batch"))


def test_shows_pictures_failures_settings_and_versions(report: str) -> None:
    assert report.count('<section class="card') == 3
    assert report.count('<section class="card failed">') == 1
    assert "are identical, so they have no dual-pixel information" in report
    assert "2 done, 0 skipped, 1 failed" in report
    assert "Colour</dt><dd>blue" in report
    assert re.search(r"Versions</dt><dd>dpdeblur [\w.]+, torch", report)
    # The failure is first, where it is seen.
    assert report.index("identical") < report.index("Untouched | Restored")


def test_the_map_has_a_legend(report: str) -> None:
    assert report.count('class="map"') == 2
    assert "-6.0" in report
    assert "Blur radius in pixels" in report
    assert "relative (generic lens)" in report


@pytest.mark.slow
def test_what_makes_no_map_gets_one(tmp_path: Path) -> None:
    plan, engine, gallery = plan_jobs(EXAMPLE, tmp_path), FakeEngine(), Gallery()
    done = run_batch(gallery.watch(engine), plan)
    (shown,) = gallery.shown.values()
    assert shown.legend is not None
    assert shown.legend.relative
    assert shown.legend.low < 0 < shown.legend.high
    assert render(batch_page(gallery, engine, plan, done)).count('class="map"') == 1


def test_names_stay_text(report: str) -> None:
    assert HOSTILE in unescape(report)
    assert "<script>alert" not in report
    assert report.count("<script") == 1
    assert "49 &amp;" not in report


def test_what_a_name_could_do_to_the_page_is_written_out() -> None:
    name = "\x1b[31m\u202ered\n"
    written = "\\x1b[31m\\u202ered\\n"
    page = render(Page(name, name, {name: name}, [Card(name, notes=[name], error=name)]))
    assert page.count(written) == 8
    assert "\x1b" not in page
    assert "\u202e" not in page


def test_holds_all_it_shows(report: str) -> None:
    addresses = re.findall(r'(?:src|href)="([^"]*)"', report)
    assert addresses
    assert all(address.startswith("data:") for address in addresses)
    assert not re.search(r"url\(|@import|https?://", report)


def test_what_was_done_before_is_shown_too(tmp_path: Path) -> None:
    write_pair(tmp_path / "in", "a", 1)
    plan, engine = plan_jobs(tmp_path / "in", tmp_path / "out"), FakeEngine()
    run_batch(engine, plan)
    again, gallery = plan_jobs(tmp_path / "in", tmp_path / "out"), Gallery()
    done = run_batch(gallery.watch(engine), again)
    html = render(batch_page(gallery, engine, again, done))
    assert "Made by an earlier run." in html
    assert html.count('data-label="Restored"') == 1
    (tmp_path / "out" / "a.png").write_bytes(b"no picture")
    assert "cannot be read" in render(batch_page(Gallery(), engine, again, done))


def test_large_pictures_are_reduced_beside_a_part_at_full_size() -> None:
    before = np.zeros((1000, 1500, 3), np.float32)
    after = before.copy()
    after[700:710, 1200:1210] = 1
    shown = Gallery().compare(Path("a"), "Restored", before, after)
    assert shown.part is not None
    rows, columns = shown.part
    assert (rows.stop - rows.start, columns.stop - columns.start) == (360, 640)
    assert rows.start <= 700 <= rows.stop - 10
    assert columns.start <= 1200 <= columns.stop - 10
    assert list(shown.whole) == list(shown.detail) == ["Untouched", "Restored"]


def test_an_evaluation_has_its_scores_and_truths(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 2)):
        write_pair(tmp_path, name, seed)
        write_picture(tmp_path / f"{name}_GT.png", view(seed))
    write_picture(tmp_path / "b_GT.png", view(1, 30, 30), overwrite=True)
    pairs, gallery, rules = find_truth_pairs(tmp_path), Gallery(2), Rules()
    engine = FakeEngine()
    engine.settings |= {"calibration": None, "method": "none"}
    candidates = [Candidate(name, lambda: engine) for name in ("one", "two")]
    engines = [gallery.watch(each.engine, each.label) for each in candidates]
    found = list(evaluate(engines, pairs, rules))
    made = report_evaluation(tmp_path, "test", rules, candidates, found)
    html = render(evaluation_page(gallery, "data", rules, candidates, found, made))
    assert "1 scored, 1 failed." in html
    labels = re.findall(r'data-label="([^"]*)"', html)
    assert labels == ["Untouched", "one", "two", "Truth"]
    assert html.count("<option selected>") == 2
    assert "PSNR (dB)" in html
    assert f"{found[0].results[0].scores.psnr:.2f}" in html


def test_replaces_reports_and_nothing_else(tmp_path: Path, report: str) -> None:
    path = tmp_path / "report.html"
    check_page(tmp_path)
    path.write_text(report, encoding="utf-8")
    check_page(tmp_path)
    path.write_text("<html>mine</html>", encoding="utf-8")
    with pytest.raises(UnwritableOutputError, match="no report of dpdeblur"):
        check_page(tmp_path)


@pytest.mark.slow
def test_in_a_browser(tmp_path: Path, report: str) -> None:
    path = tmp_path / "report.html"
    path.write_text(report, encoding="utf-8")
    with page(path.as_uri()) as opened:
        opened.goto(path.as_uri())
        titles = opened.locator("h2").all_inner_texts()
        assert titles == ["same", HOSTILE, "plain"]
        compare = opened.locator(".compare").first
        compare.scroll_into_view_if_needed()
        box = compare.bounding_box()
        middle = box["y"] + box["height"] / 2
        opened.mouse.move(box["x"] + box["width"] / 2, middle)
        opened.mouse.down()
        opened.mouse.move(box["x"] + box["width"] / 4, middle, steps=4)
        opened.mouse.up()
        left = compare.locator("img.left")
        clip = left.evaluate("image => getComputedStyle(image).clipPath")
        assert clip.startswith("inset(0")
        line = compare.locator(".line").bounding_box()
        assert line["x"] - box["x"] == pytest.approx(box["width"] / 4, abs=2)
        group = opened.locator(".group").first
        shown = "map => getComputedStyle(map).visibility"
        assert group.locator("img.map").evaluate(shown) == "hidden"
        group.locator("input.over").check()
        assert group.locator("img.map").evaluate(shown) == "visible"


def test_written_whole(tmp_path: Path) -> None:
    write_pair(tmp_path / "in", "a", 1)
    plan, engine = plan_jobs(tmp_path / "in", tmp_path / "out"), FakeEngine()
    gallery = Gallery()
    made = batch_page(gallery, engine, plan, run_batch(gallery.watch(engine), plan))
    named = replace(made, title="a\udc80b")  # a name that is no text
    path = write_page(tmp_path / "new", named)
    assert path.read_text("utf-8").startswith("<!DOCTYPE html>")
