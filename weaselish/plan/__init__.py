"""What must happen, in which order, and why. No I/O."""
