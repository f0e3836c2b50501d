"""What is counted and asked of the brokers: ledgers, samples, lag, who owns which partition. No figure."""
