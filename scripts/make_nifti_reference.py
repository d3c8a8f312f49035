#!/usr/bin/env python3
"""What nibabel reads from a folder of NIfTI and Analyze files, as facts for tests/unit/test_nifti_corpus.c.

usage: make_nifti_reference.py FOLDER > tests/data/nifti_reference.txt

One line a file, tab-separated: path, then either `refused` and why, or `read`, the dimensions i j k, the
volumes, the volume that was summed, the 12 numbers of the affine's upper rows, the number of voxels that are not
finite, the sum of the finite voxels of that volume as float64, and the SHA-256 of the volume as little-endian
float32, i fastest. Several volumes of a file give several lines. Needs python3-nibabel.
"""
import hashlib
import math
import os
import sys
import warnings

import nibabel
import numpy as np

KNOWN = (nibabel.Nifti1Pair, nibabel.Nifti2Pair, nibabel.Spm2AnalyzeImage)


def lines(path):
    try:
        image = nibabel.load(path)
    except Exception as error:  # every way in which nibabel refuses
        yield ["refused", type(error).__name__]
        return
    if not isinstance(image, KNOWN) or isinstance(image, nibabel.Cifti2Image):
        yield ["refused", type(image).__name__]
        return
    try:
        data = image.get_fdata(dtype=np.float64)
    except Exception as error:
        yield ["refused", type(error).__name__]
        return
    shape = (list(data.shape) + [1, 1, 1])[:3]
    data = data.reshape(shape + [-1], order="F")
    affine = " ".join(repr(float(v)) for v in image.affine[:3].ravel())
    for volume in sorted({0, data.shape[3] - 1}):
        values = np.asfortranarray(data[..., volume]).ravel(order="F")
        finite = np.isfinite(values)
        digest = hashlib.sha256(values.astype("<f4").tobytes()).hexdigest()
        yield ["read", " ".join(map(str, shape)), str(data.shape[3]), str(volume), affine,
               str(int((~finite).sum())), repr(math.fsum(values[finite])), digest]


def main():
    folder = sys.argv[1]
    warnings.simplefilter("ignore")
    paths = sorted(os.path.join(d, f) for d, _, names in os.walk(folder) for f in names)
    for path in paths:
        if not any(path.endswith(e) for e in (".nii", ".nii.gz", ".hdr", ".hdr.gz", ".img", ".img.gz", ".mgz")):
            continue
        for fields in lines(path):
            print("\t".join([os.path.relpath(path, folder)] + fields))


if __name__ == "__main__":
    main()
