"""Demo photos, drawn by code: the same ones every time, and nobody's copyright."""

from math import cos, sin, tau

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from web.feed.scene import Scene, gradient, mixed


def dusk_hills():
    scene = Scene(1320, 1056, "#2b2d5b", "#7d4f86", "#e0798a", "#f7b28c", "#fde3b4", seed=5)
    scene.glow(0.66, 0.56, 0.42, "#fff1c9", 0.9)
    scene.disc(0.66, 0.56, 0.045, "#fff6dc")
    for step in range(6):
        scene.ridge(0.70 + step * 0.06, 0.14 - step * 0.008, 3 + step, mixed("#c98a98", "#1d1a38", step / 5), 0.42)
    return scene.finished()


def sea_at_noon():
    scene = Scene(1080, 1350, "#3c8fc0", "#7fbfd9", "#cfe9ea", "#f5f3e2")
    puffs = []
    for x, y, size in ((0.28, 0.22, 0.17), (0.84, 0.36, 0.11), (0.42, 0.47, 0.06)):
        for _ in range(60):
            along, up = scene.random.triangular(-1, 1), scene.random.random()
            puffs.append((x + along * size, y - up * size * 0.5 / (1 + 4 * along**2), size * 0.16, 0.9))
    scene.puffs(puffs, 2, "#ffffff")
    sea = gradient(scene.width, int(scene.height * 0.42), "#7cc6c6", "#2f96a8", "#136a86", "#0c4f6c")
    scene.image.paste(sea, (0, int(scene.height * 0.58)))
    for _ in range(1400):
        depth = scene.random.random() ** 1.6
        x, y, wide = scene.random.random(), 0.585 + depth * 0.41, 0.004 + depth * 0.03
        light = mixed("#bfe8e4", "#1f7f98", scene.random.random())
        scene.pen.line(scene.at((x - wide, y), (x + wide, y)), light, 1 + int(depth * 3))
    scene.pen.polygon(scene.at((0.68, 0.44), (0.68, 0.585), (0.59, 0.585)), "#fffaf0")
    scene.pen.polygon(scene.at((0.69, 0.47), (0.69, 0.585), (0.745, 0.585)), "#f0e2cf")
    scene.pen.polygon(scene.at((0.585, 0.593), (0.765, 0.593), (0.735, 0.612), (0.61, 0.612)), "#a8402f")
    return scene.finished()


def milky_way():
    scene = Scene(1080, 1350, "#070b1f", "#0e1836", "#1d2f55", "#3c5175", "#8d8a93")
    places = []
    for _ in range(1100):
        along, off = scene.random.uniform(-0.1, 1.1), scene.random.gauss(0, 0.06)
        size, opacity = scene.random.uniform(0.004, 0.03), scene.random.uniform(0.02, 0.42)
        places.append((0.2 + along * 0.6 + off, 0.85 - along * 0.9 + off * 0.6, size, opacity))
    scene.puffs(places, 7, "#d4cdf0")
    scene.stars(1500, 0.85)
    line = scene.ridge(0.90, 0.10, 3, "#0a1222", 0.3)
    scene.pines(line, 130, 0.13, "#0a1222")
    return scene.finished()


def city_at_night():
    scene = Scene(1320, 990, "#141a3a", "#33295a", "#7b3f6b", "#d96d5f", "#f6b36a")
    scene.stars(160, 0.35)
    scene.disc(0.2, 0.2, 0.032, "#f7ead0")
    for step in range(3):
        x, wall = -0.02, mixed("#7a4468", "#12142b", step / 2)
        while x < 1:
            wide, top = scene.random.uniform(0.035, 0.085), 0.45 + step * 0.13 + scene.random.uniform(-0.16, 0.1)
            scene.pen.rectangle((*scene.at((x, top))[0], *scene.at((x + wide, 1))[0]), wall)
            if scene.random.random() < 0.25:
                scene.pen.line(scene.at((x + wide / 2, top), (x + wide / 2, top - 0.06)), wall, 5)
            windows(scene, x, top, wide, step)
            x += wide + scene.random.uniform(-0.004, 0.012)
    return scene.finished()


def windows(scene, x, top, wide, step):
    lit, size = 0.14 + step * 0.14, 0.0045 + step * 0.001
    columns = int(wide / (size * 2.4)) - 1
    for row in range(int((1 - top) / (size * 4.4))):
        for column in range(columns):
            if scene.random.random() < lit:
                left, up = x + size * (1.6 + column * 2.4), top + size * (2.4 + row * 4.4)
                box = scene.at((left, up), (left + size, up + size * 2))
                scene.pen.rectangle((*box[0], *box[1]), mixed("#ffd98c", "#ff9f5a", scene.random.random()))


def dunes():
    scene = Scene(1320, 990, "#5aa3c7", "#a9d0d6", "#f3dcb5", "#f6c98b")
    scene.glow(0.24, 0.3, 0.3, "#fff7dd", 0.8)
    for step in range(5):
        base, color = 0.56 + step * 0.11, mixed("#e9b377", "#8c4524", step / 4)
        line = scene.ridge(base, 0.16, 1.6 + step * 0.5, color, 0)
        lit = [(x + 0.02 + 0.06 * sin(x * 9 + step), y + 0.05 + step * 0.014) for x, y in line]
        scene.pen.polygon(scene.at(*line, *reversed(lit)), mixed("#ffd9a0", "#d98244", step / 4))
    return scene.finished()


