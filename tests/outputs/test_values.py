"""Small values that outputs share: lines, secrets, and the table of outputs."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.lines import Lines
from shipper.outputs import OUTPUTS
from shipper.outputs.elasticsearch.config import ElasticsearchConfig
from shipper.outputs.secret import Secret

PIECES = st.lists(st.binary(max_size=9).filter(lambda piece: b"\n" not in piece), max_size=9)


@given(PIECES)
def test_lines_are_what_they_were_made_of(pieces):
    lines = Lines.of(pieces)
    assert list(lines) == pieces
    assert [lines[n] for n in range(len(lines))] == pieces
    assert lines.block == b"".join(piece + b"\n" for piece in pieces)


@given(PIECES, PIECES, st.data())
def test_lines_can_be_joined_and_cut(first, second, data):
    lines = Lines.joined([Lines.of(first), Lines.of(second)])
    pieces = first + second
    assert list(lines) == pieces
    stop = data.draw(st.integers(0, len(pieces)))
    start = data.draw(st.integers(0, stop))
    part = lines.part(start, stop)
    assert part == Lines.of(pieces[start:stop])


@given(st.lists(st.booleans(), min_size=1, max_size=4))
def test_lines_joined_are_usual_if_all_of_them_are(kinds):
    line = b'{"a":1}\n'
    lines = Lines.joined([Lines(line, (len(line) - 1,), is_usual) for is_usual in kinds])
    assert lines.is_usual == all(kinds)
    assert lines.part(0, 1).is_usual == all(kinds)


@given(PIECES)
def test_views_may_leave_out_the_beginning_and_take_the_newline_along(pieces):
    lines = Lines.of(b"{" + piece for piece in pieces)
    assert list(map(bytes, lines.views(skip=1, past=1))) == [piece + b"\n" for piece in pieces]


@pytest.mark.parametrize("show", [str, repr, "{}".format, "{!r}".format, lambda s: f"{[s]}"])
def test_a_secret_is_shown_by_reveal_alone(show):
    secret = Secret("geheim")
    assert secret.reveal() == "geheim"
    assert "geheim" not in show(secret)
    assert "geheim" not in show(ElasticsearchConfig(api_key=secret, password=secret))


@pytest.mark.parametrize("written", [msgspec.json.encode, msgspec.to_builtins])
def test_a_secret_is_written_by_nothing_that_knows_structs(written):
    with pytest.raises(TypeError):
        written({"key": Secret("geheim")})


#: The options that have no default.
REQUIRED = {"command": {"run": ("true",)}, "webhook": {"url": Secret("https://hook.example")}}


def test_every_output_can_be_made_from_its_defaults(tmp_path):
    for name, kind in OUTPUTS.items():
        options = REQUIRED.get(name, {}) | ({"path": str(tmp_path)} if name == "file" else {})
        config = kind.config(**options)
        assert config.bulk_max_size > 0
        kind.create(config).close()
