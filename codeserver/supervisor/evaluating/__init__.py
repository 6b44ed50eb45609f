"""Answer requests with user code: the queue, the evaluators and the deadlines."""
