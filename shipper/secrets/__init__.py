"""How secrets look: the same for the record, the processors and the generated pipelines."""
