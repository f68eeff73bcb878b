"""Build numbalsoda's LSODA into ``build/numbalsoda`` where there is no Fortran compiler.

With gfortran, ``pip install numbalsoda`` is all that is needed. Its LSODA is C++; Fortran serves its DOP853 only,
which the benchmark does not use. This takes the source that pip knows, compiles the two C++ files with the flags of
a release build, and keeps the package's own driver.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

BUILT, VERSION = Path(__file__).resolve().parents[2] / "build" / "numbalsoda", "0.3.4"


def build() -> Path:
    """Download, compile and return the folder to put on the path."""
    with tempfile.TemporaryDirectory() as scratch:
        wanted = ["--no-deps", "--no-binary", "numbalsoda", f"numbalsoda=={VERSION}", "-d", scratch]
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", *wanted], check=True)
        with tarfile.open(next(Path(scratch).glob("*.tar.gz"))) as archive:
            archive.extractall(scratch, filter="data")
        source = Path(scratch) / f"numbalsoda-{VERSION}"
        package = BUILT / "numbalsoda"
        package.mkdir(parents=True, exist_ok=True)
        flags = ["-O3", "-DNDEBUG", "-fPIC", "-shared", "-std=c++11"]
        files = [str(source / "src" / name) for name in ("LSODA.cpp", "wrapper.cpp")]
        subprocess.run(["c++", *flags, *files, "-o", str(package / "liblsoda.so")], check=True)
        (package / "driver.py").write_bytes((source / "numbalsoda" / "driver.py").read_bytes())
        names = "lsoda_sig, lsoda, address_as_void_pointer"
        (package / "__init__.py").write_text(f"from .driver import {names}\n\n__version__ = {VERSION!r}\n")
    return BUILT


if __name__ == "__main__":
    print(build())
