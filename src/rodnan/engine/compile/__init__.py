"""From symbolic equations to compiled kernels."""

from rodnan.engine.compile.cache import cache_directory, load_kernel
from rodnan.engine.compile.lanes import LANES, lane_source
from rodnan.engine.compile.reference import reference_rhs
from rodnan.engine.compile.system import SymbolicSystem

__all__ = ["LANES", "SymbolicSystem", "cache_directory", "lane_source", "load_kernel", "reference_rhs"]
