"""What the leader does, round after round."""
