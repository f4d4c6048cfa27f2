"""Ctrl-C waits for the end of what it must not break off."""

from __future__ import annotations

import signal
import threading

import pytest

from stack.interrupts import interrupts_wait


def test_ctrl_c_comes_at_the_end() -> None:
    done = []

    def interrupted() -> None:
        with interrupts_wait():
            signal.raise_signal(signal.SIGINT)
            done.append("the whole of it")

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert done
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_without_ctrl_c_nothing_happens_and_an_error_goes_through() -> None:
    with interrupts_wait():
        pass
    with pytest.raises(ValueError, match="ours"), interrupts_wait():
        raise ValueError("ours")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_another_thread_may_use_it() -> None:
    done = []

    def work() -> None:
        with interrupts_wait():
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(10)
    assert done == [True]
