"""Work for a broker: loads in threads, workers to kill, members of a group and what became of their partitions."""