def forest_in_fog():
    scene = Scene(1080, 1350, "#dfe9e6", "#c8dad7", "#a7c3c0", "#87aaa8")
    for step in range(6):
        color = mixed("#aac4c1", "#0f2b2c", step / 5)
        line = scene.ridge(0.40 + step * 0.125, 0.12, 2 + step, color, 0.4)
        scene.pines(line, 70 - step * 7, 0.10 + step * 0.045, color)
        if step < 5:
            scene.mist(0.36 + step * 0.125, 0.56 + step * 0.125, "#dce8e5", 0.6 - step * 0.1)
    return scene.finished()


def mountain_lake():
    scene = Scene(1320, 990, "#4f86b5", "#9cc3d8", "#f0dccb", "#f7c9a8", seed=6)
    scene.ridge(0.58, 0.24, 4, "#9db3c8", 0.45, sharp=True)
    line = scene.ridge(0.60, 0.46, 3, "#566b83", 0.42, sharp=True)
    tongue = scene.noise(60)
    snow = [(x, y + max(0, 0.36 - y) * (0.25 + 0.9 * tongue(place / 400))) for place, (x, y) in enumerate(line)]
    for place in range(388):
        rising = line[place + 12][1] < line[place][1]
        slice = (line[place], line[place + 1], snow[place + 1], snow[place])
        scene.pen.polygon(scene.at(*slice), "#fdf8f2" if rising else "#cdd8e6")
    shore = scene.ridge(0.60, 0.05, 4, "#24423f", 0.4)
    scene.pines(shore, 240, 0.08, "#1c3735")
    scene.water(0.59, "#1c4a5c", 0.34)
    return scene.finished()


def aurora():
    scene = Scene(1320, 880, "#050b1c", "#0a1c33", "#0f3142", "#16424a", seed=2)
    scene.stars(500, 0.7)
    small = Image.new("RGB", (300, 200))
    pen = ImageDraw.Draw(small)
    for curtain in range(3):
        wave = scene.noise(4)
        for x in range(300):
            foot = 110 + curtain * 18 + (wave(x / 300) - 0.5) * 80
            tall = 50 + 50 * scene.random.random()
            for part in range(12):
                color = mixed("#3df0a0", "#5a3bb0", part / 11)
                shade = tuple(int(channel * (1 - part / 12) * 0.55) for channel in color)
                pen.line((x, foot - tall * part / 12, x, foot - tall * (part + 1) / 12), shade)
    light = small.filter(ImageFilter.GaussianBlur(2.4)).resize(scene.image.size, Image.Resampling.BILINEAR)
    scene.image.paste(ImageChops.screen(scene.image, light))
    line = scene.ridge(0.80, 0.16, 4, "#04101a", 0.5)
    scene.pines(line, 60, 0.07, "#04101a")
    scene.water(0.80, "#04141c", 0.45)
    return scene.finished()


def bicycle():
    """Leaning on its kickstand, of course."""
    scene = Scene(1200, 1200, "#f2a65a", "#f7c083", "#fbdcae", "#fdeed3")
    scene.disc(0.55, 0.46, 0.27, "#fff4dc")
    scene.ridge(0.74, 0.10, 2, "#d98f5c", 0.2)
    scene.ridge(0.86, 0.06, 3, "#8e5040", 0.2)
    scene.pen.rectangle((*scene.at((0, 0.79))[0], scene.width, scene.height), "#3a2230")
    ink, back, front, crank, seat, head = (
        "#3a2230",
        (0.33, 0.66),
        (0.71, 0.66),
        (0.49, 0.67),
        (0.44, 0.47),
        (0.65, 0.48),
    )
    for x, y in (back, front):
        left, top, right, bottom = x - 0.13, y - 0.13, x + 0.13, y + 0.13
        scene.pen.ellipse((*scene.at((left, top))[0], *scene.at((right, bottom))[0]), outline=ink, width=22)
        for spoke in range(14):
            turn = spoke * tau / 14
            scene.pen.line(scene.at((x, y), (x + 0.125 * cos(turn), y + 0.125 * sin(turn))), ink, 2)
        scene.disc(x, y, 0.012, ink)
    for bar in ((back, crank, head, (0.47, 0.50)), (back, (0.47, 0.50)), (crank, seat), (front, head, (0.635, 0.42))):
        scene.pen.line(scene.at(*bar), ink, 18, joint="curve")
    scene.pen.line(scene.at((0.635, 0.42), (0.69, 0.405), (0.705, 0.43)), ink, 16, joint="curve")
    scene.pen.line(scene.at((0.395, 0.465), (0.49, 0.46)), ink, 30)
    scene.pen.line(scene.at((0.45, 0.67), (0.40, 0.80)), ink, 12)
    scene.disc(*crank, 0.03, ink)
    return scene.finished()


SCENES = (
    dusk_hills,
    sea_at_noon,
    city_at_night,
    forest_in_fog,
    dunes,
    milky_way,
    mountain_lake,
    aurora,
    bicycle,
)
