"""The operations over HTTP, for programs on this host or, with TLS, on others.

`access` decides who may do what, `schema` describes it as OpenAPI, `app` answers, `serve` listens.
"""
