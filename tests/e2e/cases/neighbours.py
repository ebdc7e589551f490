"""Two releases in one cluster, the living system without credentials, and the same by kustomize."""
