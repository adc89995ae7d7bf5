"""One photograph at a time: what the page is at, and the thread that works on it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock, Thread
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dpdeblur.app.photograph import Photograph, as_codes
from dpdeblur.datasets import RAW_EXTENSIONS, common_stem, names_say_swapped
from dpdeblur.engines import Engine
from dpdeblur.errors import DPDeblurError, PairingError
from dpdeblur.memory import is_out_of_memory
from dpdeblur.optics import Calibration
from dpdeblur.pair import DualPixelPair
from dpdeblur.raw import DEFAULT_SIZE, RawOptions, check_photo, read_photo
from dpdeblur.steer import Wishes, read_mask
from dpdeblur.steer.depth import finder, sharpened, shrink

MAX_PIXELS = 64_000_000
"""Of a view; the work takes about 60 bytes for each, beside what the engine takes."""
Stage = Literal["empty", "working", "done", "failed"]
_NO_MAP = "No defocus map was found, so depth cannot be chosen: {}"


@dataclass(frozen=True)
class State:
    """Where the work stands. `share` of the restoring is done; `sentence` says what goes on or why
    it failed. `number` counts the photographs, so that pages notice a new one."""

    number: int = 0
    stage: Stage = "empty"
    share: float = 0.0
    sentence: str = ""


class Desk:
    """Holds one photograph and works on it in a thread of its own; a second one is refused."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.photograph: Photograph | None = None
        self.state = State()
        self._lock = Lock()
        self._stop = False

    def start(
        self, files: list[Path], *, swap: bool = False, done: Callable[[], object] = lambda: None
    ) -> int | None:
        """Begin with two views or one raw file; gives the photograph's number.

        Views whose names say that they are the other way round change places, and once more if
        `swap`. `done` is called when the files are not needed any more, whatever became of them.
        None while another photograph is in work: then nothing happens, nor is `done` called.
        """
        with self._lock:
            if self.state.stage == "working":
                return None
            self._stop = False
            self.photograph = None  # its memory is for the next one
            self.state = State(self.state.number + 1, "working", 0.0, "Reading")
        Thread(target=self._work, args=(files, swap, done), daemon=True).start()
        return self.state.number

    def cancel(self) -> None:
        """Stop the work as soon as the engine tells of progress."""
        self._stop = True

    def _work(self, files: list[Path], swap: bool, done: Callable[[], object]) -> None:
        try:
            photograph = self._restored(files, swap)
        except _Cancelled:
            self._become(stage="empty", sentence="Stopped.")
        except DPDeblurError as error:
            self._become(stage="failed", sentence=sentence_on(error, files))
        except Exception as error:
            what = f"Unexpected {type(error).__name__}: {error}"
            if is_out_of_memory(error):
                what = "There is not enough memory for this picture."
            self._become(stage="failed", sentence=what)
        else:
            self.photograph = photograph
            self._become(stage="done", share=1.0, sentence="")
        finally:
            done()

    def _restored(self, files: list[Path], swap: bool) -> Photograph:
        pair, stem = _read(files, swap)
        pair = self.engine.read(pair)
        self._tell(0, 1, "Finding the defocus map")
        lens = getattr(self.engine, "calibration", None)
        defocus, notes = _find_map(pair, lens, files)
        restored = self.engine.run(pair, lambda done, parts: self._tell(done, parts, "Restoring"))
        if defocus is not None:
            defocus = pair.upright(sharpened(defocus, restored.image, pair, lens))
        untouched = as_codes(pair.upright(pair.combined()))
        sharp = as_codes(pair.upright(restored.image))
        notes = (*pair.warnings, *restored.run.notes, *notes)
        return Photograph(stem, untouched, sharp, defocus, pair.info, notes)

    def _tell(self, done: int, parts: int, sentence: str) -> None:
        if self._stop:
            raise _Cancelled
        self._become(share=done / parts, sentence=sentence)

    def _become(self, **changes: object) -> None:
        self.state = replace(self.state, **changes)  # type: ignore[arg-type]


class _Cancelled(BaseException):
    """Takes the wish to stop past those who handle errors."""


def take_mask(photograph: Photograph, file: Path) -> None:
    """Read a mask of the photograph's size from a picture file, and keep it with the photograph.

    Raises what `read_mask` does, ShapeMismatchError, and PairingError if it is too large.
    """
    _check_size(file)
    mask = read_mask(file)
    Wishes(mask=mask).check(photograph.size)
    photograph.mask = mask


def sentence_on(error: DPDeblurError, files: Sequence[Path]) -> str:
    """What is wrong with files, without our folder, which means nothing to whoever sent them."""
    text = str(error)
    for folder in {str(path.parent) for path in files}:
        text = text.replace(f"{folder}/", "")
    return text


def _find_map(
    pair: DualPixelPair, lens: Calibration | None, files: Sequence[Path]
) -> tuple[NDArray[np.float32] | None, tuple[str, ...]]:
    """The map at reduced size, in the sensor's rows; or why there is none."""
    try:
        return shrink(finder(lens).find_map(pair)), ()
    except DPDeblurError as error:
        return None, (_NO_MAP.format(sentence_on(error, files)),)


def _read(files: list[Path], swap: bool) -> tuple[DualPixelPair, str]:
    """The photograph in the files, and its name. Raises what `read_photo` does."""
    if len(files) not in {1, 2}:
        raise PairingError(files[0].parent, "give two views or one raw file")
    for path in files:
        _check_size(path)
    if len(files) == 1:
        (photo,) = files
        check_photo(photo)
        if photo.suffix.lower() not in RAW_EXTENSIONS:
            raise PairingError(photo, "it is no raw file; give both views of the photograph")
        return read_photo(photo, options=RawOptions(DEFAULT_SIZE, swap_views=swap)), photo.stem
    left, right = sorted(files)
    if names_say_swapped(left, right) != swap:
        left, right = right, left
    check_photo(left, right)
    pair = read_photo(left, right)
    if math.prod(pair.shape) > MAX_PIXELS:  # of a format that Pillow does not know
        raise _too_large(left)
    return pair, common_stem(left, right)


def _check_size(path: Path) -> None:
    """Raise PairingError for a picture that is too large, before it takes any memory."""
    if path.suffix.lower() in RAW_EXTENSIONS:  # developed at a size of our choice
        return
    try:
        with Image.open(path) as picture:
            pixels = picture.width * picture.height
    except Image.DecompressionBombError:
        pixels = MAX_PIXELS + 1
    except (OSError, ValueError, SyntaxError):
        return  # whoever reads it knows more
    if pixels > MAX_PIXELS:
        raise _too_large(path)


def _too_large(path: Path) -> PairingError:
    return PairingError(
        path,
        f"it has more than {MAX_PIXELS // 1_000_000} megapixels, the most that this page takes; "
        "use dpdeblur fix",
    )
