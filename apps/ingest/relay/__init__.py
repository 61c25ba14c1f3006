"""Relays: what another server has stored and still keeps, taken over once each."""
