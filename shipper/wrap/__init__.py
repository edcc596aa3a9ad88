"""Records stdio servers without a change to them, by a process beside them."""
