"""Evidence: what an auditor can check with tools of others."""
