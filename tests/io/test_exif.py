"""EXIF blocks against Pillow's reader and writer, and TIFF files against tifffile's."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from dpdeblur.io import exif
from dpdeblur.io.exif import Directory, Entry

Base, GPS, IFD = ExifTags.Base, ExifTags.GPS, ExifTags.IFD
ends = pytest.mark.parametrize("end", ["<", ">"])


def camera(end: str = "<", orientation: int = 6) -> bytes:
    """A block as Pillow writes it, without the six bytes that JPEG puts before it."""
    made = Image.Exif()
    made.endian = end
    made[Base.Make], made[Base.Model] = "Canon", "R6"
    made[Base.Orientation], made[Base.Software] = orientation, "Digital Photo Professional"
    made[Base.XResolution], made[Base.YResolution], made[Base.ResolutionUnit] = 350.0, 300.0, 2
    made[Base.Compression] = 6
    photo = made.get_ifd(IFD.Exif)
    photo[Base.LensModel], photo[Base.ISOSpeedRatings] = "RF85mm", 100
    photo[Base.ExifVersion], photo[Base.FNumber] = b"0231", 1.5
    photo[Base.MakerNote], photo[Base.ExifImageWidth] = b"secret" * 9, 6720
    place = made.get_ifd(IFD.GPSInfo)
    place[GPS.GPSLatitudeRef], place[GPS.GPSLatitude] = "N", (48.0, 8.0, 30.0)
    return made.tobytes().removeprefix(b"Exif\0\0")


def seen_by_pillow(block: bytes) -> dict[int, Any]:
    """All tags; those of a directory below another in a dictionary of their own."""
    read = Image.Exif()
    read.load(block)
    tags: dict[int, Any] = dict(read)
    for pointer in (IFD.Exif, IFD.GPSInfo):
        if pointer in tags:
            tags[pointer] = dict(read.get_ifd(pointer))
    return tags


class TestReadingAndWriting:
    @ends
    def test_pillow_s_block_says_the_same_after_the_round_trip(self, end: str) -> None:
        block = camera(end)
        again = exif.serialise(exif.parse(block))
        assert again[:4] == b"II*\0"
        assert seen_by_pillow(again) == seen_by_pillow(block)
        assert exif.parse(again) == exif.parse(block)

    def test_both_byte_orders_are_one(self) -> None:
        assert exif.parse(camera("<")) == exif.parse(camera(">"))

    @ends
    def test_values_are_those_that_pillow_was_given(self, end: str) -> None:
        directory = exif.parse(camera(end))
        assert directory[Base.Make] == Entry(2, 6, b"Canon\0")
        assert directory[Base.ResolutionUnit] == Entry(3, 1, b"\x02\0")
        across = directory[Base.XResolution]
        assert isinstance(across, Entry)
        numerator, denominator = struct.unpack("<II", across.data)
        assert (across.kind, across.number, numerator / denominator) == (5, 1, 350)
        photo = directory[IFD.Exif]
        assert isinstance(photo, dict)
        assert photo[Base.ISOSpeedRatings] == Entry(3, 1, struct.pack("<H", 100))
        secret = photo[Base.MakerNote]
        assert isinstance(secret, Entry)
        assert (secret.number, secret.data) == (54, b"secret" * 9)

    @pytest.mark.parametrize("big", [False, True])
    @ends
    def test_a_tiff_file_s_tags(self, end: str, big: bool) -> None:
        file = BytesIO()
        pixels = np.zeros((4, 6), np.uint16)
        tifffile.imwrite(
            file,
            pixels,
            byteorder=end,
            bigtiff=big,
            metadata=None,
            software="writer",
            extratags=[(Base.Make, 2, 0, "a longer name than eight", True)],
        )
        directory = exif.parse(file.getvalue())
        assert directory[Base.Make] == Entry(2, 25, b"a longer name than eight\0")
        assert directory[Base.Software] == Entry(2, 7, b"writer\0")
        width = directory[Base.ImageWidth]
        assert isinstance(width, Entry)
        assert int.from_bytes(width.data, "little") == 6

    def test_the_chain_of_a_file_s_pictures(self) -> None:
        file = BytesIO()
        with tifffile.TiffWriter(file) as writer:
            for side in (4, 5, 6):
                writer.write(np.zeros((side, side), np.uint8), metadata=None)
        chain = exif.parse_chain(file.getvalue())
        widths = [each[Base.ImageWidth] for each in chain]
        assert [int.from_bytes(width[2], "little") for width in widths] == [4, 5, 6]
        assert exif.parse(file.getvalue()) == chain[0]

    @given(
        st.dictionaries(
            st.integers(60000, 65000), st.binary(min_size=1, max_size=9), min_size=1, max_size=6
        )
    )
    def test_bytes_of_any_length_come_back(self, values: dict[int, bytes]) -> None:
        directory: Directory = {tag: Entry(7, len(data), data) for tag, data in values.items()}
        block = exif.serialise(directory)
        assert exif.parse(block) == directory
        read = ImageFileDirectory_v2(block[:8])
        file = BytesIO(block)
        file.seek(8)
        read.load(file)
        assert {tag: read[tag] for tag in values} == values

    def test_text_of_exif_3_is_kept(self) -> None:
        """Its type of UTF-8 is none of TIFF's."""
        words: Directory = {0xA437: Entry(129, 9, "Brontë".encode() + bytes(2))}
        ours: Directory = {Base.Make: Entry(129, 4, b"Ast\0"), IFD.Exif: words}
        assert exif.parse(exif.serialise(ours)) == ours
        entry = struct.pack(">HHI4s", Base.Make, 129, 4, b"Ast\0")
        theirs = b"MM\0*" + struct.pack(">IH", 8, 1) + entry + bytes(4)
        assert exif.parse(theirs) == {Base.Make: Entry(129, 4, b"Ast\0")}


