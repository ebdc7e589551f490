"""The crash sweep: a process dies at the n-th step of its I/O, for n = 1, 2, 3 … until a story ends without a death.

steps      counts what a process does, and kills it
seams      the ports, each call of which counts
wrong      allocators that are wrong on purpose, to be caught
launch     a gateway, an allocator, a simulator with all that, in processes of their own
stage      one run's platform, gateway and allocators; whoever died is started again
story      what happens to them
sentence   how a run is judged
sweep      run after run
"""
