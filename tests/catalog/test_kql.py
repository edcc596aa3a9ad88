"""Kibana's query language: printed trees are read back unchanged, and faults are located."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.catalog.kql import And, Exists, Match, Node, Not, Or, Range, Value, leaves, parse

SPECIAL = re.compile(r'[\\():<>"*{}]')
KEYWORD = re.compile(r"\b(and|or|not)\b", re.IGNORECASE)


def printed(node: Node) -> str:
    """A query that means the tree, with every part in parentheses."""
    match node:
        case And(parts):
            return " and ".join(f"({printed(part)})" for part in parts)
        case Or(parts):
            return " OR ".join(f"({printed(part)})" for part in parts)
        case Not(part):
            return f"not ({printed(part)})"
        case Match(path, value):
            return f"{path}: {spelled(value)}" if path else spelled(value)
        case Range(path, operator, bound):
            return f"{path} {operator} {spelled(Value((bound,), is_quoted=True))}"
        case Exists(path):
            return f"{path}:*" if path else "*"


def spelled(value):
    if value.is_quoted:
        [text] = value.texts
        return '"' + re.sub(r'[\\"]', r"\\\g<0>", text) + '"'
    return "*".join(map(plain, value.texts))


def plain(text):
    """Without quotes: signs by a backslash, keywords and outer spaces by their code points."""
    text = SPECIAL.sub(r"\\\g<0>", text)
    text = re.sub(r"\s", coded, text)
    return KEYWORD.sub(lambda found: coded(found) + found[0][1:], text)


def coded(found):
    return f"\\u{ord(found[0][0]):04x}"


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=9)
WORDS = st.sampled_from(["and", "or not", "a b", "10.0.0.1", "now-1d", "(x)", '"', "\\", "*", "{}"])
TEXTS = TEXT | WORDS
PATHS = st.from_regex(r"[a-z_]{1,5}(\.[a-z_]{1,5}){0,2}", fullmatch=True).filter(
    lambda path: path not in {"and", "or", "not"}
)
PLAIN = st.builds(lambda texts: Value(tuple(texts)), st.lists(TEXTS, min_size=1, max_size=3))
QUOTED = st.builds(lambda text: Value((text,), is_quoted=True), TEXTS | st.just(""))
LEAVES = st.one_of(
    st.builds(Match, PATHS | st.just(""), PLAIN | QUOTED),
    st.builds(Range, PATHS, st.sampled_from([">", ">=", "<", "<="]), TEXTS),
    st.builds(Exists, PATHS | st.just("")),
)


def joined(nodes):
    parts = st.lists(nodes, min_size=2, max_size=3).map(tuple)
    return st.builds(And, parts) | st.builds(Or, parts) | st.builds(Not, nodes)


TREES = st.recursive(LEAVES, joined, max_leaves=8)


@given(TREES)
def test_a_printed_tree_is_read_back_unchanged(tree):
    assert parse(printed(tree)) == tree


@given(st.text(st.sampled_from('ab:()<>=*"\\{} andornt'), max_size=20))
def test_any_text_is_a_tree_or_an_error_with_a_character_in_the_text(text):
    try:
        tree = parse(text)
    except ValueError as error:
        at = int(re.search(r"at character (\d+)", str(error))[1])
        assert 1 <= at <= len(text) + 1
    else:
        assert (tree is None) == (not text.strip())


@given(PATHS, st.lists(PLAIN | QUOTED, min_size=2, max_size=4))
def test_a_list_of_values_means_the_field_with_each_of_them(path, values):
    each = [f"{path}: {spelled(value)}" for value in values]
    listed = f"{path}: ({' or '.join(map(spelled, values))})"
    assert parse(listed) == parse(" or ".join(each))


def value(text):
    return Value((text,))


@pytest.mark.parametrize(
    ("query", "tree"),
    [
        ("", None),
        ("  ", None),
        ('a : "b c"', Match("a", Value(("b c",), is_quoted=True))),
        ("a:b  c ", Match("a", value("b  c"))),
        ("a: b*c*", Match("a", Value(("b", "c", "")))),
        ("a: **", Exists("a")),
        ('a: "*"', Match("a", Value(("*",), is_quoted=True))),
        (r"a: \*", Match("a", value("*"))),
        ("a.*: b", Match("a.*", value("b"))),
        ("*", Exists("")),
        ("free words", Match("", value("free words"))),
        ("a >= 2", Range("a", ">=", "2")),
        ("a: (not b)", Not(Match("a", value("b")))),
        ("a: * or b: * and c: *", Or((Exists("a"), And((Exists("b"), Exists("c")))))),
        ("NOT a: b AND c: d", And((Not(Match("a", value("b"))), Match("c", value("d"))))),
        ("a: android", Match("a", value("android"))),
        (r"a: \and b", Match("a", value("and b"))),
        (r'a: "\t\u0041\d"', Match("a", Value(("\tA\\d",), is_quoted=True))),
    ],
)
def test_a_query_is_read_as_kibana_reads_it(query, tree):
    assert parse(query) == tree


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("(a : b", "expected `)` at character 7"),
        ("a : b)", "expected `and`, `or` or the end at character 6"),
        ('"a" "b"', "expected `and`, `or` or the end at character 5"),
        ("and a : b", "expected a field or a value at character 1"),
        ('a : "b', 'found `"` without its end.* at character 5'),
        ("a > ", "expected a number or a date at character 4"),
        ("a > 1*", "a comparison takes no wildcard at character 5"),
        ("a : (b or)", "expected a value at character 10"),
        ("a : {b : c}", "at character 5"),
        (r"a : b\-c", "a character that needs no escape at character 6"),
        ("(" * 51 + "a" + ")" * 51, "more than 50 nested"),
        ("not " * 51 + "a", "more than 50 nested"),
    ],
)
def test_a_query_that_kibana_refuses_is_refused_with_the_character(query, said):
    with pytest.raises(ValueError, match=said.replace("(", r"\(").replace(")", r"\)")):
        parse(query)


def test_every_comparison_of_a_tree_is_found_in_order():
    tree = parse("a: (x or y) and not b >= 2 or c: *")
    assert [(type(one), one.path) for one in leaves(tree)] == [
        *((Match, "a"), (Match, "a"), (Range, "b"), (Exists, "c")),
    ]
