"""A stand-in for Qiscus Omnichannel, with faults on demand and the record of truth.

What it is for: development, the demo and the fault tests. It answers the REST calls an allocation service makes, in
the recorded forms; lets customers arrive, write, be served and leave; sends both webhooks; goes wrong when asked to;
and writes down what really happened, so that a checker can judge an allocator without asking it.

It is independent of the services it judges: it imports nothing of them.
Does not promise: to be like the platform where nothing was recorded. Such guesses are marked "our guess".
"""

__version__ = "0.1.0"
