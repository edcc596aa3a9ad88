"""From the catalog: what Elasticsearch, Logstash and Kibana need, and the page of the events."""
