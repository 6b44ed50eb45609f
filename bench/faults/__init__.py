"""What users see of three code servers when user code misbehaves."""
