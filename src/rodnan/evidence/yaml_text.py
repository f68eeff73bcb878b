"""YAML files as plain data: UTF-8, no field twice, no references, of sane size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rodnan.errors import EvidenceError

__all__ = ["read_yaml"]

LARGEST = 20_000_000


def read_yaml(path: Path) -> Any:
    """Read a YAML file.

    Parameters
    ----------
    path
        The file; plain data only. A field given twice, and references (``*name``), are refused.

    Raises
    ------
    EvidenceError
        RDN-E002 when it cannot be read, is too large, is not UTF-8, or is not YAML.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise EvidenceError("RDN-E002", f"is larger than {LARGEST // 1_000_000} MB", where=path.name)
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise EvidenceError("RDN-E002", f"cannot be read ({error.strerror})", where=str(path)) from None
    except UnicodeDecodeError:
        raise EvidenceError("RDN-E002", "is not UTF-8 text", where=path.name) from None
    return parse_yaml(text, path.name)


def parse_yaml(text: str, where: str) -> Any:
    """Parse YAML text; errors as :func:`read_yaml`."""
    import yaml

    try:
        return yaml.load(text, Loader=_loader())
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None)
        reason = (
            problem if isinstance(error, yaml.constructor.ConstructorError) and problem else "is not YAML"
        )
        raise EvidenceError("RDN-E002", f"{reason}{place}", where=where) from None
    except (RecursionError, ValueError) as error:
        reason = "is nested too deeply" if isinstance(error, RecursionError) else f"is not YAML ({error})"
        raise EvidenceError("RDN-E002", reason, where=where) from None


_LOADER: Any = None


def _loader() -> Any:
    """Return the loader class, made once: the compiled one where there is one."""
    global _LOADER
    if _LOADER is not None:
        return _LOADER
    import yaml

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    fault = yaml.constructor.ConstructorError

    class Loader(base):
        """Plain YAML, strict."""

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
            seen: set[str] = set()
            for key, _ in node.value:
                if key.tag == "tag:yaml.org,2002:merge":
                    raise fault(None, None, "merging (<<) is not allowed", key.start_mark)
                if key.value.__class__ is not str:
                    raise fault(None, None, "the name of a field must be plain text", key.start_mark)
                if key.value in seen:
                    raise fault(None, None, f"field {key.value!r} is given twice", key.start_mark)
                seen.add(key.value)
            return super().construct_mapping(node, deep=deep)

        def get_single_node(self) -> Any:
            node = super().get_single_node()
            if self.anchors_used(node):
                raise fault(None, None, "references (&, *) are not allowed", node.start_mark)
            return node

        def anchors_used(self, root: Any) -> bool:
            stack, seen = [root], set[int]()
            while stack:
                node = stack.pop()
                if node is None:
                    continue
                if id(node) in seen:
                    return True
                seen.add(id(node))
                if isinstance(node, yaml.SequenceNode):
                    stack += node.value
                elif isinstance(node, yaml.MappingNode):
                    stack += [part for pair in node.value for part in pair]
            return False

    Loader.yaml_implicit_resolvers = {
        first: [(tag, regexp) for tag, regexp in pairs if tag != "tag:yaml.org,2002:timestamp"]
        for first, pairs in base.yaml_implicit_resolvers.items()
    }
    _LOADER = Loader
    return Loader
