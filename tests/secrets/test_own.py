"""The operator's own kinds and names hold in the record, in `redact` and in the scripts."""

import hmac
import json

import pytest

from shipper.catalog import overlaid
from shipper.catalog.secrets import KINDS
from shipper.cli import main
from shipper.errors import CatalogError
from shipper.record.event import create_event
from shipper.secrets import masker as masker_module
from shipper.secrets.masker import masker
from shipper.secrets.own import declare, forget
from shipper.secrets.tables import is_plain
from tests.processors.chains import chain
from tests.record.recorder import Recorder

OWN = {
    "kinds": {"employee": {"literal": "EMP-", "pattern": "EMP-[0-9]{6}"}},
    "names": ["badge number"],
    "allowed": ["EMP-000000"],
}
ARGUMENTS = {"badgeNumber": "B-77", "note": "of EMP-123456, not EMP-000000; badge_number: B-78"}
MASKED = {
    "badgeNumber": "[SECRET]",
    "note": "of [EMPLOYEE], not EMP-000000; badge_number: [PASSWORD]",
}


@pytest.fixture(autouse=True)
def _only_builtin_afterwards():
    yield
    forget()


def test_the_handler_masks_own_kinds_and_names(tmp_path):
    recorder = Recorder(tmp_path, catalog={"secrets": OWN})
    document = recorder.log(
        create_event("mcp_tool_execution", {"tool_name": "t", "arguments": ARGUMENTS})
    )
    recorder.close()
    assert document["gen_ai"]["tool"]["call"]["arguments"] == MASKED
    assert document["mcp"]["redaction"]["types"] == ["employee", "password", "secret"]


def test_a_name_that_was_seen_before_is_masked_as_soon_as_it_is_declared(tmp_path):
    for catalog, expected in ({}, ARGUMENTS), ({"secrets": OWN}, MASKED):
        recorder = Recorder(tmp_path / str(len(catalog)), catalog=catalog)
        event = create_event("mcp_tool_execution", {"tool_name": "t", "arguments": ARGUMENTS})
        assert recorder.log(event)["gen_ai"]["tool"]["call"]["arguments"] == expected
        recorder.close()


def test_with_a_key_equal_secrets_have_equal_masks(tmp_path):
    key = tmp_path / "key"
    key.write_text("0123456789abcdef\n")
    recorder = Recorder(tmp_path / "a", catalog={"secrets": {"digest_key": str(key)}})
    arguments = {
        "password": "hunter2x",
        "note": "card 4111111111111111",
        "x": {"api_key": "hunter2x"},
    }
    event = create_event("mcp_tool_execution", {"tool_name": "t", "arguments": arguments})
    written = recorder.log(event)["gen_ai"]["tool"]["call"]["arguments"]
    recorder.close()
    digest = hmac.digest(b"0123456789abcdef", b"hunter2x", "sha256")[:8].hex()
    assert written["password"] == written["x"]["api_key"] == f"[SECRET#{digest}]"
    digest = hmac.digest(b"0123456789abcdef", b"4111111111111111", "sha256")[:8].hex()
    assert written["note"] == f"card [CARD#{digest}]"


def test_each_kind_is_masked_as_the_operator_decides(tmp_path):
    key = tmp_path / "key"
    key.write_text("0123456789abcdef")
    mask = {"card": "last4", "iban": "last4", "phone": "last4", "email": "token"}
    recorder = Recorder(tmp_path / "a", catalog={"secrets": {"digest_key": str(key), "mask": mask}})
    note = "4111 1111 1111 1111, DE89 3704 0044 0532 0130 00, +49 30 1234567, bob@example.com"
    arguments = {"note": note, "password": "hunter2x"}
    event = create_event("mcp_tool_execution", {"tool_name": "t", "arguments": arguments})
    written = recorder.log(event)["gen_ai"]["tool"]["call"]["arguments"]
    recorder.close()
    assert written["note"] == "[CARD*1111], [IBAN*3000], [PHONE*4567], [EMAIL]"
    assert written["password"].startswith("[SECRET#")


def test_the_end_of_a_number_is_shown_only_if_most_of_it_stays_hidden():
    declare(masks={"account": "last4"})
    mask = masker().mask
    assert mask("Kontonummer 2954100739", lambda *_: None) == "Kontonummer [ACCOUNT*0739]"
    assert mask("Kontonummer 29541007", lambda *_: None) == "Kontonummer [ACCOUNT]"


def test_a_mask_with_the_end_of_a_number_is_not_masked_again():
    declare(masks={"account": "last4", "card": "last4"})
    redact = chain("- redact:")
    given = {"message": "card: 4111111111111111; Kontonummer: 2954100739"}
    once = redact.apply(json.dumps(given).encode())
    assert b"[CARD*1111]" in once
    assert redact.apply(once) == once


def test_the_kinds_that_a_mask_can_be_decided_for_are_those_of_the_tables():
    groups = {kind.group for kind in masker_module.KINDS}
    assert groups <= set(KINDS)


