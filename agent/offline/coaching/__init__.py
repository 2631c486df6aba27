"""Coaching without a model: the parts of a story, found and judged."""
