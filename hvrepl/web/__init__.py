"""The page: the catalogue to read in a browser, as files of a static site or served on this machine. Uses script and what is left of it;
knows no shell and no command line."""
