"""Reports: which evidence a record holds for each framework, and how an outsider checks that."""
