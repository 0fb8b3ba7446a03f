"""Conversations: what was asked and answered, kept so that a follow-up is understood."""
