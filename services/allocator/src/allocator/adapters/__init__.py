"""The world, one module for each foreign technology, behind the ports."""
