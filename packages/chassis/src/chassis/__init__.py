"""What every process of Antre stands on: settings, logs, metrics and health."""
