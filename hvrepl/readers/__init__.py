"""What people paste or hand over → numbers, bytes, leaves, lines. Knows no layout: what it reads means nothing yet. Uses catalog."""
