"""If setup cannot continue, it reports the cause and what to do."""

import ssl

import pytest
import trustme
from elasticsearch import Elasticsearch

from shipper.assets.install.elasticsearch import install_in_cluster, remove_from_cluster
from shipper.catalog import Scope, builtin
from shipper.errors import Refused, Unavailable
from tests.assets.answering import always, answering
from tests.real.processes import free_ports

REASON = {"type": "a_type", "reason": "outer", "caused_by": {"reason": "the true reason"}}


def client(url, **options):
    return Elasticsearch(url, max_retries=0, request_timeout=10, **options)


def set_up(url, **options):
    with client(url, **options) as elasticsearch:
        return list(install_in_cluster(elasticsearch, builtin(), Scope()))


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (401, Refused, "does not accept these credentials: check user or API key"),
        (403, Refused, "need the cluster privileges manage_index_templates, manage_ilm and"),
        (400, Refused, r"refused GET /_ingest/pipeline \(400: the true reason\)"),
        (429, Unavailable, r"cannot answer GET /_ingest/pipeline now \(429: the true reason\)"),
        (503, Unavailable, r"now \(503: the true reason\)"),
    ],
)
def test_an_error_has_the_servers_reason_and_what_to_do(status, kind, said):
    with (
        answering(always(status, error=REASON)) as url,
        pytest.raises(kind, match=said),
    ):
        set_up(url, basic_auth=("someone", "a-password"))


def test_a_password_is_in_no_message():
    with (
        answering(always(401, error=REASON)) as url,
        pytest.raises(Refused) as refused,
    ):
        set_up(url, basic_auth=("someone", "a-password"))
    assert "a-password" not in repr(refused.value)


def test_an_unreachable_server_is_unavailable():
    [port] = free_ports(1)
    with pytest.raises(Unavailable, match=r"cannot be reached .* check the host and its state"):
        set_up(f"http://127.0.0.1:{port}")


def test_a_certificate_that_is_not_trusted_is_refused():
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with (
        answering(always(200), context) as url,
        pytest.raises(Refused, match="certificate was not accepted"),
    ):
        set_up(url)


def test_a_removal_that_is_not_permitted_is_refused():
    with (
        answering(always(403, error=REASON)) as url,
        client(url) as elasticsearch,
        pytest.raises(Refused, match="GET /_index_template is not permitted"),
    ):
        list(remove_from_cluster(elasticsearch))
