"""Stdio servers that nobody changes: their bytes pass, and a process beside them records."""
