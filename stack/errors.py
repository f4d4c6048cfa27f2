"""What callers of this package may have to show: ``StackError``, one line, no traceback needed."""


class StackError(Exception):
    """
    Something a person can put right: a port in use, a program missing, too small a RAM disk, no right to do
    it.
    """
