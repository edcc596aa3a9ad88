"""Which server a path belongs to, and where it is there."""

import pytest

from shipper.proxy.routes import Routes, route_of

SEVERAL = Routes(map(route_of, ("/a=https://one.example/mcp", "/a/b=http://two.example:8000/x/")))


@pytest.mark.parametrize(
    ("path", "host", "target"),
    [
        ("/a", "one.example", "/mcp"),
        ("/a?q=1", "one.example", "/mcp?q=1"),
        ("/a/", "one.example", "/mcp/"),
        ("/a/bc", "one.example", "/mcp/bc"),
        ("/a/b", "two.example", "/x"),
        ("/a/b/c", "two.example", "/x/c"),
        (
            "/.well-known/oauth-protected-resource/a",
            "one.example",
            "/.well-known/oauth-protected-resource/mcp",
        ),
        (
            "/.well-known/openid-configuration/a/b",
            "two.example",
            "/.well-known/openid-configuration/x",
        ),
    ],
)
def test_the_longest_prefix_decides(path, host, target):
    route, there = SEVERAL.find(path)
    assert (route.host, there) == (host, target)


@pytest.mark.parametrize("path", ["/", "/ab", "/A", "/.well-known/a", "/.well-known/x/ab", "a"])
def test_other_paths_belong_to_no_server(path):
    assert SEVERAL.find(path) is None


@pytest.mark.parametrize("path", ["/", "/mcp", "/messages/?session_id=1", "/.well-known/x", "/?q"])
def test_one_server_is_served_at_its_own_paths(path):
    _, there = Routes([route_of("https://one.example/mcp")]).find(path)
    assert there == path


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://a", "a"),
        ("http://a:80/x", "a"),
        ("https://a:80", "a:80"),
        ("http://[::1]:8000", "[::1]:8000"),
    ],
)
def test_the_host_is_the_servers(url, host):
    assert route_of(url).authority == host


@pytest.mark.parametrize(
    ("location", "seen"),
    [
        ("https://one.example/mcp/", "/a/"),
        ("https://one.example/mcp?x", "/a?x"),
        ("https://one.example/login", "/login"),
        ("/mcp/x", "/a/x"),
        ("next", "next"),
        ("//evil.example/mcp", "//evil.example/mcp"),
        ("https://one.example.evil/mcp", "https://one.example.evil/mcp"),
        ("http://one.example/mcp", "http://one.example/mcp"),
    ],
)
def test_a_redirection_to_the_server_is_one_to_the_proxy(location, seen):
    assert route_of("/a=https://one.example/mcp").location(location) == seen
