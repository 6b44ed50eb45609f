"""Steps of Dagster's multiprocess executor, forked instead of started as new interpreters.

`forking` is how a run starts its steps, `template` the process that they are forked from, and
`step` the process of one step.
"""
