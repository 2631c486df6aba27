"""Grading without a model: what an answer says, held against a rubric or a reference."""
