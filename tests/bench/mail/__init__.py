"""Mail delivered and read, beside Postfix and Dovecot; mail.py, beside this folder, runs it."""
