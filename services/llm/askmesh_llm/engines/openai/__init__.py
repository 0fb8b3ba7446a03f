"""The openai engine: any OpenAI-compatible server by URL (vLLM, Ollama, llama.cpp, a hosted model)."""
