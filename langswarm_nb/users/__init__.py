"""What one user may see and do, and what several do together."""
