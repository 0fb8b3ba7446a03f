"""Clients of the other three services, whose failures they translate into PeerUnavailable and PeerError."""
