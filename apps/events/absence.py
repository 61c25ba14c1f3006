"""One line in the log when the database goes away, and one when it is back."""

import logging
from dataclasses import dataclass


@dataclass
class Absence:
    """How a part of this process tells that it waits for the database, however often it tries."""

    part: str
    logger: logging.Logger
    lasts: bool = False

    def begin(self, error: BaseException) -> None:
        if not self.lasts:
            self.lasts = True
            self.logger.warning("%s waits for the database: %s", self.part, one_line(error))

    def end(self) -> None:
        if self.lasts:
            self.lasts = False
            self.logger.warning("%s goes on: the database is back.", self.part)


def one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
