"""The public conformance kit: one set of bodies, run on the core, over HTTP, and on any cluster.

    python -m fakekube.testing --kubeconfig ~/.kube/config

prints the table. In a downstream project's tests, two lines (see `suite`):

    from fakekube.testing import CoreArm, suite
    test_conformance = suite(CoreArm.fresh)
"""

from fakekube.testing.arms import Arm as Arm
from fakekube.testing.arms import CoreArm as CoreArm
from fakekube.testing.http_arm import Access as Access
from fakekube.testing.http_arm import HttpArm as HttpArm
from fakekube.testing.http_arm import cluster_arm as cluster_arm
from fakekube.testing.http_arm import served_site as served_site
from fakekube.testing.kit import Body as Body
from fakekube.testing.kit import Outcome as Outcome
from fakekube.testing.kit import Result as Result
from fakekube.testing.kit import bodies as bodies
from fakekube.testing.kit import check as check
from fakekube.testing.kit import run_kit as run_kit
from fakekube.testing.reply import NotHere as NotHere
from fakekube.testing.reply import Unfaithful as Unfaithful
from fakekube.testing.suite import suite as suite
