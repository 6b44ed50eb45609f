"""Jobs of every structure that Dagster has."""

import dagster as dg

once_more = dg.RetryPolicy(max_retries=1)
patiently = dg.RetryPolicy(
    max_retries=5, delay=1.5, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS
)


@dg.op(description="Gives one.")
def one() -> int:
    return 1


@dg.op(ins={"left": dg.In(int, description="What is added to.")})
def add(left: int, right: int = 10) -> int:
    """Add two numbers."""
    return left + right


@dg.op
def total(numbers: list[int]) -> int:
    return sum(numbers)


@dg.op(
    out={
        "even": dg.Out(int, is_required=False, description="Given when it is even."),
        "odd": dg.Out(int, is_required=False),
    }
)
def sort_out(number: int):
    yield dg.Output(number, "odd" if number % 2 else "even")


@dg.op(ins={"start": dg.In(dg.Nothing)}, out=dg.Out(dg.Nothing))
def wait(): ...


@dg.op(out=dg.DynamicOut(int))
def count(upto: int):
    for number in range(upto):
        yield dg.DynamicOutput(number, mapping_key=f"n{number}")


@dg.success_hook
def celebrate(_context): ...


@dg.failure_hook
def complain(_context): ...


# Three levels deep; the same op at each of them, under its own name and under others.


@dg.graph
def inner(number: int) -> int:
    return add.alias("innermost")(add(number))


@dg.graph(out={"first": dg.GraphOut(), "second": dg.GraphOut()})
def middle(number: int):
    return {"first": inner(number), "second": inner.alias("inner_again")(one())}


@dg.graph(description="Holds the others.")
def outer(number: int) -> int:
    both = middle(number)
    return add(both.first, both.second)


@dg.job(executor_def=dg.in_process_executor, description="Graphs in graphs in graphs.")
def deep():
    add(outer(one()), outer.alias("outer_again")(one.alias("another_one")()))


@dg.graph
def box():
    """Without inputs and outputs."""
    add(one())
    one.alias("apart")()


@dg.job(executor_def=dg.in_process_executor)
def boxed():
    box()


@dg.job(executor_def=dg.in_process_executor)
def fan_in():
    """One input of several outputs."""
    total([one.alias("first")(), one.alias("second")(), add(one())])


@dg.graph
def process(number: int) -> int:
    return add.alias("twice")(number, number)


@dg.job(executor_def=dg.in_process_executor)
def dynamic():
    numbers = count(one())
    mapped = numbers.map(process)
    total(mapped.map(add).collect())
    offset = one.alias("offset")()
    mapped.map(lambda each: add.alias("each")(each, offset))


@dg.job(executor_def=dg.in_process_executor)
def ordered():
    """Order without values."""
    first = wait.alias("first")()
    wait.alias("third")([first, wait.alias("second")(first)])


@dg.job(executor_def=dg.in_process_executor)
def branching():
    even, odd = sort_out(one())
    add.alias("if_even")(even)
    add.alias("if_odd")(odd)


@dg.graph
def from_outside(number: int) -> int:
    return add(number)


from_config = from_outside.to_job("from_config", executor_def=dg.in_process_executor)
from_values = from_outside.to_job(
    "from_values", executor_def=dg.in_process_executor, input_values={"number": 3}
)


@dg.op(retry_policy=patiently, tags={"weight": "7"}, pool="database")
def fragile(number: int) -> int:
    return number


@dg.job(
    executor_def=dg.in_process_executor,
    hooks={celebrate},
    op_retry_policy=once_more,
    tags={"team": "data", "nested": {"a": [1, 2]}},
    run_tags={"priority": "3"},
    metadata={"page": dg.MetadataValue.url("https://example.org/job")},
    owners=["team:data", "ada@example.com"],
    logger_defs={"plain": dg.colored_console_logger},
)
def decorated():
    """Everything that can be said about a job."""
    number = one.with_hooks({complain}).tag({"place": "here"})()
    fragile.alias("fragile_too").with_retry_policy(once_more)(fragile(number))


@dg.job(executor_def=dg.multiprocess_executor.configured({"max_concurrent": 2}))
def in_processes():
    one()


@dg.job
def with_the_default_executor():
    one()


defs = dg.Definitions(
    jobs=[
        *(deep, boxed, fan_in, dynamic, ordered, branching),
        *(from_config, from_values, decorated, in_processes, with_the_default_executor),
    ]
)
