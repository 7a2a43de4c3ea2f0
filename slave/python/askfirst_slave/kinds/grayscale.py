"""The kind `image-filter.grayscale`: turns strip.png, an 8-bit PNG, gray. Needs Pillow."""

import os
import struct

from ..files.unchanged import check_unchanged, version_of
from ..failure import Failure

PIXELS_MAX = 100_000_000


def run(input):
    """R = G = B = L, and the alpha unchanged; the mode stays, so that strips can be joined again."""
    from PIL import Image

    if not isinstance(input, dict):
        raise Failure("rejected-input", "the input must be an object")
    if not os.path.exists("strip.png"):
        raise Failure("rejected-input", "the offer has no file strip.png")
    version = version_of("strip.png")
    size = check_png("strip.png")
    Image.MAX_IMAGE_PIXELS = None  # check_png has a limit of its own
    try:
        with Image.open("strip.png", formats=["PNG"]) as image:
            if "transparency" in image.info:
                raise ValueError("it has a transparent colour instead of an alpha channel")
            image.load()
            # Pillow computes L as (R * 19595 + G * 38470 + B * 7471 + 32768) >> 16.
            grey = image.convert("L") if image.mode in ("RGB", "RGBA") else None
            if image.mode == "RGB":
                image = Image.merge("RGB", (grey, grey, grey))
            elif image.mode == "RGBA":
                image = Image.merge("RGBA", (grey, grey, grey, image.getchannel("A")))
            image.save("strip.png.new", "PNG", compress_level=3)
    except (OSError, SyntaxError, ValueError) as error:
        check_unchanged("strip.png", version)
        raise Failure("rejected-input", f"strip.png cannot be read: {error}") from error
    check_unchanged("strip.png", version)
    os.replace("strip.png.new", "strip.png")
    return {"width": size[0], "height": size[1]}, ["strip.png"]


def check_png(path):
    """Reads the header of a PNG; returns width and height. Refuses, before anything is decoded, an image
    that is too large, has a palette or has other than 8 bits per channel."""
    with open(path, "rb") as file:
        head = file.read(33)
    if len(head) < 33 or head[:16] != b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR":
        raise Failure("rejected-input", f"{path} is not a PNG")
    width, height, depth, colour = struct.unpack(">IIBB", head[16:26])
    if depth != 8 or colour not in (0, 2, 4, 6):
        raise Failure("rejected-input", f"{path} must have 8 bits per channel, and no palette")
    if width * height > PIXELS_MAX:
        words = f"{path} is {width} x {height}: more than {PIXELS_MAX} pixels"
        raise Failure("rejected-input", words)
    return width, height
