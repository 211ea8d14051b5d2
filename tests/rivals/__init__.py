"""What a reader would use instead, rewritten here and compared at the same cost. Run by hand, not by the suite."""
