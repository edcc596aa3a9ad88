"""Which files there are, whose position each has, and what comes next of them."""
