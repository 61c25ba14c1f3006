"""What was asked: text → tree → SQL, predicate or sentence."""

from apps.query.freetext import literal
from apps.query.outcomes import Outcome
from apps.query.parse import QueryError, clause, parse
from apps.query.query import Clause, Condition, Query
from apps.query.terms import display_name
from apps.query.values import Value

__all__ = [
    "Clause",
    "Condition",
    "Outcome",
    "Query",
    "QueryError",
    "Value",
    "clause",
    "display_name",
    "literal",
    "parse",
]
