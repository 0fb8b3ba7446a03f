"""askmesh's LLM service: text generation over OpenAI's chat API, by one of several engines."""

__version__ = "0.1.0"
