"""The forms of secrets, shared by the record, the processors and the generated pipelines."""
