"""Draws axial chest pictures that look a little like CT, with lesions whose place is known.

Everything is made of ellipses, lines and smoothed noise in Hounsfield units and then windowed to 0..1; no real image
is involved. Ground-glass patches are the lesions. Vessels, dense dependent lung, emphysema and bone are in every
picture, so that brightness alone does not give the answer.
"""
import numpy as np

WINDOW = (-1100.0, 300.0)  # HU that become 0 and 1
AIR, LUNG, FAT, TISSUE, BLOOD, BONE = -1000.0, -860.0, -100.0, 40.0, 60.0, 420.0


def smooth_noise(rng, size, cells):
    """Zero-mean noise with about `cells` bumps a side, standard deviation 1 at its knots."""
    knots = rng.standard_normal((cells + 3, cells + 3))
    at = np.linspace(0.5, cells + 0.5, size)
    low = at.astype(int)
    part = at - low
    part = part * part * (3 - 2 * part)
    rows = knots[low] * (1 - part)[:, None] + knots[low + 1] * part[:, None]
    return rows[:, low] * (1 - part) + rows[:, low + 1] * part


def ellipse(x, y, cx, cy, rx, ry, angle=0.0):
    """1 inside, 0 outside, and a thin ramp between; distances in the picture's half width."""
    c, s = np.cos(angle), np.sin(angle)
    u, v = (x - cx) * c + (y - cy) * s, -(x - cx) * s + (y - cy) * c
    r = np.sqrt((u / rx) ** 2 + (v / ry) ** 2)
    return np.clip((1 - r) * min(rx, ry) * 60 + 0.5, 0, 1)


def line(x, y, start, angle, length, width):
    dx, dy = np.cos(angle), np.sin(angle)
    along = np.clip((x - start[0]) * dx + (y - start[1]) * dy, 0, length)
    distance = np.hypot(x - start[0] - along * dx, y - start[1] - along * dy)
    return np.clip((width * (1 - 0.6 * along / length) - distance) * 60 + 0.5, 0, 1)


def over(below, value, cover):
    return below + (value - below) * cover


