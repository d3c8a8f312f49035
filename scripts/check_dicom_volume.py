#!/usr/bin/env python3
"""Compares a volume that Narrows read from a DICOM series, and wrote as NIfTI, with what others make of the series.

usage: check_dicom_volume.py FOLDER NIFTI [--loose]

FOLDER holds one series of single-frame images. pydicom gives position and value of every pixel by the equation of
PS3.3, C.7.6.2.1.1; dcm2niix converts the series itself and nibabel reads the result (values and places of every
voxel); nibabel reads NIFTI. Pixels with the padding value of the header are wanted as -1024.
--loose: without dcm2niix, for series that it corrects or refuses.

Exit code 0: the same places to 0.001 mm and the same values. 1: not, and why on stderr. 77: a program is missing.
"""
import os
import shutil
import subprocess
import sys
import tempfile

try:
    import nibabel
    import numpy as np
    import pydicom
except ImportError:
    sys.exit(77)

PADDED = -1024


def values_and_padding(ds):
    raw = ds.pixel_array.astype(np.int32)
    hu = (raw * float(ds.get("RescaleSlope", 1)) + float(ds.get("RescaleIntercept", 0))).astype(np.float32)
    if "PixelPaddingValue" not in ds:
        return hu, np.zeros(hu.shape, bool)
    padding = int(ds.PixelPaddingValue)
    if ds.PixelRepresentation == 1 and padding >= 32768:
        padding -= 65536
    return hu, raw == padding


def at(affine, data, world):
    """The voxels of data at world points [3, n], RAS; and how far from a voxel's centre the worst one is, in mm."""
    inside = np.linalg.inv(affine) @ np.vstack([world, np.ones(world.shape[1])])
    index = np.rint(inside[:3]).astype(int)
    off = np.abs((affine[:3, :3] @ (inside[:3] - index))).max()
    if (index < 0).any() or (index >= np.array(data.shape)[:, None]).any():
        raise SystemExit("a voxel lies outside the volume")
    return data[index[0], index[1], index[2]], off


def compare_with_pydicom(folder, affine, data):
    flip = np.array([-1, -1, 1])
    count = 0
    for name in sorted(os.listdir(folder)):
        try:
            ds = pydicom.dcmread(os.path.join(folder, name))
            hu, padded = values_and_padding(ds)
        except (pydicom.errors.InvalidDicomError, AttributeError):
            continue
        origin = np.array(ds.ImagePositionPatient, float)
        row, column = np.array(ds.ImageOrientationPatient[:3], float), np.array(ds.ImageOrientationPatient[3:], float)
        between_rows, between_columns = map(float, ds.PixelSpacing)
        r, c = np.meshgrid(np.arange(hu.shape[0]), np.arange(hu.shape[1]), indexing="ij")
        lps = origin[:, None] + np.outer(row * between_columns, c.ravel()) + np.outer(column * between_rows, r.ravel())
        found, off = at(affine, data, flip[:, None] * lps)
        wanted = np.where(padded, PADDED, hu).ravel()
        if off > 1e-3:
            raise SystemExit("pydicom: places differ by %g mm" % off)
        if not np.array_equal(found, wanted):
            raise SystemExit("pydicom: %d values of a slice differ" % (found != wanted).sum())
        count += 1
    if count != data.shape[2]:
        raise SystemExit("%d images for %d slices" % (count, data.shape[2]))
    return count


def compare_with_dcm2niix(folder, affine, data):
    if not shutil.which("dcm2niix"):
        sys.exit(77)
    with tempfile.TemporaryDirectory() as out:
        subprocess.run(["dcm2niix", "-b", "n", "-z", "n", "-f", "scan", "-o", out, folder], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        made = [name for name in os.listdir(out) if name.endswith(".nii")]
        if len(made) != 1:
            raise SystemExit("dcm2niix made %d files" % len(made))
        image = nibabel.load(os.path.join(out, made[0]))
        theirs = image.get_fdata(dtype=np.float32)
        index = np.indices(theirs.shape).reshape(3, -1)
        found, off = at(affine, data, nibabel.affines.apply_affine(image.affine, index.T).T)
    if off > 1e-3:
        raise SystemExit("dcm2niix: places differ by %g mm" % off)
    wanted = theirs.ravel()
    # What lies below the scale of HU was padding, which pydicom's comparison covers to the pixel.
    same = (found == wanted) | ((wanted < PADDED) & (found == PADDED))
    if not same.all():
        raise SystemExit("dcm2niix: %d values differ" % (~same).sum())


def main():
    folder, written = sys.argv[1:3]
    image = nibabel.load(written)
    data = image.get_fdata(dtype=np.float32)
    for form in ("qform", "sform"):
        theirs, code = getattr(image, "get_" + form)(coded=True)
        if code != 1 or np.abs(theirs - image.affine).max() > 1e-3:
            raise SystemExit("the %s is not the affine, or its code %d is not that of a scanner" % (form, code))
    count = compare_with_pydicom(folder, image.affine, data)
    if "--loose" not in sys.argv:
        compare_with_dcm2niix(folder, image.affine, data)
    print("%d slices: places and values as pydicom%s" % (count, "" if "--loose" in sys.argv else " and dcm2niix"))


if __name__ == "__main__":
    main()
