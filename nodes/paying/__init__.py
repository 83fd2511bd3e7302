"""What paying nodes share: their inputs, buying, the report."""
