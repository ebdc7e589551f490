"""A stand-in for Qiscus Omnichannel, with faults on demand and the record of truth."""
