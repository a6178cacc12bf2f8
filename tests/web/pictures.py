from io import BytesIO

from PIL import Image


def picture(format="JPEG", mode="RGB", size=(8, 6), colour=None, **options):
    """A real picture, as bytes."""
    return saved(Image.new(mode, size, colour or 0), format, **options)


def saved(image, format, **options):
    out = BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def opened(file):
    """The picture in a file that Django keeps, read into memory."""
    with file.open() as opened:
        image = Image.open(opened)
        image.load()
    return image
