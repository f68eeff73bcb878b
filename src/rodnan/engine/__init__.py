"""Under everything numeric: compiled kernels, batches, random streams, manifests."""
