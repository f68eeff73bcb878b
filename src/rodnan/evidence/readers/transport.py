"""How readers reach the network: one method, injected, so that tests and offline use need no network.

A transport is anything with ``get(url) -> Response``. The default one is three wrapped in each other: a
cache on disk, manners (a limit of three requests a second, and patience after 429 and 5xx answers), and
``urllib``.
"""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from rodnan.errors import SourceError

__all__ = [
    "CachedTransport",
    "FakeTransport",
    "PoliteTransport",
    "Response",
    "Transport",
    "UrllibTransport",
    "default_transport",
    "is_offline",
]

_RETRIED = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Response:
    """An answer.

    Parameters
    ----------
    status
        HTTP status.
    body
        Bytes of the body.
    headers
        Header names in lower case.
    age_days
        Age of a cached answer in days; 0 for a fresh one.
    """

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    age_days: float = 0.0


class Transport(Protocol):
    """Fetches a URL."""

    def get(self, url: str) -> Response:
        """Return the answer, whatever its status; raise SourceError ``RDN-S130`` when nothing answers."""
        ...


@dataclass(frozen=True, slots=True)
class UrllibTransport:
    """Plain HTTPS through the standard library.

    Parameters
    ----------
    timeout
        Seconds.
    max_bytes
        Largest body.
    """

    timeout: float = 20.0
    max_bytes: int = 64 << 20

    def get(self, url: str) -> Response:
        """Fetch `url` (https only).

        Raises
        ------
        SourceError
            ``RDN-S130`` no answer (no network, no such host, time-out), ``RDN-S132`` body too large or cut
            off, ``RDN-S133`` not an https address.
        """
        import http.client
        import urllib.error
        import urllib.request

        if not url.startswith("https://"):
            raise SourceError("RDN-S133", "only https addresses are fetched", where=_site(url))
        request = urllib.request.Request(url, headers={"User-Agent": "rodnan (evidence reader)"})
        try:
            with urllib.request.urlopen(request, timeout=self.timeout) as answer:
                body = answer.read(self.max_bytes + 1)
                status, headers = answer.status, answer.headers
        except urllib.error.HTTPError as error:
            body, status, headers = b"", error.code, error.headers
        except http.client.IncompleteRead:
            raise SourceError("RDN-S132", "the answer was cut off", where=_site(url)) from None
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise SourceError("RDN-S130", f"no answer from the source ({reason})", where=_site(url)) from None
        if len(body) > self.max_bytes:
            raise SourceError(
                "RDN-S132", f"the answer is larger than {self.max_bytes} bytes", where=_site(url)
            )
        return Response(status, body, {k.lower(): v for k, v in headers.items()})


@dataclass(slots=True)
class PoliteTransport:
    """Limits the rate and waits after "too many requests" and server errors.

    Parameters
    ----------
    inner
        The transport that is slowed down.
    per_second
        Most requests in a second (NCBI allows three without a key).
    attempts
        Most tries of one request.
    first_wait, longest_wait
        Seconds of the first wait and bound of any wait; waits double, with a little chance so that many
        clients do not come back together. A ``Retry-After`` header is obeyed up to the bound.
    clock, sleep
        Replaced in tests.
    """

    inner: Transport
    per_second: float = 3.0
    attempts: int = 5
    first_wait: float = 1.0
    longest_wait: float = 60.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _next: float = 0.0

    def get(self, url: str) -> Response:
        """Fetch `url` politely; the last answer is returned even if it is an error status."""
        wait = self.first_wait
        for attempt in range(self.attempts):
            self._keep_rate()
            answer = self.inner.get(url)
            if answer.status not in _RETRIED or attempt == self.attempts - 1:
                return answer
            asked = answer.headers.get("retry-after", "")
            pause = float(asked) if asked.isdigit() else wait * (1 + 0.1 * random.random())
            self.sleep(min(pause, self.longest_wait))
            wait *= 2
        raise AssertionError("unreachable: attempts is at least 1")

    def _keep_rate(self) -> None:
        now = self.clock()
        if now < self._next:
            self.sleep(self._next - now)
            now = max(self._next, self.clock())
        self._next = now + 1.0 / self.per_second


@dataclass(frozen=True, slots=True)
class CachedTransport:
    """Keeps good answers on disk; gives an old one when the network is away.

    Parameters
    ----------
    inner
        Asked when the cache has nothing fresh.
    folder
        Where answers are kept, one pair of files each.
    fresh_days
        Younger answers are given without asking.
    now
        Seconds since the epoch; replaced in tests.
    """

    inner: Transport
    folder: Path
    fresh_days: float = 1.0
    now: Callable[[], float] = time.time

    def get(self, url: str) -> Response:
        """Fetch `url` from the cache when fresh, else from `inner`, else from the cache however old."""
        kept = self._kept(url)
        if kept is not None and kept.age_days <= self.fresh_days:
            return kept
        try:
            answer = self.inner.get(url)
        except SourceError as error:
            if kept is not None and is_offline(error):
                return kept
            raise
        if answer.status == 200:
            self._keep(url, answer)
        return answer

    def _paths(self, url: str) -> tuple[Path, Path]:
        name = hashlib.sha256(url.encode()).hexdigest()[:32]
        return self.folder / f"{name}.json", self.folder / f"{name}.body"

    def _kept(self, url: str) -> Response | None:
        about, body = self._paths(url)
        try:
            facts = json.loads(about.read_text(encoding="utf-8"))
            data = body.read_bytes()
            if facts["url"] != url or facts["sha256"] != hashlib.sha256(data).hexdigest():
                return None
            age = max(self.now() - float(facts["time"]), 0.0) / 86400.0
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return Response(200, data, {}, age)

    def _keep(self, url: str, answer: Response) -> None:
        about, body = self._paths(url)
        facts = {"url": url, "time": self.now(), "sha256": hashlib.sha256(answer.body).hexdigest()}
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for path, data in ((body, answer.body), (about, json.dumps(facts).encode())):
                fresh = path.with_suffix(path.suffix + ".new")
                fresh.write_bytes(data)
                fresh.replace(path)
        except OSError as error:
            reason = error.strerror or str(error)
            raise SourceError(
                "RDN-S134", f"the cache cannot be written ({reason})", where=str(self.folder)
            ) from None


@dataclass(slots=True)
class FakeTransport:
    """Answers from recorded responses; everything else is "no answer". For tests and for work without a
    network.

    Parameters
    ----------
    answers
        URL, or the beginning of one, to body, `Response`, or a list of them given one after the other.
    asked
        The URLs asked for, in order.
    """

    answers: dict[str, bytes | Response | list[Response]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def get(self, url: str) -> Response:
        """Give the recorded answer with the longest matching beginning, or raise ``RDN-S130``."""
        self.asked.append(url)
        matching = [key for key in self.answers if url.startswith(key)]
        if not matching:
            raise SourceError("RDN-S130", "no answer from the source (nothing is recorded)", where=_site(url))
        answer = self.answers[max(matching, key=len)]
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        return answer if isinstance(answer, Response) else Response(200, answer)


def default_transport(cache: Path | None = None) -> Transport:
    """Return the transport of the command line: cached (where a folder is given), polite, HTTPS."""
    polite = PoliteTransport(UrllibTransport())
    return CachedTransport(polite, cache) if cache is not None else polite


def is_offline(error: SourceError) -> bool:
    """True when the error means that nothing answered, not that the answer was bad."""
    return error.code == "RDN-S130"


def _site(url: str) -> str:
    """Scheme and host of an address: what may stand in a message."""
    return "/".join(url.split("/", 3)[:3])
