#!/usr/bin/python3
"""Contact sheet of a phantom cohort, as in docs/phantom.md: a row a study, five heights in the lung window, and the truth.

    narrows phantom cohort/ --studies 16 --seed 1
    scripts/phantom_sheet.py cohort/ docs/images/phantom.png
"""
import csv
import os
import sys

import nibabel
import numpy
from PIL import Image

CELL = 168
SHADES = 32
HEIGHTS = (0.25, 0.36, 0.47, 0.60, 0.75)  # of the scan, from below
# Nothing, right lung, left lung, ground glass, consolidation.
TINTS = (None, (60, 110, 255), (60, 220, 140), (255, 210, 40), (255, 50, 50))


def tint(value, colour):
    return [0.6 * value + 0.4 * v for v in colour] if colour else [value] * 3


def grey(hu):
    return numpy.clip((hu + 1350) / 1500 * 255, 0, 255).astype(numpy.uint8)


def crop(slices):
    """Columns and rows that the body takes."""
    body = (slices > -300).any(axis=2)
    x, y = numpy.flatnonzero(body.any(axis=1)), numpy.flatnonzero(body.any(axis=0))
    side = max(x[-1] - x[0], y[-1] - y[0])
    return [slice(max(0, int(v[0] + v[-1] - side) // 2), int(v[0] + v[-1] + side) // 2) for v in (x, y)]


def main(cohort, out):
    chosen = {}
    with open(os.path.join(cohort, "cohort.csv")) as table:
        for row in csv.DictReader(table):
            chosen.setdefault(row["grade"], row["study"])
    sheet = Image.new("P", (CELL * (len(HEIGHTS) + 1), CELL * len(chosen)))
    sheet.putpalette([int(v) for colour in TINTS for shade in range(SHADES) for v in tint(shade * 255 / (SHADES - 1), colour)])
    for r, grade in enumerate(sorted(chosen)):
        scan, lungs, lesions = (
            nibabel.load(os.path.join(cohort, chosen[grade], name + ".nii.gz")) for name in ("ct", "lungs", "lesions"))
        assert scan.affine[0, 0] < 0 and scan.affine[1, 1] < 0  # shown as stored: right is left, front is up
        scan, lungs, lesions = (numpy.asarray(v.dataobj) for v in (scan, lungs, lesions))
        x, y = crop(scan)
        for c, height in enumerate(HEIGHTS + (0.36,)):
            k = int(height * scan.shape[2])
            cell = numpy.asarray(Image.fromarray(grey(scan[x, y, k].T)).resize((CELL, CELL), Image.LANCZOS))
            index = cell.astype(int) * SHADES // 256
            if c == len(HEIGHTS):
                truth = numpy.where(lesions[x, y, k] > 0, lesions[x, y, k] + 2, lungs[x, y, k]).T
                truth = Image.fromarray(truth.astype(numpy.uint8)).resize((CELL, CELL), Image.NEAREST)
                index += SHADES * numpy.asarray(truth)
            sheet.paste(Image.fromarray(index.astype(numpy.uint8)), (c * CELL, r * CELL))
    sheet.save(out, optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:3])
