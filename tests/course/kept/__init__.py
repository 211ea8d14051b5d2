"""What left the pages, runnable, until a page of its own deals with it."""
