"""Networks: from images to raw maps of all tasks."""

from ctal.networks.affinity import CTAL
from ctal.networks.base import Network
from ctal.networks.ctal import CTALNet
from ctal.networks.encoders.encoder import Encoder
from ctal.networks.mti import MTINet
from ctal.networks.multi_scale_ctal import MultiScaleCTALNet
from ctal.networks.pad import PADNet
from ctal.networks.pap import PAPNet
from ctal.networks.predictions import Predictions
from ctal.networks.refinement import AffinityRefinement
from ctal.networks.resizing import SizedPart
from ctal.networks.serialization import build, completed, describe
from ctal.networks.shared_encoder import SharedEncoderNet
from ctal.networks.single_task import SingleTaskNet
from ctal.networks.transfer import initialize_from

__all__ = [
    "CTAL",
    "AffinityRefinement",
    "CTALNet",
    "Encoder",
    "MTINet",
    "MultiScaleCTALNet",
    "Network",
    "PADNet",
    "PAPNet",
    "Predictions",
    "SharedEncoderNet",
    "SingleTaskNet",
    "SizedPart",
    "build",
    "completed",
    "describe",
    "initialize_from",
]
