"""Generated kernels on disk: written once per version of the equations, loaded without SymPy or a compiler after that."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType

from rodnan.engine.files import write_whole
from rodnan.errors import EngineError

__all__ = ["cache_directory", "load_kernel", "source_key"]


def cache_directory() -> Path:
    """Return the folder of generated kernels: ``RODNAN_CACHE``, or ``rodnan`` in the user's cache folder."""
    chosen = os.environ.get("RODNAN_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rodnan"


def source_key(paths: Iterable[Path], *extra: str) -> str:
    """Return the hash of source files and words: the key of everything generated from them."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    for word in extra:
        digest.update(word.encode() + b"\0")
    return digest.hexdigest()[:24]


def load_kernel(name: str, key: str, build: Callable[[], str]) -> ModuleType:
    """Load the generated module `name` of version `key`, generating its source if it is not there yet.

    Parameters
    ----------
    name
        Name of the kernel, for people who look into the folder.
    key
        Hash of everything the source depends on.
    build
        Returns the source; called only when the file is missing.

    Returns
    -------
    module
        The imported module; numba stores its machine code beside the file.

    Raises
    ------
    EngineError
        RDN-N002 when the folder cannot be written.
    """
    module_name = f"rodnan_kernel_{name}_{key}"
    if module_name in sys.modules:
        return sys.modules[module_name]
    path = cache_directory() / "kernels" / f"{module_name}.py"
    if not path.exists():
        _write(path, build())
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise EngineError("RDN-N002", "the kernel cache cannot be read", where=str(path))
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    spec.loader.exec_module(module)
    return module


def _write(path: Path, source: str) -> None:
    try:
        write_whole(path, source.encode("utf-8"))
    except OSError as error:
        raise EngineError(
            "RDN-N002",
            f"the kernel cache cannot be written ({error.strerror}); set RODNAN_CACHE to a writable folder",
            where=str(path.parent),
        ) from None
