"""EXIF and XMP of the picture that was read, made true for the picture that will be written."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dpdeblur import __version__
from dpdeblur.io import exif
from dpdeblur.io.stored import Stored

SOFTWARE = f"dpdeblur {__version__}"

# XMP is edited as text: an XML library would rewrite the whole packet. A property is either an
# attribute or an element, empty or up to its own end, under the customary prefix. That end is
# sought apart, so that a packet of opening tags alone takes linear time, too.
_NAMES = (
    r"(?:xmp:Thumbnails|xap:Thumbnails|exif:PixelXDimension|exif:PixelYDimension"
    r"|exif:SubjectArea|exif:SubjectLocation"
    r"|exif:FocalPlane(?:XResolution|YResolution|ResolutionUnit)"
    r"|mwg-rs:Regions|MP:RegionInfo|Iptc4xmpExt:ImageRegion|acdsee-rs:Regions"
    r"|tiff:ImageWidth|tiff:ImageLength|tiff:Orientation|xmpNote:HasExtendedXMP)"
)
_VALUE = r"""(?:"[^"<]*"|'[^'<]*')"""
_OUTDATED = re.compile(
    rf"""\s{_NAMES}\s*=\s*{_VALUE}
    | <(?P<element>{_NAMES})(?=[\s/>]) (?:[^<>"'/]|{_VALUE})* /?>""",
    re.VERBOSE,
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
    turned, xmp = stored.orientation or 1, None
    if stored.exif:
        try:
            directory = exif.parse(stored.exif)
            if stored.orientation is None:
                turned = exif.orientation(directory)
        except ValueError as error:
            what = "the picture is taken for upright" if directory else "they were left out"
            notes.append(f"The EXIF data are damaged ({error}); {what}.")
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
    """Drop what an XMP packet says of the old file: orientation, sizes, places, thumbnails.

    Without an orientation a picture is upright. Raises ValueError where it is not UTF-8 XMP.
    """
    text = packet.rstrip(b"\0").decode("utf-8")
    if "rdf:RDF" not in text:
        raise ValueError("no RDF")
    return _without_outdated(text).encode("utf-8")


def _without_outdated(text: str) -> str:
    kept, begin, at = list[str](), 0, 0
    endless = set[str]()  # elements that no tag ends from here on
    while match := _OUTDATED.search(text, at):
        at, name = match.end(), match["element"]
        if name and not match[0].endswith("/>"):
            end = None if name in endless else re.compile(rf"</{name}\s*>").search(text, at)
            if end is None:
                endless.add(name)
                continue
            at = end.end()
        kept.append(text[begin : match.start()])
        begin = at
    return "".join((*kept, text[begin:]))
