"""Manners, patience, cache and refusal of the transports, without a network and without waiting."""

from __future__ import annotations

from itertools import pairwise

import pytest

from rodnan.errors import SourceError
from rodnan.evidence.readers.pubmed import PubMed
from rodnan.evidence.readers.transport import (
    CachedTransport,
    FakeTransport,
    PoliteTransport,
    Response,
    UrllibTransport,
    is_offline,
)

URL = "https://example.invalid/x"


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self):
        self.now, self.slept = 100.0, []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


def polite(answers, **more):
    clock = Clock()
    fake = FakeTransport({URL: answers})
    return PoliteTransport(fake, clock=clock, sleep=clock.sleep, **more), fake, clock


def test_no_more_than_three_requests_in_a_second():
    transport, fake, clock = polite(b"ok")
    times = []
    for _ in range(7):
        transport.get(URL)
        times.append(clock.now)
    assert len(fake.asked) == 7
    assert all(later - earlier >= 1 / 3 - 1e-9 for earlier, later in pairwise(times))
    assert clock.now - 100.0 == pytest.approx(2.0)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_waits_double_after_busy_answers(status):
    transport, fake, clock = polite([Response(status, b""), Response(status, b""), Response(200, b"ok")])
    assert transport.get(URL).body == b"ok"
    assert len(fake.asked) == 3
    first, second = (s for s in clock.slept if s > 0.5)
    assert 1.0 <= first <= 1.1
    assert 2.0 <= second <= 2.2


def test_retry_after_is_obeyed_within_bounds():
    transport, _, clock = polite([Response(429, b"", {"retry-after": "7"}), Response(200, b"ok")])
    transport.get(URL)
    assert 7.0 in clock.slept
    transport, _, clock = polite([Response(429, b"", {"retry-after": "86400"}), Response(200, b"ok")])
    transport.get(URL)
    assert max(clock.slept) == 60.0


def test_patience_ends_and_gives_the_last_answer():
    transport, fake, _ = polite(Response(503, b""), attempts=3)
    assert transport.get(URL).status == 503
    assert len(fake.asked) == 3


def test_other_errors_are_not_repeated():
    transport, fake, _ = polite(Response(404, b""))
    assert transport.get(URL).status == 404
    assert len(fake.asked) == 1


def test_cache_answers_while_fresh_and_when_the_network_is_away(tmp_path):
    now = [1_000_000.0]
    fake = FakeTransport({URL: b"first"})
    cached = CachedTransport(fake, tmp_path / "cache", fresh_days=1, now=lambda: now[0])
    assert cached.get(URL).body == b"first"
    fake.answers[URL] = b"second"
    now[0] += 3600
    assert cached.get(URL).body == b"first"
    assert len(fake.asked) == 1
    now[0] += 86400 * 2
    assert cached.get(URL).body == b"second"
    fake.answers.clear()
    now[0] += 86400 * 30
    old = cached.get(URL)
    assert old.body == b"second"
    assert old.age_days == pytest.approx(30)


def test_cache_does_not_keep_errors_and_ignores_damage(tmp_path):
    fake = FakeTransport({URL: [Response(500, b"no"), Response(200, b"yes")]})
    cached = CachedTransport(fake, tmp_path)
    assert cached.get(URL).status == 500
    assert cached.get(URL).body == b"yes"
    (body,) = tmp_path.glob("*.body")
    body.write_bytes(b"tampered")
    fake.answers[URL] = b"again"
    assert cached.get(URL).body == b"again"


def test_a_cache_that_cannot_be_written(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    cached = CachedTransport(FakeTransport({URL: b"ok"}), blocked / "cache")
    with pytest.raises(SourceError, match="RDN-S134"):
        cached.get(URL)


def test_silence_is_told_from_bad_answers():
    with pytest.raises(SourceError) as silent:
        FakeTransport().get(URL)
    assert is_offline(silent.value)
    with pytest.raises(SourceError) as bad:
        list(PubMed(FakeTransport({"https://": Response(400, b"")})).fetch(["1"], on_problem=pytest.fail))
    assert bad.value.code == "RDN-S131"
    assert not is_offline(bad.value)


@pytest.mark.parametrize("url", ["http://example.invalid/", "file:///etc/hostname", "ftp://example.invalid/"])
def test_only_https_is_fetched(url):
    with pytest.raises(SourceError, match="RDN-S133"):
        UrllibTransport().get(url)


def test_a_host_that_does_not_exist_is_silence():
    with pytest.raises(SourceError) as error:
        UrllibTransport(timeout=2).get("https://127.0.0.1:9/nothing")
    assert is_offline(error.value)


def test_messages_do_not_carry_whole_addresses():
    with pytest.raises(SourceError) as error:
        FakeTransport().get("https://example.invalid/path?api_key=secret")
    assert "secret" not in str(error.value)
    assert "example.invalid" in str(error.value)
