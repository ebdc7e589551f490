"""An exhaustive search of all that may happen to a small, abstract model of our protocol.

Read in this order: ``world`` (what there is, and what the model takes for granted), ``protocol`` (the guards that
can be taken out), ``leading``, ``rounds``, ``calls``, ``events`` (the steps of an allocator), ``faults`` (what goes
wrong), ``properties`` (what must never be), ``variants`` (the table) and ``explore`` (the search, which knows
nothing of all that).
"""
