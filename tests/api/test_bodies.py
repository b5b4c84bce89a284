"""A body as it comes in, piece by piece: compressed, too large, damaged."""

from __future__ import annotations

import gzip
import tracemalloc
from typing import Any

import pytest

from airflow_provider_mailersend.api.bodies import LARGEST_BODY, Body, BodyError

TEXT = b'{"data": []}' * 100


def fed(encoding: str | None, *pieces: bytes) -> bytes:
    body = Body(encoding)
    for piece in pieces:
        body.feed(piece)
    return body.whole()


@pytest.mark.parametrize("encoding", [None, "", "identity", " Identity ,"])
def test_a_body_that_is_not_compressed_is_its_pieces(encoding: str | None) -> None:
    assert fed(encoding, b"ab", b"", b"c") == b"abc"
    assert fed(encoding) == b""


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", " GZIP", "identity, gzip"])
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_compressed_body_is_read_in_pieces_of_any_size(encoding: str, size: int) -> None:
    zipped = gzip.compress(TEXT)
    pieces = [zipped[at : at + size] for at in range(0, len(zipped), size)]
    assert fed(encoding, *pieces) == TEXT


def test_a_compressed_body_may_have_several_members() -> None:
    assert fed("gzip", gzip.compress(TEXT) + gzip.compress(b"more"), gzip.compress(b"!")) == TEXT + b"more!"


def test_where_nothing_came_nothing_is_cut_off() -> None:
    assert fed("gzip") == b""
    assert fed("gzip", b"", b"") == b""


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "gzip, br", "x-gzip, gzip"])
def test_another_encoding_is_refused_for_good(encoding: str) -> None:
    with pytest.raises(BodyError, match=f"Content-Encoding '{encoding}'") as caught:
        Body(encoding)
    assert caught.value.may_pass is False


def test_an_encoding_is_told_short_and_masked() -> None:
    with pytest.raises(BodyError, match=r"Content-Encoding 'mlsn\.\*\*\* x{32}', although"):
        Body("mlsn.0123456789ab " + 100 * "x")


@pytest.mark.parametrize(
    ("pieces", "problem"),
    [
        ([gzip.compress(TEXT)[:-3]], "is cut off"),
        ([gzip.compress(TEXT)[:3], b""], "is cut off"),
        ([b"no gzip"], "is broken"),
        ([gzip.compress(TEXT) + b"no gzip"], "is broken"),
    ],
)
def test_what_was_damaged_on_its_way_may_pass_the_next_time(pieces: Any, problem: str) -> None:
    with pytest.raises(BodyError, match=problem) as caught:
        fed("gzip", *pieces)
    assert caught.value.may_pass is True


@pytest.mark.parametrize("encoding", [None, "gzip"])
def test_a_body_is_limited_in_size(encoding: str | None) -> None:
    def sent(text: bytes) -> bytes:
        return text if encoding is None else gzip.compress(text, 1)

    half = bytes(LARGEST_BODY // 2)
    assert len(fed(encoding, sent(half), sent(half))) == LARGEST_BODY
    with pytest.raises(BodyError, match="larger than 32 MiB") as caught:
        fed(encoding, sent(half), sent(half), sent(b"."))
    assert caught.value.may_pass is False


def test_what_decompresses_to_far_more_is_never_held_whole() -> None:
    bomb = gzip.compress(bytes(8 * LARGEST_BODY), 1)
    tracemalloc.start()
    try:
        with pytest.raises(BodyError, match="larger than 32 MiB"):
            Body("gzip").feed(bomb)
        assert tracemalloc.get_traced_memory()[1] < 4 * LARGEST_BODY
    finally:
        tracemalloc.stop()
