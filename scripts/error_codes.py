"""Find every error code in the source: its class, its messages, the modules that raise it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1] / "src" / "rodnan"
CODE = re.compile(r"RDN-[A-Z]\d{3}")


@dataclass
class ErrorCode:
    """What the source says about one code.

    Attributes
    ----------
    classes
        Error classes that are raised with it.
    messages
        Its messages; ``…`` stands for what depends on the case.
    modules
        Modules that use it, as paths below the package.
    meaning
        What a docstring of those modules says about it, or nothing.
    """

    classes: set[str] = field(default_factory=set)
    messages: set[str] = field(default_factory=set)
    modules: set[str] = field(default_factory=set)
    meaning: str = ""

    def described(self) -> str:
        """Return its messages, or its meaning where a message depends on the case altogether."""
        return "; ".join(sorted(self.messages)) or self.meaning


def error_codes(source: Path = SOURCE) -> dict[str, ErrorCode]:
    """Return every error code that the code of the package uses, in order.

    Parameters
    ----------
    source
        Folder of the package.

    Returns
    -------
    dict
        Code -> what is known about it. Codes in docstrings do not count.
    """
    found: dict[str, ErrorCode] = {}
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(source.rglob("*.py"))}
    for path, tree in trees.items():
        for code, class_name, message in _uses(tree):
            entry = found.setdefault(code, ErrorCode())
            entry.modules.add(path.relative_to(source).as_posix())
            if class_name:
                entry.classes.add(class_name)
            if message and re.search("[a-z]{3}", message):
                entry.messages.add(message)
    for read in (_tables, _lists):
        for code, meaning in (pair for tree in trees.values() for pair in read(tree)):
            if code in found and not found[code].meaning:
                found[code].meaning = meaning
    return dict(sorted(found.items()))


def documented_codes(source: Path = SOURCE) -> dict[str, set[str]]:
    """Return every code that docstrings and comments name, with the modules that name it."""
    found: dict[str, set[str]] = {}
    for path in sorted(source.rglob("*.py")):
        for code in CODE.findall(path.read_text(encoding="utf-8")):
            found.setdefault(code, set()).add(path.relative_to(source).as_posix())
    return found


def _uses(tree: ast.AST) -> Iterator[tuple[str, str | None, str | None]]:
    """Yield code, class and message of every use in a module."""
    seen: set[int] = set()
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        for position, argument in enumerate(call.args):
            for constant in _codes(argument):
                seen.add(id(constant))
                name = ast.unparse(call.func)
                yield constant.value, name if name.endswith("Error") else None, _message(call, position)
    for node in ast.walk(tree):  # a code in a table, or at the start of a finished line
        text = _text(node)
        if text and id(node) not in seen and (match := CODE.match(text)):
            message = text[match.end() :].strip()
            if not message or text[match.end()] == " ":
                yield match[0], None, message or None


def _tables(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield code and meaning from lines "RDN-X000  meaning" of docstrings."""
    for text in _docstrings(tree):
        for match in re.finditer(rf"^({CODE.pattern}) +(.+)$", text, re.MULTILINE):
            yield match[1], match[2].strip()


def _lists(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield code and meaning from "``RDN-X000`` meaning" within the sentences of docstrings."""
    for text in _docstrings(tree):
        waiting: list[str] = []
        for match in re.finditer(rf"``({CODE.pattern})``,?([^`.]*)", " ".join(text.split())):
            waiting.append(match[1])
            if meaning := match[2].strip(" ,;"):
                yield from ((code, meaning) for code in waiting)
                waiting.clear()


def _docstrings(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            yield ast.get_docstring(node) or ""


def _codes(node: ast.AST) -> Iterator[ast.Constant]:
    """Yield the codes in an argument: itself, or both sides of a condition."""
    if isinstance(node, ast.IfExp):
        yield from _codes(node.body)
        yield from _codes(node.orelse)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.fullmatch(node.value):
        yield node


def _message(call: ast.Call, position: int) -> str | None:
    """Return the first sentence after the code."""
    for argument in call.args[position + 1 :]:
        text = _text(argument)
        if text and " " in text.strip():
            return " ".join(text.split())
    return None


def _text(node: ast.AST) -> str | None:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
    return None
