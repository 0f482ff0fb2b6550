"""The grammar: lines and command lines → words, their meanings, their completions, and pasted text. Uses commands and everything before
it."""
