"""What becomes of an uploaded photo: checked, turned upright, stripped of what it tells about the photographer."""

from io import BytesIO

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from PIL import ExifTags, Image, ImageOps
from PIL.Image import Transpose

FORMATS = ["JPEG", "PNG", "WEBP"]
LONGEST_SIDE = 2048
THUMBNAIL_SIDE = 720
UPRIGHT = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
Image.MAX_IMAGE_PIXELS = None  # check_pixels has a limit of its own, and tells it


def cleaned(upload):
    """A new JPEG with the pixels of `upload` and their colour profile; ValidationError if it is none that we take."""
    if upload.size > settings.PHOTO_MAX_BYTES:
        raise ValidationError(
            _("This file has %(size)s; a photo may have at most %(limit)s."),
            params={"size": filesizeformat(upload.size), "limit": filesizeformat(settings.PHOTO_MAX_BYTES)},
        )
    try:
        image = Image.open(upload, formats=FORMATS)
        check_pixels(image)
        image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))  # decodes a large JPEG at a fraction of its size
        image.load()
    except (OSError, SyntaxError, ValueError) as error:
        raise ValidationError(_("This file is not a photo that we can read: use a JPEG, PNG or WebP.")) from error
    return jpeg(upright(image))


def check_pixels(image):
    """The header is enough for this: nothing is decoded yet, so a small file cannot become gigabytes."""
    width, height = image.size
    if width * height > settings.PHOTO_MAX_PIXELS:
        raise ValidationError(
            _("This photo has %(pixels)s megapixels; it may have at most %(limit)s."),
            params={"pixels": round(width * height / 1e6), "limit": settings.PHOTO_MAX_PIXELS // 1_000_000},
        )


def upright(image):
    """Turned as its EXIF says. ImageOps.exif_transpose writes the rest of the EXIF anew, and fails if it is broken."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # Pillow raises whatever the broken data leads to; the photo is then taken as it lies
        return image
    return image.transpose(UPRIGHT[orientation]) if orientation in UPRIGHT else image


def jpeg(image):
    """The pixels as a JPEG on white. A profile for RGB stays, since without it the colours would change."""
    profile = image.info.get("icc_profile") if image.mode in ("RGB", "RGBA", "P") else None
    if image.mode.startswith("I"):  # 16 bits of grey, of which Pillow would keep the lower eight
        image = image.convert("I").point(lambda value: value / 257).convert("L")
    image = image.convert("RGBA")
    flat = Image.new("RGB", image.size, "white")
    flat.paste(image, mask=image.getchannel("A"))
    out = BytesIO()
    flat.save(out, "JPEG", quality=86, optimize=True, progressive=True, icc_profile=profile)
    return ContentFile(out.getvalue(), name="photo.jpg")


def thumbnail(file):
    """A square from the middle."""
    return jpeg(ImageOps.fit(Image.open(file), (THUMBNAIL_SIDE, THUMBNAIL_SIDE)))
