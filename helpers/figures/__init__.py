"""What the page shows: charts of what was measured, pictures of brokers and groups, the live dashboard."""
