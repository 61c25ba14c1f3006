"""Reading as Prefect's clients read: its filters, its pages, its counts and its stream."""
