"""Writers of memory images as tests need them, one module for each format."""
