"""The pods of a node, as the API server of Kubernetes describes them."""
