"""The page and what it asks for. It answers this machine only, and sends nothing anywhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path, PureWindowsPath
from tempfile import TemporaryDirectory
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from dpdeblur import __version__
from dpdeblur.app.desk import Desk, sentence_on, take_mask
from dpdeblur.app.photograph import FORMATS, Photograph
from dpdeblur.datasets import RAW_EXTENSIONS
from dpdeblur.errors import DPDeblurError, OptionError
from dpdeblur.io import READABLE
from dpdeblur.plots import LEGEND
from dpdeblur.report import template
from dpdeblur.steer import Wishes, parse_point
from dpdeblur.steer.points import Point
from dpdeblur.steer.wishes import FEATHER

MAX_BYTES = 2**30
"""Of all files sent at once."""
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_TEMPLATES = Path(__file__).with_name("templates")
_OWN = "x-dpdeblur"
"""A header that only our page sends: other sites may not without asking, and get no answer."""
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_TYPES = {"png": "image/png", "tif": "image/tiff", "jpg": "image/jpeg"}


def make_site(desk: Desk, hosts: Sequence[str] = LOOPBACK) -> Starlette:
    """The site over a desk; it answers only to these names of its host."""
    site = _Site(desk)
    routes = [
        Route("/", site.page),
        Route("/photograph", site.start, methods=["POST"]),
        Route("/mask", site.mask, methods=["POST"]),
        Route("/cancel", site.cancel, methods=["POST"]),
        Route("/state", site.state),
        Route("/untouched.webp", site.untouched),
        Route("/restored.webp", site.restored),
        Route("/map.webp", site.map),
        Route("/legend.webp", site.legend),
        Route("/download", site.download),
    ]
    # A name that a foreign site made point here is refused.
    trusted = Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False)
    return Starlette(
        routes=routes,
        middleware=[trusted],
        exception_handlers={DPDeblurError: _explain, HTTPException: _explain},
    )


class _Site:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    async def page(self, request: Request) -> Response:
        del request
        html = template("app.html", _TEMPLATES).render(
            version=__version__,
            legend=LEGEND,
            formats=FORMATS,
            feather=FEATHER,
            readable=READABLE,
            raw=RAW_EXTENSIONS,
        )
        return HTMLResponse(html, headers=_HEADERS)

    async def start(self, request: Request) -> Response:
        _check_own(request)
        _check_length(request)
        if self.desk.state.stage == "working":
            raise HTTPException(409, _BUSY)
        folder = TemporaryDirectory(prefix="dpdeblur-")
        number = None
        try:
            async with request.form(max_files=2, max_fields=1) as form:
                files = await _save(form, Path(folder.name))
                swap = form.get("swap") == "true"
            if not files:
                raise HTTPException(400, "Give two views or one raw file.")
            number = self.desk.start(files, swap=swap, done=folder.cleanup)
        finally:
            if number is None:
                folder.cleanup()
        if number is None:
            raise HTTPException(409, _BUSY)
        return JSONResponse({"number": number}, 202, headers=_HEADERS)

    async def mask(self, request: Request) -> Response:
        _check_own(request)
        _check_length(request)
        photo = self._photo()
        with TemporaryDirectory(prefix="dpdeblur-") as folder:
            async with request.form(max_files=1, max_fields=0) as form:
                files = await _save(form, Path(folder))
            if not files:
                raise HTTPException(400, "Give a picture that is white where you want to restore.")
            try:
                await asyncio.to_thread(take_mask, photo, files[0])
            except DPDeblurError as error:
                raise HTTPException(400, sentence_on(error, files)) from error
        return JSONResponse({}, headers=_HEADERS)

    async def cancel(self, request: Request) -> Response:
        _check_own(request)
        self.desk.cancel()
        return JSONResponse({}, headers=_HEADERS)

    async def state(self, request: Request) -> Response:
        del request
        state, photo = self.desk.state, self.desk.photograph
        told: dict[str, Any] = dict(vars(state))
        if photo is not None and state.stage == "done":
            height, width = photo.size
            told |= {"name": photo.stem, "width": width, "height": height, "notes": photo.notes}
            if photo.scale is not None:
                told |= {"radii": [photo.scale.low, photo.scale.high]}
        return JSONResponse(told, headers=_HEADERS)

    async def untouched(self, request: Request) -> Response:
        centre = _centre(request)
        return await self._picture(lambda photo: photo.shown(None, centre))

    async def restored(self, request: Request) -> Response:
        centre = _centre(request)
        return await self._picture(lambda photo: photo.shown(_wishes(request, photo), centre))

    async def map(self, request: Request) -> Response:
        centre = _centre(request)
        return await self._picture(lambda photo: photo.map_picture(centre))

    async def legend(self, request: Request) -> Response:
        del request
        return await self._picture(Photograph.legend)

    async def download(self, request: Request) -> Response:
        kind = request.query_params.get("format", "png")

        def made(photo: Photograph) -> tuple[str, bytes]:
            with photo.written(_wishes(request, photo), kind) as path:
                return path.name, path.read_bytes()

        name, data = await asyncio.to_thread(made, self._photo())
        quoted = "".join(c if c.isascii() and (c.isalnum() or c in "._- ") else "_" for c in name)
        headers = _HEADERS | {"Content-Disposition": f'attachment; filename="{quoted}"'}
        return Response(data, media_type=_TYPES[kind], headers=headers)

    async def _picture(self, made: Callable[[Photograph], bytes | None]) -> Response:
        data = await asyncio.to_thread(made, self._photo())
        if data is None:
            raise HTTPException(404, _NOTHING)
        return Response(data, media_type="image/webp", headers=_HEADERS)

    def _photo(self) -> Photograph:
        photo = self.desk.photograph
        if photo is None:
            raise HTTPException(404, _NOTHING)
        return photo


_BUSY = "Another photograph is in work; wait until it is done, or stop it."
_NOTHING = "There is nothing yet."


async def _save(form: FormData, folder: Path) -> list[Path]:
    """The files that were sent, in a folder of ours under the last part of their names."""
    sent = [each for each in form.getlist("files") if isinstance(each, UploadFile)]
    # By the rules of Windows, which know both slashes and drives.
    names = [PureWindowsPath(each.filename or "").name for each in sent]
    files: list[Path] = []
    for number, (each, name) in enumerate(zip(sent, names, strict=True)):
        if name in {"", ".."} or "\0" in name or len(name.encode("utf-8", "replace")) > 200:
            name = f"{number}{PureWindowsPath(name).suffix[:10]}"
        # Equal names come from two folders; else one folder, after which l.png, r.png are named.
        inner = f"photograph{number}" if len(set(names)) < len(names) else "photograph"
        path = folder / inner / name
        path.parent.mkdir(exist_ok=True)
        with path.open("wb") as file:
            while block := await each.read(2**20):
                file.write(block)
        files.append(path)
    return files


def _wishes(request: Request, photo: Photograph) -> Wishes:
    """What the query asks for; raises OptionError."""
    query = request.query_params
    if "mask" in query and photo.mask is None:
        raise OptionError("mask", "it is gone; choose it again")
    return Wishes(
        strength=_number(query.get("strength")) or 0.0 if "strength" in query else 1.0,
        only=query.get("only") or None,
        keep_beyond=_number(query.get("keep_beyond")),
        focus_at=tuple(parse_point(text, "focus_at") for text in query.getlist("focus_at")),
        depth_range=_number(query.get("depth_range")),
        mask=photo.mask if "mask" in query else None,
        feather=_number(query.get("feather")),
    )


def _centre(request: Request) -> Point | None:
    """The point whose surroundings are asked for, if not the whole; raises OptionError."""
    text = request.query_params.get("at")
    return None if text is None else parse_point(text, "at")


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return float("nan")  # which the wishes refuse with a sentence


async def _explain(request: Request, error: Exception) -> Response:
    """What is wrong, as JSON."""
    del request
    status, sentence = 400, str(error)
    if isinstance(error, HTTPException):
        status, sentence = error.status_code, error.detail
    return JSONResponse({"error": sentence}, status, headers=_HEADERS)


def _check_own(request: Request) -> None:
    if _OWN not in request.headers:
        raise HTTPException(403, "This is for the page itself.")


def _check_length(request: Request) -> None:
    length = request.headers.get("content-length", "")
    if not length.isdigit() or "transfer-encoding" in request.headers:  # which may be endless
        raise HTTPException(411, "The length of the files is missing.")
    if int(length) > MAX_BYTES:
        raise HTTPException(413, f"The files are larger than {MAX_BYTES // 2**20} MiB.")
