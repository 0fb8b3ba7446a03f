"""The bot's own database: conversations, feedback, collections and the journal of learning."""