class TestDamage:
    @pytest.mark.parametrize(
        "block", [b"", b"II*\0", b"JUNK" * 9, b"II*\0\xff\0\0\0", b"II+\0" * 3]
    )
    def test_no_block_at_all(self, block: bytes) -> None:
        with pytest.raises(ValueError, match=r"no TIFF header|directory is"):
            exif.parse(block)

    @ends
    def test_wherever_it_is_cut_it_is_read_or_refused(self, end: str) -> None:
        block, whole = camera(end), exif.parse(camera(end))
        for length in range(len(block)):
            try:
                found = exif.parse(block[:length])
            except ValueError:
                continue
            for tag, entry in found.items():
                if isinstance(entry, Entry):
                    assert entry == whole[tag]

    def test_a_directory_that_holds_itself_ends(self) -> None:
        loop = b"II*\0" + struct.pack("<IHHHIII", 8, 1, IFD.Exif, 4, 1, 8, 0)
        directory: Any = exif.parse(loop)
        depth = 0
        while directory:
            directory, depth = directory.get(IFD.Exif), depth + 1
        assert depth < 10

    def test_a_chain_that_holds_itself_ends(self) -> None:
        entry = struct.pack("<HHII", Base.Compression, 3, 1, 1)
        loop = b"II*\0" + struct.pack("<IH", 8, 1) + entry + struct.pack("<I", 8)
        assert len(exif.parse_chain(loop)) == 1

    @given(st.binary(max_size=120))
    def test_noise_is_read_or_refused(self, noise: bytes) -> None:
        for header in (b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08"):
            try:
                exif.parse_chain(header + noise)
            except ValueError:
                continue


class TestOrientation:
    @pytest.mark.parametrize("value", range(1, 9))
    @ends
    def test_as_pillow_wrote_it(self, end: str, value: int) -> None:
        assert exif.orientation(exif.parse(camera(end, value))) == value

    def test_none_is_upright(self) -> None:
        assert exif.orientation({}) == 1

    @pytest.mark.parametrize("value", [0, 9, 6 << 8])
    def test_numbers_that_mean_nothing(self, value: int) -> None:
        with pytest.raises(ValueError, match=f"orientation {value}"):
            exif.orientation({exif.ORIENTATION: exif.short(value)})


class TestWhatIsKept:
    def test_pillow_reads_what_still_holds(self) -> None:
        tags = seen_by_pillow(exif.serialise(exif.cleaned(exif.parse(camera()), "dpdeblur 1")))
        assert (tags[Base.Make], tags[Base.XResolution], tags[Base.YResolution]) == (
            *("Canon", 350, 300),
        )
        assert (tags[Base.Orientation], tags[Base.Software]) == (1, "dpdeblur 1")
        assert Base.Compression not in tags
        assert tags[IFD.Exif].keys() == {
            *(Base.LensModel, Base.ISOSpeedRatings, Base.ExifVersion, Base.FNumber),
        }
        assert tags[IFD.GPSInfo][GPS.GPSLatitude] == (48, 8, 30)

    def test_nothing_is_made_of_nothing(self) -> None:
        assert exif.cleaned({}, "dpdeblur") == {}
        assert exif.cleaned({Base.Compression: exif.short(6)}, "dpdeblur") == {}
        ratio = exif.resolution((1, 1), (1, 1), 1)  # of the pixels' sides, in no unit
        assert exif.cleaned(ratio, "dpdeblur") == {}

    @pytest.mark.parametrize("layout", ['{"shape": [4, 4]}', "ImageJ=1.53", "<?xml?>"])
    def test_descriptions_of_the_array_go(self, layout: str) -> None:
        kept = exif.cleaned(
            {exif.DESCRIPTION: exif.text(layout), exif.ARTIST: exif.text("somebody")}, "dpdeblur"
        )
        assert exif.DESCRIPTION not in kept
        assert kept[exif.ARTIST] == exif.text("somebody")
        words = exif.cleaned({exif.DESCRIPTION: exif.text("A bee")}, "dpdeblur")
        assert words[exif.DESCRIPTION] == exif.text("A bee")

    def test_what_is_said_already_stays(self) -> None:
        ours = {exif.ARTIST: exif.text("somebody"), **exif.resolution((72, 1), (72, 1), 2)}
        theirs = {
            exif.ARTIST: exif.text("another"),
            exif.COPYRIGHT: exif.text("theirs"),
            **exif.resolution((5, 1), (5, 1), exif.PER_CENTIMETRE),
        }
        assert exif.completed(ours, theirs) == ours | {exif.COPYRIGHT: exif.text("theirs")}
        assert exif.completed({}, theirs) == theirs

    def test_half_a_resolution_is_not_filled_from_another(self) -> None:
        across = exif.resolution((72, 1), (72, 1), exif.PER_INCH)[Base.XResolution]
        ours: Directory = {Base.XResolution: across}
        theirs = exif.resolution((5, 1), (5, 1), exif.PER_CENTIMETRE)
        assert exif.completed(ours, theirs) == ours


class TestEntries:
    def test_pillow_reads_them(self) -> None:
        tags = seen_by_pillow(
            exif.serialise(
                {
                    exif.ARTIST: exif.text("somebody"),
                    exif.ORIENTATION: exif.short(3),
                    **exif.resolution((2835, 100), (1181, 100), exif.PER_CENTIMETRE),
                }
            )
        )
        assert tags == {
            Base.Artist: "somebody",
            Base.Orientation: 3,
            Base.XResolution: 28.35,
            Base.YResolution: 11.81,
            Base.ResolutionUnit: 3,
        }

    def test_text_is_utf_8_and_ends(self) -> None:
        assert exif.text("Grün") == Entry(2, 6, b"Gr\xc3\xbcn\0")

    @pytest.mark.parametrize("pair", [((0, 1), (72, 1)), ((72, 1), (0, 1))])
    def test_a_resolution_of_zero_is_none(
        self, pair: tuple[tuple[int, int], tuple[int, int]]
    ) -> None:
        assert exif.resolution(*pair, exif.PER_INCH) == {}


class TestCost:
    def entries(self, count: int, size: int) -> bytes:
        """A directory of `count` entries, all with the same `size` bytes as their value."""
        at = 8 + 2 + 12 * count + 4
        rows = b"".join(struct.pack("<HHII", 1000 + n, 7, size, at) for n in range(count))
        return b"II*\0" + struct.pack("<IH", 8, count) + rows + bytes(4) + bytes(size)

    def test_a_value_may_be_shared_by_two(self) -> None:
        assert len(exif.parse(self.entries(2, 8000))) == 2

    def test_a_value_shared_by_many_is_refused(self) -> None:
        with pytest.raises(ValueError, match="over each other"):
            exif.parse(self.entries(500, 8000))

    def test_a_chain_without_end_is_refused(self) -> None:
        links = (struct.pack("<HI", 0, 8 + 6 * (number + 1)) for number in range(300))
        with pytest.raises(ValueError, match="too many"):
            exif.parse_chain(b"II*\0" + struct.pack("<I", 8) + b"".join(links) + bytes(6))
