"""The honest world: apps, publishers, people, their addresses, journeys and events."""
