"""Verification of documents that were read back from a real Elasticsearch."""

import json
import os
import random

import pytest
from elasticsearch import Elasticsearch

from shipper import create_tool_execution_event
from shipper.cli import main
from shipper.evidence.documents import Documents
from shipper.evidence.policy import Policy
from shipper.evidence.verdict import PROVEN, Word
from shipper.evidence.verify import Trust
from tests.evidence.signed_record import SignedRecord, later
from tests.integration.document_tampering import TAMPERINGS
from tests.integration.line import clear

INDEX = "logs-mcp.*"
#: `python -m tests.evidence` makes five hundred.
ROUNDS = int(os.environ.get("EVIDENCE_DOCUMENTS", "44"))


@pytest.fixture(scope="module")
def shipped(elasticsearch, tmp_path_factory):
    """A signed record of two streams and the shipper's own, as documents; and its policy."""
    clear(elasticsearch.url)
    record = SignedRecord(tmp_path_factory.mktemp("record"))
    record.write(12)
    values = {"ratio": 1.0, "small": 1e-7, "big": 1 << 60, "text": "é\u2028\x7f", "none": None}
    recorder = record.write(1, close=False)
    recorder.log(create_tool_execution_event("bob", "numbers", values, "ok", 12.5, cost=2.0))
    recorder.close()
    settings = {
        "path": {"home": str(record.home), "data": str(record.home / "data")},
        "inputs": [{"paths": [f"{record.audit}/*.jsonl"]}],
        "output": {"elasticsearch": {"hosts": [elasticsearch.url]}},
        "evidence": {"key": str(record.key)},
    }
    (record.home / "c.yml").write_text(json.dumps(settings), encoding="utf-8")
    (record.home / "policy").write_text(f"log {record.signer.public}\nquorum none\n")
    for command in (["setup", "--index-management", "--pipelines"], ["run", "--once"]):
        assert main(["-c", str(record.home / "c.yml"), *command]) == 0
    # A run ships what it recorded at its end with the next one.
    assert main(["-c", str(record.home / "c.yml"), "run", "--once"]) == 0
    with Elasticsearch(elasticsearch.url) as client:
        client.indices.refresh(index=INDEX)
        yield record, client
    clear(elasticsearch.url)


def data_stream_of(hit):
    return "-".join(hit["_index"].removeprefix(".ds-").split("-")[:-2])


def put_back(client, hit):
    """Restore a document that was deleted or changed; it may go to another backing index."""
    if client.exists(index=hit["_index"], id=hit["_id"]):
        client.update(index=hit["_index"], id=hit["_id"], doc=hit["_source"], refresh=True)
    else:
        where = data_stream_of(hit)
        client.create(index=where, id=hit["_id"], document=hit["_source"], refresh=True)


def verdicts(shipped, **more):
    record, client = shipped
    client.indices.refresh(index=INDEX)
    trust = Trust(policy=Policy(logs=[record.signer.public]), **more)
    return {one.stream: one for one in Documents(client, INDEX).verify(trust)}


def streams(record):
    return sorted({path.name[:29] for path in record.segments()})


def test_documents_after_the_ingest_pipelines_verify_by_the_notes_among_them(shipped):
    found = verdicts(shipped)
    assert {found[stream].word for stream in streams(shipped[0])} == {Word.INTACT_UNWITNESSED}


def test_the_command_verifies_the_cluster_of_the_configuration(shipped, capsys):
    record, _ = shipped
    words = ["-c", str(record.home / "c.yml"), "verify", "--elasticsearch"]
    main([*words, "--policy", str(record.home / "policy"), "--json"])
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    words = {one["stream"]: one["word"] for one in found}
    assert {words[stream] for stream in streams(record)} <= PROVEN


def reconciled(record, capsys, code):
    path = str(record.home / "c.yml")
    assert main(["-c", path, "reconcile", str(record.audit), "--json"]) == code
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return {one["stream"]: one for one in found}


def test_reconcile_finds_what_is_missing_different_or_there_twice(shipped, capsys):
    record, client = shipped
    capsys.readouterr()
    stream, *_ = streams(record)
    before = reconciled(record, capsys, 0)[stream]
    assert before["in_files"] == before["in_index"] > 10
    hits = list(Documents(client, INDEX).hits(stream))
    gone, changed, twice = hits[3], hits[5], hits[7]
    client.delete(index=gone["_index"], id=gone["_id"])
    other = {"event": {"hash": "0" * 64}}
    client.update(index=changed["_index"], id=changed["_id"], doc=other)
    client.create(index=data_stream_of(twice), id="copy", document=twice["_source"])
    client.indices.refresh(index=INDEX)
    found = reconciled(record, capsys, 65)[stream]
    assert (found["missing_ranges"], found["different"]) == ([[4, 4]], [6])
    assert (found["duplicates"], found["duplicated_in"]) == (1, [twice["_index"]])
    query = {"ids": {"values": ["copy"]}}
    client.delete_by_query(index=INDEX, query=query, refresh=True)
    for hit in (gone, changed):
        put_back(client, hit)
    reconciled(record, capsys, 0)
    assert recorded(record, "reconcile") == ["success", "failure", "success"]


