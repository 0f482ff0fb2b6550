"""Makes an index from specs: reads the TOML, checks every rule, and caches the index of a checkout. A wheel does not need it, except for
`--specs` with your own specs. Uses catalog."""
