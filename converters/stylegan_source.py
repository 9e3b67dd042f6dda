"""What a published file of StyleGAN says, before it is converted."""

from typing import Any, Generic, NamedTuple, TypeVar

from pie_jax.core.errors import PieError

Form = TypeVar("Form")


class Source(NamedTuple, Generic[Form]):
    """A file whose form has been recognised.

    Attributes:
        form: how the file spells the network.
        arrays: everything that the file holds for the generator, by its names.
        options: what the file says of how the network is built, by its names.
    """

    form: Form
    arrays: dict[str, Any]
    options: dict[str, Any]


def conditional(file: str, network: str) -> PieError:
    """The error that says that a network with class labels is not supported."""
    return PieError(
        f"{file} holds a conditional {network}: what it synthesises depends on a "
        "class label beside z. Only models without labels are supported."
    )
