"""The five ways an event can turn out, said once at the door and stored as a number."""

from enum import IntEnum


class Outcome(IntEnum):
    FAILED = 1
    COMPLETED = 2
    RUNNING = 3
    WAITING = 4
    INFORMATION = 5

    @property
    def word(self) -> str:
        """The word that queries, rows and URLs use."""
        return self.name.lower()


OUTCOMES = {outcome.word: outcome for outcome in Outcome}
