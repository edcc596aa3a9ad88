"""An event states what was cut of it: which member, where, and its size and digest."""

import hashlib

from shipper.record.event import create_event


def tool(arguments=None, result=None):
    payload = {"tool_name": "t", "arguments": arguments, "result": result}
    return create_event("mcp_tool_execution", payload)


def test_a_text_that_is_cut_is_listed_with_its_place_size_and_digest(recorder):
    long = "0123456789" * 500
    document = recorder.log(tool(arguments={"a": {"query": long}}, result=long))
    digest = hashlib.sha256(long.encode()).hexdigest()[:16]
    assert document["mcp"]["redaction"]["cuts"] == [
        f"gen_ai.tool.call.arguments.a.query: 1000 of 5000 characters, sha256 {digest}",
        f"mcp.tool.result.text: 1000 of 5000 characters, sha256 {digest}",
    ]


def test_a_text_with_too_many_names_of_secrets_is_listed_with_the_part_that_was_searched(recorder):
    names = "password=hunter22 " * 55
    texts = [f"{number} {names}"[:990] for number in range(20)]
    document = recorder.log(tool(arguments={"texts": texts}))
    cuts = document["mcp"]["redaction"]["cuts"]
    assert all(cut.endswith(" of 990 characters") for cut in cuts)
    assert "hunter" not in str(document)


def test_an_event_of_which_nothing_is_cut_has_no_such_list(recorder):
    document = recorder.log(tool(arguments={"password": "hunter22"}, result="bob@example.com"))
    assert "cuts" not in document["mcp"]["redaction"]
