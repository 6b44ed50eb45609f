"""A component that makes a job of the name of a berry."""

import dagster as dg


class Picking(dg.Component, dg.Model, dg.Resolvable):
    berry: str

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        @dg.op(name=f"pick_{self.berry}")
        def pick(context: dg.OpExecutionContext) -> None:
            context.log.info(f"picked a {self.berry}")

        @dg.job(name=f"{self.berry}_job", executor_def=dg.in_process_executor)
        def picking_job() -> None:
            pick()

        return dg.Definitions(jobs=[picking_job])
