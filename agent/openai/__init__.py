"""The engine that a language model drives, through any endpoint that speaks OpenAI's protocols."""
