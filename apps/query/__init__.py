"""What was asked: text → tree → SQL, predicate or sentence."""