def test_a_mask_with_a_digest_is_not_masked_again(tmp_path):
    key = tmp_path / "key"
    key.write_text("0123456789abcdef")
    declare(digest_key=str(key))
    redact = chain("- redact:")
    once = redact.apply(json.dumps({"message": "password=hunter2x; token: abc123def"}).encode())
    assert b"[PASSWORD#" in once
    assert redact.apply(once) == once


@pytest.mark.parametrize("pattern", ["EMP-[[:digit:]]{6}", "(?i)emp-[0-9]{6}", r"EMP-[0-9]{6}\z"])
def test_a_pattern_is_read_in_gos_syntax(pattern):
    declare([("employee", "EMP-", pattern)], allowed=["EMP-[[:digit:]]{5}0"])
    assert masker().mask("of EMP-123456", lambda *_: None) == "of [EMPLOYEE]"
    assert masker().mask("of EMP-123450", lambda *_: None) == "of EMP-123450"


def test_redact_masks_own_kinds_and_names():
    own = overlaid({"secrets": OWN}).secrets
    declare(own.rows(), own.names, own.allowed)
    assert json.loads(chain("- redact:").apply(json.dumps(ARGUMENTS).encode())) == MASKED


@pytest.mark.parametrize(
    ("own", "problem"),
    [
        ({"kinds": {"x": {"literal": "a", "pattern": "a"}}}, "at least 2 characters"),
        ({"kinds": {"X!": {"literal": "ab", "pattern": "ab"}}}, "not a valid name"),
        ({"kinds": {"x": {"literal": "ab", "pattern": "(ab+)+$"}}}, "repetition within"),
        ({"kinds": {"x": {"literal": "ab", "pattern": "("}}}, "missing"),
        ({"kinds": {"x": {"literal": "ab", "pattern": "(?:ab)?"}}}, "matches an empty text"),
        ({"kinds": {"x": {"literal": "ab"}}}, "pattern is required"),
        ({"names": ["--"]}, "not the name of a member"),
        ({"allowed": ["["]}, "unterminated"),
        ({"name": ["x"]}, "names"),
        ({"mask": {"password": "last4"}}, "last4 is for account, card, iban, phone only"),
        ({"mask": {"all": "last4"}}, "last4 is for"),
        ({"mask": {"email": "digest"}}, "set digest_key"),
        ({"mask": {"email": "stars"}}, "'stars' is none of token, digest, last4"),
        ({"mask": {"emails": "token"}}, "not a kind"),
        ({"digest_key": "/nowhere"}, "No such file"),
        ({"digest_key": __file__ + "/x"}, "Not a directory"),
    ],
)
def test_a_wrong_row_is_a_problem_of_the_catalog(own, problem):
    with pytest.raises(CatalogError, match=problem):
        overlaid({"secrets": own})


@pytest.fixture
def check(tmp_path, capsys):
    config = tmp_path / "c.yml"
    config.write_text(f"catalog: {json.dumps({'secrets': OWN})}\npath.data: {tmp_path}\n")

    def run(text, *options):
        file = tmp_path / "lines"
        file.write_text(text)
        assert main(["-c", str(config), "redact", str(file), *options]) == 0
        return capsys.readouterr().out.splitlines()

    return run


LINES = (
    '{"a": {"password": "hunter2x"}, "result": "hunter2x; mail bob@example.com"}\n'
    "text EMP-123456, card 4111 1111 1111 1111"
)


def test_redact_prints_each_line_masked(check):
    first, second = check(LINES)
    assert json.loads(first) == {"a": {"password": "[SECRET]"}, "result": "[SECRET]; mail [EMAIL]"}
    assert second == "text [EMPLOYEE], card [CARD]"


def test_redact_check_names_place_kind_and_reason_and_never_the_secret(check):
    output = check(LINES, "--check")
    assert output[:5] == [
        "line 1, a.password: secret, 8 characters: the name of the member",
        "line 1, result: email, 15 characters: the form of an address",
        "line 1, result: echo: it repeats a value masked by its name, or has one in JSON",
        "line 2: employee, 10 characters: employee (the operator)",
        "line 2: card, 19 characters: the check digit of a card",
    ]
    assert output[5] == "5 values masked in 2 lines"
    assert len(output) == 6 + 5  # a bar for each kind
    assert "hunter2" not in "".join(output)


def test_redact_check_prints_json_for_programs(check):
    first, *_ = map(json.loads, check(LINES, "--check", "--json"))
    assert first == {
        "line": 1,
        "path": "a.password",
        "kind": "secret",
        "why": "the name of the member",
        "characters": 8,
    }


def test_a_list_that_had_no_secret_is_searched_again_when_the_operator_adds_a_kind():
    items = ["employee", "number-1234567"]
    assert is_plain(items)
    assert is_plain(items)
    declare(rows=[("staff", "employeenumber", "employeenumber-[0-9]{7}")])
    assert not is_plain(items)


@pytest.mark.parametrize(("name", "why"), [("nothing", "No such file"), (".", "Is a directory")])
def test_redact_says_which_file_cannot_be_read(tmp_path, capsys, name, why):
    assert main(["redact", "--check", str(tmp_path / name)]) == 66
    assert why in capsys.readouterr().err
