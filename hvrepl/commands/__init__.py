"""Each command in a file of its own: a session and words → output. Knows neither lines of scripts nor terminals. Uses render and what is
left of it."""
