"""Alerts while events pass: the rows of `alerts.yml` over sliding windows, with bounded memory.

`reading` decodes of an event what rules ask for, `matching` evaluates a query, `windows` and
`firsts` remember, `engine` runs all rules, and `journal` keeps what they remember over a restart.
"""
