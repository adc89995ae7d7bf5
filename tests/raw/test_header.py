"""The container of CR3, whose compression nobody but a camera writes."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from dpdeblur.errors import DPDeblurError, UnreadableFileError
from dpdeblur.io import exif
from dpdeblur.raw import open_raw
from dpdeblur.raw.header import read_header


def box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), name) + content


def cr3(make: str = "Canon", orientation: int = 6) -> bytes:
    main = {
        271: exif.text(make),
        272: exif.text("Canon EOS R6m2"),
        274: exif.short(orientation),
    }
    photo = {36867: exif.text("2024:05:17 12:34:56"), 34855: exif.short(400)}
    canon = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48") + b"".join(
        box(name, content)
        for name, content in (
            (b"CNCV", b"CanonCR3_001/01.10.00/00.00.00"),
            (b"CMT1", exif.serialise(main)),
            (b"CMT2", exif.serialise(photo)),
        )
    )
    media = struct.pack(">I4sQ", 1, b"mdat", 16 + 100) + bytes(100)
    return (
        box(b"ftyp", b"crx \0\0\0\1crx isom")
        + box(b"moov", box(b"uuid", canon) + box(b"mvhd", bytes(100)))
        + media
    )


def test_cr3_headers(tmp_path: Path) -> None:
    path = tmp_path / "a.cr3"
    header = read_header(path, cr3())
    assert (header.make, header.model, header.orientation) == ("Canon", "Canon EOS R6m2", 6)
    info = header.picture_info(path)
    assert info.exif is not None
    directory = exif.parse(info.exif)
    assert exif.orientation(directory) == 1
    photo = directory[exif.EXIF_IFD]
    assert isinstance(photo, dict)
    assert photo[34855] == exif.short(400)


@pytest.mark.parametrize("seed", range(20))
def test_damaged_cr3_headers(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    data = bytearray(cr3())
    for at in rng.integers(0, len(data), 20):
        data[at] = rng.integers(0, 256)
    path = tmp_path / "a.cr3"
    for content in (bytes(data), cr3()[: rng.integers(1, len(data))], cr3("Sony")):
        path.write_bytes(content)
        with pytest.raises(DPDeblurError):
            open_raw(path)


def test_cut_cr3(tmp_path: Path) -> None:
    path = tmp_path / "a.cr3"
    path.write_bytes(cr3()[:-1])
    with pytest.raises(UnreadableFileError, match="cut short"):
        open_raw(path)
