"""What the specs say: read, checked, indexed and looked up. Standard library only."""
