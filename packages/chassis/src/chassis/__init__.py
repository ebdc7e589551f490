"""What every process of Antre stands on: settings from the environment, logs, metrics and health,
and whether its stores keep what they acknowledged.

Knows nothing of customers, agents or Qiscus.
"""
