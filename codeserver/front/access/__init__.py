"""Who may call what: roles, tokens, certificates, and the rule of each listener."""
