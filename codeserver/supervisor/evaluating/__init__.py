"""Answer requests with user code: who may, by which process, and until when."""
