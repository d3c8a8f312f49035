#!/usr/bin/env python3
"""Compares a map with the scan whose geometry it must have, as nibabel sees both (tests/unit/test_nifti_written.c).

usage: check_nifti_map.py SCAN MAP

Exit code 0: the same grid, affine, qform and sform with their codes, spacing and units; float32 voxels that equal the
first volume of the scan. 1: not, and the difference on stderr. 77: nibabel is not installed.
"""
import sys

try:
    import nibabel
    import numpy as np
except ImportError:
    sys.exit(77)


def main():
    scan, written = (nibabel.load(path) for path in sys.argv[1:3])
    shape = (list(scan.shape) + [1, 1, 1])[:3]
    first = scan.get_fdata().reshape(shape + [-1], order="F")[..., 0]
    nifti = isinstance(scan.header, nibabel.Nifti1Header)
    checks = [
        ("type", written.get_data_dtype() == np.float32),
        ("shape", list(written.shape) == shape),
        ("affine", np.allclose(scan.affine, written.affine, rtol=1e-6, atol=1e-5)),
        ("voxels", np.array_equal(first.astype(np.float32), written.get_fdata(dtype=np.float32))),
        ("slope", written.header.get_slope_inter() in [(1, 0), (None, None)]),
        ("intent", written.header.get_intent()[0] == "none"),
        ("description", bytes(written.header["descrip"]).startswith(b"bits per voxel")),
    ]
    if nifti:
        for form in ("qform", "sform"):
            theirs, code = getattr(scan, "get_" + form)(coded=True)
            ours, written_code = getattr(written, "get_" + form)(coded=True)
            checks.append((form + " code", code == written_code))
            checks.append((form, theirs is None or np.array_equal(theirs, ours)))
        checks.append(("spacing", np.array_equal(scan.header["pixdim"][:4], written.header["pixdim"][:4])))
        units = scan.header.get_xyzt_units()[0]
        checks.append(("units", written.header.get_xyzt_units()[0] == ("mm" if units == "unknown" else units)))
    failed = [name for name, good in checks if not good]
    if failed:
        sys.exit("%s: differs from the scan in %s" % (sys.argv[2], ", ".join(failed)))


if __name__ == "__main__":
    main()
