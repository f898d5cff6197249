"""Requests without identifiers, so that they can be shared."""
