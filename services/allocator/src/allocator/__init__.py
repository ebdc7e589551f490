"""Decides which agent takes the next customer, and sees to it that it happens."""
