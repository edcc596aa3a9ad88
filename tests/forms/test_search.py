"""Whether some bytes are in a block, and where."""

import pytest

from shipper.forms import search

HAYSTACKS = [
    b"",
    b'"mcp',
    b'"mcp.',
    b'x"mcp.y',
    b'\0"mcp.',
    b'"mc\0p.',
    b"a" * 100 + b'"mcp.',
    b"\xff",
]


@pytest.mark.parametrize("has_library", [True, False])
@pytest.mark.parametrize("data", HAYSTACKS)
@pytest.mark.parametrize("rare", [b'"mcp.', b"\xff", b"p."])
def test_it_finds_what_python_finds(monkeypatch, data, rare, has_library):
    if not has_library:
        monkeypatch.setattr(search, "_strstr", lambda: None)
    assert search.has(data, rare) == (rare in data)


@pytest.mark.parametrize("has_library", [True, False])
@pytest.mark.parametrize("data", [*HAYSTACKS, b'"mcp."mcp.', b'"mcp.\0"mcp.'])
@pytest.mark.parametrize("rare", [b'"mcp.', b"\xff", b"p."])
def test_it_finds_the_places_that_python_finds(monkeypatch, data, rare, has_library):
    if not has_library:
        monkeypatch.setattr(search, "_strstr", lambda: None)
    find = search.finder(data)
    for start in range(len(data) + 1):
        assert find(rare, start) == data.find(rare, start)
