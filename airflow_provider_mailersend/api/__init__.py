"""
MailerSend's HTTP API without any I/O: what to ask, how to read the answers, when to wait and when to give up.

Nothing here opens a socket, sleeps or looks at a clock. The hooks do that, driven by :mod:`.flow`.
"""
