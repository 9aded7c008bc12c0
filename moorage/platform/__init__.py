"""The embedded platform: what a newcomer and the tests get where nothing else is configured."""
