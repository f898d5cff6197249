"""How fast the service is, beside a floor and a peer in the same run. `make bench` runs it."""
