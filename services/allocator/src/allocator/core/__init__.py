"""What is decided, as values and pure functions: no input or output, no clock, no log. Time is an argument."""
