"""Each command in its own file: a session and words → output. Does not know the lines of scripts, or terminals. Uses render and
everything before it."""