def recorded(record, operation):
    """The outcomes of the operations of that name, in the shipper's own stream."""
    paths = sorted((record.home / "data" / "audit").glob("*.jsonl"))
    lines = [json.loads(line) for path in paths for line in path.read_bytes().splitlines()]
    found = [one for one in lines if one["event"]["action"] == f"audit-{operation}"]
    return [one["event"]["outcome"] for one in found]


def change(client, hits, made):
    """Put the documents of a tampering into the place of those that are there."""
    for at, document in made.items():
        if at < len(hits):
            client.delete(index=hits[at]["_index"], id=hits[at]["_id"])
        if document is not None:
            where = data_stream_of(hits[min(at, len(hits) - 1)])
            client.create(index=where, id=f"changed-{at}", document=document)
    client.indices.refresh(index=INDEX)


def restore(client, hits, made):
    """Undo `change`."""
    query = {"ids": {"values": [f"changed-{at}" for at in made]}}
    client.delete_by_query(index=INDEX, query=query, refresh=True)
    for at in made:
        if at < len(hits):
            where = data_stream_of(hits[at])
            client.create(index=where, id=hits[at]["_id"], document=hits[at]["_source"])
    client.indices.refresh(index=INDEX)


def test_random_tampering_with_documents_gets_its_word(shipped):
    record, client = shipped
    dice, wrong = random.Random(15), []
    stream, other = streams(record)[:2]
    others = [hit["_source"] for hit in Documents(client, INDEX).hits(other)]
    for number in range(ROUNDS):
        hits = list(Documents(client, INDEX).hits(stream))
        tampering = TAMPERINGS[number % len(TAMPERINGS)]
        made, words = tampering([hit["_source"] for hit in hits], others, dice)
        change(client, hits, made)
        verdict = verdicts(shipped)[stream]
        if verdict.word not in words:
            wrong.append((number, tampering.__name__, verdict))
        restore(client, hits, made)
    assert wrong == []
    assert verdicts(shipped, now_s=later(1e6))[stream].word is Word.INTACT_UNWITNESSED


def test_a_report_shows_the_retention_in_force_and_the_counts_of_the_cluster(shipped, capsys):
    record, client = shipped
    words = ["-c", str(record.home / "c.yml"), "report", str(record.audit), "--elasticsearch"]
    words += ["--framework", "sox", "--framework", "gdpr", "--json"]
    words += ["--evidence", str(record.home / "data" / "evidence")]
    words += ["--policy", str(record.home / "policy")]
    capsys.readouterr()
    assert main(words) == 0
    before = json.loads(capsys.readouterr().out)
    (tools,) = [one for one in before["retentions"] if one["event_type"] == "mcp_tool_execution"]
    assert (tools["configured_days"], tools["in_force_days"]) == (90, 90)
    assert tools["in_force"] == "policy logs-mcp.tools"
    calls = answer(before, "change")
    assert calls["population"]["in_index"] == calls["population"]["count"] == 14
    assert calls["support"] == "supported by evidence"
    policy = client.ilm.get_lifecycle(name="logs-mcp.tools")["logs-mcp.tools"]["policy"]
    short = json.loads(json.dumps(policy))
    short["phases"]["delete"]["min_age"] = "60d"
    client.ilm.put_lifecycle(name="logs-mcp.tools", policy=short)
    stream, *_ = streams(record)
    hit = list(Documents(client, INDEX).hits(stream))[3]
    client.delete(index=hit["_index"], id=hit["_id"], refresh=True)
    try:
        assert main(words) == 0
        after = json.loads(capsys.readouterr().out)
    finally:
        client.ilm.put_lifecycle(name="logs-mcp.tools", policy=policy)
        put_back(client, hit)
    assert any("is kept for 60 days" in gap for gap in after["gaps"])
    calls = answer(after, "change")
    assert calls["support"] == "partly"
    assert "the cluster has 13 of them" in calls["why"]


def answer(report, clause):
    sox = next(one for one in report["frameworks"] if one["name"] == "sox")
    return next(one for one in sox["answers"] if one["clause"] == clause)
