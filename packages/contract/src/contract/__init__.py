"""What the gateway and the allocator agree on: events, their wire form, Redis key names."""
