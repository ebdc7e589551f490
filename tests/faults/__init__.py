"""The 45 faults that Antre survives: the catalogue, and the program that runs them (`python -m faults`)."""
