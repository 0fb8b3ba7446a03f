"""Process plumbing that askmesh's four services share. No domain types, wire schemas or prompts live here."""
