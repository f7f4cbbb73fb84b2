"""The operators of a `.pte` in the order in which the runtime runs them, read from the file."""

from dataclasses import dataclass

from workbench.private_names import XNNPACK_BACKEND, read_pte, xnnpack_nodes


@dataclass(frozen=True)
class PlannedOperator:
    """An operator in a delegate of XNNPACK.

    Attributes:
        kind: Its type in XNNPACK's graph, for example `XNNFullyConnected`.
        debug_handle: What links it to the lowered graph; None if lowering added it, for example to split a long
            concatenation.
    """

    kind: str
    debug_handle: int | None


@dataclass(frozen=True)
class Instruction:
    """An instruction of `forward` that runs a kernel or a delegate.

    Attributes:
        index: Its position among all instructions.
        backend: The backend of the delegate; "" for a kernel.
        operators: The operators in the delegate; None if the file does not list them, as for other backends.
    """

    index: int
    backend: str
    operators: tuple[PlannedOperator, ...] | None = None


def planned_instructions(pte: bytes) -> list[Instruction]:
    """Returns the instructions of `forward` that run a kernel or a delegate, in order."""
    program = read_pte(pte).program
    (plan,) = (plan for plan in program.execution_plan if plan.name == "forward")
    found = []
    for index, instruction in enumerate(plan.chains[0].instructions):
        arguments = instruction.instr_args
        if hasattr(arguments, "delegate_index"):
            delegate = plan.delegates[arguments.delegate_index]
            operators = None
            if delegate.id == XNNPACK_BACKEND:
                nodes = xnnpack_nodes(bytes(program.backend_delegate_data[delegate.processed.index].data))
                operators = tuple(PlannedOperator(kind, handle) for kind, handle in nodes)
            found.append(Instruction(index, delegate.id, operators))
        elif hasattr(arguments, "op_index"):
            found.append(Instruction(index, ""))
    return found
