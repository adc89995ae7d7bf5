"""The site as a browser asks it: limits, one photograph at a time, and what it refuses."""

from __future__ import annotations

import io
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

pytest.importorskip("starlette", reason="the extra app is not installed")
pytest.importorskip("uvicorn", reason="the extra app is not installed")

from dpdeblur.app import desk as desk_module
from dpdeblur.app import site as site_module
from dpdeblur.app.serve import listen
from dpdeblur.engines import ProgressCallback, Restored
from dpdeblur.errors import OptionError
from dpdeblur.io import READABLE, read_picture, write_picture
from dpdeblur.pair import DualPixelPair
from dpdeblur.steer import Wishes, blend
from support.app_server import OWN, Server, serving
from support.batches import FakeEngine, fake_run, view
from support.browser import until


def inverted(pair: DualPixelPair, progress: ProgressCallback | None) -> Restored:
    restored = fake_run(pair, progress)
    return replace(restored, samples=1 - restored.image)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(FakeEngine(inverted)) as started:
        yield started


def encoded(folder: Path, seed: int, height: int = 40, width: int = 48) -> bytes:
    """Views of seeds that are alike by half."""
    path = folder / f"{seed}.png"
    write_picture(path, alike(seed, height, width), bit_depth=16, overwrite=True)
    return path.read_bytes()


def xl_file(folder: Path, seed: int) -> bytes:
    path = folder / f"{seed}.jxl"
    write_picture(path, alike(seed))
    return path.read_bytes()


def alike(seed: int, height: int = 40, width: int = 48) -> NDArray[np.float32]:
    return (blocks(0, height, width) + blocks(seed, height, width)) / 2


