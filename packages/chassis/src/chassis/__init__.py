"""What every process of Antre stands on: settings from the environment, logs, metrics and health.

Knows nothing of customers, agents or Qiscus.
"""
