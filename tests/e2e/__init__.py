"""The ring of tests in a real cluster: `make e2e`."""
