"""What the demo photos are drawn with.

A scene is drawn at twice its size and halved at the end, which smooths the edges. Places on it are fractions of its
width and height, from the top left.
"""

from math import cos, pi, sin
from random import Random

from PIL import Image, ImageChops, ImageColor, ImageDraw, ImageFilter, ImageOps


class Scene:
    def __init__(self, width, height, *sky, seed=1):
        self.width, self.height = width * 2, height * 2
        self.random = Random(seed)
        self.image = gradient(self.width, self.height, *sky)
        self.pen = ImageDraw.Draw(self.image)

    def at(self, *points):
        return [(x * self.width, y * self.height) for x, y in points]

    def glow(self, x, y, radius, color, strength=1.0):
        """Light that fades outwards; the radius is a fraction of the width."""
        side = int(radius * self.width) * 2
        rim = 181  # of Pillow's gradient where the circle touches the square
        light = Image.radial_gradient("L").point(lambda value: max(0, 1 - value / rim) ** 2 * 255 * strength)
        self.image.paste(color, self.corner(x, y, side), light.resize((side, side)))

    def disc(self, x, y, radius, color):
        side = int(radius * self.width) * 2
        left, top = self.corner(x, y, side)
        self.pen.ellipse((left, top, left + side, top + side), color)

    def corner(self, x, y, side):
        return int(x * self.width - side / 2), int(y * self.height - side / 2)

    def ridge(self, base, rise, waves, color, rough=0.4, sharp=False):
        """A range of hills up to `rise` above `base`; `rough` 0 is a dune, 0.5 a rock. Returns its outline."""
        noises = [(self.noise(waves * 2**octave), rough**octave) for octave in range(6)]
        total = sum(weight for _, weight in noises)
        line = []
        for step in range(401):
            rises = [(noise(step / 400), weight) for noise, weight in noises]
            share = sum((1 - abs(2 * up - 1) if sharp else up) * weight for up, weight in rises) / total
            line.append((step / 400 * 1.2 - 0.1, base - rise * share))
        self.pen.polygon(self.at((-0.1, 1), *line, (1.1, 1)), color)
        return line

    def noise(self, count):
        """A smooth random function of 0 to 1 with `count` waves."""
        values = [self.random.random() for _ in range(int(count) + 2)]

        def value(x):
            cell, part = divmod(x * count, 1)
            part = (1 - cos(part * pi)) / 2
            return values[int(cell)] * (1 - part) + values[int(cell) + 1] * part

        return value

    def mist(self, top, bottom, color, strength):
        """A bank of fog that is thickest at `bottom`."""
        mask = Image.linear_gradient("L").point(lambda value: value * strength)
        box = (self.width, int((bottom - top) * self.height))
        self.image.paste(color, (0, int(top * self.height)), mask.resize(box))

    def puffs(self, places, blur, color):
        """Soft round patches of `(x, y, radius, opacity)`: clouds of water or of stars."""
        mask = Image.new("L", (self.width // 8, self.height // 8))
        pen = ImageDraw.Draw(mask)
        for x, y, radius, opacity in places:
            x, y, radius = x * mask.width, y * mask.height, radius * mask.width
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), int(opacity * 255))
        mask = mask.filter(ImageFilter.GaussianBlur(blur)).resize(self.image.size, Image.Resampling.BILINEAR)
        self.image.paste(color, (0, 0), mask)

    def stars(self, count, lowest):
        for _ in range(count):
            x, y = self.random.random(), self.random.random() ** 1.4 * lowest
            bright = int(90 + 165 * self.random.random() ** 3)
            self.disc(
                x, y, self.random.choice((0.0007, 0.0007, 0.001, 0.0016)), (bright, bright, min(255, bright + 20))
            )

    def pines(self, line, count, size, color):
        """Trees along an outline."""
        for _ in range(count):
            x, y = line[self.random.randrange(len(line))]
            tall = size * self.random.uniform(0.5, 1)
            y += tall * 0.1
            for part in range(4):
                top, wide = y - tall * (1 - part * 0.2), tall * (0.1 + part * 0.055)
                self.pen.polygon(self.at((x, top), (x + wide, top + tall * 0.36), (x - wide, top + tall * 0.36)), color)

    def water(self, level, tint, strength):
        """Mirror what is above `level` below it, tinted and rippled."""
        level = int(level * self.height)
        depth = self.height - level
        mirror = ImageOps.flip(self.image.crop((0, level - depth, self.width, level)))
        mirror = Image.blend(mirror, Image.new("RGB", mirror.size, tint), strength)
        for row in range(0, depth, 4):
            shift = int(sin(row * 0.09 + sin(row * 0.023) * 3) * row * 0.02)
            strip = mirror.crop((0, row, self.width, row + 4))
            self.image.paste(ImageChops.offset(strip, shift, 0), (0, level + row))

    def finished(self):
        """Halved, with a little grain: it hides the steps of the gradients."""
        image = self.image.reduce(2)
        grain = Image.effect_noise((256, 256), 9)
        sheet = Image.new("L", image.size)
        for x in range(0, image.width, 256):
            for y in range(0, image.height, 256):
                sheet.paste(grain, (x, y))
        return ImageChops.overlay(image, Image.merge("RGB", [sheet] * 3))


def gradient(width, height, *colors):
    """Colours from top to bottom, evenly spaced."""
    column = Image.new("RGB", (1, len(colors)))
    column.putdata([ImageColor.getrgb(color) for color in colors])
    return column.resize((1, height), Image.Resampling.BILINEAR).resize((width, height), Image.Resampling.NEAREST)


def mixed(one, other, part):
    pairs = zip(ImageColor.getrgb(one), ImageColor.getrgb(other), strict=True)
    return tuple(int(a + (b - a) * part) for a, b in pairs)
