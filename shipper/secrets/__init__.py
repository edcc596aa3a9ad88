"""What a secret looks like: the same for the record line and for the pipelines made from it."""
