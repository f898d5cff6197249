"""Chart and library to findings: two engines, one verdict."""
