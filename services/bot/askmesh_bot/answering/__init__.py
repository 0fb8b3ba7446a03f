"""The answering core: from a question to an answer whose citations were checked. Knows neither HTTP nor Discord."""
