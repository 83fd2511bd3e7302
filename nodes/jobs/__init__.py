"""What must be paid: runner, limiter, journal."""
