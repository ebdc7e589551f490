"""What is left when it goes."""
