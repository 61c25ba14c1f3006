"""What was asked: text → tree → SQL, predicate or sentence."""

from apps.query.outcomes import Outcome
from apps.query.parse import QueryError, clause, parse
from apps.query.query import Clause, Condition, Query

__all__ = ["Clause", "Condition", "Outcome", "Query", "QueryError", "clause", "parse"]
