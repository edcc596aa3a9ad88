"""Installs the generated assets in Elasticsearch and Kibana."""
