"""Discord: `/ask` and mentions, answered by editing one message, with citations linked by code.

Read `frontend.py` first, then `client.py`, `answerer.py` and `live_message.py`.
"""
