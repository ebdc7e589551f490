"""Whole systems in one thread, in virtual time, from one seed: the allocator as it runs in production, made to suffer.

    script    what happens: customers, agents, people, crashes, pauses, stores that fail      (from the seed)
    run       plays a script: 1 to 3 allocators and gateways over a network to three servers
    judge     the platform's record, the ledger and the logs against the invariants
    shrink    a failing script, made as short as it can be
    story     what happened, in lines that a person can read

What runs here is the production code of the round, the elector, the plan, the sweep (``allocator.app.Allocator``)
and of the gateway's group commit (``webhook_gateway.publisher.Publisher``). What is ours is everything around them:
the ports are those in memory (``support.memory``, held to the conformance suite), each behind a network that delays,
loses and cuts; processes that are killed run no ``finally``, processes that are paused stand still while the world
goes on.
"""
