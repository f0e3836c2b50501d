"""What one lesson alone uses. A helper is born here, and moves to a shared room when a second lesson imports it."""
