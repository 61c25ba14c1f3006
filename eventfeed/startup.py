"""What is said to the person who starts Eventfeed when it cannot start."""


class CannotStart(Exception):
    """A sentence that says what is wrong and what to do; shown without a traceback."""