def blocks(seed: int, height: int = 40, width: int = 48) -> NDArray[np.float32]:
    """Coarse enough to be much the same after lossy compression."""
    return view(seed, -(-height // 8), width // 8).repeat(8, 0).repeat(8, 1)[:height]


@pytest.fixture
def files(tmp_path: Path) -> list[tuple[str, bytes]]:
    return [("desk_L.png", encoded(tmp_path, 1)), ("desk_R.png", encoded(tmp_path, 1001))]


def pixels(webp: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(webp))).astype(float)


def test_from_two_views_to_a_download(
    server: Server, files: list[tuple[str, bytes]], tmp_path: Path
) -> None:
    assert server.state()["stage"] == "empty"
    assert server.ask("/untouched.webp")[0] == 404
    assert server.send(*reversed(files)) == (202, {"number": 1})  # names say which is which
    state = server.finish()
    assert (state["stage"], state["name"]) == ("done", "desk")
    assert (state["width"], state["height"], state["notes"]) == (48, 40, ["a note"])
    assert len(state["radii"]) == 2
    pair = DualPixelPair(*(alike(seed) for seed in (1, 1001)))
    before, after = pair.combined(), 1 - pair.combined()
    status, headers, data = server.ask("/download?strength=0.25&format=tif")
    assert status == 200
    assert headers["Content-Disposition"] == 'attachment; filename="desk_sharp.tif"'
    (tmp_path / "back.tif").write_bytes(data)
    found = read_picture(tmp_path / "back.tif")
    assert found.info.bit_depth == 16
    mixed = blend(before, after, np.full((40, 48), 0.25, np.float32))
    np.testing.assert_allclose(found.srgb(), mixed, atol=3 / 65535)
    for name, expected in (
        ("/untouched.webp", before),
        ("/restored.webp", after),
        ("/restored.webp?strength=0", before),
        ("/restored.webp?at=3,4", after),
    ):
        status, headers, data = server.ask(name)
        assert (status, headers["Content-Type"]) == (200, "image/webp")
        assert np.abs(pixels(data) - 255 * expected).mean() < 10
    assert pixels(server.ask("/map.webp")[2]).shape == (40, 48, 3)
    assert pixels(server.ask("/legend.webp")[2]).shape == (1, 256, 3)


def test_views_can_change_places(files: list[tuple[str, bytes]]) -> None:
    seen: list[DualPixelPair] = []

    def act(pair: DualPixelPair, progress: ProgressCallback | None) -> Restored:
        seen.append(pair)
        return fake_run(pair, progress)

    with serving(FakeEngine(act)) as server:
        for swap in ("false", "true"):
            server.send(*files, swap=swap)
            assert server.finish()["stage"] == "done"
    assert np.array_equal(seen[0].left, seen[1].right)
    assert np.allclose(seen[0].left, alike(1), atol=1e-5)


def test_one_photograph_at_a_time_which_can_be_stopped(files: list[tuple[str, bytes]]) -> None:
    go_on = threading.Event()

    def act(pair: DualPixelPair, progress: ProgressCallback | None) -> Restored:
        assert progress is not None
        progress(1, 4)
        go_on.wait(30)
        return fake_run(pair, progress)

    with serving(FakeEngine(act)) as server:
        server.send(*files)
        until(lambda: server.state()["share"] == 0.25)
        assert server.state()["sentence"] == "Restoring"
        status, said = server.send(*files)
        assert status == 409
        assert "in work" in said["error"]
        assert server.ask("/cancel", "POST", headers=OWN)[0] == 200
        go_on.set()
        assert server.finish()["stage"] == "empty"
        assert server.send(*files)[0] == 202
        assert server.finish()["stage"] == "done"


@pytest.mark.parametrize(
    ("count", "says"),
    [(0, "Give two views"), (1, "give both views"), (3, "Too many files")],
)
def test_other_numbers_of_files(
    server: Server, files: list[tuple[str, bytes]], count: int, says: str
) -> None:
    status, said = server.send(*[*files, ("c.png", b"c")][:count])
    sentence = said.get("error") or server.finish()["sentence"]
    assert says in sentence
    assert status in {202, 400}


def test_a_failure_is_a_sentence_without_our_folders(server: Server) -> None:
    server.send(("a_L.png", b"nothing"), ("../../a_R.png", b"nothing"))
    state = server.finish()
    assert state["stage"] == "failed"
    assert state["sentence"].startswith("a_L.png cannot be read")


def test_memory_that_runs_out_is_said_so(files: list[tuple[str, bytes]]) -> None:
    def act(*_: object) -> Restored:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    with serving(FakeEngine(act)) as server:
        server.send(*files)
        assert server.finish()["sentence"] == "There is not enough memory for this picture."


def test_names_lead_nowhere(files: list[tuple[str, bytes]]) -> None:
    seen: list[Path] = []

    def act(pair: DualPixelPair, progress: ProgressCallback | None) -> Restored:
        assert pair.info is not None
        seen.append(pair.info.path)
        return fake_run(pair, progress)

    (_, left), (_, right) = files
    with serving(FakeEngine(act)) as server:
        server.send(("D:a_L.png", left), ("..\\D:\\a_R.png", right))
        assert server.finish()["stage"] == "done"
        server.send(("..", left), ("../..", right))
        assert server.finish()["stage"] == "done"
    named, unnamed = (path.relative_to(path.parents[1]).as_posix() for path in seen)
    assert named == "photograph/a_L.png"
    assert unnamed == "photograph0/0"


def test_limits(
    server: Server,
    files: list[tuple[str, bytes]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(desk_module, "MAX_PIXELS", 1000)
    server.send(*files)
    assert "megapixels" in server.finish()["sentence"]
    xl = [(name.replace("png", "jxl"), xl_file(tmp_path, n)) for n, (name, _) in enumerate(files)]
    server.send(*xl)
    assert "megapixels" in server.finish()["sentence"]
    monkeypatch.setattr(site_module, "MAX_BYTES", 1000)
    assert server.send(*files)[0] == 413
    endless = OWN | {"Content-Length": "5", "Transfer-Encoding": "chunked"}
    assert server.ask("/photograph", "POST", headers=endless)[0] in {400, 411}


def test_answers_its_own_page_only(server: Server, files: list[tuple[str, bytes]]) -> None:
    assert server.ask("/", headers={"Host": "elsewhere.example"})[0] == 400
    assert server.ask("/", headers={"Host": f"localhost:{server.port}"})[0] == 200
    assert server.send(*files, headers={})[0] == 403
    assert server.ask("/cancel", "POST")[0] == 403
    assert server.state()["stage"] == "empty"
    _, headers, html = server.ask("/")
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Content-Security-Policy"] == "frame-ancestors 'none'"
    assert b"http://" not in html
    assert b"https://" not in html


def test_any_address_means_all_names_of_this_machine() -> None:
    with serving(FakeEngine(), "0.0.0.0") as server:
        mine = f"{socket.gethostname()}:{server.port}"
        assert server.ask("/", headers={"Host": mine})[0] == 200
        assert server.ask("/", headers={"Host": "127.0.0.1"})[0] == 200
        assert server.ask("/", headers={"Host": "elsewhere.example"})[0] == 400


def test_offers_to_choose_all_that_is_read(server: Server) -> None:
    html = server.ask("/")[2].decode()
    assert all(end in html for end in (*READABLE, ".cr3"))


@pytest.mark.parametrize(
    "query",
    ["strength=2", "strength=much", "only=up", "keep_beyond=-1", "focus_at=9000,1", "at=here",
     "only=far&focus_at=1,1", "at=nan,1", "at=9000,1"],
)  # fmt: skip
def test_bad_wishes_are_explained(
    server: Server, files: list[tuple[str, bytes]], query: str
) -> None:
    server.send(*files)
    server.finish()
    status, _, said = server.ask(f"/restored.webp?{query}")
    assert status == 400
    assert json.loads(said)["error"].endswith(".")


def test_a_mask_says_where(
    server: Server, files: list[tuple[str, bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def painted(height: int, width: int) -> bytes:
        pixels = np.zeros((height, width), np.uint8)
        pixels[:, : width // 2] = 255
        Image.fromarray(pixels).save(tmp_path / "mask.png")
        return (tmp_path / "mask.png").read_bytes()

    def send(*masks: bytes, headers: dict[str, str] = OWN) -> tuple[int, dict[str, str]]:
        sent = [("mask.png", mask) for mask in masks]
        return server.send(*sent, headers=headers, where="/mask")

    assert send(painted(40, 48))[0] == 404
    server.send(*files)
    server.finish()
    assert server.ask("/restored.webp?mask=1")[0] == 400
    assert send(painted(40, 48), headers={})[0] == 403
    assert send()[0] == 400
    status, said = send(painted(20, 20))
    assert status == 400
    assert said["error"].startswith("The mask and the picture differ in size")
    status, said = send(b"nothing")
    assert status == 400
    assert said["error"].startswith("mask.png cannot be read")
    assert send(painted(40, 48)) == (200, {})
    status, _, data = server.ask("/download?mask=1&format=png")
    assert status == 200
    (tmp_path / "back.png").write_bytes(data)
    found = read_picture(tmp_path / "back.png").srgb()
    pair = DualPixelPair(*(alike(seed) for seed in (1, 1001)))
    before, after = pair.combined(), 1 - pair.combined()
    np.testing.assert_allclose(found[:, :15], after[:, :15], atol=3 / 65535)
    np.testing.assert_allclose(found[:, 33:], before[:, 33:], atol=3 / 65535)
    (tmp_path / "hard.png").write_bytes(server.ask("/download?mask=1&feather=0&format=png")[2])
    hard = read_picture(tmp_path / "hard.png").srgb()
    np.testing.assert_allclose(hard[:, :24], after[:, :24], atol=3 / 65535)
    photo = server.desk.photograph
    assert photo is not None
    monkeypatch.setattr("dpdeblur.app.photograph.SIDE", 24)
    photo.__post_init__()  # as if the photograph were larger than the page
    names = ("/restored.webp?mask=1", "/untouched.webp")
    shown, untouched = (pixels(server.ask(name)[2]) for name in names)
    change = np.abs(shown - untouched).mean((0, 2))
    assert shown.shape == (20, 24, 3)
    assert change[:8].min() > 20
    assert change[16:].max() < 5


def test_without_a_map_only_the_strength_can_be_chosen(server: Server, tmp_path: Path) -> None:
    # The optimiser takes no picture as small as this.
    server.send(*((f"a_{s}.png", encoded(tmp_path, n, 18, 24)) for s, n in (("L", 1), ("R", 1001))))
    state = server.finish()
    assert state["stage"] == "done"
    assert "radii" not in state
    assert "depth cannot be chosen: " in state["notes"][-1]
    assert "24x18" in state["notes"][-1]
    assert server.ask("/map.webp")[0] == 404
    assert server.ask("/restored.webp?strength=0.5")[0] == 200
    assert server.ask("/restored.webp?only=far")[0] == 400


def test_what_is_shown_is_what_is_downloaded(
    server: Server, files: list[tuple[str, bytes]]
) -> None:
    server.send(*files)
    server.finish()
    photo = server.desk.photograph
    assert photo is not None
    wishes = Wishes(focus_at=((10.0, 12.0),))
    whole, part = (pixels(photo.shown(wishes, at)) for at in (None, (20.0, 20.0)))
    assert np.abs(whole - part).mean() < 3  # small enough to be its own part


def test_ports_that_cannot_be_used() -> None:
    with listen(port=0) as taken:
        taken.listen()
        number = taken.getsockname()[1]
        with pytest.raises(OptionError, match="cannot be used"):
            listen(port=number)
    with pytest.raises(OptionError, match=r"^host: no\.invalid is not an address"):
        listen("no.invalid")
