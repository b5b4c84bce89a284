"""
MailerSend's HTTP API without I/O: what to request, how to read responses, when to wait, retry and give up.

Nothing here opens a socket, sleeps or reads a clock: the hooks do that, driven by :mod:`.flow`.
"""
