"""The loop: read, send, settle, commit."""
