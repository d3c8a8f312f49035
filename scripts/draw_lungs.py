#!/usr/bin/python3
"""Drawing of the lungs found in real scans, as in docs/results/lungs.md: contours of the scan, no pixel of it.

    for p in LIDC-IDRI-0001 LIDC-IDRI-0002 LIDC-IDRI-0003; do
        narrows quantify model.onnx series/$p --window=-1350,150 --stats-from series/$p --stats-limit 2 --gate 1 -o found/$p
    done
    scripts/draw_lungs.py series/ found/ docs/results/lungs-real.png

A row a patient, four slices from the lowest to the highest. Lines are where the HU of the slice, smoothed, cross a
level: -400 (skin, and the edge of lung and airways), -100 (vessels, soft tissue against fat), 200 (bone, contrast medium).
The lungs are filled: right blue, left green.
"""
import os
import sys

import nibabel
import numpy
import pydicom
from PIL import Image, ImageDraw, ImageFont

CELL, MARGIN, TOP, FOOT, SCALE, COLUMNS = 460, 14, 26, 62, 3, 4
FIELD = 385.0  # mm across a cell
LEVELS = ((-100, (175, 175, 175), 3), (-400, (90, 90, 90), 3), (200, (150, 105, 50), 4))
SIDES = {1: (60, 110, 255), 2: (40, 180, 110)}
CREDIT = ("Contours of scans of LIDC-IDRI (Armato et al., Medical Physics 38(2):915-931, 2011), The Cancer Imaging Archive,",
          "doi 10.7937/K9/TCIA.2015.LO9QL9SX, CC BY 3.0. Drawn by scripts/draw_lungs.py; the lungs are those that Narrows found.")


def read_series(folder):
    """HU [slice][row][column] from the lowest up, as DICOM stores rows and columns; mm of a pixel, z of the slices."""
    slices = []
    for name in os.listdir(folder):
        if name.endswith(".dcm"):
            slices.append(pydicom.dcmread(os.path.join(folder, name)))
    slices.sort(key=lambda s: float(s.ImagePositionPatient[2]))
    assert all([float(v) for v in s.ImageOrientationPatient] == [1, 0, 0, 0, 1, 0] for s in slices)
    hu = numpy.stack([s.pixel_array * float(s.RescaleSlope) + float(s.RescaleIntercept) for s in slices])
    return numpy.maximum(hu, -1024), [float(v) for v in slices[0].PixelSpacing], [float(s.ImagePositionPatient[2]) for s in slices]


def read_lungs(path, z):
    """Labels in the same order: columns to the patient's left, rows to the back."""
    image = nibabel.as_closest_canonical(nibabel.load(path))  # right, front, up
    labels = numpy.asarray(image.dataobj).round().astype(numpy.uint8)
    assert image.shape[2] == len(z) and abs(image.affine[2, 3] - z[0]) < 0.01
    return labels[::-1, ::-1].transpose(2, 1, 0)


def smooth(a, times):
    for _ in range(times):
        for axis in (0, 1):
            a = (numpy.roll(a, 1, axis) + 2 * a + numpy.roll(a, -1, axis)) / 4
    return a


def segments(a, level):
    """Marching squares: pieces of the level's line, from edge to edge of every square of four pixels."""
    above = a > level
    case = above[:-1, :-1] + 2 * above[:-1, 1:] + 4 * above[1:, 1:] + 8 * above[1:, :-1]
    for y, x in zip(*numpy.nonzero((case > 0) & (case < 15))):
        corners = ((y, x), (y, x + 1), (y + 1, x + 1), (y + 1, x))
        cut = []
        for i in range(4):
            p, q = corners[i], corners[(i + 1) % 4]
            u, v = a[p], a[q]
            if (u > level) != (v > level):
                t = (level - u) / (v - u)
                cut.append((p[1] + t * (q[1] - p[1]), p[0] + t * (q[0] - p[0])))
        for i in range(0, len(cut) - 1, 2):
            yield cut[i], cut[i + 1]


def body_middle(hu, pixel):
    """Middle of the tissue that is in wide runs, in pixels."""
    tissue = smooth(hu, 3) > -300
    x, y = numpy.flatnonzero(tissue.sum(0) * pixel[0] > 60), numpy.flatnonzero(tissue.sum(1) * pixel[1] > 100)
    return (x[0] + x[-1]) / 2, (y[0] + y[-1]) / 2


def draw_cell(hu, labels, pixel, middle):
    size = CELL * SCALE
    step = size / FIELD  # drawn pixels a mm
    place = lambda x, y: ((x - middle[0]) * pixel[1] * step + size / 2, (y - middle[1]) * pixel[0] * step + size / 2)
    cell = Image.new("RGB", (size, size), "white")
    for side, colour in SIDES.items():
        # The mask's own voxels, edges and all.
        (x0, y0), (x1, y1) = place(-0.5, -0.5), place(labels.shape[1] - 0.5, labels.shape[0] - 0.5)
        mask = Image.fromarray(((labels == side) * 84).astype(numpy.uint8)).resize((round(x1 - x0), round(y1 - y0)), Image.NEAREST)
        cell.paste(colour, (round(x0), round(y0)), mask)
    pen = ImageDraw.Draw(cell)
    softened = smooth(hu, 3)
    for level, colour, width in LEVELS:
        for p, q in segments(softened, level):
            pen.line((place(*p), place(*q)), fill=colour, width=width)
    for side, colour in SIDES.items():
        for p, q in segments((labels == side).astype(float), 0.5):
            pen.line((place(*p), place(*q)), fill=colour, width=4)
    return cell.resize((CELL, CELL), Image.LANCZOS)


def main(series, found, out):
    names = sorted(n for n in os.listdir(found) if os.path.isfile(os.path.join(found, n, "lungs.nii.gz")))
    height = CELL * 3 // 4
    sheet = Image.new("RGB", (COLUMNS * CELL + 2 * MARGIN, len(names) * (height + TOP) + FOOT + 2 * MARGIN), "white")
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.truetype("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", 14) if os.path.exists(
        "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf") else ImageFont.load_default()
    for r, name in enumerate(names):
        hu, pixel, z = read_series(os.path.join(series, name))
        lungs = read_lungs(os.path.join(found, name, "lungs.nii.gz"), z)
        middle = body_middle(hu[len(hu) // 2], pixel)
        top = MARGIN + r * (height + TOP)
        for c, k in enumerate(numpy.linspace(0, len(hu) - 1, COLUMNS).round().astype(int)):
            cell = draw_cell(hu[k], lungs[k], pixel, middle)
            sheet.paste(cell.crop((0, (CELL - height) // 2, CELL, (CELL - height) // 2 + height)), (MARGIN + c * CELL, top + TOP))
            pen.text((MARGIN + c * CELL + 6, top + 4), "%s, z = %g mm" % (name, z[k]), fill=(60, 60, 60), font=font)
    y = sheet.size[1] - FOOT - MARGIN + 6
    pen.text((MARGIN + 6, y), "The patient's right is on the left.  Filled: right lung blue, left lung green.  Lines: -400 HU dark grey, "
             "-100 HU light grey, 200 HU brown.", fill=(60, 60, 60), font=font)
    for i, line in enumerate(CREDIT):
        pen.text((MARGIN + 6, y + 20 * (i + 1)), line, fill=(60, 60, 60), font=font)
    sheet.quantize(32, dither=Image.Dither.NONE if hasattr(Image, "Dither") else 0).save(out, optimize=True)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
