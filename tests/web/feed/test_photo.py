import struct
import zlib
from io import BytesIO

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from tests.web.pictures import opened, picture, saved
from web.feed import photo
from web.feed.models import Post

NO_PHOTO = "This file is not a photo that we can read: use a JPEG, PNG or WebP."
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
SHORTS, LONGS, TEXTS, ORIENTATION, GPS = 3, 4, 2, 0x0112, 0x8825


@pytest.fixture
def send(alice, browser):
    """Send bytes as a photo; the errors beside the field, or an empty list."""

    def send(content, name="photo.jpg"):
        response = browser(alice).post("/posts/new/", {"photo": SimpleUploadedFile(name, content, "image/jpeg")})
        return [] if response.status_code == 302 else response.context["form"].errors["photo"]

    return send


def png(width, height):
    """A PNG of a few bytes whose header claims a size."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 100)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def exif(*tags):
    """EXIF data with tags as they come: (number, type, value), not as a careful camera would write them."""
    entries = b"".join(struct.pack(">HHI4s", number, kind, 1, value) for number, kind, value in sorted(tags))
    return b"Exif\0\0MM\0*" + struct.pack(">IH", 8, len(tags)) + entries + b"\0\0\0\0"


SIDEWAYS = (ORIENTATION, SHORTS, b"\0\6\0\0")


@pytest.mark.parametrize(
    "content",
    [
        b"this is a text",
        b"\xff\xd8\xff\xe0 and then nothing",
        picture("JPEG", size=(400, 300))[:-400],
        picture("PNG", size=(400, 300))[:-100],
        picture("WEBP", size=(400, 300), colour="red")[:-20],
        SVG,
        picture("GIF"),
        picture("BMP"),
        picture("TIFF"),
        b"<!doctype html><script>alert(1)</script>",
        b"\0" * 1000,
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        png(0, 0),
    ],
    ids=[
        "text",
        "magic",
        "short jpeg",
        "short png",
        "short webp",
        "svg",
        "gif",
        "bmp",
        "tiff",
        "html",
        "zeros",
        "eps",
        "0x0",
    ],
)
def test_what_is_no_photo_is_refused_with_a_hint(send, content):
    assert send(content) == [NO_PHOTO]
    assert not Post.objects.exists()


def test_an_empty_file_is_refused(send):
    assert send(b"") == ["The submitted file is empty."]


def test_a_file_that_is_too_big_is_refused_with_both_numbers(send, settings):
    content = picture() + b"\0" * settings.PHOTO_MAX_BYTES

    assert send(content) == ["This file has 10.0\xa0MB; a photo may have at most 10.0\xa0MB."]


@pytest.mark.parametrize(
    "content, megapixels",
    [(picture("PNG", "L", (7000, 7000)), 49), (png(10_000, 10_000), 100), (png(30_000, 30_000), 900)],
    ids=["real", "lies", "lies wildly"],
)
def test_too_many_pixels_are_refused_with_both_numbers(send, content, megapixels):
    assert send(content) == [f"This photo has {megapixels} megapixels; it may have at most 40."]


def test_a_file_that_claims_many_pixels_is_not_decoded():
    claims = png(9000, 9000)

    with pytest.raises(ValidationError, match="megapixels"):
        photo.cleaned(SimpleUploadedFile("photo.png", claims))


@pytest.mark.parametrize(
    "format, mode",
    [("JPEG", "RGB"), ("JPEG", "L"), ("JPEG", "CMYK"), ("PNG", "RGB"), ("PNG", "RGBA"), ("PNG", "P"), ("PNG", "1"),
     ("PNG", "LA"), ("PNG", "I;16"), ("WEBP", "RGB"), ("WEBP", "RGBA"), ("MPO", "RGB")],
)  # fmt: skip
def test_every_photo_becomes_a_plain_jpeg(send, format, mode):
    more = {"save_all": True, "append_images": [Image.new("RGB", (8, 6))]} if format == "MPO" else {}

    assert send(picture(format, mode, **more)) == []

    stored = opened(Post.objects.get().photo)
    assert (stored.format, stored.mode, stored.size) == ("JPEG", "RGB", (8, 6))


def test_transparent_becomes_white(send):
    send(picture("PNG", "RGBA", colour=(255, 0, 0, 0)))

    assert opened(Post.objects.get().photo).getpixel((0, 0)) == (255, 255, 255)


def test_a_large_photo_is_made_smaller_in_its_proportions(send):
    send(picture("PNG", "L", (3000, 1500)))

    post = Post.objects.get()
    assert (post.width, post.height) == opened(post.photo).size == (2048, 1024)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_where_and_by_whom_it_was_taken_is_removed(send, format):
    told = Image.Exif()
    told[0x010F], told[0x0131] = "SecretCamera", "SecretSoftware"
    told.get_ifd(GPS).update({1: "N", 2: (48.0, 8.0, 1.0), 29: "SecretDate"})
    content = picture(format, exif=told, xmp=b"<x:xmpmeta>SecretXmp</x:xmpmeta>")
    assert b"Secret" in content

    send(content)

    with Post.objects.get().photo.open() as file:
        stored = file.read()
    assert b"Secret" not in stored
    assert not Image.open(BytesIO(stored)).getexif()


def test_a_comment_inside_the_file_is_removed(send):
    send(picture(comment=b"Secret"))

    with Post.objects.get().photo.open() as file:
        assert b"Secret" not in file.read()


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_a_photo_taken_sideways_is_turned_upright(send, format):
    lying = Image.new("RGB", (60, 40), "blue")
    lying.paste("red", (0, 0, 30, 40))  # left half; orientation 6 says: turn it clockwise, so this becomes the top

    send(saved(lying, format, exif=exif(SIDEWAYS)))

    upright = opened(Post.objects.get().photo)
    assert upright.size == (40, 60)
    red, _, blue = upright.getpixel((20, 10))
    assert red > 200 > 50 > blue
    red, _, blue = upright.getpixel((20, 50))
    assert blue > 200 > 50 > red


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    "told",
    [
        b"Exif\0\0not TIFF at all",
        b"Exif\0\0",
        exif((ORIENTATION, SHORTS, b"\0\x63\0\0")),
        exif((ORIENTATION, TEXTS, b"6\0\0\0")),
        exif(SIDEWAYS, (0x0100, TEXTS, b"8\0\0\0")),
        exif(SIDEWAYS, (0x010F, 11, b"\0\0\0\0")),
        exif(SIDEWAYS, (0x0128, LONGS, b"\xff\xff\xff\xff")),
        exif(SIDEWAYS, (GPS, LONGS, b"\xff\xff\xff\xff")),
    ],
    ids=["no tiff", "empty", "orientation 99", "orientation text", "width text", "maker float", "unit huge", "gps far"],
)
def test_broken_data_about_a_photo_does_not_hurt_the_photo(format, told):
    upload = SimpleUploadedFile("photo.jpg", picture(format, exif=told))

    assert set(opened(photo.cleaned(upload)).size) == {8, 6}


def test_the_colours_profile_is_kept(send):
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    send(picture(icc_profile=profile))

    assert opened(Post.objects.get().photo).info["icc_profile"] == profile


def test_a_photo_is_served_so_that_it_can_do_nothing_else(alice, browser, photo_by):
    post = photo_by(alice)

    for file in (post.photo, post.thumbnail):
        response = browser().get(f"/photos/{file.name}")
        assert response.status_code == 200
        assert Image.open(BytesIO(response.getvalue())).format == "JPEG"
        assert response["Content-Type"] == "image/jpeg"
        assert response["X-Content-Type-Options"] == "nosniff"
        assert "immutable" in response["Cache-Control"]
        policy = response["Content-Security-Policy"]
        assert "sandbox" in policy
        assert "default-src 'none'" in policy


@pytest.mark.parametrize(
    "name",
    ["photos/none.jpg", "photos/", "photos", "", "photos/../../../etc/passwd", "../db.sqlite3", "secret_key",
     "photos/%00.jpg", "photos/" + "x" * 5000, "photos/..%2f..%2fsettings.py", "/etc/passwd", "thumbnails/é.jpg"],
)  # fmt: skip
def test_no_other_file_is_served(browser, name):
    assert browser().get(f"/photos/{name}").status_code in (400, 404)
