from .api import (
    Embedding as Embedding,
)
from .api import (
    align as align,
)
from .api import (
    edit as edit,
)
from .api import (
    embed as embed,
)
from .api import (
    evaluate as evaluate,
)
from .api import (
    load as load,
)
from .api import (
    look as look,
)
from .api import (
    prepare as prepare,
)
from .api import (
    restore as restore,
)
from .api import (
    save as save,
)
from .api import (
    synthesize as synthesize,
)
from .api import (
    tuned as tuned,
)
from .core.interfaces import Generator as Generator
from .core.theta import FaceParams as FaceParams
from .editing.edit import Seen as Seen
from .editing.targets import Amount as Amount
from .io.codes import Codes as Codes
from .stack.assembly import Stack as Stack

__version__: str
