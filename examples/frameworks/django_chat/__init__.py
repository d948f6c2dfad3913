"""A Django project with Channels: settings, consumers, and asgi.py, where it is wrapped."""
