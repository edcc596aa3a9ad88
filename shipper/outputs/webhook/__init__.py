"""Alerts to an HTTP server: a hook of a chat, a pager, or a program of your own."""
