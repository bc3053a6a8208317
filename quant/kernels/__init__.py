"""Faster ways to the same answer: each is tested against the readable definition it replaces."""
