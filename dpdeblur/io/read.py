"""Reading pictures: file in, samples out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from dpdeblur import scratch
from dpdeblur.errors import DPDeblurError, UnreadableFileError
from dpdeblur.io import colour_profile, limits
from dpdeblur.io.atomic import read_whole
from dpdeblur.io.formats import FORMATS, by_content
from dpdeblur.io.metadata import carried
from dpdeblur.io.orientation import turn
from dpdeblur.io.picture import Picture, PictureInfo
from dpdeblur.io.stored import Broken, Stored, Unusable


def read_picture(path: str | Path) -> Picture:
    """Read a picture of 8 or 16 bits, gray or RGB, with or without alpha.

    The file's content decides what it is, not its name. Only PNG has checksums, so another file
    with altered pixel bytes can still be read if no data are missing. Floating-point numbers of a
    TIFF, 1 being white, become 16 bits; they are linear light unless a profile says otherwise.

    Args:
        path: a PNG, TIFF (first page), JPEG, WebP, AVIF or JPEG XL file; HEIC with pi-heif.

    Returns:
        The picture, upright. `info.warnings` names problems with its metadata.

    Raises:
        MissingFileError: there is no such file.
        UnreadableFileError: it is not a whole, sound picture.

    >>> read_picture(Path("examples/canon_r6ii/l.png")).srgb().shape
    (512, 768, 3)
    """
    path = Path(path)
    stored, coding = _decode(path)
    kept = carried(stored)
    samples = turn(stored.samples, kept.orientation)
    gray = samples.shape[-1] <= 2
    alpha = None
    if samples.shape[-1] in {2, 4}:
        alpha = samples[..., -1].astype(np.float32) / np.float32(2**stored.bits - 1)
    profile, icc, notes = colour_profile.settle(stored.icc, gray=gray)
    if stored.assumed:
        notes = ()
    info = PictureInfo(
        path=path,
        bit_depth=samples.dtype.itemsize * 8,
        gray=gray,
        alpha=alpha,
        exif=kept.exif,
        xmp=kept.xmp,
        icc=icc,
        warnings=tuple(f"{path}: {note}" for note in (*kept.notes, *coding, *notes)),
        left_out=stored.left_out,
        orientation=kept.sensor,
    )
    colours = np.ascontiguousarray(samples[..., : 1 if gray else 3])
    return Picture(scratch.keep(colours), stored.bits, info, profile)


@contextmanager
def errors_of(path: Path) -> Iterator[None]:
    """Whatever goes wrong with the bytes of the file at `path` becomes UnreadableFileError."""
    try:
        yield
    except DPDeblurError:
        raise
    except Broken as error:
        raise UnreadableFileError(path, f"{error}; copy it again", damaged=True) from error
    except Unusable as error:
        raise UnreadableFileError(path, str(error), error.parameter) from error
    except MemoryError as error:
        raise UnreadableFileError(path, "there is not enough memory to decode it") from error
    except Exception as error:  # decoders raise anything from IndexError to their own classes
        reason = "it is damaged or cut short; copy it again"
        raise UnreadableFileError(path, reason, damaged=True) from error


def _decode(path: Path) -> tuple[Stored, tuple[str, ...]]:
    """What a file stores, and sentences on the coding of its colours."""
    with errors_of(path):
        data = read_whole(path, look=_look)
        stored = _decoder(data)(data)
        return stored, colour_profile.coding_notes(stored.cicp, known=stored.icc is not None)


def _look(first: bytes, size: int) -> None:
    _decoder(first)
    limits.check_size(size)


def _decoder(data: bytes) -> Callable[[bytes], Stored]:
    found = by_content(data)
    if found is None or found.decode is None:
        known = ", ".join(form.name for form in FORMATS if form.decode)
        raise Unusable(f"it is no picture of a known format ({known})")
    return found.decode
