"""The grammar: lines and command lines → words, which words mean what, what completes them, what a paste holds. Uses commands and what is
left of it."""
