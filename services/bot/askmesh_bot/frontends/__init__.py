"""Where people talk to askmesh."""
