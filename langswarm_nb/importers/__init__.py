"""Conversations from elsewhere; one module a format."""
