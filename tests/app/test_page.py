"""The page in a real browser, from the example's files to the download."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("starlette", reason="the extra app is not installed")
pytest.importorskip("uvicorn", reason="the extra app is not installed")

from dpdeblur.engines import make_engine
from dpdeblur.io import read_picture
from dpdeblur.pair import DualPixelPair
from dpdeblur.steer import blend
from support.app_server import serving
from support.browser import page, until
from support.pairs import EXAMPLE


def loaded(opened: Any, name: str, query: str) -> bool:
    """Whether the picture of that name shows what the query asks for."""
    script = "image => image.complete && image.naturalWidth ? image.dataset.shown ?? '' : ''"
    return query in opened.locator(f"#{name}").evaluate(script)


def white_on_the_left(path: Path) -> str:
    mask = np.zeros((512, 768), np.uint8)
    mask[:, :384] = 255
    Image.fromarray(mask).save(path)
    return str(path)


@pytest.mark.slow
def test_restores_shows_and_gives_the_example(tmp_path: Path, example: DualPixelPair) -> None:
    engine = make_engine(weights="mccnet", device="cpu", precision="fp32")
    with serving(engine) as server, page(f"http://127.0.0.1:{server.port}/") as opened:
        opened.goto(f"http://127.0.0.1:{server.port}/")
        opened.set_input_files("#files", [str(EXAMPLE / "l.png"), str(EXAMPLE / "r.png")])
        assert opened.inner_text("#names") == "l.png and r.png"
        opened.click("#start")
        opened.wait_for_selector("#working:not([hidden]) progress")
        opened.wait_for_selector("#result:not([hidden])", timeout=600_000)
        until(lambda: loaded(opened, "after", "strength=1"))
        assert opened.inner_text("#title") == "photograph, 768x512"

        box = opened.locator("#compare").bounding_box()
        opened.mouse.move(box["x"] + box["width"] / 2, box["y"] + 50)
        opened.mouse.down()
        opened.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 50, steps=4)
        opened.mouse.up()
        line = opened.locator("#compare .line").bounding_box()
        assert line["x"] - box["x"] == pytest.approx(box["width"] * 0.3, abs=2)

        opened.check("#map")
        until(lambda: loaded(opened, "overlay", "map.webp"))
        assert opened.inner_text("#legend").endswith("in front)")
        opened.uncheck("#map")

        # The depth of a point, and the same around it pixel by pixel.
        opened.click("#pick")
        opened.locator("#compare").click(position={"x": 380.5, "y": 290.5})
        assert opened.inner_text("#points") == "380,290"
        until(lambda: loaded(opened, "after", "focus_at=380%2C290"))
        assert opened.is_disabled("#only")
        opened.click("#zoom")
        opened.locator("#compare").click(position={"x": 380.5, "y": 290.5})
        until(lambda: loaded(opened, "before", "at=380,290"))
        opened.click("#clear")
        opened.click("#zoom")
        opened.locator("#strength").fill("0.5")
        until(lambda: loaded(opened, "after", "strength=0.5"))

        mask = white_on_the_left(tmp_path / "mask.png")
        opened.set_input_files("#mask", mask)
        until(lambda: loaded(opened, "after", "mask=1"))
        opened.click("#unmask")
        opened.set_input_files("#mask", mask)
        opened.locator("#feather").fill("2")
        until(lambda: loaded(opened, "after", "mask=2&feather=2"))

        with opened.expect_download() as download:
            opened.click("#download")
        download.value.save_as(tmp_path / "got.png")
    got = read_picture(tmp_path / "got.png")
    assert got.info.bit_depth == 16
    half = np.full(example.left.shape[:2], 0.5, np.float32)
    half[:, 384:] = 0
    expected = blend(example.combined(), engine.run(example).image, half)
    hard = np.abs(np.arange(768) - 384) > 3  # where the mask's edge does not fade
    np.testing.assert_allclose(got.srgb()[:, hard], expected[:, hard], atol=1e-4)


@pytest.mark.slow
def test_says_what_went_wrong(tmp_path: Path) -> None:
    engine = make_engine("mpi", method="fast", device="cpu")
    with serving(engine) as server, page(f"http://127.0.0.1:{server.port}/") as opened:
        opened.goto(f"http://127.0.0.1:{server.port}/")
        broken = tmp_path / "<b>_L.png"
        broken.write_bytes(b"nothing")
        opened.set_input_files("#files", [str(broken), str(EXAMPLE / "r.png")])
        opened.click("#start")
        until(lambda: "cannot be read" in opened.inner_text("#trouble"))
        assert opened.inner_text("#trouble").startswith("<b>_L.png")
        assert opened.is_hidden("#result")