def draw(rng, size, lesions):
    """A picture in 0..1 and its lesion mask (bool), both [size, size]. Coordinates run from -1 to 1."""
    y, x = np.mgrid[0:size, 0:size] * (2.0 / size) + (1.0 / size - 1)
    x = x - rng.uniform(-0.05, 0.05)
    y = y - rng.uniform(-0.05, 0.05)
    scale = rng.uniform(0.9, 1.04)
    x, y = x / scale, y / scale

    picture = np.full((size, size), AIR)
    body = ellipse(x, y, 0, 0.04, 0.93, 0.72)
    picture = over(picture, FAT, body)
    picture = over(picture, TISSUE, ellipse(x, y, 0, 0.04, 0.87, 0.655))

    # Ribs: short bright pieces along an ellipse in the chest wall.
    turn = rng.uniform(0, 0.3)
    for angle in np.arange(0, 2 * np.pi, np.pi / 7) + turn:
        cx, cy = 0.81 * np.cos(angle), 0.04 + 0.6 * np.sin(angle)
        tangent = np.arctan2(0.6 * np.cos(angle), -0.81 * np.sin(angle))
        picture = over(picture, BONE * rng.uniform(0.7, 1), ellipse(x, y, cx, cy, 0.085, 0.026, tangent))

    # Lungs, with what differs from one healthy lung to another.
    wide = rng.uniform(0.93, 1.06)
    right = ellipse(x, y, -0.43, 0.02, 0.315 * wide, 0.5 * rng.uniform(0.92, 1.04), 0.12)
    left = ellipse(x, y, 0.44, 0.03, 0.295 * wide, 0.49 * rng.uniform(0.92, 1.04), -0.14)
    heart = ellipse(x, y, 0.14, -0.14, 0.27 * rng.uniform(0.85, 1.1), 0.225, 0.5)
    spine = ellipse(x, y, 0, 0.43, 0.15, 0.13)
    lung = np.maximum(right, left) * (1 - heart) * (1 - ellipse(x, y, 0, 0.43, 0.19, 0.17))
    dependent = rng.uniform(20, 130) * np.clip(y + 0.1, 0, 1)
    parenchyma = LUNG + rng.uniform(-50, 40) + dependent + 18 * smooth_noise(rng, size, 14)
    for _ in range(rng.integers(0, 4)):  # emphysema: darker holes
        hole = ellipse(x, y, rng.uniform(-0.65, 0.65), rng.uniform(-0.35, 0.4), 0.06, 0.05)
        parenchyma = over(parenchyma, -960, 0.8 * hole)

    # Lesions: patches of ground glass with an uneven edge, most of them in the outer lung.
    patch = np.zeros((size, size))
    placed = 0
    while placed < lesions:
        side = 0.43 * rng.choice([-1, 1])
        angle, far = rng.uniform(0, 2 * np.pi), rng.uniform(0.35, 0.8)
        cx, cy = side + 0.3 * far * np.cos(angle), 0.03 + 0.46 * far * np.sin(angle)
        radius = rng.uniform(0.09, 0.17)
        wobble = 1 + 0.22 * smooth_noise(rng, size, 9)
        u = np.hypot((x - cx) / rng.uniform(0.9, 1.4), y - cy) / (radius * wobble)
        one = np.clip((1 - u) * 3.5, 0, 1)
        if ((one > 0.5) * lung).sum() < 0.6 * (one > 0.5).sum():
            continue  # mostly outside the lung: try elsewhere
        patch = np.maximum(patch, one)
        placed += 1
    density = rng.uniform(330, 470) + 45 * smooth_noise(rng, size, 20)
    parenchyma = parenchyma + patch * density
    picture = over(picture, parenchyma, lung)

    # Vessels from the hilum outwards, some branching, some cut across (dots).
    vessels = np.zeros((size, size))
    for side in (-1, 1):
        hilum = (side * 0.2, 0.03)
        for angle in rng.uniform(-1.25, 1.25, rng.integers(6, 10)):
            direction = angle if side > 0 else np.pi - angle
            length, width = rng.uniform(0.15, 0.42), rng.uniform(0.012, 0.024)
            vessels = np.maximum(vessels, line(x, y, hilum, direction, length, width))
            fork = (hilum[0] + 0.7 * length * np.cos(direction), hilum[1] + 0.7 * length * np.sin(direction))
            vessels = np.maximum(vessels, line(x, y, fork, direction + rng.uniform(-0.9, 0.9), 0.16, width * 0.6))
    for _ in range(rng.integers(14, 26)):
        r = rng.uniform(0.008, 0.018)
        vessels = np.maximum(vessels, ellipse(x, y, rng.uniform(-0.72, 0.72), rng.uniform(-0.42, 0.48), r, r))
    picture = over(picture, BLOOD - 60, 0.85 * vessels * lung)

    picture = over(picture, BLOOD + rng.uniform(-20, 60), heart * body)
    picture = over(picture, BLOOD + 40, ellipse(x, y, 0.13, 0.26, 0.062, 0.062))  # the aorta
    picture = over(picture, AIR, ellipse(x, y, 0, 0.08, 0.03, 0.035))            # the trachea's fork
    picture = over(picture, BONE * 0.8, spine)
    picture = over(picture, TISSUE, ellipse(x, y, 0, 0.5, 0.05, 0.045))          # the spinal canal
    picture = over(picture, BONE, ellipse(x, y, 0, -0.57, 0.13, 0.03))           # the sternum

    picture += rng.uniform(14, 30) * (size / 192.0) * smooth_noise(rng, size, size * 2 // 3)
    shown = np.clip((picture - WINDOW[0]) / (WINDOW[1] - WINDOW[0]), 0, 1)
    return shown, (patch > 0.5) & (lung > 0.5)


def halve(picture):
    """Half the size by means over 2x2: what bilinear half-pixel resizing by two gives."""
    return 0.25 * (picture[0::2, 0::2] + picture[1::2, 0::2] + picture[0::2, 1::2] + picture[1::2, 1::2])
