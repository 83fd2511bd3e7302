"""What must be paid: nothing lost, nothing paid twice."""
