"""Assets for Elasticsearch, Logstash and Kibana: generated, validated and installed."""
