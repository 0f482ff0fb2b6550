"""What makes an index of specs: reads the TOML, checks every rule, and keeps what a checkout made. Nothing of it runs in a wheel, unless
`--specs` names specs of one's own. Uses catalog."""
