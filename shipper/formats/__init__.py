"""Lines in the formats of other systems: each a pure function, its fields in `formats.yml`."""
