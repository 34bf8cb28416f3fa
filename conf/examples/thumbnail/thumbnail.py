"""Thumbnails; needs Pillow (Debian: python3-pil)."""
import base64
import io

from PIL import Image, ImageOps


def size(image: str) -> list:
    """Width and height of an image in base64."""
    return Image.open(_file(image)).size


def thumbnail(image: str, width: int = 128, height: int = 128) -> bytes:
    """An image in base64, made to fit, as a PNG: bytes are base64 in JSON."""
    with Image.open(_file(image)) as opened:
        small = ImageOps.exif_transpose(opened)
        small.thumbnail((width, height))
        made = io.BytesIO()
        small.convert("RGBA").save(made, "PNG")
    return made.getvalue()


def of_file(path: str, width: int = 128, height: int = 128) -> bytes:
    """The same of a file that the worker's user may read."""
    with open(path, "rb") as file:
        return thumbnail(base64.b64encode(file.read()).decode(), width, height)


def _file(text):
    return io.BytesIO(base64.b64decode(text, validate=True))
