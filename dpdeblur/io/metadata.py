"""EXIF and XMP of the picture that was read, made true for the picture that will be written."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dpdeblur import __version__
from dpdeblur.io import exif
from dpdeblur.io.stored import Stored

SOFTWARE = f"dpdeblur {__version__}"

# XMP is edited as text: an XML library would rewrite the whole packet. A property is either an
# attribute or an element, under the customary prefix.
_PROPERTY = r"""(\s{name}\s*=\s*(?:"[^"]*"|'[^']*')|<{name}\b[^>]*>.*?</{name}>|<{name}\b[^>]*/>)"""
_OUTDATED = re.compile(
    _PROPERTY.format(
        name=r"(?:xmp:Thumbnails|xap:Thumbnails|exif:PixelXDimension|exif:PixelYDimension"
        r"|tiff:ImageWidth|tiff:ImageLength|tiff:Orientation|xmpNote:HasExtendedXMP)"
    ),
    re.DOTALL,
)
# Views made from a raw file are upright, and say here how they were turned: `read_pair` has to
# find back to the sensor's rows.
_SENSOR_NOTE = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:dpdeblur="urn:dpdeblur:1" '
    'dpdeblur:SensorOrientation="{tag}"/></rdf:RDF></x:xmpmeta>'
)
_SENSOR_ORIENTATION = re.compile(rb"""\sdpdeblur:SensorOrientation\s*=\s*["']([1-8])["']""")


@dataclass(frozen=True)
class Carried:
    """What goes on to the next file, the orientation to apply, and sentences about trouble.

    `sensor` is the orientation that relates the upright picture to the sensor's rows.
    """

    exif: bytes | None
    xmp: bytes | None
    orientation: int
    sensor: int
    notes: tuple[str, ...]


def sensor_note(tag: int) -> bytes:
    """An XMP packet which says that the pixels were turned upright from orientation `tag`."""
    return _SENSOR_NOTE.format(tag=tag).encode()


def carried(stored: Stored) -> Carried:
    """Clean the EXIF and XMP blocks of a file; trouble becomes a note, never an error."""
    notes = list(stored.notes)
    directory: exif.Directory = {}
    turned, xmp = 1, None
    if stored.exif:
        try:
            directory = exif.parse(stored.exif)
            turned = exif.orientation(directory)
        except ValueError as error:
            notes.append(f"The EXIF data could not be read ({error}).")
    turned = turned if stored.orientation is None else stored.orientation
    kept = exif.cleaned(exif.completed(directory, stored.tags), SOFTWARE)
    block = exif.serialise(kept) if kept else None
    if stored.xmp:
        try:
            xmp = clean_xmp(stored.xmp)
        except ValueError:
            notes.append("The XMP data could not be read and was left out.")
    told = _SENSOR_ORIENTATION.search(xmp or b"") if turned == 1 else None
    return Carried(block, xmp, turned, int(told[1]) if told else turned, tuple(notes))


def clean_xmp(packet: bytes) -> bytes:
    """Drop what an XMP packet says of the old file: orientation, dimensions, thumbnails.

    Without an orientation a picture is upright. Raises ValueError where it is not UTF-8 XMP.
    """
    text = packet.rstrip(b"\0").decode("utf-8")
    if "rdf:RDF" not in text:
        raise ValueError("no RDF")
    return _OUTDATED.sub("", text).encode("utf-8")
