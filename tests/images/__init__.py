"""Writers of memory images for tests, one module per format."""
