"""One file per verb. A use case reads and writes through the ports and decides through the domain."""
