"""
Starts and stops the real servers of a pipeline on loopback: for the demo, the tests, the chaos runs and the
benchmarks.

    with Stack(Path("run/demo"), say=print) as stack:   # stack.whole
        ...                                             # stack.hospital, stack.receiver, stack.rabbitmq, ...

Every expected failure is a ``StackError`` with one line for a person (stack.errors). Nothing survives: a
child dies with the process that started it, and a guard (stack.guard) ends what a child left behind and gives
the RAM disk back.
"""
